"""kill -9 at every named point of an errand: it ends, a request was sent at most once, and the app heard of its end once.

The dying ones are processes of their own on the tests' database; the tests' own does what they were about.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from backoffice.crash_points import POINTS
from backoffice.delivery.actions import running
from backoffice.delivery.models import Errand
from backoffice.partners.models import Connection
from backoffice.roaming_site import site
from tests.cdrs.test_dying import KILLED, run
from tests.delivery import probes
from tests.delivery.test_errands import COMMANDS, KEY, MODULES, TAKEN, YES, met, posted, request, result
from tests.peer import ScriptedPeer, Twist

RUN = """
from tests.delivery import probes
probes.register()
from backoffice.delivery.actions import running
running.run({pk})
"""

# the point, what is known when it dies there, requests that arrive in the end, results, what the app hears of the request
VISITED = [
    ("errand-claimed-before-send", "SENDING", 0, 1, "interrupted sent=True"),
    ("errand-sent-before-mark", "SENDING", 1, 2, "interrupted sent=True"),
    ("errand-told-before-commit", "SENDING", 1, 2, "interrupted sent=True"),
    ("errand-marked", "DONE", 1, 1, "ACCEPTED"),
]


@pytest.fixture(autouse=True)
def probing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "_modules", {**site._modules, **probes.modules()})


@pytest.fixture
def peer() -> Iterator[ScriptedPeer]:
    with ScriptedPeer(sender_modules=MODULES, receiver_modules=MODULES) as running_peer:
        yield running_peer


@pytest.fixture
def connection(transactional_db: None, reachable: None, peer: ScriptedPeer) -> Connection:
    return met(peer)


def test_every_point_is_visited_here() -> None:
    assert {point for point, *_ in VISITED} == {point for point in POINTS if point.startswith("errand-")}


def die_and_go_on(errand: int, point: str, left: str) -> None:
    assert run(RUN.format(pk=errand), point) == KILLED
    row = Errand.objects.get(pk=errand)
    assert row.state == left
    if left == "SENDING":
        assert running.run(errand) == 0, "who comes before its lease is over leaves it alone"
        assert row.lease_until is not None
        assert row.lease_until - site.now() < timedelta(seconds=31)
        Errand.objects.filter(pk=errand).update(lease_until=site.now())
    running.run(errand)


@pytest.mark.parametrize(("point", "left", "requests", "_results", "heard"), VISITED)
def test_a_request_that_dies(
    point: str, left: str, requests: int, _results: int, heard: str, connection: Connection, peer: ScriptedPeer
) -> None:
    peer.script("POST", COMMANDS, Twist(body=TAKEN), forever=True)
    errand = request(connection)
    die_and_go_on(errand, point, left)
    assert len(posted(peer)) == requests
    assert probes.noted() == [f"answered START_SESSION {KEY[:4]} {heard}"]
    assert Errand.objects.get(pk=errand).state == ("DONE" if left == "DONE" else "FAILED")


@pytest.mark.parametrize(("point", "left", "_requests", "results", "_heard"), VISITED)
def test_a_result_that_dies(
    point: str, left: str, _requests: int, results: int, _heard: str, connection: Connection, peer: ScriptedPeer
) -> None:
    peer.script("POST", "/results", Twist(status=200, body=YES, works=False), forever=True)
    errand = result(connection, f"{peer.url}/results/17")
    die_and_go_on(errand, point, left)
    assert len(posted(peer, "/results")) == results
    assert probes.noted() == [f"delivered START_SESSION {KEY[:4]}"]
    assert Errand.objects.get(pk=errand).state == "DONE"
