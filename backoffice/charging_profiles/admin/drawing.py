"""The chart of a steered session: what was requested, what is active, and what the meter said, in one unit over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from backoffice.charging_profiles.rules.curves import Curve, Step, instant, moment, sequence
from backoffice.charging_profiles.rules.plugs import Plug, tenths
from ocpi.wire.charging_profiles import ChargingRateUnit

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 260, 52, 748, 14, 216
ROWS = 60
"""Lines of the table: the moments at which something changes, of more the later ones."""

W = ChargingRateUnit.W


@dataclass(frozen=True, slots=True)
class Measured:
    """What flowed from then on, in kW; None: not known."""

    at: datetime
    kw: Decimal | None


@dataclass(frozen=True, slots=True)
class Line:
    """`points`: of polylines, for where a line says nothing it is broken."""

    name: str
    style: str
    points: list[str]


@dataclass(frozen=True, slots=True)
class Drawing:
    """As the template needs it. `now`: where the present is. `rows`: the same as a table."""

    lines: list[Line]
    x_ticks: list[tuple[str, str]]
    y_ticks: list[tuple[str, str]]
    now: str
    unit: str
    names: list[str]
    rows: list[tuple[str, list[str]]]
    summary: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP
    bottom: int = BOTTOM


SHORT = 10 * 60_000_000
"""Microseconds of a charge whose hours need their seconds, or they would all read alike."""


@dataclass(frozen=True, slots=True)
class Said:
    """One line before it is drawn."""

    name: str
    style: str
    curve: Curve


def draw(
    said: Sequence[Said],
    measured: Sequence[Measured],
    *,
    plug: Plug,
    unit: ChargingRateUnit,
    begins: datetime,
    ends: datetime,
    now: datetime,
    zone: tzinfo,
) -> Drawing:
    """From `begins` to `ends`. kW where the unit is W, for nobody reads 22080."""
    begin, end = instant(begins), max(instant(ends), instant(begins) + 60_000_000)
    scale = 1000 if unit is W else 1
    meter = _meter(measured, plug, unit, end)
    curves = [*said, Said("metered", "rp-metered", meter)] if meter.steps else list(said)
    tops = [step.limit for each in curves for step in each.curve.steps if step.limit is not None]
    most = plug.most(unit)
    highest = _ceiling(max([*tops, *([Fraction(most)] if most is not None else []), Fraction(scale)]) / scale)

    def across(at: int) -> float:
        return LEFT + (RIGHT - LEFT) * ((at - begin) / (end - begin))

    def up(value: Fraction) -> float:
        share = min(max(value / scale / highest, Fraction(0)), Fraction(1))
        return BOTTOM - (BOTTOM - TOP) * float(share)

    def polylines(drawn: Curve) -> list[str]:
        found: list[list[str]] = [[]]
        steps = drawn.within(begin, end).steps
        for step, until in zip(steps, [*(each.at for each in steps[1:]), end], strict=True):
            if step.limit is None:
                found.append([])
                continue
            found[-1] += [f"{across(at):.1f},{up(step.limit):.1f}" for at in (step.at, until)]
        return [" ".join(points) for points in found if points]

    lines = [Line(each.name, each.style, polylines(each.curve)) for each in curves]
    if most is not None:
        y = f"{up(Fraction(most)):.1f}"
        lines.insert(0, Line("the most that the EVSE gives", "rp-most", [f"{LEFT},{y} {RIGHT},{y}"]))
    moments = sorted(
        {begin, *(step.at for each in curves for step in each.curve.within(begin, end).steps)}
        | _present(begin, end, now)
    )
    ticks = [begin + (end - begin) * part // 4 for part in range(5)]
    present = instant(now)
    return Drawing(
        lines=[line for line in lines if line.points],
        x_ticks=[(f"{across(at):.1f}", _clock(at, zone, seconds=end - begin < SHORT)) for at in ticks],
        y_ticks=[(f"{up(highest * scale * part / 4):.1f}", _figure(highest * part / 4)) for part in range(5)],
        now=f"{across(present):.1f}" if begin <= present <= end else "",
        unit="kW" if unit is W else "A",
        names=[each.name for each in curves],
        rows=[
            (_clock(at, zone, seconds=True), [_value(each.curve.at(at), scale) for each in curves])
            for at in moments[-ROWS:]
        ],
        summary=_summary(curves, present, scale, "kW" if unit is W else "A")
        if present <= end
        else "The charge is over.",
    )


def _present(begin: int, end: int, now: datetime) -> set[int]:
    return {instant(now)} if begin <= instant(now) <= end else set()


def _meter(measured: Sequence[Measured], plug: Plug, unit: ChargingRateUnit, end: int) -> Curve:
    """Each figure until the next one; the last is of then and not of later."""
    pieces: list[tuple[int, Curve]] = []
    for one, other in pairwise(measured):
        limit = plug.convert(one.kw * 1000, W, unit) if one.kw is not None else None
        pieces.append((instant(one.at), Curve((Step(instant(one.at), limit),) if limit is not None else ())))
        pieces.append((min(instant(other.at), end), Curve(())))
    return sequence(_last_of_each(pieces))


def _last_of_each(pieces: list[tuple[int, Curve]]) -> list[tuple[int, Curve]]:
    """Where one ends and the next begins at the same moment, the next."""
    found: dict[int, Curve] = {}
    for at, said in pieces:
        if said.steps or at not in found:
            found[at] = said
    return list(found.items())


def _value(limit: Fraction | None, scale: int) -> str:
    return "–" if limit is None else _figure(limit / scale)


def _figure(value: Fraction) -> str:
    return f"{tenths(value):f}"


def _clock(at: int, zone: tzinfo, *, seconds: bool = False) -> str:
    try:
        local = moment(at).astimezone(zone)
    except OverflowError:
        local = datetime.max.replace(tzinfo=UTC)
    return f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"


def _summary(curves: Sequence[Said], present: int, scale: int, unit: str) -> str:
    told = [f"{each.name} {_value(each.curve.at(present), scale)} {unit}" for each in curves]
    return (
        ("At this moment: " + ", ".join(told) + ".").replace(f"– {unit}", "none") if told else "Nothing was set so far."
    )


def _ceiling(value: Fraction) -> Fraction:
    """The next of 1, 2, 4, 8, 10, 20, 40 ... that holds the value."""
    size = Fraction(1)
    while size < 10**12:
        for step in (1, 2, 4, 8):
            if value <= size * step:
                return size * step
        size *= 10
    return value


def window(begins: datetime, ended: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """What is shown: the whole charge, and of one that goes on the next hour; of a very long one the last day."""
    ends = ended if ended is not None else now + timedelta(hours=1)
    return max(begins, ends - timedelta(hours=25)), ends
