"""Rows of this room, by topic. What an app above needs is here by name."""

from backoffice.payments.models.advices import Advice as Advice
from backoffice.payments.models.advices import QuarantinedAdvice as QuarantinedAdvice
from backoffice.payments.models.terminals import Activation as Activation
from backoffice.payments.models.terminals import Terminal as Terminal
from backoffice.payments.models.terminals import TerminalEvent as TerminalEvent
