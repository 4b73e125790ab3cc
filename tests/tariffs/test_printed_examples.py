"""The worked examples printed in `mod_tariffs`, by their own tariffs; of the wrong ones, what is right."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from backoffice.tariffs.rules.lint import Level, lint
from backoffice.tariffs.rules.sentence import LANGUAGES, sentence
from ocpi.versions import Context
from ocpi.versions.repairs import REPAIRS, repair
from ocpi.wire.json import parse, validate
from ocpi.wire.tariffs import Tariff
from tests.tariffs.build import amount, at, period, priced

SHARED = Path(__file__).resolve().parents[3] / "shared"
EXAMPLES, REAL = SHARED / "ocpi" / "examples", SHARED / "real" / "swlb_locations.json"
needs_examples = pytest.mark.skipif(
    not EXAMPLES.is_dir(), reason="the specification's examples are not beside the repository"
)
needs_real = pytest.mark.skipif(not REAL.is_file(), reason="the real tariffs are not beside the repository")


def offered(name: str) -> Tariff:
    tree = parse((EXAMPLES / f"tariff{name}.json").read_bytes())
    context = Context(owner=("DE", "ALL"), now=at("00:00"))
    return validate(Tariff, repair(Tariff, tree, ["accept_missing_tax_included"], context)[0])


def hours(minutes: int) -> Decimal:
    return round(Decimal(minutes) / 60, 4)


def charged(start: str = "09:00", **volumes: Any) -> Any:
    return period(start, **volumes)


CASES: list[tuple[str, str, list[Any], str, tuple[str, str]]] = [
    ("max_price, 50 kWh", "_6_025kwh_start_max_price", [charged(ENERGY=50)], "10:00", ("10.0000", "11.0000")),
    ("max_price, 30 kWh", "_6_025kwh_start_max_price", [charged(ENERGY=30)], "10:00", ("8.0000", "8.8500")),
    ("2.5 hours", "_1_simple_2hour", [charged(TIME=Decimal("2.5"))], "11:30", ("5.0000", "5.5000")),
    ("North America", "_19_simple_north_american_exclusive", [charged(TIME=Decimal("2.5"))], "11:30", ("5.0000",) * 2),
    ("several languages", "_2_alt_text", [charged(TIME=Decimal("2.5"))], "11:30", ("4.7500", "4.9970")),
    (
        "alternative URL, printed 5.61 and 6.22",
        "_3_alt_url",
        [charged(ENERGY=Decimal("20.45"))],
        "10:00",
        ("5.6250", "6.2375"),
    ),
    (
        "complex, Saturday, printed 12.28 and 13.861",
        "_4_complex",
        [
            charged("2025-01-18T12:30", TIME=Decimal("1.9"), MIN_CURRENT=43, MAX_CURRENT=63),
            charged("2025-01-18T14:24", PARKING_TIME=hours(71)),
        ],
        "2025-01-18T15:35",
        ("12.3750", "13.9750"),
    ),
    (
        "steps, 1",
        "_14_step_size",
        [
            charged("15:55", TIME=hours(5)),
            charged("16:00", TIME=hours(5)),
            charged("16:05", PARKING_TIME=hours(2)),
        ],
        "16:07",
        ("0.5500", "0.5500"),
    ),
    (
        "steps, free of charge, printed 0.80",
        "_14_step_size",
        [
            charged("18:40", TIME=hours(12)),
            charged("18:52", PARKING_TIME=hours(8)),
            charged("19:00", PARKING_TIME=hours(12)),
        ],
        "19:12",
        ("0.7300", "0.7300"),
    ),
    (
        "reservation and expire fee, used",
        "_17_reservation_with_expire_fee",
        [charged(RESERVATION_TIME=hours(22)), charged("09:22", ENERGY=20)],
        "10:00",
        ("6.5000", "7.3000"),
    ),
    (
        "reservation and expire fee, expired",
        "_17_reservation_with_expire_fee",
        [charged(RESERVATION_TIME=1)],
        "10:00",
        ("6.0000", "7.2000"),
    ),
    (
        "reservation and expire time, used",
        "_18_reservation_with_expire_time",
        [charged(RESERVATION_TIME=hours(22)), charged("09:22", ENERGY=20)],
        "10:00",
        ("7.0000", "7.9000"),
    ),
    (
        "reservation and expire time, expired",
        "_18_reservation_with_expire_time",
        [charged(RESERVATION_TIME=Decimal("1.5"))],
        "10:30",
        ("9.0000", "10.8000"),
    ),
    (
        "max_power",
        "restriction_example_max_power",
        [
            charged(ENERGY=1, MAX_POWER=6),
            charged("09:10", ENERGY=40, MAX_POWER=48),
            charged("10:00", ENERGY=Decimal("0.5"), MAX_POWER=4),
        ],
        "10:10",
        ("20.3000", "24.3600"),
    ),
    (
        "max_duration",
        "restriction_example_max_duration",
        [charged(ENERGY=5), charged("09:30", ENERGY=Decimal("1.2"))],
        "09:40",
        ("0.3000", "0.3600"),
    ),
]


@needs_examples
@pytest.mark.rule("T-309", "T-312", "T-347", "T-352", "T-364")
@pytest.mark.parametrize(
    ("name", "periods", "end", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_printed_example(name: str, periods: list[Any], end: str, expected: tuple[str, str]) -> None:
    whole = offered(name)
    start = at("2019-03-04T09:00")  # before a tariff of 2019 ended
    if whole.end_date_time is not None:
        periods = [each.model_copy(update={"start_date_time": start}) for each in periods]
        end = "2019-03-04T10:00"
    assert amount(priced(whole, *periods, end=end)) == expected


@needs_examples
def test_taxes_inside_a_price_of_unknown_rate() -> None:
    """C$ 2.10 an hour, taxes included: C$ 5.25, before taxes unknown."""
    whole = offered("_20_simple_north_american_inclusive")
    assert amount(priced(whole, charged(TIME=Decimal("2.5")), end="11:30")) == (None, "5.2500")


@needs_real
def test_real_tariffs_are_repaired_linted_priced_and_explained() -> None:
    tree: Any = parse(REAL.read_bytes())
    context = Context(owner=("DE", "SLB"), now=at("00:00"))
    found = {}
    for item in tree["items"]:
        for evse in item["evses"]:
            for each in evse.get("tariffs", ()):
                found[each["id"]] = validate(Tariff, repair(Tariff, each, REPAIRS, context)[0])
    assert len(found) >= 4
    for whole in found.values():
        breakdown = priced(
            whole,
            charged(ENERGY=20, TIME=1),
            charged("10:00", PARKING_TIME=5),
            charged("15:00", PARKING_TIME=1),
            end="16:00",
        )
        energy = whole.elements[0].price_components[0].price
        assert breakdown.total.excl == energy * 20
        assert all(segment.because for segment in breakdown.segments)
        assert all(f"{energy:.2f}".replace(".", ",") in sentence(whole, code) for code in set(LANGUAGES) - {"en"})
    hidden = {
        finding.place
        for whole in found.values()
        for finding in lint(whole)
        if finding.level is Level.ERROR and finding.code == "unreachable_element"
    }
    assert hidden == {"elements[2]", "elements[3]"}
