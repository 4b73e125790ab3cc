"""The session of a reservation: begun when the EVSE is kept for somebody, ended when nobody came (mod_sessions#reservation).

Whoever comes makes a charge of it (`taking_up`). That only one has the EVSE, and until when, is known by who keeps the
reservations; here stand the document, the periods and the price.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from backoffice.fields import DocumentField, milliseconds
from backoffice.locations.models import Evse, Location
from backoffice.sessions.actions.running import lock, price_of, shift
from backoffice.sessions.actions.writing import NOT_AVAILABLE, new, note, owe, write
from backoffice.sessions.models import Reading, Session
from backoffice.sessions.rules.booked import Booked
from backoffice.sessions.rules.metering import Metered
from backoffice.sessions.rules.placing import place
from backoffice.sessions.rules.states import SessionMove
from backoffice.tariffs.rules.policy import Outcome
from backoffice.tariffs.rules.splitting import Activity
from backoffice.tokens.rules.deciding import Decision
from ocpi.wire.sessions import SessionStatus

MOVED = "MOVED"
"""The event of a driver who came to another EVSE than the one that was kept."""


def reserve(
    *,
    location: Location,
    evse: Evse,
    decision: Decision,
    now: datetime,
    group_id: str = "",
    booked: Booked | None = None,
) -> Session:
    """The EVSE is kept for this driver from now on, or since its booking began. The connector is open unless there is but one."""
    at = milliseconds(min(booked.since, now) if booked is not None else now)
    connectors = [each["id"] for each in DocumentField.read(evse.document)["connectors"]]
    chosen = connectors[0] if len(connectors) == 1 else NOT_AVAILABLE
    reading = Metered(at, Decimal(0), Activity.RESERVED)
    with transaction.atomic():
        named = booked.tariffs if booked is not None else ()
        version = price_of(location, evse, connectors[0], decision, at, named=named) if connectors else None
        session = new(location, evse, chosen, decision, "", version, reading, now)
        session.group_id = group_id
        if booked is not None:
            session.booking_id, session.booked_until = booked.identity, booked.until
        write(session, [reading], now)
        note(session, now, SessionMove.RESERVE.value, by="", status=session.status)
        Reading.objects.create(session=session, at=at, kwh=reading.kwh, activity=reading.activity.name)
        owe(session, now)
    return session


def elsewhere(*, session: Session, evse: Evse, now: datetime) -> None:
    """The driver has come to another EVSE of the location than the one that waited for him."""
    with transaction.atomic():
        row, readings = lock(session)
        if row.status != SessionStatus.RESERVATION.value or row.transaction:
            return
        location = Location.objects.select_related("party").get(pk=evse.location_id)
        tree = row.tree() | {"evse_uid": evse.uid, "connector_id": NOT_AVAILABLE}
        row.document = DocumentField.write(tree)
        row.point, row.evse_id = evse, evse.evse_id
        row.place = DocumentField.write(place(location.tree(), evse.uid, NOT_AVAILABLE))
        note(row, now, MOVED, by="charge point", reason=f"To EVSE {evse}.")
        write(row, readings, now)


def finish(
    *,
    session: Session,
    outcome: Outcome,
    at: datetime,
    reason: str,
    by: str,
    now: datetime,
    free: bool = False,
) -> bool:
    """Nobody came: expired or cancelled at `at`, priced as that (T-254). `free`: it is not the driver's fault, and costs nothing.
    False: it was taken up or had ended already."""
    with transaction.atomic():
        row, readings = lock(session)
        if row.status != SessionStatus.RESERVATION.value or row.transaction:
            return False
        if free:
            row.tariff_version = None
        end = milliseconds(min(at, now))
        if end > readings[-1].at:
            last = Metered(end, readings[-1].kwh, Activity.RESERVED)
            Reading.objects.create(session=row, at=last.at, kwh=last.kwh, activity=last.activity.name)
            readings.append(last)
        row.reservation = outcome.value
        shift(row, SessionMove.FINISH, now, by=by, reason=reason)
        row.ends_at = readings[-1].at
        write(row, readings, now)
        owe(row, now)
    return True
