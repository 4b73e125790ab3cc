"""Many at once: what a provider posts in one moment is one terminal, and one advice for a charge; nobody sees an error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from backoffice.payments.models import Advice, QuarantinedAdvice, Terminal
from tests import factories
from tests.doors.asking import encoded
from tests.doors.web import serving
from tests.factories import small_advice
from tests.peer import assert_ocpi_answer, call

RECEIVER, SENDER = "/ocpi/2.3.0/receiver/payments", "/ocpi/2.3.0/sender/payments"
MANY = 24


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[str]:
    with serving(threads=MANY) as url:
        yield url


@pytest.fixture
def token(transactional_db: None) -> str:
    """SE-ELV, a provider at our charge points and a CPO at which our terminals stand."""
    ours = [factories.own_party(), factories.own_party("DE-PTP", "PTP")]
    return factories.partner("SE-ELV:OTHER", "SE-ELV:CPO", ours=ours).token


def at_once(url: str, token: str, method: str, bodies: list[bytes]) -> Counter[int]:
    """Each body by a thread of its own, all let go in one moment. How often which status code."""
    gate = Barrier(len(bodies))

    def run(body: bytes) -> int:
        gate.wait()
        answer = call(method, url, token, body=body, seconds=60)
        code: int = answer.json["status_code"]
        assert_ocpi_answer(answer, status=None, status_code=code)
        return code

    with ThreadPoolExecutor(len(bodies)) as pool:
        return Counter(pool.map(run, bodies))


def test_of_many_advices_for_one_charge_one_is_taken(server: str, token: str) -> None:
    bodies = [encoded(small_advice(f"F-{number % 12}", "REF-1", f"{number % 6 + 1}.25")) for number in range(MANY)]
    answers = at_once(f"{server}{RECEIVER}/financial-advice-confirmations", token, "POST", bodies)
    assert answers == {1000: 2, 2001: MANY - 2}  # the one, and its repeat
    assert Advice.objects.count() == 1
    assert sum(QuarantinedAdvice.objects.values_list("times", flat=True)) == MANY - 2


def test_many_posts_of_a_terminal_are_one(server: str, token: str) -> None:
    bodies = [b'{"terminal_id": "T-1", "city": "Graz", "last_updated": "2026-03-01T08:00:00Z"}'] * MANY
    assert at_once(f"{server}{RECEIVER}/terminals", token, "POST", bodies) == {1000: MANY}
    assert Terminal.objects.get().generation == 1


def test_many_activations_and_changes_of_one_terminal(server: str, token: str) -> None:
    bodies = [b'{"reference": "SN-1"}', b'{"reference": "sn-1", "terminal_id": "T-1"}'] * (MANY // 2)
    assert at_once(f"{server}{SENDER}/terminals/activate", token, "POST", bodies) == {1000: MANY}
    row = Terminal.objects.get()
    changes = [b'{"location_ids": ["L%d"]}' % number for number in range(MANY)]
    assert at_once(f"{server}{SENDER}/terminals/{row.object_id}", token, "PATCH", changes) == {1000: MANY}
    row.refresh_from_db()
    assert len(row.location_ids) == 1
    assert row.events.filter(what="ASSIGNED").count() == row.generation - 1
