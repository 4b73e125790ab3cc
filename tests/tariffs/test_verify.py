"""A CDR against its price: which field differs, by how much, and what would explain it."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from backoffice.tariffs.rules import Breakdown, Outcome, Policy
from backoffice.tariffs.rules.cdr import CdrToPrice
from backoffice.tariffs.rules.verify import READINGS, Discrepancy, Tolerance, alternatives, verify
from ocpi.wire.json import validate
from ocpi.wire.tariffs import Tariff
from tests.tariffs.build import BERLIN, at, component, element, exact, period, priced, tariff

OFFERED = tariff(
    element(component("FLAT", Decimal("0.5"), vat=20), component("PARKING_TIME", 2, vat=20)),
    element(component("ENERGY", Decimal("0.25"), vat=10)),
    tax_included="NO",
)
PERIODS = [period("09:00", ENERGY=20, TIME=1), period("10:00", PARKING_TIME=Decimal("0.5"))]
RIGHT: dict[str, Any] = {
    "start_date_time": "2025-01-13T09:00:00Z",
    "end_date_time": "2025-01-13T10:30:00Z",
    "currency": "EUR",
    "charging_periods": [each.tree() for each in PERIODS],
    "total_cost": {"before_taxes": Decimal("6.5"), "taxes": [{"name": "VAT", "amount": Decimal("0.8")}]},
    "total_energy_cost": {"before_taxes": 5, "taxes": [{"name": "VAT", "amount": Decimal("0.5")}]},
    "total_fixed_cost": {"before_taxes": Decimal("0.5")},
    "total_parking_cost": {"before_taxes": 1},
    "total_energy": 20,
    "total_time": Decimal("1.5"),
    "total_parking_time": Decimal("0.5"),
}


def read(**changes: Any) -> CdrToPrice:
    return validate(CdrToPrice, exact(RIGHT | changes))


def price_of(cdr: CdrToPrice, offered: Tariff = OFFERED, **more: Any) -> Breakdown:
    return priced(offered, *cdr.charging_periods, end="10:30", **more)


def found(**changes: Any) -> list[Discrepancy]:
    cdr = read(**changes)
    return verify(cdr, price_of(cdr))


def test_a_right_cdr_and_one_cut_down_have_none() -> None:
    assert found() == []
    assert found(**dict.fromkeys(set(RIGHT) - {"charging_periods"})) == []


@pytest.mark.rule("T-315")
@pytest.mark.parametrize(
    ("field", "stated", "difference"),
    [
        ("total_cost", {"before_taxes": Decimal("6.52")}, Fraction("0.02")),
        ("total_energy_cost", {"before_taxes": 4}, -1),
        ("total_time_cost", {"before_taxes": 2}, 2),
        ("total_reservation_cost", {"before_taxes": Decimal("0.01")}, Fraction("0.01")),
        ("total_energy", Decimal("20.5"), Fraction("0.5")),
        ("total_time", 2, Fraction("0.5")),
        ("total_parking_time", 1, Fraction("0.5")),
    ],
)
def test_each_field(field: str, stated: Any, difference: Fraction) -> None:
    assert [(each.field, each.difference) for each in found(**{field: stated})] == [(field, difference)]


def test_taxes_are_compared_where_told() -> None:
    stated = {"before_taxes": Decimal("6.5"), "taxes": [{"name": "VAT", "amount": 1}]}
    (only,) = found(total_cost=stated)
    assert (only.field, only.incl, only.stated, only.expected) == ("total_cost", True, Fraction("7.5"), Fraction("7.3"))


@pytest.mark.parametrize(("off", "differs"), [("0.01", False), ("-0.01", False), ("0.0101", True)])
def test_a_total_may_be_a_minor_unit_off(off: str, differs: bool) -> None:
    assert bool(found(total_cost={"before_taxes": Decimal("6.5") + Decimal(off)})) == differs


@pytest.mark.parametrize(("off", "differs"), [("0.005", False), ("-0.005", False), ("0.0051", True)])
def test_a_dimension_may_be_half_a_minor_unit_off(off: str, differs: bool) -> None:
    assert bool(found(total_energy_cost={"before_taxes": 5 + Decimal(off)})) == differs


def test_the_minor_unit_is_that_of_the_currency() -> None:
    yen = tariff(element(component("ENERGY", Decimal("10.04"))), currency="JPY")
    cdr = read(currency="JPY", total_cost={"before_taxes": 201}, total_energy_cost=None, total_fixed_cost=None)
    cdr.total_parking_cost = None
    assert verify(cdr, price_of(cdr, yen)) == []
    strict = Tolerance(dimension=Fraction(0), total=Fraction(1, 10))
    assert [each.field for each in verify(cdr, price_of(cdr, yen), strict)] == ["total_cost"]


def test_another_currency_is_a_difference() -> None:
    assert [each.field for each in found(currency="SEK")] == ["currency"]


def test_a_fixed_price_of_parking_may_stand_in_either_field() -> None:
    """`mod_cdrs`: fixed components of parking belong to total_parking_cost; of an element with both, who can tell?"""
    moved = {"total_fixed_cost": {"before_taxes": 0}, "total_parking_cost": {"before_taxes": Decimal("1.5")}}
    assert found(**moved) == []
    wrong = moved | {"total_parking_cost": {"before_taxes": 2}}
    assert [(each.field, each.difference) for each in found(**wrong)] == [("total_parking_cost", Fraction(1, 2))]


@pytest.mark.rule("T-290")
def test_a_credit_cdr_negates_its_total_only() -> None:
    assert found(credit=True, total_cost={"before_taxes": Decimal("-6.5")}) == []
    assert [each.field for each in found(credit=True)] == ["total_cost", "total_cost"]


@pytest.mark.rule("T-316")
def test_total_time_includes_parking() -> None:
    assert found(total_time=Decimal("1.5")) == []
    assert [each.field for each in found(total_time=1, end_date_time=None)] == ["total_time"]


def test_readings_are_switches_of_the_policy() -> None:
    for switches in READINGS.values():
        assert Policy(**switches) != Policy()  # type: ignore[arg-type]  # names and types are what is tested


@pytest.mark.parametrize(
    ("offered", "periods", "total", "reading"),
    [
        (element(component("ENERGY", 1, 1000)), [period("09:00", ENERGY=Decimal("1.2"))], "1.2", "step_size_ignored"),
        (
            element(component("ENERGY", 1), end_time="10:30"),
            [period("09:00", ENERGY=2, TIME=1)],
            "1",
            "period_interpolated",
        ),
        (
            element(component("ENERGY", 1), start_time="09:00", end_time="10:00"),
            [period("09:30", ENERGY=1)],
            "1",
            "times_in_utc",
        ),
        (
            element(component("FLAT", 1), component("TIME", 1), reservation="RESERVATION"),
            [period("09:00", RESERVATION_TIME=1)],
            "2",
            None,
        ),
    ],
)
def test_the_reading_that_gives_the_figure_of_the_partner(
    offered: Any, periods: list[Any], total: str, reading: str | None
) -> None:
    whole = tariff(offered)
    tree = {
        "charging_periods": [each.tree() for each in periods],
        "end_date_time": "2025-01-13T10:00:00Z",
        "total_cost": {"before_taxes": Decimal(total)},
    }
    cdr = validate(CdrToPrice, exact(tree))
    ours = priced(whole, *periods, end="10:00")
    names = [name for name, _ in alternatives(cdr, ours, [whole], BERLIN)]
    assert names == ([] if reading is None else [reading])


def test_an_expired_reservation_may_be_what_the_partner_meant() -> None:
    offered = tariff(
        element(component("FLAT", 4), reservation="RESERVATION_EXPIRES"),
        element(component("TIME", 1), reservation="RESERVATION"),
    )
    tree = {
        "charging_periods": [period("09:00", RESERVATION_TIME=1).tree(), period("10:00", ENERGY=1).tree()],
        "end_date_time": "2025-01-13T11:00:00Z",
        "total_cost": {"before_taxes": 5},
    }
    cdr = validate(CdrToPrice, exact(tree))
    ours = priced(offered, *cdr.charging_periods, end="11:00")
    assert ours.facts.outcome is Outcome.USED
    (only,) = alternatives(cdr, ours, [offered], BERLIN)
    assert (only[0], only[1].total.incl) == ("reservation_expired", 5)
    assert at("11:00") == cdr.end_date_time
