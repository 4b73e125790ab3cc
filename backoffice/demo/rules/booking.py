"""Who books in the demo world, for when, and what becomes of it: most come, some change their mind, some never show up, some
stay too long.

Slots are short and soon, so that whoever watches for a quarter of an hour sees a booking from its request to its bill. Whether a
driver comes follows from the booking's own id: nothing is remembered.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from enum import Enum
from zlib import crc32


class Deed(Enum):
    """DECIDE: staff answer what waits for them. GIVE_UP: our own staff cancel a booking at our charger."""

    BOOK = "book"
    CHANGE = "change"
    CANCEL = "cancel"
    DECIDE = "decide"
    GIVE_UP = "give up"


WEIGHTS = {Deed.BOOK: 10, Deed.CHANGE: 2, Deed.CANCEL: 2, Deed.DECIDE: 6, Deed.GIVE_UP: 1}

EVERY = 20.0
"""Seconds between two deeds on average."""

STEP = timedelta(minutes=5)
LONGEST = timedelta(minutes=15)

TERMS = {
    "RFID_auth_required": False,
    "token_groups_supported": True,
    "remote_auth_supported": True,
    "supported_access_methods": ["TOKEN"],
    "change_until_minutes": 1,
    "cancel_until_minutes": 1,
    "early_start_allowed": True,
    "early_start_time": 2,
    "noshow_timeout": 3,
    "noshow_fee": True,
    "late_stop_allowed": True,
    "late_stop_time": 5,
    "overlapping_bookings_allowed": False,
}
"""Of every place of the demo."""


def draw(possible: Collection[Deed], chance: random.Random) -> Deed | None:
    """One of what is possible; None when nothing is."""
    deeds = [deed for deed in Deed if deed in possible]
    return chance.choices(deeds, [WEIGHTS[deed] for deed in deeds])[0] if deeds else None


def slot(now: datetime, chance: random.Random) -> tuple[datetime, datetime]:
    """Within the next quarter of an hour or two, on the step, five to fifteen minutes long."""
    first = now.astimezone(UTC).replace(second=0, microsecond=0)
    first += timedelta(minutes=2 + (-(first.minute + 2)) % 5)
    starts_at = first + STEP * chance.randint(0, 4)
    return starts_at, starts_at + STEP * chance.randint(1, LONGEST // STEP)


def comes(booking_id: str) -> timedelta | None:
    """How long after the start of the booking its driver comes; before it when negative, never where None."""
    drawn = crc32(booking_id.encode())
    if drawn % 6 == 0:
        return None
    return timedelta(seconds=drawn // 6 % 150 - 60)


def overstays(booking_id: str) -> timedelta | None:
    """How long after its end its driver leaves who stays too long; None: as soon as the car has what it needs."""
    drawn = crc32(b"stays " + booking_id.encode())
    return timedelta(seconds=60 + drawn // 5 % 180) if drawn % 5 == 0 else None


def says_yes(request: str) -> bool:
    """What staff decide who look at each request."""
    return crc32(request.encode()) % 4 != 0
