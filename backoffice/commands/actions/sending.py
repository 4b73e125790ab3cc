"""Ours as an eMSP: check a command, and send it. To a partner it goes over OCPI, at most once; at a charge point of our own
company it goes to the hardware without OCPI.

Staff, driver apps and the demo all come through here. What speaks against a command is told before it is sent (`check`); what is
certain keeps it from being sent.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from backoffice.commands.actions import looking, receiving
from backoffice.commands.actions.recording import note
from backoffice.commands.actions.reservations import MODULE
from backoffice.commands.models import Command
from backoffice.commands.rules.precheck import Driver, Held, Objection, Side, Situation, Whose, obstacle, precheck
from backoffice.commands.rules.states import RECEIVER_ROLES, SENDER_ROLES, Direction, State
from backoffice.commands.rules.waiting import SEND_WITHIN, TIMEOUT_SECONDS
from backoffice.crash_points import crash_point
from backoffice.delivery.actions import errands
from backoffice.fields import DocumentField, milliseconds
from backoffice.locations.models import Evse, Location
from backoffice.partners.models import Connection, Endpoint, Party, PartyRole
from backoffice.partners.rules import ConnectionState, RoleState
from backoffice.sessions.models import Session
from backoffice.tokens.models import Token
from backoffice.tokens.rules import answering
from backoffice.tokens.rules.answering import Asked, Place, Standing
from backoffice.tokens.rules.words import Hold
from ocpi import versions
from ocpi.wire import commands as wire
from ocpi.wire import json as wire_json
from ocpi.wire.base import Wire, date_time_text
from ocpi.wire.commands import CommandType
from ocpi.wire.tokens import AllowedType

Tree = dict[str, Any]

BODIES: dict[str, type[Wire]] = {
    CommandType.START_SESSION: wire.StartSession,
    CommandType.STOP_SESSION: wire.StopSession,
    CommandType.RESERVE_NOW: wire.ReserveNow,
    CommandType.CANCEL_RESERVATION: wire.CancelReservation,
    CommandType.UNLOCK_CONNECTOR: wire.UnlockConnector,
}

NOWHERE = "https://nowhere.example/"
"""Stands for a response_url where nothing is posted: our own company hears without OCPI."""


class UnableToCommand(Exception):
    """It is not sent; the sentence says why, `objections` says everything."""

    def __init__(self, message: str, objections: Sequence[Objection] = ()) -> None:
        super().__init__(message)
        self.objections = tuple(objections)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants done. START_SESSION and RESERVE_NOW: `token`, `location`, and if one is to be named, EVSE and
    connector. STOP_SESSION: `session`. CANCEL_RESERVATION: `reservation_id` and `emsp`. UNLOCK_CONNECTOR: `emsp`, and the whole
    place.

    `asked_by`: a user name, an API key; `by_driver`: a driver wants it, not staff. `application`: the row of the app that asks,
    whose webhooks hear what becomes of it.
    """

    kind: str
    token: Token | None = None
    location: Location | None = None
    evse_uid: str = ""
    connector_id: str = ""
    session: Session | None = None
    emsp: Party | None = None
    reservation_id: str = ""
    expires_at: datetime | None = None
    authorization_reference: str = ""
    asked_by: str = ""
    by_driver: bool = False
    application: int | None = None
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class _Case:
    """A wish with everything that it concerns. `connection` None: our own charge point, or no way there (`no_way`)."""

    wish: Wish
    emsp: Party | None
    cpo: Party | None
    connection: Connection | None = None
    no_way: str = ""
    evse: Evse | None = None
    made: Command | None = None

    @property
    def own(self) -> bool:
        return self.cpo is not None and self.cpo.ours


def check(wish: Wish, *, now: datetime) -> list[Objection]:
    """What speaks against it, before anything is sent; empty when nothing does."""
    case = _case(wish, now)
    return precheck(_situation(case, now))


def body(wish: Wish, *, now: datetime) -> Tree:
    """What would be sent, but for the response_url and what is made up anew for each (references, reservation ids). Raises
    UnableToCommand where too little is known."""
    return _body(_case(wish, now))[0]


def send(wish: Wish, *, now: datetime) -> Command:
    """Send it, or give it to our own charge point. Raises UnableToCommand. Another's answer is no error: it is in the row."""
    case = _case(wish, now)
    objections = precheck(_situation(case, now))
    stop = obstacle(objections)
    if stop is not None:
        raise UnableToCommand(stop.sentence, objections)
    assert case.emsp is not None and case.cpo is not None
    return _at_home(case, now) if case.own else _abroad(case, now)


