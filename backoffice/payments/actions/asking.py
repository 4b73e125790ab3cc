"""Ask the payment provider what a payment waits for: reserve, capture, release, give back. Each is done once, however often it is
asked.

The question is written down before it is asked, with the key by which the provider knows it. Whoever finds it written down and
not answered asks first what became of it, and only if the provider never got it, asks it again with the same key. No transaction
is open meanwhile; a process may die between any two lines.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from backoffice.crash_points import crash_point
from backoffice.payments import provider
from backoffice.payments.actions import concluding, invoicing
from backoffice.payments.actions.moving import locked, note, shift
from backoffice.payments.models import CardPayment, MoneyMove
from backoffice.payments.provider import Answered, Provider, Question, Unreachable, Verdict
from backoffice.payments.rules.money import covered, shown
from backoffice.payments.rules.transaction import DRIVER_WAITS, DUE, Event, Move, State, pause

log = logging.getLogger("roamdesk.payments")

LEASE = timedelta(seconds=60)
"""Longer than any driver of a provider may take."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """A question that is ours to ask. `attempt` tells apart who asks; `again`: it may have been asked before."""

    move: int
    question: Question
    attempt: int
    again: bool


def ask(pk: int, *, now: datetime) -> None:
    """One question, if the payment waits for one and nobody else asks it."""
    psp = provider.chosen()
    claim = _claim(pk, now)
    if claim is None:
        return
    crash_point("card-claimed-before-ask")
    try:
        answered = _answer(psp, claim)
    except Unreachable as error:
        _postpone(pk, claim, str(error), now)
        return
    except Exception as error:  # whatever a driver raises: nobody knows what became of the question
        log.exception("the payment provider's driver failed")
        _postpone(pk, claim, f"The driver of the provider failed: {type(error).__name__}.", now)
        return
    crash_point("card-asked-before-settled")
    _settle(pk, claim, answered, now)


def _claim(pk: int, now: datetime) -> _Claim | None:
    with transaction.atomic():
        row = locked(pk)
        move = DUE.get(State(row.state))
        if move is None or (row.lease_until is not None and row.lease_until > now):
            return None
        asked = _question(row, move)
        again = asked.asked_at is not None
        asked.asked_at, asked.attempts = asked.asked_at or now, asked.attempts + 1
        asked.save()
        row.lease_until = now + LEASE
        row.save(update_fields=["lease_until"])
    question = Question(
        move=move,
        key=asked.key,
        reference=row.reference,
        terminal=row.terminal.object_id,
        units=asked.units,
        currency=row.currency,
        handle=row.handle,
    )
    return _Claim(asked.pk, question, asked.attempts, again)


def _question(row: CardPayment, move: Move) -> MoneyMove:
    """The one that nobody answered yet. A release or a refund that was answered by no is a question of its own when it is asked
    anew: the provider would answer the old one as before."""
    rows = MoneyMove.objects.filter(payment=row, kind=move.value)
    open_ = rows.filter(answered_at=None).first()
    if open_ is not None:
        return open_
    return MoneyMove.objects.create(payment=row, kind=move.value, number=rows.count() + 1, units=_units(row, move))


def _units(row: CardPayment, move: Move) -> int:
    if move is Move.CAPTURE:
        assert row.owed is not None and row.reserved is not None
        return covered(row.owed, row.reserved).capture
    if move is Move.REFUND:
        assert row.owed is not None
        return row.has - row.owed
    return row.reserve if move is Move.PREAUTHORIZE else row.reserved or row.reserve


def _answer(psp: Provider, claim: _Claim) -> Answered:
    if claim.again:
        known = psp.look_up(claim.question.key)
        if known is not None:
            return known
    answered = provider.ask(psp, claim.question)
    if answered.units > claim.question.units:
        raise Unreachable(f"It says {answered.units} where {claim.question.units} were asked, which nobody believes.")
    return answered


def _postpone(pk: int, claim: _Claim, problem: str, now: datetime) -> None:
    with transaction.atomic():
        row = locked(pk)
        asked = MoneyMove.objects.get(pk=claim.move)
        if asked.attempts != claim.attempt or asked.answered_at is not None:
            return
        row.lease_until, row.due_at = None, now + pause(asked.attempts)
        if asked.reason != problem[:300]:
            asked.reason = problem[:300]
            asked.save()
            note(row, "NO_ANSWER", now=now, by="payment provider", reason=f"{claim.question.move}: {problem}")
        if row.state == State.PRESENTED.value and now - row.created_at > DRIVER_WAITS:
            # whether an amount is reserved nobody knows: it is let go of by the payment's reference
            shift(row, Event.GIVE_UP, now=now, reason="The payment provider did not answer in time.")
        row.save()


def _settle(pk: int, claim: _Claim, answered: Answered, now: datetime) -> None:
    with transaction.atomic():
        row = locked(pk)
        asked = MoneyMove.objects.get(pk=claim.move)
        if asked.attempts != claim.attempt or asked.answered_at is not None:
            return  # whoever asks now gets the same answer
        asked.answered_at, asked.verdict, asked.answered = now, answered.verdict.value, answered.units
        asked.reason, asked.trace = answered.reason[:300], answered.trace[:64]
        asked.save()
        row.lease_until = None
        match claim.question.move:
            case Move.PREAUTHORIZE:
                _reserved(row, answered, now)
            case Move.CAPTURE:
                _captured(row, answered, now)
            case Move.RELEASE:
                _released(row, answered, now)
            case Move.REFUND:
                _refunded(row, asked, answered, now)
        row.save()
        crash_point("card-settled-before-commit")


def _reserved(row: CardPayment, answered: Answered, now: datetime) -> None:
    row.handle = ""
    row.reserved = answered.units
    if answered.verdict is Verdict.REFUSED or not answered.units:
        row.reserved = 0
        shift(row, Event.DECLINE, now=now, by="payment provider", reason=answered.reason or "Declined.")
        return
    told = f"{shown(answered.units, row.currency)} reserved." if answered.verdict is Verdict.PART else ""
    shift(row, Event.APPROVE, now=now, by="payment provider", reason=told)


def _captured(row: CardPayment, answered: Answered, now: datetime) -> None:
    assert row.owed is not None
    refused = answered.verdict is Verdict.REFUSED or not answered.units
    row.captured = 0 if refused else answered.units
    missing = row.owed - row.captured
    if refused:
        shift(row, Event.CAPTURE_FAIL, now=now, by="payment provider", reason=answered.reason or "Refused.")
    elif missing:
        reason = answered.reason or "More was charged than was reserved."
        shift(row, Event.CAPTURE_PART, now=now, by="payment provider", reason=reason)
    else:
        shift(row, Event.CAPTURE, now=now, by="payment provider")
    concluding.conclude(row, receipt=answered.receipt, message=row.problem if missing else "", now=now)


def _refunded(row: CardPayment, asked: MoneyMove, answered: Answered, now: datetime) -> None:
    given = 0 if answered.verdict is Verdict.REFUSED else answered.units
    row.refunded += given
    if given < asked.units:
        missing = shown(asked.units - given, row.currency)
        reason = f"{missing} were not given back: {answered.reason or 'the provider does not say why'}"
        shift(row, Event.REFUND_FAIL, now=now, by="payment provider", reason=reason)
    else:
        shift(row, Event.REFUND, now=now, by="payment provider", reason=f"{shown(given, row.currency)} given back.")
    if given:
        invoicing.give_back(row, given, receipt=answered.receipt, now=now)


def _released(row: CardPayment, answered: Answered, now: datetime) -> None:
    if answered.verdict is Verdict.REFUSED:
        # it is not ours to decide: the provider is to be called
        row.problem = f"The provider does not release it: {answered.reason}"[:300]
        row.due_at = None
        note(row, "NOT_RELEASED", now=now, by="payment provider", reason=answered.reason)
        return
    shift(row, Event.RELEASE, now=now, by="payment provider")
