"""Schedules as sentences: read, written in one form, and the moments they mean.

A schedule names times of day in a zone, on all or some days. A time that summer time skips is the moment after the gap; one
that comes twice is the first. "Every so many minutes" keeps to the clock in UTC, so only divisors of an hour or a day are
taken: everybody can tell from the sentence when the next one is.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

DAY_MINUTES = 24 * 60
EVERYDAY: frozenset[int] = frozenset()
LAST = -1
"""Of `days`: the last day of the month."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ORDINALS = ("first", "second", "third", "fourth")
WORKING = frozenset(range(5))
MOST_TIMES = 12
STEPS = tuple(n for n in range(2, 31) if 60 % n == 0)
HOUR_STEPS = tuple(n for n in range(2, 13) if 24 % n == 0)

EXAMPLES = (
    "every 10 minutes",
    "every hour",
    "every day at 06:00",
    "every working day at 07:30 Europe/Berlin",
    "every Monday and Thursday at 08:00",
    "every month on the 1st at 06:00",
    "every month on the last day at 23:30",
    "every month on the first Monday at 09:00",
)


class UnableToRead(ValueError):
    """This is no schedule that we know; the sentence says what would be one."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """`times`: minutes of the day. `days` of the month (LAST: the last one) and `weekdays` (0: Monday); empty: all. Both given:
    both must hold."""

    times: frozenset[int]
    zone: str
    days: frozenset[int] = EVERYDAY
    weekdays: frozenset[int] = EVERYDAY

    def on(self, day: date) -> bool:
        if self.weekdays and day.weekday() not in self.weekdays:
            return False
        last = monthrange(day.year, day.month)[1]
        return not self.days or day.day in self.days or (LAST in self.days and day.day == last)

    def moments(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Every moment of it, later than `after` and no later than `until`, in UTC."""
        zone = ZoneInfo(self.zone)
        day, end = after.astimezone(zone).date() - timedelta(days=1), until.astimezone(zone).date()
        minutes = sorted(self.times)
        told = after
        while day <= end:
            if self.on(day):
                walls = (datetime.combine(day, time(*divmod(m, 60)), tzinfo=zone) for m in minutes)
                for moment in sorted(wall.astimezone(UTC) for wall in walls):
                    if told < moment <= until:
                        told = moment
                        yield moment
            day += timedelta(days=1)

    def next(self, after: datetime) -> datetime:
        """The first moment later than `after`."""
        return next(self.moments(after, after + timedelta(days=400)))

    @property
    def step(self) -> int | None:
        """Minutes from one time to the next, where that is the same all day long and every day."""
        if self.days or self.weekdays or self.zone != "UTC" or len(self.times) == 1:
            return None
        step = DAY_MINUTES // len(self.times)
        return step if self.times == frozenset(range(0, DAY_MINUTES, step)) else None

    def __str__(self) -> str:
        """The sentence that `read` takes for this very schedule."""
        step = self.step
        if step:
            count, unit = (step, "minute") if step < 60 else (step // 60, "hour")
            return f"every {unit}" if count == 1 else f"every {count} {unit}s"
        minutes = {each % 60 for each in self.times}
        if len(self.times) == 24 and len(minutes) == 1 and not (self.days or self.weekdays):
            return f"every hour at :{minutes.pop():02} {self.zone}"
        times = _listed([f"{m // 60:02}:{m % 60:02}" for m in sorted(self.times)])
        return f"every {self._days()} at {times} {self.zone}"

    def _days(self) -> str:
        if not self.days and not self.weekdays:
            return "day"
        if not self.days:
            return "working day" if self.weekdays == WORKING else _listed([WEEKDAYS[d] for d in sorted(self.weekdays)])
        if self.weekdays:
            return f"month on the {ORDINALS[(min(self.days) - 1) // 7]} {WEEKDAYS[min(self.weekdays)]}"
        named = [_ordinal(day) for day in sorted(self.days - {LAST})] + ["last day"] * (LAST in self.days)
        return f"month on the {_listed(named)}"


def read(sentence: str, *, zone: str = "UTC") -> Schedule:
    """`zone`: where the sentence names none. Raises UnableToRead."""
    text = " ".join(sentence.split())
    given, text = _zone_of(text)
    for pattern, make in _SENTENCES:
        found = pattern.fullmatch(text.lower())
        if found:
            return make(found, given or zone)
    raise UnableToRead(f"“{sentence.strip()}” is no schedule. Write it like one of these: {'; '.join(EXAMPLES)}.")


@cache
def zones() -> Mapping[str, str]:
    """The zones there are, by their names in small letters."""
    return {name.lower(): name for name in available_timezones()}


def _zone_of(text: str) -> tuple[str, str]:
    """The zone at the end of the sentence, if it ends in one, and the rest."""
    words = text.split(" ")
    last = words[-1].lower()
    if last in zones() and not re.fullmatch(r"[a-z]*day|minutes?|hours?|minute|hour", last):
        return zones()[last], " ".join(words[:-1])
    if "/" in words[-1]:
        raise UnableToRead(f"There is no time zone {words[-1]}. Zones are named like Europe/Berlin.")
    return "", text


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _ordinal(day: int) -> str:
    ending = "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def _times(text: str) -> frozenset[int]:
    found = frozenset(int(hour) * 60 + int(minute) for hour, minute in re.findall(r"(\d{1,2}):(\d\d)", text))
    if not found or any(each >= DAY_MINUTES for each in found) or re.search(r":[6-9]\d", text):
        raise UnableToRead(f"“{text}” is no time of day. Write times from 00:00 to 23:59, like 06:00.")
    if len(found) > MOST_TIMES:
        raise UnableToRead(f"At most {MOST_TIMES} times a day; for more, write “every 10 minutes”.")
    return found


def _weekdays(text: str) -> frozenset[int]:
    found = set()
    for word in re.findall(r"[a-z]+", text):
        if word not in ("and", "on", "every"):
            match = [
                n for n, name in enumerate(WEEKDAYS) if len(word) >= 2 and name.lower().startswith(word.rstrip("s"))
            ]
            if len(match) != 1:
                raise UnableToRead(f"“{word}” is no day of the week.")
            found.add(match[0])
    return frozenset(found)


def _minutes(found: re.Match[str], zone: str) -> Schedule:
    count = int(found[1] or 1)
    if count != 1 and count not in STEPS:
        raise UnableToRead(
            f"Every {count} minutes does not divide an hour evenly. Choose one of {', '.join(map(str, STEPS))}."
        )
    return Schedule(frozenset(range(0, DAY_MINUTES, count)), "UTC")


def _hours(found: re.Match[str], zone: str) -> Schedule:
    count = int(found[1] or 1)
    if count != 1 and count not in HOUR_STEPS:
        raise UnableToRead(
            f"Every {count} hours does not divide a day evenly. Choose one of {', '.join(map(str, HOUR_STEPS))}."
        )
    return Schedule(frozenset(range(0, DAY_MINUTES, count * 60)), "UTC")


def _hourly(found: re.Match[str], zone: str) -> Schedule:
    minute = int(found[1])
    if minute > 59:
        raise UnableToRead(f"An hour has no minute {minute}.")
    return Schedule(frozenset(range(minute, DAY_MINUTES, 60)), zone if minute else "UTC")


def _daily(found: re.Match[str], zone: str) -> Schedule:
    return Schedule(_times(found[2]), zone, weekdays=WORKING if found[1] else EVERYDAY)


def _weekly(found: re.Match[str], zone: str) -> Schedule:
    return Schedule(_times(found[2]), zone, weekdays=_weekdays(found[1]))


def _monthly(found: re.Match[str], zone: str) -> Schedule:
    days: set[int] = {LAST} if "last" in found[1] else set()
    days |= {int(each) for each in re.findall(r"\d+", found[1])}
    if not days or max(days) > 31 or 0 in days:
        raise UnableToRead("A month has days from the 1st to the 31st.")
    if days <= {29, 30, 31}:
        raise UnableToRead("Not every month has such a day: write “every month on the last day”.")
    return Schedule(_times(found[2]), zone, days=frozenset(days))


def _monthly_weekday(found: re.Match[str], zone: str) -> Schedule:
    first = ORDINALS.index(found[1]) * 7 + 1
    return Schedule(_times(found[3]), zone, days=frozenset(range(first, first + 7)), weekdays=_weekdays(found[2]))


_TIMES = r"(\d{1,2}:\d\d(?:(?:,| and|, and) ?\d{1,2}:\d\d)*)"
_NTH = r"(?:the )?(?:\d{1,2}(?:st|nd|rd|th)?|last(?: day)?)"
_SENTENCES = tuple(
    (re.compile(pattern, re.ASCII), make)
    for pattern, make in (
        (r"every (?:(\d{1,4}) )?minutes?", _minutes),
        (r"every (?:(\d{1,4}) )?hours?|hourly", _hours),
        (r"every hour at :?(\d\d)", _hourly),
        (rf"(?:every ((?:working|week) ?)?day|daily) at {_TIMES}", _daily),
        (rf"every month on (?:the )?({'|'.join(ORDINALS)}) ([a-z]+day) at {_TIMES}", _monthly_weekday),
        (rf"(?:every month|monthly) on ({_NTH}(?:(?:,| and|, and) {_NTH})*) at {_TIMES}", _monthly),
        (rf"(?:every|weekly on|every week on) ([a-z]+(?:(?:,| and|, and) [a-z]+)*) at {_TIMES}", _weekly),
    )
)
