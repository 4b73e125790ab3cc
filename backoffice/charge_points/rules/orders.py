"""How an order to hardware moves, and what may be asked.

Laws: an order is answered once. What a station says again, or after its order has expired, is written down and has no effect.
An order whose driver dies after taking it is never given to another one: nobody knows whether the station has heard of it, and
a second "start" or "unlock" is worse than none. It expires at its deadline.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum


class Kind(StrEnum):
    """What a station is asked to do."""

    START = "START"
    STOP = "STOP"
    UNLOCK = "UNLOCK"
    RESERVE = "RESERVE"
    CANCEL_RESERVATION = "CANCEL_RESERVATION"
    SET_PROFILE = "SET_PROFILE"
    ACTIVE_PROFILE = "ACTIVE_PROFILE"
    CLEAR_PROFILE = "CLEAR_PROFILE"


class State(StrEnum):
    WAITING = "WAITING"
    TAKEN = "TAKEN"
    ANSWERED = "ANSWERED"
    EXPIRED = "EXPIRED"


class Move(StrEnum):
    """What happens to an order."""

    TAKE = "TAKE"
    ANSWER = "ANSWER"
    EXPIRE = "EXPIRE"


class Happening(StrEnum):
    """What the history of an order tells: its moves, and answers that had no effect."""

    TAKE = "TAKE"
    ANSWER = "ANSWER"
    EXPIRE = "EXPIRE"
    LATE = "LATE"


S, M = State, Move

TRANSITIONS: Mapping[State, Mapping[Move, State]] = {
    S.WAITING: {M.TAKE: S.TAKEN, M.EXPIRE: S.EXPIRED},
    S.TAKEN: {M.ANSWER: S.ANSWERED, M.EXPIRE: S.EXPIRED},
    S.ANSWERED: {},
    S.EXPIRED: {},
}

OPEN = frozenset(state for state, moves in TRANSITIONS.items() if moves)
"""What somebody still waits for."""

ALIVE_FOR = timedelta(seconds=10)
"""How long after its last sign of life a driver counts as running."""

LATE_KEPT = 10
"""So many answers without effect are told one by one; more are only counted, for a station may say the same for ever."""


def moved(state: State, move: Move) -> State | None:
    """The state after the move; None: this state knows no such move."""
    return TRANSITIONS[state].get(move)
