"""The outbox against the scripted peer: what it is told, in what order, and what every kind of bad day leaves behind."""

import random
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection as database

from backoffice.delivery.actions import draining
from backoffice.delivery.models import Exchange, Message
from backoffice.delivery.rules import LADDER, TRANSITIONS, MessageEvent, MessageState, next_probe, next_try
from backoffice.locations.actions import changing
from backoffice.locations.models import Location
from backoffice.partners.actions import connections
from backoffice.partners.models import Connection, Party
from backoffice.partners.secrets import encrypt
from backoffice.roaming_site import site
from tests.factories import own_location, small_location
from tests.meeting import registered
from tests.peer import ScriptedPeer, Twist

OURS = "DE-RDK"
PATH = "locations/DE/RDK/L1"


@pytest.fixture
def connection(platform: Party, peer: ScriptedPeer) -> Connection:
    made = registered(peer)
    peer.received.clear()
    return made


def _location(**changes: Any) -> Location:
    return own_location(small_location("L1", OURS, **changes))


def _status(location: Location, status: str) -> None:
    changing.set_status(location, "E1", status, source="test", now=site.now())


def _messages() -> list[tuple[str, str, str]]:
    return list(Message.objects.order_by("object_path").values_list("object_path", "state", "last_cause"))


def _verbs(peer: ScriptedPeer) -> list[tuple[str, str]]:
    return [(request.method, request.path.split("/receiver/")[1]) for request in peer.pushed()]


@pytest.mark.rule("T-015", "T-043", "T-046", "T-187")
def test_a_new_location_travels_whole_and_a_status_as_patch(connection: Connection, peer: ScriptedPeer) -> None:
    location = _location()
    assert draining.drain(connection.pk) == 1
    _status(location, "CHARGING")
    assert draining.drain(connection.pk) == 1

    assert _verbs(peer) == [("PUT", PATH), ("PATCH", f"{PATH}/E1")]
    put, patch = peer.pushed()
    assert put.json["evses"][0]["status"] == "AVAILABLE"
    assert set(patch.json) == {"status", "last_updated"}
    assert patch.json["status"] == "CHARGING"
    assert (patch.headers["OCPI-from-party-id"], patch.headers["OCPI-to-party-id"]) == ("RDK", "TNM")
    assert patch.headers["X-Request-ID"] != put.headers["X-Request-ID"]
    assert {state for _, state, _ in _messages()} == {"DONE"}


@pytest.mark.rule("T-104")
def test_changes_coalesce_and_the_newest_state_travels(connection: Connection, peer: ScriptedPeer) -> None:
    location = _location()
    draining.drain(connection.pk)
    peer.received.clear()
    for status in ("CHARGING", "BLOCKED", "AVAILABLE", "OUTOFORDER"):
        _status(location, status)
    assert draining.drain(connection.pk) == 1
    (patch,) = peer.pushed()
    assert patch.json["status"] == "OUTOFORDER"
    assert Message.objects.get(object_path="L1/E1").coalesced == 3


def test_a_child_waits_behind_the_put_of_its_parent(connection: Connection, peer: ScriptedPeer) -> None:
    location = _location()
    _status(location, "CHARGING")
    draining.drain(connection.pk)
    assert [verb for verb, _ in _verbs(peer)] == ["PUT", "PATCH"]


@pytest.mark.rule("T-045")
def test_a_patch_that_is_not_known_there_becomes_a_put(connection: Connection, peer: ScriptedPeer) -> None:
    location = _location()
    draining.drain(connection.pk)
    peer.held.clear()  # the partner lost its data
    peer.received.clear()
    peer.script("PUT", f"/ocpi/2.3.0/receiver/{PATH}/E1", Twist(status=404, works=False))
    _status(location, "CHARGING")
    draining.drain(connection.pk)
    assert _verbs(peer) == [("PATCH", f"{PATH}/E1"), ("PUT", f"{PATH}/E1"), ("PUT", PATH)]
    assert peer.held[PATH]["evses"][0]["status"] == "CHARGING"
    assert not Message.objects.filter(state="DUE").exists()


