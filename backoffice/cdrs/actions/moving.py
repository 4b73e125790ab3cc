"""Move a CDR of ours from state to state: one update filtered on the old state, and a row that says who and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from backoffice.cdrs.models import Cdr, CdrEvent
from backoffice.cdrs.rules.states import CdrMove, CdrState, NotAllowed, moved


class UnableToDecide(Exception):
    """Staff asked for what cannot be done with this CDR; the sentence says why."""


def move(cdr: Cdr, event: CdrMove, *, now: datetime, by: str = "", reason: str = "", **columns: Any) -> CdrState:
    """In the caller's transaction. `columns`: written with the state. Raises UnableToDecide."""
    before = CdrState(cdr.state)
    try:
        to = moved(before, event)
    except NotAllowed as error:
        raise UnableToDecide(f"{cdr}: {error}") from error
    changed = Cdr.objects.filter(pk=cdr.pk, state=before.value).update(state=to.value, **columns)
    if changed != 1:
        raise UnableToDecide(f"{cdr}: somebody was faster, it is {before.value.lower()} no longer.")
    cdr.state = to.value
    for name, value in columns.items():
        setattr(cdr, name, value)
    note(cdr.pk, event.value, now=now, by=by, reason=reason, from_state=before.value, to_state=to.value)
    return to


def note(cdr: int, what: str, *, now: datetime, by: str = "", reason: str = "", **states: str) -> None:
    """Into the CDR's history."""
    CdrEvent.objects.create(cdr_id=cdr, at=now, what=what, by=by[:150], reason=reason[:300], **states)
