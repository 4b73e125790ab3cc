"""The charge-station API as a station system meets it: what it may, what it sees, what it says, what it is to do."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections

from backoffice.api.actions import webhooks
from backoffice.api.models import WebhookDelivery, WebhookEndpoint
from backoffice.api.rules import Kind as ApplicationKind
from backoffice.api.serving import openapi
from backoffice.api.serving.routes import Repeats, Route
from backoffice.api.serving.site import api_site
from backoffice.charge_points import door
from backoffice.charge_points.actions import ordering, systems
from backoffice.charge_points.models import Order, StationSystem
from backoffice.delivery.models import Message
from backoffice.locations.models import Evse, Location, StatusEvent
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from backoffice.tariffs.models import Tariff
from ocpi.wire.base import date_time_text
from tests import factories
from tests.api.calling import Caller, application, key_of
from tests.charge_points.station_cast import ALL, STATIONS, caller, ordered, system
from tests.doors.asking import snapshot
from tests.sessions import cast

pytestmark = pytest.mark.django_db
LOGGED = ("api_apicall", "api_apikey", "api_keyuse", "charge_points_driver")


@pytest.fixture
def evse() -> Evse:
    """DE*RDK*E1 at LOC1 of ours, where SE-ELV's driver with the card 04A1 may charge."""
    factories.partner(receives=["sessions", "tokens", "locations", "cdrs"])
    factories.their_token(factories.small_token("04A1", whitelist="ALWAYS"))
    return cast.point(tariffs=())


@pytest.fixture
def depot(evse: Evse) -> StationSystem:
    return system(evse.location.party, locations=[evse.location_id])


@pytest.fixture
def call(depot: StationSystem) -> Caller:
    return caller(depot)


@pytest.fixture
def foreign(evse: Evse) -> Caller:
    """A system of the same company, at another location."""
    other = cast.point(tariffs=(), evse_id="DE*RDK*E2", location="LOC2")
    return caller(system(other.location.party, "Elsewhere", [other.location_id]))


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """What whoever ordered was told."""
    told: list[tuple[str, str, str]] = []
    monkeypatch.setitem(
        door.PURPOSES, "tests", lambda order, now: told.append((order.key, order.outcome, order.reason))
    )
    return told


def unchanged() -> dict[str, str]:
    return {table: rows for table, rows in snapshot().items() if table not in LOGGED}


# --- who may what -----------------------------------------------------------------------------------------------------

PATHS = {
    "location_id": "LOC1",
    "evse_uid": "E1",
    "order": "00000000000000000000000000000000",
    "webhook": "1",
}


def address(route: Route, **changes: str) -> str:
    return re.sub(r"{(\w+)}", lambda found: (PATHS | changes)[found[1]], route.path)


ROUTES = [pytest.param(route, id=f"{route.method} {route.path}") for route in STATIONS.routes]


@pytest.mark.parametrize("route", ROUTES)
def test_each_route_needs_its_own_scope_and_kind(route: Route, depot: StationSystem) -> None:
    """Every scope but the right one, and every kind of key but the right one, is refused, and nothing changes."""
    others = caller(depot, [scope for scope in ALL if scope != route.scope])
    app = Caller(key_of(application(depot.application.party, ApplicationKind.DRIVER_APP, "App"), ALL), "stations/v1")
    before = unchanged()
    for shown, code in ((others, "scope_missing"), (app, "wrong_api"), (Caller("", "stations/v1"), "unknown_key")):
        answer = shown(route.method, address(route), route.example)
        assert answer.json()["code"] == code, answer.content
    assert unchanged() == before
    answer = caller(depot, [route.scope])(route.method, address(route), {"hostile": []} if route.body else None)
    assert answer.status_code not in (401, 403)


def test_a_key_of_a_station_application_without_a_system_sees_nothing(evse: Evse) -> None:
    bare = Caller(key_of(application(evse.location.party), ALL), "stations/v1")
    assert bare("GET", "/locations").json()["code"] == "not_found"
    assert bare("POST", "/statuses", {"evse_id": "DE*RDK*E1", "status": "BLOCKED"}).json()["code"] == "not_found"


