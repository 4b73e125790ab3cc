"""The two platforms as a test of every command sees them: databases, apps, staff, stations; and who asks from one at another."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import psycopg
import requests

from backoffice.supervisor import postgres
from backoffice.supervisor.data_directory import BASE_DIR, DataDirectory
from tests.demo.afar.stations import Stations, location
from tests.demo.platforms import Platform
from tests.demo.test_apps import Calls
from tests.demo.test_tariff_arrives import Desk

WITHIN = 60.0

OUTCOMES = (
    "ACCEPTED",
    "EVSE_OCCUPIED",
    "EVSE_INOPERATIVE",
    "FAILED",
    "NOT_SUPPORTED",
    "REJECTED",
    "TIMEOUT",
    "UNKNOWN_RESERVATION",
)
"""What a station says to an order, and what an EVSE at AFAR is called that says so. CANCELED_RESERVATION is its operator's."""
NEAR = ("ACCEPTED", "FAILED", "NONE")
"""What EVSEs at NEAR are called, for the partner of literal bytes. The last can do nothing from afar."""

SETUP = """
import json, time
from datetime import timedelta
from django.contrib.auth import get_user_model
from backoffice.api.actions import keys
from backoffice.api.rules import Kind
from backoffice.charge_points.actions import systems
from backoffice.charge_points.api import API as STATIONS
from backoffice.driver_app.api import API as DRIVERS
from backoffice.locations.actions import changing, offering
from backoffice.locations.models import Evse, Location
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.tariffs.models import Tariff
from backoffice.tokens.models import Token
now = site.now()
us = Party.objects.get(party_id="{party}", ours=True)
def key(application, api):
    return keys.issue(application, scopes=list(api.scopes), expires_at=now + timedelta(days=1), by="test", now=now)
system = systems.add_system(party=us, name="Afar", now=now)
app = keys.add_application(party=us, kind=Kind.DRIVER_APP, name="Afar app", now=now)
get_user_model().objects.create_superuser("staff", password="staff")
contract = Token.objects.filter(party=us, valid=True, hold="NONE", type="APP_USER").order_by("pk").first().contract_id
can = dict(listed=True, status="AVAILABLE", capabilities__contains=["REMOTE_START_STOP_CAPABLE", "RESERVABLE", "UNLOCK_CAPABLE"])
evse = Evse.objects.filter(location__party=us, location__shared=True, **can).select_related("location").first()
dead = [evse.location.object_id, evse.uid, evse.evse_id]
told = dict(station=key(system.application, STATIONS), app=key(app, DRIVERS), contract=contract, us=us.pk, dead=dead)
print(json.dumps(told), flush=True)
tariff = Tariff.objects.filter(party=us, type="REGULAR", everyone=True).order_by("pk").first()
while len(places := list(Location.objects.filter(object_id__in=["AFAR", "NEAR"], party=us))) < 2:
    time.sleep(0.1)
for place in places:  # as soon as the station system has told of them
    offering.assign(list(place.evses.values_list("pk", flat=True)), add=[tariff.object_id], remove=[], now=site.now())
    changing.share(Location.objects.get(pk=place.pk), now=site.now())
"""


