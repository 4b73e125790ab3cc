"""What drivers and staff of the demo want from afar, and how often: a charge started by an app, a charger reserved, a cable let
go, a car slowed down. Which of it is possible now is told; here only chance decides.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from enum import Enum
from typing import Any

from ocpi.wire.commands import CommandType


class Deed(Enum):
    """A wish. ASTRAY: a start where somebody else charges, or where nothing works: drivers do not read the map."""

    START = CommandType.START_SESSION.value
    ASTRAY = "ASTRAY"
    STOP = CommandType.STOP_SESSION.value
    RESERVE = CommandType.RESERVE_NOW.value
    CANCEL = CommandType.CANCEL_RESERVATION.value
    UNLOCK = CommandType.UNLOCK_CONNECTOR.value
    SLOW_DOWN = "SLOW_DOWN"
    SPEED_UP = "SPEED_UP"
    ASK_ACTIVE = "ASK_ACTIVE"


WEIGHTS = {
    Deed.START: 9,
    Deed.ASTRAY: 2,
    Deed.STOP: 5,
    Deed.RESERVE: 4,
    Deed.CANCEL: 3,
    Deed.UNLOCK: 1,
    Deed.SLOW_DOWN: 4,
    Deed.SPEED_UP: 2,
    Deed.ASK_ACTIVE: 2,
}

EVERY = 12.0
"""Seconds between two wishes on average."""

KEPT_MINUTES = (1, 2, 5)
"""How long a charger is reserved: short enough that one sees it expire."""


def draw(possible: Collection[Deed], chance: random.Random) -> Deed | None:
    """One of what is possible; None when nothing is."""
    deeds = [deed for deed in Deed if deed in possible]
    return chance.choices(deeds, [WEIGHTS[deed] for deed in deeds])[0] if deeds else None


def pause(every: float, chance: random.Random) -> float:
    """Seconds until the next wish."""
    return chance.uniform(0.3, 1.7) * every


def slower(most_amperes: float, chance: random.Random) -> dict[str, Any]:
    """A ChargingProfile that holds a car to less for a while, and then lets it go."""
    part = chance.choice((0.25, 0.5, 0.75))
    limit = max(round(most_amperes * part), 6)
    return {
        "charging_rate_unit": "A",
        "charging_profile_period": [{"start_period": 0, "limit": limit}, {"start_period": 180, "limit": most_amperes}],
    }
