"""Meter readings of a session as charging periods: a new one at every moment at which the tariff has another price
(`mod_cdrs`, T-304, T-305), so that the CDR can be priced period by period and nothing is lost.

Between two readings energy is taken to flow evenly. Volumes have four decimals, as OCPI numbers have; energy is cut so
that the sums stay, and time so that it snaps back to the seconds of its period.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import partial
from itertools import pairwise

from backoffice.tariffs.rules.compiled import FLAT, MICROSECONDS, TIME, CompiledTariff
from backoffice.tariffs.rules.crossing import divide
from backoffice.tariffs.rules.exact import decimal
from backoffice.tariffs.rules.matching import instant
from backoffice.tariffs.rules.periods import read
from ocpi.wire.cdrs import CdrDimension, CdrDimensionType, ChargingPeriod
from ocpi.wire.tariffs import ReservationRestrictionType


class Activity(Enum):
    """What goes on from a reading to the next."""

    RESERVED = CdrDimensionType.RESERVATION_TIME
    CHARGING = CdrDimensionType.TIME
    PARKED = CdrDimensionType.PARKING_TIME


@dataclass(frozen=True, slots=True)
class MeterReading:
    """`kwh`: the meter. `activity`, `power` (kW), `current` (A, sum of the phases): from now to the next reading."""

    at: datetime
    kwh: Decimal
    activity: Activity = Activity.CHARGING
    power: Decimal | None = None
    current: Decimal | None = None


@dataclass(slots=True)
class _Part:
    start: datetime
    energy: Fraction
    """The meter at the start."""
    reading: MeterReading
    active: object


def split(tariff: CompiledTariff, readings: Sequence[MeterReading], zone: tzinfo) -> list[ChargingPeriod]:
    """The charging periods from the first reading to the last, which only ends the session. The readings are in order
    of time.
    """
    intervals = [_period(one, other) for one, other in pairwise(readings)]
    divisor, periods, _ = read(intervals, readings[-1].at, tariff.policy, tariff.energy_unit)
    begun = next((period.start for period in periods if period.reserved is None), periods[0].start)
    parts: list[_Part] = []
    for period, reading, following in zip(periods, readings, readings[1:], strict=False):
        assert period.end is not None
        reserved = reading.activity is Activity.RESERVED
        stretches = divide(
            tariff,
            period,
            periods[0].start if reserved else begun,
            divisor,
            zone,
            active=partial(_reservation if reserved else _charging, tariff),
        )
        flow = Fraction(following.kwh) - Fraction(reading.kwh)
        for stretch in stretches:
            start = period.start + int(stretch.start * (period.end - period.start))
            moment = instant(start - start % MICROSECONDS) if stretch.start else reading.at
            part = _Part(moment, Fraction(reading.kwh) + stretch.start * flow, reading, stretch.active)
            if not parts or not _goes_on(parts[-1], part):
                parts.append(part)
    return _written(tariff, parts, readings[-1])


def _period(one: MeterReading, other: MeterReading) -> ChargingPeriod:
    length = other.at - one.at
    hours = Decimal(length // timedelta(microseconds=1)) / Decimal(3600 * MICROSECONDS)
    found = [
        CdrDimension(type=one.activity.value, volume=hours),
        CdrDimension(type=CdrDimensionType.ENERGY, volume=other.kwh - one.kwh),
        *_momentary(one),
    ]
    return ChargingPeriod(start_date_time=one.at, dimensions=found)


def _momentary(reading: MeterReading) -> list[CdrDimension]:
    told = (
        (reading.power, CdrDimensionType.MIN_POWER, CdrDimensionType.MAX_POWER),
        (reading.current, CdrDimensionType.MIN_CURRENT, CdrDimensionType.MAX_CURRENT),
    )
    return [CdrDimension(type=kind, volume=value) for value, *kinds in told if value is not None for kind in kinds]


def _charging(tariff: CompiledTariff, mask: int) -> object:
    return tariff.winners(mask & tariff.charging)


def _reservation(tariff: CompiledTariff, mask: int) -> object:
    """What reserving costs, whatever will become of the reservation."""
    return tuple(
        tariff.first(kind, mask & tariff.reservations[reservation])
        for reservation in ReservationRestrictionType
        for kind in (FLAT, TIME)
    )


def _goes_on(before: _Part, part: _Part) -> bool:
    one, other = before.reading, part.reading
    same = (one.activity, one.power, one.current) == (other.activity, other.power, other.current)
    return same and before.active == part.active


def _written(tariff: CompiledTariff, parts: Sequence[_Part], last: MeterReading) -> list[ChargingPeriod]:
    ends = [*((part.start, part.energy) for part in parts[1:]), (last.at, Fraction(last.kwh))]
    periods = []
    for part, (end, energy) in zip(parts, ends, strict=True):
        length = Fraction((end - part.start) // timedelta(microseconds=1), 3600 * MICROSECONDS)
        charged = decimal(energy) - decimal(part.energy)
        dimensions = [CdrDimension(type=part.reading.activity.value, volume=decimal(length))]
        if charged or part.reading.activity is Activity.CHARGING:
            dimensions.append(CdrDimension(type=CdrDimensionType.ENERGY, volume=charged))
        dimensions += _momentary(part.reading)
        periods.append(ChargingPeriod(start_date_time=part.start, dimensions=dimensions, tariff_id=tariff.tariff.id))
    return periods
