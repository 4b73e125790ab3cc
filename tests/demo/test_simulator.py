"""The simulator as a driver of charge points: it acts when something is due, and lives from the state as it is now."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command

from backoffice.charge_points.gateway import Gateway, Instruction, Report, StatusReport, Tell
from backoffice.demo.actions.loading import load
from backoffice.demo.rules.life import PER_HOUR, ChargePoint
from backoffice.demo.simulator import Simulator
from backoffice.demo.simulator.board import charge_points
from backoffice.demo.simulator.life import Life
from backoffice.demo.world.companies import HOME
from backoffice.locations.actions.storing import store
from backoffice.locations.models import Evse, StatusEvent
from backoffice.partners.models import Party
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from ocpi.wire.locations import Status
from tests import factories

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
POINT = ChargePoint("DE*RDK*E1", Status.BLOCKED, "Europe/Berlin", 22_000, False)


def taking(told: list[Report]) -> Tell:
    def tell(report: Report) -> bool:
        told.append(report)
        return True

    return tell


class Orders:
    """None at all."""

    def __call__(self) -> list[Instruction]:
        return []

    def wait(self, seconds: float) -> None:
        pass


def life(*boards: list[ChargePoint] | None, changes: int | None = None, taken: Callable[[], set[str]] = set) -> Gateway:
    looks = iter(boards)
    activity = Life(
        lambda: next(looks),
        lambda: NOW,
        every=0,
        chance=random.Random(1),
        changes=changes or len(boards),
        taken=taken,
    )
    return Simulator([activity], lambda: NOW)


@dataclass
class Bell:
    """Rings at its times, and writes down that it did."""

    name: str
    times: list[datetime]
    rung: list[str]

    @property
    def due(self) -> datetime | None:
        return self.times[0] if self.times else None

    def act(self, tell: Tell) -> None:
        self.times.pop(0)
        self.rung.append(self.name)


def test_whatever_is_due_first_acts_first_and_it_ends_when_nothing_is_left() -> None:
    rung: list[str] = []
    seconds = [NOW + timedelta(milliseconds=number) for number in range(4)]
    Simulator(
        [Bell("a", [seconds[1], seconds[2]], rung), Bell("b", [seconds[0], seconds[3]], rung), Bell("c", [], rung)],
        lambda: NOW,
    ).run(taking([]), threading.Event(), Orders())
    assert rung == ["b", "a", "a", "b"]


def test_it_ends_when_it_is_told_to_stop() -> None:
    stop = threading.Event()
    stop.set()
    rung: list[str] = []
    Simulator([Bell("a", [NOW], rung)], lambda: NOW).run(taking([]), stop, Orders())
    assert rung == []


def test_it_looks_before_each_change_and_ends_after_so_many() -> None:
    told: list[Report] = []
    after = ChargePoint("DE*RDK*E1", Status.INOPERATIVE, "Europe/Berlin", 22_000, False)
    life([POINT], [after]).run(taking(told), threading.Event(), Orders())
    assert told == [StatusReport("DE*RDK*E1", Status.AVAILABLE)] * 2  # all that follows either


def test_it_waits_where_nothing_can_change() -> None:
    told: list[Report] = []
    life(None, [], [POINT], changes=1).run(taking(told), threading.Event(), Orders())
    assert len(told) == 1


def test_it_leaves_alone_what_others_have_in_their_hands() -> None:
    told: list[Report] = []
    other = ChargePoint("DE*RDK*E2", Status.BLOCKED, "Europe/Berlin", 22_000, False)
    life(*([[POINT, other]] * 20), taken=lambda: {"DE*RDK*E2"}).run(taking(told), threading.Event(), Orders())
    assert {report.evse_id for report in told} == {"DE*RDK*E1"}


@pytest.mark.django_db
def test_its_board_is_our_evses_of_the_demo() -> None:
    load(HOME, seed=7, now=NOW)
    other = factories.own_party("NL-TNM")
    tree = factories.small_location("REAL", "NL-TNM")
    tree["evses"][0]["evse_id"] = "NL*TNM*E1"
    store(other.pk, [(tree, wire_json.validate(wire.Location, tree))], source="import", now=NOW, ours=True)
    board = charge_points()
    assert len(board) == 199  # one of the flaws is an EVSE without an id
    assert "NL*TNM*E1" not in {point.evse_id for point in board}
    hotel = next(point for point in board if point.evse_id.startswith("DE*RDK*E0005*"))
    assert (hotel.time_zone, hotel.max_power, hotel.reservable) == ("Europe/Berlin", 11_000, True)


@pytest.mark.django_db
def test_its_partner_copies_are_left_alone() -> None:
    load(HOME, seed=7, now=NOW)
    Party.objects.update(ours=False)
    assert charge_points() == []


@pytest.mark.django_db
def test_the_command_changes_statuses_through_the_door() -> None:
    load(HOME, seed=7, now=NOW)
    before = dict(Evse.objects.values_list("evse_id", "status"))
    call_command("simulate", every=0.0001, seed=7, changes=30)
    events = list(
        StatusEvent.objects.filter(source="charge point")
        .order_by("id")
        .values_list("evse__evse_id", "previous", "status")
    )
    assert len(events) == 30
    for evse_id, previous, status in events:
        assert before[evse_id] == previous
        assert status in PER_HOUR[Status(previous)]
        before[evse_id] = status
    assert before == dict(Evse.objects.values_list("evse_id", "status"))
