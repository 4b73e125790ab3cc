"""The calendar as rows and bars: where on a day's axis something lies, in which lane, and how it reads. Rows in, shapes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.urls import reverse

from backoffice.bookings.admin.words import TONES, period, power
from backoffice.bookings.conflicts import KINDS, Conflict
from backoffice.bookings.models import Block, Booking, Claim
from backoffice.bookings.rules.days import Axis
from backoffice.console.cells import TONES as STATUSES
from backoffice.console.cells import masked, word
from backoffice.sessions.models import Session

LINES = 3
"""Bookings that are told one by one in a day of the week; of the others, how many."""


@dataclass(slots=True)
class Bar:
    """Percent of the day; `lead`, `tail`: the buffers before and after, `lane`: from 0."""

    left: float
    width: float
    tone: str
    icon: str
    text: str
    title: str
    url: str = ""
    lead: tuple[float, float] | None = None
    tail: tuple[float, float] | None = None
    kind: str = "booking"
    lane: int = 0
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    conflict: bool = False


@dataclass(slots=True)
class Cell:
    """A day of a row in the week."""

    day: str
    url: str
    number: int = 0
    waiting: int = 0
    conflicts: int = 0
    lines: list[Bar] = field(default_factory=list)
    strip: str = ""

    @property
    def more(self) -> int:
        return self.number - len(self.lines)


@dataclass(slots=True)
class Row:
    """An EVSE, or spaces of which any will do."""

    label: str
    sub: str = ""
    url: str = ""
    status: str = ""
    block: str = ""
    bookings: list[Booking] = field(default_factory=list)
    openings: Sequence[tuple[datetime, datetime]] = ()
    blocks: list[Block] = field(default_factory=list)
    waiting: list[Claim] = field(default_factory=list)
    sessions: Sequence[Session] = ()
    bars: list[Bar] = field(default_factory=list)
    open: list[tuple[float, float]] = field(default_factory=list)
    lanes: int = 1
    cells: list[Cell] = field(default_factory=list)

    @property
    def tone(self) -> tuple[str, str]:
        return STATUSES.get(self.status, ("off", "circle"))


def draw_day(row: Row, axis: Axis, found: Mapping[int, list[Conflict]], uids: Mapping[int, Sequence[str]]) -> None:
    """Fill the row's bars."""
    row.open = [_part(axis, start, end) for start, end in row.openings if axis.meets(start, end)]
    bars = [_session(each, axis) for each in row.sessions if axis.meets(each.starts_at, each.ends_at or axis.ends_at)]
    bars += [_block(each, axis) for each in row.blocks if axis.meets(each.starts_at, each.ends_at)]
    bars += [
        _booking(each, axis, found.get(each.pk, ()), uids.get(each.pk, ()))
        for each in row.bookings
        if axis.meets(each.starts_at, each.ends_at)
    ]
    bars += [_waiting(each, axis) for each in row.waiting if axis.meets(each.period.lower, each.period.upper)]
    row.bars = sorted(bars, key=lambda bar: (bar.left, bar.kind, bar.width))
    row.lanes = _lay(row.bars)


def _part(axis: Axis, start: datetime, end: datetime) -> tuple[float, float]:
    left = axis.share(start)
    return left, round(axis.share(end) - left, 3)


def _booking(row: Booking, axis: Axis, wrong: Sequence[Conflict], uids: Sequence[str]) -> Bar:
    left, width = _part(axis, row.starts_at, row.ends_at)
    tone, icon = TONES.get(row.status, ("off", "circle"))
    says = word(row.status)
    if row.status == "RESERVED" and row.request_status == "PENDING":
        says += ", a request waits"
    elif row.status == "RESERVED" and row.request_status in ("DECLINED", "FAILED"):
        says += f", last request {row.request_status.lower()}"
    when = period(row.starts_at, row.ends_at, axis.zone)
    text = f"{when} {says} {row.emsp}"
    told = [text, ", ".join(map(masked, uids)), power(row.power) if row.power else ""]
    told += [KINDS[each.kind][0] for each in wrong]
    held = row.status in ("PENDING", "RESERVED")
    return Bar(
        left,
        width,
        "bad" if wrong else tone,
        "warning" if wrong else icon,
        text,
        " · ".join(filter(None, told)),
        reverse("admin:bookings_booking_change", args=[row.pk]),
        _part(axis, row.early_from, row.starts_at) if held and row.early_from < row.starts_at else None,
        _part(axis, row.ends_at, row.late_until) if held and row.late_until > row.ends_at else None,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        conflict=bool(wrong),
    )


