"""A CDR that is credited after its capture: the driver gets the money back, once, and every book says so."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from backoffice.cdrs.actions import deciding
from backoffice.cdrs.models import Cdr
from backoffice.cdrs.rules.correcting import Correction
from backoffice.cdrs.rules.crediting import credit_of
from backoffice.payments.actions import charging, crediting, invoicing, selling, tying
from backoffice.payments.actions.tying import Side
from backoffice.payments.models import CardPayment, DriverInvoice, InvoiceSeller, MoneyMove
from backoffice.payments.rules.tie import Finding
from backoffice.roaming_site import site
from ocpi.wire import json as wire_json
from ocpi.wire.base import date_time_text
from ocpi.wire.payments import InvoiceCreator
from tests import factories
from tests.payments.taking import Abroad, money, moves
from tests.payments.test_charging import REFERENCE, Harbour

SOON = 11 * 60
"""Seconds: no corrected CDR came in time."""


def paid(abroad: Abroad, handle: str = "approve", excl: str = "10.00", **given: Any) -> CardPayment:
    payment = abroad.started(handle)
    abroad.cdr(payment, excl, session_id=f"S-{payment.reference[:6]}", **given)
    for _ in range(3):
        abroad.go_on(payment, later=3)
    return payment


def credit(abroad: Abroad, payment: CardPayment) -> Cdr:
    """The CPO takes its CDR back."""
    assert payment.cdr is not None
    tree = credit_of(payment.cdr.tree(), f"{payment.cdr.object_id}-C", date_time_text(site.now()))
    assert abroad.asking.ask("POST", "2.3.0/receiver/cdrs", wire_json.encode(tree)).says == (201, 1000)
    return Cdr.objects.get(object_id=tree["id"])


def line(payment: CardPayment) -> Any:
    return tying.line_of(Side.PTP, payment.reference, now=site.now())


def test_every_end_of_a_credit(abroad: Abroad) -> None:
    """How the card behaves; what becomes of the payment, what went back, and what the tie says."""
    for handle, before, after, refunded, finding, back in (
        ("approve", "CAPTURED", "REFUNDED", 1210, Finding.TIED, 0),
        ("half", "PARTIAL", "REFUNDED", 605, Finding.TIED, 0),
        ("late", "CAPTURED", "REFUNDED", 1210, Finding.TIED, 0),
        ("closed", "CAPTURED", "OWING", 0, Finding.OVER, 1210),
        ("fails", "FAILED", "CLEARED", 0, Finding.TIED, 0),
    ):
        payment = paid(abroad, handle)
        assert payment.state == before
        made = credit(abroad, payment)
        assert CardPayment.objects.get(pk=payment.pk).due_at is not None, "the CDR's door gave a hint"
        assert abroad.go_on(payment) == "CREDITED", "a corrected CDR often follows"
        assert (payment.credit, payment.owed) == (made, 0)
        for _ in range(2):  # late: its first answer got lost
            abroad.go_on(payment, later=SOON)
        assert (payment.state, payment.refunded) == (after, refunded), handle
        assert money(payment).get("REFUND", 0) == refunded
        found = line(payment)
        assert (found.finding, found.to_give_back, found.billed) == (finding, back, 0)
        assert crediting.notice(now=site.now()) == 0
    assert len(abroad.drain()) == 5, (
        "an advice for each capture, and none for a refund: the module has no message for it"
    )


def test_a_corrected_cdr_follows(abroad: Abroad) -> None:
    """What it bills instead; what goes back, what stands, and what is missing."""
    for excl, ends, refunded, has, finding in (
        ("8.00", "REFUNDED", 200, 1010, Finding.TIED),
        ("10.00", "CAPTURED", 0, 1210, Finding.TIED),
        ("12.00", "PARTIAL", 0, 1210, Finding.SHORT),
    ):
        payment = paid(abroad)
        credit(abroad, payment)
        abroad.go_on(payment)
        abroad.cdr(payment, excl, id=f"CORR-{excl}-{payment.reference[:6]}", session_id=f"S-{payment.reference[:6]}")
        assert abroad.go_on(payment) == ends, excl
        assert (payment.refunded, payment.has) == (refunded, has)
        assert line(payment).finding is finding
    # and that one is credited, too
    payment.refresh_from_db()
    credit(abroad, payment)
    abroad.go_on(payment)
    assert abroad.go_on(payment, later=SOON) == "REFUNDED"
    assert (payment.refunded, payment.has) == (1210, 0)
    # billed again when all is given back: somebody's work
    abroad.cdr(payment, "5.00", id="TOO-LATE", session_id=f"S-{payment.reference[:6]}")
    assert abroad.go_on(payment) == "FAILED"
    assert (line(payment).finding, line(payment).at_risk) == (Finding.SHORT, 710)


def test_a_credit_that_nobody_told_us_of_is_found(abroad: Abroad) -> None:
    payment = paid(abroad)
    made = credit(abroad, payment)
    CardPayment.objects.update(due_at=None)  # the hint was lost
    assert crediting.notice(now=site.now()) == 1
    assert crediting.notice(now=site.now()) == 0
    assert abroad.go_on(payment) == "CREDITED"
    assert payment.credit == made


def test_staff_ask_again_or_say_how_the_driver_got_it(abroad: Abroad) -> None:
    payment = paid(abroad, "closed")
    with pytest.raises(crediting.UnableToGiveBack, match="Nothing is owed"):
        crediting.refund_again(payment, by="finn", now=site.now())
    credit(abroad, payment)
    abroad.go_on(payment)
    abroad.go_on(payment, later=SOON)
    crediting.refund_again(payment, by="finn", now=site.now())
    assert abroad.go_on(payment) == "OWING"
    keys = MoneyMove.objects.filter(payment=payment, kind="REFUND").values_list("key", "number")
    assert len({key for key, _ in keys}) == 2 and [number for _, number in keys] == [1, 2], "a question of its own"
    with pytest.raises(crediting.UnableToGiveBack, match="Say how"):
        crediting.give_otherwise(payment, reason=" ", by="finn", now=site.now())
    assert crediting.give_otherwise(payment, reason="Bank transfer", by="finn", now=site.now()) == 1210
    payment.refresh_from_db()
    assert (payment.state, payment.refunded, payment.returned) == ("REFUNDED", 0, 1210)
    assert line(payment).finding is Finding.TIED
    with pytest.raises(crediting.UnableToGiveBack):
        crediting.give_otherwise(payment, reason="Again", by="finn", now=site.now())


def test_a_provider_that_says_it_gave_back_more_is_not_believed(
    abroad: Abroad, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backoffice.payments import provider

    payment = paid(abroad)
    credit(abroad, payment)
    abroad.go_on(payment)
    psp: Any = provider.chosen()
    more = provider.Answered(verdict=provider.Verdict.DONE, units=1211)
    monkeypatch.setattr(psp, "refund", lambda question: more)
    assert abroad.go_on(payment, later=SOON) == "REFUNDING"
    assert payment.refunded == 0
    monkeypatch.undo()
    abroad.go_on(payment, later=SOON + 3)
    assert moves(payment)[-1] == ("REFUND", "DONE", 1210)


def test_our_invoice_is_taken_back_by_another_document(abroad: Abroad, client: Any) -> None:
    payment = paid(abroad, invoice_reference_id=None)
    first = DriverInvoice.objects.get()
    written = first.document
    credit(abroad, payment)
    abroad.go_on(payment)
    correction = DriverInvoice.objects.get(corrects=first)
    assert (correction.number, correction.total, correction.turn) == (2, -1210, 2)
    assert correction.tree()["corrects"]["number"] == first.label
    page = client.get(f"/invoice/{payment.reference}", headers={"accept-language": "de"}).content.decode()
    assert "Rechnungskorrektur" in page and "-12,10\u00a0EUR" in page and "geht auf die verwendete Karte" in page
    abroad.cdr(payment, "8.00", id="CORRECTED", session_id=f"S-{payment.reference[:6]}", invoice_reference_id=None)
    assert abroad.go_on(payment) == "REFUNDED"
    second = DriverInvoice.objects.get(turn=3)
    assert (second.number, second.total, second.captured, second.corrects) == (3, 1010, 1010, None)
    first.refresh_from_db()
    assert first.document == written, "what was written stays as it was"
    found = line(payment)
    assert (found.finding, found.captured, found.billed, found.invoiced) == (Finding.TIED, 1010, 1010, 1010)
    page = client.get(f"/invoice/{payment.reference}", headers={"accept-language": "en"}).content.decode()
    assert "REFUND 2.00 EUR" in page and "DE-PTP-000003" in page and page.count("<article") == 3
    correction.refresh_from_db()
    assert correction.tree()["returned"][0]["amount"] == Decimal("2.00")
    assert crediting.notice(now=site.now() + timedelta(hours=1)) == 0


def test_ours_as_cpo_it_is_money_to_give_back_until_staff_say_so(db: None) -> None:
    """We credit a CDR that a card paid for; later we correct it instead."""
    harbour = Harbour()
    harbour.start()
    cdr = harbour.stop(20, "8")
    advice = harbour.advice("4.50")
    now = site.now()
    made = deciding.credit(cdr, now=now, by="finn", reason="Meter was wrong")
    assert charging.catch_up(now=now) == 1
    first, correction = DriverInvoice.objects.order_by("number")
    assert (correction.corrects, correction.total, correction.cdr) == (first, -450, made)
    assert charging.catch_up(now=now) == 0, "once"
    told = tying.line_of(Side.CPO, REFERENCE, now=now)
    assert told is not None
    assert (told.finding, told.captured, told.billed, told.invoiced) == (Finding.OVER, 450, 0, 0)
    assert told.to_give_back == 450
    with pytest.raises(tying.UnableToDecide, match="Say why"):
        tying.give_back(Side.CPO, REFERENCE, reason="", by="finn", now=now)
    with pytest.raises(tying.UnableToDecide, match="No book knows"):
        tying.give_back(Side.CPO, REFERENCE, reason="Mail", by="finn", now=now, parties=[harbour.provider.party.pk])
    assert tying.give_back(Side.CPO, REFERENCE, reason="Mail of the provider", by="finn", now=now) == "4.50 EUR"
    correction.refresh_from_db()
    assert correction.tree()["returned"][0]["amount"] == Decimal("4.5"), "and the driver can see it"
    settled = tying.line_of(Side.CPO, REFERENCE, now=now)
    assert settled is not None and (settled.finding, settled.settled) == (Finding.GIVEN_BACK, True)
    with pytest.raises(tying.UnableToDecide, match="Nothing is to be given back"):
        tying.give_back(Side.CPO, REFERENCE, reason="Again", by="finn", now=now)
    assert advice.captured == Decimal("4.5"), "an advice is never changed"


def test_ours_as_cpo_a_corrected_cdr_is_invoiced_anew(db: None) -> None:
    harbour = Harbour()
    harbour.start()
    cdr = harbour.stop(20, "8")
    advice = harbour.advice("4.50")
    now = site.now() + timedelta(minutes=30)
    _, corrected = deciding.correct(cdr, Correction(kwh=Decimal(4)), now=now, by="finn", reason="Meter was wrong")
    assert charging.catch_up(now=now) == 1
    assert [(each.number, each.turn, each.total) for each in DriverInvoice.objects.order_by("turn")] == [
        (1, 1, 450),
        (2, 2, -450),
        (3, 3, 225),
    ]
    third = DriverInvoice.objects.get(turn=3)
    assert (third.cdr, third.captured, third.ready_at is not None) == (corrected, 225, True)
    advice.refresh_from_db()
    assert advice.cdr == corrected
    told = tying.line_of(Side.CPO, REFERENCE, now=now)
    assert told is not None
    assert (told.finding, told.billed, told.invoiced, told.to_give_back) == (Finding.OVER, 225, 225, 225)


def test_without_a_seller_no_invoice_is_written(db: None, client: Any) -> None:
    harbour = Harbour()
    InvoiceSeller.objects.all().delete()
    harbour.start()
    cdr = harbour.stop(20, "8")
    harbour.advice("4.50")
    assert charging.catch_up(now=site.now()) == 0
    assert not DriverInvoice.objects.exists() and selling.missing() == [harbour.us]
    with pytest.raises(invoicing.UnableToInvoice, match="Sellers on invoices"):
        invoicing.issue(cdr, party=harbour.us, creator=InvoiceCreator.CPO, reference=REFERENCE, now=site.now())
    with pytest.raises(selling.UnableToSell, match="VAT id"):
        selling.enter(harbour.us, {"name": "R", "address": "K", "city": "U", "country": "NL"}, by="x", now=site.now())
    factories.seller(harbour.us)
    assert charging.catch_up(now=site.now()) == 2
    invoice = DriverInvoice.objects.get()
    assert (invoice.number, invoice.ready_at is not None) == (1, True)
    page = client.get(f"/invoice/{REFERENCE}", headers={"accept-language": "fr"}).content.decode()
    assert "N° de TVA NL000000000B00" in page and "Kade 1" in page and "3511 Utrecht, NL" in page
