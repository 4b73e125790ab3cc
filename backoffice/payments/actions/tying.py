"""The three books side by side, and what staff decide where they differ (`rules.tie` compares).

Two views: as provider (what we captured, the CDRs that we got, the invoices), and as CPO (what providers say they captured, our
CDRs, our invoices). Of an invoice that the other side writes we know only that it is theirs to write, and of what.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Upper

from backoffice.cdrs.models import Cdr
from backoffice.cdrs.rules.checking import zone_name
from backoffice.fields import Bare
from backoffice.payments.actions import invoicing
from backoffice.payments.models import Advice, CardCharge, CardPayment, DriverInvoice, TieDecision
from backoffice.payments.rules.money import payable, shown, units
from backoffice.payments.rules.tie import Book, Decided, Entry, Line, Sum, known_zone, local_day, sums, tie
from backoffice.payments.rules.transaction import BILLED_FOR, State
from backoffice.tokens.models import Token
from ocpi.wire.payments import InvoiceCreator
from ocpi.wire.types import TokenType

LONGEST = timedelta(days=7)
"""A CDR that ends so long before or after the card was shown has a wrong clock: then the card says which day it is."""

UNDER_WAY = timedelta(minutes=10)
"""So long after its CDR nobody wonders where the money is."""

MOST = 20_000
"""Payments in one look."""


class Side(StrEnum):
    PTP = "PTP"
    CPO = "CPO"


class UnableToDecide(Exception):
    """This line cannot be settled like that; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Tied:
    """`under_way`: charges whose money is still on its way, and which are not compared yet."""

    lines: list[Line]
    sums: list[Sum]
    under_way: int


def look(
    side: Side,
    *,
    since: datetime,
    until: datetime,
    now: datetime,
    parties: Sequence[int] | None = None,
    days: int | None = None,
) -> Tied:
    """Everything of this time. `parties`: companies of ours; None: all. `days`: today and so many before it,
    each as its place has it."""
    entries, under_way = (_as_ptp if side is Side.PTP else _as_cpo)(since, until, now, parties)
    decided = decisions({entry.reference for entry in entries})
    lines = tie(entries, decided)
    if days is not None:
        lines = [line for line in lines if line.day >= local_day(now, line.zone) - timedelta(days=days)]
    return Tied(lines, sums(lines, decided), under_way)


def last_days(side: Side, *, days: int, now: datetime, parties: Sequence[int] | None = None) -> Tied:
    """Today and so many days before it: whole days wherever the charge points stand, also those of 25 hours."""
    since = now - timedelta(days=days + 2) - LONGEST  # of the card, which may be shown days before the charge ends
    return look(side, since=since, until=now + timedelta(days=1), now=now, parties=parties, days=days)


def decisions(references: Iterable[str]) -> list[Decided]:
    keys = {each.upper() for each in references}
    rows = TieDecision.objects.alias(key=Upper("reference"), to=Upper("other")).filter(Q(key__in=keys) | Q(to__in=keys))
    return [
        Decided(
            reference=row.reference,
            other=row.other,
            written_off=row.written_off,
            given_back=row.given_back,
            reason=row.reason,
        )
        for row in rows
    ]


def line_of(side: Side, reference: str, *, now: datetime, parties: Sequence[int] | None = None) -> Line | None:
    """One payment of these parties, by the reference of any of its entries."""
    ever = datetime(2000, 1, 1, tzinfo=now.tzinfo)
    key = reference.upper()
    joined = {key}
    for each in decisions([reference]):
        joined |= {each.reference.upper(), each.other.upper()} - {""}
    build = _as_ptp if side is Side.PTP else _as_cpo
    entries, _ = build(ever, now + timedelta(days=1), now + UNDER_WAY, parties, joined)
    found = [line for line in tie(entries, decisions(joined)) if any(e.reference.upper() == key for e in line.entries)]
    return found[0] if found else None


