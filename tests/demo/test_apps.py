"""A driver's app before one platform, a charge-station system behind the other: two whole platforms over HTTP.

The app looks, asks for the price, starts and stops; the station obeys; both platforms price it; the receipt comes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from decimal import Decimal
from typing import Any

import pytest

from backoffice.supervisor.data_directory import BASE_DIR, DataDirectory
from tests.demo.platforms import Platform

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("quiet platform")]

WITHIN = 60.0

SYSTEM = """
from datetime import timedelta
from backoffice.api.actions import keys
from backoffice.charge_points.actions import systems
from backoffice.charge_points.api import API
from backoffice.partners.models import Party
from backoffice.roaming_site import site
now = site.now()
made = systems.add_system(party=Party.objects.get(party_id="VGM", ours=True), name="Depot", now=now)
print("=", keys.issue(made.application, scopes=list(API.scopes), expires_at=now + timedelta(days=1), by="test", now=now))
"""

APP = """
from datetime import timedelta
from backoffice.api.actions import keys
from backoffice.api.rules import Kind
from backoffice.driver_app.api import API
from backoffice.partners.models import Party
from backoffice.roaming_site import site
now = site.now()
made = keys.add_application(party=Party.objects.get(party_id="RDK", ours=True), kind=Kind.DRIVER_APP, name="App", now=now)
print("=", keys.issue(made, scopes=list(API.scopes), expires_at=now + timedelta(days=1), by="test", now=now))
"""

SHARE = """
from backoffice.locations.actions import changing, offering
from backoffice.locations.models import Location
from backoffice.roaming_site import site
from backoffice.tariffs.models import Tariff
place = Location.objects.get(object_id="DEPOT-N")
tariff = Tariff.objects.filter(party=place.party, type="REGULAR", everyone=True).order_by("pk").first()
offering.assign(list(place.evses.values_list("pk", flat=True)), add=[tariff.object_id], remove=[], now=site.now())
changing.share(Location.objects.get(pk=place.pk), now=site.now())
print("=", tariff.object_id)
"""


def told_by(platform: Platform, side: DataDirectory, script: str) -> str:
    """What a script prints that runs on the platform of a side, as an operator's shell would."""
    ran = subprocess.run(
        [sys.executable, str(BASE_DIR / "manage.py"), "shell", "-v0", "-c", script],
        env=platform.environment | {"ROAMDESK_DATA_DIR": str(side.root)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return next(line for line in ran.stdout.splitlines() if line.startswith("= ")).removeprefix("= ")


class Calls:
    """The app's own HTTP client."""

    def __init__(self, port: int, key: str) -> None:
        self.root, self.key = f"http://127.0.0.1:{port}/api/drivers/v1", key

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {
            "Authorization": f"Bearer {self.key}",
            "Content-Type": "application/json",
            "Idempotency-Key": os.urandom(8).hex(),
        }
        data = json.dumps(body).encode() if body is not None else b"" if method == "POST" else None
        request = urllib.request.Request(self.root + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read(), parse_float=Decimal)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def good(self, method: str, path: str, body: Any = None) -> Any:
        status, told = self(method, path, body)
        assert status < 300, told
        return told


def test_a_charge_from_an_app_to_a_station_and_back_to_the_receipt(quiet_platform: Platform) -> None:
    platform = quiet_platform
    home, partner = platform.home, platform.home.partner
    call = Calls(platform.ports[0], told_by(platform, home, APP))
    key = told_by(platform, partner, SYSTEM)
    station = subprocess.Popen(
        [
            *(
                sys.executable,
                str(BASE_DIR / "docs" / "station_client.py"),
                "--url",
                f"http://127.0.0.1:{platform.ports[1]}",
            ),
            *("--key", key, "--evse-id", "DE*VGM*E4711*1", "--seconds", "90"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
    )
    platform.launched.append(station)  # ended as the others are
    found = "SELECT count(*) FROM locations_location WHERE object_id = 'DEPOT-N'"
    platform.until(lambda: platform.ask(partner, found)[0][0], WITHIN)
    tariff = told_by(platform, partner, SHARE)
    platform.until(lambda: platform.ask(home, found)[0][0], WITHIN)

    # the app looks and asks
    listed = call.good("GET", "/chargers?latitude=53.5431&longitude=9.9987&radius_m=300&free=1")["items"]
    assert [each["location_id"] for each in listed] == ["DEPOT-N"]
    here = {
        "country_code": listed[0]["country_code"],
        "party_id": "VGM",
        "location_id": "DEPOT-N",
        "evse_uid": "4711-1",
    }
    assert call.good("POST", "/quotes", here | {"kwh": 11})["tariff_id"] == tariff

    # it starts: the command goes over OCPI, the order to the station, and both answers come back
    contract = platform.ask(
        home,
        "SELECT t.contract_id FROM tokens_token t JOIN partners_party p ON p.id = t.party_id "
        "WHERE p.ours AND t.valid AND t.type = 'APP_USER' ORDER BY t.id LIMIT 1",
    )[0][0]

    def ended(command: str) -> Any:
        now = call.good("GET", f"/commands/{command}")
        return now if now["state"] not in ("QUEUED", "WAITING", "UNSURE", "EXECUTING") else None

    def once_reachable() -> Any:
        asked = call.good("POST", "/charges", here | {"contract_id": contract})
        done = platform.until(lambda: ended(asked["command"]), WITHIN)
        return (
            done if done["response"] == "ACCEPTED" else None
        )  # before the station has asked for orders: NOT_SUPPORTED

    started = platform.until(once_reachable, WITHIN)
    assert (started["state"], started["result"]) == ("SUCCEEDED", "ACCEPTED"), started
    charge = platform.until(lambda: call.good("GET", f"/commands/{started['command']}").get("charge"), WITHIN)
    running = platform.until(
        lambda: (now := call.good("GET", f"/charges/{charge}"))["kwh"] and now["status"] == "ACTIVE" and now, WITHIN
    )
    assert running["contract_id"] == contract

    # it stops, and the bill comes, is priced again, and agrees
    asked = call.good("POST", f"/charges/{charge}/stop")
    stopped = platform.until(lambda: ended(asked["command"]), WITHIN)
    assert stopped["result"] == "ACCEPTED", stopped
    receipt = platform.until(
        lambda: (
            (got := call("GET", f"/charges/{charge}/receipt"))[0] == 200 and got[1]["checked"] != "WAITING" and got[1]
        ),
        WITHIN,
    )
    assert station.wait(30) == 0
    assert receipt["checked"] == "AGREED", receipt
    assert receipt["cdr"]["auth_method"] == "COMMAND"
    done = call.good("GET", f"/charges/{charge}")
    assert (done["status"], done["receipt"]) == ("COMPLETED", True)
    assert done["kwh"] == receipt["cdr"]["total_energy"]

    # both platforms hold the same
    for query in (
        "SELECT document FROM charging_sessions_session WHERE location_id = 'DEPOT-N'",
        "SELECT document FROM cdrs_cdr WHERE location_id = 'DEPOT-N'",
    ):
        ours, theirs = (
            [json.loads(row[0], parse_float=Decimal) for row in platform.ask(side, query)] for side in (home, partner)
        )
        assert ours == theirs and len(ours) == 1, query
    commands = (
        "SELECT kind, state, response, result FROM commands_command WHERE location_id = 'DEPOT-N' ORDER BY 1, 2, 3"
    )
    assert platform.ask(home, commands) == platform.ask(partner, commands)
