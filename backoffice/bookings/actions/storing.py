"""Store what can be booked: BookingLocations with their calendars, ours or a partner's; and Bookings that partners tell
us of.

A document of a BookableLocation holds neither its calendars nor `last_updated`; they are rows, and a column.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from backoffice import statements
from backoffice.bookings.models import Calendar, Opening
from backoffice.documents import storing
from backoffice.documents.fates import Fate, ordered_at
from backoffice.documents.storing import Columns, Item, Table
from backoffice.fields import DocumentField, milliseconds
from ocpi.wire import bookings as wire
from ocpi.wire import json as wire_json

Tree = dict[str, Any]

BESIDE = ("calendars", "last_updated")
"""What is not in the document of a BookableLocation."""

MOST_INT = 2**31 - 1


def _table(ours: bool) -> Table:
    def projected(value: wire.BookingLocation) -> tuple[Any, ...]:
        return (
            ours,
            value.location_id,
            value.evse_uid or "",
            value.connector_id or "",
            bool(value.bookable and value.bookable.reservation_required),
            None,  # told of again, it is no longer withdrawn
        )

    types = {
        "ours": "bool",
        "location_id": "text",
        "evse_uid": "text",
        "connector_id": "text",
        "reservation_required": "bool",
        "withdrawn_at": "timestamptz",
    }
    return Table("bookings_bookablelocation", Columns(types, projected), dead="d.withdrawn_at IS NOT NULL")


_TABLES = {ours: _table(ours) for ours in (True, False)}

_PREMISES = """
UPDATE bookings_bookablelocation d SET premises_id = l.id, time_zone = l.time_zone
FROM locations_location l WHERE d.id = ANY(%s) AND l.party_id = d.party_id AND upper(l.object_id) = upper(d.location_id)
"""


def store_places(
    party: int, places: Sequence[tuple[Tree, wire.BookingLocation]], *, ours: bool, now: datetime
) -> list[Item]:
    """Store these of one party; newest wins. Of a partner's, the calendars too, as told. In the caller's transaction."""
    bare = [({name: part for name, part in tree.items() if name not in BESIDE}, value) for tree, value in places]
    whole = {value.id.upper(): tree for tree, value in places}
    batch = storing.store(_TABLES[ours], party, bare, now=now)
    told = [item for item in batch if item.fate is not Fate.STALE]
    statements.run(_PREMISES, [[item.id for item in told]])
    for item in told:
        moved = False
        if not ours:
            moved = store_calendars(item.id, whole[item.key].get("calendars") or (), now=now)
        move(item.id, at=item.at, grows=moved and not item.touched)
        if moved and item.fate is Fate.SAME:
            item.fate = Fate.CHANGED
    return batch


def move(place: int, *, at: datetime, grows: bool) -> None:
    """A place is as new as the newest of its calendars (T-521)."""
    statements.run(
        """UPDATE bookings_bookablelocation SET last_updated = GREATEST(last_updated, %s), generation = generation + %s
           WHERE id = %s""",
        [at, 1 if grows else 0, place],
    )


def store_calendars(place: int, calendars: Sequence[Tree], *, now: datetime) -> bool:
    """These and no others, in this order, as a partner told them: what a PUT leaves out is not there any more. Whether anything
    changed."""
    wanted = {tree["id"].upper(): tree for tree in calendars}
    known = Calendar.objects.filter(place=place).order_by("pk").values_list("document", flat=True)
    if list(known) == [DocumentField.write(tree) for tree in wanted.values()]:
        return False
    Calendar.objects.filter(place=place).delete()
    for tree in wanted.values():
        write_calendar(place, None, tree, now=now)
    return True


def write_calendar(place: int, row: Calendar | None, tree: Tree, *, now: datetime, listed: bool = True) -> Calendar:
    """One calendar and its openings, which are what it says is available."""
    value = wire_json.validate(wire.Calendar, tree)
    row = row or Calendar(place_id=place)
    row.object_id, row.document = value.id, DocumentField.write(tree)
    row.begins_at, row.ends_at = milliseconds(value.begin_from), milliseconds(value.end_before)
    row.step = value.step_size if value.step_size and 1 <= value.step_size <= 1440 else None
    row.last_updated, row.listed = milliseconds(ordered_at(value.last_updated, now)), listed
    row.save()
    row.openings.all().delete()
    Opening.objects.bulk_create(openings_of(row, value))
    return row


def openings_of(row: Calendar, value: wire.Calendar) -> list[Opening]:
    """Only what ends after it begins, within the calendar: what a partner says beside that, it says, and nobody can
    book it."""
    found = []
    for slot in value.available_timeslots:
        starts_at, ends_at = max(slot.start_from, value.begin_from), min(slot.end_before, value.end_before)
        if starts_at < ends_at:
            found.append(
                Opening(
                    calendar=row,
                    place_id=row.place_id,
                    starts_at=milliseconds(starts_at),
                    ends_at=milliseconds(ends_at),
                    min_power=slot.min_power,
                    max_power=slot.max_power,
                    green=slot.green_energy_support,
                )
            )
    return found


def parsed_place(tree: Tree) -> wire.BookingLocation:
    """Raises wire_json.Invalid."""
    return wire_json.validate(wire.BookingLocation, tree)


def capped(number: int | None) -> int | None:
    return None if number is None else max(0, min(number, MOST_INT))
