"""The driver's invoice: written once of a CDR, enriched once by what was captured, and from then on to be fetched.

Numbers of a series have no gaps: the number is taken in the transaction that writes the invoice.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Upper

from backoffice.cdrs.models import Cdr
from backoffice.fields import DocumentField
from backoffice.partners.models import Party
from backoffice.payments.models import Advice, CardCharge, CardPayment, DriverInvoice, InvoiceSeries
from backoffice.payments.rules.invoice import Seller, compose, with_card
from backoffice.payments.rules.money import payable, units
from backoffice.payments.rules.receipt import lines
from backoffice.sessions.models import Session
from ocpi.wire.payments import InvoiceCreator


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
    """The invoice of this charge; written now if there is none."""
    with transaction.atomic():
        known = DriverInvoice.objects.filter(cdr=cdr).first()
        if known is not None:
            return known
        InvoiceSeries.objects.get_or_create(party=party)
        series = InvoiceSeries.objects.select_for_update().get(party=party)
        known = DriverInvoice.objects.filter(cdr=cdr).first()
        if known is not None:
            return known  # somebody wrote it while we waited for the number
        details = DocumentField.read(party.business_details or "{}")
        seller = Seller(party.name or str(party), details.get("website") or "", str(party))
        total = payable(cdr.total_excl, cdr.total_incl, cdr.currency)
        invoice = DriverInvoice.objects.create(
            party=party,
            number=series.next,
            creator=creator.value,
            reference=reference,
            cdr=cdr,
            charge=charge,
            payment=payment,
            currency=cdr.currency,
            total=total,
            document=DocumentField.write(
                compose(cdr.tree(), seller=seller, reference=reference, zone=_zone(cdr), at=now)
            ),
            issued_at=now,
        )
        InvoiceSeries.objects.filter(pk=series.pk).update(next=F("next") + 1)
    return invoice


def _zone(cdr: Cdr) -> str:
    """Of the location, as the session knew it."""
    rows = Session.objects.filter(party=cdr.party_id, object_id__iexact=cdr.session_ref).exclude(time_zone="")
    return rows.values_list("time_zone", flat=True).first() or ""


def enrich(advice: Advice, *, now: datetime) -> bool:
    """What was captured goes on the invoice, once; from now on the driver can fetch it. False: there is none, or it was done."""
    with transaction.atomic():
        invoice = (
            DriverInvoice.objects.select_for_update(of=("self",), no_key=True)
            .alias(key=Upper("reference"))
            .filter(key=_reference(advice), advice=None, ready_at=None)
            .filter(party__in=[advice.party_id, advice.customer_id])
            .first()
        )
        if invoice is None:
            return False
        tree = advice.tree()
        invoice.advice = advice
        invoice.captured = units(advice.captured, advice.currency)
        invoice.document = DocumentField.write(
            with_card(
                invoice.tree(),
                eft=lines(tree.get("eft_data") or ()),
                captured=advice.captured,
                status=advice.capture_status,
                at=now,
            )
        )
        invoice.ready_at = now
        invoice.save()
    return True


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
        advice = row.advice
        if advice is None:
            key = row.reference.upper()
            advice = (
                Advice.objects.alias(key=Upper("authorization_reference")).filter(key=key).order_by("id").first()
                or Advice.objects.filter(cdr=row.cdr_id).order_by("id").first()
            )
        if advice is None:
            raise UnableToIssueAgain("Nobody has said yet what was captured.")
        row.advice, row.captured = advice, units(advice.captured, advice.currency)
        row.document = DocumentField.write(
            with_card(
                row.tree(),
                eft=lines(advice.tree().get("eft_data") or ()),
                captured=advice.captured,
                status=advice.capture_status,
                at=now,
                by=by,
            )
        )
        row.ready_at = row.ready_at or now
        row.save()
    return row


class UnableToIssueAgain(Exception):
    """There is nothing to put on the invoice; the sentence says why."""
