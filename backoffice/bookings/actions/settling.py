"""What ends a booking of ours without its driver: nobody came, it was cancelled, its charge is over or too long, its charger is
broken. Each is found by looking, so that nothing is lost when nobody looked for a while.

What it costs is what the tariff says: a no-show where the terms have a fee for it, a cancellation of the eMSP's where the tariff
has one. What we cancel ourselves costs nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from backoffice.bookings.actions import charging, keeping
from backoffice.bookings.actions.writing import note
from backoffice.bookings.models import Booking, BookingEvent, Claim, Space
from backoffice.bookings.models.places import Decides
from backoffice.charge_points.actions import ordering
from backoffice.charge_points.rules.orders import Kind
from backoffice.fields import DocumentField
from backoffice.locations.models import Evse
from backoffice.sessions.actions import reserving
from backoffice.sessions.actions.tariffs import compiled
from backoffice.sessions.models import Session
from backoffice.tariffs.actions.storing import version_at
from backoffice.tariffs.models import Tariff
from backoffice.tariffs.rules.policy import Outcome
from ocpi.wire.bookings import CanceledReason, ReservationStatus
from ocpi.wire.sessions import SessionStatus
from ocpi.wire.tariffs import ReservationRestrictionType
from ocpi.wire.types import Role

PURPOSE = "bookings"
"""Who asks the station to stop."""

SETTLED, NOT_STOPPED, BROKEN = "SETTLED", "NOT_STOPPED", "BROKEN"

LOOK_BACK = timedelta(days=7)
"""Whoever was away for longer has staff look at it."""

SOON = timedelta(hours=2)
"""A broken charger that is booked within this time is given up for that booking: until then it may be mended."""

STOPS_WITHIN = timedelta(minutes=1)

BILLED_KINDS = (ReservationRestrictionType.RESERVATION_CANCELLATION_FEES,)


def miss_overdue(*, now: datetime, limit: int = 500) -> int:
    """Nobody came in time (T-507); without a time-out nobody is ever late (T-508)."""
    overdue = Booking.objects.filter(ours=True, status=ReservationStatus.RESERVED.value, noshow_at__lte=now)
    missed = 0
    for pk in overdue.order_by("noshow_at").values_list("pk", flat=True)[:limit]:
        try:
            keeping.miss(pk, by="", now=now)
            missed += 1
        except keeping.UnableToKeep:
            continue  # the driver came while we looked
    return missed


def settle(*, now: datetime, limit: int = 500) -> list[int]:
    """End the sessions of bookings that nobody used, and make one where something is to be paid. Returns those to be billed."""
    unused = [ReservationStatus.CANCELED.value, ReservationStatus.NO_SHOW.value]
    done = BookingEvent.objects.filter(booking=OuterRef("pk"), event=SETTLED)
    waiting = Booking.objects.filter(ours=True, status__in=unused, moved_at__gt=now - LOOK_BACK).exclude(Exists(done))
    ended = []
    for pk in waiting.order_by("moved_at").values_list("pk", flat=True)[:limit]:
        session = _settle_one(pk, now)
        if session is not None:
            ended.append(session)
    return ended


def _settle_one(pk: int, now: datetime) -> int | None:
    with transaction.atomic():
        booking = Booking.objects.select_for_update(no_key=True).get(pk=pk)
        if BookingEvent.objects.filter(booking=booking, event=SETTLED).exists():
            return None
        missed = booking.status == ReservationStatus.NO_SHOW.value
        outcome = Outcome.EXPIRED if missed else Outcome.CANCELLED
        owes = bool(charging.terms_of(booking).noshow_fee) if missed else booking.canceled_by == Role.EMSP.value
        session = Session.objects.filter(pk=booking.session_id or 0).first()
        if session is None and owes and (missed or _has_fee(booking)):
            evse, since = _evse_of(booking), min(booking.starts_at, booking.moved_at)
            session = charging.open_session(booking, evse, None, since=since, now=now) if evse is not None else None
        if session is None:
            note(booking, SETTLED, now=now, reason="Nothing is to be paid." if not owes else "Nothing to bill it by.")
            return None
        at = min(booking.moved_at, booking.noshow_at or booking.moved_at) if missed else booking.moved_at
        reason = "Nobody came in time." if missed else "The booking was cancelled."
        ended = reserving.finish(session=session, outcome=outcome, at=at, reason=reason, by="", now=now, free=not owes)
        note(booking, SETTLED, now=now, reason=f"Session {session.object_id}{'' if owes else ', free'}.")
        return session.pk if ended else None


def _has_fee(booking: Booking) -> bool:
    """Whether a tariff of this booking has a price for cancelling: without one there is nothing to bill, and no bill."""
    ids = booking.tree().get("tariff_id") or ()
    evse = _evse_of(booking) if not ids else None
    if evse is not None:
        ids = [each for row in DocumentField.read(evse.document)["connectors"] for each in row.get("tariff_ids") or ()]
    for tariff in Tariff.objects.filter(party=booking.party_id, object_id__in=ids, withdrawn_at=None):
        known = compiled(version_at(tariff, booking.moved_at))
        if known is not None and any(known.reservations[kind] for kind in BILLED_KINDS):
            return True
    return False


def _evse_of(booking: Booking) -> Evse | None:
    """Where it was to be; of several that are alike, any of them, for a bill must name one."""
    if booking.evse_id is not None:
        return Evse.objects.filter(pk=booking.evse_id).first()
    space = Space.objects.filter(resource__place=booking.place_id or 0).select_related("evse").order_by("pk").first()
    return space.evse if space is not None else None


def release_ended(*, now: datetime, limit: int = 500) -> int:
    """What is left of a booking when its charge is over is free for others."""
    over = [SessionStatus.COMPLETED.value, SessionStatus.INVALID.value]
    held = Claim.objects.filter(
        booking__status=ReservationStatus.FULFILLED.value, booking__session__status__in=over
    ).values_list("booking", flat=True)
    freed = 0
    for pk in sorted(set(held[:limit])):
        keeping.release(pk, now=now)
        freed += 1
    return freed


def stop_overstayed(*, now: datetime, limit: int = 100) -> int:
    """A charge that lasts longer than its booking lets it: the station ends it. What cannot be asked of it is noted once."""
    late = Booking.objects.filter(
        ours=True,
        status=ReservationStatus.FULFILLED.value,
        late_until__lte=now,
        session__status=SessionStatus.ACTIVE.value,
    ).select_related("session")
    asked = 0
    for booking in late.order_by("late_until")[:limit]:
        session = booking.session
        if session is None or session.point_id is None:
            continue
        if BookingEvent.objects.filter(booking=booking, event=NOT_STOPPED).exists():
            continue
        with transaction.atomic():
            try:
                ordering.order(
                    evse=session.point_id,
                    kind=Kind.STOP,
                    arguments={"transaction": session.transaction},
                    purpose=PURPOSE,
                    key=f"stop-{booking.pk}",
                    deadline=now + STOPS_WITHIN,
                    now=now,
                )
                asked += 1
            except ordering.UnableToOrder as error:
                note(booking, NOT_STOPPED, now=now, reason=str(error))
    return asked


def stopped(key: str, reason: str, *, accepted: bool, now: datetime) -> None:
    """What the station said to that."""
    booking = Booking.objects.filter(pk=int(key.removeprefix("stop-"))).first()
    if booking is not None and not accepted:
        note(booking, NOT_STOPPED, now=now, reason=reason)


def give_up_broken(*, now: datetime, limit: int = 100) -> int:
    """A charger that is broken shortly before somebody comes: another one of its kind, else the driver hears why (T-509). Where
    staff decide who gets a place, they decide this too, and find it noted."""
    broken = Booking.objects.filter(
        ours=True,
        status=ReservationStatus.RESERVED.value,
        starts_at__lte=now + SOON,
        evse__status__in=charging.OUT,
    ).select_related("place", "evse")
    moved = 0
    for booking in broken.order_by("starts_at")[:limit]:
        moved += _elsewhere(booking, now) or _given_up(booking, now)
    return moved


def _elsewhere(booking: Booking, now: datetime) -> bool:
    alike = (
        Space.objects.filter(resource__spaces__evse=booking.evse_id, evse__listed=True)
        .exclude(evse__status__in=charging.OUT)
        .order_by("pk")
    )
    for space in alike:
        try:
            keeping.assign(booking.pk, evse=space.evse_id, by="", now=now)
            return True
        except keeping.UnableToKeep:
            continue
    return False


def _given_up(booking: Booking, now: datetime) -> bool:
    why = f"EVSE {booking.evse} is {booking.evse.status if booking.evse is not None else 'gone'}."
    if booking.place is not None and booking.place.decides == Decides.STAFF.value:
        if not BookingEvent.objects.filter(booking=booking, event=BROKEN).exists():
            note(booking, BROKEN, now=now, reason=why)
        return False
    try:
        keeping.cancel(booking.pk, reason=CanceledReason.BROKEN_CHARGER, note_to_staff=why, by="", now=now)
    except keeping.UnableToKeep:
        return False
    return True
