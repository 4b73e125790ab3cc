"""How a payment moves, and what is written down of it. In the caller's transaction, with the row locked."""

from __future__ import annotations

from datetime import datetime

from backoffice.payments.models import CardPayment, CardPaymentEvent
from backoffice.payments.rules.transaction import DUE, OVER, TRANSITIONS, WAITING, Event, State, moved


def locked(pk: int) -> CardPayment:
    return (
        CardPayment.objects.select_for_update(of=("self",), no_key=True)
        .select_related("party", "customer", "terminal", "start", "stop", "session", "cdr")
        .get(pk=pk)
    )


def can(row: CardPayment, event: Event) -> bool:
    return event in TRANSITIONS[State(row.state)]


def shift(row: CardPayment, event: Event, *, now: datetime, by: str = "", reason: str = "") -> None:
    """Raises NotAllowed. The caller saves the row."""
    before = State(row.state)
    row.state = moved(before, event).value
    after = State(row.state)
    if reason:
        row.problem = reason[:300]
    row.ended_at = now if after in OVER else None
    # what is over is looked after no more; only a release may still be followed by a bill
    row.due_at = now if after in DUE or after in WAITING or after is State.AUTHORIZED else None
    note(row, event.value, now=now, by=by, reason=reason, before=before.value, after=row.state)


def note(
    row: CardPayment,
    event: str,
    *,
    now: datetime,
    by: str = "",
    reason: str = "",
    before: str = "",
    after: str = "",
) -> None:
    CardPaymentEvent.objects.create(
        payment=row,
        at=now,
        event=event,
        from_state=before,
        to_state=after,
        by=by[:150],
        reason=reason[:300],
    )
