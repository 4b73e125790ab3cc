"""What staff may change of a CDR before it is issued anew: how much energy, when it ended, and what is remarked.

Everything else follows: the periods are cut and their energy is scaled, and the tariff of the start prices them again. A bill is
not raised in silence: whoever corrects is told when the driver would pay more than the first CDR said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from backoffice.tariffs.rules.exact import decimal
from ocpi.wire.cdrs import CdrDimension, CdrDimensionType, ChargingPeriod

_TIMES = frozenset(
    {
        CdrDimensionType.TIME,
        CdrDimensionType.PARKING_TIME,
        CdrDimensionType.RESERVATION_TIME,
        CdrDimensionType.RESERVATION_EXPIRES,
        CdrDimensionType.RESERVATION_OVERTIME,
    }
)
_MICROSECOND = timedelta(microseconds=1)
_HOUR = timedelta(hours=1) // _MICROSECOND


@dataclass(frozen=True, slots=True)
class Correction:
    """None: as it was."""

    kwh: Decimal | None = None
    ends_at: datetime | None = None
    remark: str | None = None

    @property
    def changes_the_bill(self) -> bool:
        return self.kwh is not None or self.ends_at is not None


def impossible(correction: Correction, *, starts_at: datetime, now: datetime) -> str:
    """Why nobody can correct it so; empty when somebody can."""
    if correction.kwh is not None and not 0 <= correction.kwh <= 100_000:
        return "The energy must be between 0 and 100,000 kWh."
    if correction.ends_at is not None and not starts_at <= correction.ends_at <= now:
        return f"The end must be between the start ({starts_at:%d %b %Y %H:%M} UTC) and now."
    if correction.remark is not None and len(correction.remark) > 255:
        return "The remark may have at most 255 characters."
    return ""


def recut(
    periods: Sequence[ChargingPeriod], *, end: datetime, new_end: datetime, energy: Decimal, new_energy: Decimal
) -> list[ChargingPeriod]:
    """The periods until the new end, with the new energy in the proportion in which the old one flowed. A later end lengthens the
    last period."""
    ends = [*(period.start_date_time for period in periods[1:]), end]
    kept: list[ChargingPeriod] = []
    for index, (period, until) in enumerate(zip(periods, ends, strict=True)):
        if period.start_date_time >= new_end and kept:
            break
        last = index == len(periods) - 1
        stop = max(new_end if last else min(until, new_end), period.start_date_time)
        kept.append(_resized(period, until, stop))
    told = sum((_energy(period) for period in kept), Decimal(0))
    return _scaled(kept, told or energy, new_energy)


def _resized(period: ChargingPeriod, until: datetime, stop: datetime) -> ChargingPeriod:
    """Times follow the clock, energy what flowed in that part of it; power and current stay."""
    if stop == until:
        return period
    before, after = until - period.start_date_time, stop - period.start_date_time
    part = Fraction(after // _MICROSECOND, before // _MICROSECOND) if before and after < before else Fraction(1)
    dimensions = []
    for each in period.dimensions:
        volume = each.volume
        if each.type in _TIMES:
            volume = decimal(Fraction(after // _MICROSECOND, _HOUR))
        elif each.type is CdrDimensionType.ENERGY:
            volume = decimal(Fraction(each.volume) * part)
        dimensions.append(CdrDimension(type=each.type, volume=volume))
    return period.model_copy(update={"dimensions": dimensions})


def _scaled(periods: list[ChargingPeriod], told: Decimal, wanted: Decimal) -> list[ChargingPeriod]:
    """So that the sum is exactly what was wanted; the last one with energy takes what rounding leaves."""
    if told == wanted:
        return periods
    left, scaled = wanted, list(periods)
    places = [index for index, period in enumerate(periods) if _has_energy(period)] or [len(periods) - 1]
    for index in places:
        period = periods[index]
        share = (
            left if index == places[-1] else decimal(Fraction(_energy(period)) * Fraction(wanted) / Fraction(told or 1))
        )
        left -= share
        others = [each for each in period.dimensions if each.type is not CdrDimensionType.ENERGY]
        told_energy = CdrDimension(type=CdrDimensionType.ENERGY, volume=share)
        scaled[index] = period.model_copy(update={"dimensions": [told_energy, *others]})
    return scaled


def _has_energy(period: ChargingPeriod) -> bool:
    return any(each.type is CdrDimensionType.ENERGY and each.volume for each in period.dimensions)


def _energy(period: ChargingPeriod) -> Decimal:
    return sum((each.volume for each in period.dimensions if each.type is CdrDimensionType.ENERGY), Decimal(0))
