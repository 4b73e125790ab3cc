"""What befalls EVSEs at which nobody charges: cars in the way, faults and their mending."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from backoffice.charge_points.gateway import StatusReport, Tell
from backoffice.demo.rules.life import ChargePoint, step


class Life:
    """`every`: seconds between two changes on average. `changes`: end after so many. `taken`: EVSEs to leave alone."""

    def __init__(
        self,
        look: Callable[[], Sequence[ChargePoint] | None],
        clock: Callable[[], datetime],
        *,
        every: float,
        chance: random.Random,
        taken: Callable[[], Collection[str]] = tuple,
        changes: int | None = None,
    ) -> None:
        self._look = look
        self._clock = clock
        self._every = every
        self._chance = chance
        self._taken = taken
        self._left = changes
        self._due = self._soon()

    @property
    def due(self) -> datetime | None:
        return None if self._left == 0 else self._due

    def act(self, tell: Tell) -> None:
        taken = self._taken()
        change = step([point for point in self._look() or () if point.evse_id not in taken], self._chance)
        if change is not None:
            point, status, reason = change
            tell(StatusReport(point.evse_id, status, reason))
            if self._left is not None:
                self._left -= 1
        self._due = self._soon()

    def _soon(self) -> datetime:
        return self._clock() + timedelta(seconds=self._every * self._chance.uniform(0.5, 1.5))
