"""`manage.py price`: lines in, lines out, in every version, whatever the lines hold."""

import json
import random
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from backoffice.tariffs.rules.lines import price_line
from ocpi.wire.json import encode
from tests.tariffs.vectors import vectors

KWH: dict[str, Any] = {
    "country_code": "DE",
    "party_id": "ALL",
    "id": "T1",
    "currency": "EUR",
    "tax_included": "NO",
    "elements": [{"price_components": [{"type": "ENERGY", "price": 0.5, "vat": 20, "step_size": 1}]}],
    "last_updated": "2025-01-01T00:00:00Z",
}
CDR: dict[str, Any] = {
    "start_date_time": "2025-01-13T09:00:00Z",
    "end_date_time": "2025-01-13T10:00:00Z",
    "currency": "EUR",
    "charging_periods": [
        {"start_date_time": "2025-01-13T09:00:00Z", "dimensions": [{"type": "ENERGY", "volume": 10}]},
    ],
    "total_cost": {"before_taxes": 5, "taxes": [{"name": "VAT", "amount": 1}]},
}


def answer(**line: Any) -> Any:
    return json.loads(price_line(encode({"tariff": KWH, "cdr": CDR, "timezone": "Europe/Berlin"} | line)))


def without(tree: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in tree.items() if name not in names}


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("price", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("vector", vectors())
def test_vectors_line_by_line(vector: dict[str, Any]) -> None:
    line = {name: vector[name] for name in ("tariff", "cdr", "version", "timezone")}
    answered = json.loads(price_line(encode(line)))
    names = ("total", "energy", "time", "parking_time", "fixed", "reservation")
    expected = vector["expected"]
    assert {name: answered[name] for name in names if name in answered} == {
        name: expected[name] for name in names if name in expected
    }
    assert answered["discrepancies"] == []
    assert answered["warnings"] == expected.get("warnings", [])


def test_one_line_for_each_and_bad_ones_do_not_stop(tmp_path: Path) -> None:
    good = encode({"tariff": KWH, "cdr": CDR})
    file = tmp_path / "lines.jsonl"
    file.write_bytes(b"\n".join([good, b"{", b"", b"[]", b'{"tariff": 1, "cdr": {}}', good]))
    answers = [json.loads(line) for line in run(str(file)).splitlines()]
    assert [sorted(each) == ["error"] for each in answers] == [False, True, True, True, False]
    assert answers[0] == answers[-1]
    assert answers[0]["total"] == {"excl": "5.0000", "incl": "6.0000"}
    assert answers[0]["segments"] == [
        {
            "period": 0,
            "start_date_time": "2025-01-13T09:00:00Z",
            "end_date_time": "2025-01-13T10:00:00Z",
            "category": "energy",
            "dimension": "ENERGY",
            "tariff_id": "T1",
            "element": 0,
            "component": 0,
            "price": "0.5",
            "reported_kwh": "10.0000",
            "billed_kwh": "10.0000",
            "excl": "5.0000",
            "incl": "6.0000",
            "taxes": [{"name": "VAT", "percentage": "20", "amount": "1.0000"}],
            "because": (
                "elements[0] is the first with a price for ENERGY that holds at Monday 2025-01-13 09:00,"
                " and it has no restrictions."
            ),
        }
    ]


def test_several_processes_keep_the_order(tmp_path: Path) -> None:
    file = tmp_path / "lines.jsonl"
    lines = []
    for number in range(450):
        period = {**CDR["charging_periods"][0], "dimensions": [{"type": "ENERGY", "volume": number}]}
        lines.append(encode({"tariff": KWH, "cdr": CDR | {"charging_periods": [period]}}))
    file.write_bytes(b"\n".join(lines))
    totals = [json.loads(line)["total"]["excl"] for line in run(str(file), "--jobs", "2").splitlines()]
    assert totals == [f"{number / 2:.4f}" for number in range(450)]


def test_what_cannot_be_read_is_said() -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        run("/there/is/no/such/file")
    with pytest.raises(CommandError, match="--jobs"):
        run("-", "--jobs", "0")


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ({"version": "3.0"}, "version: expected one of 2.3.0, 2.2.1, 2.1.1."),
        ({"timezone": "Mars/Crater"}, "timezone: expected the name of a time zone, such as Europe/Berlin."),
        ({"timezone": "../etc/passwd"}, "timezone: expected the name of a time zone, such as Europe/Berlin."),
        ({"tax_rates": [{"name": "GST"}]}, "tax_rates: expected a list of objects with name and percentage."),
        ({"reservation_outcome": "late"}, "reservation_outcome: expected one of used, expired, cancelled."),
        ({"cdr": None}, "cdr: expected an object."),
        ({"tariff": None}, "tariff: expected a tariff or a list of them, here or in the CDR."),
        ({"cdr": CDR | {"charging_periods": []}}, "charging_periods: Expected at least one entry."),
    ],
)
def test_errors_say_what_is_expected(line: dict[str, Any], error: str) -> None:
    assert answer(**line) == {"error": error}


