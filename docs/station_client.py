"""A charge-station system in one file, to copy from: it says where it stands, waits for an order to start (or shows a card),
charges, obeys an order to stop, and ends the charge. Only the standard library.

    python docs/station_client.py --url https://roamdesk.example --key rdk_... [--card 04A2B3C4D5E680]

It plays one charge point with one connector. What a real system replaces: the numbers of the meter, and the loop over stations.
See docs/station_api.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
import uuid
from datetime import UTC, datetime
from typing import Any

LOCATION = {
    "publish": True,
    "name": "Depot Nord",
    "address": "Hafenstraße 7",
    "city": "Hamburg",
    "postal_code": "20457",
    "country": "DEU",
    "coordinates": {"latitude": "53.543100", "longitude": "9.998700"},
    "time_zone": "Europe/Berlin",
}
CONNECTOR = {
    "id": "1",
    "standard": "IEC_62196_T2",
    "format": "SOCKET",
    "power_type": "AC_3_PHASE",
    "max_voltage": 230,
    "max_amperage": 32,
}
CAPABILITIES = ["REMOTE_START_STOP_CAPABLE", "UNLOCK_CAPABLE", "RFID_READER"]


class Refused(Exception):
    """The platform said no; the sentence is its own."""


class Platform:
    """Calls the API. What changes something carries an Idempotency-Key, so that it can be sent again until an answer comes."""

    def __init__(self, url: str, key: str) -> None:
        self.root = url.rstrip("/") + "/api/stations/v1"
        self.key = key

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid.uuid4())
        data = None if body is None else json.dumps(body).encode()
        for attempt in range(6):
            request = urllib.request.Request(self.root + path, data, headers, method=method)
            try:
                with urllib.request.urlopen(request, timeout=40) as answer:
                    wait = float(answer.headers.get("Retry-After") or 0)
                    text = answer.read()
                    if wait:
                        time.sleep(wait)
                    return json.loads(text) if text else None
            except urllib.error.HTTPError as error:
                problem = json.loads(error.read())
                if error.code not in (429, 503) and problem.get("code") != "in_progress":
                    raise Refused(f"{method} {path}: {problem['title']}: {problem.get('detail', '')}") from error
                time.sleep(float(error.headers.get("Retry-After") or 1))
            except (urllib.error.URLError, TimeoutError, ConnectionError):
                time.sleep(2**attempt)  # the same key again: whatever became of the first, it happens once
        raise Refused(f"{method} {path}: no answer")


class Station:
    """One charge point with one connector."""

    def __init__(self, platform: Platform, location: str, evse: str, evse_id: str) -> None:
        self.platform, self.location, self.evse, self.evse_id = platform, location, evse, evse_id
        self.meter_kwh = 18204.5
        self.seen = ""
        self.transaction = ""

    def say(self, sentence: str) -> None:
        print(f"{datetime.now(UTC):%H:%M:%S} {sentence}", flush=True)

    def introduce(self) -> None:
        evse = {
            "uid": self.evse,
            "evse_id": self.evse_id,
            "status": "AVAILABLE",
            "capabilities": CAPABILITIES,
            "connectors": [CONNECTOR],
        }
        kept = self.platform.call("PUT", f"/locations/{self.location}", LOCATION | {"evses": [evse]})
        self.say(
            f"location {self.location} is kept"
            + ("" if kept["shared"] else "; staff have yet to share it with partners")
        )

    def status(self, status: str) -> None:
        self.platform.call("POST", "/statuses", {"evse_id": self.evse_id, "status": status})

    def orders(self, wait: int) -> list[dict[str, Any]]:
        """What is to be done and was not seen yet."""
        told = self.platform.call("GET", f"/orders?wait={wait}" + (f"&after={self.seen}" if self.seen else ""))
        self.seen = told.get("next", self.seen)
        orders: list[dict[str, Any]] = told["orders"]
        return orders

    def answer(self, order: dict[str, Any], outcome: str, reason: str = "") -> None:
        self.platform.call("POST", f"/orders/{order['order']}", {"outcome": outcome, "reason": reason})
        self.say(f"order {order['kind']}: {outcome}")

    def wait_for_start(self) -> int:
        """The authorization with which the charge begins."""
        while True:
            for order in self.orders(wait=20):
                if order["kind"] == "START":
                    self.answer(order, "ACCEPTED")
                    return int(order["authorization_id"])
                self.obey(order)

    def show_card(self, uid: str) -> int:
        told = self.platform.call("POST", "/cards", {"evse_id": self.evse_id, "connector_id": "1", "uid": uid})
        if not told["allowed"]:
            raise Refused(f"The card may not charge: {told['reason']}")
        return int(told["authorization_id"])

    def obey(self, order: dict[str, Any]) -> bool:
        """Do what is ordered. True: the charge is to end."""
        if order["kind"] == "UNLOCK":
            self.answer(order, "ACCEPTED")
        elif order["kind"] == "STOP" and order["transaction"] == self.transaction:
            self.answer(order, "ACCEPTED")
            return True
        elif order["kind"] in ("START", "RESERVE") and self.transaction:
            self.answer(order, "EVSE_OCCUPIED", "A vehicle is charging.")
        else:
            self.answer(order, "NOT_SUPPORTED")
        return False

    def charge(self, authorization: int, seconds: float) -> str:
        """Charge with 11 kW until an order says stop or the vehicle is full."""
        self.transaction = uuid.uuid4().hex[:12]
        here = {"evse_id": self.evse_id, "transaction": self.transaction}
        self.status("CHARGING")
        began = self.platform.call(
            "POST",
            "/charges",
            here | {"connector_id": "1", "authorization_id": authorization, "meter_kwh": self.meter_kwh},
        )
        self.say(f"charge {began['session_id']} has begun")
        last = time.monotonic()
        until, told_to_stop = last + seconds, False
        while not told_to_stop and time.monotonic() < until:
            obeyed = [self.obey(order) for order in self.orders(wait=2)]
            told_to_stop = any(obeyed)
            now = time.monotonic()
            self.meter_kwh = round(self.meter_kwh + 11 * (now - last) / 3600, 6)
            last = now
            reading = here | {"meter_kwh": self.meter_kwh, "power_kw": 11}
            (fate,) = self.platform.call("POST", "/readings", {"readings": [reading]})["results"]
            if not fate["taken"]:
                self.say(f"reading refused: {fate['reason']}")
        reason = "Remote" if told_to_stop else "EVDisconnected"
        ended = self.platform.call("POST", "/charges/stop", here | {"meter_kwh": self.meter_kwh, "reason": reason})
        self.transaction = ""
        self.status("AVAILABLE")
        self.say(f"charge {ended['session_id']} has ended: {reason}")
        session: str = ended["session_id"]
        return session


def main() -> int:
    wanted = argparse.ArgumentParser(description="Drive one charge over the charge-station API.")
    wanted.add_argument("--url", required=True, help="where Roamdesk is reached, such as https://roamdesk.example")
    wanted.add_argument("--key", required=True, help="an API key of a station system, with all scopes")
    wanted.add_argument("--location", default="DEPOT-N")
    wanted.add_argument("--evse", default="4711-1", help="uid of the EVSE")
    wanted.add_argument("--evse-id", default="DE*RDK*E4711*1", help="what is printed on it")
    wanted.add_argument("--card", default="", help="show this card instead of waiting for an order to start")
    wanted.add_argument("--seconds", type=float, default=60, help="after so long the vehicle is full")
    given = wanted.parse_args()
    station = Station(Platform(given.url, given.key), given.location, given.evse, given.evse_id)
    try:
        station.introduce()
        authorization = station.show_card(given.card) if given.card else station.wait_for_start()
        station.charge(authorization, given.seconds)
    except Refused as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
