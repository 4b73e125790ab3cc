"""Take financial advice (as CPO): one by POST, a page of them by a pull. Stored once, compared ever after.

A repeat is answered as the first time. The same id with other content, and another advice for what was captured already (but for
the rest of a part), are not taken: kept whole in quarantine, for it is somebody's money, and staff are told. An advice whose
reference nobody here knows is taken: money that left a card is never turned away, and is shown as an orphan until staff match it.
Of a card's whole number, which no provider may send, four digits are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db import connection as database
from django.db.models.functions import Upper

from backoffice import statements
from backoffice.documents.fates import ordered_at
from backoffice.fields import DocumentField, milliseconds
from backoffice.payments.actions import charging
from backoffice.payments.models import Advice, CardCharge, QuarantinedAdvice
from backoffice.payments.rules.advices import Told, adds, content_hash, impossible, same, with_taxes
from backoffice.payments.rules.money import amount, payable
from backoffice.payments.rules.receipt import without_numbers
from backoffice.payments.rules.terminals import RECEIVER_ROLES
from ocpi.module import Arrival, PartyRef, Peer, Refusal, Stored
from ocpi.wire import json as wire_json
from ocpi.wire import payments as wire
from ocpi.wire.envelope import StatusCode

Tree = dict[str, Any]

_LOCK = 0x0ADC
"""Class of the advisory locks of references: two advices for one are taken one after the other."""


class UnableToClose(Exception):
    """This quarantined advice cannot be closed; the sentence says why."""


@dataclass(frozen=True, slots=True)
class _Fate:
    """What became of one: its row, whether it is new, or why it was not taken."""

    row: Advice | None = None
    new: bool = False
    refused: str = ""


def post(arrival: Arrival) -> Stored:
    """mod_payments#cpo_financial_advice_confirmation_post_method."""
    fate = _take(arrival.peer, arrival.owner.id, arrival.tree, now=arrival.now)
    if fate.row is None:
        return Stored(refused=fate.refused)
    return Stored(created=True, ids=(fate.row.object_id,))  # a repeat gets the answer of the first time


def store_page(peer: Peer, items: Sequence[tuple[PartyRef, Tree, Any]], now: datetime) -> int:
    """One page of a pull. Returns how many were new."""
    ordered = sorted(
        items, key=lambda item: str(item[1]["authorization_reference"]).upper()
    )  # so no two wait in a ring
    return sum(_take(peer, owner.id, tree, now=now).new for owner, tree, _ in ordered)


def acknowledged(peer: Peer, owner: PartyRef, ids: tuple[str, ...], url: str, now: datetime) -> None:
    """The CPO took one of ours. Twice is once: only the URL may become known later."""
    row = Advice.objects.filter(party_id=owner.id, ours=True, object_id__iexact="/".join(ids)).first()
    if row is not None:
        row.acknowledged_at = row.acknowledged_at or now
        row.acknowledged_url = url[:255] or row.acknowledged_url
        row.save(update_fields=["acknowledged_at", "acknowledged_url"])


def close(row: QuarantinedAdvice, *, reason: str, by: str, now: datetime) -> None:
    """Staff looked at it. Told again it stays closed. Raises UnableToClose."""
    if not reason.strip():
        raise UnableToClose("Say why: the reason stays with it.")
    changed = QuarantinedAdvice.objects.filter(pk=row.pk, closed_at=None).update(
        closed_at=now, closed_by=by[:150], closed_because=reason.strip()[:300]
    )
    if changed != 1:
        raise UnableToClose(f"{row}: it is closed already.")


def _take(peer: Peer, party: int, tree: Tree, *, now: datetime) -> _Fate:
    tree = without_numbers(tree)
    value = wire_json.validate(wire.FinancialAdviceConfirmation, tree)
    try:
        with transaction.atomic():
            return _taken(peer, party, tree, value, now=now)
    except IntegrityError:  # the same id for another reference, at the same time: it is known by now
        with transaction.atomic():
            return _taken(peer, party, tree, value, now=now)


