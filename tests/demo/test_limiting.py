"""A limit from outside bends a charge: never more power than it allows, the same energy in the end, the past as it was."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backoffice.demo.rules.course import Course
from backoffice.demo.rules.filling import energy
from backoffice.demo.rules.limiting import FEW, PATIENCE, Limit, Setting, limited, limits, lowest, of_site, plan
from backoffice.demo.rules.visits import WEIGHTS, Outlet, Story, Visit
from ocpi.wire import json as wire_json
from ocpi.wire.charging_profiles import ActiveChargingProfile

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
AC, DC = Outlet(22_000, direct=False), Outlet(150_000, direct=True)


def course(story: Story = Story.FULL, outlet: Outlet = AC, seed: int = 1, stay: int = 100_000) -> Course:
    return Visit(story, stay, seed).course(outlet)


def profile(*periods: tuple[int, float], unit: str = "W", **given: Any) -> dict[str, Any]:
    return {
        "charging_rate_unit": unit,
        "charging_profile_period": [{"start_period": at, "limit": Decimal(str(limit))} for at, limit in periods],
    } | given


def test_without_limits_nothing_changes() -> None:
    assert limited(course(), ()) == course()
    assert limited(course(), [Limit(0, None)]) == course()
    assert limited(course(), [Limit(0, 1_000_000)]) == course()


def test_half_the_power_takes_twice_the_time() -> None:
    whole = course()
    (watts,) = {leg.watts for leg in whole.legs if leg.soc <= 90}
    half = limited(whole, [Limit(50_000, watts // 2)])
    assert half.measured(49_999) == whole.measured(49_999)
    assert half.measured(80_000).kw * 2 == whole.measured(80_000).kw
    gained = half.measured(70_000).kwh - half.measured(50_000).kwh
    assert abs(gained * 2 - (whole.measured(70_000).kwh - whole.measured(50_000).kwh)) <= Decimal("0.002")
    assert half.legs[-1].until > whole.legs[-1].until


@pytest.mark.parametrize("story", [*WEIGHTS])
@pytest.mark.parametrize("outlet", [AC, DC])
@settings(max_examples=15)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 250_000), st.one_of(st.none(), st.integers(0, 200_000))), min_size=1, max_size=5
    ),
    seed=st.integers(0, 1000),
)
def test_no_limit_is_passed_and_nothing_is_lost(
    story: Story, outlet: Outlet, steps: list[tuple[int, int | None]], seed: int
) -> None:
    own = course(story, outlet, seed)
    caps = [Limit(at, watts) for at, watts in sorted(steps, key=lambda step: step[0])]
    bent = limited(own, caps)
    assert own.ends <= bent.ends <= own.ends * PATIENCE
    since = 0
    for leg in bent.legs:
        assert leg.until > since
        at = since
        while at < leg.until:  # whatever is limited anywhere within the leg is kept to
            cap = next((cap.watts for cap in reversed(caps) if cap.since <= at), None)
            assert cap is None or leg.watts <= cap
            at = next((cap.since for cap in caps if cap.since > at), leg.until)
        since = leg.until
    assert [leg.soc for leg in bent.legs] == sorted(leg.soc for leg in bent.legs)
    whole = energy(own.legs, own.legs[-1].until)
    assert energy(bent.legs, bent.legs[-1].until) <= whole + 200_000 * len(bent.legs)
    if bent.legs[-1].soc == own.legs[-1].soc:
        assert energy(bent.legs, bent.legs[-1].until) >= whole
    first = caps[0].since
    assert bent.measured(min(first, own.ends)).kwh == own.measured(min(first, own.ends)).kwh
    readings = [bent.measured(ms).kwh for ms in range(0, bent.ends, 5_000)]
    assert readings == sorted(readings)


def test_nothing_for_ever_tries_the_drivers_patience() -> None:
    own = course()
    bent = limited(own, [Limit(10_000, 0)])
    assert bent.ends == own.ends * PATIENCE
    assert bent.measured(50_000).kw == 0
    assert not bent.measured(50_000).charging
    assert bent.measured(bent.ends).kwh == own.measured(10_000).kwh


def test_a_limit_that_is_lifted_is_forgotten_from_then_on() -> None:
    own = course()
    bent = limited(own, [Limit(10_000, 0), Limit(20_000, None)])
    assert bent.measured(60_000).kwh == own.measured(50_000).kwh
    assert bent.ends == own.ends + 10_000


@pytest.mark.parametrize(
    ("set_to", "expected"),
    [
        ([Setting(5_000, profile((0, 2000)))], [(5_000, 2000)]),
        ([Setting(5_000, profile((0, 2000), (20, 3000.5)))], [(5_000, 2000), (20_000, 3000)]),
        ([Setting(30_000, profile((0, 2000), (20, 3000)))], [(30_000, 3000)]),
        ([Setting(0, profile((0, 2000), duration=60))], [(0, 2000), (60_000, None)]),
        ([Setting(5_000, profile((0, 10), unit="A"))], [(5_000, 6900)]),
        ([Setting(5_000, profile((10, 2000)))], [(5_000, None), (10_000, 2000)]),
        (
            [Setting(5_000, profile((0, 2000), start_date_time="2026-11-22T10:00:40Z"))],
            [(5_000, None), (40_000, 2000)],
        ),
        (
            [Setting(5_000, profile((0, 2000), (50, 1000))), Setting(20_000, None), Setting(30_000, profile((0, 7)))],
            [(5_000, 2000), (20_000, None), (30_000, 7)],
        ),
        ([Setting(5_000, profile())], [(5_000, None)]),
    ],
)
def test_what_a_profile_means_over_time(set_to: list[Setting], expected: list[tuple[int, int | None]]) -> None:
    assert [(limit.since, limit.watts) for limit in limits(set_to, begun=NOW, direct=False)] == expected


def test_of_two_limits_the_lower_one_holds() -> None:
    one = [Limit(10, 500), Limit(30, None), Limit(50, 100)]
    other = [Limit(0, 300), Limit(20, 700), Limit(40, None)]
    assert [(each.since, each.watts) for each in lowest(one, other)] == [
        (0, 300),
        (10, 300),
        (20, 500),
        (30, 700),
        (40, None),
        (50, 100),
    ]
    assert lowest((), ()) == ()


def test_a_site_limits_some_fast_charges_for_a_while_and_the_same_ones_each_time() -> None:
    courses = {f"full-100000-{number:08x}": course(outlet=DC, seed=number) for number in range(200)}
    found = {name: of_site(name, own, direct=True) for name, own in courses.items()}
    assert found == {name: of_site(name, own, direct=True) for name, own in courses.items()}
    assert 20 < len([each for each in found.values() if each]) < 60
    assert not any(of_site(name, own, direct=False) for name, own in courses.items())
    for name, caps in found.items():
        if caps:
            begins, ends = caps
            assert begins.since < ends.since < courses[name].legs[-1].until
            assert begins.watts is not None
            assert begins.watts < max(leg.watts for leg in courses[name].legs)
            assert ends.watts is None


def test_an_ampere_of_direct_current_is_another() -> None:
    (found,) = limits([Setting(0, profile((0, 10), unit="A"))], begun=NOW, direct=True)
    assert found.watts == 4000


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("outlet", "unit"), [(AC, "W"), (DC, "W"), (DC, "A")])
def test_a_plan_is_an_active_profile_of_few_periods_that_promises_no_more_than_flows(
    outlet: Outlet, unit: str, seed: int
) -> None:
    chance = random.Random(seed)
    bent = limited(course(outlet=outlet, seed=seed), [Limit(30_000, 9_000)])
    ms, seconds = chance.randrange(0, 150_000), chance.randrange(1, 400)
    tree = wire_json.parse(wire_json.encode(plan(bent, ms, seconds, begun=NOW, unit=unit, direct=outlet.direct)))
    told = wire_json.validate(ActiveChargingProfile, tree)
    periods = told.charging_profile.charging_profile_period
    assert 1 <= len(periods) <= FEW
    assert periods[0].start_period == 0
    starts = [period.start_period for period in periods]
    assert starts == sorted(set(starts))
    assert max(starts) < seconds
    assert told.charging_profile.duration == seconds
    assert abs((NOW + timedelta(milliseconds=ms) - told.start_date_time).total_seconds()) < 0.001
    per = Decimal(1) if unit == "W" else Decimal(400)
    for period in periods:
        flows = bent.measured(ms + period.start_period * 1000 + 999).kw * 1000
        assert period.limit * per <= max(flows, bent.measured(ms + period.start_period * 1000).kw * 1000)
