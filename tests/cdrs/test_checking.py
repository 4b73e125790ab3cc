"""What we think of received CDRs: our own price by the tariff inside and by the one we knew, reasons, a sentence."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError

from backoffice.cdrs.actions import checking
from backoffice.cdrs.models import Cdr, CdrEvent, Check
from backoffice.roaming_site import site
from tests.doors.asking import Asking
from tests.factories import small_cdr, small_location, small_tariff

POST = "2.3.0/receiver/cdrs"


def received(asking: Asking, tree: dict[str, Any], version: str = "2.3.0") -> Cdr:
    """Posted and priced."""
    answered = asking.ask("POST", POST.replace("2.3.0", version), tree)
    assert answered.says == (201, 1000), answered.body
    checking.check_waiting(now=site.now())
    return Cdr.objects.get(object_id=tree["id"])


def knows(asking: Asking, tree: dict[str, Any]) -> None:
    """The partner has told us of a tariff."""
    assert asking.put(f"2.3.0/receiver/tariffs/SE/ELV/{tree['id']}", tree).status in (200, 201)


def dearer(price: str, **changes: Any) -> dict[str, Any]:
    tree = small_tariff("T1", **changes)
    tree["elements"][0]["price_components"][0]["price"] = Decimal(price)
    return tree


def test_a_right_one_is_agreed_to(asking: Asking) -> None:
    knows(asking, small_tariff("T1"))
    cdr = received(asking, small_cdr("C1"))
    assert (cdr.verdict, cdr.reasons, cdr.sentence) == ("AGREED", [], "Every figure is as we calculate it.")
    assert (cdr.our_excl, cdr.our_incl, cdr.delta) == (Decimal("9.0000"), Decimal("11.2500"), 0)
    assert cdr.checked_at is not None
    assert sorted(Check.objects.values_list("by", "ok")) == [("TARIFF_INSIDE", True), ("TARIFF_KNOWN", True)]


def test_a_wrong_total_is_told_with_what_is_wrong(asking: Asking) -> None:
    tree = small_cdr(
        "C1",
        total_cost={"before_taxes": Decimal("10.20")},
        total_energy_cost={"before_taxes": Decimal("9.90")},
        total_fixed_cost={"before_taxes": Decimal("0.30")},
    )
    cdr = received(asking, tree)
    assert (cdr.verdict, cdr.reasons) == ("DIFFERS", ["TOTAL_MISMATCH", "FIXED_MISMATCH", "ENERGY_MISMATCH"])
    assert cdr.sentence == (
        "Billed 1.20 EUR more than we calculate. Energy: 9.90 EUR billed, 9.00 EUR calculated. "
        "Fixed cost: 0.30 EUR billed, 0.00 EUR calculated."
    )
    assert (cdr.our_excl, cdr.delta) == (9, Decimal("1.2"))
    check = Check.objects.get()
    assert (check.by, check.ok, check.currency) == ("TARIFF_INSIDE", False, "EUR")
    assert check.discrepancies[0] == {"field": "total_cost", "stated": "10.2000", "expected": "9.0000", "incl": False}


def test_amount_and_tax_may_each_be_rounded(asking: Asking) -> None:
    """26.5 kWh at 0.45 are 11.925 and 2.98125 of VAT: 11.93 and 2.99 with a cent to spare is no quarrel, two cents are one."""
    tree = small_cdr("C1", total_energy=Decimal("26.5"))
    tree["charging_periods"][0]["dimensions"][0]["volume"] = Decimal("26.5")

    def billed(tax: str) -> dict[str, Any]:
        return {"before_taxes": Decimal("11.93"), "taxes": [{"name": "VAT", "amount": Decimal(tax)}]}

    tree["total_cost"] = tree["total_energy_cost"] = billed("2.985")
    assert received(asking, tree).verdict == "AGREED"
    tree["id"], tree["cdr_token"]["uid"] = "C2", "04FFFF"
    tree["total_cost"] = billed("3.01")
    assert received(asking, tree).reasons == ["TAX_MISMATCH"]


def test_another_reading_is_named(asking: Asking) -> None:
    """The partner charges by whole steps of each component: a reading that somebody documented."""
    tariff = small_tariff("T1")
    tariff["elements"][0]["price_components"][0]["step_size"] = 5000
    tree = small_cdr("C1", tariffs=[tariff], total_energy=22)
    tree["charging_periods"][0]["dimensions"][0]["volume"] = 22
    tree["total_cost"] = {"before_taxes": Decimal("9.90")}
    cdr = received(asking, tree)
    assert cdr.verdict == "DIFFERS"
    assert "It would be right if step sizes were ignored." in cdr.sentence
    assert Check.objects.get().alternatives == ["step_size_ignored"]


def test_the_tariff_of_the_start_counts_and_not_the_one_inside(asking: Asking) -> None:
    knows(asking, small_tariff("T1", at="2026-03-01T08:00:00Z"))
    tree = small_cdr("C1", tariffs=[dearer("0.55")], total_cost={"before_taxes": Decimal("11.00")})
    cdr = received(asking, tree)
    assert (cdr.verdict, cdr.reasons) == ("DIFFERS", ["TARIFF_DIFFERS_FROM_START", "TOTAL_MISMATCH"])
    assert "2.00 EUR more" in cdr.sentence
    assert "By the tariff inside it would be right" in cdr.sentence
    assert (cdr.our_excl, cdr.delta) == (9, 2)
    assert dict(Check.objects.values_list("by", "ok")) == {"TARIFF_INSIDE": True, "TARIFF_KNOWN": False}


def test_a_price_that_came_after_the_start_is_not_the_price(asking: Asking) -> None:
    knows(asking, small_tariff("T1", at="2026-03-01T08:00:00Z"))
    knows(asking, dearer("0.55", at="2026-03-10T09:30:00Z"))  # while it charged
    assert received(asking, small_cdr("C1")).verdict == "AGREED"
    later = small_cdr("C2", start_date_time="2026-03-10T09:30:00Z", end_date_time="2026-03-10T10:30:00Z")
    later["charging_periods"][0]["start_date_time"] = "2026-03-10T09:30:00Z"
    later["cdr_token"]["uid"] = "04FFFF"
    assert received(asking, later).verdict == "DIFFERS"


def test_a_tariff_that_is_only_named_is_looked_up(asking: Asking) -> None:
    knows(asking, small_tariff("T1"))
    cdr = received(asking, small_cdr("C1", tariffs=[]))
    assert cdr.verdict == "AGREED"
    assert Check.objects.get().by == "TARIFF_KNOWN"


def test_without_any_tariff_nothing_is_agreed_to(asking: Asking) -> None:
    cdr = received(asking, small_cdr("C1", tariffs=[]))
    assert (cdr.verdict, cdr.reasons, cdr.our_excl, cdr.delta) == ("NOT_PRICED", ["TARIFF_MISSING"], None, None)
    free = small_cdr("C2", tariffs=[], total_cost={"before_taxes": 0})
    free["cdr_token"]["uid"] = "04FFFF"
    assert received(asking, free).verdict == "AGREED"


def test_a_calculation_that_breaks_off_is_no_agreement(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    asking.ask("POST", POST, small_cdr("C1"))
    asking.ask("POST", POST, small_cdr("C2", session_id="S2") | {"total_time": 2})
    calculate = checking.calculate

    def breaks(cdr: Any, *given: Any, **options: Any) -> Any:
        if cdr.total_time == 1:
            raise ArithmeticError("secret detail")
        return calculate(cdr, *given, **options)

    monkeypatch.setattr(checking, "calculate", breaks)
    assert checking.check_waiting(now=site.now()) == 2
    failed, other = Cdr.objects.order_by("id")
    assert (failed.verdict, failed.reasons) == ("FAILED", ["CHECK_FAILED"])
    assert "secret" not in failed.sentence
    assert other.verdict == "DIFFERS"
    monkeypatch.undo()
    checking.recheck([failed.pk], now=site.now(), by="fiona")
    failed.refresh_from_db()
    assert failed.verdict == "DIFFERS"  # both overlap with one token
    assert failed.reasons == ["OVERLAP_SAME_TOKEN"]
    assert CdrEvent.objects.get().by == "fiona"


def test_one_that_the_database_refuses_keeps_no_other_waiting(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        asking.ask("POST", POST, small_cdr(f"C{number}", session_id=f"S{number}"))
    row = checking._row

    def refused(subject: Any, *given: Any) -> Any:
        told = row(subject, *given)
        return told if subject.object_id != "C1" else (*told[:-1], "no json")

    monkeypatch.setattr(checking, "_row", refused)
    assert checking.check_waiting(now=site.now()) == 3
    verdicts = dict(Cdr.objects.values_list("object_id", "verdict"))
    assert verdicts.pop("C1") == "FAILED"
    assert "WAITING" not in verdicts.values()
    failed = Cdr.objects.get(object_id="C1")
    assert (failed.reasons, failed.checks.count()) == (["CHECK_FAILED"], 0)
    assert "no json" not in failed.sentence


def test_trouble_with_the_database_is_no_verdict(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    asking.ask("POST", POST, small_cdr("C1"))

    def gone(*given: Any) -> Any:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(checking, "_check", gone)
    with pytest.raises(OperationalError):
        checking.check_waiting(now=site.now())
    assert Cdr.objects.get().verdict == "WAITING"


PLAUSIBLE: list[tuple[str, dict[str, Any]]] = [
    ("SENTINEL_DATE_1970", {"start_date_time": "1970-01-01T00:00:00Z"}),
    ("FUTURE_DATED", {"end_date_time": "2099-01-01T00:00:00Z"}),
    ("DURATION_OUT_OF_RANGE", {"end_date_time": "2026-03-12T09:00:01Z"}),
    ("DURATION_OUT_OF_RANGE", {"end_date_time": "2026-03-10T08:59:59Z"}),
    ("ZERO_ENERGY_WITH_COST", {"total_energy": 0}),
    ("ENERGY_OVER_POWER_LIMIT", {"total_energy": 1500}),
    ("COST_OUT_OF_RANGE", {"total_cost": {"before_taxes": -9}}),
    (
        "PERIODS_UNORDERED",
        {
            "charging_periods": [
                {"start_date_time": "2026-03-10T08:00:00Z", "dimensions": [{"type": "ENERGY", "volume": 20}]}
            ]
        },
    ),
    ("CURRENCY_MISMATCH", {"currency": "SEK"}),
    ("ENERGY_SUM_MISMATCH", {"total_energy": 21}),
    ("TIME_SUM_MISMATCH", {"total_time": 3}),
    ("TAX_MISMATCH", {"total_cost": {"before_taxes": 9, "taxes": [{"name": "VAT", "amount": 3}]}}),
]


@pytest.mark.parametrize(
    ("reason", "change"), PLAUSIBLE, ids=[f"{row[0]}-{index}" for index, row in enumerate(PLAUSIBLE)]
)
def test_what_is_implausible_is_flagged(reason: str, change: dict[str, Any], asking: Asking) -> None:
    cdr = received(asking, small_cdr("C1") | change)
    assert cdr.verdict == "DIFFERS"
    assert reason in cdr.reasons
    assert cdr.sentence


def test_the_power_of_the_evse_is_what_the_partner_told(asking: Asking) -> None:
    location = small_location("HARBOUR-7")
    location["evses"][0]["uid"] = "e-100"  # 11 kW, and ids are compared without regard to case
    asking.put("2.3.0/receiver/locations/SE/ELV/HARBOUR-7", location)
    cdr = received(asking, small_cdr("C1"))
    assert (cdr.verdict, cdr.reasons) == ("DIFFERS", ["ENERGY_OVER_POWER_LIMIT"])
    assert "11.04 kW of the EVSE" in cdr.sentence


def test_times_of_day_are_those_of_the_place(asking: Asking) -> None:
    """A night price until 10:00 in Malmö, which is 09:00 UTC in winter; the zone comes from the Location, else the country."""
    tariff = small_tariff("T1")
    night = {"price_components": [{"type": "ENERGY", "price": Decimal("0.10"), "step_size": 1}]}
    tariff["elements"] = [night | {"restrictions": {"end_time": "10:00"}}, tariff["elements"][0]]
    assert received(asking, small_cdr("C1", tariffs=[tariff])).verdict == "AGREED"
    there = small_location("HARBOUR-7", time_zone="Atlantic/Azores")  # there it is still night
    asking.put("2.3.0/receiver/locations/SE/ELV/HARBOUR-7", there)
    other = small_cdr("C2", tariffs=[tariff])
    other["cdr_token"]["uid"] = "04FFFF"
    assert received(asking, other).verdict == "DIFFERS"


def test_a_price_without_vat_means_what_its_version_says(asking: Asking) -> None:
    tree = small_cdr("C1", total_cost={"excl_vat": Decimal("9.00"), "incl_vat": Decimal("11.25")})
    del tree["tariffs"][0]["tax_included"]
    assert received(asking, tree, "2.2.1").verdict == "AGREED"


def test_one_token_at_two_places(asking: Asking) -> None:
    received(asking, small_cdr("C1"))
    elsewhere = small_cdr("C2", session_id="S2")
    elsewhere["start_date_time"] = "2026-03-10T09:59:59Z"
    elsewhere["end_date_time"] = "2026-03-10T10:59:59Z"
    elsewhere["charging_periods"][0]["start_date_time"] = "2026-03-10T09:59:59Z"
    cdr = received(asking, elsewhere)
    assert cdr.reasons == ["OVERLAP_SAME_TOKEN"]
    assert "CDR C1" in cdr.sentence
    after = small_cdr(
        "C3", session_id="S3", start_date_time="2026-03-10T10:59:59Z", end_date_time="2026-03-10T11:59:59Z"
    )
    after["charging_periods"][0]["start_date_time"] = "2026-03-10T10:59:59Z"
    assert received(asking, after).verdict == "AGREED"


@pytest.mark.rule("T-327")
def test_what_flows_back_to_the_grid_is_negative_and_paid_back(asking: Asking) -> None:
    tree = small_cdr("C1", total_energy=-5, total_cost={"before_taxes": Decimal("-2.25")})
    tree["charging_periods"][0]["dimensions"] = [
        {"type": "ENERGY", "volume": -5},
        {"type": "TIME", "volume": 1},
        {"type": "MIN_POWER", "volume": -5},
        {"type": "MIN_CURRENT", "volume": -22},
    ]
    cdr = received(asking, tree)
    assert (cdr.verdict, cdr.our_excl, cdr.kwh) == ("AGREED", Decimal("-2.25"), -5)
    tree["id"], tree["cdr_token"]["uid"] = "C2", "04FFFF"
    dear = received(asking, tree | {"total_cost": {"before_taxes": Decimal("2.25")}})
    assert "ENERGY_OUT_OF_RANGE" in dear.reasons


# --- credits ----------------------------------------------------------------------------------------------------------


def credit(of: dict[str, Any], identity: str = "C1-C", **changes: Any) -> dict[str, Any]:
    minus = {
        "before_taxes": -of["total_cost"]["before_taxes"],
        "taxes": [tax | {"amount": -tax["amount"]} for tax in of["total_cost"]["taxes"]],
    }
    return of | {"id": identity, "credit": True, "credit_reference_id": of["id"], "total_cost": minus} | changes


@pytest.mark.rule("T-286", "T-287", "T-288", "T-289", "T-290")
def test_the_mirror_of_a_cdr_takes_it_back(asking: Asking) -> None:
    original = small_cdr("C1", total_cost={"before_taxes": Decimal("9.50"), "taxes": []})
    first = received(asking, original)
    taken = received(asking, credit(original))
    first.refresh_from_db()
    assert (taken.verdict, taken.sentence) == ("AGREED", "It takes CDR C1 back, to the cent.")
    assert (taken.total_excl, taken.our_excl, taken.delta) == (Decimal("-9.50"), -9, Decimal("-0.50"))
    assert first.credited_by == taken
    assert first.total_excl + taken.total_excl == first.our_excl + taken.our_excl == 0
    assert taken.kwh == first.kwh == 20, "only total_cost is negative"


NOT_A_MIRROR: list[tuple[str, dict[str, Any]]] = [
    ("total_cost", {"total_cost": {"before_taxes": Decimal("-8.00")}}),
    ("total_energy", {"total_energy": -20}),
    ("remark", {"remark": "sorry"}),
    ("total_cost", {"total_cost": {"before_taxes": Decimal("9.00")}}),
]


@pytest.mark.parametrize(("name", "change"), NOT_A_MIRROR)
def test_what_is_no_mirror_is_flagged(name: str, change: dict[str, Any], asking: Asking) -> None:
    received(asking, small_cdr("C1"))
    cdr = received(asking, credit(small_cdr("C1"), **change))
    assert cdr.verdict == "DIFFERS"
    assert "CREDIT_NOT_MIRROR" in cdr.reasons
    assert name in cdr.sentence


def test_a_credit_before_its_original_waits_for_it(asking: Asking) -> None:
    early = received(asking, credit(small_cdr("C1")))
    assert (early.verdict, early.reasons) == ("DIFFERS", ["CREDIT_ORPHAN"])
    original = received(asking, small_cdr("C1"))
    early.refresh_from_db()
    assert early.verdict == "AGREED"
    assert original.credited_by == early


def test_a_second_credit_is_flagged(asking: Asking) -> None:
    received(asking, small_cdr("C1"))
    first = received(asking, credit(small_cdr("C1")))
    second = received(asking, credit(small_cdr("C1"), "C1-D"))
    assert (second.verdict, second.reasons) == ("DIFFERS", ["DOUBLE_CREDIT"])
    assert Cdr.objects.get(object_id="C1").credited_by == first


def test_a_credit_of_another_partners_cdr_credits_nothing(asking: Asking) -> None:
    from tests import factories

    received(asking, small_cdr("C1"))
    stranger = Asking(factories.partner("NO-FJO:CPO", ours=[Cdr.objects.get().emsp]).token)
    told = credit(small_cdr("C1")) | {"country_code": "NO", "party_id": "FJO"}
    cdr = received(stranger, told)
    assert cdr.reasons == ["CREDIT_ORPHAN"]
    assert Cdr.objects.get(object_id="C1").credited_by is None


def test_two_workers_share_what_waits(asking: Asking) -> None:
    for number in range(5):
        asking.ask("POST", POST, small_cdr(f"C{number}"))
    assert checking.check_waiting(now=site.now() + timedelta(seconds=1)) == 5
    assert checking.check_waiting(now=site.now()) == 0
