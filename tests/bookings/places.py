"""What the tests of bookings start from: places of DE-RDK that can be booked, and requests of SE-ELV for them, literally."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from backoffice.bookings.actions import publishing, receiving
from backoffice.bookings.models import BookableLocation, SlotUse
from backoffice.bookings.models.places import Decides
from backoffice.locations.models import Evse, Location
from backoffice.partners.models import Party
from ocpi.wire import json as wire_json
from ocpi.wire.bookings import BookingRequest
from tests.factories import Partner, own_location, small_location

Tree = dict[str, Any]

NOW = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)
DAY = datetime(2026, 4, 2, tzinfo=UTC)

TERMS: Tree = {
    "supported_access_methods": ["TOKEN"],
    "change_until_minutes": 60,
    "cancel_until_minutes": 120,
    "early_start_allowed": True,
    "early_start_time": 10,
    "noshow_timeout": 15,
}

CAR: Tree = {"vehicle_types": ["PERSONAL_VEHICLE"], "format": "CABLE", "restricted_to_type": True}
TRUCK: Tree = {
    "vehicle_types": ["RIGID"],
    "format": "CABLE",
    "restricted_to_type": True,
    "max_vehicle_length": 1200,
    "drive_through": True,
}


def at(hour: float, day: datetime = DAY) -> datetime:
    return day + timedelta(hours=hour)


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def slot(start: datetime, end: datetime, **beside: Any) -> Tree:
    return {"start_from": text(start), "end_before": text(end), **beside}


def calendar(
    object_id: str = "C1", *, step: int | None = 15, days: int = 30, day: datetime = DAY, **beside: Any
) -> Tree:
    """Open from the second of April for so many days, day and night."""
    end = day + timedelta(days=days)
    tree = {
        "id": object_id,
        "begin_from": text(day),
        "end_before": text(end),
        "step_size": step,
        "available_timeslots": [slot(day, end)],
    } | beside
    return {name: value for name, value in tree.items() if value is not None}


def premises(object_id: str = "LOC1", evses: int = 1, **changes: Any) -> Location:
    """A location of ours with EVSEs E1, E2 ..."""
    tree = small_location(object_id, "DE-RDK")
    tree["evses"] = [deepcopy(tree["evses"][0]) | {"uid": f"E{number + 1}"} for number in range(evses)]
    return own_location(tree | changes)


def one_evse(location: Location, object_id: str = "P1", **offer: Any) -> BookableLocation:
    """EVSE E1, bookable by itself."""
    return _published(location, object_id, {"evse": Evse.objects.get(location=location, uid="E1")} | offer)


def alike(location: Location, object_id: str = "P1", **offer: Any) -> BookableLocation:
    """All EVSEs of the location, one as good as another."""
    evses = list(Evse.objects.filter(location=location).values_list("pk", flat=True))
    return _published(location, object_id, {"options": [CAR], "spaces": {0: evses}} | offer)


def _published(location: Location, object_id: str, offer: Tree) -> BookableLocation:
    given = {"terms": [TERMS], "calendars": [calendar()], "decides": Decides.ITSELF} | offer
    now = given.pop("now", NOW - timedelta(days=1))
    return publishing.publish(publishing.Offer(location=location, object_id=object_id, **given), by="staff", now=now)


def asked(request_id: str = "R1", start: datetime | None = None, end: datetime | None = None, **changes: Any) -> Tree:
    """A BookingRequest of SE-ELV for LOC1, from ten to eleven."""
    tree: Tree = {
        "country_code": "SE",
        "party_id": "ELV",
        "request_id": request_id,
        "location_id": "LOC1",
        "tokens": [token()],
        "period": slot(start or at(10), end or at(11)),
        "authorization_reference": f"AUTH-{request_id}",
    } | changes
    return {name: value for name, value in tree.items() if value is not None}


def token(uid: str = "TAG1", **changes: Any) -> Tree:
    return {
        "country_code": "SE",
        "party_id": "ELV",
        "uid": uid,
        "type": "RFID",
        "contract_id": "SE-ELV-C00000001-1",
    } | changes


def canceled(reason: str = "TRAFFIC", who: str = "EMSP") -> Tree:
    return {"cancellation_reason": reason, "who_canceled": who}


def ask(partner: Partner, tree: Tree, *, now: datetime = NOW, correlation: str = "") -> Any:
    """The partner's eMSP asks us."""
    party = partner.party
    return receiving.receive(
        receiving.Request(
            emsps={(party.country_code, party.party_id): party.pk},
            cpos=list(Party.objects.filter(ours=True).values_list("pk", flat=True)),
            tree=tree,
            value=wire_json.validate(BookingRequest, tree),
            now=now,
            connection=partner.connection.pk,
            asked_by="Partner",
            correlation_id=correlation,
        )
    )


def used(place: BookableLocation) -> dict[datetime, int]:
    """What is used of its spaces, by unit."""
    rows = SlotUse.objects.filter(resource__place=place, used__gt=0)
    return dict(rows.order_by("starts_at").values_list("starts_at", "used"))
