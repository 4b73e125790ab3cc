"""Tell the app that a driver booked with what became of it: as its operator says it, in the words of the driver-app API."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from backoffice.api.actions import webhooks
from backoffice.bookings.models import Booking, BookingAsked
from backoffice.bookings.rules.states import Asking
from ocpi.wire.base import date_time_text

BOOKING_EVENT = "booking.changed"
"""What the webhooks of the app that asked are told."""

Tree = dict[str, Any]


def announce(booking: Booking | None, asked: BookingAsked | None, *, now: datetime) -> None:
    """In the transaction of the change. Only apps of eMSPs in this house ask here."""
    if booking is None and asked is None:
        return
    if booking is not None and booking.ours and booking.connection_id is not None:
        return  # a partner's eMSP: it hears by OCPI
    first = first_of(booking, asked)
    if first is None:
        return
    rows = booking.requests.all() if booking is not None else BookingAsked.objects.filter(pk=first.pk)
    for application in rows.exclude(application=None).values_list("application", flat=True).distinct():
        webhooks.tell(application=application, event=BOOKING_EVENT, data=said(first), about=first.uid, now=now)


def first_of(booking: Booking | None, asked: BookingAsked | None) -> BookingAsked | None:
    """The request that a booking began with: apps know the booking by it."""
    if asked is not None and asked.asks == Asking.NEW.value:
        return asked
    known = booking or (asked.booking if asked is not None else None)
    if known is None:
        return None
    return known.requests.filter(asks=Asking.NEW.value).order_by("received_at", "pk").first()


def said(first: BookingAsked) -> Tree:
    """A booking as its app sees it, from the request on that made it."""
    booking = Booking.objects.select_related("party").filter(pk=first.booking_id or 0).first()
    last = first
    if booking is not None:
        last = booking.requests.order_by("-received_at", "-pk").first() or first
    wished = first.tree()
    tree: Tree = {
        "booking": first.uid,
        "status": booking.status if booking is not None else "PENDING" if first.status == "PENDING" else "REJECTED",
        "asks": last.asks,
        "request_status": last.status,
        "sentence": last.reason,
        "country_code": first.cpo.country_code,
        "party_id": first.cpo.party_id,
        "location_id": wished["location_id"],
        "contract_id": next((token["contract_id"] for token in wished.get("tokens") or ()), ""),
        "starts_at": wished["period"]["start_from"],
        "ends_at": wished["period"]["end_before"],
        "asked_at": date_time_text(first.received_at),
    }
    if booking is not None:
        tree |= _as_booked(booking)
    return tree


def _as_booked(booking: Booking) -> Tree:
    told = booking.tree()
    tree: Tree = {
        "booking_id": booking.object_id,
        "starts_at": date_time_text(booking.starts_at),
        "ends_at": date_time_text(booking.ends_at),
        "cancel_until": date_time_text(booking.cancel_until),
        "early_from": date_time_text(booking.early_from),
        "late_until": date_time_text(booking.late_until),
        "access_methods": told.get("access_methods") or [],
        "updated_at": date_time_text(booking.last_updated),
    }
    for name, at in (("change_until", booking.change_until), ("noshow_at", booking.noshow_at)):
        if at is not None:
            tree[name] = date_time_text(at)
    for name in ("evse_uid", "parking_id", "canceled_reason", "canceled_by"):
        if getattr(booking, name):
            tree[name] = getattr(booking, name)
    if booking.session_id is not None:
        tree["charge"] = str(booking.session_id)
    return tree
