"""The partner of literal bytes as an eMSP: it books at ours, and is told what becomes of it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.demo.booked.fields import BOOKING, BOOKING_1_1, CALENDAR, PLACE, REQUEST, faults
from tests.demo.booked.literal import Literal
from tests.demo.booked.sides import LITERAL, WITHIN, Side, minute, over, text
from tests.peer import assert_ocpi_answer

SENDER = "sender/bookings"

TOKEN = '{"country_code":"NL","party_id":"LIT","uid":"%s","type":"RFID","contract_id":"NL-LIT-C1"}'
REQUEST_BODY = """{"country_code":"NL","party_id":"LIT","request_id":"%s",%s"tokens":[%s],
"period":{"start_from":"%s","end_before":"%s"},"authorization_reference":"AUTH-%s"%s}"""
REQUEST_BODY_1_1 = """{"country_code":"NL","party_id":"LIT","request_id":"%s","location_id":"LITERAL",
"booking_location_id":"L-ONE","booking_option":{"evse_uid":"L1"},"tokens":[%s],"period":{"start_date_time":"%s",
"end_date_time":"%s"},"authorization_reference":"AUTH-%s"}"""
KIND = """"location_id":"ALIKE","bookable_parking_option":{"vehicle_types":["PERSONAL_VEHICLE"],"format":"SOCKET",
"restricted_to_type":false},"""
CANCELED = ',"canceled":{"cancellation_reason":"TRAFFIC","who_canceled":"EMSP"}'

EDITION = "UPDATE partners_connection SET bookings_edition = '{edition}' WHERE name = 'LIT' RETURNING 1"

OWED = """SELECT count(*) FROM delivery_message m JOIN partners_connection c ON c.id = m.connection_id
    WHERE c.name = 'LIT' AND m.state = 'DUE'"""


def evse(uid: str) -> str:
    return f'"location_id":"LITERAL","evse_uid":"{uid}",'


class AsEmsp:
    """It books at ours."""

    def __init__(self, peer: Literal, home: Side) -> None:
        self.peer, self.home, self.new = peer, home, ""

    def post(
        self, request: str, what: str, start: datetime, minutes: float = 30, *, card: str = "", more: str = ""
    ) -> Any:
        """The Booking with which we answer."""
        period = text(start), text(start + timedelta(minutes=minutes))
        body = REQUEST_BODY % (request, what, TOKEN % (card or f"LIT-{request}"), *period, request, more)
        assert faults(json.loads(body), REQUEST) == []
        told = self.peer.good("POST", SENDER, body.encode())
        assert faults(told, BOOKING) == []
        assert told["request_id"] == request and told["authorization_reference"] == f"AUTH-{request}"
        return told

    def held(self, booking: Any, status: str, request: str = "", **fields: Any) -> Any:
        """What was pushed of it, once it says so."""
        wanted = {"reservation_status": status} | fields
        key = f"bookings/DE/RDK/{booking['id']}"

        def come() -> Any:
            told = self.peer.held.get(key)
            last = told and told["booking_requests"][-1]["request_status"]
            return told and wanted.items() <= told.items() and (not request or last == request) and told

        told = self.home.platform.until(come, WITHIN)
        assert faults(told, BOOKING) == []
        return told

    def looks(self) -> None:
        """At what can be booked, in pages and one by one."""
        first = self.peer.ask("GET", f"2.3.0/{SENDER}/booking_locations?limit=1")
        (told,) = assert_ocpi_answer(first)
        assert 'rel="next"' in first.headers["Link"] and int(first.headers["X-Total-Count"]) >= 4
        assert faults(told, PLACE) == []
        listed = self.peer.good("GET", f"{SENDER}/booking_locations")
        assert [fault for place in listed for fault in faults(place, PLACE)] == []
        places = {place["id"]: place for place in listed if place["location_id"] in LITERAL}
        assert places.keys() == {"L-ONE", "L-KIND", "L-STAFF", "L-LATE"}
        assert places["L-ONE"]["evse_uid"] == "L1" and "bookable_parking_options" in places["L-KIND"]
        (calendar,) = places["L-ONE"]["calendars"]
        assert self.peer.good("GET", f"{SENDER}/booking_locations/L-ONE") == places["L-ONE"]
        told = self.peer.good("GET", f"{SENDER}/booking_locations/L-ONE/{calendar['id']}")
        assert told == calendar and faults(told, CALENDAR) == []
        none = self.peer.good("GET", f"{SENDER}/booking_locations?timeslot_from=2031-01-01T00:00:00Z")
        assert [place for place in none if place["location_id"] in LITERAL] == []

    def books(self) -> None:
        soon, later = minute(30), minute(240)
        one = self.post("R-ONE", evse("L1"), soon)
        assert (one["reservation_status"], one["evse_uid"], one["tariff_id"]) == ("RESERVED", "L1", ["RDK-BOOKED-EUR"])
        assert one["booking_requests"][0]["request_status"] == "ACCEPTED"
        # the same once more is the same; the same space for another is not there
        assert self.post("R-ONE", evse("L1"), soon)["id"] == one["id"]
        assert self.post("R-TWICE", evse("L1"), soon)["reservation_status"] == "REJECTED"
        # changed, with the same request_id
        changed = self.post("R-ONE", evse("L1"), later)
        assert (changed["id"], changed["period"]["start_from"]) == (one["id"], text(later))
        assert [each["request_status"] for each in changed["booking_requests"]] == ["ACCEPTED", "ACCEPTED"]
        # by the kind of space: counted, assigned later
        kinds = [self.post(f"R-KIND-{number}", KIND, soon) for number in range(3)]
        assert [each["reservation_status"] for each in kinds] == ["RESERVED", "RESERVED", "REJECTED"], kinds
        assert [each["evse_uid"] for each in kinds] == ["#NA"] * 3
        # staff decide
        waiting = [self.post(f"R-STAFF-{hour}", evse("L4"), soon + timedelta(hours=hour)) for hour in range(3)]
        assert {each["reservation_status"] for each in waiting} == {"PENDING"}
        late = self.post("R-LATE", evse("L5"), later)
        self.home.decide(
            *((each["id"], deed) for each, deed in zip(waiting, ("accept", "decline", "fail"), strict=True)),
            (kinds[0]["id"], "assign"),
            (kinds[1]["id"], "cancel"),
        )
        self.held(waiting[0], "RESERVED", "ACCEPTED")
        self.held(waiting[1], "REJECTED", "DECLINED")
        self.held(waiting[2], "FAILED", "FAILED")
        self.held(kinds[0], "RESERVED", evse_uid="L2")
        gone = self.held(kinds[1], "CANCELED", "ACCEPTED")
        assert gone["canceled"] == {"cancellation_reason": "FULL", "who_canceled": "CPO"}
        # taken back in time, and too late
        back = self.post("R-STAFF-0", evse("L4"), soon, more=CANCELED)
        assert back["canceled"] == {"cancellation_reason": "TRAFFIC", "who_canceled": "EMSP"}
        stays = self.post("R-LATE", evse("L5"), later, more=CANCELED)
        assert (stays["id"], stays["reservation_status"], "canceled" in stays) == (late["id"], "RESERVED", False)
        assert stays["booking_requests"][-1]["request_status"] == "DECLINED"
        # what is over stays so
        final = self.post("R-STAFF-0", evse("L4"), later)
        assert (final["reservation_status"], final["booking_requests"][-1]["request_status"]) == (
            "CANCELED",
            "DECLINED",
        )

    def is_refused(self) -> None:
        """What is no booking, and what never can be one."""
        for request, what, start, minutes in (
            ("R-PAST", evse("L1"), minute(-60), 30),
            ("R-FAR", evse("L1"), minute(60 * 24 * 30), 30),
            ("R-YEARS", evse("L1"), minute(60), 60 * 24 * 3650),
            ("R-NONE", evse("L1"), minute(60), -30),
        ):
            assert self.post(request, what, start, minutes)["reservation_status"] == "REJECTED", request
        body = REQUEST_BODY % ("R-BAD", evse("L1"), TOKEN % "X", text(minute(60)), text(minute(90)), "R-BAD", "")
        for wrong, code in (
            (body.replace('"LIT","uid"', '"XYZ","uid"'), 2001),
            (body.replace('"party_id":"LIT","request_id"', '"party_id":"XYZ","request_id"'), 2001),
            (body.replace('"LITERAL"', '"NOWHERE"'), 2003),
            (body.replace('"R-BAD"', '"%s"' % ("R" * 37)), 2001),
            (body.replace('"end_before"', '"end"'), 2001),
            (body[:-1] + CANCELED + "}", 2001),
        ):
            assert self.peer.says("POST", SENDER, wrong.encode()) == (200, code), wrong

    def comes(self) -> dict[str, Any]:
        """Drivers with cards that we know from their bookings only: in time and too long; never."""
        long = self.post("R-LONG", evse("L1"), minute(-3), 4, card="LIT-LONG")
        missed = self.post("R-MISSED", evse("L5"), minute())
        self.home.begin("L1", "LIT-LONG")
        return {"long": self.held(long, "FULFILLED"), "missed": self.held(missed, "NO_SHOW")}

    def is_billed(self, came: dict[str, Any]) -> None:
        long, missed = came["long"], came["missed"]
        self.home.platform.until(lambda: over(long["period"]["end_before"]), 90)
        self.home.end("L1", "LIT-LONG")
        ids = {long["id"], missed["id"]}

        def billed() -> Any:
            found = [json.loads(each.body, parse_float=Decimal) for each in self.peer.pushed("POST", "cdrs")]
            bills = {each["booking_id"]: each for each in found if each.get("booking_id") in ids}
            return bills.keys() == ids and bills

        bills = self.home.platform.until(billed, WITHIN)
        told = {
            name: {d["type"]: d["volume"] for p in bill["charging_periods"] for d in p["dimensions"]}
            for name, bill in bills.items()
        }
        assert told[missed["id"]].keys() == {"RESERVATION_TIME", "RESERVATION_EXPIRES"}
        assert told[long["id"]].keys() == {"RESERVATION_TIME", "TIME", "ENERGY", "RESERVATION_OVERTIME"}
        bill = bills[long["id"]]
        assert bill["authorization_reference"] == "AUTH-R-LONG" and bill["cdr_token"]["uid"] == "LIT-LONG"
        assert bills[missed["id"]]["total_cost"]["before_taxes"] == 4
        # for having booked 1.00; of the minutes beyond the end each that has begun 0.20; energy by 0.55
        energy = bill["total_energy_cost"]["before_taxes"]
        late = bill["total_reservation_cost"]["before_taxes"] - 1
        assert 0 < late < 2 and late % Decimal("0.2") == 0
        assert bill["total_cost"]["before_taxes"] == 1 + late + energy
        sessions = [each.json for each in self.peer.pushed("PUT", "sessions") if each.json["id"] == bill["session_id"]]
        assert [each["status"] for each in sessions][-1] == "COMPLETED"
        assert {each["authorization_reference"] for each in sessions} == {"AUTH-R-LONG"}

    def in_edition_1_1(self) -> None:
        self.home.platform.until(lambda: self.home.ask(OWED) == [(0,)], WITHIN)  # in the edition of their time
        self.home.ask(EDITION, edition="1.1")
        start = minute(600)
        body = REQUEST_BODY_1_1 % (
            "R-NEW",
            TOKEN % "LIT-NEW",
            text(start),
            text(start + timedelta(minutes=30)),
            "R-NEW",
        )
        new = self.peer.good("POST", SENDER, body.encode())
        assert faults(new, BOOKING_1_1) == []
        assert new["reservation_status"] == "RESERVED"
        assert new["booking_option"] == {"evse_uid": "L1", "connector_id": "#NA"}
        assert new["booking_requests"][0]["booking_request"] == json.loads(body)
        self.peer.good("POST", SENDER, (body[:-1] + CANCELED + "}").encode())
        key = f"bookings/DE/RDK/{new['id']}"
        self.new = new["id"]
        canceled = self.home.platform.until(
            lambda: (told := self.peer.held.get(key)) and told["reservation_status"] == "CANCELED" and told, WITHIN
        )
        assert faults(canceled, BOOKING_1_1) == [], canceled
        assert canceled["canceled"] == {"cancellation_reason": "TRAFFIC", "who_canceled": "EMSP"}
        self.home.ask(EDITION, edition="1.0")

    def agrees(self) -> None:
        """What we list is what was pushed last, to the letter."""
        listed = {each["id"]: each for each in self.peer.good("GET", SENDER)}
        assert {status["reservation_status"] for status in listed.values()} == {
            *("RESERVED", "REJECTED", "FAILED", "FULFILLED", "CANCELED", "NO_SHOW"),
        }
        held = {each["id"]: self.peer.held.get(f"bookings/DE/RDK/{each['id']}") for each in listed.values()}
        del held[self.new]  # it was told in the other edition
        assert len(held) == 15
        assert [name for name in held if held[name] != listed[name]] == []
