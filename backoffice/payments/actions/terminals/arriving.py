"""Take what a provider tells of its terminals: one by POST, a page of them by a pull (as CPO).

The assignment is ours to make (mod_payments#terminal_assignment): what a provider says about it is kept beside ours and shown,
and changes nothing. Only of a terminal that we did not know is it taken, as far as the places are ours: after an activation they
are what we asked for, and in a pull what another system of ours had assigned before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from backoffice.documents.fates import ordered_at
from backoffice.fields import milliseconds
from backoffice.partners.models import Party
from backoffice.payments.actions.terminals.storing import find, known_places, move, note, projected, write
from backoffice.payments.models import Activation, Terminal
from backoffice.payments.rules.terminals import (
    ASSIGNED,
    RECEIVER_ROLES,
    AskState,
    TerminalMove,
    TerminalState,
    assignment,
    changed_fields,
)
from ocpi.module import Arrival, PartyRef, Peer, Refusal, Stored
from ocpi.wire.envelope import StatusCode
from ocpi.wire.payments import Terminal as Wire

Tree = dict[str, Any]


def post(arrival: Arrival) -> Stored:
    """mod_payments#cpo_terminal_post_method. A repeat is answered as the first time, and what is older changes nothing."""
    assert arrival.tree
    customer = _customer(arrival.peer, arrival.tree)
    asked = _activation(arrival.owner.id, arrival.tree)
    row, became = _store(
        arrival.owner.id, arrival.tree, customer, asked, pulled=False, by=arrival.peer.name, now=arrival.now
    )
    return Stored(created=became == "NEW", stale=became == "STALE", ids=(row.object_id,))


def store_page(peer: Peer, items: Sequence[tuple[PartyRef, Tree, Any]], now: datetime) -> int:
    """One page of a pull. Returns how many were new or changed. A terminal for another party than ours is left out."""
    touched = 0
    for owner, tree, _ in items:
        try:
            customer = _customer(peer, tree)
        except Refusal:
            continue
        asked = _activation(owner.id, tree)
        _, became = _store(owner.id, tree, customer, asked, pulled=True, by=peer.name, now=now)
        touched += became in ("NEW", "CHANGED")
    return touched


def _customer(peer: Peer, tree: Tree) -> PartyRef | None:
    """At whose charge points it stands: the party it names, which must be ours, else the only one that could be meant. None:
    staff say it. Raises Refusal 2001 for a party of somebody else."""
    ours = [party for party in peer.ours if party.roles & RECEIVER_ROLES]
    if tree.get("country_code") is not None or tree.get("party_id") is not None:
        named = peer.our_party(str(tree.get("country_code") or ""), str(tree.get("party_id") or ""))
        if named is None or named not in ours:
            raise Refusal(
                "country_code, party_id: not a CPO of ours on this connection, so the terminal is not at a place of ours.",
                ocpi=StatusCode.INVALID_PARAMETERS,
            )
        return named
    return ours[0] if len(ours) == 1 else None


def _activation(party: int, tree: Tree) -> Activation | None:
    """What we asked this provider for and have not got yet, by the id or the reference; the oldest of them."""
    named = Q(named_id__iexact=str(tree["terminal_id"]))
    if tree.get("reference"):
        named |= Q(reference__iexact=str(tree["reference"]))
    return (
        Activation.objects.select_for_update(of=("self",), no_key=True)
        .filter(named, party_id=party, terminal=None)
        .order_by("id")
        .first()
    )


def _store(
    party: int,
    tree: Tree,
    customer: PartyRef | None,
    asked: Activation | None,
    *,
    pulled: bool,
    by: str,
    now: datetime,
) -> tuple[Terminal, str]:
    row = find(party, str(tree["terminal_id"]))
    if row is None:
        try:
            with transaction.atomic():
                return _create(party, tree, customer, asked, pulled=pulled, by=by, now=now), "NEW"
        except IntegrityError:  # the same POST twice at once: the other one was faster
            row = find(party, str(tree["terminal_id"]))
            assert row is not None
    return row, _again(row, tree, customer, asked, pulled=pulled, by=by, now=now)


