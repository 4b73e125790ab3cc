"""The nightly look for what we miss: the CDRs of the last days from every partner that offers them.

Deltas follow each other by the time of their start, so a CDR that a partner made visible late, with an old `last_updated`, is in
none of them. What comes twice is stored once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from backoffice.delivery.actions import pulling
from backoffice.partners.models import Connection
from backoffice.partners.rules import ConnectionState

FAR = timedelta(days=7)


def fetch_missed(*, now: datetime) -> int:
    """Returns how many pulls were started; the workers run them."""
    started = 0
    offering = Connection.objects.filter(
        state=ConnectionState.ACTIVE, pull_enabled=True, endpoints__identifier="cdrs", endpoints__role="SENDER"
    )
    for connection in offering.distinct():
        try:
            pulling.start(connection, "cdrs", full=False, since=now - FAR, now=now)
        except pulling.UnableToPull:
            continue  # paused, or no endpoint any more, since the list was read
        started += 1
    return started
