"""The hardware's door: takes reports of charge points in and gives them to the app that they concern, and orders out to drivers.

A door like `roaming.py` and `tasks.py`: it translates errors and calls actions. No row is written for a report by itself: the
StatusEvent, the Authorization, the Session and its readings that the actions write have who, when, from, to and why.
"""

from __future__ import annotations

import logging
import select
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import psycopg
from celery import shared_task
from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db import connection as database
from django.db.models.functions import Upper

from backoffice.bookings.actions import charging, holding, settling
from backoffice.bookings.rules.arriving import Comer
from backoffice.cdrs.actions import issuing
from backoffice.charge_points.actions import ordering, systems
from backoffice.charge_points.gateway import (
    Admission,
    Answer,
    CardShown,
    Done,
    Gateway,
    Instruction,
    Metered,
    Replanned,
    Report,
    Started,
    StatusReport,
    Stopped,
)
from backoffice.charge_points.models import Order
from backoffice.charge_points.rules.reports import why_closed, why_refused
from backoffice.charging_profiles.actions import executing, keeping
from backoffice.commands.actions import executing as commanding
from backoffice.commands.actions import reservations
from backoffice.fields import DocumentField
from backoffice.locations.actions.changing import set_status
from backoffice.locations.models import Evse, Location
from backoffice.payments.actions import charging as paying
from backoffice.roaming_site import site
from backoffice.sessions.actions import running
from backoffice.sessions.actions.taking_up import kept_from
from backoffice.sessions.models import Session
from backoffice.sessions.rules.metering import clamped
from backoffice.sessions.rules.states import ONGOING
from backoffice.tokens.actions.authorizing import authorize
from backoffice.tokens.rules.deciding import Decision
from ocpi.wire import json as wire_json
from ocpi.wire.cdrs import AuthMethod, SignedData
from ocpi.wire.commands import CommandResultType
from ocpi.wire.locations import Status
from ocpi.wire.sessions import SessionStatus
from ocpi.wire.tokens import LocationReferences

log = logging.getLogger("roamdesk.charge_points")

SOURCE = "charge point"
LOOK_AGAIN_AFTER = 1.0
"""Seconds between two looks for a database that is away."""

LOOK_EVERY = 2.0
"""Seconds after which a driver looks for orders although no notice came; between two of its signs of life, too."""

STOPS_WITHIN = 0.25

DRIVES_ANEW = timedelta(seconds=30)
"""How often a driver is asked which EVSEs it drives."""

T = TypeVar("T")

PURPOSES: Mapping[str, Callable[[Order, datetime], None]] = {
    reservations.MODULE: lambda order, now: commanding.done(
        order.key, CommandResultType(order.outcome), order.reason, now
    ),
    settling.PURPOSE: lambda order, now: settling.stopped(
        order.key, order.reason, accepted=order.outcome == CommandResultType.ACCEPTED.value, now=now
    ),
    holding.PURPOSE: lambda order, now: holding.answered(
        order.key, CommandResultType(order.outcome), order.reason, now
    ),
    keeping.MODULE: lambda order, now: executing.done(
        order.key, order.outcome, order.reason, DocumentField.read(order.answer) if order.answer else None, now
    ),
}
"""Who asks for orders, and what it does once one is answered or has expired: the app's action, in the same transaction."""


class UnableToReport(Exception):
    """The report is not taken; the sentence says why."""


def report(told: Report, *, now: datetime) -> Answer:
    """Take one report. Raises UnableToReport; then nothing has changed. A card is never refused this way: its answer says why."""
    if isinstance(told, StatusReport):
        return _status(told, now)
    if isinstance(told, CardShown):
        return _shown(told, now)
    if isinstance(told, Done):
        return _done(told, now)
    try:
        if isinstance(told, Started):
            return _started(told, now)
        if isinstance(told, Metered):
            return _metered(told, now)
        if isinstance(told, Replanned):
            return _replanned(told, now)
        return _stopped(told, now)
    except running.UnableToCharge as error:
        raise UnableToReport(f"{told.evse_id}: {error}") from error


def _status(told: StatusReport, now: datetime) -> bool:
    with transaction.atomic():
        evse = _named(told.evse_id)
        # the Location first, as everybody locks; the status is read after it, for staff may just have set another
        location = Location.objects.select_for_update(no_key=True).get(pk=evse.location_id)
        evse.refresh_from_db(fields=["status"])
        refusal = why_refused(Status(evse.status), told.status)
        if refusal:
            raise UnableToReport(f"{told.evse_id}: {refusal}")
        return set_status(location, evse.uid, told.status.value, source=SOURCE, reason=told.reason, now=now)


