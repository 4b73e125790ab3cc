"""Ours as a CPO: give a command to the charge point, and say what became of it.

The order to the hardware is written in the transaction of the command, and its end in the transaction of the result, which also
owes it to the partner. So a process may die between any two steps: what was committed goes on by itself, and an order that nobody
answers ends at its deadline.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from backoffice.charge_points.actions import ordering
from backoffice.charge_points.rules.orders import Kind
from backoffice.commands.actions import reservations
from backoffice.commands.actions.recording import (
    AGAIN,
    DELIVERED,
    LATE,
    UNDELIVERED,
    locked,
    note,
    shift,
    stray,
)
from backoffice.commands.actions.reservations import CANCELED, MODULE
from backoffice.commands.models import Command, Fate
from backoffice.commands.rules.answers import result_tree
from backoffice.commands.rules.states import Direction, State, event_of
from backoffice.commands.rules.waiting import ANSWER_WITHIN, DELIVER_WITHIN
from backoffice.crash_points import crash_point
from backoffice.delivery.actions import errands
from ocpi.module import Reply
from ocpi.wire.base import date_time_text
from ocpi.wire.commands import CommandResultType, CommandType

R = CommandResultType

ORDERS: Mapping[str, Kind] = {
    CommandType.START_SESSION: Kind.START,
    CommandType.STOP_SESSION: Kind.STOP,
    CommandType.RESERVE_NOW: Kind.RESERVE,
    CommandType.CANCEL_RESERVATION: Kind.CANCEL_RESERVATION,
    CommandType.UNLOCK_CONNECTOR: Kind.UNLOCK,
}


def begin(row: Command, *, group_id: str, now: datetime, kept: int | None = None) -> str:
    """Order it of the charge point. Returns why that is not possible, or nothing. In the transaction that took the command.
    `kept`: the number under which the EVSE is kept for whoever is to be let in."""
    assert row.point_id is not None
    try:
        ordering.order(
            evse=row.point_id,
            kind=ORDERS[row.kind],
            arguments=_arguments(row, group_id) | ({"reservation": kept} if kept is not None else {}),
            purpose=MODULE,
            key=row.uid,
            deadline=now + ANSWER_WITHIN,
            now=now,
        )
    except ordering.UnableToOrder as error:
        return str(error)
    return ""


def _arguments(row: Command, group_id: str) -> dict[str, Any]:
    """The charge point gets our number of a reservation and never the eMSP's (T-426)."""
    connector = {"connector_id": row.connector_id} if row.connector_id else {}
    driver = {"uid": row.token_uid, "token_type": row.token_type}
    match row.kind:
        case CommandType.START_SESSION:
            return driver | connector | {"authorization_id": row.authorization_id}
        case CommandType.STOP_SESSION:
            assert row.charge is not None
            return {"transaction": row.charge.transaction}
        case CommandType.RESERVE_NOW:
            assert row.expires_at is not None
            expires = date_time_text(row.expires_at)
            return driver | {"reservation": row.holding_id, "expires": expires, "group_id": group_id}
        case CommandType.CANCEL_RESERVATION:
            return {"reservation": row.holding_id}
        case _:
            return connector


def done(key: str, outcome: CommandResultType, reason: str, now: datetime) -> None:
    """The charge point has answered, or will not (TIMEOUT, T-434). In the transaction that ends its order."""
    with transaction.atomic():
        row = locked(key)
        if row is None:
            return  # a reservation was let go of, and nobody waits to hear of it
        if row.state != State.EXECUTING.value:
            stray(row, LATE, at=now, by="charge point", value=outcome.value, reason=reason)
            return
        outcome, reason = _consequences(row, outcome, reason, now)
        settle(row, outcome, reason=reason, by="charge point", now=now)


def _consequences(
    row: Command, outcome: CommandResultType, reason: str, now: datetime
) -> tuple[CommandResultType, str]:
    """What follows for the reservation, and what the eMSP is told."""
    if row.holding_id is None:
        return outcome, reason
    if row.kind == CommandType.RESERVE_NOW:
        if outcome is not R.ACCEPTED:
            reservations.refuse(row.holding_id, reason=reason, now=now)
            return outcome, reason
        too_late = reservations.keep(row.holding_id, row, now=now)
        return (R.FAILED, too_late) if too_late else (outcome, reason)
    if outcome in (R.ACCEPTED, R.UNKNOWN_RESERVATION):
        # the charge point may have forgotten it; we have not
        gone = reservations.cancel(row.holding_id, by=row.asked_by, now=now)
        return (R.ACCEPTED, reason) if gone else (R.UNKNOWN_RESERVATION, "The reservation was over already.")
    return outcome, reason


def settle(row: Command, result: CommandResultType, *, reason: str, by: str, now: datetime) -> None:
    """The one result of a locked command. A partner is owed it, at exactly the URL that it gave (T-407)."""
    if not shift(row, event_of(result), at=now, by=by, value=result.value, reason=reason):
        stray(row, AGAIN, at=now, by=by, value=result.value, reason=reason)
        return
    row.result, row.result_text, row.resulted_at = result.value, reason[:512], now
    if row.direction == Direction.IN.value:
        assert row.connection_id is not None and row.receiver_id is not None
        row.result_fate = Fate.DUE.value
        errands.owe_result(
            connection=row.connection_id,
            sender=row.receiver_id,
            receiver=row.sender_id,
            module=MODULE,
            kind=row.kind,
            key=row.uid,
            url=row.response_url,
            tree=result_tree(result, reason),
            deadline=now + DELIVER_WITHIN,
            correlation_id=row.correlation_id,
            now=now,
        )
    row.save()
    crash_point("command-settled-before-commit")


def delivered(kind: str, key: str, reply: Reply, now: datetime) -> None:
    """What became of a result that we owed. Nothing follows from it but that staff see it: the charge point has long acted."""
    row = locked(key.removesuffix(CANCELED))
    if row is None:
        return
    row.result_fate = Fate.UNDELIVERED.value if reply.problem else Fate.DELIVERED.value
    row.result_fate_text = reply.problem[:300]
    row.save(update_fields=["result_fate", "result_fate_text"])
    value = R.CANCELED_RESERVATION.value if key.endswith(CANCELED) else row.result
    note(row, UNDELIVERED if reply.problem else DELIVERED, at=now, value=value, reason=reply.problem)
