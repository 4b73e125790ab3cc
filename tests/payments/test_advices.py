"""Financial advice, both ends: taken once, compared ever after; what is not taken is kept in quarantine."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from backoffice.partners import peers
from backoffice.partners.models import Connection, Party
from backoffice.payments.actions import advices, charging, tying
from backoffice.payments.actions.tying import Side
from backoffice.payments.models import Advice, CardCharge, DriverInvoice, QuarantinedAdvice
from backoffice.payments.rules.advices import Told, adds
from backoffice.payments.rules.tie import Finding
from backoffice.roaming_site import site
from tests import factories
from tests.doors.asking import Asking
from tests.factories import Partner, small_advice
from tests.payments.test_charging import REFERENCE, Harbour
from tests.payments.test_examples import EXAMPLES
from tests.sessions import cast

DOOR = "2.3.0/receiver/payments/financial-advice-confirmations"
SENDER = "2.3.0/sender/payments/financial-advice-confirmations"

WHOLE = b"""{"id": "F-1", "authorization_reference": "REF-1", "total_costs": {"before_taxes": 4.00, "taxes": [{"name": "VAT",
    "amount": 0.40}]}, "currency": "EUR", "eft_data": ["Mastercard", "AID: 1234", "Nr: **** **** **** 1234", "Amount: EUR 4.40"],
    "capture_status_code": "SUCCESS", "capture_status_message": "captured", "psp": "x", "last_updated": "2026-03-01T09:30:00Z"}"""


@pytest.mark.rule("T-473")
def test_an_advice_is_kept_whole_and_read_back(paying: Asking, us: Party) -> None:
    answered = paying.ask("POST", DOOR, WHOLE)
    assert answered.says == (201, 1000)
    row = Advice.objects.get()
    assert (row.captured, row.captured_excl, row.currency) == (Decimal("4.40"), Decimal("4.00"), "EUR")
    assert (row.party.party_id, row.customer, row.ours, row.cdr) == ("PAY", us, False, None)
    assert paying.get(answered.headers["Location"]).data["psp"] == "x"
    assert Asking(factories.partner("FR-CBX:OTHER").token).get(f"{DOOR}/F-1").says == (404, 2001)


def changed(**fields: Any) -> dict[str, Any]:
    return small_advice("F-1", "REF-1") | fields


SECONDS = [
    (changed(), 201, 1000, ""),
    (changed(last_updated="2026-04-01T09:30:00Z"), 201, 1000, ""),  # the time alone is no content
    (changed(id="f-1", capture_status_message=None), 201, 1000, ""),
    (small_advice("F-1", "REF-1", "11.26"), 200, 2001, "OTHER_CONTENT"),
    (changed(authorization_reference="REF-2"), 200, 2001, "OTHER_CONTENT"),
    (changed(capture_status_code="FAILED"), 200, 2001, "OTHER_CONTENT"),
    (small_advice("F-2", "REF-1"), 200, 2001, "SECOND"),
    (small_advice("F-2", "ref-1", "0.05"), 200, 2001, "SECOND"),
    (small_advice("F-2", "REF-2"), 201, 1000, ""),
]


@pytest.mark.parametrize(("body", "http", "code", "why"), SECONDS)
def test_what_is_told_twice(paying: Asking, body: dict[str, Any], http: int, code: int, why: str) -> None:
    paying.ask("POST", DOOR, small_advice("F-1", "REF-1"))
    first = Advice.objects.get(object_id="F-1").document
    for _ in range(2):
        assert paying.ask("POST", DOOR, body).says == (http, code)
    assert Advice.objects.get(object_id="F-1").document == first
    assert [row.why for row in QuarantinedAdvice.objects.all()] == ([why] if why else [])
    if why:
        kept = QuarantinedAdvice.objects.get()
        assert (kept.times, kept.advice) == (2, Advice.objects.get())


def test_a_card_that_is_tried_again(paying: Asking) -> None:
    for number, status in enumerate(("FAILED", "FAILED", "PARTIAL_SUCCESS")):
        body = small_advice(f"F-{number}", "REF-1", capture_status_code=status, eft_data=["x"])
        assert paying.ask("POST", DOOR, body).says == (201, 1000)
    assert paying.ask("POST", DOOR, small_advice("F-9", "REF-1")).says == (200, 2001)
    assert Advice.objects.count() == 3


@pytest.mark.rule("T-490", "T-491")
@pytest.mark.parametrize(
    "fields",
    [
        {"capture_status_code": "DONE"},
        {"eft_data": []},
        {"eft_data": ["x" * 256]},
        {"total_costs": None},
        {"total_costs": {"before_taxes": "4.00"}},
        {"currency": "EURO"},
        {"authorization_reference": "x" * 37},
        {"id": ""},
    ],
)
def test_what_is_no_advice(paying: Asking, fields: dict[str, Any]) -> None:
    assert paying.ask("POST", DOOR, changed(**fields)).says == (200, 2001)
    assert not Advice.objects.exists()


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the official example files are not part of this repository")
def test_the_examples_need_a_repair(provider: Partner, paying: Asking) -> None:
    names = ("success", "failure")
    bodies = [(EXAMPLES / f"payment_financial_advice_confirmation_example_{name}.json").read_bytes() for name in names]
    assert [paying.ask("POST", DOOR, body).says for body in bodies] == [(200, 2001)] * 2
    Connection.objects.filter(pk=provider.connection.pk).update(repairs=["accept_prices_with_vat"])
    assert [paying.ask("POST", DOOR, body).says for body in bodies] == [(201, 1000), (200, 2001)]  # they share an id
    assert Advice.objects.get().captured == Decimal("4.40")


def test_a_pull_takes_a_page(provider: Partner, us: Party) -> None:
    peer = peers.of_connection(provider.connection.pk)
    assert peer is not None
    page = [small_advice("F-2", "REF-2"), small_advice("F-1", "REF-1"), small_advice("F-3", "REF-1")]
    items = [(peer.theirs[0], tree, None) for tree in page]
    assert advices.store_page(peer, items, site.now()) == 2
    assert advices.store_page(peer, items, site.now()) == 0
    assert QuarantinedAdvice.objects.get().times == 2


@pytest.mark.rule("T-471")
def test_a_cpo_reads_what_was_captured_at_its_charge_points(ptp: Party, cpo: Partner, charging: Asking) -> None:
    other = factories.partner("NO-FJO:CPO", ours=[ptp])
    for number, customer in ((1, cpo.party), (2, other.party), (3, cpo.party)):
        tree = small_advice(f"F-{number}", f"REF-{number}")
        Advice.objects.create(
            party=ptp, customer=customer, ours=True, object_id=tree["id"], document=advices.DocumentField.write(tree),
            last_updated=site.now(), created_at=site.now(), authorization_reference=tree["authorization_reference"],
            captured_excl=9, captured=Decimal("11.25"), currency="EUR", capture_status="SUCCESS", content_hash="x",
        )  # fmt: skip
    listed = charging.get(f"{SENDER}?limit=1")
    assert ([each["id"] for each in listed.data], listed.headers["X-Total-Count"]) == (["F-1"], "2")
    assert charging.get(f"{SENDER}/F-3").data["authorization_reference"] == "REF-3"
    assert charging.get(f"{SENDER}/F-2").says == (404, 2001)
    assert charging.get(f"{SENDER}?date_from=2999-01-01T00:00:00Z").data == []
    assert charging.ask("POST", SENDER, WHOLE).says[0] == 405


def test_an_advice_belongs_to_the_charge_that_its_provider_began(provider: Partner, paying: Asking, us: Party) -> None:
    """By the reference of the StartSession; one of another provider's charge is refused, one of nobody's is an orphan."""
    other = factories.partner("FR-CBX:OTHER")
    for number, whose in ((1, provider.party), (2, other.party)):
        session = cast.begin(cast.point(tariffs=(), location=f"L{number}", evse_id=f"DE*RDK*E{number}"), whose)
        CardCharge.objects.create(
            session=session, provider=whose, reference=f"REF-{number}", currency="EUR", created_at=site.now()
        )
    assert paying.ask("POST", DOOR, small_advice("F-1", "ref-1")).says == (201, 1000)
    assert paying.ask("POST", DOOR, small_advice("F-2", "REF-2")).says == (200, 2001)
    assert paying.ask("POST", DOOR, small_advice("F-3", "REF-3")).says == (201, 1000)
    found = {row.object_id: row.session_id for row in Advice.objects.all()}
    assert found == {"F-1": CardCharge.objects.get(reference="REF-1").session_id, "F-3": None}
    assert QuarantinedAdvice.objects.get().why == "FOREIGN_REFERENCE"
    assert Asking(other.token).ask("POST", DOOR, small_advice("F-2", "REF-2")).says == (201, 1000)


def test_what_may_be_told_beside_what_is_known() -> None:
    """A part and the rest of it are two captures of one charge; anything else of the same charge is told twice."""
    part = ("PARTIAL_SUCCESS", "5.00", "EUR")
    for known, new, limit, taken in (
        ([], ("SUCCESS", "99", "EUR"), None, True),
        ([("FAILED", "0", "EUR")], ("SUCCESS", "10", "EUR"), "10", True),
        ([("FAILED", "0", "EUR")], ("PARTIAL_SUCCESS", "5", "EUR"), None, True),
        ([part], ("SUCCESS", "5.00", "EUR"), "10", True),
        ([part], ("PARTIAL_SUCCESS", "5.00", "eur"), "10", True),  # both halves are parts
        ([part], ("PARTIAL_SUCCESS", "1.00", "EUR"), "10", True),
        ([part, ("PARTIAL_SUCCESS", "1", "EUR")], ("SUCCESS", "4", "EUR"), "10", True),
        ([part, ("PARTIAL_SUCCESS", "1", "EUR")], ("SUCCESS", "4.01", "EUR"), "10", False),
        ([part], ("SUCCESS", "5.01", "EUR"), "10", False),  # together more than is billed
        ([part], ("SUCCESS", "10.00", "EUR"), "10", False),  # the whole, beside a part of it
        ([part], ("SUCCESS", "5.00", "USD"), "10", False),
        ([part], ("SUCCESS", "5.00", "EUR"), None, False),  # nobody knows of what it is the rest
        ([part], ("SUCCESS", "0", "EUR"), "10", False),
        ([part], ("FAILED", "0", "EUR"), "10", True),  # the rest was tried, in vain
        ([part], ("FAILED", "5", "EUR"), "10", False),
        ([("SUCCESS", "5", "EUR")], ("PARTIAL_SUCCESS", "1", "EUR"), "10", False),
        ([("SUCCESS", "5", "EUR")], ("FAILED", "0", "EUR"), "10", False),
        ([part, ("SUCCESS", "1", "EUR")], ("PARTIAL_SUCCESS", "1", "EUR"), "10", False),
    ):
        given = [Told(status, Decimal(captured), currency) for status, captured, currency in (*known, new)]
        bound = None if limit is None else Decimal(limit)
        assert adds(given[-1], given[:-1], limit=bound) is taken, (known, new, limit)


def test_a_part_and_its_rest_stand_on_one_invoice(db: None) -> None:
    harbour = Harbour()
    harbour.start()

    def tell(identity: str, amount: str, status: str, **more: Any) -> tuple[int, int]:
        price = {"before_taxes": Decimal(amount)}
        body = (
            small_advice(identity, REFERENCE, total_costs=price, capture_status_code=status, eft_data=[identity]) | more
        )
        return harbour.asking.ask("POST", DOOR, body).says

    assert tell("A-1", "2.00", "PARTIAL_SUCCESS") == (201, 1000)
    harbour.stop(20, "8")  # 4.50
    assert tell("A-2", "2.51", "SUCCESS") == (200, 2001), "more than is billed"
    assert tell("A-1", "2.50", "SUCCESS") == (200, 2001), "the same id with another amount"
    assert tell("A-2", "2.50", "SUCCESS", currency="USD") == (200, 2001)
    assert tell("A-3", "2.50", "SUCCESS") == (201, 1000)
    assert tell("A-4", "-2.50", "SUCCESS") == (200, 2001), "a refund has no message"
    invoice = DriverInvoice.objects.get()
    paid = invoice.tree()["paid"]
    assert (invoice.captured, paid["status"], paid["eft"]) == (450, "SUCCESS", ["A-1", "A-3"])
    whys = list(QuarantinedAdvice.objects.order_by("pk").values_list("why", flat=True))
    assert whys == ["SECOND", "OTHER_CONTENT", "SECOND", "IMPOSSIBLE"]
    line = tying.line_of(Side.CPO, REFERENCE, now=site.now())
    assert line is not None and (line.finding, line.captured) == (Finding.TIED, 450)


def test_amounts_that_no_card_pays_and_currencies_that_differ(db: None) -> None:
    """Nothing fails, nothing is lost, and an invoice names no amount of another currency."""
    harbour = Harbour()
    harbour.start()
    harbour.stop(20, "8")
    for number, amount in enumerate(("99999999999999999999", "1000000000000.01", "1e18", "-0.01")):
        body = small_advice(f"X-{number}", REFERENCE, total_costs={"before_taxes": Decimal(amount)})
        assert harbour.asking.ask("POST", DOOR, body).says[1] == 2001, amount
    body = b'{"id":"X-9","authorization_reference":"R","total_costs":{"before_taxes":1' + b"0" * 30 + b"}}"
    assert harbour.asking.ask("POST", DOOR, body).says[1] in (2000, 2001)
    assert set(QuarantinedAdvice.objects.values_list("why", flat=True)) == {"IMPOSSIBLE"}
    usd = small_advice("X-5", REFERENCE, total_costs={"before_taxes": Decimal("4.50")}, currency="USD")
    assert harbour.asking.ask("POST", DOOR, usd).says == (201, 1000), "money that left a card is never turned away"
    invoice = DriverInvoice.objects.get()
    assert (invoice.captured, invoice.ready_at) == (None, None)
    line = tying.line_of(Side.CPO, REFERENCE, now=site.now())
    assert line is not None and line.finding is Finding.CURRENCY
    assert charging.catch_up(now=site.now()) >= 0
