"""What becomes of an object that somebody tells us of: the one rule of time for everything that is exchanged.

Newest `last_updated` wins. Pure decisions; what is locked and written stays in `storing` and in the apps.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum


class Fate(StrEnum):
    """What became, or in a dry run would become, of one object."""

    NEW = "NEW"
    CHANGED = "CHANGED"
    SAME = "SAME"
    STALE = "STALE"
    REFUSED = "REFUSED"


def fate(*, stored_at: datetime | None, stored: str, told_at: datetime, told: str) -> Fate:
    """Newest wins; at equal times other content is accepted (the partner corrected itself within a second)."""
    if stored_at is None:
        return Fate.NEW
    if told_at < stored_at:
        return Fate.STALE
    return Fate.SAME if stored == told else Fate.CHANGED


AHEAD = timedelta(minutes=5)
"""How far a partner's clock may run before ours."""


def ordered_at(told: datetime, now: datetime) -> datetime:
    """The time by which an object is ordered: as told, but never of a future that clocks do not explain. A single slip of a
    year would otherwise freeze the object until then, for every honest change after it would be older."""
    return min(told, now + AHEAD)
