"""The simulated charge points obey: what stands in the way of an order, how each kind is done, and how it is answered."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from backoffice.charge_points.gateway import (
    ActiveProfile,
    CancelReservation,
    CardShown,
    ClearProfile,
    Done,
    Instruction,
    Metered,
    Replanned,
    Reserve,
    SetProfile,
    Start,
    Started,
    StatusReport,
    Stop,
    Stopped,
    Unlock,
)
from backoffice.demo.rules import obeying as rules
from backoffice.demo.rules.limiting import Limit
from backoffice.demo.rules.obeying import Fate, Manner, Plug, Reservation, Standing, fate, hindrance, lets_in
from backoffice.demo.rules.visits import Story
from backoffice.demo.simulator.charging import Charging
from backoffice.demo.simulator.obeying import Obeying, Reads
from ocpi.wire import json as wire_json
from ocpi.wire.charging_profiles import ActiveChargingProfile
from ocpi.wire.commands import CommandResultType as Outcome
from ocpi.wire.locations import Status
from tests.demo.test_charging import NOW, World

S = Status
DEADLINE = NOW + timedelta(seconds=30)
KEPT = Reservation(4, "CARD-1", NOW + timedelta(minutes=15))


def asked(kind: type, evse_id: str = "E1", *, order: str = "order", **given: Any) -> Any:
    defaults: dict[type, dict[str, Any]] = {
        Start: {"authorization_id": 7, "uid": "CARD-1", "token_type": "APP_USER", "connector_id": "1"},
        Stop: {"transaction": "TX"},
        Unlock: {"connector_id": "1"},
        Reserve: {"reservation": 4, "uid": "CARD-1", "token_type": "APP_USER", "expires": KEPT.expires},
        CancelReservation: {"reservation": 4},
        SetProfile: {"transaction": "TX", "profile": {"charging_rate_unit": "W"}},
        ActiveProfile: {"transaction": "TX", "seconds": 300},
        ClearProfile: {"transaction": "TX"},
    }
    return kind(order=order, evse_id=evse_id, deadline=DEADLINE, **(defaults[kind] | given))


FREE, KEPT_FOR_IT = Standing(S.AVAILABLE), Standing(S.RESERVED, reservation=KEPT)
CHARGES = Standing(S.CHARGING, charges=frozenset({"TX"}))
OF_A_CHARGE = (Stop, SetProfile, ActiveProfile, ClearProfile)


@pytest.mark.parametrize(
    ("kinds", "standing", "outcome"),
    [
        ((Start, Reserve, Unlock), FREE, None),
        (OF_A_CHARGE, CHARGES, None),
        (OF_A_CHARGE, FREE, Outcome.REJECTED),
        (OF_A_CHARGE, Standing(S.CHARGING, charges=frozenset({"ANOTHER"})), Outcome.REJECTED),
        ((Start, Reserve), CHARGES, Outcome.EVSE_OCCUPIED),
        ((Start, Reserve), Standing(S.BLOCKED), Outcome.EVSE_OCCUPIED),
        ((Start, Reserve), Standing(S.AVAILABLE, expecting=True), Outcome.EVSE_OCCUPIED),
        ((Start, Reserve), Standing(S.RESERVED), Outcome.EVSE_OCCUPIED),
        ((Start, Reserve), Standing(S.RESERVED, reservation=Reservation(5, "OTHER", DEADLINE)), Outcome.EVSE_OCCUPIED),
        ((Start, Reserve, CancelReservation), KEPT_FOR_IT, None),
        ((Start, Reserve, Unlock), Standing(S.OUTOFORDER), Outcome.EVSE_INOPERATIVE),
        ((Start, Reserve, Unlock), Standing(S.INOPERATIVE), Outcome.EVSE_INOPERATIVE),
        ((Unlock,), CHARGES, Outcome.REJECTED),
        ((Unlock,), Standing(S.BLOCKED), None),
        ((CancelReservation,), FREE, Outcome.UNKNOWN_RESERVATION),
        (
            (CancelReservation,),
            Standing(S.RESERVED, reservation=Reservation(5, "X", DEADLINE)),
            Outcome.UNKNOWN_RESERVATION,
        ),
    ],
)
def test_what_stands_in_the_way(kinds: tuple[type, ...], standing: Standing, outcome: Outcome | None) -> None:
    for kind in kinds:
        found = hindrance(asked(kind), standing)
        assert (found.outcome if found else None) is outcome, kind
        if found is not None:
            assert fate(asked(kind), standing, random.Random(1)) == found


@pytest.mark.parametrize("kind", rules.FATES)
def test_who_is_silent_hears_nothing(kind: type) -> None:
    for standing in (Standing(S.UNKNOWN), Standing(S.CHARGING, charges=frozenset({"TX"}), silent=True)):
        found = hindrance(asked(kind), standing)
        assert found is not None
        assert found.manner is Manner.NEVER


@pytest.mark.parametrize(
    ("standing", "uid", "allowed"),
    [
        (FREE, "ANY", True),
        (KEPT_FOR_IT, "card-1", True),
        (KEPT_FOR_IT, "CARD-2", False),
        (Standing(S.RESERVED), "CARD-1", False),
        (Standing(S.AVAILABLE, expecting=True), "CARD-1", False),
        (CHARGES, "CARD-1", False),
    ],
)
def test_a_kept_evse_lets_in_whom_it_is_kept_for(standing: Standing, uid: str, allowed: bool) -> None:
    assert lets_in(standing, uid) is allowed


def test_the_demo_shows_every_result_and_every_manner() -> None:
    fates = {found for table in rules.FATES.values() for found in table}
    by_rule = {Outcome.UNKNOWN_RESERVATION, Outcome.CANCELED_RESERVATION}  # the second is the CPO's, never a station's
    assert {found.outcome for found in fates} == set(Outcome) - by_rule
    assert {found.manner for found in fates} == set(Manner)
    assert all(sum(table.values()) == 100 for table in rules.FATES.values())
    assert all(found.outcome is Outcome.ACCEPTED for found in fates if found.obeys)
    assert sum(rules.PLUGS.values()) == 100


# --- played in no time -----------------------------------------------------------------------------------------------


@dataclass
class Site:
    """A World whose charge points obey."""

    world: World = field(default_factory=World)
    kept: Mapping[str, Reservation] = field(default_factory=dict)
    charging: Charging = field(init=False)
    obeying: Obeying = field(init=False)

    def __post_init__(self) -> None:
        self.charging = self.world.charging(iter([]))
        world = self.world
        reads = Reads(world.points, world.sockets, lambda: self.kept)
        self.obeying = Obeying(reads, self.charging, lambda: world.now, chance=random.Random(1))

    def play(self, seconds: float = 0.3) -> None:
        until = self.world.now + timedelta(seconds=seconds)
        while True:
            due = [(each.due, each) for each in (self.charging, self.obeying) if each.due is not None]
            at, activity = min(due, key=lambda found: found[0], default=(until, None))
            if activity is None or at >= until:
                self.world.now = until
                return
            self.world.now = max(self.world.now, at)
            activity.act(self.tell)

    def tell(self, report: Any) -> Any:
        if isinstance(report, Started):  # whom the command named; no card was shown
            self.world.said.append((self.world.now, CardShown(report.evse_id, "1", "OWN")))
        if isinstance(report, Done):
            self.world.said.append((self.world.now, report))
            return True
        return self.world.tell(report)

    def obey(self, order: Instruction, seconds: float = 0.3) -> list[Done]:
        known = len(self.world.of(Done))
        self.obeying.obey(order, self.tell)
        self.play(seconds)
        return self.world.of(Done)[known:]

    def charge(self, story: Story = Story.FULL) -> str:
        """One that runs at E1, and its transaction."""
        (socket,) = self.world.sockets("E1")
        assert self.charging.begin("E1", socket, "OWN1", 1, self.tell, story=story)
        self.play(25)
        return next(iter(self.world.running))


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Chance says the same each time."""

    def say(found: Fate = rules.OBEYS, comes: Plug = Plug.SOON) -> None:
        for kind in rules.FATES:
            monkeypatch.setitem(rules.FATES, kind, {found: 1})  # type: ignore[arg-type]
        for each in Plug:
            monkeypatch.setitem(rules.PLUGS, each, int(each is comes))  # type: ignore[arg-type]

    say()
    return say


