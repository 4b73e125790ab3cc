"""Many at once at one EVSE, against the web server of production: one has it, nobody sees an error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from backoffice.charge_points.models import Order
from backoffice.commands.models import Command, Reservation
from tests import factories
from tests.commands import cast
from tests.doors.web import serving
from tests.peer import assert_ocpi_answer, call

MANY = 64


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[str]:
    with serving(threads=32) as url:
        yield url


def at_once(server: str, asked: list[tuple[str, str, bytes]]) -> Counter[str]:
    """Each of (token, command, body) by a thread of its own, all let go in one moment."""
    gate = Barrier(len(asked))

    def run(each: tuple[str, str, bytes]) -> str:
        token, kind, body = each
        gate.wait()
        answer = call("POST", f"{server}/ocpi/2.3.0/receiver/commands/{kind}", token, body=body, seconds=120)
        assert_ocpi_answer(answer, status=200, status_code=answer.json["status_code"])
        return str(answer.data["result"])

    with ThreadPoolExecutor(len(asked)) as pool:
        return Counter(pool.map(run, asked))


def test_of_many_that_reserve_one_evse_at_once_one_wins(server: str, transactional_db: None) -> None:
    factories.own_party()
    cast.point()
    partners = [factories.partner("SE-ELV:EMSP"), factories.partner("NO-FJO:EMSP")]
    cards = [cast.token("SE-ELV"), cast.token("NO-FJO")]
    asked = [
        (
            partners[number % 2].token,
            "RESERVE_NOW",
            cast.reserve(partners[number % 2], f"R{number // 2}", card=cards[number % 2]),
        )
        for number in range(MANY)
    ]
    assert at_once(server, asked) == {"ACCEPTED": 1, "REJECTED": MANY - 1}
    won = Reservation.objects.get()
    assert won.state == "ASKED"
    assert won.made_by == Command.objects.get(state="EXECUTING")
    assert Command.objects.filter(state="REFUSED").count() == MANY - 1
    assert Order.objects.count() == 1, "the charge point is asked once"


def test_the_same_reservation_many_times_at_once_is_one(server: str, transactional_db: None) -> None:
    factories.own_party()
    cast.point()
    partner = factories.partner("SE-ELV:EMSP")
    body = cast.reserve(partner)
    answers = at_once(server, [(partner.token, "RESERVE_NOW", body)] * 16)
    assert set(answers) <= {"ACCEPTED", "REJECTED"}
    assert Reservation.objects.count() == 1
