"""Which elements hold at an instant of a session. Everything an axis asks for is found here, and what is missing is
told.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
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
from backoffice.tariffs.rules.policy import Bound

_THURSDAY = 3  # the first day of 1970
_FIRST_DAY = EPOCH.toordinal()

_ORDER = {
    ("CURRENT", Bound.LOWEST): ("MIN_CURRENT", "MAX_CURRENT", "CURRENT"),
    ("CURRENT", Bound.HIGHEST): ("MAX_CURRENT", "MIN_CURRENT", "CURRENT"),
    ("POWER", Bound.LOWEST): ("MIN_POWER", "MAX_POWER", "POWER"),
    ("POWER", Bound.HIGHEST): ("MAX_POWER", "MIN_POWER", "POWER"),
}
"""The dimension that is compared, and what stands in for it. The averages occur in Sessions only."""


def local_seconds(start: int, zone: tzinfo) -> int:
    """Wall-clock seconds since 1970 of an instant in microseconds."""
    moment = EPOCH + timedelta(microseconds=start)
    offset = moment.astimezone(zone).utcoffset() or timedelta()
    return start // MICROSECONDS + offset.days * DAY + offset.seconds


def wall_clock(start: int, zone: tzinfo) -> datetime:
    """An instant as the people at the charge point see it."""
    return (EPOCH + timedelta(microseconds=start)).astimezone(zone)


def clock_mask(tariff: CompiledTariff, local: int) -> int:
    """The elements that allow this time, weekday and date."""
    days, moment = divmod(local, DAY)
    mask = tariff.everything
    if tariff.time_axis is not None:
        mask = tariff.time_axis.at(moment)
    if tariff.week_axis is not None:
        mask &= tariff.week_axis.at((days + _THURSDAY) % 7 * DAY + moment)
    if tariff.date_axis is not None:
        mask &= tariff.date_axis.at(days + _FIRST_DAY)
    return mask


def momentary_mask(tariff: CompiledTariff, period: Period) -> tuple[int, bool]:
    """The elements that allow the power and current of this period, and whether a price of the period depended on one
    that it does not tell.
    """
    bound = tariff.policy.bound
    mask, missing = tariff.everything, 0
    values = period.momentary or {}
    for axis, quantity, own in (
        (tariff.min_current_axis, "CURRENT", Bound.LOWEST),
        (tariff.max_current_axis, "CURRENT", Bound.HIGHEST),
        (tariff.min_power_axis, "POWER", Bound.LOWEST),
        (tariff.max_power_axis, "POWER", Bound.HIGHEST),
    ):
        if axis is None:
            continue
        value = _value(values, _ORDER[quantity, own if bound is Bound.OWN else bound])
        if value is not None:
            mask &= axis.at(value)
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


def _value(values: Mapping[str, Decimal], names: Sequence[str]) -> Decimal | None:
    for name in names:
        value = values.get(name)
        if value is not None:
            return value
    return None


def may_cross(tariff: CompiledTariff, period: Period, started: int, factor: int, local: int, local_end: int) -> bool:
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
    days, moment = divmod(local, DAY)
    last_days, last_moment = divmod(local_end - 1, DAY)
    if days != last_days or moment > last_moment:
        return True
    return tariff.time_axis is not None and tariff.time_axis.index(last_moment) != tariff.time_axis.index(moment)


def instant(start: int) -> datetime:
    """Microseconds since 1970 as a datetime in UTC."""
    return EPOCH.astimezone(UTC) + timedelta(microseconds=start)
