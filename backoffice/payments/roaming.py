"""The partners' door of card payments: terminals and financial advice, both ends (mod_payments)."""

from __future__ import annotations

from collections.abc import Sequence

from backoffice import statements
from backoffice.fields import DocumentField
from backoffice.payments.actions import advices as advice
from backoffice.payments.actions.terminals import arriving, assigning, providing
from backoffice.payments.models import advices, terminals
from backoffice.payments.rules.advices import MODULE as ADVICE
from backoffice.payments.rules.terminals import MODULE, RECEIVER_ROLES, SENDER_ROLES
from backoffice.roaming_site import site
from ocpi.module import Call, Documents, Level, Module, Page, PageQuery, PartyRef, Peer, Tree
from ocpi.wire import payments as wire


def _senders(peer: Peer) -> list[PartyRef]:
    return [party for party in peer.ours if party.roles & SENDER_ROLES]


def _read(table: str, parties: Sequence[PartyRef], ids: tuple[str, ...], visible: str, peer: Peer) -> Tree | None:
    """`visible`: SQL that is true for what this peer may see."""
    rows = statements.run(
        f"""SELECT d.document FROM {table} d
            WHERE d.party_id = ANY(%(parties)s) AND upper(d.object_id) = upper(%(id)s) AND {visible} ORDER BY d.id LIMIT 1""",
        {
            "parties": [party.id for party in parties],
            "id": "/".join(ids),
            "theirs": [party.id for party in peer.theirs],
            "ours": [party.id for party in peer.ours],
        },
    )
    if not rows:
        return None
    tree: Tree = DocumentField.read(rows[0][0])
    return tree


TOLD_US = "NOT d.ours AND (d.customer_id IS NULL OR d.customer_id = ANY(%(ours)s::bigint[]))"
"""Whether a provider may read back what it told us, as SQL: it was told to a company of ours on this connection."""


def terminal_page(peer: Peer, query: PageQuery) -> Page:
    return terminals.SHELF.page(peer, _senders(peer), query)


def own_terminal(peer: Peer, owner: PartyRef | None, ids: tuple[str, ...]) -> Tree | None:
    parties = [owner] if owner else _senders(peer)
    return _read("payments_terminal", parties, ids, f"d.ours AND {terminals.READABLE}", peer)


def their_terminal(peer: Peer, owner: PartyRef, ids: tuple[str, ...]) -> Tree | None:
    return _read("payments_terminal", [owner], ids, TOLD_US, peer)


site.register(
    Module(
        MODULE,
        Documents(
            level=Level("terminal_id", "terminal_id", wire.Terminal),
            page=terminal_page,
            read_own=own_terminal,
            read_theirs=their_terminal,
            post=arriving.post,
            acknowledged=providing.acknowledged,
            store_page=arriving.store_page,
            serves_one=True,
            partyless=True,
            calls=(
                Call("POST", "activate", wire.Terminal, providing.activate, atomic=True, partial=True),
                Call("POST", "{terminal_id}/deactivate", None, providing.deactivate_asked, atomic=True),
                Call("PUT", "{terminal_id}", wire.Terminal, providing.change_asked, atomic=True, partial=True),
                Call("PATCH", "{terminal_id}", wire.Terminal, providing.change_asked, atomic=True, partial=True),
            ),
            delivered=assigning.delivered,
        ),
        sender_roles=SENDER_ROLES,
        receiver_roles=RECEIVER_ROLES,
        part_of="payments",
    )
)


def advice_page(peer: Peer, query: PageQuery) -> Page:
    return advices.SHELF.page(peer, _senders(peer), query)


def own_advice(peer: Peer, owner: PartyRef | None, ids: tuple[str, ...]) -> Tree | None:
    parties = [owner] if owner else _senders(peer)
    return _read("payments_advice", parties, ids, f"d.ours AND {advices.READABLE}", peer)


def their_advice(peer: Peer, owner: PartyRef, ids: tuple[str, ...]) -> Tree | None:
    return _read("payments_advice", [owner], ids, TOLD_US, peer)


site.register(
    Module(
        ADVICE,
        Documents(
            level=Level("financial_advice_confirmation_id", "id", wire.FinancialAdviceConfirmation),
            page=advice_page,
            read_own=own_advice,
            read_theirs=their_advice,
            post=advice.post,
            acknowledged=advice.acknowledged,
            store_page=advice.store_page,
            serves_one=True,
            partyless=True,
        ),
        sender_roles=SENDER_ROLES,
        receiver_roles=RECEIVER_ROLES,
        part_of="payments",
    )
)
