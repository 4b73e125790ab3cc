"""The partner of literal bytes as a CPO: drivers of ours book at it, and it tells what becomes of that, and what cannot be."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.demo.booked.fields import REQUEST, faults
from tests.demo.booked.literal import TARIFF, Literal, now
from tests.demo.booked.sides import WITHIN, Side, minute, text

RECEIVER = "receiver/bookings/NL/LIT"

CDR = """{"country_code":"NL","party_id":"LIT","id":"LIT-C1","start_date_time":"2026-03-10T09:00:00Z",
"end_date_time":"2026-03-10T10:00:00Z","session_id":"LIT-S1","booking_id":"%(booking)s","cdr_token":%(token)s,
"auth_method":"AUTH_REQUEST","authorization_reference":"%(reference)s","cdr_location":{"id":"KADE","address":"Kade 1",
"city":"Gent","country":"BEL","coordinates":{"latitude":"51.050000","longitude":"3.720000"},"evse_uid":"P-YES",
"evse_id":"NL*LIT*E1","connector_id":"1","connector_standard":"IEC_62196_T2","connector_format":"CABLE",
"connector_power_type":"AC_3_PHASE"},"currency":"EUR","tariffs":[%(tariff)s],"charging_periods":[
{"start_date_time":"2026-03-10T09:00:00Z","dimensions":[{"type":"RESERVATION_TIME","volume":0.25}],"tariff_id":"LT1"},
{"start_date_time":"2026-03-10T09:15:00Z","dimensions":[{"type":"ENERGY","volume":10.0},{"type":"TIME","volume":0.5}],
"tariff_id":"LT1"},{"start_date_time":"2026-03-10T09:45:00Z","dimensions":[{"type":"ENERGY","volume":1.0},
{"type":"TIME","volume":0.25},{"type":"RESERVATION_OVERTIME","volume":0.25}],"tariff_id":"LT1"}],
"total_cost":{"before_taxes":9.5,"taxes":[{"name":"VAT","percentage":21,"amount":1.995}]},
"total_reservation_cost":{"before_taxes":4.0,"taxes":[{"name":"VAT","percentage":21,"amount":0.84}]},
"total_energy_cost":{"before_taxes":5.5,"taxes":[{"name":"VAT","percentage":21,"amount":1.155}]},
"total_energy":11.0,"total_time":1.0,"last_updated":"2026-03-10T10:00:05Z"}"""


class AsCpo:
    """Drivers of ours book at it."""

    def __init__(self, peer: Literal, home: Side) -> None:
        self.peer, self.home = peer, home
        self.left = list(home.drivers)

    def book(self, place: str, start: datetime | None = None) -> Any:
        start = start or minute(60).replace(minute=0) + timedelta(hours=1)
        contract, card = self.left.pop()
        body = {
            "contract_id": contract,
            "country_code": "NL",
            "party_id": "LIT",
            "place": place,
            "starts_at": text(start),
            "ends_at": text(start + timedelta(minutes=30)),
        }
        return self.home.app.good("POST", "/bookings", body) | {"card": card}

    def until(self, booking: Any, status: str, **fields: str) -> Any:
        wanted = {"status": status} | fields

        def seen() -> Any:
            told = self.home.app.good("GET", f"/bookings/{booking['booking']}")
            return "booking_id" in told and wanted.items() <= told.items() and told

        return self.home.platform.until(seen, WITHIN)

    def kept(self, booking: Any) -> Any:
        """The booking as the partner keeps it, once it was asked for."""
        told = self.until(booking, booking.get("want", "RESERVED"))
        return next(each for each in self.peer.booked.values() if each.name == told["booking_id"])

    def push(self, kept: Any, status: str | None = None, *, http: int | None = 200, **changes: str) -> None:
        kept.status = status or kept.status
        self.peer.good("PUT", f"{RECEIVER}/{kept.name}", kept.bytes(**changes), status=http)

    def patch(self, kept: Any, fields: str, at: str = "") -> tuple[int, int]:
        return self.peer.says(
            "PATCH", f"{RECEIVER}/{kept.name}", f'{{{fields},"last_updated":"{at or now()}"}}'.encode()
        )

    def stored(self, kept: Any) -> Any:
        return self.peer.good("GET", f"{RECEIVER}/{kept.name}")

    def offers(self) -> None:
        """Three places are pulled or pushed whole, and one of them told again with another calendar."""
        for place in self.peer.places:
            name = json.loads(place)["id"]
            self.peer.good("PUT", f"{RECEIVER}/booking_locations/{name}", place, status=None)
        kind = self.peer.place("P-KIND")
        self.peer.good("PUT", f"{RECEIVER}/booking_locations/P-KIND", kind, status=201)
        assert self.peer.good("GET", f"{RECEIVER}/booking_locations/P-KIND") == json.loads(kind)
        patch = b'{"step_size":30,"last_updated":"2026-02-01T00:00:00Z"}'
        self.peer.good("PATCH", f"{RECEIVER}/booking_locations/P-KIND/LC1", patch)
        told = self.peer.good("GET", f"{RECEIVER}/booking_locations/P-KIND")
        assert (told["calendars"][0]["step_size"], told["last_updated"]) == (30, "2026-02-01T00:00:00Z")

    def books(self) -> None:
        asked = {
            name: self.book(place) | {"want": want}
            for name, place, want in (
                *(("charges", "P-YES", "RESERVED"), ("waits", "P-WAIT", "PENDING"), ("no", "P-NO", "REJECTED")),
                *(("kind", "P-KIND", "PENDING"), ("misses", "P-YES", "RESERVED"), ("broken", "P-YES", "RESERVED")),
                *(("back", "P-YES", "RESERVED"), ("moves", "P-YES", "RESERVED")),
            )
        }
        kept = {name: self.kept(told) for name, told in asked.items()}
        for each in kept.values():
            assert faults(each.first, REQUEST) == []
        assert (kept["charges"].first["evse_uid"], "bookable_parking_option" in kept["kind"].first) == ("P-YES", True)
        self.until(asked["no"], "REJECTED", request_status="DECLINED")

        # granted after a while, and given a charge point later
        for name in ("waits", "kind"):
            kept[name].requests[0][0] = "ACCEPTED"
            self.push(kept[name], "RESERVED")
            self.until(asked[name], "RESERVED", request_status="ACCEPTED")
        assert self.patch(kept["kind"], '"evse_uid":"P-YES"') == (200, 1000)
        self.until(asked["kind"], "RESERVED", evse_uid="P-YES")

        # changed and taken back by the driver
        later = minute(60).replace(minute=0) + timedelta(hours=4)
        there = {"starts_at": text(later), "ends_at": text(later + timedelta(minutes=30))}
        self.home.app.good("POST", f"/bookings/{asked['moves']['booking']}/change", there)
        self.home.platform.until(lambda: len(kept["moves"].requests) == 2, WITHIN)
        self.until(asked["moves"], "RESERVED", request_status="PENDING")
        change = kept["moves"].requests[-1][1]
        assert change["request_id"] == kept["moves"].first["request_id"] and faults(change, REQUEST) == []
        kept["moves"].requests[-1][0], kept["moves"].period = "ACCEPTED", change["period"]
        self.push(kept["moves"])
        self.until(asked["moves"], "RESERVED", request_status="ACCEPTED", starts_at=text(later))
        self.home.app.good("POST", f"/bookings/{asked['back']['booking']}/cancel", {"reason": "BROKEN_VEHICLE"})
        self.until(asked["back"], "CANCELED", canceled_reason="BROKEN_VEHICLE", canceled_by="EMSP")
        assert kept["back"].requests[-1][1]["canceled"] == {
            "cancellation_reason": "BROKEN_VEHICLE",
            "who_canceled": "EMSP",
        }

        # what becomes of it at the other side
        assert self.patch(kept["misses"], '"reservation_status":"NO_SHOW"') == (200, 1000)
        self.until(asked["misses"], "NO_SHOW")
        kept["broken"].canceled = '"canceled":{"cancellation_reason":"BROKEN_CHARGER","who_canceled":"CPO"},'
        self.push(kept["broken"], "CANCELED")
        self.until(asked["broken"], "CANCELED", canceled_reason="BROKEN_CHARGER", canceled_by="CPO")
        self.push(kept["charges"], "FULFILLED")
        self.until(asked["charges"], "FULFILLED")
        self.misbehaves(kept)
        self.bills(kept["charges"])

    def misbehaves(self, kept: dict[str, Any]) -> None:
        """Late, again, for somebody else's driver, against what was said."""
        over, waits = kept["charges"], kept["waits"]
        before = {name: self.stored(each) for name, each in kept.items()}
        again = json.dumps(before["charges"]).encode()
        self.peer.good("PUT", f"{RECEIVER}/{over.name}", again)
        self.peer.good("PUT", f"{RECEIVER}/{waits.name}", waits.bytes(at="2026-01-01T00:00:00Z", status="FAILED"))
        assert self.patch(waits, '"reservation_status":"FAILED"', at="2026-01-01T00:00:00Z") == (200, 1000)
        for status in ("RESERVED", "CANCELED", "NO_SHOW"):
            assert self.patch(over, f'"reservation_status":"{status}"') == (200, 2001)
        foreign = waits.bytes(id="LB99", request="R-NOBODYS").replace(b'"party_id": "RDK"', b'"party_id": "XYZ"')
        assert self.peer.says("PUT", f"{RECEIVER}/LB99", foreign) == (200, 2001)
        assert self.peer.says("PUT", f"{RECEIVER}/LB98", waits.bytes(id="LB98")) == (200, 2001), "another's request"
        assert self.peer.says("PUT", f"{RECEIVER}/LB97", waits.bytes()) == (200, 2001), "another's address"
        other = RECEIVER.replace("/LIT", "/XYZ")
        assert self.peer.says("PUT", f"{other}/{waits.name}", waits.bytes())[1] == 2001
        patch = f'{{"reservation_status":"NO_SHOW","last_updated":"{now()}"}}'.encode()
        assert self.peer.says("PATCH", f"{RECEIVER}/LB96", patch)[0] == 404
        assert self.peer.says("PATCH", f"{RECEIVER}/{waits.name}", b'{"reservation_status":"NO_SHOW"}') == (200, 2001)
        assert {name: self.stored(each) for name, each in kept.items()} == before

    def bills(self, kept: Any) -> None:
        """A charge that was begun a quarter of an hour after the start and ended a quarter after the end."""
        token = json.dumps(kept.first["tokens"][0])
        told = {
            "booking": kept.name,
            "token": token,
            "reference": kept.first["authorization_reference"],
            "tariff": TARIFF,
        }
        bill = CDR % told
        self.peer.good("POST", "receiver/cdrs", bill.encode(), status=201)
        verdict = "SELECT verdict, our_excl, sentence FROM cdrs_cdr WHERE object_id = 'LIT-C1'"
        ((said, ours, sentence),) = self.home.platform.until(
            lambda: (rows := self.home.ask(verdict)) and rows[0][0] != "WAITING" and rows, WITHIN
        )
        assert (said, ours) == ("AGREED", Decimal("9.5")), sentence
