"""The driver-app API as an app meets it: what it may, what it sees, and one charge from the search to the receipt."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from time_machine import TimeMachineFixture

from backoffice.api.actions import webhooks
from backoffice.api.models import WebhookDelivery
from backoffice.api.rules import Kind
from backoffice.api.serving.routes import Repeats, Route
from backoffice.api.serving.site import api_site
from backoffice.charge_points import door
from backoffice.charge_points.gateway import Metered, Stopped
from backoffice.commands.models import Command
from backoffice.locations.models import Evse
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from tests import factories
from tests.api.calling import Caller, application, key_of
from tests.commands import cast
from tests.commands.conftest import us
from tests.doors.asking import snapshot

__all__ = ["us"]

pytestmark = pytest.mark.django_db
DRIVERS = api_site.of(Kind.DRIVER_APP)
assert DRIVERS is not None
ALL = sorted(DRIVERS.scopes)
HERE = {"country_code": "DE", "party_id": "RDK", "location_id": "LOC1", "evse_uid": "E1"}
START = HERE | {"contract_id": "DE-RDK-C00001"}
LOGGED = ("api_apicall", "api_apikey", "api_keyuse")


@pytest.fixture
def evse(us: Party) -> Evse:
    factories.own_tariff(factories.small_tariff("T1", "DE-RDK"))
    factories.own_token(factories.small_token("04A1", "DE-RDK", contract_id="DE-RDK-C00001"))
    return cast.point(tariffs=["T1"])


def app(party: Party, scopes: Collection[str] = ALL, name: str = "App") -> Caller:
    return Caller(key_of(application(party, Kind.DRIVER_APP, name), scopes), "drivers/v1")


@pytest.fixture
def call(evse: Evse, us: Party) -> Caller:
    return app(us)


@pytest.fixture
def foreign(evse: Evse) -> Caller:
    """The app of another eMSP in this house."""
    return app(factories.own_party("DE-OTH", "EMSP", name="Other"))


def unchanged() -> dict[str, str]:
    return {table: rows for table, rows in snapshot().items() if table not in LOGGED}


def begun(call: Caller, evse: Evse) -> Session:
    """A charge that an app has started."""
    assert call("POST", "/charges", START, key="one").status_code == 202
    return cast.plug_in(evse, cast.obey(evse).authorization_id)  # type: ignore[union-attr]  # it is a Start


PATHS = {
    "country_code": "DE",
    "party_id": "RDK",
    "location_id": "LOC1",
    "charge": "1",
    "command": "0" * 32,
    "booking": "0" * 32,
    "webhook": "1",
}


def address(route: Route) -> str:
    query = "?latitude=57.7&longitude=11.9" if route.path == "/chargers" else ""
    return re.sub(r"{(\w+)}", lambda found: PATHS[found[1]], route.path) + query


ROUTES = [pytest.param(route, id=f"{route.method} {route.path}") for route in DRIVERS.routes]


@pytest.mark.parametrize("route", ROUTES)
def test_each_route_needs_its_own_scope_and_kind(route: Route, us: Party) -> None:
    others = app(us, [scope for scope in ALL if scope != route.scope])
    station = Caller(key_of(application(us, Kind.STATION_SYSTEM, "Depot"), ALL), "drivers/v1")
    before = unchanged()
    for shown, code in ((others, "scope_missing"), (station, "wrong_api"), (Caller("", "drivers/v1"), "unknown_key")):
        answer = shown(route.method, address(route), route.example, key="k")
        assert answer.json()["code"] == code, answer.content
    assert unchanged() == before


HOSTILE: list[Any] = [{}, {"evse_uid": []}, {"kwh": "1e9"}, {"minutes": True}, {"contract_id": "\u0000"}, {"kwh": -5}]


@pytest.mark.parametrize("route", [each for each in ROUTES if each.values[0].body])
@pytest.mark.parametrize("body", HOSTILE, ids=str)
def test_nonsense_is_refused_and_changes_nothing(call: Caller, route: Route, body: Any) -> None:
    before = unchanged()
    answer = call(route.method, address(route), (route.example or {}) | body if body else {}, key="k")
    if body and not set(body) & set(route.body.model_fields if route.body else ()):
        return  # a field that this route does not know is left aside
    assert answer.status_code in (400, 404, 409, 422), answer.content
    assert unchanged() == before


@pytest.mark.parametrize("raw", [b"", b"[", b"[]", b"null", b'{"a":1,"a":2}', b"\xff", b"[" * 5000, b'{"kwh":1e999}'])
def test_what_is_no_object_is_refused(call: Caller, raw: bytes) -> None:
    assert call("POST", "/quotes", raw=raw).status_code in (400, 415, 422)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?latitude=91&longitude=0",
        "?latitude=nan&longitude=0",
        "?latitude=1&longitude=1&radius_m=25001",
        "?latitude=1&longitude=1&standard=PLUG",
        "?latitude=1&latitude=2&longitude=1",
        "?latitude=1&longitude=1&surprise=1",
    ],
)
def test_a_search_that_makes_no_sense_is_refused(call: Caller, query: str) -> None:
    assert call("GET", f"/chargers{query}").json()["code"] == "invalid"


def test_the_description_names_each_route(call: Caller) -> None:
    paths = call("GET", "/openapi.json").json()["paths"]
    told = {(verb.upper(), path) for path, item in paths.items() for verb in item if verb != "parameters"}
    assert {(route.method, route.path) for route in DRIVERS.routes} == {
        (verb, path.removeprefix("/api/drivers/v1").removeprefix("/drivers/v1")) for verb, path in told
    }


# --- chargers ---------------------------------------------------------------------------------------------------------


def test_the_nearest_come_first_and_only_what_was_asked_for(call: Caller, us: Party) -> None:
    for number, (latitude, kind, status) in enumerate(
        [
            ("57.704210", "IEC_62196_T2", "AVAILABLE"),
            ("57.714210", "CHADEMO", "CHARGING"),
            ("59.0", "CHADEMO", "AVAILABLE"),
        ],
        start=10,
    ):
        tree = factories.small_location(f"LOC{number}", "DE-RDK")
        tree["coordinates"] = {"latitude": f"{float(latitude):.6f}", "longitude": "11.959870"}
        tree["evses"][0] |= {"status": status, "evse_id": f"DE*RDK*F{number}"}
        tree["evses"][0]["connectors"][0]["standard"] = kind
        factories.own_location(tree)
    place = "/chargers?latitude=57.704&longitude=11.9598"

    def found(more: str = "") -> list[str]:
        return [
            each["location_id"] for each in call("GET", place + more).json()["items"] if each["location_id"] > "LOC1"
        ]

    assert found() == ["LOC10", "LOC11"]
    assert found("&radius_m=500") == ["LOC10"]
    assert found("&standard=CHADEMO") == ["LOC11"]
    assert found("&free=1") == ["LOC10"]
    assert found("&power_kw=4000") == []
    near = call("GET", f"{place}&standard=CHADEMO").json()["items"][0]
    assert (near["matching"], near["free"], near["standards"]) == (1, 0, ["CHADEMO"])
    assert 1125 < near["distance_m"] < 1145, "a good hundredth of a degree of latitude"


def test_a_search_costs_the_same_whatever_it_finds(call: Caller) -> None:
    def statements(query: str) -> int:
        with CaptureQueriesContext(database) as seen:
            assert call("GET", f"/chargers?{query}").status_code == 200
        return len(seen)

    statements("latitude=1&longitude=1")  # the first use of a key is noted
    assert statements("latitude=0&longitude=0&radius_m=25000") == statements(
        "latitude=57.7&longitude=11.96&radius_m=25000"
    )


def test_a_near_ring_that_is_full_ends_the_search(call: Caller, us: Party) -> None:
    """And gives what the whole circle would have given."""
    for number in range(6):
        tree = factories.small_location(f"RING{number}", "DE-RDK")
        tree["coordinates"] = {"latitude": f"{60 + number * 0.03:.6f}", "longitude": "20.000000"}
        tree["evses"][0]["evse_id"] = f"DE*RDK*R{number}"
        factories.own_location(tree)

    def found(limit: int) -> list[str]:
        told = call("GET", f"/chargers?latitude=60&longitude=20&radius_m=25000&limit={limit}").json()["items"]
        return [each["location_id"] for each in told]

    everything = found(100)
    assert everything == [f"RING{number}" for number in range(6)]
    assert [found(limit) for limit in (1, 2, 3, 5)] == [everything[:limit] for limit in (1, 2, 3, 5)]


def test_a_location_whole(call: Caller) -> None:
    tree = call("GET", "/chargers/de/rdk/loc1").json()["location"]
    assert (tree["id"], tree["evses"][0]["uid"]) == ("LOC1", "E1")
    assert call("GET", "/chargers/DE/RDK/NONE").json()["code"] == "not_found"


def test_a_quote_is_what_a_cdr_would_say(call: Caller) -> None:
    answer = call("POST", "/quotes", HERE | {"kwh": 20})
    assert answer.status_code == 200, answer.content
    told = json.loads(answer.content, parse_float=Decimal)
    assert (told["priced"], told["currency"], told["tariff_id"]) == (True, "EUR", "T1")
    assert (Decimal(told["total_excl"]), Decimal(told["total_incl"])) == (Decimal(9), Decimal("11.25"))
    assert any("20 kWh × 0.45 EUR/kWh" in line["how"] for line in told["lines"])


def test_no_price_is_no_price_of_nothing(call: Caller, us: Party) -> None:
    cast.point(2)
    told = call("POST", "/quotes", HERE | {"location_id": "LOC2", "kwh": 20}).json()
    assert told == {"priced": False, "lines": []}


# --- a charge ---------------------------------------------------------------------------------------------------------


def test_a_driver_starts_charges_stops_and_gets_a_receipt(
    call: Caller, evse: Evse, us: Party, time_machine: TimeMachineFixture
) -> None:
    time_machine.move_to(site.now(), tick=False)
    asked = call("POST", "/charges", START, key="one").json()
    assert (asked["kind"], asked["state"]) == ("START_SESSION", "EXECUTING")
    again = call("POST", "/charges", START, key="one").json()
    assert again == asked and Command.objects.count() == 1, "the same key is the same request"
    session = cast.plug_in(evse, cast.obey(evse).authorization_id)  # type: ignore[union-attr]  # it is a Start
    done = call("GET", f"/commands/{asked['command']}").json()
    assert (done["state"], done["result"]) == ("SUCCEEDED", "ACCEPTED")
    assert done["charge"] == str(session.pk)
    time_machine.shift(timedelta(hours=1))
    cast.drive(evse)
    door.report(Metered(evse.evse_id, "TX-1", Decimal(1010), Decimal(11)), now=site.now())
    running = call("GET", f"/charges/{session.pk}").json()
    assert (running["status"], running["kwh"], running["receipt"]) == ("ACTIVE", 10, False)
    assert running["told_excl"] == 4.5
    assert call("GET", f"/charges/{session.pk}/receipt").json()["code"] == "not_found"
    stopped = call("POST", f"/charges/{session.pk}/stop").json()
    assert stopped["kind"] == "STOP_SESSION"
    cast.obey(evse)
    time_machine.shift(timedelta(seconds=30))
    door.report(Stopped(evse.evse_id, "TX-1", Decimal(1010)), now=site.now())
    receipt = call("GET", f"/charges/{session.pk}/receipt").json()
    assert (receipt["total_excl"], receipt["currency"]) == (4.5, "EUR")
    assert receipt["cdr"]["session_id"] == session.object_id
    listed = call("GET", "/charges?contract_id=de-rdk-c00001").json()["items"]
    assert [(each["charge"], each["receipt"]) for each in listed] == [(str(session.pk), True)]


def test_a_start_needs_an_idempotency_key(call: Caller) -> None:
    assert call("POST", "/charges", START).json()["code"] == "idempotency_key_missing"
    assert [each.path for each in DRIVERS.routes if each.repeats is Repeats.MUST] == [
        "/charges",
        "/reservations",
        "/bookings",
    ]
    assert not Command.objects.exists()


def test_what_would_be_refused_is_refused_with_its_reason(call: Caller) -> None:
    cast.point(2, capabilities=["RFID_READER"])
    answer = call("POST", "/charges", START | {"location_id": "LOC2"}, key="one").json()
    if "code" in answer:
        assert answer["code"] == "conflict"
    else:
        assert answer["state"] == "REFUSED" and answer["sentence"]
    assert not Command.objects.filter(state="EXECUTING").exists()


def test_a_reservation_is_made_and_given_back(call: Caller, evse: Evse) -> None:
    made = call("POST", "/reservations", START | {"minutes": 20}, key="one").json()
    cast.obey(evse)
    assert call("GET", f"/commands/{made['command']}").json()["state"] == "SUCCEEDED"
    back = call("POST", "/reservations/cancel", {"reservation_id": made["reservation_id"]}).json()
    assert back["kind"] == "CANCEL_RESERVATION"
    for minutes in (0, -1, 1441):
        assert (
            call("POST", "/reservations", START | {"minutes": minutes}, key=f"k{minutes}").json()["code"] == "invalid"
        )


def test_another_emsps_app_sees_and_does_nothing(call: Caller, foreign: Caller, evse: Evse) -> None:
    session = begun(call, evse)
    row = Command.objects.get()
    before = unchanged()
    for method, path, body in (
        ("GET", f"/charges/{session.pk}", None),
        ("GET", f"/charges/{session.pk}/receipt", None),
        ("POST", f"/charges/{session.pk}/stop", None),
        ("GET", f"/commands/{row.uid}", None),
        ("POST", "/charges", START),
        ("POST", "/reservations", START | {"minutes": 5}),
    ):
        assert foreign(method, path, body, key="k").json()["code"] == "not_found", path
    assert foreign("GET", "/charges").json()["items"] == []
    assert unchanged() == before
    for nonsense in ("0", "-1", "²", "9" * 30, "x"):
        assert call("GET", f"/charges/{nonsense}").json()["code"] == "not_found"


def test_the_app_hears_what_becomes_of_what_it_asked(call: Caller, evse: Evse, us: Party) -> None:
    owner = us.applications.get()
    webhooks.add_endpoint(application=owner, url="https://app.example/hook", now=site.now())
    call("POST", "/charges", START, key="one")
    cast.obey(evse, "EVSE_OCCUPIED", "A car stands there.")
    body = json.loads(WebhookDelivery.objects.get(event="command.changed").body)
    assert body["type"] == "command.changed"
    told = body["data"]
    assert (told["state"], told["result"], told["sentence"]) == ("FAILED", "EVSE_OCCUPIED", "A car stands there.")
    assert told["command"] == Command.objects.get().uid


def test_pages_of_charges_have_neither_gap_nor_repetition(call: Caller, evse: Evse) -> None:
    session = begun(call, evse)
    copies = []
    for number in range(7):
        copy = Session.objects.get(pk=session.pk)
        copy.pk, copy.object_id, copy.transaction, copy.point = None, f"COPY-{number}", "", None
        copy.status = "COMPLETED"
        copies.append(copy)
    Session.objects.bulk_create(copies)
    seen: list[str] = []
    after = ""
    while True:
        page = call("GET", f"/charges?limit=3{after}").json()
        seen += [each["charge"] for each in page["items"]]
        if "next" not in page:
            break
        after = f"&after={page['next']}"
    assert seen == [str(pk) for pk in Session.objects.order_by("-pk").values_list("pk", flat=True)]
