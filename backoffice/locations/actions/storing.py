"""Store whole locations with their EVSEs: the same code for a PUT, a page of a pull, an import and a form.

Works on batches, so that a page of a hundred costs six statements. A dry run takes the same path and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection as database
from django.db import transaction

from backoffice.delivery.actions.staging import stage
from backoffice.documents.fates import Fate, fate, ordered_at
from backoffice.fields import DocumentField, milliseconds
from backoffice.locations.actions.offering import project
from backoffice.locations.rules import Tree, max_power
from ocpi.wire import locations as wire


@dataclass(slots=True)
class _EvseRow:
    """One EVSE of a batch: what it says, what is stored of it, and what becomes of it."""

    key: str
    position: int
    value: wire.EVSE
    text: str
    at: datetime
    id: int | None = None
    fate: Fate = Fate.NEW
    previous_status: str = ""
    power: int = 0
    kinds: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Shelved:
    """One location of a batch."""

    key: str
    tree: Tree
    value: wire.Location
    text: str
    at: datetime
    evses: list[_EvseRow] = field(default_factory=list)
    id: int | None = None
    fate: Fate = Fate.NEW
    unlisted: list[int] = field(default_factory=list)

    @property
    def touched(self) -> bool:
        """Whether anything of it changed, its EVSEs included."""
        return (
            self.fate in (Fate.NEW, Fate.CHANGED)
            or bool(self.unlisted)
            or any(evse.fate in (Fate.NEW, Fate.CHANGED) for evse in self.evses)
        )


def store(
    party: int,
    locations: Sequence[tuple[Tree, wire.Location]],
    *,
    source: str,
    now: datetime,
    ours: bool,
    dry_run: bool = False,
) -> list[Shelved]:
    """Store these locations of one party; newest wins, for each EVSE by itself. Ours are staged for the partners.

    `source` goes into the status events (partner, staff, import). Must not be called twice for one id in a batch: of equal
    ids the newest is kept. Returns what became of each, in the order of the keys.
    """
    batch = _prepared(locations, now)
    for _ in range(3):
        with transaction.atomic():
            _compare(party, batch)
            if dry_run:
                return batch
            if _write(party, batch, source=source, now=now):
                if ours:
                    changes = [((item.value.id,), ()) for item in batch if item.touched]
                    stage(sender=party, module="locations", changes=changes, now=now, withheld=())
                return batch
    raise RuntimeError("the same locations were created by somebody else three times in a row")


def _prepared(locations: Sequence[tuple[Tree, wire.Location]], now: datetime) -> list[Shelved]:
    newest: dict[str, Shelved] = {}
    for tree, value in locations:
        own = {name: part for name, part in tree.items() if name not in ("evses", "last_updated")}
        # a location is at least as new as its newest EVSE (mod_locations#get_list), whatever the partner wrote
        told = max([value.last_updated, *(evse.last_updated for evse in value.evses)])
        at = milliseconds(ordered_at(told, now))
        item = Shelved(value.id.upper(), tree, value, DocumentField.write(own), at)
        evses: dict[str, _EvseRow] = {}
        for position, (evse_tree, evse) in enumerate(zip(tree.get("evses") or (), value.evses, strict=True)):
            key = evse.uid.upper()
            moment = milliseconds(ordered_at(evse.last_updated, now))
            power, kinds = max_power(evse.connectors), set(_kinds(evse))
            evses[key] = _EvseRow(key, position, evse, DocumentField.write(evse_tree), moment, power=power, kinds=kinds)
        item.evses = list(evses.values())
        if item.key not in newest or newest[item.key].at <= item.at:
            newest[item.key] = item
    return [newest[key] for key in sorted(newest)]


def _compare(party: int, batch: list[Shelved]) -> None:
    """Lock what is stored and say of each object what it is to become."""
    with database.cursor() as cursor:
        cursor.execute(
            """SELECT id, upper(object_id), last_updated, document FROM locations_location
               WHERE party_id = %s AND upper(object_id) = ANY(%s) ORDER BY id FOR UPDATE""",
            [party, [item.key for item in batch]],
        )
        stored = {row[1]: row for row in cursor.fetchall()}
        cursor.execute(
            """SELECT location_id, upper(uid), id, last_updated, document, status, listed, max_power, connector_types
               FROM locations_evse WHERE location_id = ANY(%s) ORDER BY id FOR UPDATE""",
            [[row[0] for row in stored.values()]],
        )
        evses: dict[int, dict[str, Any]] = {}
        for row in cursor.fetchall():
            evses.setdefault(row[0], {})[row[1]] = row
    for item in batch:
        known = stored.get(item.key)
        item.id = known[0] if known else None
        item.fate = fate(
            stored_at=known[2] if known else None, stored=known[3] if known else "", told_at=item.at, told=item.text
        )
        if known and item.fate is Fate.SAME and known[2] != item.at:
            item.fate = Fate.CHANGED  # only the time moved: still news for who asks by date
        present = evses.get(item.id or 0, {})
        for evse in item.evses:
            row = present.pop(evse.key, None)
            evse.id = row[2] if row else None
            evse.previous_status = row[5] if row else ""
            evse.fate = fate(
                stored_at=row[3] if row else None, stored=row[4] if row else "", told_at=evse.at, told=evse.text
            )
            if row and not row[6] and evse.fate is Fate.SAME:
                evse.fate = Fate.CHANGED
            if row and evse.fate is Fate.STALE:
                evse.power, evse.kinds = row[7], set(row[8])
            if item.fate is Fate.STALE:
                evse.fate = Fate.STALE  # an old picture of the whole says nothing about its parts
        item.unlisted = [row[2] for row in present.values() if row[6]] if item.fate is not Fate.STALE else []


_COLUMNS = """object_id, document, last_updated, name, address, city, postal_code, country, latitude, longitude,
    time_zone, publish, max_power, connector_types"""
_TYPES = (
    *("text", "text", "timestamptz", "text", "text", "text", "text", "text", "float8", "float8", "text", "bool"),
    *("int", "text"),
)


def _columns(item: Shelved) -> tuple[Any, ...]:
    value = item.value
    return (
        value.id,
        item.text,
        item.at,
        value.name or "",
        value.address,
        value.city,
        value.postal_code or "",
        value.country,
        float(value.coordinates.latitude),
        float(value.coordinates.longitude),
        value.time_zone,
        value.publish,
        max((evse.power for evse in item.evses), default=0),
        _array(kind for evse in item.evses for kind in evse.kinds),
    )


def unnested(rows: Sequence[tuple[Any, ...]], types: Sequence[str]) -> tuple[str, list[list[Any]]]:
    """`unnest(%s::type[], ...)` and its parameters: a batch as one statement with as many parameters as columns."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    return "unnest(" + ", ".join(f"%s::{kind}[]" for kind in types) + ")", columns


