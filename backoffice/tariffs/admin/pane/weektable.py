"""Which element prices when, over a week, as the cells of a table."""

from __future__ import annotations

from dataclasses import dataclass

from backoffice.tariffs.rules.exact import plain
from backoffice.tariffs.rules.week import Week
from ocpi.wire.tariffs import TariffDimensionType

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Cell:
    """A part of a day in the week's table: how many columns, which element, at what price."""

    span: int
    element: int | None
    text: str
    hours: str

    @property
    def tone(self) -> str:
        return "none" if self.element is None else str(self.element % 8)

    @property
    def card(self) -> str:
        return "" if self.element is None else f"f-elements-{self.element}"


@dataclass(frozen=True, slots=True)
class WeekTable:
    """One dimension over a week. `columns`: of half an hour or finer, so that each boundary is at the edge of one."""

    name: str
    unit: str
    varies: bool
    columns: int
    hours: list[tuple[str, int]]
    days: list[tuple[str, list[Cell]]]
    single: str


UNITS = {
    TariffDimensionType.ENERGY: "kWh",
    TariffDimensionType.TIME: "hour of charging",
    TariffDimensionType.PARKING_TIME: "hour without charging",
}


def table(week: Week, currency: str) -> WeekTable:
    edges = {edge for day in week.days for each in day for edge in (each.start, each.end)}
    width = next((minutes for minutes in (30, 15, 5) if all(edge % minutes == 0 for edge in edges)), 5)
    days = []
    for name, day in zip(DAYS, week.days, strict=True):
        cells = []
        for each in day:
            span = each.end // width - each.start // width
            if not span:
                continue
            component = each.component
            price = f"{plain(component.wire.price)}" if component else "free"
            hours = f"{_clock(each.start)} to {_clock(each.end)}"
            cells.append(Cell(span, component.element if component else None, price, hours))
        days.append((name, cells))
    single = week.components[0]
    return WeekTable(
        name=week.dimension.value.replace("_", " ").capitalize(),
        unit=f"{currency} per {UNITS[week.dimension]}",
        varies=week.varies,
        columns=24 * 60 // width,
        hours=[(f"{hour:02d}", 180 // width) for hour in range(0, 24, 3)],
        days=days,
        single=f"element {single.element + 1}, {plain(single.wire.price)} {currency} per {UNITS[week.dimension]}"
        if single
        else "free",
    )


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
