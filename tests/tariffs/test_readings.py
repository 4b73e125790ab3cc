"""Each open question of the tariffs chapter (`docs/pricing.md`) about what is active: the reading chosen, in figures.
Where the other reading is a switch, it is shown too.
"""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from backoffice.tariffs.rules import Bound, Policy
from backoffice.tariffs.rules.because import SENTENCES, sentence_of
from tests.tariffs.build import amount, component, element, period, priced, tariff

NOTHING: tuple[str, ...] = ()


def total(*arguments: Any, **more: Any) -> str | None:
    return amount(priced(*arguments, **more))[1]


def codes(*arguments: Any, **more: Any) -> list[str]:
    return priced(*arguments, **more).codes


# --- Which component ---------------------------------------------------------------------------------------------------


def test_of_two_components_of_one_type_the_first_counts() -> None:
    assert total(tariff(element(component("ENERGY", 1), component("ENERGY", 9))), period("09:00", ENERGY=1)) == "1.0000"


@pytest.mark.rule("T-336", "T-337")
def test_each_dimension_has_its_own_first_element() -> None:
    offered = tariff(
        element(component("TIME", 6), min_kwh=100),
        element(component("ENERGY", 1), component("TIME", 2)),
        element(component("ENERGY", 9), component("FLAT", 5)),
    )
    breakdown = priced(offered, period("09:00", ENERGY=1, TIME=1), end="10:00")
    assert {name: amount(breakdown, name)[1] for name in breakdown.costs} == {
        "energy": "1.0000",
        "time": "2.0000",
        "fixed": "5.0000",
    }
    assert [segment.component.place for segment in breakdown.segments] == [
        "elements[2].price_components[1]",
        "elements[1].price_components[0]",
        "elements[1].price_components[1]",
    ]


@pytest.mark.rule("T-338")
def test_without_a_match_a_dimension_is_free() -> None:
    breakdown = priced(tariff(element(component("ENERGY", 1), max_kwh=0)), period("09:00", ENERGY=1))
    assert (breakdown.costs, breakdown.total.incl) == ({}, 0)


def test_a_period_across_a_boundary_is_priced_at_its_start_with_a_warning() -> None:
    offered = tariff(
        element(component("ENERGY", 1), end_time="11:00"), element(component("ENERGY", 3), start_time="11:00")
    )
    across = period("09:30", ENERGY=10, TIME=1)  # 10:30 in Berlin
    breakdown = priced(offered, across, end="10:30")
    assert amount(breakdown)[1] == "10.0000"
    assert [(each.code, each.period, each.facts) for each in breakdown.warnings] == [
        ("period_crosses_boundary", 0, ("elements[0].price_components[0]", "elements[1].price_components[0]"))
    ]
    assert total(offered, across, end="10:30", policy=Policy(interpolates=True)) == "20.0000"
    assert codes(offered, across, end="10:00") == []


@pytest.mark.parametrize(
    ("restrictions", "volumes", "crosses"),
    [
        ({"max_kwh": 5}, {"ENERGY": 5}, False),
        ({"max_kwh": 5}, {"ENERGY": Decimal("5.001")}, True),
        ({"max_duration": 3600}, {"ENERGY": 1}, False),
        ({"max_duration": 3599}, {"ENERGY": 1}, True),
        ({"max_duration": 3599}, {"PARKING_TIME": 1}, False),
        ({"day_of_week": ["MONDAY"]}, {"ENERGY": 1}, False),
        ({"max_power": 5}, {"ENERGY": 1, "MAX_POWER": 4}, False),
    ],
)
def test_only_boundaries_inside_a_period_are_crossed(
    restrictions: dict[str, Any], volumes: dict[str, Any], crosses: bool
) -> None:
    offered = tariff(element(component("ENERGY", 1), **restrictions), element(component("ENERGY", 2)))
    found = codes(offered, period("09:00", **volumes), end="10:00")
    assert ("period_crosses_boundary" in found) == crosses


def test_midnight_is_a_boundary_of_weekdays() -> None:
    offered = tariff(element(component("ENERGY", 1), day_of_week=["MONDAY"]), element(component("ENERGY", 2)))
    late = period("22:30", ENERGY=1)  # 23:30 in Berlin
    assert codes(offered, late, end="23:00") == []
    assert codes(offered, late, end="2025-01-13T23:01") == ["period_crosses_boundary"]


