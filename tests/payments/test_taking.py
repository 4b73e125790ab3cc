"""Cards at terminals of ours, from the card that is shown to the advice that the CPO gets. The CPO speaks literal JSON."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from backoffice.commands.models import Command
from backoffice.delivery.actions.recording import redacted
from backoffice.delivery.models import Exchange
from backoffice.locations.models import Evse
from backoffice.payments import provider
from backoffice.payments.actions.presenting import UnableToTake
from backoffice.payments.models import Advice, CardPayment, DriverInvoice, MoneyMove, SimulatedMove
from backoffice.roaming_site import site
from backoffice.tariffs.models import TariffVersion
from backoffice.tokens.models import Token
from tests.payments import taking
from tests.payments.taking import Abroad, happened, money, moves


@pytest.mark.rule("T-484", "T-485", "T-486", "T-489", "T-490", "T-491")
def test_a_card_pays_for_a_charge(abroad: Abroad) -> None:
    payment = abroad.present()
    assert (payment.reserve, payment.currency, payment.tariff_id) == (2000, "EUR", "T1"), "what the tariff wants"
    assert len(payment.reference) == 32
    assert not Command.objects.exists(), "nothing is started before an amount is reserved"
    assert abroad.go_on(payment) == "STARTING"
    assert (payment.reserved, payment.handle) == (2000, "")
    body = abroad.ask(payment)
    assert body["authorization_reference"] == payment.reference
    assert (body["location_id"], body["evse_uid"], body["connector_id"]) == ("LOC1", "E1", "1")
    token = body["token"]
    assert (token["party_id"], token["type"], token["language"]) == ("PTP", "AD_HOC_USER", "nl")
    assert not Token.objects.exists(), "it lives as long as the payment and is in no list"
    assert payment.start is not None
    assert abroad.result(payment.start).says == (200, 1000)
    assert abroad.go_on(payment) == "STARTING", "accepted is not charging"
    assert abroad.session(payment, "1.00").says in ((201, 1000), (200, 1000))
    assert abroad.go_on(payment) == "CHARGING"
    abroad.session(payment, "12.10", status="COMPLETED")
    assert abroad.go_on(payment) == "ENDED"
    assert abroad.cdr(payment).says == (201, 1000)
    assert abroad.go_on(payment) == "CAPTURED"
    assert (payment.owed, payment.captured) == (1210, 1210)
    assert moves(payment) == [("PREAUTHORIZE", "DONE", 2000), ("CAPTURE", "DONE", 1210)]
    assert money(payment) == {"PREAUTHORIZE": 2000, "CAPTURE": 1210}
    (advice,) = abroad.drain()
    assert advice["authorization_reference"] == payment.reference
    assert advice["capture_status_code"] == "SUCCESS"
    assert Decimal(str(advice["total_costs"]["before_taxes"])) == 10
    assert [Decimal(str(tax["amount"])) for tax in advice["total_costs"]["taxes"]] == [Decimal("2.1")]
    assert advice["currency"] == "EUR"
    assert advice["eft_data"] and all(0 < len(line) <= 255 for line in advice["eft_data"])
    assert any("**** **** ****" in line for line in advice["eft_data"])
    assert payment.advice is not None
    payment.advice.refresh_from_db()
    assert (payment.advice.captured, payment.advice.cdr) == (Decimal("12.1"), payment.cdr)
    assert not DriverInvoice.objects.exists(), "the CPO writes it"
    assert abroad.drain() == [advice], "once"


@pytest.mark.rule("T-491")
def test_every_other_end(abroad: Abroad) -> None:
    """How the card behaves, what the CDR comes to: what is captured, what the CPO is told, what is at risk."""
    for handle, excl, ends, captured, told, missing in (
        ("half", "10.00", "PARTIAL", 605, "PARTIAL_SUCCESS", 605),
        ("fails", "10.00", "FAILED", 0, "FAILED", 1210),
        ("approve", "30.00", "PARTIAL", 2000, "PARTIAL_SUCCESS", 1210),  # more than was reserved
        ("late", "10.00", "CAPTURED", 1210, "SUCCESS", 0),
    ):
        payment = abroad.started(handle)
        vat = "2.10"
        abroad.cdr(payment, excl, vat, session_id=f"S-{handle}-{excl}")
        for _ in range(3):
            abroad.go_on(payment, later=3)
        owed = int((Decimal(excl) + Decimal(vat)) * 100)
        assert (payment.state, payment.owed, payment.captured) == (ends, owed, captured), handle
        assert owed - captured == missing
        assert money(payment).get("CAPTURE", 0) == captured
        assert MoneyMove.objects.filter(payment=payment, kind="CAPTURE").count() == 1
        assert payment.advice is not None
        assert payment.advice.capture_status == told
        assert payment.advice.captured == Decimal(captured) / 100
        assert bool(payment.advice.message) is bool(missing)
    assert not SimulatedMove.objects.filter(kind="RELEASE").exists()
    assert len(abroad.drain()) == Advice.objects.count() == 4


def test_what_costs_nothing_and_what_never_began_is_released(abroad: Abroad) -> None:
    nothing = abroad.started()
    abroad.cdr(nothing, "0", "0")
    assert abroad.go_on(nothing) == "RELEASED"
    assert money(nothing) == {"PREAUTHORIZE": 2000, "RELEASE": 2000}
    assert nothing.advice is None

    refused = abroad.started()
    abroad.ask(refused, "REJECTED")
    assert abroad.go_on(refused) == "RELEASED"

    occupied = abroad.started()
    abroad.ask(occupied)
    assert occupied.start is not None
    abroad.result(occupied.start, "EVSE_OCCUPIED")
    assert abroad.go_on(occupied) == "RELEASED"

    unheard = abroad.started()
    assert unheard.start is not None
    Command.objects.filter(pk=unheard.start.pk).update(state="TIMED_OUT")
    assert abroad.go_on(unheard) == "STARTING", "a charge may have begun all the same"
    assert abroad.go_on(unheard, later=36 * 60) == "RELEASED"

    declined = abroad.present("decline")
    assert abroad.go_on(declined) == "DECLINED"
    assert declined.start is None
    assert "Declined" in declined.problem
    assert not Advice.objects.exists()


def test_a_bill_after_the_release_is_somebodys_work(abroad: Abroad) -> None:
    payment = abroad.started()
    Command.objects.filter(pk=payment.start_id).update(state="TIMED_OUT")
    abroad.go_on(payment, later=36 * 60)
    abroad.cdr(payment)
    assert abroad.go_on(payment) == "FAILED"
    assert (payment.owed, payment.captured) == (1210, 0)
    assert "after the money was let go of" in payment.problem
    assert money(payment) == {"PREAUTHORIZE": 2000, "RELEASE": 2000}
    (advice,) = abroad.drain()
    assert advice["capture_status_code"] == "FAILED"
    assert advice["total_costs"]["before_taxes"] == 0


def test_a_charge_that_nobody_pays_for_is_stopped(abroad: Abroad) -> None:
    payment = abroad.started()
    Command.objects.filter(pk=payment.start_id).update(state="TIMED_OUT")
    abroad.go_on(payment, later=36 * 60)
    abroad.session(payment, "0.10")
    assert abroad.go_on(payment) == "RELEASED"
    assert payment.stop is not None
    assert payment.stop.kind == "STOP_SESSION"


@pytest.mark.rule("T-487")
def test_the_provider_stops_the_charge_at_the_limit(abroad: Abroad) -> None:
    payment = abroad.started()
    abroad.session(payment, "5.00")
    abroad.go_on(payment)
    abroad.session(payment, "12.00")
    abroad.go_on(payment)
    assert payment.stop is None
    abroad.session(payment, "16.00")  # with one more step like the last it is 20
    abroad.go_on(payment)
    assert payment.stop is not None
    assert (payment.stop.kind, payment.stop.session_id) == ("STOP_SESSION", "S-1")
    abroad.session(payment, "16.50")
    abroad.go_on(payment)
    assert Command.objects.filter(kind="STOP_SESSION").count() == 1, "asked once"
    Command.objects.filter(kind="STOP_SESSION").update(state="FAILED")
    abroad.go_on(payment, later=61)
    assert Command.objects.filter(kind="STOP_SESSION").count() == 2, "and again when that came to nothing"


def test_a_provider_that_never_answers(abroad: Abroad) -> None:
    payment = abroad.present("silent")
    assert abroad.go_on(payment) == "PRESENTED"
    assert moves(payment) == [("PREAUTHORIZE", "", 0)]
    assert payment.due_at is not None and payment.due_at > site.now()
    assert abroad.go_on(payment, later=91) == "RELEASED", "nobody knows whether it is reserved, so it is let go of"
    assert happened(payment) == ["PRESENT", "NO_ANSWER", "GIVE_UP", "RELEASE"]
    assert payment.start is None


def test_what_is_not_known_is_looked_up_before_it_is_asked_again(
    abroad: Abroad, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = abroad.present("late")
    asked: list[str] = []
    psp: Any = provider.chosen()

    def listen(name: str) -> None:
        real = getattr(psp, name)
        monkeypatch.setattr(psp, name, lambda given: asked.append(name) or real(given))

    for name in ("preauthorize", "look_up", "capture"):
        listen(name)
    abroad.go_on(payment)
    abroad.go_on(payment, later=3)
    assert payment.state == "STARTING"
    assert asked == ["preauthorize", "look_up"], "reserved once"
    abroad.cdr(payment)
    abroad.go_on(payment)
    assert payment.state == "BILLED"
    abroad.go_on(payment, later=3)
    assert payment.state == "CAPTURED"
    assert asked[2:] == ["capture", "look_up"]
    assert set(SimulatedMove.objects.values_list("asked", flat=True)) == {1}


def test_two_workers_ask_once(abroad: Abroad) -> None:
    payment = abroad.started()
    abroad.cdr(payment)
    lease = site.now() + timedelta(seconds=60)
    CardPayment.objects.filter(pk=payment.pk).update(state="BILLED", owed=1210, lease_until=lease)
    assert abroad.go_on(payment) == "BILLED"
    assert not MoneyMove.objects.filter(kind="CAPTURE").exists()


def test_a_driver_of_a_provider_that_breaks_or_lies_moves_nothing(
    abroad: Abroad, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = abroad.started()
    abroad.cdr(payment)
    psp: Any = provider.chosen()
    monkeypatch.setattr(psp, "capture", lambda question: 1 / 0)
    assert abroad.go_on(payment) == "BILLED"
    more = provider.Answered(verdict=provider.Verdict.DONE, units=999_999)
    monkeypatch.setattr(psp, "capture", lambda question: more)
    assert abroad.go_on(payment, later=3) == "BILLED"
    assert "nobody believes" in MoneyMove.objects.get(kind="CAPTURE").reason
    monkeypatch.undo()


def test_what_no_card_can_pay_for(abroad: Abroad, settings: Any) -> None:
    def refused(match: str, handle: str = "approve") -> None:
        with pytest.raises(UnableToTake, match=match):
            abroad.present(handle)

    refused("must not come in here", "4111 1111 1111 1111")
    TariffVersion.objects.update(document=TariffVersion.objects.get().document.replace("preauthorize_amount", "x_y"))
    refused("how much to reserve")
    abroad.terminal.location_ids = []
    refused("does not serve")
    abroad.terminal.evse_uids = ["e1"]
    Evse.objects.update(status="CHARGING")
    TariffVersion.objects.update(document=TariffVersion.objects.get().document.replace("x_y", "preauthorize_amount"))
    abroad.evse.refresh_from_db()
    abroad.terminal.state = "INACTIVE"
    refused("is inactive")
    abroad.terminal.state = "ACTIVE"
    abroad.terminal.ours = False
    refused("is run by")
    settings.PAYMENT_PROVIDER = ""
    with pytest.raises(provider.UnableToPay):
        abroad.present()
    assert not CardPayment.objects.exists()
    assert not SimulatedMove.objects.exists()


@pytest.mark.rule("T-488")
def test_where_the_cpo_writes_no_invoice_we_do(abroad: Abroad) -> None:
    payment = abroad.started()
    abroad.cdr(payment, invoice_reference_id=None)
    assert abroad.go_on(payment) == "CAPTURED"
    invoice = DriverInvoice.objects.get()
    assert (invoice.party, invoice.creator, invoice.reference) == (abroad.us, "PTP", payment.reference)
    assert (invoice.total, invoice.captured, invoice.label) == (1210, 1210, "DE-PTP-000001")
    assert invoice.ready_at is not None
    assert invoice.tree()["paid"]["eft"]
    assert taking.said(invoice.tree()["lines"])


def test_no_line_of_a_receipt_is_in_the_message_log(abroad: Abroad) -> None:
    payment = abroad.started()
    abroad.cdr(payment)
    abroad.go_on(payment)
    (advice,) = abroad.drain()
    told = [advice["eft_data"][1], advice["eft_data"][4]]
    pushed = Exchange.objects.filter(incoming=False, url__contains="financial-advice-confirmations")
    assert pushed.exists()
    asked = abroad.asking.ask("GET", f"2.3.0/sender/payments/financial-advice-confirmations/{advice['id']}")
    assert asked.data["eft_data"] == advice["eft_data"]
    for row in Exchange.objects.all():
        assert not any(line in row.request_body + row.response_body for line in told)
    assert '"eft_data":"(redacted)"' in pushed.get().request_body
    for body in (
        b'{"eft_data":["VISA [4242]","PAN \\"4111\\""],"id":"A"}',
        b'{"id":"A","eft_data":["VISA 4242","PAN 41',
        b'{"id":"A","eft_data" : "PAN 4111"}',
        b'{"id":"A","eft_data":["a]b","4111",[1,2]]}',
    ):
        kept = redacted("financial-advice-confirmations", body)
        assert '"A"' in kept and not any(told in kept for told in ("4242", "41", "PAN")), kept
