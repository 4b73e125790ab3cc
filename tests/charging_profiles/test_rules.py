"""What is decided about charging profiles without a database: units, limits over time, what is refused, how requests move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backoffice.charging_profiles.rules.asking import MOST_ASKED, Asked, findings, respond, wait, waiting_time
from backoffice.charging_profiles.rules.curves import (
    NOTHING,
    SECOND,
    Curve,
    NotComparable,
    Step,
    active,
    bounded,
    curve,
    instant,
    lasting,
    lowest,
    moment,
)
from backoffice.charging_profiles.rules.plugs import UNKNOWN, Plug, plug, tenths
from backoffice.charging_profiles.rules.states import OPEN, TRANSITIONS, Kind, Move, State, Way, moved, result_of
from ocpi.wire import json as wire_json
from ocpi.wire.charging_profiles import ActiveChargingProfile, ChargingProfile, ChargingRateUnit
from ocpi.wire.sessions import SessionStatus

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
BEGAN = NOW - timedelta(minutes=20)
W, A = ChargingRateUnit.W, ChargingRateUnit.A
AC_22 = Plug(230, 3, Decimal(22080), Decimal(32))


def profile(unit: str = "A", *periods: tuple[int, str], **fields: Any) -> ChargingProfile:
    tree = {
        "charging_rate_unit": unit,
        "charging_profile_period": [{"start_period": at, "limit": Decimal(limit)} for at, limit in periods],
        **fields,
    }
    return wire_json.validate(ChargingProfile, tree)


# --- units ------------------------------------------------------------------------------------------------------------


CONNECTORS = [
    ({"power_type": "AC_3_PHASE", "max_voltage": 230, "max_amperage": 32}, Plug(230, 3, Decimal(22080), Decimal(32))),
    (
        {"power_type": "AC_3_PHASE", "max_voltage": 230, "max_amperage": 32, "max_electric_power": 11000},
        Plug(230, 3, Decimal(11000), Decimal("15.9")),
    ),
    ({"power_type": "AC_1_PHASE", "max_voltage": 230, "max_amperage": 16}, Plug(230, 1, Decimal(3680), Decimal(16))),
    ({"power_type": "AC_2_PHASE", "max_voltage": 230, "max_amperage": 16}, Plug(230, 2, Decimal(7360), Decimal(16))),
    (
        {"power_type": "DC", "max_voltage": 920, "max_amperage": 400, "max_electric_power": 150000},
        Plug(920, 1, Decimal(150000), Decimal(163)),
    ),
    ({"power_type": "AC_3_PHASE", "max_voltage": 0, "max_amperage": 0}, Plug(0, 3, None, None)),
    ({"power_type": "AC_3_PHASE", "max_voltage": -5, "max_amperage": 10**12}, Plug(0, 3, None, None)),
    ({"power_type": "UNHEARD", "max_electric_power": 5000}, Plug(0, 1, Decimal(5000), None)),
    (None, UNKNOWN),
]


@pytest.mark.parametrize(("connector", "expected"), CONNECTORS)
def test_what_a_connector_can_do(connector: dict[str, Any] | None, expected: Plug) -> None:
    assert plug(connector) == expected


@pytest.mark.rule("T-458")
def test_amperes_are_per_phase_and_watts_of_all() -> None:
    assert AC_22.convert(Decimal(16), A, W) == 16 * 230 * 3
    assert AC_22.convert(Decimal(11040), W, A) == 16
    assert Plug(230, 1, None, None).convert(Decimal(16), A, W) == 3680
    assert AC_22.convert(Decimal("7.5"), A, A) == Fraction("7.5")
    assert UNKNOWN.convert(Decimal(16), A, W) is None
    assert UNKNOWN.convert(Decimal(16), A, A) == 16


@pytest.mark.rule("T-457")
def test_a_converted_limit_has_one_decimal_and_never_grows() -> None:
    assert str(tenths(Fraction(1000, 690))) == "1.4"
    assert tenths(Fraction(16)) == 16
    assert str(tenths(Fraction(22080))) in ("22080", "2.208E+4")
    assert wire_json.encode({"limit": tenths(Fraction(22000))}) == b'{"limit":22000}'


# --- limits over time -------------------------------------------------------------------------------------------------


@pytest.mark.rule("T-454", "T-455", "T-456")
def test_what_a_profile_says_at_each_moment() -> None:
    begin = instant(BEGAN)
    relative = curve(profile("A", (0, "16"), (600, "6")), begins=BEGAN, unit=A, plug=AC_22)
    assert relative.at(begin - 1) is None
    assert relative.at(begin) == 16
    assert relative.at(begin + 600 * SECOND - 1) == 16
    assert relative.at(begin + 600 * SECOND) == 6
    assert relative.at(begin + 10**9 * SECOND) == 6  # for ever
    bounded_by_time = curve(profile("A", (0, "16"), (600, "6"), duration=900), begins=BEGAN, unit=A, plug=AC_22)
    assert bounded_by_time.at(begin + 900 * SECOND - 1) == 6
    assert bounded_by_time.at(begin + 900 * SECOND) is None
    absolute = curve(profile("A", (0, "16"), start_date_time="2026-11-22T12:00:00Z"), begins=BEGAN, unit=W, plug=AC_22)
    assert absolute.at(begin) is None
    assert absolute.at(instant(NOW + timedelta(hours=2))) == 16 * 690


def test_watts_and_amperes_do_not_meet_without_a_voltage() -> None:
    with pytest.raises(NotComparable):
        curve(profile("A", (0, "16")), begins=BEGAN, unit=W, plug=UNKNOWN)


def test_times_that_no_calendar_has() -> None:
    far = profile("A", (0, "16"), (10**18, "6"), start_date_time="9999-12-31T23:59:59Z", duration=10**19)
    drawn = curve(far, begins=BEGAN, unit=A, plug=AC_22)
    assert drawn.at(instant(NOW)) is None
    assert [step.limit for step in drawn.steps] == [16, 6, None]
    early = profile("A", (0, "16"), start_date_time="0001-01-01T00:00:00Z")
    assert curve(early, begins=BEGAN, unit=A, plug=AC_22).at(instant(NOW)) == 16
    with pytest.raises(OverflowError):
        moment(10**25)


limits = st.decimals(min_value=0, max_value=64, places=1)
starts = st.lists(st.integers(0, 7200), min_size=1, max_size=6, unique=True).map(sorted)


@st.composite
def profiles(draw: st.DrawFn, units: tuple[str, ...] = ("A",)) -> ChargingProfile:
    fields: dict[str, Any] = {}
    if draw(st.booleans()):
        fields["duration"] = draw(st.integers(1, 9000))
    if draw(st.booleans()):
        offset = draw(st.integers(-7200, 7200))
        fields["start_date_time"] = (NOW + timedelta(seconds=offset)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return profile(draw(st.sampled_from(units)), *[(at, str(draw(limits))) for at in draw(starts)], **fields)


moments = st.integers(-10_000, 20_000).map(lambda seconds: instant(NOW) + seconds * SECOND)


def naive(told: ChargingProfile, when: int) -> Fraction | None:
    """The same law written another way: look for the period that the moment is in."""
    start = instant(told.start_date_time or BEGAN)
    passed = (when - start) // SECOND
    if passed < 0 or (told.duration is not None and passed >= told.duration):
        return None
    inside = [each for each in told.charging_profile_period if each.start_period <= passed]
    if not inside:
        return None
    return AC_22.convert(max(inside, key=lambda each: each.start_period).limit, told.charging_rate_unit, A)


@given(profiles(("A", "W")), moments)
@settings(max_examples=200, deadline=None)
def test_a_curve_says_what_its_profile_says(told: ChargingProfile, when: int) -> None:
    assert curve(told, begins=BEGAN, unit=A, plug=AC_22).at(when) == naive(told, when)


@given(st.lists(profiles(("A", "W")), max_size=4), moments)
@settings(max_examples=200, deadline=None)
def test_the_lowest_of_several_holds(told: list[ChargingProfile], when: int) -> None:
    curves = [curve(each, begins=BEGAN, unit=A, plug=AC_22) for each in told]
    said = [limit for each in curves if (limit := each.at(when)) is not None]
    assert lowest(curves).at(when) == (min(said) if said else None)
    assert lowest(curves[::-1]) == lowest(curves)
    assert lowest([*curves, *curves]) == lowest(curves)


@given(st.lists(profiles(("A", "W")), max_size=3), st.integers(0, 7200))
@settings(max_examples=150, deadline=None)
def test_what_is_told_of_the_active_profile_is_what_holds(told: list[ChargingProfile], later: int) -> None:
    """Read again, an active profile says at each moment of its time what holds, to a tenth of an ampere and never more."""
    at = NOW + timedelta(seconds=later)
    joined = bounded(lowest([curve(each, begins=BEGAN, unit=A, plug=AC_22) for each in told]), Fraction(32))
    tree = active(joined, at=at, length=timedelta(minutes=60), unit=A, most=Fraction(32))
    read = wire_json.validate(ActiveChargingProfile, tree)
    assert (read.start_date_time, read.charging_profile.duration) == (at, 3600)
    again = curve(read.charging_profile, begins=at, unit=A, plug=AC_22)
    for second in range(0, 3600, 97):
        when = instant(at) + second * SECOND
        holds = joined.at(when)
        shown = again.at(when)
        assert shown is not None
        assert shown == tenths(Fraction(32) if holds is None else holds)


@given(st.lists(profiles(("A", "W")), min_size=1, max_size=3))
@settings(max_examples=150, deadline=None)
def test_what_a_charge_point_is_told_of_several_is_the_lowest_for_ever(told: list[ChargingProfile]) -> None:
    joined = bounded(lowest([curve(each, begins=BEGAN, unit=A, plug=AC_22) for each in told]), Fraction(32))
    tree = lasting(joined, at=NOW, unit=A, most=Fraction(32))
    again = curve(wire_json.validate(ChargingProfile, tree), begins=BEGAN, unit=A, plug=AC_22)
    for second in (0, 1, 599, 3600, 7200, 20_000, 10**7):
        when = instant(NOW) + second * SECOND
        holds = joined.at(when)
        assert again.at(when) == tenths(Fraction(32) if holds is None else holds)


@given(st.lists(st.tuples(st.integers(0, 5_000_000), limits), min_size=1, max_size=6))
@settings(max_examples=200, deadline=None)
def test_a_limit_that_changes_within_a_second_never_counts_late(told: list[tuple[int, Decimal]]) -> None:
    begin = instant(NOW)
    drawn = Curve(tuple(Step(begin + at, Fraction(limit)) for at, limit in sorted(dict(told).items())))
    tree = lasting(drawn, at=NOW, unit=A, most=Fraction(32))
    periods = tree["charging_profile_period"]
    assert isinstance(periods, list)
    starts = [period["start_period"] for period in periods]
    assert starts == sorted(set(starts))
    again = curve(wire_json.validate(ChargingProfile, tree), begins=BEGAN, unit=A, plug=AC_22)
    for at in range(0, 6_000_000, 250_000):
        holds, shown = drawn.at(begin + at), again.at(begin + at)
        assert shown is not None
        assert shown <= (Fraction(32) if holds is None else holds)
    assert again.at(begin + 7 * SECOND) == min(drawn.at(begin + 7 * SECOND) or Fraction(0), Fraction(32))


def test_a_curve_has_no_step_that_changes_nothing() -> None:
    assert lowest([NOTHING, NOTHING]) == NOTHING
    flat = curve(profile("A", (0, "16"), (60, "16"), (120, "6")), begins=BEGAN, unit=A, plug=AC_22)
    assert [step.limit for step in flat.steps] == [16, 6]
    assert bounded(Curve((Step(0, Fraction(40)), Step(5, None))), Fraction(32)) == Curve((Step(0, Fraction(32)),))


@pytest.mark.rule("T-449")
def test_where_nothing_limits_the_most_of_the_evse_is_told() -> None:
    tree = active(NOTHING, at=NOW, length=timedelta(minutes=60), unit=A, most=Fraction(32))
    assert tree["charging_profile"]["charging_profile_period"] == [{"start_period": 0, "limit": 32}]  # type: ignore[index]
    unknown = active(NOTHING, at=NOW, length=timedelta(minutes=60), unit=W, most=None)
    assert unknown["charging_profile"]["charging_profile_period"] == []  # type: ignore[index]


# --- what is refused --------------------------------------------------------------------------------------------------


REFUSED = [
    (profile("A"), "no period"),
    (profile("A", *[(at, "6") for at in range(1001)]), "1001 periods"),
    (profile("A", (-5, "6")), "before the profile"),
    (profile("A", (0, "6"), (0, "7")), "after the one before"),
    (profile("A", (60, "6"), (0, "7")), "after the one before"),
    (profile("A", (0, "-0.1")), "less than none"),
    (profile("A", (0, "16"), min_charging_rate=Decimal(-1)), "less than none"),
    (profile("A", (0, "16"), min_charging_rate=Decimal("32.1")), "gives 32 at most"),
    (profile("A", (0, "16"), duration=0), "not positive"),
    (profile("A", (0, "16"), duration=-60), "not positive"),
    (profile("A", (0, "16"), start_date_time="2026-11-22T09:00:00Z", duration=3600), "over already"),
    (profile("A", (0, "16"), start_date_time="2026-11-30T10:00:00Z"), "7 days"),
    (profile("A", (0, "16"), start_date_time="9999-12-31T23:59:59Z"), "7 days"),
]

TAKEN = [
    (profile("A", (0, "16")), ""),
    (profile("A", (0, "0")), ""),
    (profile("A", (0, "33")), "taken as that"),
    (profile("W", (0, "22081")), "taken as that"),
    (profile("W", (0, "22080")), ""),
    (profile("A", (30, "16")), "first 30 seconds"),
    (profile("A", (0, "16"), (600, "6"), duration=600), "never reached"),
    (profile("A", (0, "5"), min_charging_rate=Decimal(6)), "below the min"),
    (profile("A", (0, "16"), start_date_time="2026-11-22T09:00:00Z", duration=3601), ""),
    (profile("A", (0, "16"), start_date_time="0001-01-01T00:00:00Z"), ""),
]


@pytest.mark.parametrize(("told", "why"), REFUSED)
def test_a_profile_that_is_refused(told: ChargingProfile, why: str) -> None:
    found = list(findings(told, plug=AC_22, now=NOW))
    assert any(finding.stops and why in finding.text for finding in found), found


@pytest.mark.parametrize(("told", "why"), TAKEN)
def test_a_profile_that_is_taken(told: ChargingProfile, why: str) -> None:
    found = list(findings(told, plug=AC_22, now=NOW))
    assert not any(finding.stops for finding in found), found
    assert [why in finding.text for finding in found] == ([True] if why else [])


def asked(**changes: Any) -> Asked:
    fields: dict[str, Any] = {
        "kind": Kind.SET,
        "status": SessionStatus.ACTIVE,
        "capable": True,
        "why_unreachable": "",
        "plug": AC_22,
        "profile": profile("A", (0, "16")),
        "asked": [],
    }
    return Asked(**(fields | changes))


ANSWERS: list[tuple[dict[str, Any], str]] = [
    ({}, "ACCEPTED"),
    ({"profile": None, "kind": Kind.CLEAR}, "ACCEPTED"),
    ({"status": SessionStatus.PENDING}, "ACCEPTED"),
    ({"status": SessionStatus.RESERVATION}, "REJECTED"),
    ({"status": SessionStatus.COMPLETED}, "REJECTED"),
    ({"status": SessionStatus.INVALID}, "REJECTED"),
    ({"capable": False}, "NOT_SUPPORTED"),
    ({"why_unreachable": "Nothing drives it."}, "NOT_SUPPORTED"),
    ({"profile": profile("A", (0, "-1"))}, "REJECTED"),
    ({"others": "another party"}, "TOO_OFTEN"),
    ({"asked": [NOW] * MOST_ASKED}, "TOO_OFTEN"),
    ({"asked": [NOW] * (MOST_ASKED - 1)}, "ACCEPTED"),
]


@pytest.mark.parametrize(("changes", "response"), ANSWERS)
def test_the_answer(changes: dict[str, Any], response: str) -> None:
    answer, reason = respond(asked(**changes), NOW)
    assert answer.value == response
    assert bool(reason) is (response != "ACCEPTED")


@pytest.mark.rule("T-450")
def test_how_often_is_too_often() -> None:
    times = [NOW - timedelta(seconds=10 * number) for number in range(MOST_ASKED)]
    assert wait(times, NOW) == 10
    assert wait(times[:-1], NOW) == 0
    assert wait([at - timedelta(seconds=60) for at in times], NOW) == 0
    assert wait([NOW] * 50, NOW) == 60


@pytest.mark.parametrize(("timeout", "seconds"), [(-10, 5), (0, 5), (30, 30), (10**18, 900)])
def test_how_long_we_wait(timeout: int, seconds: int) -> None:
    assert waiting_time(timeout) == timedelta(seconds=seconds)


# --- how a request moves ----------------------------------------------------------------------------------------------


def test_the_table_of_moves() -> None:
    for way in Way:
        for state, moves in TRANSITIONS[way].items():
            assert bool(moves) is (state in OPEN)
            for move in Move:
                assert moved(way, state, move) == moves.get(move)
    assert moved(Way.OUT, State.QUEUED, Move.RESULT) is State.ANSWERED  # a result may overtake the answer
    assert moved(Way.IN, State.QUEUED, Move.RESULT) is None
    reached = {State.QUEUED} | {to for moves in TRANSITIONS[Way.OUT].values() for to in moves.values()}
    assert reached == set(State)


@pytest.mark.parametrize(
    ("outcome", "result"),
    [
        ("ACCEPTED", "ACCEPTED"),
        ("UNKNOWN_RESERVATION", "UNKNOWN"),
        ("NOT_SUPPORTED", "REJECTED"),
        ("TIMEOUT", "REJECTED"),
    ],
)
def test_what_the_hardware_says_in_the_words_of_ocpi(outcome: str, result: str) -> None:
    assert result_of(outcome).value == result