FOREIGN: list[tuple[str, str, Any]] = [
    ("GET", "/locations/LOC1", None),
    ("PUT", "/locations/LOC1", {"name": "Mine now"}),
    ("PUT", "/locations/LOC1/evses/E1", {"evse_id": "DE*RDK*EX"}),
    ("PUT", "/locations/LOC1/evses/NEW", {"connectors": []}),
    ("POST", "/statuses", {"evse_id": "DE*RDK*E1", "status": "BLOCKED"}),
    ("POST", "/cards", {"evse_id": "DE*RDK*E1", "connector_id": "1", "uid": "04A1"}),
    (
        "POST",
        "/charges",
        {"evse_id": "DE*RDK*E1", "connector_id": "1", "transaction": "T", "authorization_id": 1, "meter_kwh": 1},
    ),
    ("POST", "/charges/stop", {"evse_id": "DE*RDK*E1", "transaction": "TX-1", "meter_kwh": 2000}),
]


@pytest.mark.parametrize(("method", "path", "body"), FOREIGN)
def test_what_a_system_is_not_linked_to_does_not_exist_for_it(
    foreign: Caller, evse: Evse, method: str, path: str, body: Any
) -> None:
    cast.begin(evse, Party.objects.get(party_id="ELV"), now=site.now())
    before = unchanged()
    answer = foreign(method, path, body)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), answer.content
    assert unchanged() == before


def test_readings_of_another_system_are_refused_one_by_one(foreign: Caller, evse: Evse) -> None:
    cast.begin(evse, Party.objects.get(party_id="ELV"), now=site.now())
    before = unchanged()
    answer = foreign(
        "POST", "/readings", {"readings": [{"evse_id": "DE*RDK*E1", "transaction": "TX-1", "meter_kwh": 1001}]}
    )
    assert answer.json() == {"results": [{"taken": False, "reason": "None of your EVSEs has this id."}]}
    assert unchanged() == before


def test_orders_of_another_system_are_neither_seen_nor_answered(
    foreign: Caller, call: Caller, evse: Evse, ended: list[Any]
) -> None:
    call("GET", "/orders")
    order = ordered(evse)
    assert foreign("GET", "/orders").json()["orders"] == []
    for _ in range(2):  # while it waits, and once it was taken
        answer = foreign("POST", f"/orders/{order.uid}", {"outcome": "ACCEPTED"})
        assert answer.json()["code"] == "not_found"
        call("GET", "/orders")
    assert ended == []


def test_a_location_is_driven_by_one_system_of_its_own_company(depot: StationSystem, evse: Evse) -> None:
    second = system(depot.application.party, "Second")
    with pytest.raises(systems.UnableToLink, match="Depot already"):
        systems.set_locations(second, [evse.location_id])
    other = system(factories.own_party("NL-RDN"), "Dutch")
    systems.set_locations(depot, [])
    with pytest.raises(systems.UnableToLink, match="another company"):
        systems.set_locations(other, [evse.location_id])
    assert not other.links.exists()


# --- what the description says is what is served ----------------------------------------------------------------------


def test_the_description_names_every_route_and_nothing_else() -> None:
    document = openapi.document(STATIONS)
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert described == {(route.method, route.path) for route in STATIONS.routes}
    text = json.dumps(document, default=str)
    for reference in set(re.findall(r'"#/components/schemas/(\w+)"', text)):
        assert reference in document["components"]["schemas"], reference
    ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids))
    for operation in (each for item in document["paths"].values() for each in item.values()):
        assert operation["summary"] and any(status.startswith("2") for status in operation["responses"])


def test_the_description_and_its_page_are_public(client: Any) -> None:
    served = client.get("/api/stations/v1/openapi.json").json()
    assert served["openapi"] == "3.1.0" and served["webhooks"].keys() == {"order.waiting"}
    page = client.get("/api/docs").content.decode()
    assert "/api/stations/v1/openapi.json" in page and "http://" not in page.replace("http-equiv", "")


