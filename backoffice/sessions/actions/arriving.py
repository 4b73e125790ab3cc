"""What partners tell us of sessions of our drivers: PUT, PATCH, and pages that we fetch (mod_sessions#emsp_interface).

A session is stored only if its token belongs to a party of ours on this connection: whose driver it is, is what it is about.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from backoffice import statements
from backoffice.documents.fates import Fate
from backoffice.fields import DocumentField
from backoffice.sessions.actions.storing import Emsps, Tree, owner_of_token, parsed, store, why_refused
from backoffice.sessions.rules.patching import settled
from backoffice.sessions.rules.states import RECEIVER_ROLES
from ocpi.module import Arrival, PartyRef, Peer, Refusal, Stored, Unknown
from ocpi.wire import sessions as wire
from ocpi.wire.base import Wire
from ocpi.wire.envelope import StatusCode

log = logging.getLogger("roamdesk.sessions")


def put(arrival: Arrival) -> Stored:
    """Raises Refusal 2001 for the token of somebody else, and for a status that cannot follow the known one."""
    return _store(arrival, arrival.tree, parsed(arrival.tree))


def patch(arrival: Arrival) -> Stored:
    """Raises Unknown (404): the sender is then expected to PUT (transport_and_format#patch)."""
    rows = statements.run(
        """SELECT last_updated, document FROM charging_sessions_session
           WHERE party_id = %s AND upper(object_id) = upper(%s) FOR NO KEY UPDATE""",
        [arrival.owner.id, arrival.ids[0]],
    )
    if not rows:
        raise Unknown(f"Session {arrival.ids[0]} is not known here: PUT it first.")
    last_updated, document = rows[0]
    if arrival.last_updated < last_updated:
        return Stored(stale=True)
    assert arrival.merge is not None
    tree, value = arrival.merge(DocumentField.read(document))
    assert isinstance(value, wire.Session)
    if "charging_periods" in arrival.touched and value.charging_periods:
        periods, replaced = settled(tree["charging_periods"], value.charging_periods)
        tree = tree | {"charging_periods": periods}
        value = parsed(tree)
        if replaced:
            log.warning("%s replaced charging periods of session %s by PATCH", arrival.peer.name, value.id)
    return _store(arrival, tree, value)


def _store(arrival: Arrival, tree: Tree, value: wire.Session) -> Stored:
    emsps = _emsps(arrival.peer)
    if owner_of_token(value) not in emsps:
        owner = "-".join(owner_of_token(value))
        raise Refusal(f"cdr_token: {owner} is no eMSP of ours on this connection.", ocpi=StatusCode.INVALID_PARAMETERS)
    (item,) = store(arrival.owner.id, [(tree, value)], emsps=emsps, by=arrival.peer.name, now=arrival.now)
    if item.fate is Fate.REFUSED:
        raise Refusal(f"status: {why_refused(item)}", ocpi=StatusCode.INVALID_PARAMETERS)
    return Stored(created=item.fate is Fate.NEW, stale=item.fate is Fate.STALE)


def store_page(peer: Peer, items: Sequence[tuple[PartyRef, Tree, Wire]], now: datetime) -> int:
    """One page of a pull. Returns how many were new or changed. Sessions of other eMSPs' drivers are left out."""
    emsps, changed = _emsps(peer), 0
    for owner in {party.id for party, _, _ in items}:
        batch = [
            (tree, value)
            for party, tree, value in items
            if party.id == owner and isinstance(value, wire.Session) and owner_of_token(value) in emsps
        ]
        stored = store(owner, batch, emsps=emsps, by=peer.name, now=now) if batch else []
        changed += sum(item.touched for item in stored)
    foreign = sum(isinstance(value, wire.Session) and owner_of_token(value) not in emsps for _, _, value in items)
    if foreign:
        log.warning("%s listed %s sessions of drivers who are not ours", peer.name, foreign)
    return changed


def _emsps(peer: Peer) -> Emsps:
    return {party.key: party.id for party in peer.ours if party.roles & RECEIVER_ROLES}
