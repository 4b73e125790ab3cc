"""How the simulated charge points live, without database or clock: which status follows which, and how often.

`PER_HOUR` is a table of rates, as in a Markov chain: the next change is drawn with the rates of all EVSEs as weights, so a
charge point that is in demand changes more often than one that is not. The pace of the whole is the simulator's; only the
proportions are decided here.
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
        S.CHARGING: 1.0,
        S.RESERVED: 0.10,
        S.BLOCKED: 0.04,
        S.OUTOFORDER: 0.006,
        S.INOPERATIVE: 0.003,
        S.UNKNOWN: 0.002,
    },
    S.CHARGING: {S.AVAILABLE: 0.8, S.BLOCKED: 0.05, S.OUTOFORDER: 0.004},
    S.RESERVED: {S.CHARGING: 2.0, S.AVAILABLE: 0.4},
    S.BLOCKED: {S.AVAILABLE: 1.5},
    S.OUTOFORDER: {S.INOPERATIVE: 0.15, S.AVAILABLE: 0.15},
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

FAST_STAY = 4.0
"""How many times sooner a vehicle leaves a fast charger."""


@dataclass(frozen=True, slots=True)
class ChargePoint:
    """What the simulator knows of an EVSE. `max_power` in W."""

    evse_id: str
    status: Status
    time_zone: str
    max_power: int
    reservable: bool

    @property
    def fast(self) -> bool:
        return self.max_power >= FAST


def rates(point: ChargePoint, now: datetime) -> dict[Status, float]:
    """What may become of it next, in changes an hour."""
    hour = now.astimezone(ZoneInfo(point.time_zone)).hour
    demand = (HUB_DEMAND if point.fast else SLOW_DEMAND)[hour] / 4
    found = dict(PER_HOUR[point.status])
    if not point.reservable:
        found.pop(S.RESERVED, None)
    if point.status is S.AVAILABLE:
        found[S.CHARGING] *= demand
    if point.status is S.CHARGING and point.fast:
        found[S.AVAILABLE] *= FAST_STAY
    return found


def step(points: Sequence[ChargePoint], now: datetime, chance: random.Random) -> tuple[ChargePoint, Status, str] | None:
    """The next change: which charge point, what becomes of it, and why. None: nothing here ever changes."""
    changes = [(point, status, rate) for point in points for status, rate in rates(point, now).items()]
    if not changes:
        return None
    point, status, _ = chance.choices(changes, weights=[rate for _, _, rate in changes])[0]
    return point, status, chance.choice(REASONS.get(status, ("",)))
