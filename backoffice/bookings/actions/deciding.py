"""Answer a request that waits for staff. What it asks for has been kept for it since it came."""

from __future__ import annotations

from datetime import datetime

from backoffice.bookings.actions import granting
from backoffice.bookings.actions.keeping_apart import Taken, settled
from backoffice.bookings.models import Booking, BookingAsked
from ocpi.wire.bookings import ReservationRequestStatus


class UnableToDecide(Exception):
    """It cannot be answered so; the sentence says why."""


@settled
def accept(asked_id: int, *, by: str, now: datetime) -> Booking:
    """Raises UnableToDecide."""
    booking, asked = _waiting(asked_id)
    claims = [claim for claim in booking.claims.all() if claim.asked_id in (None, asked.pk)]
    if not claims or max(claim.period.upper for claim in claims) <= now:
        raise UnableToDecide("The time that is asked for is over.")
    try:
        return granting.accept(booking, asked, by=by, now=now).booking
    except Taken as error:
        raise UnableToDecide(str(error)) from error


@settled
def decline(asked_id: int, *, reason: str, by: str, now: datetime) -> Booking:
    """Raises UnableToDecide."""
    booking, asked = _waiting(asked_id)
    reason = " ".join(reason.split())
    if not reason:
        raise UnableToDecide("Say why: the driver will ask.")
    return granting.decline(booking, asked, reason=reason, by=by, now=now).booking


@settled
def fail(asked_id: int, *, reason: str, by: str, now: datetime) -> Booking:
    """It could not be decided, for something broke. Raises UnableToDecide."""
    booking, asked = _waiting(asked_id)
    return granting.decline(booking, asked, reason=reason, by=by, now=now, failed=True).booking


def _waiting(asked_id: int) -> tuple[Booking, BookingAsked]:
    asked = BookingAsked.objects.get(pk=asked_id)
    if asked.booking_id is None:
        raise UnableToDecide("There is no booking for it.")
    booking = Booking.objects.select_for_update(no_key=True).get(pk=asked.booking_id)
    asked.refresh_from_db()
    if not booking.ours:
        raise UnableToDecide("The CPO decides on it.")
    if asked.status != ReservationRequestStatus.PENDING.value:
        raise UnableToDecide(f"It is {asked.status} already.")
    return booking, asked
