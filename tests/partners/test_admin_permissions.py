"""Who may open which page and press which button of partners and delivery: one table, each row tried by every group.

A refused press must leave everything as it was, so each POST is compared with the rows before it.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from backoffice.delivery.models import Exchange, Message, Pull
from backoffice.partners.models import Connection, Endpoint, InboundToken, Party, PartyRole, Step
from backoffice.roaming_site import site
from tests.factories import Partner, own_party, partner

STAFF = ("Operations", "Roaming", "Finance", "Read-only", "nobody")
"""The groups that every installation has, and staff in none."""

# page -> who may open it; whoever is not named gets 403
PAGES: list[tuple[str, set[str]]] = [
    ("admin:partners_connection_changelist", {"Operations", "Roaming", "Finance", "Read-only"}),
    ("admin:partners_connection_add", {"Roaming"}),
    ("admin:partners_connection_add?way=theirs", {"Roaming"}),
    ("admin:partners_connection_add?way=ours", {"Roaming"}),
    ("admin:partners_connection_change", {"Operations", "Roaming", "Finance", "Read-only"}),
    ("admin:partners_connection_change?tab=endpoints", {"Operations", "Roaming", "Finance", "Read-only"}),
    ("admin:partners_connection_change?tab=sync", {"Operations", "Roaming", "Read-only"}),
    ("admin:partners_connection_change?tab=messages", {"Operations", "Roaming", "Read-only"}),
    ("admin:partners_connection_change?tab=quirks", {"Operations", "Roaming", "Finance", "Read-only"}),
    ("admin:partners_connection_change?tab=history", {"Operations", "Roaming", "Finance", "Read-only"}),
    ("admin:partners_connection_live", {"Operations", "Roaming", "Finance", "Read-only"}),
    ("admin:partners_connection_steps", {"Operations", "Roaming", "Finance", "Read-only"}),
    ("admin:partners_connection_running", {"Operations", "Roaming", "Read-only"}),
    ("admin:partners_connection_do pause", {"Operations", "Roaming"}),
    ("admin:partners_connection_do rotate", {"Roaming"}),
    ("admin:partners_connection_do upgrade", {"Roaming"}),
    ("admin:partners_connection_do unregister", {"Roaming"}),
    ("admin:partners_connection_do confirm_host?host=https://elsewhere.example:443", {"Roaming"}),
    ("admin:partners_connection_do approve", {"Roaming"}),
    ("admin:partners_connection_do refuse", {"Roaming"}),
    ("admin:partners_party_changelist", {"Operations", "Roaming", "Finance", "Read-only"}),
    ("admin:partners_party_add", {"Operations", "Roaming"}),
    ("admin:partners_party_change", {"Operations", "Roaming", "Finance", "Read-only"}),
    ("admin:partners_partyrole_changelist", {"Operations", "Roaming", "Finance", "Read-only"}),
    ("admin:delivery_exchange_changelist", {"Operations", "Roaming", "Read-only"}),
    ("admin:delivery_exchange_change", {"Operations", "Roaming", "Read-only"}),
    ("admin:delivery_message_changelist", {"Operations", "Roaming", "Read-only"}),
    ("admin:delivery_message_change", {"Operations", "Roaming", "Read-only"}),
    ("admin:delivery_message_recover", {"Operations", "Roaming"}),
    ("admin:delivery_message_drop", {"Operations", "Roaming"}),
    ("admin:delivery_pull_changelist", {"Operations", "Roaming", "Read-only"}),
    ("admin:delivery_pull_change", {"Operations", "Roaming", "Read-only"}),
]

# button -> what it posts, who may press it
PRESSES: list[tuple[str, dict[str, Any], set[str]]] = [
    ("admin:partners_connection_do pause", {"reason": "r"}, {"Operations", "Roaming"}),
    ("admin:partners_connection_pause_several", {"pk": "connection", "reason": "r"}, {"Operations", "Roaming"}),
    ("admin:partners_connection_do resume", {}, {"Operations", "Roaming"}),
    ("admin:partners_connection_do check", {}, {"Operations", "Roaming"}),
    ("admin:partners_connection_do sync", {"module": "locations", "full": "1"}, {"Operations", "Roaming"}),
    ("admin:partners_connection_do rotate", {"reason": "r"}, {"Roaming"}),
    ("admin:partners_connection_do upgrade", {"reason": "r"}, {"Roaming"}),
    ("admin:partners_connection_do reread", {}, {"Roaming"}),
    ("admin:partners_connection_do unregister", {"reason": "r"}, {"Roaming"}),
    ("admin:partners_connection_do withdraw", {"reason": "r"}, {"Roaming"}),
    ("admin:partners_connection_do test", {}, {"Roaming"}),
    ("admin:partners_connection_do register", {}, {"Roaming"}),
    (
        "admin:partners_connection_do confirm_host",
        {"host": "https://elsewhere.example:443", "reason": "r"},
        {"Roaming"},
    ),
    ("admin:partners_connection_do approve", {"role": "1", "reason": "r"}, {"Roaming"}),
    ("admin:partners_connection_do refuse", {"role": "1", "reason": "r"}, {"Roaming"}),
    ("admin:partners_connection_invite_again", {}, {"Roaming"}),
    ("admin:partners_connection_setup", {"versions_url": "https://x.example/v"}, {"Roaming"}),
    ("admin:partners_connection_add?way=ours", {"name": "New"}, {"Roaming"}),
    ("admin:partners_connection_add?way=theirs", {"name": "New"}, {"Roaming"}),
    (
        "admin:partners_connection_change?tab=quirks",
        {"page_limit": "7", "vanished_policy": "KEEP", "bookings_edition": "1.0"},
        {"Operations", "Roaming"},
    ),
    (
        "admin:partners_party_add",
        {"country_code": "NL", "party_id": "NEW", "name": "n", "roles": "CPO"},
        {"Operations", "Roaming"},
    ),
    ("admin:partners_party_change", {"name": "Renamed", "roles": "CPO"}, {"Operations", "Roaming"}),
    ("admin:delivery_message_retry", {}, {"Operations", "Roaming"}),
    ("admin:delivery_message_drop", {"pk": "message", "reason": "r"}, {"Operations", "Roaming"}),
    ("admin:delivery_message_recover", {"since": "2020-01-01T00:00", "reason": "r"}, {"Operations", "Roaming"}),
    (
        "admin:delivery_message_changelist",
        {"action": "retry", "_selected_action": "message"},
        {"Operations", "Roaming"},
    ),
]


class World:
    """One row of everything, and the URLs that lead to it."""

    def __init__(self) -> None:
        self.own = own_party()
        self.partner: Partner = partner(ours=[self.own], receives=["locations"])
        connection = self.partner.connection
        Endpoint.objects.create(
            connection=connection, identifier="locations", role="SENDER", url="https://elsewhere.example/locations"
        )
        self.role = PartyRole.objects.create(
            party=Party.objects.create(country_code="FR", party_id="CLM"),
            role="CPO",
            connection=connection,
            state="AWAITING_APPROVAL",
        )
        self.message = Message.objects.create(
            connection=connection,
            sender=self.own,
            receiver=self.partner.party,
            module="locations",
            object_path="LOC1",
            state="REFUSED",
            due_at=site.now(),
            owed_since=site.now(),
            created_at=site.now(),
            last_error="No thanks.",
            last_cause="ocpi_2xxx",
        )
        self.exchange = Exchange.objects.create(
            at=site.now(),
            incoming=False,
            connection=connection,
            module="locations",
            method="PUT",
            url="https://x.example",
            elapsed_ms=1,
            request_id="r",
            correlation_id="c",
        )
        self.pull = Pull.objects.create(
            connection=connection,
            module="locations",
            full=True,
            state="DONE",
            started_at=site.now(),
            moved_at=site.now(),
        )

    def url(self, text: str) -> str:
        name, _, query = text.partition("?")
        name, _, verb = name.partition(" ")
        pk = self.partner.connection.pk
        arguments: dict[str, list[Any]] = {
            "admin:partners_connection_do": [pk, verb],
            "admin:partners_connection_live": [pk, "check"],
            "admin:partners_connection_steps": [pk, "check"],
            "admin:partners_party_change": [self.own.pk],
            "admin:delivery_exchange_change": [self.exchange.pk],
            "admin:delivery_message_change": [self.message.pk],
            "admin:delivery_message_retry": [self.message.pk],
            "admin:delivery_pull_change": [self.pull.pk],
        }
        plain = name.endswith(("_changelist", "_add", "_recover", "_drop", "_several"))
        found = reverse(name, args=[] if plain else arguments.get(name, [pk]))
        if verb in ("approve", "refuse"):
            query = f"role={self.role.pk}"
        if name.endswith("_drop"):
            query = f"pk={self.message.pk}"
        return f"{found}?{query}" if query else found

    def posted(self, given: dict[str, Any]) -> dict[str, Any]:
        numbers = {"pk": self.message.pk, "_selected_action": self.message.pk, "role": self.role.pk}
        if given.get("pk") == "connection":
            numbers["pk"] = self.partner.connection.pk
        return {name: numbers.get(name, value) for name, value in given.items()}

    @staticmethod
    def everything() -> list[Any]:
        """All that a press could have changed."""
        models = (Connection, PartyRole, Party, Endpoint, InboundToken, Step, Message, Pull, LogEntry)
        return [list(model.objects.order_by("pk").values()) for model in models]


@pytest.fixture
def world(db: None) -> World:
    return World()


def staff(group: str) -> Client:
    user = User.objects.create_user(f"user-{group}", password="x", is_staff=True)
    if group != "nobody":
        user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("group", STAFF)
def test_pages_open_for_whom_they_are(world: World, group: str) -> None:
    client = staff(group)
    wrong = {}
    for page, allowed in PAGES:
        answer = client.get(world.url(page))
        expected = 200 if group in allowed else 403
        if answer.status_code != expected:
            wrong[page] = (answer.status_code, expected)
    assert wrong == {}


@pytest.mark.parametrize("group", STAFF)
def test_presses_that_are_refused_change_nothing(world: World, group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backoffice.partners.actions.flows.Thread", None)  # a refused flow must not even begin
    client = staff(group)
    before = world.everything()
    wrong = {}
    for press, given, allowed in PRESSES:
        if group in allowed:
            continue
        answer = client.post(world.url(press), world.posted(given))
        if answer.status_code != 403:
            # the list's own actions are not offered to whom may not: Django shows the list again with a warning
            shown_again = press == "admin:delivery_message_changelist" and answer.status_code in (200, 302)
            if not shown_again:
                wrong[press] = answer.status_code
    assert wrong == {}
    assert world.everything() == before


def test_whoever_is_not_logged_in_is_asked_to(world: World) -> None:
    client = Client()
    before = world.everything()
    for page, _ in PAGES:
        answer = client.get(world.url(page))
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, reverse("admin:login")), page
    for press, given, _ in PRESSES:
        assert client.post(world.url(press), world.posted(given)).status_code == 302, press
    assert world.everything() == before


def test_buttons_are_shown_to_those_who_may_press_them(world: World) -> None:
    url = world.url("admin:partners_connection_change")
    shown = {group: staff(group).get(url).content.decode() for group in STAFF if group != "nobody"}
    assert {group for group, text in shown.items() if "Rotate tokens" in text} == {"Roaming"}
    assert {group for group, text in shown.items() if "Check this partner" in text} == {"Operations", "Roaming"}
    assert {group for group, text in shown.items() if f"?role={world.role.pk}" in text} == {"Roaming"}


def test_scoped_staff_see_the_connections_of_their_parties_only(world: World) -> None:
    from backoffice.console.models import PartyScope

    other = own_party("NL-OTH", name="Another company")
    client = staff("Roaming")
    scope = PartyScope.objects.create(name="Others")
    scope.parties.add(other)
    scope.users.add(User.objects.get(username="user-Roaming"))
    name = world.partner.connection.name
    before = world.everything()
    for page in (
        "partners_connection_changelist",
        "delivery_exchange_changelist",
        "delivery_message_changelist",
        "delivery_pull_changelist",
    ):
        answer = client.get(world.url(f"admin:{page}") + ("?state=all" if "message" in page else ""))
        assert answer.status_code == 200
        rows = answer.context["cl"].result_count if "cl" in answer.context else len(answer.context["found"].rows)
        assert rows == 0, page
    for page in (
        "partners_connection_change",
        "delivery_exchange_change",
        "delivery_message_change",
        "delivery_pull_change",
    ):
        assert client.get(world.url(f"admin:{page}")).status_code == 404, page
    assert client.post(world.url("admin:partners_connection_do pause"), {"reason": "r"}).status_code == 404
    client.post(world.url("admin:delivery_message_drop"), {"pk": world.message.pk, "reason": "r"})
    client.post(world.url("admin:delivery_message_recover"), {"since": "2020-01-01T00:00", "reason": "r"})
    assert Message.objects.get(pk=world.message.pk).state == "REFUSED"
    assert Connection.objects.get(name=name).state == "ACTIVE"
    assert world.everything() == before