def _create(
    party: int,
    tree: Tree,
    customer: PartyRef | None,
    asked: Activation | None,
    *,
    pulled: bool,
    by: str,
    now: datetime,
) -> Terminal:
    of = asked.customer_id if asked else customer.id if customer else None
    told = assignment(tree)
    known = known_places(Party.objects.get(pk=of) if of else None, told)
    kept = {
        name: [one for one in told[name] if one.upper() in known[name]] if asked or pulled else [] for name in ASSIGNED
    }
    _, columns = projected({**tree, **kept}, at=_told_at(tree, now))
    row = Terminal(
        party_id=party,
        customer_id=of,
        ours=False,
        state=TerminalState.ACTIVE.value,
        differs={name: told[name] for name in ASSIGNED if told[name] != kept[name]},
        seen_at=now,
        created_at=now,
        **columns,
    )
    row.told_generation = row.generation
    row.save(force_insert=True)
    note(row, "PULLED" if pulled else "POSTED", now=now, by=by, to_state=row.state)
    if row.differs:
        note(row, "DIFFERS", now=now, by=by, reason="It names places that are not ours or that we have not assigned.")
    _came_of(asked, row, now=now)
    return row


def _again(
    row: Terminal,
    tree: Tree,
    customer: PartyRef | None,
    asked: Activation | None,
    *,
    pulled: bool,
    by: str,
    now: datetime,
) -> str:
    """What a provider tells of a terminal that we have."""
    row.seen_at = now
    if row.customer_id is None:
        row.customer_id = asked.customer_id if asked else customer.id if customer else None
    _came_of(asked, row, now=now)
    if asked is not None and row.state in (TerminalState.INACTIVE, TerminalState.NEW):
        move(row, TerminalMove.ACTIVATE, now=now, by=by)
    at = _told_at(tree, now) if tree.get("last_updated") else row.last_updated
    if at < row.last_updated:
        if pulled and not row.touched:  # it took our word, and its list does not have it
            row.differs = _differing(tree, row.tree(), ASSIGNED)
        row.save(update_fields=["seen_at", "customer", "differs"])
        return "STALE"
    stored = row.tree()
    if asked is not None and any(assignment(asked.tree()).values()):
        stored |= assignment(asked.tree())  # what we asked it to serve from now on
    # what we have said and they have not taken yet stays as we said it, and an assignment is never theirs to make
    ours = {name: stored[name] for name in {*row.touched, *ASSIGNED} if name in stored}
    merged = {name: value for name, value in tree.items() if name not in row.touched and name not in ASSIGNED} | ours
    row.differs = _differing(tree, ours, ours)
    touched = changed_fields(row.tree(), merged)
    if not touched:
        row.save()
        return "SAME"
    write(row, merged, at=at)
    note(row, "TOLD", now=now, by=by, reason=", ".join(sorted(touched)))
    return "CHANGED"


def _differing(told: Tree, ours: Tree, names: Iterable[str]) -> Tree:
    """What is told instead of ours."""
    return {name: told.get(name) for name in sorted(changed_fields(told, ours) & {*names})}


def _told_at(tree: Tree, now: datetime) -> datetime:
    """Its last_updated, which some leave out."""
    value = Wire.model_validate({"terminal_id": "x", "last_updated": tree.get("last_updated")}).last_updated
    return milliseconds(ordered_at(value, now) if value is not None else now)


def _came_of(asked: Activation | None, row: Terminal, *, now: datetime) -> None:
    """The terminal that we asked for is here."""
    if asked is None:
        return
    asked.terminal, asked.state = row, AskState.DONE.value
    asked.save(update_fields=["terminal", "state"])
    note(row, "CAME_OF_ACTIVATION", now=now, by=asked.asked_by, reason=f"Activation of {asked}")