def test_a_start_is_answered_at_once_and_the_charge_begins_when_the_cable_is_in(always: Any) -> None:
    site = Site()
    assert site.obey(asked(Start)) == [Done("order", Outcome.ACCEPTED)]
    assert not site.world.of(Started)
    assert site.obeying.taken() == {"E1"}
    assert [done.outcome for done in site.obey(asked(Start, uid="CARD-2"))] == [Outcome.EVSE_OCCUPIED]
    site.play(8)
    (started,) = site.world.of(Started)
    assert (started.authorization_id, started.connector_id, started.pending) == (7, "1", False)
    assert site.world.statuses["E1"] is S.CHARGING
    assert site.obeying.taken() == set()
    site.play(200)
    assert len(site.world.of(Stopped)) == 1


def test_a_start_may_be_counted_before_the_cable_is_in(always: Any) -> None:
    always(comes=Plug.PENDING)
    site = Site()
    site.obey(asked(Start, connector_id=None))
    (started,) = site.world.of(Started)
    assert started.pending
    site.play(8)
    first = site.world.of(Metered)[0]
    assert (first.charging, first.meter_kwh) == (True, started.meter_kwh)
    assert NOW + timedelta(seconds=2) <= first.at <= NOW + timedelta(seconds=8)
    site.play(60)
    assert site.world.of(Metered)[-1].meter_kwh > started.meter_kwh


