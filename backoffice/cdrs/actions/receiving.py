"""Take CDRs that partners issued: one by POST, a page of them by a pull. Stored once, compared ever after.

Same id and same content is a repeat and answered as the first time. Same id and other content, and a CDR for a token of nobody
here, are not taken: kept whole in quarantine, for it is somebody's bill, and staff are told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from backoffice import statements
from backoffice.cdrs.actions import following
from backoffice.cdrs.actions.storing import Became, Told, insert
from backoffice.cdrs.models import Quarantined
from backoffice.cdrs.rules.content import same
from backoffice.cdrs.rules.states import Verdict
from backoffice.crash_points import crash_point
from backoffice.fields import DocumentField
from ocpi.module import Arrival, PartyRef, Peer, Stored
from ocpi.wire import cdrs as wire
from ocpi.wire import json as wire_json

Tree = dict[str, Any]


def post(arrival: Arrival) -> Stored:
    """mod_cdrs#post_method. A repeat gets the answer of the first time; what is not taken is `refused`."""
    value = wire_json.validate(wire.CDR, arrival.tree)
    payer = _payer(arrival.peer, value)
    if payer is None:
        sentence = _foreign(value)
        _keep(arrival.peer, arrival.owner.id, [(Told(arrival.tree, value, 0), _FOREIGN, sentence)], arrival.now)
        return Stored(refused=sentence)
    told = Told(arrival.tree, value, payer.id)
    _store(arrival.peer, arrival.owner.id, [told], told_in=arrival.version, now=arrival.now)
    transaction.on_commit(partial(crash_point, "cdr-after-store-before-answer"))
    if told.became is Became.OTHER_CONTENT:
        return Stored(refused=_other(told))
    return Stored(created=True, ids=(told.object_id,))


def store_page(peer: Peer, items: Sequence[tuple[PartyRef, Tree, Any]], now: datetime) -> int:
    """One page of a pull. Returns how many were new."""
    new = 0
    for owner in {item[0].id: item[0] for item in items}.values():
        mine, foreign = [], []
        for party, tree, value in items:
            if party.id != owner.id:
                continue
            payer = _payer(peer, value)
            if payer is None:
                foreign.append((Told(tree, value, 0), _FOREIGN, _foreign(value)))
            else:
                mine.append(Told(tree, value, payer.id))
        if mine:
            _store(peer, owner.id, mine, told_in=peer.version, now=now)
        if foreign:
            _keep(peer, owner.id, foreign, now)
        new += sum(told.became is Became.NEW for told in mine)
    return new


def _payer(peer: Peer, value: wire.CDR) -> PartyRef | None:
    """Whose token it was: one of our parties on this connection, else the CDR is none of ours."""
    return peer.our_party(value.cdr_token.country_code, value.cdr_token.party_id)


def _store(peer: Peer, party: int, told: list[Told], *, told_in: str, now: datetime) -> None:
    fates = {"ours": False, "state": "", "verdict": Verdict.WAITING.value, "entered_at": now}
    insert(party, told, fates, told_in=told_in, now=now)
    known = [item for item in told if item.became is not Became.NEW]
    if known:
        _compare(peer, party, known, told_in=told_in, now=now)
    following.received(party, [item for item in told if item.became is Became.NEW], now=now)


def _compare(peer: Peer, party: int, told: list[Told], *, told_in: str, now: datetime) -> None:
    """Of each, whether what is stored says the same. Documents are read only where the hashes differ."""
    rows = statements.run(
        """SELECT id, upper(object_id)::varchar, object_id, content_hash, told_in FROM cdrs_cdr
           WHERE party_id = %s AND upper(object_id) = ANY(%s::text[])""",
        [party, [item.key for item in told]],
    )
    stored = {row[1]: row for row in rows}
    repeated: list[int] = []
    for item in told:
        row_id, _, object_id, content, version = stored[item.key]
        item.id, item.object_id = row_id, object_id
        if item.hash == content or _says_the_same(item, row_id, told_in, version):
            item.became = Became.REPEATED
            repeated.append(row_id)
        else:
            item.became = Became.OTHER_CONTENT
    if repeated:
        statements.run("UPDATE cdrs_cdr SET seen_at = %s WHERE id = ANY(%s)", [now, sorted(repeated)])
    others = [(item, _OTHER, _other(item)) for item in told if item.became is Became.OTHER_CONTENT]
    if others:
        _keep(peer, party, others, now)


def _says_the_same(told: Told, row_id: int, told_in: str, version: str) -> bool:
    ((document,),) = statements.run("SELECT document FROM cdrs_cdr WHERE id = %s", [row_id])
    return same(told.tree, DocumentField.read(document), versions_told=(told_in, version))


_OTHER, _FOREIGN = Quarantined.Why.OTHER_CONTENT, Quarantined.Why.FOREIGN_TOKEN


def _other(told: Told) -> str:
    return (
        f"CDR {told.object_id} is known here with other content, and a CDR is never changed (mod_cdrs). "
        "It was not taken; a correction is a Credit CDR and a new CDR with another id."
    )


def _foreign(value: wire.CDR) -> str:
    token = value.cdr_token
    return (
        f"cdr_token: {token.country_code}-{token.party_id} is no party of ours on this connection, so this CDR is not ours to "
        "pay. It was not taken."
    )


def _keep(peer: Peer, party: int, told: Sequence[tuple[Told, Quarantined.Why, str]], now: datetime) -> None:
    """Into quarantine, once for each content: told again it is counted, and what staff have closed stays closed."""
    newest: dict[tuple[str, str], tuple[Told, Quarantined.Why, str]] = {(one[0].key, one[0].hash): one for one in told}
    rows = [newest[key] for key in sorted(newest)]
    statements.run(
        """INSERT INTO cdrs_quarantined AS q (party_id, connection_id, object_id, cdr_id, why, reason, document, content_hash,
               at, last_at, times, closed_by, closed_because)
           SELECT %s, %s, t.*, %s, %s, 1, '', '' FROM unnest(
               %s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[]) AS t
           ON CONFLICT (party_id, upper(object_id), content_hash) DO UPDATE
           SET times = q.times + 1, last_at = excluded.last_at,
               connection_id = excluded.connection_id""",
        [
            party,
            peer.connection,
            now,
            now,
            [one.value.id for one, _, _ in rows],
            [one.id or None for one, _, _ in rows],
            [why.value for _, why, _ in rows],
            [reason[:500] for _, _, reason in rows],
            [one.text for one, _, _ in rows],
            [one.hash for one, _, _ in rows],
        ],
    )
