"""A driver that runs: it is woken by an order, its look is its sign of life, and a database that goes away does not end it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection as database

from backoffice.charge_points import door
from backoffice.charge_points.actions import ordering
from backoffice.charge_points.gateway import Done, Instruction, Orders, Tell
from backoffice.charge_points.models import Driver, Order
from backoffice.charge_points.rules.orders import Kind
from backoffice.locations.models import Evse
from backoffice.roaming_site import site
from ocpi.wire.commands import CommandResultType as Outcome
from tests import factories
from tests.sessions import cast

pytestmark = pytest.mark.django_db(transaction=True)


class Obeying:
    """Answers every order at once, and remembers when it heard of it."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, Instruction]] = []
        self.looks = 0

    def run(self, tell: Tell, stop: threading.Event, orders: Orders) -> None:
        while not stop.is_set():
            self.looks += 1
            for each in orders():
                self.heard.append((time.monotonic(), each))
                tell(Done(each.order, Outcome.ACCEPTED))
            orders.wait(60)


@pytest.fixture
def evse() -> Evse:
    factories.own_party()
    return cast.point(tariffs=())


@pytest.fixture
def running(evse: Evse, monkeypatch: pytest.MonkeyPatch) -> Iterator[Obeying]:
    """A driver of the EVSE, in a thread of its own as in a process of its own."""
    monkeypatch.setitem(door.PURPOSES, "tested", lambda order, now: None)  # type: ignore[arg-type]
    driver, stop = Obeying(), threading.Event()

    def serve() -> None:
        try:
            door.serve(driver, stop, driver="tested", drives=lambda: [evse.pk])
        finally:
            database.close()

    thread = threading.Thread(target=serve)
    thread.start()
    until(lambda: Driver.objects.filter(name="tested").exists())
    yield driver
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert not Driver.objects.exists()


def until(true: object, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


def ask(evse: Evse, key: str = "K1") -> Order:
    now = site.now()
    return ordering.order(
        evse=evse.pk,
        kind=Kind.UNLOCK,
        arguments={"connector_id": "1"},
        purpose="tested",
        key=key,
        deadline=now + timedelta(seconds=30),
        now=now,
    )


def test_an_order_wakes_its_driver(running: Obeying, evse: Evse) -> None:
    time.sleep(0.3)  # it sleeps
    asked = time.monotonic()
    order = ask(evse)
    until(lambda: Order.objects.get(pk=order.pk).state == "ANSWERED")
    ((heard, value),) = running.heard
    assert value.order == order.uid
    assert heard - asked < 1, "it looked by itself, later"
    assert Order.objects.get().taken_by == "tested"


def test_a_driver_that_sleeps_looks_by_itself_and_is_alive(
    running: Obeying, evse: Evse, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Driver.objects.get().seen_at
    monkeypatch.setattr(ordering, "nudge", lambda: None)
    order = ask(evse)
    until(lambda: Order.objects.get(pk=order.pk).state == "ANSWERED")
    until(lambda: Driver.objects.get().seen_at > first)
    assert running.looks < 10


def test_a_driver_listens_again_after_its_database_was_away(running: Obeying, evse: Evse) -> None:
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database() AND backend_type = 'client backend'"
        )
    time.sleep(door.LOOK_EVERY + door.LOOK_AGAIN_AFTER + 0.5)
    asked = time.monotonic()
    order = ask(evse)
    until(lambda: Order.objects.get(pk=order.pk).state == "ANSWERED")
    assert running.heard[-1][0] - asked < 1


def test_the_end_of_the_wait_is_a_task(evse: Evse, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setitem(door.PURPOSES, "tested", lambda order, now: told.append(order.outcome))  # type: ignore[arg-type]
    ordering.alive(driver="tested", points=[evse.pk], now=site.now())
    order = ask(evse)
    assert door.expire() == 0
    Order.objects.filter(pk=order.pk).update(deadline=site.now() - timedelta(seconds=1))
    assert door.expire() == 1
    assert told == ["TIMEOUT"]
