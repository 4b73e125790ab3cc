"""Look after payments: what became of the command, the charge and the bill, and what is to be done next.

One payment at a time, in a transaction of its own. Partners' sessions and CDRs give a hint when they come, so that nobody waits;
a hint that is lost costs some seconds, for every payment that is not over is looked at again by itself.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Upper

from backoffice.cdrs.models import Cdr
from backoffice.commands.rules.states import State as CommandState
from backoffice.fields import Bare
from backoffice.nudging import nudge
from backoffice.payments import provider
from backoffice.payments.actions import asking, crediting, starting
from backoffice.payments.actions.concluding import conclude
from backoffice.payments.actions.crediting import bill_of
from backoffice.payments.actions.moving import can, locked, note, shift
from backoffice.payments.models import CardPayment
from backoffice.payments.rules.money import MOST, payable, reached, shown
from backoffice.payments.rules.transaction import (
    BILLED_FOR,
    COMES_WITHIN,
    DUE,
    LATE_FOR,
    LET_GO,
    WAITING,
    Event,
    State,
)
from backoffice.sessions.models import Session
from backoffice.sessions.rules.states import ONGOING
from ocpi.wire.sessions import SessionStatus

log = logging.getLogger("roamdesk.payments")

LOOK_AGAIN = {
    State.STARTING: timedelta(seconds=5),
    State.CHARGING: timedelta(seconds=10),
    State.ENDED: timedelta(seconds=30),
    State.RELEASED: timedelta(hours=1),
}
CAREFUL = timedelta(minutes=10)
"""So long after a release it is looked at as often as a start: a charge may begin that nobody pays for."""

FINISHED = frozenset({CommandState.REFUSED, CommandState.FAILED})
"""Of a START_SESSION: certainly nothing began by it. One that timed out may have begun a charge."""


def due(now: datetime) -> list[int]:
    """The rows of what is to be looked at, the oldest first."""
    rows = CardPayment.objects.filter(Q(lease_until=None) | Q(lease_until__lte=now), due_at__lte=now)
    return list(rows.order_by("due_at", "id").values_list("pk", flat=True)[:500])


def oldest_due(now: datetime) -> datetime | None:
    rows = CardPayment.objects.filter(Q(lease_until=None) | Q(lease_until__lte=now), due_at__lte=now)
    found: datetime | None = rows.order_by("due_at").values_list("due_at", flat=True).first()
    return found


def look_after(*, now: datetime) -> int:
    """Everything that is due, step by step until it waits for somebody. One that fails does not keep the others waiting."""
    seen = due(now)
    for pk in seen:
        try:
            go_on(pk, now=now)
        except Exception:
            log.exception("card payment %s could not be looked after", pk)
            CardPayment.objects.filter(pk=pk).update(due_at=now + timedelta(minutes=1))
    return len(seen)


def go_on(pk: int, *, now: datetime) -> None:
    """One payment, as far as it goes by itself."""
    for _ in range(len(State)):
        state, due_at = CardPayment.objects.values_list("state", "due_at").get(pk=pk)
        if due_at is None or due_at > now:
            return
        step(pk, State(state), now=now)
        if CardPayment.objects.values_list("state", flat=True).get(pk=pk) == state:
            return


def step(pk: int, state: State, *, now: datetime) -> None:
    if state in DUE:
        try:
            asking.ask(pk, now=now)
        except provider.UnableToPay as error:
            CardPayment.objects.filter(pk=pk).update(due_at=now + timedelta(minutes=1), problem=str(error)[:300])
    elif state is State.AUTHORIZED:
        starting.start(pk, now=now)
    elif state in WAITING:
        watch(pk, now=now)
    else:
        crediting.look(pk, now=now)


HINTED = sorted(state.value for state in (WAITING | BILLED_FOR) - set(DUE))
"""What a session or a CDR may change. A payment that is over is looked at again: its CDR may be taken back."""


def hint(reference: str, *, now: datetime) -> None:
    """Somebody told of a session or a CDR with this reference. In the caller's transaction."""
    rows = CardPayment.objects.alias(key=Upper("reference")).filter(key=reference.upper(), state__in=HINTED)
    if reference and rows.filter(Q(due_at=None) | Q(due_at__gt=now)).update(due_at=now):
        transaction.on_commit(nudge)


def watch(pk: int, *, now: datetime) -> None:
    with transaction.atomic():
        row = locked(pk)
        if State(row.state) not in WAITING:
            return
        _look(row, now)
        if State(row.state) in WAITING and row.due_at is not None:
            row.due_at = _again(row, now)
        row.save()


def _again(row: CardPayment, now: datetime) -> datetime | None:
    state = State(row.state)
    if state is State.RELEASED:
        ended = row.ended_at or row.created_at
        if now - ended < CAREFUL:
            return now + LOOK_AGAIN[State.STARTING]
        if now - ended > LATE_FOR:
            return None
    return now + LOOK_AGAIN[state]


