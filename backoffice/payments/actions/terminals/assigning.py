"""What a CPO says of its provider's terminals: what they serve, where invoices are, and that one is to be put in or out of use.

One push of a terminal is on its way at a time: what changes meanwhile goes with the next, so that the provider ends with our last
word whatever order the network makes. An errand's key ends with the generation of the row that it carries.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from backoffice.delivery.actions import errands
from backoffice.fields import DocumentField
from backoffice.partners.models import Connection, Endpoint, Party
from backoffice.partners.rules import ConnectionState, RoleState
from backoffice.payments.actions.terminals.storing import UnableToChange, known_places, move, note, write
from backoffice.payments.models import Activation, Terminal
from backoffice.payments.rules.terminals import (
    ASSIGNED,
    MODULE,
    PROVIDERS,
    SENDER_ROLES,
    AskState,
    TerminalMove,
    TerminalState,
    assignment,
    changed_fields,
    unknown,
)
from backoffice.roaming_site import site
from ocpi.module import Reply
from ocpi.wire import json as wire_json
from ocpi.wire.base import date_time_text
from ocpi.wire.payments import Terminal as Wire

Tree = dict[str, Any]

TIME = timedelta(hours=24)
"""How long a push is repeated; after that staff see that the provider does not have it."""

ASK_TIME = timedelta(hours=1)
"""How long somebody waits for an activation or a deactivation."""

ACTIVATE, DEACTIVATE, PATCH, PUT = "ACTIVATE", "DEACTIVATE", "PATCH", "PUT"


def assign(row: Terminal, *, location_ids: Sequence[str], evse_uids: Sequence[str], by: str, now: datetime) -> None:
    """It serves these and no others (T-476). Raises UnableToChange."""
    change(row, {"location_ids": list(location_ids), "evse_uids": list(evse_uids)}, by=by, now=now)


def change(row: Terminal, fields: Mapping[str, Any], *, by: str, now: datetime) -> None:
    """Our word on a provider's terminal (T-478), pushed to it; or on one of ours for a company of this house. None takes a field
    away. Raises UnableToChange."""
    if row.ours and not (row.customer and row.customer.ours):
        raise UnableToChange(f"{row}: the CPO says this of its terminals.")
    if wrong := sorted(PROVIDERS & fields.keys()):
        raise UnableToChange(f"{row}: {', '.join(wrong)} is the provider's to change.")
    with transaction.atomic():
        locked = _locked(row)
        before = locked.tree()
        tree = {name: value for name, value in {**before, **fields}.items() if value is not None}
        touched = changed_fields(before, tree)
        if not touched:
            return
        _check_places(locked, before, tree)
        try:
            write(locked, tree, at=max(now, locked.last_updated))
        except wire_json.Invalid as error:
            raise UnableToChange(f"{row}: {error}") from error
        locked.differs = {name: value for name, value in locked.differs.items() if name not in touched}
        note(locked, "ASSIGNED" if touched <= {*ASSIGNED} else "CHANGED", now=now, by=by, reason=_words(touched, tree))
        if not locked.ours:
            locked.touched = sorted({*locked.touched, *touched})
            _push(locked, now=now, raises=False)
        elif locked.state == TerminalState.NEW:  # nobody is told who is in the same house: this is the CPO's yes
            move(locked, TerminalMove.TAKE, now=now, by=by)
        locked.save()


def push_again(row: Terminal, *, by: str, now: datetime) -> None:
    """Our whole word once more, as when the provider has lost it. Raises UnableToChange."""
    with transaction.atomic():
        locked = _locked(row)
        if locked.ours:
            raise UnableToChange(f"{row}: it is ours, and the CPO fetches it.")
        if locked.push_key:
            raise UnableToChange(f"{row}: a push is on its way to the provider.")
        locked.touched = sorted({*locked.touched, *ASSIGNED, "customer_reference"})
        _push(locked, now=now, raises=True)
        note(locked, "PUSHED_AGAIN", now=now, by=by)
        locked.save()


def take_theirs(row: Terminal, *, by: str, now: datetime) -> None:
    """What the provider says instead becomes our word, too. Raises UnableToChange."""
    with transaction.atomic():
        locked = _locked(row)
        if not locked.differs:
            raise UnableToChange(f"{row}: the provider says nothing else.")
        before = locked.tree()
        tree = {name: value for name, value in {**before, **locked.differs}.items() if value is not None}
        _check_places(locked, before, tree)
        write(locked, tree, at=max(now, locked.last_updated))
        locked.touched = [name for name in locked.touched if name not in locked.differs]
        locked.differs = {}
        locked.save()
        note(locked, "TOOK_THEIRS", now=now, by=by)


def place_with(row: Terminal, customer: Party, *, by: str, now: datetime) -> None:
    """It stands at charge points of this company of ours: for a terminal that came without saying so. Raises UnableToChange."""
    with transaction.atomic():
        locked = _locked(row)
        if locked.ours or not customer.ours:
            raise UnableToChange(f"{row}: choose a company of ours, for a terminal of a provider's.")
        if locked.customer_id not in (None, customer.pk) and any(assignment(locked.tree()).values()):
            raise UnableToChange(f"{row}: take away what it serves first; that is of {locked.customer}.")
        locked.customer = customer
        locked.save(update_fields=["customer"])
        note(locked, "PLACED", now=now, by=by, reason=str(customer))


def ask_to_activate(
    *, provider: Party, customer: Party, fields: Mapping[str, Any], by: str, now: datetime
) -> Activation:
    """Ask a provider for a terminal (T-479, T-480): it answers with a POST of the terminal. Raises UnableToChange.

    A reference or an id must name the thing, so that asking twice is asking for the same.
    """
    tree = {name: value for name, value in fields.items() if value not in (None, "", [])}
    reference, named = str(tree.get("reference", "")), str(tree.get("terminal_id", ""))
    if not reference and not named:
        raise UnableToChange("Name the terminal by its reference (as the serial number) or by its id.")
    lists = assignment(tree)
    known = known_places(customer, lists)
    for name in ASSIGNED:
        if missing := unknown(lists[name], known[name]):
            raise UnableToChange(f"{customer} has no {', '.join(missing)} ({name}).")
    tree |= {"country_code": customer.country_code, "party_id": customer.party_id, "last_updated": date_time_text(now)}
    try:
        wire_json.validate(Wire, {"terminal_id": "-", **tree})
    except wire_json.Invalid as error:
        raise UnableToChange(str(error)) from error
    connection = line_to(provider, customer)
    with transaction.atomic():
        Party.objects.select_for_update(no_key=True).get(pk=provider.pk)  # two who ask at once ask once
        open_ones = Activation.objects.filter(party=provider, terminal=None).exclude(state=AskState.REFUSED.value)
        if reference and open_ones.filter(reference__iexact=reference).exists():
            raise UnableToChange(f"The activation of {reference} was asked for already, and the terminal is awaited.")
        row = Activation.objects.create(
            party=provider,
            customer=customer,
            connection=connection,
            key=secrets.token_hex(16),
            reference=reference,
            named_id=named,
            document=DocumentField.write(tree),
            state=AskState.ASKED.value,
            asked_by=by[:150],
            asked_at=now,
        )
        _owe(connection, customer, provider, ACTIVATE, row.key, "POST", "activate", {}, tree, ASK_TIME, now)
    return row


def ask_to_deactivate(row: Terminal, *, by: str, reason: str, now: datetime) -> None:
    """T-482. It counts as in use until the provider says that it is not. A push that is on its way is waited for no longer.
    Raises UnableToChange."""
    with transaction.atomic():
        locked = _locked(row)
        if locked.ours:
            raise UnableToChange(f"{row}: it is ours; deactivate it here.")
        connection = _line(locked)
        move(locked, TerminalMove.ASK_TO_END, now=now, by=by, reason=reason)
        locked.push_key, locked.push_problem = _key(locked), ""
        locked.save()
        path, segments = "{terminal_id}/deactivate", {"terminal_id": locked.object_id}
        assert locked.customer is not None
        _owe(
            connection,
            locked.customer,
            locked.party,
            DEACTIVATE,
            locked.push_key,
            "POST",
            path,
            segments,
            None,
            ASK_TIME,
            now,
        )


def delivered(kind: str, key: str, reply: Reply, now: datetime) -> None:
    """What became of something that we said to a provider."""
    if kind == ACTIVATE:
        _activation_answered(key, reply, now)
        return
    row = Terminal.objects.select_for_update(of=("self",), no_key=True).filter(push_key=key).first()
    if row is None:
        return
    row.push_key = ""
    row.push_problem = reply.problem[:300]
    if kind == DEACTIVATE:
        what = TerminalMove.KEEP if reply.problem else TerminalMove.DEACTIVATE
        if row.state == TerminalState.ENDING:
            move(row, what, now=now, by=str(row.party), reason=reply.problem)
        if reply.problem:
            _push(row, now=now, raises=False)  # what it had not taken yet
        row.save()
        return
    if reply.problem:
        note(row, "NOT_TAKEN", now=now, by=str(row.party), reason=reply.problem)
    else:
        row.told_generation = int(key.rpartition("-")[2])
        note(row, "TAKEN", now=now, by=str(row.party))
        if row.told_generation >= row.generation:
            row.touched, row.differs = [], {}
        else:
            _push(row, now=now, raises=False)
    row.save()


def line_to(provider: Party, customer: Party) -> Connection:
    """The connection to this provider that speaks for this company of ours. Raises UnableToChange."""
    connection = (
        Connection.objects.filter(
            roles__party=provider,
            roles__role__in=SENDER_ROLES,
            roles__state=RoleState.ACTIVE,
            our_parties=customer,
        )
        .exclude(state=ConnectionState.REMOVED)
        .order_by("id")
        .first()
    )
    if connection is None:
        raise UnableToChange(f"There is no connection to {provider} for {customer}.")
    if not Endpoint.objects.filter(
        connection=connection, identifier=site.module(MODULE).endpoint, role="SENDER"
    ).exists():
        raise UnableToChange(f"{connection} has no Sender endpoint for payments: the provider cannot be told.")
    if connection.state != ConnectionState.ACTIVE:
        raise UnableToChange(f"{connection} is {connection.state.lower()}: resume it first.")
    return connection


def _locked(row: Terminal) -> Terminal:
    return (
        Terminal.objects.select_for_update(of=("self",), no_key=True).select_related("party", "customer").get(pk=row.pk)
    )


def _check_places(row: Terminal, before: Tree, tree: Tree) -> None:
    """What is new of what it serves must be the CPO's own."""
    was, lists = assignment(before), assignment(tree)
    if any(lists.values()) and row.customer is None:
        raise UnableToChange(f"{row}: say first at whose charge points it stands.")
    known = known_places(row.customer, lists)
    for name in ASSIGNED:
        if missing := unknown(lists[name], known[name] | {one.upper() for one in was[name]}):
            raise UnableToChange(f"{row}: {row.customer} has no {', '.join(missing)} ({name}).")


