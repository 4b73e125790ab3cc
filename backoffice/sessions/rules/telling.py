"""What an eMSP's own app is told of a charge, and when. No database."""

from __future__ import annotations

from enum import StrEnum

from ocpi.wire.sessions import SessionStatus

CHARGES = frozenset({SessionStatus.PENDING, SessionStatus.ACTIVE})
OVER = frozenset({SessionStatus.COMPLETED, SessionStatus.INVALID})


class ChargeEvent(StrEnum):
    """A reservation becomes a charge when somebody comes: until then it is only updated."""

    STARTED = "charge.started"
    UPDATED = "charge.updated"
    ENDED = "charge.ended"


def event_of(before: str | None, now: str) -> ChargeEvent:
    """`before` None: nobody has heard of it yet. One that is first heard of at its end has only ended."""
    was, status = SessionStatus(before) if before else None, SessionStatus(now)
    if status in OVER and was not in OVER:
        return ChargeEvent.ENDED
    if status in CHARGES and (was is None or was is SessionStatus.RESERVATION):
        return ChargeEvent.STARTED
    return ChargeEvent.UPDATED
