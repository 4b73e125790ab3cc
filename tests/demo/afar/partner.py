"""A partner of literal bytes, CPO and eMSP in one: it asks for everything, answers as its EVSEs and sessions are called, and
posts the results of what it accepted.

What it is asked is told apart by the name of an EVSE or session. `NOT_SUPPORTED` and the like: it answers so. `DOES-FAILED`: it
accepts, and the result is so. `SILENT`: it accepts for a second, and its result comes when nobody waits for it any longer.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.peer import RawAnswer, Received, ScriptedPeer
from tests.peer.platform import _Answer

COMMANDS, PROFILES = "commands", "chargingprofiles"
MODULES = ("locations", "sessions", "tokens", COMMANDS, PROFILES)

_EVSE = """{"uid":"%s","evse_id":"NL*TNM*E%d","status":"AVAILABLE","capabilities":["REMOTE_START_STOP_CAPABLE","RESERVABLE",
"UNLOCK_CAPABLE","CHARGING_PROFILE_CAPABLE"],"connectors":[{"id":"1","standard":"IEC_62196_T2","format":"SOCKET",
"power_type":"AC_3_PHASE","max_voltage":230,"max_amperage":32,"last_updated":"2026-01-01T00:00:00Z"}],
"last_updated":"2026-01-01T00:00:00Z"}"""
_LOCATION = """{"country_code":"NL","party_id":"TNM","id":"FAR","publish":true,"address":"Herengracht 1","city":"Amsterdam",
"country":"NLD","coordinates":{"latitude":"52.370216","longitude":"4.895168"},"evses":[%s],"time_zone":"Europe/Amsterdam",
"last_updated":"2026-01-01T00:00:00Z"}"""
_SESSION = """{"country_code":"NL","party_id":"TNM","id":"%s","start_date_time":"%s","kwh":1.5,"cdr_token":{"country_code":"DE",
"party_id":"RDK","uid":"ANY","type":"APP_USER","contract_id":"%s"},"auth_method":"COMMAND","location_id":"FAR","evse_uid":"%s",
"connector_id":"1","currency":"EUR","status":"ACTIVE","last_updated":"%s"}"""
_TOKEN = """{"country_code":"NL","party_id":"TNM","uid":"NL-1","type":"APP_USER","contract_id":"NL-TNM-C1","issuer":"TNM",
"valid":true,"whitelist":"NEVER","last_updated":"2026-01-01T00:00:00Z"}"""
_PROFILE = '{"charging_rate_unit":"A","charging_profile_period":[{"start_period":0,"limit":16}]}'
_ACTIVE = '{"start_date_time":"%s","charging_profile":' + _PROFILE + "}"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Partner(ScriptedPeer):
    """`named`: kinds of requests that are answered by name; all others succeed."""

    def __init__(self) -> None:
        super().__init__(sender_modules=MODULES, receiver_modules=MODULES)
        self.named: Collection[str] = ()
        self.results: dict[str, Any] = {}
        """What others posted to a response_url of ours: its last part, to the body."""
        self._kept: dict[str, str] = {}
        self._posts = ThreadPoolExecutor(4)

    # --- who it is --------------------------------------------------------------------------------------------------

    def credentials(self, token: str) -> bytes:
        said = json.loads(super().credentials(token))
        said["roles"] = [said["roles"][0] | {"role": role} for role in ("CPO", "EMSP")]
        return json.dumps(said).encode()

    def offer(self, names: Collection[str]) -> None:
        evses = ",".join(_EVSE % (name, number) for number, name in enumerate(names, 1))
        self.objects["locations"] = [(_LOCATION % evses).encode()]

    def tell_session(self, home: str, name: str, evse: str, contract: str) -> None:
        body = (_SESSION % (name, _now(), contract, evse, _now())).encode()
        answer = self._call("PUT", f"{home}/ocpi/2.3.0/receiver/sessions/NL/TNM/{name}", body)
        assert (answer.status, answer.json["status_code"]) == (201, 1000), answer.body

    def _call(self, method: str, url: str, body: bytes | None = None) -> RawAnswer:
        return self.call(method, url, self.token_for_other, body)

    # --- it is asked ------------------------------------------------------------------------------------------------

    def answer(self, request: Received) -> _Answer:
        path = request.path.strip("/").split("/")
        if path[0] == "results" and self._token_of(request) in self.accepts:
            self.results["/".join(path[1:])] = request.json
            return _Answer()
        if path[2:4] == ["receiver", COMMANDS] and self._token_of(request) in self.accepts:
            return self._asked(path[4], self._name(path[4], request.json), request.json["response_url"])
        if path[2:4] == ["receiver", PROFILES] and self._token_of(request) in self.accepts:
            kind = {"PUT": "SET", "GET": "ACTIVE", "DELETE": "CLEAR"}[request.method]
            url = request.json["response_url"] if kind == "SET" else request.query["response_url"][0]
            return self._asked(kind, path[4], url)
        return super().answer(request)

    def _name(self, kind: str, body: Any) -> str:
        """Of the EVSE or session; a reservation is called as its EVSE."""
        if kind == "RESERVE_NOW":
            self._kept[body["reservation_id"]] = body["evse_uid"]
        name: str = body.get("evse_uid") or body.get("session_id") or self._kept[body["reservation_id"]]
        return name

    def _asked(self, kind: str, name: str, url: str) -> _Answer:
        name = name.partition(".")[0] if kind in self.named else "DOES-ACCEPTED"
        if not (name == "SILENT" or name.startswith("DOES-")):
            return _Answer(data=f'{{"result":"{name}","timeout":30}}'.encode())
        result, silent = name.removeprefix("DOES-"), name == "SILENT"
        more = f',"profile":{_ACTIVE % _now()}' if (kind, result) == ("ACTIVE", "ACCEPTED") else ""
        body = f'{{"result":"{"ACCEPTED" if silent else result}"{more}}}'.encode()
        threading.Timer(8 if silent else 0, lambda: self._posts.submit(self._call, "POST", url, body)).start()
        return _Answer(data=f'{{"result":"ACCEPTED","timeout":{1 if silent else 30}}}'.encode())

    # --- it asks ----------------------------------------------------------------------------------------------------

    def ask(self, home: str, kind: str, called: str, rest: str) -> tuple[int, int, str]:
        """HTTP status, OCPI status, what is said at once. `called`: the last part of our response_url. `rest`: of the body."""
        body = f'{{"response_url":"{self.url}/results/{called}",{rest}}}'.encode()
        return self._said(self._call("POST", f"{home}/ocpi/2.3.0/receiver/{COMMANDS}/{kind}", body))

    def steer(self, home: str, kind: str, called: str, session: str) -> tuple[int, int, str]:
        url, mine = f"{home}/ocpi/2.3.0/receiver/{PROFILES}/{session}", f"{self.url}/results/{called}"
        if kind == "SET":
            body = f'{{"charging_profile":{_PROFILE},"response_url":"{mine}"}}'.encode()
            return self._said(self._call("PUT", url, body))
        if kind == "ACTIVE":
            return self._said(self._call("GET", f"{url}?duration=3600&response_url={mine}"))
        return self._said(self._call("DELETE", f"{url}?response_url={mine}"))

    @staticmethod
    def _said(answer: RawAnswer) -> tuple[int, int, str]:
        return answer.status, answer.json["status_code"], answer.data["result"]

    @staticmethod
    def start(evse: str, token: str = _TOKEN) -> str:
        return f'"token":{token},"location_id":"NEAR","evse_uid":"{evse}"'

    @staticmethod
    def reserve(evse: str, number: str, token: str = _TOKEN) -> str:
        until = (datetime.now(UTC) + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
        place = f'"location_id":"NEAR","evse_uid":"{evse}"'
        return f'"token":{token},"expiry_date":"{until}","reservation_id":"{number}",{place}'

    def heard(self, names: Collection[str], seconds: float = 30) -> dict[str, str]:
        """What came of those, once all results are here."""
        until = time.monotonic() + seconds
        while missing := set(names) - set(self.results):
            assert time.monotonic() < until, missing
            time.sleep(0.05)
        return {name: self.results[name]["result"] for name in names}


OTHERS_TOKEN = _TOKEN.replace('"TNM"', '"XYZ"')
