"""How a session moves: the status that OCPI gives it, and what happens to it.

Laws: COMPLETED is the end of a session of ours, nothing changes it after (mod_sessions#push_model, T-250, T-280). INVALID is the
end, too: it is not billed, and who said so does not take it back. A session never goes back to what it was before. A partner may
do a little more than we do: `TOLERATED`, each with its reason. That it says the same status again is no move.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from ocpi.wire.sessions import SessionStatus

SENDER_ROLES = frozenset({"CPO"})
RECEIVER_ROLES = frozenset({"EMSP", "SCSP", "PTP", "OTHER"})
"""Who typically has sessions and who hears of them (`roles.json`). A payment terminal provider registers as OTHER."""


class SessionMove(StrEnum):
    """What happens to a session that changes its status."""

    RESERVE = "RESERVE"
    PLUG_IN = "PLUG_IN"
    START = "START"
    FINISH = "FINISH"
    INVALIDATE = "INVALIDATE"


S, M = SessionStatus, SessionMove

FIRST: Mapping[SessionMove, SessionStatus] = {
    M.RESERVE: S.RESERVATION,
    M.PLUG_IN: S.PENDING,
    M.START: S.ACTIVE,
    M.FINISH: S.COMPLETED,
    M.INVALIDATE: S.INVALID,
}
"""What a session may be when it is first heard of: whoever pulls once an hour sees most of them at their end."""

TRANSITIONS: Mapping[SessionStatus, Mapping[SessionMove, SessionStatus]] = {
    S.RESERVATION: {M.START: S.ACTIVE, M.FINISH: S.COMPLETED, M.INVALIDATE: S.INVALID},
    S.PENDING: {M.START: S.ACTIVE, M.FINISH: S.COMPLETED, M.INVALIDATE: S.INVALID},
    S.ACTIVE: {M.FINISH: S.COMPLETED, M.INVALIDATE: S.INVALID},
    S.COMPLETED: {},
    S.INVALID: {},
}

TOLERATED: Mapping[SessionStatus, Mapping[SessionMove, SessionStatus]] = {
    # the driver has come and the cable is not in yet; OCPI draws no line from one to the other
    S.RESERVATION: {M.PLUG_IN: S.PENDING},
    # the partner takes back what it would have billed: in favour of our driver
    S.COMPLETED: {M.INVALIDATE: S.INVALID},
}
"""What a partner may do to a session of its own, beyond the table."""

ONGOING = frozenset({S.RESERVATION, S.PENDING, S.ACTIVE})
"""What is not over."""


class NotAllowed(Exception):
    """This status knows no such move; the sentence says which."""


def moved(status: SessionStatus, move: SessionMove) -> SessionStatus:
    """A session of ours after the move. Raises NotAllowed."""
    to = TRANSITIONS[status].get(move)
    if to is None:
        raise NotAllowed(f"A session that is {status} cannot {move.replace('_', ' ').lower()}.")
    return to


def told(before: SessionStatus | None, now: SessionStatus) -> SessionMove | None:
    """The move that a partner tells us of by a session's new status; None when it stays what it was. Raises NotAllowed."""
    if before is now:
        return None
    known = FIRST if before is None else {**TRANSITIONS[before], **TOLERATED.get(before, {})}
    for move, to in known.items():
        if to is now:
            return move
    assert before is not None, "a session may begin as anything"
    if before in ONGOING:
        raise NotAllowed(f"The session is {before}; it cannot become {now} again.")
    raise NotAllowed(f"The session is {before}, which is final: it cannot become {now}.")
