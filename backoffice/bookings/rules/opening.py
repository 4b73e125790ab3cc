"""When a place is open: so many days of the week, from then till then by the clock of the location."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Weekly:
    """What `hours` was given."""

    first: date
    last: date
    weekdays: frozenset[int]
    opens: time
    closes: time


def weekly(stretches: Sequence[Period], zone: ZoneInfo) -> Weekly | None:
    """The days and hours that come to just these stretches; None when no days of the week with one time do."""
    found = merged(list(stretches))
    if not found:
        return None
    local = [(start.astimezone(zone), end.astimezone(zone)) for start, end in found]
    opens, closes = local[0][0].time(), local[0][1].time()
    overnight = timedelta(days=1) if closes <= opens else timedelta(0)
    days: set[date] = set()
    for start, end in local:
        last = end.date() - overnight
        days |= {start.date() + timedelta(days=n) for n in range((last - start.date()).days + 1)}
    guess = Weekly(min(days), max(days), frozenset(day.weekday() for day in days), opens, closes)
    again = hours(guess.first, guess.last, weekdays=guess.weekdays, opens=opens, closes=closes, zone=zone)
    return guess if again == found else None
