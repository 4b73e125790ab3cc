"""Fetching from the scripted peer: whole, since the last time, and against everything a list can do wrong."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from backoffice.delivery.actions import pulling
from backoffice.delivery.models import Exchange, Pull
from backoffice.delivery.rules import PullLimits
from backoffice.locations.models import Evse, Location
from backoffice.partners.actions import connections
from backoffice.partners.models import Connection, Party
from backoffice.roaming_site import site
from tests.factories import small_location
from tests.meeting import registered
from tests.peer import ScriptedPeer, Twist

SENDER = "/ocpi/2.3.0/sender/locations"


def _bytes(number: int, **changes: Any) -> bytes:
    return json.dumps(small_location(f"L{number}", "NL-TNM", **changes)).encode()


@pytest.fixture
def connection(platform: Party, peer: ScriptedPeer) -> Connection:
    peer.role = "CPO"
    peer.page_size = 10
    peer.objects["locations"] = [_bytes(number) for number in range(35)]
    made = registered(peer)
    peer.received.clear()
    return made


def _pull(connection: Connection, *, full: bool = True, limits: PullLimits | None = None) -> Pull:
    pull = pulling.start(connection, "locations", full=full, now=site.now())
    return pulling.run(pull.pk, limits=limits)


def _stored() -> set[str]:
    return set(Location.objects.values_list("object_id", flat=True))


@pytest.mark.rule("T-021")
def test_every_page_is_followed_to_the_last(connection: Connection, peer: ScriptedPeer) -> None:
    pull = _pull(connection)
    assert (pull.state, pull.pages, pull.objects_read, pull.stored, pull.total) == ("DONE", 4, 35, 35, 35)
    assert _stored() == {f"L{number}" for number in range(35)}
    assert {location.party.party_id for location in Location.objects.all()} == {"TNM"}
    assert len({request.headers["X-Request-ID"] for request in peer.received}) == 4
    assert len({request.headers["X-Correlation-ID"] for request in peer.received}) == 1


@pytest.mark.rule("T-098")
def test_a_second_pull_asks_only_for_what_changed(connection: Connection, peer: ScriptedPeer) -> None:
    first = _pull(connection)
    peer.received.clear()
    with time_machine.travel(site.now() + timedelta(hours=1)):
        peer.objects["locations"][3] = _bytes(3, at=site.now().strftime("%Y-%m-%dT%H:%M:%SZ"), name="New name")
        second = _pull(connection, full=False)
    assert (second.state, second.stored, second.objects_read) == ("DONE", 1, 1)
    asked = datetime.fromisoformat(peer.received[0].query["date_from"][0])
    assert asked <= first.started_at - timedelta(minutes=4)
    assert Location.objects.get(object_id="L3").name == "New name"


@pytest.mark.rule("T-198")
def test_what_a_full_list_no_longer_holds_counts_as_removed(connection: Connection, peer: ScriptedPeer) -> None:
    _pull(connection)
    del peer.objects["locations"][5:]
    with time_machine.travel(site.now() + timedelta(hours=1)):
        pull = _pull(connection)
    assert (pull.state, pull.vanished) == ("DONE", 30)
    assert Evse.objects.filter(status="REMOVED").count() == 30
    assert Evse.objects.filter(location__object_id="L1").get().status == "AVAILABLE"


@pytest.mark.parametrize("reason", ["keep policy", "rejected object", "short count"])
def test_nothing_is_removed_on_weak_evidence(connection: Connection, peer: ScriptedPeer, reason: str) -> None:
    _pull(connection)
    del peer.objects["locations"][5:]
    if reason == "keep policy":
        Connection.objects.update(vanished_policy="KEEP")
    elif reason == "rejected object":
        peer.objects["locations"][0] = _bytes(0, city=None)
    else:
        peer.script("GET", SENDER, Twist(headers={"X-Total-Count": "35"}))
    with time_machine.travel(site.now() + timedelta(hours=1)):
        pull = _pull(connection)
    assert (pull.state, pull.vanished) == ("DONE", 0)
    assert not Evse.objects.filter(status="REMOVED").exists()


@pytest.mark.rule("T-020", "T-052")
def test_one_bad_object_is_reported_and_skipped(connection: Connection, peer: ScriptedPeer) -> None:
    first = peer.objects["locations"][:7]
    first.append(_bytes(7, city=None, time_zone=7))
    first.append(b'"not an object"')
    first.append(json.dumps(small_location("L9", "FR-XYZ")).encode())  # somebody else's party
    peer.script("GET", SENDER, Twist(body=_page(first), headers={"Link": _link(peer, 10)}))
    pull = _pull(connection)
    assert (pull.state, pull.stored, pull.rejected) == ("DONE", 32, 3)
    assert {"city", "time_zone", "party_id", "Location"} <= set(pull.violations)
    assert pull.violations["city"][2] == "NL/TNM/L7"
    assert not {"L7", "L9"} & _stored()


def _page(objects: list[bytes]) -> bytes:
    return b'{"data":[%s],"status_code":1000,"timestamp":"2026-01-01T00:00:00Z"}' % b",".join(objects)


def _link(peer: ScriptedPeer, offset: int) -> str:
    return f'<{peer.url}{SENDER}?offset={offset}&limit=10>; rel="next"'


LIES = [
    ("circle", Twist(headers={"Link": '<{first}>; rel="next"'}), "circle"),
    ("the same page again", Twist(body=b"{page}", headers={"Link": '<{fresh}>; rel="next"'}), "nothing new"),
    ("empty page with a link", Twist(body=b"{empty}", headers={"Link": '<{fresh}>; rel="next"'}), "nothing new"),
    ("link to another host", Twist(headers={"Link": '<http://127.0.0.1:9/x>; rel="next"'}), "not a confirmed host"),
    ("link to a file", Twist(headers={"Link": '<file:///etc/passwd>; rel="next"'}), "no absolute http"),
    ("no list", Twist(body=b'{"data":{"id":"L1"},"status_code":1000,"timestamp":"2026-01-01T00:00:00Z"}'), "no list"),
    ("HTML", Twist(body=b"<html>"), "JSON"),
    ("401", Twist(status=401), "token"),
    ("404", Twist(status=404), "404"),
    ("OCPI 2001", Twist(body=b'{"status_code":2001,"timestamp":"2026-01-01T00:00:00Z"}'), "2001"),
    ("cut in the middle", Twist(body=b'{"data":[{"id":"L1"'), "JSON"),
]


@pytest.mark.parametrize(("name", "twist", "error"), LIES, ids=[row[0] for row in LIES])
def test_a_lying_list_ends_the_run_with_a_reason(
    connection: Connection, peer: ScriptedPeer, name: str, twist: Twist, error: str
) -> None:
    _pull(connection)
    kept = _stored()
    peer.received.clear()
    first = f"{peer.url}{SENDER}?offset=0&limit=100"
    counter = iter(range(1000, 2000))

    def told() -> Twist:
        link = twist.headers.get("Link")
        link = link and link.replace("{first}", first).replace("{fresh}", f"{peer.url}{SENDER}?offset={next(counter)}")
        body = twist.body
        if body == b"{page}":
            body = _page(peer.objects["locations"][:10])
        if body == b"{empty}":
            body = _page([])
        return Twist(status=twist.status, body=body, headers={"Link": link} if link else {})

    peer.script("GET", SENDER, *[told() for _ in range(30)])
    with time_machine.travel(site.now() + timedelta(hours=1)):
        pull = _pull(connection)
    assert pull.state == "FAILED"
    assert error.lower() in pull.error.lower()
    assert len(peer.received) <= 4
    assert _stored() == kept
    assert not Evse.objects.filter(status="REMOVED").exists()


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        (PullLimits(pages=2), "2 pages"),
        (PullLimits(objects=15), "15 objects"),
        (PullLimits(duration=timedelta(0)), "0:00"),
    ],
)
def test_a_list_without_end_is_left(connection: Connection, limits: PullLimits, error: str) -> None:
    pull = _pull(connection, limits=limits)
    assert pull.state == "FAILED"
    assert error in pull.error


def test_a_passing_fault_does_not_end_the_run(connection: Connection, peer: ScriptedPeer) -> None:
    peer.script("GET", SENDER, Twist(status=503), Twist(drop=True))
    pull = _pull(connection)
    assert (pull.state, pull.stored) == ("DONE", 35)


def test_a_run_goes_on_from_its_checkpoint(connection: Connection, peer: ScriptedPeer) -> None:
    class Killed(BaseException):
        pass

    pull = pulling.start(connection, "locations", full=True, now=site.now())
    calls = site.call
    count = 0

    def dies(outgoing: Any) -> Any:
        nonlocal count
        count += 1
        if count == 3:
            raise Killed
        return calls(outgoing)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site, "call", dies)
        with pytest.raises(Killed):
            pulling.run(pull.pk)
    pull.refresh_from_db()
    assert (pull.state, pull.pages, len(_stored())) == ("RUNNING", 2, 20)
    peer.received.clear()
    pulling.run(pull.pk)
    pull.refresh_from_db()
    assert (pull.state, pull.pages, len(_stored())) == ("DONE", 4, 35)
    assert [request.query["offset"] for request in peer.received] == [["20"], ["30"]]


def test_one_run_at_a_time(connection: Connection) -> None:
    first = pulling.start(connection, "locations", full=True, now=site.now())
    again = pulling.start(connection, "locations", full=False, now=site.now())
    assert first.pk == again.pk


def test_what_is_due_starts_by_itself(connection: Connection) -> None:
    connection.endpoints.exclude(identifier="locations").delete()
    now = site.now()
    (first,) = pulling.start_due(now=now)
    assert Pull.objects.get(pk=first).full
    assert pulling.start_due(now=now) == []  # it runs
    assert pulling.start_due(now=now + timedelta(minutes=3)) == [first]  # it stands still: its process died
    pulling.run(first)
    assert pulling.start_due(now=now + timedelta(minutes=30)) == []
    (second,) = pulling.start_due(now=now + timedelta(minutes=70))
    assert not Pull.objects.get(pk=second).full
    Pull.objects.filter(pk=second).update(state="FAILED")
    (third,) = pulling.start_due(now=now + timedelta(minutes=73))  # not only an hour after the failure
    connections.pause(Connection.objects.get(pk=connection.pk), reason="test")
    pulling.run(third)
    assert Pull.objects.get(pk=third).state == "FAILED"
    assert pulling.start_due(now=now + timedelta(days=1)) == []


@pytest.mark.parametrize("role", ["SENDER"])
def test_a_module_that_is_not_offered_is_not_asked_for(connection: Connection, peer: ScriptedPeer, role: str) -> None:
    connection.endpoints.filter(identifier="locations", role=role).delete()
    with pytest.raises(pulling.UnableToPull):
        pulling.start(connection, "locations", full=True, now=site.now())
    assert peer.received == []


def test_repairs_of_the_connection_are_applied_and_counted(connection: Connection, peer: ScriptedPeer) -> None:
    peer.objects["locations"] = [_bytes(1, postal_code="")]
    Connection.objects.update(repairs=["accept_empty_text"])
    pull = _pull(connection)
    assert (pull.stored, pull.rejected) == (1, 0)
    assert pull.repairs == {"accept_empty_text": 1}


def test_an_unchanged_list_writes_nothing_new(connection: Connection) -> None:
    _pull(connection)
    generations = dict(Location.objects.values_list("object_id", "generation"))
    with time_machine.travel(site.now() + timedelta(hours=1)):
        pull = _pull(connection)
    assert pull.stored == 0
    assert dict(Location.objects.values_list("object_id", "generation")) == generations


def test_a_partner_of_2_2_1_is_understood(platform: Party, peer: ScriptedPeer) -> None:
    peer.role, peer.versions = "CPO", ("2.2.1",)
    peer.objects["locations"] = [_bytes(1)]
    connection = registered(peer)
    pull = _pull(connection)
    assert (pull.state, pull.stored) == ("DONE", 1)
    assert Exchange.objects.filter(module="locations", url__contains="/2.2.1/").exists()
