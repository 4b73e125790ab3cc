"""Time slots through the driver-app API: booked, changed, taken back, and the app hears of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from time_machine import TimeMachineFixture

from backoffice.api.actions import webhooks
from backoffice.api.models import WebhookDelivery
from backoffice.api.rules import Kind
from backoffice.bookings.actions import keeping
from backoffice.bookings.models import Booking
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from ocpi.wire.bookings import CanceledReason
from tests import factories
from tests.api.calling import Caller, application, key_of
from tests.bookings.places import NOW, at, one_evse, premises, text
from tests.doors.asking import snapshot

pytestmark = pytest.mark.django_db

BOOK = {
    "contract_id": "DE-RDK-C1",
    "country_code": "DE",
    "party_id": "RDK",
    "place": "P1",
    "starts_at": text(at(10)),
    "ends_at": text(at(11)),
}
LOGGED = ("api_apicall", "api_apikey", "api_keyuse", "api_idempotentanswer")


@pytest.fixture
def us(time_machine: TimeMachineFixture) -> Party:
    time_machine.move_to(NOW, tick=False)
    ours = factories.own_party("DE-RDK", "CPO", "EMSP")
    factories.own_token(factories.small_token("APP1", "DE-RDK", type="APP_USER", contract_id="DE-RDK-C1"))
    one_evse(premises())
    return ours


@pytest.fixture
def call(us: Party) -> Caller:
    owner = application(us, Kind.DRIVER_APP, "App")
    webhooks.add_endpoint(application=owner, url="https://app.example/hook", now=site.now())
    return Caller(key_of(owner, ["bookings:write"]), "drivers/v1")


@pytest.fixture
def foreign(us: Party) -> Caller:
    owner = application(factories.own_party("DE-OTH", "EMSP", name="Other"), Kind.DRIVER_APP, "Theirs")
    return Caller(key_of(owner, ["bookings:write"]), "drivers/v1")


def heard() -> list[dict[str, Any]]:
    """What the app was told, and no more of it."""
    rows = WebhookDelivery.objects.filter(event="booking.changed").order_by("pk")
    told = [json.loads(row.body)["data"] for row in rows]
    rows.delete()
    return told


def test_booked_changed_and_taken_back(call: Caller) -> None:
    answer = call("POST", "/bookings", BOOK, key="one")
    assert answer.status_code == 202
    made = answer.json()
    assert (made["status"], made["request_status"], made["evse_uid"]) == ("RESERVED", "ACCEPTED", "E1")
    assert (made["contract_id"], made["cancel_until"]) == ("DE-RDK-C1", text(at(8)))
    assert [each["status"] for each in heard()][-1] == "RESERVED"
    assert call("POST", "/bookings", BOOK, key="one").json()["booking"] == made["booking"], "the same request again"
    assert Booking.objects.count() == 1

    where = f"/bookings/{made['booking']}"
    assert call("GET", where).json() == made
    assert [each["booking"] for each in call("GET", "/bookings?contract_id=de-rdk-c1").json()["items"]] == [
        made["booking"]
    ]
    moved = call("POST", f"{where}/change", {"starts_at": text(at(12)), "ends_at": text(at(13))}).json()
    assert (moved["starts_at"], moved["asks"], moved["request_status"]) == (text(at(12)), "CHANGE", "ACCEPTED")

    gone = call("POST", f"{where}/cancel", {"reason": "TRAFFIC"}).json()
    assert (gone["status"], gone["canceled_reason"], gone["canceled_by"]) == ("CANCELED", "TRAFFIC", "EMSP")
    assert heard()[-1]["status"] == "CANCELED"
    again = call("POST", f"{where}/cancel", {})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")


def test_a_broken_charger_is_told(call: Caller) -> None:
    call("POST", "/bookings", BOOK, key="one")
    heard()
    keeping.cancel(Booking.objects.get().pk, reason=CanceledReason.BROKEN_CHARGER, by="staff", now=NOW)
    told = heard()[-1]
    assert (told["status"], told["canceled_reason"], told["canceled_by"]) == ("CANCELED", "BROKEN_CHARGER", "CPO")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"place": "NONE"}, "not_found"),
        ({"contract_id": "NONE"}, "not_found"),
        ({"starts_at": text(at(-20))}, "conflict"),
        ({"ends_at": text(at(24 * 40))}, "conflict"),
        ({"ends_at": text(at(9))}, "conflict"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(call: Caller, wrong: dict[str, Any], code: str) -> None:
    answer = call("POST", "/bookings", BOOK | wrong, key="one").json()
    assert answer["code"] == code
    assert not Booking.objects.filter(status="RESERVED").exists()


def test_another_emsps_app_sees_and_does_nothing(call: Caller, foreign: Caller) -> None:
    made = call("POST", "/bookings", BOOK, key="one").json()
    before = {table: rows for table, rows in snapshot().items() if table not in LOGGED}
    where = f"/bookings/{made['booking']}"
    for method, path, body in (
        ("GET", where, None),
        ("POST", f"{where}/cancel", {}),
        ("POST", f"{where}/change", {"starts_at": text(at(12)), "ends_at": text(at(13))}),
        ("POST", "/bookings", BOOK),
    ):
        assert foreign(method, path, body, key="k").json()["code"] == "not_found", path
    assert foreign("GET", "/bookings").json()["items"] == []
    assert {table: rows for table, rows in snapshot().items() if table not in LOGGED} == before


def test_free_slots_are_found_and_one_that_was_booked_is_not(call: Caller) -> None:
    asked = {"minutes": 60, "since": BOOK["starts_at"], "until": text(at(14)), "country_code": "DE", "party_id": "RDK"}

    def begins(**changes: Any) -> list[str]:
        return [slot["starts_at"] for slot in call("POST", "/slots", asked | changes).json()["items"]]

    free = call("POST", "/slots", asked | {"limit": 1}).json()["items"]
    assert free == [
        {
            "country_code": "DE",
            "party_id": "RDK",
            "place": "P1",
            "location_id": "LOC1",
            "evse_uid": "E1",
            "starts_at": text(at(10)),
            "ends_at": text(at(11)),
        }
    ]
    assert begins() == begins(location_id="loc1") == [text(at(10 + quarter / 4)) for quarter in range(13)]
    assert call("POST", "/bookings", BOOK, key="one").status_code == 202
    assert begins() == [text(at(11 + quarter / 4)) for quarter in range(9)]
    assert begins(location_id="ELSE") == begins(party_id="XXX") == []
    for wrong in ({"minutes": 0}, {"limit": 51}, {"until": text(at(24 * 60))}):
        assert call("POST", "/slots", asked | wrong).json()["code"] == "invalid", wrong
