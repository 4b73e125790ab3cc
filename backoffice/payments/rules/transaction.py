"""How a payment at a terminal of ours moves, from the card that is shown to the money that was taken: one table.

Laws: money moves at most once each way. Whoever reserved an amount either captures of it or releases it, and never both. What the
provider did not answer is asked for before anything is asked of it again: an unknown outcome is no outcome. That the start of a
charge was not answered does not mean that none began; only a clear no, or a time in which nobody came, releases the money.
A CDR that comes after the money was let go of cannot be captured any more: that is FAILED, and somebody's work.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum


class State(StrEnum):
    """PRESENTED: the driver accepted the price and showed a card. AUTHORIZED: an amount is reserved. STARTING: the CPO was asked
    to start. ENDED: the charge is over and its CDR has not come. BILLED: it has. RELEASING: nothing is to be paid."""

    PRESENTED = "PRESENTED"
    DECLINED = "DECLINED"
    AUTHORIZED = "AUTHORIZED"
    STARTING = "STARTING"
    CHARGING = "CHARGING"
    ENDED = "ENDED"
    BILLED = "BILLED"
    CAPTURED = "CAPTURED"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    RELEASING = "RELEASING"
    RELEASED = "RELEASED"


class Event(StrEnum):
    """What happens to a payment. VOID: nothing will be owed. GIVE_UP: nobody waits at the terminal any more."""

    APPROVE = "APPROVE"
    DECLINE = "DECLINE"
    GIVE_UP = "GIVE_UP"
    ASK_START = "ASK_START"
    REFUSE_START = "REFUSE_START"
    BEGIN = "BEGIN"
    END = "END"
    VOID = "VOID"
    BILL = "BILL"
    CAPTURE = "CAPTURE"
    CAPTURE_PART = "CAPTURE_PART"
    CAPTURE_FAIL = "CAPTURE_FAIL"
    RELEASE = "RELEASE"


S, E = State, Event

TRANSITIONS: Mapping[State, Mapping[Event, State]] = {
    S.PRESENTED: {E.APPROVE: S.AUTHORIZED, E.DECLINE: S.DECLINED, E.GIVE_UP: S.RELEASING},
    S.DECLINED: {},
    S.AUTHORIZED: {E.ASK_START: S.STARTING, E.REFUSE_START: S.RELEASING, E.GIVE_UP: S.RELEASING},
    S.STARTING: {
        E.REFUSE_START: S.RELEASING,
        E.GIVE_UP: S.RELEASING,
        E.BEGIN: S.CHARGING,
        E.END: S.ENDED,
        E.VOID: S.RELEASING,
        E.BILL: S.BILLED,
    },
    S.CHARGING: {E.END: S.ENDED, E.VOID: S.RELEASING, E.BILL: S.BILLED},
    S.ENDED: {E.VOID: S.RELEASING, E.BILL: S.BILLED},
    S.BILLED: {
        E.CAPTURE: S.CAPTURED,
        E.CAPTURE_PART: S.PARTIAL,
        E.CAPTURE_FAIL: S.FAILED,
        E.VOID: S.RELEASING,
    },
    S.CAPTURED: {},
    S.PARTIAL: {},
    S.FAILED: {},
    S.RELEASING: {E.RELEASE: S.RELEASED},
    S.RELEASED: {E.BILL: S.FAILED},
}

FIRST = S.PRESENTED

LET_GO = frozenset({S.RELEASING, S.RELEASED})
"""A charge that runs nevertheless is to be stopped: nobody pays for it."""

WAITING = frozenset({S.STARTING, S.CHARGING, S.ENDED, S.RELEASED})
"""What sessions and CDRs are looked for. A payment that was released long ago is not looked after any more."""

OVER = frozenset({S.DECLINED, S.CAPTURED, S.PARTIAL, S.FAILED, S.RELEASED})

AT_RISK = frozenset({S.PARTIAL, S.FAILED})
"""Somebody charged, and not all of it was paid."""


class Move(StrEnum):
    """What is asked of the payment provider."""

    PREAUTHORIZE = "PREAUTHORIZE"
    CAPTURE = "CAPTURE"
    RELEASE = "RELEASE"


DUE: Mapping[State, Move] = {S.PRESENTED: Move.PREAUTHORIZE, S.BILLED: Move.CAPTURE, S.RELEASING: Move.RELEASE}
"""What a payment in this state waits for: the provider's answer to this."""

DRIVER_WAITS = timedelta(seconds=90)
"""At the terminal, until it says that it did not work."""

COMES_WITHIN = timedelta(minutes=35)
"""So long after the start was asked for a charge may begin: a CPO lets nobody begin later than 30 minutes after."""

LATE_FOR = timedelta(days=14)
"""So long after a release a CDR is still matched to it by itself."""

LADDER = tuple(timedelta(seconds=seconds) for seconds in (2, 5, 15, 60, 300, 900))
"""Between two questions to a provider that does not answer; the last one holds for ever: money is never given up."""


class NotAllowed(Exception):
    """This cannot happen to a payment in this state."""


def moved(state: State, event: Event) -> State:
    """The state after the event. Raises NotAllowed."""
    to = TRANSITIONS[state].get(event)
    if to is None:
        raise NotAllowed(f"A payment that is {state} cannot {event}.")
    return to


def pause(attempts: int) -> timedelta:
    """After so many questions without an answer."""
    return LADDER[min(max(attempts, 1), len(LADDER)) - 1]
