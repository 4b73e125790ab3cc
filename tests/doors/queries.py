"""How many statements each door may cost: counted, and compared with `tests/query_counts.json`.

A count that changed is shown by the failing test. If it is meant, `QUERY_COUNTS=write` before the test's command line writes
the new figures into the file (one process, no -n).
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from django.db import connection as database
from django.test.utils import CaptureQueriesContext

_BASELINE = Path(__file__).resolve().parent.parent / "query_counts.json"
MOST = 12
"""No door may cost more, whatever it does (SAVEPOINTs of the tests' own transaction aside)."""


def check(name: str, counted: Counted, *, most: int = MOST) -> None:
    """Compare with the file; a count that is not in it fails, too. `most`: of a door that says why it may cost more."""
    counts: dict[str, int] = json.loads(_BASELINE.read_text())
    if os.environ.get("QUERY_COUNTS") == "write":
        counts[name] = counted.number
        _BASELINE.write_text(json.dumps(counts, indent=2, sort_keys=True) + "\n")
    assert counted.number == counts.get(name), f"{name}: {counted.number} statements: {counted.statements}"
    assert counted.number <= most, name


class Counted:
    """`with Counted() as counted: ...` then `counted.number` and, for a failure's message, `counted.statements`."""

    def __enter__(self) -> Counted:
        self._captured = CaptureQueriesContext(database)
        self._captured.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._captured.__exit__(None, None, None)

    @property
    def statements(self) -> list[str]:
        """Without transaction control: a test runs inside a transaction, where BEGIN becomes SAVEPOINT."""
        control = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT")
        return [query["sql"] for query in self._captured.captured_queries if not query["sql"].startswith(control)]

    @property
    def number(self) -> int:
        return len(self.statements)
