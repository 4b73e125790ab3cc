"""Which connector offers which tariff: the projection of `tariff_ids`, and the verbs that change it on connectors of ours.

A tariff itself is nothing that this app knows: here it is an id on a connector (mod_locations#connector_object).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from backoffice import statements
from backoffice.delivery.actions.staging import stage
from backoffice.fields import DocumentField, milliseconds
from backoffice.locations.models import ConnectorTariff
from backoffice.locations.rules import Tree, offered
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from ocpi.wire.base import date_time_text

BATCH = 500

Ids = list[str]
Fits = Callable[[Tree], bool]
"""Whether a connector is meant."""

_SYNC = """
WITH evse AS (
    SELECT e.id, key.location_id, key.uid FROM unnest(%(locations)s::bigint[], %(uids)s::text[]) AS key(location_id, uid)
    JOIN locations_evse e ON e.location_id = key.location_id AND upper(e.uid) = upper(key.uid)),
told AS (
    SELECT evse.id AS evse_id, t.connector_id, t.tariff_id
    FROM unnest(%(of_locations)s::bigint[], %(of_uids)s::text[], %(connectors)s::text[], %(tariffs)s::text[])
        AS t(location_id, uid, connector_id, tariff_id)
    JOIN evse ON evse.location_id = t.location_id AND upper(evse.uid) = upper(t.uid)),
gone AS (
    DELETE FROM locations_connectortariff o USING evse WHERE o.evse_id = evse.id AND NOT EXISTS (
        SELECT 1 FROM told WHERE told.evse_id = o.evse_id AND told.connector_id = o.connector_id
            AND told.tariff_id = o.tariff_id))
INSERT INTO locations_connectortariff (evse_id, connector_id, tariff_id)
SELECT evse_id, connector_id, tariff_id FROM told ON CONFLICT DO NOTHING
"""


def project(evses: Sequence[tuple[int, str, wire.EVSE]]) -> None:
    """Write the projection of these EVSEs (location id, uid, value), in the transaction that wrote them."""
    rows = [(location, uid, *one) for location, uid, value in evses for one in offered(value)]
    statements.run(
        _SYNC,
        {
            "locations": [location for location, _, _ in evses],
            "uids": [uid for _, uid, _ in evses],
            "of_locations": [row[0] for row in rows],
            "of_uids": [row[1] for row in rows],
            "connectors": [row[2] for row in rows],
            "tariffs": [row[3] for row in rows],
        },
    )


def assign(
    evses: Iterable[int], *, add: Sequence[str], remove: Sequence[str], now: datetime, fits: Fits | None = None
) -> int:
    """On the connectors of these EVSEs of ours, offer the tariffs `add` and no longer `remove`. `fits`: only on such connectors.
    Returns how many EVSEs changed."""
    return _change(evses, lambda ids: assigned(ids, add, remove), now, fits)


def assigned(ids: Sequence[str], add: Sequence[str], remove: Sequence[str]) -> Ids:
    """What `assign` makes of a connector's list."""
    gone = {tariff.upper() for tariff in remove}
    kept = [one for one in ids if one.upper() not in gone]
    present = {one.upper() for one in kept}
    return [*kept, *(one for one in add if one.upper() not in present)]


def carry_too(party: int, old: str, new: str, *, now: datetime) -> int:
    """Where a connector of this party offers `old`, offer `new` beside it: a future price goes with the one it follows."""

    def change(ids: Ids) -> Ids:
        keys = [one.upper() for one in ids]
        if old.upper() not in keys or new.upper() in keys:
            return ids
        return [*ids, new]

    return _change(carrying(party, old), change, now)


def drop(party: int, tariff: str, *, now: datetime) -> int:
    """Offer it nowhere any more, as when it is withdrawn (mod_tariffs#delete_method)."""
    return _change(carrying(party, tariff), lambda ids: [one for one in ids if one.upper() != tariff.upper()], now)


def carrying(party: int, tariff: str) -> list[int]:
    """The EVSEs of this party with a connector that offers this tariff."""
    found = ConnectorTariff.objects.filter(
        tariff_id__iexact=tariff, evse__location__party_id=party, evse__listed=True
    ).values_list("evse_id", flat=True)
    return sorted(set(found))


_LOCK = """
SELECT e.id, e.location_id, l.object_id, l.shared, l.party_id, e.uid, e.document,
    ARRAY(SELECT w.connection_id FROM locations_withholding w WHERE w.location_id = l.id ORDER BY 1)
FROM locations_evse e JOIN locations_location l ON l.id = e.location_id JOIN partners_party p ON p.id = l.party_id
WHERE e.id = ANY(%s) AND e.listed AND p.ours ORDER BY l.id, e.id FOR NO KEY UPDATE OF e, l
"""

_WRITE = """
WITH told AS (SELECT * FROM unnest(%(ids)s::bigint[], %(documents)s::text[]) AS t(id, document)),
written AS (
    UPDATE locations_evse e SET document = told.document, last_updated = %(at)s FROM told WHERE e.id = told.id
    RETURNING e.location_id)
UPDATE locations_location l SET last_updated = GREATEST(l.last_updated, %(at)s), generation = l.generation + 1
FROM (SELECT DISTINCT location_id FROM written) w WHERE l.id = w.location_id
"""


def _change(evses: Iterable[int], change: Callable[[Ids], Ids], now: datetime, fits: Fits | None = None) -> int:
    wanted = sorted(set(evses))
    changed = 0
    with transaction.atomic():
        for start in range(0, len(wanted), BATCH):
            changed += _change_batch(wanted[start : start + BATCH], change, now, fits)
    return changed


def _change_batch(evses: list[int], change: Callable[[Ids], Ids], now: datetime, fits: Fits | None) -> int:
    at = milliseconds(now)
    written: list[tuple[int, str]] = []
    projected: list[tuple[int, str, wire.EVSE]] = []
    news: dict[tuple[int, tuple[int, ...]], list[tuple[tuple[str, ...], tuple[str, ...]]]] = {}
    for evse, location, object_id, shared, party, uid, document, withheld in statements.run(_LOCK, [evses]):
        tree = DocumentField.read(document)
        after = _with_tariffs(tree, change, date_time_text(at), fits)
        if after is None:
            continue
        written.append((evse, DocumentField.write(after)))
        projected.append((location, uid, wire_json.validate(wire.EVSE, after)))
        if shared:
            news.setdefault((party, tuple(withheld)), []).append(((object_id, uid), ()))
    if not written:
        return 0
    ids, documents = ([row[n] for row in written] for n in (0, 1))
    statements.run(_WRITE, {"ids": ids, "documents": documents, "at": at})
    project(projected)
    for (party, withheld_from), changes in news.items():
        stage(sender=party, module="locations", changes=changes, now=now, withheld=withheld_from)
    return len(written)


def _with_tariffs(evse: Tree, change: Callable[[Ids], Ids], stamp: str, fits: Fits | None) -> Tree | None:
    """The EVSE with changed connectors; None when nothing changes."""
    connectors: list[Any] = []
    for connector in evse["connectors"]:
        before = connector.get("tariff_ids") or []
        after = change(list(before)) if fits is None or fits(connector) else before
        if after == before:
            connectors.append(connector)
            continue
        kept = {name: value for name, value in connector.items() if name != "tariff_ids"}
        connectors.append(kept | ({"tariff_ids": after} if after else {}) | {"last_updated": stamp})
    if connectors == evse["connectors"]:
        return None
    return evse | {"connectors": connectors, "last_updated": stamp}
