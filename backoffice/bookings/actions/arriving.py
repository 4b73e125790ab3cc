"""What CPOs tell us as an eMSP: BookingLocations, Calendars and Bookings, pushed or in pages that we fetch.

A Booking is stored only if it is of a driver of ours: whom it names in its requests, or whose request of ours it answers.
What was final stays so (T-498); everything else a CPO says of its own booking is believed, newest first.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from backoffice import statements
from backoffice.bookings.actions import telling
from backoffice.bookings.actions.storing import move, store_places, write_calendar
from backoffice.bookings.models import BookableLocation, Booking, Calendar
from backoffice.bookings.rules.states import RECEIVER_ROLES
from backoffice.documents.fates import Fate, ordered_at
from backoffice.fields import milliseconds
from ocpi.module import Arrival, PartyRef, Peer, Refusal, Stored, Unknown
from ocpi.wire import bookings as wire
from ocpi.wire import json as wire_json
from ocpi.wire.base import Wire
from ocpi.wire.envelope import StatusCode

log = logging.getLogger("roamdesk.bookings")

Tree = dict[str, Any]


# --- what can be booked ----------------------------------------------------------------------------------------------


def put_place(arrival: Arrival) -> Stored:
    if len(arrival.ids) == 2:
        return _put_calendar(arrival)
    value = wire_json.validate(wire.BookingLocation, arrival.tree)
    (item,) = store_places(arrival.owner.id, [(arrival.tree, value)], ours=False, now=arrival.now)
    return Stored(created=item.fate is Fate.NEW, stale=item.fate is Fate.STALE)


def patch_place(arrival: Arrival) -> Stored:
    """Raises Unknown (404): the sender is then expected to PUT (transport_and_format#patch)."""
    place = _locked_place(arrival)
    assert arrival.merge is not None
    if len(arrival.ids) == 2:
        calendar = _calendar(place, arrival.ids[1])
        if calendar is None:
            raise Unknown(f"Calendar {arrival.ids[1]} of {arrival.ids[0]} is not known here: PUT it first.")
        if arrival.last_updated < calendar.last_updated:
            return Stored(stale=True)
        tree, _ = arrival.merge(calendar.tree())
        return _calendar_told(place, calendar, tree, arrival)
    if arrival.last_updated < place.last_updated:
        return Stored(stale=True)
    tree, value = arrival.merge(place.tree())
    assert isinstance(value, wire.BookingLocation)
    (item,) = store_places(arrival.owner.id, [(tree, value)], ours=False, now=arrival.now)
    return Stored(stale=item.fate is Fate.STALE)


def _put_calendar(arrival: Arrival) -> Stored:
    place = _locked_place(arrival)
    calendar = _calendar(place, arrival.ids[1])
    if calendar is not None and arrival.last_updated < calendar.last_updated:
        return Stored(stale=True)
    return _calendar_told(place, calendar, arrival.tree, arrival)


def _calendar_told(place: BookableLocation, calendar: Calendar | None, tree: Tree, arrival: Arrival) -> Stored:
    """It also moves the place that it is of (T-521)."""
    row = write_calendar(place.pk, calendar, tree, now=arrival.now)
    move(place.pk, at=row.last_updated, grows=True)
    return Stored(created=calendar is None)


def _locked_place(arrival: Arrival) -> BookableLocation:
    place = (
        BookableLocation.objects.select_for_update(no_key=True)
        .filter(party=arrival.owner.id, object_id__iexact=arrival.ids[0], withdrawn_at=None)
        .first()
    )
    if place is None:
        raise Unknown(f"BookingLocation {arrival.ids[0]} is not known here: PUT it first.")
    return place


def _calendar(place: BookableLocation, object_id: str) -> Calendar | None:
    return Calendar.objects.filter(place=place, object_id__iexact=object_id).first()


def store_places_page(peer: Peer, items: Sequence[tuple[PartyRef, Tree, Wire]], now: datetime) -> int:
    """One page of a pull. Returns how many were new or changed."""
    changed = 0
    for owner in {party.id for party, _, _ in items}:
        batch = [
            (tree, value)
            for party, tree, value in items
            if party.id == owner and isinstance(value, wire.BookingLocation)
        ]
        changed += sum(item.touched for item in store_places(owner, batch, ours=False, now=now))
    return changed


def vanish_places(peer: Peer, since: datetime, now: datetime) -> int:
    """What a full list no longer holds cannot be booked any more (T-517)."""
    gone = statements.run(
        """UPDATE bookings_bookablelocation SET withdrawn_at = %s
           WHERE party_id = ANY(%s) AND NOT ours AND (seen_at IS NULL OR seen_at < %s) AND withdrawn_at IS NULL RETURNING id""",
        [now, [party.id for party in peer.theirs], since],
    )
    return len(gone)


# --- bookings --------------------------------------------------------------------------------------------------------


def put(arrival: Arrival) -> Stored:
    """Raises Refusal 2001 for a booking of somebody else's driver, and for one that is over and is to be something else."""
    return _told(arrival, arrival.tree, wire_json.validate(wire.Booking, arrival.tree))


def patch(arrival: Arrival) -> Stored:
    """Raises Unknown (404): the sender is then expected to PUT."""
    booking = _locked(arrival.owner.id, arrival.ids[0])
    if booking is None:
        raise Unknown(f"Booking {arrival.ids[0]} is not known here: PUT it first.")
    if arrival.last_updated < booking.last_updated:
        return Stored(stale=True)
    assert arrival.merge is not None
    tree, value = arrival.merge(booking.tree())
    assert isinstance(value, wire.Booking)
    return _told(arrival, tree, value)


def _locked(cpo: int, object_id: str) -> Booking | None:
    return (
        Booking.objects.select_for_update(no_key=True)
        .filter(party=cpo, object_id__iexact=object_id, ours=False)
        .first()
    )


def _told(arrival: Arrival, tree: Tree, value: wire.Booking) -> Stored:
    fate = store(arrival.peer, arrival.owner.id, tree, value, by=arrival.peer.name, now=arrival.now)
    return Stored(created=fate is Fate.NEW, stale=fate is Fate.STALE)


def store(peer: Peer, cpo: int, tree: Tree, value: wire.Booking, *, by: str, now: datetime) -> Fate:
    """One Booking that a CPO tells us of. Raises Refusal 2001."""
    emsps = {party.key: party.id for party in peer.ours if party.roles & RECEIVER_ROLES}
    booking = _locked(cpo, value.id)
    at = milliseconds(ordered_at(value.last_updated, now))
    if booking is not None and at < booking.last_updated:
        return Fate.STALE
    emsp = telling.emsp_of(cpo, value, emsps, booking)
    if emsp is None:
        raise Refusal(
            "booking_requests: this booking is of no eMSP of ours on this connection.",
            ocpi=StatusCode.INVALID_PARAMETERS,
        )
    wrong = telling.why_not(booking, value)
    if wrong:
        raise Refusal(f"reservation_status: {wrong}", ocpi=StatusCode.INVALID_PARAMETERS)
    try:
        with transaction.atomic():
            return telling.write(
                booking, tree, value, cpo=cpo, emsp=emsp, connection=peer.connection, at=at, by=by, now=now
            )
    except IntegrityError as error:
        raise Refusal(
            f"request_id: {value.request_id} is that of another booking.", ocpi=StatusCode.INVALID_PARAMETERS
        ) from error


def store_page(peer: Peer, items: Sequence[tuple[PartyRef, Tree, Wire]], now: datetime) -> int:
    """One page of a pull. Returns how many were new or changed. Bookings of others' drivers are left out."""
    changed = 0
    for party, tree, value in items:
        assert isinstance(value, wire.Booking)
        try:
            with transaction.atomic():
                fate = store(peer, party.id, tree, value, by=peer.name, now=now)
        except Refusal as refusal:
            log.warning("%s listed booking %s: %s", peer.name, value.id, refusal.message)
            continue
        changed += fate in (Fate.NEW, Fate.CHANGED)
    return changed


def vanish(peer: Peer, since: datetime, now: datetime) -> int:
    """Nothing of a booking is forgotten that its CPO lists no more (T-517): of one that was to be, staff are told."""
    gone = Booking.objects.select_for_update(no_key=True).filter(
        party__in=[party.id for party in peer.theirs],
        ours=False,
        connection=peer.connection,
        status__in=["PENDING", "RESERVED"],
        seen_at__lt=since,
        ends_at__gt=now - timedelta(days=1),
    )
    return sum(telling.vanished(booking, now=now) for booking in gone.order_by("pk"))
