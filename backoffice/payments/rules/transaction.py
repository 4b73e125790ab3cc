"""How a payment at a terminal of ours moves, from the card that is shown to the money that was taken: one table.

Laws: money is captured at most once. Whoever reserved an amount either captures of it or releases it, and never both. What the
provider did not answer is asked for before anything is asked of it again: an unknown outcome is no outcome. That the start of a
charge was not answered does not mean that none began; only a clear no, or a time in which nobody came, releases the money.
A CDR that comes after the money was let go of cannot be captured any more: that is FAILED, and somebody's work.

A CDR that is credited takes its amount back. The corrected one often follows: for a while it is waited for, then what was
captured beyond what is owed is given back, and never more than was captured. What cannot be given back stays owed to the driver
until a person says how it was done.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum


class State(StrEnum):
    """PRESENTED: the driver accepted the price and showed a card. AUTHORIZED: an amount is reserved. STARTING: the CPO was asked
    to start. ENDED: the charge is over and its CDR has not come. BILLED: it has. RELEASING: nothing is to be paid. CREDITED: its
    CDR was taken back. OWING: the provider did not give back what the driver is to get. CLEARED: taken back, and nothing had
    been captured."""

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
    CREDITED = "CREDITED"
    REFUNDING = "REFUNDING"
    REFUNDED = "REFUNDED"
    OWING = "OWING"
    CLEARED = "CLEARED"


class Event(StrEnum):
    """What happens to a payment. VOID: nothing will be owed. GIVE_UP: nobody waits at the terminal any more. STAND, STAND_PART,
    STAND_FAIL: another CDR came instead, and all, a part or nothing of it had been captured. OTHERWISE: staff say that the
    driver got the money in another way."""

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
    CREDIT = "CREDIT"
    GIVE_BACK = "GIVE_BACK"
    CLEAR = "CLEAR"
    STAND = "STAND"
    STAND_PART = "STAND_PART"
    STAND_FAIL = "STAND_FAIL"
    REFUND = "REFUND"
    REFUND_FAIL = "REFUND_FAIL"
    REFUND_AGAIN = "REFUND_AGAIN"
    OTHERWISE = "OTHERWISE"


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
    S.CAPTURED: {E.CREDIT: S.CREDITED},
    S.PARTIAL: {E.CREDIT: S.CREDITED},
    S.FAILED: {E.CREDIT: S.CREDITED},
    S.RELEASING: {E.RELEASE: S.RELEASED},
    S.RELEASED: {E.BILL: S.FAILED},
    S.CREDITED: {
        E.GIVE_BACK: S.REFUNDING,
        E.CLEAR: S.CLEARED,
        E.STAND: S.CAPTURED,
        E.STAND_PART: S.PARTIAL,
        E.STAND_FAIL: S.FAILED,
    },
    S.REFUNDING: {E.REFUND: S.REFUNDED, E.REFUND_FAIL: S.OWING},
    S.REFUNDED: {E.CREDIT: S.CREDITED, E.BILL: S.FAILED},
    S.OWING: {E.REFUND_AGAIN: S.REFUNDING, E.OTHERWISE: S.REFUNDED},
    S.CLEARED: {E.BILL: S.FAILED},
}

FIRST = S.PRESENTED

LET_GO = frozenset({S.RELEASING, S.RELEASED})
"""A charge that runs nevertheless is to be stopped: nobody pays for it."""

WAITING = frozenset({S.STARTING, S.CHARGING, S.ENDED, S.RELEASED})
"""What sessions and CDRs are looked for. A payment that was released long ago is not looked after any more."""

OVER = frozenset({S.DECLINED, S.CAPTURED, S.PARTIAL, S.FAILED, S.RELEASED, S.REFUNDED, S.OWING, S.CLEARED})

BILLED_FOR = frozenset({S.CAPTURED, S.PARTIAL, S.FAILED, S.CREDITED, S.REFUNDING, S.REFUNDED, S.OWING, S.CLEARED})
"""A CDR came and the provider answered: what the three books tell."""

TAKEN_BACK = frozenset({S.CREDITED, S.REFUNDED, S.CLEARED})
"""Another CDR may follow instead of the one that was credited."""

TO_GIVE_BACK = frozenset({S.REFUNDING, S.OWING})
"""A driver is to get money."""

AT_RISK = frozenset({S.PARTIAL, S.FAILED})
"""Somebody charged, and not all of it was paid."""


class Move(StrEnum):
    """What is asked of the payment provider."""

    PREAUTHORIZE = "PREAUTHORIZE"
    CAPTURE = "CAPTURE"
    RELEASE = "RELEASE"
    REFUND = "REFUND"


DUE: Mapping[State, Move] = {
    S.PRESENTED: Move.PREAUTHORIZE,
    S.BILLED: Move.CAPTURE,
    S.RELEASING: Move.RELEASE,
    S.REFUNDING: Move.REFUND,
}
"""What a payment in this state waits for: the provider's answer to this."""

DRIVER_WAITS = timedelta(seconds=90)
"""At the terminal, until it says that it did not work."""

COMES_WITHIN = timedelta(minutes=35)
"""So long after the start was asked for a charge may begin: a CPO lets nobody begin later than 30 minutes after."""

LATE_FOR = timedelta(days=14)
"""So long after a release a CDR is still matched to it by itself."""

FOLLOWS_WITHIN = timedelta(minutes=10)
"""So long after its credit the corrected CDR is waited for, before all is given back: only the difference may have to be."""

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


def after_credit(*, owed: int, has: int) -> Event:
    """What a credited payment comes to when `owed` is what still stands, and `has` what of the driver's money is here."""
    if has > owed:
        return Event.GIVE_BACK
    if has == owed:
        return Event.STAND if owed else Event.CLEAR
    return Event.STAND_PART if has else Event.STAND_FAIL
