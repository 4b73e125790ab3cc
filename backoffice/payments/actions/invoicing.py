"""The driver's invoice: written once of a CDR, enriched by what was captured, and from then on to be fetched. A CDR that is
credited changes none: another document takes it back, and what the corrected CDR bills stands on a third.

Numbers of a series have no gaps: the number is taken in the transaction that writes the document. Nothing is written before it is
known who stands on it (`InvoiceSeller`): what the law wants there cannot be added to a document that was given away.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Upper

from backoffice.cdrs.models import Cdr
from backoffice.fields import DocumentField
from backoffice.partners.models import Party
from backoffice.payments.models import (
    Advice,
    CardCharge,
    CardPayment,
    DriverInvoice,
    InvoiceSeller,
    InvoiceSeries,
)
from backoffice.payments.rules.invoice import Seller, compose, taken_back, with_card, with_return
from backoffice.payments.rules.money import amount, payable, units
from backoffice.payments.rules.receipt import lines
from backoffice.sessions.models import Session
from ocpi.wire.payments import CaptureStatusCode, InvoiceCreator

ENTER = "Enter it under Money, Sellers on invoices."


class UnableToInvoice(Exception):
    """No invoice can be written for this party; the sentence says why."""


class UnableToIssueAgain(Exception):
    """There is nothing to put on the invoice; the sentence says why."""


def issue(
    cdr: Cdr,
    *,
    party: Party,
    creator: InvoiceCreator,
    reference: str,
    now: datetime,
    charge: CardCharge | None = None,
    payment: CardPayment | None = None,
) -> DriverInvoice:
    """The invoice of this charge; written now if there is none. Raises UnableToInvoice."""
    with transaction.atomic():
        known = DriverInvoice.objects.filter(cdr=cdr).first()
        if known is not None:
            return known
        seller = _seller(party)
        series = _series(party)
        known = DriverInvoice.objects.filter(cdr=cdr).first()
        if known is not None:
            return known  # somebody wrote it while we waited for the number
        before = _documents(party, reference)
        tree = compose(cdr.tree(), seller=seller[0], reference=reference, zone=_zone(cdr), at=now)
        invoice = DriverInvoice(
            party=party,
            number=series.next,
            prefix=seller[1],
            turn=len(before) + 1,
            creator=creator.value,
            reference=reference,
            cdr=cdr,
            charge=charge,
            payment=payment,
            currency=cdr.currency,
            total=payable(cdr.total_excl, cdr.total_incl, cdr.currency),
            issued_at=now,
        )
        if before and before[0].ready_at is not None:  # the card is charged already
            invoice.captured = min(before[0].captured or 0, invoice.total)
            invoice.ready_at = now
            paid = before[0].tree().get("paid") or {}
            tree |= {"paid": paid | {"captured": amount(invoice.captured, invoice.currency)}}
        invoice.document = DocumentField.write(tree)
        invoice.save()
        InvoiceSeries.objects.filter(pk=series.pk).update(next=F("next") + 1)
    return invoice


def take_back(cdr: Cdr, *, now: datetime) -> DriverInvoice | None:
    """A credited CDR: the document that takes its invoice back, written now if there is none. None: no invoice was written."""
    with transaction.atomic():
        invoice = DriverInvoice.objects.filter(cdr=cdr).select_related("party", "corrected_by").first()
        if invoice is None or cdr.credited_by is None:
            return None
        series = _series(invoice.party)
        known = DriverInvoice.objects.filter(corrects=invoice).first()
        if known is not None:
            return known
        correction = DriverInvoice.objects.create(
            party=invoice.party,
            number=series.next,
            prefix=invoice.prefix,
            turn=len(_documents(invoice.party, invoice.reference)) + 1,
            creator=invoice.creator,
            reference=invoice.reference,
            cdr=cdr.credited_by,
            charge=invoice.charge,
            payment=invoice.payment,
            corrects=invoice,
            currency=invoice.currency,
            total=-invoice.total,
            document=DocumentField.write(
                taken_back(invoice.tree(), number=invoice.label, cdr=cdr.credited_by.object_id, at=now)
            ),
            issued_at=now,
            ready_at=now,
        )
        InvoiceSeries.objects.filter(pk=series.pk).update(next=F("next") + 1)
    return correction


def give_back(of: CardPayment | CardCharge, given: int, *, receipt: Sequence[str], now: datetime) -> bool:
    """What went back to the driver stands on the correction, where we write the invoices. False: there is none."""
    with transaction.atomic():
        rows = of.invoices.select_for_update(of=("self",), no_key=True)
        row = rows.filter(corrects__isnull=False).order_by("turn").last()
        if row is None:
            return False
        tree = with_return(row.tree(), amount=amount(given, row.currency), eft=lines(receipt), at=now)
        row.document = DocumentField.write(tree)
        row.save(update_fields=["document"])
    return True


def _seller(party: Party) -> tuple[Seller, str]:
    """Who stands on it, and how its numbers begin."""
    row = InvoiceSeller.objects.filter(party=party).first()
    if row is None:
        raise UnableToInvoice(f"Nobody has said yet who stands on the invoices of {party}. {ENTER}")
    details = DocumentField.read(party.business_details or "{}")
    seller = Seller(
        name=row.name,
        address=row.address,
        postal_code=row.postal_code,
        city=row.city,
        country=row.country,
        vat_id=row.vat_id,
        registration=row.registration,
        contact=row.contact,
        website=details.get("website") or "",
        code=str(party),
    )
    return seller, row.prefix


def _series(party: Party) -> InvoiceSeries:
    """Locked until the transaction ends: nobody else takes its number."""
    InvoiceSeries.objects.get_or_create(party=party)
    return InvoiceSeries.objects.select_for_update().get(party=party)


def _documents(party: Party, reference: str) -> list[DriverInvoice]:
    rows = DriverInvoice.objects.alias(key=Upper("reference")).filter(party=party, key=reference.upper())
    return list(rows.order_by("turn"))


def _zone(cdr: Cdr) -> str:
    """Of the location, as the session knew it."""
    rows = Session.objects.filter(party=cdr.party_id, object_id__iexact=cdr.session_ref).exclude(time_zone="")
    return rows.values_list("time_zone", flat=True).first() or ""


def enrich(advice: Advice, *, now: datetime) -> bool:
    """What was captured goes on the invoice; from now on the driver can fetch it. An advice of another part adds to it. False:
    there is none, or it was done."""
    with transaction.atomic():
        invoice = (
            DriverInvoice.objects.select_for_update(of=("self",), no_key=True)
            .alias(key=Upper("reference"))
            .filter(key=_reference(advice), corrects=None)
            .filter(party__in=[advice.party_id, advice.customer_id])
            .order_by("turn")
            .first()
        )
        if invoice is None or advice.object_id in (invoice.tree().get("paid") or {}).get("advices", ()):
            return False
        return _put(invoice, now=now)


def _reference(advice: Advice) -> str:
    """Where staff matched it to another charge, that one's."""
    if advice.matched_at is not None and advice.session_id is not None:
        charge = CardCharge.objects.filter(session=advice.session_id).first()
        if charge is not None:
            return charge.reference.upper()
    return advice.authorization_reference.upper()


