"""From what a meter said to charging periods, and whether a meter may have said it.

Session and CDR are made of the same periods, so that they cost the same. A period begins wherever the tariff has another price
(`tariffs.rules.splitting`), and besides after each `GRAIN`, so that an eMSP can show its driver how the charge goes on (T-279);
such a cut moves no volume and no price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from backoffice.tariffs.rules import CompiledTariff
from backoffice.tariffs.rules.exact import decimal
from backoffice.tariffs.rules.splitting import Activity, MeterReading, split
from ocpi.wire.cdrs import SESSION_ONLY, CdrDimension, CdrDimensionType, ChargingPeriod

GRAIN_AC, GRAIN_DC = timedelta(minutes=15), timedelta(minutes=3)
"""How long a period lasts at most."""

AHEAD = timedelta(minutes=2)
"""How far the clock of a charge point may run before ours."""

LARGEST = Decimal(10) ** 9
"""kWh that no meter of a charge point shows."""

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Metered:
    """One reading. `kwh`: the meter. `activity`: from now to the next reading. `soc`: percent."""

    at: datetime
    kwh: Decimal
    activity: Activity = Activity.CHARGING
    power: Decimal | None = None
    soc: Decimal | None = None


def clamped(at: datetime | None, now: datetime) -> datetime:
    """When something happened, as the hardware says; a clock that runs a little ahead is taken back to ours."""
    return now if at is None else min(at, now) if at <= now + AHEAD else at


def unbelievable(last: Metered | None, told: Metered, now: datetime) -> str:
    """Why this reading cannot follow the last one; empty when it can."""
    if told.at > now:
        return f"It is of {told.at:%d %b %Y %H:%M:%S} UTC, which has not come yet."
    if not told.kwh.is_finite() or not 0 <= told.kwh <= LARGEST:
        return f"No meter shows {told.kwh} kWh."
    if told.soc is not None and not (told.soc.is_finite() and 0 <= told.soc <= 100):
        return f"A battery is not {told.soc} % full."
    if told.power is not None and (not told.power.is_finite() or abs(told.power) > LARGEST):
        return f"No charge point gives {told.power} kW."
    if last is None:
        return ""
    if told.at == last.at:
        return f"The reading of {told.at:%H:%M:%S} UTC was told already."
    if told.at < last.at:
        return f"It is of {told.at:%H:%M:%S} UTC, before the last reading ({last.at:%H:%M:%S} UTC)."
    if told.kwh < last.kwh:
        return f"The meter goes backwards: from {last.kwh} to {told.kwh} kWh."
    return ""


def energy(readings: Sequence[Metered]) -> Decimal:
    """kWh from the first reading to the last, as documents tell it."""
    return decimal(Fraction(readings[-1].kwh) - Fraction(readings[0].kwh)) if readings else Decimal(0)


def charging_periods(
    tariff: CompiledTariff | None, readings: Sequence[Metered], zone: tzinfo, *, grain: timedelta = GRAIN_AC
) -> list[ChargingPeriod]:
    """The periods from the first reading to the last, with what only Sessions may say. None while there is one reading.

    `tariff` None: nothing is known to cost anything, so periods only follow what the vehicle did.
    """
    if len(readings) < 2:
        return []
    start = readings[0].kwh
    rising = [replace(reading, kwh=reading.kwh - start) for reading in readings]
    if tariff is None:
        periods = _plain(rising)
    else:
        with_power = bool(tariff.momentary)
        meter = [MeterReading(r.at, r.kwh, r.activity, r.power if with_power else None) for r in rising]
        periods = split(tariff, meter, zone)
    told = cut(periods, _marks(rising, grain), rising[-1].at)
    return _with_progress(told, rising, power=tariff is None or not tariff.momentary)


def for_cdr(periods: Sequence[ChargingPeriod]) -> list[ChargingPeriod]:
    """The same periods without what a CDR may not say (T-325). They cost the same."""
    kept = []
    for period in periods:
        dimensions = [each for each in period.dimensions if each.type not in SESSION_ONLY]
        if dimensions:
            kept.append(period.model_copy(update={"dimensions": dimensions}))
    return kept


def cut(
    periods: Sequence[ChargingPeriod], marks: Sequence[tuple[datetime, Decimal]], end: datetime
) -> list[ChargingPeriod]:
    """The periods, divided at these times as well. `marks`: with the kWh charged until then; `end`: of the last period."""
    found: list[ChargingPeriod] = []
    charged = Decimal(0)
    ends = [*(period.start_date_time for period in periods[1:]), end]
    for period, until in zip(periods, ends, strict=True):
        whole = _volume(period, CdrDimensionType.ENERGY)
        inside = [(at, decimal(Fraction(kwh))) for at, kwh in marks if period.start_date_time < at < until]
        edges = [(period.start_date_time, charged), *inside, (until, charged + (whole or 0))]
        if not inside:
            found.append(period)
        else:
            found += [_piece(period, one, other) for one, other in pairwise(edges)]
        charged += whole or 0
    return found


def _piece(period: ChargingPeriod, one: tuple[datetime, Decimal], other: tuple[datetime, Decimal]) -> ChargingPeriod:
    hours = decimal(Fraction((other[0] - one[0]) // timedelta(microseconds=1), 3_600_000_000))
    volumes = {activity.value: hours for activity in Activity} | {CdrDimensionType.ENERGY: other[1] - one[1]}
    dimensions = [
        CdrDimension(type=each.type, volume=volumes.get(CdrDimensionType(each.type), each.volume))
        for each in period.dimensions
    ]
    return ChargingPeriod(start_date_time=one[0], dimensions=dimensions, tariff_id=period.tariff_id)


def _volume(period: ChargingPeriod, kind: CdrDimensionType) -> Decimal | None:
    return next((each.volume for each in period.dimensions if each.type is kind), None)


def _marks(readings: Sequence[Metered], grain: timedelta) -> list[tuple[datetime, Decimal]]:
    """The first reading of each grain since the session began: they do not move when more readings come."""
    marks, due = [], readings[0].at + grain
    for reading in readings[1:-1]:
        if reading.at >= due:
            marks.append((reading.at, reading.kwh))
            due = readings[0].at + grain * ((reading.at - readings[0].at) // grain + 1)
    return marks


def _plain(readings: Sequence[Metered]) -> list[ChargingPeriod]:
    turns = [readings[0]]
    turns += [other for one, other in pairwise(readings[:-1]) if other.activity is not one.activity]
    periods = []
    for one, other in pairwise([*turns, readings[-1]]):
        hours = decimal(Fraction((other.at - one.at) // timedelta(microseconds=1), 3_600_000_000))
        charged = decimal(Fraction(other.kwh)) - decimal(Fraction(one.kwh))
        dimensions = [CdrDimension(type=one.activity.value, volume=hours)]
        if charged or one.activity is Activity.CHARGING:
            dimensions.append(CdrDimension(type=CdrDimensionType.ENERGY, volume=charged))
        periods.append(ChargingPeriod(start_date_time=one.at, dimensions=dimensions))
    return periods


def _with_progress(
    periods: Sequence[ChargingPeriod], readings: Sequence[Metered], *, power: bool
) -> list[ChargingPeriod]:
    """With the average power, and how full the battery was. Not the power where the tariff asks for limits of it: what it would
    be compared with there is told as the hardware told it, or not at all."""
    told, at = [], 0
    for period in periods:
        while at + 1 < len(readings) and readings[at + 1].at <= period.start_date_time:
            at += 1
        more = []
        hours, charged = _volume(period, CdrDimensionType.TIME), _volume(period, CdrDimensionType.ENERGY)
        if power and hours and charged is not None:
            average = decimal(Fraction(charged) / Fraction(hours), 2)
            more.append(CdrDimension(type=CdrDimensionType.POWER, volume=average))
        soc = readings[at].soc
        if soc is not None:
            more.append(CdrDimension(type=CdrDimensionType.STATE_OF_CHARGE, volume=soc))
        told.append(period.model_copy(update={"dimensions": [*period.dimensions, *more]}) if more else period)
    return told
