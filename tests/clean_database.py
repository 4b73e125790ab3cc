"""How a test that commits leaves the database: as the migrations made it.

Django empties all tables and then makes content types and permissions anew: half a second and more of a processor for each
of some four hundred tests, and whoever came later in the same worker found no groups. Here one question tells which tables
hold what a test left, and only these are put right.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase

KEPT = "as_migrated"
"""A schema with copies of the tables that the migrations fill."""


def keep_clean(patch: pytest.MonkeyPatch) -> None:
    """From now on tests that commit are cleaned up after in this way. The database was just migrated, or was kept clean."""
    remember()
    patch.setattr(TransactionTestCase, "_fixture_teardown", lambda case: put_right())


def remember() -> None:
    """A database that is used again may hold what a killed run left; that is put right unless a migration came in between."""
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute("SELECT to_regclass(%s)", [f"{KEPT}.django_migrations"])
        if cursor.fetchone()[0] and not _changed(["django_migrations"]):
            put_right()
            return
        cursor.execute(f"DROP SCHEMA IF EXISTS {KEPT} CASCADE")
        cursor.execute(f"CREATE SCHEMA {KEPT}")
        for table in _holding(_tables("public")):
            cursor.execute(f'CREATE TABLE {KEPT}."{table}" AS TABLE public."{table}"')


def put_right() -> None:
    kept = _tables(KEPT)
    changed = _changed(kept)
    left = _holding(set(_tables("public")) - set(kept))
    with (
        connection.cursor() as cursor,
        transaction.atomic(),
    ):  # keys are checked at its end: in which order does not matter
        for table in (*left, *changed):
            cursor.execute(f'DELETE FROM public."{table}"')
        for table in changed:
            cursor.execute(f'INSERT INTO public."{table}" TABLE {KEPT}."{table}"')


def wait_for_others() -> None:
    """Before the database is dropped: a thread of the live server may still be leaving. Who stays is put out."""
    others = """FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""
    deadline = time.monotonic() + 5
    while _asked(f"SELECT pid::text {others}") and time.monotonic() < deadline:
        time.sleep(0.05)
    _asked(f"SELECT pg_terminate_backend(pid)::text {others}")
    connection.close()  # under a loop of Playwright it is another one than that which drops the database


def _tables(schema: str) -> list[str]:
    return _asked("SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename", [schema])


def _holding(tables: Iterable[str]) -> list[str]:
    return _those(tables, 'EXISTS (TABLE public."{0}")')


def _changed(tables: Iterable[str]) -> list[str]:
    kept, now = f'TABLE {KEPT}."{{0}}"', 'TABLE public."{0}"'
    return _those(tables, f"EXISTS ({now} EXCEPT {kept}) OR EXISTS ({kept} EXCEPT {now})")


def _those(tables: Iterable[str], condition: str) -> list[str]:
    """Asked in one statement."""
    each = (f"SELECT '{table}' WHERE {condition.format(table)}" for table in sorted(tables))
    return _asked(" UNION ALL ".join(each))


def _asked(question: str, given: list[str] | None = None) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(question, given)
        return [name for (name,) in cursor.fetchall()]
