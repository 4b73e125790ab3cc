"""Charge points that live by themselves: a driver (`charge_points.gateway.Gateway`) without hardware behind it.

`life` changes the status of EVSEs at which nobody charges, `charging` brings drivers and lets them charge, `obeying` does what
is ordered from afar; an EVSE is in the hands of one of them at a time. None has a memory that matters: how the EVSEs are, which
charges run and what is kept for whom is read from what was reported and ordered (`board`), so what staff set in between holds,
and it goes on after any interruption as if nothing had been.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from backoffice.charge_points.gateway import Instruction, Orders, Tell


class Activity(Protocol):
    """Something that goes on by itself. `due`: when it next has something to do; None: never again."""

    @property
    def due(self) -> datetime | None: ...

    def act(self, tell: Tell) -> None: ...


class Obedient(Protocol):
    """Does what is ordered, in its own time."""

    def obey(self, asked: Instruction, tell: Tell) -> None: ...


class Simulator:
    """Lets every activity act when it is due, until none has anything left to do. What is ordered meanwhile is for `obedient`."""

    def __init__(
        self, activities: Sequence[Activity], clock: Callable[[], datetime], obedient: Obedient | None = None
    ) -> None:
        self._activities = activities
        self._clock = clock
        self._obedient = obedient

    def run(self, tell: Tell, stop: threading.Event, orders: Orders) -> None:
        while not stop.is_set():
            self._obey(tell, orders)
            waiting = [(due, activity) for activity in self._activities if (due := activity.due) is not None]
            if not waiting:
                return
            due, activity = min(waiting, key=lambda found: found[0])
            if self._wait((due - self._clock()).total_seconds(), tell, stop, orders) and not stop.is_set():
                activity.act(tell)

    def _wait(self, seconds: float, tell: Tell, stop: threading.Event, orders: Orders) -> bool:
        """False: something was ordered in the meantime, so that something else may be due first."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not stop.is_set():
            orders.wait(left)
            if self._obey(tell, orders):
                return False
        return True

    def _obey(self, tell: Tell, orders: Orders) -> bool:
        asked = orders() if self._obedient is not None else ()
        for each in asked:
            assert self._obedient is not None
            self._obedient.obey(each, tell)
        return bool(asked)
