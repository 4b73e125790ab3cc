"""The charge that was booked: its session, its periods and its bill, whether somebody came, stayed too long, or did not come."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from backoffice.cdrs.actions import issuing
from backoffice.cdrs.models import Cdr
from backoffice.locations.models import Evse, Location
from backoffice.partners.models import Party
from backoffice.sessions.actions import reserving, running
from backoffice.sessions.models import Session
from backoffice.sessions.rules.booked import Booked
from backoffice.tariffs.models import Tariff
from backoffice.tariffs.rules.policy import Outcome
from tests import factories
from tests.factories import Partner, small_tariff
from tests.sessions import cast
from tests.sessions.cast import after
from tests.sessions.test_reserving import COMMANDED, element

HALF_AN_HOUR = {"type": "RESERVATION_TIME", "volume": Decimal("0.5")}


@pytest.fixture
def priced(us: Party) -> Tariff:
    """EUR 2 an hour of reservation, 5 of an expired one, 6 of overtime, 1.50 for a cancelled one, 0.45 a kWh; only booked."""
    return factories.own_tariff(
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


def book(evse: Evse, emsp: Party, *, now: float = 0, until: float = 60) -> Session:
    """Booked from NOW on; `now`: when its session is made."""
    made = cast.let_in(evse, emsp, **(COMMANDED | {"authorization_reference": "BOOKED-REF"}))
    return reserving.reserve(
        location=Location.objects.select_related("party").get(pk=evse.location_id),
        evse=evse,
        decision=running.decision_of(made.pk),
        booked=Booked("B-1", since=after(0), until=after(until), tariffs=("BOOKED",)),
        now=after(now),
    )


def came(session: Session, evse: Evse, emsp: Party, minutes: float) -> Session:
    made = cast.let_in(evse, emsp, at=after(minutes), uid="CARD-2", how="WHITELIST", authorization_reference="REF-2")
    return running.begin(
        location=Location.objects.select_related("party").get(pk=evse.location_id),
        evse=evse,
        connector_id="1",
        decision=running.decision_of(made.pk),
        transaction_id="TX-1",
        meter_kwh=Decimal(1000),
        now=after(minutes),
        kept=session.pk,
    )


def billed(session: Session, minutes: float) -> Cdr:
    cdr = issuing.issue(session.pk, now=after(minutes))
    assert cdr is not None
    assert not cdr.held_for
    return cdr


@pytest.mark.rule("T-525")
def test_the_driver_who_booked_charges_in_its_session_and_pays_for_staying(partner: Partner, priced: Tariff) -> None:
    evse = cast.point(tariffs=["ELSE"])
    session = book(evse, partner.party, now=30)
    assert session.tree()["status"] == "RESERVATION"
    charging = came(session, evse, partner.party, 30)
    assert charging.pk == session.pk
    tree = charging.tree()
    assert (tree["status"], tree["cdr_token"]["uid"]) == ("ACTIVE", "CARD-2")
    assert (tree["auth_method"], tree["authorization_reference"]) == ("WHITELIST", "BOOKED-REF")
    cast.meter(charging, 50, "1004")
    told = billed(cast.end(charging, 90, "1012"), 91).tree()
    assert (told["booking_id"], told["authorization_reference"]) == ("B-1", "BOOKED-REF")
    periods: list[dict[str, Any]] = told["charging_periods"]
    assert periods[0]["dimensions"] == [HALF_AN_HOUR]
    late = [period for period in periods if period["start_date_time"] >= "2026-11-22T11:00:00Z"]
    volumes = {each["type"]: each["volume"] for period in late for each in period["dimensions"]}
    assert volumes == {"TIME": Decimal("0.5"), "ENERGY": Decimal(6), "RESERVATION_OVERTIME": Decimal("0.5")}
    assert sum(e["volume"] for p in periods for e in p["dimensions"] if e["type"] == "ENERGY") == 12
    assert told["total_reservation_cost"]["before_taxes"] == 1 + 3
    assert told["total_cost"]["before_taxes"] == 1 + 3 + Decimal("5.40")


@pytest.mark.rule("T-254")
def test_nobody_came(partner: Partner, priced: Tariff) -> None:
    session = book(cast.point(), partner.party)
    assert reserving.finish(session=session, outcome=Outcome.EXPIRED, at=after(30), reason="", by="", now=after(40))
    told = billed(session, 41).tree()
    (period,) = told["charging_periods"]
    assert period["dimensions"] == [HALF_AN_HOUR, {"type": "RESERVATION_EXPIRES", "volume": Decimal("0.5")}]
    assert (told["booking_id"], told["total_cost"]["before_taxes"]) == ("B-1", Decimal("2.5"))


def test_cancelled_before_it_began(partner: Partner, priced: Tariff) -> None:
    session = book(cast.point(), partner.party)
    assert reserving.finish(session=session, outcome=Outcome.CANCELLED, at=after(0), reason="", by="", now=after(0))
    told = billed(session, 1).tree()
    (period,) = told["charging_periods"]
    assert period["dimensions"] == [{"type": "RESERVATION_TIME", "volume": 0}]
    assert told["total_cost"]["before_taxes"] == Decimal("1.5")
