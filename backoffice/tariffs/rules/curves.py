"""How cars charge, and what a tariff costs along the way: the figures of the editor's chart.

A curve is a car with about 55 kWh to fill at a charge point of some power; when it is full it stands there. The session is
divided once, as a CDR would be (`split`), and priced as if it had ended at each moment that is asked about.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from backoffice.tariffs.rules.breakdown import CATEGORIES, Breakdown
from backoffice.tariffs.rules.compiled import CompiledTariff
from backoffice.tariffs.rules.exact import decimal
from backoffice.tariffs.rules.pricing import price
from backoffice.tariffs.rules.splitting import Activity, MeterReading, split
from ocpi.wire.cdrs import CdrDimension, CdrDimensionType, ChargingPeriod

AC_VOLTS, DC_VOLTS = 230, 400

IDLE = Decimal(0)


@dataclass(frozen=True, slots=True)
class Curve:
    """`legs`: minutes and kW, one after the other, until the car is full. `volts`: to tell the current."""

    key: str
    name: str
    volts: int
    legs: tuple[tuple[int, Decimal], ...]

    @property
    def power(self) -> Decimal:
        """kW at the beginning."""
        return self.legs[0][1]

    def readings(self, begins: datetime, *, idle: timedelta = timedelta()) -> list[MeterReading]:
        """The meter at every change of power, from the plug to the end of the idle time."""
        moment, meter, found = begins, Fraction(0), []
        for minutes, kw in self.legs:
            found.append(MeterReading(moment, decimal(meter), Activity.CHARGING, kw, current(kw, self.volts)))
            moment += timedelta(minutes=minutes)
            meter += Fraction(kw) * minutes / 60
        if idle:
            found.append(MeterReading(moment, decimal(meter), Activity.PARKED, IDLE, IDLE))
            moment += idle
        return [*found, MeterReading(moment, decimal(meter))]


def current(kw: Decimal, volts: int) -> Decimal:
    """A, the sum of the phases."""
    return decimal(Fraction(kw) * 1000 / volts, 1)


def _legs(*legs: tuple[int, str]) -> tuple[tuple[int, Decimal], ...]:
    return tuple((minutes, Decimal(kw)) for minutes, kw in legs)


CURVES = {
    curve.key: curve
    for curve in (
        Curve("ac11", "AC 11 kW", AC_VOLTS, _legs((270, "11"), (20, "7"), (20, "3.7"))),
        Curve("ac22", "AC 22 kW", AC_VOLTS, _legs((135, "22"), (15, "11"), (15, "5"))),
        Curve("dc50", "DC 50 kW", DC_VOLTS, _legs((48, "50"), (12, "35"), (12, "20"), (12, "10"))),
        Curve(
            "dc150", "DC 150 kW", DC_VOLTS, _legs((10, "150"), (6, "120"), (6, "80"), (6, "50"), (6, "25"), (6, "10"))
        ),
        Curve("dc300", "DC 300 kW", DC_VOLTS, _legs((5, "300"), (4, "210"), (4, "120"), (4, "60"), (4, "30"))),
    )
}
"""By key. The steps stand for the taper of a battery that fills up."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The session if it ended here: elapsed time, energy in kWh, amounts by category, total after limits."""

    elapsed: timedelta
    energy: Fraction
    charging: bool
    breakdown: Breakdown

    def amounts(self, *, with_taxes: bool) -> dict[str, Fraction]:
        costs = self.breakdown.costs
        return {
            name: (costs[name].incl if with_taxes else costs[name].excl) or Fraction(0)
            for name in CATEGORIES
            if name in costs
        }

    def total(self, *, with_taxes: bool) -> Fraction:
        found = self.breakdown.total.incl if with_taxes else self.breakdown.total.excl
        return found or Fraction(0)


def samples(tariff: CompiledTariff, readings: Sequence[MeterReading], zone: tzinfo, *, most: int = 40) -> list[Sample]:
    """What the session costs at evenly spread moments and wherever the tariff or the power changes.

    Beside each change stands the moment before it, so that a fee that falls due there is drawn as a step.
    """
    periods = split(tariff, readings, zone)
    begins, ends = readings[0].at, readings[-1].at
    length = ends - begins
    moments = {begins + length * number // most for number in range(most + 1)}
    moments |= {reading.at for reading in readings}
    for period in periods[1:]:
        moments |= {period.start_date_time, period.start_date_time - timedelta(seconds=1)}
    ordered = sorted(moment.replace(microsecond=0) for moment in moments if begins <= moment <= ends)
    return [_sample(tariff, periods, readings, zone, moment) for moment in dict.fromkeys(ordered)]


def _sample(
    tariff: CompiledTariff,
    periods: Sequence[ChargingPeriod],
    readings: Sequence[MeterReading],
    zone: tzinfo,
    moment: datetime,
) -> Sample:
    begins = readings[0].at
    energy = meter_at(readings, moment)
    until = [period for period in periods if period.start_date_time < moment] or [periods[0]]
    last = _cut(until[-1], decimal(energy) - decimal(meter_at(readings, until[-1].start_date_time)), moment)
    charged = price([tariff], [*until[:-1], last], zone, tariff.tax_profile, tariff.policy, end=moment, detail=False)
    parked = CdrDimensionType.PARKING_TIME in {dimension.type for dimension in last.dimensions}
    return Sample(moment - begins, energy, not parked, charged)


def meter_at(readings: Sequence[MeterReading], moment: datetime) -> Fraction:
    """kWh; between two readings energy flows evenly."""
    for one, other in pairwise(readings):
        if moment < other.at:
            share = Fraction((moment - one.at) // timedelta(seconds=1), (other.at - one.at) // timedelta(seconds=1))
            return Fraction(one.kwh) + share * (Fraction(other.kwh) - Fraction(one.kwh))
    return Fraction(readings[-1].kwh)


def _cut(period: ChargingPeriod, kwh: Decimal, end: datetime) -> ChargingPeriod:
    """The period as if the session had ended here: volumes of time and energy shrink, power and current stay."""
    hours = decimal(Fraction((end - period.start_date_time) // timedelta(seconds=1), 3600))
    volumes = {
        CdrDimensionType.TIME: hours,
        CdrDimensionType.PARKING_TIME: hours,
        CdrDimensionType.ENERGY: kwh,
    }
    dimensions = [
        CdrDimension.model_construct(type=each.type, volume=volumes.get(CdrDimensionType(each.type), each.volume))
        for each in period.dimensions
    ]
    return ChargingPeriod.model_construct(
        start_date_time=period.start_date_time, dimensions=dimensions, tariff_id=period.tariff_id
    )
