"""Worked examples: each step that leads to the amount, and what may be kept as an example."""

from decimal import Decimal
from typing import Any

import pytest

from backoffice.tariffs.rules import compile_tariff
from backoffice.tariffs.rules.examples import STANDARD, Example, Step, example_of, examples_for, steps, worked
from backoffice.tariffs.rules.lint import Level, lint
from backoffice.tariffs.rules.policy import TaxRate
from backoffice.tariffs.rules.templates import TEMPLATES, Place
from ocpi.wire.json import validate
from ocpi.wire.tariffs import Tariff
from tests.tariffs.build import BERLIN, amount, at, component, element, tariff

HEAD = {"country_code": "DE", "party_id": "RDK", "id": "T", "last_updated": "2026-01-01T00:00:00Z"}


def of(key: str, country: str = "DE") -> Tariff:
    return validate(Tariff, TEMPLATES[key].tree(Place(country)) | HEAD)


@pytest.mark.parametrize("key", TEMPLATES)
@pytest.mark.parametrize("country", ["DE", "CA", "XX"])
def test_every_template_is_a_tariff_without_errors(key: str, country: str) -> None:
    found = lint(of(key, country))
    assert [each for each in found if each.level is Level.ERROR] == []
    warned = {each.code for each in found if each.level is Level.WARNING}
    assert warned <= ({"tax_information_missing"} if key == "taxes_on_top" or country != "DE" else set())


@pytest.mark.parametrize(
    ("key", "totals"),
    [  # with taxes: 30 kWh in 20 min; 11 kWh in 2 h; 50 kWh in 40 min and 40 min idle. Monday morning.
        ("kwh", ["14.7000", "5.3900", "24.5000"]),
        ("idle", ["14.7000", "5.3900", "28.0000"]),  # 35 of the 40 minutes lie after the 45th
        ("time_of_use", ["16.2000", "5.9400", "27.0000"]),
        ("flat", ["9.9000", "9.9000", "9.9000"]),
        ("free", ["0.0000", "0.0000", "0.0000"]),
        ("capped", ["15.1000", "7.7900", "25.3000"]),
        ("taxes_on_top", ["16.5000", "6.0500", "27.5000"]),
    ],
)
def test_what_the_templates_cost(key: str, totals: list[str]) -> None:
    compiled = compile_tariff(of(key))
    assert [amount(worked(compiled, each, at("09:00"), BERLIN))[1] for each in STANDARD] == totals


def test_reservations_have_examples_of_their_own() -> None:
    compiled = compile_tariff(of("reservation"))
    used, missed = examples_for(compiled)[3:]
    assert amount(worked(compiled, used, at("09:00"), BERLIN))[1] == "11.3000"  # 15 x 0.10 + 20 x 0.49
    assert amount(worked(compiled, missed, at("09:00"), BERLIN))[1] == "5.5000"  # 15 x 0.10 + 4
    assert examples_for(compile_tariff(of("kwh"))) == list(STANDARD)


def test_several_taxes_of_the_place_are_told_one_by_one() -> None:
    profile = (TaxRate("GST", Decimal(5)), TaxRate("QST", Decimal("9.975")))
    found = list(steps(worked(compile_tariff(of("taxes_on_top"), profile), STANDARD[0], at("09:00"), BERLIN)))
    assert [(each.what, each.incl) for each in found if each.kind == "tax"] == [
        ("of which GST 5 %", "0.83"),
        ("of which QST 9.975 %", "1.64"),
    ]
    assert (found[-1].excl, found[-1].incl) == ("16.50", "18.97")


def test_every_step_is_told() -> None:
    """Two prices of energy, a step that rounds up, a limit, a tax, the rounding of the amount."""
    offered = tariff(
        element(component("ENERGY", Decimal("0.333"), vat=19), max_kwh=10),
        element(component("ENERGY", Decimal("0.5"), 5000, vat=19)),
        tax_included="NO",
        max_price={"before_taxes": Decimal("9.9999")},
    )
    found = list(steps(worked(compile_tariff(offered), STANDARD[0], at("09:00"), BERLIN)))
    assert [each.kind for each in found] == ["line", "line", "sum", "sum", "limit", "tax", "rounding", "total"]
    assert found[0][:4] == ("line", "Energy 10:00–10:06", "10 kWh × 0.333 EUR/kWh", "3.3300")
    assert found[1].why.startswith("elements[1] is the first with a price for ENERGY that holds at Monday")
    assert "10 kWh so far, outside 0 to 10" in found[1].why
    assert found[4] == Step("limit", "Price limit: the maximum applies", "max_price", "-3.3301", "-3.9628")
    assert (found[-1].excl, found[-1].incl) == ("10.00", "11.90")


def test_rounding_up_is_a_line_of_its_own() -> None:
    offered = tariff(element(component("ENERGY", 1, 20_000)))
    found = list(steps(worked(compile_tariff(offered), STANDARD[0], at("09:00"), BERLIN)))
    assert found[1][:4] == ("surplus", "Rounded up by step size", "10 kWh × 1 EUR/kWh", "10.0000")
    assert "rounded up to whole steps of 20000 Wh" in found[1].why


def test_an_unknown_amount_is_told_as_such() -> None:
    offered = tariff(element(component("ENERGY", Decimal("0.333"))), tax_included="YES")
    found = list(steps(worked(compile_tariff(offered), STANDARD[1], at("09:00"), BERLIN)))
    assert [(each.kind, each.excl, each.incl) for each in found[:3]] == [
        ("line", "unknown", "3.6630"),
        ("rounding", "unknown", "3.6630"),
        ("total", "unknown", "3.66"),
    ]


def test_a_session_that_nothing_prices_is_free() -> None:
    offered = tariff(element(component("ENERGY", 1), start_date="2030-01-01"))
    found = list(steps(worked(compile_tariff(offered), STANDARD[0], at("09:00"), BERLIN)))
    assert found[0].what == "No price of this tariff holds during this session: it is free."
    assert found[-1].incl == "0.00"


def test_an_example_is_kept_and_read_again() -> None:
    own = example_of({"kwh": "7,25", "minutes": "30", "idle_minutes": "5", "reserved_minutes": "", "dc": ""})
    assert own == Example(
        "7.25 kWh AC in 30 min, then 5 min idle", Decimal("7.25"), Decimal(30), Decimal(5), Decimal(0), dc=False
    )
    assert example_of(own.tree()) == own


@pytest.mark.parametrize(
    ("stated", "sentence"),
    [
        ({"kwh": "ten", "minutes": "1"}, "Energy: expected a number from 0 to 2000."),
        ({"kwh": "1e9999999", "minutes": "1"}, "Energy: expected a number from 0 to 2000."),
        ({"kwh": "NaN", "minutes": "1"}, "Energy: expected a number from 0 to 2000."),
        ({"kwh": "2001", "minutes": "1"}, "Energy: expected a number from 0 to 2000."),
        ({"kwh": "-1", "minutes": "1"}, "Energy: expected a number from 0 to 2000."),
        ({"minutes": "10081"}, "Charging time: expected a number from 0 to 10080."),
        ({"kwh": "1"}, "An example needs some time: charging, idle or reserved."),
        ({"kwh": "1", "idle_minutes": "5"}, "Energy needs charging time."),
    ],
)
def test_what_is_no_example(stated: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        example_of(stated)
    assert str(caught.value) == sentence