@pytest.mark.parametrize("comes", [Plug.ABSENT, Plug.UNPLUGGED])
def test_a_cable_that_is_never_plugged_in_is_given_up(always: Any, comes: Plug) -> None:
    always(comes=comes)
    site = Site()
    assert [done.outcome for done in site.obey(asked(Start))] == [Outcome.ACCEPTED]
    site.play(300)
    assert len(site.world.of(Started)) == (comes is Plug.UNPLUGGED)
    assert all(not meter.charging and meter.meter_kwh == 1000 for meter in site.world.of(Metered))
    assert [each.meter_kwh for each in site.world.of(Stopped)] == [1000] * (comes is Plug.UNPLUGGED)
    assert not site.world.running
    assert site.obeying.taken() == set()
    assert site.world.statuses["E1"] is S.AVAILABLE


@pytest.mark.parametrize(("connector", "uid"), [("2", "CARD-1"), ("", "CARD-1")])
def test_a_start_at_a_connector_that_is_not_there_is_rejected(always: Any, connector: str, uid: str) -> None:
    (done,) = Site().obey(asked(Start, connector_id=connector, uid=uid))
    assert done.outcome is Outcome.REJECTED


def test_a_charge_is_stopped_where_it_is(always: Any) -> None:
    site = Site()
    transaction = site.charge()
    (done,) = site.obey(asked(Stop, transaction=transaction))
    assert done.outcome is Outcome.ACCEPTED
    (stopped,) = site.world.of(Stopped)
    assert stopped.reason == "Remote"
    assert timedelta(0) <= site.world.said[-1][0] - stopped.at < timedelta(milliseconds=1)
    assert stopped.meter_kwh > 1000
    assert site.world.statuses["E1"] is S.AVAILABLE
    assert [again.outcome for again in site.obey(asked(Stop, transaction=transaction))] == [Outcome.REJECTED]


def test_a_charge_whose_cable_is_not_in_is_stopped_without_a_kilowatt_hour(always: Any) -> None:
    always(comes=Plug.PENDING)
    site = Site()
    site.obey(asked(Start))
    (transaction,) = site.world.running
    site.obey(asked(Stop, transaction=transaction))
    site.play(200)
    assert [each.meter_kwh for each in site.world.of(Stopped)] == [1000]
    assert not any(meter.charging for meter in site.world.of(Metered))


def test_an_evse_is_kept_until_it_expires(always: Any) -> None:
    site = Site()
    assert [done.outcome for done in site.obey(asked(Reserve))] == [Outcome.ACCEPTED]
    assert site.world.statuses["E1"] is S.RESERVED
    assert "E1" in site.obeying.taken()
    longer = asked(Reserve, expires=KEPT.expires + timedelta(minutes=5))
    assert [done.outcome for done in site.obey(longer)] == [Outcome.ACCEPTED]
    other = asked(Reserve, reservation=5, uid="CARD-2")
    assert [done.outcome for done in site.obey(other)] == [Outcome.EVSE_OCCUPIED]
    site.play(16 * 60)
    assert site.world.statuses["E1"] is S.RESERVED
    site.play(5 * 60)
    assert site.world.statuses["E1"] is S.AVAILABLE
    assert site.obeying.taken() == set()


