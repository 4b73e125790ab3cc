"""States of a run of an export and how it moves.

Laws: what a run covers is fixed when it is planned and never changes, whatever becomes of it, so that no CDR falls between
two runs; a run that failed or was cancelled keeps its CDRs until somebody has it made; what was made once can be made
again and is the same, byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum


class RunState(StrEnum):
    """QUEUED: planned, a worker takes it soon. DONE: its file is written, and in its folder if it has one."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class RunEvent(StrEnum):
    """LOST: its worker is gone without a word. AGAIN: make it (once more)."""

    BEGIN = "BEGIN"
    FINISH = "FINISH"
    FAIL = "FAIL"
    LOST = "LOST"
    CANCEL = "CANCEL"
    AGAIN = "AGAIN"


S, E = RunState, RunEvent
TRANSITIONS: Mapping[RunState, Mapping[RunEvent, RunState]] = {
    S.QUEUED: {E.BEGIN: S.RUNNING, E.CANCEL: S.CANCELLED, E.FAIL: S.FAILED},
    S.RUNNING: {E.FINISH: S.DONE, E.FAIL: S.FAILED, E.LOST: S.QUEUED, E.CANCEL: S.CANCELLED},
    S.DONE: {E.AGAIN: S.QUEUED},
    S.FAILED: {E.AGAIN: S.QUEUED},
    S.CANCELLED: {E.AGAIN: S.QUEUED},
}

OPEN = frozenset({S.QUEUED, S.RUNNING})
"""Somebody is working on it, or will soon."""

UNMADE = frozenset({S.FAILED, S.CANCELLED})
"""Its CDRs are in no file until somebody has it made."""

AGAIN_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
"""A run that failed is made again by itself so much later; after the last it waits for a person."""

MOST_LOSSES = 5
"""A run whose workers died so often kills them itself, and waits for a person."""

LOST_AFTER = timedelta(minutes=2)
"""A run that moved for so long by nothing has lost its worker: a living one writes down where it is every second."""


class NotAllowed(Exception):
    """This state knows no such move; the sentence says which."""


def moved(state: RunState, event: RunEvent) -> RunState:
    """Raises NotAllowed."""
    to = TRANSITIONS[state].get(event)
    if to is None:
        raise NotAllowed(f"A run that is {state.lower()} cannot {_VERBS[event]}.")
    return to


_VERBS = {
    E.BEGIN: "begin",
    E.FINISH: "finish",
    E.FAIL: "fail",
    E.LOST: "lose its worker",
    E.CANCEL: "be cancelled",
    E.AGAIN: "be made again",
}


def again_after(failures: int) -> timedelta | None:
    """How long after its latest failure a run that failed so often is made again by itself; None: a person must look."""
    return AGAIN_AFTER[failures - 1] if 1 <= failures <= len(AGAIN_AFTER) else None
