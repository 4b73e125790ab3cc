"""A day by the clock of a location: where its hours lie, and what somebody means who types a time of it.

A day has 23, 24 or 25 hours. An hour that comes twice is two columns; a time that never is shown by any clock is refused; of one
that is shown twice somebody has to say which.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

FIRST, LAST = date(2000, 1, 1), date(2100, 1, 1)
"""No calendar is drawn beyond; no zone is known for longer."""

HOUR = timedelta(hours=1)


class NoSuchTime(ValueError):
    """The sentence says what is wrong. `twice`: the clock shows it twice."""

    def __init__(self, sentence: str, *, twice: bool = False) -> None:
        super().__init__(sentence)
        self.twice = twice


@dataclass(frozen=True, slots=True)
class Tick:
    """An hour of a day. `share`: where it begins, in percent of the day. `again`: the clock shows it for the second time."""

    at: datetime
    share: float
    label: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """A day from midnight to midnight; the times are UTC."""

    day: date
    zone: ZoneInfo
    starts_at: datetime
    ends_at: datetime

    @property
    def hours(self) -> float:
        return (self.ends_at - self.starts_at) / HOUR

    def share(self, moment: datetime) -> float:
        """Where a moment lies, in percent; what lies outside, at its edge."""
        part = (moment - self.starts_at) / (self.ends_at - self.starts_at)
        return round(min(max(part, 0.0), 1.0) * 100, 3)

    def meets(self, starts_at: datetime, ends_at: datetime) -> bool:
        return starts_at < self.ends_at and ends_at > self.starts_at

    def ticks(self) -> list[Tick]:
        moments = []
        at = self.starts_at
        while at < self.ends_at:
            moments.append(at)
            at += HOUR
        labels = [f"{moment.astimezone(self.zone):%H:%M}" for moment in moments]
        seen: Counter[str] = Counter()
        found = []
        for moment, label in zip(moments, labels, strict=True):
            seen[label] += 1
            twice = labels.count(label) > 1
            text = f"{label} {moment.astimezone(self.zone):%z}" if twice else label
            found.append(Tick(moment, self.share(moment), text, seen[label] > 1))
        return found

    @property
    def note(self) -> str:
        """What there is to say about a day that is not like others."""
        if self.hours == 24:
            return ""
        what = "put back" if self.hours > 24 else "put forward"
        return f"This day has {self.hours:g} hours there: the clocks are {what}."


def axis(day: date, zone: ZoneInfo) -> Axis:
    return Axis(day, zone, midnight(day, zone), midnight(day + timedelta(days=1), zone))


def midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def week_of(day: date) -> list[date]:
    """From Monday to Sunday."""
    monday = day - timedelta(days=day.weekday())
    return [monday + timedelta(days=number) for number in range(7)]


def day_of(text: str) -> date | None:
    """What is no day, or one that no calendar is drawn for, is none."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if FIRST <= found <= LAST else None


def moment_of(text: str, zone: ZoneInfo, *, second: bool = False) -> datetime:
    """The moment that somebody means who writes it by that clock, in UTC. Raises NoSuchTime. `second`: of a time that the clock
    shows twice, the later one."""
    try:
        local = datetime.fromisoformat(text.strip())
    except ValueError:
        raise NoSuchTime("Enter a day and a time.") from None
    if local.tzinfo is not None:
        local = local.astimezone(zone).replace(tzinfo=None)
    if not FIRST <= local.date() <= LAST:
        raise NoSuchTime("No calendar goes so far.")
    first, last = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first.astimezone(zone).replace(tzinfo=None) != local:
        raise NoSuchTime(f"There is no {local:%H:%M} on that day there: the clocks are put forward.")
    if first != last and not second:
        raise NoSuchTime(f"{local:%H:%M} comes twice on that day there: say which.", twice=True)
    return last if second else first
