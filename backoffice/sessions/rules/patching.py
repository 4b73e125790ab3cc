"""What a PATCH makes of the charging periods of a session (mod_sessions#patch_method, T-272).

It only adds. A period that comes again with what is known is a repeat, as when an answer was lost on its way; one that comes
again with something else takes the place of the known one, and that is noted: OCPI wants a PUT for it (T-274).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ocpi.wire.cdrs import ChargingPeriod

Tree = dict[str, Any]


def settled(trees: Sequence[Tree], periods: Sequence[ChargingPeriod]) -> tuple[list[Tree], list[datetime]]:
    """The periods after a PATCH, each start once, and the starts whose period was replaced. `trees` and `periods` are the same
    list, the known ones before those that came."""
    places: dict[datetime, int] = {}
    kept: list[Tree] = []
    values: list[ChargingPeriod] = []
    replaced: list[datetime] = []
    for tree, period in zip(trees, periods, strict=True):
        at = places.get(period.start_date_time)
        if at is None:
            places[period.start_date_time] = len(kept)
            kept.append(tree)
            values.append(period)
        elif values[at] != period:
            kept[at], values[at] = tree, period
            replaced.append(period.start_date_time)
    return kept, replaced
