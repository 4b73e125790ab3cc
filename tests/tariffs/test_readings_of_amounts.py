"""Each open question of the tariffs chapter (`docs/pricing.md`) about steps, fees, reservations, limits and taxes."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from backoffice.tariffs.rules import Outcome, Policy, TaxRate, UnstatedVat
from tests.tariffs.build import amount, component, element, period, priced, tariff


def total(*arguments: Any, **more: Any) -> str | None:
    return amount(priced(*arguments, **more))[1]


def codes(*arguments: Any, **more: Any) -> list[str]:
    return priced(*arguments, **more).codes


# --- step_size ------------------------------------------------------------------------------------------------------------


@pytest.mark.rule("T-347")
@pytest.mark.parametrize(("wh", "step", "billed"), [("115.2", 1, "116"), ("115.2", 25, "125"), ("115.2", 500, "500")])
def test_energy_steps_of_the_specification(wh: str, step: int, billed: str) -> None:
    offered = tariff(element(component("ENERGY", Decimal("0.25"), step)))
    breakdown = priced(offered, period("09:00", ENERGY=Decimal(wh) / 1000))
    assert breakdown.billed("energy") == Fraction(billed) / 1000


@pytest.mark.rule("T-310", "T-311", "T-313")
def test_the_last_component_rounds_the_session() -> None:
    """`mod_cdrs#mod_cdrs_step_size`: 4.3 kWh before 17:00, 1.1 after, 5.5 are billed; 6 and 22 minutes, 30 are."""
    offered = tariff(
        element(component("ENERGY", Decimal("0.2"), 500), component("TIME", 5, 600), end_time="17:00"),
        element(component("ENERGY", Decimal("0.27"), 500), component("TIME", 7, 600), start_time="17:00"),
    )
    periods = [
        period("15:54", ENERGY=Decimal("4.3"), TIME=Decimal("0.1")),
        period("16:00", ENERGY=Decimal("1.1"), TIME=Decimal("0.3667")),
    ]
    breakdown = priced(offered, *periods, end="16:22")
    assert breakdown.billed("energy") == Fraction(11, 2)
    assert amount(breakdown, "energy")[1] == "1.1840"  # 4.3 x 0.20 + 1.2 x 0.27
    assert breakdown.billed("time") == Fraction(1, 2)
    assert amount(breakdown, "time")[1] == "3.3000"  # 6 min x 5 + 24 min x 7
    each = priced(offered, *periods, end="16:22", policy=Policy(step_per_component=True))
    assert (each.billed("energy"), each.billed("time")) == (6, Fraction(2, 3))


PARKING_LATER = tariff(element(component("TIME", 1, 600), component("PARKING_TIME", 2, 600)))


@pytest.mark.rule("T-309", "T-312")
def test_parking_takes_the_rounding() -> None:
    """21 minutes of charging, 16 of parking, steps of 10: 21 and 20 are billed, in whatever order they come."""
    charging = {"TIME": Decimal("0.35")}
    parked = {"PARKING_TIME": Decimal("0.2667")}
    one = priced(PARKING_LATER, period("09:00", **charging), period("09:21", **parked), end="09:37")
    other = priced(PARKING_LATER, period("09:00", **parked), period("09:16", **charging), end="09:37")
    for breakdown in (one, other):
        assert breakdown.billed("time") == Fraction(21, 60)
        assert breakdown.billed("parking_time") == Fraction(20, 60)
    last = priced(
        PARKING_LATER,
        period("09:00", **parked),
        period("09:16", **charging),
        end="09:37",
        policy=Policy(step_of_last_time=True),
    )
    assert (last.billed("time"), last.billed("parking_time")) == (Fraction(1, 2), Fraction(16, 60))


def test_parking_without_length_is_not_used() -> None:
    breakdown = priced(
        PARKING_LATER, period("09:00", TIME=Decimal("0.35")), period("09:21", PARKING_TIME=0), end="09:21"
    )
    assert breakdown.billed("time") == Fraction(1, 2)


def test_free_parking_still_takes_the_rounding() -> None:
    offered = tariff(element(component("TIME", 1, 600), component("PARKING_TIME", 0, 600)))
    periods = [period("09:00", TIME=Decimal("0.35")), period("09:21", PARKING_TIME=Decimal("0.1"))]
    assert priced(offered, *periods, end="09:27").billed("time") == Fraction(21, 60)
    other = Policy(step_counts_free_volume=False)
    assert priced(offered, *periods, end="09:27", policy=other).billed("time") == Fraction(1, 2)


def test_volume_without_a_component_is_not_rounded() -> None:
    """`mod_tariffs`, switching to free of charge: 8 of 20 minutes of parking are priced, 15 billed: 0.73, not 0.80."""
    offered = tariff(
        element(component("TIME", Decimal("2.4"), 900), component("PARKING_TIME", 1, 900), end_time="20:00")
    )
    periods = [
        period("18:40", TIME=Decimal("0.2")),
        period("18:52", PARKING_TIME=Decimal("0.1333")),
        period("19:00", PARKING_TIME=Decimal("0.2")),
    ]
    breakdown = priced(offered, *periods, end="19:12")
    assert breakdown.billed("parking_time") == Fraction(1, 4)
    assert amount(breakdown)[1] == "0.7300"


@pytest.mark.parametrize(
    ("step", "policy", "billed"), [(1000, {}, 2), (0, {}, 2), (1000, {"exact_multiple_grows": True}, 3)]
)
def test_exact_multiples_and_no_step(step: int, policy: dict[str, Any], billed: int) -> None:
    offered = tariff(element(component("ENERGY", 1, step)))
    assert priced(offered, period("09:00", ENERGY=2), policy=Policy(**policy)).billed("energy") == billed


def test_energy_that_flowed_back_is_not_rounded_up() -> None:
    assert total(tariff(element(component("ENERGY", 1, 1000))), period("09:00", ENERGY=Decimal("-1.5"))) == "-1.5000"


def test_after_a_change_of_tariff_the_last_component_rounds_everything() -> None:
    one = tariff(element(component("ENERGY", 1, 1000)), id="one")
    two = tariff(element(component("ENERGY", 2, 500)), id="two")
    periods = [period("09:00", "one", ENERGY=Decimal("1.2")), period("10:00", "two", ENERGY=Decimal("1.1"))]
    assert total([one, two], *periods) == "3.8000"  # 2.3 to 2.5 kWh: 1.2 x 1 + 1.3 x 2


# --- Fixed prices and reservations ------------------------------------------------------------------------------------------


def test_one_start_fee() -> None:
    offered = tariff(element(component("FLAT", 1), max_kwh=5), element(component("FLAT", 2)))
    periods = [period("09:00", ENERGY=5), period("10:00", ENERGY=5)]
    assert (total(offered, *periods), codes(offered, *periods)) == ("1.0000", ["second_flat"])
    assert total(offered, *periods, policy=Policy(every_flat=True)) == "3.0000"


def test_a_start_fee_may_come_late_and_without_energy() -> None:
    offered = tariff(element(component("FLAT", 1), min_duration=3600))
    assert total(offered, period("09:00", TIME=1), period("10:00", PARKING_TIME=1), end="11:00") == "1.0000"
    assert total(offered, period("09:00", TIME=1), end="10:00") == "0.0000"


RESERVING = tariff(
    element(component("FLAT", 4), reservation="RESERVATION_EXPIRES"),
    element(component("FLAT", 3), reservation="RESERVATION_CANCELLATION_FEES"),
    element(component("TIME", 6, 1), reservation="RESERVATION_OVERTIME"),
    element(component("FLAT", 1), component("TIME", 2, 600), reservation="RESERVATION"),
    element(component("FLAT", Decimal("0.5")), component("ENERGY", Decimal("0.25")), component("TIME", 9)),
)


@pytest.mark.rule("T-361", "T-363", "T-364", "T-365")
@pytest.mark.parametrize(
    ("outcome", "volumes", "expected"),
    [
        (None, {"RESERVATION_TIME": 1}, "6.0000"),  # nothing was charged: expired; 4 + 1 h x 2, and no start fee
        (None, {"RESERVATION_EXPIRES": 1}, "6.0000"),
        (Outcome.USED, {"RESERVATION_TIME": 1}, "3.0000"),
        (Outcome.CANCELLED, {"RESERVATION_TIME": 1}, "5.0000"),
        (Outcome.EXPIRED, {"RESERVATION_TIME": 0}, "4.0000"),  # the fee alone
        (Outcome.CANCELLED, {"ENERGY": 0}, "3.0000"),
    ],
)
def test_what_becomes_of_a_reservation(outcome: Outcome | None, volumes: dict[str, Any], expected: str) -> None:
    assert total(RESERVING, period("09:00", **volumes), end="10:00", outcome=outcome) == expected


def test_reserved_and_charging_time_are_rounded_apart() -> None:
    periods = [period("09:00", RESERVATION_TIME=Decimal("0.2167")), period("09:13", ENERGY=4, TIME=1)]
    breakdown = priced(RESERVING, *periods, end="10:13")
    assert breakdown.facts.outcome is Outcome.USED
    assert amount(breakdown, "reservation")[1] == "1.6667"  # 1 + 20 min x 2
    assert amount(breakdown)[1] == "12.1667"
    other = priced(RESERVING, *periods, end="10:13", policy=Policy(step_joins_reservation=True))
    assert amount(other, "reservation")[1] == "1.4333"


def test_overstaying_costs_extra_time() -> None:
    breakdown = priced(RESERVING, period("09:00", ENERGY=4, TIME=1, RESERVATION_OVERTIME=Decimal("0.5")), end="10:00")
    assert amount(breakdown, "reservation")[1] == "3.0000"
    assert amount(breakdown)[1] == "13.5000"


def test_without_a_reservation_element_reserved_time_is_free() -> None:
    offered = tariff(element(component("FLAT", 1), component("TIME", 5)), min_price={"before_taxes": 2})
    assert total(offered, period("09:00", RESERVATION_TIME=1), end="10:00") == "0.0000"
    held = period("09:00", RESERVATION_TIME=1)
    assert total(offered, held, end="10:00", policy=Policy(minimum_without_charging=True)) == "2.0000"


# --- Limits and taxes ---------------------------------------------------------------------------------------------------------


def taxed(**more: Any) -> Any:
    return tariff(element(component("ENERGY", 1, vat=10), component("FLAT", 1, vat=20)), tax_included="NO", **more)


@pytest.mark.rule("T-342", "T-343")
@pytest.mark.parametrize(
    ("limits", "expected", "applied"),
    [
        ({"max_price": {"before_taxes": 5, "after_taxes": 6}}, ("5.0000", "6.0000"), "max_price"),
        ({"max_price": {"before_taxes": 99, "after_taxes": 6}}, ("11.0000", "6.0000"), "max_price"),
        ({"max_price": {"before_taxes": 5, "after_taxes": 99}}, ("5.0000", "12.2000"), "max_price"),
        ({"max_price": {"before_taxes": Decimal("5.5")}}, ("5.5000", "6.1000"), "max_price"),  # half: half the tax
        ({"min_price": {"before_taxes": 22}}, ("22.0000", "24.4000"), "min_price"),
        ({"min_price": {"before_taxes": 20}, "max_price": {"before_taxes": 5}}, ("5.0000", "5.5455"), "max_price"),
        ({"min_price": {"before_taxes": 1}, "max_price": {"before_taxes": 99}}, ("11.0000", "12.2000"), None),
    ],
)
def test_limits_clamp_before_and_after_taxes(
    limits: dict[str, Any], expected: tuple[str, str], applied: str | None
) -> None:
    breakdown = priced(taxed(**limits), period("09:00", ENERGY=10))
    assert (amount(breakdown), breakdown.limit_applied) == (expected, applied)
    assert amount(breakdown, "energy") == ("10.0000", "11.0000")
    assert sum(tax.amount for tax in breakdown.taxes) == (breakdown.total.incl or 0) - (breakdown.total.excl or 0)


@pytest.mark.rule("T-345", "T-349")
@pytest.mark.parametrize(
    ("included", "vat", "expected", "found"),
    [
        ("NO", 20, ("10.0000", "12.0000"), []),
        ("YES", 25, ("8.0000", "10.0000"), []),
        ("N/A", 20, ("10.0000", "10.0000"), []),
        ("YES", None, (None, "10.0000"), ["tax_information_missing"]),
        ("NO", None, ("10.0000", "10.0000"), ["tax_information_missing"]),
    ],
)
def test_taxes(included: str, vat: int | None, expected: tuple[str | None, str], found: list[str]) -> None:
    offered = tariff(element(component("ENERGY", 1, vat=vat)), tax_included=included)
    breakdown = priced(offered, period("09:00", ENERGY=10))
    assert (amount(breakdown), breakdown.codes) == (expected, found)


@pytest.mark.rule("T-348")
def test_older_versions_read_a_missing_vat_differently() -> None:
    offered = tariff(element(component("ENERGY", 1)), tax_included="NO")
    for unstated, expected in ((UnstatedVat.NONE, "10.0000"), (UnstatedVat.UNKNOWN, None)):
        breakdown = priced(offered, period("09:00", ENERGY=10), policy=Policy(unstated_vat=unstated))
        assert amount(breakdown) == ("10.0000", expected)


@pytest.mark.parametrize(
    ("included", "expected"),
    [("NO", ("10.0000", "11.4975")), ("YES", ("8.6975", "10.0000")), ("N/A", ("10.0000",) * 2)],
)
def test_several_taxes_have_one_base(included: str, expected: tuple[str, str]) -> None:
    offered = tariff(element(component("ENERGY", 1, vat=99)), tax_included=included)
    profile = [TaxRate("GST", Decimal(5)), TaxRate("QST", Decimal("9.975"))]
    breakdown = priced(offered, period("09:00", ENERGY=10), tax_profile=profile)
    assert amount(breakdown) == expected
    shares = [tax.amount for tax in breakdown.taxes]
    assert shares == ([] if included == "N/A" else [shares[0], shares[0] * Fraction("9.975") / 5])


def test_a_limit_on_an_unknown_amount_is_told() -> None:
    offered = tariff(
        element(component("ENERGY", 1)), tax_included="YES", max_price={"before_taxes": 5, "after_taxes": 6}
    )
    breakdown = priced(offered, period("09:00", ENERGY=10))
    assert (amount(breakdown), breakdown.limit_applied) == ((None, "6.0000"), "max_price")
    assert "limit_not_checked" in breakdown.codes
