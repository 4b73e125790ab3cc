"""What is known of the things that a command names, as the pre-check wants it. Reads, but that what has expired is let go of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from backoffice.charge_points.actions import ordering
from backoffice.commands.actions import reservations
from backoffice.commands.models import Command, Reservation
from backoffice.commands.rules.precheck import Charge, Held, Point, Whose
from backoffice.commands.rules.states import State
from backoffice.fields import DocumentField
from backoffice.locations.models import Evse, Location, Withholding
from backoffice.sessions.models import Session
from backoffice.sessions.rules.states import ONGOING
from backoffice.tokens.models import Token
from ocpi.wire.commands import CommandType
from ocpi.wire.locations import Status
from ocpi.wire.sessions import SessionStatus
from ocpi.wire.tokens import Token as WireToken


@dataclass(frozen=True, slots=True)
class Bookings:
    """What the room of bookings says of EVSEs, by their rows: `barred` are kept for others who booked, `awaited` wait for this
    driver. `numbers`: under which their stations keep the latter."""

    barred: frozenset[int] = frozenset()
    awaited: frozenset[int] = frozenset()
    numbers: Mapping[int, int] = field(default_factory=dict)


NONE = Bookings()

STUCK_FOR = timedelta(hours=1)
"""So long after a charge the cable may still be that driver's, and nobody else's eMSP may have it let go."""


def location_of(parties: Sequence[int], location_id: str, *, connection: int | None) -> Location | None:
    """One of our locations, unless this partner must not know of it."""
    rows = Location.objects.select_related("party").filter(party__in=parties, object_id__iexact=location_id)
    if connection is not None:
        rows = rows.filter(shared=True).exclude(
            pk__in=Withholding.objects.filter(connection=connection).values("location")
        )
    return rows.order_by("pk").first()


def evse_of(location: Location | None, uid: str) -> Evse | None:
    if location is None or not uid:
        return None
    return Evse.objects.filter(location=location, uid__iexact=uid, listed=True).first()


def connectors(evse: Evse) -> tuple[str, ...]:
    return tuple(each["id"] for each in DocumentField.read(evse.document)["connectors"])


def told_point(evse: Evse, *, kept: Whose = Whose.NOBODY) -> Point:
    """An EVSE of a partner, as it told us."""
    return Point(
        uid=evse.uid,
        status=Status(evse.status),
        capabilities=frozenset(evse.capabilities),
        connectors=connectors(evse),
        told_at=evse.status_since,
        kept=kept,
    )


def own_point(
    evse: Evse,
    *,
    kind: str,
    emsp: int,
    token: WireToken | None,
    reservation_id: str,
    now: datetime,
    bookings: Bookings = NONE,
) -> Point:
    """An EVSE of ours: for whom it is kept, whose cable is in it, whether an order can reach it."""
    reservations.clear(evse.pk, now=now)
    return Point(
        uid=evse.uid,
        status=Status(evse.status),
        capabilities=frozenset(evse.capabilities),
        connectors=connectors(evse),
        told_at=evse.status_since,
        kept=_kept(evse, kind=kind, emsp=emsp, token=token, reservation_id=reservation_id, bookings=bookings),
        cable=_cable(evse, emsp=emsp, now=now) if kind == CommandType.UNLOCK_CONNECTOR else Whose.NOBODY,
        unreachable=ordering.reachable(evse.pk, now=now),
    )


def _kept(
    evse: Evse, *, kind: str, emsp: int, token: WireToken | None, reservation_id: str, bookings: Bookings
) -> Whose:
    if evse.pk in bookings.barred:
        return Whose.OTHERS
    if evse.pk in bookings.awaited:
        return Whose.THEIRS
    row = reservations.ongoing_at(evse.pk)
    if row is None:
        return _booked(evse, kind=kind, emsp=emsp, token=token)
    if row.emsp_id != emsp or token is None:
        return Whose.OTHERS
    if kind == CommandType.RESERVE_NOW and row.reservation_id.upper() != reservation_id.upper():
        return Whose.OTHERS  # of the same driver, perhaps; one EVSE is reserved once
    return Whose.THEIRS if same_driver(row, token) else Whose.OTHERS


def _booked(evse: Evse, *, kind: str, emsp: int, token: WireToken | None) -> Whose:
    """A booking that has begun and whose driver has not come: its session is all that this room knows of it."""
    waiting = Session.objects.filter(point=evse, ours=True, status=SessionStatus.RESERVATION.value, transaction="")
    session = waiting.exclude(booking_id="").first()
    if session is None:
        return Whose.NOBODY
    if kind != CommandType.START_SESSION or token is None or session.emsp_id != emsp:
        return Whose.OTHERS
    return Whose.THEIRS if session.contract_id.upper() == token.contract_id.upper() else Whose.OTHERS


def same_driver(row: Reservation, token: WireToken) -> bool:
    """The token that reserved, or one of its group or contract."""
    if (token.uid.upper(), token.type) == (row.token_uid.upper(), row.token_type):
        return True
    if row.group_id and (token.group_id or "").upper() == row.group_id.upper():
        return True
    return row.session is not None and row.session.contract_id.upper() == token.contract_id.upper()


def _cable(evse: Evse, *, emsp: int, now: datetime) -> Whose:
    last = Session.objects.filter(point=evse, ours=True).exclude(transaction="").order_by("-starts_at").first()
    if last is None:
        return Whose.NOBODY
    if last.emsp_id == emsp:
        return Whose.THEIRS
    gone = last.status not in ONGOING and last.ends_at is not None and last.ends_at < now - STUCK_FOR
    return Whose.NOBODY if gone else Whose.OTHERS


def choice(
    location: Location,
    *,
    kind: str,
    emsp: int,
    token: WireToken | None,
    reservation_id: str,
    now: datetime,
    bookings: Bookings = NONE,
) -> Evse | None:
    """An EVSE for whoever left the choice to us (T-422): the one that is kept for this driver, else one that is free."""
    needed = "RESERVABLE" if kind == CommandType.RESERVE_NOW else "REMOTE_START_STOP_CAPABLE"
    free = None
    for evse in Evse.objects.filter(location=location, listed=True, capabilities__contains=[needed]):
        if kind == CommandType.START_SESSION and "START_SESSION_CONNECTOR_REQUIRED" in evse.capabilities:
            continue
        point = own_point(
            evse, kind=kind, emsp=emsp, token=token, reservation_id=reservation_id, now=now, bookings=bookings
        )
        if point.unreachable or point.kept is Whose.OTHERS:
            continue
        if point.kept is Whose.THEIRS:
            return evse
        if free is None and point.status is Status.AVAILABLE:
            free = evse
    return free


def charge_of(session: Session | None, *, emsp: int, now: datetime, told: bool = False) -> Charge | None:
    """`told`: a session that a partner told us of."""
    if session is None:
        return None
    point = None
    if told:
        evse = Evse.objects.filter(
            location__party=session.party_id,
            location__object_id__iexact=session.location_id,
            uid__iexact=session.evse_uid,
        ).first()
        point = told_point(evse) if evse is not None else None
    elif session.point is not None:
        point = own_point(
            session.point, kind=CommandType.STOP_SESSION, emsp=emsp, token=None, reservation_id="", now=now
        )
    return Charge(Whose.THEIRS if session.emsp_id == emsp else Whose.OTHERS, session.status, point)


def held_of(row: Reservation | None) -> Held | None:
    return Held(row.location_id, row.evse.uid) if row is not None else None


def asked_reservation(emsp: int, reservation_id: str, *, now: datetime) -> Command | None:
    """The RESERVE_NOW of ours that made this reservation at a partner and still holds: the last one of those that replaced each
    other, unless it was cancelled."""
    last = (
        Command.objects.filter(
            sender=emsp,
            kind=CommandType.RESERVE_NOW.value,
            reservation_id__iexact=reservation_id,
            state__in=[State.SUCCEEDED.value, State.CANCELED.value],
            expires_at__gt=now,
        )
        .exclude(reservation_id="")
        .order_by("-pk")
        .first()
    )
    return last if last is not None and last.state == State.SUCCEEDED.value else None


def kept_by_us(evse: Evse, token: Token, *, now: datetime) -> Whose:
    """Whether a token of ours has this partner's EVSE reserved."""
    made = Command.objects.filter(
        sender=token.party_id,
        receiver=evse.location.party_id,
        kind=CommandType.RESERVE_NOW.value,
        state=State.SUCCEEDED.value,
        token_uid__iexact=token.object_id,
        location_id__iexact=evse.location.object_id,
        evse_uid__iexact=evse.uid,
        expires_at__gt=now,
    )
    return Whose.THEIRS if made.exists() else Whose.NOBODY
