"""The driver's invoice: what stands on it, who can fetch it, and that nobody can find one by trying."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from backoffice.cdrs.models import Cdr
from backoffice.payments.actions import fetching, invoicing
from backoffice.payments.models import DriverInvoice, InvoiceAsked, InvoiceSeries
from backoffice.payments.rules import invoice_words
from backoffice.payments.rules.invoice import compose, with_card
from backoffice.payments.rules.receipt import is_card_number, lines, masked
from backoffice.payments.rules.splitting import split
from backoffice.roaming_site import site
from ocpi.wire.payments import InvoiceCreator
from tests import factories
from tests.cdrs.cast import own_cdr

REFERENCE = "5f2c9a7be1d04b66a3c8e9d2f4b7a610"


def test_the_lines_add_up_to_the_cent() -> None:
    for excl, vat, parts in (
        ("9.00", "2.25", {"total_energy_cost": ("9.00", "2.25")}),
        ("1.004", "0.19076", {"total_energy_cost": ("0.502", "0.09538"), "total_time_cost": ("0.502", "0.09538")}),
        ("0.0049", "0", {"total_fixed_cost": ("0.0049", "0")}),
        ("10", "0", {}),
    ):
        tree = factories.small_cdr("C-1")

        def price(net: str, tax: str) -> dict[str, Any]:
            return {"before_taxes": Decimal(net), "taxes": [{"name": "VAT", "percentage": 19, "amount": Decimal(tax)}]}

        tree |= {"total_cost": price(excl, vat)} | {name: price(*told) for name, told in parts.items()}
        made = compose(tree, seller=_seller(), reference="R", zone="", at=site.now())
        told = sum((line["amount"] for line in made["lines"]), Decimal(0))
        assert not made["lines"] or told == made["total"]
        assert made["before_taxes"] + sum(tax["amount"] for tax in made["taxes"]) == made["total"]


def _seller() -> Any:
    from backoffice.payments.rules.invoice import Seller

    return Seller(
        name="Roamdesk Energie", address="Kade 1", city="Utrecht", country="NL", vat_id="NL000000000B00", code="DE-RDK"
    )


@pytest.mark.rule("T-490")
def test_what_was_captured_is_split_to_the_last_digit() -> None:
    bill = {"before_taxes": Decimal("10.00"), "taxes": [{"name": "VAT", "percentage": 21, "amount": Decimal("2.10")}]}
    for captured in ("12.10", "6.05", "0.01", "20.00"):
        told = split(Decimal(captured), bill)
        assert told["before_taxes"] + sum(tax["amount"] for tax in told["taxes"]) == Decimal(captured)
    assert split(Decimal("12.10"), bill)["before_taxes"] == 10
    assert split(Decimal(0), bill) == {"before_taxes": 0}
    assert split(Decimal(5), {"before_taxes": Decimal(5)}) == {"before_taxes": 5}


def test_no_card_number_is_kept() -> None:
    for told, kept in (
        ("PAN 4111111111111111", "PAN **** 1111"),
        ("4111 1111 1111 1111 VISA", "**** 1111 VISA"),
        ("VISA **** **** **** 1234", "VISA **** **** **** 1234"),
        ("EMV A0000000031010", "EMV A0000000031010"),
        ("PAN4111111111111111", "PAN**** 1111"),
        ("TRACE 00001234 AUTH 123456", "TRACE 00001234 AUTH 123456"),
    ):
        assert masked(told) == kept
    assert lines(["", "  ", "Größe", "x" * 300]) == ["Gr??e", "x" * 255]
    assert is_card_number("4111-1111-1111-1111")
    assert not is_card_number("4111-1111-1111-1112")
    assert not is_card_number(REFERENCE)


def test_every_word_is_in_every_language() -> None:
    told = [invoice_words.words(language) for language in invoice_words.LANGUAGES]
    assert all(all(each.values()) for each in told)
    assert invoice_words.words("xx") == told[0]
    assert invoice_words.number(Decimal("1234.50"), "de") == "1.234,50"
    assert invoice_words.number(Decimal("1234.50"), "en") == "1,234.50"
    assert invoice_words.quantity(Decimal("19.000000"), "de") == "19"
    assert invoice_words.moment("2026-11-26T23:30:00Z", "Europe/Berlin", "de") == "27.11.2026, 00:30"
    assert invoice_words.moment("2026-11-26T23:30:00Z", "Mars/Base", "en") == "26 Nov 2026, 23:30 UTC"
    assert invoice_words.moment("2026-11-26T23:30:00Z", "", "en") == "26 Nov 2026, 23:30 UTC"


@pytest.fixture
def invoice(db: None) -> DriverInvoice:
    party = factories.seller(factories.own_party(name="Rheindock <b>"))
    cdr: Cdr = own_cdr("C-1", factories.partner().party)
    return invoicing.issue(cdr, party=party, creator=InvoiceCreator.CPO, reference=REFERENCE, now=site.now())


def ready(invoice: DriverInvoice) -> None:
    tree = with_card(
        invoice.tree(),
        eft=["VISA **** 4242", "<script>alert(1)</script>"],
        captured=Decimal("11.25"),
        status="SUCCESS",
        at=site.now(),
    )
    from backoffice.fields import DocumentField

    invoice.document, invoice.captured, invoice.ready_at = DocumentField.write(tree), 1125, site.now()
    invoice.save()


@pytest.mark.rule("T-492")
def test_the_page(invoice: DriverInvoice, client: Client) -> None:
    ready(invoice)
    for language, word in (
        ("de", "Rechnung"),
        ("fr", "Facture"),
        ("nl", "Factuur"),
        ("en", "Invoice"),
        ("it", "Invoice"),
    ):
        answer = client.get(f"/invoice/{REFERENCE}", headers={"accept-language": language})
        assert answer.status_code == 200
        text = answer.content.decode()
        assert f"<h1>{word}</h1>" in text
        assert ("11,25\u00a0EUR" if language in ("de", "fr", "nl") else "11.25\u00a0EUR") in text
    assert client.get(f"/invoice/{REFERENCE}?lang=nl").content.decode().count("Factuur") >= 1
    assert "DE-RDK-000001" in text
    assert "VISA **** 4242" in text
    assert "<script>" not in text
    assert "Rheindock &lt;b&gt;" in text
    assert answer["X-Robots-Tag"] == "noindex, nofollow, noarchive"
    assert answer["Cache-Control"] == "private, no-store"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert answer["Referrer-Policy"] == "no-referrer"
    assert client.get(f"/invoice/{REFERENCE.upper()}").status_code == 200, "a CiString"
    assert client.get(f"/invoice/{REFERENCE}/").status_code == 200
    head = client.head(f"/invoice/{REFERENCE}")
    assert (head.status_code, head.content) == (200, b"")
    for method in ("options", "post", "put", "delete", "trace"):
        assert getattr(client, method)(f"/invoice/{REFERENCE}").status_code == 405, method
    invoice.refresh_from_db()
    assert invoice.fetched == 8, "whoever reads it"


def test_nobody_can_tell_what_is_not_there_from_what_is_not_ready(invoice: DriverInvoice, client: Client) -> None:
    answers = [
        client.get(f"/invoice/{reference}", headers={"accept-language": "en"})
        for reference in (REFERENCE, "0" * 32, "R1", REFERENCE[:-1], "x" * 300, "%00")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert len({str(sorted(answer.items())) for answer in answers}) == 1
    DriverInvoice.objects.update(reference="SHORT-1", ready_at=site.now())
    assert client.get("/invoice/SHORT-1").status_code == 404, "what can be guessed is shown to nobody"
    assert client.post(f"/invoice/{REFERENCE}").status_code == 405


def test_an_address_asks_only_so_often(db: None, client: Client, settings: Any) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    def ask(forwarded: str) -> int:
        return client.get("/invoice/nothing-at-all-here", headers={"x-forwarded-for": forwarded}).status_code

    now = site.now()
    for _ in range(fetching.PER_MINUTE):
        fetching.count("2001:db8::1", now=now)
    with pytest.raises(fetching.TooOften):
        fetching.count("2001:db8::ffff", now=now)
    fetching.count("2001:db8:0:1::1", now=now)
    fetching.count("2001:db8::1", now=now + timedelta(minutes=1))
    assert ask("203.0.113.9, 198.51.100.7") == 404
    InvoiceAsked.objects.update(times=fetching.PER_MINUTE)
    refused = client.get("/invoice/nothing-at-all-here", headers={"x-forwarded-for": "1.1.1.1, 198.51.100.7"})
    assert (refused.status_code, refused["Retry-After"]) == (429, "60")
    assert ask("198.51.100.7, 203.0.113.9") == 404, "what a client writes itself does not count"
    assert not InvoiceAsked.objects.filter(address__contains="198.51").exists()
    assert fetching.trim(now=now + timedelta(hours=1)) == 5
    assert not InvoiceAsked.objects.exists()


def test_numbers_have_no_gaps_and_an_invoice_is_written_once(invoice: DriverInvoice) -> None:
    again = invoicing.issue(
        invoice.cdr, party=invoice.party, creator=InvoiceCreator.CPO, reference=REFERENCE, now=site.now()
    )
    assert again == invoice
    other = own_cdr("C-2", invoice.cdr.emsp)
    second = invoicing.issue(other, party=invoice.party, creator=InvoiceCreator.CPO, reference="other", now=site.now())
    assert [invoice.number, second.number, InvoiceSeries.objects.get().next] == [1, 2, 3]
    assert (invoice.total, invoice.label) == (1125, "DE-RDK-000001")
