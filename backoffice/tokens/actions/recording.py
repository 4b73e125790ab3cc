"""Write a decision down, with the moment at which the token was last used. One statement, for it stands in a driver's way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backoffice import statements
from backoffice.tokens.rules.words import How, Kind, Reason
from ocpi.wire.tokens import AllowedType

_INSERT = """
WITH used AS (
    UPDATE tokens_token SET last_used_at = %(at)s
    WHERE id = %(token)s AND %(allowed)s = 'ALLOWED' AND (last_used_at IS NULL OR last_used_at < %(at)s))
INSERT INTO tokens_authorization (at, kind, party_id, token_id, uid, token_type, contract_id, emsp_id, connection_id,
    location_id, evse_uids, connector_id, allowed, how, reason_code, reason, authorization_reference, info, elapsed_ms,
    correlation_id)
VALUES (%(at)s, %(kind)s, %(party)s, %(token)s, %(uid)s, %(type)s, %(contract)s, %(emsp)s, %(connection)s, %(location)s,
    %(evses)s::varchar[], %(connector)s, %(allowed)s, %(how)s, %(code)s, %(reason)s, %(reference)s, %(info)s, %(elapsed)s,
    %(correlation)s)
RETURNING id
"""


@dataclass(slots=True, kw_only=True)
class Decided:
    """A decision as it is written down; the fields are those of `Authorization`."""

    at: datetime
    kind: Kind
    uid: str
    token_type: str
    allowed: AllowedType
    how: How
    code: Reason
    reason: str
    party: int | None = None
    token: int | None = None
    contract_id: str = ""
    emsp: int | None = None
    connection: int | None = None
    location_id: str = ""
    evse_uids: Sequence[str] = ()
    connector_id: str = ""
    reference: str = ""
    info: str = ""
    elapsed_ms: float = 0.0
    correlation_id: str = ""


def write(decided: Decided) -> int:
    """Returns the row's id."""
    return int(statements.run(_INSERT, _row(decided))[0][0])


def write_later(decided: Decided) -> None:
    """As `write`, on the next journey to the database."""
    statements.later(_INSERT, _row(decided))


def _row(decided: Decided) -> dict[str, Any]:
    return {
        "at": decided.at,
        "kind": decided.kind.value,
        "party": decided.party,
        "token": decided.token,
        "uid": _printable(decided.uid)[:255],
        "type": _printable(decided.token_type)[:255],
        "contract": decided.contract_id[:36],
        "emsp": decided.emsp,
        "connection": decided.connection,
        "location": decided.location_id[:36],
        "evses": [uid[:36] for uid in decided.evse_uids][:100],
        "connector": decided.connector_id[:36],
        "allowed": decided.allowed.value,
        "how": decided.how.value,
        "code": decided.code.value,
        "reason": decided.reason[:500],
        "reference": decided.reference[:36],
        "info": decided.info[:512],
        "elapsed": round(decided.elapsed_ms, 2),
        "correlation": decided.correlation_id[:255],
    }


def _printable(text: str) -> str:
    """What a reader at a charge point makes of a broken chip may be anything."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)
