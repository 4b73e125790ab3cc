"""Periods that cross a boundary of their tariff, which a CPO must divide there (`mod_cdrs`, T-304, T-305).

The price of such a period is that of its start. Here is found whether another component became active inside, and
where: by the clock exactly, by energy as if it had been charged evenly.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from fractions import Fraction
from itertools import pairwise
from math import lcm

from backoffice.tariffs.rules import matching
from backoffice.tariffs.rules.compiled import DAY, MICROSECONDS, CompiledTariff
from backoffice.tariffs.rules.periods import EPOCH, Period

MAX_DAYS = 366
"""A longer period is divided by the clock no further: its times are wrong anyhow (T-322: unknown ones are 1970)."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a period in which the same components are active; `start` and `end` as shares of the period."""

    start: Fraction
    end: Fraction
    mask: int
    """The elements that hold at its start."""
    active: object


def crossed(tariff: CompiledTariff, period: Period, started: int, divisor: int, zone: tzinfo) -> tuple[str, str] | None:
    """The places of two components that price one volume of the period before and after a boundary inside it."""
    if not matching.may_cross(tariff, period, started, divisor // tariff.energy_unit):
        return None
    winners = [
        tariff.winners(stretch.mask & tariff.charging) for stretch in divide(tariff, period, started, divisor, zone)
    ]
    for one, other in pairwise(winners):
        for before, after, volume in (
            (one.energy, other.energy, period.energy),
            (one.time, other.time, period.time),
            (one.parking, other.parking, period.parking),
        ):
            if volume and before is not after:
                return (before.place if before else "nothing", after.place if after else "nothing")
    return None


def divide(
    tariff: CompiledTariff,
    period: Period,
    started: int,
    divisor: int,
    zone: tzinfo,
    active: Callable[[int], object] | None = None,
) -> list[Stretch]:
    """The stretches of the period, in order; one if nothing changes inside. `active`: what elements that hold come to,
    unless it is the prices of charging.
    """
    active = active or (lambda mask: tariff.winners(mask & tariff.charging))
    marks = {Fraction(0), Fraction(1)}
    length = period.end - period.start if period.end is not None and period.end > period.start else 0
    if length:
        assert period.end is not None
        moments = _clock_boundaries(tariff, period.start, period.end, zone) if tariff.clocked else []
        if tariff.duration_axis is not None:
            moments += [started + int(point) for point in tariff.duration_axis.points]
        marks |= {Fraction(moment - period.start, length) for moment in moments if period.start < moment < period.end}
    factor = divisor // tariff.energy_unit
    if tariff.energy_axis is not None and period.energy:
        for point in tariff.energy_axis.points:
            share = Fraction(int(point) * factor - period.before, period.energy)
            if 0 < share < 1:
                marks.add(share)
    momentary = matching.momentary_mask(tariff, period)[0] if tariff.momentary else tariff.everything
    ordered = sorted(marks)
    stretches: list[Stretch] = []
    for start, end in pairwise(ordered):
        mask = momentary
        moment = period.start + int(start * length)
        if tariff.clocked:
            mask &= matching.clock_mask(tariff, matching.local_seconds(moment, zone))
        if tariff.duration_axis is not None:
            mask &= tariff.duration_axis.at(moment - started)
        if tariff.energy_axis is not None:
            charged = period.before + start * (period.energy or 0)
            mask &= tariff.energy_axis.at(charged.__floor__() // factor)
        found = active(mask)
        if stretches and stretches[-1].active == found:
            stretches[-1] = replace(stretches[-1], end=end)
        else:
            stretches.append(Stretch(start, end, mask, found))
    return stretches


def _clock_boundaries(tariff: CompiledTariff, start: int, end: int, zone: tzinfo) -> list[int]:
    """Instants between, at which the time of day, the weekday or the date may reach a boundary, and changes of the
    clock itself.
    """
    edges = {0}
    if tariff.time_axis is not None:
        edges.update(int(point) for point in tariff.time_axis.points)
    if tariff.week_axis is not None:
        edges.update(int(point) % DAY for point in tariff.week_axis.points)
    found: list[int] = []
    first, last = matching.wall_clock(start, zone).date(), matching.wall_clock(end, zone).date()
    day = first
    while day <= last and (day - first).days < MAX_DAYS:
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        for edge in edges:
            wall = midnight + timedelta(seconds=edge)  # wall-clock arithmetic: the zone stays out of it
            found += [_microseconds(wall.replace(fold=fold)) for fold in (0, 1)]
        day += timedelta(days=1)
    return found + clock_changes(start, end, zone)


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def clock_changes(start: int, end: int, zone: tzinfo) -> list[int]:
    """The instants between, at which the clock is put forward or back; to the second."""
    found: list[int] = []
    step = DAY * MICROSECONDS
    low = start
    end = min(end, start + MAX_DAYS * step)
    while low < end:
        high = min(low + step, end)
        if _offset(low, zone) != _offset(high, zone):
            one, other = low, high
            while other - one > 1:
                middle = (one + other) // 2
                if _offset(middle, zone) == _offset(low, zone):
                    one = middle
                else:
                    other = middle
            found.append(other)
        low = high
    return found


def _offset(moment: int, zone: tzinfo) -> timedelta | None:
    return matching.wall_clock(moment, zone).utcoffset()


def interpolated(
    periods: Sequence[Period],
    tariff_of: Sequence[CompiledTariff | None],
    divisor: int,
    zone: tzinfo,
    started: int,
) -> tuple[int, list[Period]]:
    """The periods divided at every boundary inside them, as if each had been used evenly; with their divisor."""
    parts: list[tuple[Period, Stretch]] = []
    for period, tariff in zip(periods, tariff_of, strict=True):
        if tariff is None or not period.charging or not tariff.varies:
            parts.append((period, _WHOLE))
        else:
            parts += [(period, stretch) for stretch in divide(tariff, period, started, divisor, zone)]
    finer = lcm(*(bound.denominator for _, stretch in parts for bound in (stretch.start, stretch.end)))
    return divisor * finer, [_part(period, stretch, finer) for period, stretch in parts]


_WHOLE = Stretch(Fraction(0), Fraction(1), 0, None)


def _part(period: Period, stretch: Stretch, finer: int) -> Period:
    length = period.end - period.start if period.end is not None else 0
    part = Period(period.source, period.start + int(stretch.start * length))
    part.end = period.start + int(stretch.end * length) if period.end is not None else None
    size = stretch.end - stretch.start
    for name in ("energy", "time", "parking", "reserved", "expired", "overtime"):
        volume = getattr(period, name)
        setattr(part, name, None if volume is None else int(volume * size * finer))
    part.momentary = period.momentary
    part.before = int((period.before + (period.energy or 0) * stretch.start) * finer)
    part.charging = period.charging
    part.tariff_id = period.tariff_id
    return part