def _waiting(claim: Claim, axis: Axis) -> Bar:
    left, width = _part(axis, claim.period.lower, claim.period.upper)
    text = f"{period(claim.period.lower, claim.period.upper, axis.zone)} Asked to be moved here"
    url = reverse("admin:bookings_booking_change", args=[claim.booking_id])
    return Bar(left, width, "warn", "hourglass_top", text, f"{text} · {claim.booking}", url, kind="change")


def _block(row: Block, axis: Axis) -> Bar:
    left, width = _part(axis, row.starts_at, row.ends_at)
    text = f"{period(row.starts_at, row.ends_at, axis.zone)} Blocked: {row.reason}"
    url = (
        reverse("admin:bookings_bookablelocation_change", args=[row.resource.place_id]) if row.resource.place_id else ""
    )
    return Bar(left, width, "off", "block", text, text, url, kind="block")


def _session(row: Session, axis: Axis) -> Bar:
    end = row.ends_at or axis.ends_at
    left, width = _part(axis, row.starts_at, end)
    live = row.ends_at is None
    says = "Charging now" if live else "Charged"
    text = (
        f"{says}, since {row.starts_at.astimezone(axis.zone):%H:%M}"
        if live
        else f"{period(row.starts_at, end, axis.zone)} {says}"
    )
    url = reverse("admin:charging_sessions_session_change", args=[row.pk])
    return Bar(left, width, "good" if live else "off", "bolt", text, f"{text} · {row.object_id}", url, kind="session")


def _lay(bars: Sequence[Bar]) -> int:
    """Bars that overlap lie below each other; a session below the bookings, for it overlaps the one that it fulfils.
    Returns how many lanes."""
    ends: list[float] = []
    for kinds in (("booking", "block", "change"), ("session",)):
        first = len(ends)
        for bar in bars:
            if bar.kind not in kinds:
                continue
            lane = next((n for n in range(first, len(ends)) if ends[n] <= bar.left + 0.001), None)
            if lane is None:
                ends.append(0.0)
                lane = len(ends) - 1
            bar.lane = lane
            ends[lane] = bar.left + max(bar.width, 0.6)
    return max(len(ends), 1)


# --- the week ---------------------------------------------------------------------------------------------------------

COLOURS = {"booking": "--rb-booked", "block": "--rb-block", "change": "--rb-wait"}


def draw_week(row: Row, axes: Sequence[Axis], found: Mapping[int, list[Conflict]], link: Sequence[str]) -> None:
    """Fill the row's cells, one for each day."""
    for axis, url in zip(axes, link, strict=True):
        own = [each for each in row.bookings if axis.meets(each.starts_at, each.ends_at)]
        cell = Cell(f"{axis.day:%a %d %b}", url, len(own))
        cell.waiting = sum(1 for each in own if "PENDING" in (each.status, each.request_status))
        cell.conflicts = sum(1 for each in own if each.pk in found)
        urgent = sorted(own, key=lambda each: (each.pk not in found, each.status != "PENDING", each.starts_at))
        shown = urgent[:LINES] if len(own) > LINES else own
        cell.lines = [
            _booking(each, axis, found.get(each.pk, ()), ()) for each in sorted(shown, key=lambda each: each.starts_at)
        ]
        parts = [("--rb-open", *_part(axis, start, end)) for start, end in row.openings if axis.meets(start, end)]
        parts += [("--rb-booked", *_part(axis, each.starts_at, each.ends_at)) for each in own]
        parts += [
            ("--rb-block", *_part(axis, each.starts_at, each.ends_at))
            for each in row.blocks
            if axis.meets(each.starts_at, each.ends_at)
        ]
        cell.strip = _gradients(parts)
        row.cells.append(cell)


def _gradients(parts: Sequence[tuple[str, float, float]]) -> str:
    """What is drawn last lies on top."""
    shapes = [
        f"linear-gradient(var({colour}),var({colour})) {_at(left, width)} 0/{width:g}% 100% no-repeat"
        for colour, left, width in reversed(parts)
        if width > 0
    ]
    return ",".join(shapes)


def _at(left: float, width: float) -> str:
    """`background-position` counts what is left over: at 100 % the right edges meet."""
    return f"{left / (100 - width) * 100:.2f}%" if width < 100 else "0"


def minutes(length: timedelta) -> int:
    return int(length.total_seconds() // 60)
