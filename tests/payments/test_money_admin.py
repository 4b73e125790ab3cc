"""The staff's screens of the money: what they say, who may decide, and what follows a decision."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from backoffice.console.dashboard.asked import Asked, range_of
from backoffice.console.dashboard.cards import cards
from backoffice.payments.actions import tying
from backoffice.payments.actions.tying import Side
from backoffice.payments.models import Advice, CardCharge, DriverInvoice, InvoiceSeller, TieDecision
from backoffice.payments.rules.tie import Finding
from backoffice.roaming_site import site
from tests import factories
from tests.payments.taking import Abroad
from tests.payments.test_charging import REFERENCE, Harbour
from tests.payments.test_giving_back import credit


@pytest.fixture
def staff(db: None) -> Client:
    user = User.objects.create_user("finn", is_staff=True)
    seen = ("advice", "cardpayment", "driverinvoice", "quarantinedadvice", "terminal", "invoiceseller")
    names = [f"view_{model}" for model in seen]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = Client()
    client.force_login(user)
    return client


def allow(*names: str) -> None:
    User.objects.get(username="finn").user_permissions.add(*Permission.objects.filter(codename__in=names))


def tied(side: Side) -> tying.Tied:
    now = site.now()
    return tying.look(side, since=now - timedelta(days=2), until=now + timedelta(days=1), now=now + timedelta(hours=1))


def get(client: Client, path: str) -> str:
    answer = client.get(f"/admin/payments/{path}")
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.content.decode()


def test_empty_screens_say_what_belongs_there(staff: Client) -> None:
    assert "No card was shown yet" in get(staff, "cardpayment/")
    assert "No advice was told yet" in get(staff, "advice/")
    assert "Nothing is in quarantine" in get(staff, "quarantinedadvice/")
    assert "None was written yet" in get(staff, "driverinvoice/")
    assert "Nothing to compare yet" in get(staff, "advice/tie/")


def test_what_cards_paid_short_is_written_off_with_a_reason(staff: Client) -> None:
    harbour = Harbour()
    harbour.start()
    harbour.stop(20, "8")
    harbour.advice("4.00")
    (line,) = tied(Side.CPO).lines
    assert (line.finding, line.captured, line.billed, line.invoiced, line.at_risk) == (Finding.SHORT, 400, 450, 450, 50)
    page = get(staff, "advice/tie/?side=CPO&days=1")
    assert "0.50 EUR" in page and "Less was captured than billed." in page
    assert "Write off" not in page
    given = {"side": "CPO", "days": "1", "reference": REFERENCE, "reason": "Goodwill"}
    assert staff.post("/admin/payments/advice/tie/write-off/", given).status_code == 403
    assert not TieDecision.objects.exists()
    allow("decide_advice")
    assert "Write off" in get(staff, "advice/tie/?side=CPO&days=1")
    staff.post("/admin/payments/advice/tie/write-off/", given | {"reason": " "})
    assert not TieDecision.objects.exists()
    staff.post("/admin/payments/advice/tie/write-off/", given)
    decision = TieDecision.objects.get()
    assert (decision.written_off, decision.by, decision.reason) == (50, "finn", "Goodwill")
    (line,) = tied(Side.CPO).lines
    assert (line.finding, line.settled) == (Finding.WRITTEN_OFF, True)
    staff.post("/admin/payments/advice/tie/write-off/", given)
    assert TieDecision.objects.get() == decision, "nothing is missing any more"
    rows = staff.get("/admin/payments/advice/tie/export/?side=CPO&days=1").content.decode().splitlines()
    assert len(rows) == 2
    assert rows[1].endswith("EUR,4.00,4.50,4.50,WRITTEN_OFF,0.00,0.00,Goodwill")


def test_an_orphan_is_matched_by_hand(staff: Client) -> None:
    harbour = Harbour()
    harbour.start()
    cdr = harbour.stop(20, "8")
    orphan = harbour.advice("4.50", "the-terminal-printed-it-wrong")
    assert {line.finding for line in tied(Side.CPO).lines} == {Finding.NO_CAPTURE, Finding.NO_CDR}
    page = get(staff, f"advice/{orphan.pk}/change/")
    assert "VISA **** 4242" in page and "Match" not in page
    assert orphan.object_id[:8] in get(staff, "advice/?charge=orphan")
    given = {"reference": REFERENCE, "reason": "Same terminal, same minute"}
    assert staff.post(f"/admin/payments/advice/{orphan.pk}/match/", given).status_code == 403
    allow("decide_advice")
    staff.post(f"/admin/payments/advice/{orphan.pk}/match/", given | {"reference": "nobody-knows-it"})
    orphan.refresh_from_db()
    assert orphan.cdr is None
    staff.post(f"/admin/payments/advice/{orphan.pk}/match/", given)
    orphan.refresh_from_db()
    assert (orphan.cdr, orphan.matched_by) == (cdr, "finn")
    (line,) = tied(Side.CPO).lines
    assert (line.finding, line.reason) == (Finding.TIED, "Same terminal, same minute")
    invoice = DriverInvoice.objects.get()
    assert (invoice.captured, invoice.ready_at is not None) == (450, True)
    staff.post(f"/admin/payments/advice/{orphan.pk}/invoice/")
    assert "DE-RDK-000001" in get(staff, f"driverinvoice/{invoice.pk}/change/")
    assert "DE-RDK-000001" in get(staff, "driverinvoice/?q=000001")
    assert CardCharge.objects.count() == Advice.objects.count() == 1


def test_payments_at_terminals_of_ours(abroad: Abroad, staff: Client) -> None:
    payment = abroad.started("half")
    abroad.session(payment, "1.00")
    abroad.go_on(payment)
    page = get(staff, f"cardpayment/{payment.pk}/change/")
    assert "The charge runs" in page and "Stop the charge" not in page
    assert staff.post(f"/admin/payments/cardpayment/{payment.pk}/end/", {"reason": "Fire"}).status_code == 403
    allow("steer_card_payment")
    assert "Stop the charge" in get(staff, f"cardpayment/{payment.pk}/change/")
    staff.post(f"/admin/payments/cardpayment/{payment.pk}/end/", {"reason": "Fire"})
    payment.refresh_from_db()
    assert payment.stop is not None
    assert payment.events.filter(event="STOP", by="finn", reason="Fire").exists()
    abroad.cdr(payment)
    abroad.go_on(payment)
    assert payment.state == "PARTIAL"
    page = get(staff, f"cardpayment/{payment.pk}/change/")
    assert "6.05 EUR" in page and "balance did not suffice" in page
    assert payment.reference[:8] in get(staff, "cardpayment/?state=risk")
    assert payment.reference[:8] in get(staff, f"cardpayment/?q={payment.reference}")
    (line,) = tied(Side.PTP).lines
    assert (line.finding, line.captured, line.billed, line.invoiced) == (Finding.SHORT, 605, 1210, 1210)
    assert line.entries[2].name == "written by the CPO"
    assert tying.at_risk(Side.PTP, since=site.now() - timedelta(days=2), now=site.now()) == {"EUR": 605}
    assert get(staff, "advice/tie/?side=PTP&days=7").count("6.05 EUR") >= 2


def test_money_that_goes_back(abroad: Abroad, staff: Client) -> None:
    payment = abroad.started("closed")
    abroad.cdr(payment)
    abroad.go_on(payment)
    credit(abroad, payment)
    abroad.go_on(payment)
    abroad.go_on(payment, later=700)
    page = get(staff, f"cardpayment/{payment.pk}/change/")
    assert "12.10 EUR" in page and "account is closed" in page and "Ask the provider again" not in page
    assert payment.reference[:8] in get(staff, "cardpayment/?state=back")
    assert payment.reference[:8] not in get(staff, "cardpayment/?state=kept")
    assert "12.10 EUR" in get(staff, "advice/tie/?side=PTP&days=1")
    where = f"/admin/payments/cardpayment/{payment.pk}"
    for deed, needed, given in (
        ("refund", "steer_card_payment", {}),
        ("otherwise", "decide_advice", {"reason": "SEPA"}),
    ):
        assert staff.post(f"{where}/{deed}/", given).status_code == 403
        allow(needed)
        assert staff.post(f"{where}/{deed}/", given).status_code == 302
        abroad.go_on(payment)
    assert (payment.state, payment.returned) == ("REFUNDED", 1210)
    panel = cards(Asked(User.objects.get(username="finn"), site.now(), range_of("24h", now=site.now())))
    assert [figure.value for figure in panel.figures] == ["nothing"]


def test_what_the_start_page_says_of_cards(abroad: Abroad, staff: Client) -> None:
    for handle in ("half", "fails", "clings"):
        payment = abroad.started(handle)
        excl, vat = ("0", "0") if handle == "clings" else ("10.00", "2.10")
        abroad.cdr(payment, excl, vat, session_id=f"S-{handle}")
        abroad.go_on(payment)
    assert payment.reference[:8] in get(staff, "cardpayment/?state=kept")
    allow("steer_card_payment")
    staff.post(f"/admin/payments/cardpayment/{payment.pk}/ask/")
    abroad.go_on(payment)
    assert payment.moves.filter(kind="RELEASE").count() == 2, "asked anew, with another key"
    panel = cards(Asked(User.objects.get(username="finn"), site.now(), range_of("24h", now=site.now())))
    assert [figure.value for figure in panel.figures] == ["18.15 EUR"]
    assert sorted((each.drivers, each.money) for each in panel.matters) == [(1, 20), (2, Decimal("18.15"))]


def test_who_stands_on_invoices(abroad: Abroad, staff: Client) -> None:
    assert "NL000000000B00" in get(staff, "invoiceseller/")
    assert staff.get("/admin/payments/invoiceseller/add/").status_code == 403
    other = factories.own_party("DE-RDK", "CPO")
    allow("add_invoiceseller", "change_invoiceseller")
    given = {"party": str(other.pk), "name": "R", "address": "K 1", "city": "U", "country": "nl", "vat_id": "0815"}
    refused = staff.post("/admin/payments/invoiceseller/add/", given)
    assert refused.status_code == 400 and "begins with the letters" in refused.content.decode()
    given |= {"vat_id": "nl 0012.34567.B01", "prefix": "rdk/26"}
    assert staff.post("/admin/payments/invoiceseller/add/", given).status_code == 302
    row = InvoiceSeller.objects.get(party=other)
    assert (row.vat_id, row.country, row.prefix, row.changed_by) == ("NL001234567B01", "NL", "RDK/26", "finn")
    page = f"/admin/payments/invoiceseller/{row.pk}/change/"
    assert "the next one gets number 1." in staff.get(page).content.decode()
    assert staff.post(page, given | {"name": "R GmbH"}).status_code == 302
    assert staff.post(f"/admin/payments/invoiceseller/{row.pk}/delete/").status_code == 403


def test_a_cdr_for_a_card_that_nobody_showed_is_an_orphan(abroad: Abroad) -> None:
    payment = abroad.started()
    token: dict[str, Any] = {
        "country_code": "DE",
        "party_id": "PTP",
        "uid": "deadbeefdeadbeef",
        "type": "AD_HOC_USER",
        "contract_id": "X",
    }
    abroad.cdr(payment, id="STRAY", cdr_token=token, start_date_time="2026-11-01T10:00:00Z")
    from backoffice.cdrs.models import Cdr

    Cdr.objects.update(ends_at=site.now())
    (line,) = tied(Side.PTP).lines
    assert (line.finding, line.at_risk) == (Finding.NO_INVOICE, 1210)
    factories.own_token(factories.small_token("DEADBEEFDEADBEEF", "DE-PTP", type="AD_HOC_USER"))
    assert tied(Side.PTP).lines == [], "a guest of our own eMSP, who shows no card"
