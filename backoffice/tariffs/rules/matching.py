"""Which elements hold at an instant of a session. Everything an axis asks for is found here, and what is missing is
told.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal

from backoffice.tariffs.rules.compiled import (
    DAY,
    ENERGY,
    MICROSECONDS,
    PARKING_TIME,
    TIME,
    Axis,
    CompiledTariff,
)
from backoffice.tariffs.rules.periods import EPOCH, Period

_THURSDAY = 3  # the first day of 1970
_FIRST_DAY = EPOCH.toordinal()


def local_seconds(start: int, zone: tzinfo) -> int:
    """Wall-clock seconds since 1970 of an instant in microseconds."""
    moment = EPOCH + timedelta(microseconds=start)
    offset = moment.astimezone(zone).utcoffset() or timedelta()
    return start // MICROSECONDS + offset.days * DAY + offset.seconds


def wall_clock(start: int, zone: tzinfo) -> datetime:
    """An instant as the people at the charge point see it."""
    return (EPOCH + timedelta(microseconds=start)).astimezone(zone)


def locate(periods: Sequence[Period], zone: tzinfo) -> None:
    """Set the wall-clock seconds of each period. No zone puts its clock forward and back within a day."""
    first, last = periods[0].start, periods[-1].end or periods[-1].start
    offset = local_seconds(first, zone) - first // MICROSECONDS
    last_offset = local_seconds(last, zone) - last // MICROSECONDS
    steady = offset == last_offset and last - first <= DAY * MICROSECONDS
    previous = None
    for period in periods:
        start = period.start
        period.local = start // MICROSECONDS + offset if steady else local_seconds(start, zone)
        if previous is not None:
            previous.local_end = period.local
        previous = period
    periods[-1].local_end = last // MICROSECONDS + last_offset


def clock_mask(tariff: CompiledTariff, local: int) -> int:
    """The elements that allow this time, weekday and date."""
    days, moment = divmod(local, DAY)
    mask = tariff.everything
    axis = tariff.time_axis
    if axis is not None:
        mask = axis.masks[bisect_right(axis.points, moment)]
    axis = tariff.week_axis
    if axis is not None:
        mask &= axis.masks[bisect_right(axis.points, (days + _THURSDAY) % 7 * DAY + moment)]
    axis = tariff.date_axis
    if axis is not None:
        mask &= axis.masks[bisect_right(axis.points, days + _FIRST_DAY)]
    return mask


def momentary_mask(tariff: CompiledTariff, period: Period) -> tuple[int, bool]:
    """The elements that allow the power and current of this period, and whether a price of the period depended on one
    that it does not tell.
    """
    mask, missing = tariff.everything, 0
    values = period.momentary or _NOTHING
    for axis, names in tariff.momentary:
        value = values.get(names[0])
        if value is None:
            value = values.get(names[1], values.get(names[2]))
        if value is not None:
            mask &= axis.masks[bisect_right(axis.points, value)]
        else:
            missing |= axis.restricted
    if not missing:
        return mask, False
    if not tariff.policy.absent_quantity_matches:
        mask &= ~missing
    asked = 0
    if period.energy:
        asked |= tariff.with_kind[ENERGY]
    if period.time:
        asked |= tariff.with_kind[TIME]
    if period.parking:
        asked |= tariff.with_kind[PARKING_TIME]
    return mask, bool(missing & asked & tariff.charging)


_NOTHING: dict[str, Decimal] = {}


def may_cross(tariff: CompiledTariff, period: Period, started: int, factor: int) -> bool:
    """Whether a boundary of the tariff may lie inside the period; cheap, and true more often than it is so.

    `factor`: the parts of the divisor in one unit of the energy axis. `started`: when charging began.
    """
    axis: Axis | None = tariff.energy_axis
    if axis is not None and period.energy:
        after = -(-(period.before + period.energy) // factor)
        if axis.index_before(after) > axis.index(period.before // factor):
            return True
    if period.end is None or period.end <= period.start:
        return False
    axis = tariff.duration_axis
    if axis is not None and axis.index_before(period.end - started) > axis.index(period.start - started):
        return True
    if not tariff.clocked:
        return False
    days, moment = divmod(period.local, DAY)
    last_days, last_moment = divmod(period.local_end - 1, DAY)
    if days != last_days or moment > last_moment:
        return True
    axis = tariff.time_axis
    if axis is None:
        return tariff.policy.weekday_of_window_start
    return axis.index(last_moment) != axis.index(moment)


def instant(start: int) -> datetime:
    """Microseconds since 1970 as a datetime in UTC."""
    return EPOCH + timedelta(microseconds=start)
