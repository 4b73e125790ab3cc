"""The sweep outlives its database, at whatever moment it goes."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import MagicMock

import psycopg
import pytest
from django.db import OperationalError
from django.db import connection as database

from backoffice import nudging
from backoffice.delivery.management.commands import sweep
from backoffice.nudging import QUIET


class EnoughSeen(Exception):
    """Ends a command that never ends."""


@pytest.mark.parametrize("error", [OperationalError("gone"), psycopg.errors.AdminShutdown("gone")])
def test_it_listens_again_when_the_database_goes(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    ends = iter([error, EnoughSeen()])

    def listen(self: sweep.Command, pool: ThreadPoolExecutor, inline: set[int]) -> None:
        raise next(ends)

    monkeypatch.setattr(sweep.Command, "_listen", listen)
    monkeypatch.setattr(sweep.Hurry, "forever", lambda self: None)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr(database, "close", lambda: None)
    with pytest.raises(EnoughSeen):
        sweep.Command().handle()


@pytest.mark.django_db
def test_what_a_terminated_connection_raises_while_it_waits_for_notices() -> None:
    """psycopg's own error, which Django does not wrap: it is what the test above is about."""
    facts: dict[str, Any] = database.get_connection_params()
    facts = {name: facts[name] for name in ("dbname", "host", "port", "user", "password") if facts.get(name)}
    with psycopg.connect(**facts, autocommit=True) as raw:
        with database.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [raw.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            sweep._wait(raw, 5)


def test_after_a_notice_it_looks_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever commits right after somebody else's nudge sends none, and must be found all the same."""
    waits: list[float] = []
    notices = iter([False, True, False, True, True, False, EnoughSeen()])

    def wait(raw: object, seconds: float) -> bool:
        waits.append(seconds)
        notice = next(notices)
        if isinstance(notice, Exception):
            raise notice
        return notice

    looks: list[int] = []
    monkeypatch.setattr(sweep, "_wait", wait)
    monkeypatch.setattr(sweep, "database", MagicMock())
    monkeypatch.setattr(sweep.Command, "_sweep", lambda self, pool, inline: looks.append(1))
    with pytest.raises(EnoughSeen):
        sweep.Command()._listen(ThreadPoolExecutor(1), set())
    long, short = sweep.LOOK_EVERY, sweep.LOOK_AGAIN
    assert waits == [long, long, short, long, short, short, long]
    assert len(looks) == len(waits), "it looks before each wait"
    assert short > QUIET


def test_a_storm_of_changes_sends_one_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 10.0 + QUIET / 2, 10.0 + QUIET * 0.99, 10.0 + QUIET, 10.0 + QUIET * 1.5])
    monkeypatch.setattr(nudging, "_nudged_at", -1.0)
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    sent: list[str] = []
    raw = MagicMock(execute=sent.append)
    monkeypatch.setattr(nudging, "database", MagicMock(connection=raw))
    for _ in range(5):
        nudging.nudge()
    assert len(sent) == 2


def test_a_notice_that_could_not_be_sent_is_tried_with_the_next_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nudging, "_nudged_at", -1.0)
    raw = MagicMock()
    raw.execute.side_effect = [psycopg.OperationalError("gone"), None]
    monkeypatch.setattr(nudging, "database", MagicMock(connection=raw))
    nudging.nudge()
    nudging.nudge()
    assert raw.execute.call_count == 2
