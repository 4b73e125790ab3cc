"""The charge on a booking of ours: who may begin it, its session from the start of the booking on, and that it is fulfilled.

The rooms below know nothing of bookings: what they must know of one goes down as values. Doors ask here before a card is let in,
before a command is taken and when a charge begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Upper

from backoffice.bookings.actions import keeping
from backoffice.bookings.actions.writing import note
from backoffice.bookings.models import Booking, Hold, Space
from backoffice.bookings.rules.arriving import CLEARED, Comer, kept_from, opens, why_not_so
from backoffice.bookings.rules.holds import WANTED
from backoffice.commands.actions.looking import NONE, Bookings
from backoffice.locations.models import Evse, Location
from backoffice.sessions.actions import reserving, running
from backoffice.sessions.models import Session
from backoffice.sessions.rules.booked import Booked
from backoffice.sessions.rules.states import ONGOING
from backoffice.tokens.actions.commanded import commanded
from backoffice.tokens.models import Token
from ocpi.wire import json as wire_json
from ocpi.wire.bookings import BookingTerms, BookingToken, ReservationStatus
from ocpi.wire.locations import Status
from ocpi.wire.sessions import SessionStatus

HARDWARE = "charge point"

JUST_BEFORE = timedelta(seconds=1)
"""So long at least a booked EVSE was kept for its driver: what is due for booking it is due although nobody waited."""

OUT = frozenset({Status.OUTOFORDER.value, Status.INOPERATIVE.value, Status.REMOVED.value})
"""Where nobody can charge."""


class UnableToBegin(Exception):
    """The driver may not begin here; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A booking that waits for this driver at this charge point."""

    booking: Booking
    terms: BookingTerms


def comer(
    *, emsp: int, uid: str, token_type: str, remote: bool = False, reference: str = "", group_id: str = ""
) -> Comer:
    """`group_id`: as the eMSP said in its command; else our copy of the token tells it."""
    key = (uid.upper(), token_type)
    groups: frozenset[tuple[str, str]] = frozenset()
    ours = Token.objects.filter(party=emsp, object_id__iexact=uid, type=token_type).values_list("group_id", flat=True)
    group = group_id or next(iter(ours), "") or ""
    if group:
        same = Token.objects.alias(group=Upper("group_id")).filter(party=emsp, group=group.upper())
        groups = frozenset((other.upper(), kind) for other, kind in same.values_list("object_id", "type"))
    return Comer(emsp, uid, token_type, groups | {key} if groups else groups, remote, reference)


def expected(evse: Evse, who: Comer, *, now: datetime) -> Expected | None:
    """The booking that this driver has here now, of several the one that begins first. Raises UnableToBegin where it is his and
    cannot be begun so."""
    space = _space(evse)
    if space is None:
        return None
    live = [row for row in _live(space, now + CLEARED) if row.early_from <= now < row.late_until]
    return _of(live, who)


def refusal(evse: Evse, who: Comer | None, *, now: datetime) -> str:
    """Why this driver must not begin here: it is kept for whoever booked. Empty when it is not, or he is the one. `who` None: a
    driver of whom nobody knows whose he is."""
    space = _space(evse)
    if space is None:
        return ""
    rows = _live(space, now + timedelta(days=1))
    try:
        theirs = _of([row for row in rows if row.early_from <= now < row.late_until], who) if who is not None else None
    except UnableToBegin as error:
        return str(error)
    keeping_it = [
        row
        for row in rows
        if kept_from(starts_at=row.starts_at, early_from=row.early_from) <= now < row.late_until
        and (theirs is None or row.pk != theirs.booking.pk)
    ]
    for row in keeping_it:
        if row.evse_id == evse.pk:
            return f"EVSE {evse.uid} is booked from {row.starts_at:%H:%M} UTC."
    if theirs is not None:
        return ""
    if space.resource.place is not None and space.resource.place.reservation_required:
        return "Only who has booked can charge here."
    waiting = sum(row.evse_id is None for row in keeping_it)
    if waiting and waiting >= _free(space, keeping_it):
        return "All charge points of this kind are booked."
    return ""


def at_location(
    parties: Sequence[int],
    location_id: str,
    *,
    emsp: int,
    uid: str,
    token_type: str,
    group_id: str,
    reference: str,
    until: datetime | None,
    now: datetime,
) -> Bookings:
    """What a command must know of what is booked at a location. `until`: of one that would reserve; a booking is no reason to
    reserve beside it, so nothing awaits its driver then."""
    evses = list(
        Evse.objects.filter(
            location__party__in=parties, location__object_id__iexact=location_id, listed=True, space__isnull=False
        )
    )
    if not evses:
        return NONE
    if until is not None:
        end = max(now, until)
        return Bookings(
            barred=frozenset(
                e.pk for e in evses if any(refusal(e, None, now=at) for at in (now, *_begin(e, now, end), end))
            )
        )
    who = comer(emsp=emsp, uid=uid, token_type=token_type, remote=True, reference=reference, group_id=group_id)
    awaiting = frozenset(evse.pk for evse in evses if awaited(evse, who, now=now))
    holds = Hold.objects.filter(evse__in=awaiting, state__in=WANTED) if awaiting else Hold.objects.none()
    return Bookings(
        barred=frozenset(evse.pk for evse in evses if refusal(evse, who, now=now)),
        awaited=awaiting,
        numbers={hold.evse_id: hold.number for hold in holds},
    )


def awaited(evse: Evse, who: Comer, *, now: datetime) -> bool:
    """Whether this driver has booked here and may begin."""
    try:
        return expected(evse, who, now=now) is not None
    except UnableToBegin:
        return False


def vouched(evse: Evse, *, uid: str, token_type: str, now: datetime) -> int | None:
    """A card that nobody knows here, but whose eMSP named it in a booking of now: the eMSP let it in by that. The authorization's
    row id."""
    space = _space(evse)
    for row in _live(space, now + CLEARED) if space is not None else ():
        who = Comer(row.emsp_id, uid, token_type)
        if row.early_from <= now < row.late_until and who.key in {(t.uid.upper(), t.type) for t in row.tokens.all()}:
            token = _token(row.tree().get("booking_tokens") or (), who)
            return _let_in(row, token, evse, now=now) if token is not None else None
    return None


def arrive(evse: Evse, who: Comer, *, now: datetime) -> Session | None:
    """The session of the booking that this driver has here, made now if nobody had made it, at the EVSE where he is. None: he has
    none. In the caller's transaction, before the charge begins in it. Raises UnableToBegin."""
    found = expected(evse, who, now=now)
    if found is None:
        return None
    with transaction.atomic():
        booking = Booking.objects.select_for_update(no_key=True).get(pk=found.booking.pk)
        if booking.status != ReservationStatus.RESERVED.value:
            return None
        if booking.evse_id != evse.pk:
            try:
                keeping.assign(booking.pk, evse=evse.pk, by=HARDWARE, now=now)
            except keeping.UnableToKeep as error:
                raise UnableToBegin(str(error)) from error
            booking.refresh_from_db()
        return open_session(booking, evse, who, now=now)