class Staff(Desk):
    """At the desk of either platform, who sends many forms and asks for the token of one."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.session = requests.Session()
        super().post("/admin/login/?next=/admin/", username="staff", password="staff")
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get("/admin/commands/command/new/"))
        assert found is not None
        self.token = found[1]

    def post(self, path: str, **fields: Any) -> str:
        answer = self.session.post(
            self.base + path,
            data={"csrfmiddlewaretoken": self.token, **fields},
            headers={"Referer": self.base},
            allow_redirects=False,
            timeout=30,
        )
        assert answer.status_code == 302, (path, answer.status_code, answer.text[-3000:])
        return str(answer.headers["Location"])


class Side:
    """One of the two platforms, its station system, its app and its staff."""

    def __init__(self, platform: Platform, data: DataDirectory, port: int, country: str, party: str) -> None:
        self.platform, self.data, self.port, self.country, self.party = platform, data, port, country, party
        address = f"host={postgres.sockets_of(data)} user={postgres.SUPERUSER} dbname={postgres.DATABASE}"
        self.database = psycopg.connect(address, autocommit=True)
        shell = subprocess.Popen(
            manage("shell", "-v0", "-c", SETUP.replace("{party}", party)),
            env=platform.environment | {"ROAMDESK_DATA_DIR": str(data.root)},
            stdout=subprocess.PIPE,
        )
        assert shell.stdout is not None
        told = json.loads(shell.stdout.readline())
        self.contract, self.us, self.dead = told["contract"], told["us"], told["dead"]
        self.call, self.staff = Calls(port, told["app"]), Staff(port)
        self.evses = {
            "AFAR": {name: f"{country}*{party}*EA{number}" for number, name in enumerate(OUTCOMES)},
            "NEAR": {f"NEAR-{name}": f"{country}*{party}*EN{number}" for number, name in enumerate(NEAR)},
        }
        outcomes = {
            place: {evse_id: uid.removeprefix("NEAR-") for uid, evse_id in evses.items()}
            for place, evses in self.evses.items()
        }
        self.stations = Stations(port, told["station"], outcomes)
        for place, evses in self.evses.items():
            self.stations.call("PUT", f"/locations/{place}", location(evses))
        self.stations.start()
        assert shell.wait(60) == 0
        shell.stdout.close()

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Over one connection: who waits asks ten times a second."""
        return self.database.execute(query.encode()).fetchall()

    def one(self, query: str) -> Any:
        return self.ask(query)[0][0]


SESSIONS = """SELECT s.evse_uid, s.id FROM charging_sessions_session s JOIN partners_party p ON p.id = s.party_id
    WHERE p.party_id = '{}' AND s.location_id = '{}' AND s.status = 'ACTIVE'"""
SAID = """SELECT c.kind, c.evse_uid, c.state, c.response, c.result FROM commands_command c JOIN partners_party p
    ON p.id = c.receiver_id WHERE c.direction = 'OUT' AND c.id > {} AND p.party_id = '{}'
    AND c.location_id = '{}' ORDER BY c.id"""


class Asking:
    """An app and staff of one eMSP ask for charge points at one location of another company."""

    def __init__(self, emsp: Side, country: str, party: str, place: str, evse_ids: Mapping[str, str]) -> None:
        self.emsp, self.party, self.place, self.evse_ids = emsp, party, place, evse_ids
        self.where = {"country_code": country, "party_id": party, "location_id": place}
        self.who = {"contract_id": emsp.contract}

    def start(self, uid: str) -> Any:
        return self.emsp.call.good("POST", "/charges", self.where | self.who | {"evse_uid": uid})

    def reserve(self, uid: str) -> Any:
        body = self.where | self.who | {"evse_uid": uid, "minutes": 20}
        return self.emsp.call.good("POST", "/reservations", body)["reservation_id"]

    def cancel(self, number: str) -> Any:
        return self.emsp.call.good("POST", "/reservations/cancel", {"reservation_id": number})

    def stop(self, session: int) -> Any:
        return self.emsp.call.good("POST", f"/charges/{session}/stop")

    def unlock(self, uid: str) -> Any:
        fields = {"evse": self.evse_ids[uid], "connector": "1", "emsp": self.emsp.us, "send": "1"}
        return self.emsp.staff.post("/admin/commands/command/new/", kind="UNLOCK_CONNECTOR", **fields)

    def profile(self, deed: str, session: int) -> Any:
        fields = {"unit": "A", "starts": "charge", "start": "0", "limit": "16"} if deed == "set" else {}
        of = "/admin/charging_profiles/profilerequest/session"
        return self.emsp.staff.post(f"{of}/{session}/{deed}/", why="A test", **fields)

    def sessions(self, count: int) -> dict[str, int]:
        """By the uid of their EVSE, once there are so many."""
        query = SESSIONS.format(self.party, self.place)
        return dict(self.emsp.platform.until(lambda: len(rows := self.emsp.ask(query)) == count and rows, WITHIN))

    def said(self, kind: str, after: int) -> dict[str, tuple[str, str, str]]:
        rows = self.emsp.ask(SAID.format(after, self.party, self.place))
        return {uid: found for of, uid, *found in rows if of == kind}  # type: ignore[misc]


def manage(*arguments: str) -> list[str]:
    return [sys.executable, str(BASE_DIR / "manage.py"), *arguments]
