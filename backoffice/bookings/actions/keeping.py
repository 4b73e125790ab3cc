"""What becomes of a booking of ours that was granted: assigned, moved, canceled by us, missed, fulfilled, over."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from backoffice import statements
from backoffice.bookings.actions.availability import refresh
from backoffice.bookings.actions.granting import let_tokens_go
from backoffice.bookings.actions.keeping_apart import Taken, Want, claims_of, keep_tokens, let_go, rearrange, settled
from backoffice.bookings.actions.writing import UNASSIGNED, UnableToMove, note, turn, write
from backoffice.bookings.models import Booking, Claim, Space
from backoffice.bookings.models.slots import Of
from backoffice.bookings.rules.states import LIVE, Event, may_say
from backoffice.fields import milliseconds
from backoffice.locations.models import Evse
from ocpi.wire.base import date_time_text
from ocpi.wire.bookings import CanceledReason, ReservationRequestStatus, ReservationStatus
from ocpi.wire.types import Role

Tree = dict[str, Any]


class UnableToKeep(Exception):
    """That cannot be done with this booking; the sentence says why."""


@settled
def cancel(booking_id: int, *, reason: CanceledReason, note_to_staff: str = "", by: str, now: datetime) -> Booking:
    """We cancel, and the eMSP hears why (T-509, T-510). Raises UnableToKeep."""
    if not may_say(reason, cpo=True):
        raise UnableToKeep(f"{reason.value} is a reason of the eMSP.")
    booking = _locked(booking_id)
    if ReservationStatus(booking.status) is ReservationStatus.PENDING:
        raise UnableToKeep("It was not granted yet: decline it.")
    canceled = {"cancellation_reason": reason.value, "who_canceled": Role.CPO.value}
    return _end(booking, Event.CANCEL, "CANCELED", {"canceled": canceled}, note_to_staff or reason.value, by, now)


@settled
def miss(booking_id: int, *, by: str, now: datetime) -> Booking:
    """Nobody came: NO_SHOW, and the space is free. By itself (`by` nobody) only after the time-out. Raises UnableToKeep."""
    booking = _locked(booking_id)
    if booking.starts_at > now:
        raise UnableToKeep("It has not begun yet.")
    if not by and (booking.noshow_at is None or booking.noshow_at > now):
        raise UnableToKeep("Its driver may still come.")
    return _end(booking, Event.MISS, "NO_SHOW", {}, "Nobody came in time.", by, now)


@settled
def fulfil(booking_id: int, *, session: int | None, by: str, now: datetime) -> Booking:
    """A charge began on it (T-506). It keeps its space until `release`. Raises UnableToKeep."""
    booking = _locked(booking_id)
    was = booking.status
    to = _turned(booking, Event.FULFIL, now)
    _decline_waiting(booking, now)
    if session is not None:
        booking.session_id = session
    write(booking, booking.tree() | {"reservation_status": to}, now=now)
    note(booking, "FULFILLED", now=now, previous=was, by=by)
    return booking


@settled
def release(booking_id: int, *, now: datetime) -> None:
    """The charge on it is over: what is left of its time is free for others."""
    booking = _locked(booking_id)
    if ReservationStatus(booking.status) in LIVE or not claims_of(booking.pk):
        return
    let_go(booking)
    let_tokens_go(booking)
    _refresh(booking, now)


@settled
def assign(booking_id: int, *, evse: int | None = None, by: str, now: datetime) -> Evse:
    """Give it an EVSE of its resource, this one or any (T-523). At any moment no more bookings are there than spaces,
    so one is always free for who arrives; where a booking of later was promised it, that one gets another when its time
    comes. Raises UnableToKeep."""
    booking = _locked(booking_id)
    if ReservationStatus(booking.status) is not ReservationStatus.RESERVED:
        raise UnableToKeep(f"The booking is {booking.status}.")
    claim = _spaces(booking)
    spaces = list(
        Space.objects.select_related("evse").filter(resource=claim.resource_id).order_by("evse__position", "pk")
    )
    wanted = [space for space in spaces if evse is None or space.evse_id == evse]
    if not wanted:
        raise UnableToKeep("That EVSE is none of those that the booking is for.")
    if claim.evse_id is not None and (evse is None or claim.evse_id == evse):
        return next(space.evse for space in spaces if space.evse_id == claim.evse_id)
    for space in wanted:
        if _moved_to(booking, claim, space, claim.period.lower, claim.period.upper):
            return _assigned(booking, space, by, now)
    if evse is None and booking.early_from <= now:
        for space in wanted:
            if _make_room(space, claim, now) and _moved_to(
                booking, claim, space, claim.period.lower, claim.period.upper
            ):
                return _assigned(booking, space, by, now)
    raise UnableToKeep("Another booking has it then.")


def _make_room(space: Space, claim: Claim, now: datetime) -> bool:
    """Take this EVSE from bookings that have not begun. False: somebody is there, or staff keep it."""
    others = list(
        Claim.objects.select_related("booking")
        .filter(evse=space.evse_id, period__overlap=claim.period)
        .exclude(holder=claim.holder)
    )
    if any(other.booking is None or other.period.lower <= now for other in others):
        return False
    for other in others:
        assert other.booking is not None
        Claim.objects.filter(pk=other.pk).update(evse=None)
        booking = _locked(other.booking.pk)
        booking.evse = None
        tree = {name: part for name, part in booking.tree().items() if name != "parking_id"}
        write(booking, tree | {"evse_uid": UNASSIGNED}, now=now)
        note(booking, "UNASSIGNED", now=now, reason="Whoever came first got the EVSE; it gets another.")
    return True


def _assigned(booking: Booking, space: Space, by: str, now: datetime) -> Evse:
    evse = space.evse
    booking.evse = evse
    parking = {"parking_id": space.parking_id} if space.parking_id else {}
    write(booking, booking.tree() | {"evse_uid": evse.uid} | parking, now=now)
    note(booking, "ASSIGNED", now=now, by=by, reason=str(evse))
    return evse


@settled
def move(
    booking_id: int,
    *,
    starts_at: datetime,
    ends_at: datetime,
    by: str,
    now: datetime,
    evse: int | None = None,
) -> Booking:
    """Staff move it, in time or to another EVSE; the eMSP is told. Raises UnableToKeep."""
    if starts_at >= ends_at or ends_at <= now:
        raise UnableToKeep("It must end after it starts, and not in the past.")
    booking = _locked(booking_id)
    if ReservationStatus(booking.status) is not ReservationStatus.RESERVED:
        raise UnableToKeep(f"The booking is {booking.status} and cannot be moved.")
    claim = _spaces(booking)
    space = None
    if evse is not None and evse != claim.evse_id:
        space = Space.objects.select_related("evse", "resource__place").filter(evse=evse).first()
        if space is None or space.resource.place is None or space.resource.place.party_id != booking.party_id:
            raise UnableToKeep("That EVSE is not bookable.")
        if space.resource.place.premises_id != _premises(claim):
            raise UnableToKeep("That EVSE stands at another location: cancel, and let the driver book there.")
    elif claim.evse_id is not None:
        space = Space.objects.select_related("evse").get(evse=claim.evse_id)
    if not _moved_to(booking, claim, space, starts_at, ends_at):
        raise UnableToKeep("Another booking has it then.")
    period = booking.tree()["period"] | {
        "start_from": date_time_text(milliseconds(starts_at)),
        "end_before": date_time_text(milliseconds(ends_at)),
    }
    tree = booking.tree() | {"period": period}
    if space is not None:
        booking.evse = space.evse
        tree |= {"evse_uid": space.evse.uid}
        tree |= {"parking_id": space.parking_id} if space.parking_id else {}
    was = f"{booking.starts_at:%Y-%m-%d %H:%M} to {booking.ends_at:%H:%M}"
    booking.starts_at, booking.ends_at = starts_at, ends_at
    try:
        keep_tokens(booking, tree.get("booking_tokens", ()), exclusive=booking.exclusive)
    except Taken as error:
        raise UnableToKeep(str(error)) from error
    write(booking, tree, now=now)
    note(booking, "MOVED", now=now, by=by, reason=f"It was {was} UTC.")
    _refresh(booking, now)
    return booking


def tidy(*, now: datetime, limit: int = 1000) -> int:
    """Throw away what was kept for times that are long over. Returns how many claims."""
    before = now - timedelta(days=2)
    gone = statements.run(
        """DELETE FROM bookings_claim WHERE id IN (
               SELECT id FROM bookings_claim WHERE upper(period) < %s ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
           RETURNING id""",
        [before, limit],
    )
    statements.run("DELETE FROM bookings_slotuse WHERE starts_at < %s", [before])
    statements.run("DELETE FROM bookings_hold WHERE state = 'OVER' AND until < %s", [before])
    return len(gone)


# --- the parts -------------------------------------------------------------------------------------------------------


def _locked(booking_id: int) -> Booking:
    booking = Booking.objects.select_for_update(no_key=True).filter(pk=booking_id, ours=True).first()
    if booking is None:
        raise UnableToKeep("It is not a booking at a charge point of ours.")
    return booking


def _turned(booking: Booking, event: Event, now: datetime) -> str:
    try:
        return turn(booking, event, now=now).value
    except UnableToMove as error:
        raise UnableToKeep(str(error)) from error


def _end(booking: Booking, event: Event, name: str, beside: Tree, reason: str, by: str, now: datetime) -> Booking:
    was = booking.status
    to = _turned(booking, event, now)
    _decline_waiting(booking, now)
    let_go(booking)
    let_tokens_go(booking)
    write(booking, booking.tree() | beside | {"reservation_status": to}, now=now)
    note(booking, name, now=now, previous=was, by=by, reason=reason)
    _refresh(booking, now)
    return booking


def _decline_waiting(booking: Booking, now: datetime) -> None:
    """A change that waits for its answer cannot be granted any more."""
    waiting = booking.requests.filter(status=ReservationRequestStatus.PENDING.value)
    for asked in waiting:
        rearrange(holder=booking, drop=list(booking.claims.filter(asked=asked)))
        asked.status, asked.decided_at = ReservationRequestStatus.DECLINED.value, now
        asked.reason = "The booking ended before it was decided."
        asked.save(update_fields=["status", "decided_at", "reason"])


def _spaces(booking: Booking) -> Claim:
    """Its standing claim on spaces."""
    found = booking.claims.select_related("resource__place").filter(asked=None, resource__of=Of.SPACES.value).first()
    if found is None:
        raise UnableToKeep("It keeps no space.")
    return found


def _premises(claim: Claim) -> int | None:
    return claim.resource.place.premises_id if claim.resource.place is not None else None


def _moved_to(booking: Booking, claim: Claim, space: Space | None, starts_at: datetime, ends_at: datetime) -> bool:
    """The standing claims, of its power too, as they are to be; False where somebody else has it."""
    standing = list(booking.claims.select_related("resource").filter(asked=None))
    wants = [
        Want(
            space.resource_id if space is not None and one.pk == claim.pk else one.resource_id,
            starts_at,
            ends_at,
            one.amount,
            (space.evse_id if space is not None else None) if one.pk == claim.pk else None,
        )
        for one in standing
    ]
    try:
        rearrange(holder=booking, add=wants, drop=standing)
    except Taken:
        return False
    return True


def _refresh(booking: Booking, now: datetime, also: Collection[int] = ()) -> None:
    refresh(sorted({*also, *([booking.place_id] if booking.place_id is not None else [])}), now=now)
