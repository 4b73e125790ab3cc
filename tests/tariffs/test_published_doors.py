"""The doors of published tariffs: who may open which, whose tariffs somebody sees, what hostile rows and queries come to, and how
often a page asks."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backoffice.console.models import PartyScope
from backoffice.delivery.models import Message
from backoffice.locations.models import ConnectorTariff, Evse
from backoffice.partners.models import Party
from backoffice.tariffs.models import Disclosure, Draft, Tariff, TariffVersion
from tests import factories
from tests.factories import small_tariff
from tests.locations.cast import logged_in, staff
from tests.tariffs.page import text
from tests.tariffs.test_published import TARIFFS, offering, own, theirs

pytestmark = pytest.mark.django_db

READERS = {"Operations", "Roaming", "Finance", "Read-only", "Tariffs"}
PUBLISHERS = {"Tariffs"}
GROUPS = ("Operations", "Roaming", "Finance", "Read-only", "Tariffs", "nobody")

# method, path below the tariffs, what is posted, who may; whoever is not named gets 403
DOORS: list[tuple[str, str, dict[str, Any], set[str]]] = [
    ("GET", "", {}, READERS),
    ("GET", "add/", {}, PUBLISHERS),
    ("GET", "export.csv", {}, READERS),
    ("GET", "export.json", {}, READERS),
    ("GET", "compare/", {}, READERS),
    ("GET", "schedule/", {}, READERS),
    ("GET", "assign/", {}, PUBLISHERS),
    ("POST", "assign/", {"add": "A", "expected": "1"}, PUBLISHERS),
    ("GET", "upload/", {}, PUBLISHERS),
    ("POST", "upload/", {"file": "file"}, PUBLISHERS),
    ("GET", "{pk}/change/", {}, READERS),
    *(
        ("GET", f"{{pk}}/change/?tab={tab}", {}, READERS)
        for tab in ("connectors", "partners", "versions", "messages", "json")
    ),
    ("GET", "{pk}/end/", {}, PUBLISHERS),
    ("POST", "{pk}/end/", {"at": "2031-01-01T00:00", "reason": "r", "sure": "1"}, PUBLISHERS),
    ("GET", "{pk}/withdraw/", {}, PUBLISHERS),
    ("POST", "{pk}/withdraw/", {"reason": "r"}, PUBLISHERS),
    ("POST", "{pk}/disclose/", {"to": "some"}, PUBLISHERS),
    ("POST", "", {"action": "assign_chosen", "_selected_action": "pk"}, PUBLISHERS),
]


def everything() -> list[Any]:
    """All that a press could have changed."""
    models = (Tariff, TariffVersion, Disclosure, Draft, Evse, ConnectorTariff, Message, LogEntry)
    return [list(model.objects.order_by("pk").values()) for model in models]


@pytest.mark.parametrize("group", GROUPS)
def test_who_may_open_which_door(group: str, ours: Party) -> None:
    factories.partner(ours=[ours], receives=["tariffs", "locations"])
    tariff = own("A")
    offering("L1", "B")
    client = logged_in(staff("somebody", group))
    before = everything()
    wrong = []
    for method, path, given, allowed in DOORS:
        if method == "POST" and group in allowed:
            continue  # pressed in the tests of what they do
        url = TARIFFS + path.format(pk=tariff.pk)
        posted = {name: tariff.pk if value == "pk" else value for name, value in given.items()}
        if "file" in posted:
            posted |= {"party": ours.pk, "file": SimpleUploadedFile("x.json", b"[]")}
        answer = client.get(url) if method == "GET" else client.post(url, posted)
        expected = {200, 302} if group in allowed else {403}
        if not path and method == "POST" and group in READERS:
            expected = {200, 302}  # the action is not offered: Django shows the list again
        if answer.status_code not in expected:
            wrong.append((method, path, answer.status_code))
    assert wrong == []
    assert everything() == before


def test_buttons_are_shown_to_those_who_may_press_them(ours: Party) -> None:
    tariff = own("A")
    pages = {group: logged_in(staff(group, group)).get(f"{TARIFFS}{tariff.pk}/change/") for group in GROUPS[:-1]}
    shown = {group: text(answer.content.decode()) for group, answer in pages.items()}
    for word in ("Correct", "Withdraw…", "Assign", "Copy"):
        assert {group for group, told in shown.items() if word in told} == {"Tariffs"}, word
    lists = {group: logged_in(User.objects.get(username=group)).get(TARIFFS).content.decode() for group in GROUPS[:-1]}
    assert {group for group, told in lists.items() if "New tariff" in told} == {"Tariffs"}
    assert {group for group, told in lists.items() if "Assign to connectors" in told} == {"Tariffs"}


def test_the_menu_leads_there(ours: Party) -> None:
    def menu(group: str) -> set[str]:
        answer = logged_in(staff(group, group)).get("/admin/")
        return {item["title"] for each in answer.context["sidebar_navigation"] for item in each["items"]}

    assert {"Tariffs", "Tariff drafts"} <= menu("Finance")
    assert not {"Tariffs", "Tariff drafts"} & menu("nobody")


def test_whoever_is_not_logged_in_is_asked_to(ours: Party) -> None:
    tariff = own("A")
    before = everything()
    for method, path, given, _ in DOORS:
        url = TARIFFS + path.format(pk=tariff.pk)
        answer = Client().get(url) if method == "GET" else Client().post(url, given)
        assert (answer.status_code, answer.url.partition("?")[0]) == (302, "/admin/login/"), path
    assert everything() == before


def test_a_scope_hides_tariffs_of_other_parties(ours: Party) -> None:
    other = factories.own_party("NL-OTH", name="Other")
    hidden = own("HIDDEN")
    shown = factories.own_tariff(small_tariff("SHOWN", "NL-OTH"))
    location = offering("L1", "HIDDEN")
    user = staff("tim", "Tariffs")
    scope = PartyScope.objects.create(name="only the other")
    scope.parties.add(other)
    scope.users.add(user)
    client = logged_in(user)
    before = everything()
    assert "HIDDEN" not in text(client.get(TARIFFS).content.decode())
    for path in ("change/", "end/", "withdraw/"):
        assert client.get(f"{TARIFFS}{hidden.pk}/{path}").status_code == 404
    for path in ("end/", "withdraw/", "disclose/"):
        assert (
            client.post(f"{TARIFFS}{hidden.pk}/{path}", {"reason": "r", "to": "some", "sure": "1"}).status_code == 404
        )
    for page in (
        f"compare/?t={hidden.pk}&t={shown.pk}",
        "schedule/",
        f"schedule/?party={ours.pk}",
        "assign/",
        f"assign/?party={ours.pk}",
    ):
        assert "HIDDEN" not in text(client.get(TARIFFS + page).content.decode()), page
    answer = client.post(f"{TARIFFS}assign/", {"party": ours.pk, "remove": "HIDDEN", "expected": "1"})
    assert answer.status_code == 422
    for name in ("export.csv", "export.json"):
        assert b"HIDDEN" not in b"".join(client.get(TARIFFS + name).streaming_content)  # type: ignore[attr-defined]
    assert client.get(f"/admin/locations/location/{location.pk}/change/?tab=tariffs").status_code == 404
    assert everything() == before


# --- hostile rows and queries -----------------------------------------------------------------------------------------

FLAT = {"type": "FLAT", "price": 1, "step_size": 1}
HOSTILE: list[dict[str, Any]] = [
    {"elements": [{"price_components": [FLAT]}] * 3000},
    {"elements": [{"price_components": [FLAT] * 500}]},
    {"tariff_alt_text": [{"language": "en", "text": "<script>alert(1)</script>"}]},
    {"currency": "<b>", "start_date_time": "0001-01-01T00:00:00Z", "end_date_time": "9999-12-31T23:59:59Z"},
    {"min_price": {"before_taxes": -1, "after_taxes": 0}, "x": {"y": [None] * 100}},
    {"elements": [{"price_components": [FLAT], "restrictions": {"start_date": "2026-02-31", "min_duration": -5}}]},
]


@pytest.mark.parametrize("odd", HOSTILE)
def test_what_a_partner_sent_breaks_no_page(odd: dict[str, Any], ours: Party, manager: Client) -> None:
    partner = factories.partner(ours=[ours])
    tariff = theirs(partner.party, "<i>T</i>", **odd)
    plain = own("A")
    pages = [
        "",
        f"compare/?t={tariff.pk}&t={plain.pk}",
        f"schedule/?party={partner.party.pk}",
        *(f"{tariff.pk}/change/?tab={tab}" for tab in ("", "connectors", "partners", "versions", "messages", "json")),
    ]
    for page in pages:
        answer = manager.get(TARIFFS + page)
        assert answer.status_code == 200, page
        assert "<script>alert" not in answer.content.decode()
        assert "<i>T" not in answer.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "?p=99999999",
        "?o=1.2.3.-9",
        "?q=%00",
        "?q=" + "x" * 3000,
        "?q=%28%5B%2A",
        "?live_on=9999-12-31",
        "?live_on=0001-01-01",
        "?party=1%27--",
        "?currency=EUR&currency=SEK",
    ],
)
def test_hostile_queries_are_answered(query: str, ours: Party, manager: Client) -> None:
    own("A")
    assert manager.get(TARIFFS + query).status_code in (200, 302, 400)


# --- how often a page asks --------------------------------------------------------------------------------------------

BASELINE = Path(__file__).parent / "query_counts.json"
MOST = 25
PAGES = (
    TARIFFS,
    f"{TARIFFS}?q=per&state=LIVE&live_on=2026-06-01&attention=unused",
    f"{TARIFFS}?attention=twin",
    f"{TARIFFS}{{pk}}/change/",
    f"{TARIFFS}{{pk}}/change/?tab=connectors",
    f"{TARIFFS}{{pk}}/change/?tab=partners",
    f"{TARIFFS}{{pk}}/change/?tab=versions",
    f"{TARIFFS}{{pk}}/change/?tab=messages",
    f"{TARIFFS}{{pk}}/change/?tab=json",
    f"{TARIFFS}{{pk}}/end/",
    f"{TARIFFS}{{pk}}/withdraw/",
    f"{TARIFFS}compare/?t={{pk}}",
    f"{TARIFFS}schedule/",
    f"{TARIFFS}assign/?add=A",
    f"{TARIFFS}upload/",
    "/admin/tariffs/draft/",
    "/admin/locations/location/{location}/change/?tab=tariffs",
)


def counted(client: Client, url: str) -> int:
    ContentType.objects.clear_cache()
    with CaptureQueriesContext(database) as queries:
        assert client.get(url).status_code == 200
    return len(queries)


def test_pages_ask_as_often_as_the_baseline_says_whatever_their_rows(ours: Party) -> None:
    partner = factories.partner(ours=[ours], receives=["tariffs"])
    tariff = own("A")
    location = offering("L0", "A", "B0")
    client = logged_in(User.objects.create_superuser("root"))
    client.get(f"{TARIFFS}{tariff.pk}/change/")  # what a reader set is remembered at the first page

    def all_pages() -> dict[str, int]:
        return {page: counted(client, page.format(pk=tariff.pk, location=location.pk)) for page in PAGES}

    few = all_pages()
    for number in range(12):
        own(f"B{number}", type="REGULAR")
        theirs(partner.party, f"T{number}")
        offering(f"L{number + 1}", "A", f"B{number}", f"B{number + 1}")
    many = all_pages()
    assert many == few, "a page asks once for each row"
    assert max(few.values()) <= MOST
    if os.environ.get("ROAMDESK_WRITE_QUERY_COUNTS"):
        BASELINE.write_text(json.dumps(few, indent=1) + "\n")
    assert few == json.loads(BASELINE.read_text())
