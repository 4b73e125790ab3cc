"""The table that every measurement prints, and the comparison that fills it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.load import Load
from bench.processor import spent


@dataclass(frozen=True, slots=True)
class Line:
    """One figure. `ratio` as the target means it; `met` is None where the issue sets no target."""

    figure: str
    ours: str
    beside: str
    ratio: str
    target: str
    met: bool | None


def show(title: str, lines: list[Line], notes: list[str]) -> None:
    rows = [("figure", "ours", "beside", "ratio", "target", "met")]
    rows += [
        (line.figure, line.ours, line.beside, line.ratio, line.target, {True: "yes", False: "NO", None: ""}[line.met])
        for line in lines
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    print(f"\n{title}", flush=True)
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for note in notes:
        print(f"  {note}")
    print(flush=True)


def interleaved(variants: Mapping[str, Callable[[], Load]], rounds: int, roots: Sequence[int]) -> dict[str, list[Load]]:
    """Every variant once a round, in turn; the order is reversed in every other round. A first round warms up.

    `roots`: the processes of server and database, whose processor time is counted."""
    found: dict[str, list[Load]] = {name: [] for name in variants}
    for number in range(rounds + 1):
        for name in list(variants)[:: 1 if number % 2 else -1]:
            before = spent(roots)
            measured = variants[name]()
            measured.processor = spent(roots) - before
            if measured.refused:
                raise RuntimeError(f"{name}: the server refused requests: {measured.refused}")
            if number:
                found[name].append(measured)
    return found


def ratio(ours: list[Load], beside: list[Load]) -> float:
    """Median over the rounds of our rate as a part of the other one."""
    return statistics.median(a.rate / b.rate for a, b in zip(ours, beside, strict=True))


def middle(values: Iterable[float]) -> float:
    return statistics.median(values)


def effort(rounds: list[Load]) -> float:
    """Milliseconds of processor time for one answer, in server and database together."""
    return statistics.median(each.processor * 1000 / len(each.times) for each in rounds)


def effort_line(ours: list[Load], beside: list[Load]) -> Line:
    """Processor time of both: the figure to believe while others use the machine, for it hardly knows of them."""
    ratio = statistics.median(
        (b.processor / len(b.times)) / (a.processor / len(a.times)) for a, b in zip(ours, beside, strict=True)
    )
    return Line(
        "  processor time", f"{effort(ours):.2f} ms", f"{effort(beside):.2f} ms empty view", f"{ratio:.3f}", "", None
    )


def rate(rounds: list[Load]) -> float:
    return statistics.median(each.rate for each in rounds)


def spread(rounds: list[Load]) -> str:
    rates = [each.rate for each in rounds]
    return f"{min(rates):,.0f} to {max(rates):,.0f}"