def _look(row: CardPayment, now: datetime) -> None:
    if row.session is None:
        row.session = _session(row)
    if row.cdr is None or row.cdr.credited_by_id is not None:
        row.cdr = bill_of(row)
    if row.cdr is not None and can(row, Event.BILL):
        _bill(row, row.cdr, now)
        return
    session = row.session
    if session is None:
        _without_session(row, now)
        return
    status = SessionStatus(session.status)
    if State(row.state) in LET_GO:
        if status in ONGOING:
            starting.stop(row, reason="The money was let go of: nobody pays for this charge.", now=now)
        return
    if status in (SessionStatus.PENDING, SessionStatus.ACTIVE) and can(row, Event.BEGIN):
        shift(row, Event.BEGIN, now=now, by=str(session.party))
    elif status is SessionStatus.COMPLETED and can(row, Event.END):
        shift(row, Event.END, now=now, by=str(session.party))
    elif status is SessionStatus.INVALID and can(row, Event.VOID):
        shift(row, Event.VOID, now=now, by=str(session.party), reason="The charge is invalid: nothing is owed.")
    if row.state == State.CHARGING.value and status in ONGOING:
        _limit(row, session, now)


def _session(row: CardPayment) -> Session | None:
    return (
        Session.objects.alias(key=Bare("token_uid"))
        .select_related("party", "emsp", "point")
        .filter(key=row.reference.upper(), party=row.customer_id, emsp=row.party_id)
        .first()
    )


def _without_session(row: CardPayment, now: datetime) -> None:
    if row.state != State.STARTING.value:
        return
    command = row.start
    if command is not None and CommandState(command.state) in FINISHED:
        said = command.result_text or command.response_text or command.result or command.response
        shift(row, Event.REFUSE_START, now=now, reason=said or "The charge did not start.")
    elif now - row.created_at > COMES_WITHIN:
        shift(row, Event.GIVE_UP, now=now, reason="No charge began.")


def _limit(row: CardPayment, session: Session, now: datetime) -> None:
    """End it before it costs more than is reserved (T-487)."""
    cost = next((told for told in (session.total_incl, session.our_incl, session.total_excl) if told is not None), None)
    told = None if cost is None else Decimal(cost)
    over = row.reserved is not None and reached(told, row.cost, row.reserved, row.currency)
    if over or row.stop is not None:  # a stop that came to nothing is asked for again
        spent = "" if told is None else f"It costs {told:f} of {shown(row.reserved or 0, row.currency)}."
        starting.stop(row, reason=spent, now=now)
    if told is not None and told != row.cost:
        row.cost = told


def _bill(row: CardPayment, cdr: Cdr, now: datetime) -> None:
    if cdr.currency.upper() != row.currency.upper():
        if not row.problem:
            row.problem = f"The CDR is in {cdr.currency}, and {row.currency} is reserved."
            note(row, "OTHER_CURRENCY", now=now, reason=row.problem)
        return
    if max(abs(Decimal(cdr.total_excl)), abs(Decimal(cdr.total_incl or 0))) > MOST:
        if not row.problem:
            row.problem = f"No card pays what CDR {cdr} bills."
            note(row, "IMPOSSIBLE", now=now, reason=row.problem)
        return
    owed = payable(Decimal(cdr.total_excl), None if cdr.total_incl is None else Decimal(cdr.total_incl), row.currency)
    if row.state == State.RELEASED.value:
        if not owed:
            row.due_at = None
            return
        row.owed, row.captured = owed, 0
        shift(row, Event.BILL, now=now, by=str(cdr.party), reason="It was billed after the money was let go of.")
        conclude(row, receipt=(), message=row.problem, now=now)
        return
    row.owed = owed
    shift(row, Event.BILL, now=now, by=str(cdr.party))
    if not owed:
        shift(row, Event.VOID, now=now, reason="It cost nothing.")


def ask_again(payment: CardPayment, *, by: str, now: datetime) -> None:
    """Staff: look at it now, and ask the provider now if it waits for one."""
    with transaction.atomic():
        row = locked(payment.pk)
        if State(row.state) in DUE or State(row.state) in WAITING:
            row.due_at = now
            row.save(update_fields=["due_at"])
            note(row, "ASK_AGAIN", now=now, by=by)
            transaction.on_commit(nudge)


def end_charge(payment: CardPayment, *, by: str, reason: str, now: datetime) -> bool:
    """Staff end the charge that a card pays for. False: it was asked already, or there is nothing to stop."""
    with transaction.atomic():
        row = locked(payment.pk)
        if row.session is None or SessionStatus(row.session.status) not in ONGOING:
            return False
        done = starting.stop(row, reason=reason, by=by, now=now)
        row.save()
    return done
