"""The other way round: what our requests look like at a partner's doors, wherever it put them.

The partner is scripted from the specification and keeps every request as it came. How the outbox and a pull behave on bad
days is proved with them; here it is only the rules on the requests themselves.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from backoffice.delivery.actions import draining, pulling
from backoffice.delivery.models import Exchange, Pull
from backoffice.locations.actions import changing
from backoffice.locations.models import Location
from backoffice.partners.actions import connections, handshake
from backoffice.partners.actions.connections import set_endpoints
from backoffice.partners.models import Connection, Party
from backoffice.roaming_site import site
from tests import factories
from tests.meeting import registered
from tests.peer import ScriptedPeer, Twist
from tests.peer.platform import Received
from tests.spec import facts

ROUTING = ("OCPI-to-country-code", "OCPI-to-party-id", "OCPI-from-country-code", "OCPI-from-party-id")


def whole_scenario(peer: ScriptedPeer) -> Connection:
    """We register, push a location and a status, fetch the partner's locations, renew the tokens, and part."""
    peer.objects["locations"] = [json.dumps(factories.small_location(f"L{n}", "NL-TNM")).encode() for n in range(3)]
    peer.page_size = 2
    connection = registered(peer)
    location = factories.own_location(factories.location(country_code="DE", party_id="RDK"))
    draining.drain(connection.pk)
    changing.set_status(location, "E-100", "CHARGING", source="charge point", now=site.now())
    draining.drain(connection.pk)
    assert pulled(connection).state == "DONE"
    handshake.update(connection, now=site.now())
    handshake.unregister(Connection.objects.get(pk=connection.pk), now=site.now())
    return connection


def pulled(connection: Connection) -> Pull:
    pull = pulling.start(Connection.objects.get(pk=connection.pk), "locations", full=True, now=site.now())
    return pulling.run(pull.pk)


def functional(request: Received) -> bool:
    return "/sender/" in request.path or "/receiver/" in request.path


@pytest.mark.rule("T-002", "T-003", "T-061", "T-062", "T-088", "T-090", "T-092")
def test_the_headers_of_every_request_of_a_whole_scenario(platform: Party, peer: ScriptedPeer) -> None:
    whole_scenario(peer)
    kinds = {(request.method, functional(request)) for request in peer.received}
    assert kinds == {
        ("GET", False),
        ("POST", False),
        ("PUT", False),
        ("DELETE", False),
        ("PUT", True),
        ("PATCH", True),
        ("GET", True),
    }
    for request in peer.received:
        assert re.fullmatch(r"Token [A-Za-z0-9+/]+={0,2}", request.headers["Authorization"])
        for name in ("X-Request-ID", "X-Correlation-ID"):
            assert str(UUID(request.headers[name])) == request.headers[name]
        told = tuple(request.headers.get(name) for name in ROUTING)
        assert told == (("NL", "TNM", "DE", "RDK") if functional(request) else (None,) * 4), request
    ids = [request.headers["X-Request-ID"] for request in peer.received]
    assert len(set(ids)) == len(ids) > 10
    assert Exchange.objects.filter(incoming=False).count() == len(ids)


@pytest.mark.rule("T-041", "T-202", "T-060", "T-086")
def test_a_pushed_object_is_whole_and_says_no_more_than_the_specification(platform: Party, peer: ScriptedPeer) -> None:
    whole_scenario(peer)
    (put,) = peer.pushed("PUT", "locations")
    assert put.path.endswith("/receiver/locations/DE/RDK/HARBOUR-7")
    assert (put.json["country_code"], put.json["party_id"], put.json["id"]) == ("DE", "RDK", "HARBOUR-7")
    assert_only_the_specification("Location", put.json)
    assert b"#NA" not in put.body


def assert_only_the_specification(class_name: str, tree: dict[str, Any]) -> None:
    fields = {field["name"]: field for field in facts("objects")[class_name]["fields"]}
    assert set(tree) <= set(fields), class_name
    assert {name for name, field in fields.items() if field["card"] in ("1", "+")} <= set(tree), class_name
    for name, value in tree.items():
        if fields[name]["type"] in facts("objects"):
            for inner in value if isinstance(value, list) else [value]:
                assert_only_the_specification(fields[name]["type"], inner)


class TwoParties(ScriptedPeer):
    """A platform of two eMSPs."""

    def credentials(self, token: str) -> bytes:
        tree = json.loads(super().credentials(token))
        (role,) = tree["roles"]
        tree["roles"] = [role, role | {"party_id": "XYZ"}]
        return json.dumps(tree).encode()