def _write(party: int, batch: list[Shelved], *, source: str, now: datetime) -> bool:
    """False: somebody created one of them in between, compare again."""
    new = [item for item in batch if item.fate is Fate.NEW]
    touched = [item for item in batch if item.touched and item.fate is not Fate.NEW]
    with database.cursor() as cursor:
        if new:
            call, columns = unnested([_columns(item) for item in new], _TYPES)
            cursor.execute(
                f"""INSERT INTO locations_location (party_id, generation, shared, seen_at, created_at, {_COLUMNS})
                    SELECT %s, 1, true, %s, %s, object_id, document, last_updated, name, address, city, postal_code, country,
                        latitude, longitude, time_zone, publish, max_power, connector_types::varchar[]
                    FROM {call} AS new({_COLUMNS})
                    ON CONFLICT (party_id, upper(object_id)) DO NOTHING RETURNING id, upper(object_id)""",
                [party, now, now, *columns],
            )
            ids = {key: row_id for row_id, key in cursor.fetchall()}
            if len(ids) < len(new):
                transaction.set_rollback(True)
                return False
            for item in new:
                item.id = ids[item.key]
        if touched:
            call, columns = unnested([(item.id, *_columns(item)) for item in touched], ("bigint", *_TYPES))
            cursor.execute(
                f"""UPDATE locations_location l SET object_id = told.object_id, document = told.document,
                        last_updated = GREATEST(l.last_updated, told.last_updated), name = told.name, address = told.address,
                        city = told.city, postal_code = told.postal_code, country = told.country, latitude = told.latitude,
                        longitude = told.longitude, time_zone = told.time_zone, publish = told.publish,
                        max_power = told.max_power, connector_types = told.connector_types::varchar[],
                        generation = l.generation + 1, seen_at = %s
                    FROM {call} AS told(id, {_COLUMNS}) WHERE l.id = told.id""",
                [now, *columns],
            )
        same = [item.id for item in batch if not item.touched]
        if same:
            cursor.execute("UPDATE locations_location SET seen_at = %s WHERE id = ANY(%s)", [now, same])
        unlisted = [row_id for item in batch for row_id in item.unlisted]
        if unlisted:
            cursor.execute("UPDATE locations_evse SET listed = false WHERE id = ANY(%s)", [unlisted])
        _write_evses(cursor, batch, source=source)
    return True


