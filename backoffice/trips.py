"""A cursor that saves journeys to the database: BEGIN travels with the first statement of a transaction, COMMIT with the last.

Each journey puts this process to sleep and wakes the database's, which on a busy machine costs either of them more than most
of our statements do. psycopg's own pipeline sends every statement by itself and saves the waiting only.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import generators
from psycopg._preparing import Prepare
from psycopg._queries import PostgresQuery
from psycopg.abc import PQGen, Query
from psycopg.pq import PGresult, TransactionStatus


class Traveller(psycopg.Cursor[tuple[Any, ...]]):
    """For prepared statements; any other goes as it does with psycopg."""

    commits = False
    """Whether the next statement is the last of its transaction."""

    def forget(self) -> None:
        """Let go of the answer, which may be large; what is known of parameters stays for the next time."""
        self._reset(reset_query=False)
        self._tx.set_pgresult(None)

    def _start_query(self, query: Query | None = None) -> PQGen[None]:
        """As psycopg's, but the transaction does not begin yet."""
        began = self._conn._autocommit
        self._conn._autocommit = True
        try:
            yield from super()._start_query(query)
        finally:
            self._conn._autocommit = began

    def _maybe_prepare_gen(
        self, pgq: PostgresQuery, *, prepare: bool | None = None, binary: bool | None = None
    ) -> PQGen[None]:
        connection, server = self._conn, self._pgconn
        begins = not connection.autocommit and server.transaction_status == TransactionStatus.IDLE
        known, name = self._get_prepared(pgq, prepare)
        if known is not Prepare.YES or not (begins or self.commits):
            yield from connection._start_query()
            yield from super()._maybe_prepare_gen(pgq, prepare=prepare, binary=binary)
            return
        server.enter_pipeline_mode()
        if begins:
            server.send_query_params(connection._get_tx_start_command(), None)
        self._send_query_prepared(name, pgq, binary=binary)
        if self.commits:
            server.send_query_params(b"COMMIT", None)
        server.pipeline_sync()
        yield from generators.send(server)
        answers: list[list[PGresult]] = []
        while len(answers) < begins + 1 + self.commits + 1:  # the last one says that there are no more
            answers.append((yield from generators.fetch_many(server)))
        server.exit_pipeline_mode()
        connection._prepared.maybe_add_to_cache(pgq, known, name)
        for answer in answers[:-1]:
            self._check_results(answer)
        self._set_results(answers[begins])