@pytest.mark.rule("T-064")
def test_routing_names_parties_and_not_platforms(platform: Party, reachable: None) -> None:
    """Each party of a platform is told by itself, and by the party of ours that the object belongs to."""
    factories.own_party("DE-OTH")
    with TwoParties() as peer:
        connection = registered(peer)
        peer.received.clear()
        factories.own_location(factories.small_location("A", "DE-RDK"))
        factories.own_location(factories.small_location("B", "DE-OTH"))
        draining.drain(connection.pk)
    told = {
        (request.path.rsplit("/", 1)[1], request.headers["OCPI-from-party-id"], request.headers["OCPI-to-party-id"])
        for request in peer.received
    }
    assert told == {(name, ours, theirs) for name, ours in (("A", "RDK"), ("B", "OTH")) for theirs in ("TNM", "XYZ")}


class OddAddresses(ScriptedPeer):
    """A platform whose doors are nowhere near those of the specification's examples."""

    ODD = {"/push/here": "/ocpi/2.3.0/receiver/locations", "/list.php": "/ocpi/2.3.0/sender/locations"}

    def _endpoints(self, version: str) -> list[dict[str, str]]:
        odd = [
            {"identifier": "locations", "role": "RECEIVER", "url": f"{self.url}/push/here/"},
            {"identifier": "locations", "role": "SENDER", "url": f"{self.url}/list.php?shop=7"},
            {"identifier": "nltnm-weather", "role": "SENDER", "url": f"{self.url}/weather"},
        ]
        return [one for one in super()._endpoints(version) if one["identifier"] == "credentials"] + odd

    def answer(self, request: Received) -> Any:
        for odd, real in self.ODD.items():
            if request.path.startswith(odd):
                request = replace(request, path=real + request.path.removeprefix(odd))
        return super().answer(request)


@pytest.mark.rule("T-046", "T-095", "T-148")
def test_addresses_come_from_the_partners_version_details(platform: Party, reachable: None) -> None:
    with OddAddresses(objects={"locations": [json.dumps(factories.small_location("L1", "NL-TNM")).encode()]}) as peer:
        connection = registered(peer)
        peer.received.clear()
        factories.own_location(factories.small_location("A", "DE-RDK"))
        draining.drain(connection.pk)
        assert pulled(connection).stored == 1
    push, fetch = peer.received
    assert (push.method, push.path) == ("PUT", "/push/here/DE/RDK/A")
    assert (fetch.method, fetch.path, fetch.query["shop"]) == ("GET", "/list.php", ["7"])


class Cursors(ScriptedPeer):
    """A CPO whose next links are its own secret, and whose count changes from page to page."""

    def __init__(self, totals: Sequence[int]) -> None:
        ids = [f"L{number}" for number in range(len(totals))]
        super().__init__(
            role="CPO",
            objects={"locations": [json.dumps(factories.small_location(name, "NL-TNM")).encode() for name in ids]},
        )
        self.totals = totals

    def _sender(self, request: Received, module: str, below: list[str]) -> Any:
        position = int(request.query.get("zz", ["0"])[0])
        answer = super()._sender(replace(request, query={}), module, below)
        answer.data = b"[" + self.objects[module][position] + b"]"
        answer.headers = {"X-Total-Count": str(self.totals[position]), "X-Limit": "1"}
        if position + 1 < len(self.totals):
            link = f"{self.url}{request.path}?zz={position + 1}&state=%2Fx%2B"
            answer.headers["Link"] = f'<{link}>; rel="next"'
        return answer


@pytest.mark.rule("T-038", "T-039")
def test_a_crawl_follows_links_as_they_are_until_there_is_none(platform: Party, reachable: None) -> None:
    """Nothing is counted: neither our own offsets nor the total, which grows from page to page."""
    with Cursors(totals=[4, 9, 30, 31]) as peer:
        connection = registered(peer)
        peer.received.clear()
        pull = pulled(connection)
    assert (pull.pages, pull.objects_read) == (4, 4)
    asked = [request.query for request in peer.received]
    assert asked[1:] == [{"zz": [str(position)], "state": ["/x+"]} for position in (1, 2, 3)]
    assert Location.objects.count() == 4