def _case(wish: Wish, now: datetime) -> _Case:
    emsp, cpo, made = wish.emsp, None, None
    if wish.token is not None:
        emsp = wish.token.party
    if wish.session is not None:
        emsp, cpo = wish.session.emsp, wish.session.party
    elif wish.location is not None:
        cpo = wish.location.party
    elif wish.reservation_id and emsp is not None:
        made = looking.asked_reservation(emsp.pk, wish.reservation_id, now=now)
        cpo = made.receiver if made is not None else None
    evse = looking.evse_of(wish.location, wish.evse_uid)
    filled = wish
    if wish.kind in receiving.AT_LOCATION and evse is not None and not wish.connector_id:
        ids = looking.connectors(evse)
        filled = replace(wish, connector_id=ids[0]) if len(ids) == 1 else wish
    case = _Case(filled, emsp, cpo, evse=evse, made=made)
    if emsp is None or not emsp.ours:
        return replace(case, no_way="It belongs to no eMSP of ours.")
    if cpo is None:
        missing = wish.kind not in (CommandType.CANCEL_RESERVATION, CommandType.STOP_SESSION)
        return replace(case, no_way="It does not say where." if missing else "")
    if cpo.ours:
        return case
    connection, no_way = _way(emsp, cpo, wish.kind)
    return replace(case, connection=connection, no_way=no_way)


def _way(emsp: Party, cpo: Party, kind: str) -> tuple[Connection | None, str]:
    """The connection over which this eMSP of ours reaches that operator, or why there is none."""
    role = (
        PartyRole.objects.select_related("connection")
        .filter(party=cpo, role__in=RECEIVER_ROLES, state=RoleState.ACTIVE, connection__isnull=False)
        .first()
    )
    connection = role.connection if role is not None else None
    if connection is None:
        return None, f"No connection leads to {cpo}."
    if connection.state != ConnectionState.ACTIVE:
        return None, f"The connection {connection} is {connection.state.lower()}."
    if not connection.our_parties.filter(pk=emsp.pk, roles__role__in=SENDER_ROLES, roles__connection=None).exists():
        return None, f"Our eMSP {emsp} takes no part in the connection {connection}."
    if not Endpoint.objects.filter(connection=connection, identifier=MODULE, role="RECEIVER").exists():
        return None, f"{connection} takes no commands: it has published no Receiver interface for them."
    if versions.lacks(connection.version, kind):
        return None, f"{connection} speaks OCPI {connection.version}, which has no {kind}."
    return connection, ""


def _situation(case: _Case, now: datetime) -> Situation:
    wish, token = case.wish, case.wish.token
    point = None
    if case.evse is not None:
        kept = looking.kept_by_us(case.evse, token, now=now) if token is not None else Whose.NOBODY
        point = looking.told_point(case.evse, kept=kept)
    held = None
    if wish.kind == CommandType.CANCEL_RESERVATION:
        held = Held(case.made.location_id, case.made.evse_uid) if case.made is not None else None
    elif wish.kind == CommandType.RESERVE_NOW and wish.reservation_id and case.emsp is not None:
        made = looking.asked_reservation(case.emsp.pk, wish.reservation_id, now=now)
        held = Held(made.location_id, made.evse_uid) if made is not None else None
    session = wish.session
    return Situation(
        wish.kind,
        Side.SENDING,
        now,
        location_id=wish.location.object_id if wish.location is not None else "",
        evse_uid=wish.evse_uid,
        connector_id=wish.connector_id,
        location_known=wish.location is not None,
        point=point,
        driver=_driver(token, wish.location, wish.evse_uid) if token is not None else None,
        charge=looking.charge_of(session, emsp=case.emsp.pk if case.emsp else 0, now=now, told=not case.own),
        held=held,
        expires_at=wish.expires_at,
        no_way=case.no_way,
        by_driver=wish.by_driver,
    )


def _driver(token: Token, location: Location | None, evse_uid: str) -> Driver:
    """Whether our own eMSP lets it charge, as it would answer a CPO that asks (T-413)."""
    label = token.visual_number or token.object_id
    if not token.party.ours:
        return Driver(Whose.OTHERS, label)
    standing = Standing(token.type, token.valid, Hold(token.hold), tuple(token.only_in))
    asked, place = None, None
    if location is not None:
        uids = frozenset(uid.upper() for uid in Evse.objects.filter(location=location).values_list("uid", flat=True))
        asked = Asked(location.object_id, (evse_uid,) if evse_uid.upper() in uids else ())
        place = Place(location.country, uids)
    answered = answering.answer(standing, asked, place)
    return Driver(Whose.THEIRS, label, "" if answered.allowed is AllowedType.ALLOWED else answered.sentence)