def _line(row: Terminal) -> Connection:
    if row.customer is None:
        raise UnableToChange(f"{row}: say first at whose charge points it stands.")
    return line_to(row.party, row.customer)


def _push(row: Terminal, *, now: datetime, raises: bool) -> None:
    """Send what the provider has not taken yet, unless something is on its way; the caller saves. What cannot be sent stays
    owed and says why."""
    if row.push_key or not row.touched:
        return
    try:
        connection = _line(row)
    except UnableToChange as error:
        if raises:
            raise
        row.push_problem = str(error)[:300]
        return
    tree = row.tree()
    method = PATCH if {*row.touched} <= {*ASSIGNED} else PUT
    body = _patch(tree, ASSIGNED) if method == PATCH else tree
    row.push_key, row.push_problem = _key(row), ""
    segments = {"terminal_id": row.object_id}
    assert row.customer is not None
    _owe(connection, row.customer, row.party, method, row.push_key, method, "{terminal_id}", segments, body, TIME, now)


def _patch(tree: Tree, names: Collection[str]) -> Tree:
    return {name: tree.get(name, []) for name in names} | {"last_updated": tree["last_updated"]}


def _key(row: Terminal) -> str:
    return f"{secrets.token_hex(16)}-{row.generation}"


def _owe(
    connection: Connection,
    customer: Party,
    provider: Party,
    kind: str,
    key: str,
    method: str,
    path: str,
    segments: dict[str, str],
    tree: Tree | None,
    within: timedelta,
    now: datetime,
) -> None:
    errands.owe_push(
        connection=connection.pk,
        sender=customer.pk,
        receiver=provider.pk,
        module=MODULE,
        kind=kind,
        key=key,
        method=method,
        path=path,
        segments=segments,
        tree=tree,
        deadline=now + within,
        now=now,
    )


def _activation_answered(key: str, reply: Reply, now: datetime) -> None:
    row = Activation.objects.select_for_update(of=("self",), no_key=True).filter(key=key).first()
    if row is None:
        return
    row.answered_at = now
    if row.state == AskState.ASKED:
        row.state = AskState.REFUSED.value if reply.problem else AskState.TAKEN.value
        row.problem = reply.problem[:300]
    row.save()


def _words(touched: Collection[str], tree: Tree) -> str:
    """What was changed, for the history."""
    return "; ".join(f"{name}: {_value(tree.get(name))}" for name in sorted(touched))


def _value(value: Any) -> str:
    return (
        ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value if value is not None else "none")
    )
