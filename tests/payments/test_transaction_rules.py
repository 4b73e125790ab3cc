"""The table of a card payment, amounts in minor units, and when a charge reaches what was reserved."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backoffice.payments.rules.money import amount, covered, payable, reached, shown, units
from backoffice.payments.rules.transaction import (
    AT_RISK,
    DUE,
    FIRST,
    LADDER,
    LET_GO,
    OVER,
    TRANSITIONS,
    WAITING,
    Event,
    Move,
    NotAllowed,
    State,
    after_credit,
    moved,
    pause,
)

E, S = Event, State

BILLED = (E.APPROVE, E.ASK_START, E.BILL)

WAYS = (
    # what happens, and what becomes of it
    ((E.DECLINE,), S.DECLINED),
    ((E.GIVE_UP, E.RELEASE), S.RELEASED),
    ((E.APPROVE, E.REFUSE_START, E.RELEASE), S.RELEASED),
    ((E.APPROVE, E.GIVE_UP, E.RELEASE), S.RELEASED),
    ((E.APPROVE, E.ASK_START, E.REFUSE_START, E.RELEASE), S.RELEASED),
    ((E.APPROVE, E.ASK_START, E.GIVE_UP, E.RELEASE, E.BILL), S.FAILED),
    ((E.APPROVE, E.ASK_START, E.BEGIN, E.END, E.BILL, E.CAPTURE), S.CAPTURED),
    ((E.APPROVE, E.ASK_START, E.BEGIN, E.BILL, E.CAPTURE_PART), S.PARTIAL),
    ((E.APPROVE, E.ASK_START, E.END, E.BILL, E.CAPTURE_FAIL), S.FAILED),
    ((E.APPROVE, E.ASK_START, E.BILL, E.VOID, E.RELEASE), S.RELEASED),
    ((E.APPROVE, E.ASK_START, E.BEGIN, E.VOID, E.RELEASE), S.RELEASED),
    ((E.APPROVE, E.ASK_START, E.BEGIN, E.END, E.VOID, E.RELEASE), S.RELEASED),
    ((*BILLED, E.CAPTURE, E.CREDIT, E.GIVE_BACK, E.REFUND), S.REFUNDED),
    ((*BILLED, E.CAPTURE, E.CREDIT, E.GIVE_BACK, E.REFUND_FAIL), S.OWING),
    ((*BILLED, E.CAPTURE, E.CREDIT, E.GIVE_BACK, E.REFUND_FAIL, E.REFUND_AGAIN, E.REFUND), S.REFUNDED),
    ((*BILLED, E.CAPTURE, E.CREDIT, E.GIVE_BACK, E.REFUND_FAIL, E.OTHERWISE), S.REFUNDED),
    ((*BILLED, E.CAPTURE, E.CREDIT, E.STAND), S.CAPTURED),
    ((*BILLED, E.CAPTURE, E.CREDIT, E.STAND_PART, E.CREDIT, E.GIVE_BACK, E.REFUND), S.REFUNDED),
    ((*BILLED, E.CAPTURE_FAIL, E.CREDIT, E.CLEAR), S.CLEARED),
    ((*BILLED, E.CAPTURE_FAIL, E.CREDIT, E.STAND_FAIL), S.FAILED),
    ((*BILLED, E.CAPTURE, E.CREDIT, E.GIVE_BACK, E.REFUND, E.BILL), S.FAILED),
    ((*BILLED, E.CAPTURE_PART, E.CREDIT, E.GIVE_BACK, E.REFUND, E.CREDIT, E.GIVE_BACK), S.REFUNDING),
)


def test_ways_through_the_table() -> None:
    for events, ends in WAYS:
        state = FIRST
        for event in events:
            state = moved(state, event)
        assert state is ends, events


def test_the_table_is_whole() -> None:
    assert set(TRANSITIONS) == set(State)
    assert set(DUE) | WAITING | OVER | {S.AUTHORIZED, S.CREDITED} == set(State)
    assert not set(DUE) & OVER, "what is over waits for no provider"
    assert not TRANSITIONS[S.DECLINED]
    assert TRANSITIONS[S.RELEASED] == {E.BILL: S.FAILED}, "a bill that comes late is somebody's work"
    for state in (S.CAPTURED, S.PARTIAL, S.FAILED):
        assert TRANSITIONS[state] == {E.CREDIT: S.CREDITED}, "only its CDR's credit changes what was settled"
    assert {S.PARTIAL, S.FAILED} == AT_RISK
    assert {S.RELEASING, S.RELEASED} == LET_GO
    with pytest.raises(NotAllowed, match="CAPTURED cannot CAPTURE"):
        moved(S.CAPTURED, E.CAPTURE)


@given(st.lists(st.sampled_from(list(Event)), max_size=40))
@settings(max_examples=300, deadline=None)
def test_money_moves_at_most_once_whatever_happens(events: list[Event]) -> None:
    """Of the table: no way leads from a capture to another or to a release, nor past a missing authorization."""
    state, done = FIRST, []
    for event in events:
        try:
            state = moved(state, event)
        except NotAllowed:
            continue
        done.append(event)
    taken = [event for event in done if event in (E.CAPTURE, E.CAPTURE_PART)]
    assert len(taken) + done.count(E.RELEASE) <= 1
    assert not taken or E.APPROVE in done
    assert done.count(E.ASK_START) <= 1
    if state in (S.CAPTURED, S.PARTIAL):
        assert E.BILL in done


def test_what_a_credit_comes_to() -> None:
    for owed, has, event in (
        (0, 1210, E.GIVE_BACK),
        (1000, 1210, E.GIVE_BACK),
        (1210, 1210, E.STAND),
        (1500, 1210, E.STAND_PART),
        (1500, 0, E.STAND_FAIL),
        (0, 0, E.CLEAR),
    ):
        assert after_credit(owed=owed, has=has) is event
        assert event in TRANSITIONS[S.CREDITED]


def test_from_everywhere_there_is_a_way_out() -> None:
    out = set(OVER)
    while True:
        more = {state for state in State if out & set(TRANSITIONS[state].values())} | out
        if more == out:
            break
        out = more
    assert out == set(State)


def test_a_silent_provider_is_asked_ever_more_seldom_and_for_ever() -> None:
    assert [pause(n) for n in range(1, len(LADDER) + 1)] == list(LADDER) == sorted(LADDER)
    assert pause(0) == LADDER[0]
    assert pause(10_000) == LADDER[-1]
    assert DUE[S.RELEASING] is Move.RELEASE


def test_amounts_are_whole_minor_units() -> None:
    for written, currency, minor in (
        ("12.345", "EUR", 1235),
        ("12.3449", "EUR", 1234),
        ("-0.005", "EUR", -1),
        ("12.345", "KWD", 12345),
        ("129.5", "JPY", 130),
    ):
        assert units(Decimal(written), currency) == minor
    assert amount(1235, "EUR") == Decimal("12.35")
    assert shown(1235, "EUR") == "12.35 EUR"
    assert shown(130, "JPY") == "130 JPY"
    assert payable(Decimal(10), Decimal("11.9"), "EUR") == 1190
    assert payable(Decimal(10), None, "EUR") == 1000, "where no tax is named the amount is what it costs"
    assert payable(Decimal(-1), None, "EUR") == 0


@given(st.integers(0, 10**6), st.integers(0, 10**6))
@settings(max_examples=100, deadline=None)
def test_no_more_is_captured_than_was_reserved_and_no_cent_is_lost(owed: int, reserved: int) -> None:
    taken = covered(owed, reserved)
    assert 0 <= taken.capture <= reserved
    assert taken.capture + taken.uncovered == owed
    assert taken.uncovered == 0 or taken.capture == reserved


@pytest.mark.rule("T-487")
def test_a_charge_ends_before_it_costs_more_than_is_reserved() -> None:
    for now, before, ends in (
        (None, None, False),
        ("0", None, False),
        ("10.00", None, False),
        ("20.00", None, True),  # nobody told of it before
        ("19.994", None, False),
        ("19.995", None, True),  # as it would be paid
        ("10.00", "5.00", False),
        ("15.00", "10.00", True),  # one more step of five
        ("14.99", "10.00", False),
        ("19.00", "19.00", False),  # it stands still
        ("12.00", "15.00", False),
    ):
        given_now, given_before = (None if each is None else Decimal(each) for each in (now, before))
        assert reached(given_now, given_before, 2000, "EUR") is ends, (now, before)