def _body(case: _Case) -> tuple[Tree, str]:
    """Without its response_url; and the reference by which session and CDR will be known as this command's."""
    wish = case.wish
    place = {
        name: value
        for name, value in (("evse_uid", wish.evse_uid), ("connector_id", wish.connector_id))
        if value and not (name == "connector_id" and wish.kind == CommandType.RESERVE_NOW)
    }
    at = {"location_id": wish.location.object_id} if wish.location is not None else {}
    if wish.kind == CommandType.STOP_SESSION:
        assert wish.session is not None
        return {"session_id": wish.session.object_id}, ""
    if wish.kind == CommandType.CANCEL_RESERVATION:
        return {"reservation_id": wish.reservation_id}, ""
    if wish.kind == CommandType.UNLOCK_CONNECTOR:
        return at | place, ""
    assert wish.token is not None
    reference = wish.authorization_reference or str(uuid.uuid4())
    tree = {"token": wish.token.tree(), **at, **place, "authorization_reference": reference}
    if wish.kind == CommandType.RESERVE_NOW:
        if wish.expires_at is None:
            raise UnableToCommand("A reservation needs a time at which it ends.")
        tree |= {
            "expiry_date": date_time_text(milliseconds(wish.expires_at)),
            "reservation_id": wish.reservation_id or _number(),
        }
    return tree, reference


def _number() -> str:
    """As text a number, and one of 31 bits: OCPI 2.1.1 and many a charge point know no other reservation ids."""
    return str(1 + secrets.randbelow(2**31 - 1))


def _abroad(case: _Case, now: datetime) -> Command:
    wish, emsp, cpo = case.wish, case.emsp, case.cpo
    assert emsp is not None and cpo is not None and case.connection is not None
    tree, reference = _body(case)
    try:
        wire_json.validate(BODIES[wish.kind], tree | {"response_url": NOWHERE})
    except wire_json.Invalid as error:
        raise UnableToCommand(str(error)) from error
    token, session, made = wish.token, wish.session, case.made
    with transaction.atomic():
        row = Command(
            direction=Direction.OUT.value,
            kind=wish.kind,
            state=State.QUEUED.value,
            connection=case.connection,
            sender=emsp,
            receiver=cpo,
            document=DocumentField.write(tree),
            location_id=tree.get("location_id")
            or (session.location_id if session else made.location_id if made else ""),
            evse_uid=wish.evse_uid or (session.evse_uid if session else made.evse_uid if made else ""),
            connector_id=wish.connector_id,
            session_id=session.object_id if session else "",
            reservation_id=tree.get("reservation_id", ""),
            expires_at=milliseconds(wish.expires_at) if wish.expires_at else None,
            token_uid=token.object_id if token else session.token_uid if session else made.token_uid if made else "",
            token_type=token.type if token else session.token_type if session else made.token_type if made else "",
            contract_id=token.contract_id if token else session.contract_id if session else "",
            authorization_reference=reference,
            deadline=milliseconds(now + SEND_WITHIN) + timedelta(seconds=TIMEOUT_SECONDS),
            asked_by=wish.asked_by[:150],
            by_driver=wish.by_driver,
            application_id=wish.application,
            correlation_id=wish.correlation_id or str(uuid.uuid4()),
            created_at=now,
            point=case.evse,
            charge=session,
        )
        row.save()
        note(row, "QUEUED", at=now, by=wish.asked_by, value=wish.kind)
        errands.owe_request(
            connection=case.connection.pk,
            sender=emsp.pk,
            receiver=cpo.pk,
            module=MODULE,
            kind=wish.kind,
            key=row.uid,
            tree=tree,
            deadline=now + SEND_WITHIN,
            correlation_id=row.correlation_id,
            now=now,
        )
        crash_point("command-queued-before-commit")
    return row


def _at_home(case: _Case, now: datetime) -> Command:
    wish, emsp, cpo = case.wish, case.emsp, case.cpo
    assert emsp is not None and cpo is not None
    tree, _ = _body(case)
    try:
        value = wire_json.validate(BODIES[wish.kind], tree | {"response_url": NOWHERE})
    except wire_json.Invalid as error:
        raise UnableToCommand(str(error)) from error
    taken = receiving.take(
        receiving.Request(
            kind=wish.kind,
            direction=Direction.OWN,
            emsp=emsp.pk,
            emsps=((emsp.pk, (emsp.country_code, emsp.party_id)),),
            cpos=(cpo.pk,),
            tree=tree,
            value=value,
            now=now,
            asked_by=wish.asked_by,
            by_driver=wish.by_driver,
            application=wish.application,
            correlation_id=wish.correlation_id or str(uuid.uuid4()),
        )
    )
    return taken.command
