"""Journeys to the database: several prepared statements in one, BEGIN before the first and COMMIT behind the last.

Each journey puts this process to sleep and wakes the database's, which on a busy machine costs either of them more than most
of our statements do. psycopg's own pipeline sends every statement by itself and saves the waiting only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import errors, generators
from psycopg._preparing import Prepare
from psycopg._queries import PostgresQuery
from psycopg.abc import Buffer, PQGen
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult

Given = Sequence[Any] | Mapping[str, Any]
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A statement and its parameters, ready to be sent."""

    sql: str
    name: bytes
    params: Sequence[Buffer | None] | None
    formats: Sequence[Format] | None


class Loner(psycopg.Cursor[Row]):
    """What is not prepared goes by itself, as psycopg sends it."""

    def run(self, sql: str, given: Given, *, prepare: bool | None) -> list[Row]:
        self.execute(sql, given, binary=True, prepare=prepare)
        rows = self.fetchall() if self.description else []
        self._reset()
        self._tx.set_pgresult(None)  # it may be large
        return rows


class Statement:
    """One statement of one connection, with what was learned of its parameters and columns: learning that anew costs as much as
    a small statement."""

    def __init__(self, loner: Loner, sql: str) -> None:
        self._prepared = loner.connection._prepared
        self._known = Transformer(loner)
        self._query = PostgresQuery(self._known)
        self._sql = sql

    def pack(self, given: Given) -> Parcel | None:
        """None while it is not prepared: then it has to go alone."""
        query = self._query
        if query.query:
            query.dump(given)
        else:
            query.convert(self._sql, given)
        known, name = self._prepared.get(query)
        if known is not Prepare.YES:
            return None
        self._prepared.maybe_add_to_cache(query, known, name)  # used just now: others are forgotten before it
        return Parcel(self._sql, name, query.params, query.formats)

    def rows(self, answer: PGresult) -> list[Row]:
        if not answer.nfields:
            return []
        self._known.set_pgresult(answer)
        rows = self._known.load_rows(0, answer.ntuples, tuple)
        self._known.set_pgresult(None)  # it may be large
        return rows


def travel(connection: psycopg.Connection[Any], parcels: Sequence[Parcel], *, commits: bool = False) -> list[PGresult]:
    """Send them together and bring their answers; the transaction begins if it has not, and ends if it `commits`. Raises what
    the first of them failed with: those behind it, COMMIT included, were not done then."""
    with connection.lock:
        return connection.wait(_travelling(connection, parcels, commits))


def _travelling(connection: psycopg.Connection[Any], parcels: Sequence[Parcel], commits: bool) -> PQGen[list[PGresult]]:
    server = connection.pgconn
    begins = not connection.autocommit and server.transaction_status == TransactionStatus.IDLE
    server.enter_pipeline_mode()
    if begins:
        server.send_query_params(connection._get_tx_start_command(), None)
    for parcel in parcels:
        server.send_query_prepared(
            parcel.name, parcel.params, param_formats=parcel.formats, result_format=Format.BINARY
        )
    if commits:
        server.send_query_params(b"COMMIT", None)
    server.pipeline_sync()
    yield from generators.send(server)
    answers: list[PGresult] = []
    for _ in range(begins + len(parcels) + commits):
        answers += yield from generators.fetch_many(server)
    yield from generators.fetch_many(server)  # says that there are no more
    server.exit_pipeline_mode()
    for answer in answers:
        if answer.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
            raise errors.error_from_result(answer, encoding=connection.info.encoding)
    return answers[begins : begins + len(parcels)]
