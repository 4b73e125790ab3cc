"""The rules of the simulated charge points: which change may follow which, and how demand moves with the local hour."""

import random
from collections import Counter
from datetime import UTC, datetime

import pytest

from backoffice.demo.rules import PER_HOUR, REASONS, ChargePoint, rates, step
from ocpi.wire.locations import Status

S = Status
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # a Monday


def point(
    status: Status = S.AVAILABLE, *, zone: str = "UTC", power: int = 22_000, reservable: bool = True, evse_id: str = "E"
) -> ChargePoint:
    return ChargePoint(evse_id, status, zone, power, reservable)


FOLLOWS = {
    S.AVAILABLE: {S.CHARGING, S.RESERVED, S.BLOCKED, S.OUTOFORDER, S.INOPERATIVE, S.UNKNOWN},
    S.CHARGING: {S.AVAILABLE, S.BLOCKED, S.OUTOFORDER},
    S.RESERVED: {S.CHARGING, S.AVAILABLE},
    S.BLOCKED: {S.AVAILABLE},
    S.OUTOFORDER: {S.INOPERATIVE, S.AVAILABLE},
    S.INOPERATIVE: {S.AVAILABLE},
    S.UNKNOWN: {S.AVAILABLE, S.OUTOFORDER},
    S.PLANNED: set(),
    S.REMOVED: set(),
}


@pytest.mark.parametrize("status", list(Status))
def test_what_may_follow(status: Status) -> None:
    assert set(rates(point(status), NOON)) == FOLLOWS[status]
    seen = {change[1] for seed in range(3000) if (change := step([point(status)], NOON, random.Random(seed)))}
    assert seen == FOLLOWS[status]


def test_only_what_can_be_reserved_is() -> None:
    assert S.RESERVED not in rates(point(reservable=False), NOON)


def test_nobody_is_stuck_for_good() -> None:
    """From every status that hardware can have, AVAILABLE is reached."""
    for status in set(Status) - {S.PLANNED, S.REMOVED}:
        reached, edge = {status}, {status}
        while edge:
            edge = {follower for one in edge for follower in PER_HOUR[one]} - reached
            reached |= edge
        assert S.AVAILABLE in reached


@pytest.mark.parametrize(
    ("zone", "power", "busy_utc", "calm_utc"),
    [
        ("Europe/Berlin", 300_000, 16, 2),  # 17 and 3 o'clock there
        ("Atlantic/Azores", 300_000, 18, 4),  # 17 and 3
        ("Europe/Helsinki", 22_000, 17, 1),  # 19 and 3
    ],
)
def test_demand_follows_the_local_hour(zone: str, power: int, busy_utc: int, calm_utc: int) -> None:
    there = point(zone=zone, power=power)
    busy, calm = (rates(there, NOON.replace(hour=hour))[S.CHARGING] for hour in (busy_utc, calm_utc))
    assert busy >= 5 * calm


def test_a_hub_at_rush_hour_is_busier_than_the_street() -> None:
    rush = NOON.replace(hour=17)
    assert rates(point(power=300_000), rush)[S.CHARGING] > rates(point(power=22_000), rush)[S.CHARGING]


def test_vehicles_leave_fast_chargers_sooner() -> None:
    stays = [rates(point(S.CHARGING, power=power), NOON)[S.AVAILABLE] for power in (22_000, 300_000)]
    assert stays[1] == 4 * stays[0]


def test_the_same_numbers_give_the_same_life() -> None:
    board = [point(evse_id=str(number)) for number in range(20)]
    lives = [[step(board, NOON, chance) for _ in range(50)] for chance in (random.Random(1), random.Random(1))]
    assert lives[0] == lives[1]


def test_changes_fall_in_proportion_to_their_rates() -> None:
    board = [point(S.BLOCKED, evse_id="B"), point(S.INOPERATIVE, evse_id="I")]
    chance = random.Random(7)
    found = Counter(change[0].evse_id for _ in range(4000) if (change := step(board, NOON, chance)))
    assert found["B"] / found["I"] == pytest.approx(1.5 / 0.4, rel=0.15)


def test_a_fault_comes_with_its_reason_and_a_session_without() -> None:
    changes = [step([point()], NOON, random.Random(seed)) for seed in range(3000)]
    for change in changes:
        assert change is not None
        assert change[2] in REASONS.get(change[1], ("",))
    assert {change[2] for change in changes if change and change[1] is S.OUTOFORDER} > {"Ground fault detected"}


@pytest.mark.parametrize("board", [[], [point(S.PLANNED), point(S.REMOVED)]])
def test_nothing_happens_where_nothing_can(board: list[ChargePoint]) -> None:
    assert step(board, NOON, random.Random(1)) is None
