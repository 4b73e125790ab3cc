"""Each finding, with a tariff that has it and one beside it that has not."""

from decimal import Decimal
from typing import Any

import pytest

from backoffice.tariffs.rules.lint import Level, Offer, lint
from ocpi.wire.tariffs import Tariff
from tests.tariffs.build import component, element, tariff

KWH = component("ENERGY", Decimal("0.5"), vat=20)
HOUR = component("TIME", 3, vat=20)


def codes(offered: Tariff, offer: Offer | None = None) -> list[tuple[str, str]]:
    return [(finding.code, finding.place) for finding in lint(offered, offer)]


def vat_tariff(*elements: dict[str, Any], **more: Any) -> Tariff:
    return tariff(*elements, **{"tax_included": "NO", **more})


CASES: list[tuple[str, Tariff, list[tuple[str, str]]]] = [
    ("nothing", vat_tariff(element(KWH, HOUR)), []),
    (
        "a later element with the same dimension",
        vat_tariff(element(KWH), element(KWH, min_kwh=5)),
        [("unreachable_element", "elements[1]")],
    ),
    (
        "covered by two together",
        vat_tariff(
            element(KWH, start_time="06:00", end_time="18:00"),
            element(KWH, start_time="18:00", end_time="06:00"),
            element(KWH),
        ),
        [("unreachable_element", "elements[2]")],
    ),
    (
        "one price of several",
        vat_tariff(element(KWH), element(KWH, HOUR)),
        [("unreachable_element", "elements[1].price_components[0]")],
    ),
    ("reservations do not compete", vat_tariff(element(HOUR), element(HOUR, reservation="RESERVATION")), []),
    (
        "contradiction",
        vat_tariff(element(HOUR, min_kwh=20, max_kwh=10), element(KWH)),
        [("never_applies", "elements[0]"), ("gap", "elements")],
    ),
    (
        "power that cannot be",
        vat_tariff(element(KWH, min_power=22, max_power=11), element(KWH)),
        [("never_applies", "elements[0]")],
    ),
    ("gap in the day", vat_tariff(element(KWH, end_time="20:00")), [("gap", "elements")]),
    (
        "no gap around the clock",
        vat_tariff(
            element(KWH, start_time="08:00", end_time="20:00"), element(KWH, start_time="20:00", end_time="08:00")
        ),
        [],
    ),
    ("no gap below zero", vat_tariff(element(KWH, min_kwh=0, min_duration=0)), []),
    (
        "power has no gap between below and at least",
        vat_tariff(element(KWH, max_power=22), element(KWH, min_power=22)),
        [],
    ),
    (
        "overlap",
        vat_tariff(
            element(component("ENERGY", 1, vat=20), min_kwh=10),
            element(component("ENERGY", 2, vat=20), end_time="12:00"),
            element(KWH),
        ),
        [("overlap", "elements[1]")],
    ),
    (
        "duplicate",
        vat_tariff(element(KWH, component("ENERGY", 1, vat=20))),
        [("duplicate_dimension", "elements[0].price_components[1]")],
    ),
    (
        "limits",
        vat_tariff(element(KWH), min_price={"before_taxes": 5}, max_price={"before_taxes": 4, "after_taxes": 3}),
        [("crossing_limits", "max_price.after_taxes"), ("crossing_limits", "min_price.before_taxes")],
    ),
    (
        "limits after taxes",
        vat_tariff(
            element(KWH),
            min_price={"before_taxes": 4, "after_taxes": 6},
            max_price={"before_taxes": 5, "after_taxes": 5},
        ),
        [("crossing_limits", "min_price.after_taxes")],
    ),
    (
        "steps",
        vat_tariff(element(component("TIME", 1, 900, vat=1), min_kwh=1), element(component("TIME", 1, 1, vat=1))),
        [
            ("step_surprises", "elements[0].price_components[0].step_size"),
            ("steps_differ", "elements[1].price_components[0].step_size"),
        ],
    ),
    (
        "negative step",
        vat_tariff(element(component("TIME", 1, -1, vat=1))),
        [("step_surprises", "elements[0].price_components[0].step_size")],
    ),
    (
        "wrapping window",
        vat_tariff(element(KWH, start_time="22:00", end_time="06:00", day_of_week=["FRIDAY"]), element(KWH)),
        [("wrapping_window_with_weekdays", "elements[0].restrictions.day_of_week")],
    ),
    (
        "window without length",
        vat_tariff(element(KWH, start_time="09:00", end_time="09:00")),
        [("window_without_length", "elements[0].restrictions.end_time")],
    ),
    (
        "taxes",
        vat_tariff(element(component("ENERGY", 1), component("TIME", 0))),
        [("tax_information_missing", "elements[0].price_components[0].vat")],
    ),
    ("no taxes apply", tariff(element(component("ENERGY", 1)), tax_included="N/A"), []),
    (
        "cancelling by the hour",
        vat_tariff(element(HOUR, reservation="RESERVATION_CANCELLATION_FEES")),
        [("unreachable_element", "elements[0].price_components[0]")],
    ),
    (
        "never valid",
        vat_tariff(element(KWH), start_date_time="2025-02-01T00:00:00Z", end_date_time="2025-01-01T00:00:00Z"),
        [("never_valid", "end_date_time")],
    ),
]


@pytest.mark.parametrize(("offered", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_findings(offered: Tariff, expected: list[tuple[str, str]]) -> None:
    assert codes(offered) == expected


def test_what_the_connectors_tell() -> None:
    regular, ad_hoc = vat_tariff(element(KWH), type="REGULAR"), vat_tariff(element(KWH), type="AD_HOC_PAYMENT")
    twin, reserve = ("ad_hoc_twin_missing", "type"), ("preauthorize_amount_missing", "preauthorize_amount")
    assert codes(regular) == []
    assert codes(regular, Offer(others=[regular])) == [twin]
    assert codes(regular, Offer(others=[ad_hoc])) == []
    assert codes(vat_tariff(element(KWH)), Offer(others=[])) == []
    assert codes(regular, Offer(has_terminal=True)) == []
    assert codes(ad_hoc, Offer(has_terminal=True)) == [reserve]
    assert codes(vat_tariff(element(KWH), preauthorize_amount=50), Offer(has_terminal=True)) == []


def test_findings_say_it_in_a_sentence() -> None:
    for _, offered, _ in CASES:
        for finding in lint(offered):
            assert finding.sentence.endswith(".")
            assert finding.level in Level


@pytest.mark.rule("T-339")
@pytest.mark.parametrize(
    ("elements", "found"),
    [
        ([element(KWH, end_time="20:00"), element(KWH)], []),
        ([element(KWH, end_time="20:00")], ["gap"]),
        ([element(KWH), element(KWH, end_time="20:00")], ["unreachable_element"]),
    ],
)
def test_a_fallback_comes_last(elements: list[dict[str, Any]], found: list[str]) -> None:
    assert [code for code, _ in codes(vat_tariff(*elements))] == found


@pytest.mark.rule("T-350")
@pytest.mark.parametrize(
    ("kind", "step", "told"), [("ENERGY", 1, 0), ("ENERGY", 5000, 1), ("TIME", 1, 0), ("TIME", 900, 1)]
)
def test_large_steps_are_told(kind: str, step: int, told: int) -> None:
    offered = vat_tariff(element(component(kind, 1, step, vat=20)))
    assert [code for code, _ in codes(offered)] == ["step_surprises"] * told
