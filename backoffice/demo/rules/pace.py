"""How fast the demo goes. Nothing that is reported is faster than it was: only cars are sooner full and drivers come oftener."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. `shortest`, `longest`: what a car needs. `meter`: between two reports of a meter. `pause`: between two visits."""

    shortest: float = 40
    longest: float = 200
    meter: float = 20
    pause: float = 20

    def times(self, haste: float) -> Pace:
        """So many times faster."""
        return Pace(self.shortest / haste, self.longest / haste, self.meter / haste, self.pause / haste)


PACES = {"home": Pace(), "partner": Pace(pause=45)}
"""By side: the partner has fewer drivers."""

CARELESS = Pace(shortest=60, longest=150, pause=90)
"""Of the third company."""
