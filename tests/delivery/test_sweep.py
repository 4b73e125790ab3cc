"""The sweep outlives its database, at whatever moment it goes."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.db import OperationalError
from django.db import connection as database

from backoffice.delivery.management.commands import sweep


class EnoughSeen(Exception):
    """Ends a command that never ends."""


@pytest.mark.parametrize("error", [OperationalError("gone"), psycopg.errors.AdminShutdown("gone")])
def test_it_listens_again_when_the_database_goes(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    ends = iter([error, EnoughSeen()])

    def listen(self: sweep.Command, pool: ThreadPoolExecutor, inline: set[int]) -> None:
        raise next(ends)

    monkeypatch.setattr(sweep.Command, "_listen", listen)
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
