"""Charge points that live by themselves: a driver (`charge_points.gateway.Gateway`) without hardware behind it.

It has no memory: before each change it reads how the EVSEs are now, so what staff set in between holds, and it goes on after
any interruption as if nothing had been.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from datetime import datetime

from django.db.models import Q

from backoffice.charge_points.gateway import StatusReport, Tell
from backoffice.demo.rules import ChargePoint, step
from backoffice.demo.world.companies import COMPANIES
from backoffice.locations.models import Evse
from ocpi.wire.locations import Capability, Status


class Simulator:
    """`every`: seconds between two changes on average. `changes`: end after so many, for tests and measurements."""

    def __init__(
        self,
        look: Callable[[], Sequence[ChargePoint] | None],
        clock: Callable[[], datetime],
        *,
        every: float,
        chance: random.Random,
        changes: int | None = None,
    ) -> None:
        self._look = look
        self._clock = clock
        self._every = every
        self._chance = chance
        self._left = changes

    def run(self, tell: Tell, stop: threading.Event) -> None:
        while self._left != 0 and not stop.wait(self._every * self._chance.uniform(0.5, 1.5)):
            change = step(self._look() or (), self._clock(), self._chance)
            if change is None:
                continue
            point, status, reason = change
            tell(StatusReport(point.evse_id, status, reason))
            if self._left is not None:
                self._left -= 1


def charge_points() -> list[ChargePoint]:
    """Our EVSEs of the demo world as they are now; what was imported or generated beside it is left alone."""
    invented = Q()
    for company in COMPANIES:  # an import may have gone into the same party: the ids tell
        invented |= Q(
            location__party__country_code=company.country_code,
            location__party__party_id=company.party_id,
            location__object_id__regex=f"^{company.party_id}-[0-9]{{4}}$",
        )
    rows = Evse.objects.filter(invented, location__party__ours=True, listed=True).exclude(evse_id="")
    return [
        ChargePoint(evse_id, Status(status), time_zone, max_power, Capability.RESERVABLE.value in capabilities)
        for evse_id, status, time_zone, max_power, capabilities in rows.order_by("pk").values_list(
            "evse_id", "status", "location__time_zone", "max_power", "capabilities"
        )
    ]