def test_every_address_of_the_description_is_served_and_no_other_method(call: Caller) -> None:
    served: dict[str, set[str]] = {}
    for route in STATIONS.routes:
        served.setdefault(route.path, set()).add(route.method)
    for path, methods in served.items():
        where = re.sub(r"{(\w+)}", "x", path)
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            answer = call(method, where, {} if method in ("POST", "PUT", "PATCH") else None)
            assert (answer.status_code == 405) == (method not in methods), (method, path, answer.content)


def test_each_example_is_accepted(evse: Evse) -> None:
    """In the order of a day: the location, a status, a card, a charge, its meter, its end."""
    factories.their_token(factories.small_token("04A2B3C4D5E680", whitelist="ALWAYS"))
    call = caller(system(evse.location.party))
    by_path = {(route.method, route.path): route for route in STATIONS.routes}

    def sent(method: str, path: str, where: str = "", **changes: Any) -> Any:
        route = by_path[method, path]
        body = json.loads(json.dumps(route.example, default=float))
        answer = call(method, where or path, body | changes)
        assert answer.status_code in (200, 201), (path, answer.content)
        told = answer.json()
        route.answers.model_validate(told)  # type: ignore[union-attr]  # these routes all answer something
        return told

    kept = sent("PUT", "/locations/{location_id}", "/locations/DEPOT-N")
    assert kept["shared"] is False and kept["location"]["evses"][0]["uid"] == "4711-1"
    assert sent("PUT", "/locations/{location_id}/evses/{evse_uid}", "/locations/DEPOT-N/evses/4711-1") == kept
    assert sent("POST", "/statuses") == {"changed": False}
    admission = sent("POST", "/cards")
    assert admission["allowed"], admission
    session = sent("POST", "/charges", authorization_id=admission["authorization_id"])
    assert sent("POST", "/readings")["results"] == [{"taken": True}]
    assert sent("POST", "/charges/plan") == {"changed": True}
    assert sent("POST", "/charges/stop") == session
    row = Session.objects.get(object_id=session["session_id"])
    assert (row.status, row.kwh) == ("COMPLETED", Decimal("21.6"))


# --- locations --------------------------------------------------------------------------------------------------------


def test_a_new_location_is_not_shared_until_staff_share_it(call: Caller, evse: Evse) -> None:
    answer = call("PUT", "/locations/NEW-1", json.loads(json.dumps(_example("/locations/{location_id}"))))
    assert answer.status_code == 201 and answer.json()["shared"] is False
    row = Location.objects.get(object_id="NEW-1")
    assert not row.shared and row.station_link.system.application.name == "Depot"
    assert StatusEvent.objects.get(evse__location=row).source == "station system"
    again = call("PUT", "/locations/new-1", {"name": "Renamed"})
    assert (again.status_code, again.json()["location"]["name"]) == (200, "Renamed")
    listed = call("GET", "/locations?limit=1").json()
    assert listed["items"][0]["location"]["id"] == "LOC1" and listed["next"]
    assert call("GET", f"/locations?after={listed['next']}").json()["items"][0]["location"]["id"] == "NEW-1"


def _example(path: str) -> Any:
    return next(
        json.loads(json.dumps(r.example, default=float)) for r in STATIONS.routes if r.path == path and r.example
    )


def test_what_is_left_out_stays_and_null_takes_away(call: Caller, evse: Evse) -> None:
    before = evse.location.tree()
    same = call("PUT", "/locations/LOC1", {"address": before["address"]})
    assert same.json()["location"] == json.loads(json.dumps(before, default=float)), "an echo is no news"
    assert not Message.objects.filter(module="locations", owed_since__gt=site.now() - timedelta(minutes=1)).exists()
    told = call("PUT", "/locations/LOC1", {"name": None, "directions": [{"language": "de", "text": "Tor 3"}]}).json()
    assert "name" not in told["location"] and told["location"]["evses"] and told["location"]["directions"]


