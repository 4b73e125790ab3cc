"""Charge points that live by themselves: a driver (`charge_points.gateway.Gateway`) without hardware behind it.

`life` changes the status of EVSEs at which nobody charges, `charging` brings drivers and lets them charge; an EVSE is in the
hands of one of them at a time. Neither has a memory that matters: how the EVSEs are and which charges run is read from what was
reported (`board`), so what staff set in between holds, and it goes on after any interruption as if nothing had been.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from backoffice.charge_points.gateway import Orders, Tell


class Activity(Protocol):
    """Something that goes on by itself. `due`: when it next has something to do; None: never again."""

    @property
    def due(self) -> datetime | None: ...

    def act(self, tell: Tell) -> None: ...


class Simulator:
    """Lets every activity act when it is due, until none has anything left to do."""

    def __init__(self, activities: Sequence[Activity], clock: Callable[[], datetime]) -> None:
        self._activities = activities
        self._clock = clock

    def run(self, tell: Tell, stop: threading.Event, orders: Orders) -> None:
        while True:
            waiting = [(due, activity) for activity in self._activities if (due := activity.due) is not None]
            if not waiting:
                return
            due, activity = min(waiting, key=lambda found: found[0])
            if stop.wait(max((due - self._clock()).total_seconds(), 0)):
                return
            activity.act(tell)
