"""Keep EVSEs of ours for drivers: claim one, hold it once the charge point agrees, and let go of it in one of five ways.

Who claims first has it: a partial unique index says so, and nobody looks first and takes then. The Session of a reservation
begins when it is held; `sessions.actions.reserving` writes it.
"""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from backoffice import statements
from backoffice.charge_points.actions import ordering
from backoffice.charge_points.rules.orders import Kind
from backoffice.commands.actions.recording import locked, note, shift
from backoffice.commands.models import Command, Fate, Reservation, unguessable
from backoffice.commands.rules.answers import result_tree
from backoffice.commands.rules.states import HOLDINGS, ONGOING, Direction, Event, Holding, Turn
from backoffice.commands.rules.waiting import ANSWER_WITHIN
from backoffice.delivery.actions import errands
from backoffice.locations.models import Evse, Location
from backoffice.sessions.actions import reserving, running
from backoffice.sessions.models import Session
from backoffice.tariffs.rules.policy import Outcome
from ocpi.wire.commands import CommandResultType
from ocpi.wire.sessions import SessionStatus

MODULE = "commands"
CANCELED = "-canceled"
"""Ends the key of the errand that tells of a cancelled reservation: its command's own is used up by the result."""


class UnableToWithdraw(Exception):
    """The reservation stays as it is; the sentence says why."""


def number() -> int:
    """A number for something else that a charge point is to keep: of the sequence of reservations, so that it means one thing."""
    ((found,),) = statements.run("SELECT nextval(pg_get_serial_sequence('commands_reservation', 'id'))", [])
    return int(found)


def ongoing_at(evse: int) -> Reservation | None:
    return Reservation.objects.filter(evse=evse, state__in=[state.value for state in ONGOING]).first()


def ongoing_of(parties: list[int], emsp: int, reservation_id: str) -> Reservation | None:
    """The reservation that this eMSP calls so. Another eMSP's of the same name is another one (T-426)."""
    return (
        Reservation.objects.select_related("evse__location__party")
        .filter(
            party__in=parties,
            emsp=emsp,
            reservation_id__iexact=reservation_id,
            state__in=[state.value for state in ONGOING],
        )
        .first()
    )


def claim(command: Command, evse: Evse, *, group_id: str, now: datetime) -> Reservation | None:
    """The EVSE is asked to be kept for the driver of a RESERVE_NOW. None: somebody else has it."""
    assert command.expires_at is not None and command.receiver_id is not None
    try:
        with transaction.atomic():
            return Reservation.objects.create(
                party_id=command.receiver_id,
                emsp_id=command.sender_id,
                reservation_id=command.reservation_id,
                state=Holding.ASKED.value,
                location_id=command.location_id,
                evse=evse,
                token_uid=command.token_uid,
                token_type=command.token_type,
                group_id=group_id,
                expires_at=command.expires_at,
                made_by=command,
                created_at=now,
            )
    except IntegrityError:
        return None


def keep(reservation_id: int, command: Command, *, now: datetime) -> str:
    """The charge point keeps the EVSE; with a second RESERVE_NOW, until another time. Returns why it is too late, or nothing."""
    row = _locked(reservation_id)
    if row.state == Holding.HELD.value:
        assert command.expires_at is not None
        row.expires_at, row.made_by = command.expires_at, command
        row.save(update_fields=["expires_at", "made_by"])
        command.charge_id = row.session_id
        return ""
    if not _turn(row, Turn.KEEP):
        return f"The reservation is {row.state} meanwhile."
    assert command.authorization_id is not None
    location = Location.objects.select_related("party").get(pk=row.evse.location_id)
    row.session = reserving.reserve(
        location=location,
        evse=row.evse,
        decision=running.decision_of(command.authorization_id),
        group_id=row.group_id,
        now=now,
    )
    row.expires_at, row.made_by = command.expires_at or row.expires_at, command
    row.save()
    command.charge_id = row.session_id
    return ""


def refuse(reservation_id: int, *, reason: str, now: datetime) -> None:
    """The charge point does not keep it. One that it keeps already, and only would not change, stays."""
    row = _locked(reservation_id)
    if _turn(row, Turn.REFUSE):
        _end(row, reason, now)


def cancel(reservation_id: int, *, by: str, now: datetime) -> bool:
    """The eMSP takes it back, and pays what that costs. False: it was over."""
    made, row = _locked_with_command(reservation_id)
    if not _turn(row, Turn.CANCEL):
        return False
    _finish(row, Outcome.CANCELLED, at=now, reason="The eMSP cancelled the reservation.", by=by, now=now)
    _end(row, "The eMSP cancelled it.", now)
    if shift(made, Event.CANCEL, at=now, by=by, reason="The eMSP cancelled the reservation."):
        made.save(update_fields=["state"])
    return True


