"""Which sessions need a look: silent ones, those that never begin, those that no CDR follows.

For a session of ours the platform ends what will not end by itself; what a partner must do can only be shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ocpi.wire.sessions import SessionStatus

SILENT_AFTER = timedelta(minutes=15)
GIVEN_UP_AFTER = timedelta(hours=24)
"""A charge point of ours that tells nothing for so long is not going to."""

NEVER_STARTED_AFTER = timedelta(hours=1)
NO_CDR_AFTER = timedelta(hours=24)


class Finding(StrEnum):
    """What is wrong with a session. The last two are remedied at once."""

    SILENT = "SILENT"
    NEVER_STARTED = "NEVER_STARTED"
    NO_CDR = "NO_CDR"
    END_IT = "END_IT"
    INVALIDATE_IT = "INVALIDATE_IT"


@dataclass(frozen=True, slots=True)
class Watched:
    """A session as a sweep sees it."""

    ours: bool
    status: SessionStatus
    moved_at: datetime
    has_cdr: bool


def finding(session: Watched, now: datetime) -> Finding | None:
    """What a sweep finds. A reservation is silent by nature; it is looked at like one that waits to begin."""
    quiet = now - session.moved_at
    if session.status is SessionStatus.ACTIVE:
        if session.ours and quiet >= GIVEN_UP_AFTER:
            return Finding.END_IT
        return Finding.SILENT if quiet >= SILENT_AFTER else None
    if session.status is SessionStatus.PENDING and quiet >= NEVER_STARTED_AFTER:
        return Finding.INVALIDATE_IT if session.ours else Finding.NEVER_STARTED
    if session.status is SessionStatus.RESERVATION and quiet >= GIVEN_UP_AFTER:
        return Finding.NEVER_STARTED
    if session.status is SessionStatus.COMPLETED and not session.has_cdr:
        return Finding.NO_CDR if quiet >= NO_CDR_AFTER else None
    return None


SENTENCES = {
    Finding.SILENT: "Nothing was heard of it for 15 minutes.",
    Finding.NEVER_STARTED: "It was announced and never began.",
    Finding.NO_CDR: "It ended 24 hours ago and no CDR is known.",
    Finding.END_IT: "Its charge point told nothing for 24 hours: ended with the last reading.",
    Finding.INVALIDATE_IT: "It was pending for an hour and never began.",
}
