"""Have charge stations keep what is booked: in time before the driver may come, until he has come or nobody waits for him.

An EVSE that is kept refuses strangers by itself and reports that it is RESERVED, which partners hear of as of any status. What is
to be asked of stations is found by looking at what is booked now and what they were asked before: so nothing is forgotten at a
cancellation, a move, a no-show or by a process that dies, and nothing has to be said twice. The order goes the way of all orders
(`charge_points.actions.ordering`): its row is written here, in the transaction that says that it was asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from backoffice import statements
from backoffice.bookings.actions.charging import OUT, terms_of
from backoffice.bookings.actions.keeping_apart import settled
from backoffice.bookings.actions.writing import UNASSIGNED, note
from backoffice.bookings.models import Booking, Hold
from backoffice.bookings.rules.arriving import CLEARED, kept_from
from backoffice.bookings.rules.holds import WANTED, Stage, Turn, kept_until, pause, turned
from backoffice.bookings.rules.slots import LONGEST
from backoffice.charge_points.actions import ordering
from backoffice.charge_points.rules.orders import Kind
from backoffice.commands.actions import reservations
from backoffice.fields import DocumentField
from backoffice.locations.models import Evse
from backoffice.sessions.actions import running
from backoffice.tokens.models import Token
from ocpi.wire.base import date_time_text
from ocpi.wire.bookings import ReservationStatus
from ocpi.wire.commands import CommandResultType
from ocpi.wire.locations import Capability

Tree = dict[str, Any]

PURPOSE = "booked EVSEs"
"""Who asks the stations."""

KEPT, NOT_KEPT, NOT_FREED = "KEPT", "NOT_KEPT", "NOT_FREED"

ANSWER_WITHIN = timedelta(minutes=1)

GONE = frozenset({CommandResultType.ACCEPTED, CommandResultType.UNKNOWN_RESERVATION})
"""What a station answers that keeps it no longer."""

_UNTIL = "LEAST(coalesce(b.noshow_at, b.late_until), b.late_until)"

_WANTS = f"""b.ours AND b.status = 'RESERVED' AND b.evse_id IS NOT NULL
    AND LEAST(b.early_from, b.starts_at - %(cleared)s::interval) <= %(now)s AND {_UNTIL} > %(now)s"""

_DUE = f"""
SELECT b.id FROM bookings_booking b JOIN locations_evse e ON e.id = b.evse_id
LEFT JOIN bookings_hold h ON h.booking_id = b.id AND h.state IN ('ASKED', 'KEPT', 'REFUSED')
WHERE {_WANTS} AND b.starts_at > %(oldest)s AND b.starts_at <= %(newest)s
    AND e.listed AND e.status <> ALL(%(out)s) AND e.capabilities @> ARRAY['RESERVABLE']::varchar[]
    AND (h.id IS NULL OR h.evse_id <> b.evse_id OR (h.state = 'REFUSED' AND h.again_at <= %(now)s)
        OR (h.state = 'KEPT' AND h.generation <> b.generation))
UNION
SELECT b.id FROM bookings_hold h JOIN bookings_booking b ON b.id = h.booking_id
WHERE h.state <> 'OVER' AND (h.until <= %(now)s
    OR (h.state = 'LEAVING' AND h.again_at <= %(now)s)
    OR (h.state <> 'LEAVING' AND (NOT ({_WANTS}) OR h.evse_id <> b.evse_id)))
