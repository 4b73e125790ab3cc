"""The buttons of bookings and of places: what each asks for, what it does, who may press it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from backoffice.bookings.models import Block, BookableLocation, Booking, BookingAsked
from backoffice.bookings.models.places import Decides
from backoffice.locations.models import Evse
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.tokens.models import Token
from tests import factories
from tests.bookings import places
from tests.factories import Partner, member

LIST, PLACES = "/admin/bookings/booking/", "/admin/bookings/bookablelocation/"
DAY = (site.now() + timedelta(days=2)).replace(hour=0, minute=0, second=0, microsecond=0)
"""The day after tomorrow, UTC."""


@pytest.fixture
def us(db: None) -> Party:
    return factories.own_party("DE-RDK", "CPO", "EMSP")


@pytest.fixture
def partner(us: Party) -> Partner:
    return factories.partner("SE-ELV:CPO", "SE-ELV:EMSP", ours=[us], receives=["bookings", "booking_locations"])


@pytest.fixture
def staff(us: Party) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("anna", password="x"))
    return client


@pytest.fixture
def place(us: Party) -> BookableLocation:
    """Two EVSEs, one as good as another, open for thirty days; staff decide."""
    tree = places.calendar() | {
        "begin_from": places.text(DAY),
        "end_before": places.text(DAY + timedelta(days=30)),
        "available_timeslots": [places.slot(DAY, DAY + timedelta(days=30))],
    }
    return places.alike(
        places.premises(evses=2, time_zone="Europe/Berlin"), decides=Decides.STAFF, calendars=[tree], now=site.now()
    )


@pytest.fixture
def card(us: Party) -> Token:
    return factories.own_token(factories.small_token("04A1B2C3D4E5", "DE-RDK", contract_id="DE-RDK-C00001"))


def page(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.content[:500]
    return answer.content.decode()


def of(row: Any, deed: str = "change", *args: Any) -> str:
    return reverse(f"admin:bookings_{type(row).__name__.lower()}_{deed}", args=[row.pk, *args])


def local(hour: float) -> str:
    """Of the day in Berlin, as a form gives it; two hours ahead in summer, one in winter."""
    return f"{(DAY + timedelta(hours=hour)):%Y-%m-%dT%H:%M}"


def asked_for(staff: Client, place: BookableLocation, card: Token, hour: float = 10) -> Booking:
    """Through the form of the eMSP, in this house."""
    given = {
        "starts": local(hour),
        "ends": local(hour + 1),
        "emsp": card.party_id,
        "tokens": card.contract_id,
        "option": "0",
    }
    answer = staff.post(f"{LIST}book/{place.pk}/", given)
    assert answer.status_code == 302, answer.content.decode()
    return Booking.objects.latest("pk")


def test_from_the_search_to_the_cancellation(staff: Client, place: BookableLocation, card: Token) -> None:
    found = page(staff, f"{LIST}search/?q={place.location_id}&minutes=60")
    assert found.count(f"/book/{place.pk}/?starts=") == 50
    assert "at most 14 days" in staff.get(f"{LIST}search/?place={place.pk}&minutes=99999").content.decode()
    assert "whole number of kW" in staff.get(f"{LIST}search/?place={place.pk}&kw=much").content.decode()
    row = asked_for(staff, place, card)
    assert (row.status, row.request_status, row.evse) == ("PENDING", "PENDING", None)
    waiting = page(staff, of(row))
    assert "A request waits" in waiting and "Accept" in waiting and card.object_id in waiting
    assert "1 request waits for us" in page(staff, LIST + "calendar/")
    staff.post(of(row, "accept"))
    row.refresh_from_db()
    assert row.status == "RESERVED"

    evse = Evse.objects.get(uid="E2")
    staff.post(of(row, "assign"), {"evse": str(evse.pk)})
    row.refresh_from_db()
    assert row.evse == evse

    starts = row.starts_at
    staff.post(of(row, "move"), {"starts": local(12), "ends": local(13.5), "evse": ""})
    row.refresh_from_db()
    assert row.starts_at == starts + timedelta(hours=2) and row.evse == evse

    refused = staff.post(of(row, "cancel"), {"canceled": "TRAFFIC"})
    assert refused.status_code == 422 and "Choose a reason" in refused.content.decode(), "a reason of eMSPs"
    staff.post(of(row, "cancel"), {"canceled": "BROKEN_CHARGER", "reason": "Cable cut"})
    row.refresh_from_db()
    assert (row.status, row.canceled_reason, row.canceled_by) == ("CANCELED", "BROKEN_CHARGER", "CPO")
    history = page(staff, of(row) + "?tab=history")
    for words in ("Accepted", "Assigned", "Moved", "Cable cut", "anna", "Reserved → Canceled"):
        assert words in history, words
    gone = staff.post(of(row, "move"), {"starts": local(12), "ends": local(13)})
    assert gone.status_code == 422 and "CANCELED" in gone.content.decode()


def test_a_change_waits_beside_the_booking_that_stands(staff: Client, place: BookableLocation, card: Token) -> None:
    row = asked_for(staff, place, card)
    staff.post(of(row, "accept"))
    was = Booking.objects.get(pk=row.pk).starts_at
    staff.post(of(row, "ask_change"), {"starts": local(15), "ends": local(16), "emsp": card.party_id, "option": "0"})
    row.refresh_from_db()
    assert (row.status, row.request_status, row.starts_at) == ("RESERVED", "PENDING", was)
    assert "until it is answered the booking stands as it is" in page(staff, of(row))
    assert "Asked to be moved here" in page(staff, f"{LIST}calendar/?day={DAY:%Y-%m-%d}")
    missing = staff.post(of(row, "decline"), {"reason": " "})
    assert missing.status_code == 422 and BookingAsked.objects.filter(status="PENDING").exists()
    staff.post(of(row, "decline"), {"reason": "Works on that day"})
    row.refresh_from_db()
    assert (row.status, row.request_status, row.starts_at) == ("RESERVED", "DECLINED", was)
    assert "the booking stands as it was" in page(staff, of(row))
    staff.post(of(row, "take_back"), {"canceled": "TRAFFIC"})
    row.refresh_from_db()
    assert (row.status, row.canceled_by) == ("CANCELED", "EMSP")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"starts": "", "ends": ""}, "Enter a day and a time."),
        ({"tokens": "NOBODY"}, "There is no card NOBODY"),
        ({"emsp": "0"}, "For which eMSP of ours?"),
        ({"power": "much"}, "A whole number of kW."),
        ({"starts": local(10), "ends": local(9)}, "It must end after it starts."),
        ({"starts": "2026-01-01T10:00", "ends": "2026-01-01T11:00"}, "It begins in the past."),
    ],
)
def test_what_cannot_be_asked_for_is_said(
    staff: Client, place: BookableLocation, card: Token, given: dict[str, str], says: str
) -> None:
    whole = {
        "starts": local(10),
        "ends": local(11),
        "emsp": str(card.party_id),
        "tokens": card.object_id,
        "option": "0",
    }
    answer = staff.post(f"{LIST}book/{place.pk}/", whole | given)
    assert answer.status_code == 422 and says in answer.content.decode()
    assert not Booking.objects.exists() and not BookingAsked.objects.exists()


def test_the_wizard_makes_a_location_bookable(staff: Client, us: Party) -> None:
    location = places.premises(evses=2, time_zone="Europe/Berlin")
    assert f"?location={location.pk}" in page(staff, PLACES + "add/")
    form = page(staff, f"{PLACES}add/?location={location.pk}")
    assert "1. Which EVSEs" in form and "Europe/Berlin" in form
    evses = list(Evse.objects.filter(location=location).order_by("uid"))
    given: dict[str, Any] = {
        "location": location.pk, "evses": [each.pk for each in evses], "kind": "each", "first": f"{DAY:%Y-%m-%d}",
        "last": f"{DAY + timedelta(days=6):%Y-%m-%d}", "opens": "08:00", "closes": "18:00", "weekdays": list(range(7)),
        "step": "30", "change_until_minutes": "60", "cancel_until_minutes": "60", "early_start_time": "10",
        "access": ["TOKEN"], "decides": "STAFF", "shortest": "30", "longest": "120", "shared": "1", "tariffs": "",
    }  # fmt: skip
    wrong = staff.post(PLACES + "add/", given | {"do": "1", "access": [], "step": "x", "evses": []})
    assert wrong.status_code == 422 and "look at 3 fields" in wrong.content.decode()
    looked = staff.post(PLACES + "add/", given | {"look": "1"})
    assert "What it comes to" in looked.content.decode() and not BookableLocation.objects.exists()
    staff.post(PLACES + "add/", given | {"do": "1"})
    made = list(BookableLocation.objects.order_by("evse_uid"))
    assert [(row.evse_uid, row.decides, row.shortest, row.longest) for row in made] == [
        ("E1", "STAFF", 30, 120), ("E2", "STAFF", 30, 120)
    ]  # fmt: skip
    terms = made[0].tree()["booking_terms"][0]
    assert (terms["early_start_allowed"], terms["early_start_time"]) == (True, 10)
    assert made[0].openings.count() == 7 and made[0].calendars.get().step == 30
    assert "All EVSEs of this location are bookable already." in page(staff, f"{PLACES}add/?location={location.pk}")

    place = made[0]
    assert "08:00" in page(staff, of(place))
    staff.post(of(place, "terms"), given | {"cancel_until_minutes": "240", "decides": "ITSELF"})
    place.refresh_from_db()
    assert place.tree()["booking_terms"][0]["cancel_until_minutes"] == 240 and place.decides == "ITSELF"
    staff.post(of(place, "calendar_edit", place.calendars.get().pk), given | {"opens": "10:00"})
    assert place.calendars.count() == 1 and {each.starts_at.hour for each in place.openings.all()} <= {8, 9}
    staff.post(of(place, "withdraw"))
    place.refresh_from_db()
    assert place.withdrawn_at is not None


def test_a_slot_is_blocked_and_unblocked(staff: Client, place: BookableLocation, card: Token) -> None:
    resource, evse = place.resources.get(), Evse.objects.get(uid="E1")
    given = {"what": f"{resource.pk}:{evse.pk}", "starts": local(8), "ends": local(18), "reason": "Works"}
    assert staff.post(of(place, "block"), given | {"reason": ""}).status_code == 422
    assert staff.post(of(place, "block"), given | {"what": "0:0"}).status_code == 422
    staff.post(of(place, "block"), given)
    row = Block.objects.get()
    assert (row.evse, row.reason, row.by) == (evse, "Works", "anna")
    assert "Blocked: Works" in page(staff, f"{LIST}calendar/?day={DAY:%Y-%m-%d}")
    twice = staff.post(of(place, "block"), given)
    assert twice.status_code == 422 and Block.objects.count() == 1
    staff.post(of(place, "unblock", row.pk))
    assert not Block.objects.exists()


def test_power_for_a_location_is_set_and_lifted(staff: Client, place: BookableLocation) -> None:
    from backoffice.bookings.models import Resource

    staff.post(of(place, "power"), {"kw": "50"})
    assert Resource.objects.get(of="POWER").capacity == 50_000
    staff.post(of(place, "power"), {"kw": "²"})
    staff.post(of(place, "power"), {"kw": ""})
    assert not Resource.objects.filter(of="POWER").exists()


def test_staff_see_whom_the_second_kind_of_space_is_not_told(staff: Client, us: Party) -> None:
    elv = factories.partner("SE-ELV:EMSP", ours=[us])
    location = places.premises("LOC7", evses=2)
    e1, e2 = (evse.pk for evse in location.evses.order_by("uid"))
    kinds = {"options": [places.CAR, places.TRUCK], "spaces": {0: [e1], 1: [e2]}}
    two = places.alike(location, "P7", **kinds)
    for edition, told in (("1.0", False), ("1.1", True)):
        elv.connection.bookings_edition = edition
        elv.connection.save()
        page = staff.get(reverse("admin:bookings_bookablelocation_change", args=[two.pk]))
        assert (f"{elv.connection.name}: edition 1.1" in page.content.decode()) is told


MAY: dict[str, tuple[bool, bool, bool, bool]] = {
    # group: sees, decides, books for drivers, publishes
    "Operations": (True, True, True, True),
    "Support": (True, False, True, False),
    "Roaming": (True, False, False, False),
    "Finance": (True, False, False, False),
    "Read-only": (True, False, False, False),
    "": (False, False, False, False),
}


@pytest.mark.parametrize("group", MAY)
def test_who_may_what(staff: Client, place: BookableLocation, card: Token, group: str) -> None:
    row = asked_for(staff, place, card)
    client = member(group)
    sees, decides, makes, publishes = MAY[group]
    for path in (LIST, LIST + "calendar/", LIST + "conflicts/", LIST + "requests/", of(row), PLACES, of(place)):
        assert client.get(path).status_code == (200 if sees else 403), path
    for deed in ("decline", "assign", "move", "cancel", "miss", "fulfil"):
        assert client.get(of(row, deed)).status_code == (200 if decides else 403), deed
    for path in (LIST + "search/", f"{LIST}book/{place.pk}/", of(row, "ask_change"), of(row, "take_back")):
        assert client.get(path).status_code == (200 if makes else 403), path
    for path in (PLACES + "add/", *(of(place, deed) for deed in ("terms", "calendar", "block", "withdraw"))):
        assert client.get(path).status_code == (200 if publishes else 403), path
    if sees:
        whole = group == "Operations"  # which may see whole tokens
        assert (card.object_id in page(client, of(row))) is whole
        assert (card.object_id in page(client, of(row) + "?tab=json")) is whole
    assert client.post(of(row, "accept")).status_code == (302 if decides else 403)
    row.refresh_from_db()
    assert (row.status == "RESERVED") is decides
    assert client.post(of(place, "withdraw")).status_code == (302 if publishes else 403)
    place.refresh_from_db()
    assert (place.withdrawn_at is not None) is publishes


def test_a_scope_hides_what_is_of_others_and_an_emsp_does_not_decide(
    staff: Client, place: BookableLocation, card: Token
) -> None:
    row = asked_for(staff, place, card)
    emsp = factories.own_party("DE-DRV", "EMSP", name="Drivers")
    Booking.objects.filter(pk=row.pk).update(emsp=emsp)
    hidden, of_drivers = member("Operations", factories.own_party("DE-OTH", "CPO")), member("Support", emsp)
    assert hidden.get(of(row)).status_code == 404 and hidden.get(of(place)).status_code == 404
    assert hidden.post(of(row, "accept")).status_code == 404
    assert of_drivers.get(of(row)).status_code == 200
    user = User.objects.get(username="Support member")
    user.groups.set([Group.objects.get(name="Operations")])
    assert of_drivers.post(of(row, "accept")).status_code == 403, "it is not its charge point"
    row.refresh_from_db()
    assert row.status == "PENDING"


@pytest.mark.parametrize("pk", ["0", "99999999", "²", "x"])
def test_what_is_not_there_is_not_found(staff: Client, pk: str) -> None:
    for path in (f"{LIST}{pk}/change/", f"{LIST}requests/{pk}/", f"{PLACES}{pk}/change/"):
        assert staff.get(path, follow=True).status_code == 404


def test_a_request_that_nobody_has_answered_has_a_page(staff: Client, place: BookableLocation, card: Token) -> None:
    row = asked_for(staff, place, card)
    asked = row.requests.get()
    asked.pk, asked.booking, asked.uid, asked.way = None, None, "0" * 32, "UNSURE"
    asked.save()
    text = page(staff, f"{LIST}requests/{asked.pk}/")
    assert "the operator is asked before anything else is" in text and "data-refresh" in text
    listed = page(staff, LIST + "requests/?way=UNSURE")
    assert f"{LIST}requests/{asked.pk}/" in listed and "1 shown" in listed and "Europe/" in listed


def test_several_bookings_are_cancelled_for_a_broken_charger(
    staff: Client, place: BookableLocation, card: Token
) -> None:
    first, second, waits = (asked_for(staff, place, card, hour) for hour in (10, 12, 14))
    for row in (first, second):
        staff.post(of(row, "accept"))
    chosen = {"pk": [row.pk for row in (first, second, waits)]}
    shown = staff.post(LIST + "several/", chosen)
    assert shown.status_code == 200 and "2 bookings are cancelled" in shown.content.decode()
    assert "These are left as they are" in shown.content.decode()
    assert staff.post(LIST + "several/", chosen | {"sure": "1", "canceled": "TRAFFIC"}).status_code == 422
    assert not Booking.objects.filter(status="CANCELED").exists()
    done = staff.post(LIST + "several/", chosen | {"sure": "1", "canceled": "BROKEN_CHARGER", "reason": "Cable cut"})
    assert "2 were cancelled" in done.content.decode()
    assert sorted(Booking.objects.values_list("status", "canceled_reason")) == [
        ("CANCELED", "BROKEN_CHARGER"), ("CANCELED", "BROKEN_CHARGER"), ("PENDING", "")
    ]  # fmt: skip
    assert member("Support").post(LIST + "several/", chosen).status_code == 403
