"""Puts the log behind every door and every outgoing call."""

from backoffice import statements
from backoffice.delivery.actions.recording import record
from backoffice.roaming_site import site

site.record = record
site.transaction = statements.transaction
