"""Run a charge at a charge point of ours: begin, meter, end, declare invalid. Each tells the eMSP, by PUT and nobody else.

The charging periods are made anew of all readings each time (`rules.metering`), so that the last Session says what the CDR will.
A session is locked before it is judged: two reports at once are judged one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from backoffice.fields import DocumentField, milliseconds
from backoffice.locations.models import Evse, Location
from backoffice.sessions.actions.taking_up import begin_charging, booked_for, reserved_for, take_up
from backoffice.sessions.actions.tariffs import chosen, offered
from backoffice.sessions.actions.writing import HEARD, MANDATED, new, note, owe, readings_of, write
from backoffice.sessions.models import Reading, Session
from backoffice.sessions.rules.metering import Metered, unbelievable
from backoffice.sessions.rules.preferring import CAPABLE, TARIFF_OF
from backoffice.sessions.rules.states import ONGOING, NotAllowed, SessionMove, moved
from backoffice.tariffs.models import TariffVersion, undisclosed
from backoffice.tariffs.rules.splitting import Activity
from backoffice.tokens.actions.authorizing import used
from backoffice.tokens.models import Authorization, Token
from backoffice.tokens.rules.deciding import Decision
from backoffice.tokens.rules.words import How, Kind
from ocpi.wire.sessions import ProfileType, SessionStatus
from ocpi.wire.tariffs import TariffType
from ocpi.wire.tokens import AllowedType
from ocpi.wire.types import TokenType

Tree = dict[str, Any]

HARDWARE, STAFF = "charge point", "staff"

VALID_FOR = timedelta(minutes=30)
"""How long after the decision a charge may begin: a driver first walks, plugs in and looks for the right cable."""


class UnableToCharge(Exception):
    """What the charge point reports is not taken; the sentence says why."""


def begin(
    *,
    location: Location,
    evse: Evse,
    connector_id: str,
    decision: Decision,
    transaction_id: str,
    meter_kwh: Decimal,
    now: datetime,
    at: datetime | None = None,
    pending: bool = False,
    kept: int | None = None,
) -> Session:
    """A charge has begun; with `pending` the cable is not in yet. The same transaction again is the same session. `kept`: the
    session of the booking that it is, by its row id; without, what this driver reserved there is taken up.

    Raises UnableToCharge.
    """
    at = milliseconds(at or now)
    reading = Metered(at, meter_kwh, Activity.PARKED if pending else Activity.CHARGING)
    with transaction.atomic():
        # the EVSE first: two that begin at once at one EVSE begin one after the other
        Evse.objects.select_for_update(no_key=True).only("pk").get(pk=evse.pk)
        known = Session.objects.filter(point=evse, transaction=transaction_id).first()
        if known is not None:
            if known.authorization_id != decision.authorization_id:
                raise UnableToCharge(
                    f"Transaction {transaction_id} is another charge, which began {known.starts_at:%c}."
                )
            return known
        wrong = unbelievable(None, reading, milliseconds(now)) or _without_right(decision, location, evse, at)
        if wrong:
            raise UnableToCharge(wrong)
        connector = _connector(evse, connector_id)
        _end_before(evse, transaction_id, now)
        reserved = booked_for(kept) if kept is not None else reserved_for(evse, decision)
        if reserved is not None:
            take_up(reserved, location, evse, connector["id"], decision, transaction_id, reading, now)
            used(decision.authorization_id, now=at)
            owe(reserved, now)
            return reserved
        version = price_of(location, evse, connector["id"], decision, at)
        session = new(location, evse, connector["id"], decision, transaction_id, version, reading, now)
        move = SessionMove.PLUG_IN if pending else SessionMove.START
        write(session, [reading], now)
        note(session, now, move.value, by=HARDWARE, status=session.status)
        Reading.objects.create(session=session, at=at, kwh=meter_kwh, activity=reading.activity.name)
        used(decision.authorization_id, now=at)
        owe(session, now)
    return session


def meter(
    *,
    session: Session,
    kwh: Decimal,
    power_kw: Decimal | None,
    soc: Decimal | None,
    charging: bool,
    now: datetime,
    at: datetime | None = None,
) -> Session:
    """The meter of a charge that goes on. Energy that flows in a pending one starts it. Raises UnableToCharge."""
    told = Metered(
        milliseconds(at or now), kwh, Activity.CHARGING if charging else Activity.PARKED, power=power_kw, soc=soc
    )
    with transaction.atomic():
        row, readings = lock(session)
        status = SessionStatus(row.status)
        if status not in ONGOING:
            raise UnableToCharge(f"The charge is {status}: its meter is not read any more.")
        _believe(readings, told, now)
        if status is not SessionStatus.ACTIVE and charging:
            shift(row, SessionMove.START, now, by=HARDWARE)
            readings = begin_charging(row, readings, told)
        _keep(row, told)
        write(row, [*readings, told], now)
        owe(row, now)
    return row


def end(
    *,
    session: Session,
    kwh: Decimal | None,
    reason: str,
    now: datetime,
    at: datetime | None = None,
    signed_data: Tree | None = None,
    by: str = HARDWARE,
) -> Session:
    """The charge is over. `kwh` None: with the last reading. One that never began is INVALID. `signed_data`: kept as it is,
    for the CDR. Raises UnableToCharge."""
    with transaction.atomic():
        row, readings = lock(session)
        if kwh is not None:
            told = Metered(milliseconds(at or now), kwh, Activity.PARKED)
            if SessionStatus(row.status) in ONGOING and not _is_last(readings, told):
                _believe(readings, told, now)
                _keep(row, told)
                readings.append(told)
        # a reservation whose driver came and did not charge is over, and what it costs is owed
        began = row.status in (SessionStatus.ACTIVE.value, SessionStatus.RESERVATION.value)
        shift(row, SessionMove.FINISH if began else SessionMove.INVALIDATE, now, by=by, reason=reason)
        row.ends_at = readings[-1].at
        row.signed_data = DocumentField.write(signed_data) if signed_data is not None else ""
        write(row, readings, now)
        owe(row, now)
    return row


def invalidate(*, session: Session, reason: str, now: datetime, by: str) -> Session:
    """It is not to be billed. Raises UnableToCharge when it is over."""
    with transaction.atomic():
        row, readings = lock(session)
        shift(row, SessionMove.INVALIDATE, now, by=by, reason=reason)
        row.ends_at = readings[-1].at if readings else row.starts_at
        write(row, readings, now)
        owe(row, now)
    return row


def busy(evse: Evse) -> bool:
    """Whether somebody charges there, or has come to."""
    ongoing = Session.objects.filter(point=evse, ours=True, status__in=[status.value for status in ONGOING])
    return ongoing.exclude(status=SessionStatus.RESERVATION.value, transaction="").exists()


# --- the parts -------------------------------------------------------------------------------------------------------


def decision_of(authorization_id: int) -> Decision:
    """The decision that was written down, as a charge begins with it. Raises UnableToCharge."""
    row = Authorization.objects.select_related("token", "emsp").filter(pk=authorization_id).first()
    if row is None:
        raise UnableToCharge("There is no such authorization.")
    if row.token is not None:
        uid, kind, contract = row.token.object_id, row.token.type, row.token.contract_id
    else:
        uid, kind, contract = row.uid, row.token_type, row.contract_id
    token = None
    if row.emsp is not None and contract:
        token = {
            "country_code": row.emsp.country_code,
            "party_id": row.emsp.party_id,
            "uid": uid,
            "type": kind,
            "contract_id": contract,
        }
    return Decision(
        allowed=row.allowed == AllowedType.ALLOWED.value,
        outcome=AllowedType(row.allowed),
        reason=row.reason,
        authorization_id=row.pk,
        reference=row.authorization_reference or None,
        auth_method=How(row.how).method,
        token=token,
        emsp=row.emsp_id,
        connection=row.connection_id,
    )


def _without_right(decision: Decision, location: Location, evse: Evse, at: datetime) -> str:
    """Why nobody may charge by this decision; empty when somebody may."""
    if not decision.allowed or decision.token is None or decision.emsp is None:
        return f"The driver may not charge: {decision.reason}"
    made = (
        Authorization.objects.select_for_update().filter(pk=decision.authorization_id, kind=Kind.DECIDED.value).first()
    )
    if made is None:
        return "There is no such authorization."
    if made.used_at is not None:
        return f"The authorization was used already, {made.used_at:%d %b %Y %H:%M:%S} UTC."
    places = {uid.upper() for uid in made.evse_uids}
    if made.location_id.upper() != location.object_id.upper() or (places and evse.uid.upper() not in places):
        return "The driver was let in at another EVSE."
    if at - made.at > VALID_FOR:
        return f"The authorization is of {made.at:%d %b %Y %H:%M} UTC: too old to begin a charge."
    return ""


def _connector(evse: Evse, connector_id: str) -> Tree:
    for connector in DocumentField.read(evse.document)["connectors"]:
        if connector["id"].upper() == connector_id.upper():
            found: Tree = connector
            return found
    raise UnableToCharge(f"EVSE {evse} has no connector {connector_id!r}.")


def _end_before(evse: Evse, transaction_id: str, now: datetime) -> None:
    """An EVSE charges one vehicle at a time: one that began again has ended, whatever it did not tell."""
    reason = f"Transaction {transaction_id} began at the same EVSE; the end of this one was not reported."
    ongoing = Session.objects.filter(point=evse, status__in=[status.value for status in ONGOING])
    for other in ongoing.exclude(status=SessionStatus.RESERVATION.value, transaction=""):
        end(session=other, kwh=None, reason=reason, now=now, by="")


def price_of(
    location: Location,
    evse: Evse,
    connector_id: str,
    decision: Decision,
    at: datetime,
    *,
    named: Sequence[str] = (),
) -> TariffVersion | None:
    """`named`: the tariffs of a booking, which count instead of the connector's."""
    hidden: frozenset[str] = frozenset()
    if decision.connection is not None:
        hidden = undisclosed(decision.connection, [location.party_id])
    ids = named or offered(evse, connector_id)
    return chosen(location.party_id, ids, at=at, wanted=_wanted(evse, decision), hidden=hidden)