def test_statuses_and_tariffs_are_not_overwritten_by_master_data(call: Caller, evse: Evse) -> None:
    factories.own_tariff(factories.small_tariff("T1", "DE-RDK"))
    assert Tariff.objects.count() == 1
    connector = evse.location.tree()["evses"][0]["connectors"][0]
    call("POST", "/statuses", {"evse_id": "DE*RDK*E1", "status": "OUTOFORDER"})
    evse.refresh_from_db()
    from backoffice.locations.actions.editing import save_connector

    save_connector(evse.location, "E1", "1", lambda stored: stored | {"tariff_ids": ["T1"]}, now=site.now())
    told = call(
        "PUT",
        "/locations/LOC1/evses/e1",
        {
            "status": "AVAILABLE",
            "physical_reference": "P7",
            "connectors": [json.loads(json.dumps(connector | {"max_amperage": 63}, default=float))],
        },
    ).json()["location"]["evses"][0]
    assert (told["status"], told["physical_reference"]) == ("OUTOFORDER", "P7")
    assert (told["connectors"][0]["tariff_ids"], told["connectors"][0]["max_amperage"]) == (["T1"], 63)


@pytest.mark.parametrize(
    ("path", "body", "faults"),
    [
        ("/locations/LOC1", {"country_code": "SE"}, ["country_code"]),
        ("/locations/LOC1", {"id": "LOC9"}, ["id"]),
        ("/locations/LOC1", {"city": None}, ["city"]),
        ("/locations/LOC1", {"coordinates": {"latitude": "north"}}, ["coordinates.latitude", "coordinates.longitude"]),
        ("/locations/LOC1", {"evses": [{"uid": "E1"}, {"uid": "E2"}]}, ["evses[1].connectors"]),
        ("/locations/LOC1", {"evses": [{"uid": f"E{n}"} for n in range(201)]}, ["evses"]),
        ("/locations/LOC1/evses/E1", {"uid": "E2"}, ["uid"]),
        ("/locations/LOC1/evses/E1", {"connectors": [{"id": "1", "format": "ROUND"}]}, ["connectors[0].format"]),
        (
            "/locations/LOC1/evses/E7",
            _example("/locations/{location_id}/evses/{evse_uid}") | {"status": "REMOVED"},
            ["status"],
        ),
        ("/locations/" + "X" * 40, _example("/locations/{location_id}"), ["id"]),
        ("/locations/%C3%9Cber", _example("/locations/{location_id}"), ["id"]),
    ],
)
def test_a_wrong_location_is_refused_by_its_paths(call: Caller, path: str, body: Any, faults: list[str]) -> None:
    before = unchanged()
    answer = call("PUT", path, body)
    assert answer.status_code == 422, answer.content
    assert [each["path"] for each in answer.json()["errors"]] == faults
    assert unchanged() == before


