"""Drivers of the demo who book ahead: what is possible is drawn, asked by the verbs that everybody uses, and most come."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backoffice.bookings.models import BookableLocation, Booking
from backoffice.demo.actions import offering
from backoffice.demo.rules.booking import LONGEST, STEP, TERMS, WEIGHTS, Deed, comes, draw, overstays, slot
from backoffice.demo.simulator.booking import ByBooking
from backoffice.locations.models import Evse
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from tests import factories


def test_only_what_is_possible_is_drawn_and_all_of_it() -> None:
    chance = random.Random(1)
    assert draw([], chance) is None
    assert {draw(list(Deed), chance) for _ in range(500)} == set(WEIGHTS) == set(Deed)


def test_slots_are_soon_and_on_the_step() -> None:
    now = datetime(2026, 11, 26, 20, 58, 41, tzinfo=UTC)
    for seed in range(50):
        starts_at, ends_at = slot(now, random.Random(seed))
        assert now < starts_at <= now + timedelta(minutes=30)
        assert STEP <= ends_at - starts_at <= LONGEST
        assert (starts_at.minute % 5, starts_at.second, ends_at.minute % 5) == (0, 0, 0)


def test_most_drivers_come_and_some_never_do() -> None:
    drawn = Counter(comes(f"B{number}") is None for number in range(600))
    assert 60 < drawn[True] < 140


def test_some_stay_beyond_the_end_but_not_for_longer_than_the_terms_let_them() -> None:
    drawn = [overstays(f"B{number}") for number in range(600)]
    late = [each for each in drawn if each is not None]
    assert 80 < len(late) < 160
    assert timedelta(0) < min(late) <= max(late) < timedelta(minutes=TERMS["late_stop_time"])


@pytest.fixture
def us(db: None) -> Party:
    ours = factories.own_party("DE-RDK", "CPO", "EMSP")
    factories.own_tariff(factories.small_tariff("RDK-AC-EUR", "DE-RDK"))
    for number in range(4):
        tree = factories.small_location(f"LOC{number}", "DE-RDK")
        evse = tree["evses"][0]
        evse["connectors"][0]["tariff_ids"] = ["RDK-AC-EUR"]
        tree["evses"] = [
            evse | {"uid": f"E{number}{each}", "evse_id": f"DE*RDK*E{number}{each}", "status": "AVAILABLE"}
            for each in range(3)
        ]
        factories.own_location(tree)
    factories.own_token(factories.small_token("04A1B2C3D4", "DE-RDK"))
    return ours


def test_a_driver_books_and_comes_with_the_card(us: Party) -> None:
    assert len(offering.open_places(us, now=site.now())) == offering.SITES
    assert offering.open_places(us, now=site.now()) == [], "they are open for a while"
    BookableLocation.objects.filter(decides="STAFF").update(decides="ITSELF")
    shown: list[tuple[str, str, timedelta | None]] = []

    def show(evse_id: str, socket: Any, card: Any, tell: Any, stay: timedelta | None) -> None:
        shown.append((evse_id, card.uid, stay))

    by_booking = ByBooking(
        site.now, chance=random.Random(3), sockets=lambda evse_id: ["a socket"], show=show, taken=list
    )
    done = by_booking.ready(Deed.BOOK, site.now())
    assert done is not None
    done()
    booking = Booking.objects.get()
    assert booking.status == "RESERVED"
    assert by_booking.ready(Deed.BOOK, site.now()) is None, "the only card is in a booking"
    assert all(by_booking.ready(deed, site.now()) for deed in (Deed.CHANGE, Deed.CANCEL, Deed.GIVE_UP))
    name = next(name for number in range(99) if comes(name := f"B{number}") is not None and overstays(name))
    Booking.objects.update(object_id=name)
    by_booking.arrive(lambda told: False, booking.starts_at + timedelta(minutes=2))
    by_booking.arrive(lambda told: False, booking.starts_at + timedelta(minutes=2, seconds=5))
    ((evse_id, card, stay),) = shown
    assert card == "04A1B2C3D4"
    assert stay is not None and stay > booking.ends_at - booking.starts_at - timedelta(minutes=2), "he stays too long"
    assert Evse.objects.get(evse_id=evse_id).location.object_id == booking.location_id
