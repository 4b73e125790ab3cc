"""What we do to our own locations: edit, change a status, share, withhold. Each is one transaction that stages the news."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import connection as database
from django.db import transaction

from backoffice import statements
from backoffice.delivery.actions.staging import stage
from backoffice.fields import DocumentField, milliseconds
from backoffice.locations.actions.arriving import write_evse
from backoffice.locations.actions.storing import Shelved, store
from backoffice.locations.models import Location, Withholding
from backoffice.locations.rules import Finding, Severity, Tree, gate
from backoffice.partners.models import Party
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from ocpi.wire.base import date_time_text


class UnableToChange(Exception):
    """The change is not possible; the sentence says why and what to do."""


class UnableToShare(UnableToChange):
    """The publish gate has findings that must be mended first."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__(" ".join(finding.sentence for finding in findings))
        self.findings = findings


def save_location(party: Party, tree: Tree, *, now: datetime, source: str = "staff") -> Shelved:
    """Create or replace a location of ours, as staff or its own system have it. Raises wire_json.Invalid with paths into `tree`.

    `last_updated` of the location becomes now; EVSEs that differ from what is stored get it too.
    """
    if not party.ours:
        raise UnableToChange(f"{party} is a partner: its locations change when it tells us.")
    stamp = date_time_text(milliseconds(now))
    tree = tree | {"country_code": party.country_code, "party_id": party.party_id, "last_updated": stamp}
    value = wire_json.validate(wire.Location, tree)
    (item,) = store(party.pk, [(tree, value)], source=source, now=now, ours=True)
    return item


_LOCK_EVSE = """
SELECT l.id, l.party_id, l.object_id, l.shared, e.uid, e.status, e.document,
    ARRAY(SELECT w.connection_id FROM locations_withholding w WHERE w.location_id = l.id)
FROM locations_location l JOIN locations_evse e ON e.location_id = l.id
WHERE l.id = %s AND upper(e.uid) = upper(%s) AND e.listed FOR NO KEY UPDATE
"""


def set_status(location: Location, uid: str, status: str, *, source: str, reason: str = "", now: datetime) -> bool:
    """Change the status of an EVSE of ours; partners hear of it by PATCH. False: it had that status already."""
    at = milliseconds(now)
    with transaction.atomic(savepoint=False):  # inside a door's transaction: the door undoes the whole when this fails
        rows = statements.run(_LOCK_EVSE, [location.pk, uid])
        if not rows:
            raise UnableToChange(f"There is no EVSE {uid} at {location}.")
        location_id, party_id, object_id, shared, uid, previous, document, withheld = rows[0]
        if previous == status:
            return False
        tree = DocumentField.read(document) | {"status": status, "last_updated": date_time_text(at)}
        value = wire_json.validate(wire.EVSE, tree)
        write_evse(location_id, tree, value, at=at, previous=previous, source=source, reason=reason, now=at)
        if shared:
            changes = [((object_id, uid), ("status",))]
            stage(sender=party_id, module="locations", changes=changes, now=at, withheld=withheld)
    return True


def _withheld(location_id: int) -> list[int]:
    return list(Withholding.objects.filter(location_id=location_id).values_list("connection_id", flat=True))


def share(location: Location, *, now: datetime) -> list[Finding]:
    """Show a location of ours to partners. Raises UnableToShare for findings that stop it; returns the warnings."""
    findings = gate(wire_json.validate(wire.Location, location.tree()))
    stopping = [finding for finding in findings if finding.severity is Severity.STOP]
    if stopping:
        raise UnableToShare(stopping)
    with transaction.atomic():
        Location.objects.filter(pk=location.pk).update(shared=True)
        _touch(location, now)
        _stage_whole(location, now)
    return findings


def unshare(location: Location) -> None:
    """Stop telling partners of a location. What they hold stays until their next full pull no longer lists it."""
    Location.objects.filter(pk=location.pk).update(shared=False)


def withhold(location: Location, connections: Collection[int], *, now: datetime) -> None:
    """Set the exact partners that must not see this location; who may see it again is told."""
    with transaction.atomic():
        before = set(Withholding.objects.filter(location=location).values_list("connection_id", flat=True))
        Withholding.objects.filter(location=location).exclude(connection_id__in=connections).delete()
        Withholding.objects.bulk_create(
            [Withholding(location=location, connection_id=pk) for pk in set(connections) - before]
        )
        freed = before - set(connections)
        if freed and location.shared:
            _touch(location, now)
            _stage_whole(location, now, only=freed)


def _touch(location: Location, now: datetime) -> None:
    """A partner that pulls by date must find it."""
    with database.cursor() as cursor:
        cursor.execute(
            """UPDATE locations_location SET last_updated = GREATEST(last_updated, %s), generation = generation + 1
               WHERE id = %s""",
            [milliseconds(now), location.pk],
        )


def _stage_whole(location: Location, now: datetime, *, only: Collection[int] | None = None) -> None:
    stage(
        sender=location.party_id,
        module="locations",
        changes=[((location.object_id,), ())],
        now=now,
        only=only,
        withheld=_withheld(location.pk),
    )