@pytest.mark.django_db(transaction=True)
def test_two_systems_that_add_the_same_location_at_once_do_not_share_it() -> None:
    ours = factories.own_party()
    callers = [caller(system(ours, name)) for name in ("One", "Two")]
    barrier = threading.Barrier(8)
    codes: list[tuple[int, int]] = []

    def put(number: int) -> None:
        barrier.wait()
        body = _example("/locations/{location_id}") | {"name": f"By {number % 2}"}
        codes.append((number % 2, callers[number % 2]("PUT", "/locations/RACE", body).status_code))
        connections.close_all()

    threads = [threading.Thread(target=put, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    owner = 0 if (0, 201) in codes else 1
    assert sorted(codes) == sorted([(owner, 201), *[(owner, 200)] * 3, *[(1 - owner, 404)] * 4])
    assert Location.objects.get().name == f"By {owner}"


def test_a_uid_that_was_used_elsewhere_is_a_conflict(call: Caller, foreign: Caller) -> None:
    evse = _example("/locations/{location_id}/evses/{evse_uid}") | {"uid": "E1"}
    answer = call("PUT", "/locations/NEW-2", _example("/locations/{location_id}") | {"evses": [evse]})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict"), answer.content
    assert not Location.objects.filter(object_id="NEW-2").exists(), "all or nothing"


# --- reports ----------------------------------------------------------------------------------------------------------


def test_a_status_reaches_partners_by_patch(call: Caller) -> None:
    assert call("POST", "/statuses", {"evse_id": "de*rdk*e1", "status": "BLOCKED", "reason": "Truck"}).json() == {
        "changed": True
    }
    assert Message.objects.filter(module="locations", object_path="LOC1/E1", state="DUE").exists()
    for status in ("PLANNED", "REMOVED"):
        answer = call("POST", "/statuses", {"evse_id": "DE*RDK*E1", "status": status})
        assert (answer.status_code, "only staff" in answer.json()["detail"]) == (409, True)


def test_a_whole_charge_and_its_repetitions(call: Caller, evse: Evse) -> None:
    card = {"evse_id": "DE*RDK*E1", "connector_id": "1", "uid": "04A1"}
    admission = call("POST", "/cards", card, key="card-1").json()
    assert call("POST", "/cards", card, key="card-1").json() == admission
    start = {
        "evse_id": "DE*RDK*E1",
        "connector_id": "1",
        "transaction": "TX-1",
        "authorization_id": admission["authorization_id"],
        "meter_kwh": 1000,
    }
    session = call("POST", "/charges", start)
    assert session.status_code == 201 and call("POST", "/charges", start).json() == session.json()
    now = site.now()
    reading = {"evse_id": "DE*RDK*E1", "transaction": "TX-1"}
    answer = call(
        "POST",
        "/readings",
        {
            "readings": [
                reading | {"meter_kwh": 1001.5},
                reading | {"meter_kwh": 1001, "at": "2020-01-01T00:00:00Z"},
                reading | {"meter_kwh": 999},
                reading | {"transaction": "TX-9", "meter_kwh": 5},
                reading | {"meter_kwh": 1002, "at": f"{now + timedelta(minutes=30):%Y-%m-%dT%H:%M:%SZ}"},
            ]
        },
    )
    assert answer.status_code == 200, answer.content
    assert [each["taken"] for each in answer.json()["results"]] == [True, False, False, False, False]
    assert all(each["reason"] for each in answer.json()["results"][1:])
    stop = {"evse_id": "DE*RDK*E1", "transaction": "TX-1", "meter_kwh": 1010, "reason": "EVDisconnected"}
    time.sleep(0.002)  # a reading is of another millisecond than the last
    ended = call("POST", "/charges/stop", stop, key="stop-1")
    assert ended.json() == session.json(), ended.content
    assert call("POST", "/charges/stop", stop, key="stop-1").json() == session.json()
    again = call("POST", "/charges/stop", stop)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    row = Session.objects.get()
    assert (row.status, row.kwh) == ("COMPLETED", 10)


def test_a_charge_does_not_begin_with_the_authorization_of_another_company(call: Caller, evse: Evse) -> None:
    made = cast.let_in(evse, Party.objects.get(party_id="ELV"), at=site.now(), party=factories.own_party("NL-RDN"))
    start = {"evse_id": "DE*RDK*E1", "connector_id": "1", "transaction": "T", "meter_kwh": 1}
    answer = call("POST", "/charges", start | {"authorization_id": made.pk})
    assert (answer.status_code, Session.objects.count()) == (409, 0)
    made.party = evse.location.party
    made.save()
    assert call("POST", "/charges", start | {"authorization_id": made.pk}).status_code == 201


def test_a_card_that_nobody_knows_is_answered(call: Caller) -> None:
    answer = call("POST", "/cards", {"evse_id": "DE*RDK*E1", "connector_id": "1", "uid": "NOBODY"})
    assert answer.status_code == 200 and answer.json()["allowed"] is False and answer.json()["reason"]


BIG = 2**63 - 1
NONSENSE: list[Any] = [
    None,
    True,
    "",
    "x" * 300,
    "\u202e",
    "\u0007",
    -1,
    BIG,
    1.5,
    [],
    {},
    [[]],
    {"a": {}},
    "2026-13-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "DE*RDK*E1",
]


@pytest.mark.parametrize("route", [param for param in ROUTES if param.values[0].example])
def test_nonsense_in_any_field_is_never_a_5xx(route: Route, call: Caller, ended: list[Any], evse: Evse) -> None:
    cast.begin(evse, Party.objects.get(party_id="ELV"), transaction="T-2041", now=site.now() - timedelta(hours=1))
    call("GET", "/orders")
    where = address(route, order=ordered(evse).uid)
    good = json.loads(json.dumps(route.example, default=float).replace("DE*RDK*E4711*1", "DE*RDK*E1"))

    def variants(tree: Any) -> Iterator[tuple[Any, Any]]:
        """Where to put something, in a copy of the whole: as (container, key)."""
        if isinstance(tree, dict | list):
            for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
                yield tree, key
                yield from variants(tree[key])

    many = sum(1 for _ in variants(good))
    fields = [*range(many), None]
    for index in fields:
        # all of them over four fields; every one in each would take minutes and found no more
        for value in NONSENSE if index is None else NONSENSE[index % 4 :: 4]:
            body = deepcopy(good)
            if index is None:
                body |= dict.fromkeys(("at", "signed_data", "profile", "soc", "power_kw", "reason", "evses"), value)
            else:
                holder, key = list(variants(body))[index]
                holder[key] = value
            answer = call(route.method, where, body)
            assert answer.status_code < 500, (body, answer.content)


# --- orders -----------------------------------------------------------------------------------------------------------


def test_an_order_is_taken_told_until_it_is_answered_and_answered_once(
    call: Caller, evse: Evse, ended: list[tuple[str, str, str]]
) -> None:
    assert (
        ordering.reachable(evse.pk, now=site.now()) == "The station system Depot does not ask for orders at the moment."
    )
    with pytest.raises(ordering.UnableToOrder):
        ordered(evse)
    assert call("GET", "/orders").json() == {"orders": []}
    assert ordering.reachable(evse.pk, now=site.now()) == ""
    order = ordered(evse)
    first = call("GET", "/orders").json()
    assert first["orders"] == [
        {
            "kind": "UNLOCK",
            "order": order.uid,
            "evse_id": "DE*RDK*E1",
            "deadline": date_time_text(order.deadline),
            "connector_id": "1",
        }
    ]
    assert call("GET", "/orders").json() == first, "the answer may have been lost"
    assert call("GET", f"/orders?after={first['next']}").json() == {"orders": [], "next": first["next"]}
    assert call("POST", f"/orders/{order.uid}", {"outcome": "FAILED", "reason": "Jammed"}).json() == {"changed": True}
    assert ended == [("K1", "FAILED", "Jammed")]
    assert call("POST", f"/orders/{order.uid}", {"outcome": "ACCEPTED"}).json() == {"changed": False}
    assert call("GET", "/orders").json() == {"orders": []}
    assert ended == [("K1", "FAILED", "Jammed")]


def test_an_answer_after_the_deadline_has_no_effect(call: Caller, evse: Evse, ended: list[Any]) -> None:
    call("GET", "/orders")
    order = ordered(evse)
    call("GET", "/orders")
    Order.objects.update(deadline=site.now() - timedelta(seconds=1))
    assert call("GET", "/orders").json()["orders"] == []
    door.expire()
    assert call("POST", f"/orders/{order.uid}", {"outcome": "ACCEPTED"}).json() == {"changed": False}
    assert [outcome for _, outcome, _ in ended] == ["TIMEOUT"]


@pytest.mark.parametrize("after", ["x", "-1", "9" * 17, "9" * 20, "\u00b2"])
def test_an_odd_cursor(call: Caller, after: str) -> None:
    assert call("GET", f"/orders?after={after}").status_code in (200, 422)


def test_who_hears_by_webhook_is_reached_without_asking_and_answers(
    depot: StationSystem, call: Caller, evse: Evse, ended: list[Any]
) -> None:
    endpoint, _ = webhooks.add_endpoint(application=depot.application, url="https://depot.example/hook", now=site.now())
    order = ordered(evse)
    told = json.loads(WebhookDelivery.objects.get().body)
    assert told["type"] == "order.waiting" and told["data"] == call("GET", "/orders").json()["orders"][0]
    Order.objects.update(state="WAITING", taken_by="", taken_at=None)
    assert call("POST", f"/orders/{order.uid}", {"outcome": "ACCEPTED"}).json() == {"changed": True}
    assert ended == [("K1", "ACCEPTED", "")]
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=site.now())
    later = site.now() + timedelta(minutes=1)
    assert "does not ask" in ordering.reachable(evse.pk, now=later)


def test_a_driver_on_this_platform_is_given_nothing_of_a_system_outside(depot: StationSystem, evse: Evse) -> None:
    orders = door.OrdersOf("simulator", lambda: [evse.pk], threading.Event())
    assert list(orders()) == []
    assert ordering.reachable(evse.pk, now=site.now()) != ""
    systems.set_locations(depot, [])
    door.OrdersOf("simulator", lambda: [evse.pk], threading.Event())()
    assert ordering.reachable(evse.pk, now=site.now()) == ""


@pytest.mark.django_db(transaction=True)
def test_waiting_ends_when_something_is_ordered(ended: list[Any]) -> None:
    factories.own_party()
    evse = cast.point(tariffs=())
    call = caller(system(evse.location.party, locations=[evse.location_id]))
    call("GET", "/orders")
    found: list[Any] = []

    def wait() -> None:
        began = time.monotonic()
        found.append((call("GET", "/orders?wait=20"), time.monotonic() - began))
        connections.close_all()

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(1.0)
    order = ordered(evse)
    committed = time.monotonic()
    thread.join(20)
    assert time.monotonic() - committed < 2.0, "woken, not found by looking"
    answer, took = found[0]
    assert [each["order"] for each in answer.json()["orders"]] == [order.uid] and took < 15


def test_too_many_that_wait_are_answered_at_once(call: Caller) -> None:
    from backoffice.charge_points.api import orders

    held = 0
    while orders._waiting.acquire(blocking=False):
        held += 1
    try:
        began = time.monotonic()
        answer = call("GET", "/orders?wait=20")
        assert answer["Retry-After"] == "1" and time.monotonic() - began < 10
    finally:
        for _ in range(held):
            orders._waiting.release()
    assert held == 2


@pytest.mark.django_db(transaction=True)
def test_two_that_ask_at_once_do_not_lose_an_order_and_one_answer_counts(ended: list[Any]) -> None:
    factories.own_party()
    evse = cast.point(tariffs=())
    call = caller(system(evse.location.party, locations=[evse.location_id]))
    call("GET", "/orders")
    uids = {ordered(evse, key=f"K{number}").uid for number in range(20)}
    seen: list[set[str]] = []
    changed: list[bool] = []

    def ask() -> None:
        seen.append({each["order"] for each in call("GET", "/orders").json()["orders"]})
        for uid in uids:
            answer = call("POST", f"/orders/{uid}", {"outcome": "ACCEPTED"})
            changed.append(answer.json().get("changed", False))
        connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set.union(*seen) <= uids
    assert sum(changed) == 20 == len(ended)


# --- webhooks, by the system itself -----------------------------------------------------------------------------------


def test_a_system_looks_after_its_own_webhooks(call: Caller, foreign: Caller) -> None:
    made = call("POST", "/webhooks", {"url": "https://depot.example/hook", "events": ["order.waiting"]})
    assert made.status_code == 201 and made.json()["secret"].startswith("whsec_")
    assert "secret" not in call("GET", "/webhooks").json()["items"][0]
    number = made.json()["id"]
    assert foreign("GET", "/webhooks").json()["items"] == []
    assert foreign("DELETE", f"/webhooks/{number}").json()["code"] == "not_found"
    assert call("POST", f"/webhooks/{number}/test").json()["message_id"].startswith("msg_")
    assert call("POST", "/webhooks", {"url": "https://depot.example/hook"}).json()["code"] == "conflict"
    assert call("DELETE", f"/webhooks/{number}").status_code == 204
    assert call("DELETE", f"/webhooks/{number}").status_code == 404


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest",
        "https://10.0.0.1/hook",
        "https://[::1]/hook",
        "https://user:pw@depot.example/hook",
        "https://depot.example:22/hook",
        "https://0x7f000001/hook",
    ],
)
def test_a_webhook_to_where_we_must_not_send(call: Caller, url: str) -> None:
    answer = call("POST", "/webhooks", {"url": url})
    assert answer.status_code in (409, 422), answer.content
    assert not WebhookEndpoint.objects.exists()


def test_the_kinds_are_those_that_are_served() -> None:
    assert api_site.of(ApplicationKind.STATION_SYSTEM) is STATIONS
    assert {route.repeats for route in STATIONS.routes if route.method != "POST"} == {Repeats.NO}
