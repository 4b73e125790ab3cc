"""How a car takes energy: constant on alternating current, tapering with the state of charge on direct current.

Whole numbers throughout: W, milliseconds, and mJ as their product. A battery is never as large as in life but just as large
as the charge point fills in the time that the demo has for it: so that a charge takes minutes and every figure that is
reported of it, power, energy and time, is nevertheless true.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

FULL = 100
"""Percent."""

PER_KWH = 3_600_000_000
"""mJ."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How much of what it could get a car takes, per mille, at states of charge in between which it changes evenly."""

    name: str
    points: tuple[tuple[int, int], ...]

    def share(self, soc: int) -> int:
        """Per mille, on the way from this percent to the next."""
        for (low, here), (high, there) in pairwise(self.points):
            if soc < high:
                return max(here + (there - here) * (2 * (soc - low) + 1) // (2 * (high - low)), 1)
        return max(self.points[-1][1], 1)


ONBOARD = Shape("onboard charger", ((0, 1000), (96, 1000), (100, 300)))
"""On alternating current the car's own charger sets the pace until the battery is all but full."""

DIRECT = (
    Shape("holds long", ((0, 850), (8, 1000), (55, 980), (80, 500), (100, 80))),
    Shape("early taper", ((0, 950), (5, 1000), (25, 800), (50, 520), (80, 260), (100, 60))),
    Shape("in steps", ((0, 1000), (40, 1000), (41, 720), (60, 720), (61, 480), (80, 400), (100, 70))),
)

ONBOARD_CHARGERS = (3_700, 7_400, 11_000, 11_000, 11_000, 22_000)
DIRECT_LIMITS = (50_000, 85_000, 125_000, 150_000, 170_000, 230_000, 270_000)
"""W, of the cars that come."""


@dataclass(frozen=True, slots=True)
class Leg:
    """Until `until` (ms from the start) it takes `watts`, and then it has `soc` percent."""

    until: int
    watts: int
    soc: int


def fill(shape: Shape, *, limit: int, soc: int, target: int, ms: int) -> tuple[Leg, ...]:
    """The legs, one for each percent, from `soc` to `target` in `ms`, at `limit` W at most.

    The time of a leg follows from its power: the battery's size is what fits.
    """
    if not 0 <= soc < target <= FULL or limit <= 0 or ms < target - soc:
        raise ValueError("a car cannot be filled like that")
    powers = [max(limit * shape.share(percent) // 1000, 1) for percent in range(soc, target)]
    # a percent is the same energy wherever it lies, so its time goes with the inverse of the power
    inverse = [max(powers) * 1_000_000 // power for power in powers]
    total = sum(inverse)
    return tuple(
        Leg(ms * done // total, power, percent)
        for done, power, percent in zip(accumulate(inverse), powers, range(soc + 1, target + 1), strict=True)
    )


def energy(legs: Sequence[Leg], ms: int) -> int:
    """mJ that have flown after `ms`."""
    found, begun = 0, 0
    for leg in legs:
        if ms <= leg.until:
            return found + leg.watts * max(ms - begun, 0)
        found += leg.watts * (leg.until - begun)
        begun = leg.until
    return found
