"""What the screen of jobs says: schedules in words, durations, whether a job is late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

KEPT = 20
"""Runs of a job that are remembered."""

FAILING = 5
"""Failures in a row after which a job is called broken, not unlucky."""

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def every(seconds: int) -> str:
    """`every 15 seconds`, `every hour`."""
    for size, unit in _UNITS:
        if seconds >= size and seconds % size == 0:
            count = seconds // size
            return f"every {unit}" if count == 1 else f"every {count} {unit}s"
    return f"every {seconds} seconds"


def took(milliseconds: float) -> str:
    seconds = milliseconds / 1000
    if seconds < 1:
        return f"{milliseconds:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"


def usual(durations: Sequence[float]) -> float | None:
    """What a run takes as a rule; None until there are a few."""
    return median(durations) if len(durations) >= 3 else None


def late(due: datetime | None, gap: timedelta | None, *, now: datetime) -> bool:
    """Whether a job should have begun by now: by two of its gaps, and at least five minutes, for clocks are no clockwork."""
    grace = max(timedelta(minutes=5), (gap or timedelta(0)) * 2)
    return due is not None and now - due > grace


def in_words(result: object) -> str:
    """What a job returned, for people: what it counted, without what was none."""
    if isinstance(result, dict):
        done = [f"{number:,} {str(name).replace('_', ' ')}" for name, number in result.items() if number]
        return ", ".join(done) or "nothing to do"
    if result is None:
        return ""
    return "nothing to do" if result == 0 or result == () else f"{result:,}" if isinstance(result, int) else str(result)