def test_a_reservation_is_cancelled_once(always: Any) -> None:
    site = Site()
    site.obey(asked(Reserve))
    outcomes = [site.obey(asked(CancelReservation, reservation=number))[0].outcome for number in (5, 4, 4)]
    assert outcomes == [Outcome.UNKNOWN_RESERVATION, Outcome.ACCEPTED, Outcome.UNKNOWN_RESERVATION]
    assert site.world.statuses["E1"] is S.AVAILABLE
    site.play(20 * 60)
    reports = [each.status for each in site.world.of(StatusReport)]
    assert reports == [S.RESERVED, S.AVAILABLE]


def test_who_reserved_comes_with_the_card_or_is_started_from_afar(always: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site()
    site.obey(asked(Reserve, uid="OWN7"))
    assert [done.outcome for done in site.obey(asked(Start, uid="OWN8"))] == [Outcome.EVSE_OCCUPIED]
    site.obey(asked(Start, uid="OWN7"), seconds=10)
    assert site.world.statuses["E1"] is S.CHARGING
    monkeypatch.setattr("backoffice.demo.simulator.obeying.COMES_WITH_CARD", 1)
    site.obey(asked(Reserve, "E3", uid="OWN9", token_type="RFID"), seconds=70)
    assert [each.uid for each in site.world.of(CardShown) if each.evse_id == "E3" and each.uid != "OWN"] == ["OWN9"]
    assert site.world.statuses["E3"] is S.CHARGING
    charged = len(site.world.of(Started))
    site.obey(asked(Reserve, "E5", uid="OWN9", token_type="RFID"))
    site.obey(asked(Reserve, "E5", uid="OWN6", token_type="APP_USER"))  # the same number, now for another
    site.play(70)
    assert len(site.world.of(Started)) == charged
    site.play(3600)
    assert site.world.statuses["E3"] is S.AVAILABLE
    assert site.obeying.taken() == set()


def test_what_was_kept_before_a_restart_is_kept_after_it(always: Any) -> None:
    site = Site(kept={"E1": KEPT})
    site.world.statuses["E1"] = S.RESERVED
    site.play(1)
    assert site.obeying.taken() == {"E1"}
    site.play(15 * 60)
    assert site.world.statuses["E1"] is S.AVAILABLE


def test_a_cable_is_unlocked(always: Any) -> None:
    site = Site()
    site.world.statuses["E1"] = S.BLOCKED
    assert [done.outcome for done in site.obey(asked(Unlock))] == [Outcome.ACCEPTED]
    assert site.world.statuses["E1"] is S.AVAILABLE


@pytest.mark.parametrize(
    ("said", "answers"),
    [
        (rules.TWICE, [(0.3, 1), (2, 2)]),
        (rules.SLOW, [(1.9, 0), (6.1, 1)]),
        (rules.LATE, [(30, 0), (35, 1)]),
        (rules.UNHEARD, [(30, 0), (60, 0)]),
        (rules.FASTER, [(0.3, 1)]),
        (rules.FAULT, [(0.3, 1)]),
    ],
)
def test_how_an_order_is_answered(always: Any, said: Fate, answers: list[tuple[float, int]]) -> None:
    always(said)
    site = Site()
    site.obey(asked(Start), seconds=0)
    for seconds, count in answers:
        site.play((NOW + timedelta(seconds=seconds) - site.world.now).total_seconds())
        assert len(site.world.of(Done)) == count
    assert {done.outcome for done in site.world.of(Done)} <= {said.outcome}
    if said.then is not None:
        assert site.world.statuses["E1"] is said.then
    site.play(20)
    assert bool(site.world.of(Started)) is said.obeys


def test_a_limit_bends_the_running_charge_and_is_told_as_the_plan(always: Any) -> None:
    site = Site()
    transaction = site.charge()
    before = site.world.of(Metered)[-1].power_kw
    assert before > 3
    profile = {
        "charging_rate_unit": "W",
        "charging_profile_period": [{"start_period": 0, "limit": Decimal(2000)}],
    }
    (done,) = site.obey(asked(SetProfile, transaction=transaction, profile=profile))
    assert done.outcome is Outcome.ACCEPTED
    assert done.profile is not None
    assert done.profile["charging_profile"]["charging_profile_period"][0]["limit"] == 2000
    site.play(25)
    assert site.world.of(Metered)[-1].power_kw == 2
    (done,) = site.obey(asked(ActiveProfile, transaction=transaction))
    assert done.profile is not None
    active = wire_json.validate(ActiveChargingProfile, wire_json.parse(wire_json.encode(done.profile)))
    assert active.charging_profile.charging_profile_period[0].limit == 2000
    assert site.obey(asked(ClearProfile, transaction=transaction))[0].outcome is Outcome.ACCEPTED
    site.play(25)
    assert site.world.of(Metered)[-1].power_kw == before
    site.play(400)
    assert len(site.world.of(Stopped)) == 1


def test_who_set_a_profile_hears_when_the_site_gives_less(always: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    short = (Limit(40_000, 1_000), Limit(70_000, None))
    monkeypatch.setattr("backoffice.demo.simulator.charging.of_site", lambda *_, **__: short)
    site = Site()
    transaction = site.charge()
    site.play(25)
    assert site.world.of(Metered)[-1].power_kw == 1
    assert not site.world.of(Replanned), "nobody has set a profile"
    site.obey(asked(ClearProfile, transaction=transaction))
    site.play(40)
    (told,) = site.world.of(Replanned)
    assert told.transaction == transaction
    assert told.profile["charging_profile"]["charging_profile_period"][0]["limit"] > 1_000
    site.play(400)
    assert len(site.world.of(Replanned)) == 1


def test_orders_of_two_at_once_are_judged_when_they_are_done(always: Any) -> None:
    """Both were possible when they came."""
    site = Site()
    site.obeying.obey(asked(Reserve, order="a", uid="A", reservation=1), site.tell)
    site.obeying.obey(asked(Reserve, order="b", uid="B", reservation=2), site.tell)
    site.play(1)
    outcomes = sorted(done.outcome.value for done in site.world.of(Done))
    assert outcomes == ["ACCEPTED", "EVSE_OCCUPIED"]


def test_a_world_of_orders_goes_on() -> None:
    """Whatever comes when and in whatever order: nothing breaks, everything that is heard is answered, all is free in the end."""
    chance = random.Random(5)
    site = Site(world=World(evses=6))
    for number in range(600):
        evse_id = f"E{chance.randrange(6)}"
        running = [each.transaction for each in site.world.running.values() if each.evse_id == evse_id] or ["TX"]
        kind: type = chance.choice([*rules.FATES])
        given: dict[str, Any] = {}
        if kind in OF_A_CHARGE:
            given = {"transaction": chance.choice(running)}
        if kind in (Start, Reserve):
            given = {"uid": f"OWN{number}"}
        if kind is Reserve:
            given |= {"expires": site.world.now + timedelta(seconds=60), "reservation": number}
        if kind is SetProfile:
            given["profile"] = {
                "charging_rate_unit": chance.choice(["A", "W"]),
                "charging_profile_period": [{"start_period": 0, "limit": chance.choice([0, 6, 3000])}],
            }
        order = asked(kind, evse_id, order=str(number), **given)
        site.obeying.obey(replace(order, deadline=site.world.now), site.tell)
        site.play(chance.uniform(0, 10))
    heard = len({done.order for done in site.world.of(Done)})
    assert heard > 500
    assert {done.outcome for done in site.world.of(Done)} >= set(Outcome) - {
        Outcome.CANCELED_RESERVATION,
        Outcome.TIMEOUT,
        Outcome.NOT_SUPPORTED,
    }
    site.play(3 * 3600)
    assert not site.world.running
    assert site.obeying.taken() == set()


def test_a_silent_station_hears_no_order(always: Any) -> None:
    site = Site()
    transaction = site.charge(Story.OFFLINE)
    site.play(15)
    assert site.world.statuses["E1"] is S.UNKNOWN
    assert site.obey(asked(Stop, transaction=transaction)) == []
    assert not site.world.of(Stopped)
