"""What a view of the start page is asked for: who looks, when, over which range; what several panels need is read once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils.functional import cached_property

from backoffice.console.actions import counting
from backoffice.console.models import Counted
from backoffice.console.scope import parties_of, scoped
from backoffice.partners.models import Connection
from backoffice.partners.rules import ConnectionState

STALE_AFTER = timedelta(hours=24)
"""A partner's location that no push or pull told us of for so long says little about its EVSEs."""

LATE_AFTER = timedelta(hours=24)
"""A CDR that is missing, or not acknowledged, for so long is a matter for a person."""

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

RANGES = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "mtd": "Month to date"}


@dataclass(frozen=True, slots=True)
class Range:
    """What the charts cover, cut into steps that begin at full hours or days (UTC)."""

    key: str
    since: datetime
    step: timedelta
    until: datetime

    @property
    def daily(self) -> Range:
        """The same in days, for what is counted by the day; a range of hours stays as it is."""
        day = counting.midnight(self.since)
        return self if self.step in (HOUR, DAY) else Range(self.key, day, DAY, self.until)

    @property
    def starts(self) -> list[datetime]:
        return [self.since + self.step * n for n in range(int((self.until - self.since) / self.step) + 1)]

    @property
    def labels(self) -> list[str]:
        return [
            f"{each:%H:%M}" if self.step == HOUR else f"{each:%d %b %H:%M}" if self.step < DAY else f"{each:%d %b}"
            for each in self.starts
        ]

    @property
    def words(self) -> str:
        return "this month" if self.key == "mtd" else f"the last {RANGES[self.key]}"

    def spread(self, rows: Any) -> list[Any]:
        """Values by start of their step as a list, None where there is none."""
        known = dict(rows)
        return [known.get(start) for start in self.starts]


def range_of(key: str, *, now: datetime) -> Range:
    """An unknown key counts as the last 24 hours."""
    hour, day = counting.floor(now), counting.midnight(now)
    if key == "7d":
        step = 6 * HOUR
        return Range(key, day + (now - day) // step * step - 27 * step, step, now)
    if key == "30d":
        return Range(key, day - 29 * DAY, DAY, now)
    if key == "mtd":
        return Range(key, day.replace(day=1), DAY, now)
    return Range("24h", hour - 23 * HOUR, HOUR, now)


@dataclass
class Asked:
    """Who looks, when, at which range; what several panels need is read once."""

    user: Any
    now: datetime
    range: Range
    once: dict[str, Any] = field(default_factory=dict)
    """Rows by what they are, where several panels read the same."""

    @cached_property
    def parties(self) -> list[int] | None:
        return parties_of(self.user)

    @cached_property
    def connections(self) -> list[int]:
        """Ids of the connections that this user may see."""
        found = scoped(Connection.objects.exclude(state=ConnectionState.REMOVED), self.user, "our_parties")
        return list(found.order_by("pk").values_list("pk", flat=True))

    @cached_property
    def counted(self) -> dict[str, datetime]:
        return dict(Counted.objects.values_list("log", "until"))

    def live_from(self, log: str) -> tuple[datetime, str]:
        """From when on the log itself is read, which must not be long; and what to say when that leaves a gap."""
        until = self.counted.get(log)
        if until is None:  # never yet: a new platform, whose logs are short
            return counting.months_ago(self.now), ""
        latest = counting.midnight(self.now) - DAY if log == counting.CDRS else counting.floor(self.now) - 2 * HOUR
        if until >= latest:
            return until, ""
        return latest, f"No data since {until:%d %b %H:%M} UTC but of the last hours: the job that counts does not run."

    def given(self, **more: Any) -> dict[str, Any]:
        """Parameters that most statements want."""
        return {
            "since": self.range.since,
            "step": self.range.step,
            "now": self.now,
            "parties": self.parties,
            "connections": self.connections,
        } | more
