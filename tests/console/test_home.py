"""The start page: each group sees its own figures, each figure leads to a page that opens, one failing panel blanks no other."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import ProgrammingError
from django.test import Client

from backoffice.console import dashboard
from backoffice.console.models import PartyScope
from backoffice.delivery.models import Exchange, Pull
from backoffice.locations.actions import changing
from backoffice.locations.models import Location
from backoffice.roaming_site import site
from tests import factories
from tests.locations.cast import logged_in, partners_location, staff

pytestmark = pytest.mark.django_db


def exchange(**facts: Any) -> None:
    defaults: dict[str, Any] = {
        "at": site.now(),
        "incoming": True,
        "module": "locations",
        "method": "PUT",
        "url": "/x",
        "http_status": 200,
        "ocpi_status": 1000,
        "elapsed_ms": 5,
        "request_id": "r",
        "correlation_id": "c",
    }
    Exchange.objects.create(**defaults | facts)


def figures(client: Client) -> dict[str, dict[str, str]]:
    answer = client.get("/admin/")
    assert answer.status_code == 200
    return {panel.title: {f.label: f.value for f in panel.figures} for panel in answer.context["panels"]}


def superuser() -> Client:
    return logged_in(User.objects.create_superuser("root"))


@pytest.mark.parametrize(
    ("group", "titles"),
    [
        ("Operations", ["Connections", "Message success, 24 h", "Outbox", "EVSEs", "Pulls"]),
        ("Finance", ["Connections", "EVSEs"]),
        ("Read-only", ["Connections", "Message success, 24 h", "Outbox", "EVSEs", "Pulls"]),
        ("none", []),
    ],
)
def test_each_group_sees_its_panels_and_its_menu(group: str, titles: list[str]) -> None:
    answer = logged_in(staff("someone", group)).get("/admin/")
    assert [panel.title for panel in answer.context["panels"]] == titles
    said = answer.content.decode()
    assert ("Nothing for you here yet" in said) == (group == "none")
    menu = {item["title"] for each in answer.context["sidebar_navigation"] for item in each["items"]}
    assert ("Message log" in menu) == (group in ("Operations", "Read-only"))
    assert ("Locations" in menu) == (group != "none")
    assert "Users" not in menu


def test_the_figures_are_counted_from_the_rows() -> None:
    ours = factories.own_party()
    told = factories.partner(ours=[ours], receives=["locations"])
    own = factories.own_location(factories.small_location("OWN", str(ours)))
    changing.set_status(own, "E1", "OUTOFORDER", source="test", now=site.now())
    partners_location(told.party, factories.small_location("NEW"))
    old = partners_location(told.party, factories.small_location("OLD"))
    Location.objects.filter(pk=old.pk).update(seen_at=site.now() - timedelta(days=3))
    for status, ocpi in ((200, 1000), (200, 2001), (500, None), (200, 1000)):
        exchange(http_status=status, ocpi_status=ocpi)
    exchange(incoming=False)
    exchange(incoming=False, at=site.now() - timedelta(hours=25), http_status=500)
    Pull.objects.create(
        connection=told.connection,
        module="locations",
        full=True,
        started_at=site.now(),
        moved_at=site.now(),
        correlation_id="c",
        objects_read=50,
        total=200,
    )
    client = superuser()
    seen = figures(client)
    assert seen["Message success, 24 h"] == {"of their calls (4)": "50.0%", "of our calls (1)": "100%"}
    assert seen["EVSEs"] == {
        "usable of 3": "66.7%",
        "available": "2",
        "out of order": "1",
        "locations unheard of for 24 h": "1",
    }
    assert seen["Outbox"]["refused"] == "0"
    assert int(seen["Outbox"]["waiting"]) >= 1
    assert seen["Pulls"] == {"running": "1", "failed in 24 h": "0"}
    (line,) = [line for panel in client.get("/admin/").context["panels"] for line in panel.lines]
    assert line[2] == 25  # percent


def test_every_figure_leads_to_a_page_that_opens() -> None:
    ours = factories.own_party()
    told = factories.partner(ours=[ours], receives=["locations"])
    partners_location(told.party, factories.small_location("NEW"))
    client = superuser()
    urls = {figure.url for panel in client.get("/admin/").context["panels"] for figure in panel.figures}
    assert len(urls) > 8
    for url in urls:
        assert client.get(url).status_code == 200, url


def test_a_failing_panel_says_so_and_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(user: Any, now: datetime) -> dashboard.Panel:
        raise ProgrammingError("no such table")

    panels = [
        (title, permission, broken if title == "Outbox" else measure) for title, permission, measure in dashboard.PANELS
    ]
    monkeypatch.setattr(dashboard, "PANELS", tuple(panels))
    answer = superuser().get("/admin/")
    assert "this could not be measured" in answer.content.decode()
    assert [panel.failed for panel in answer.context["panels"]] == [title == "Outbox" for title, _, _ in panels]


def test_the_checklist_of_an_empty_platform_shrinks_and_goes() -> None:
    client = superuser()

    def open_steps() -> list[str]:
        return [step.title for step in client.get("/admin/").context["steps"] if not step.done]

    assert open_steps() == [
        "Enter your own company and its roles",
        "Connect a partner",
        "Add or import your first location",
    ]
    ours = factories.own_party()
    assert "Enter your own company and its roles" not in open_steps()
    told = factories.partner(ours=[ours])
    factories.own_location(factories.small_location("OWN", str(ours)))
    assert open_steps() == ["Fetch a partner's locations"]
    partners_location(told.party, factories.small_location("NEW"))
    assert client.get("/admin/").context["steps"] == []


def test_a_step_is_a_link_only_for_those_who_may_take_it() -> None:
    reader = logged_in(staff("rita", "Read-only")).get("/admin/").content.decode()
    assert "Enter your own company" in reader
    assert "/admin/partners/party/add/" not in reader
    assert "/admin/partners/party/add/" in superuser().get("/admin/").content.decode()


def test_figures_keep_to_the_scope_of_the_user() -> None:
    ours, other = factories.own_party("DE-RDK"), factories.own_party("NL-OTH")
    one, two = (factories.partner(key, ours=[party]) for key, party in (("SE-ONE:EMSP", ours), ("SE-TWO:EMSP", other)))
    factories.own_location(factories.small_location("A", str(ours)))
    factories.own_location(factories.small_location("B", str(other)))
    exchange(connection=one.connection)
    exchange(connection=two.connection, http_status=500)
    user = staff("sam", "Operations")
    scope = PartyScope.objects.create(name="RDK")
    scope.parties.add(ours)
    scope.users.add(user)
    seen = figures(logged_in(user))
    assert seen["EVSEs"]["usable of 1"] == "100.0%"
    assert seen["Message success, 24 h"]["of their calls (1)"] == "100%"


def test_the_ribbon_is_there_in_a_demo_only(settings: Any) -> None:
    client = superuser()
    assert "rd-ribbon" not in client.get("/admin/").content.decode()
    settings.DEMO = True
    assert "rd-ribbon" in client.get("/admin/").content.decode()
    assert "rd-ribbon" in Client().get("/admin/login/").content.decode()
