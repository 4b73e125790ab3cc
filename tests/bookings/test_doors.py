"""Both ends at the door, in literal JSON: a partner's eMSP asks and reads, a partner's CPO tells."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from backoffice.bookings.actions import keeping, publishing, receiving
from backoffice.bookings.models import BookableLocation, Booking, Calendar, Claim, Opening
from backoffice.roaming_site import site
from tests import factories
from tests.bookings.places import TERMS, ask, asked, at, calendar, one_evse, premises, slot, text, token
from tests.doors.asking import Asking, snapshot
from tests.factories import Partner, small_booking, small_place

SENDER = "2.3.0/sender/bookings"
PLACE = "2.3.0/receiver/bookings/SE/ELV/booking_locations/BL1"
BOOKING = "2.3.0/receiver/bookings/SE/ELV/B1"
LATER = "2026-03-02T08:00:00Z"


def tomorrow() -> datetime:
    return site.now().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def wanted(request_id: str = "R1", start: float = 10, end: float = 11, **changes: Any) -> dict[str, Any]:
    return asked(request_id, at(start, tomorrow()), at(end, tomorrow()), **changes)


@pytest.fixture
def place(partner: Partner) -> BookableLocation:
    now = site.now()
    own = calendar(day=tomorrow() - timedelta(days=1), days=10)
    return one_evse(premises(), calendars=[own], terms=[TERMS], now=now)


@pytest.mark.rule("T-500", "T-514")
def test_an_emsp_asks_and_reads(asking: Asking, place: BookableLocation) -> None:
    answered = asking.ask("POST", SENDER, wanted())
    assert answered.says == (200, 1000)
    assert (answered.data["reservation_status"], answered.data["evse_uid"]) == ("RESERVED", "E1")
    assert (answered.data["country_code"], answered.data["party_id"]) == ("DE", "RDK")
    taken = asking.ask("POST", f"{SENDER}/", wanted("R2"))
    assert taken.says == (200, 1000)
    assert taken.data["reservation_status"] == "REJECTED"
    assert taken.envelope["status_message"] == "Everything is booked then."
    assert [each["request_id"] for each in asking.get(SENDER).data] == ["R1", "R2"]
    (listed,) = asking.get(f"{SENDER}/booking_locations").data
    assert listed["calendars"][0]["available_timeslots"] == [
        slot(at(-24, tomorrow()), at(10, tomorrow())),
        slot(at(11, tomorrow()), at(24 * 9, tomorrow())),
    ]
    assert asking.get(f"{SENDER}/booking_locations/p1").data == listed
    assert asking.get(f"{SENDER}/booking_locations/P1/C1").data == listed["calendars"][0]
    assert asking.get(f"{SENDER}/booking_locations/P1/C9").says == (404, 2001)


REFUSED = [
    (wanted(tokens=[token(party_id="XXX")]), 2001, "XXX"),
    (wanted(party_id="XXX"), 2001, "XXX"),
    (wanted(location_id="LOC9"), 2003, "LOC9"),
    (wanted(canceled={"cancellation_reason": "TRAFFIC", "who_canceled": "EMSP"}), 2001, "R1"),
    (wanted(period={"start_from": "soon", "end_before": "later"}), 2001, "period.start_from"),
    (wanted(request_id="R" * 37), 2001, "request_id"),
    ({}, 2001, "request_id"),
    (b"[]", 2001, ""),
]


@pytest.mark.parametrize(("body", "code", "names"), REFUSED, ids=lambda value: str(value)[-40:])
def test_what_is_no_request(asking: Asking, place: BookableLocation, body: Any, code: int, names: str) -> None:
    answered = asking.ask("POST", SENDER, body)
    assert answered.says == (200, code)
    assert names in answered.envelope["status_message"]
    assert not Booking.objects.exists()


EXTREMES = [
    wanted("X1", period={"start_from": "0001-01-01T00:00:00Z", "end_before": "9999-12-31T23:59:59Z"}),
    wanted("X2", period={"start_from": "9999-12-31T23:59:59Z", "end_before": "0001-01-01T00:00:00Z"}),
    wanted("X3", period=slot(at(10, tomorrow()), at(11, tomorrow()), max_power=10**17)),
    wanted("X4", power_required=10**17),
    wanted("X5", tokens=[token(), token()]),
    wanted("X6", bookable_parking_option=None, evse_uid="#NA", connector_id="#NA", nonsense={"a": [1]}),
]


def test_extremes_get_an_answer(asking: Asking, place: BookableLocation) -> None:
    for body in EXTREMES:
        answered = asking.ask("POST", SENDER, body)
        assert answered.status == 200, answered.body
        assert answered.code in (1000, 2001), answered.body


def test_others_see_neither_bookings_nor_what_is_not_shared(asking: Asking, place: BookableLocation) -> None:
    assert asking.ask("POST", SENDER, wanted()).says == (200, 1000)
    other = Asking(factories.partner("NO-FJO:EMSP", "NO-FJO:CPO").token)
    assert other.get(SENDER).data == []
    assert len(other.get(f"{SENDER}/booking_locations").data) == 1
    other.ask("POST", SENDER, wanted() | {"country_code": "NO", "party_id": "FJO", "tokens": []})
    assert [each["request_id"] for each in other.get(SENDER).data] == ["R1"]
    assert Booking.objects.count() == 2
    BookableLocation.objects.update(shared=False)
    assert other.get(f"{SENDER}/booking_locations").data == []
    assert other.get(f"{SENDER}/booking_locations/P1").says == (404, 2001)


@pytest.mark.rule("T-515", "T-516")
def test_lists_are_filtered(asking: Asking, place: BookableLocation) -> None:
    begins, ends = at(-24, tomorrow()), at(24 * 9, tomorrow())
    second = timedelta(seconds=1)
    rows = [
        (f"timeslot_from={text(begins)}", 1),
        (f"timeslot_from={text(ends - second)}", 1),
        (f"timeslot_from={text(ends)}", 0),
        (f"timeslot_to={text(begins)}", 0),
        (f"timeslot_to={text(begins + second)}", 1),
        (f"timeslot_from={text(at(1, tomorrow()))}&timeslot_to={text(at(2, tomorrow()))}", 1),
        (f"date_from={text(site.now() + timedelta(hours=1))}", 0),
        (f"date_from={text(site.now() - timedelta(hours=1))}&limit=1", 1),
    ]
    for query, count in rows:
        assert len(asking.get(f"{SENDER}/booking_locations?{query}").data) == count, query
    assert asking.get(f"{SENDER}/booking_locations?timeslot_from=soon").says == (200, 2001)
    one_evse(premises("LOC2"), "P2", calendars=[calendar(day=tomorrow(), days=2)], now=site.now())
    first = asking.get(f"{SENDER}/booking_locations?limit=1&timeslot_from={text(begins)}")
    assert "timeslot_from=" in first.headers["Link"]
    asking.ask("POST", SENDER, wanted())
    assert len(asking.get(f"{SENDER}?date_to={text(site.now() - timedelta(hours=1))}").data) == 0
    assert len(asking.get(f"{SENDER}?limit=5").data) == 1


@pytest.mark.rule("T-518", "T-519", "T-520", "T-521", "T-522", "T-528")
def test_a_cpo_tells_of_its_places(asking: Asking) -> None:
    assert asking.put(PLACE, small_place("BL1")).says == (201, 1000)
    assert asking.put(PLACE, small_place("BL1")).says == (200, 1000)
    assert asking.get(PLACE).data == small_place("BL1")
    assert asking.put(PLACE, small_place("BL1", party_id="XXX")).says == (200, 2001)
    assert asking.patch(PLACE, {"tariff_id": ["T1"]}).says == (200, 2001)
    patch = {"step_size": 30, "last_updated": LATER}
    assert asking.patch(f"{PLACE}/C1", patch).says == (200, 1000)
    told = asking.get(PLACE).data
    assert (told["last_updated"], told["calendars"][0]["step_size"]) == (LATER, 30)
    assert asking.patch(f"{PLACE}/C9", patch).says == (404, 2001)
    assert asking.patch(f"{PLACE}X", patch).says == (404, 2001)
    stale = asking.put(PLACE, small_place("BL1", tariff_id=["T0"]))
    assert stale.says == (200, 1000)
    assert "tariff_id" not in asking.get(PLACE).data
    two = small_place("BL1")["calendars"][0] | {"id": "C2", "last_updated": LATER}
    assert asking.put(f"{PLACE}/C2", two).says == (201, 1000)
    assert [each["id"] for each in asking.get(PLACE).data["calendars"]] == ["C1", "C2"]
    # what a PUT leaves out is not there any more
    assert asking.put(PLACE, small_place("BL1", calendars=[two], last_updated="2026-03-03T08:00:00Z")).says == (
        200,
        1000,
    )
    assert [each["id"] for each in asking.get(PLACE).data["calendars"]] == ["C2"]
    assert asking.ask("DELETE", PLACE, None).says == (405, 2000)


def test_nonsense_in_calendars_is_kept_and_cannot_be_booked(asking: Asking) -> None:
    day = {"start_from": "2026-04-02T10:00:00Z", "end_before": "2026-04-02T09:00:00Z"}
    odd = small_place("BL1")["calendars"][0] | {
        "begin_from": "2026-05-01T00:00:00Z",
        "end_before": "2026-04-01T00:00:00Z",
        "step_size": -5,
        "available_timeslots": [day],
    }
    assert asking.put(PLACE, small_place("BL1", calendars=[odd, odd])).says == (201, 1000)
    assert asking.get(PLACE).data["calendars"] == [odd]
    assert (Calendar.objects.get().step, Opening.objects.count()) == (None, 0)


@pytest.mark.rule("T-498", "T-518", "T-523")
def test_a_cpo_tells_of_bookings(asking: Asking) -> None:
    assert asking.put(PLACE, small_place("BL1")).says == (201, 1000)
    assert asking.put(BOOKING, small_booking("B1", evse_uid="#NA")).says == (201, 1000)
    booking = Booking.objects.get()
    assert (booking.ours, booking.status, str(booking.emsp), booking.evse_uid) == (False, "RESERVED", "DE-RDK", "#NA")
    assert booking.place is not None
    assert booking.cancel_until == at(8)
    assert asking.patch(BOOKING, {"evse_uid": "E1"}).says == (200, 2001)
    assert asking.patch(BOOKING, {"evse_uid": "E1", "last_updated": LATER}).says == (200, 1000)
    assert asking.get(BOOKING).data["evse_uid"] == "E1"
    again = "2026-03-03T08:00:00Z"
    assert asking.patch(BOOKING, {"reservation_status": "FULFILLED", "last_updated": again}).says == (200, 1000)
    refused = asking.patch(BOOKING, {"reservation_status": "RESERVED", "last_updated": "2026-03-04T08:00:00Z"})
    assert refused.says == (200, 2001)
    assert "final" in refused.envelope["status_message"]
    assert Booking.objects.get().status == "FULFILLED"
    assert list(booking.events.values_list("event", flat=True)) == ["RESERVED", "FULFILLED"]


STRANGE = [
    (small_booking("B1", emsp="FR-XYZ"), "of no eMSP of ours"),
    (small_booking("B1", request_id="R-B0"), "that of another booking"),
    (small_booking("B2"), "id"),
    (small_booking("B1", booking_requests=[]), "booking_requests"),
]


def test_bookings_that_are_not_taken(asking: Asking) -> None:
    base = "2.3.0/receiver/bookings/SE/ELV"
    assert asking.put(f"{base}/B0", small_booking("B0")).says == (201, 1000)
    for body, sentence in STRANGE:
        answered = asking.put(BOOKING, body)
        assert answered.says == (200, 2001), body
        assert sentence in answered.envelope["status_message"]
    backwards = {"start_from": "2026-04-02T11:00:00Z", "end_before": "2026-04-02T10:00:00Z"}
    terms = small_booking("B1")["booking_terms"] | {"change_until_minutes": 10**17, "noshow_timeout": -(10**17)}
    odd = small_booking("B1", period=backwards, booking_terms=terms)
    assert asking.put(BOOKING, odd).says == (201, 1000)
    assert Booking.objects.count() == 2
    assert json.loads(asking.get(BOOKING).body)["data"]["period"] == backwards


def test_foreign_owners_reach_nothing(asking: Asking, place: BookableLocation) -> None:
    assert asking.put(PLACE, small_place("BL1")).code == 1000
    assert asking.put(BOOKING, small_booking("B1")).code == 1000
    before = snapshot()
    for owner in ("NO/FJO", "DE/RDK", "XX/YYY"):
        key = owner.replace("/", "-")
        for method, body in (("GET", None), ("PUT", small_booking("B1", key)), ("PATCH", {"last_updated": LATER})):
            assert asking.ask(method, f"2.3.0/receiver/bookings/{owner}/B1", body).says == (404, 2001)
        for method, body in (("GET", None), ("PUT", small_place("BL1", key)), ("PATCH", {"last_updated": LATER})):
            path = f"2.3.0/receiver/bookings/{owner}/booking_locations/BL1"
            assert asking.ask(method, path, body).says == (404, 2001)
    assert asking.put(PLACE, small_place("BL1", "NO-FJO")).says == (200, 2001)
    assert asking.put(BOOKING, small_booking("B1", "NO-FJO")).says == (200, 2001)
    assert snapshot() == before


@pytest.mark.rule("T-494")
def test_a_place_is_an_evse_or_of_a_kind(asking: Asking) -> None:
    neither = small_place("BL1")
    del neither["evse_uid"]
    assert asking.put(PLACE, neither).says == (200, 2001)
    kind = {"vehicle_types": ["VAN"], "format": "CABLE", "restricted_to_type": False}
    assert asking.put(PLACE, neither | {"bookable_parking_options": [kind]}).says == (201, 1000)
    nothing = {"calendars": None, "booking_terms": None, "last_updated": LATER}
    assert asking.put(PLACE, small_place("BL1") | nothing).says == (200, 1000)


def test_ids_are_the_same_in_any_case(asking: Asking, place: BookableLocation) -> None:
    assert asking.ask("POST", SENDER, wanted("Req-1")).data["reservation_status"] == "RESERVED"
    shouted = wanted("REQ-1", 12, 13, location_id="loc1", evse_uid="e1", country_code="se", party_id="elv")
    answered = asking.ask("POST", SENDER, shouted)
    assert answered.says == (200, 1000)
    assert (answered.data["request_id"], answered.data["period"]["start_from"]) == ("Req-1", text(at(12, tomorrow())))
    taken = asking.ask("POST", SENDER, wanted("R2", 12, 13, tokens=[token("tag1", type="RFID")]))
    assert taken.data["reservation_status"] == "REJECTED", "the same card"
    assert Booking.objects.count() == 2


def test_requests_have_an_end(asking: Asking, place: BookableLocation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one booking: its document holds them all. Taken back it can be at any time."""
    monkeypatch.setattr(receiving, "MOST_REQUESTS", 3)
    for start in (10, 11, 12):
        assert asking.ask("POST", SENDER, wanted("R1", start, start + 1)).code == 1000
    answered = asking.ask("POST", SENDER, wanted("R1", 13, 14))
    assert answered.says == (200, 2001)
    assert "3 requests" in answered.envelope["status_message"]
    back = wanted("R1", 12, 13, canceled={"cancellation_reason": "TRAFFIC", "who_canceled": "EMSP"})
    assert asking.ask("POST", SENDER, back).data["reservation_status"] == "CANCELED"
    assert asking.ask("POST", SENDER, wanted("R1", 14, 15)).says == (200, 2001)


