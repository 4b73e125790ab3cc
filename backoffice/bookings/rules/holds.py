"""How long, and for whom, a charge station keeps a booked EVSE; how far the station has come with it, as one table.

Laws: a station is asked once at a time. What it refuses, or says nothing to, it is asked again, ever more seldom, until it would
be too late; meanwhile the booking goes on by its terms, and whoever shows a card is asked about here. What it was asked to keep
it is asked to let go of, unless the driver came for it or its time is over by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum


class Stage(StrEnum):
    """ASKED: its answer is waited for. REFUSED: it does not keep it, or nobody knows. LEAVING: it is asked to let go."""

    ASKED = "ASKED"
    KEPT = "KEPT"
    REFUSED = "REFUSED"
    LEAVING = "LEAVING"
    OVER = "OVER"


class Turn(StrEnum):
    """ASK: again, or for another time. STRAY: it keeps what it was asked to let go of."""

    ASK = "ASK"
    KEEP = "KEEP"
    REFUSE = "REFUSE"
    LEAVE = "LEAVE"
    END = "END"
    STRAY = "STRAY"


H, T = Stage, Turn

HOLDS: Mapping[Stage, Mapping[Turn, Stage]] = {
    H.ASKED: {T.KEEP: H.KEPT, T.REFUSE: H.REFUSED, T.LEAVE: H.LEAVING, T.END: H.OVER},
    H.KEPT: {T.ASK: H.ASKED, T.LEAVE: H.LEAVING, T.END: H.OVER},
    H.REFUSED: {T.ASK: H.ASKED, T.LEAVE: H.LEAVING, T.END: H.OVER},
    H.LEAVING: {T.STRAY: H.LEAVING, T.END: H.OVER},
    H.OVER: {T.STRAY: H.LEAVING},
}

WANTED = frozenset({H.ASKED, H.KEPT, H.REFUSED})
"""While it is one of these the booking wants the EVSE to be kept."""


def turned(state: Stage, turn: Turn) -> Stage | None:
    return HOLDS[state].get(turn)


def kept_until(*, noshow_at: datetime | None, late_until: datetime) -> datetime:
    """After that nobody comes for it any more."""
    return late_until if noshow_at is None else min(noshow_at, late_until)


LONGEST_PAUSE = timedelta(minutes=15)


def pause(tries: int) -> timedelta:
    """After so many tries; the first pause is a minute."""
    return min(timedelta(minutes=2 ** min(max(tries - 1, 0), 10)), LONGEST_PAUSE)
