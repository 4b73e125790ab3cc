"""One endpoint, several kinds of objects (mod_payments, mod_bookings): each part has its own paths, and none takes another's.

The modules here hold what they are told in a dict: what is tested is where the doors are and who may walk through.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from django.test import override_settings
from django.urls import path

from backoffice.roaming_site import site as real
from ocpi.module import Answer, Arrival, Call, CallArrival, Documents, Level, Module, OwnedObjects, Page, Stored
from ocpi.server.openapi import document
from ocpi.server.viewsets import object_address
from ocpi.site import OcpiSite
from ocpi.wire import json as wire_json
from ocpi.wire.bookings import Booking, BookingLocation, Calendar
from ocpi.wire.payments import Terminal
from ocpi.wire.versions import InterfaceRole
from tests.doors.asking import Asking
from tests.factories import Partner

TERMINAL = {"terminal_id": "T1", "city": "Gothenburg", "last_updated": "2026-03-01T08:00:00Z"}
PLACE = {
    "country_code": "SE",
    "party_id": "ELV",
    "id": "BL1",
    "location_id": "HARBOUR-7",
    "evse_uid": "E-100",
    "last_updated": "2026-03-01T08:00:00Z",
}


class Kept(dict[str, Any]):
    """What doors were told, by their module and the ids."""

    def put(self, arrival: Arrival) -> Stored:
        key = f"{arrival.level.cls.__name__} {arrival.owner} {'/'.join(arrival.ids)}"
        created = key not in self
        self[key] = arrival.tree if arrival.merge is None else arrival.merge(self[key])[0]
        return Stored(created=created, ids=arrival.ids if arrival.level.cls is Terminal else ())

    def theirs(self, name: str) -> Any:
        return lambda peer, owner, ids: self.get(f"{name} {owner} {'/'.join(ids)}")

    def change(self, arrival: CallArrival) -> Answer:
        assert arrival.merge is not None
        tree, _ = arrival.merge(self["own"])
        self["own"] = tree
        return Answer()

    def activate(self, arrival: CallArrival) -> Answer:
        self["activated"] = arrival.tree
        return Answer()


def _page(name: str) -> Any:
    return lambda peer, query: Page([b"[", wire_json.encode({"list": name}), b"]"], 1, 250, 9)


@pytest.fixture
def kept() -> Kept:
    return Kept(own=dict(TERMINAL))


@pytest.fixture
def site(kept: Kept) -> OcpiSite:
    made = OcpiSite()
    made.authenticate, made.record, made.client, made.public_url = real.authenticate, real.record, real.client, ""
    roles = {"sender_roles": frozenset({"CPO"}), "receiver_roles": frozenset({"EMSP"})}
    made.register(
        Module(
            "bookings",
            OwnedObjects(
                levels=(Level("booking_id", "id", Booking),),
                page=_page("bookings"),
                read_own=lambda peer, owner, ids: None,
                read_theirs=kept.theirs("Booking"),
                put=kept.put,
                calls=(Call("POST", "", Terminal, kept.activate),),
            ),
            **roles,
        )
    )
    made.register(
        Module(
            "booking_locations",
            OwnedObjects(
                levels=(Level("booking_location_id", "id", BookingLocation), Level("calendar_id", "id", Calendar)),
                page=_page("booking locations"),
                read_own=lambda peer, owner, ids: PLACE if ids == ("BL1",) else None,
                read_theirs=kept.theirs("BookingLocation"),
                put=kept.put,
                patch=kept.put,
                serves_one=True,
            ),
            part_of="bookings",
            **roles,
        )
    )
    made.register(
        Module(
            "terminals",
            Documents(
                level=Level("terminal_id", "terminal_id", Terminal),
                page=_page("terminals"),
                read_own=lambda peer, owner, ids: kept["own"] if ids == ("T1",) else None,
                read_theirs=kept.theirs("Terminal"),
                post=kept.put,
                acknowledged=lambda *given: None,
                serves_one=True,
                partyless=True,
                calls=(
                    Call("POST", "activate", Terminal, kept.activate),
                    Call("PATCH", "{terminal_id}", Terminal, kept.change, partial=True),
                ),
            ),
            part_of="payments",
            **roles,
        )
    )
    return made


@pytest.fixture
def asking(partner: Partner, site: OcpiSite) -> Any:
    urls = ModuleType("urls")
    urls.urlpatterns = [path("ocpi/", site.urls)]  # type: ignore[attr-defined]
    with override_settings(ROOT_URLCONF=urls):
        yield Asking(partner.token)


ANSWERS = [
    # the list and the objects of each part, both forms of an address
    ("GET", "sender/bookings", None, (200, 1000)),
    ("GET", "sender/bookings/", None, (200, 1000)),
    ("GET", "sender/bookings/B1", None, (404, 2001)),
    ("GET", "sender/bookings/booking_locations", None, (200, 1000)),
    ("GET", "sender/bookings/booking_locations/", None, (200, 1000)),
    ("GET", "sender/bookings/booking_locations/BL1", None, (200, 1000)),
    ("GET", "sender/bookings/booking_locations/BL2", None, (404, 2001)),
    ("POST", "sender/bookings/booking_locations", {}, (405, 2000)),
    ("PUT", "sender/bookings/booking_locations/BL1", PLACE, (405, 2000)),
    ("PUT", "sender/bookings", {}, (405, 2000)),
    ("DELETE", "sender/bookings", None, (405, 2000)),
    ("PUT", "receiver/bookings/SE/ELV/booking_locations/BL1", PLACE, (201, 1000)),
    ("PUT", "receiver/bookings/SE/ELV/booking_locations/BL1/", PLACE, (201, 1000)),
    ("PUT", "receiver/bookings/SE/ELV/booking_locations/BL2", PLACE, (200, 2001)),
    ("PUT", "receiver/bookings/NO/FJO/booking_locations/BL1", PLACE, (404, 2001)),
    ("GET", "receiver/bookings/SE/ELV/booking_locations", None, (404, 2001)),
    ("POST", "receiver/bookings/SE/ELV/booking_locations/BL1", PLACE, (405, 2000)),
    ("DELETE", "receiver/bookings/SE/ELV/booking_locations/BL1", None, (405, 2000)),
    ("GET", "receiver/bookings/booking_locations", None, (404, 2001)),
    # no party in the path
    ("GET", "sender/payments", None, (404, 2001)),
    ("GET", "sender/payments/terminals", None, (200, 1000)),
    ("GET", "sender/payments/terminals/T1", None, (200, 1000)),
    ("GET", "sender/payments/terminals/T2", None, (404, 2001)),
    ("GET", "sender/payments/terminals/activate", None, (404, 2001)),
    ("POST", "sender/payments/terminals", TERMINAL, (405, 2000)),
    ("POST", "sender/payments/terminals/activate", TERMINAL, (200, 1000)),
    ("PATCH", "sender/payments/terminals/T1", {"city": "Malmo"}, (200, 1000)),
    ("PATCH", "sender/payments/terminals/T1", {"city": 5}, (200, 2001)),
    ("PUT", "sender/payments/terminals/T1", {}, (405, 2000)),
    ("DELETE", "sender/payments/terminals/T1", None, (405, 2000)),
    ("POST", "receiver/payments/terminals", TERMINAL, (201, 1000)),
    ("POST", "receiver/payments/terminals", {"city": "Malmo"}, (200, 2001)),
    ("POST", "receiver/payments/terminals/T1", TERMINAL, (405, 2000)),
    ("PUT", "receiver/payments/terminals/T1", TERMINAL, (405, 2000)),
    ("GET", "receiver/payments/terminals", None, (405, 2000)),
    ("GET", "receiver/payments/terminals/T1", None, (404, 2001)),
    ("GET", "receiver/payments/terminals/T1/x", None, (404, 2001)),
]


@pytest.mark.parametrize(("method", "where", "body", "says"), ANSWERS, ids=lambda value: str(value)[:60])
def test_each_part_has_its_own_paths(asking: Asking, method: str, where: str, body: Any, says: tuple[int, int]) -> None:
    assert asking.ask(method, f"2.3.0/{where}", body).says == says


def test_lists_are_not_each_others(asking: Asking) -> None:
    for where, name in (("bookings", "bookings"), ("bookings/booking_locations", "booking locations")):
        answered = asking.get(f"2.3.0/sender/{where}?limit=1")
        assert answered.data == [{"list": name}]
        assert f"/sender/{where}?" in answered.headers["Link"]


def test_what_was_posted_is_read_where_the_answer_says(asking: Asking) -> None:
    posted = asking.ask("POST", "2.3.0/receiver/payments/terminals", TERMINAL)
    assert posted.headers["Location"].endswith("/ocpi/2.3.0/receiver/payments/terminals/T1")
    assert asking.get(posted.headers["Location"]).data == TERMINAL


def test_a_partial_body_changes_what_it_names(asking: Asking, kept: Kept) -> None:
    asking.patch("2.3.0/sender/payments/terminals/T1", {"city": "Malmo"})
    assert kept["own"] == TERMINAL | {"city": "Malmo"}


def test_the_endpoint_is_listed_once(asking: Asking) -> None:
    listed = [(row["identifier"], row["role"], row["url"]) for row in asking.get("2.3.0").data["endpoints"]]
    assert listed == [
        (name, role.upper(), f"/ocpi/2.3.0/{role}/{name}")
        for name in ("bookings", "payments")
        for role in ("sender", "receiver")
    ]


def test_the_description_knows_the_parts(site: OcpiSite, db: None) -> None:
    paths = document(site, "2.3.0")["paths"]
    described = {(path, verb) for path, item in paths.items() for verb in item if verb != "parameters"}
    assert {
        ("/2.3.0/sender/bookings", "post"),
        ("/2.3.0/sender/bookings/booking_locations/{booking_location_id}/{calendar_id}", "get"),
        ("/2.3.0/receiver/bookings/{country_code}/{party_id}/booking_locations/{booking_location_id}", "patch"),
        ("/2.3.0/receiver/bookings/{country_code}/{party_id}/{booking_id}", "put"),
        ("/2.3.0/sender/payments/terminals/{terminal_id}", "patch"),
        ("/2.3.0/receiver/payments/terminals", "post"),
        ("/2.3.0/receiver/payments/terminals/{terminal_id}", "get"),
    } <= described


def test_a_peer_is_addressed_as_it_addresses_us(partner: Partner, site: OcpiSite) -> None:
    """What we send goes where our own doors would take it in."""
    from backoffice.partners import peers

    peer = peers.of_connection(partner.connection.pk)
    assert peer is not None
    ours = peer.ours[0]
    url = "https://elv.example/ocpi/bookings/"
    places, terminals = site.module("booking_locations"), site.module("terminals")
    assert object_address(places, url, ("BL 1", "C1"), ours) == (
        "https://elv.example/ocpi/bookings/DE/RDK/booking_locations/BL%201/C1"
    )
    assert places.address(url, InterfaceRole.SENDER) == "https://elv.example/ocpi/bookings/booking_locations"
    assert terminals.address("https://x.example/pay", InterfaceRole.RECEIVER) == "https://x.example/pay/terminals"
    assert object_address(terminals, "https://x.example/pay", ("T1",), ours) == "https://x.example/pay/terminals/T1"
    assert site.module("bookings").address(url, InterfaceRole.SENDER) == url
