"""Peer values: who shows this token, and whom a connection leads to. One query each; every request asks one.

Reads only, but for the bookkeeping of a token's first use, which ends the old token of a rotation.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any

from backoffice import statements
from backoffice.partners.rules import TokenKind
from backoffice.partners.secrets import token_hash
from ocpi.module import PartyRef, Peer
from ocpi.site import Guess
from ocpi.wire import json as wire_json

OLD_TOKEN_GRACE = timedelta(seconds=60)
"""How long the old token still works after the new one was used first: requests under way carry it."""

_FACTS = """
    c.id, c.name, c.version, c.plain_token, c.repairs::text, c.page_limit, c.hub_party_id, c.confirmed_origins::text,
    CASE WHEN EXISTS (SELECT 1 FROM partners_endpoint e WHERE e.connection_id = c.id AND e.identifier = 'bookings')
        THEN c.bookings_edition ELSE '' END,
    array_to_string(ARRAY(
        SELECT concat_ws(E'\\x1f', p.id, p.country_code, p.party_id, r.role)
        FROM partners_partyrole r JOIN partners_party p ON p.id = r.party_id
        WHERE r.connection_id = c.id AND r.state = 'ACTIVE'), E'\\x1e'),
    array_to_string(ARRAY(
        SELECT concat_ws(E'\\x1f', p.id, p.country_code, p.party_id, r.role)
        FROM partners_connection_our_parties o
        JOIN partners_party p ON p.id = o.party_id
        JOIN partners_partyrole r ON r.party_id = p.id AND r.connection_id IS NULL AND r.state = 'ACTIVE'
        WHERE o.connection_id = c.id), E'\\x1e')
"""

_BY_TOKEN = f"""
SELECT {_FACTS}, t.id, t.kind, t.first_used_at IS NULL
FROM partners_inboundtoken t JOIN partners_connection c ON c.id = t.connection_id
WHERE t.hash IN (%s, %s) AND t.hash = CASE WHEN c.plain_token THEN %s ELSE %s END::bytea
  AND t.burnt_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > %s) AND c.state <> 'REMOVED'
LIMIT 1
"""

_BY_ID = f"SELECT {_FACTS}, NULL, '', false FROM partners_connection c WHERE c.id = %s"

_FIRST_USE = """
WITH used AS (UPDATE partners_inboundtoken SET first_used_at = %(now)s WHERE id = %(token)s AND first_used_at IS NULL
              RETURNING connection_id)
UPDATE partners_inboundtoken t SET expires_at = LEAST(coalesce(t.expires_at, 'infinity'), %(grace)s) FROM used
WHERE t.connection_id = used.connection_id AND t.id <> %(token)s AND t.kind = 'ACTIVE' AND t.burnt_at IS NULL
  AND t.expires_at IS NOT NULL
"""


MOST_SEEN = 1000

_seen: dict[bytes, tuple[tuple[bytes, bytes], tuple[Any, ...], Peer]] = {}
"""By a hash of the header: the hashes to look for and what was last read for them. Only ever believed when it is read again."""


def by_token(encoded: str | None, plain: str, now: datetime) -> Peer | None:
    """The peer that shows this token. `encoded`: the Base64 reading, None when it is none; `plain`: the other one."""
    hashes = _hashes(encoded, plain)
    rows = statements.run_first(_BY_TOKEN, [*hashes, *hashes, now])
    if not rows:
        _seen.pop(_shown(encoded, plain), None)
        return None
    row = rows[0]
    peer = _peer(row)
    if row[-1]:
        statements.run(_FIRST_USE, {"token": row[-3], "now": now, "grace": now + OLD_TOKEN_GRACE})
    else:
        if len(_seen) >= MOST_SEEN:
            _seen.clear()
        _seen[_shown(encoded, plain)] = (hashes, row, peer)
    return peer


def guess(encoded: str | None, plain: str, now: datetime) -> Guess | None:
    """Who showed this token the last time. Right when the same row is read once more: `by_token` would give the same peer."""
    seen = _seen.get(_shown(encoded, plain))
    if seen is None or not statements.trust():
        return None
    hashes, last, peer = seen

    def ask() -> Callable[[], bool]:
        rows = statements.soon(_BY_TOKEN, [*hashes, *hashes, now])
        return lambda: rows() == [last]

    return Guess(peer, ask)


def _shown(encoded: str | None, plain: str) -> bytes:
    """Without a key: it names no row and leaves this process never, and takes a fifth of the time."""
    return sha256(f"{encoded or ''} {plain}".encode()).digest()


def _hashes(encoded: str | None, plain: str) -> tuple[bytes, bytes]:
    return token_hash(plain), token_hash(encoded) if encoded is not None else b""


def of_connection(connection_id: int) -> Peer | None:
    """The peer at the other end of a connection, for what we send and fetch ourselves."""
    rows = statements.run(_BY_ID, [connection_id])
    return _peer(rows[0]) if rows else None


def _peer(row: tuple[Any, ...]) -> Peer:
    (
        identity,
        name,
        version,
        plain_token,
        repairs,
        page_limit,
        hub,
        origins,
        bookings,
        theirs,
        ours,
        token_id,
        kind,
        _,
    ) = row
    return Peer(
        connection=identity,
        name=name,
        version=version,
        bootstrap=kind == TokenKind.BOOTSTRAP,
        theirs=_parties(theirs),
        ours=_parties(ours),
        plain_token=plain_token,
        repairs=frozenset(_list(repairs)),
        page_limit=page_limit,
        hub=(hub[:2].upper(), hub[2:].upper()) if len(hub) == 5 else None,
        token_id=token_id,
        origins=frozenset(_list(origins)),
        bookings=bookings,
    )


@lru_cache(maxsize=1000)  # what was read says the same each time; who is who is read with every request
def _parties(rows: bytes) -> tuple[PartyRef, ...]:
    """Out of party and role, party and role, with the control characters that no CiString holds between."""
    roles: dict[tuple[str, ...], set[str]] = {}
    for row in rows.decode().split("\x1e") if rows else ():
        *party, role = row.split("\x1f")
        roles.setdefault(tuple(party), set()).add(role)
    found = sorted((int(pk), country_code, party_id) for pk, country_code, party_id in roles)
    return tuple(
        PartyRef(
            id=pk, country_code=country_code, party_id=party_id, roles=frozenset(roles[str(pk), country_code, party_id])
        )
        for pk, country_code, party_id in found
    )


def _list(text: bytes | None) -> list[Any]:
    return wire_json.reread(text) or [] if text else []
