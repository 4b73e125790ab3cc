"""Statements of the hot paths: prepared once per connection, parameters bound by the server, answers read in binary form.

Django's own cursor writes every parameter into the SQL text, so the server parses and plans each statement anew: half of the
time of a status PATCH. This one runs on the same connection, in the same transaction, and raises the same errors. It is
for statements that are the same text each time; all others stay with Django's cursor.

Two things differ from Django's cursor: a value of type `text` (documents) arrives as bytes, while `varchar` arrives as str;
and integers are sent as bigint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from psycopg.abc import Buffer
from psycopg.types.array import ListDumper
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper
from psycopg.types.string import ByteaBinaryLoader

from backoffice.trips import Traveller

Given = Sequence[Any] | Mapping[str, Any]
Row = tuple[Any, ...]

MOST_KEPT = 100
"""Cursors of a connection: as many as psycopg keeps prepared statements."""


def run(sql: str, given: Given = (), *, prepare: bool = True, last: bool = False) -> list[Row]:
    """Execute and fetch all rows (none for a statement that returns none). `last`: nothing follows in the outermost
    `transaction.atomic()` that is open, which may be committed with it."""
    database = connections[DEFAULT_DB_ALIAS]  # once: the proxy looks it up again for each attribute
    database.close_if_health_check_failed()
    database.ensure_connection()
    database.validate_no_broken_transaction()
    with database.wrap_database_errors:
        cursor = _cursor(database.connection, sql if prepare else "")
        cursor.commits = last and database.in_atomic_block and not database.savepoint_ids
        cursor.execute(sql, given, binary=True, prepare=None if prepare else False)
        if database.queries_logged:  # where queries are counted or shown, these belong to them
            database.queries_log.append({"sql": sql, "time": "0.000"})
        result = cursor.pgresult
        rows = cursor.fetchall() if result is not None and result.nfields else []
        cursor.forget()
        return rows


def run_once(sql: str, given: Given = ()) -> list[Row]:
    """As `run`, planned for these very parameters each time: for reads whose best plan depends on them, such as a range of
    dates. A prepared statement may keep the plan that suited other dates."""
    return run(sql, given, prepare=False)


def run_first(sql: str, given: Given = ()) -> list[Row]:
    """As `run`, for the read that a request begins with: it is the health check of the kept connection as well, so that one
    which died since the last request is replaced without asking it first whether it lives."""
    database = connections[DEFAULT_DB_ALIAS]
    kept = database.connection is not None and not database.in_atomic_block and not database.health_check_done
    if not kept:
        return run(sql, given)
    database.health_check_done = True
    try:
        return run(sql, given)
    except (OperationalError, InterfaceError):
        if database.is_usable():
            raise
        database.close()
        return run(sql, given)


def _cursor(raw: Any, sql: str) -> Traveller:
    """The connection's cursor for this statement, kept on it: what it learned of parameters and columns costs as much to
    learn anew as a small statement."""
    kept: dict[str, Traveller] | None = getattr(raw, "statements_cursors", None)
    if kept is None:
        kept = raw.statements_cursors = {}
    cursor = kept.get(sql)
    if cursor is None:
        if len(kept) >= MOST_KEPT:
            kept.clear()
        cursor = Traveller(raw)
        cursor.adapters.register_loader("text", ByteaBinaryLoader)
        # one statement, one set of parameter types: else small and large numbers would be prepared apart
        # (Int8Dumper: lists go as text, and a list is known by its first such type: after one of small numbers, one of
        # large numbers would be sent as smallint[])
        cursor.adapters.register_dumper(int, Int8Dumper)
        cursor.adapters.register_dumper(int, Int8BinaryDumper)
        cursor.adapters.register_dumper(list, _Column)
        kept[sql] = cursor
    return cursor


class _Column(ListDumper):
    """A list as a batch sends it, a column of one kind of value: written in one go, where psycopg's own goes through it value by
    value. A page of CDRs has thirty columns."""

    def dump(self, obj: list[Any]) -> Buffer | None:
        kinds = set(map(type, obj))
        if kinds == {str}:
            inner = '","'.join(obj)
            if inner.count('"') == 2 * len(obj) - 2 and "\\" not in inner and "\0" not in inner:
                return f'{{"{inner}"}}'.encode()
        kinds.discard(type(None))
        write = _WRITTEN.get(kinds.pop()) if len(kinds) == 1 else None
        if write is None:
            return super().dump(obj)
        return ("{" + ",".join(["NULL" if value is None else write(value) for value in obj]) + "}").encode()


_WRITTEN: dict[type, Callable[[Any], str]] = {
    datetime: '"{}"'.format,
    bool: lambda value: "t" if value else "f",
    int: str,
    Decimal: str,
}
"""How one value stands in a list, by its type."""
