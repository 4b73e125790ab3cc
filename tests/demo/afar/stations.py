"""A charge-station system behind the charge-station API: each of its EVSEs answers orders in its own way, as a list says."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Collection, Mapping
from typing import Any

import requests

CAPABILITIES = (
    "REMOTE_START_STOP_CAPABLE",
    "RESERVABLE",
    "UNLOCK_CAPABLE",
    "CHARGING_PROFILE_CAPABLE",
    "RFID_READER",
)
PROFILES = ("SET_PROFILE", "ACTIVE_PROFILE", "CLEAR_PROFILE")


def location(evses: Mapping[str, str]) -> dict[str, Any]:
    """`evses`: uid to evse_id. NEAR-NONE can nothing but charge."""
    return {
        "publish": True,
        "name": "Afar",
        "address": "Rotteckring 1",
        "city": "Freiburg",
        "postal_code": "79098",
        "country": "DEU",
        "coordinates": {"latitude": "47.997800", "longitude": "7.842100"},
        "time_zone": "Europe/Berlin",
        "evses": [
            {
                "uid": uid,
                "evse_id": evse_id,
                "status": "AVAILABLE",
                "capabilities": ["RFID_READER"] if uid == "NEAR-NONE" else list(CAPABILITIES),
                "connectors": [
                    {
                        "id": "1",
                        "standard": "IEC_62196_T2",
                        "format": "SOCKET",
                        "power_type": "AC_3_PHASE",
                        "max_voltage": 230,
                        "max_amperage": 32,
                    }
                ],
            }
            for uid, evse_id in evses.items()
        ],
    }


class Stations(threading.Thread):
    """`outcomes`: by location, what each EVSE answers, by its evse_id, to orders of the kinds that are `named` for the location;
    to all others it says ACCEPTED. A charge begins and ends as ordered."""

    def __init__(self, port: int, key: str, outcomes: Mapping[str, Mapping[str, str]]) -> None:
        super().__init__(daemon=True)
        self.root = f"http://127.0.0.1:{port}/api/stations/v1"
        self.outcomes = outcomes
        self.named: dict[str, Collection[str]] = {}
        self.charging: dict[str, str] = {}
        self.problems: list[str] = []
        self._ends = threading.Event()
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {key}"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Idempotency-Key": uuid.uuid4().hex} if method == "POST" else {}
        answer = self._session.request(method, self.root + path, json=body, headers=headers, timeout=30)
        assert answer.ok, (method, path, answer.text)
        return answer.json()

    def run(self) -> None:
        after = ""
        while not self._ends.is_set():
            try:
                told = self.call("GET", f"/orders?wait=2{after}")
                after = f"&after={told['next']}" if "next" in told else after
                for order in told["orders"]:
                    self._obey(order)
            except (AssertionError, requests.RequestException) as error:
                self.problems.append(str(error))
                return

    def end(self) -> None:
        self._ends.set()
        self.join(10)
        assert not self.problems, self.problems

    def _obey(self, order: dict[str, Any]) -> None:
        kind, evse_id = order["kind"], order["evse_id"]
        place = next(name for name, evses in self.outcomes.items() if evse_id in evses)
        outcome = self.outcomes[place][evse_id] if kind in self.named.get(place, ()) else "ACCEPTED"
        self.call("POST", f"/orders/{order['order']}", {"outcome": outcome, "reason": f"{kind} here: {outcome}."})
        if outcome != "ACCEPTED" or kind not in ("START", "STOP"):
            return
        if kind == "START":
            self.charging[evse_id] = uuid.uuid4().hex[:12]
        here = {"evse_id": evse_id, "transaction": self.charging[evse_id], "meter_kwh": 100}
        if kind == "START":
            began = here | {"connector_id": "1", "authorization_id": order["authorization_id"]}
            self.call("POST", "/charges", began)
        else:
            self.call("POST", "/charges/stop", here | {"reason": "Remote"})
