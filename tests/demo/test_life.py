"""The rules of simulated charge points at which nobody charges: which change may follow which, and how demand moves with the
local hour.
"""

import random
from collections import Counter
from datetime import UTC, datetime

import pytest

from backoffice.demo.rules.life import PER_HOUR, REASONS, ChargePoint, demand, place, rates, step
from ocpi.wire.locations import Status

S = Status
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # a Monday


def point(status: Status = S.AVAILABLE, *, zone: str = "UTC", power: int = 22_000, evse_id: str = "E") -> ChargePoint:
    return ChargePoint(evse_id, status, zone, power)


FOLLOWS = {
    S.AVAILABLE: {S.BLOCKED, S.OUTOFORDER, S.INOPERATIVE, S.UNKNOWN},
    S.CHARGING: {S.AVAILABLE},
    S.RESERVED: {S.AVAILABLE},
    S.BLOCKED: {S.AVAILABLE},
    S.OUTOFORDER: {S.INOPERATIVE, S.AVAILABLE},
    S.INOPERATIVE: {S.AVAILABLE},
    S.UNKNOWN: {S.AVAILABLE, S.OUTOFORDER},
    S.PLANNED: set(),
    S.REMOVED: set(),
}


@pytest.mark.parametrize("status", list(Status))
def test_what_may_follow(status: Status) -> None:
    assert set(rates(point(status))) == FOLLOWS[status]
    seen = {change[1] for seed in range(3000) if (change := step([point(status)], random.Random(seed)))}
    assert seen == FOLLOWS[status]


def test_nothing_is_reserved_but_by_somebody() -> None:
    assert not any(S.RESERVED in followers for followers in PER_HOUR.values())


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
    busy, calm = (demand(there, NOON.replace(hour=hour)) for hour in (busy_utc, calm_utc))
    assert busy >= 5 * calm


def test_a_hub_at_rush_hour_is_busier_than_the_street() -> None:
    rush = NOON.replace(hour=17)
    assert demand(point(power=300_000), rush) > demand(point(power=22_000), rush)


def test_drivers_go_to_what_is_free_and_more_often_to_what_is_in_demand() -> None:
    board = [
        *(point(status, evse_id=status.value) for status in Status if status is not S.AVAILABLE),
        point(evse_id="asleep", zone="Asia/Tokyo"),  # two in the night
        point(evse_id="busy", power=300_000),
    ]
    chance = random.Random(2)
    found = Counter(there.evse_id for _ in range(4000) if (there := place(board, NOON.replace(hour=17), chance)))
    assert set(found) == {"asleep", "busy"}
    assert found["busy"] / found["asleep"] == pytest.approx(9, rel=0.2)
    assert place(board[:-2], NOON, chance) is None


def test_the_same_numbers_give_the_same_life() -> None:
    board = [point(evse_id=str(number)) for number in range(20)]
    lives = [[step(board, chance) for _ in range(50)] for chance in (random.Random(1), random.Random(1))]
    assert lives[0] == lives[1]


def test_changes_fall_in_proportion_to_their_rates() -> None:
    board = [point(S.BLOCKED, evse_id="B"), point(S.INOPERATIVE, evse_id="I")]
    chance = random.Random(7)
    found = Counter(change[0].evse_id for _ in range(4000) if (change := step(board, chance)))
    assert found["B"] / found["I"] == pytest.approx(2.5 / 0.4, rel=0.15)


def test_a_fault_comes_with_its_reason_and_a_session_without() -> None:
    changes = [step([point()], random.Random(seed)) for seed in range(3000)]
    for change in changes:
        assert change is not None
        assert change[2] in REASONS.get(change[1], ("",))
    assert {change[2] for change in changes if change and change[1] is S.OUTOFORDER} > {"Ground fault detected"}


@pytest.mark.parametrize("board", [[], [point(S.PLANNED), point(S.REMOVED)]])
def test_nothing_happens_where_nothing_can(board: list[ChargePoint]) -> None:
    assert step(board, random.Random(1)) is None