def _shown(told: CardShown, now: datetime) -> Admission:
    """No transaction is open: partners may be asked."""
    try:
        evse = _named(told.evse_id)
    except UnableToReport as error:
        return Admission(False, str(error))
    refusal = why_closed(Status(evse.status))
    if refusal:
        return Admission(False, f"{told.evse_id}: {refusal}")
    decision = authorize(
        uid=told.uid,
        token_type=told.token_type,
        location=LocationReferences(location_id=evse.location.object_id, evse_uids=[evse.uid]),
        evse_uid=evse.uid,
        connector_id=told.connector_id,
        cpo=evse.location.party_id,
        now=now,
    )
    if decision.token is None and not decision.allowed:  # nobody here knows it; who booked with it may have named it
        vouched = charging.vouched(evse, uid=told.uid, token_type=told.token_type, now=now)
        if vouched is not None:
            decision = running.decision_of(vouched)
    if decision.allowed:
        who = _comer(decision)
        kept = charging.refusal(evse, who, now=now) if who is not None else ""
        if not kept and (who is None or not charging.awaited(evse, who, now=now)):
            kept = kept_from(evse, decision)
        if kept:
            return Admission(False, f"{told.evse_id}: {kept}")
    return Admission(decision.allowed, decision.reason, decision.authorization_id)


def _comer(decision: Decision) -> Comer | None:
    """Who it is that was let in, as bookings ask for him."""
    if decision.token is None or decision.emsp is None:
        return None
    return charging.comer(
        emsp=decision.emsp,
        uid=decision.token["uid"],
        token_type=decision.token["type"],
        remote=decision.auth_method is AuthMethod.COMMAND,
        reference=decision.reference or "",
    )


def _started(told: Started, now: datetime) -> str:
    evse = _named(told.evse_id)
    refusal = why_closed(Status(evse.status))
    if refusal:
        raise UnableToReport(f"{told.evse_id}: {refusal}")
    with transaction.atomic():
        decision = running.decision_of(told.authorization_id)
        who = _comer(decision)
        try:
            booked = charging.arrive(evse, who, now=now) if who is not None else None
        except charging.UnableToBegin as error:
            raise UnableToReport(f"{told.evse_id}: {error}") from error
        session = running.begin(
            location=evse.location,
            evse=evse,
            connector_id=told.connector_id,
            decision=decision,
            transaction_id=told.transaction,
            meter_kwh=told.meter_kwh,
            pending=told.pending,
            at=clamped(told.at, now),
            now=now,
            kept=booked.pk if booked is not None else None,
        )
        reservations.came(session, now=now)
        paying.began(session, now=now)
        charging.fulfilled(session, now=now)
    return session.object_id


def _metered(told: Metered, now: datetime) -> bool:
    metered = running.meter(
        session=_running(told.evse_id, told.transaction),
        kwh=told.meter_kwh,
        power_kw=told.power_kw,
        soc=told.soc,
        charging=told.charging,
        at=clamped(told.at, now),
        now=now,
    )
    paying.metered(metered, now=now)
    return True


def _stopped(told: Stopped, now: datetime) -> bool:
    ended = running.end(
        session=_running(told.evse_id, told.transaction),
        kwh=told.meter_kwh,
        reason=told.reason,
        signed_data=_readable(told.signed_data, told.evse_id),
        at=clamped(told.at, now),
        now=now,
    )
    try:  # the charge has ended, whatever becomes of its bill; a sweep issues what was not issued here
        cdr = issuing.issue(ended.pk, now=now)
        if cdr is not None:
            paying.billed(cdr, now=now)
    except (issuing.UnableToIssue, DatabaseError) as error:
        log.warning("%s: no CDR yet: %s", told.evse_id, error)
    return True


def _replanned(told: Replanned, now: datetime) -> bool:
    session = _running(told.evse_id, told.transaction)
    if SessionStatus(session.status) not in ONGOING:
        return False
    profile = DocumentField.read(DocumentField.write(told.profile))
    if keeping.believable(profile) is None:
        raise UnableToReport(f"{told.evse_id}: what was told is no active charging profile.")
    executing.changed(session, profile, now)
    return True


def _done(told: Done, now: datetime) -> bool:
    with transaction.atomic():
        try:
            order = ordering.answered(
                uid=told.order, outcome=told.outcome, reason=told.reason, profile=told.profile, now=now
            )
        except ordering.UnableToAnswer as error:
            raise UnableToReport(str(error)) from error
        if order is None:
            return False
        PURPOSES[order.purpose](order, now)
    return True


