"""Two editions of bookings at one door: each peer hears and says its own, and no rendering kept for one is given to the other."""

from typing import Any

import pytest

from backoffice.partners.actions.connections import set_endpoints
from backoffice.partners.models import Connection, Party
from backoffice.tariffs.models import Tariff, TariffRendering
from tests import factories
from tests.doors.asking import Asking

FLAT = [{"type": "FLAT", "price": 2, "step_size": 1}]
RESERVED = {"price_components": FLAT, "restrictions": {"reservation": "RESERVATION"}}
BOOKED = {"price_components": FLAT, "restrictions": {"booking": "BOOKING"}}
LATE = {"price_components": FLAT, "restrictions": {"reservation": "RESERVATION_OVERTIME"}}
LATE_1_1 = {"price_components": FLAT, "restrictions": {"booking": "BOOKING_OVERTIME"}}
CANCELED = {"price_components": FLAT, "restrictions": {"reservation": "RESERVATION_CANCELLATION_FEES"}}
ENERGY = {"price_components": [{"type": "ENERGY", "price": 1, "step_size": 1}]}
OURS = "2.3.0/sender/tariffs"
THEIRS = "2.3.0/receiver/tariffs/SE/NEW/T1"

pytestmark = pytest.mark.django_db


@pytest.fixture
def peers() -> tuple[Asking, Asking]:
    """One that speaks 1.0 and one that speaks 1.1, both customers of the same company of ours."""
    ours = [factories.own_party()]
    old = factories.partner("SE-OLD:EMSP", ours=ours)
    new = factories.partner("SE-NEW:EMSP", "SE-NEW:CPO", ours=ours)
    Connection.objects.filter(pk=new.connection.pk).update(bookings_edition="1.1")
    for each in (old, new):
        set_endpoints(each.connection, [("bookings", "SENDER", "https://partner.example/bookings")])
    return Asking(old.token), Asking(new.token)


def elements(asking: Asking, where: str = OURS) -> Any:
    data = asking.get(where).data
    (tariff,) = data if isinstance(data, list) else [data]
    return tariff["elements"]


def test_each_gets_its_own_edition_again_and_again(peers: tuple[Asking, Asking]) -> None:
    old, new = peers
    factories.own_tariff(factories.small_tariff("A", "DE-RDK", elements=[RESERVED, LATE]))
    for _ in range(2):
        assert elements(new) == [RESERVED, BOOKED, LATE_1_1]
        assert elements(old) == [RESERVED, LATE]


def test_what_comes_is_kept_in_ours_and_read_back_in_theirs(peers: tuple[Asking, Asking]) -> None:
    _, new = peers
    told = factories.small_tariff("T1", "SE-NEW", elements=[RESERVED, BOOKED, LATE_1_1])
    assert new.put(THEIRS, told).says == (201, 1000)
    assert Tariff.objects.get().tree()["elements"] == [RESERVED, LATE]
    assert elements(new, THEIRS) == [RESERVED, BOOKED, LATE_1_1]


def test_a_violation_is_named_in_their_words(peers: tuple[Asking, Asking]) -> None:
    _, new = peers
    wrong = {"price_components": FLAT, "restrictions": {"booking": "BOOKING", "min_kwh": "x"}}
    answered = new.put(THEIRS, factories.small_tariff("T1", "SE-NEW", elements=[wrong]))
    assert answered.says == (200, 2001)
    assert "elements.0.restrictions.min_kwh" in answered.message
    assert not Tariff.objects.exists()


def test_who_has_no_bookings_hears_nothing_of_them(peers: tuple[Asking, Asking]) -> None:
    """What charging costs it hears as everybody."""
    old, _ = peers
    core = factories.partner("SE-COR:EMSP", "SE-COR:CPO", ours=list(Party.objects.filter(ours=True)))
    asking = Asking(core.token)
    factories.own_tariff(factories.small_tariff("A", "DE-RDK", elements=[LATE, RESERVED, CANCELED, ENERGY]))
    factories.own_tariff(factories.small_tariff("B", "DE-RDK", elements=[ENERGY]))
    factories.own_tariff(factories.small_tariff("C", "DE-RDK", elements=[LATE]))
    for _ in range(2):
        told = {tariff["id"]: tariff["elements"] for tariff in asking.get(OURS).data}
        assert told == {"A": [RESERVED, ENERGY], "B": [ENERGY]}, "C says nothing without bookings"
        assert [len(tariff["elements"]) for tariff in old.get(OURS).data] == [4, 1, 1]
    assert list(TariffRendering.objects.filter(version="2.3.0-b0").values_list("tariff__object_id", "document")) == [
        ("A", TariffRendering.objects.get(tariff__object_id="A", version="2.3.0-b0").document),
        ("C", ""),
    ], "what is said the same is not kept twice"
    # what it says itself, with or without the module, it can read back
    theirs = "2.3.0/receiver/tariffs/SE/COR/T1"
    assert asking.put(theirs, factories.small_tariff("T1", "SE-COR", elements=[LATE])).says == (201, 1000)
    assert elements(asking, theirs) == [LATE]
    # from the day on which it has bookings it hears all of it
    set_endpoints(core.connection, [("bookings", "SENDER", "https://partner.example/bookings")])
    assert asking.get(OURS).data == old.get(OURS).data
