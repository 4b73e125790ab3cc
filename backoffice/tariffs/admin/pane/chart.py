"""Cost over energy or over time as a drawing: polygons, ticks and a table, in the units of an SVG. No prices are made here.

Areas are stacked by dimension, each with a colour and a pattern; the thick line is the total after limits, the dashed one that
of another tariff. The same figures stand in `rows`, for whoever reads a table rather.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from backoffice.tariffs.rules.breakdown import CATEGORIES
from backoffice.tariffs.rules.curves import Sample
from backoffice.tariffs.rules.exact import exponent, text
from backoffice.tariffs.rules.explain import NAMES

WIDTH, HEIGHT = 640, 330
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 14, 48
AXES = {"time": "Time", "energy": "Energy"}
ROWS = 12
TICKS = 5


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid: where (in the units of the drawing) and what stands there."""

    at: str
    text: str


@dataclass(frozen=True, slots=True)
class Area:
    """What one dimension costs, on top of those before it."""

    key: str
    name: str
    points: str


@dataclass(frozen=True, slots=True)
class Row:
    """The figures at one moment; `amounts` in the order of the areas, then the total, then the other tariff's."""

    elapsed: str
    energy: str
    amounts: list[str]
    x: str
    width: str
    tip: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that the template writes down. `summary`: the drawing in a sentence."""

    areas: list[Area]
    total: str
    other: str
    other_name: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    x_title: str
    y_title: str
    full_at: str
    rows: list[Row]
    heads: list[str]
    summary: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    top: int = TOP
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


def draw(
    samples: Sequence[Sample],
    *,
    axis: str,
    currency: str,
    curve: str,
    other: Sequence[Sample] = (),
    other_name: str = "",
) -> Chart:
    """`samples`: in order of time, the first at the plug. Over energy, the time after charging has no width and is left out."""
    if axis == "energy":
        samples = [each for each in samples if each.charging] or samples[:1]
        other = [each for each in other if each.charging]
    taxed = all(each.breakdown.total.gross is not None for each in (*samples, *other))
    present = [name for name in CATEGORIES if any(name in each.breakdown.costs for each in samples)]
    xs = [_x_of(each, axis) for each in samples]
    stacks = [_stack(each, present, taxed) for each in samples]
    totals = [each.total(with_taxes=taxed) for each in samples]
    other_totals = [each.total(with_taxes=taxed) for each in other]
    x_most = max([*xs, *(_x_of(each, axis) for each in other)]) or Fraction(1)
    y_most = max([*totals, *other_totals, *(stack[-1] for stack in stacks if stack), Fraction(0)]) or Fraction(1)
    y_least = min([*totals, *other_totals, *(value for stack in stacks for value in stack), Fraction(0)])
    y_step = _nice((y_most - y_least) / TICKS)
    y_high = -(-y_most // y_step) * y_step
    y_low = y_least // y_step * y_step

    def x(value: Fraction) -> str:
        return _at(LEFT + value / x_most * (WIDTH - LEFT - RIGHT))

    def y(value: Fraction) -> str:
        return _at(HEIGHT - BOTTOM - (value - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM))

    def line(places: Sequence[Fraction], values: Sequence[Fraction]) -> str:
        return " ".join(f"{x(one)},{y(other)}" for one, other in zip(places, values, strict=True))

    areas = []
    for index, name in enumerate(present):
        upper = line(xs, [stack[index] for stack in stacks])
        below = [stack[index - 1] if index else Fraction(0) for stack in stacks]
        areas.append(Area(name, NAMES[name], f"{upper} {line(xs[::-1], below[::-1])}"))
    places = exponent(currency)
    by_elapsed = {each.elapsed: value for each, value in zip(other, other_totals, strict=True)}
    rows = _rows(samples, xs, x_most, present, totals, by_elapsed, taxed, places, currency)
    full = next((one for one, each in zip(xs, samples, strict=True) if not each.charging), None)
    x_step = _nice_time(x_most / TICKS) if axis == "time" else _nice(x_most / TICKS)
    return Chart(
        areas=areas,
        total=line(xs, totals),
        other=line([_x_of(each, axis) for each in other], other_totals) if other else "",
        other_name=other_name,
        x_ticks=[Tick(x(value), _x_text(value, axis)) for value in _ticks(Fraction(0), x_most, x_step)],
        y_ticks=[Tick(y(value), _short(value, y_step)) for value in _ticks(y_low, y_high, y_step)],
        x_title="Time since plugging in, h:min" if axis == "time" else "Energy charged, kWh",
        y_title=f"{currency}, {'taxes included' if taxed else 'before taxes'}",
        full_at=x(full) if full is not None and axis == "time" else "",
        rows=rows,
        heads=[*(NAMES[name] for name in present), "Total", *([other_name] if other else [])],
        summary=_summary(samples, totals, taxed, currency, places, curve),
    )


def _stack(sample: Sample, present: Sequence[str], taxed: bool) -> list[Fraction]:
    amounts = sample.amounts(with_taxes=taxed)
    found, height = [], Fraction(0)
    for name in present:
        height += amounts.get(name, Fraction(0))
        found.append(height)
    return found


def _x_of(sample: Sample, axis: str) -> Fraction:
    return Fraction(int(sample.elapsed.total_seconds()), 60) if axis == "time" else Fraction(sample.energy)


def _rows(
    samples: Sequence[Sample],
    xs: Sequence[Fraction],
    x_most: Fraction,
    present: Sequence[str],
    totals: Sequence[Fraction],
    others: dict[timedelta, Fraction],
    taxed: bool,
    places: int,
    currency: str,
) -> list[Row]:
    """A dozen, evenly spread, the first and the last among them."""
    most = len(samples) - 1
    chosen = sorted({most * number // ROWS for number in range(ROWS + 1)}) if most > ROWS else range(most + 1)
    found = []
    span = (WIDTH - LEFT - RIGHT) / x_most
    for order, index in enumerate(chosen):
        sample = samples[index]
        amounts = sample.amounts(with_taxes=taxed)
        written = [_money(amounts.get(name, Fraction(0)), places) for name in present]
        written.append(_money(totals[index], places))
        if others:
            known = others.get(sample.elapsed)
            written.append(_money(known, places) if known is not None else "–")
        following = list(chosen)[order + 1] if order + 1 < len(chosen) else index
        elapsed, energy = _elapsed(sample.elapsed), text(*sample.energy.as_integer_ratio(), 1)
        tip = f"{elapsed} h, {energy} kWh: {_money(totals[index], places)} {currency}"
        if others and written[-1] != "–":
            tip += f" / {written[-1]} {currency}"
        found.append(
            Row(elapsed, energy, written, _at(LEFT + xs[index] * span), _at((xs[following] - xs[index]) * span), tip)
        )
    return found


def _summary(
    samples: Sequence[Sample], totals: Sequence[Fraction], taxed: bool, currency: str, places: int, curve: str
) -> str:
    charged = max((index for index, each in enumerate(samples) if each.charging), default=0)
    end = samples[charged]
    told = (
        f"{curve}: {text(*end.energy.as_integer_ratio(), 1)} kWh in {_elapsed(end.elapsed)} h cost "
        f"{currency} {_money(totals[charged], places)} {'with taxes' if taxed else 'before taxes'}"
    )
    if charged + 1 < len(samples):
        told += f"; {currency} {_money(totals[-1], places)} after {_elapsed(samples[-1].elapsed)} h at the plug"
    return told + "."


def _money(value: Fraction, places: int) -> str:
    return text(value.numerator, value.denominator, places)


def _elapsed(value: timedelta) -> str:
    minutes = int(value.total_seconds()) // 60
    return f"{minutes // 60}:{minutes % 60:02d}"


def _at(value: Fraction) -> str:
    return text(value.numerator, value.denominator, 1)


def _nice(value: Fraction) -> Fraction:
    """The next of 1, 2, 5 times a power of ten."""
    size = Fraction(1)
    while size > value:
        size /= 10
    while size * 10 <= value:
        size *= 10
    return next(size * factor for factor in (1, 2, 5, 10) if size * factor >= value)


def _nice_time(minutes: Fraction) -> Fraction:
    return Fraction(next((each for each in (1, 2, 5, 10, 15, 20, 30, 60, 120, 240) if each >= minutes), 480))


def _ticks(low: Fraction, high: Fraction, step: Fraction) -> list[Fraction]:
    return [low + step * number for number in range(int((high - low) / step) + 1)]


def _x_text(value: Fraction, axis: str) -> str:
    return _elapsed(timedelta(minutes=int(value))) if axis == "time" else _short(value, Fraction(1))


def _short(value: Fraction, step: Fraction) -> str:
    """As many decimals as the step between two ticks needs."""
    places = 0
    while (step * 10**places).denominator != 1:
        places += 1
    return text(value.numerator, value.denominator, places)