# --- Which tariff --------------------------------------------------------------------------------------------------------

ONE, TWO = tariff(element(component("ENERGY", 1)), id="one"), tariff(element(component("ENERGY", 2)), id="two")


@pytest.mark.rule("T-308")
def test_the_tariff_of_each_period_is_honoured() -> None:
    periods = [period("09:00", "ONE", ENERGY=1), period("10:00", "two", ENERGY=1), period("11:00", ENERGY=1)]
    breakdown = priced([ONE, TWO], *periods)
    assert (amount(breakdown)[1], breakdown.codes) == ("3.0000", ["period_without_tariff"])
    assert total([ONE, TWO], *periods, policy=Policy(unnamed_period_is_free=False)) == "4.0000"
    assert codes([ONE], period("09:00", "three", ENERGY=1)) == ["tariff_unknown"]


def test_where_no_period_names_one_the_given_tariff_prices_all() -> None:
    assert (total(ONE, period("09:00", ENERGY=1)), codes(ONE, period("09:00", ENERGY=1))) == ("1.0000", [])


@pytest.mark.rule("T-346")
def test_the_tariff_valid_at_the_start_prices_the_whole_session() -> None:
    old = tariff(element(component("ENERGY", 1)), end_date_time="2025-01-13T10:00:00Z")
    new = tariff(element(component("ENERGY", 2)), start_date_time="2025-01-13T10:00:00Z")
    periods = [period("09:00", ENERGY=1), period("10:00", ENERGY=1)]
    assert (total([new, old], *periods), codes([new, old], *periods)) == ("2.0000", [])
    assert total([new, old], period("10:00", ENERGY=1)) == "2.0000"
    assert codes(new, *periods) == ["tariff_not_valid_at_start"]
    assert codes([ONE, TWO], period("09:00", ENERGY=1)) == ["several_tariffs_apply"]


def test_the_limits_are_those_of_the_first_tariff() -> None:
    capped = tariff(element(component("ENERGY", 1)), id="capped", max_price={"before_taxes": 2})
    first = [period("09:00", "capped", ENERGY=5), period("10:00", "two", ENERGY=5)]
    later = [period("09:00", "two", ENERGY=5), period("10:00", "capped", ENERGY=5)]
    assert (total([capped, TWO], *first), codes([capped, TWO], *first)) == ("2.0000", ["limits_of_first_tariff"])
    assert total([capped, TWO], *later) == "15.0000"


# --- Clock ---------------------------------------------------------------------------------------------------------------


@pytest.mark.rule("T-353")
@pytest.mark.parametrize(
    ("start_time", "end_time", "inside", "outside"),
    [
        ("09:00", "17:00", ["08:00", "15:59:59"], ["07:59:59", "16:00"]),  # an hour earlier in UTC
        ("22:00", "06:00", ["21:00", "23:30", "04:59:59"], ["05:00", "20:59:59"]),
        ("20:00", "00:00", ["19:00", "22:59:59"], ["23:00", "18:59:59"]),
        ("20:00", None, ["19:00", "22:59:59"], ["23:00"]),
        (None, "06:00", ["23:00", "04:59:59"], ["05:00", "22:59:59"]),
        ("09:00", "09:00", ["07:59:59", "08:00", "20:00"], NOTHING),
        ("00:00", "00:00", ["23:00", "22:59:59"], NOTHING),
    ],
)
def test_windows(start_time: str | None, end_time: str | None, inside: list[str], outside: list[str]) -> None:
    limits = {name: at for name, at in (("start_time", start_time), ("end_time", end_time)) if at is not None}
    offered = tariff(element(component("ENERGY", 1), **limits))
    for moments, expected in ((inside, "1.0000"), (outside, "0.0000")):
        assert {total(offered, period(moment, ENERGY=1)) for moment in moments} <= {expected}


def test_a_window_without_length_may_be_read_as_never() -> None:
    offered = tariff(element(component("ENERGY", 1), start_time="09:00", end_time="09:00"))
    assert total(offered, period("09:00", ENERGY=1), policy=Policy(equal_times_are_never=True)) == "0.0000"