ORDER BY 1 LIMIT %(limit)s
"""
"""Bookings for which a station is to be asked something now."""


def look(*, now: datetime, limit: int = 500) -> int:
    """Ask stations what is to be asked of them. Returns how many orders were given."""
    given = {
        "now": now,
        "cleared": CLEARED,
        "oldest": now - LONGEST - timedelta(days=1),
        "newest": now + timedelta(days=1),
        "out": sorted(OUT),
        "limit": limit,
    }
    return sum(_look(pk, now=now) for (pk,) in statements.run(_DUE, given))


@settled
def _look(booking_id: int, *, now: datetime) -> int:
    booking = Booking.objects.select_for_update(no_key=True).get(pk=booking_id)
    asked = 0
    wanted: Hold | None = None
    for each in _open(booking):
        if each.state in WANTED and _wants(booking, now) and each.evse_id == booking.evse_id:
            wanted = each
        else:
            asked += _let_go(each, booking, now)
    if not _wants(booking, now):
        return asked
    evse = Evse.objects.get(pk=booking.evse_id or 0)
    if Capability.RESERVABLE.value not in evse.capabilities or running.busy(evse):
        return asked  # whoever charges there has to leave first: then it is asked
    hold = wanted or _new(booking, evse, now)
    return asked + (hold is not None and _ask(hold, booking, now))


def _open(booking: Booking) -> list[Hold]:
    rows = Hold.objects.select_for_update(no_key=True).filter(booking=booking)
    return list(rows.exclude(state=Stage.OVER.value).order_by("pk"))


def _wants(booking: Booking, now: datetime) -> bool:
    begins = kept_from(starts_at=booking.starts_at, early_from=booking.early_from)
    reserved = booking.status == ReservationStatus.RESERVED.value and booking.evse_id is not None
    return reserved and begins <= now < _until(booking)


def _until(booking: Booking) -> datetime:
    return kept_until(noshow_at=booking.noshow_at, late_until=booking.late_until)


def _new(booking: Booking, evse: Evse, now: datetime) -> Hold | None:
    """None: the station keeps it for another booking, which is to be over first."""
    try:
        with transaction.atomic():
            return Hold.objects.create(
                booking=booking,
                evse=evse,
                number=reservations.number(),
                state=Stage.REFUSED.value,
                until=_until(booking),
                again_at=now,
                created_at=now,
            )
    except IntegrityError:
        return None


def _ask(hold: Hold, booking: Booking, now: datetime) -> bool:
    """The same number again is the same reservation, for another time or for others."""
    hold.until, hold.generation = _until(booking), booking.generation
    arguments = _arguments(hold, booking)
    told = DocumentField.write(arguments)
    if hold.state == Stage.KEPT.value and told == hold.told:
        hold.save()
        return False
    if hold.state == Stage.ASKED.value or (hold.again_at is not None and hold.again_at > now):
        return False
    _turn(hold, Turn.ASK)
    hold.told, hold.tries = told, hold.tries + 1
    refusal = _order(hold, Kind.RESERVE, arguments, now)
    if refusal:
        _refused(hold, refusal, now)
    else:
        hold.save()
    return not refusal


def _arguments(hold: Hold, booking: Booking) -> Tree:
    """For the card of the booking, its others, and those of its group where the terms let them in. No card opens one without
    tokens: it is started from afar, by its number."""
    tokens = booking.tree().get("booking_tokens") or []
    first = next((each for each in tokens if each["type"] == "RFID"), tokens[0] if tokens else None)
    told: Tree = {"reservation": hold.number, "expires": date_time_text(hold.until)}
    if booking.connector_id not in ("", UNASSIGNED):
        told["connector_id"] = booking.connector_id
    if first is None:
        return told | {"uid": booking.authorization_reference, "token_type": "OTHER"}
    others = [{"uid": each["uid"], "token_type": each["type"]} for each in tokens if each is not first]
    group = ""
    if terms_of(booking).token_groups_supported:
        known = Token.objects.filter(party=booking.emsp_id, object_id__iexact=first["uid"], type=first["type"])
        group = known.values_list("group_id", flat=True).first() or ""
    return told | {"uid": first["uid"], "token_type": first["type"], "others": others, "group_id": group}


def _let_go(hold: Hold, booking: Booking, now: datetime) -> bool:
    """Of what its station does not keep, and of what is over by itself, nothing has to be said."""
    came = booking.status == ReservationStatus.FULFILLED.value and booking.evse_id == hold.evse_id
    asked = hold.known or hold.state == Stage.ASKED.value
    if not asked or came or hold.until <= now:
        _turn(hold, Turn.END)
        hold.save()
        return False
    if hold.state != Stage.LEAVING.value:
        _turn(hold, Turn.LEAVE)
        hold.tries, hold.reason = 0, ""
    elif hold.again_at is None or hold.again_at > now:
        return False
    hold.tries += 1
    refusal = _order(hold, Kind.CANCEL_RESERVATION, {"reservation": hold.number}, now)
    hold.again_at = None
    if refusal:
        _not_freed(hold, refusal, now)
        return False
    hold.save()
    return True


def _order(hold: Hold, kind: Kind, arguments: Mapping[str, Any], now: datetime) -> str:
    """Why it cannot be asked; empty when it is."""
    word = "keep" if kind is Kind.RESERVE else "free"
    try:
        ordering.order(
            evse=hold.evse_id,
            kind=kind,
            arguments=arguments,
            purpose=PURPOSE,
            key=f"{word}-{hold.pk}-{hold.tries}",
            deadline=now + ANSWER_WITHIN,
            now=now,
        )
    except ordering.UnableToOrder as error:
        return str(error)
    return ""


# --- what stations answer ------------------------------------------------------------------------------------------------


def answered(key: str, outcome: CommandResultType, reason: str, now: datetime) -> None:
    """In the transaction that ends the order."""
    word, pk, _ = key.split("-")
    rows = Hold.objects.select_for_update(of=("self",), no_key=True).select_related("booking", "evse")
    hold = rows.filter(pk=pk).first()
    if hold is None:
        return
    reason = reason or f"It answered {outcome.value}."
    if word == "free":
        if outcome in GONE:
            _turn(hold, Turn.END)
            hold.save()
        elif hold.state == Stage.LEAVING.value:
            _not_freed(hold, reason, now)
        return
    hold.known = hold.known or outcome in (CommandResultType.ACCEPTED, CommandResultType.TIMEOUT)
    if hold.state == Stage.ASKED.value and outcome is CommandResultType.ACCEPTED:
        _turn(hold, Turn.KEEP)
        hold.reason, hold.again_at = "", None
        note(hold.booking, KEPT, now=now, by="charge point", reason=str(hold.evse), quietly=True)
    elif hold.state == Stage.ASKED.value:
        _refused(hold, reason, now)
        return
    elif outcome is CommandResultType.ACCEPTED and _turn(hold, Turn.STRAY):
        hold.again_at = now  # it heard that it was to let go before it had kept it
    hold.save()


def _refused(hold: Hold, reason: str, now: datetime) -> None:
    """Staff find it among the conflicts, until the station keeps it or nobody waits any more."""
    _turn(hold, Turn.REFUSE)
    _again(hold, NOT_KEPT, reason, now)


def _not_freed(hold: Hold, reason: str, now: datetime) -> None:
    _again(hold, NOT_FREED, reason, now)


def _again(hold: Hold, event: str, reason: str, now: datetime) -> None:
    """Later. What is said again and again is noted once."""
    if reason[:500] != hold.reason:
        note(hold.booking, event, now=now, by="charge point", reason=reason, quietly=True)
    hold.reason, hold.again_at = reason[:500], now + pause(hold.tries)
    hold.save()


def _turn(hold: Hold, turn: Turn) -> bool:
    to = turned(Stage(hold.state), turn)
    if to is None:
        return False
    hold.state = to.value
    return True
