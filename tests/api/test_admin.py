"""Staff's screens: who may hand out keys, what is shown once, whose applications one sees, and sending again."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backoffice.api.actions import webhooks
from backoffice.api.models import ApiCall, ApiKey, Application, WebhookDelivery, WebhookEndpoint
from backoffice.api.rules import Kind
from backoffice.api.serving.site import api_site
from backoffice.console.models import PartyScope
from backoffice.roaming_site import site
from tests import factories
from tests.api.calling import Caller, application
from tests.charge_points.station_cast import system
from tests.locations.cast import logged_in, staff

pytestmark = pytest.mark.django_db
HERE = "/admin/api/application/"
LOG = "/admin/api/webhookdelivery/"


@pytest.fixture
def depot() -> Application:
    """A station system with a webhook that was told something."""
    made = system(factories.own_party()).application
    webhooks.add_endpoint(application=made, url="https://depot.example/hook", now=site.now())
    webhooks.tell(
        application=made.pk, event="order.waiting", data={"uid": "04A2B3C4D5E680"}, about="ORDER-1", now=site.now()
    )
    return made


@pytest.fixture
def keeper() -> Client:
    return logged_in(staff("olga", "Roaming"))


def page(depot: Application, tail: str = "change/") -> str:
    return f"{HERE}{depot.pk}/{tail}"


@pytest.mark.parametrize(
    ("group", "allowed"),
    [
        ("Roaming", {"list", "one", "add", "key", "webhook", "locations", "log", "message", "calls"}),
        ("Operations", {"list", "one", "log", "message", "calls"}),
        ("Read-only", {"list", "one", "log", "message", "calls"}),
        ("Finance", {"list", "one"}),
        ("Support", set()),
    ],
)
def test_who_may_open_which_page(depot: Application, group: str, allowed: set[str]) -> None:
    pages = {
        "list": HERE,
        "one": page(depot),
        "add": f"{HERE}add/",
        "key": page(depot, "key/"),
        "webhook": page(depot, "webhook/"),
        "locations": page(depot, "locations/"),
        "log": LOG,
        "message": f"{LOG}{WebhookDelivery.objects.get().pk}/change/",
        "calls": "/admin/api/apicall/",
    }
    client = logged_in(staff("somebody", group))
    assert {name for name, url in pages.items() if client.get(url).status_code == 200} == allowed


@pytest.mark.parametrize("group", ["Operations", "Read-only", "Finance"])
def test_who_may_not_manage_keys_changes_nothing(depot: Application, keeper: Client, group: str) -> None:
    issued(keeper, depot)
    client, key, hook = logged_in(staff("somebody", group)), ApiKey.objects.get(), WebhookEndpoint.objects.get()
    for tail in (
        "key/",
        f"key/{key.pk}/revoke/",
        "webhook/",
        f"webhook/{hook.pk}/remove/",
        f"webhook/{hook.pk}/off/",
        "locations/",
    ):
        assert client.post(page(depot, tail), {"reason": "x", "scopes": "locations:read"}).status_code == 403, tail
    key.refresh_from_db()
    assert key.revoked_at is None and ApiKey.objects.count() == 1 and WebhookEndpoint.objects.get().enabled


def issued(client: Client, depot: Application, **given: Any) -> str:
    sent = {"scopes": ["locations:read"], "days": "30", "per_minute": "60"} | given
    answer = client.post(page(depot, "key/"), sent)
    assert answer.status_code == 200, answer.content
    assert "no-store" in answer["Cache-Control"]
    return re.search(r"rdk_[\w-]{43}", answer.content.decode())[0]  # type: ignore[index]


def test_a_key_is_shown_once_opens_and_is_revoked_with_a_reason(depot: Application, keeper: Client) -> None:
    key = issued(keeper, depot)
    call = Caller(key, "stations/v1")
    assert call("GET", "/locations").status_code == 200
    shown = keeper.get(page(depot)).content.decode()
    assert key not in shown and key[:8] in shown
    row = ApiKey.objects.get()
    assert (row.scopes, row.per_minute, row.created_by) == (["locations:read"], 60, "olga")
    keeper.post(page(depot, f"key/{row.pk}/revoke/"), {"reason": " "})
    row.refresh_from_db()
    assert row.revoked_at is None, "a reason is needed"
    keeper.post(page(depot, f"key/{row.pk}/revoke/"), {"reason": "Laptop lost"})
    assert call("GET", "/locations").status_code == 401
    assert "Laptop lost" in keeper.get(page(depot)).content.decode()
    history = " ".join(LogEntry.objects.values_list("change_message", flat=True))
    assert "Laptop lost" in history and key not in history


@pytest.mark.parametrize(
    "wrong", [{"scopes": []}, {"scopes": ["chargers:read", "no:such"]}, {"days": "9999"}, {"per_minute": "0"}]
)
def test_a_key_that_cannot_be(depot: Application, keeper: Client, wrong: dict[str, Any]) -> None:
    sent = {"scopes": ["locations:read"], "days": "30", "per_minute": "60"} | wrong
    assert keeper.post(page(depot, "key/"), sent).status_code == 400
    assert not ApiKey.objects.exists()


def test_only_kinds_that_are_served_are_offered(keeper: Client) -> None:
    factories.own_party()
    shown = keeper.get(f"{HERE}add/").content.decode()
    for kind in Kind:
        assert (f'value="{kind.value}"' in shown) == (api_site.of(kind) is not None)


def test_a_station_system_is_added_and_given_its_locations(keeper: Client) -> None:
    ours = factories.own_party()
    place = factories.own_location(factories.small_location("LOC1", "DE-RDK"))
    answer = keeper.post(f"{HERE}add/", {"party": ours.pk, "kind": "STATION_SYSTEM", "name": "New", "contact": ""})
    made = Application.objects.get(name="New")
    assert answer.status_code == 302 and made.station_system.pk == made.pk
    keeper.post(page(made, "locations/"), {"locations": [str(place.pk)]})
    assert [link.location_id for link in made.station_system.links.all()] == [place.pk]
    again = keeper.post(f"{HERE}add/", {"party": ours.pk, "kind": "STATION_SYSTEM", "name": "New"})
    assert again.status_code == 400 and "already" in again.content.decode()
    other = system(ours, "Second").application
    assert keeper.post(page(other, "locations/"), {"locations": [str(place.pk)]}).status_code == 400
    assert not other.station_system.links.exists()


def test_webhooks_are_steered_and_sent_again(depot: Application, keeper: Client) -> None:
    hook, told = WebhookEndpoint.objects.get(), WebhookDelivery.objects.get()
    keeper.post(page(depot, f"webhook/{hook.pk}/off/"), {"reason": "Moves"})
    hook.refresh_from_db()
    told.refresh_from_db()
    assert (hook.enabled, hook.disabled_reason, told.state) == (False, "Switched off: Moves", "DROPPED")
    keeper.post(f"{LOG}{told.pk}/resend/")
    told.refresh_from_db()
    assert told.state == "DROPPED", "its webhook is off"
    keeper.post(page(depot, f"webhook/{hook.pk}/on/"))
    keeper.post(f"{LOG}{told.pk}/resend/")
    told.refresh_from_db()
    assert told.state == "DUE"
    keeper.post(page(depot, f"webhook/{hook.pk}/test/"))
    assert WebhookDelivery.objects.filter(event="webhook.test").exists()
    assert keeper.post(page(depot, f"webhook/{hook.pk}/explode/")).status_code == 404
    secret = keeper.post(page(depot, "webhook/"), {"url": "https://depot.example/second", "events": []})
    assert "whsec_" in secret.content.decode()
    assert keeper.post(page(depot, "webhook/"), {"url": "https://10.0.0.1/hook"}).status_code == 400
    keeper.post(page(depot, f"webhook/{hook.pk}/remove/"))
    assert [each.url for each in WebhookEndpoint.objects.all()] == ["https://depot.example/second"]


def test_a_drivers_card_is_masked_in_the_log(depot: Application, keeper: Client) -> None:
    shown = keeper.get(f"{LOG}{WebhookDelivery.objects.get().pk}/change/").content.decode()
    assert "04A2B3C4D5E680" not in shown and "***E680" in shown


def test_staff_of_one_company_see_its_applications_alone(depot: Application) -> None:
    dutch = application(factories.own_party("NL-RDN"), name="Dutch")
    user = staff("nadia", "Roaming")
    scope = PartyScope.objects.create(name="Dutch")
    scope.parties.add(dutch.party)
    scope.users.add(user)
    client = logged_in(user)
    assert "Depot" not in client.get(HERE).content.decode() and "Dutch" in client.get(HERE).content.decode()
    assert client.get(page(depot)).status_code == 404
    assert client.post(page(depot, "key/"), {"scopes": "locations:read"}).status_code == 404
    assert client.get(f"{LOG}{WebhookDelivery.objects.get().pk}/change/").status_code == 404
    assert "DE-RDK" not in client.get(f"{HERE}add/").content.decode()


def test_pages_ask_as_often_for_many_rows_as_for_one(depot: Application, keeper: Client) -> None:
    def counted() -> list[int]:
        counts = []
        for url in (HERE, page(depot), LOG, "/admin/api/apicall/"):
            with CaptureQueriesContext(database) as queries:
                assert keeper.get(url).status_code == 200
            counts.append(len(queries))
        return counts

    key = issued(keeper, depot)
    Caller(key, "stations/v1")("GET", "/locations/NONE")
    counted()
    one = counted()
    for number in range(5):
        issued(keeper, depot)
        Caller(key, "stations/v1")("GET", "/locations/NONE")
        other = system(depot.party, f"System {number}").application
        webhooks.add_endpoint(application=other, url=f"https://s{number}.example/hook", now=site.now())
        webhooks.tell(application=other.pk, event="order.waiting", data={}, now=site.now())
    assert counted() == one
    assert max(one) <= 25


def test_a_call_has_a_page_that_changes_nothing(depot: Application, keeper: Client) -> None:
    Caller(issued(keeper, depot), "stations/v1")("GET", "/locations/NONE")
    row = ApiCall.objects.latest("pk")
    listed = keeper.get("/admin/api/apicall/").content.decode()
    here = f"/admin/api/apicall/{row.pk}/change/"
    assert here in listed
    told = keeper.get(here)
    assert told.status_code == 200 and row.request_id in told.content.decode()
    assert keeper.post(here, {"detail": "nothing"}).status_code == 403