@dataclass(frozen=True, slots=True)
class _At:
    """What the entries of one payment have in common."""

    moment: datetime
    zone: str
    reference: str
    terminal: str = ""

    def entry(self, book: Book, minor: int, currency: str, *, status: str = "", name: str = "") -> Entry:
        return Entry(
            book=book,
            reference=self.reference,
            units=minor,
            currency=currency.upper(),
            day=local_day(self.moment, self.zone),
            zone=known_zone(self.zone),
            terminal=self.terminal,
            name=name,
            status=status,
        )


# --- as provider -----------------------------------------------------------------------------------------------------


def _as_ptp(
    since: datetime,
    until: datetime,
    now: datetime,
    parties: Sequence[int] | None,
    only: set[str] | None = None,
) -> tuple[list[Entry], int]:
    payments = CardPayment.objects.filter(created_at__gte=since, created_at__lt=until)
    strays = Cdr.objects.filter(
        emsp__ours=True, token_type=TokenType.AD_HOC_USER.value, credit=False, ends_at__gte=since, ends_at__lt=until
    ).filter(emsp__roles__role="PTP", emsp__roles__connection=None)
    strays = strays.annotate(key=Bare("token_uid")).filter(
        ~Exists(CardPayment.objects.alias(mine=Upper("reference")).filter(mine=OuterRef("key"))),
        # who charges by a token of our own eMSP has a contract, and shows no card
        ~Exists(Token.objects.alias(mine=Upper("object_id")).filter(mine=OuterRef("key"), party=OuterRef("emsp"))),
    )
    if parties is not None:
        payments, strays = payments.filter(party__in=parties), strays.filter(emsp__in=parties)
    if only is not None:
        payments = payments.alias(key=Upper("reference")).filter(key__in=only)
        strays = strays.filter(key__in=only)
    over = payments.filter(state__in=sorted(state.value for state in BILLED_FOR))
    entries: list[Entry] = []
    found = over.select_related("terminal", "cdr", "session").prefetch_related("invoices__party")
    for row in found.defer("terminal__document", "session__document").order_by("pk")[:MOST]:
        assert row.cdr is not None
        zone = (row.session.time_zone if row.session is not None else "") or zone_name("", row.cdr.country)
        ended = row.cdr.ends_at if abs(row.cdr.ends_at - row.created_at) < LONGEST else row.created_at
        at = _At(ended, zone, row.reference, _terminal(row))
        entries.append(at.entry(Book.CAPTURES, row.captured or 0, row.currency, status=row.state))
        for given, name in ((row.refunded, "given back"), (row.returned, "given back otherwise")):
            if given:
                entries.append(at.entry(Book.CAPTURES, -given, row.currency, name=name))
        bill = _owed(row.cdr)
        entries.append(at.entry(Book.CDRS, bill, row.cdr.currency, name=row.cdr.object_id))
        entries += _invoices(at, row, bill, "written by the CPO" if _theirs(row.cdr) else "")
    for cdr in strays.distinct().order_by("pk")[:MOST]:
        at = _At(cdr.ends_at, zone_name("", cdr.country), cdr.token_uid)
        entries.append(at.entry(Book.CDRS, _owed(cdr), cdr.currency, name=cdr.object_id))
    waiting = payments.filter(state__in=[State.BILLED.value, State.ENDED.value, State.CHARGING.value]).count()
    return entries, waiting


def _terminal(row: CardPayment) -> str:
    return row.terminal.reference or row.terminal.object_id


def _theirs(cdr: Cdr) -> bool:
    return bool(cdr.tree().get("invoice_reference_id"))


def _invoices(at: _At, row: CardPayment | CardCharge, bill: int, elsewhere: str) -> list[Entry]:
    """Ours, with what takes them back; or that of the other side, of which we know only that it is theirs to write."""
    assert row.cdr is not None
    ours = [
        at.entry(Book.INVOICES, each.total, each.currency, name=each.label)
        for each in sorted(row.invoices.all(), key=lambda each: each.turn)
    ]
    return ours or ([at.entry(Book.INVOICES, bill, row.cdr.currency, name=elsewhere)] if elsewhere else [])


# --- as CPO ----------------------------------------------------------------------------------------------------------


