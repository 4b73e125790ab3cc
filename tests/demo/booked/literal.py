"""A partner of literal bytes that books and lets book: eMSP, CPO and payment terminal provider in one.

Its answers and pushes are JSON typed off the specification's tables. As a CPO it answers a request for a booking as the place is
called that is asked for.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.peer import RawAnswer, Received, ScriptedPeer, assert_ocpi_answer
from tests.peer.platform import _Answer

MODULES = ("bookings", "payments", "locations", "tariffs", "sessions", "cdrs", "tokens", "commands")
SAYS = {"P-YES": ("RESERVED", "ACCEPTED"), "P-WAIT": ("PENDING", "PENDING"), "P-NO": ("REJECTED", "DECLINED")}
"""By place: what its booking is at once, and what the request for it is."""
CARDS = ("P-CARD", "P-HALF")
"""EVSEs at which cards pay."""

_EVSE = """{"uid":"%s","evse_id":"NL*LIT*E%d","status":"AVAILABLE","capabilities":["REMOTE_START_STOP_CAPABLE"],
"connectors":[{"id":"1","standard":"IEC_62196_T2","format":"CABLE","power_type":"AC_3_PHASE","max_voltage":230,
"max_amperage":32,"tariff_ids":["LT1"],"last_updated":"2026-01-01T00:00:00Z"}],"last_updated":"2026-01-01T00:00:00Z"}"""
_LOCATION = """{"country_code":"NL","party_id":"LIT","id":"KADE","publish":true,"address":"Kade 1","city":"Gent",
"country":"BEL","coordinates":{"latitude":"51.050000","longitude":"3.720000"},"evses":[%s],"time_zone":"Europe/Brussels",
"last_updated":"2026-01-01T00:00:00Z"}"""
TARIFF = """{"country_code":"NL","party_id":"LIT","id":"LT1","currency":"EUR","preauthorize_amount":20,"elements":[
{"price_components":[{"type":"FLAT","price":1.0,"vat":21,"step_size":1}],"restrictions":{"reservation":"RESERVATION"}},
{"price_components":[{"type":"FLAT","price":4.0,"vat":21,"step_size":1}],
"restrictions":{"reservation":"RESERVATION_EXPIRES"}},
{"price_components":[{"type":"TIME","price":12.0,"vat":21,"step_size":60}],
"restrictions":{"reservation":"RESERVATION_OVERTIME"}},
{"price_components":[{"type":"ENERGY","price":0.5,"vat":21,"step_size":1}]}],"tax_included":"NO",
"last_updated":"2026-01-01T00:00:00Z"}"""
TERMS = """{"RFID_auth_required":false,"supported_access_methods":["ACCESS_CODE"],"change_until_minutes":10,
"cancel_until_minutes":10,"noshow_timeout":15,"noshow_fee":true,"late_stop_allowed":true,"late_stop_time":30}"""
_KIND = '{"vehicle_types":["PERSONAL_VEHICLE"],"format":"CABLE","restricted_to_type":false}'
_PLACE = """{"country_code":"NL","party_id":"LIT","id":"%s","location_id":"KADE",%s,
"bookable":{"reservation_required":false,"ad_hoc":1},"tariff_id":["LT1"],"booking_terms":[%s],"calendars":[{"id":"LC1",
"begin_from":"%s","end_before":"%s","step_size":15,"available_timeslots":[{"start_from":"%s","end_before":"%s",
"min_power":3700,"max_power":11000,"green_energy_support":true}],"last_updated":"%s"}],"last_updated":"%s"}"""
BOOKING = """{"id":"%(id)s","country_code":"NL","party_id":"LIT","request_id":"%(request)s","location_id":"KADE",
"evse_uid":"%(evse)s","booking_tokens":%(tokens)s,"tariff_id":["LT1"],"period":%(period)s,
"reservation_status":"%(status)s",%(canceled)s"access_methods":[{"location_access":"ACCESS_CODE","value":"1224"}],
"authorization_reference":"%(reference)s","booking_terms":%(terms)s,"booking_requests":[%(requests)s],
"last_updated":"%(at)s"}"""


def now(after: float = 0) -> str:
    """Seconds from now, to the millisecond: two pushes of a second are told apart."""
    moment = datetime.now(UTC) + timedelta(seconds=after)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


class Booked:
    """A booking that this partner keeps for a driver of ours, and how it tells of it."""

    def __init__(self, name: str, request: Any, status: str, said: str) -> None:
        self.name, self.first, self.status, self.canceled = name, request, status, ""
        self.evse = request.get("evse_uid", "#NA")
        self.period = request["period"]
        self.requests = [[said, request, now()]]

    def asked(self, request: Any, said: str) -> None:
        self.requests.append([said, request, now()])

    def bytes(self, *, at: str = "", **changes: str) -> bytes:
        row = '{"request_status":"%s","booking_request":%s,"request_received":"%s"}'
        given = {
            "id": self.name,
            "request": self.first["request_id"],
            "evse": self.evse,
            "tokens": json.dumps(self.first["tokens"]),
            "period": json.dumps(self.period),
            "status": self.status,
            "canceled": self.canceled,
            "reference": self.first["authorization_reference"],
            "terms": TERMS,
            "requests": ",".join(row % (said, json.dumps(body), told) for said, body, told in self.requests),
            "at": at or now(),
        }
        return (BOOKING % (given | changes)).encode()


class Literal(ScriptedPeer):
    def __init__(self) -> None:
        super().__init__(party_id="LIT", sender_modules=MODULES, receiver_modules=MODULES)
        self.booked: dict[str, Booked] = {}
        """By request_id."""
        self.results: dict[str, Any] = {}
        """What others posted to a response_url of ours: its last part, to the body."""
        uids = (*SAYS, *CARDS)
        evses = ",".join(_EVSE % (uid, number) for number, uid in enumerate(uids, 1))
        self.objects["locations"] = [(_LOCATION % evses).encode()]
        self.objects["tariffs"] = [TARIFF.encode()]
        self.places = [self.place(uid, f'"evse_uid":"{uid}"') for uid in SAYS]

    def credentials(self, token: str) -> bytes:
        said = json.loads(super().credentials(token))
        said["roles"] = [said["roles"][0] | {"role": role} for role in ("CPO", "EMSP", "OTHER")]
        return json.dumps(said).encode()

    @staticmethod
    def place(name: str, what: str = f'"bookable_parking_options":[{_KIND}]', at: str = "") -> bytes:
        day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        opens, closes = (f"{day + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}" for days in (0, 3))
        told = at or "2026-01-01T00:00:00Z"
        return (_PLACE % (name, what, TERMS, opens, closes, opens, closes, told, told)).encode()

    # --- it asks and tells ----------------------------------------------------------------------------------------------

    def ask(self, method: str, path: str, body: bytes | None = None) -> RawAnswer:
        """`path`: from the version on, at the platform with which it has registered."""
        assert self.other_versions_url is not None
        return self.call(method, self.other_versions_url.replace("/versions", f"/{path}"), self.token_for_other, body)

    def good(self, method: str, path: str, body: bytes | None = None, status: int | None = 200) -> Any:
        return assert_ocpi_answer(self.ask(method, f"2.3.0/{path}", body), status=status)

    def says(self, method: str, path: str, body: bytes | None = None) -> tuple[int, int]:
        """HTTP status and OCPI status code of what may be refused."""
        answer = self.ask(method, f"2.3.0/{path}", body)
        return answer.status, answer.json["status_code"]

    # --- it is asked ----------------------------------------------------------------------------------------------------

    def answer(self, request: Received) -> _Answer:
        path = request.path.strip("/").split("/")
        if self._token_of(request) not in self.accepts:
            return super().answer(request)
        if path[2:4] == ["sender", "bookings"]:
            return self._bookings(request, path[4:])
        if path[2:4] == ["sender", "payments"]:
            return (
                _Answer(data=b"[]", headers={"X-Total-Count": "0", "X-Limit": "50"})
                if request.method == "GET"
                else _Answer()
            )
        if path[2:4] == ["receiver", "commands"]:
            return _Answer(data=b'{"result":"ACCEPTED","timeout":30}')
        if path[0] == "results":
            self.results[path[1]] = request.json
            return _Answer()
        return super().answer(request)

    def _bookings(self, request: Received, below: list[str]) -> _Answer:
        if request.method == "POST":
            return self._asked(request.json)
        if not below:
            found = [each.bytes() for each in self.booked.values()]
        elif len(below) == 1:
            found = self.places
        else:
            one = next((text for text in self.places if json.loads(text)["id"] == below[1]), None)
            return _Answer(404, status_code=2000) if one is None else _Answer(data=one)
        headers = {"X-Total-Count": str(len(found)), "X-Limit": "50"}
        return _Answer(data=b"[" + b",".join(found) + b"]", headers=headers)

    def _asked(self, request: Any) -> _Answer:
        known = self.booked.get(request["request_id"])
        place = request.get("evse_uid", "P-WAIT")
        if known is None:
            name = f"LB{len(self.booked) + 1}"
            known = self.booked[request["request_id"]] = Booked(name, request, *SAYS[place])
        elif "canceled" in request:
            known.asked(request, "ACCEPTED")
            known.status, known.canceled = "CANCELED", f'"canceled":{json.dumps(request["canceled"])},'
        else:
            known.asked(request, "PENDING")
        return _Answer(data=known.bytes())
