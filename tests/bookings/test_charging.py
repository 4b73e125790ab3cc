"""The charge on a booking: who is let in, in which session, what is pushed, and what it costs in the end."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from backoffice.bookings import tasks
from backoffice.bookings.actions import charging, keeping, settling
from backoffice.bookings.models import Booking, Claim
from backoffice.bookings.models.places import Decides
from backoffice.cdrs.actions.tariffs import inside
from backoffice.cdrs.models import Cdr
from backoffice.cdrs.rules.checking import calculate, policy_of
from backoffice.charge_points import door
from backoffice.charge_points.actions import ordering
from backoffice.charge_points.gateway import Admission, CardShown, Metered, Started, Stopped
from backoffice.charge_points.models import Order
from backoffice.delivery.models import Message
from backoffice.locations.actions.changing import set_status
from backoffice.locations.models import Evse, Location
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from backoffice.tariffs.rules.cdr import CdrToPrice
from ocpi.wire.json import validate
from tests import factories
from tests.bookings.places import NOW, TERMS, alike, ask, asked, at, canceled, one_evse, premises, token
from tests.factories import Partner, small_tariff
from tests.sessions.test_reserving import element

pytestmark = pytest.mark.django_db

FEES = TERMS | {"noshow_fee": True, "late_stop_allowed": True, "late_stop_time": 30}
LATE = {"late_stop_allowed": True, "late_stop_time": 30}


@pytest.fixture
def elv() -> Partner:
    partner = factories.partner("SE-ELV:EMSP", "SE-ELV:CPO", receives=("bookings", "sessions", "cdrs"))
    for uid in ("TAG1", "TAG2"):
        factories.their_token(factories.small_token(uid, whitelist="ALWAYS", contract_id=f"SE-ELV-{uid}"))
    return partner


@pytest.fixture
def priced(elv: Partner) -> None:
    """EUR 2 an hour of reservation, 5 of an expired one, 6 of overtime, 1.50 for a cancelled one, 0.45 a kWh."""
    factories.own_tariff(
        small_tariff(
            "BOOKED",
            "DE-RDK",
            elements=[
                element("TIME", "2", "RESERVATION"),
                element("TIME", "5", "RESERVATION_EXPIRES"),
                element("TIME", "6", "RESERVATION_OVERTIME"),
                element("FLAT", "1.50", "RESERVATION_CANCELLATION_FEES"),
                element("ENERGY", "0.45"),
            ],
        )
    )


def place(evses: int = 1, **offer: Any) -> Location:
    location = premises(evses=evses)
    for number, evse in enumerate(Evse.objects.filter(location=location).order_by("uid"), 1):
        Evse.objects.filter(pk=evse.pk).update(evse_id=f"DE*RDK*E{number}")
    (one_evse if evses == 1 else alike)(location, **({"terms": [FEES], "tariff_ids": ["BOOKED"]} | offer))
    return location


def booked(partner: Partner, *, uid: str = "TAG1", request: str = "R1", **changes: Any) -> Booking:
    answered = ask(partner, asked(request, tokens=[token(uid)], **changes))
    assert answered.booking.status == "RESERVED", answered.sentence
    found: Booking = answered.booking
    return found


def show(uid: str, now: datetime, evse: int = 1) -> Admission:
    answer = door.report(CardShown(f"DE*RDK*E{evse}", "1", uid), now=now)
    assert isinstance(answer, Admission)
    return answer


def start(uid: str, now: datetime, evse: int = 1, transaction: str = "TX-1") -> Session:
    admission = show(uid, now, evse)
    assert admission.allowed, admission.reason
    number = admission.authorization_id or 0
    door.report(Started(f"DE*RDK*E{evse}", "1", transaction, number, Decimal(1000)), now=now)
    return Session.objects.get(transaction=transaction)


def agreed(cdr: Cdr) -> Decimal | None:
    """What its eMSP calculates, who has nothing but the CDR; every figure of it is as it was billed."""
    tree = cdr.tree()
    bare = {name: tree[name] for name in tree if name != "tariffs"}
    told = calculate(validate(CdrToPrice, bare), inside(tree["tariffs"], "2.3.0"), None, policy_of("2.3.0"))
    assert told.discrepancies == []
    return told.excl


def swept(monkeypatch: pytest.MonkeyPatch, now: datetime) -> dict[str, int]:
    monkeypatch.setattr(site, "now", lambda: now)
    counts: dict[str, int] = tasks.sweep()
    return {name: number for name, number in counts.items() if number}


@pytest.mark.rule("T-506", "T-525")
def test_the_driver_comes_in_time(elv: Partner, priced: None, monkeypatch: pytest.MonkeyPatch) -> None:
    place()
    booking = booked(elv)
    assert swept(monkeypatch, at(10)) == {"begun": 1}
    assert swept(monkeypatch, at(10)) == {}
    waiting = Session.objects.get()
    assert (waiting.status, waiting.booking_id) == ("RESERVATION", booking.object_id)
    assert "booked from 10:00" in show("TAG2", at(10.1)).reason
    Message.objects.all().delete()

    session = start("TAG1", at(10.1))
    assert session.pk == waiting.pk
    booking.refresh_from_db()
    assert (booking.status, booking.tree()["reservation_status"]) == ("FULFILLED", "FULFILLED")
    assert {row.module for row in Message.objects.all()} >= {"bookings", "sessions"}
    tree = session.tree()
    assert (tree["status"], tree["authorization_reference"]) == ("ACTIVE", "AUTH-R1")

    door.report(Metered("DE*RDK*E1", "TX-1", Decimal(1010), charging=False), now=at(10.9))
    door.report(Stopped("DE*RDK*E1", "TX-1", Decimal(1010), "Local"), now=at(11.25))
    told = Cdr.objects.get().tree()
    assert (told["booking_id"], told["authorization_reference"]) == (booking.object_id, "AUTH-R1")
    costs = {name: told[name]["before_taxes"] for name in ("total_energy_cost", "total_reservation_cost", "total_cost")}
    assert costs == {
        "total_energy_cost": Decimal("4.50"),
        "total_reservation_cost": Decimal("1.70"),  # 6 minutes at 2 an hour, 15 at 6
        "total_cost": Decimal("6.20"),
    }
    assert Claim.objects.exists()
    assert swept(monkeypatch, at(11.3)) == {"released": 1}
    assert not Claim.objects.exists()


@pytest.mark.parametrize(("minutes", "allowed"), [(-11, False), (-9, True), (0, True), (14, True)])
def test_who_may_begin_early(elv: Partner, priced: None, minutes: float, allowed: bool) -> None:
    """Ten minutes before it begins; before that it is kept for nobody but not begun either, and 15 before it is free."""
    place()
    booking = booked(elv)
    now = at(10) + timedelta(minutes=minutes)
    assert show("TAG1", now).allowed is allowed
    assert show("TAG2", now).allowed is False
    assert show("TAG2", at(9.5)).allowed is True
    if allowed:
        session = start("TAG1", now)
        booking.refresh_from_db()
        assert (session.booking_id, booking.status) == (booking.object_id, "FULFILLED")
        assert session.tree()["charging_periods"][0]["dimensions"][0]["type"] == "RESERVATION_TIME"


@pytest.mark.rule("T-507")
def test_nobody_comes(elv: Partner, priced: None, monkeypatch: pytest.MonkeyPatch) -> None:
    place()
    booking = booked(elv)
    assert swept(monkeypatch, at(10.2)) == {"begun": 1}
    assert swept(monkeypatch, at(10.3)) == {"missed": 1, "billed": 1}
    assert swept(monkeypatch, at(10.4)) == {}
    booking.refresh_from_db()
    assert (booking.status, Session.objects.get().status) == ("NO_SHOW", "COMPLETED")
    cdr = Cdr.objects.get()
    assert not cdr.held_for
    told = cdr.tree()
    assert (told["booking_id"], told["total_cost"]["before_taxes"]) == (booking.object_id, Decimal("1.25"))
    assert agreed(cdr) == Decimal("1.25")
    assert show("TAG2", at(10.4)).allowed
    assert not Claim.objects.exists()


@pytest.mark.rule("T-508")
def test_without_a_time_out_nobody_is_late(elv: Partner, priced: None, monkeypatch: pytest.MonkeyPatch) -> None:
    place(terms=[{name: value for name, value in TERMS.items() if name != "noshow_timeout"}])
    booked(elv)
    assert swept(monkeypatch, at(10.9)) == {"begun": 1}
    assert start("TAG1", at(10.95)).booking_id


def test_a_no_show_without_fee_costs_nothing(elv: Partner, priced: None, monkeypatch: pytest.MonkeyPatch) -> None:
    place(terms=[TERMS])
    booked(elv)
    swept(monkeypatch, at(10))
    assert swept(monkeypatch, at(10.3)) == {"missed": 1, "billed": 1}
    assert Cdr.objects.get().tree()["total_cost"]["before_taxes"] == 0


def test_taking_it_back_costs_what_the_tariff_says(elv: Partner, priced: None, monkeypatch: pytest.MonkeyPatch) -> None:
    place()
    ask(elv, asked())
    ask(elv, asked(canceled={"cancellation_reason": "TRAFFIC", "who_canceled": "EMSP"}), now=at(7))
    assert swept(monkeypatch, at(7.1)) == {"billed": 1}
    cdr = Cdr.objects.get()
    assert not cdr.held_for
    assert cdr.tree()["total_cost"]["before_taxes"] == agreed(cdr) == Decimal("1.50")
    assert swept(monkeypatch, at(7.2)) == {}


def test_bills_tell_what_they_are_for(elv: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fixed price for not coming and another for taking it back, where no time passed by which the two could be told apart, and
    where the booking had begun: whoever gets the bill reads the same from it."""
    fixed = [element("FLAT", "4", "RESERVATION_EXPIRES"), element("FLAT", "1.50", "RESERVATION_CANCELLATION_FEES")]
    factories.own_tariff(small_tariff("BOOKED", "DE-RDK", elements=[*fixed, element("ENERGY", "0.45")]))
    place(evses=2, terms=[FEES | {"noshow_timeout": 0, "cancel_until_minutes": 0}])
    booked(elv)
    booked(elv, request="R2", uid="TAG2")
    ask(elv, asked("R2", tokens=[token("TAG2")]) | {"canceled": canceled()}, now=at(10))
    assert swept(monkeypatch, at(10))["billed"] == 2
    assert sorted(agreed(cdr) or Decimal(0) for cdr in Cdr.objects.all()) == [Decimal("1.50"), Decimal(4)]


