"""A charging profile as what it says: the limit at each moment.

Laws: without start_date_time a profile begins with the charge (T-454); a period lasts until the next one begins (T-456); the last
one until the duration is over, or for ever (T-455). Before its beginning, after its end and before its first period a profile
limits nothing. Of several that hold at once the lowest limit holds.

Times are whole microseconds since 1970, for a profile may name moments and lengths that no calendar has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from backoffice.charging_profiles.rules.plugs import Plug, tenths
from ocpi.wire.base import date_time_text
from ocpi.wire.charging_profiles import ChargingProfile, ChargingRateUnit

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000

Limit = Fraction | None
"""None: no limit."""


def instant(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def moment(at: int) -> datetime:
    """Raises OverflowError for what no calendar has."""
    return EPOCH + timedelta(microseconds=at)


@dataclass(frozen=True, slots=True)
class Step:
    """From `at` on this limit, until the next step."""

    at: int
    limit: Limit


@dataclass(frozen=True, slots=True)
class Curve:
    """Steps in order of time, each with another limit than the one before; before the first one nothing is limited."""

    steps: tuple[Step, ...]

    def at(self, when: int) -> Limit:
        limit: Limit = None
        for step in self.steps:
            if step.at > when:
                break
            limit = step.limit
        return limit

    def within(self, begin: int, end: int) -> Curve:
        """What it says from `begin` on and before `end`, with a step at `begin`."""
        inside = [step for step in self.steps if begin < step.at < end]
        return Curve((Step(begin, self.at(begin)), *inside))


NOTHING = Curve(())


class NotComparable(Exception):
    """Watts and amperes meet where the voltage is not known."""


def curve(profile: ChargingProfile, *, begins: datetime, unit: ChargingRateUnit, plug: Plug) -> Curve:
    """What the profile says at this connector, in `unit`. `begins`: when the charge began. Raises NotComparable."""
    start = instant(profile.start_date_time or begins)
    end = None if profile.duration is None else start + profile.duration * SECOND
    found: list[Step] = []
    for period in sorted(profile.charging_profile_period, key=lambda each: each.start_period):
        at = start + period.start_period * SECOND
        if end is not None and at >= end:
            break
        limit = plug.convert(period.limit, profile.charging_rate_unit, unit)
        if limit is None:
            raise NotComparable("The voltage of the connector is not known, so watts and amperes cannot be compared.")
        found.append(Step(at, limit))
    if found and end is not None:
        found.append(Step(end, None))
    return _tidy(found)


def lowest(curves: Sequence[Curve]) -> Curve:
    """The lowest limit of all at each moment."""
    return _merged(curves, lambda limits: min((each for each in limits if each is not None), default=None))


def bounded(limits: Curve, most: Limit) -> Curve:
    """Never more than `most`, which holds at all times from the first step on."""
    if most is None:
        return limits
    return _tidy([Step(step.at, _lower(step.limit, most)) for step in limits.steps])


def sequence(pieces: Sequence[tuple[int, Curve]]) -> Curve:
    """Each curve from its moment on until the next one's."""
    found: list[Step] = []
    ordered = sorted(pieces, key=lambda piece: piece[0])
    for index, (begin, said) in enumerate(ordered):
        end = ordered[index + 1][0] if index + 1 < len(ordered) else None
        found.append(Step(begin, said.at(begin)))
        found += [step for step in said.steps if step.at > begin and (end is None or step.at < end)]
    return _tidy(found)


def _merged(curves: Sequence[Curve], choose: Callable[[list[Limit]], Limit]) -> Curve:
    moments = sorted({step.at for each in curves for step in each.steps})
    positions, found = [0] * len(curves), []
    for at in moments:
        limits: list[Limit] = []
        for index, each in enumerate(curves):
            while positions[index] < len(each.steps) and each.steps[positions[index]].at <= at:
                positions[index] += 1
            limits.append(each.steps[positions[index] - 1].limit if positions[index] else None)
        found.append(Step(at, choose(limits)))
    return _tidy(found)


def _tidy(steps: Sequence[Step]) -> Curve:
    """Of several steps at one moment the last one; no step that changes nothing."""
    found: list[Step] = []
    for step in steps:
        if found and found[-1].at == step.at:
            found.pop()
        before = found[-1].limit if found else None
        if before != step.limit:
            found.append(step)
    return Curve(tuple(found))


def active(limits: Curve, *, at: datetime, length: timedelta, unit: ChargingRateUnit, most: Limit) -> dict[str, object]:
    """An ActiveChargingProfile: what holds from `at` on for this long. Where nothing limits, the most that the EVSE gives
    (T-449); where that is not known either, nothing is said of that time."""
    begin = instant(at) // SECOND * SECOND
    seconds = max(int(length.total_seconds()), 1)
    shown = limits.within(begin, begin + seconds * SECOND)
    return {
        "start_date_time": date_time_text(moment(begin)),
        "charging_profile": {
            "start_date_time": date_time_text(moment(begin)),
            "duration": seconds,
            "charging_rate_unit": unit.value,
            "charging_profile_period": [
                each for each in _periods(shown, begin, most) if each["start_period"] < seconds
            ],
        },
    }


def lasting(limits: Curve, *, at: datetime, unit: ChargingRateUnit, most: Limit) -> dict[str, object]:
    """A ChargingProfile that says from `at` on what `limits` say, for ever: what a charge point is told when several parties
    limit one session."""
    begin = instant(at) // SECOND * SECOND
    later = [step for step in limits.steps if step.at > begin]
    shown = Curve((Step(begin, limits.at(begin)), *later))
    return {
        "start_date_time": date_time_text(moment(begin)),
        "charging_rate_unit": unit.value,
        "charging_profile_period": list(_periods(shown, begin, most)),
    }


def _periods(shown: Curve, begin: int, most: Limit) -> Iterator[dict[str, Any]]:
    """In whole seconds from `begin` on, as OCPI counts. Of a second in which the limit changes the lowest counts."""
    seconds: dict[int, Limit] = {}
    carried: Limit = None
    for step in shown.steps:
        second, rest = divmod(step.at - begin, SECOND)
        limit = _lower(step.limit, most)
        if rest:
            seconds[second] = _lower(seconds.get(second, carried), limit)
            second += 1
        seconds[second] = carried = limit
    last: object = None
    for second, limit in sorted(seconds.items()):
        value = None if limit is None else tenths(limit)
        if value is not None and value != last:
            yield {"start_period": second, "limit": value}
            last = value


def _lower(one: Limit, other: Limit) -> Limit:
    return min((each for each in (one, other) if each is not None), default=None)
