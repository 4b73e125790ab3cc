"""What of our calendars is still free, as partners are told it: written anew whenever somebody books, moves or lets go.

A driver looks where it is free; a calendar that names its openings only would send him from one refusal to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from backoffice import statements
from backoffice.bookings.actions.storing import move
from backoffice.bookings.models import BookableLocation, Calendar, Opening
from backoffice.bookings.rules.slots import Period, merged, without
from backoffice.delivery.actions.staging import stage
from backoffice.fields import DocumentField, milliseconds
from ocpi.wire.base import date_time_text

Tree = dict[str, Any]

MODULE = "booking_locations"

_FULL = """
SELECT r.id, r.place_id IS NULL, s.starts_at, s.starts_at + make_interval(mins => r.unit)
FROM bookings_resource r LEFT JOIN bookings_slotuse s ON s.resource_id = r.id AND s.used >= s.capacity
    AND s.starts_at < %(to)s AND s.starts_at > %(from)s - interval '1 day'
WHERE r.place_id = %(place)s OR r.location_id = %(premises)s
ORDER BY r.id, s.starts_at
"""


def full(place: BookableLocation, *, since: datetime, until: datetime) -> list[Period]:
    """When nothing can be booked there: none of its resources has a space, or the location has no power left."""
    given = {"place": place.pk, "premises": place.premises_id, "from": since, "to": until}
    spaces: dict[int, list[Period]] = {}
    power: list[Period] = []
    for resource, of_power, starts_at, ends_at in statements.run(_FULL, given):
        periods = power if of_power else spaces.setdefault(resource, [])
        if starts_at is not None:
            periods.append((starts_at, ends_at))
    busy = merged(power)
    if not spaces:
        return busy
    first, *others = (merged(each) for each in spaces.values())
    for other in others:
        first = _both(first, other)
    return merged([*busy, *first])


def _both(one: Sequence[Period], other: Sequence[Period]) -> list[Period]:
    return [
        (max(a[0], b[0]), min(a[1], b[1])) for a in one for b in other if max(a[0], b[0]) < min(a[1], b[1])
    ]  # both are short: what is full of a calendar


def refresh(places: Sequence[int], *, now: datetime) -> None:
    """Say anew what is free there, and tell partners where it differs. In the caller's transaction, and last."""
    rows = BookableLocation.objects.select_for_update(no_key=True).filter(pk__in=places, ours=True, withdrawn_at=None)
    rows = rows.order_by("pk")
    for place in rows:
        changes: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
        for calendar in (
            Calendar.objects.filter(place=place, ends_at__gt=now).order_by("pk").prefetch_related("openings")
        ):
            was = calendar.listed
            if _say(place, calendar, now):
                both = was and calendar.listed
                changes.append(((place.object_id, calendar.object_id) if both else (place.object_id,), ()))
        if changes:
            move(place.pk, at=milliseconds(now), grows=True)
            owe(place, changes, now=now)


def _say(place: BookableLocation, calendar: Calendar, now: datetime) -> bool:
    openings = list(calendar.openings.all())
    busy = full(place, since=calendar.begins_at, until=calendar.ends_at)
    slots = [slot for opening in openings for slot in _slots(opening, busy)]
    tree = calendar.tree()
    listed = bool(slots)
    if listed == calendar.listed and (not listed or tree["available_timeslots"] == slots):
        return False
    calendar.listed = listed
    calendar.last_updated = max(milliseconds(now), calendar.last_updated)
    tree = tree | {"last_updated": date_time_text(calendar.last_updated)}
    if listed:
        tree["available_timeslots"] = slots
    calendar.document = DocumentField.write(tree)
    calendar.save(update_fields=["listed", "last_updated", "document"])
    return True


def _slots(opening: Opening, busy: Sequence[Period]) -> list[Tree]:
    told: Tree = {}
    if opening.min_power is not None:
        told["min_power"] = opening.min_power
    if opening.max_power is not None:
        told["max_power"] = opening.max_power
    if opening.green is not None:
        told["green_energy_support"] = opening.green
    return [
        {"start_from": date_time_text(start), "end_before": date_time_text(end), **told}
        for start, end in without([(opening.starts_at, opening.ends_at)], busy)
    ]


def owe(place: BookableLocation, changes: Sequence[tuple[tuple[str, ...], tuple[str, ...]]], *, now: datetime) -> None:
    """Stage a place of ours, or calendars of it, for whoever may see it."""
    if not place.shared:
        return
    withheld = statements.run(
        "SELECT connection_id FROM locations_withholding WHERE location_id = %s", [place.premises_id]
    )
    stage(sender=place.party_id, module=MODULE, changes=changes, now=now, withheld=[row[0] for row in withheld])