@pytest.mark.rule("T-360")
def test_the_weekday_is_that_of_the_instant() -> None:
    offered = tariff(element(component("ENERGY", 1), day_of_week=["MONDAY"], start_time="22:00", end_time="06:00"))
    early_monday, early_tuesday = period("2025-01-13T03:00", ENERGY=1), period("2025-01-14T03:00", ENERGY=1)
    assert (total(offered, early_monday), total(offered, early_tuesday)) == ("1.0000", "0.0000")
    other = Policy(weekday_of_window_start=True)
    assert (total(offered, early_monday, policy=other), total(offered, early_tuesday, policy=other)) == (
        "0.0000",
        "1.0000",
    )


@pytest.mark.rule("T-354")
def test_dates_are_local_start_inclusive_end_exclusive() -> None:
    offered = tariff(element(component("ENERGY", 1), start_date="2025-01-13", end_date="2025-01-14"))
    moments = ["2025-01-12T22:59:59", "2025-01-12T23:00", "2025-01-13T22:59:59", "2025-01-13T23:00"]
    assert [total(offered, period(moment, ENERGY=1)) for moment in moments] == ["0.0000", "1.0000", "1.0000", "0.0000"]


def test_the_clock_changes_but_elapsed_time_does_not() -> None:
    """On 30 March 2025 Berlin has no 02:30; on 26 October it has two."""
    night = tariff(element(component("TIME", 60, 1), start_time="02:00", end_time="03:00"))
    spring = [period(f"2025-03-30T00:{minute}", TIME=Decimal("0.5")) for minute in ("00", "30")]
    assert total(night, *spring, end="2025-03-30T01:00") == "0.0000"
    autumn = [period(f"2025-10-26T{hour}:00", TIME=1) for hour in ("00", "01", "02")]
    breakdown = priced(night, *autumn, end="2025-10-26T03:00")
    assert amount(breakdown)[1] == "120.0000"
    later = tariff(element(component("TIME", 60, 1), min_duration=3600))
    assert total(later, *autumn, end="2025-10-26T03:00") == "120.0000"


def test_without_a_zone_times_are_utc_and_it_is_said() -> None:
    offered = tariff(element(component("ENERGY", 1), start_time="09:00", end_time="10:00"))
    assert total(offered, period("09:30", ENERGY=1), zone=None) == "1.0000"
    assert codes(offered, period("09:30", ENERGY=1), zone=None) == ["time_zone_unknown"]
    assert codes(ONE, period("09:30", ENERGY=1), zone=None) == []


# --- Quantities -----------------------------------------------------------------------------------------------------------


@pytest.mark.rule("T-355")
def test_energy_before_the_period_counts() -> None:
    offered = tariff(element(component("ENERGY", 1), min_kwh=5, max_kwh=10))
    periods = [period(f"{hour}:00", ENERGY=5) for hour in ("09", "10", "11")]
    assert [segment.line.period for segment in priced(offered, *periods).segments] == [1]


@pytest.mark.rule("T-359")
def test_durations_count_from_the_beginning_of_charging() -> None:
    offered = tariff(
        element(component("TIME", 1), min_duration=3600, max_duration=7200),
        element(component("TIME", 5), reservation="RESERVATION"),
    )
    periods = [period("08:00", RESERVATION_TIME=1), *(period(f"{hour}:00", TIME=1) for hour in ("09", "10", "11"))]
    breakdown = priced(offered, *periods, end="12:00")
    assert [segment.line.period for segment in breakdown.segments if segment.category == "time"] == [2]
    other = priced(offered, *periods, end="12:00", policy=Policy(duration_counts_reservation=True))
    assert [segment.line.period for segment in other.segments if segment.category == "time"] == [1]


@pytest.mark.rule("T-356", "T-357", "T-358")
@pytest.mark.parametrize(
    ("restrictions", "volumes", "holds"),
    [
        ({"min_power": 11}, {"MIN_POWER": 11, "MAX_POWER": 50}, True),
        ({"min_power": 11}, {"MIN_POWER": Decimal("10.9"), "MAX_POWER": 50}, False),
        ({"min_power": 11}, {"MAX_POWER": 50}, True),
        ({"max_power": 11}, {"MIN_POWER": 3, "MAX_POWER": 11}, False),
        ({"max_power": 11}, {"MIN_POWER": 3, "MAX_POWER": Decimal("10.9")}, True),
        ({"max_power": 11}, {"MIN_POWER": 3}, True),
        ({"min_current": 16}, {"MIN_CURRENT": 16}, True),
        ({"max_current": 16}, {"MAX_CURRENT": 16}, False),
        ({"max_current": 16}, {"CURRENT": 15}, True),
        ({"min_power": 1}, {"MIN_CURRENT": 16}, False),
    ],
)
def test_power_and_current(restrictions: dict[str, Any], volumes: dict[str, Any], holds: bool) -> None:
    offered = tariff(element(component("ENERGY", 1), **restrictions))
    assert total(offered, period("09:00", ENERGY=1, **volumes)) == ("1.0000" if holds else "0.0000")


