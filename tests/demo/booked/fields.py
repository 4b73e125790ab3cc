"""The objects of the bookings chapter as its tables have them: name, type, cardinality. Typed off, so that nothing of ours is
asked whether it is right.

A field is `type card`: 1 and + must be there, ? and * need not; + and * are lists. `36`: a string of at most so many
characters.
"""

from __future__ import annotations

import re
from typing import Any

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z")

OWNER = {"country_code": "2 1", "party_id": "3 1"}
TOKEN = OWNER | {"uid": "36 1", "type": "text 1", "contract_id": "36 1"}
TIMESLOT = {
    "start_from": "time 1",
    "end_before": "time 1",
    "min_power": "number ?",
    "max_power": "number ?",
    "green_energy_support": "bool ?",
}
TIMESLOT_1_1 = {"start_date_time": "time 1", "end_date_time": "time 1"} | {
    name: TIMESLOT[name] for name in ("min_power", "max_power", "green_energy_support")
}
CANCELLATION = {"cancellation_reason": "text 1", "who_canceled": "text 1"}
TERMS = {
    "RFID_auth_required": "bool ?",
    "token_groups_supported": "bool ?",
    "remote_auth_supported": "bool ?",
    "supported_access_methods": "text +",
    "change_until_minutes": "number 1",
    "cancel_until_minutes": "number 1",
    "change_not_allowed": "bool ?",
    "early_start_allowed": "bool ?",
    "early_start_time": "number ?",
    "noshow_timeout": "number ?",
    "noshow_fee": "bool ?",
    "late_stop_allowed": "bool ?",
    "late_stop_time": "number ?",
    "overlapping_bookings_allowed": "bool ?",
    "booking_terms": "255 ?",
}
OPTION = {"vehicle_types": "text +", "format": "text 1", "restricted_to_type": "bool 1"}
"""Those of its fields that are used here."""
OPTION_1_1 = {
    "evse_uid": "36 ?",
    "connector_id": "36 ?",
    "parking_id": "36 ?",
    "vehicle_types": "text *",
    "connector_format": "text *",
}
CALENDAR = {
    "id": "36 1",
    "begin_from": "time 1",
    "end_before": "time 1",
    "step_size": "number ?",
    "available_timeslots": (TIMESLOT, "+"),
    "last_updated": "time 1",
}
PLACE = OWNER | {
    "id": "36 1",
    "location_id": "36 1",
    "evse_uid": "36 ?",
    "connector_id": "36 ?",
    "bookable_parking_options": (OPTION, "*"),
    "bookable": ({"reservation_required": "bool 1", "ad_hoc": "number ?"}, "?"),
    "tariff_id": "36 *",
    "booking_terms": (TERMS, "*"),
    "calendars": (CALENDAR, "*"),
    "last_updated": "time 1",
}
REQUEST = OWNER | {
    "request_id": "36 1",
    "bookable_parking_option": (OPTION, "?"),
    "location_id": "36 1",
    "evse_uid": "36 ?",
    "connector_id": "36 ?",
    "tokens": (TOKEN, "*"),
    "period": (TIMESLOT, "1"),
    "authorization_reference": "36 1",
    "power_required": "number ?",
    "canceled": (CANCELLATION, "?"),
}
REQUEST_1_1 = {name: kind for name, kind in REQUEST.items() if name not in ("bookable_parking_option", "evse_uid")} | {
    "booking_option": (OPTION_1_1, "?"),
    "booking_location_id": "36 1",
    "period": (TIMESLOT_1_1, "1"),
}


def _booking(request: dict[str, Any]) -> dict[str, Any]:
    asked = {"request_status": "text 1", "booking_request": (request, "1"), "request_received": "time 1"}
    return OWNER | {
        "id": "36 1",
        "request_id": "36 1",
        "location_id": "36 1",
        "booking_tokens": (TOKEN, "*"),
        "reservation_status": "text 1",
        "canceled": (CANCELLATION, "?"),
        "authorization_reference": "36 1",
        "booking_requests": (asked, "+"),
        "last_updated": "time 1",
    }


BOOKING = _booking(REQUEST) | {
    "bookable_parking_option": (OPTION, "?"),
    "parking_id": "36 ?",
    "evse_uid": "36 ?",
    "connector_id": "36 ?",
    "tariff_id": "36 *",
    "period": (TIMESLOT, "1"),
    "access_methods": ({"location_access": "text 1", "value": "text ?"}, "*"),
    "booking_terms": (TERMS, "1"),
}
BOOKING_1_1 = _booking(REQUEST_1_1) | {
    "booking_option": (OPTION_1_1, "?"),
    "tariff_ids": "36 *",
    "period": (TIMESLOT_1_1, "1"),
    "access_information": ({"method": "text 1", "value": "text ?"}, "*"),
    "booking_terms": (
        {name.lower(): kind for name, kind in TERMS.items()}
        | {"min_booking_duration": "number ?", "max_booking_duration": "number ?"},
        "1",
    ),
}


def faults(tree: Any, table: dict[str, Any], path: str = "") -> list[str]:
    """What of an object is not as its table says; a field that the table does not have is one, too."""
    if type(tree) is not dict:
        return [f"{path}: no object"]
    found = [f"{path}{name}: not in the table" for name in tree.keys() - table.keys()]
    for name, field in table.items():
        kind, card = field if type(field) is tuple else field.split()
        if name not in tree:
            found += [f"{path}{name}: missing"] if card in ("1", "+") else []
            continue
        value, listed = tree[name], card in ("+", "*")
        if listed and (type(value) is not list or (card == "+" and not value)):
            found.append(f"{path}{name}: no list")
            continue
        for each in value if listed else [value]:
            found += faults(each, kind, f"{path}{name}.") if type(kind) is dict else _fault(each, kind, f"{path}{name}")
    return found


def _fault(value: Any, kind: str, path: str) -> list[str]:
    if kind == "bool":
        right = type(value) is bool
    elif kind == "number":
        right = type(value) in (int, float)
    elif kind == "time":
        right = type(value) is str and TIME.fullmatch(value) is not None
    else:
        right = type(value) is str and 0 < len(value) <= (255 if kind == "text" else int(kind))
    return [] if right else [f"{path}: {value!r} is no {kind}"]
