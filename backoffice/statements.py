"""Statements of the hot paths: prepared once per connection, parameters bound by the server, answers read in binary form.

Django's own cursor writes every parameter into the SQL text, so the server parses and plans each statement anew: half of the
time of a status PATCH. These run on the same connection, in the same transaction, and raise the same errors. They are
for statements that are the same text each time; all others stay with Django's cursor.

Two things differ from Django's cursor: a value of type `text` (documents) arrives as bytes, while `varchar` arrives as str;
and integers are sent as bigint.

Within `transaction` a statement whose answer nobody needs may be run `later`: it travels with the next one, or with COMMIT.
Nothing overtakes it, Django's own statements included; what it fails with is raised by whatever it travels with. One whose
answer is needed, but not before that of the next one, is run `soon`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from django.db.transaction import atomic
from psycopg.abc import Buffer, DumperKey, PyFormat
from psycopg.pq.abc import PGresult
from psycopg.types.array import ListDumper
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper
from psycopg.types.string import ByteaBinaryLoader

from backoffice.trips import Given, Loner, Parcel, Statement, travel
from backoffice.trips import Row as Row

MOST_KEPT = 100
"""Statements of a connection: as many as psycopg keeps prepared."""


def run(sql: str, given: Given = (), *, prepare: bool = True) -> list[Row]:
    """Execute and fetch all rows (none for a statement that returns none)."""
    database = connections[DEFAULT_DB_ALIAS]  # once: the proxy looks it up again for each attribute
    if database.in_atomic_block:
        database.validate_no_broken_transaction()
    else:
        database.close_if_health_check_failed()
        database.ensure_connection()
    kept = _kept(database)
    with database.wrap_database_errors:
        parcel = kept.statement(sql).pack(given) if prepare else None
        if parcel is not None:
            return kept.statement(sql).rows(kept.send(parcel)[-1])
        kept.send()
        rows = kept.loner.run(sql, given, prepare=None if prepare else False)
        kept.count(sql)
        return rows


def later(sql: str, given: Given = ()) -> None:
    """As `run`, for what nobody needs the answer of. Outside of `transaction` it is run now."""
    if not _left(sql, given):
        run(sql, given)


def soon(sql: str, given: Given = ()) -> Callable[[], list[Row]]:
    """As `run`, for what is not looked at before the next statement was run: the rows are what the answer gives when it is
    called, within the transaction. Outside of `transaction` it is run now."""
    answers: list[PGresult] = []
    if not _left(sql, given, answers):
        rows = run(sql, given)
        return lambda: rows

    def read() -> list[Row]:
        kept = _kept(connections[DEFAULT_DB_ALIAS])
        if not answers:
            kept.send()
        return kept.statement(sql).rows(answers[0]) if answers else run(sql, given)  # else a savepoint dropped it

    return read


def _left(sql: str, given: Given, answers: list[PGresult] | None = None) -> bool:
    """Whether it waits now for the next journey, which puts what it is answered into `answers`."""
    database = connections[DEFAULT_DB_ALIAS]
    database.validate_no_broken_transaction()
    kept = _kept(database) if database.connection is not None else None
    if kept is None or not kept.may_wait:
        return False
    with database.wrap_database_errors:
        parcel = kept.statement(sql).pack(given)
    if parcel is None:
        return False
    kept.waiting.append((parcel, answers))
    return True


@contextmanager
def transaction() -> Iterator[None]:
    """As Django's `atomic`, and what is run `later` within it may wait for the next journey to the database."""
    database = connections[DEFAULT_DB_ALIAS]
    outermost = not database.in_atomic_block
    with atomic():
        kept = _kept(database)
        if kept.may_wait:  # the outer one looks after it
            yield
            return
        kept.may_wait = True
        try:
            with database.execute_wrapper(kept.before_django):
                yield
            kept.send(commits=outermost)
        finally:
            kept.may_wait = False
            kept.waiting.clear()


