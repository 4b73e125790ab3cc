"""The statuses of EVSEs over the last days, as rows of segments for a drawing and as the figures of its table twin."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from django.db.models import Q

from backoffice.console.cells import TONES
from backoffice.locations.models import Evse, StatusEvent

SPANS: dict[str, str] = {"1": "24 hours", "7": "7 days", "30": "30 days"}
"""What a timeline may cover, in days."""

TICKS = {1: timedelta(hours=4), 7: timedelta(days=1), 30: timedelta(days=5)}
WIDTH = 900.0
"""Of the drawing, in its own units; the page scales it."""

ROW = 26
MOST_EVENTS = 5_000


@dataclass(slots=True)
class Segment:
    x: float
    width: float
    status: str
    start: datetime
    end: datetime

    @property
    def tone(self) -> str:
        return TONES.get(self.status, ("off", ""))[0]


@dataclass(slots=True)
class Row:
    """One EVSE: its segments, oldest first, and the hours in each status."""

    name: str
    y: int
    segments: list[Segment] = field(default_factory=list)
    hours: dict[str, float] = field(default_factory=dict)
    changes: int = 0

    @property
    def shares(self) -> list[tuple[str, float, float]]:
        """Status, hours, percent of the known time; longest first."""
        total = sum(self.hours.values()) or 1
        return [(s, h, h / total * 100) for s, h in sorted(self.hours.items(), key=lambda item: -item[1])]


@dataclass(slots=True)
class Timeline:
    rows: list[Row]
    start: datetime
    end: datetime
    ticks: list[tuple[float, str]]
    days: int

    @property
    def height(self) -> int:
        return ROW * len(self.rows) + 20

    @property
    def summary(self) -> str:
        """One sentence that says what the drawing shows."""
        known = sum(sum(row.hours.values()) for row in self.rows)
        if not known:
            return "No status is known for this time."
        usable = sum(row.hours.get(s, 0.0) for row in self.rows for s in ("AVAILABLE", "CHARGING", "RESERVED"))
        changes = sum(row.changes for row in self.rows)
        share = f"{usable / known * 100:.1f} %"
        return f"Usable {share} of the known time, with {changes} changes of status in {SPANS[str(self.days)]}."


def read(evses: Iterable[Evse], *, now: datetime, zone: tzinfo = UTC, days: int | None = None) -> Timeline:
    """Two queries. Before its first known change an EVSE has the status that the change came from.

    `days` None: the shortest span that shows everything that is known. `zone`: of the times along the axis.
    """
    evses = list(evses)
    oldest = now - timedelta(days=max(TICKS))
    events: dict[int, list[Any]] = {}
    found = StatusEvent.objects.filter(Q(evse__in=[evse.pk for evse in evses]), at__gt=oldest).order_by("-at", "-id")
    for evse, at, status, previous in found.values_list("evse_id", "at", "status", "previous")[:MOST_EVENTS]:
        events.setdefault(evse, []).append((at, status, previous))
    if days is None:
        firsts = [events[evse.pk][-1][0] if evse.pk in events else evse.status_since for evse in evses]
        known = max((now - first for first in firsts), default=timedelta())
        days = next((span for span in TICKS if known <= timedelta(days=span)), max(TICKS))
    start = now - timedelta(days=days)
    rows = [_row(evse, index, list(reversed(events.get(evse.pk, []))), start, now) for index, evse in enumerate(evses)]
    step = TICKS[days]
    moments = [start + step * n for n in range(int((now - start) / step) + 1)]
    words = "%H:%M" if days == 1 else "%d %b"
    ticks = [(_x(at, start, now), at.astimezone(zone).strftime(words)) for at in moments]
    return Timeline(rows, start, now, ticks, days)


def _x(moment: datetime, start: datetime, end: datetime) -> float:
    return round((moment - start) / (end - start) * WIDTH, 2)


def _row(evse: Evse, index: int, events: list[Any], start: datetime, end: datetime) -> Row:
    inside = [event for event in events if event[0] > start]
    before = [event for event in events if event[0] <= start]
    row = Row(name=str(evse), y=index * ROW, changes=len(inside))
    status = before[-1][1] if before else inside[0][2] if inside else evse.status
    begin = start if events or evse.status_since <= start else evse.status_since
    for at, following, _ in [*inside, (end, "", "")]:
        if status and at > begin:
            x = _x(begin, start, end)
            row.segments.append(Segment(x, max(round(_x(at, start, end) - x, 2), 0.5), status, begin, at))
            row.hours[status] = row.hours.get(status, 0.0) + (at - begin).total_seconds() / 3600
        status, begin = following, max(at, begin)
    return row
