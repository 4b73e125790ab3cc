"""Places and bookings as rows for the pages of the staff: many at once, no request and no action behind them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from psycopg.types.range import TimestamptzRange

from backoffice.bookings.models import (
    BookableLocation,
    BookedToken,
    Booking,
    BookingAsked,
    BookingEvent,
    Calendar,
    Opening,
    Resource,
    Space,
)
from backoffice.locations.models import Evse, Location
from backoffice.partners.models import Party

_numbers = count(1)

TERMS = {
    "supported_access_methods": ["ACCESS_CODE"],
    "change_until_minutes": 60,
    "cancel_until_minutes": 120,
    "early_start_allowed": True,
    "early_start_time": 10,
    "late_stop_allowed": True,
    "late_stop_time": 5,
    "noshow_timeout": 15,
}


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def place(location: Location, since: datetime, *, days: int = 30, object_id: str = "P1") -> BookableLocation:
    """All EVSEs of a location of ours, one as good as another, open day and night."""
    until = since + timedelta(days=days)
    option = {"vehicle_types": ["VAN"], "format": "CABLE", "restricted_to_type": False}
    owner = {"country_code": location.party.country_code, "party_id": location.party.party_id}
    tree = owner | {"id": object_id, "location_id": location.object_id, "bookable_parking_options": [option]}
    row = BookableLocation.objects.create(
        party=location.party,
        object_id=object_id,
        document=json.dumps(tree | {"booking_terms": [TERMS]}),
        ours=True,
        location_id=location.object_id,
        premises=location,
        time_zone=location.time_zone,
        created_at=since,
        last_updated=since,
    )
    evses = list(Evse.objects.filter(location=location).order_by("uid"))
    resource = Resource.objects.create(of="SPACES", place=row, option=0, capacity=len(evses))
    Space.objects.bulk_create(Space(resource=resource, evse=evse) for evse in evses)
    slot = {"start_from": text(since), "end_before": text(until)}
    told = {
        "id": "C1",
        "begin_from": text(since),
        "end_before": text(until),
        "step_size": 15,
        "last_updated": text(since),
    }
    calendar = Calendar.objects.create(
        place=row,
        object_id="C1",
        document=json.dumps(told | {"available_timeslots": [slot]}),
        begins_at=since,
        ends_at=until,
        step=15,
        last_updated=since,
    )
    Opening.objects.create(calendar=calendar, place=row, starts_at=since, ends_at=until)
    return row


def booking(
    place: BookableLocation,
    emsp: Party,
    starts_at: datetime,
    *,
    hours: float = 1,
    evse: Evse | None = None,
    status: str = "RESERVED",
    asked: str = "ACCEPTED",
    **facts: Any,
) -> Booking:
    row = unsaved(place, emsp, starts_at, hours=hours, evse=evse, status=status, asked=asked, **facts)
    row.save()
    beside(row)
    return row


def unsaved(
    place: BookableLocation,
    emsp: Party,
    starts_at: datetime,
    *,
    hours: float = 1,
    evse: Evse | None = None,
    status: str = "RESERVED",
    asked: str = "ACCEPTED",
    **facts: Any,
) -> Booking:
    number, ends_at = next(_numbers), starts_at + timedelta(hours=hours)
    uid = evse.uid if evse else "#NA"
    token = {
        "country_code": emsp.country_code,
        "party_id": emsp.party_id,
        "uid": f"04A1B2C3{number:06}",
        "type": "RFID",
        "contract_id": f"{emsp.country_code}-{emsp.party_id}-C{number:06}",
    }
    period = {"start_from": text(starts_at), "end_before": text(ends_at)}
    request = {
        "country_code": emsp.country_code,
        "party_id": emsp.party_id,
        "request_id": f"R{number}",
        "location_id": place.location_id,
        "evse_uid": uid,
        "tokens": [token],
        "period": period,
        "authorization_reference": f"REF{number}",
    }
    tree = {
        "id": f"B{number}",
        "country_code": place.party.country_code,
        "party_id": place.party.party_id,
        "request_id": f"R{number}",
        "bookable_parking_option": {"vehicle_types": ["VAN"], "format": "CABLE", "restricted_to_type": False},
        "location_id": place.location_id,
        "evse_uid": uid,
        "booking_tokens": [token],
        "period": period,
        "reservation_status": status,
        "access_methods": [{"location_access": "ACCESS_CODE", "value": "4711-0815"}],
        "authorization_reference": f"REF{number}",
        "booking_terms": TERMS,
        "booking_requests": [
            {"request_status": asked, "booking_request": request, "request_received": text(starts_at)}
        ],
        "last_updated": text(starts_at),
    }
    defaults: dict[str, Any] = {
        "party": place.party,
        "emsp": emsp,
        "ours": place.ours,
        "place": place,
        "time_zone": place.time_zone,
        "object_id": f"B{number}",
        "request_id": f"R{number}",
        "document": json.dumps(tree),
        "status": status,
        "request_status": asked,
        "location_id": place.location_id,
        "evse_uid": uid,
        "evse": evse if place.ours else None,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "power": 11_000,
        "authorization_reference": f"REF{number}",
        "change_until": starts_at - timedelta(hours=1),
        "cancel_until": starts_at - timedelta(hours=2),
        "early_from": starts_at - timedelta(minutes=10),
        "late_until": ends_at + timedelta(minutes=5),
        "noshow_at": starts_at + timedelta(minutes=15),
        "exclusive": True,
        "created_at": starts_at - timedelta(days=1),
        "moved_at": starts_at - timedelta(days=1),
        "last_updated": starts_at - timedelta(days=1),
    }
    return Booking(**defaults | facts)


def beside(*rows: Booking) -> None:
    """Their requests, tokens and first events."""
    asked, tokens, events = [], [], []
    for row in rows:
        tree = row.tree()
        token = tree["booking_tokens"][0]
        asked.append(
            BookingAsked(
                booking=row,
                emsp=row.emsp,
                cpo=row.party,
                place=row.place,
                request_id=row.request_id,
                asks="NEW",
                way="RECEIVED",
                status=row.request_status,
                document=json.dumps(tree["booking_requests"][0]["booking_request"]),
                received_at=row.created_at,
                asked_by="SE-ELV",
            )
        )
        tokens.append(
            BookedToken(
                booking=row,
                key=f"{token['country_code']}-{token['party_id']} {token['type']} {token['uid']}",
                period=TimestamptzRange(row.starts_at, row.ends_at),
                exclusive=row.status in ("PENDING", "RESERVED"),
                **token,
            )
        )
        events.append(BookingEvent(booking=row, at=row.created_at, event="ASKED", status="PENDING", by="SE-ELV"))
    BookingAsked.objects.bulk_create(asked)
    BookedToken.objects.bulk_create(tokens)
    BookingEvent.objects.bulk_create(events)


def many(place: BookableLocation, emsp: Party, day: datetime, number: int, evses: list[Evse]) -> list[Booking]:
    """So many within the day, one after the other on each EVSE, half an hour each."""
    rows = [
        unsaved(place, emsp, day + timedelta(minutes=30 * (n // len(evses))), hours=0.5, evse=evses[n % len(evses)])
        for n in range(number)
    ]
    Booking.objects.bulk_create(rows)
    beside(*rows)
    return rows
