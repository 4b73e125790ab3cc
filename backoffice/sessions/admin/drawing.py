"""The chart of a session: power, energy and state of charge over time, above bands for its charging periods.

Of ours it draws what the meter said; of a partner's, what the charging periods tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import pairwise

from backoffice.console.cells import lasting
from backoffice.sessions.rules.cost import last_power
from backoffice.sessions.rules.metering import Metered
from ocpi.wire.cdrs import CdrDimensionType, ChargingPeriod

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 240, 46, 700, 14, 196
MOST = 240
"""Points in one drawing; of more, every so manieth is drawn."""


@dataclass(frozen=True, slots=True)
class Point:
    """`kwh`: since the beginning."""

    at: datetime
    kwh: Decimal
    kw: Decimal | None
    soc: Decimal | None


@dataclass(frozen=True, slots=True)
class Band:
    """A charging period: where it is drawn, and which colour its tariff element has."""

    x: str
    width: str
    colour: int | None
    title: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """The chart as the template needs it. `rows`: the same as a table."""

    power: str
    energy: str
    soc: str
    bands: list[Band]
    x_ticks: list[tuple[str, str]]
    kw_ticks: list[tuple[str, str]]
    kwh_ticks: list[tuple[str, str]]
    rows: list[tuple[str, str, str, str]]
    summary: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP
    bottom: int = BOTTOM


def of_readings(readings: Sequence[Metered]) -> list[Point]:
    """Power where the station told none is what flowed until the next reading."""
    if not readings:
        return []
    points = []
    for index, reading in enumerate(readings):
        power = reading.power
        if power is None and index + 1 < len(readings):
            power = _average(readings[index + 1].kwh - reading.kwh, readings[index + 1].at - reading.at)
        points.append(Point(reading.at, reading.kwh - readings[0].kwh, power, reading.soc))
    return points


def of_periods(periods: Sequence[ChargingPeriod], end: datetime | None) -> list[Point]:
    points, charged = [], Decimal(0)
    for period in sorted(periods, key=lambda each: each.start_date_time):
        told = {each.type: each.volume for each in period.dimensions}
        points.append(
            Point(period.start_date_time, charged, last_power([period]), told.get(CdrDimensionType.STATE_OF_CHARGE))
        )
        charged += told.get(CdrDimensionType.ENERGY, Decimal(0))
    if points and end is not None and end > points[-1].at:
        points.append(Point(end, charged, None, None))
    return points


def _average(kwh: Decimal, length: timedelta) -> Decimal:
    seconds = Decimal(length // timedelta(milliseconds=1)) / 1000
    return kwh * 3600 / seconds if seconds else Decimal(0)


def draw(
    points: Sequence[Point], periods: Sequence[ChargingPeriod], colours: Mapping[datetime, int], zone: tzinfo
) -> Drawing | None:
    """None when there is nothing to draw: one moment, or times that no charge has."""
    if len(points) < 2:
        return None
    begins, length = points[0].at, points[-1].at - points[0].at
    if not timedelta(seconds=1) <= length <= timedelta(days=60):
        return None
    every = -(-len(points) // MOST)
    drawn = [*points[:-1:every], points[-1]]
    most_kw = _ceiling(max((point.kw or Decimal(0) for point in points), default=Decimal(0)))
    most_kwh = _ceiling(max(point.kwh for point in points))

    def across(at: datetime) -> float:
        return LEFT + (RIGHT - LEFT) * ((at - begins) / length)

    def up(value: Decimal, most: Decimal) -> float:
        return BOTTOM - (BOTTOM - TOP) * float(min(max(value, Decimal(0)), most) / most)

    steps = []
    for one, other in pairwise(drawn):
        if one.kw is not None:
            steps += [f"{across(at):.1f},{up(one.kw, most_kw):.1f}" for at in (one.at, other.at)]
    told = [point for point in drawn if point.soc is not None]
    ticks = [begins + length * part / 4 for part in range(5)]
    clock = "%H:%M:%S" if length < timedelta(minutes=10) else "%H:%M" if length < timedelta(days=1) else "%d %b %H:%M"
    starts = [period.start_date_time for period in periods]
    ends = [*starts[1:], points[-1].at]
    bands = [
        Band(
            f"{across(start):.1f}",
            f"{max(across(end) - across(start), 1):.1f}",
            colours.get(start),
            f"{start.astimezone(zone).strftime(clock)} – {end.astimezone(zone).strftime(clock)}",
        )
        for start, end in zip(starts, ends, strict=True)
        if begins <= start <= end <= points[-1].at
    ]
    last = points[-1]
    return Drawing(
        power=" ".join(steps),
        energy=" ".join(f"{across(point.at):.1f},{up(point.kwh, most_kwh):.1f}" for point in drawn),
        soc=" ".join(f"{across(point.at):.1f},{up(point.soc or Decimal(0), Decimal(100)):.1f}" for point in told),
        bands=bands,
        x_ticks=[(f"{across(at):.1f}", at.astimezone(zone).strftime(clock)) for at in ticks],
        kw_ticks=[(f"{up(most_kw * part / 2, most_kw):.1f}", f"{most_kw * part / 2:f}") for part in range(3)],
        kwh_ticks=[(f"{up(most_kwh * part / 2, most_kwh):.1f}", f"{most_kwh * part / 2:f}") for part in range(3)],
        rows=[
            (
                f"{point.at.astimezone(zone):%H:%M:%S}",
                "–" if point.kw is None else f"{point.kw:.1f}",
                f"{point.kwh:.3f}",
                "–" if point.soc is None else f"{point.soc:.0f}",
            )
            for point in drawn
        ],
        summary=f"{last.kwh:.2f} kWh in {lasting(length.total_seconds())}, at most {most(points)} kW.",
    )


def most(points: Sequence[Point]) -> str:
    told = [point.kw for point in points if point.kw is not None]
    return f"{max(told):.1f}" if told else "an unknown number of"


def _ceiling(value: Decimal) -> Decimal:
    """The next of 1, 2, 4, 10, 20, 40, 100 ... that holds the value."""
    size = Decimal(1)
    while size < Decimal(10) ** 12:
        for step in (1, 2, 4):
            if value <= size * step:
                return size * step
        size *= 10
    return value
