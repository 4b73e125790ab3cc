"""Our own terminals (as PTP): made, told to the CPO, put in and out of use, and changed as the CPO says."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from backoffice.delivery.actions.staging import stage
from backoffice.documents.fates import ordered_at
from backoffice.fields import milliseconds
from backoffice.partners.models import Party
from backoffice.payments.actions.terminals.storing import UnableToChange, find, move, note, projected, write
from backoffice.payments.models import Terminal
from backoffice.payments.rules.terminals import (
    ASSIGNED,
    MODULE,
    RECEIVER_ROLES,
    SENDER_ROLES,
    TerminalMove,
    TerminalState,
    changed_fields,
    why_not_by_cpo,
)
from ocpi.module import Answer, CallArrival, PartyRef, Peer, Refusal, Unknown
from ocpi.wire import json as wire_json
from ocpi.wire.base import date_time_text
from ocpi.wire.envelope import StatusCode

Tree = dict[str, Any]


def create(*, party: Party, customer: Party | None, fields: Mapping[str, Any], by: str, now: datetime) -> Terminal:
    """A terminal of ours; the CPO that it is for is told by POST. It serves nothing until the CPO says so (T-483). Raises
    UnableToChange."""
    tree = {name: value for name, value in fields.items() if value not in (None, "", []) and name not in ASSIGNED}
    tree.setdefault("terminal_id", str(uuid.uuid4()))
    if not party.ours or not party.roles.filter(role__in=SENDER_ROLES, connection=None).exists():
        raise UnableToChange(f"{party} is no payment terminal provider of this house.")
    if customer is not None:
        tree |= {"country_code": customer.country_code, "party_id": customer.party_id}
    with transaction.atomic():
        _alone(party.pk)
        if find(party.pk, str(tree["terminal_id"])) is not None:
            raise UnableToChange(f"{party} has a terminal {tree['terminal_id']} already.")
        if tree.get("reference") and _by_reference(party.pk, str(tree["reference"])) is not None:
            raise UnableToChange(f"{party} has a terminal with the reference {tree['reference']} already.")
        try:
            row = _insert(party.pk, customer.pk if customer else None, tree, now=now)
        except wire_json.Invalid as error:
            raise UnableToChange(str(error)) from error
        note(row, "CREATED", now=now, by=by, to_state=row.state)
        _tell(row, now=now)
    return row


def change(row: Terminal, fields: Mapping[str, Any], *, by: str, now: datetime) -> None:
    """Our own data of it; what it serves is the CPO's to say. None takes a field away. The CPO finds it in its next pull, for no
    interface takes a change of ours. Raises UnableToChange."""
    if wrong := sorted({*ASSIGNED, "terminal_id", "country_code", "party_id"} & fields.keys()):
        raise UnableToChange(f"{row}: {', '.join(wrong)} is not ours to change.")
    with transaction.atomic():
        locked = find(row.party_id, row.object_id)
        assert locked is not None
        if not locked.ours:
            raise UnableToChange(f"{row}: it is the provider's.")
        before = locked.tree()
        tree = {name: value for name, value in {**before, **fields}.items() if value is not None}
        touched = changed_fields(before, tree)
        if not touched:
            return
        if (
            "reference" in touched
            and (other := _by_reference(row.party_id, str(tree.get("reference", "")))) is not None
        ):
            raise UnableToChange(f"{other} has that reference already.")
        try:
            write(locked, tree, at=max(now, locked.last_updated))
        except wire_json.Invalid as error:
            raise UnableToChange(f"{row}: {error}") from error
        note(locked, "CHANGED", now=now, by=by, reason=", ".join(sorted(touched)))


def offer(row: Terminal, customer: Party, *, by: str, now: datetime) -> None:
    """It is for this CPO, who is told by POST. Raises UnableToChange for one that is another's."""
    with transaction.atomic():
        locked = find(row.party_id, row.object_id)
        assert locked is not None
        if not locked.ours or locked.customer_id not in (None, customer.pk):
            raise UnableToChange(f"{row}: only a terminal of ours that is for nobody yet can be offered.")
        locked.customer = customer
        tree = locked.tree() | {"country_code": customer.country_code, "party_id": customer.party_id}
        write(locked, tree, at=max(now, locked.last_updated))
        note(locked, "OFFERED", now=now, by=by, reason=str(customer))
        _tell(locked, now=now)


