"""How a charge goes once it has begun: what the charge point measures at any moment, when it is silent, how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from backoffice.demo.rules.filling import PER_KWH, Leg, energy
from ocpi.wire.locations import Status

WATT_HOUR = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Measured:
    """What a meter shows. `kwh` since the start, in whole Wh; `soc`: percent, as the car tells it."""

    kwh: Decimal
    kw: Decimal
    soc: int
    charging: bool


@dataclass(frozen=True, slots=True)
class Course:
    """A charge from plug to unplug. All times in ms from its start.

    `silent`: from when to when nothing of it is heard, as of a line that is down; `jump`: when its meter jumps, and by how many
    kWh; `then`: how the EVSE is afterwards, with `trouble` as the reason.
    """

    legs: tuple[Leg, ...]
    soc: int
    ends: int
    reason: str
    then: Status = Status.AVAILABLE
    trouble: str = ""
    silent: tuple[int, int] | None = None
    jump: tuple[int, int] | None = None

    def measured(self, ms: int) -> Measured:
        """At that moment; later than its end, as it was at the end."""
        ms = max(min(ms, self.ends), 0)
        leg = next((leg for leg in self.legs if ms < leg.until), None)
        before = [leg.soc for leg in self.legs if leg.until <= ms]
        kwh = Decimal(energy(self.legs, ms) * 1000 // PER_KWH) * WATT_HOUR
        if self.jump is not None and ms >= self.jump[0]:
            kwh += self.jump[1]
        watts = leg.watts if leg else 0
        return Measured(kwh, watts * WATT_HOUR, before[-1] if before else self.soc, watts > 0)

    def heard(self, ms: int) -> bool:
        """Whether anything that happens at that moment reaches us at that moment."""
        return self.silent is None or not self.silent[0] <= ms < self.silent[1]

    def marks(self, since: int, until: int, *, every: int) -> Iterator[int]:
        """When it measures, after `since` and up to `until`: at an even pace, and when the battery is full. Not at its end,
        which is told as such.
        """
        full = self.legs[-1].until
        moments = {mark * every for mark in range(since // every + 1, until // every + 1)}
        if since < full <= until:
            moments.add(full)
        yield from sorted(moment for moment in moments if moment < self.ends)

    def over(self, ms: int) -> bool:
        return ms >= self.ends

    def next_mark(self, ms: int, *, every: int) -> int:
        """When something of it is to be told again, seen from `ms`; that it falls silent is told, too."""
        begins, ends = self.silent or (self.ends, self.ends)
        moments = ((ms // every + 1) * every, self.legs[-1].until, self.ends, ends)
        heard = [moment for moment in moments if moment > ms and self.heard(moment)]
        return min([*heard, *([begins] if begins > ms else [])], default=ms)
