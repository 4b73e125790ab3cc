"""Lengths of exchanges as counts in classes: they add up over hours and partners, which a percentile does not."""

from __future__ import annotations

from collections.abc import Sequence

EDGES = (10, 20, 50, 100, 150, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000, 30_000)
"""Upper ends in milliseconds; a last class holds what took longer."""

CLASSES = len(EDGES) + 1


def percentile(counts: Sequence[int], share: float) -> float | None:
    """The length in milliseconds that this share of all took at most: by the class that holds it, straight in between."""
    wanted, below = share * sum(counts), 0
    for number, count in enumerate(counts):
        if count and below + count >= wanted:
            lower = EDGES[number - 1] if number else 0
            upper = EDGES[number] if number < len(EDGES) else lower
            return lower + (upper - lower) * (wanted - below) / count
        below += count
    return None
