"""The session of a reservation: from the moment it is made to the charge or the bill that comes of it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from backoffice.cdrs.actions import issuing
from backoffice.cdrs.models import Cdr
from backoffice.cdrs.rules.plausibility import Charge, implausible
from backoffice.delivery.models import Message
from backoffice.locations.models import Evse, Location
from backoffice.partners.models import Party
from backoffice.sessions.actions import reserving, running
from backoffice.sessions.actions.taking_up import kept_from
from backoffice.sessions.models import Session
from backoffice.tariffs.models import Tariff
from backoffice.tariffs.rules.policy import Outcome
from ocpi.wire import cdrs as wire
from ocpi.wire import json as wire_json
from tests import factories
from tests.factories import Partner, small_tariff
from tests.sessions import cast
from tests.sessions.cast import NOW, after

COMMANDED = {"how": "COMMAND", "reason_code": "COMMANDED"}


def element(kind: str, price: str, reservation: str = "") -> dict[str, Any]:
    component = {"type": kind, "price": Decimal(price), "vat": 25, "step_size": 1}
    restrictions = {"restrictions": {"reservation": reservation}} if reservation else {}
    return {"price_components": [component]} | restrictions


@pytest.fixture
def priced(us: Party) -> Tariff:
    """EUR 2 an hour of reservation, 5 an hour of an expired one, 1 for a cancelled one, 0.45 a kWh."""
    return factories.own_tariff(
        small_tariff(
            "T1",
            "DE-RDK",
            elements=[
                element("TIME", "2", "RESERVATION"),
                element("TIME", "5", "RESERVATION_EXPIRES"),
                element("FLAT", "1", "RESERVATION_CANCELLATION_FEES"),
                element("ENERGY", "0.45"),
            ],
        )
    )


def reserve(evse: Evse, emsp: Party, **changes: Any) -> Session:
    made = cast.let_in(evse, emsp, **(COMMANDED | {"uid": "APP-1", "token_type": "APP_USER"} | changes))
    location = Location.objects.select_related("party").get(pk=evse.location_id)
    return reserving.reserve(location=location, evse=evse, decision=running.decision_of(made.pk), now=NOW)


def finish(session: Session, outcome: Outcome, minutes: float, **given: Any) -> bool:
    return reserving.finish(
        session=session, outcome=outcome, at=after(minutes), reason="", by="", now=after(minutes), **given
    )


@pytest.mark.rule("T-251", "T-252", "T-277")
def test_a_reservation_is_a_session_and_its_emsp_hears_of_it(partner: Partner, priced: Tariff) -> None:
    session = reserve(cast.point(), partner.party)
    tree = session.tree()
    assert tree["status"] == "RESERVATION"
    assert (tree["auth_method"], tree["authorization_reference"]) == ("COMMAND", "REF-1")
    assert (tree["cdr_token"]["uid"], tree["cdr_token"]["type"]) == ("APP-1", "APP_USER")
    assert (tree["kwh"], tree["charging_periods"]) == (0, [])
    assert Message.objects.get(module="sessions").connection == partner.connection
    two = factories.small_location("LOC2", "DE-RDK")
    two["evses"][0]["connectors"].append(two["evses"][0]["connectors"][0] | {"id": "2"})
    open_ = reserve(Evse.objects.get(location=factories.own_location(two)), partner.party)
    assert open_.tree()["connector_id"] == "#NA"


@pytest.mark.rule("T-253", "T-275", "T-276", "T-282", "T-363")
def test_who_comes_charges_in_the_same_session(partner: Partner, priced: Tariff) -> None:
    evse = cast.point()
    reserved = reserve(evse, partner.party)
    charging = cast.begin(
        evse,
        partner.party,
        now=after(30),
        uid="APP-1",
        token_type="APP_USER",
        how="WHITELIST",
        authorization_reference="REF-2",
    )
    assert charging.pk == reserved.pk
    tree = charging.tree()
    assert (tree["status"], tree["start_date_time"]) == ("ACTIVE", "2026-11-22T10:30:00Z")
    assert (tree["auth_method"], tree["authorization_reference"]) == ("WHITELIST", "REF-2")
    assert tree["charging_periods"] == [
        {
            "start_date_time": "2026-11-22T10:00:00Z",
            "dimensions": [{"type": "RESERVATION_TIME", "volume": Decimal("0.5")}],
            "tariff_id": "T1",
        }
    ]
    assert tree["total_cost"]["before_taxes"] == 1
    ended = cast.end(charging, 90, "1010")
    assert (ended.kwh, ended.total_excl) == (10, Decimal("5.5")), "EUR 1 for half an hour, 4.50 for 10 kWh"
    cdr = issuing.issue(ended.pk, now=after(91))
    assert (cdr is not None and cdr.state == "SENT") or cdr is not None
    told = cdr.tree()
    assert (told["start_date_time"], told["end_date_time"]) == ("2026-11-22T10:00:00Z", "2026-11-22T11:30:00Z")
    assert told["total_cost"]["before_taxes"] == Decimal("5.5")
    assert told["total_reservation_cost"]["before_taxes"] == 1
    assert not cdr.held_for


@pytest.mark.rule("T-254", "T-255", "T-317", "T-364", "T-365", "T-427")
def test_an_expired_reservation_is_billed_as_that(partner: Partner, priced: Tariff) -> None:
    session = reserve(cast.point(), partner.party)
    assert finish(session, Outcome.EXPIRED, 60)
    ended = Session.objects.get()
    assert (ended.status, ended.ends_at, ended.total_excl) == ("COMPLETED", after(60), 5)
    cdr = issuing.issue(ended.pk, now=after(61))
    assert cdr is not None
    assert not cdr.held_for, "no energy and a price is what a reservation is"
    assert cdr.tree()["session_id"] == ended.object_id
    assert cdr.tree()["total_reservation_cost"]["before_taxes"] == 5
    assert not finish(ended, Outcome.CANCELLED, 70), "it ends once"


@pytest.mark.rule("T-429")
def test_a_cancelled_one_is_billed_as_that(partner: Partner, priced: Tariff) -> None:
    session = reserve(cast.point(), partner.party)
    assert finish(session, Outcome.CANCELLED, 30)
    cdr = issuing.issue(session.pk, now=after(31))
    assert cdr is not None
    assert cdr.tree()["total_cost"]["before_taxes"] == 2, "EUR 1 for cancelling, 1 for half an hour"


def test_what_we_cancel_costs_nothing(partner: Partner, priced: Tariff) -> None:
    session = reserve(cast.point(), partner.party)
    assert finish(session, Outcome.CANCELLED, 30, free=True)
    cdr = issuing.issue(session.pk, now=after(31))
    assert cdr is not None
    assert cdr.tree()["total_cost"]["before_taxes"] == 0
    assert not cdr.held_for


def test_a_driver_who_came_and_did_not_charge(partner: Partner, priced: Tariff) -> None:
    evse = cast.point()
    reserved = reserve(evse, partner.party)
    came = cast.begin(
        evse, partner.party, now=after(30), uid="APP-1", token_type="APP_USER", pending=True, transaction="TX-9"
    )
    assert (came.pk, came.status) == (reserved.pk, "RESERVATION")
    ended = cast.end(came, 40, "1000")
    assert (ended.status, ended.kwh) == ("COMPLETED", 0)
    assert ended.total_excl == 1, "half an hour of reservation, as one that was used"


def test_waiting_for_the_cable_is_reserved_time(partner: Partner, priced: Tariff) -> None:
    evse = cast.point()
    reserve(evse, partner.party)
    came = cast.begin(evse, partner.party, now=after(30), uid="APP-1", token_type="APP_USER", pending=True)
    charging = cast.meter(came, 45, "1000.5")
    assert charging.status == "ACTIVE"
    ended = cast.end(charging, 60, "1010.5")
    assert (ended.kwh, ended.total_excl) == (10, Decimal(6)), "3/4 hours of reservation and 10 kWh"


@pytest.mark.parametrize(
    ("driver", "same"),
    [
        ({"uid": "app-1", "token_type": "APP_USER"}, True),
        ({"uid": "OTHER", "contract_id": "SE-ELV-C0001"}, True),
        ({"uid": "OTHER", "contract_id": "SE-ELV-C0002"}, False),
        ({"uid": "GROUPED", "contract_id": "SE-ELV-C0003"}, True),
    ],
)
def test_for_whom_it_is_kept(driver: dict[str, str], same: bool, partner: Partner, priced: Tariff) -> None:
    factories.their_token(factories.small_token("GROUPED", group_id="FAMILY", contract_id="SE-ELV-C0003"))
    evse = cast.point()
    reserved = reserve(evse, partner.party)
    Session.objects.filter(pk=reserved.pk).update(group_id="family")
    decision = running.decision_of(cast.let_in(evse, partner.party, **driver).pk)
    assert (kept_from(evse, decision) == "") is same
    began = cast.begin(evse, partner.party, now=after(5), **driver)
    assert (began.pk == reserved.pk) is same
    if not same:
        assert Session.objects.get(pk=reserved.pk).status == "RESERVATION", "what the hardware lets in is a fact"


def test_the_same_token_of_another_emsp_is_another_driver(partner: Partner, stranger: Partner, priced: Tariff) -> None:
    evse = cast.point()
    reserve(evse, partner.party)
    decision = running.decision_of(cast.let_in(evse, stranger.party, uid="APP-1", token_type="APP_USER").pk)
    assert kept_from(evse, decision)


def test_without_a_reservation_money_for_nothing_is_still_implausible() -> None:
    tree = factories.small_cdr("C1", total_energy=0)
    tree["charging_periods"][0]["dimensions"] = [{"type": "TIME", "volume": 1}]
    value = wire_json.validate(wire.CDR, tree)
    charge = Charge(
        value.start_date_time,
        value.end_date_time,
        value.total_energy,
        value.total_cost.before_taxes,
        value.charging_periods,
    )
    assert [each.code for each in implausible(charge, NOW + timedelta(days=1))] == ["ZERO_ENERGY_WITH_COST"]


def test_the_books_of_a_reservation_are_kept_once(partner: Partner, priced: Tariff) -> None:
    session = reserve(cast.point(), partner.party)
    finish(session, Outcome.EXPIRED, 60)
    first, second = (issuing.issue(session.pk, now=after(61)) for _ in range(2))
    assert first == second
    assert Cdr.objects.count() == 1
