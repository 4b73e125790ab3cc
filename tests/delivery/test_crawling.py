"""What we ask a partner for, page by page, as it arrives there: links, counts, dates, owners, the schedule."""

import json
import random
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
import time_machine

from backoffice.delivery.actions import pulling
from backoffice.delivery.models import Pull
from backoffice.locations.models import Evse, Location
from backoffice.partners.actions.connections import Claim, settle_claims
from backoffice.partners.models import Connection, Party
from backoffice.roaming_site import site
from tests.factories import small_location
from tests.meeting import registered
from tests.peer import ScriptedPeer, Twist

SENDER = "/ocpi/2.3.0/sender/locations"


def _bytes(number: int, owner: str = "NL-TNM", **changes: Any) -> bytes:
    return json.dumps(small_location(f"L{number}", owner, **changes)).encode()


@pytest.fixture
def connection(platform: Party, peer: ScriptedPeer) -> Connection:
    peer.role, peer.page_size = "CPO", 10
    peer.objects["locations"] = [_bytes(number) for number in range(35)]
    made = registered(peer)
    peer.received.clear()
    return made


def _pull(connection: Connection, *, full: bool = True) -> Pull:
    return pulling.run(pulling.start(connection, "locations", full=full, now=site.now()).pk)


def _page(*objects: bytes) -> bytes:
    return b'{"data":[%s],"status_code":1000,"timestamp":"2026-01-01T00:00:00Z"}' % b",".join(objects)


def _offsets(peer: ScriptedPeer) -> list[int]:
    return [int(request.query["offset"][0]) for request in peer.received]


@pytest.mark.rule("T-038")
def test_links_are_followed_as_they_are(connection: Connection, peer: ScriptedPeer) -> None:
    """A partner that counts by a cursor, on a path and with a parameter that nobody could guess."""
    links = [f"{peer.url}{SENDER}/further?cursor=z{number}&page=x%2Fy" for number in range(3)]
    pages = [_page(_bytes(number)) for number in range(4)]
    for body, link in zip(pages, [*links, ""], strict=True):
        peer.script(
            "GET", SENDER, Twist(status=200, body=body, headers={"Link": f'<{link}>; rel="next"'} if link else {})
        )
    pull = _pull(connection)
    assert (pull.state, pull.pages, pull.stored) == ("DONE", 4, 4)
    asked = [(request.path, request.query.get("cursor")) for request in peer.received]
    assert asked == [(SENDER, None), *((f"{SENDER}/further", [f"z{number}"]) for number in range(3))]
    assert peer.received[1].query["page"] == ["x/y"]


@pytest.mark.rule("T-039")
def test_a_list_that_grows_meanwhile_is_not_begun_anew(
    connection: Connection, peer: ScriptedPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _meanwhile(monkeypatch, 2, lambda: peer.objects["locations"].append(_bytes(99)))
    pull = _pull(connection)
    assert (pull.state, pull.total) == ("DONE", 36)
    assert _offsets(peer) == [0, 10, 20, 30]
    assert Location.objects.count() == 36


def _meanwhile(monkeypatch: pytest.MonkeyPatch, before: int, happens: Any) -> None:
    """Something happens at the partner just before request number `before`, counted from 1."""
    call, number = site.call, count(1)

    def and_meanwhile(outgoing: Any) -> Any:
        if next(number) == before:
            happens()
        return call(outgoing)

    monkeypatch.setattr(site, "call", and_meanwhile)


@pytest.mark.rule("T-040")
@pytest.mark.parametrize(
    ("before", "gone", "asked"),
    [
        (2, 1, [0, 10, 9, 19, 29]),  # the page after the deletion is asked for again, one earlier
        (3, 3, [0, 10, 20, 17, 27]),
        (4, 1, [0, 10, 20, 30, 29]),
    ],
)
def test_a_list_that_shrinks_meanwhile_loses_us_nothing(
    connection: Connection,
    peer: ScriptedPeer,
    monkeypatch: pytest.MonkeyPatch,
    before: int,
    gone: int,
    asked: list[int],
) -> None:
    def shrinks() -> None:
        del peer.objects["locations"][:gone]

    _meanwhile(monkeypatch, before, shrinks)
    pull = _pull(connection)
    assert (pull.state, pull.total) == ("DONE", 35 - gone)
    assert _offsets(peer) == asked
    assert set(Location.objects.values_list("object_id", flat=True)) == {f"L{number}" for number in range(35)}
    assert not Evse.objects.filter(status="REMOVED").exists()  # without the second look one would count as vanished


def test_a_count_that_falls_for_ever_ends(connection: Connection, peer: ScriptedPeer) -> None:
    falling = [Twist(headers={"X-Total-Count": str(1000 - number)}) for number in range(60)]
    peer.script("GET", SENDER, *falling)
    assert _pull(connection).state in ("DONE", "FAILED")
    assert len(peer.received) < 60


@pytest.mark.rule("T-051")
def test_the_owner_is_read_from_each_object(connection: Connection, peer: ScriptedPeer) -> None:
    business = {"name": "Group"}
    settle_claims(
        connection,
        [Claim("NL", "TNM", "CPO", business), Claim("BE", "TNB", "CPO", business)],
    )
    peer.objects["locations"] = [_bytes(1), _bytes(1, "BE-TNB"), _bytes(2, "be-tnb")]
    pull = _pull(connection)
    assert (pull.stored, pull.rejected) == (3, 0)
    held = {(str(row.party), row.object_id) for row in Location.objects.select_related("party")}
    assert held == {("NL-TNM", "L1"), ("BE-TNB", "L1"), ("BE-TNB", "L2")}


@pytest.mark.rule("T-098")
def test_after_an_outage_we_ask_from_the_last_success_on(connection: Connection, peer: ScriptedPeer) -> None:
    first = _pull(connection)
    begun = site.now()
    with time_machine.travel(begun + timedelta(hours=1)):
        peer.script("GET", SENDER, *[Twist(drop=True)] * 10)
        assert _pull(connection, full=False).state == "FAILED"
    peer._twists.clear()
    peer.received.clear()
    with time_machine.travel(begun + timedelta(hours=9)):
        peer.objects["locations"][4] = _bytes(
            4, at=(begun + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ"), name="N"
        )
        pull = _pull(connection, full=False)
    asked = datetime.fromisoformat(peer.received[0].query["date_from"][0])
    assert first.started_at - timedelta(minutes=10) < asked <= first.started_at
    assert (pull.state, pull.stored) == ("DONE", 1)
    assert Location.objects.get(object_id="L4").name == "N"


@pytest.mark.rule("T-016")
def test_fetching_comes_by_the_hour_and_never_at_the_same_minute(connection: Connection) -> None:
    connection.endpoints.exclude(identifier="locations").delete()
    now = site.now()
    (first,) = pulling.start_due(now=now)
    pulling.run(first)

    def waits(minutes: float, seed: int) -> bool:
        found = pulling.start_due(now=now + timedelta(minutes=minutes), chance=random.Random(seed))
        Pull.objects.exclude(pk=first).delete()
        return not found

    assert all(waits(53, seed) for seed in range(20))
    assert not any(waits(67, seed) for seed in range(20))
    assert {waits(60, seed) for seed in range(20)} == {True, False}  # a random part of the interval