def test_2_2_1_prices_without_vat_have_none() -> None:
    component = {"type": "ENERGY", "price": 0.5, "step_size": 1}
    tariff = without(KWH, "tax_included") | {"elements": [{"price_components": [component]}]}
    cdr = CDR | {"total_cost": {"excl_vat": 5, "incl_vat": 5}}
    answered = answer(version="2.2.1", tariff=tariff, cdr=cdr)
    assert answered["total"] == {"excl": "5.0000", "incl": "5.0000"}
    assert (answered["warnings"], answered["discrepancies"]) == ([], [])
    assert answer(version="2.2.1", tariff=tariff, cdr=cdr | {"total_cost": {"excl_vat": 5, "incl_vat": 6}})[
        "discrepancies"
    ] == ["total_cost"]


def test_2_1_1_knows_no_price_with_taxes() -> None:
    component = {"type": "ENERGY", "price": 0.5, "step_size": 1}
    tariff = {
        **without(KWH, "tax_included", "country_code", "party_id"),
        "elements": [{"price_components": [component]}],
    }
    cdr = {**without(CDR, "end_date_time"), "stop_date_time": CDR["end_date_time"], "total_cost": 5.0}
    answered = answer(version="2.1.1", tariff=tariff, cdr=cdr)
    assert answered["total"] == {"excl": "5.0000", "incl": None}
    assert answered["discrepancies"] == []
    assert answer(version="2.1.1", tariff=tariff, cdr=cdr | {"total_cost": 5.5})["discrepancies"] == ["total_cost"]


def test_several_taxes_at_once() -> None:
    component = {"type": "ENERGY", "price": 0.5, "step_size": 1}
    tariff = KWH | {"elements": [{"price_components": [component]}]}
    rates = [{"name": "GST", "percentage": 5}, {"name": "QST", "percentage": 9.975}]
    answered = answer(tariff=tariff, tax_rates=rates, cdr=without(CDR, "total_cost"))
    assert answered["total"] == {"excl": "5.0000", "incl": "5.7488"}
    assert answered["taxes"] == [
        {"name": "GST", "percentage": "5", "amount": "0.2500"},
        {"name": "QST", "percentage": "9.975", "amount": "0.4988"},
    ]
    assert answered["warnings"] == []


def test_real_habits_are_repaired_and_named() -> None:
    tariff = {
        "id": "22132ac",
        "currency": None,
        "elements": [
            {"price_components": [{"type": "ENERGY", "price": 0.59, "step_size": 1}], "restrictions": []},
            {
                "price_components": [{"type": "TIME", "price": 4.8, "step_size": 60}],
                "restrictions": [{"start_time": "08:00:00", "end_time": "19:59:59", "min_duration": 0}],
            },
        ],
    }
    periods = [
        {
            "start_date_time": "2025-01-13T18:59:30Z",
            "dimensions": [{"type": "TIME", "volume": 1}, {"type": "ENERGY", "volume": 1}],
        }
    ]
    answered = answer(tariff=tariff, cdr={"currency": "EUR", "charging_periods": periods})
    assert answered["total"]["excl"] == "5.3900"
    assert answered["repairs"] == [
        "accept_list_for_single",
        "accept_missing_currency",
        "accept_missing_last_updated",
        "accept_missing_owner",
        "accept_missing_tax_included",
        "accept_other_times_of_day",
    ]


@pytest.mark.parametrize(
    ("outcome", "total"), [(None, "4.0000"), ("EXPIRED", "4.0000"), ("NO_SHOW", "4.0000"), ("used", "1.0000")]
)
def test_the_outcome_of_a_reservation_may_be_told(outcome: str | None, total: str) -> None:
    fees = [
        {"price_components": [{"type": "FLAT", "price": price, "step_size": 1}], "restrictions": {"reservation": name}}
        for name, price in (("RESERVATION_EXPIRES", 4), ("RESERVATION", 1))
    ]
    held = {"start_date_time": "2025-01-13T09:00:00Z", "dimensions": [{"type": "RESERVATION_TIME", "volume": 1}]}
    cdr = without(CDR, "total_cost") | {"charging_periods": [held]}
    answered = answer(tariff=KWH | {"elements": fees}, cdr=cdr, reservation_outcome=outcome)
    assert answered["reservation"]["excl"] == answered["total"]["excl"] == total


