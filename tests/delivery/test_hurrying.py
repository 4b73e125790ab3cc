"""The sweep's loop for errands: handed on once, and run in the sweep where no worker or no broker takes them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.db import OperationalError, transaction
from django.db import connection as database

from backoffice.delivery.actions.errands import CHANNEL, nudge
from backoffice.delivery.management import hurrying
from backoffice.delivery.management.hurrying import INLINE_AFTER, Hurry

NOW = datetime.fromisoformat("2026-11-01T10:00:00+00:00")


class Stage:
    """What is due, what the broker got, what ran here."""

    def __init__(self) -> None:
        self.due: list[tuple[int, datetime]] = []
        self.published: list[int] = []
        self.ran: list[int] = []
        self.broker: Callable[[], None] = lambda: None
        self.opened = 0
        self.dead: set[int] = set()
        self.hurry = Hurry()

    def look(self, seconds: float = 0.0) -> bool:
        again = self.hurry.look(NOW + timedelta(seconds=seconds))
        if self.hurry.publishing is not None and self.broker is not hang:
            self.hurry.publishing.result(5)
        return again


def hang() -> None:
    HELD.wait(20)


HELD = threading.Event()


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    HELD.clear()
    made = Stage()

    def broker(connect_timeout: float) -> SimpleNamespace:
        made.opened += 1
        return SimpleNamespace(close=lambda: None, number=made.opened)

    def send(task: str, *, kwargs: dict[str, int], connection: SimpleNamespace, retry: bool, priority: int) -> None:
        assert (task, retry) == ("delivery.run_errand", False)
        assert priority < settings.CELERY_TASK_DEFAULT_PRIORITY
        made.broker()
        if connection.number in made.dead:
            raise ConnectionResetError("the broker was restarted")
        made.published.append(kwargs["errand_id"])

    monkeypatch.setattr(hurrying, "errands_due", lambda now: list(made.due))
    monkeypatch.setattr(hurrying, "run_here", made.ran.append)
    monkeypatch.setattr(hurrying, "app", SimpleNamespace(connection_for_write=broker, send_task=send))
    yield made
    HELD.set()
    made.hurry.here.shutdown()
    made.hurry.publisher.shutdown()


def settled(stage: Stage) -> list[int]:
    """What ran here, once nothing is running."""
    stage.hurry.here.submit(lambda: None).result(5)
    time.sleep(0.05)
    return sorted(stage.ran)


def test_each_is_handed_on_once_and_again_when_it_is_due_again(stage: Stage) -> None:
    stage.due = [(1, NOW), (2, NOW)]
    assert stage.look()
    stage.look(0.1)
    stage.look(1)
    assert stage.published == [1, 2]
    stage.due = [(1, NOW + timedelta(seconds=2))]
    stage.look(2)
    assert stage.published == [1, 2, 1]
    assert settled(stage) == []
    stage.due = []
    stage.look(3)
    assert stage.hurry.handed == {}


def test_what_no_worker_takes_runs_here(stage: Stage) -> None:
    """Within two seconds: a look each half second finds what is due for `INLINE_AFTER`."""
    assert INLINE_AFTER.total_seconds() + hurrying.LOOK_EVERY <= 2
    stage.due = [(1, NOW)]
    for seconds in (0, 0.5, 1.4):
        stage.look(seconds)
    assert settled(stage) == []
    for seconds in (1.5, 1.6, 5):
        stage.look(seconds)
    assert settled(stage) == [1]
    assert stage.published == [1]


def test_what_the_broker_does_not_take_runs_here_at_once(stage: Stage) -> None:
    def refuses() -> None:
        raise ConnectionError("no broker")

    stage.broker = refuses
    stage.due = [(1, NOW), (2, NOW)]
    assert stage.look(), "look again soon"
    stage.look(0.05)
    assert settled(stage) == [1, 2]
    stage.look(0.1)
    assert settled(stage) == [1, 2]
    assert stage.published == []


def test_the_connection_to_the_broker_is_kept_and_opened_again_after_a_restart(stage: Stage) -> None:
    for number in (1, 2, 3):
        stage.due = [(number, NOW)]
        stage.look()
    stage.due = [(4, NOW), (5, NOW)]
    stage.dead = {1}
    stage.look()
    assert stage.published == [1, 2, 3, 4, 5]
    assert stage.opened == 2
    assert settled(stage) == []


def test_a_broker_that_hangs_holds_nobody_up(stage: Stage) -> None:
    stage.broker = hang
    stage.due = [(1, NOW)]
    stage.look()
    stage.due = [(1, NOW), (2, NOW)]
    began = time.monotonic()
    assert stage.look(0.1), "it may still be told"
    assert settled(stage) == []
    time.sleep(hurrying.BROKER_HANGS_AFTER)
    stage.look(0.6)
    assert settled(stage) == [2]
    stage.look(1.6)
    assert settled(stage) == [1, 2]
    assert time.monotonic() - began < 3


def test_it_goes_on_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    class EnoughSeenError(BaseException):
        """Ends a loop that never ends."""

    ends: Iterator[BaseException] = iter([OperationalError("gone"), ValueError("a bug"), EnoughSeenError()])

    def listen(self: Hurry) -> None:
        raise next(ends)

    monkeypatch.setattr(Hurry, "_listen", listen)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr(hurrying, "database", SimpleNamespace(close=lambda: None))
    with pytest.raises(EnoughSeenError):
        Hurry().forever()


def test_an_errand_wakes_it(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the commit of an errand to the look that finds it, over PostgreSQL."""
    looks: list[float] = []
    ready, woken = threading.Event(), threading.Event()

    def look(self: Hurry, now: datetime) -> bool:
        looks.append(time.monotonic())
        (woken if ready.is_set() else ready).set()
        if woken.is_set():
            raise SystemExit
        return False

    def listen() -> None:
        try:
            Hurry()._listen()
        except SystemExit:
            pass
        finally:
            database.close()

    monkeypatch.setattr(hurrying, "LOOK_EVERY", 20.0)
    monkeypatch.setattr(Hurry, "look", look)
    listening = threading.Thread(target=listen)
    listening.start()
    assert ready.wait(10)
    with transaction.atomic():
        transaction.on_commit(nudge)
        assert not woken.wait(0.1), "not before the commit"
    assert woken.wait(10), CHANNEL
    listening.join()
    assert len(looks) == 2