ANSWERS = [
    # what the peer does, state of the message, state of the connection, mailbox held
    (Twist(status=500, works=False), "DUE", "ACTIVE", False),
    (Twist(status=503, headers={"Retry-After": "120"}, works=False), "DUE", "ACTIVE", False),
    (Twist(status=429, headers={"Retry-After": "120"}, works=False), "DUE", "ACTIVE", True),
    (Twist(status=408, works=False), "DUE", "ACTIVE", False),
    (Twist(body=b'{"status_code":3000,"timestamp":"2026-01-01T00:00:00Z"}', works=False), "DUE", "ACTIVE", False),
    (Twist(delay=5), "DUE", "ACTIVE", True),
    (Twist(drop=True), "DUE", "ACTIVE", True),
    (Twist(raw=b"SSH-2.0-nonsense\r\n"), "DUE", "ACTIVE", True),
    (Twist(status=401, works=False), "DUE", "SUSPENDED", False),
    (Twist(status=400, works=False), "REFUSED", "ACTIVE", False),
    (Twist(status=403, works=False), "REFUSED", "ACTIVE", False),
    (Twist(body=b'{"status_code":2001,"timestamp":"2026-01-01T00:00:00Z"}', works=False), "REFUSED", "ACTIVE", False),
    (Twist(body=b"<html>login</html>", works=False), "REFUSED", "ACTIVE", False),
    (Twist(status=302, headers={"Location": "http://127.0.0.1/"}, works=False), "REFUSED", "ACTIVE", False),
    (Twist(status=405, works=False), "DROPPED", "ACTIVE", False),
    (Twist(status=501, works=False), "DROPPED", "ACTIVE", False),
]


@pytest.mark.parametrize(("twist", "state", "of_connection", "held"), ANSWERS)
def test_each_answer_has_its_consequence(
    connection: Connection, peer: ScriptedPeer, twist: Twist, state: str, of_connection: str, held: bool
) -> None:
    # a PUT whose connection is lost is sent once more by the client itself: the second loss is the outbox's business
    peer.script("PUT", "/ocpi/2.3.0/receiver/locations", *([twist, twist] if twist.drop else [twist]))
    _location()
    draining.drain(connection.pk, limit=1)
    connection.refresh_from_db()
    message = Message.objects.get()
    assert (message.state, connection.state, connection.next_attempt_at is not None) == (state, of_connection, held)
    if state == "DUE":
        assert message.last_error
        with time_machine.travel(site.now() + timedelta(hours=1), tick=True):
            connections.resume(connection) if of_connection == "SUSPENDED" else None
            draining.drain(connection.pk)
        assert Message.objects.get().state == "DONE"
        assert PATH in peer.held
    if state == "DROPPED":
        assert connection.endpoints.get(identifier="locations", role="RECEIVER").pull_only
        peer.received.clear()
        own_location(small_location("L2", OURS))
        assert draining.drain(connection.pk) == 0
        assert peer.received == []


def test_retry_after_is_honoured(connection: Connection, peer: ScriptedPeer) -> None:
    peer.script("PUT", "/ocpi", Twist(status=503, headers={"Retry-After": "900"}, works=False))
    _location()
    draining.drain(connection.pk, limit=1)
    assert Message.objects.get().due_at > site.now() + timedelta(seconds=850)


def test_a_refused_token_is_read_again_before_the_connection_is_suspended(
    connection: Connection, peer: ScriptedPeer
) -> None:
    """A rotation may overtake a push that is under way: then the token of now is right and nothing is suspended."""
    _location()
    send = site.call

    def rotated(outgoing: Any) -> Any:
        Connection.objects.filter(pk=connection.pk).update(token_out=encrypt("token-of-the-rotation"))
        peer.accepts = {"token-of-the-rotation"}
        return send(outgoing)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site, "call", rotated)
        draining.drain(connection.pk)
    connection.refresh_from_db()
    assert connection.state == "ACTIVE"
    assert Message.objects.get().state == "DONE"


@pytest.mark.rule("T-097")
def test_a_strict_partner_is_never_asked_twice(connection: Connection, peer: ScriptedPeer) -> None:
    Connection.objects.filter(pk=connection.pk).update(strict_delivery=True)
    peer.script("PUT", "/ocpi", Twist(status=500, works=False))
    _location()
    draining.drain(connection.pk)
    assert _messages() == [("L1", "REFUSED", "server_error")]


def test_a_message_that_fails_for_ever_is_given_up(connection: Connection, peer: ScriptedPeer) -> None:
    peer.script("PUT", "/ocpi", Twist(status=500, works=False), forever=True)
    _location()
    for _ in range(len(LADDER) + 1):
        Message.objects.update(due_at=site.now())
        Connection.objects.update(next_attempt_at=None, failures_in_a_row=0)
        draining.drain(connection.pk, limit=1)
    message = Message.objects.get()
    assert message.state == "REFUSED"
    assert message.last_error.startswith("Given up after 7 attempts.")


