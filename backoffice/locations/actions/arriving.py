"""What partners push at the three levels: PUT and PATCH of a Location, an EVSE or a Connector (mod_locations#receiver).

A change of a child moves `last_updated` of its parents. Hot path: the status PATCH is one read and one write.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from backoffice import statements
from backoffice.documents.fates import Fate, ordered_at
from backoffice.fields import DocumentField, milliseconds
from backoffice.locations.actions.offering import project
from backoffice.locations.actions.storing import evse_columns, store
from backoffice.locations.models import PARTS, splice
from backoffice.locations.rules import Tree, offered
from ocpi.module import Arrival, Stored, Unknown
from ocpi.server.paging import MOMENT
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from ocpi.wire.base import date_time_text

PARTNER = "partner"


def put(arrival: Arrival) -> Stored:
    if len(arrival.ids) == 1:
        value = wire_json.validate(wire.Location, arrival.tree)
        return _store_location(arrival, arrival.tree, value)
    if len(arrival.ids) == 2:
        return _put_evse(arrival)
    return _change_evse(arrival, _with_connector)


def patch(arrival: Arrival) -> Stored:
    """Raises Unknown (404): the sender is then expected to PUT (transport_and_format#patch)."""
    if len(arrival.ids) == 1:
        return _patch_location(arrival)
    if len(arrival.ids) == 2:
        return _change_evse(arrival, _merged)
    return _change_evse(arrival, _with_merged_connector)


def _store_location(arrival: Arrival, tree: Tree, value: wire.Location) -> Stored:
    (item,) = store(arrival.owner.id, [(tree, value)], source=PARTNER, now=arrival.now, ours=False)
    return Stored(created=item.fate is Fate.NEW, stale=item.fate is Fate.STALE)


def _patch_location(arrival: Arrival) -> Stored:
    location = _lock_location(arrival)  # before the read: its EVSEs would else be those of before the wait
    read = f"SELECT d.last_updated, {PARTS} FROM locations_location d WHERE d.id = %s"
    ((last_updated, *parts),) = statements.run(read, [location])
    if arrival.last_updated < last_updated:
        return Stored(stale=True)
    assert arrival.merge is not None
    tree, value = arrival.merge(DocumentField.read(b"".join(splice(*parts))))
    assert isinstance(value, wire.Location)
    return _store_location(arrival, tree, value)


def _put_evse(arrival: Arrival) -> Stored:
    location = _lock_location(arrival)
    evse = _lock_evse(location, arrival.ids[1])
    if evse is not None and arrival.last_updated < evse.last_updated:
        return Stored(stale=True)
    _write_evse(location, evse, arrival.tree, wire_json.validate(wire.EVSE, arrival.tree), arrival)
    return Stored(created=evse is None or not evse.listed)


def _change_evse(arrival: Arrival, change: Any) -> Stored:
    location, evse = _lock_both(arrival)
    changed = change(arrival, evse)
    if changed is None:
        return Stored(stale=True)
    tree, value, created = changed
    _write_evse(location, evse, tree, value, arrival)
    return Stored(created=created)


def _merged(arrival: Arrival, evse: _Locked) -> tuple[Tree, wire.EVSE, bool] | None:
    if arrival.last_updated < evse.last_updated:
        return None
    assert arrival.merge is not None
    tree, value = arrival.merge(evse.tree)
    assert isinstance(value, wire.EVSE)
    return tree, value, False


def _with_connector(arrival: Arrival, evse: _Locked) -> tuple[Tree, wire.EVSE, bool] | None:
    index, known = _connector(evse.tree, arrival.ids[2])
    if known is not None and arrival.last_updated < evse.moment_of(known):
        return None
    return *_evse_with(evse, index, arrival.tree, arrival.last_updated), known is None


def _with_merged_connector(arrival: Arrival, evse: _Locked) -> tuple[Tree, wire.EVSE, bool] | None:
    index, known = _connector(evse.tree, arrival.ids[2])
    if known is None:
        raise Unknown(f"Connector {arrival.ids[2]} of EVSE {arrival.ids[1]} is not known here: PUT it first.")
    if arrival.last_updated < evse.moment_of(known):
        return None
    assert arrival.merge is not None
    tree, _ = arrival.merge(known)
    return *_evse_with(evse, index, tree, arrival.last_updated), False


def _connector(evse: Tree, connector_id: str) -> tuple[int, Tree | None]:
    connectors = evse["connectors"]
    for index, connector in enumerate(connectors):
        if connector["id"].upper() == connector_id.upper():
            return index, connector
    return len(connectors), None


def _evse_with(evse: _Locked, index: int, connector: Tree, at: datetime) -> tuple[Tree, wire.EVSE]:
    connectors = [*evse.tree["connectors"]]
    connectors[index : index + 1] = [connector]
    moment = max(at, evse.moment_of(evse.tree))
    tree = evse.tree | {"connectors": connectors, "last_updated": date_time_text(moment)}
    return tree, wire_json.validate(wire.EVSE, tree)


class _Locked:
    """An EVSE row under lock."""

    __slots__ = ("id", "last_updated", "listed", "status", "tree")

    def __init__(self, row: tuple[Any, ...]) -> None:
        self.id: int = row[0]
        self.last_updated: datetime = row[1]
        self.status: str = row[2]
        self.tree: Tree = DocumentField.read(row[3])
        self.listed: bool = row[4]

    def offers(self) -> list[tuple[str, str]]:
        """As `offered`, of the stored document."""
        return [(each["id"], tariff) for each in self.tree["connectors"] for tariff in each.get("tariff_ids") or ()]

    def moment_of(self, tree: Tree) -> datetime:
        """When the EVSE or one of its connectors changed, as far as it counts: a part is never newer than the row."""
        return min(MOMENT.validate_python(tree["last_updated"]), self.last_updated)


def _lock_location(arrival: Arrival) -> int:
    rows = statements.run(
        "SELECT id FROM locations_location WHERE party_id = %s AND upper(object_id) = upper(%s) FOR NO KEY UPDATE",
        [arrival.owner.id, arrival.ids[0]],
    )
    if not rows:
        raise Unknown(f"Location {arrival.ids[0]} is not known here: PUT it first.")
    return int(rows[0][0])


def _lock_evse(location: int, uid: str) -> _Locked | None:
    rows = statements.run(
        """SELECT id, last_updated, status, document, listed FROM locations_evse
           WHERE location_id = %s AND upper(uid) = upper(%s) FOR NO KEY UPDATE""",
        [location, uid],
    )
    return _Locked(rows[0]) if rows else None


_LOCK_BOTH = """
SELECT l.id, e.id, e.last_updated, e.status, e.document, e.listed
FROM locations_location l JOIN locations_evse e ON e.location_id = l.id
WHERE l.party_id = %s AND upper(l.object_id) = upper(%s) AND upper(e.uid) = upper(%s)
FOR NO KEY UPDATE
"""


def _lock_both(arrival: Arrival) -> tuple[int, _Locked]:
    """Location and EVSE in one read, both locked: the row of whoever is not locked would be an old picture after a wait."""
    rows = statements.run(_LOCK_BOTH, [arrival.owner.id, arrival.ids[0], arrival.ids[1]])
    if not rows or not rows[0][-1]:
        _lock_location(arrival)  # says so if it is the Location that is missing
        raise Unknown(f"EVSE {arrival.ids[1]} of Location {arrival.ids[0]} is not known here: PUT it first.")
    return int(rows[0][0]), _Locked(rows[0][1:])


_WRITE = """
WITH written AS (
    INSERT INTO locations_evse AS e (location_id, uid, evse_id, status, last_updated, document, position, max_power,
        connector_types, capabilities, status_since, listed)
    VALUES (%(location)s, %(uid)s, %(evse_id)s, %(status)s, %(at)s, %(document)s,
        (SELECT coalesce(max(position) + 1, 0) FROM locations_evse WHERE location_id = %(location)s),
        %(max_power)s, %(connectors)s::varchar[], %(capabilities)s::varchar[], %(at)s, true)
    ON CONFLICT (location_id, upper(uid)) DO UPDATE SET uid = excluded.uid, evse_id = excluded.evse_id,
        status_since = CASE WHEN e.status = excluded.status THEN e.status_since ELSE excluded.last_updated END,
        status = excluded.status, last_updated = excluded.last_updated, document = excluded.document,
        max_power = excluded.max_power, connector_types = excluded.connector_types, capabilities = excluded.capabilities,
        listed = true
    RETURNING e.id),
moved AS (
    UPDATE locations_location SET last_updated = GREATEST(last_updated, %(at)s), generation = generation + 1, seen_at = %(now)s,
        max_power = GREATEST(max_power, %(max_power)s),
        connector_types = CASE WHEN connector_types @> %(connectors)s::varchar[] THEN connector_types
            ELSE ARRAY(SELECT DISTINCT unnest(connector_types || %(connectors)s::varchar[]) ORDER BY 1) END
    WHERE id = %(location)s)
INSERT INTO locations_statusevent (evse_id, at, status, previous, source, reason)
SELECT id, %(at)s, %(status)s, %(previous)s, %(source)s, %(reason)s FROM written
WHERE %(previous)s::varchar <> %(status)s::varchar
"""


def write_evse(
    location: int, tree: Tree, value: wire.EVSE, *, at: datetime, previous: str, source: str, reason: str, now: datetime
) -> None:
    """Write one EVSE, its status event and the move of its Location: one statement."""
    uid, evse_id, status, _, document, _, power, connectors, capabilities = evse_columns(
        value, DocumentField.write(tree), at, 0
    )
    statements.later(
        _WRITE,
        {
            "location": location,
            "uid": uid,
            "evse_id": evse_id,
            "status": status,
            "at": at,
            "document": document,
            "max_power": power,
            "connectors": connectors,
            "capabilities": capabilities,
            "previous": previous,
            "source": source,
            "reason": reason[:200],
            "now": now,
        },
    )


def _write_evse(location: int, evse: _Locked | None, tree: Tree, value: wire.EVSE, arrival: Arrival) -> None:
    write_evse(
        location,
        tree,
        value,
        at=milliseconds(ordered_at(value.last_updated, arrival.now)),
        previous=evse.status if evse else "",
        source=PARTNER,
        reason="",
        now=arrival.now,
    )
    if evse is None or offered(value) != evse.offers():
        project([(location, value.uid, value)])
