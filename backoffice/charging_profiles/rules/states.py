"""How a request moves.

Laws: a request that ended stays as it ended: whatever comes later is noted and changes nothing. A result may overtake the answer
that announces it, for they travel on different ways. What is heard of nobody until the deadline has ended, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from ocpi.wire.charging_profiles import ChargingProfileResponseType, ChargingProfileResultType


class Way(StrEnum):
    """OUT: we ask a partner. IN: a partner asks us. OWN: our staff ask our own charge point, without OCPI."""

    OUT = "OUT"
    IN = "IN"
    OWN = "OWN"


class Kind(StrEnum):
    SET = "SET"
    ACTIVE = "ACTIVE"
    CLEAR = "CLEAR"


class State(StrEnum):
    QUEUED = "QUEUED"
    """To be sent, or sent and not answered."""
    UNSENT = "UNSENT"
    """It never reached the partner."""
    REFUSED = "REFUSED"
    """By the CPO, at once."""
    WAITING = "WAITING"
    """The charge point is being asked."""
    ANSWERED = "ANSWERED"
    """The charge point has said its word: see the result."""
    TIMED_OUT = "TIMED_OUT"


class Move(StrEnum):
    ACCEPT = "ACCEPT"
    REFUSE = "REFUSE"
    FAIL = "FAIL"
    RESULT = "RESULT"
    EXPIRE = "EXPIRE"


S, M = State, Move

TRANSITIONS: Mapping[Way, Mapping[State, Mapping[Move, State]]] = {
    Way.OUT: {
        S.QUEUED: {
            M.ACCEPT: S.WAITING,
            M.REFUSE: S.REFUSED,
            M.FAIL: S.UNSENT,
            M.RESULT: S.ANSWERED,
            M.EXPIRE: S.TIMED_OUT,
        },
        S.WAITING: {M.RESULT: S.ANSWERED, M.EXPIRE: S.TIMED_OUT},
        S.UNSENT: {},
        S.REFUSED: {},
        S.ANSWERED: {},
        S.TIMED_OUT: {},
    },
    Way.IN: {
        S.WAITING: {M.RESULT: S.ANSWERED, M.EXPIRE: S.TIMED_OUT},
        S.REFUSED: {},
        S.ANSWERED: {},
        S.TIMED_OUT: {},
    },
    Way.OWN: {
        S.WAITING: {M.RESULT: S.ANSWERED, M.EXPIRE: S.TIMED_OUT},
        S.ANSWERED: {},
        S.TIMED_OUT: {},
    },
}

OPEN = frozenset({S.QUEUED, S.WAITING})
"""What is not over."""


def moved(way: Way, state: State, move: Move) -> State | None:
    """The state after the move; None when nothing changes by it any more."""
    return TRANSITIONS[way].get(state, {}).get(move)


_RESULTS = {
    "ACCEPTED": ChargingProfileResultType.ACCEPTED,
    "UNKNOWN_RESERVATION": ChargingProfileResultType.UNKNOWN,
    "UNKNOWN": ChargingProfileResultType.UNKNOWN,
}


def result_of(outcome: str) -> ChargingProfileResultType:
    """What OCPI calls what the hardware said; whatever is no yes and no "there is none" is a no."""
    return _RESULTS.get(outcome, ChargingProfileResultType.REJECTED)


WORDS: Mapping[str, str] = {
    ChargingProfileResponseType.ACCEPTED: "The CPO passes it on to the charge point.",
    ChargingProfileResponseType.NOT_SUPPORTED: "The CPO or this EVSE knows no charging profiles.",
    ChargingProfileResponseType.REJECTED: "The CPO refuses it.",
    ChargingProfileResponseType.TOO_OFTEN: "The CPO has been asked too often.",
    ChargingProfileResponseType.UNKNOWN_SESSION: "The CPO knows no such session.",
}
"""What each answer means, for staff."""
