"""What real-time authorisation asks of a location that a partner names: its country, and which EVSEs it has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from backoffice import statements

_READ = """
SELECT d.country, ARRAY(SELECT upper(e.uid)::varchar FROM locations_evse e WHERE e.location_id = d.id AND e.listed)
FROM locations_location d WHERE d.party_id = ANY(%s) AND upper(d.object_id) = upper(%s)
ORDER BY array_position(%s::bigint[], d.party_id) LIMIT 1
"""

Found = tuple[str, frozenset[str]]


def place(operators: Sequence[int], location_id: str) -> Callable[[], Found | None]:
    """Of the first of these parties (row ids) that has told us of it, to be called once the next statement was run: the country
    and the EVSEs in upper case. The documents are not read: a location may have hundreds of EVSEs."""
    parties = list(operators)
    rows = statements.soon(_READ, [parties, location_id, parties])

    def found() -> Found | None:
        read: list[Any] = rows()
        return (read[0][0], frozenset(read[0][1])) if read else None

    return found