def _as_cpo(
    since: datetime,
    until: datetime,
    now: datetime,
    parties: Sequence[int] | None,
    only: set[str] | None = None,
) -> tuple[list[Entry], int]:
    charges = CardCharge.objects.filter(provider__ours=False, cdr__ends_at__gte=since, cdr__ends_at__lt=until)
    told = Advice.objects.filter(ours=False, created_at__gte=since, created_at__lt=until)
    if parties is not None:
        charges, told = charges.filter(session__party__in=parties), told.filter(customer__in=parties)
    if only is not None:
        charges = charges.alias(key=Upper("reference")).filter(key__in=only)
        told = told.alias(key=Upper("authorization_reference")).filter(key__in=only)
    rows = list(
        charges.select_related("terminal", "cdr", "session")
        .prefetch_related("invoices__party")
        .defer("terminal__document", "session__document")
        .order_by("pk")[:MOST]
    )
    advices: dict[str, list[Advice]] = {}
    keys = [row.reference.upper() for row in rows]
    by_reference = Advice.objects.filter(ours=False).annotate(key=Upper("authorization_reference"))
    for advice in by_reference.filter(key__in=keys).defer("document").order_by("pk"):
        advices.setdefault(advice.key, []).append(advice)
    by_hand = {row.other.upper(): row.reference.upper() for row in TieDecision.objects.exclude(other="")}
    entries: list[Entry] = []
    waiting = 0
    for row in rows:
        assert row.cdr is not None
        mine = advices.get(row.reference.upper(), [])
        entered = row.cdr.entered_at or row.cdr.ends_at
        bill = _owed(row.cdr)
        if bill and not mine and row.reference.upper() not in by_hand and entered > now - UNDER_WAY:
            waiting += 1
            continue
        terminal = (row.terminal.reference or row.terminal.object_id) if row.terminal is not None else ""
        at = _At(row.cdr.ends_at, row.session.time_zone or zone_name("", row.cdr.country), row.reference, terminal)
        entries.append(at.entry(Book.CDRS, bill, row.cdr.currency, name=row.cdr.object_id))
        entries += [_captured(advice, at) for advice in _counting(mine)]
        entries += _invoices(at, row, bill, "" if row.creator == InvoiceCreator.CPO.value else "written by the PTP")
    known = CardCharge.objects.annotate(key=Upper("reference")).filter(key=OuterRef("key"), cdr__isnull=False)
    orphans = told.annotate(key=Upper("authorization_reference")).filter(~Exists(known)).defer("document")
    for advice in orphans.order_by("pk")[:MOST]:
        entries.append(_captured(advice, _At(advice.created_at, "", advice.authorization_reference)))
    return entries, waiting


def _counting(advices: Sequence[Advice]) -> Sequence[Advice]:
    """A provider may try a card again after a failure: then only what followed counts."""
    taken = [each for each in advices if each.captured]
    return taken or advices[-1:]


def _captured(advice: Advice, at: _At) -> Entry:
    told = replace(at, reference=advice.authorization_reference)
    minor = units(Decimal(advice.captured), advice.currency)
    return told.entry(Book.CAPTURES, minor, advice.currency, status=advice.capture_status, name=advice.object_id)


def _owed(cdr: Cdr) -> int:
    """What it bills; nothing, when it was credited."""
    if cdr.credited_by_id is not None:
        return 0
    return payable(Decimal(cdr.total_excl), None if cdr.total_incl is None else Decimal(cdr.total_incl), cdr.currency)


# --- what staff decide -----------------------------------------------------------------------------------------------


def write_off(
    side: Side, reference: str, *, reason: str, by: str, now: datetime, parties: Sequence[int] | None = None
) -> str:
    """What was not captured will not come. Returns how much it is, as it is shown. Raises UnableToDecide."""
    why = _because(reason)
    with transaction.atomic():
        line = line_of(side, reference, now=now, parties=parties)
        if line is None:
            raise UnableToDecide(f"No book knows {reference}.")
        if not line.at_risk:
            raise UnableToDecide("Nothing is missing there that could be written off.")
        TieDecision.objects.alias(key=Upper("reference")).filter(key=line.reference.upper()).delete()
        TieDecision.objects.create(
            reference=line.reference, written_off=line.at_risk, currency=line.currency, reason=why, by=by[:150], at=now
        )
    return shown(line.at_risk, line.currency)


