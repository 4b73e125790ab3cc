"""Tables filled in SQL, for measurements that need a million rows: what a pull would have left, without the pull."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def without_indexes(cursor: Any, tables: tuple[str, ...]) -> Iterator[None]:
    """Take away all indexes but those of constraints, and make them again in the end: sorted at once they cost a part of it."""
    cursor.execute(
        """SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index i
           WHERE indrelid::regclass::text = ANY(%s) AND NOT indisunique
             AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = i.indexrelid)""",
        [list(tables)],
    )
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    yield
    cursor.execute("SET maintenance_work_mem = '512MB'")
    for _, definition in indexes:
        cursor.execute(definition)


def fill(cursor: Any, table: str, rows: int, columns: dict[str, str], given: dict[str, Any]) -> None:
    """`rows` rows numbered `n`; columns that are not named and may not be null are empty in the way of their type."""
    cursor.execute(
        """SELECT column_name, data_type FROM information_schema.columns
           WHERE table_name = %s AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'""",
        [table],
    )
    rest = {name: _EMPTY.get(kind, "''") for name, kind in cursor.fetchall() if name not in columns}
    every = columns | rest
    cursor.execute(
        f"""WITH who AS (
                SELECT (SELECT array_agg(id ORDER BY id) FROM partners_party WHERE NOT ours) AS them,
                    (SELECT array_agg(id ORDER BY id) FROM partners_connection) AS links)
            INSERT INTO {table} ({", ".join(every)})
            SELECT {", ".join(every.values())} FROM generate_series(1::bigint, {rows}) AS n, who""",
        given,
    )


_EMPTY = {
    "boolean": "false",
    "integer": "0",
    "bigint": "0",
    "numeric": "0",
    "double precision": "0",
    "timestamp with time zone": "now()",
    "ARRAY": "'{}'",
    "jsonb": "'[]'",
}
