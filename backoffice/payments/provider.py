"""The port to whoever moves the money of cards: what a payment provider is asked, and what it answers.

A driver of a provider (an acquirer, a PSP) is a class with these five methods; `PAYMENT_PROVIDER` names it. It keeps no state of
ours: each question carries a key of our own, by which the provider knows a repeat, and by which it can be asked what became of a
question whose answer was lost. A driver that cannot say that is no driver: then nobody may ask twice.

No card number comes through here, in no direction. A terminal gives a handle that means something to the provider alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from backoffice.payments.rules.transaction import Move


class Unreachable(Exception):
    """No answer came: what was asked may have been done or not."""


class Verdict(StrEnum):
    """PART: less than was asked."""

    DONE = "DONE"
    PART = "PART"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`key`: of this question, the same when it is repeated. `reference`: of the payment, the same in all of them. `units`: minor
    units of the currency; of a capture no more than was reserved, of refunds no more than was captured. `handle`: what the
    terminal read, to reserve only."""

    move: Move
    key: str
    reference: str
    terminal: str
    units: int
    currency: str
    handle: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """`units`: that were reserved, captured, released or given back. `trace`: the provider's own name for it. `receipt`: the
    lines that have to stand on a receipt, card numbers masked. `reason`: for a person, why not or not all."""

    verdict: Verdict
    units: int = 0
    reason: str = ""
    trace: str = ""
    receipt: tuple[str, ...] = ()


class Provider(Protocol):
    """A driver. Each method raises Unreachable when it does not know what became of it. No transaction is open meanwhile."""

    def preauthorize(self, question: Question) -> Answered: ...

    def capture(self, question: Question) -> Answered: ...

    def release(self, question: Question) -> Answered:
        """Whatever is reserved by this reference; nothing is an answer, too."""

    def refund(self, question: Question) -> Answered:
        """Give back of what was captured by this reference."""

    def look_up(self, key: str) -> Answered | None:
        """What became of the question with this key. None: the provider never got it, and will not do it."""


class UnableToPay(Exception):
    """No payment provider is set up here."""


def chosen() -> Provider:
    """The one that `PAYMENT_PROVIDER` names. Raises UnableToPay."""
    if not settings.PAYMENT_PROVIDER:
        raise UnableToPay("No payment provider is set up: PAYMENT_PROVIDER names none.")
    return _made(settings.PAYMENT_PROVIDER)


@cache
def _made(path: str) -> Provider:
    provider: Provider = import_string(path)()
    return provider


def ask(provider: Provider, question: Question) -> Answered:
    """One question by its kind. Raises Unreachable."""
    match question.move:
        case Move.PREAUTHORIZE:
            return provider.preauthorize(question)
        case Move.CAPTURE:
            return provider.capture(question)
        case Move.RELEASE:
            return provider.release(question)
        case Move.REFUND:
            return provider.refund(question)
