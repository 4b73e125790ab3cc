"""The tables of moves: one result, whatever comes, and in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from backoffice.commands.rules.states import (
    FIRST,
    HOLDINGS,
    ONGOING,
    OPEN,
    TRANSITIONS,
    Direction,
    Event,
    Holding,
    State,
    Turn,
    event_of,
    moved,
)
from backoffice.commands.rules.waiting import GRACE, LONGEST, deadline_of
from ocpi.wire.commands import CommandResultType

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
ENDS = (Event.SUCCEED, Event.FAIL, Event.TIME_OUT)


@pytest.mark.parametrize("direction", Direction)
def test_every_state_is_in_its_table_and_every_open_one_can_end(direction: Direction) -> None:
    table = TRANSITIONS[direction]
    assert FIRST[direction] <= set(table)
    for state in set(table) & OPEN:
        assert all(table[state].get(end) not in OPEN for end in ENDS)
        assert all(end in table[state] for end in ENDS)
    for state in set(table) - OPEN - {State.SUCCEEDED}:
        assert not table[state], "what is final is moved by nothing"


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("order", list(permutations((Event.ACCEPT, *ENDS, Event.REFUSE, Event.UNHEARD))))
def test_the_first_result_counts_and_no_other_moves_anything(direction: Direction, order: tuple[Event, ...]) -> None:
    (state,) = FIRST[direction] & OPEN
    ended: State | None = None
    for event in order:
        to = moved(direction, state, event, "START_SESSION")
        assert ended is None or to is None
        state = to or state
        ended = state if state not in OPEN else None
    assert ended is not None


@pytest.mark.rule("T-411")
def test_only_a_reservation_that_was_made_is_cancelled_by_the_cpo() -> None:
    assert moved(Direction.OUT, State.SUCCEEDED, Event.CANCEL, "RESERVE_NOW") is State.CANCELED
    assert moved(Direction.OUT, State.SUCCEEDED, Event.CANCEL, "START_SESSION") is None
    assert moved(Direction.OUT, State.TIMED_OUT, Event.CANCEL, "RESERVE_NOW") is None
    assert moved(Direction.OUT, State.CANCELED, Event.CANCEL, "RESERVE_NOW") is None


def test_what_each_result_means() -> None:
    found = {result: event_of(result) for result in CommandResultType}
    assert found.pop(CommandResultType.ACCEPTED) is Event.SUCCEED
    assert found.pop(CommandResultType.TIMEOUT) is Event.TIME_OUT
    assert set(found.values()) == {Event.FAIL}


def test_a_reservation_ends_once() -> None:
    for state in Holding:
        for turn, to in HOLDINGS[state].items():
            assert state in ONGOING
            assert to not in ONGOING or turn is Turn.KEEP


@pytest.mark.rule("T-409")
@pytest.mark.parametrize(
    ("timeout", "waits"),
    [
        (30, timedelta(seconds=30)),
        (0, timedelta(seconds=1)),
        (-5, timedelta(seconds=1)),
        (10**12, LONGEST),
    ],
)
def test_how_long_a_result_is_waited_for(timeout: int, waits: timedelta) -> None:
    assert deadline_of(NOW, timeout) == NOW + waits + GRACE
