"""What a session must know of the booking that it is the charge of, and how its periods tell it.

What is booked stands in a room above; here are values. Reserved time of a booking for which nobody came is told as expired, and
time beyond its end as overtime, beside what it is anyway: one dimension more, which the tariff may price.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from backoffice.sessions.rules.metering import Metered, cut
from backoffice.tariffs.rules.exact import decimal
from ocpi.wire.cdrs import CdrDimension, CdrDimensionType, ChargingPeriod

_USED = (CdrDimensionType.TIME, CdrDimensionType.PARKING_TIME)

_HOUR = timedelta(hours=1) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Booked:
    """`identity`: the Booking's id, for the CDR. `since`: from when the EVSE is kept; `until`: when the booking ends. `tariffs`:
    those that the Booking names.
    """

    identity: str
    since: datetime
    until: datetime
    tariffs: Sequence[str] = ()


def told(
    periods: Sequence[ChargingPeriod], readings: Sequence[Metered], *, until: datetime | None, expired: bool
) -> list[ChargingPeriod]:
    """The periods with what only a booking makes of them: divided at its end, where it was overstayed."""
    if not periods:
        return []
    end = readings[-1].at
    if until is not None and periods[0].start_date_time < until < end:
        periods = cut(periods, [(until, _kwh(readings, until))], end)
    return list(_with_dimensions(periods, end, until=until, expired=expired))


def _with_dimensions(
    periods: Sequence[ChargingPeriod], end: datetime, *, until: datetime | None, expired: bool
) -> Iterator[ChargingPeriod]:
    ends = [*(period.start_date_time for period in periods[1:]), end]
    for period, stop in zip(periods, ends, strict=True):
        more = []
        reserved = _volume(period, CdrDimensionType.RESERVATION_TIME)
        if expired and reserved is not None:
            more.append(CdrDimension(type=CdrDimensionType.RESERVATION_EXPIRES, volume=reserved))
        late = until is not None and period.start_date_time >= until
        if late and any(_volume(period, kind) is not None for kind in _USED):
            hours = decimal(Fraction((stop - period.start_date_time) // timedelta(microseconds=1), _HOUR))
            more.append(CdrDimension(type=CdrDimensionType.RESERVATION_OVERTIME, volume=hours))
        yield period.model_copy(update={"dimensions": [*period.dimensions, *more]}) if more else period


def _volume(period: ChargingPeriod, kind: CdrDimensionType) -> Decimal | None:
    return next((each.volume for each in period.dimensions if each.type is kind), None)


def _kwh(readings: Sequence[Metered], at: datetime) -> Decimal:
    """What the meter had counted then, since the first reading; between two, as if it had flowed evenly."""
    first = Fraction(readings[0].kwh)
    for one, other in pairwise(readings):
        if one.at <= at <= other.at:
            share = Fraction(
                (at - one.at) // timedelta(microseconds=1), (other.at - one.at) // timedelta(microseconds=1)
            )
            return decimal(Fraction(one.kwh) + share * (Fraction(other.kwh) - Fraction(one.kwh)) - first)
    return decimal(Fraction(readings[-1].kwh) - first)
