"""The port to charge station hardware: what a driver is, and what it tells us.

A driver speaks with stations in whatever way they want and runs until it is told to stop. It only brings reports so far;
what we ask of stations (start, stop, unlock, charging profiles) joins this class with the modules that need it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ocpi.wire.locations import Status


@dataclass(frozen=True, slots=True)
class StatusReport:
    """An EVSE has changed its status. Stations know themselves by the EVSE id that is printed on them, in any case."""

    evse_id: str
    status: Status
    reason: str = ""


Tell = Callable[[StatusReport], bool]
"""Takes a report in. False: nothing changed, or it was refused (which is logged). Returns only when that is certain."""


class Gateway(Protocol):
    """A driver of charge station hardware."""

    def run(self, tell: Tell, stop: threading.Event) -> None:
        """Bring reports until `stop` is set."""