def test_the_other_bound_may_be_compared() -> None:
    offered = tariff(element(component("ENERGY", 1), min_power=11))
    mixed = period("09:00", ENERGY=1, MIN_POWER=5, MAX_POWER=20)
    assert total(offered, mixed, policy=Policy(bound=Bound.HIGHEST)) == "1.0000"
    assert total(offered, mixed, policy=Policy(bound=Bound.LOWEST)) == "0.0000"


def test_a_missing_quantity_does_not_match_and_is_told_where_it_matters() -> None:
    offered = tariff(element(component("ENERGY", 1), min_power=11))
    assert (total(offered, period("09:00", ENERGY=1)), codes(offered, period("09:00", ENERGY=1))) == (
        "0.0000",
        ["quantity_missing"],
    )
    assert total(offered, period("09:00", ENERGY=1), policy=Policy(absent_quantity_matches=True)) == "1.0000"
    assert "quantity_missing" not in codes(offered, period("09:00", PARKING_TIME=1), end="10:00")


def test_only_reported_volumes_are_billed() -> None:
    offered = tariff(element(component("ENERGY", 1), component("TIME", 1)))
    assert codes(offered, period("09:00", ENERGY=1), end="10:00") == ["dimension_not_reported"]
    assert codes(offered, period("09:00", TIME=1), end="10:00") == ["dimension_not_reported"]
    assert codes(offered, period("09:00", PARKING_TIME=1, ENERGY=0), end="10:00") == []


def test_hours_are_snapped_to_the_seconds_of_their_period() -> None:
    offered = tariff(element(component("TIME", 6, 300)))
    ten_minutes = period("09:00", TIME=Decimal("0.1667"))
    assert total(offered, ten_minutes, end="09:10") == "1.0000"
    assert total(offered, ten_minutes, end="09:10", policy=Policy(snap_hours=False)) == "1.5000"
    assert total(offered, period("09:00", TIME=Decimal("0.1672")), end="09:10") == "1.5000"
    assert total(offered, period("09:00", TIME=0), end="09:00:01") == "0.0000"


# --- Sentences ------------------------------------------------------------------------------------------------------------------


def test_the_reason_names_what_held_and_what_did_not() -> None:
    offered = tariff(
        element(component("ENERGY", 1), start_time="08:00", end_time="10:00", day_of_week=["SUNDAY"]),
        element(component("ENERGY", 2), min_kwh=5, min_duration=60, max_power=11),
        element(component("ENERGY", 3, 600), start_time="08:00"),
    )
    segments = priced(offered, period("09:30", ENERGY=1, MAX_POWER=22), end="10:00").segments
    assert [segment.because for segment in segments] == [
        (
            "elements[2] is the first with a price for ENERGY that holds at Monday 2025-01-13 10:30 (start_time 08:00)."
            " elements[0] does not hold: it is 10:30, outside 08:00 to 10:00. elements[1] does not hold: 0 kWh so far,"
            " outside 5 to any."
        ),
        (
            "1000 Wh in all are rounded up to whole steps of 600 Wh, those of the last price"
            " (elements[2].price_components[0]): 1200 Wh."
        ),
    ]


def test_every_warning_has_a_sentence() -> None:
    offered = tariff(element(component("ENERGY", 1), min_power=11), id="one")
    breakdown = priced([offered], period("09:00", "one", ENERGY=1), period("10:00", ENERGY=1), zone=ZoneInfo("UTC"))
    assert [sentence_of(warning) for warning in breakdown.warnings] == [
        "Charging period 1 names no tariff although others do: it is free.",
        "A price depends on power or current, which charging period 0 does not tell: such elements do not hold.",
    ]
    assert all("{" not in text.format("a", "b", period=1) for text in SENTENCES.values())
