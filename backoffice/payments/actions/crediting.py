"""A CDR of a card payment was credited: what was captured goes back to the driver (as PTP), by the provider or by hand.

The payments module has no message for it, in either direction. The CPO says so by its Credit CDR, which every eMSP gets; what we
give back stands in our own books, and on the driver's invoice where we write it.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import F, Q

from backoffice.cdrs.models import Cdr
from backoffice.fields import Bare
from backoffice.nudging import nudge
from backoffice.payments.actions import concluding, invoicing
from backoffice.payments.actions.moving import locked, shift
from backoffice.payments.models import CardPayment
from backoffice.payments.rules.money import MOST, payable, shown, units
from backoffice.payments.rules.transaction import (
    FOLLOWS_WITHIN,
    TAKEN_BACK,
    TRANSITIONS,
    Event,
    State,
    after_credit,
)

CREDITABLE = sorted(state.value for state in State if Event.CREDIT in TRANSITIONS[state])


class UnableToGiveBack(Exception):
    """The driver cannot get money back like that; the sentence says why."""


def notice(*, now: datetime) -> int:
    """Payments whose CDR was credited since they were settled are due: whatever told us of it, and whenever. Returns how many."""
    rows = CardPayment.objects.filter(state__in=CREDITABLE, due_at=None, cdr__credited_by__isnull=False)
    found = rows.filter(Q(credit=None) | ~Q(credit=F("cdr__credited_by"))).values_list("pk", flat=True)[:500]
    done = CardPayment.objects.filter(pk__in=list(found), due_at=None).update(due_at=now)
    if done:
        transaction.on_commit(nudge)
    return done


def bill_of(row: CardPayment) -> Cdr | None:
    """What may be paid: no Credit CDR and none that was credited, none that is still held back."""
    bills = Cdr.objects.filter(
        party=row.customer_id, emsp=row.party_id, credit=False, credited_by=None, entered_at__isnull=False
    ).order_by("-id")
    ways = [Q(key=row.reference.upper())]
    if row.session is not None:
        ways.append(Q(session_ref__iexact=row.session.object_id))
    for way in ways:
        found = bills.alias(key=Bare("token_uid")).filter(way).first()
        if found is not None:
            return found
    return None


def look(pk: int, *, now: datetime) -> None:
    """A payment that was settled: is its CDR taken back, and what is owed instead?"""
    with transaction.atomic():
        row = locked(pk)
        state = State(row.state)
        row.due_at = None
        credited = row.cdr.credited_by if row.cdr is not None else None
        if state.value in CREDITABLE and credited is not None and credited.pk != row.credit_id:
            _credited(row, credited, now)
        elif state is State.CREDITED:
            _settle(row, now)
        elif state in TAKEN_BACK:
            _late(row, now)
        row.save()


def _credited(row: CardPayment, credit: Cdr, now: datetime) -> None:
    assert row.cdr is not None
    row.credit = credit
    row.owed = 0
    shift(row, Event.CREDIT, now=now, by=str(row.customer), reason=f"CDR {row.cdr} was taken back by {credit}.")
    row.due_at = now
    invoicing.take_back(row.cdr, now=now)


def _settle(row: CardPayment, now: datetime) -> None:
    """With the CDR that came instead, or without one when none came in time."""
    instead = bill_of(row)
    if instead is None:
        since = row.events.filter(event=Event.CREDIT.value).latest("at", "id").at
        if now < since + FOLLOWS_WITHIN:
            row.due_at = since + FOLLOWS_WITHIN
            return
    elif max(abs(Decimal(instead.total_excl)), abs(Decimal(instead.total_incl or 0))) > MOST:
        row.problem = f"No card pays what CDR {instead} bills."
        return
    elif instead.currency.upper() != row.currency.upper():
        row.problem = f"The CDR {instead} is in {instead.currency}, and {row.currency} was captured."
        return
    else:
        row.cdr, row.owed = instead, _owed(instead)
    owed, has = row.owed or 0, row.has
    event = after_credit(owed=owed, has=has)
    told = f"CDR {instead} came instead." if instead is not None else "No CDR came instead."
    if event is Event.GIVE_BACK:
        told += f" {shown(has - owed, row.currency)} are to be given back."
    shift(row, event, now=now, reason=told)
    _invoice(row, now)


def _late(row: CardPayment, now: datetime) -> None:
    """A CDR that comes when all was given back cannot be captured any more: somebody's work."""
    late = bill_of(row)
    if row.owed or late is None or not _owed(late):
        return
    if late.currency.upper() != row.currency.upper() or _owed(late) > units(MOST, row.currency):
        return
    row.cdr, row.owed = late, _owed(late)
    shift(row, Event.BILL, now=now, by=str(late.party), reason="It was billed again after the money was given back.")
    _invoice(row, now)


def _invoice(row: CardPayment, now: datetime) -> None:
    """Where we write the invoices, of the CDR that stands now."""
    if row.cdr is None or row.cdr.credited_by_id is not None or row.cdr.tree().get("invoice_reference_id"):
        return
    row.save()
    concluding.write(row, now=now)


def _owed(cdr: Cdr) -> int:
    return payable(Decimal(cdr.total_excl), None if cdr.total_incl is None else Decimal(cdr.total_incl), cdr.currency)


def refund_again(payment: CardPayment, *, by: str, now: datetime) -> None:
    """Staff: ask the provider anew, with a question of its own. Raises UnableToGiveBack."""
    with transaction.atomic():
        row = locked(payment.pk)
        if row.state != State.OWING.value:
            raise UnableToGiveBack("Nothing is owed to the driver there.")
        shift(row, Event.REFUND_AGAIN, now=now, by=by)
        row.save()
        transaction.on_commit(nudge)


def give_otherwise(payment: CardPayment, *, reason: str, by: str, now: datetime) -> int:
    """Staff: the driver got it in another way. Returns how many minor units. Raises UnableToGiveBack."""
    why = " ".join(reason.split())[:200]
    if not why:
        raise UnableToGiveBack("Say how the driver got it: it goes into the timeline.")
    with transaction.atomic():
        row = locked(payment.pk)
        if row.state != State.OWING.value:
            raise UnableToGiveBack("Nothing is owed to the driver there.")
        missing = row.has - (row.owed or 0)
        row.returned += missing
        shift(row, Event.OTHERWISE, now=now, by=by, reason=f"{shown(missing, row.currency)} given back: {why}")
        row.save()
        invoicing.give_back(row, missing, receipt=(), now=now)
    return missing
