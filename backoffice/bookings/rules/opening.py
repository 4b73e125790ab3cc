"""When a place is open: so many days of the week, from then till then by the clock of the location."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from backoffice.bookings.rules.slots import Period, merged

MOST_DAYS = 400


def hours(
    first: date, last: date, *, weekdays: Collection[int], opens: time, closes: time, zone: ZoneInfo
) -> list[Period]:
    """In UTC, in order. Who closes before he opens closes on the next day; who closes when he opens is open all day. Days that
    follow each other without a pause are one stretch."""
    found = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        if day.weekday() not in weekdays:
            continue
        end = day if closes > opens else day + timedelta(days=1)
        starts_at, ends_at = (
            datetime.combine(on, at, zone).astimezone(UTC) for on, at in ((day, opens), (end, closes))
        )
        if starts_at < ends_at:
            found.append((starts_at, ends_at))
    return merged(found)
