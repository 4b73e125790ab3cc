"""Tables filled in SQL, for measurements that need a million rows: what a pull would have left, without the pull."""

from __future__ import annotations

from typing import Any


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
