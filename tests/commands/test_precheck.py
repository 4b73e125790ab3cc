"""What speaks against a command: one row for each objection, on both sides."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backoffice.commands.rules.precheck import (
    CHECKS,
    Charge,
    Code,
    Driver,
    Held,
    Point,
    Side,
    Situation,
    Whose,
    obstacle,
    precheck,
)
from ocpi.wire.commands import CommandType
from ocpi.wire.locations import Status

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
ALL = frozenset({"REMOTE_START_STOP_CAPABLE", "RESERVABLE", "UNLOCK_CAPABLE"})
GOOD = Point("E1", Status.AVAILABLE, ALL, ("1",), told_at=NOW)
THEIRS = Driver(Whose.THEIRS, "CARD-1")
BOTH = (Side.SENDING, Side.RECEIVING)


def situation(kind: str, side: Side = Side.SENDING, **changes: Any) -> Situation:
    """Everything is as it should be but for the changes."""
    case = Situation(
        kind,
        side,
        NOW,
        location_id="LOC1",
        evse_uid="E1",
        connector_id="1",
        location_known=True,
        point=GOOD if kind not in ("STOP_SESSION", "CANCEL_RESERVATION") else None,
        driver=THEIRS,
        charge=Charge(Whose.THEIRS, "ACTIVE", GOOD),
        held=Held("LOC1", "E1") if kind == "CANCEL_RESERVATION" else None,
        expires_at=NOW + timedelta(hours=1) if kind == "RESERVE_NOW" else None,
    )
    return replace(case, **changes)


def point(**changes: Any) -> Point:
    return replace(GOOD, **changes)


def test_every_command_is_checked() -> None:
    assert set(CHECKS) == set(CommandType)


@pytest.mark.parametrize("side", BOTH)
@pytest.mark.parametrize("kind", list(CommandType))
def test_nothing_speaks_against_it(kind: str, side: Side) -> None:
    assert precheck(situation(kind, side)) == []


S, R, U, C, X = "START_SESSION", "RESERVE_NOW", "UNLOCK_CONNECTOR", "CANCEL_RESERVATION", "STOP_SESSION"
NEEDS_CONNECTOR = ALL | {"START_SESSION_CONNECTOR_REQUIRED"}

CERTAIN = [
    # command, what is the case, code, answer of a CPO, OCPI status
    (S, {"no_way": "The line is down."}, Code.NO_WAY, "REJECTED", 1000),
    (U, {"by_driver": True}, Code.FOR_STAFF, "REJECTED", 1000),
    (S, {"location_known": False, "point": None}, Code.UNKNOWN_LOCATION, "REJECTED", 2003),
    (U, {"location_known": False, "point": None}, Code.UNKNOWN_LOCATION, "REJECTED", 2003),
    (S, {"point": None}, Code.UNKNOWN_EVSE, "REJECTED", 2003),
    (S, {"connector_id": "9"}, Code.UNKNOWN_CONNECTOR, "REJECTED", 2003),
    (S, {"evse_uid": "", "point": None}, Code.NO_EVSE, "REJECTED", 2001),
    (S, {"connector_id": "", "point": point(capabilities=NEEDS_CONNECTOR)}, Code.CONNECTOR_REQUIRED, "REJECTED", 2002),
    (S, {"point": point(capabilities=frozenset({"RESERVABLE"}))}, Code.NOT_CAPABLE, "NOT_SUPPORTED", 1000),
    (R, {"point": point(capabilities=frozenset({"UNLOCK_CAPABLE"}))}, Code.NOT_CAPABLE, "NOT_SUPPORTED", 1000),
    (U, {"point": point(capabilities=frozenset({"RESERVABLE"}))}, Code.NOT_CAPABLE, "NOT_SUPPORTED", 1000),
    (
        X,
        {"charge": Charge(Whose.THEIRS, "ACTIVE", point(capabilities=frozenset({"RESERVABLE"})))},
        Code.NOT_CAPABLE,
        "NOT_SUPPORTED",
        1000,
    ),
    (S, {"point": point(unreachable="Nothing drives E1.")}, Code.UNREACHABLE, "NOT_SUPPORTED", 1000),
    (S, {"point": point(status=Status.REMOVED)}, Code.NOT_IN_SERVICE, "REJECTED", 1000),
    (S, {"point": point(kept=Whose.OTHERS)}, Code.RESERVED, "REJECTED", 1000),
    (R, {"point": point(kept=Whose.OTHERS)}, Code.RESERVED, "REJECTED", 1000),
    (S, {"driver": Driver(Whose.OTHERS, "X")}, Code.FOREIGN_TOKEN, "REJECTED", 2001),
    (R, {"driver": Driver(Whose.OTHERS, "X")}, Code.FOREIGN_TOKEN, "REJECTED", 2001),
    (S, {"driver": None}, Code.FOREIGN_TOKEN, "REJECTED", 2001),
    (R, {"expires_at": NOW}, Code.EXPIRY, "REJECTED", 2001),
    (R, {"held": Held("LOC2", "E1")}, Code.ELSEWHERE, "REJECTED", 1000),
    (R, {"held": Held("LOC1", "E2")}, Code.ELSEWHERE, "REJECTED", 1000),
    (X, {"charge": None}, Code.UNKNOWN_SESSION, "UNKNOWN_SESSION", 1000),
    (X, {"charge": Charge(Whose.OTHERS, "ACTIVE", GOOD)}, Code.FOREIGN_SESSION, "REJECTED", 1000),
    (X, {"charge": Charge(Whose.THEIRS, "COMPLETED", GOOD)}, Code.SESSION_OVER, "REJECTED", 1000),
    (X, {"charge": Charge(Whose.THEIRS, "RESERVATION", GOOD)}, Code.ONLY_RESERVED, "REJECTED", 1000),
    (U, {"point": point(cable=Whose.OTHERS)}, Code.CABLE_OF_OTHERS, "REJECTED", 1000),
]


@pytest.mark.rule("T-111", "T-421", "T-430", "T-431", "T-432", "T-433")
@pytest.mark.parametrize("side", BOTH)
@pytest.mark.parametrize(("kind", "changes", "code", "response", "ocpi"), CERTAIN)
def test_a_certain_objection(
    kind: str, changes: dict[str, Any], code: Code, response: str, ocpi: int, side: Side
) -> None:
    found = obstacle(precheck(situation(kind, side, **changes)))
    assert found is not None
    assert (found.code, found.response, found.ocpi) == (code, response, ocpi)
    assert found.sentence.endswith((".", "!")), "staff read it"


DOUBTS = [
    (S, {"point": point(status=Status.CHARGING)}, Code.OCCUPIED, "EVSE_OCCUPIED"),
    (R, {"point": point(status=Status.CHARGING)}, Code.OCCUPIED, "EVSE_OCCUPIED"),
    (S, {"point": point(status=Status.OUTOFORDER)}, Code.INOPERATIVE, "EVSE_INOPERATIVE"),
    (S, {"point": point(status=Status.RESERVED)}, Code.RESERVED, "EVSE_OCCUPIED"),
    (U, {"point": point(status=Status.CHARGING)}, Code.CHARGING, "FAILED"),
]


@pytest.mark.parametrize("side", BOTH)
@pytest.mark.parametrize(("kind", "changes", "code", "result"), DOUBTS)
def test_a_doubt_keeps_nobody_from_trying(
    kind: str, changes: dict[str, Any], code: Code, result: str, side: Side
) -> None:
    found = precheck(situation(kind, side, **changes))
    assert [(each.code, each.result) for each in found] == [(code, result)]
    assert obstacle(found) is None


def test_what_an_operator_does_not_tell_is_a_doubt_for_the_emsp_and_certain_for_the_operator() -> None:
    silent = point(capabilities=frozenset())
    (doubt,) = precheck(situation(S, Side.SENDING, point=silent))
    (certain,) = precheck(situation(S, Side.RECEIVING, point=silent))
    assert (doubt.code, doubt.certain, certain.certain) == (Code.NOT_CAPABLE, False, True)


@pytest.mark.rule("T-412", "T-413", "T-419", "T-213")
def test_whether_a_token_is_good_is_asked_by_its_emsp_and_by_nobody_else() -> None:
    blocked = Driver(Whose.THEIRS, "CARD-1", "Staff hold it: blocked.")
    for kind in (S, R):
        sending = obstacle(precheck(situation(kind, Side.SENDING, driver=blocked)))
        assert sending is not None
        assert sending.code is Code.BAD_TOKEN
        assert precheck(situation(kind, Side.RECEIVING, driver=blocked)) == []


def test_who_reserved_it_may_start_there() -> None:
    kept = point(status=Status.RESERVED, kept=Whose.THEIRS)
    assert precheck(situation(S, Side.RECEIVING, point=kept)) == []


@pytest.mark.rule("T-422")
def test_the_choice_of_the_evse_is_the_operators() -> None:
    left = {"evse_uid": "", "connector_id": "", "point": None}
    (doubt,) = precheck(situation(S, Side.SENDING, **left))
    assert not doubt.certain
    assert precheck(situation(S, Side.RECEIVING, **left)) == []
    full = obstacle(precheck(situation(S, Side.RECEIVING, free=False, **left)))
    assert full is not None
    assert full.code is Code.NONE_FREE


def test_an_unknown_reservation_has_a_result_of_its_own() -> None:
    sending = obstacle(precheck(situation(C, Side.SENDING, held=None)))
    receiving = obstacle(precheck(situation(C, Side.RECEIVING, held=None)))
    assert sending is not None
    assert receiving is not None
    assert (receiving.response, receiving.result) == ("ACCEPTED", "UNKNOWN_RESERVATION")
    assert sending.response == "REJECTED"


def test_nobody_keeps_an_evse_for_days() -> None:
    days = {"expires_at": NOW + timedelta(days=3)}
    assert obstacle(precheck(situation(R, Side.RECEIVING, **days))) is not None
    assert obstacle(precheck(situation(R, Side.SENDING, **days))) is None, "a partner may allow it"
