"""What follows a capture: the CPO is told by a financial advice, and where we write the driver's invoice it is written.

The advice is told also where the CPO writes no invoice: it books what was captured against its CDR all the same.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from backoffice.delivery.actions.staging import stage
from backoffice.fields import DocumentField, milliseconds
from backoffice.payments.actions import invoicing
from backoffice.payments.models import Advice, CardPayment, InvoiceSeller
from backoffice.payments.rules.advices import MODULE, content_hash
from backoffice.payments.rules.money import amount
from backoffice.payments.rules.receipt import lines
from backoffice.payments.rules.splitting import split
from backoffice.payments.rules.transaction import State
from ocpi.wire import json as wire_json
from ocpi.wire import payments as wire
from ocpi.wire.base import date_time_text
from ocpi.wire.payments import CaptureStatusCode, InvoiceCreator

CAUGHT_UP = timedelta(days=31)
"""So long after the capture an invoice is still written by itself."""

STATUS = {
    State.CAPTURED: CaptureStatusCode.SUCCESS,
    State.PARTIAL: CaptureStatusCode.PARTIAL_SUCCESS,
    State.FAILED: CaptureStatusCode.FAILED,
}


def conclude(row: CardPayment, *, receipt: Sequence[str], message: str, now: datetime) -> None:
    """In the transaction that says what was captured, which saves the row."""
    assert row.captured is not None and row.cdr is not None
    eft = lines(receipt)
    status = STATUS[State(row.state)]
    at = milliseconds(now)
    captured = amount(row.captured, row.currency)
    bill: dict[str, Any] = row.cdr.tree()["total_cost"]
    tree = {
        "id": str(uuid.uuid4()),
        "authorization_reference": row.reference,
        "total_costs": split(captured, bill),
        "currency": row.currency,
        "eft_data": eft or ([] if status is CaptureStatusCode.FAILED else ["CARD PAYMENT"]),
        "capture_status_code": status.value,
        **({"capture_status_message": lines([message])[0]} if message.strip() else {}),
        "last_updated": date_time_text(at),
    }
    value = wire_json.validate(wire.FinancialAdviceConfirmation, tree)
    row.advice = Advice.objects.create(
        party=row.party,
        customer=row.customer,
        ours=True,
        object_id=value.id,
        document=DocumentField.write(tree),
        last_updated=at,
        created_at=now,
        authorization_reference=row.reference,
        captured_excl=Decimal(value.total_costs.before_taxes),
        captured=captured,
        currency=row.currency,
        capture_status=status.value,
        message=value.capture_status_message or "",
        content_hash=content_hash(tree),
        terminal=row.terminal,
        session=row.session,
        cdr=row.cdr,
    )
    stage(sender=row.party_id, module=MODULE, changes=[((value.id,), ())], now=now, receiver=row.customer_id)
    row.save()
    if not row.cdr.tree().get("invoice_reference_id"):
        write(row, now=now)
    if row.customer.ours or not row.cdr.tree().get("invoice_reference_id"):
        invoicing.enrich(row.advice, now=now)


def write(row: CardPayment, *, now: datetime) -> bool:
    """The driver's invoice, where it is ours to write. False: nobody has said yet who stands on it; it is written when somebody
    has."""
    assert row.cdr is not None
    try:
        invoicing.issue(
            row.cdr, party=row.party, creator=InvoiceCreator.PTP, reference=row.reference, payment=row, now=now
        )
    except invoicing.UnableToInvoice:
        return False
    return True


def catch_up(*, now: datetime, limit: int = 500) -> int:
    """Invoices that could not be written when the card was charged. Returns how many were."""
    rows = CardPayment.objects.filter(
        state__in=[state.value for state in STATUS],
        cdr__credited_by=None,
        invoices=None,
        party__in=InvoiceSeller.objects.values("party"),
        ended_at__gt=now - CAUGHT_UP,
    )
    done = 0
    for row in rows.select_related("cdr", "party", "advice").order_by("pk")[:limit]:
        if row.cdr is None or row.cdr.tree().get("invoice_reference_id"):
            continue
        with transaction.atomic():
            done += write(row, now=now)
            if row.advice is not None:
                invoicing.enrich(row.advice, now=now)
    return done