def fulfilled(session: Session, *, now: datetime) -> None:
    """A charge has begun in the session of a booking (T-506)."""
    if not session.booking_id:
        return
    row = (
        Booking.objects.filter(session=session, ours=True, status=ReservationStatus.RESERVED.value)
        .values_list("pk", flat=True)
        .first()
    )
    if row is not None:
        keeping.fulfil(row, session=session.pk, by=HARDWARE, now=now)


def open_session(
    booking: Booking, evse: Evse, who: Comer | None, *, now: datetime, since: datetime | None = None
) -> Session | None:
    """The session of a booking, at this EVSE; one that waits at another moves there. None where the booking names no token: its
    session could not say whose it is. `since`: from when the EVSE was kept. The booking is locked."""
    if booking.session_id is not None:
        session = Session.objects.filter(pk=booking.session_id, status=SessionStatus.RESERVATION.value).first()
        if session is not None and session.point_id != evse.pk:
            reserving.elsewhere(session=session, evse=evse, now=now)
        return session
    tree = booking.tree()
    token = _token(tree.get("booking_tokens") or (), who)
    if token is None:
        return None
    session = reserving.reserve(
        location=Location.objects.select_related("party").get(pk=evse.location_id),
        evse=evse,
        decision=running.decision_of(_let_in(booking, token, evse, now=now)),
        booked=Booked(
            booking.object_id,
            since=since or (booking.starts_at if who is None else min(booking.starts_at, now - JUST_BEFORE)),
            until=booking.ends_at,
            tariffs=tuple(tree.get("tariff_id") or ()),
        ),
        now=now,
    )
    booking.session = session
    booking.save(update_fields=["session"])
    note(booking, "SESSION", now=now, by="", reason=f"Session {session.object_id} at {evse}.")
    return session