def run_once(sql: str, given: Given = ()) -> list[Row]:
    """As `run`, planned for these very parameters each time: for reads whose best plan depends on them, such as a range of
    dates. A prepared statement may keep the plan that suited other dates."""
    return run(sql, given, prepare=False)


def run_first(sql: str, given: Given = ()) -> list[Row]:
    """As `run`, for the read that a request begins with: it is the health check of the kept connection as well, so that one
    which died since the last request is replaced without asking it first whether it lives."""
    database = connections[DEFAULT_DB_ALIAS]
    if database.connection is None or database.in_atomic_block:
        return run(sql, given)
    database.health_check_done = True
    try:
        return run(sql, given)
    except (OperationalError, InterfaceError):
        if database.is_usable():
            raise
        database.close()
        return run(sql, given)


def trust() -> bool:
    """Let the next transaction begin without asking first whether the connection still lives. False where there is none. For who
    begins again with `run_first` when the first journey fails."""
    database = connections[DEFAULT_DB_ALIAS]
    if database.connection is None:
        return False
    database.health_check_done = True
    return True


class _Kept:
    """What a connection of psycopg keeps for us: its statements, and those of them that wait."""

    def __init__(self, database: Any) -> None:
        self.database, self.raw = database, database.connection
        self.statements: dict[str, Statement] = {}
        self.waiting: list[tuple[Parcel, list[PGresult] | None]] = []
        self.may_wait = False
        self.loner = Loner(self.raw)
        adapters = self.loner.adapters
        adapters.register_loader("text", ByteaBinaryLoader)
        # one statement, one set of parameter types: else small and large numbers would be prepared apart
        # (Int8Dumper: lists go as text, and a list is known by its first such type: after one of small numbers, one of
        # large numbers would be sent as smallint[])
        adapters.register_dumper(int, Int8Dumper)
        adapters.register_dumper(int, Int8BinaryDumper)
        adapters.register_dumper(list, _Column)

    def statement(self, sql: str) -> Statement:
        found = self.statements.get(sql)
        if found is None:
            if len(self.statements) >= MOST_KEPT:
                self.statements.clear()
            found = self.statements[sql] = Statement(self.loner, sql)
        return found

    def send(self, *more: Parcel, commits: bool = False) -> list[PGresult]:
        """What waits, and these behind it, in one journey; nothing where there is nothing, or all is to be undone."""
        waited, self.waiting = self.waiting, []
        sent = [parcel for parcel, _ in waited]
        sent += more
        if not sent or self.database.needs_rollback:
            return []
        with self.database.wrap_database_errors:
            answers = travel(self.raw, sent, commits=commits)
        for (_, expecting), answer in zip(waited, answers, strict=False):
            if expecting is not None:
                expecting.append(answer)
        if self.database.queries_logged:
            for parcel in sent:
                self.count(parcel.sql)
        return answers

    def count(self, sql: str) -> None:
        if self.database.queries_logged:  # where queries are counted or shown, these belong to them
            self.database.queries_log.append({"sql": sql, "time": "0.000"})

    def before_django(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        """Django's cursor is about to execute this."""
        if sql.startswith("ROLLBACK TO "):  # a savepoint sent all that was before it
            self.waiting.clear()
        self.send()
        return execute(sql, params, many, context)


def _kept(database: Any) -> _Kept:
    kept: _Kept | None = getattr(database.connection, "statements_kept", None)
    if kept is None:
        kept = database.connection.statements_kept = _Kept(database)
    return kept


class _Column(ListDumper):
    """A list as a batch sends it, a column of one kind of value: written in one go, where psycopg's own goes through it value by
    value. A page of CDRs has thirty columns."""

    def get_key(self, obj: list[Any], format: PyFormat) -> DumperKey:  # noqa: A002  # psycopg calls it so
        """As psycopg's, which looks for the first value and asks who writes it to say the same."""
        if obj and type(obj[0]) in (int, str) and not self.oid:
            return (self.cls, type(obj[0]))
        return super().get_key(obj, format)

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
