"""The simulator as a driver of charge points: it acts when something is due, and lives from the state as it is now."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command

from backoffice.charge_points.actions import ordering
from backoffice.charge_points.gateway import Gateway, Instruction, Report, StatusReport, Tell
from backoffice.charge_points.rules.orders import Kind
from backoffice.demo.actions.loading import load
from backoffice.demo.rules.life import PER_HOUR, ChargePoint
from backoffice.demo.rules.obeying import Reservation
from backoffice.demo.simulator import Simulator
from backoffice.demo.simulator.board import charge_points, driven, ongoing, reservations
from backoffice.demo.simulator.life import Life
from backoffice.demo.world.companies import HOME
from backoffice.fields import milliseconds
from backoffice.locations.actions.storing import store
from backoffice.locations.models import Evse, StatusEvent
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from ocpi.wire.commands import CommandResultType as Outcome
from ocpi.wire.locations import Status
from tests import factories
from tests.sessions import cast

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
POINT = ChargePoint("DE*RDK*E1", Status.BLOCKED, "Europe/Berlin", 22_000)


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
    after = ChargePoint("DE*RDK*E1", Status.INOPERATIVE, "Europe/Berlin", 22_000)
    life([POINT], [after]).run(taking(told), threading.Event(), Orders())
    assert told == [StatusReport("DE*RDK*E1", Status.AVAILABLE)] * 2  # all that follows either


def test_it_waits_where_nothing_can_change() -> None:
    told: list[Report] = []
    life(None, [], [POINT], changes=1).run(taking(told), threading.Event(), Orders())
    assert len(told) == 1


def test_it_leaves_alone_what_others_have_in_their_hands() -> None:
    told: list[Report] = []
    other = ChargePoint("DE*RDK*E2", Status.BLOCKED, "Europe/Berlin", 22_000)
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
    assert (hotel.time_zone, hotel.max_power) == ("Europe/Berlin", 11_000)


@pytest.mark.django_db
def test_its_partner_copies_are_left_alone() -> None:
    load(HOME, seed=7, now=NOW)
    Party.objects.update(ours=False)
    assert charge_points() == []


def obeyed(evse: Evse, kind: Kind, at: datetime, outcome: Outcome = Outcome.ACCEPTED, **arguments: object) -> None:
    """An order that was given to this EVSE and answered."""
    ordering.alive(driver="simulator", points=[evse.pk], now=at)
    order = ordering.order(
        evse=evse.pk,
        kind=kind,
        arguments=arguments,
        purpose="x",
        key=f"{at}",
        deadline=at + timedelta(seconds=9),
        now=at,
    )
    ordering.take(driver="simulator", evses=[evse.pk], now=at)
    ordering.answered(uid=order.uid, outcome=outcome, now=at)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("orders", "kept"),
    [
        ([(Kind.RESERVE, Outcome.ACCEPTED, 4)], 4),
        ([(Kind.RESERVE, Outcome.EVSE_OCCUPIED, 4)], None),
        ([(Kind.RESERVE, Outcome.ACCEPTED, 4), (Kind.CANCEL_RESERVATION, Outcome.FAILED, 4)], 4),
        ([(Kind.RESERVE, Outcome.ACCEPTED, 4), (Kind.CANCEL_RESERVATION, Outcome.ACCEPTED, 4)], None),
        ([(Kind.RESERVE, Outcome.ACCEPTED, 4), (Kind.RESERVE, Outcome.ACCEPTED, 5)], 5),
    ],
)
def test_what_it_keeps_for_whom_is_what_was_ordered_and_obeyed(
    orders: list[tuple[Kind, Outcome, int]], kept: int | None
) -> None:
    load(HOME, seed=7, now=NOW)
    now = site.now()
    evse = Evse.objects.get(pk=driven()[0])
    for number, (kind, outcome, reservation) in enumerate(orders):
        given: dict[str, object] = {"reservation": reservation}
        if kind is Kind.RESERVE:
            given |= {"uid": "CARD-1", "token_type": "RFID", "expires": now + timedelta(minutes=9)}
        obeyed(evse, kind, now + timedelta(seconds=number), outcome, **given)
    assert reservations() == {}, "the EVSE does not show it"
    Evse.objects.filter(pk=evse.pk).update(status="RESERVED")
    expires = milliseconds(now + timedelta(minutes=9))
    assert reservations() == ({evse.evse_id: Reservation(kept, "CARD-1", expires)} if kept else {})


@pytest.mark.django_db
def test_a_charge_is_found_again_with_what_it_was_limited_to() -> None:
    factories.own_party()
    emsp = factories.partner().party
    evse = cast.point(tariffs=())
    now = milliseconds(site.now())
    cast.begin(evse, emsp, transaction="TX-1", now=now)
    profile = {"charging_rate_unit": "A", "charging_profile_period": [{"start_period": 0, "limit": Decimal("6.5")}]}
    later = [now + timedelta(seconds=number) for number in range(4)]
    obeyed(evse, Kind.SET_PROFILE, later[0], transaction="TX-0", profile=profile)
    obeyed(evse, Kind.SET_PROFILE, later[1], transaction="TX-1", profile=profile)
    obeyed(evse, Kind.SET_PROFILE, later[2], Outcome.REJECTED, transaction="TX-1", profile={})
    obeyed(evse, Kind.CLEAR_PROFILE, later[3], transaction="TX-1")
    (found,) = ongoing()
    assert found.profiles == ((later[1], profile), (later[3], None))


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
