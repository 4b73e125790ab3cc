"""The partners' door of tokens: what they may read of ours, how what they tell us is stored, and the real-time question."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from backoffice import statements
from backoffice.fields import DocumentField
from backoffice.roaming_site import site
from backoffice.tokens.actions import answering, arriving
from backoffice.tokens.actions.storing import store
from backoffice.tokens.models import SHELF, UNTOLD
from backoffice.tokens.rules.words import RECEIVER_ROLES, SENDER_ROLES
from ocpi.module import Call, Level, Module, OwnedObjects, Page, PageQuery, PartyRef, Peer, Tree
from ocpi.wire import tokens as wire
from ocpi.wire.base import Wire


def _senders(peer: Peer) -> list[PartyRef]:
    return [party for party in peer.ours if party.roles & SENDER_ROLES]


def page(peer: Peer, query: PageQuery) -> Page:
    return SHELF.page(peer, _senders(peer), query)


def read_own(peer: Peer, owner: PartyRef | None, ids: tuple[str, ...]) -> Tree | None:
    return _read([owner] if owner else _senders(peer), ids, f"NOT ({UNTOLD})")


def read_theirs(peer: Peer, owner: PartyRef, ids: tuple[str, ...]) -> Tree | None:
    return _read([owner], ids, "true")


def _read(parties: Sequence[PartyRef], ids: tuple[str, ...], visible: str) -> Tree | None:
    rows = statements.run(
        f"""SELECT d.document FROM tokens_token d
            WHERE d.party_id = ANY(%s) AND upper(d.object_id) = upper(%s) AND d.type = %s AND {visible}
            ORDER BY d.id LIMIT 1""",
        [[party.id for party in parties], *ids],
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
            (tree, value) for party, tree, value in items if party.id == owner.id and isinstance(value, wire.Token)
        ]
        changed += sum(item.touched for item in store(owner.id, batch, now=now, ours=False))
    return changed


site.register(
    Module(
        "tokens",
        OwnedObjects(
            levels=(Level("token_uid", "uid", wire.Token, qualifier="type", otherwise="RFID"),),
            page=page,
            read_own=read_own,
            read_theirs=read_theirs,
            put=arriving.put,
            patch=arriving.patch,
            store_page=store_page,
            vanish=arriving.vanish,
            calls=(
                Call(
                    "POST",
                    "{token_uid}/authorize",
                    wire.LocationReferences,
                    answering.authorize,
                    wire.AuthorizationInfo,
                    body_optional=True,
                    atomic=True,
                ),
            ),
        ),
        sender_roles=SENDER_ROLES,
        receiver_roles=RECEIVER_ROLES,
    )
)
