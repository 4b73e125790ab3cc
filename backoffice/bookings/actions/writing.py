"""Write a booking of ours: its document out of what is decided, its projections out of its document, an event, and the
push.

Nothing here decides.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from backoffice.bookings.actions.announcing import announce
from backoffice.bookings.actions.storing import capped
from backoffice.bookings.models import Booking, BookingAsked, BookingEvent
from backoffice.bookings.rules.states import Event, moved
from backoffice.bookings.rules.terms import times
from backoffice.delivery.actions.staging import stage
from backoffice.fields import DocumentField, milliseconds
from ocpi.wire import bookings as wire
from ocpi.wire import json as wire_json
from ocpi.wire.base import date_time_text
from ocpi.wire.bookings import ReservationStatus

Tree = dict[str, Any]

MODULE = "bookings"
UNASSIGNED = "#NA"


class UnableToMove(Exception):
    """The booking is not in a state in which this can happen to it."""


def write(booking: Booking, tree: Tree, *, now: datetime, only: BookingAsked | None = None) -> None:
    """Save the booking as this document says it, with all its requests, and owe it to its eMSP. `last_updated` never
    stands still: two changes within a millisecond are two. `only`: the one request that there is yet."""
    at = milliseconds(now)
    if booking.pk is not None:
        at = max(at, booking.last_updated + timedelta(milliseconds=1))
    requests = requests_of(booking) if only is None else [entry(only)]
    tree = tree | {"booking_requests": requests, "last_updated": date_time_text(at)}
    value = wire_json.validate(wire.Booking, tree)
    project(booking, value)
    booking.document, booking.last_updated = DocumentField.write(tree), at
    booking.generation += 1
    booking.save()
    if booking.connection_id is not None:
        stage(
            sender=booking.party_id,
            module=MODULE,
            changes=[((booking.object_id,), ())],
            now=now,
            only=[booking.connection_id],
            receiver=booking.emsp_id,
        )


def requests_of(booking: Booking) -> list[Tree]:
    rows = BookingAsked.objects.filter(booking=booking).order_by("received_at", "pk") if booking.pk is not None else ()
    return [entry(row) for row in rows]


def entry(row: BookingAsked) -> Tree:
    """One BookingRequestStatus."""
    return {
        "request_status": row.status,
        "booking_request": row.tree(),
        "request_received": date_time_text(milliseconds(row.received_at)),
    }


def project(booking: Booking, value: wire.Booking) -> None:
    """The columns that follow from the document."""
    period = value.period
    until = times(value.booking_terms, starts_at=period.start_from, ends_at=period.end_before)
    booking.object_id, booking.request_id = value.id, value.request_id
    booking.status = value.reservation_status.value
    booking.request_status = value.booking_requests[-1].request_status.value
    booking.location_id = value.location_id
    booking.evse_uid, booking.connector_id = value.evse_uid or "", value.connector_id or ""
    booking.parking_id = value.parking_id or ""
    booking.starts_at, booking.ends_at = milliseconds(period.start_from), milliseconds(period.end_before)
    booking.authorization_reference = value.authorization_reference
    booking.canceled_reason = value.canceled.cancellation_reason.value if value.canceled else ""
    booking.canceled_by = value.canceled.who_canceled.value if value.canceled else ""
    booking.change_until, booking.cancel_until = until.change_until, until.cancel_until
    booking.early_from, booking.late_until = until.early_from, until.late_until
    booking.noshow_at, booking.exclusive = until.noshow_at, until.exclusive
    if booking.power is None and period.max_power is not None:
        booking.power = capped(int(period.max_power))


def turn(booking: Booking, event: Event, *, now: datetime) -> ReservationStatus:
    """The status after the event, which the caller writes. Raises UnableToMove."""
    was = ReservationStatus(booking.status)
    to = moved(was, event)
    if to is None:
        raise UnableToMove(f"The booking is {was.value}.")
    booking.moved_at = now
    return to


def note(
    booking: Booking | None,
    event: str,
    *,
    now: datetime,
    asked: BookingAsked | None = None,
    previous: str = "",
    by: str = "",
    reason: str = "",
    quietly: bool = False,
) -> None:
    """`quietly`: what is between us and our hardware is no news for the app that booked."""
    BookingEvent.objects.create(
        booking=booking,
        asked=asked,
        at=now,
        event=event,
        previous=previous,
        status=booking.status if booking is not None and booking.status != previous else "",
        by=by[:150],
        reason=reason[:512],
    )
    if not quietly:
        announce(booking, asked, now=now)
