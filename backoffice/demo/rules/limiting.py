"""How a limit from outside (a charging profile) bends the course of a charge, and what the charge point plans from now on.

Times are ms from the start of the charge, power is in whole W. A course is always bent anew, from how the car would have charged
by itself and everything that it was limited to since: so it comes out the same after any interruption.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from backoffice.demo.rules.course import Course
from backoffice.demo.rules.filling import Leg

PATIENCE = 2
"""So many times as long as without limits a driver waits; then the car leaves as it is."""

VOLTS = {False: 690, True: 400}
"""W for one ampere: three phases of 230 V, or direct current of a car (`direct`)."""

STEPS = (100, 1_000, 5_000, 25_000)
"""W, to which a plan is rounded: the first that leaves no more than FEW periods."""

FEW = 24

SHORT_OF_POWER = 0.2
"""How often a site gives a fast charge less than it could take for a while."""

MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Setting:
    """From then on this ChargingProfile holds; None: none."""

    at: int
    profile: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Limit:
    """From then on no more than so many W; None: as the car likes."""

    since: int
    watts: int | None


def of_site(visit: str, course: Course, *, direct: bool) -> tuple[Limit, ...]:
    """What the site itself limits this visit to: others charge there, too. Drawn from its name, so that it comes out the same."""
    chance = random.Random(f"site of {visit}")
    if not direct or chance.random() >= SHORT_OF_POWER:
        return ()
    full, most = course.legs[-1].until, max(leg.watts for leg in course.legs)
    return (
        Limit(full * chance.randint(20, 40) // 100, most * chance.randint(30, 60) // 100),
        Limit(full * chance.randint(50, 80) // 100, None),
    )


def limits(settings: Sequence[Setting], *, begun: datetime, direct: bool) -> tuple[Limit, ...]:
    """Everything that a charge was and will be limited to."""
    found: list[Limit] = []
    for number, setting in enumerate(settings):
        until = settings[number + 1].at if number + 1 < len(settings) else None
        changes = [setting.at, *(ms for ms in _changes(setting.profile, begun) if ms > setting.at)]
        found += [
            Limit(ms, _cap(setting.profile, ms, begun, direct))
            for ms in sorted(set(changes))
            if until is None or ms < until
        ]
    return tuple(found)


def lowest(one: Sequence[Limit], other: Sequence[Limit]) -> tuple[Limit, ...]:
    """Both hold at any time."""
    return tuple(
        Limit(since, min((cap for cap in (_at(one, since), _at(other, since)) if cap is not None), default=None))
        for since in sorted({limit.since for limit in (*one, *other)})
    )


def limited(course: Course, limits: Sequence[Limit]) -> Course:
    """The course under these limits: the car takes the same energy, later; or leaves without it, out of patience."""
    if not limits or not any(leg.watts for leg in course.legs):
        return course
    full = course.legs[-1].until
    end = max(course.ends, full) * PATIENCE
    legs = tuple(_bent(course, limits, end))
    late = legs[-1].until - full
    return replace(course, legs=legs, ends=course.ends if course.ends < full else min(course.ends + late, end))


def plan(course: Course, ms: int, seconds: int, *, begun: datetime, unit: str, direct: bool) -> dict[str, Any]:
    """An ActiveChargingProfile: what will flow in the next seconds, as far as is known at `ms`. `unit`: a ChargingRateUnit."""
    until = ms + seconds * 1000
    powers: list[tuple[int, int]] = []
    since = 0
    for leg in (*course.legs, Leg(until, 0, 0)):
        if leg.until > ms and since < until:
            powers.append((max(since - ms, 0) // 1000, leg.watts))
        since = max(leg.until, since)
    for step in STEPS:
        periods = list(_merged(powers, step))
        if len(periods) <= FEW:
            break
    return {
        "start_date_time": begun + ms * MILLISECOND,
        "charging_profile": {
            "start_date_time": begun + ms * MILLISECOND,
            "duration": seconds,
            "charging_rate_unit": unit,
            "charging_profile_period": [
                {"start_period": start, "limit": _in(unit, watts, direct)} for start, watts in periods[:FEW]
            ],
        },
    }


def _merged(powers: Sequence[tuple[int, int]], step: int) -> Iterator[tuple[int, int]]:
    """One for each second and each power, rounded down to the step, for a plan does not promise more than it can."""
    rounded: dict[int, int] = {}
    for start, watts in powers:
        rounded[start] = watts // step * step
    last: int | None = None
    for start, watts in rounded.items():
        if watts != last:
            yield start, watts
        last = watts


def _in(unit: str, watts: int, direct: bool) -> Decimal:
    return Decimal(watts) if unit == "W" else Decimal(watts * 10 // VOLTS[direct]) / 10


def _bent(course: Course, limits: Sequence[Limit], end: int) -> Iterator[Leg]:
    now, begun, soc = 0, 0, course.soc
    for leg in course.legs:
        left = leg.watts * (leg.until - begun)
        begun = leg.until
        while left > 0:
            if now >= end:  # it is not full when the patience is over
                return
            cap = _at(limits, now)
            change = min([end, *(limit.since for limit in limits if limit.since > now)])
            watts = leg.watts if cap is None else min(leg.watts, cap)
            full = now - (-left // watts) if watts else change
            until = min(full, change)
            left -= watts * (until - now)
            now = until
            yield Leg(now, watts, leg.soc if left <= 0 else soc)
        soc = leg.soc


def _at(limits: Sequence[Limit], ms: int) -> int | None:
    return next((limit.watts for limit in reversed(limits) if limit.since <= ms), None)


def _origin(profile: Mapping[str, Any], begun: datetime) -> int:
    start = profile.get("start_date_time")
    if start is None:
        return 0
    moment = datetime.fromisoformat(start) if isinstance(start, str) else start
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=begun.tzinfo)
    return (moment - begun) // MILLISECOND


def _changes(profile: Mapping[str, Any] | None, begun: datetime) -> Iterator[int]:
    if profile is None:
        return
    origin = _origin(profile, begun)
    for period in profile.get("charging_profile_period") or ():
        yield origin + int(period["start_period"]) * 1000
    if profile.get("duration") is not None:
        yield origin + int(profile["duration"]) * 1000


def _cap(profile: Mapping[str, Any] | None, ms: int, begun: datetime, direct: bool) -> int | None:
    if profile is None:
        return None
    seconds = (ms - _origin(profile, begun)) // 1000
    over = profile.get("duration") is not None and seconds >= int(profile["duration"])
    standing = [
        period for period in profile.get("charging_profile_period") or () if int(period["start_period"]) <= seconds
    ]
    if over or seconds < 0 or not standing:
        return None
    limit = Decimal(max(standing, key=lambda period: int(period["start_period"]))["limit"])
    return max(int(limit if profile["charging_rate_unit"] == "W" else limit * VOLTS[direct]), 0)