def _taken(peer: Peer, party: int, tree: Tree, value: wire.FinancialAdviceConfirmation, *, now: datetime) -> _Fate:
    _alone(value.authorization_reference)
    known = Advice.objects.filter(party_id=party, object_id__iexact=value.id).first()
    if known is not None:
        if same(known.tree(), tree):
            Advice.objects.filter(pk=known.pk).update(seen_at=now)
            return _Fate(known)
        sentence = f"Advice {known.object_id} is known here with other content, and an advice is never changed."
        return _kept(peer, party, tree, value, QuarantinedAdvice.Why.OTHER_CONTENT, sentence, known, now)
    told = Told(value.capture_status_code.value, with_taxes(value.total_costs), value.currency)
    if wrong := impossible(told.captured):
        return _kept(peer, party, tree, value, QuarantinedAdvice.Why.IMPOSSIBLE, wrong, None, now)
    charges = list(
        CardCharge.objects.alias(key=Upper("reference"))
        .filter(key=value.authorization_reference.upper(), session__party__in=[our.id for our in peer.ours])
        .select_related("session", "cdr")
    )
    own = next((charge for charge in charges if charge.provider_id == party), None)
    others = list(
        Advice.objects.alias(key=Upper("authorization_reference"))
        .filter(key=value.authorization_reference.upper(), party_id=party)
        .order_by("-id")
    )
    known_of = [Told(other.capture_status, Decimal(other.captured), other.currency) for other in others]
    if not adds(told, known_of, limit=_limit(own, told.currency)):
        sentence = f"What was captured for {value.authorization_reference} was told by advice {others[0].object_id}."
        return _kept(peer, party, tree, value, QuarantinedAdvice.Why.SECOND, sentence, others[0], now)
    if charges and own is None:
        sentence = f"{value.authorization_reference} is not the reference of a charge that this provider began."
        return _kept(peer, party, tree, value, QuarantinedAdvice.Why.FOREIGN_REFERENCE, sentence, None, now)
    customer = own.session.party_id if own is not None else _customer(peer).id
    row = _insert(party, customer, tree, value, now=now)
    charging.advised(row, now=now)
    return _Fate(row, new=True)


def _limit(charge: CardCharge | None, currency: str) -> Decimal | None:
    """What captures of this charge may come to: what its CDR bills, else what was reserved for it."""
    if charge is None or charge.currency.upper() != currency.upper():
        return None
    if charge.cdr is not None:
        bill = payable(charge.cdr.total_excl, charge.cdr.total_incl, charge.currency)
        return amount(bill, charge.currency)
    return None if charge.limit is None else amount(charge.limit, charge.currency)


def _alone(reference: str) -> None:
    """Until the transaction ends nobody else takes an advice for this reference."""
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK, reference.upper()])


def _customer(peer: Peer) -> PartyRef:
    """Which company of ours it is told to. Raises Refusal 2001."""
    able = [party for party in peer.ours if party.roles & RECEIVER_ROLES]
    if not able:
        raise Refusal("No company of ours on this connection has charge points.", ocpi=StatusCode.INVALID_PARAMETERS)
    return able[0]


def _insert(party: int, customer: int, tree: Tree, value: wire.FinancialAdviceConfirmation, *, now: datetime) -> Advice:
    return Advice.objects.create(
        party_id=party,
        customer_id=customer,
        ours=False,
        object_id=value.id,
        document=DocumentField.write(tree),
        last_updated=milliseconds(ordered_at(value.last_updated, now)),
        seen_at=now,
        created_at=now,
        authorization_reference=value.authorization_reference,
        captured_excl=value.total_costs.before_taxes,
        captured=with_taxes(value.total_costs),
        currency=value.currency.upper(),
        capture_status=value.capture_status_code.value,
        message=value.capture_status_message or "",
        content_hash=content_hash(tree),
    )


def _kept(
    peer: Peer,
    party: int,
    tree: Tree,
    value: wire.FinancialAdviceConfirmation,
    why: QuarantinedAdvice.Why,
    sentence: str,
    known: Advice | None,
    now: datetime,
) -> _Fate:
    """Into quarantine, once for each content: told again it is counted, and what staff have closed stays closed."""
    statements.run(
        """INSERT INTO payments_quarantinedadvice AS q (party_id, connection_id, object_id, authorization_reference, advice_id,
               why, reason, document, content_hash, captured, currency, at, last_at, times, closed_by, closed_because)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 1, '', '')
           ON CONFLICT (party_id, upper(object_id), content_hash) DO UPDATE
           SET times = q.times + 1, last_at = excluded.last_at, connection_id = excluded.connection_id""",
        [
            party,
            peer.connection,
            value.id,
            value.authorization_reference,
            known.pk if known else None,
            why.value,
            sentence[:500],
            DocumentField.write(tree),
            content_hash(tree),
            with_taxes(value.total_costs),
            value.currency.upper(),
            now,
            now,
        ],
    )
    return _Fate(refused=f"{sentence} It was not taken.")
