"""What partners push: PUT and PATCH of a Token (mod_tokens#cpo_interface). There is no DELETE: `valid` becomes false."""

from __future__ import annotations

from datetime import datetime

from backoffice import statements
from backoffice.documents.fates import Fate, ordered_at
from backoffice.fields import DocumentField, milliseconds
from backoffice.tokens.actions.events import note
from backoffice.tokens.actions.storing import Tree, parsed, store
from ocpi.module import Arrival, Peer, Stored, Unknown
from ocpi.wire import tokens as wire

_BATCH = 500


def put(arrival: Arrival) -> Stored:
    return _stored(arrival, arrival.tree, parsed(arrival.tree))


def patch(arrival: Arrival) -> Stored:
    """Raises Unknown (404): the sender is then expected to PUT (transport_and_format#patch)."""
    uid, kind = arrival.ids
    rows = statements.run(
        """SELECT d.last_updated, d.document FROM tokens_token d
           WHERE d.party_id = %s AND upper(d.object_id) = upper(%s) AND d.type = %s FOR NO KEY UPDATE""",
        [arrival.owner.id, uid, kind],
    )
    if not rows:
        raise Unknown(f"Token {uid} of type {kind} is not known here.")
    ((last_updated, document),) = rows
    if milliseconds(ordered_at(arrival.last_updated, arrival.now)) < last_updated:
        return Stored(stale=True)
    assert arrival.merge is not None
    tree, value = arrival.merge(DocumentField.read(document))
    assert isinstance(value, wire.Token)
    return _stored(arrival, tree, value)


def _stored(arrival: Arrival, tree: Tree, value: wire.Token) -> Stored:
    (item,) = store(arrival.owner.id, [(tree, value)], now=arrival.now, ours=False)
    return Stored(created=item.fate is Fate.NEW, stale=item.fate is Fate.STALE)


def vanish(peer: Peer, since: datetime, now: datetime) -> int:
    """What a full list no longer holds is no longer valid (mod_tokens#mod_tokens_msp_get_response_data). Returns how many."""
    rows = statements.run(
        """SELECT id, document FROM tokens_token
           WHERE party_id = ANY(%s) AND (seen_at IS NULL OR seen_at < %s) AND valid ORDER BY id FOR NO KEY UPDATE""",
        [[party.id for party in peer.theirs], since],
    )
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]
        documents = [DocumentField.write(DocumentField.read(row[1]) | {"valid": False}) for row in batch]
        # last_updated stays the owner's: told of again as before, the token is valid again
        statements.run(
            """UPDATE tokens_token d SET valid = false, document = told.document, generation = d.generation + 1
               FROM unnest(%s::bigint[], %s::text[]) AS told(id, document) WHERE d.id = told.id""",
            [[row[0] for row in batch], documents],
        )
        note([row[0] for row in batch], what="Vanished", reason="No longer in the partner's list.", now=now)
    return len(rows)
