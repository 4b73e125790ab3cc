"""Peer values: who shows this token, and whom a connection leads to. One query each; every request starts with one.

Reads only, but for the bookkeeping of a token's first use, which ends the old token of a rotation.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from backoffice import statements
from backoffice.partners.rules import TokenKind
from backoffice.partners.secrets import token_hash
from ocpi.module import PartyRef, Peer
from ocpi.wire import json as wire_json

OLD_TOKEN_GRACE = timedelta(seconds=60)
"""How long the old token still works after the new one was used first: requests under way carry it."""

_FACTS = """
    c.id, c.name, c.version, c.plain_token, c.repairs::text, c.page_limit, c.hub_party_id, c.confirmed_origins::text,
    CASE WHEN EXISTS (SELECT 1 FROM partners_endpoint e WHERE e.connection_id = c.id AND e.identifier = 'bookings')
        THEN c.bookings_edition ELSE '' END,
    (SELECT json_agg(json_build_array(g.id, g.country_code, g.party_id, g.roles))::text FROM (
        SELECT p.id, p.country_code, p.party_id, array_agg(r.role) AS roles
        FROM partners_partyrole r JOIN partners_party p ON p.id = r.party_id
        WHERE r.connection_id = c.id AND r.state = 'ACTIVE' GROUP BY p.id) g),
    (SELECT json_agg(json_build_array(g.id, g.country_code, g.party_id, g.roles))::text FROM (
        SELECT p.id, p.country_code, p.party_id, array_agg(r.role) AS roles
        FROM partners_connection_our_parties o
        JOIN partners_party p ON p.id = o.party_id
        JOIN partners_partyrole r ON r.party_id = p.id AND r.connection_id IS NULL AND r.state = 'ACTIVE'
        WHERE o.connection_id = c.id GROUP BY p.id) g)
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


def by_token(encoded: str | None, plain: str, now: datetime) -> Peer | None:
    """The peer that shows this token. `encoded`: the Base64 reading, None when it is none; `plain`: the other one."""
    plain_hash = token_hash(plain)
    encoded_hash = token_hash(encoded) if encoded is not None else plain_hash
    given = [plain_hash, encoded_hash, plain_hash, encoded_hash if encoded is not None else b"", now]
    rows = statements.run_first(_BY_TOKEN, given)
    if not rows:
        return None
    row = rows[0]
    if row[-1]:
        statements.run(_FIRST_USE, {"token": row[-3], "now": now, "grace": now + OLD_TOKEN_GRACE})
    return _peer(row)


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
def _parties(rows: bytes | None) -> tuple[PartyRef, ...]:
    return tuple(
        PartyRef(id=id_, country_code=cc, party_id=pid, roles=frozenset(roles)) for id_, cc, pid, roles in _list(rows)
    )


def _list(text: bytes | None) -> list[Any]:
    return wire_json.reread(text) or [] if text else []
