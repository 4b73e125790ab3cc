"""How the simulated charge points live while nobody charges there: which status follows which, and how often; and how much
each is in demand.

`PER_HOUR` is a table of rates, as in a Markov chain: the next change is drawn with the rates of all EVSEs as weights. The pace
of the whole is the simulator's; only the proportions are decided here. CHARGING and RESERVED are no part of it: an EVSE charges
when a charge runs on it, and is reserved when somebody has reserved it, and at no other time; one that is found so otherwise
becomes free again.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from ocpi.wire.locations import Status

S = Status
PER_HOUR: Mapping[Status, Mapping[Status, float]] = {
    S.AVAILABLE: {
        S.BLOCKED: 0.04,
        S.OUTOFORDER: 0.006,
        S.INOPERATIVE: 0.003,
        S.UNKNOWN: 0.002,
    },
    S.CHARGING: {S.AVAILABLE: 20.0},
    S.RESERVED: {S.AVAILABLE: 2.0},  # without a reservation: one that is kept for somebody is left alone
    S.BLOCKED: {S.AVAILABLE: 2.5},
    S.OUTOFORDER: {S.INOPERATIVE: 0.3, S.AVAILABLE: 0.3},
    S.INOPERATIVE: {S.AVAILABLE: 0.4},
    S.UNKNOWN: {S.AVAILABLE: 2.0, S.OUTOFORDER: 0.1},
    S.PLANNED: {},  # in the hands of staff
    S.REMOVED: {},
}
"""From a status to what may follow it: changes an hour."""

REASONS: Mapping[Status, tuple[str, ...]] = {
    S.OUTOFORDER: (
        "Ground fault detected",
        "Cable lock stuck",
        "Cooling failed",
        "Connector damaged",
        "Emergency stop pressed",
    ),
    S.INOPERATIVE: ("Technician on site", "Firmware update", "Grid operator limits the site"),
    S.BLOCKED: ("Parked by a vehicle that does not charge", "Vehicle still plugged in after charging"),
    S.UNKNOWN: ("No heartbeat",),
}

FAST = 100_000
"""W. From here on it is a hub: people stop to charge, and leave when done."""

HUB_DEMAND = (1, 1, 1, 1, 1, 2, 4, 7, 8, 5, 4, 5, 6, 5, 4, 6, 8, 9, 8, 6, 4, 3, 2, 1)
SLOW_DEMAND = (3, 2, 1, 1, 1, 1, 2, 3, 5, 5, 4, 4, 4, 4, 3, 3, 4, 6, 7, 7, 6, 5, 4, 3)
"""How much in demand a charge point is by the hour of its local day, from midnight on."""


@dataclass(frozen=True, slots=True)
class ChargePoint:
    """What the simulator knows of an EVSE. `max_power` in W."""

    evse_id: str
    status: Status
    time_zone: str
    max_power: int

    @property
    def fast(self) -> bool:
        return self.max_power >= FAST


def demand(point: ChargePoint, now: datetime) -> int:
    """How many drivers would like to come now, in proportion to other charge points."""
    hour = now.astimezone(ZoneInfo(point.time_zone)).hour
    return (HUB_DEMAND if point.fast else SLOW_DEMAND)[hour]


def rates(point: ChargePoint) -> dict[Status, float]:
    """What may become of it next, in changes an hour."""
    return dict(PER_HOUR[point.status])


def step(points: Sequence[ChargePoint], chance: random.Random) -> tuple[ChargePoint, Status, str] | None:
    """The next change: which charge point, what becomes of it, and why. None: nothing here ever changes."""
    changes = [(point, status, rate) for point in points for status, rate in rates(point).items()]
    if not changes:
        return None
    point, status, _ = chance.choices(changes, weights=[rate for _, _, rate in changes])[0]
    return point, status, chance.choice(REASONS.get(status, ("",)))


def place(points: Sequence[ChargePoint], now: datetime, chance: random.Random) -> ChargePoint | None:
    """Where the next driver goes: to a free charge point, more likely to one in demand. None: nothing is free."""
    free = [point for point in points if point.status is S.AVAILABLE]
    return chance.choices(free, weights=[demand(point, now) for point in free])[0] if free else None