def withdraw(reservation_id: int, *, reason: str, by: str, now: datetime) -> None:
    """We cancel it, and the eMSP hears so where it asked for it (T-411). It costs nothing. Raises UnableToWithdraw."""
    reason = " ".join(reason.split())
    if not reason:
        raise UnableToWithdraw("Say why: the driver is told.")
    with transaction.atomic():
        made, row = _locked_with_command(reservation_id)
        if not _turn(row, Turn.WITHDRAW):
            raise UnableToWithdraw(f"The reservation is {row.state}.")
        _finish(row, Outcome.CANCELLED, at=now, reason=reason, by=by, now=now, free=True)
        _end(row, reason, now)
        _release(row, now)
        shift(made, Event.CANCEL, at=now, by=by, value=CommandResultType.CANCELED_RESERVATION.value, reason=reason)
        if made.direction == Direction.IN.value and made.connection_id is not None:
            made.result_fate, made.result_fate_text = Fate.DUE.value, ""
            errands.owe_result(
                connection=made.connection_id,
                sender=row.party_id,
                receiver=row.emsp_id,
                module=MODULE,
                kind=made.kind,
                key=f"{made.uid}{CANCELED}",
                url=made.response_url,
                tree=result_tree(CommandResultType.CANCELED_RESERVATION, reason),
                deadline=max(row.expires_at, now + ANSWER_WITHIN),
                now=now,
            )
        made.save()


def came(session: Session, *, now: datetime) -> None:
    """A charge began at a charge point of ours. If its EVSE was kept for that driver, the reservation has served; if it was kept
    for another one, nobody can have it any more."""
    if session.point_id is None:
        return
    found = ongoing_at(session.point_id)
    if found is None:
        return
    if found.session_id == session.pk:
        _serve(found.pk, now)
    elif found.state == Holding.HELD.value:
        try:
            withdraw(found.pk, reason="Another vehicle charges there.", by="charge point", now=now)
        except UnableToWithdraw:
            return  # it ended while we looked; the charge goes on in any case


def _serve(reservation_id: int, now: datetime) -> None:
    with transaction.atomic():
        row = _locked(reservation_id)
        if _turn(row, Turn.COME):
            _end(row, "The driver came.", now)


def overdue(*, now: datetime) -> bool:
    return Reservation.objects.filter(state__in=[state.value for state in ONGOING], expires_at__lte=now).exists()


def expire(*, now: datetime, limit: int = 500) -> list[int]:
    """Let go of what has expired, and of what was left behind. Returns the sessions that ended by it: they are to be billed."""
    ended = []
    overdue = Reservation.objects.filter(state__in=[state.value for state in ONGOING], expires_at__lte=now)
    for pk in overdue.order_by("expires_at").values_list("pk", flat=True)[:limit]:
        session = expire_one(pk, now=now)
        if session is not None:
            ended.append(session)
    served = Reservation.objects.filter(state=Holding.HELD.value).exclude(
        session__status=SessionStatus.RESERVATION.value, session__transaction=""
    )
    for pk in served.values_list("pk", flat=True)[:limit]:
        _serve(pk, now)
    return ended


def expire_one(reservation_id: int, *, now: datetime) -> int | None:
    """The session that ended by it."""
    with transaction.atomic():
        row = _locked(reservation_id)
        if row.expires_at > now or not _turn(row, Turn.EXPIRE):
            return None
        done = _finish(row, Outcome.EXPIRED, at=row.expires_at, reason="Nobody came in time.", by="", now=now)
        if not done:
            row.state = Holding.USED.value
        _end(row, "Nobody came in time." if done else "The driver came.", now)
        return row.session_id if done else None


def clear(evse: int, *, now: datetime) -> None:
    """Before somebody claims this EVSE: what has expired there must not be in the way until the next sweep."""
    row = ongoing_at(evse)
    if row is not None and row.expires_at <= now:
        expire_one(row.pk, now=now)


# --- the parts -------------------------------------------------------------------------------------------------------


def _locked_with_command(reservation_id: int) -> tuple[Command, Reservation]:
    """With the RESERVE_NOW that made it, which is locked first, as everywhere."""
    while True:
        uid = Command.objects.filter(made=reservation_id).values_list("uid", flat=True).get()
        made = locked(uid)
        row = _locked(reservation_id)
        if made is not None and row.made_by_id == made.pk:
            return made, row


def _locked(reservation_id: int) -> Reservation:
    return (
        Reservation.objects.select_for_update(of=("self",), no_key=True)
        .select_related("evse", "session", "made_by")
        .get(pk=reservation_id)
    )


def _turn(row: Reservation, turn: Turn) -> bool:
    to = HOLDINGS[Holding(row.state)].get(turn)
    if to is None:
        return False
    row.state = to.value
    return True


def _end(row: Reservation, reason: str, now: datetime) -> None:
    row.ended_at, row.reason = now, reason[:300]
    row.save()


def _finish(
    row: Reservation, outcome: Outcome, *, at: datetime, reason: str, by: str, now: datetime, free: bool = False
) -> bool:
    if row.session is None:
        return True
    return reserving.finish(session=row.session, outcome=outcome, at=at, reason=reason, by=by, now=now, free=free)


def _release(row: Reservation, now: datetime) -> None:
    """Tell the charge point. What it answers changes nothing: the reservation is over."""
    try:
        ordering.order(
            evse=row.evse_id,
            kind=Kind.CANCEL_RESERVATION,
            arguments={"reservation": row.pk},
            purpose=MODULE,
            key=unguessable(),
            deadline=now + ANSWER_WITHIN,
            now=now,
        )
    except ordering.UnableToOrder as error:
        note(row.made_by, "NOT_RELEASED", at=now, reason=str(error))