def begin_due(*, now: datetime, limit: int = 500) -> int:
    """The sessions of bookings that begin: from their start on the eMSP sees that the EVSE waits for its driver. One without an
    EVSE gets it when its driver comes."""
    due = Booking.objects.filter(
        ours=True, status=ReservationStatus.RESERVED.value, starts_at__lte=now, ends_at__gt=now, session=None
    ).exclude(evse=None)
    made = 0
    for pk in due.order_by("starts_at").values_list("pk", flat=True)[:limit]:
        with transaction.atomic():
            booking = Booking.objects.select_for_update(no_key=True).get(pk=pk)
            if booking.status != ReservationStatus.RESERVED.value or booking.session_id is not None:
                continue
            evse = Evse.objects.filter(pk=booking.evse_id or 0).first()
            busy = evse is None or running.busy(evse)
            made += evse is not None and not busy and open_session(booking, evse, None, now=now) is not None
    return made


# --- the parts --------------------------------------------------------------------------------------------------------------


def _let_in(booking: Booking, token: BookingToken, evse: Evse, *, now: datetime) -> int:
    return commanded(
        token,
        command="a booking",
        emsp=booking.emsp_id,
        connection=booking.connection_id,
        cpo=booking.party_id,
        location_id=booking.location_id,
        evse_uid=evse.uid,
        connector_id="",
        reference=booking.authorization_reference,
        correlation_id="",
        now=now,
    )


def _begin(evse: Evse, since: datetime, until: datetime) -> list[datetime]:
    """When bookings of this kind of space begin between."""
    space = _space(evse)
    rows = _live(space, until) if space is not None else []
    return sorted({row.starts_at for row in rows if row.starts_at > since})


def _space(evse: Evse) -> Space | None:
    return Space.objects.select_related("resource__place").filter(evse=evse).first()


def _live(space: Space, until: datetime) -> list[Booking]:
    """Bookings of this kind of space that were granted and begin before then, the first first."""
    rows = Booking.objects.filter(
        ours=True,
        status=ReservationStatus.RESERVED.value,
        starts_at__lte=until,
        claims__resource=space.resource_id,
        claims__asked=None,
    )
    return list(rows.prefetch_related("tokens").order_by("starts_at", "pk").distinct()[:500])


def _of(rows: Sequence[Booking], who: Comer) -> Expected | None:
    for row in rows:
        terms = terms_of(row)
        tokens = [(token.uid, token.type) for token in row.tokens.all()]
        if opens(who, emsp=row.emsp_id, tokens=tokens, reference=row.authorization_reference, terms=terms):
            wrong = why_not_so(who, terms)
            if wrong:
                raise UnableToBegin(wrong)
            return Expected(row, terms)
    return None


def terms_of(booking: Booking) -> BookingTerms:
    return wire_json.validate(BookingTerms, booking.tree()["booking_terms"])


def _free(space: Space, keeping_it: Sequence[Booking]) -> int:
    """Spaces of this kind, at whose charge points somebody could begin now, and that no booking was promised."""
    promised = {row.evse_id for row in keeping_it if row.evse_id is not None}
    busy = Session.objects.filter(status__in=[status.value for status in ONGOING], ours=True).values("point")
    return (
        Evse.objects.filter(space__resource=space.resource_id, listed=True)
        .exclude(Q(pk__in=promised) | Q(status__in=OUT) | Q(pk__in=busy))
        .count()
    )


def _token(listed: Sequence[dict[str, Any]], who: Comer | None) -> BookingToken | None:
    """The booking's token that came, else its first."""
    came = [each for each in listed if who is not None and (each["uid"].upper(), each["type"]) == who.key]
    return wire_json.validate(BookingToken, (came or listed)[0]) if listed else None
