"""Ours as an eMSP: what partners answer to our requests, the results they post, and when we stop waiting.

A result may come before the answer to its request, late, twice, and from somebody who was never asked. The first counts; all are
written down.
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction

from backoffice.commands.actions import executing, looking
from backoffice.commands.actions.recording import AGAIN, FOREIGN, LATE, locked, note, shift, stray
from backoffice.commands.models import Command
from backoffice.commands.rules.answers import event_of_reply, texts
from backoffice.commands.rules.states import OPEN, Direction, Event, State, event_of
from backoffice.commands.rules.waiting import deadline_of
from backoffice.crash_points import crash_point
from ocpi.module import Reply
from ocpi.wire import commands as wire
from ocpi.wire.commands import CommandResultType, CommandType

GIVEN_BACK = frozenset({CommandResultType.ACCEPTED, CommandResultType.UNKNOWN_RESERVATION})
"""Results of a CANCEL_RESERVATION after which nobody keeps the EVSE for us."""

log = logging.getLogger("roamdesk.commands")


def answered(kind: str, key: str, reply: Reply, now: datetime) -> None:
    """What became of the request. In the transaction that ends its errand."""
    row = locked(key)
    if row is None:
        return
    value = reply.value if isinstance(reply.value, wire.CommandResponse) else None
    event = event_of_reply(value.result if value else None, sent=reply.sent, cause=reply.cause)
    said = texts(value.message) if value else reply.problem[:512]
    row.responded_at, row.response_text = now, said
    if value is not None:
        row.response, row.timeout = value.result.value, min(max(value.timeout, 0), 2_147_483_647)
    if shift(row, event, at=now, value=row.response, reason=said):
        if event is Event.ACCEPT and value is not None:
            row.deadline = deadline_of(now, value.timeout)
    else:
        # the result was faster, or we have stopped waiting
        note(row, event.value, at=now, value=row.response, reason=said)
    row.save()


def heard(*, connection: int, by: str, kind: str, uid: str, value: wire.CommandResult, now: datetime) -> bool:
    """A result. False: there is no such command of ours, or another partner was asked."""
    with transaction.atomic():
        row = locked(uid)
        if row is None or row.direction != Direction.OUT.value or row.kind != kind:
            return False
        said = texts(value.message)
        if row.connection_id != connection:
            stray(row, FOREIGN, at=now, by=by, value=value.result.value, reason="Not the partner that was asked.")
            log.warning("%s posted a result for a command that another partner was asked", by)
            return False
        if State(row.state) in OPEN and row.deadline <= now:
            _time_out(row, now)
        if value.result is CommandResultType.CANCELED_RESERVATION and shift(
            row, Event.CANCEL, at=now, by=by, value=value.result.value, reason=said
        ):
            row.result, row.result_text = value.result.value, said
            row.save()
            return True
        if not shift(row, event_of(value.result), at=now, by=by, value=value.result.value, reason=said):
            late = row.state == State.TIMED_OUT.value and not row.result
            stray(row, LATE if late else AGAIN, at=now, by=by, value=value.result.value, reason=said)
            return True
        row.result, row.result_text, row.resulted_at = value.result.value, said, now
        row.save()
        if row.kind == CommandType.CANCEL_RESERVATION and value.result in GIVEN_BACK:
            _given_back(row, by=by, now=now)
        crash_point("command-heard-before-commit")
        return True


def _given_back(cancelled: Command, *, by: str, now: datetime) -> None:
    """The reservation that it concerned is none any more; the operator's own command says the same since it let go of it."""
    assert cancelled.sender_id is not None
    made = looking.asked_reservation(cancelled.sender_id, cancelled.reservation_id, now=now)
    row = locked(made.uid) if made is not None and made.receiver_id == cancelled.receiver_id else None
    if row is not None and shift(row, Event.CANCEL, at=now, by=by, reason="The reservation was given back."):
        row.save(update_fields=["state"])


def overdue(*, now: datetime) -> bool:
    return Command.objects.filter(state__in=[state.value for state in OPEN], deadline__lte=now).exists()


def time_out(*, now: datetime, limit: int = 1000) -> int:
    """Stop waiting for what is past its deadline. As a CPO we then owe the result ourselves: how the order ended was lost on its
    way. Returns how many."""
    done = 0
    overdue = Command.objects.filter(state__in=[state.value for state in OPEN], deadline__lte=now).order_by("deadline")
    for uid in overdue.values_list("uid", flat=True)[:limit]:
        with transaction.atomic():
            row = Command.objects.select_for_update(of=("self",), no_key=True, skip_locked=True).filter(uid=uid).first()
            if row is None or State(row.state) not in OPEN or row.deadline > now:
                continue
            if row.state == State.EXECUTING.value:
                executing.done(uid, CommandResultType.TIMEOUT, "The charge point did not answer in time.", now)
            else:
                _time_out(row, now)
            done += 1
    return done


def _time_out(row: Command, now: datetime) -> None:
    shift(row, Event.TIME_OUT, at=row.deadline, reason="No result came in time.")
    row.resulted_at = now
    row.save()
