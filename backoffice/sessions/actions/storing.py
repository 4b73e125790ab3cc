"""Store sessions that partners tell us of: the same code for a PUT, a PATCH and a page of a pull.

A session keeps its status when what is told cannot follow it (`rules.states`); that is an answer to a push and an event of a
pull. What the document does not say (the EVSE id, the time zone) is taken from the Location as we know it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from backoffice import statements
from backoffice.documents import storing
from backoffice.documents.fates import Fate
from backoffice.documents.storing import Columns, Item, Table
from backoffice.fields import milliseconds
from backoffice.sessions.actions.telling import tell_all
from backoffice.sessions.models import SessionEvent
from backoffice.sessions.rules.cost import amounts, last_power
from backoffice.sessions.rules.states import ONGOING, NotAllowed, told
from ocpi.wire import json as wire_json
from ocpi.wire import sessions as wire
from ocpi.wire.sessions import SessionStatus

Tree = dict[str, Any]
Emsps = Mapping[tuple[str, str], int]
"""Our parties by their two codes in upper case."""

REFUSED, CORRECTED = "REFUSED", "CORRECTED"

_TYPES = {
    "emsp_id": "bigint",
    "status": "text",
    "starts_at": "timestamptz",
    "ends_at": "timestamptz",
    "kwh": "numeric",
    "currency": "text",
    "total_excl": "numeric",
    "total_incl": "numeric",
    "token_uid": "text",
    "token_type": "text",
    "contract_id": "text",
    "auth_method": "text",
    "authorization_reference": "text",
    "location_id": "text",
    "evse_uid": "text",
    "connector_id": "text",
    "power_kw": "numeric",
}


PROJECTED = tuple(name for name in _TYPES if name != "emsp_id")


def projected(value: wire.Session) -> tuple[Any, ...]:
    """The values of the columns PROJECTED."""
    excl, incl = amounts(value.total_cost)
    return (
        value.status.value,
        milliseconds(value.start_date_time),
        milliseconds(value.end_date_time) if value.end_date_time else None,
        value.kwh,
        value.currency,
        excl,
        incl,
        value.cdr_token.uid,
        value.cdr_token.type,
        value.cdr_token.contract_id,
        value.auth_method.value,
        value.authorization_reference or "",
        value.location_id,
        value.evse_uid,
        value.connector_id,
        last_power(value.charging_periods) if value.status is SessionStatus.ACTIVE else None,
    )


def _of(emsps: Emsps, now: datetime, value: wire.Session) -> tuple[Any, ...]:
    return (emsps[owner_of_token(value)], *projected(value), False, now, None, "")


def owner_of_token(value: wire.Session) -> tuple[str, str]:
    return value.cdr_token.country_code.upper(), value.cdr_token.party_id.upper()


def _refused(item: Item) -> bool:
    try:
        told(SessionStatus(item.before) if item.before else None, item.value.status)
    except NotAllowed:
        return True
    return False


TABLE = Table(
    "charging_sessions_session",
    Columns(
        {**_TYPES, "ours": "bool", "moved_at": "timestamptz", "priced_at": "timestamptz", "noticed": "text"},
        lambda value: (),  # needs to know our parties: `store` says how
    ),
    watched="d.status",
    refused=_refused,
)


def store(
    party: int, sessions: Sequence[tuple[Tree, wire.Session]], *, emsps: Emsps, by: str, now: datetime
) -> list[Item]:
    """Store these sessions of one partner's party; newest wins. `emsps`: ours, one of which owns the token of each.

    Returns what became of each, in the order of the keys.
    """
    at = milliseconds(now)
    table = replace(TABLE, columns=replace(TABLE.columns, of=partial(_of, emsps, at)))
    with transaction.atomic():
        batch = storing.store(table, party, sessions, now=now)
        SessionEvent.objects.bulk_create(event for item in batch if (event := _event(item, by, at)) is not None)
        touched = [item for item in batch if item.touched]
        if touched:
            place([item.id for item in touched])
            tell_all({item.id: (emsps[owner_of_token(item.value)], item.before) for item in touched}, now=now)
    return batch


def _event(item: Item, by: str, at: datetime) -> SessionEvent | None:
    """What the timeline says of it: a move, a change after the end, or that a move was not believed."""
    event = SessionEvent(session_id=item.id, at=at, by=by[:150], previous=item.before or "", status=item.value.status)
    if item.fate is Fate.REFUSED:
        event.event, event.reason = REFUSED, why_refused(item)
        return event
    if not item.touched:
        return None
    before = SessionStatus(item.before) if item.before else None
    move = told(before, item.value.status)
    if move is not None:
        event.event = move.value
    elif before not in ONGOING:
        event.event = CORRECTED
        event.reason = f"Changed after it was {before}, which OCPI does not foresee."
    else:
        return None
    return event


def why_refused(item: Item) -> str:
    """The sentence for an item of fate REFUSED."""
    try:
        told(SessionStatus(item.before), item.value.status)
    except NotAllowed as refusal:
        return str(refusal)
    return ""


_PLACE = """
UPDATE charging_sessions_session s SET location_name = coalesce(nullif(l.name, ''), l.address), time_zone = l.time_zone,
    evse_id = coalesce(e.evse_id, '')
FROM charging_sessions_session t
JOIN locations_location l ON l.party_id = t.party_id AND upper(l.object_id) = upper(t.location_id)
LEFT JOIN locations_evse e ON e.location_id = l.id AND upper(e.uid) = upper(t.evse_uid)
WHERE s.id = t.id AND t.id = ANY(%s)
  AND (s.location_name, s.time_zone, s.evse_id)
      IS DISTINCT FROM (coalesce(nullif(l.name, ''), l.address), l.time_zone, coalesce(e.evse_id, ''))
"""


def place(ids: Sequence[int]) -> None:
    """Say where these sessions are, as far as their Locations are known here."""
    statements.run(_PLACE, [list(ids)])


def parsed(tree: Tree) -> wire.Session:
    """The session as a typed value. Raises wire_json.Invalid."""
    return wire_json.validate(wire.Session, tree)
