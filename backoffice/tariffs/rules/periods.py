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

_ENERGY = CdrDimensionType.ENERGY
_TIME = CdrDimensionType.TIME
_PARKING_TIME = CdrDimensionType.PARKING_TIME
_RESERVATION_TIME = CdrDimensionType.RESERVATION_TIME
_RESERVATION_EXPIRES = CdrDimensionType.RESERVATION_EXPIRES
_RESERVATION_OVERTIME = CdrDimensionType.RESERVATION_OVERTIME
_VOLUMES = frozenset({_ENERGY, _TIME, _PARKING_TIME, _RESERVATION_TIME, _RESERVATION_EXPIRES, _RESERVATION_OVERTIME})


class Period:
    """One charging period. `start`, `end`: microseconds since 1970 (`end` None: unknown); the volumes are parts, None
    where the dimension is missing; `before`: the energy charged before it.
    """

    __slots__ = (
        "before",
        "charging",
        "end",
        "energy",
        "expired",
        "momentary",
        "overtime",
        "parking",
        "reserved",
        "source",
        "start",
        "tariff_id",
        "time",
    )

    def __init__(self, source: ChargingPeriod, start: int) -> None:
        self.source = source
        self.start = start
        self.end: int | None = None
        self.energy: int | None = None
        self.time: int | None = None
        self.parking: int | None = None
        self.reserved: int | None = None
        self.expired: int | None = None
        self.overtime: int | None = None
        self.momentary: dict[str, Decimal] | None = None
        self.before = 0
        self.charging = False
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
    volumes: list[tuple[Period, CdrDimensionType, int, int]] = []
    periods: list[Period] = []
    for source in charging_periods:
        start = microseconds(source.start_date_time)
        if start % MICROSECONDS:
            divisors.add(HOUR)
        period = Period(source, start)
        periods.append(period)
        for dimension in source.dimensions:
            kind = dimension.type
            if kind in _VOLUMES:
                top, bottom = dimension.volume.as_integer_ratio()
                divisors.add(bottom)
                volumes.append((period, kind, top, bottom))
            else:
                if period.momentary is None:
                    period.momentary = {}
                period.momentary[kind] = dimension.volume
    last = microseconds(end) if end is not None else None
    if last is not None and last % MICROSECONDS:
        divisors.add(HOUR)
    ordered = all(one.start <= other.start for one, other in pairwise(periods))
    if not ordered:
        periods.sort(key=_start)
    divisor = lcm(*divisors)
    for index in range(1, len(periods)):
        periods[index - 1].end = periods[index].start
    if periods:
        periods[-1].end = last
    for period, kind, top, bottom in volumes:
        volume = top * (divisor // bottom)
        if kind == _ENERGY:
            period.energy = volume + (period.energy or 0)
            continue
        if policy.snap_hours and volume and period.end is not None:
            elapsed = (period.end - period.start) * divisor // HOUR
            if abs(volume - elapsed) * SNAP <= divisor:
                volume = elapsed
        if kind == _TIME:
            period.time = volume + (period.time or 0)
        elif kind == _PARKING_TIME:
            period.parking = volume + (period.parking or 0)
        elif kind == _RESERVATION_TIME:
            period.reserved = volume + (period.reserved or 0)
        elif kind == _RESERVATION_EXPIRES:
            period.expired = volume + (period.expired or 0)
        else:
            period.overtime = volume + (period.overtime or 0)
    _accumulate(periods)
    return divisor, periods, ordered


def _start(period: Period) -> int:
    return period.start


def _accumulate(periods: Sequence[Period]) -> None:
    """A period without any reserved time is one of charging; beside reserved time, only what was used counts."""
    reserved = any(period.reserved or period.expired for period in periods)
    before = 0
    for period in periods:
        period.before = before
        if period.energy is not None:
            before += period.energy
        period.charging = not reserved or bool(period.energy or period.time or period.parking)
