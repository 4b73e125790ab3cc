"""What a connector is priced by over a time, kind by kind; and the same sessions in several tariffs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from backoffice.tariffs.rules import compile_tariff
from backoffice.tariffs.rules.comparison import compare
from backoffice.tariffs.rules.examples import STANDARD, Example
from backoffice.tariffs.rules.schedule import lanes
from backoffice.tariffs.rules.standing import Validity
from ocpi.wire.tariffs import TariffType
from tests.tariffs.build import BERLIN, component, element, tariff

START = datetime(2026, 1, 1, tzinfo=UTC)
END = START + timedelta(days=100)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def valid(identity: str, start: int | None = None, end: int | None = None, kind: str = "") -> Validity:
    return Validity(
        identity,
        TariffType(kind) if kind else None,
        day(start) if start is not None else None,
        day(end) if end is not None else None,
    )


CASES: list[tuple[list[Validity], dict[str, list[tuple[int, int, str | None, str]]]]] = [
    ([], {"REGULAR": [(0, 100, None, "")]}),
    ([valid("A")], {"REGULAR": [(0, 100, "A", "")]}),
    ([valid("A", -5, 100)], {"REGULAR": [(0, 100, "A", "")]}),
    ([valid("A", None, 30), valid("B", 30)], {"REGULAR": [(0, 30, "A", ""), (30, 100, "B", "")]}),
    (
        [valid("A", None, 30), valid("B", 40, 50)],
        {"REGULAR": [(0, 30, "A", ""), (30, 40, None, ""), (40, 50, "B", ""), (50, 100, None, "")]},
    ),
    ([valid("A"), valid("B", 60)], {"REGULAR": [(0, 60, "A", ""), (60, 100, "B", "A B")]}),
    (
        [valid("A", kind="REGULAR")],
        {"REGULAR": [(0, 100, "A", "")], "AD_HOC_PAYMENT": [(0, 100, None, "")]},
    ),
    (
        [valid("ALL"), valid("FAST", 10, 20, "PROFILE_FAST")],
        {
            "REGULAR": [(0, 100, "ALL", "")],
            "PROFILE_FAST": [(0, 10, "ALL", ""), (10, 20, "FAST", ""), (20, 100, "ALL", "")],
            "AD_HOC_PAYMENT": [(0, 100, "ALL", "")],
        },
    ),
]


@pytest.mark.parametrize(("offered", "expected"), CASES)
def test_lanes(offered: list[Validity], expected: dict[str, list[tuple[int, int, str | None, str]]]) -> None:
    found = lanes(offered, START, END)
    assert found[0].kind is TariffType.REGULAR
    assert {
        lane.kind.value: [
            ((each.start - START).days, (each.end - START).days, each.tariff, " ".join(each.clashing))
            for each in lane.stretches
        ]
        for lane in found
    } == expected
    for lane in found:  # a lane has neither holes nor overlaps
        assert [each.start for each in lane.stretches[1:]] == [each.end for each in lane.stretches[:-1]]
        assert len(lane.gaps) == sum(each.tariff is None for each in lane.stretches)


def per_kwh(amount: Any, **more: Any) -> Any:
    return compile_tariff(tariff(element(component("ENERGY", Decimal(amount), vat=20)), tax_included="NO", **more))


def test_a_comparison_is_exact() -> None:
    (line,) = compare([per_kwh("0.30"), per_kwh("0.45"), per_kwh("0.30")], STANDARD[:1], START, BERLIN)
    assert [each.total for each in line.amounts] == [Fraction("10.8"), Fraction("16.2"), Fraction("10.8")]
    assert [each.per_kwh for each in line.amounts] == [Fraction("0.36"), Fraction("0.54"), Fraction("0.36")]
    assert line.differences == (None, Fraction(1, 2), Fraction(0))
    assert line.cheapest == {0, 2}


def test_what_cannot_be_set_against_each_other_is_not() -> None:
    untold = compile_tariff(tariff(element(component("ENERGY", 1)), tax_included="YES"))
    (line,) = compare([per_kwh("0.30"), per_kwh("0.45", currency="SEK")], STANDARD[:1], START, BERLIN)
    assert (line.differences, line.cheapest) == ((None, None), frozenset())
    (line,) = compare([untold], [Example("only reserved", reserved_minutes=Decimal(10))], START, BERLIN)
    assert line.amounts[0].per_kwh is None
    (line,) = compare([per_kwh("0.3"), per_kwh("0.3")], STANDARD[:1], START, BERLIN)
    assert line.cheapest == frozenset()  # all alike: none is the lowest
