"""Several at once: what many threads say of one object at the same time ends as its newest state, and nobody sees an error."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import orjson
import pytest

from backoffice.delivery.models import Exchange
from backoffice.locations.models import Evse, Location, StatusEvent
from tests import factories
from tests.doors.web import serving
from tests.peer import RawAnswer, assert_ocpi_answer, call

START = datetime(2026, 4, 1, tzinfo=UTC)
STATUSES = ("AVAILABLE", "CHARGING", "BLOCKED", "RESERVED", "OUTOFORDER")
RECEIVER = "/ocpi/2.3.0/receiver/locations/SE/ELV"


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[str]:
    with serving(threads=16) as url:
        yield url


@pytest.fixture
def token(transactional_db: None) -> str:
    factories.own_party()
    return factories.partner().token


Job = tuple[str, str, dict[str, Any]]


def at_once(server: str, token: str, jobs: Sequence[Job], threads: int) -> list[RawAnswer]:
    """All jobs, by so many threads, in the order in which they are free."""

    def run(job: Job) -> RawAnswer:
        method, path, body = job
        return call(method, f"{server}{RECEIVER}/{path}", token, body=orjson.dumps(body), seconds=60)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, jobs))


def at(step: int) -> str:
    return (START + timedelta(seconds=step)).strftime("%Y-%m-%dT%H:%M:%SZ")


def shuffled(jobs: list[Job], seed: int) -> list[Job]:
    random.Random(seed).shuffle(jobs)
    return jobs


def test_two_threads_at_one_evse_newest_wins(server: str, token: str) -> None:
    put = factories.small_location("A")
    assert_ocpi_answer(call("PUT", f"{server}{RECEIVER}/A", token, body=orjson.dumps(put)), status=201)
    jobs: list[Job] = []
    for step in range(1, 61):
        status = STATUSES[step % 5]
        if step % 2:
            jobs.append(("PATCH", "A/E1", {"status": status, "last_updated": at(step)}))
        else:
            jobs.append(("PUT", "A/E1", put["evses"][0] | {"status": status, "last_updated": at(step)}))
    for answer in at_once(server, token, shuffled(jobs, 7), threads=2):
        assert_ocpi_answer(answer)
    evse = Evse.objects.get()
    assert (evse.status, evse.last_updated) == (STATUSES[60 % 5], START + timedelta(seconds=60))
    assert Location.objects.get().last_updated == START + timedelta(seconds=60)
    events = list(StatusEvent.objects.order_by("id").values_list("previous", "status"))
    assert all(one[1] == other[0] for one, other in pairwise(events))


def test_sixteen_threads_of_fifty_at_one_location(server: str, token: str) -> None:
    """Status, connectors, the whole location and its parts, all levels crossing: no error, no deadlock shown, newest wins."""
    whole = factories.small_location("A")
    one = whole["evses"][0]
    whole["evses"] = [one | {"uid": f"E{number}"} for number in range(4)]
    assert_ocpi_answer(call("PUT", f"{server}{RECEIVER}/A", token, body=orjson.dumps(whole)), status=201)
    jobs: list[Job] = []
    for step in range(1, 801):
        uid, status, kind = f"E{step % 4}", STATUSES[step % 5], step // 4 % 10
        if kind < 6:
            jobs.append(("PATCH", f"A/{uid}", {"status": status, "last_updated": at(step)}))
        elif kind < 8:
            jobs.append(("PATCH", f"A/{uid}/1", {"max_amperage": step, "last_updated": at(step)}))
        elif kind < 9:
            jobs.append(("PATCH", "A", {"name": f"Name {step}", "last_updated": at(step)}))
        else:
            jobs.append(("PUT", f"A/{uid}/1", one["connectors"][0] | {"max_voltage": step, "last_updated": at(step)}))
    answers = at_once(server, token, shuffled(jobs, 11), threads=16)
    assert Counter(answer.status for answer in answers) == {200: 800}
    for answer in answers:
        assert_ocpi_answer(answer)
    assert Exchange.objects.filter(incoming=True).count() == 801
    assert Location.objects.get().last_updated == START + timedelta(seconds=800)
    told = assert_ocpi_answer(call("GET", f"{server}{RECEIVER}/A", token))
    assert len(told["evses"]) == 4
    for evse in told["evses"]:
        assert evse["status"] in STATUSES
        assert evse["last_updated"] >= evse["connectors"][0]["last_updated"]
        assert told["last_updated"] >= evse["last_updated"]


def test_statuses_alone_end_at_the_newest_of_each_evse(server: str, token: str) -> None:
    whole = factories.small_location("A")
    whole["evses"] = [whole["evses"][0] | {"uid": f"E{number}"} for number in range(4)]
    call("PUT", f"{server}{RECEIVER}/A", token, body=orjson.dumps(whole))
    jobs: list[Job] = [
        ("PATCH", f"A/E{step % 4}", {"status": STATUSES[step % 5], "last_updated": at(step)}) for step in range(1, 401)
    ]
    answers = at_once(server, token, shuffled(jobs, 13), threads=16)
    assert Counter(answer.status for answer in answers) == {200: 400}
    for number in range(4):
        newest = max(step for step in range(1, 401) if step % 4 == number)
        evse = Evse.objects.get(uid=f"E{number}")
        assert (evse.status, evse.last_updated) == (STATUSES[newest % 5], START + timedelta(seconds=newest))


@pytest.mark.parametrize(
    ("path", "make"),
    [
        ("NEW", lambda: factories.small_location("NEW")),
        ("A/E9", lambda: factories.small_location("A")["evses"][0] | {"uid": "E9"}),
        ("A/E1/9", lambda: factories.connector(id="9")),
    ],
)
def test_only_one_of_many_creates(path: str, make: Callable[[], dict[str, Any]], server: str, token: str) -> None:
    call("PUT", f"{server}{RECEIVER}/A", token, body=orjson.dumps(factories.small_location("A")))
    answers = at_once(server, token, [("PUT", path, make())] * 32, threads=16)
    assert Counter(answer.status for answer in answers) == {201: 1, 200: 31}
    for answer in answers:
        assert_ocpi_answer(answer, status=None)


def test_locations_in_crossing_order_never_block_each_other(server: str, token: str) -> None:
    """Whole locations and their EVSEs, pushed by many threads in any order: the locks are always taken from above."""
    names = [f"L{number}" for number in range(6)]
    jobs: list[Job] = [("PUT", name, factories.small_location(name)) for name in names]
    at_once(server, token, jobs, threads=4)
    jobs = []
    for step in range(1, 41):
        for name in names:
            jobs.append(("PUT", name, factories.small_location(name, at=at(step), name=f"step {step}")))
            jobs.append(("PATCH", f"{name}/E1", {"status": STATUSES[step % 5], "last_updated": at(step)}))
    answers = at_once(server, token, shuffled(jobs, 17), threads=16)
    assert Counter(answer.status for answer in answers) == {200: len(jobs)}
    assert set(Location.objects.values_list("last_updated", flat=True)) == {START + timedelta(seconds=40)}
