"""The statuses of EVSEs over the last days, as rows of segments for a drawing and as the figures of its table twin."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from backoffice.console.cells import TONES
from backoffice.locations.models import Evse, StatusEvent

DAYS = 30
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
    width: float = WIDTH

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
        return (
            f"Usable {usable / known * 100:.1f} % of the known time, with {changes} changes of status in {DAYS} days."
        )


def read(evses: Iterable[Evse], *, now: datetime) -> Timeline:
    """Two queries. Before its first known change an EVSE has the status that the change came from."""
    start = now - timedelta(days=DAYS)
    evses = list(evses)
    events: dict[int, list[Any]] = {}
    found = StatusEvent.objects.filter(Q(evse__in=[evse.pk for evse in evses]), at__gt=start).order_by("-at", "-id")
    for evse, at, status, previous in found.values_list("evse_id", "at", "status", "previous")[:MOST_EVENTS]:
        events.setdefault(evse, []).append((at, status, previous))
    rows = [_row(evse, index, list(reversed(events.get(evse.pk, []))), start, now) for index, evse in enumerate(evses)]
    days = [start + timedelta(days=n) for n in range(0, DAYS + 1, 5)]
    ticks = [(_x(day, start, now), f"{day:%d %b}") for day in days]
    return Timeline(rows, start, now, ticks)


def _x(moment: datetime, start: datetime, end: datetime) -> float:
    return round((moment - start) / (end - start) * WIDTH, 2)


def _row(evse: Evse, index: int, events: list[Any], start: datetime, end: datetime) -> Row:
    row = Row(name=str(evse), y=index * ROW, changes=len(events))
    status = events[0][2] if events else evse.status
    begin = start if events or evse.status_since <= start else evse.status_since
    for at, following, _ in [*events, (end, "", "")]:
        if status and at > begin:
            x = _x(begin, start, end)
            row.segments.append(Segment(x, max(round(_x(at, start, end) - x, 2), 0.5), status, begin, at))
            row.hours[status] = row.hours.get(status, 0.0) + (at - begin).total_seconds() / 3600
        status, begin = following, max(at, begin)
    return row