def deactivate(row: Terminal, *, by: str, reason: str, now: datetime) -> None:
    """Out of use, by ourselves. The CPO finds it gone when it asks. Raises UnableToChange."""
    with transaction.atomic():
        locked = find(row.party_id, row.object_id)
        assert locked is not None
        if not locked.ours:
            raise UnableToChange(f"{row}: it is the provider's to deactivate; ask it to.")
        move(locked, TerminalMove.DEACTIVATE, now=now, by=by, reason=reason)


def reactivate(row: Terminal, *, by: str, now: datetime) -> None:
    """In use again, and told to the CPO. Raises UnableToChange."""
    with transaction.atomic():
        locked = find(row.party_id, row.object_id)
        assert locked is not None
        if not locked.ours:
            raise UnableToChange(f"{row}: it is the provider's to activate; ask it to.")
        move(locked, TerminalMove.ACTIVATE, now=now, by=by)
        _tell(locked, now=now)


def tell_again(row: Terminal, *, by: str, now: datetime) -> None:
    """POST it to the CPO once more. Raises UnableToChange."""
    with transaction.atomic():
        locked = find(row.party_id, row.object_id)
        assert locked is not None
        if not locked.ours or locked.state == TerminalState.INACTIVE:
            raise UnableToChange(f"{row}: only a terminal of ours that is in use is told of.")
        if not _tell(locked, now=now):
            raise UnableToChange(f"{row}: no connection takes it; the CPO has no Receiver endpoint for payments.")
        note(locked, "TOLD_AGAIN", now=now, by=by)


def acknowledged(peer: Peer, owner: PartyRef, ids: tuple[str, ...], url: str, now: datetime) -> None:
    """The CPO has it. Twice is once: only the URL may become known later."""
    with transaction.atomic():
        row = find(owner.id, "/".join(ids))
        if row is None or not row.ours:
            return
        row.acknowledged_at = row.acknowledged_at or now
        row.acknowledged_url = url[:255] or row.acknowledged_url
        row.told_generation = row.generation
        row.save()
        if row.state == TerminalState.NEW:
            move(row, TerminalMove.TAKE, now=now, by=peer.name)


# --- what a CPO asks of us -----------------------------------------------------------------------------------------------


def activate(arrival: CallArrival) -> Answer:
    """T-479 to T-481: the terminal with this id or reference, or a new one, is in use; it is posted to the CPO afterwards."""
    provider, customer = _provider(arrival), _customer(arrival)
    told = arrival.tree or {}
    row = _meant(provider, told)
    if row is None:
        _alone(provider.id)
        row = _meant(provider, told)
    if row is not None and row.customer_id not in (None, customer.id):
        raise Unknown("No such terminal can be activated by this party.")
    assert arrival.merge is not None
    given = row.tree() if row else {"terminal_id": str(told.get("terminal_id") or uuid.uuid4())}
    tree, _ = arrival.merge(given)
    tree |= {"terminal_id": row.object_id if row else given["terminal_id"]}
    tree |= {"country_code": customer.country_code, "party_id": customer.party_id}
    if row is not None and row.reference:
        tree["reference"] = row.reference
    by = arrival.peer.name
    if row is None:
        row = _insert(provider.id, customer.id, tree, now=arrival.now)
        note(row, "CREATED", now=arrival.now, by=by, reason="Asked for by the CPO.", to_state=row.state)
    else:
        row.customer_id = customer.id
        if changed_fields(row.tree(), tree):
            write(row, tree, at=arrival.now)
        row.save()
    if row.state in (TerminalState.NEW, TerminalState.INACTIVE):
        move(row, TerminalMove.ACTIVATE, now=arrival.now, by=by)
    _tell(row, now=arrival.now)
    return Answer(object_path=row.object_id)


def deactivate_asked(arrival: CallArrival) -> Answer:
    """T-482. Asked again it is answered as the first time."""
    row = _own(arrival)
    if row.state != TerminalState.INACTIVE:
        move(row, TerminalMove.DEACTIVATE, now=arrival.now, by=arrival.peer.name, reason="Asked for by the CPO.")
    return Answer(object_path=row.object_id)


