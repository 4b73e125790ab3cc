"""The partners' door of CDRs: what an eMSP may read of ours, and how what a CPO bills us is taken (mod_cdrs)."""

from __future__ import annotations

from backoffice import statements
from backoffice.cdrs.actions import acknowledging, receiving
from backoffice.cdrs.models import READABLE, SHELF
from backoffice.cdrs.rules.content import RECEIVER_ROLES, SENDER_ROLES
from backoffice.fields import DocumentField
from backoffice.payments.actions import watching
from backoffice.roaming_site import site
from ocpi.module import Arrival, Documents, Level, Module, Page, PageQuery, PartyRef, Peer, Stored, Tree
from ocpi.wire import cdrs as wire
from ocpi.wire.types import TokenType


def _senders(peer: Peer) -> list[PartyRef]:
    return [party for party in peer.ours if party.roles & SENDER_ROLES]


def page(peer: Peer, query: PageQuery) -> Page:
    return SHELF.page(peer, _senders(peer), query)


def read_own(peer: Peer, owner: PartyRef | None, ids: tuple[str, ...]) -> Tree | None:
    parties = [owner] if owner else _senders(peer)
    return _read([party.id for party in parties], ids[0], READABLE, peer)


def read_theirs(peer: Peer, owner: PartyRef, ids: tuple[str, ...]) -> Tree | None:
    return _read([owner.id], ids[0], "true", peer)


def _read(parties: list[int], identity: str, visible: str, peer: Peer) -> Tree | None:
    rows = statements.run(
        f"""SELECT d.document FROM cdrs_cdr d
            WHERE d.party_id = ANY(%(parties)s) AND upper(d.object_id) = upper(%(id)s) AND {visible} ORDER BY d.id LIMIT 1""",
        {"parties": parties, "id": identity, "theirs": [party.id for party in peer.theirs]},
    )
    if not rows:
        return None
    tree: Tree = DocumentField.read(rows[0][0])
    return tree


def post(arrival: Arrival) -> Stored:
    stored = receiving.post(arrival)
    if arrival.tree["cdr_token"]["type"] == TokenType.AD_HOC_USER:  # a card may pay for it at a terminal of ours
        watching.hint(arrival.tree.get("authorization_reference") or "", now=arrival.now)
    return stored


site.register(
    Module(
        "cdrs",
        Documents(
            level=Level("cdr_id", "id", wire.CDR),
            page=page,
            read_own=read_own,
            read_theirs=read_theirs,
            post=post,
            acknowledged=acknowledging.acknowledged,
            store_page=receiving.store_page,
        ),
        sender_roles=SENDER_ROLES,
        receiver_roles=RECEIVER_ROLES,
        max_body=8_000_000,
    )
)
