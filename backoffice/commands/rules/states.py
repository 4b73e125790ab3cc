"""How a command moves, and how a reservation does: one table for each.

Laws: there is one result. The first that comes counts; one that is late, comes twice or comes from nobody we asked is written
down and moves nothing. The result may overtake the answer to the request, for they come by different ways. After its deadline a
command of ours is TIMED_OUT and stays so: whoever asked was told, and may have asked again (mod_commands#commandresponse).
The one thing that may follow a result is that a CPO cancels a reservation that it made (mod_commands#flow).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from ocpi.wire.commands import CommandResultType, CommandType

SENDER_ROLES = frozenset({"EMSP", "PTP", "OTHER"})
RECEIVER_ROLES = frozenset({"CPO"})
"""Who typically sends commands and who executes them (`roles.json`). A payment terminal provider registers as OTHER."""


class Direction(StrEnum):
    """OUT: ours to a partner. IN: a partner's to us. OWN: our driver at a charge point of ours, in this very house."""

    OUT = "OUT"
    IN = "IN"
    OWN = "OWN"


class State(StrEnum):
    """QUEUED: the request waits to be sent. UNSURE: it was sent, or may have been, and nobody answered it. WAITING: accepted, and
    the charge point has not spoken yet. EXECUTING: the same, where the charge point is ours and somebody else waits."""

    QUEUED = "QUEUED"
    UNSURE = "UNSURE"
    WAITING = "WAITING"
    EXECUTING = "EXECUTING"
    REFUSED = "REFUSED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    CANCELED = "CANCELED"


class Event(StrEnum):
    """What happens to a command."""

    ACCEPT = "ACCEPT"
    REFUSE = "REFUSE"
    NOT_SENT = "NOT_SENT"
    UNHEARD = "UNHEARD"
    SUCCEED = "SUCCEED"
    FAIL = "FAIL"
    TIME_OUT = "TIME_OUT"
    CANCEL = "CANCEL"


S, E = State, Event

_RESULTS: Mapping[Event, State] = {E.SUCCEED: S.SUCCEEDED, E.FAIL: S.FAILED, E.TIME_OUT: S.TIMED_OUT}

_ASKING: Mapping[State, Mapping[Event, State]] = {
    S.QUEUED: {
        E.ACCEPT: S.WAITING,
        E.REFUSE: S.REFUSED,
        E.NOT_SENT: S.FAILED,
        E.UNHEARD: S.UNSURE,
        **_RESULTS,
    },
    S.UNSURE: _RESULTS,
    S.WAITING: _RESULTS,
    S.REFUSED: {},
    S.SUCCEEDED: {E.CANCEL: S.CANCELED},
    S.FAILED: {},
    S.TIMED_OUT: {},
    S.CANCELED: {},
}

_EXECUTING: Mapping[State, Mapping[Event, State]] = {
    S.EXECUTING: _RESULTS,
    S.REFUSED: {},
    S.SUCCEEDED: {E.CANCEL: S.CANCELED},
    S.FAILED: {},
    S.TIMED_OUT: {},
    S.CANCELED: {},
}

TRANSITIONS: Mapping[Direction, Mapping[State, Mapping[Event, State]]] = {
    Direction.OUT: _ASKING,
    Direction.IN: _EXECUTING,
    Direction.OWN: _EXECUTING,
}

FIRST: Mapping[Direction, frozenset[State]] = {
    Direction.OUT: frozenset({S.QUEUED}),
    Direction.IN: frozenset({S.EXECUTING, S.REFUSED}),
    Direction.OWN: frozenset({S.EXECUTING, S.REFUSED}),
}

OPEN = frozenset({S.QUEUED, S.UNSURE, S.WAITING, S.EXECUTING})
"""What still waits for something."""


def moved(direction: Direction, state: State, event: Event, kind: str) -> State | None:
    """The state after the event. None: it moves nothing and is only written down."""
    if event is Event.CANCEL and kind != CommandType.RESERVE_NOW:
        return None
    return TRANSITIONS[direction][state].get(event)


def event_of(result: CommandResultType) -> Event:
    """What a result means for a command that waits for it. A reservation that is cancelled before it was made has failed."""
    return {
        CommandResultType.ACCEPTED: Event.SUCCEED,
        CommandResultType.TIMEOUT: Event.TIME_OUT,
    }.get(result, Event.FAIL)


class Holding(StrEnum):
    """A reservation of ours. ASKED: the charge point was told and has not answered. HELD: the EVSE is kept for the driver."""

    ASKED = "ASKED"
    HELD = "HELD"
    USED = "USED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    WITHDRAWN = "WITHDRAWN"
    FAILED = "FAILED"


H = Holding


class Turn(StrEnum):
    """What happens to a reservation. CANCEL: the eMSP does. WITHDRAW: we do."""

    KEEP = "KEEP"
    REFUSE = "REFUSE"
    COME = "COME"
    EXPIRE = "EXPIRE"
    CANCEL = "CANCEL"
    WITHDRAW = "WITHDRAW"


HOLDINGS: Mapping[Holding, Mapping[Turn, Holding]] = {
    H.ASKED: {Turn.KEEP: H.HELD, Turn.REFUSE: H.FAILED, Turn.EXPIRE: H.EXPIRED, Turn.CANCEL: H.CANCELLED},
    H.HELD: {
        Turn.COME: H.USED,
        Turn.EXPIRE: H.EXPIRED,
        Turn.CANCEL: H.CANCELLED,
        Turn.WITHDRAW: H.WITHDRAWN,
    },
    H.USED: {},
    H.EXPIRED: {},
    H.CANCELLED: {},
    H.WITHDRAWN: {},
    H.FAILED: {},
}

ONGOING = frozenset({H.ASKED, H.HELD})
"""While it is one of these, nobody else may have the EVSE."""
