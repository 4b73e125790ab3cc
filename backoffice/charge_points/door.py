"""The hardware's door: takes reports of charge points in and gives them to the app that they concern.

A door like `roaming.py` and `tasks.py`: it reads the clock, translates errors, and calls one action. No row is written for a
report by itself: the StatusEvent that `locations` writes has who, when, from, to and why.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from django.db import InterfaceError, OperationalError, transaction
from django.db import connection as database
from django.db.models.functions import Upper

from backoffice.charge_points.gateway import Gateway, StatusReport
from backoffice.charge_points.rules import why_refused
from backoffice.locations.actions.changing import set_status
from backoffice.locations.models import Evse, Location
from backoffice.roaming_site import site
from ocpi.wire.locations import Status

log = logging.getLogger("roamdesk.charge_points")

SOURCE = "charge point"
LOOK_AGAIN_AFTER = 1.0
"""Seconds between two looks for a database that is away."""

T = TypeVar("T")


class UnableToReport(Exception):
    """The report is not taken; the sentence says why."""


def report(told: StatusReport, *, now: datetime) -> bool:
    """Take one report. False: the EVSE had that status already. Raises UnableToReport; then nothing has changed."""
    with transaction.atomic():
        evse = _named(told.evse_id)
        # the Location first, as everybody locks; the status is read after it, for staff may just have set another
        location = Location.objects.select_for_update(no_key=True).get(pk=evse.location_id)
        evse.refresh_from_db(fields=["status"])
        refusal = why_refused(Status(evse.status), told.status)
        if refusal:
            raise UnableToReport(f"{told.evse_id}: {refusal}")
        return set_status(location, evse.uid, told.status.value, source=SOURCE, reason=told.reason, now=now)


def _named(evse_id: str) -> Evse:
    known = list(
        Evse.objects.alias(key=Upper("evse_id"))
        .filter(key=evse_id.upper(), listed=True)
        .exclude(evse_id="")
        .select_related("location__party")
        .only("uid", "status", "location__party__ours", "location__party__country_code", "location__party__party_id")
    )
    ours = [evse for evse in known if evse.location.party.ours]
    if not ours and known:
        raise UnableToReport(
            f"EVSE {evse_id} belongs to {known[0].location.party}: only that partner tells its status."
        )
    if not ours:
        raise UnableToReport(f"There is no EVSE {evse_id!r} at our locations.")
    if len(ours) > 1:
        raise UnableToReport(f"{len(ours)} of our EVSEs have the id {evse_id}: give each its own.")
    return ours[0]


def serve(gateway: Gateway, stop: threading.Event) -> None:
    """Run a driver until `stop` is set. A report waits while the database is away; one that is refused is logged."""

    def tell(told: StatusReport) -> bool:
        try:
            return bool(outlast(lambda: report(told, now=site.now()), stop))
        except UnableToReport as error:
            log.warning("report refused: %s", error)
            return False

    gateway.run(tell, stop)


def outlast(work: Callable[[], T], stop: threading.Event) -> T | None:
    """Do `work`, again and again while the database is away. None: told to stop before it came back."""
    while True:
        try:
            return work()
        except (OperationalError, InterfaceError) as error:
            log.warning("database unavailable, looking again in %s s: %s", LOOK_AGAIN_AFTER, str(error).strip())
            database.close()
            if stop.wait(LOOK_AGAIN_AFTER):
                return None