def give_back(
    side: Side, reference: str, *, reason: str, by: str, now: datetime, parties: Sequence[int] | None = None
) -> str:
    """The driver has got what was captured too much: the module has no message that says so, so a person does. Returns how much
    it is, as it is shown. Raises UnableToDecide."""
    why = _because(reason)
    with transaction.atomic():
        line = line_of(side, reference, now=now, parties=parties)
        if line is None:
            raise UnableToDecide(f"No book knows {reference}.")
        if not line.to_give_back:
            raise UnableToDecide("Nothing is to be given back there.")
        if side is Side.PTP:
            raise UnableToDecide("It was captured at a terminal of ours: the page of the payment gives it back.")
        key = line.reference.upper()
        before = TieDecision.objects.alias(key=Upper("reference")).filter(key=key).first()
        if before is not None and before.other:
            raise UnableToDecide("The capture was matched by hand with another charge: say it there.")
        if before is not None:
            before.delete()
        TieDecision.objects.create(
            reference=line.reference,
            given_back=line.to_give_back,
            currency=line.currency,
            reason=why,
            by=by[:150],
            at=now,
        )
        charge = CardCharge.objects.alias(key=Upper("reference")).filter(key=key).order_by("pk").last()
        if charge is not None:
            invoicing.give_back(charge, line.to_give_back, receipt=(), now=now)
    return shown(line.to_give_back, line.currency)


def match(advice: Advice, reference: str, *, reason: str, by: str, now: datetime) -> CardCharge:
    """A capture whose reference nobody knows, or knows wrongly, is for this charge of ours. Raises UnableToDecide."""
    why = _because(reason)
    with transaction.atomic():
        row = Advice.objects.select_for_update(of=("self",), no_key=True).get(pk=advice.pk)
        if row.ours:
            raise UnableToDecide("It is an advice of ours: its payment says what it is for.")
        charge = (
            CardCharge.objects.select_related("session", "cdr")
            .alias(key=Upper("reference"))
            .filter(key=reference.strip().upper(), provider=row.party_id)
            .first()
        )
        if charge is None:
            raise UnableToDecide(f"{row.party} began no charge here with the reference {reference!r}.")
        told = Advice.objects.alias(key=Upper("authorization_reference")).filter(
            Q(key=charge.reference.upper()) | Q(session=charge.session_id), ours=False, captured__gt=0
        )
        if told.exclude(pk=row.pk).exists():
            raise UnableToDecide("For that charge another capture was told already.")
        row.session_id, row.cdr_id, row.terminal_id = charge.session_id, charge.cdr_id, charge.terminal_id
        row.matched_by, row.matched_because, row.matched_at = by[:150], why, now
        row.save()
        TieDecision.objects.alias(key=Upper("reference")).filter(key=row.authorization_reference.upper()).delete()
        if row.authorization_reference.upper() != charge.reference.upper():
            TieDecision.objects.create(
                reference=row.authorization_reference, other=charge.reference, reason=why, by=by[:150], at=now
            )
        invoicing.enrich(row, now=now)
    return charge


def _because(reason: str) -> str:
    why = " ".join(reason.split())[:300]
    if not why:
        raise UnableToDecide("Say why: the reason stays with it.")
    return why


def at_risk(side: Side, *, since: datetime, now: datetime, parties: Sequence[int] | None = None) -> dict[str, int]:
    """Money that was billed and not captured, by currency, in minor units."""
    found: dict[str, int] = {}
    for line in look(side, since=since, until=now + timedelta(days=1), now=now, parties=parties).lines:
        if line.at_risk:
            found[line.currency] = found.get(line.currency, 0) + line.at_risk
    return found


def not_ready(*, now: datetime) -> int:
    """Invoices that nobody can fetch yet, although their charge is over for some time."""
    return DriverInvoice.objects.filter(ready_at=None, issued_at__lt=now - UNDER_WAY).count()
