"""States of CDRs and how they move.

Laws: a CDR of ours that a partner may have seen is never changed, dropped or replaced, only credited (mod_cdrs#credit_cdrs);
one that no partner has seen may still be dropped or replaced. A received CDR has no state of ours, only our verdict on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class CdrState(StrEnum):
    """A CDR of ours. HELD: looks wrong, nobody has seen it. RELEASED: owed to its eMSP, or taken by nobody yet.
    ACKNOWLEDGED: the eMSP has it. DROPPED: never to be sent. REPLACED: another was made of the same session instead."""

    HELD = "HELD"
    RELEASED = "RELEASED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    DROPPED = "DROPPED"
    REPLACED = "REPLACED"


class CdrMove(StrEnum):
    """What happens to a CDR of ours."""

    RELEASE = "RELEASE"
    ACKNOWLEDGE = "ACKNOWLEDGE"
    DROP = "DROP"
    REPLACE = "REPLACE"


S, E = CdrState, CdrMove
TRANSITIONS: Mapping[CdrState, Mapping[CdrMove, CdrState]] = {
    S.HELD: {E.RELEASE: S.RELEASED, E.DROP: S.DROPPED, E.REPLACE: S.REPLACED},
    S.RELEASED: {E.ACKNOWLEDGE: S.ACKNOWLEDGED},
    S.ACKNOWLEDGED: {E.ACKNOWLEDGE: S.ACKNOWLEDGED},
    S.DROPPED: {},
    S.REPLACED: {},
}

SEEN = frozenset({S.RELEASED, S.ACKNOWLEDGED})
"""What its eMSP may have read or been sent."""


class Verdict(StrEnum):
    """What we think of a received CDR. WAITING: not priced yet. AGREED: our price is theirs. DIFFERS: it is not, or something
    in it contradicts itself. NOT_PRICED: no tariff to price it by. FAILED: our own calculation broke off; never an agreement.
    ACCEPTED: one of those three, and staff take it as it is; only pricing it again asks anew.
    """

    WAITING = "WAITING"
    AGREED = "AGREED"
    DIFFERS = "DIFFERS"
    NOT_PRICED = "NOT_PRICED"
    FAILED = "FAILED"
    ACCEPTED = "ACCEPTED"


TO_REVIEW = frozenset({Verdict.DIFFERS, Verdict.NOT_PRICED, Verdict.FAILED})
"""What a person must look at."""


class NotAllowed(Exception):
    """This state knows no such move; the sentence says which."""


def moved(state: CdrState, move: CdrMove) -> CdrState:
    """Raises NotAllowed."""
    to = TRANSITIONS[state].get(move)
    if to is None:
        raise NotAllowed(f"A CDR that is {state} knows no {move}.")
    return to