@pytest.mark.rule("T-509")
def test_a_broken_charger_is_told_or_replaced(elv: Partner, priced: None, monkeypatch: pytest.MonkeyPatch) -> None:
    location = place(evses=2)
    booking = booked(elv)
    one, other = Evse.objects.filter(location=location).order_by("uid")
    keeping.assign(booking.pk, evse=one.pk, by="staff", now=NOW)
    set_status(location, one.uid, "OUTOFORDER", source="staff", reason="", now=NOW)
    assert swept(monkeypatch, at(7)) == {}, "it may be mended"
    assert swept(monkeypatch, at(9)) == {"given_up": 1}
    booking.refresh_from_db()
    assert (booking.status, booking.evse_id) == ("RESERVED", other.pk)
    set_status(location, other.uid, "INOPERATIVE", source="staff", reason="", now=at(9))
    Message.objects.all().delete()
    assert swept(monkeypatch, at(9.1)) == {"given_up": 1}
    booking.refresh_from_db()
    assert booking.tree()["canceled"] == {"cancellation_reason": "BROKEN_CHARGER", "who_canceled": "CPO"}
    assert Message.objects.filter(module="bookings").exists()
    assert swept(monkeypatch, at(9.2)) == {}
    assert not Cdr.objects.exists()


def test_where_staff_decide_a_broken_charger_is_theirs(
    elv: Partner, priced: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = place(decides=Decides.STAFF)
    answered = ask(elv, asked())
    Booking.objects.filter(pk=answered.booking.pk).update(status="RESERVED")
    evse = Evse.objects.get(location=location)
    Booking.objects.update(evse=evse)
    set_status(location, evse.uid, "OUTOFORDER", source="staff", reason="", now=NOW)
    for _ in range(2):
        assert swept(monkeypatch, at(9)) == {}
    assert Booking.objects.get().events.filter(event=settling.BROKEN).count() == 1


def test_spaces_that_are_alike_are_counted(elv: Partner, priced: None) -> None:
    place(evses=2)
    booked(elv)
    assert show("TAG2", at(10), evse=1).allowed, "one of two is booked"
    start("TAG2", at(10), evse=1)
    assert "All charge points of this kind are booked" in show("TAG2", at(10), evse=2).reason
    session = start("TAG1", at(10.1), evse=2, transaction="TX-2")
    booking = Booking.objects.get()
    assert (booking.status, booking.evse_uid, session.evse_uid) == ("FULFILLED", "E2", "E2")


def test_nobody_but_who_booked_where_that_is_required(elv: Partner, priced: None) -> None:
    place(reservation_required=True)
    assert "Only who has booked" in show("TAG2", at(12)).reason


def test_a_charge_beyond_its_time_is_ended_by_the_station(
    elv: Partner, priced: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    place()
    booked(elv)
    start("TAG1", at(10))
    point = Evse.objects.get().pk
    ordering.alive(driver="d", points=[point], now=at(11.6))
    assert swept(monkeypatch, at(11.4)) == {}
    assert swept(monkeypatch, at(11.6)) == {"stopped": 1}
    order = Order.objects.get()
    assert (order.kind, order.purpose) == ("STOP", settling.PURPOSE)


def test_commands_know_what_is_booked(elv: Partner, priced: None) -> None:
    location = place()
    booked(elv)
    evse = Evse.objects.get(location=location)
    mine = {"emsp": elv.party.pk, "uid": "TAG1", "token_type": "RFID", "group_id": "", "reference": ""}

    def seen(until: datetime | None = None, now: datetime | None = None, **changes: Any) -> tuple[bool, bool]:
        told = charging.at_location([location.party_id], "loc1", until=until, now=now or at(10.1), **(mine | changes))
        return evse.pk in told.barred, evse.pk in told.awaited

    assert seen() == (False, True)
    assert seen(uid="TAG2") == (True, False)
    assert seen(uid="OTHER", reference="AUTH-R1") == (False, True)
    assert seen(until=at(10.5)) == (True, False)
    assert seen(now=at(8), until=at(9.5)) == (False, False)
    assert seen(now=at(8), until=at(13)) == (True, False), "it would be reserved over the whole booking"