@shared_task(name="charge_points.expire")
def expire(**kwargs: Any) -> int:
    """Wait no longer for stations that did not answer in time."""
    now = site.now()
    return ordering.expire(tell=lambda order: PURPOSES[order.purpose](order, now), now=now)


def _readable(signed: dict[str, Any] | None, evse_id: str) -> dict[str, Any] | None:
    """Signed data that no CDR could carry does not keep a charge from ending; what was measured is billed without it."""
    if signed is None:
        return None
    try:
        wire_json.validate(SignedData, signed)
    except wire_json.Invalid as error:
        log.warning("signed data of %s left out: %s", evse_id, error)
        return None
    return signed


def _running(evse_id: str, transaction_id: str) -> Session:
    """The charge of this transaction, over or not."""
    points = list(Evse.objects.alias(key=Upper("evse_id")).filter(key=evse_id.upper()).exclude(evse_id=""))
    found = Session.objects.filter(point__in=points, transaction=transaction_id, ours=True).first()
    if found is None or not transaction_id:
        raise UnableToReport(f"{evse_id}: no charge with transaction {transaction_id!r} is known.")
    return found


def _named(evse_id: str) -> Evse:
    known = list(
        Evse.objects.alias(key=Upper("evse_id"))
        .filter(key=evse_id.upper(), listed=True)
        .exclude(evse_id="")
        .select_related("location__party")
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


class OrdersOf:
    """The orders of one driver. To ask for them is its sign of life; `drives`: its EVSEs, by their rows."""

    def __init__(self, driver: str, drives: Callable[[], Collection[int]], stop: threading.Event) -> None:
        self._driver = driver
        self._drives = drives
        self._stop = stop
        self._noticed = False
        self._listening: object = None
        self._points: Collection[int] = ()
        self._counted_at: datetime | None = None
        self._alive_at: datetime | None = None

    def __call__(self) -> Sequence[Instruction]:
        return (outlast(self._take, self._stop) or []) if self._driver else []

    def wait(self, seconds: float) -> None:
        until = time.monotonic() + min(seconds, LOOK_EVERY)
        while not (self._noticed or self._stop.is_set()) and (left := until - time.monotonic()) > 0:
            raw = database.connection
            if raw is None or raw is not self._listening:
                self._stop.wait(min(left, STOPS_WITHIN))
                continue
            try:
                ready, _, _ = select.select([raw.fileno()], [], [], min(left, STOPS_WITHIN))
                if ready:
                    raw.execute("SELECT 1")  # takes the notices off the wire
            except psycopg.Error:
                return  # the next look finds out, and waits for the database
        self._noticed = False

    def _take(self) -> Sequence[Instruction]:
        database.ensure_connection()
        if database.connection is not self._listening:
            with database.cursor() as cursor:
                cursor.execute(f"LISTEN {ordering.CHANNEL}")
            database.connection.add_notify_handler(self._notice)
            self._listening = database.connection
        now = site.now()
        if self._counted_at is None or now - self._counted_at >= DRIVES_ANEW:
            drives = self._drives()
            self._points = set(drives) - systems.outside(drives)  # what a system outside drives is its own
            self._counted_at = now
        if self._alive_at is None or now - self._alive_at >= timedelta(seconds=LOOK_EVERY):
            ordering.alive(driver=self._driver, points=self._points, now=now)
            self._alive_at = now
        return ordering.take(driver=self._driver, evses=self._points, now=now)

    def _notice(self, notice: object) -> None:
        self._noticed = True


def serve(
    gateway: Gateway, stop: threading.Event, *, driver: str = "", drives: Callable[[], Collection[int]] = tuple
) -> None:
    """Run a driver until `stop` is set. A report waits while the database is away; one that is refused or fails is logged.
    `driver`: its name, and `drives`: its EVSEs by their rows, if it obeys orders."""

    def tell(told: Report) -> Answer:
        try:
            return outlast(lambda: report(told, now=site.now()), stop) or False
        except UnableToReport as error:
            log.warning("report refused: %s", error)
            return False
        except Exception:  # a driver speaks for many stations: what fails for one must not silence the others
            log.exception("report failed: %s", told)
            return False

    try:
        gateway.run(tell, stop, OrdersOf(driver, drives, stop))
    finally:
        if driver:
            try:
                ordering.gone(driver=driver)
            except (OperationalError, InterfaceError) as error:
                log.warning("the driver's end was not written down: %s", str(error).strip())


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
