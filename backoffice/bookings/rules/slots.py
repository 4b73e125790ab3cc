"""Units of time, steps, and what of an opening is free.

A unit is an instant in UTC and so many minutes, counted from the epoch: summer time moves no unit, and the hour that
comes twice in autumn has its own each time. A step is what people see: bookings begin and end at multiples of it since
midnight by the clock of the location. A unit divides every step and a quarter of an hour, by which all clocks differ
from UTC, so that a step is always made of whole units; what begins within a unit uses it whole, which errs on the side
of nobody being promised what another has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from math import gcd
from zoneinfo import ZoneInfo

QUARTER = 15
LONGEST = timedelta(days=14)
"""Of any booking: whoever asks for more has mistaken a year, or means no good."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Period = tuple[datetime, datetime]
Use = dict[tuple[int, datetime], int]
"""How much of a resource is used in a unit."""


def unit_of(steps: Iterable[int | None]) -> int:
    """Minutes of a unit for a place whose calendars have these steps."""
    return reduce(gcd, (step for step in steps if step), QUARTER)


def units(starts_at: datetime, ends_at: datetime, minutes: int) -> list[datetime]:
    """The units that a period uses, the first and the last perhaps in part."""
    size = timedelta(minutes=minutes)
    first = (starts_at - _EPOCH) // size
    last = -((_EPOCH - ends_at) // size)
    return [_EPOCH + size * number for number in range(first, last)]


@dataclass(frozen=True, slots=True)
class Keeping:
    """So much of a resource for a period."""

    resource: int
    unit: int
    starts_at: datetime
    ends_at: datetime
    amount: int


def use(keepings: Iterable[Keeping]) -> Use:
    """What one holder uses by all that it keeps: of what overlaps the most, not the sum. What it asks to be moved by
    half an hour does not need two spaces for the half hour that both have."""
    found: Use = {}
    for each in keepings:
        for unit in units(each.starts_at, each.ends_at, each.unit):
            key = each.resource, unit
            found[key] = max(found.get(key, 0), each.amount)
    return found


def difference(before: Use, after: Use) -> tuple[Use, Use]:
    """What is to be taken and what to be given back, in the order in which rows are locked."""
    taken: Use = {}
    given: Use = {}
    for key in sorted(before.keys() | after.keys()):
        more = after.get(key, 0) - before.get(key, 0)
        if more:
            (taken if more > 0 else given)[key] = abs(more)
    return taken, given


def on_step(moment: datetime, step: int | None, zone: ZoneInfo) -> bool:
    """Whether the clock of the location then shows a multiple of the step since midnight."""
    if moment.second or moment.microsecond:
        return False
    if not step:
        return True
    local = moment.astimezone(zone)
    return (local.hour * 60 + local.minute) % step == 0


def next_step(moment: datetime, step: int, zone: ZoneInfo) -> datetime:
    """The first moment, this one or later, that is on the step: looked for by the minute within the next step, so that
    a clock which is put forward or back in between is read and not calculated."""
    whole = moment.replace(second=0, microsecond=0)
    if whole < moment:
        whole += timedelta(minutes=1)
    local = whole.astimezone(zone)
    short = -(local.hour * 60 + local.minute) % step
    guess = whole + timedelta(minutes=short)
    if on_step(guess, step, zone):
        return guess
    for minute in range(1, 60 * 26):
        guess = whole + timedelta(minutes=minute)
        if on_step(guess, step, zone):
            return guess
    return whole


def without(openings: Sequence[Period], busy: Sequence[Period]) -> list[Period]:
    """What of an opening is left when the busy periods are taken out, in order; `busy` in any order."""
    taken = merged(busy)
    left = []
    for starts_at, ends_at in openings:
        at = starts_at
        for busy_from, busy_to in taken:
            if busy_to <= at:
                continue
            if busy_from >= ends_at:
                break
            if busy_from > at:
                left.append((at, busy_from))
            at = max(at, busy_to)
        if at < ends_at:
            left.append((at, ends_at))
    return left


def merged(periods: Iterable[Period]) -> list[Period]:
    """Periods that touch or overlap as one."""
    found: list[Period] = []
    for starts_at, ends_at in sorted(periods):
        if found and starts_at <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], ends_at)
        else:
            found.append((starts_at, ends_at))
    return found


def starts(free: Period, *, length: timedelta, step: int, zone: ZoneInfo) -> Iterator[datetime]:
    """When a booking of this length can begin within what is free."""
    at = next_step(free[0], step, zone)
    while at + length <= free[1]:
        if on_step(at + length, step, zone):
            yield at
        at = next_step(at + timedelta(minutes=1), step, zone)


def covered(period: Period, openings: Sequence[Period]) -> list[int]:
    """Which of the openings make up the whole period; none where a part of it is in none."""
    at, found = period[0], []
    for place, (starts_at, ends_at) in sorted(enumerate(openings), key=lambda each: each[1]):
        if starts_at <= at < ends_at:
            found.append(place)
            at = ends_at
            if at >= period[1]:
                return found
    return []


def watts(kilowatts: int | None) -> int | None:
    """`power_required` is in kW, all other power in W (T-526)."""
    return None if kilowatts is None else kilowatts * 1000
