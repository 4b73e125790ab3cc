"""Write down what happens to a command: its moves by the table, and what moves nothing."""

from __future__ import annotations

from datetime import datetime

from backoffice.api.actions import webhooks
from backoffice.commands.models import Command, CommandEvent
from backoffice.commands.rules.answers import RESULTS
from backoffice.commands.rules.states import Direction, Event, State, moved
from ocpi.wire.base import date_time_text

LATE, AGAIN, FOREIGN, DELIVERED, UNDELIVERED = "LATE", "AGAIN", "FOREIGN", "DELIVERED", "UNDELIVERED"
"""Events that move nothing."""

COMMAND_EVENT = "command.changed"
"""What the webhooks of the app that asked are told."""

STRAYS_KEPT = 20
"""So many results without effect are told one by one; more are only counted, for a partner may say the same for ever."""


def locked(uid: str) -> Command | None:
    """The command with this uid, until the transaction ends."""
    return Command.objects.select_for_update(of=("self",), no_key=True).filter(uid=uid).first()


def note(row: Command, event: str, *, at: datetime, by: str = "", value: str = "", reason: str = "") -> None:
    """Something that moved nothing, or that a move is told by elsewhere."""
    CommandEvent.objects.create(
        command=row, at=at, event=event, by=by[:150], value=value, reason=reason[:512], state=row.state
    )


def shift(row: Command, event: Event, *, at: datetime, by: str = "", value: str = "", reason: str = "") -> bool:
    """Move a locked command; the caller saves it. False: the table knows no such move, nothing was changed or written."""
    before = State(row.state)
    to = moved(Direction(row.direction), before, event, row.kind)
    if to is None:
        return False
    row.state = to.value
    CommandEvent.objects.create(
        command=row,
        at=at,
        event=event.value,
        previous=before.value,
        state=to.value,
        by=by[:150],
        value=value,
        reason=reason[:512],
    )
    if row.application_id is not None:
        _tell(row, event, at=at, value=value, reason=reason)
    return True


def _tell(row: Command, event: Event, *, at: datetime, value: str, reason: str) -> None:
    """The app that asked for it; in the words of this move, for the row's own columns are written after it."""
    assert row.application_id is not None
    data: dict[str, object] = {
        "command": row.uid,
        "kind": row.kind,
        "state": row.state,
        "sentence": reason or RESULTS.get(value, ""),
        "asked_at": date_time_text(row.created_at),
    }
    if value:
        data["response" if event in (Event.ACCEPT, Event.REFUSE) else "result"] = value
    if row.reservation_id:
        data["reservation_id"] = row.reservation_id
    if row.charge_id is not None:
        data["charge"] = str(row.charge_id)
    webhooks.tell(application=row.application_id, event=COMMAND_EVENT, data=data, about=row.uid, now=at)


def stray(row: Command, event: str, *, at: datetime, by: str = "", value: str = "", reason: str = "") -> None:
    """A result without effect."""
    row.stray_results += 1
    row.save(update_fields=["stray_results"])
    if row.stray_results <= STRAYS_KEPT:
        note(row, event, at=at, by=by, value=value, reason=reason)
