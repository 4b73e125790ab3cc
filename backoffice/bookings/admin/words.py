"""Bookings in words, colours and times: what each state means to somebody who waits, and when it is there by the clock of the
location."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils.html import format_html
from django.utils.safestring import SafeString

from backoffice.bookings.models import BookableLocation, Booking, BookingAsked
from backoffice.bookings.rules.states import Asking, Way
from backoffice.console.cells import NOTHING, Tone, masked, state, word
from ocpi.wire.bookings import CanceledReason, LocationAccess, ReservationRequestStatus, ReservationStatus

UNASSIGNED = ("", "#NA")

TONES: dict[str, Tone] = {
    ReservationStatus.PENDING.value: ("warn", "hourglass_top"),
    ReservationStatus.RESERVED.value: ("busy", "event"),
    ReservationStatus.FULFILLED.value: ("good", "check_circle"),
    ReservationStatus.CANCELED.value: ("off", "event_busy"),
    ReservationStatus.NO_SHOW.value: ("bad", "person_off"),
    ReservationStatus.REJECTED.value: ("off", "block"),
    ReservationStatus.FAILED.value: ("bad", "error"),
    ReservationStatus.UNKNOWN.value: ("warn", "help"),
}

MEANINGS = {
    ReservationStatus.PENDING.value: "It was asked for and is kept until somebody decides.",
    ReservationStatus.RESERVED.value: "It is kept for the driver.",
    ReservationStatus.FULFILLED.value: "The driver came and charged.",
    ReservationStatus.CANCELED.value: "It was cancelled.",
    ReservationStatus.NO_SHOW.value: "Nobody came in time; it was let go.",
    ReservationStatus.REJECTED.value: "It was not granted.",
    ReservationStatus.FAILED.value: "It could not be decided.",
    ReservationStatus.UNKNOWN.value: "The operator tells a status that OCPI does not know.",
}

REQUEST_TONES: dict[str, Tone] = {
    ReservationRequestStatus.PENDING.value: ("warn", "hourglass_top"),
    ReservationRequestStatus.ACCEPTED.value: ("good", "check_circle"),
    ReservationRequestStatus.DECLINED.value: ("bad", "block"),
    ReservationRequestStatus.FAILED.value: ("bad", "error"),
}

ASKS = {Asking.NEW.value: "Book", Asking.CHANGE.value: "Change", Asking.CANCEL.value: "Cancel"}

WAYS = {
    Way.QUEUED.value: "waits to be sent",
    Way.UNSURE.value: "sent, not answered: the operator is asked before anything else is",
    Way.SAID.value: "answered",
    Way.REFUSED.value: "refused without a booking",
    Way.LOST.value: "never sent",
    Way.RECEIVED.value: "received",
}

REASONS = {
    CanceledReason.POWER_OUTAGE.value: "Power outage",
    CanceledReason.BROKEN_CHARGER.value: "The charger is broken",
    CanceledReason.FULL.value: "Full: somebody does not leave",
    CanceledReason.BLOCKED.value: "The charger cannot be reached",
    CanceledReason.TRAFFIC.value: "Traffic",
    CanceledReason.BROKEN_VEHICLE.value: "The vehicle broke down",
    CanceledReason.NO_CANCELED.value: "The driver told no reason",
    CanceledReason.UNKNOWN.value: "Something else",
}

ACCESS = {
    LocationAccess.OPEN.value: "Open to everybody",
    LocationAccess.TOKEN.value: "With a token of the booking",
    LocationAccess.LICENSE_PLATE.value: "By the licence plate",
    LocationAccess.ACCESS_CODE.value: "With an access code",
    LocationAccess.INTERCOM.value: "Ring the intercom",
    LocationAccess.PARKING_TICKET.value: "With a parking ticket",
}

VEHICLES = {
    "MOTORCYCLE": "Motorcycle",
    "PERSONAL_VEHICLE": "Car",
    "PERSONAL_VEHICLE_WITH_TRAILER": "Car with trailer",
    "VAN": "Van",
    "SEMI_TRACTOR": "Tractor without trailer",
    "RIGID": "Rigid truck",
    "TRUCK_WITH_TRAILER": "Truck with trailer",
    "BUS": "Bus",
    "DISABLED": "Of somebody with a disability",
}


def standing(row: Booking) -> SafeString | str:
    return state(row.status, tone=TONES.get(row.status))


def asked_standing(status: str) -> SafeString | str:
    return state(status, tone=REQUEST_TONES.get(status))


def both(row: Booking) -> SafeString | str:
    """Two states: of the reservation, and of the last request for it where that says something else."""
    expected = {"RESERVED": "ACCEPTED", "PENDING": "PENDING", "REJECTED": "DECLINED", "FAILED": "FAILED"}
    if expected.get(row.status, "ACCEPTED") == row.request_status:
        return standing(row)
    return format_html(
        '{}<br><span class="rd-quiet">last request</span> {}', standing(row), asked_standing(row.request_status)
    )


def place_name(row: BookableLocation) -> str:
    return (row.premises and (row.premises.name or row.premises.object_id)) or row.location_id


def where(row: Booking) -> str:
    """The EVSE, as people read it."""
    if row.evse is not None:
        return row.evse.evse_id or row.evse.uid
    return "no EVSE yet" if row.evse_uid in UNASSIGNED else row.evse_uid


def tokens(uids: Iterable[str], *, whole: bool = False) -> str:
    return ", ".join(uid if whole else masked(uid) for uid in uids) or NOTHING


def power(watts: int | None) -> str:
    return f"{watts / 1000:g} kW" if watts else NOTHING


def zone_of(name: str) -> ZoneInfo:
    """What no zone is called is UTC."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def moment(text: Any) -> datetime | None:
    """A time as a document has it: OCPI lets the Z be missing, and means UTC."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def there(moment: datetime | None, zone: ZoneInfo) -> SafeString | str:
    """A time by the clock of the location; the viewer's own stands beside it as soon as the browser says which that is."""
    if moment is None:
        return NOTHING
    return format_html(
        '<time class="rb-time" datetime="{}" title="{}">{}</time>',
        f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        f"{moment:%Y-%m-%d %H:%M} UTC",
        f"{moment.astimezone(zone):%Y-%m-%d %H:%M}",
    )


def period(starts_at: datetime, ends_at: datetime, zone: ZoneInfo) -> str:
    """`08:00–09:30`, with the day of the end where it is another one."""
    first, last = starts_at.astimezone(zone), ends_at.astimezone(zone)
    end = f"{last:%H:%M}" if last.date() == first.date() else f"{last:%d %b %H:%M}"
    return f"{first:%H:%M}–{end}"


def asked_word(row: BookingAsked) -> str:
    return ASKS.get(row.asks, word(row.asks))
