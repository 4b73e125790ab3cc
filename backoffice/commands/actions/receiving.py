"""Take a command as a CPO: a partner's eMSP's, or our own eMSP's in this house. The answer is about us, not about the charge
point (T-405): whether we took it. What is refused is written down, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from backoffice.commands.actions import executing, looking, reservations
from backoffice.commands.actions.recording import note
from backoffice.commands.models import Command, CommandEvent, Reservation
from backoffice.commands.rules.precheck import (
    Code,
    Driver,
    Objection,
    Side,
    Situation,
    Whose,
    obstacle,
    precheck,
)
from backoffice.commands.rules.states import Direction, State
from backoffice.commands.rules.waiting import ANSWER_WITHIN, GIVEN_UP_AFTER, TIMEOUT_SECONDS
from backoffice.crash_points import crash_point
from backoffice.fields import DocumentField, milliseconds
from backoffice.locations.models import Evse, Location
from backoffice.sessions.models import Session
from backoffice.tokens.actions.commanded import commanded
from ocpi.wire.base import Wire
from ocpi.wire.commands import CommandResponseType, CommandType
from ocpi.wire.tokens import Token

Tree = dict[str, Any]

WITH_TOKEN = frozenset({CommandType.START_SESSION, CommandType.RESERVE_NOW})
AT_LOCATION = frozenset({CommandType.START_SESSION, CommandType.RESERVE_NOW, CommandType.UNLOCK_CONNECTOR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A command that somebody asks of us. `emsp`: the party that asks; `emsps`: those it may ask for (a platform may hold
    several); `cpos`: ours that are asked. `tree`, `value`: its body in the newest version. `bookings`: what is booked there."""

    kind: str
    direction: Direction
    emsp: int
    emsps: Sequence[tuple[int, tuple[str, str]]]
    cpos: Sequence[int]
    tree: Tree
    value: Wire
    now: datetime
    connection: int | None = None
    response_url: str = ""
    asked_by: str = ""
    by_driver: bool = False
    application: int | None = None
    correlation_id: str = ""
    bookings: looking.Bookings = looking.NONE

    def named(self, name: str) -> Any:
        """A field of this command. One that it does not know may be there, too, and hold anything."""
        return getattr(self.value, name, None) if name in type(self.value).model_fields else None

    def text(self, name: str) -> str:
        return self.named(name) or ""

    @property
    def token(self) -> Token | None:
        found = self.named("token")
        return found if isinstance(found, Token) else None


@dataclass(frozen=True, slots=True)
class Taken:
    """The answer, and what is behind it."""

    response: CommandResponseType
    ocpi: int
    sentence: str
    command: Command


@dataclass(slots=True)
class _Found:
    """What the command names, as far as it is there."""

    emsp: int
    location: Location | None = None
    evse: Evse | None = None
    session: Session | None = None
    reservation: Reservation | None = None


def take(request: Request) -> Taken:
    """One transaction: the command, its refusal or its order to the charge point."""
    with transaction.atomic():
        found = _find(request)
        stop = obstacle(precheck(situation(request, found)))
        row = _row(request, found)
        if stop is None:
            stop = _execute(request, row, found)
        if stop is None:
            return _accepted(row, request.now)
        if stop.result is not None and stop.response is CommandResponseType.ACCEPTED:
            taken = _accepted(row, request.now)
            executing.settle(row, stop.result, reason=stop.sentence, by="", now=request.now)
            return taken
        return _refused(row, stop, request.now)


def _find(request: Request) -> _Found:
    found = _Found(_emsp(request))
    if request.kind in AT_LOCATION:
        found.location = looking.location_of(request.cpos, request.text("location_id"), connection=request.connection)
        found.evse = looking.evse_of(found.location, request.text("evse_uid"))
    if request.kind == CommandType.STOP_SESSION:
        found.session = (
            Session.objects.select_related("point__location")
            .filter(party__in=request.cpos, object_id__iexact=request.text("session_id"), ours=True)
            .first()
        )
        if found.session is not None and found.session.emsp_id in {pk for pk, _ in request.emsps}:
            found.emsp = found.session.emsp_id
    reservation_id = request.text("reservation_id")
    if reservation_id:
        for pk in dict.fromkeys([found.emsp, *(pk for pk, _ in request.emsps)]):
            found.reservation = reservations.ongoing_of(list(request.cpos), pk, reservation_id)
            if found.reservation is not None or request.kind == CommandType.RESERVE_NOW:
                break
        if found.reservation is not None:
            found.emsp = found.reservation.emsp_id
    if request.kind in WITH_TOKEN and found.location is not None and not request.text("evse_uid"):
        kept = found.reservation
        here = kept is not None and kept.evse.location_id == found.location.pk
        found.evse = (
            kept.evse
            if kept is not None and here
            else looking.choice(
                found.location,
                kind=request.kind,
                emsp=found.emsp,
                token=request.token,
                reservation_id=reservation_id,
                now=request.now,
                bookings=request.bookings,
            )
        )
    return found


def _emsp(request: Request) -> int:
    """Who asks: the owner of the token where that is one of the platform's parties, else whom the request names."""
    token = request.token
    if token is not None:
        owner = token.country_code.upper(), token.party_id.upper()
        return next((pk for pk, key in request.emsps if key == owner), request.emsp)
    return request.emsp


