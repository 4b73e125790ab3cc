"""What becomes of a partner's locations that its full list no longer holds: their EVSEs count as REMOVED.

The rows stay: sessions and CDRs of before point at them (mod_locations#flow_and_lifecycle).
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection as database

from backoffice.fields import DocumentField, milliseconds
from backoffice.locations.actions.arriving import write_evse
from ocpi.module import Peer
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from ocpi.wire.base import date_time_text


def vanish(peer: Peer, since: datetime, now: datetime) -> int:
    """Mark what no pull or push told us of after `since`. Returns how many locations. Called inside a transaction."""
    at = milliseconds(now)
    with database.cursor() as cursor:
        cursor.execute(
            """SELECT e.location_id, e.status, e.document FROM locations_evse e JOIN locations_location l ON l.id = e.location_id
               WHERE l.party_id = ANY(%s) AND (l.seen_at IS NULL OR l.seen_at < %s) AND e.listed AND e.status <> 'REMOVED'
               ORDER BY e.location_id, e.id FOR NO KEY UPDATE""",
            [[party.id for party in peer.theirs], since],
        )
        rows = cursor.fetchall()
    for location, previous, document in rows:
        tree = DocumentField.read(document) | {"status": "REMOVED", "last_updated": date_time_text(at)}
        value = wire_json.validate(wire.EVSE, tree)
        write_evse(
            location,
            tree,
            value,
            at=at,
            previous=previous,
            source="pull",
            reason="No longer in the partner's list.",
            now=since,
        )
    return len({row[0] for row in rows})
