"""The partners' door of tariffs: what they may read of ours, and how what they tell us is stored (mod_tariffs)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from backoffice import statements
from backoffice.fields import DocumentField
from backoffice.roaming_site import site
from backoffice.tariffs.actions import arriving
from backoffice.tariffs.actions.storing import PARTNER, store
from backoffice.tariffs.models import SEEN_BY, SHELF
from backoffice.tariffs.rules.standing import RECEIVER_ROLES, SENDER_ROLES
from ocpi.module import Level, Module, OwnedObjects, Page, PageQuery, PartyRef, Peer, Tree
from ocpi.wire import tariffs as wire
from ocpi.wire.base import Wire


def _senders(peer: Peer) -> list[PartyRef]:
    return [party for party in peer.ours if party.roles & SENDER_ROLES]


def page(peer: Peer, query: PageQuery) -> Page:
    return SHELF.page(peer, _senders(peer), query)


def read_own(peer: Peer, owner: PartyRef | None, ids: tuple[str, ...]) -> Tree | None:
    parties = [owner] if owner else _senders(peer)
    return _read(parties, ids[0], SEEN_BY, peer)


def read_theirs(peer: Peer, owner: PartyRef, ids: tuple[str, ...]) -> Tree | None:
    return _read([owner], ids[0], "d.withdrawn_at IS NULL", peer)


def _read(parties: Sequence[PartyRef], identity: str, visible: str, peer: Peer) -> Tree | None:
    rows = statements.run(
        f"""SELECT d.document FROM tariffs_tariff d
            WHERE d.party_id = ANY(%(parties)s) AND upper(d.object_id) = upper(%(id)s) AND {visible} ORDER BY d.id LIMIT 1""",
        {"parties": [party.id for party in parties], "id": identity, "connection": peer.connection},
    )
    if not rows:
        return None
    tree: Tree = DocumentField.read(rows[0][0])
    return tree


def store_page(peer: Peer, items: Sequence[tuple[PartyRef, Tree, Wire]], now: datetime) -> int:
    """One page of a pull. Returns how many were new or changed."""
    changed = 0
    for owner in {item[0].id: item[0] for item in items}.values():
        batch = [
            (tree, value) for party, tree, value in items if party.id == owner.id and isinstance(value, wire.Tariff)
        ]
        stored = store(owner.id, batch, source=PARTNER, said_by=peer.name, now=now, ours=False)
        changed += sum(item.touched for item in stored)
    return changed


site.register(
    Module(
        "tariffs",
        OwnedObjects(
            levels=(Level("tariff_id", "id", wire.Tariff),),
            page=page,
            read_own=read_own,
            read_theirs=read_theirs,
            put=arriving.put,
            delete=arriving.delete,
            store_page=store_page,
            vanish=arriving.vanish,
        ),
        sender_roles=SENDER_ROLES,
        receiver_roles=RECEIVER_ROLES,
    )
)
