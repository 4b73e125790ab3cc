"""What real-time authorisation asks of a location that a partner names: its country, and which EVSEs it has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from backoffice import statements

_READ = """
SELECT d.party_id, d.country, ARRAY(SELECT upper(e.uid)::varchar FROM locations_evse e WHERE e.location_id = d.id AND e.listed)
FROM locations_location d WHERE d.party_id = ANY(%s) AND upper(d.object_id) = upper(%s)
"""

Found = tuple[str, frozenset[str]]


def place(operators: Sequence[int], location_id: str) -> Callable[[], Found | None]:
    """Of the first of these parties (row ids) that has told us of it, to be called once the next statement was run: the country
    and the EVSEs in upper case. The documents are not read: a location may have hundreds of EVSEs."""
    rows = statements.soon(_READ, [list(operators), location_id])

    def found() -> Found | None:
        read: list[Any] = rows()
        if not read:
            return None
        _, country, evses = read[0] if len(read) == 1 else min(read, key=lambda row: operators.index(row[0]))
        return country, frozenset(evses)

    return found
