"""The physics of simulated charges: energy never falls, power keeps within the connector, curves have the shape of their kind,
and a name alone gives the same charge again.
"""

import random
from decimal import Decimal
from itertools import pairwise

import pytest

from backoffice.demo.rules.course import Course
from backoffice.demo.rules.filling import DIRECT, FULL, ONBOARD, PER_KWH, Shape, energy, fill
from backoffice.demo.rules.visits import JUMP, WEIGHTS, Outlet, Story, Visit, visit
from ocpi.wire.locations import Status

HOUSEHOLD, AC, DC = Outlet(2_990, False), Outlet(22_000, False), Outlet(300_000, True)
OUTLETS = [HOUSEHOLD, AC, DC]
STAY = 180_000


def courses(story: Story, outlet: Outlet, count: int = 40) -> list[tuple[Visit, Course]]:
    chance = random.Random(f"{story} {outlet}")
    visits = [visit(chance, shortest=STAY // 2, longest=STAY, story=story) for _ in range(count)]
    return [(each, each.course(outlet)) for each in visits]


@pytest.mark.parametrize("shape", [ONBOARD, *DIRECT], ids=lambda shape: shape.name)
@pytest.mark.parametrize("limit", [1, 2_990, 11_000, 350_000])
@pytest.mark.parametrize(("soc", "target", "ms"), [(0, 100, 100), (10, 80, 240_000), (99, 100, 1), (7, 93, 99_991)])
def test_a_battery_fills_in_its_time_within_its_limit(shape: Shape, limit: int, soc: int, target: int, ms: int) -> None:
    legs = fill(shape, limit=limit, soc=soc, target=target, ms=ms)
    assert legs[-1].until == ms
    assert [leg.soc for leg in legs] == list(range(soc + 1, target + 1))
    assert all(0 < leg.watts <= limit for leg in legs)
    assert all(one.until <= other.until for one, other in pairwise(legs))
    flown = [energy(legs, moment) for moment in range(0, ms + 1, max(ms // 500, 1))]
    assert flown == sorted(flown)
    assert energy(legs, ms) == energy(legs, ms + 10**9) <= limit * ms
    assert energy(legs, 0) == energy(legs, -5) == 0


@pytest.mark.parametrize("shape", DIRECT, ids=lambda shape: shape.name)
def test_every_percent_is_the_same_energy(shape: Shape) -> None:
    legs = fill(shape, limit=300_000, soc=10, target=90, ms=3_600_000)
    parts = [energy(legs, other.until) - energy(legs, one.until) for one, other in pairwise(legs)]
    assert max(parts) <= min(parts) * 1.001


@pytest.mark.parametrize(
    ("soc", "target", "ms"), [(50, 50, 1000), (80, 20, 1000), (-1, 50, 1000), (50, 101, 1000), (0, 100, 99)]
)
def test_what_cannot_be_filled(soc: int, target: int, ms: int) -> None:
    with pytest.raises(ValueError, match="cannot be filled"):
        fill(ONBOARD, limit=11_000, soc=soc, target=target, ms=ms)


def test_the_onboard_charger_is_constant_until_all_but_full() -> None:
    shares = [ONBOARD.share(soc) for soc in range(FULL)]
    assert set(shares[:96]) == {1000}
    assert shares[96:] == sorted(shares[96:], reverse=True)
    assert 300 <= shares[-1] < 500


@pytest.mark.parametrize("shape", DIRECT, ids=lambda shape: shape.name)
def test_direct_current_tapers(shape: Shape) -> None:
    shares = [shape.share(soc) for soc in range(FULL)]
    top = shares.index(max(shares))
    assert top <= 40
    assert max(shares) <= 1000
    assert shares[top:] == sorted(shares[top:], reverse=True)
    assert shares[80] <= 500
    assert shares[-1] <= 100


@pytest.mark.parametrize("outlet", OUTLETS, ids=lambda outlet: str(outlet.watts))
@pytest.mark.parametrize("story", list(Story))
def test_laws_of_every_course(story: Story, outlet: Outlet) -> None:
    for told, course in courses(story, outlet):
        assert course.ends > 0
        before = course.measured(0)
        assert (before.kwh, before.soc) == (0, course.soc)
        for ms in range(0, course.ends + STAY // 50, STAY // 50):
            now = course.measured(ms)
            assert now.kwh >= before.kwh
            assert now.soc >= before.soc
            assert 0 <= now.kw <= Decimal(outlet.watts) / 1000
            assert now.kwh == now.kwh.quantize(Decimal("0.001"))
            assert (now.kw > 0) is now.charging
            if story is not Story.METER:  # what a sound meter counts could have flown
                assert (now.kwh - before.kwh - Decimal("0.001")) * PER_KWH <= outlet.watts * (STAY // 50)
            before = now
        assert course.measured(course.ends) == course.measured(course.ends + STAY)
        assert course.reason
        assert told.course(outlet) == course


@pytest.mark.parametrize("outlet", OUTLETS, ids=lambda outlet: str(outlet.watts))
def test_what_each_story_tells(outlet: Outlet) -> None:
    for told, course in courses(Story.FULL, outlet):
        assert course.legs[-1].until == told.stay < course.ends <= told.stay * 1.12
        assert course.measured(told.stay - 1).charging
        assert not course.measured(told.stay).charging
    for told, course in courses(Story.PULLED, outlet):
        assert course.ends < told.stay
        assert course.measured(course.ends).soc < FULL
    for told, course in courses(Story.PARKED, outlet):
        assert course.ends >= told.stay * 3 // 2 - 1
    for _, course in courses(Story.BLOCKING, outlet):
        assert course.then is Status.BLOCKED
        assert course.trouble
    for told, course in courses(Story.FAULT, outlet):
        assert course.ends < told.stay
        assert course.then is Status.OUTOFORDER
        assert course.trouble
        assert (course.reason == "EmergencyStop") is course.trouble.startswith("Emergency")
    for told, course in courses(Story.OFFLINE, outlet):
        assert course.silent
        assert 0 < course.silent[0] < course.silent[1] < told.stay < course.ends
        assert [course.heard(ms) for ms in (0, *course.silent, course.ends)] == [True, False, True, True]
    for told, course in courses(Story.LOST, outlet):
        assert course.silent
        assert course.silent[0] < told.stay
        assert course.silent[1] > 20 * course.ends
    for _, course in courses(Story.METER, outlet):
        assert course.jump
        assert 0 < course.jump[0] < course.ends


def test_a_meter_that_jumps_shows_more_than_could_flow() -> None:
    for outlet in OUTLETS:
        for _, course in courses(Story.METER, outlet):
            assert course.jump
            at, kwh = course.jump
            assert kwh == JUMP
            assert course.measured(at).kwh - course.measured(at - 1).kwh >= JUMP
            assert course.measured(course.ends).kwh * PER_KWH > 5 * outlet.watts * course.ends


@pytest.mark.parametrize("story", list(Story))
def test_a_name_tells_the_whole_visit(story: Story) -> None:
    told = visit(random.Random(3), shortest=1_000, longest=999_999_999, story=story)
    assert Visit.named(told.name) == told
    assert len(told.name) <= 36


@pytest.mark.parametrize(
    "name", ["", "full", "full-1-00000000", "nothing-1000-00000000", "full-1000-0", "FULL-1000-00000000", "17"]
)
def test_no_other_name_is_a_visit(name: str) -> None:
    assert Visit.named(name) is None


def test_stories_fall_in_proportion_to_their_weights_and_seeds_repeat() -> None:
    one, other = (
        [visit(chance, shortest=1, longest=9) for _ in range(3000)] for chance in (random.Random(5), random.Random(5))
    )
    assert one == other
    for story, weight in WEIGHTS.items():
        assert sum(each.story is story for each in one) == pytest.approx(30 * weight, abs=30 + 3 * weight)
    assert sum(WEIGHTS.values()) == 100


def test_the_marks_of_a_course() -> None:
    legs = fill(ONBOARD, limit=11_000, soc=50, target=80, ms=100_000)
    course = Course(legs, 50, 150_000, "Local", silent=(45_000, 95_000))
    assert list(course.marks(0, 200_000, every=20_000)) == [20_000, 40_000, 60_000, 80_000, 100_000, 120_000, 140_000]
    assert list(course.marks(85_000, 130_000, every=30_000)) == [90_000, 100_000, 120_000]
    assert list(course.marks(40_000, 40_000, every=20_000)) == []
    moments = {0: 20_000, 20_000: 40_000, 40_000: 45_000, 45_000: 95_000, 95_000: 100_000, 140_000: 150_000}
    assert {ms: course.next_mark(ms, every=20_000) for ms in moments} == moments
    assert [course.over(ms) for ms in (149_999, 150_000)] == [False, True]