MOVES = ("change", "cancel", "miss", "replace")


@pytest.mark.parametrize("order", list(permutations(MOVES, 2)), ids="-".join)
def test_whoever_is_first_is_kept_to(asking: Asking, place: BookableLocation, order: tuple[str, str]) -> None:
    """A change, a cancellation, a no-show and another calendar, one after the other: the second finds what the first left."""
    first = asking.ask("POST", SENDER, wanted()).data
    booking = Booking.objects.get()
    canceled = {"cancellation_reason": "TRAFFIC", "who_canceled": "EMSP"}
    shut = calendar(day=tomorrow(), days=1) | {"available_timeslots": [slot(at(20, tomorrow()), at(21, tomorrow()))]}
    late = booking.noshow_at
    assert late is not None

    def miss() -> str:
        try:
            keeping.miss(booking.pk, by="", now=late)
        except keeping.UnableToKeep as refusal:
            return str(refusal)
        return ""

    acts = {
        "change": lambda: asking.ask("POST", SENDER, wanted("R1", 12, 13)).envelope.get("status_message") or "",
        "cancel": lambda: asking.ask("POST", SENDER, wanted(canceled=canceled)).envelope.get("status_message") or "",
        "miss": miss,
        "replace": lambda: publishing.set_calendar(place.pk, shut, by="ann", now=site.now()) and "",
    }
    said = [acts[each]() for each in order]
    booking.refresh_from_db()
    found = (booking.status, f"{booking.starts_at:%H}", said[1])
    after = {
        ("change", "cancel"): ("CANCELED", "12", ""),
        ("change", "miss"): ("RESERVED", "12", "It has not begun yet."),
        ("change", "replace"): ("RESERVED", "12", ""),
        ("cancel", "change"): ("CANCELED", "10", "The booking is CANCELED and cannot be changed."),
        ("cancel", "miss"): ("CANCELED", "10", "The booking is CANCELED."),
        ("cancel", "replace"): ("CANCELED", "10", ""),
        ("miss", "change"): ("NO_SHOW", "10", "The booking is NO_SHOW and cannot be changed."),
        ("miss", "cancel"): ("NO_SHOW", "10", "The booking is NO_SHOW and cannot be canceled."),
        ("miss", "replace"): ("NO_SHOW", "10", ""),
        ("replace", "change"): ("RESERVED", "10", "It is outside of what the calendar offers."),
        ("replace", "cancel"): ("CANCELED", "10", ""),
        ("replace", "miss"): ("NO_SHOW", "10", ""),
    }
    assert found == after[order]
    assert Claim.objects.exists() is (booking.status == "RESERVED")
    assert first["reservation_status"] == "RESERVED"


@pytest.mark.parametrize(
    ("day", "hours", "status"),
    [
        ("2026-10-25", ("00:00", "01:00"), "RESERVED"),  # two o'clock, in summer; an hour later it is two again
        ("2026-10-25", ("01:00", "02:00"), "RESERVED"),
        ("2026-10-25", ("00:30", "01:30"), "REJECTED"),
        ("2026-03-29", ("00:00", "02:00"), "RESERVED"),  # from one to four: two o'clock there is not
    ],
)
def test_days_that_are_not_of_24_hours(partner: Partner, day: str, hours: tuple[str, str], status: str) -> None:
    noon = datetime.fromisoformat(f"{day}T12:00:00Z")
    offered = calendar(step=60, day=noon - timedelta(days=1), days=2)
    place = one_evse(premises(time_zone="Europe/Berlin"), calendars=[offered], now=noon - timedelta(days=3))
    assert place.time_zone == "Europe/Berlin"
    start, end = (datetime.fromisoformat(f"{day}T{hour}:00Z") for hour in hours)
    answered = ask(partner, asked(start=start, end=end), now=noon - timedelta(days=2))
    assert answered.booking.status == status, answered.sentence