def again(invoice: DriverInvoice, *, by: str, now: datetime) -> DriverInvoice:
    """Staff: put what was captured on it anew, as after a match by hand. Number, charge and total stay."""
    with transaction.atomic():
        row = DriverInvoice.objects.select_for_update(of=("self",), no_key=True).get(pk=invoice.pk)
        if row.corrects_id is not None:
            raise UnableToIssueAgain("It takes an invoice back: nothing is captured for it.")
        if not _put(row, now=now, by=by):
            raise UnableToIssueAgain("Nobody has said yet what was captured, in the currency of the invoice.")
    return row


def _put(row: DriverInvoice, *, now: datetime, by: str = "") -> bool:
    """All that was told of its card. False: nothing was, or in another currency, of which the tie tells staff."""
    told = _told(row)
    if not told:
        return False
    taken = [each for each in told if each.captured] or told[-1:]
    captured = sum((each.captured for each in taken), Decimal(0))
    status = taken[0].capture_status
    if len(taken) > 1:
        whole = units(captured, row.currency) == row.total
        status = (CaptureStatusCode.SUCCESS if whole else CaptureStatusCode.PARTIAL_SUCCESS).value
    row.captured = units(captured, row.currency)
    tree: dict[str, Any] = with_card(
        row.tree(),
        eft=[line for each in taken for line in lines(each.tree().get("eft_data") or ())],
        captured=captured,
        status=status,
        advices=[each.object_id for each in told],
        at=now,
        by=by,
    )
    if row.advice is None and not DriverInvoice.objects.filter(advice=told[0]).exists():
        row.advice = told[0]
    row.document = DocumentField.write(tree)
    row.ready_at = row.ready_at or now
    row.save()
    return True


def _told(row: DriverInvoice) -> list[Advice]:
    """Of its charge, the first one first: by its reference, or as staff matched them."""
    rows = Advice.objects.alias(key=Upper("authorization_reference")).filter(
        Q(key=row.reference.upper(), matched_at=None) | Q(cdr=row.cdr_id)
    )
    rows = rows.filter(Q(party=row.party_id) | Q(customer=row.party_id), currency=row.currency.upper())
    if row.charge is not None:
        rows = rows.filter(party=row.charge.provider_id)
    return list(rows.order_by("pk"))