_EVSE_COLUMNS = "uid, evse_id, status, last_updated, document, position, max_power, connector_types, capabilities"
_EVSE_TYPES = ("text", "text", "text", "timestamptz", "text", "int", "int", "text", "text")


def evse_columns(value: wire.EVSE, text: str, at: datetime, position: int) -> tuple[Any, ...]:
    """The projections of an EVSE; the two arrays travel as array literals, cut to what their columns hold: they are for
    filters, and an open enum may be longer."""
    return (
        value.uid,
        value.evse_id or "",
        str(value.status),
        at,
        text,
        position,
        max_power(value.connectors),
        _array(_kinds(value)),
        _array(str(capability)[:60] for capability in value.capabilities),
    )


def _kinds(value: wire.EVSE) -> Iterator[str]:
    return (str(connector.standard)[:40] for connector in value.connectors)


def _array(values: Any) -> str:
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in sorted(set(values)))
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"


def _write_evses(cursor: Any, batch: list[Shelved], *, source: str) -> None:
    rows = [
        (item.id, *evse_columns(evse.value, evse.text, evse.at, evse.position))
        for item in batch
        for evse in item.evses
        if evse.fate in (Fate.NEW, Fate.CHANGED)
    ]
    if rows:
        call, columns = unnested(rows, ("bigint", *_EVSE_TYPES))
        cursor.execute(
            f"""WITH told AS (SELECT * FROM {call} AS t(location_id, {_EVSE_COLUMNS})),
                before AS (SELECT e.id, e.location_id, upper(e.uid) AS key, e.status FROM locations_evse e
                    JOIN told ON told.location_id = e.location_id AND upper(told.uid) = upper(e.uid)),
                written AS (
                    INSERT INTO locations_evse AS e (location_id, {_EVSE_COLUMNS}, status_since, listed)
                    SELECT location_id, uid, evse_id, status, last_updated, document, position, max_power,
                        connector_types::varchar[], capabilities::varchar[], last_updated, true FROM told
                    ON CONFLICT (location_id, upper(uid)) DO UPDATE SET uid = excluded.uid, evse_id = excluded.evse_id,
                        status_since = CASE WHEN e.status = excluded.status THEN e.status_since ELSE excluded.last_updated END,
                        status = excluded.status, last_updated = excluded.last_updated, document = excluded.document,
                        position = excluded.position, max_power = excluded.max_power,
                        connector_types = excluded.connector_types, capabilities = excluded.capabilities, listed = true
                    RETURNING e.id, e.location_id, upper(e.uid) AS key, e.status, e.last_updated)
                INSERT INTO locations_statusevent (evse_id, at, status, previous, source, reason)
                SELECT written.id, written.last_updated, written.status, coalesce(before.status, ''), %s, ''
                FROM written LEFT JOIN before ON before.location_id = written.location_id AND before.key = written.key
                WHERE before.status IS DISTINCT FROM written.status""",
            [*columns, source],
        )
        project(
            [
                (item.id, evse.value.uid, evse.value)
                for item in batch
                if item.id is not None
                for evse in item.evses
                if evse.fate in (Fate.NEW, Fate.CHANGED)
            ]
        )
    moved = [
        (evse.id, evse.position)
        for item in batch
        for evse in item.evses
        if evse.id is not None and evse.fate is Fate.SAME and item.touched
    ]
    if moved:
        call, columns = unnested(moved, ("bigint", "int"))
        cursor.execute(
            f"""UPDATE locations_evse e SET position = told.position FROM {call} AS told(id, position)
                WHERE e.id = told.id AND e.position <> told.position""",
            columns,
        )
