"""The staff's list of orders to stations: who asked, what came of it, and nobody's card."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.bookings.models import Booking, Hold
from backoffice.charge_points.actions import ordering
from backoffice.charge_points.models import Order
from backoffice.charge_points.rules.orders import Kind
from backoffice.locations.models import Evse
from backoffice.partners.models import Party
from ocpi.wire.commands import CommandResultType as Outcome
from tests import factories
from tests.factories import member
from tests.sessions import cast

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
LIST = "/admin/charge_points/order/"
CARD = "CARD-4711"
MOMENTS = (
    "starts_at",
    "ends_at",
    "cancel_until",
    "early_from",
    "late_until",
    "last_updated",
    "created_at",
    "moved_at",
)


@pytest.fixture
def us() -> Party:
    return factories.own_party()


@pytest.fixture
def evse(us: Party) -> Evse:
    found = cast.point(tariffs=())
    ordering.alive(driver="simulator", points=[found.pk], now=NOW)
    return found


def page(client: Client, query: str = "", status: int = 200) -> str:
    answer = client.get(LIST + query)
    assert answer.status_code == status, answer.content[:500]
    return answer.content.decode()


def order(evse: Evse, key: str, *, purpose: str = "commands", kind: Kind = Kind.RESERVE) -> Order:
    arguments = {"reservation": 4, "uid": CARD, "token_type": "RFID", "expires": NOW + timedelta(minutes=15)}
    given = arguments if kind is Kind.RESERVE else {"transaction": "TX-1"}
    return ordering.order(
        evse=evse.pk,
        kind=kind,
        arguments=given,
        purpose=purpose,
        key=key,
        deadline=NOW + timedelta(seconds=30),
        now=NOW,
    )


def say(made: Order, outcome: Outcome, reason: str = "") -> None:
    ordering.take(driver="simulator", evses=[made.evse_id], now=NOW, limit=50)
    Order.objects.filter(pk=made.pk).update(
        state="ANSWERED", outcome=outcome.value, reason=reason, answered_at=NOW + timedelta(seconds=7)
    )


def booking_of(evse: Evse, us: Party) -> Booking:
    return Booking.objects.create(
        party=us,
        emsp=us,
        ours=True,
        object_id="B1",
        request_id="R1",
        status="RESERVED",
        document="{}",
        location_id=evse.location.object_id,
        exclusive=False,
        **dict.fromkeys(MOMENTS, NOW),
        evse=evse,
    )


def test_an_empty_list_says_what_belongs_there(us: Party) -> None:
    assert "keep to a charging profile" in page(member("Operations"))


def test_each_order_leads_to_what_asked_for_it(evse: Evse, us: Party) -> None:
    booking = booking_of(evse, us)
    hold = Hold.objects.create(
        booking=booking, evse=evse, number=9, state="ASKED", until=NOW + timedelta(hours=1), created_at=NOW
    )
    order(evse, f"keep-{hold.pk}-1", purpose="booked EVSEs")
    order(evse, f"stop-{booking.pk}", purpose="bookings", kind=Kind.STOP)
    shown = page(member("Support"))
    assert shown.count(reverse("admin:bookings_booking_change", args=[booking.pk])) == 2
    assert "Booking, to be kept" in shown and "Booking, at its end" in shown


def test_answers_are_told_and_found_and_cards_are_not(evse: Evse) -> None:
    refused, done = order(evse, "K1"), order(evse, "K2")
    say(refused, Outcome.EVSE_OCCUPIED, "A car stands there.")
    say(done, Outcome.ACCEPTED)
    client = member("Operations")
    shown = page(client)
    for words in ("EVSE occupied", "A car stands there. After 7 s.", "Answered by no", "simulator"):
        assert words in shown, words
    alone = page(client, f"{refused.pk}/change/")
    assert "A car stands there." in alone and "simulator" in alone
    assert CARD not in shown + alone
    table = {
        "?state=refused": 1,
        "?state=open": 0,
        "?kind=RESERVE": 2,
        "?kind=STOP": 0,
        "?purpose=commands": 2,
        "?purpose=bookings": 0,
        f"?q={evse.evse_id}": 2,
        f"?q={evse.location.object_id}": 2,
        "?q=Simulator": 2,
        "?q=DE*RDK*E9": 0,
    }
    assert {query: page(client, query).count("simulator</td>") for query in table} == table


def test_only_who_may_and_only_of_their_companies(evse: Evse) -> None:
    order(evse, "K1")
    other = factories.own_party("DE-OTH")
    assert "DE*RDK*E1" in page(member("Read-only"))
    assert "DE*RDK*E1" not in page(member("Operations", other))
    page(member("Finance"), status=403)
    page(member("Tariffs"), status=403)
