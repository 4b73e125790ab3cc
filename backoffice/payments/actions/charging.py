"""Ours as a CPO: charges at our charge points that a card pays for. Which they are, where they must end, and their invoices.

Called by the hardware's door when a charge begins, is metered and is billed, in its transactions; and by a sweep, for what a
process that died did not come to.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Upper

from backoffice.cdrs.models import Cdr
from backoffice.charge_points.actions import ordering
from backoffice.charge_points.rules.orders import Kind
from backoffice.commands.actions.reservations import MODULE as COMMANDS
from backoffice.payments.actions import invoicing
from backoffice.payments.models import Advice, CardCharge, CardPayment, DriverInvoice, InvoiceSeller, Terminal
from backoffice.payments.models.takings import unguessable
from backoffice.payments.rules.money import amount, reached, units
from backoffice.payments.rules.terminals import TerminalState
from backoffice.sessions.models import Session
from backoffice.sessions.rules.states import ONGOING
from ocpi.wire.cdrs import AuthMethod
from ocpi.wire.payments import InvoiceCreator
from ocpi.wire.sessions import SessionStatus

ANSWERS_WITHIN = timedelta(seconds=60)
"""A station that was asked to stop; after that it is asked again."""


def began(session: Session, *, now: datetime) -> CardCharge | None:
    """A charge has begun at a charge point of ours. None: no payment terminal stands behind it."""
    if session.auth_method != AuthMethod.COMMAND.value or not session.authorization_reference:
        return None
    known = CardCharge.objects.filter(session=session).first()
    if known is not None:
        return known
    terminals = list(
        Terminal.objects.filter(party=session.emsp_id, customer=session.party_id)
        .exclude(state=TerminalState.INACTIVE.value)
        .defer("document")
        .order_by("pk")
    )
    if not terminals:
        return None
    terminal = _serving(terminals, session)
    version = session.tariff_version
    reserve = version.tree().get("preauthorize_amount") if version is not None else None
    creator = terminal.invoice_creator if terminal is not None else ""
    charge = CardCharge.objects.create(
        session=session,
        provider_id=session.emsp_id,
        terminal=terminal,
        reference=session.authorization_reference,
        creator=creator,
        currency=session.currency,
        limit=units(reserve, session.currency) if reserve else None,
        created_at=now,
    )
    if creator == InvoiceCreator.CPO.value:
        # who writes the invoice says so in the CDR (T-488)
        session.invoice_reference_id = session.authorization_reference
        Session.objects.filter(pk=session.pk).update(invoice_reference_id=session.invoice_reference_id)
    return charge


def _serving(terminals: list[Terminal], session: Session) -> Terminal | None:
    """The one that was assigned to this very EVSE, else one that serves its whole location."""
    evse, location = session.evse_uid.upper(), session.location_id.upper()
    by_evse = [each for each in terminals if evse in {uid.upper() for uid in each.evse_uids}]
    by_location = [each for each in terminals if location in {name.upper() for name in each.location_ids}]
    return next(iter(by_evse + by_location), None)


def metered(session: Session, *, now: datetime) -> bool:
    """End a charge before it costs more than the card has reserved (T-487). True: its station was asked to stop."""
    if session.auth_method != AuthMethod.COMMAND.value or not session.authorization_reference:
        return False
    with transaction.atomic():
        row = CardCharge.objects.select_for_update(no_key=True).filter(session=session).exclude(limit=None).first()
        if row is None or SessionStatus(session.status) not in ONGOING or session.point_id is None:
            return False
        cost = session.our_incl if session.our_incl is not None else session.our_excl
        before = None if row.cost is None else amount(row.cost, row.currency)
        over = row.stopped_at is not None or reached(cost, before, row.limit or 0, row.currency)
        asked = row.stopped_at is not None and now - row.stopped_at < ANSWERS_WITHIN
        if cost is not None:
            row.cost = units(cost, row.currency)
        done = over and not asked and _stop(session, now)
        if done:
            row.stopped_at = now
        row.save(update_fields=["cost", "stopped_at"])
    return done


def _stop(session: Session, now: datetime) -> bool:
    assert session.point_id is not None
    try:
        ordering.order(
            evse=session.point_id,
            kind=Kind.STOP,
            arguments={"transaction": session.transaction},
            purpose=COMMANDS,  # of which nobody waits for this one: the session tells how it ended
            key=unguessable(),
            deadline=now + ANSWERS_WITHIN,
            now=now,
        )
    except ordering.UnableToOrder:
        return False  # the provider stops it, too; and the next reading asks again
    return True


def billed(cdr: Cdr, *, now: datetime) -> DriverInvoice | None:
    """A CDR of ours counts from now on. None: no card pays for it, the provider writes the invoice, or nobody can yet."""
    if cdr.entered_at is None or not cdr.session_ref or cdr.credit:
        return None
    with transaction.atomic():
        charge = (
            CardCharge.objects.select_for_update(of=("self",), no_key=True)
            .filter(session__party=cdr.party_id, session__object_id__iexact=cdr.session_ref)
            .first()
        )
        if charge is None:
            return None
        if charge.cdr is None or (charge.cdr.credited_by_id is not None and charge.cdr_id != cdr.pk):
            before, charge.cdr = charge.cdr, cdr
            charge.save(update_fields=["cdr"])
            told = Advice.objects.filter(party=charge.provider_id, session=charge.session_id)
            told.filter(Q(cdr=None) | Q(cdr=before)).update(cdr=cdr)
        if charge.creator != InvoiceCreator.CPO.value or charge.cdr_id != cdr.pk or cdr.credited_by_id is not None:
            return None
        try:
            with transaction.atomic():
                return invoicing.issue(
                    cdr,
                    party=cdr.party,
                    creator=InvoiceCreator.CPO,
                    reference=charge.reference,
                    charge=charge,
                    payment=_in_house(charge),
                    now=now,
                )
        except invoicing.UnableToInvoice:
            return None  # it is written when somebody has said who stands on it


def _in_house(charge: CardCharge) -> CardPayment | None:
    """Where the terminal is ours, too: the payment whose invoice it is."""
    rows = CardPayment.objects.alias(key=Upper("reference")).filter(party=charge.provider_id, terminal__ours=True)
    return rows.filter(key=charge.reference.upper()).first()


def advised(advice: Advice, *, now: datetime) -> None:
    """A provider told what it captured: say which charge it is of, and put it on the invoice."""
    with transaction.atomic():
        charge = (
            CardCharge.objects.alias(key=Upper("reference"))
            .filter(key=advice.authorization_reference.upper(), provider=advice.party_id)
            .first()
        )
        if charge is not None and advice.session_id is None:
            advice.session_id, advice.cdr_id = charge.session_id, charge.cdr_id
            advice.terminal_id = advice.terminal_id or charge.terminal_id
            advice.save(update_fields=["session", "cdr", "terminal"])
        invoicing.enrich(advice, now=now)


def catch_up(*, now: datetime, limit: int = 500) -> int:
    """What a process that died did not come to, and what came in an unforeseen order. Returns how many."""
    done = 0
    bills = Cdr.objects.filter(
        party=OuterRef("session__party"), session_ref__iexact=OuterRef("session__object_id"), entered_at__isnull=False
    )
    waiting = CardCharge.objects.filter(cdr=None, session__cdr_known_at__isnull=False).filter(Exists(bills))
    unwritten = CardCharge.objects.filter(
        ~Exists(DriverInvoice.objects.filter(cdr=OuterRef("cdr"))),
        creator=InvoiceCreator.CPO.value,
        cdr__isnull=False,
        cdr__credited_by=None,
        session__party__in=InvoiceSeller.objects.values("party"),
    )
    for charge in waiting.select_related("session").order_by("pk")[:limit]:
        cdr = Cdr.objects.select_related("party").filter(
            party=charge.session.party_id,
            session_ref__iexact=charge.session.object_id,
            credit=False,
            replaces=None,
            entered_at__isnull=False,
        )
        for each in cdr[:1]:
            billed(each, now=now)
            done += 1
    for charge in unwritten.select_related("cdr__party").order_by("pk")[:limit]:
        assert charge.cdr is not None
        done += billed(charge.cdr, now=now) is not None
    done += taken_back(now=now, limit=limit)
    told = Advice.objects.annotate(key=Upper("authorization_reference")).filter(
        Q(session=None) | Q(invoice=None), ours=False, created_at__gt=now - timedelta(days=14)
    )
    open_ = DriverInvoice.objects.filter(ready_at=None).annotate(key=Upper("reference")).values("key")
    unmatched = CardCharge.objects.annotate(key=Upper("reference")).filter(
        key=OuterRef("key"), provider=OuterRef("party")
    )
    for advice in told.filter(Q(key__in=open_) | Q(Exists(unmatched), session=None)).order_by("pk")[:limit]:
        advised(advice, now=now)
        done += 1
    return done


def taken_back(*, now: datetime, limit: int = 500) -> int:
    """Charges whose CDR we credited: the driver's invoice is taken back, and the corrected CDR counts instead. Returns how many.

    The money is with the provider, which gets the Credit CDR as every eMSP does; the module has no message by which it could be
    asked, or could say, that it gave it back.
    """
    done = 0
    other = Cdr.objects.filter(
        party=OuterRef("session__party"),
        session_ref__iexact=OuterRef("session__object_id"),
        credit=False,
        credited_by=None,
        entered_at__isnull=False,
    )
    open_ = CardCharge.objects.filter(cdr__credited_by__isnull=False).filter(
        Exists(DriverInvoice.objects.filter(cdr=OuterRef("cdr"), corrected_by=None)) | Exists(other)
    )
    for charge in open_.select_related("cdr__credited_by", "session").order_by("pk")[:limit]:
        assert charge.cdr is not None
        invoicing.take_back(charge.cdr, now=now)
        instead = (
            Cdr.objects.select_related("party")
            .filter(
                party=charge.session.party_id,
                session_ref__iexact=charge.session.object_id,
                credit=False,
                credited_by=None,
                entered_at__isnull=False,
            )
            .order_by("-pk")
            .first()
        )
        if instead is not None:
            billed(instead, now=now)
        done += 1
    return done
