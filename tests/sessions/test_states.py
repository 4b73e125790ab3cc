"""How sessions move, sweeps that look after them, and what a PATCH makes of periods: decisions without a database."""

from datetime import timedelta
from itertools import product

import pytest

from backoffice.sessions.rules.patching import settled
from backoffice.sessions.rules.states import (
    FIRST,
    ONGOING,
    TOLERATED,
    TRANSITIONS,
    NotAllowed,
    SessionMove,
    moved,
    told,
)
from backoffice.sessions.rules.watching import SENTENCES, Finding, Watched, finding
from ocpi.wire.cdrs import ChargingPeriod
from ocpi.wire.json import validate
from ocpi.wire.sessions import SessionStatus
from tests.sessions.cast import NOW

S, M = SessionStatus, SessionMove


def test_the_table_is_whole() -> None:
    assert set(TRANSITIONS) == set(S)
    assert set(FIRST) == set(M) and set(FIRST.values()) == set(S)
    for table in (TRANSITIONS, TOLERATED):
        for status, moves in table.items():
            for move, to in moves.items():
                assert to is FIRST[move], "a move always leads to the same status"
                assert to is not status
    assert not any(set(TRANSITIONS[status]) & set(TOLERATED[status]) for status in TOLERATED)


@pytest.mark.rule("T-250", "T-280")
def test_completed_is_the_end_of_a_session_of_ours() -> None:
    for move in M:
        with pytest.raises(NotAllowed, match="COMPLETED"):
            moved(S.COMPLETED, move)


def test_a_reservation_becomes_a_charge_or_is_completed() -> None:
    assert moved(S.RESERVATION, M.START) is S.ACTIVE
    assert moved(S.RESERVATION, M.FINISH) is S.COMPLETED


@pytest.mark.parametrize(("before", "now"), list(product(S, S)))
def test_what_a_partner_may_tell(before: S, now: S) -> None:
    """Forwards, the same again, and what is tolerated; never back."""
    order = [S.RESERVATION, S.PENDING, S.ACTIVE, S.COMPLETED, S.INVALID]
    if before is now:
        assert told(before, now) is None
    elif order.index(now) > order.index(before):
        move = told(before, now)
        assert move is not None
        assert FIRST[move] is now
    else:
        with pytest.raises(NotAllowed, match=f"cannot become {now}"):
            told(before, now)


@pytest.mark.parametrize("status", S)
def test_a_session_may_be_first_heard_of_in_any_status(status: S) -> None:
    move = told(None, status)
    assert move is not None
    assert FIRST[move] is status


# --- sweeps -----------------------------------------------------------------------------------------------------------


def watched(status: S = S.ACTIVE, *, quiet: timedelta, ours: bool = True, has_cdr: bool = False) -> Watched:
    return Watched(ours, status, NOW - quiet, has_cdr)


minutes, hours = lambda count: timedelta(minutes=count), lambda count: timedelta(hours=count)


@pytest.mark.parametrize(
    ("session", "expected"),
    [
        (watched(quiet=minutes(14)), None),
        (watched(quiet=minutes(15)), Finding.SILENT),
        (watched(quiet=minutes(15), ours=False), Finding.SILENT),
        (watched(quiet=hours(24)), Finding.END_IT),
        (watched(quiet=hours(24), ours=False), Finding.SILENT),
        (watched(S.PENDING, quiet=minutes(59)), None),
        (watched(S.PENDING, quiet=hours(1)), Finding.INVALIDATE_IT),
        (watched(S.PENDING, quiet=hours(1), ours=False), Finding.NEVER_STARTED),
        (watched(S.RESERVATION, quiet=hours(23), ours=False), None),
        (watched(S.RESERVATION, quiet=hours(24), ours=False), Finding.NEVER_STARTED),
        (watched(S.COMPLETED, quiet=hours(23)), None),
        (watched(S.COMPLETED, quiet=hours(24)), Finding.NO_CDR),
        (watched(S.COMPLETED, quiet=hours(24), has_cdr=True), None),
        (watched(S.COMPLETED, quiet=hours(24), ours=False), Finding.NO_CDR),
        (watched(S.INVALID, quiet=hours(99)), None),
    ],
)
def test_what_a_sweep_finds(session: Watched, expected: Finding | None) -> None:
    assert finding(session, NOW) is expected


def test_each_finding_has_a_sentence() -> None:
    assert set(SENTENCES) == set(Finding)
    assert {S.ACTIVE, S.PENDING, S.RESERVATION} == ONGOING


# --- charging periods of a PATCH --------------------------------------------------------------------------------------


def period(start: str, kwh: int) -> dict:
    return {"start_date_time": start, "dimensions": [{"type": "ENERGY", "volume": kwh}]}


def together(*trees: dict) -> tuple[list[dict], list[str]]:
    kept, replaced = settled(trees, [validate(ChargingPeriod, tree) for tree in trees])
    return kept, [f"{moment:%H:%M}" for moment in replaced]


def test_a_new_period_is_added() -> None:
    one, two = period("2026-03-01T08:00:00Z", 1), period("2026-03-01T09:00:00Z", 2)
    assert together(one, two) == ([one, two], [])


def test_the_same_period_written_otherwise_is_a_repeat() -> None:
    one, again = period("2026-03-01T08:00:00Z", 1), period("2026-03-01T08:00:00.000", 1)
    assert together(one, again) == ([one], [])


def test_a_known_start_with_other_content_takes_its_place() -> None:
    one, two, other = (
        period("2026-03-01T08:00:00Z", 1),
        period("2026-03-01T09:00:00Z", 2),
        period("2026-03-01T08:00:00Z", 3),
    )
    assert together(one, two, other) == ([other, two], ["08:00"])