def change_asked(arrival: CallArrival) -> Answer:
    """PUT and PATCH (T-476, T-478). What is older than what we have changes nothing; without a time it is of now."""
    row = _own(arrival)
    if row.state == TerminalState.INACTIVE:
        raise Unknown("No such terminal.")
    assert arrival.merge is not None and arrival.tree is not None and row.customer is not None
    stored = row.tree()
    tree, value = arrival.merge(stored)
    if why := why_not_by_cpo(stored, tree, customer=(row.customer.country_code, row.customer.party_id)):
        raise Refusal(why, ocpi=StatusCode.INVALID_PARAMETERS)
    if arrival.tree.get("last_updated") is None:
        at = arrival.now
    else:
        at = milliseconds(ordered_at(value.last_updated, arrival.now))  # type: ignore[attr-defined]  # of Terminal
        if at < row.last_updated:
            return Answer(message="Older than what is known here; nothing was changed.", object_path=row.object_id)
    touched = changed_fields(stored, tree)
    if touched:
        write(row, tree, at=at)
        what = "ASSIGNED" if touched <= {*ASSIGNED} else "CHANGED"
        note(row, what, now=arrival.now, by=arrival.peer.name, reason=", ".join(sorted(touched)))
        if row.state == TerminalState.NEW:  # who says what it serves has it
            move(row, TerminalMove.TAKE, now=arrival.now, by=arrival.peer.name)
    return Answer(object_path=row.object_id)


def _own(arrival: CallArrival) -> Terminal:
    """Raises Unknown for a terminal that is not of this peer's parties: that of another CPO is not shown to exist."""
    theirs = [party.id for party in arrival.peer.theirs]
    ours = [party.id for party in arrival.peer.ours if party.roles & SENDER_ROLES]
    row = (
        Terminal.objects.select_for_update(of=("self",), no_key=True)
        .select_related("customer")
        .filter(party_id__in=ours, customer_id__in=theirs, ours=True, object_id__iexact=arrival.segments["terminal_id"])
        .order_by("id")
        .first()
    )
    if row is None:
        raise Unknown("No such terminal.")
    return row


def _customer(arrival: CallArrival) -> PartyRef:
    """Which CPO asks: the one that the body or the routing headers name, else the only one of this peer. Raises Refusal 2001."""
    told = arrival.tree or {}
    able = [party for party in arrival.peer.theirs if party.roles & RECEIVER_ROLES]
    if told.get("country_code") is not None or told.get("party_id") is not None:
        named = arrival.peer.their_party(str(told.get("country_code") or ""), str(told.get("party_id") or ""))
    else:
        named = arrival.sender or (able[0] if len(able) == 1 else None)
    if named is None or named not in able:
        raise Refusal(
            "country_code, party_id: name a CPO of this connection, there or in the routing headers.",
            ocpi=StatusCode.INVALID_PARAMETERS,
        )
    return named


def _provider(arrival: CallArrival) -> PartyRef:
    able = [party for party in arrival.peer.ours if party.roles & SENDER_ROLES]
    chosen = arrival.receiver if arrival.receiver in able else able[0] if len(able) == 1 else None
    if chosen is None:
        raise Refusal(
            "OCPI-to-country-code, OCPI-to-party-id: name the provider that is meant.",
            ocpi=StatusCode.INVALID_PARAMETERS,
        )
    return chosen


def _meant(provider: PartyRef, told: Tree) -> Terminal | None:
    """The terminal that an activation names: by its id, else by its reference."""
    row = find(provider.id, str(told["terminal_id"])) if isinstance(told.get("terminal_id"), str) else None
    if row is None and isinstance(told.get("reference"), str):
        row = _by_reference(provider.id, told["reference"])
    return row


def _by_reference(party: int, reference: str) -> Terminal | None:
    return (
        Terminal.objects.select_for_update(of=("self",), no_key=True)
        .filter(party_id=party, ours=True, reference__iexact=reference)
        .exclude(reference="")
        .order_by("id")
        .first()
    )


def _alone(party: int) -> None:
    """Until the transaction ends nobody else makes a terminal of this provider: two of one reference would be one thing twice."""
    Party.objects.select_for_update(no_key=True).get(pk=party)


def _insert(party: int, customer: int | None, tree: Tree, *, now: datetime) -> Terminal:
    """Raises `ocpi.wire.json.Invalid`."""
    _, columns = projected({**tree, "last_updated": date_time_text(now)}, at=now)
    row = Terminal(
        party_id=party, customer_id=customer, ours=True, state=TerminalState.NEW.value, created_at=now, **columns
    )
    row.save(force_insert=True)
    return row


def _tell(row: Terminal, *, now: datetime) -> int:
    """Owe it to the CPO it is for."""
    if row.customer_id is None:
        return 0
    changes = [((row.object_id,), ())]
    return stage(sender=row.party_id, module=MODULE, changes=changes, receiver=row.customer_id, now=now, count=True)
