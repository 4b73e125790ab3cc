"""Many at once: the same CDR posted by many threads is one row, one answer, and nobody sees an error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from backoffice.cdrs.models import Cdr, Quarantined
from tests import factories
from tests.doors.asking import encoded
from tests.doors.web import serving
from tests.factories import small_cdr
from tests.peer import assert_ocpi_answer, call

POST = "/ocpi/2.3.0/receiver/cdrs"


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[str]:
    with serving(threads=32) as url:
        yield url


@pytest.fixture
def token(transactional_db: None) -> str:
    factories.own_party()
    return factories.partner().token


def at_once(server: str, token: str, bodies: list[bytes]) -> list[tuple[int, str | None]]:
    """Each body by a thread of its own, all let go in one moment."""
    gate = Barrier(len(bodies))

    def run(body: bytes) -> tuple[int, str | None]:
        gate.wait()
        answer = call("POST", f"{server}{POST}", token, body=body, seconds=60)
        assert_ocpi_answer(answer, status=None, status_code=answer.json["status_code"])
        return answer.json["status_code"], answer.headers.get("Location")

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(run, bodies))


def test_the_same_cdr_a_hundred_times_at_once_is_one(server: str, token: str) -> None:
    answers = at_once(server, token, [encoded(small_cdr("C1"))] * 100)
    assert Counter(answers) == {(1000, f"{server}{POST}/SE/ELV/C1"): 100}
    assert Cdr.objects.count() == 1
    assert not Quarantined.objects.exists()


def test_of_a_hundred_that_differ_one_is_taken_and_the_others_are_kept_aside(server: str, token: str) -> None:
    bodies = [encoded(small_cdr("C1", remark=f"number {number % 10}")) for number in range(100)]
    answers = at_once(server, token, bodies)
    assert Counter(code for code, _ in answers) == {1000: 10, 2001: 90}
    assert Cdr.objects.count() == 1
    kept = list(Quarantined.objects.values_list("times", flat=True))
    assert (len(kept), sum(kept)) == (9, 90)


def test_different_ones_at_once_are_all_taken(server: str, token: str) -> None:
    answers = at_once(server, token, [encoded(small_cdr(f"C{number}")) for number in range(60)])
    assert Counter(code for code, _ in answers) == {1000: 60}
    assert Cdr.objects.count() == 60
