"""The partners' door of locations: what they may read of ours, and how what they tell us is stored (mod_locations)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from backoffice import statements
from backoffice.documents.fates import Fate
from backoffice.locations.actions import arriving, placing, vanishing
from backoffice.locations.actions.storing import store
from backoffice.locations.models import PARTS, SHELF, splice
from backoffice.locations.rules import RECEIVER_ROLES, SENDER_ROLES, without_tariffs
from backoffice.roaming_site import site
from backoffice.tariffs.models import undisclosed
from backoffice.tokens.actions import answering
from ocpi.module import Level, Module, OwnedObjects, Page, PageQuery, PartyRef, Peer, Tree
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from ocpi.wire.base import Wire


def _senders(peer: Peer) -> list[PartyRef]:
    return [party for party in peer.ours if party.roles & SENDER_ROLES]


def page(peer: Peer, query: PageQuery) -> Page:
    senders = _senders(peer)
    return SHELF.page(peer, senders, query, _adapting(undisclosed(peer.connection, [party.id for party in senders])))


def read_own(peer: Peer, owner: PartyRef | None, ids: tuple[str, ...]) -> Tree | None:
    parties = [owner] if owner else _senders(peer)
    tree = _read([party.id for party in parties], ids, f"NOT ({SHELF.hidden})", peer)
    hidden = undisclosed(peer.connection, [party.id for party in parties]) if tree else frozenset()
    return without_tariffs(tree, hidden) if tree and hidden else tree


def _adapting(hidden: frozenset[str]) -> Callable[[bytes], bytes] | None:
    """Takes the hidden tariffs out of a whole Location; nothing to do for most partners."""
    if not hidden:
        return None

    def adapt(document: bytes) -> bytes:
        if b'"tariff_ids"' not in document:
            return document
        return wire_json.encode(without_tariffs(wire_json.parse(document), hidden))

    return adapt


def read_theirs(peer: Peer, owner: PartyRef, ids: tuple[str, ...]) -> Tree | None:
    return _read([owner.id], ids, "true", peer)


def _read(parties: list[int], ids: tuple[str, ...], visible: str, peer: Peer) -> Tree | None:
    given: dict[str, Any] = {"parties": parties, "id": ids[0], "connection": peer.connection}
    wanted = "d.party_id = ANY(%(parties)s) AND upper(d.object_id) = upper(%(id)s)"
    if len(ids) == 1:
        read = f"SELECT {PARTS} FROM locations_location d WHERE {wanted} AND {visible} ORDER BY d.id LIMIT 1"
        rows = [(b"".join(splice(*row)),) for row in statements.run(read, given)]
    else:
        read = f"""SELECT e.document FROM locations_location d JOIN locations_evse e ON e.location_id = d.id AND e.listed
                   WHERE {wanted} AND {visible} AND upper(e.uid) = upper(%(uid)s) ORDER BY d.id LIMIT 1"""
        rows = statements.run(read, given | {"uid": ids[1]})
    if not rows:
        return None
    tree: Tree = wire_json.reread(rows[0][0])
    if len(ids) < 3:
        return tree
    return next((c for c in tree["connectors"] if c["id"].upper() == ids[2].upper()), None)


def store_page(peer: Peer, items: Sequence[tuple[PartyRef, Tree, Wire]], now: datetime) -> int:
    """One page of a pull. Returns how many were new or changed."""
    changed = 0
    for owner in {item[0].id: item[0] for item in items}.values():
        batch = [
            (tree, value) for party, tree, value in items if party.id == owner.id and isinstance(value, wire.Location)
        ]
        stored = store(owner.id, batch, source=arriving.PARTNER, now=now, ours=False)
        changed += sum(item.touched and item.fate is not Fate.STALE for item in stored)
    return changed


answering.told_of = placing.place

site.register(
    Module(
        "locations",
        OwnedObjects(
            levels=(
                Level("location_id", "id", wire.Location),
                Level("evse_uid", "uid", wire.EVSE),
                Level("connector_id", "id", wire.Connector),
            ),
            page=page,
            read_own=read_own,
            read_theirs=read_theirs,
            put=arriving.put,
            patch=arriving.patch,
            store_page=store_page,
            vanish=vanishing.vanish,
            serves_one=True,
        ),
        sender_roles=SENDER_ROLES,
        receiver_roles=RECEIVER_ROLES,
        max_body=8_000_000,
    )
)