def test_a_dead_line_costs_no_message_an_attempt(connection: Connection, peer: ScriptedPeer) -> None:
    peer.script("PUT", "/ocpi", Twist(drop=True, works=False), forever=True)
    _location()
    own_location(small_location("L2", OURS))
    for _ in range(12):
        Connection.objects.update(next_attempt_at=None)
        draining.drain(connection.pk)
    assert set(Message.objects.values_list("state", "attempts")) == {("DUE", 0)}


def test_one_dead_partner_delays_nobody(connection: Connection, platform: Party, peer: ScriptedPeer) -> None:
    with ScriptedPeer(party_id="LIV") as living:
        other = registered(living, name="LIV")
        peer.script("PUT", "/ocpi", Twist(drop=True, works=False), forever=True)
        _location()
        for due, _ in draining.mailboxes_due(site.now()):
            draining.drain(due)
        assert [row[0] for row in draining.mailboxes_due(site.now())] == []  # the dead one waits for its probe
        assert PATH in living.held
        assert Message.objects.get(connection=other).state == "DONE"
        assert Message.objects.get(connection=connection).state == "DUE"


def test_a_change_during_the_send_is_sent_again(connection: Connection, peer: ScriptedPeer) -> None:
    location = _location()
    draining.drain(connection.pk)
    peer.received.clear()
    _status(location, "CHARGING")
    send = site.call
    changed: list[bool] = []

    def and_meanwhile(outgoing: Any) -> Any:
        outcome = send(outgoing)
        if not changed:
            changed.append(True)
            _status(location, "BLOCKED")
        return outcome

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site, "call", and_meanwhile)
        draining.drain(connection.pk)
    assert [request.json["status"] for request in peer.pushed()] == ["CHARGING", "BLOCKED"]
    assert Message.objects.get(object_path="L1/E1").state == "DONE"


def test_two_drains_of_one_mailbox_send_once(connection: Connection, peer: ScriptedPeer) -> None:
    for number in range(10):
        own_location(small_location(f"L{number}", OURS))

    def work() -> None:
        draining.drain(connection.pk)
        database.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(peer.pushed()) == 10
    assert not Message.objects.exclude(state="DONE").exists()


def test_what_is_withheld_or_not_shared_is_not_told(connection: Connection, peer: ScriptedPeer) -> None:
    location = _location()
    changing.withhold(location, [connection.pk], now=site.now())
    draining.drain(connection.pk)
    _status(location, "CHARGING")
    draining.drain(connection.pk)
    assert peer.pushed() == []
    changing.withhold(location, [], now=site.now())
    draining.drain(connection.pk)
    assert peer.held[PATH]["evses"][0]["status"] == "CHARGING"


def test_a_paused_mailbox_keeps_what_is_owed(connection: Connection, peer: ScriptedPeer) -> None:
    connections.pause(connection, reason="maintenance")
    _location()
    assert draining.mailboxes_due(site.now()) == []
    assert draining.drain(connection.pk) == 0
    connections.resume(Connection.objects.get(pk=connection.pk))
    assert draining.drain(connection.pk) == 1


def test_a_host_that_nobody_confirmed_gets_no_token(connection: Connection, peer: ScriptedPeer) -> None:
    with ScriptedPeer() as elsewhere:
        connection.endpoints.filter(role="RECEIVER").update(url=f"{elsewhere.url}/ocpi/2.3.0/receiver/locations")
        _location()
        draining.drain(connection.pk)
        assert elsewhere.received == []
    assert _messages() == [("L1", "DUE", "unconfirmed_host")]


def test_a_partner_of_2_2_1_hears_2_2_1(platform: Party, peer: ScriptedPeer) -> None:
    peer.versions = ("2.2.1",)
    connection = registered(peer)
    _location(help_phone="+49301234567")
    draining.drain(connection.pk)
    assert "help_phone" not in peer.held[PATH]
    (request,) = peer.pushed()
    assert request.path.startswith("/ocpi/2.2.1/")


