"""Charging periods as the engine reads them: integers, every volume over one divisor, time in microseconds.

`divisor` is the number of parts into which an hour and a kWh are divided, so that each volume, a second and a Wh are
whole numbers of parts.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from math import lcm

from backoffice.tariffs.rules.compiled import MICROSECONDS
from backoffice.tariffs.rules.policy import Policy
from ocpi.wire.cdrs import CdrDimensionType, ChargingPeriod

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PARTS = 90_000
"""Holds seconds, Wh and four decimals of an hour or a kWh."""
HOUR = 3600 * MICROSECONDS
SNAP = 2000
"""1.8 s as a part of an hour: what four decimals of an hour can be off, and a little more."""

_VOLUMES = {
    CdrDimensionType.ENERGY: "energy",
    CdrDimensionType.TIME: "time",
    CdrDimensionType.PARKING_TIME: "parking",
    CdrDimensionType.RESERVATION_TIME: "reserved",
    CdrDimensionType.RESERVATION_EXPIRES: "expired",
    CdrDimensionType.RESERVATION_OVERTIME: "overtime",
}
"""The dimensions that are volumes, and where a `Period` holds them."""


class Period:
    """One charging period. `start`, `end`: microseconds since 1970 (`end` None: unknown); the volumes are parts, None
    where the dimension is missing; `before`: the energy charged before it; `local`, `local_end`: wall-clock seconds
    since 1970, set where a tariff asks for them.
    """

    end: int | None = None
    energy: int | None = None
    time: int | None = None
    parking: int | None = None
    reserved: int | None = None
    expired: int | None = None
    overtime: int | None = None
    momentary: dict[str, Decimal] | None = None
    before = 0
    charging = False
    local = 0
    local_end = 0

    def __init__(self, source: ChargingPeriod, start: int) -> None:
        self.source = source
        self.start = start
        self.tariff_id = source.tariff_id


def microseconds(moment: datetime) -> int:
    """Since 1970."""
    past = moment - EPOCH
    return (past.days * 86_400 + past.seconds) * MICROSECONDS + past.microseconds


def read(
    charging_periods: Sequence[ChargingPeriod], end: datetime | None, policy: Policy, *scales: int
) -> tuple[int, list[Period], bool]:
    """The divisor, the periods in order of time, and whether they came in order. `scales`: the divisor is a multiple of
    each.
    """
    divisors = {_PARTS, *scales}
    volumes: list[tuple[Period, str, int, int]] = []
    periods: list[Period] = []
    ordered, previous = True, None
    for source in charging_periods:
        start = microseconds(source.start_date_time)
        if start % MICROSECONDS:
            divisors.add(HOUR)
        period = Period(source, start)
        periods.append(period)
        if previous is not None:
            previous.end = start
            ordered = ordered and previous.start <= start
        previous = period
        for dimension in source.dimensions:
            kind = dimension.type
            name = _VOLUMES.get(kind)
            if name is not None:
                top, bottom = dimension.volume.as_integer_ratio()
                divisors.add(bottom)
                volumes.append((period, name, top, bottom))
            elif period.momentary is None:
                period.momentary = {kind: dimension.volume}
            else:
                period.momentary[kind] = dimension.volume
    last = microseconds(end) if end is not None else None
    if last is not None and last % MICROSECONDS:
        divisors.add(HOUR)
    if not ordered:
        periods.sort(key=_start)
        for one, other in pairwise(periods):
            one.end = other.start
    if periods:
        periods[-1].end = last
    divisor = lcm(*divisors)
    snap = divisor // SNAP if policy.snap_hours else -1
    for period, name, top, bottom in volumes:
        volume = top * (divisor // bottom)
        if name != "energy" and volume and period.end is not None:
            elapsed = (period.end - period.start) * divisor // HOUR
            if -snap <= volume - elapsed <= snap:
                volume = elapsed
        found = period.__dict__
        found[name] = found.get(name, 0) + volume
    _accumulate(periods)
    return divisor, periods, ordered


def _start(period: Period) -> int:
    return period.start


def _accumulate(periods: Sequence[Period]) -> None:
    """A period without any reserved time is one of charging; beside reserved time, only what was used counts. A reservation that
    did not last tells its time as nothing, and nothing of charging beside it."""
    reserved = any(period.reserved or period.expired for period in periods)
    if not reserved and all(period.energy is period.time is period.parking is None for period in periods):
        reserved = any(period.reserved is not None or period.expired is not None for period in periods)
    before = 0
    for period in periods:
        period.before = before
        if period.energy is not None:
            before += period.energy
        period.charging = not reserved or bool(period.energy or period.time or period.parking)