def situation(request: Request, found: _Found) -> Situation:
    """As the pre-check sees it."""
    now, token = request.now, request.token
    point = None
    if found.evse is not None:
        point = looking.own_point(
            found.evse,
            kind=request.kind,
            emsp=found.emsp,
            token=token,
            reservation_id=request.text("reservation_id"),
            now=now,
            bookings=request.bookings,
        )
    driver = None
    if token is not None:
        owner = token.country_code.upper(), token.party_id.upper()
        theirs = owner in {key for _, key in request.emsps}
        driver = Driver(Whose.THEIRS if theirs else Whose.OTHERS, token.uid)
    return Situation(
        request.kind,
        Side.RECEIVING,
        now,
        location_id=request.text("location_id"),
        evse_uid=request.text("evse_uid"),
        connector_id=request.text("connector_id"),
        location_known=found.location is not None,
        point=point,
        free=found.evse is not None,
        driver=driver,
        charge=looking.charge_of(found.session, emsp=found.emsp, now=now)
        if request.kind == CommandType.STOP_SESSION
        else None,
        held=looking.held_of(found.reservation),
        expires_at=request.named("expiry_date"),
        by_driver=request.by_driver,
    )


def _row(request: Request, found: _Found) -> Command:
    token, now = request.token, request.now
    receiver = request.cpos[0] if request.cpos else None
    if found.location is not None:
        receiver = found.location.party_id
    elif found.session is not None:
        receiver = found.session.party_id
    elif found.reservation is not None:
        receiver = found.reservation.party_id
    evse = found.evse
    if found.session is not None:
        evse = found.session.point
    elif request.kind == CommandType.CANCEL_RESERVATION and found.reservation is not None:
        evse = found.reservation.evse
    expires = request.named("expiry_date")
    row = Command(
        direction=request.direction.value,
        kind=request.kind,
        state=State.EXECUTING.value,
        connection_id=request.connection,
        sender_id=found.emsp,
        receiver_id=receiver,
        document=DocumentField.write(request.tree),
        location_id=request.text("location_id") or (evse.location.object_id if evse is not None else ""),
        evse_uid=request.text("evse_uid") or (evse.uid if evse is not None else ""),
        connector_id=request.text("connector_id"),
        session_id=request.text("session_id"),
        reservation_id=request.text("reservation_id"),
        expires_at=milliseconds(expires) if expires is not None else None,
        token_uid=token.uid if token else "",
        token_type=token.type if token else "",
        contract_id=token.contract_id if token else "",
        authorization_reference=request.text("authorization_reference"),
        response_url=request.response_url,
        timeout=TIMEOUT_SECONDS,
        deadline=milliseconds(now + ANSWER_WITHIN + GIVEN_UP_AFTER),
        asked_by=request.asked_by[:150],
        by_driver=request.by_driver,
        application_id=request.application,
        correlation_id=request.correlation_id[:255],
        created_at=now,
        responded_at=now,
        point=evse,
        charge=found.session,
        holding=found.reservation,
    )
    row.save()
    CommandEvent.objects.create(
        command=row, at=now, event="RECEIVED", state=row.state, by=request.asked_by[:150], value=request.kind
    )
    return row


def _execute(request: Request, row: Command, found: _Found) -> Objection | None:
    token, now = request.token, request.now
    group = (token.group_id or "") if token is not None else ""
    if token is not None and found.location is not None and row.point is not None:
        row.authorization_id = commanded(
            token,
            command=request.kind,
            emsp=found.emsp,
            connection=request.connection,
            cpo=found.location.party_id,
            location_id=found.location.object_id,
            evse_uid=row.point.uid,
            connector_id=row.connector_id,
            reference=row.authorization_reference,
            correlation_id=row.correlation_id,
            now=now,
        )
    if request.kind == CommandType.RESERVE_NOW:
        if found.reservation is None:
            assert row.point is not None
            row.holding = reservations.claim(row, row.point, group_id=group, now=now)
        if row.holding is None:
            return Objection(Code.RESERVED, f"EVSE {row.evse_uid} is reserved for somebody else.")
    row.save()
    kept = request.bookings.numbers.get(row.point_id or 0) if request.kind == CommandType.START_SESSION else None
    refusal = executing.begin(row, group_id=group, now=now, kept=kept)
    if refusal:
        if request.kind == CommandType.RESERVE_NOW and found.reservation is None and row.holding_id is not None:
            reservations.refuse(row.holding_id, reason=refusal, now=now)
        return Objection(Code.UNREACHABLE, refusal, response=CommandResponseType.NOT_SUPPORTED)
    return None


def _accepted(row: Command, now: datetime) -> Taken:
    row.response = CommandResponseType.ACCEPTED.value
    row.save()
    note(row, "ACCEPT", at=now, value=row.response)
    crash_point("command-taken-before-commit")
    return Taken(CommandResponseType.ACCEPTED, 1000, "", row)


def _refused(row: Command, stop: Objection, now: datetime) -> Taken:
    row.state = State.REFUSED.value
    row.response, row.response_text = stop.response.value, stop.sentence[:512]
    row.save()
    note(row, "REFUSE", at=now, value=row.response, reason=stop.sentence)
    return Taken(stop.response, stop.ocpi, stop.sentence, row)