def test_what_has_no_form_in_the_partners_version_is_dropped_with_the_reason(
    platform: Party, peer: ScriptedPeer
) -> None:
    """2.2.1 knows no MCS connector: an EVSE may leave it out, the connector itself cannot be told."""
    peer.versions = ("2.2.1",)
    connection = registered(peer)
    tree = small_location("L1", OURS)
    tree["evses"][0]["connectors"][0] |= {"standard": "MCS", "power_type": "DC"}
    own_location(tree)
    Message.objects.update(object_path="L1/E1/1")
    draining.drain(connection.pk)
    assert _messages() == [("L1/E1/1", "DROPPED", "untranslatable")]
    assert peer.pushed() == []


def test_last_updated_never_runs_backwards_at_the_partner(connection: Connection, peer: ScriptedPeer) -> None:
    location = _location()
    for status in ("CHARGING", "AVAILABLE") * 5:
        _status(location, status)
        draining.drain(connection.pk)
    times = [datetime.fromisoformat(request.json["last_updated"]) for request in peer.pushed("PATCH")]
    assert times == sorted(times), "as times: fractions are written without zeros at their end, so texts sort otherwise"
    assert len(times) == 10


def test_every_attempt_is_in_the_log(connection: Connection, peer: ScriptedPeer) -> None:
    Exchange.objects.all().delete()
    peer.script("PUT", "/ocpi", Twist(status=500, works=False))
    _location()
    draining.drain(connection.pk, limit=1)
    Message.objects.update(due_at=site.now())
    draining.drain(connection.pk)
    rows = Exchange.objects.order_by("id").values_list("method", "http_status", "attempt", "object_path", "cause")
    assert (
        list(rows)
        == [
            ("PUT", 500, 1, "DE/RDK/L1", "server_error"),
            ("PUT", 200, 2, "DE/RDK/L1", ""),
        ]
        or list(rows)[1][1] == 201
    )


def test_a_day_without_the_partner(connection: Connection, peer: ScriptedPeer) -> None:
    """Changes of a whole day, stepped in simulated minutes: afterwards it holds the newest state of everything."""
    locations = [own_location(small_location(f"L{number}", OURS)) for number in range(5)]
    draining.drain(connection.pk)
    peer.script("PATCH", "/ocpi", Twist(drop=True, works=False), forever=True)
    chance = random.Random(4)
    begun = site.now()
    for minute in range(0, 24 * 60, 10):
        with time_machine.travel(begun + timedelta(minutes=minute)):
            _status(chance.choice(locations), chance.choice(["AVAILABLE", "CHARGING", "BLOCKED"]))
            for due, _ in draining.mailboxes_due(site.now()):
                draining.drain(due)
    assert len(peer.pushed("PATCH")) < 24 * 60 / 4  # probes, no hammering
    peer._twists.clear()
    with time_machine.travel(begun + timedelta(hours=24, minutes=10)):
        for due, _ in draining.mailboxes_due(site.now()):
            draining.drain(due)
    for location in locations:
        theirs = peer.held.get(
            f"locations/DE/RDK/{location.object_id}/E1", peer.held[f"locations/DE/RDK/{location.object_id}"]
        )
        status = theirs.get("status") or theirs["evses"][0]["status"]
        assert status == location.evses.get().status
    assert not Message.objects.filter(state="DUE").exists()


@pytest.mark.parametrize("attempts", range(1, len(LADDER) + 2))
def test_the_ladder(attempts: int) -> None:
    pause = next_try(attempts, retry_after=None, chance=random.Random(1))
    if attempts > len(LADDER):
        assert pause is None
    else:
        assert pause is not None
        assert timedelta(0) < pause <= timedelta(seconds=LADDER[attempts - 1])


def test_probes_come_at_least_every_five_minutes() -> None:
    chance = random.Random(1)
    assert all(next_probe(n, retry_after=None, chance=chance) <= timedelta(minutes=5) for n in range(1, 50))


@pytest.mark.parametrize("state", list(MessageState))
def test_the_states_a_message_can_reach(state: MessageState) -> None:
    """The table says which moves exist; the actions' updates are filtered on exactly those states."""
    assert set(TRANSITIONS[state]) <= set(MessageEvent)
    assert MessageEvent.CHANGED in TRANSITIONS[state]  # whatever was, a new change is owed


@pytest.fixture(autouse=True)
def _quiet(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if request.node.get_closest_marker(
        "django_db"
    ):  # the others may not touch a connection that a test before them left open
        database.close_if_unusable_or_obsolete()
