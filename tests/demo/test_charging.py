"""The drivers of the simulator, played in no time: each report in order, at the time of what it tells, and after a kill as if
nothing had been.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from backoffice.charge_points.gateway import Admission, Answer, CardShown, Metered, Started, StatusReport, Stopped
from backoffice.demo.rules.drivers import PROGRAMME, Card, Group
from backoffice.demo.rules.life import ChargePoint
from backoffice.demo.rules.pace import Pace
from backoffice.demo.rules.visits import WEIGHTS, Outlet, Story
from backoffice.demo.simulator.board import Ongoing, Socket
from backoffice.demo.simulator.charging import Charging, Reads
from ocpi.wire.locations import Status

S = Status
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
PACE = Pace(shortest=100, longest=100, meter=20, pause=30)
CARDS = {
    Group.OWN: [Card(f"OWN{number}") for number in range(30)],
    Group.ROAMING: [Card(f"ROAM{number}") for number in range(30)],
    Group.HELD: [Card("HELD0"), Card("HELD1")],
    Group.SILENT: [Card("SILENT0"), Card("SILENT1"), Card("SILENT2")],
}


def at_once(ask: Callable[[], Answer]) -> Future[Answer]:
    said: Future[Answer] = Future()
    said.set_result(ask())
    return said


@dataclass
class World:
    """A network without a database: it takes reports, remembers charges that run, and has a clock that only `play` moves."""

    evses: int = 40
    now: datetime = NOW
    said: list[tuple[datetime, Any]] = field(default_factory=list)
    statuses: dict[str, Status] = field(default_factory=dict)
    running: dict[str, Ongoing] = field(default_factory=dict)
    refuse: Callable[[Any], bool] = lambda _: False

    def __post_init__(self) -> None:
        self.statuses = {f"E{number}": S.AVAILABLE for number in range(self.evses)}

    def points(self) -> list[ChargePoint]:
        return [ChargePoint(evse_id, status, "UTC", 22_000) for evse_id, status in self.statuses.items()]

    def sockets(self, evse_id: str) -> list[Socket]:
        direct = int(evse_id[1:]) % 2 == 0
        return [Socket("1", Outlet(150_000 if direct else 22_000, direct), Decimal("1000.000"))]

    def ongoing(self) -> list[Ongoing]:
        return list(self.running.values())

    def charging(self, programme: Iterator[tuple[Group, Story]] | None = None, seed: int = 1) -> Charging:
        return Charging(
            Reads(self.points, self.sockets, self.ongoing),
            lambda: self.now,
            cards=CARDS,
            pace=PACE,
            chance=random.Random(seed),
            aside=at_once,
            programme=programme,
        )

    def tell(self, report: Any) -> Any:
        self.said.append((self.now, report))
        if self.refuse(report):
            return False
        match report:
            case StatusReport():
                self.statuses[report.evse_id] = report.status
            case CardShown():
                return Admission(report.uid.startswith(("OWN", "ROAM")), "", len(self.said))
            case Started():
                uid = next(each.uid for _, each in reversed(self.said) if isinstance(each, CardShown))
                (socket,) = self.sockets(report.evse_id)
                assert report.at
                self.running[report.transaction] = Ongoing(
                    *(report.evse_id, uid, report.transaction, socket.outlet),
                    *(report.at, report.meter_kwh, report.at),
                )
            case Metered():
                before = self.running[report.transaction]
                assert report.at
                assert before.told_at < report.at <= self.now
                self.running[report.transaction] = Ongoing(
                    *(before.evse_id, before.uid, before.transaction, before.outlet),
                    *(before.begun_at, before.meter_start, report.at),
                )
            case Stopped():
                assert report.at
                assert self.running.pop(report.transaction).told_at <= report.at <= self.now
        return True

    def play(self, charging: Charging, *, until: timedelta | None = None) -> None:
        while (due := charging.due) is not None and (until is None or due < NOW + until):
            self.now = max(self.now, due)
            charging.act(self.tell)
        if until is not None:
            self.now = NOW + until

    def of(self, kind: type) -> list[Any]:
        return [report for _, report in self.said if isinstance(report, kind)]


def one(story: Story, *, group: Group = Group.ROAMING) -> World:
    world = World()
    world.play(world.charging(iter([(group, story)])))
    return world


def test_a_charge_from_the_card_to_the_cable() -> None:
    world = one(Story.FULL)
    kinds = [type(report) for report in (each for _, each in world.said)]
    assert kinds[:3] == [CardShown, Started, StatusReport]
    assert kinds[-2:] == [Stopped, StatusReport]
    assert set(kinds[3:-2]) == {Metered}
    (started,), (stopped,) = world.of(Started), world.of(Stopped)
    assert started.at == NOW
    assert started.meter_kwh == 1000
    meters = world.of(Metered)
    assert [(each.at - NOW).total_seconds() for each in meters] == [20, 40, 60, 80, 100]
    assert [each.charging for each in meters] == [True, True, True, True, False]
    counted = [started.meter_kwh, *(each.meter_kwh for each in meters), stopped.meter_kwh]
    assert all(one <= other for one, other in pairwise(counted))
    assert counted[1] > counted[0]
    assert [each.status for each in world.of(StatusReport)] == [S.CHARGING, S.AVAILABLE]
    assert all(moment >= each.at for moment, each in world.said if isinstance(each, Metered | Stopped))


@pytest.mark.parametrize(
    ("story", "statuses"),
    [
        (Story.PULLED, [S.CHARGING, S.AVAILABLE]),
        (Story.PARKED, [S.CHARGING, S.AVAILABLE]),
        (Story.BLOCKING, [S.CHARGING, S.BLOCKED]),
        (Story.FAULT, [S.CHARGING, S.OUTOFORDER]),
        (Story.OFFLINE, [S.CHARGING, S.UNKNOWN, S.CHARGING, S.AVAILABLE]),
        (Story.METER, [S.CHARGING, S.AVAILABLE]),
    ],
)
def test_the_statuses_of_each_story(story: Story, statuses: list[Status]) -> None:
    world = one(story)
    assert [each.status for each in world.of(StatusReport)] == statuses
    assert len(world.of(Stopped)) == 1
    assert not world.running


def test_what_stands_full_is_told_as_not_charging() -> None:
    meters = one(Story.PARKED).of(Metered)
    assert [each.charging for each in meters].count(False) >= 3
    assert len({each.meter_kwh for each in meters if not each.charging}) == 1


def test_what_was_measured_offline_is_told_late_with_its_own_times() -> None:
    world = one(Story.OFFLINE)
    late = [(moment, each.at) for moment, each in world.said if isinstance(each, Metered) and moment > each.at]
    assert late
    assert len({moment for moment, _ in late}) == 1
    at = [each.at for each in world.of(Metered)]
    assert at == sorted(at)
    assert [(moment - NOW).total_seconds() for moment in at] == [20, 40, 60, 80, 100]


def test_a_lost_charge_is_not_waited_for_and_ends_when_it_is_found() -> None:
    world = one(Story.LOST)
    assert [each.status for each in world.of(StatusReport)] == [S.CHARGING, S.UNKNOWN]
    assert len(world.running) == 1
    assert not world.of(Stopped)
    again = world.charging(iter([(Group.STRANGER, Story.FULL)]))
    world.now += timedelta(hours=3)
    world.play(again)
    (stopped,) = world.of(Stopped)
    assert stopped.at < NOW + timedelta(minutes=3)
    assert not world.running
    assert world.statuses[stopped.evse_id] is S.AVAILABLE


@pytest.mark.parametrize("group", [Group.HELD, Group.STRANGER, Group.SILENT])
def test_who_may_not_charge_leaves_nothing_behind(group: Group) -> None:
    world = one(Story.FULL, group=group)
    assert [type(each) for _, each in world.said] == [CardShown]
    assert set(world.statuses.values()) == {S.AVAILABLE}


def test_a_start_that_is_refused_leaves_nothing_behind() -> None:
    world = World(refuse=lambda report: isinstance(report, Started))
    world.play(world.charging(iter([(Group.OWN, Story.FULL)])))
    assert [type(each) for _, each in world.said] == [CardShown, Started]


def test_a_charge_that_staff_ended_is_let_go() -> None:
    world = World(refuse=lambda report: isinstance(report, Metered))
    world.play(world.charging(iter([(Group.OWN, Story.FULL)])))
    assert [type(each) for _, each in world.said] == [CardShown, Started, StatusReport, Metered, StatusReport]
    assert set(world.statuses.values()) == {S.AVAILABLE}


def test_the_programme_shows_every_group_and_every_story() -> None:
    assert {group for group, _ in PROGRAMME} == set(Group)
    for group in (Group.OWN, Group.ROAMING):
        assert {story for each, story in PROGRAMME if each is group} == set(WEIGHTS)
    world = World()
    world.play(world.charging(iter(PROGRAMME)))
    assert len(world.of(CardShown)) == len(PROGRAMME)
    assert len(world.of(Started)) == 2 * len(WEIGHTS)
    assert len(world.of(Stopped)) == 2 * (len(WEIGHTS) - 1)


def test_nobody_charges_twice_at_once_and_no_evse_is_used_twice() -> None:
    world = World()
    charging = world.charging()
    cards: dict[str, str] = {}
    evses: dict[str, str] = {}
    world.play(charging, until=timedelta(hours=4))
    shown = None
    for _, report in world.said:
        match report:
            case CardShown():
                shown = report
            case Started():
                assert shown
                assert shown.uid not in cards.values()
                assert report.evse_id not in evses.values()
                cards[report.transaction], evses[report.transaction] = shown.uid, report.evse_id
            case Stopped():
                del cards[report.transaction], evses[report.transaction]
    assert len(world.of(Started)) > 300
    assert len(world.of(Stopped)) > 280
    charged = {evse_id for evse_id, status in world.statuses.items() if status is S.CHARGING}
    assert charged <= charging.taken()


@pytest.mark.parametrize("seed", range(4))
def test_after_a_kill_it_goes_on_as_if_nothing_had_been(seed: int) -> None:
    """Killed at a moment of any kind and started again later: every report that was missing comes, none comes twice."""
    world = World()
    world.play(world.charging(seed=seed), until=timedelta(minutes=20, seconds=7 * seed))
    before = set(world.running)
    assert before
    world.now += timedelta(seconds=45)
    world.play(world.charging(iter([]), seed=seed))
    lost = {name for name in world.running if name.startswith("lost")}
    assert set(world.running) == lost
    ended = {each.transaction for each in world.of(Stopped)}
    assert before - lost <= ended
    for name in ended:
        at = [each.at for each in world.of(Metered) if each.transaction == name]
        assert at == sorted(set(at))
        kwh = [each.meter_kwh for each in world.of(Metered) if each.transaction == name]
        assert kwh == sorted(kwh)
    assert S.CHARGING not in world.statuses.values()
