"""The simulator as a driver of charge points: it reports through the hardware's door, from the state as it is now."""

import random
import threading
from datetime import UTC, datetime

import pytest
from django.core.management import call_command

from backoffice.charge_points.gateway import Gateway, StatusReport
from backoffice.demo.actions.loading import load
from backoffice.demo.rules import PER_HOUR, ChargePoint
from backoffice.demo.simulator import Simulator, charge_points
from backoffice.demo.world.companies import HOME
from backoffice.locations.actions.storing import store
from backoffice.locations.models import Evse, StatusEvent
from backoffice.partners.models import Party
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from ocpi.wire.locations import Status
from tests import factories

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
POINT = ChargePoint("DE*RDK*E1", Status.CHARGING, "Europe/Berlin", 22_000, False)


def simulator(*boards: list[ChargePoint] | None, changes: int | None = None) -> Gateway:
    looks = iter(boards)
    return Simulator(
        lambda: next(looks),
        lambda: NOW,
        every=0.0001,
        chance=random.Random(1),
        changes=changes or len(boards),
    )


def test_it_looks_before_each_change_and_ends_after_so_many() -> None:
    told: list[StatusReport] = []
    after = ChargePoint("DE*RDK*E1", Status.BLOCKED, "Europe/Berlin", 22_000, False)
    simulator([POINT], [after]).run(lambda report: told.append(report) is None, threading.Event())
    assert [report.evse_id for report in told] == ["DE*RDK*E1"] * 2
    assert told[0].status in PER_HOUR[Status.CHARGING]
    assert told[1].status is Status.AVAILABLE  # all that follows BLOCKED


def test_it_waits_where_nothing_can_change() -> None:
    told: list[StatusReport] = []
    simulator(None, [], [POINT], changes=1).run(lambda report: told.append(report) is None, threading.Event())
    assert len(told) == 1


def test_it_ends_when_it_is_told_to_stop() -> None:
    stop = threading.Event()
    stop.set()
    simulator([POINT]).run(lambda report: pytest.fail("a report after the end"), stop)


@pytest.mark.django_db
def test_its_board_is_our_evses_of_the_demo() -> None:
    load(HOME, seed=7, now=NOW)
    for owner in ("NL-TNM", "DE-RDK"):  # imported beside it, also into the same party
        other = factories.own_party(owner)
        tree = factories.small_location("REAL", owner)
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
