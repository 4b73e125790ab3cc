"""What staff decide about CDRs of ours: release, drop, correct, credit (mod_cdrs#credit_cdrs)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database

from backoffice.cdrs.actions import deciding
from backoffice.cdrs.actions.deciding import UnableToDecide
from backoffice.cdrs.models import Cdr, CdrEvent, Quarantined
from backoffice.cdrs.rules.correcting import Correction
from backoffice.cdrs.rules.crediting import credit_id, credit_of, not_mirrored
from backoffice.delivery.models import Message
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from tests import factories
from tests.cdrs.cast import own_cdr
from tests.doors.asking import Asking, snapshot
from tests.factories import small_cdr

BY = {"by": "fiona", "reason": "The meter was broken."}


@pytest.fixture
def emsp(db: None) -> Party:
    return factories.partner("SE-ELV:EMSP", ours=[factories.own_party()], receives=["cdrs"]).party


def now() -> datetime:
    return site.now()


def due() -> list[str]:
    return list(
        Message.objects.filter(module="cdrs", state="DUE")
        .order_by("due_at", "id")
        .values_list("object_path", flat=True)
    )


def test_a_held_one_is_dropped_and_never_sent(emsp: Party) -> None:
    cdr = own_cdr("C1", emsp, held=["ZERO_ENERGY_WITH_COST"])
    deciding.drop(cdr, now=now(), **BY)
    cdr.refresh_from_db()
    assert (cdr.state, cdr.entered_at, due()) == ("DROPPED", None, [])
    event = CdrEvent.objects.last()
    assert event is not None
    assert (event.what, event.from_state, event.to_state, event.by) == ("DROP", "HELD", "DROPPED", "fiona")
    for decide in (deciding.drop, deciding.release, deciding.credit):
        with pytest.raises(UnableToDecide):
            decide(cdr, now=now(), **BY)


def test_a_corrected_held_one_is_replaced_and_nothing_is_credited(emsp: Party) -> None:
    cdr = own_cdr("C1", emsp, held=["ENERGY_OVER_POWER_LIMIT"])
    crediting, corrected = deciding.correct(cdr, Correction(kwh=Decimal(10)), now=now(), **BY)
    cdr.refresh_from_db()
    assert crediting is None
    assert (cdr.state, corrected.state, corrected.replaces) == ("REPLACED", "RELEASED", cdr)
    assert (corrected.object_id, corrected.total_excl, corrected.total_incl) == (
        "C1-R2",
        Decimal("4.5"),
        Decimal("5.625"),
    )
    assert due() == ["C1-R2"]


@pytest.mark.rule("T-283", "T-286", "T-287", "T-288", "T-289", "T-290", "T-291", "T-293")
def test_a_released_one_is_credited_and_a_new_one_follows(emsp: Party) -> None:
    identity = "X" * 36
    cdr = own_cdr(identity, emsp, session_id="S1", remark="Danke", total_energy_cost={"before_taxes": 9})
    before = cdr.document
    crediting, corrected = deciding.correct(cdr, Correction(kwh=Decimal(19)), now=now(), **BY)
    assert crediting is not None
    told, original = crediting.tree(), cdr.tree()
    assert told.pop("id") != original["id"]
    assert (told.pop("credit"), told.pop("credit_reference_id")) == (True, original["id"])
    assert told.pop("total_cost") == {
        "before_taxes": Decimal("-9.00"),
        "taxes": [{"name": "VAT", "percentage": 25, "amount": Decimal("-2.25")}],
    }
    told.pop("last_updated")
    assert told == {n: v for n, v in original.items() if n not in ("id", "total_cost", "last_updated")}
    assert len(crediting.object_id) <= 39
    new = corrected.tree()
    assert len(new["id"]) <= 36
    assert new["id"] not in (original["id"], crediting.object_id)
    assert not {"credit", "credit_reference_id"} & new.keys()
    assert new["total_energy"] == 19
    assert new["total_cost"]["before_taxes"] == new["total_energy_cost"]["before_taxes"] == Decimal("8.5500")
    cdr.refresh_from_db()
    assert cdr.document == before, "what was sent is never changed"
    assert (cdr.state, cdr.credited_by, corrected.replaces) == ("RELEASED", crediting, cdr)
    assert due() == [identity, crediting.object_id, corrected.object_id], "the credit goes before what follows"


def test_taken_back_whole(emsp: Party) -> None:
    cdr = own_cdr("C1", emsp)
    crediting = deciding.credit(cdr, now=now(), **BY)
    assert crediting.object_id == "C1-C"
    assert not_mirrored(crediting.tree(), cdr.tree()) == []
    assert crediting.total_excl + cdr.total_excl == 0
    with pytest.raises(UnableToDecide, match="credited already"):
        deciding.credit(cdr, now=now(), **BY)
    with pytest.raises(UnableToDecide, match="is a Credit CDR"):
        deciding.credit(crediting, now=now(), **BY)
    assert Cdr.objects.count() == 2


def test_two_who_credit_at_once_credit_once(transactional_db: None) -> None:
    emsp = factories.partner("SE-ELV:EMSP", ours=[factories.own_party()], receives=["cdrs"]).party
    cdr = own_cdr("C1", emsp)

    def run(_number: int) -> str:
        try:
            return deciding.credit(cdr, now=now(), **BY).object_id
        except UnableToDecide:
            return ""
        finally:
            database.close()

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(run, range(8))) == [""] * 7 + ["C1-C"]
    assert Cdr.objects.filter(credit=True).count() == 1


def test_an_id_that_is_taken_is_not_taken_again(emsp: Party) -> None:
    cdr = own_cdr("C1", emsp)
    own_cdr("c1-c", emsp, session_id="S2")
    own_cdr("C1-R2", emsp, session_id="S3")
    crediting, corrected = deciding.correct(cdr, Correction(kwh=Decimal(1)), now=now(), **BY)
    assert crediting is not None
    assert (crediting.object_id, corrected.object_id) == ("C1-2", "C1-R3")


def test_a_shorter_charge_costs_and_tells_less(emsp: Party) -> None:
    tariff = factories.small_tariff("T1", "DE-RDK")
    tariff["elements"][0]["price_components"].append({"type": "PARKING_TIME", "price": 6, "vat": 25, "step_size": 1})
    periods = [
        {
            "start_date_time": "2026-03-10T09:00:00Z",
            "dimensions": [{"type": "ENERGY", "volume": 20}, {"type": "TIME", "volume": Decimal("0.5")}],
        },
        {"start_date_time": "2026-03-10T09:30:00Z", "dimensions": [{"type": "PARKING_TIME", "volume": Decimal("0.5")}]},
    ]
    cdr = own_cdr("C1", emsp, tariffs=[tariff], charging_periods=periods, total_cost={"before_taxes": 12})
    at = datetime(2026, 3, 10, 9, 40, tzinfo=UTC)
    seen = deciding.preview(cdr, Correction(ends_at=at), now=now())
    assert (seen.before, seen.after, seen.dearer) == (12, 10, False)
    value = seen.value
    assert (value.end_date_time, value.total_time, value.total_parking_time) == (
        at,
        Decimal("0.6667"),
        Decimal("0.1667"),
    )
    assert value.total_energy == 20
    at = datetime(2026, 3, 10, 9, 15, tzinfo=UTC)
    half = deciding.preview(cdr, Correction(ends_at=at, kwh=Decimal(10)), now=now()).value
    assert len(half.charging_periods) == 1
    assert (half.total_cost.before_taxes, half.total_parking_time) == (Decimal("4.5000"), None)
    assert Cdr.objects.count() == 1, "a preview changes nothing"


def test_what_would_cost_more_is_said(emsp: Party) -> None:
    assert deciding.preview(own_cdr("C1", emsp), Correction(kwh=Decimal(21)), now=now()).dearer


def test_a_correction_that_is_implausible_is_held_again(emsp: Party) -> None:
    cdr = own_cdr("C1", emsp)
    crediting, corrected = deciding.correct(cdr, Correction(kwh=Decimal(5000)), now=now(), **BY)
    assert crediting is not None
    assert (corrected.state, corrected.held_for) == ("HELD", ["ENERGY_OVER_POWER_LIMIT"])


IMPOSSIBLE: list[tuple[str, Correction]] = [
    ("energy must be", Correction(kwh=Decimal(-1))),
    ("energy must be", Correction(kwh=Decimal(10**9))),
    ("between the start", Correction(ends_at=datetime(2026, 3, 10, 8, tzinfo=UTC))),
    ("between the start", Correction(ends_at=datetime(2199, 3, 10, 8, tzinfo=UTC))),
    ("255 characters", Correction(remark="x" * 256)),
    ("Nothing is changed", Correction()),
]


@pytest.mark.parametrize(("sentence", "correction"), IMPOSSIBLE)
def test_what_cannot_be_changes_nothing(sentence: str, correction: Correction, emsp: Party) -> None:
    cdr = own_cdr("C1", emsp)
    before = snapshot()
    with pytest.raises(UnableToDecide, match=sentence):
        deciding.correct(cdr, correction, now=now(), **BY)
    assert snapshot() == before


def test_every_decision_needs_a_reason(emsp: Party) -> None:
    cdr = own_cdr("C1", emsp)
    held = own_cdr("C2", emsp, held=["X"], session_id="S2")
    decisions: list[Callable[[], Any]] = [
        lambda: deciding.drop(held, now=now(), by="fiona", reason=" "),
        lambda: deciding.credit(cdr, now=now(), by="fiona", reason=""),
        lambda: deciding.correct(cdr, Correction(kwh=Decimal(1)), now=now(), by="fiona", reason=""),
    ]
    for decide in decisions:
        with pytest.raises(UnableToDecide, match="Say why"):
            decide()


def test_what_partners_billed_is_theirs_to_change(db: None) -> None:
    partner = factories.partner()
    asking = Asking(partner.token)
    asking.ask("POST", "2.3.0/receiver/cdrs", small_cdr("C1"))
    for decide in (deciding.credit, deciding.drop):
        with pytest.raises(UnableToDecide, match="one of SE-ELV"):
            decide(Cdr.objects.get(), now=now(), **BY)


def test_quarantine_is_closed_once_with_a_reason(db: None) -> None:
    partner = factories.partner()
    asking = Asking(partner.token)
    asking.ask("POST", "2.3.0/receiver/cdrs", small_cdr("C1"))
    asking.ask("POST", "2.3.0/receiver/cdrs", small_cdr("C1", remark="other"))
    kept = Quarantined.objects.get()
    deciding.close(kept, now=now(), **BY)
    with pytest.raises(UnableToDecide, match="closed already"):
        deciding.close(kept, now=now(), **BY)
    asking.ask("POST", "2.3.0/receiver/cdrs", small_cdr("C1", remark="other"))
    kept.refresh_from_db()
    assert (kept.times, kept.closed_by) == (2, "fiona"), "told again, it stays closed"


@pytest.mark.parametrize("length", [1, 20, 35, 36])
def test_the_ids_of_credits_fit(length: int) -> None:
    assert len(credit_id("I" * length)) <= 39
    assert credit_id("I" * length) != "I" * length


def test_nothing_has_no_sign() -> None:
    tree = small_cdr("C1", total_cost={"before_taxes": 0, "taxes": [{"name": "VAT", "amount": Decimal("0.00")}]})
    told = credit_of(tree, "C1-C", "2026-03-10T10:00:05Z")["total_cost"]
    assert str(told["before_taxes"]) == "0"
    assert str(told["taxes"][0]["amount"]) == "0.00"


def test_time_goes_on_between(emsp: Party) -> None:
    cdr = own_cdr("C1", emsp, now=now() - timedelta(days=3))
    crediting = deciding.credit(cdr, now=now(), **BY)
    assert crediting.last_updated > cdr.last_updated
