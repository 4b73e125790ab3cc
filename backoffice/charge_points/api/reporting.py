"""What a system reports: each call is one report of the hardware's door, which says why it takes none."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from backoffice.api.serving.problems import Problem
from backoffice.api.serving.routes import Ask, Told
from backoffice.charge_points import door
from backoffice.charge_points.api import saying
from backoffice.charge_points.api.systems import known, system_of
from backoffice.charge_points.gateway import (
    Admission,
    Answer,
    CardShown,
    Metered,
    Replanned,
    Report,
    Started,
    StatusReport,
    Stopped,
)
from backoffice.charge_points.models import StationSystem
from backoffice.sessions.models import Session
from backoffice.tokens.models import Authorization

OLDEST = timedelta(days=31)


def status(ask: Ask) -> Told:
    """An EVSE has changed its status; partners hear of it at once.

    PLANNED and REMOVED are the operator's to set, and while they hold no report changes them.
    """
    told: saying.StatusTold = ask.value
    evse_id = known(system_of(ask), told.evse_id)
    return Told({"changed": bool(_report(StatusReport(evse_id, told.status, told.reason), ask))})


def card(ask: Ask) -> Told:
    """Somebody showed a card: may he charge?

    Takes as long as his eMSP needs to answer, up to eight seconds. `authorization_id` is what the charge begins with, once and
    within half an hour. A card that is refused is an answer, too: `allowed` is false and `reason` says why.
    """
    told: saying.CardTold = ask.value
    evse_id = known(system_of(ask), told.evse_id)
    answer = _report(CardShown(evse_id, told.connector_id, told.uid, str(told.token_type)), ask)
    assert isinstance(answer, Admission)
    said = {"allowed": answer.allowed, "reason": answer.reason}
    return Told(said if answer.authorization_id is None else said | {"authorization_id": answer.authorization_id})


def started(ask: Ask) -> Told:
    """A charge has begun.

    With the authorization of a card, or of an order START. The same `transaction` again is the same charge.
    """
    told: saying.StartTold = ask.value
    evse_id = known(system_of(ask), told.evse_id)
    if not Authorization.objects.filter(pk=told.authorization_id, party=ask.caller.party).exists():
        raise Problem("conflict", "There is no such authorization.")  # another company's, though its ids be the same
    report = Started(
        evse_id,
        told.connector_id,
        told.transaction,
        told.authorization_id,
        told.meter_kwh,
        told.pending,
        _when(told.at, ask),
    )
    return Told({"session_id": str(_report(report, ask))})


def readings(ask: Ask) -> Told:
    """Meter values of charges that go on, up to 200.

    Each is taken or refused by itself and in their order: what a station has kept while it was offline is not lost because one
    reading of another station is wrong. `results` has one entry for each.
    """
    system = system_of(ask)
    return Told({"results": [_reading(system, each, ask) for each in ask.value.readings]})


def _reading(system: StationSystem, told: saying.ReadingTold, ask: Ask) -> dict[str, object]:
    try:
        with transaction.atomic():
            report = Metered(
                known(system, told.evse_id),
                told.transaction,
                told.meter_kwh,
                told.power_kw,
                told.soc,
                told.charging,
                _when(told.at, ask),
            )
            _report(report, ask)
    except Problem as refusal:
        return {"taken": False, "reason": refusal.detail}
    return {"taken": True}


def stopped(ask: Ask) -> Told:
    """A charge is over; its CDR is made at once.

    `signed_data`, a SignedData of OCPI, goes into the CDR as it is.
    """
    told: saying.StopTold = ask.value
    report = Stopped(
        known(system_of(ask), told.evse_id),
        told.transaction,
        told.meter_kwh,
        told.reason,
        ask.tree["signed_data"] if told.signed_data is not None else None,
        _when(told.at, ask),
    )
    _report(report, ask)
    session = Session.objects.filter(
        point__evse_id__iexact=told.evse_id, transaction=told.transaction, ours=True
    ).values_list("object_id", flat=True)
    return Told({"session_id": session[0]})


def _when(at: datetime | None, ask: Ask) -> datetime | None:
    """A station that was offline tells late; one whose clock was never set tells nonsense. Raises Problem."""
    if at is not None and at < ask.now - OLDEST:
        raise Problem("conflict", f"It is of {at:%Y-%m-%d}, longer ago than {OLDEST.days} days.")
    return at


def replanned(ask: Ask) -> Told:
    """A charge will go on in another way than was known, by itself.

    As when something at the site limits it; whoever set a profile is told. `changed` is whether the charge still runs.
    """
    told: saying.PlanTold = ask.value
    report = Replanned(known(system_of(ask), told.evse_id), told.transaction, ask.tree["profile"])
    return Told({"changed": bool(_report(report, ask))})


def _report(told: Report, ask: Ask) -> Answer:
    try:
        return door.report(told, now=ask.now)
    except door.UnableToReport as error:
        raise Problem("conflict", str(error)) from error