def test_the_tariffs_of_the_cdr_are_used_when_none_is_given() -> None:
    assert answer(tariff=None, cdr=CDR | {"tariffs": [KWH]})["total"]["incl"] == "6.0000"


@pytest.mark.parametrize(
    ("country", "warnings"),
    [("DEU", ["time_zone_inferred"]), ("ESP", ["time_zone_unknown"]), ("USA", ["time_zone_unknown"])],
)
def test_the_time_zone_is_inferred_only_where_the_country_has_one(country: str, warnings: list[str]) -> None:
    component = {"type": "ENERGY", "price": 1, "vat": 0, "step_size": 1}
    night = [
        {"price_components": [component], "restrictions": {"start_time": "10:00", "end_time": "11:00"}},
        {"price_components": [component | {"price": 2}]},
    ]
    cdr = without(CDR, "total_cost") | {"cdr_location": {"country": country}}
    answered = answer(tariff=KWH | {"elements": night}, cdr=cdr, timezone=None)
    assert answered["warnings"] == warnings
    assert answered["total"]["excl"] == ("10.0000" if country == "DEU" else "20.0000")


def test_a_disputed_total_is_explained_by_another_reading() -> None:
    component = {"type": "ENERGY", "price": 0.5, "vat": 20, "step_size": 3000}
    tariff = KWH | {"elements": [{"price_components": [component]}]}
    answered = answer(tariff=tariff)
    assert answered["total"]["excl"] == "6.0000"
    assert answered["discrepancies"] == ["total_cost"]
    assert {"reading": "step_size_ignored", "total": {"excl": "5.0000", "incl": "6.0000"}} in answered["alternatives"]


def test_explain_is_a_bill(tmp_path: Path) -> None:
    file = tmp_path / "line.jsonl"
    file.write_bytes(encode({"tariff": KWH | {"max_price": {"before_taxes": 4}}, "cdr": CDR}))
    bill = run(str(file), "--explain")
    assert "10 kWh x 0.5 per kWh = 5.0000 EUR before taxes, 6.0000 with taxes" in bill
    assert "Price limit (max_price): -1.0000 before taxes, -1.2000 with taxes" in bill
    assert "VAT 20 %: 0.80 EUR" in bill
    assert "Total: 4.00 EUR before taxes, 4.80 with taxes" in bill
    assert "The CDR tells otherwise in: total_cost" in bill
    assert "Its total would be right under another reading: price_limits_ignored" in bill


MUTANTS: list[Any] = [
    None,
    True,
    0,
    -1,
    1e18,
    "",
    "x",
    "2025-02-30",
    "00:00",
    "9999-12-31T23:59:59Z",
    [],
    {},
    [None],
    [{}],
]


def mutated(rng: random.Random, tree: Any) -> Any:
    """The tree with one node replaced, removed or repeated."""
    if isinstance(tree, dict) and tree and rng.random() < 0.9:
        name = rng.choice(list(tree))
        if rng.random() < 0.1:
            return without(tree, name)
        return tree | {name: mutated(rng, tree[name])}
    if isinstance(tree, list) and tree and rng.random() < 0.9:
        index = rng.randrange(len(tree))
        if rng.random() < 0.1:
            return [*tree, tree[index]]
        return [*tree[:index], mutated(rng, tree[index]), *tree[index + 1 :]]
    return rng.choice(MUTANTS)


@pytest.mark.parametrize("version", ["2.3.0", "2.2.1", "2.1.1"])
def test_whatever_a_line_holds_it_is_answered(version: str) -> None:
    limits = {"start_time": "08:00", "end_date": "2026-01-01", "min_kwh": 1, "max_power": 11, "day_of_week": ["MONDAY"]}
    component = {"type": "TIME", "price": 1, "step_size": 60}
    whole = {
        "tariff": KWH | {"elements": [*KWH["elements"], {"price_components": [component], "restrictions": limits}]},
        "cdr": CDR | {"stop_date_time": CDR["end_date_time"], "tariffs": [KWH]},
        "version": version,
        "timezone": "Europe/Berlin",
        "tax_rates": [{"name": "VAT", "percentage": 20}],
        "reservation_outcome": None,
    }
    outcomes = set()
    for seed in range(600):
        rng = random.Random(f"{version}/{seed}")
        answered = json.loads(price_line(encode(mutated(rng, mutated(rng, whole)))))
        outcomes.add("error" in answered)
        assert ("error" in answered) != ("total" in answered)
    assert outcomes == {False, True}
