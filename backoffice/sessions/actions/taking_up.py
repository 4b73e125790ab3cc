"""Somebody charges where an EVSE is reserved: whose reservation it is, and how its session becomes that of the charge.

The session stays one, from the reservation to the bill (T-253). Its reserved time has no energy: the readings of that time show
what the meter showed when the charge began.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models.functions import Upper

from backoffice.fields import DocumentField
from backoffice.locations.models import Evse, Location
from backoffice.sessions.actions.writing import note, readings_of, write
from backoffice.sessions.models import Reading, Session
from backoffice.sessions.rules.metering import Metered
from backoffice.sessions.rules.placing import place
from backoffice.sessions.rules.states import SessionMove, moved
from backoffice.tariffs.rules.policy import Outcome
from backoffice.tariffs.rules.splitting import Activity
from backoffice.tokens.models import Token
from backoffice.tokens.rules.deciding import Decision
from ocpi.wire.sessions import SessionStatus

Tree = dict[str, Any]

CAME = "CAME"
"""The event of a driver who came and has not plugged in yet."""


def reserved_for(evse: Evse, decision: Decision) -> Session | None:
    """The reservation at this EVSE that this driver made. Locked until the transaction ends."""
    row = _reserved(evse, lock=True)
    return row if row is not None and _same_driver(row, decision) else None


def booked_for(session: int) -> Session | None:
    """The session of a booking, if nobody has taken it up. Locked until the transaction ends."""
    rows = Session.objects.filter(pk=session, status=SessionStatus.RESERVATION.value, transaction="", ours=True)
    return rows.select_for_update(of=("self",), no_key=True).select_related("tariff_version", "point", "party").first()


def kept_from(evse: Evse, decision: Decision) -> str:
    """Why this driver must not charge there; empty when the EVSE is kept for nobody else."""
    row = _reserved(evse)
    if row is None or _same_driver(row, decision):
        return ""
    return "The charge point is reserved for somebody else."


def _reserved(evse: Evse, *, lock: bool = False) -> Session | None:
    rows = Session.objects.filter(point=evse, status=SessionStatus.RESERVATION.value, transaction="", ours=True)
    if lock:
        rows = rows.select_for_update(of=("self",), no_key=True)
    return rows.select_related("tariff_version", "point", "party").first()


def _same_driver(row: Session, decision: Decision) -> bool:
    """The same token, another one of the same contract, or one of its group (mod_tokens#token_object, group_id)."""
    token = decision.token
    if token is None or decision.emsp != row.emsp_id:
        return False
    if (token["uid"].upper(), token["type"]) == (row.token_uid.upper(), row.token_type):
        return True
    if token["contract_id"].upper() == row.contract_id.upper() and not row.booking_id:
        return True  # a booking is opened by its tokens, of whom its own room knows
    group = row.group_id.upper()
    return (
        bool(group)
        and Token.objects.alias(group=Upper("group_id"))
        .filter(party=row.emsp_id, group=group, object_id__iexact=token["uid"], type=token["type"])
        .exists()
    )


def take_up(
    row: Session,
    location: Location,
    evse: Evse,
    connector_id: str,
    decision: Decision,
    transaction_id: str,
    reading: Metered,
    now: datetime,
) -> None:
    """The charge begins, or with a reading that is no charging, the driver has come and not plugged in."""
    assert decision.token is not None
    before = readings_of(row)
    told = replace(reading, at=max(reading.at, before[-1].at + timedelta(milliseconds=1)))
    tree = row.tree() | {
        "cdr_token": decision.token,
        "auth_method": decision.auth_method.value,  # T-282
        "connector_id": connector_id,
    }
    # the last one that the eMSP gave counts (T-276), but for a booking, which has its own from beginning to bill (T-525)
    if decision.reference and not row.booking_id:
        tree["authorization_reference"] = decision.reference
    row.document = DocumentField.write(tree)
    row.transaction, row.authorization_id = transaction_id, decision.authorization_id
    row.place = DocumentField.write(place(location.tree(), evse.uid, connector_id))
    row.reservation = Outcome.USED.value
    if told.activity is Activity.CHARGING:
        previous = row.status
        row.status = moved(SessionStatus(row.status), SessionMove.START).value
        note(row, now, SessionMove.START.value, by="charge point", previous=previous, status=row.status)
        before = begin_charging(row, before, told)
    else:
        _measured_from(row, told)
        before = readings_of(row)
        note(row, now, CAME, by="charge point")
    Reading.objects.create(session=row, at=told.at, kwh=told.kwh, activity=told.activity.name)
    write(row, [*before, told], now)


def begin_charging(row: Session, readings: Sequence[Metered], told: Metered) -> list[Metered]:
    """What was before this reading and is no charge: only reserved time is kept of it (T-275, T-363)."""
    Reading.objects.filter(session=row).exclude(activity=Activity.RESERVED.name).delete()
    _measured_from(row, told)
    row.starts_at = told.at
    return [replace(each, kwh=told.kwh) for each in readings if each.activity is Activity.RESERVED]


def _measured_from(row: Session, told: Metered) -> None:
    Reading.objects.filter(session=row, activity=Activity.RESERVED.name).update(kwh=told.kwh)
    row.meter_start = told.kwh