def _wanted(evse: Evse, decision: Decision) -> tuple[TariffType, ...]:
    """Without a contract, the price for that. Else the profile that the token is set to, where the EVSE can charge by profiles.
    Then what is for everybody."""
    if decision.token is not None and decision.token["type"] == TokenType.AD_HOC_USER:
        return (TariffType.AD_HOC_PAYMENT, TariffType.REGULAR)
    if CAPABLE not in evse.capabilities or decision.token is None:
        return (TariffType.REGULAR,)
    profile = (
        Token.objects.filter(
            party=decision.emsp or 0, object_id__iexact=decision.token["uid"], type=decision.token["type"]
        )
        .values_list("default_profile_type", flat=True)
        .first()
    )
    return (TARIFF_OF[ProfileType(profile)], TariffType.REGULAR) if profile else (TariffType.REGULAR,)


def lock(session: Session) -> tuple[Session, list[Metered]]:
    row = (
        Session.objects.select_for_update(of=("self",), no_key=True)
        .annotate(steered_by=MANDATED, heard=HEARD)
        .select_related("tariff_version", "point", "party")
        .get(pk=session.pk)
    )
    if not row.ours:
        raise UnableToCharge(f"{row} is a session of {row.party}: it changes when they tell us.")
    return row, readings_of(row)


def _believe(readings: Sequence[Metered], told: Metered, now: datetime) -> None:
    wrong = unbelievable(readings[-1] if readings else None, told, milliseconds(now))
    if wrong:
        raise UnableToCharge(wrong)


def _is_last(readings: Sequence[Metered], told: Metered) -> bool:
    return bool(readings) and (readings[-1].at, readings[-1].kwh) == (told.at, told.kwh)


def _keep(row: Session, told: Metered) -> None:
    Reading.objects.create(
        session=row, at=told.at, kwh=told.kwh, power_kw=told.power, soc=told.soc, activity=told.activity.name
    )


def shift(row: Session, move: SessionMove, now: datetime, *, by: str, reason: str = "") -> None:
    before = SessionStatus(row.status)
    try:
        row.status = moved(before, move).value
    except NotAllowed as refusal:
        raise UnableToCharge(str(refusal)) from refusal
    note(row, now, move.value, by=by, previous=before.value, status=row.status, reason=reason)