@pytest.mark.rule("T-051", "T-048")
def test_a_pulled_object_belongs_to_the_party_that_it_names(platform: Party, peer: ScriptedPeer) -> None:
    mine = factories.partner("NL-TNM:CPO", "NL-XYZ:CPO", versions_url=peer.versions_url)
    set_endpoints(mine.connection, [("locations", "SENDER", f"{peer.url}/ocpi/2.3.0/sender/locations")])
    peer.accepts.add(f"we-show-this-{mine.connection.name.split()[1]}")
    owners = ["NL-XYZ", "NL-TNM", "nl-xyz"]
    peer.objects["locations"] = [
        json.dumps(factories.small_location(name, owner)).encode() for name, owner in zip("ABC", owners, strict=True)
    ]
    assert pulled(mine.connection).stored == 3
    stored = {location.object_id: str(location.party) for location in Location.objects.select_related("party")}
    assert stored == {"A": "NL-XYZ", "B": "NL-TNM", "C": "NL-XYZ"}


@pytest.mark.rule("T-016")
def test_partners_are_asked_by_the_hour_and_not_all_at_once(platform: Party, peer: ScriptedPeer) -> None:
    """Each run begins an hour after the last one, give or take a tenth that chance decides."""
    peer.role = "CPO"
    peer.objects["locations"] = []
    connection = registered(peer)
    connection.endpoints.exclude(identifier="locations").delete()
    assert pulled(connection).state == "DONE"
    begun = Pull.objects.latest("id").started_at
    for minutes, due in ((1, 0), (30, 0), (53, 0), (67, 1)):
        Pull.objects.filter(state="RUNNING").delete()
        assert len(pulling.start_due(now=begun + timedelta(minutes=minutes))) == due
    splayed = set()
    for seed in range(40):
        Pull.objects.filter(state="RUNNING").delete()
        splayed.add(len(pulling.start_due(now=begun + timedelta(minutes=60), chance=random.Random(seed))))
    assert splayed == {0, 1}


@pytest.mark.rule("T-247")
def test_a_status_that_was_only_planned_is_not_told_before_it_is_real(platform: Party, peer: ScriptedPeer) -> None:
    """status_schedule travels as information; the change itself is a push of its own when it happens."""
    connection = registered(peer)
    location = factories.own_location(factories.location(country_code="DE", party_id="RDK"))
    draining.drain(connection.pk)
    (put,) = peer.pushed()
    evse = put.json["evses"][0]
    assert (evse["status"], evse["status_schedule"][0]["status"]) == ("AVAILABLE", "INOPERATIVE")
    peer.received.clear()
    changing.set_status(location, "E-100", "INOPERATIVE", source="charge point", now=site.now())
    draining.drain(connection.pk)
    (patch,) = peer.pushed()
    assert (patch.method, patch.json["status"]) == ("PATCH", "INOPERATIVE")


@pytest.mark.rule("T-058")
@pytest.mark.parametrize("data", [b"", b'"data":null,', b'"data":{},', b'"data":[],', b'"data":"ok",'])
def test_a_push_is_delivered_whatever_data_says(data: bytes, platform: Party, peer: ScriptedPeer) -> None:
    connection = registered(peer)
    body = b"{" + data + b'"status_code":1000,"timestamp":"2026-01-01T00:00:00Z"}'
    peer.script("PUT", "/ocpi/2.3.0/receiver", Twist(body=body))
    factories.own_location(factories.small_location("A", "DE-RDK"))
    assert draining.drain(connection.pk) == 1
    assert not connection.messages.exclude(state="DONE").exists()


@pytest.mark.rule("T-191", "T-192", "T-221")
def test_what_is_neither_public_nor_for_roaming_is_not_told(platform: Party, peer: ScriptedPeer) -> None:
    connection = registered(peer)
    location = factories.own_location(factories.small_location("A", "DE-RDK"))
    draining.drain(connection.pk)
    changing.unshare(location)
    peer.received.clear()
    changing.set_status(location, "E1", "CHARGING", source="charge point", now=site.now())
    draining.drain(connection.pk)
    assert peer.received == []
    changing.share(location, now=site.now())
    draining.drain(connection.pk)
    assert {request.path.rsplit("/", 1)[1] for request in peer.pushed("PUT")} == {"A"}


def test_nothing_is_sent_over_a_connection_that_is_paused(platform: Party, peer: ScriptedPeer) -> None:
    connection = registered(peer)
    connections.pause(Connection.objects.get(pk=connection.pk), reason="test")
    peer.received.clear()
    factories.own_location(factories.small_location("A", "DE-RDK"))
    draining.drain(connection.pk)
    with pytest.raises(pulling.UnableToPull):
        pulled(connection)
    assert peer.received == []
