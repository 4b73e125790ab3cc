"""Write down a Booking as its CPO tells it, and what it says of the requests that we made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from backoffice.bookings.actions.announcing import announce
from backoffice.bookings.actions.keeping_apart import keep_tokens
from backoffice.bookings.actions.writing import note, project
from backoffice.bookings.models import BookableLocation, Booking, BookingAsked
from backoffice.bookings.rules.states import FINAL, Way
from backoffice.documents.fates import Fate
from backoffice.fields import DocumentField
from ocpi.wire import bookings as wire
from ocpi.wire import json as wire_json
from ocpi.wire.bookings import ReservationRequestStatus, ReservationStatus

Tree = dict[str, Any]

VANISHED = "VANISHED"
"""An event: the CPO lists it no more."""


def emsp_of(cpo: int, value: wire.Booking, emsps: Mapping[tuple[str, str], int], booking: Booking | None) -> int | None:
    """Whose driver it is of: as known, as the request of ours says, or as its own requests do."""
    if booking is not None:
        return booking.emsp_id if booking.emsp_id in emsps.values() else None
    ours = BookingAsked.objects.filter(cpo=cpo, emsp__in=emsps.values(), request_id__iexact=value.request_id)
    asked = ours.values_list("emsp_id", flat=True).first()
    if asked is not None:
        return int(asked)
    request = value.booking_requests[0].booking_request
    return emsps.get((request.country_code.upper(), request.party_id.upper()))


def why_not(booking: Booking | None, value: wire.Booking) -> str:
    """Why this cannot follow what is known; empty: it can."""
    if booking is None:
        return ""
    was = ReservationStatus(booking.status)
    if was in FINAL and value.reservation_status is not was:
        return f"the booking was {was.value}, which is final."
    return ""


def write(
    booking: Booking | None,
    tree: Tree,
    value: wire.Booking,
    *,
    cpo: int,
    emsp: int,
    connection: int | None,
    at: datetime,
    by: str,
    now: datetime,
) -> Fate:
    """Raises IntegrityError where its request_id is that of another booking of this CPO."""
    text = DocumentField.write(tree)
    if booking is not None and booking.document == text:
        Booking.objects.filter(pk=booking.pk).update(seen_at=now)
        return Fate.SAME
    fate = Fate.NEW if booking is None else Fate.CHANGED
    if booking is None:
        booking = Booking(party_id=cpo, emsp_id=emsp, ours=False, created_at=now, generation=0, moved_at=now)
    was = booking.status
    booking.power = None
    project(booking, value)
    if booking.status != was:
        booking.moved_at = now
    booking.connection_id = connection
    booking.document, booking.last_updated, booking.seen_at = text, at, now
    booking.generation += 1
    place = place_of(cpo, value)
    booking.place, booking.time_zone = place, place.time_zone if place is not None else booking.time_zone
    booking.save()
    keep_tokens(booking, tree.get("booking_tokens") or (), exclusive=False)
    _answered(booking, value, now)
    if booking.status != was:
        note(booking, booking.status, now=now, previous=was, by=by, reason=booking.canceled_reason)
    else:
        announce(booking, None, now=now)
    return fate


def place_of(cpo: int, value: wire.Booking) -> BookableLocation | None:
    """Where it is, as far as the CPO has told us of it."""
    rows = BookableLocation.objects.filter(party=cpo, location_id__iexact=value.location_id).order_by("pk")
    by_evse = rows.filter(evse_uid__iexact=value.evse_uid).first() if value.evse_uid else None
    return by_evse or rows.first()


def _answered(booking: Booking, value: wire.Booking, now: datetime) -> None:
    """Requests of ours that it knows: each is matched by what it asks for, and where two ask for the same, in their order."""
    rows = BookingAsked.objects.filter(
        emsp=booking.emsp_id, cpo=booking.party_id, request_id__iexact=booking.request_id
    ).exclude(way=Way.RECEIVED.value)
    left = [(_content(each.booking_request), each.request_status) for each in value.booking_requests]
    for row in rows.select_for_update(no_key=True).order_by("received_at", "pk"):
        content = _content(_request(row))
        place = next((place for place, (told, _) in enumerate(left) if told == content), None)
        status = left.pop(place)[1] if place is not None else None
        if status is None and row.asks == "NEW":
            status = _SAID.get(value.reservation_status)
        if status is None:
            continue
        undecided = row.status == ReservationRequestStatus.PENDING.value or row.way in (
            Way.LOST.value,
            Way.REFUSED.value,
        )
        row.booking, row.way = booking, Way.SAID.value
        if undecided and status is not ReservationRequestStatus.PENDING:
            row.status, row.decided_at = status.value, now
        row.save(update_fields=["booking", "way", "status", "decided_at"])


_SAID = {
    ReservationStatus.PENDING: ReservationRequestStatus.PENDING,
    ReservationStatus.RESERVED: ReservationRequestStatus.ACCEPTED,
    ReservationStatus.REJECTED: ReservationRequestStatus.DECLINED,
    ReservationStatus.FAILED: ReservationRequestStatus.FAILED,
}
"""What a booking says of the request that it began with, where a CPO does not list it."""


def _request(row: BookingAsked) -> wire.BookingRequest:
    return wire_json.validate(wire.BookingRequest, row.tree())


def _content(request: wire.BookingRequest) -> tuple[Any, ...]:
    return (
        request.period.start_from,
        request.period.end_before,
        request.canceled.cancellation_reason if request.canceled else None,
        tuple(sorted(token.uid.upper() for token in request.tokens)),
    )


def vanished(booking: Booking, *, now: datetime) -> bool:
    """Once for each time that it is missed."""
    if booking.events.filter(event=VANISHED, at__gte=booking.seen_at).exists():
        return False
    note(booking, VANISHED, now=now, reason="The CPO no longer lists it. Ask whether the driver can count on it.")
    return True
