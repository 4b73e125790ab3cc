"""What becomes of requests as a CPO: granted, declined, changed, taken back; what stood before stands until then."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backoffice.bookings.actions import deciding, keeping
from backoffice.bookings.actions.receiving import NowhereToBook, UnableToTake
from backoffice.bookings.models import Booking, Claim
from backoffice.bookings.models.places import Decides
from backoffice.delivery.models import Message
from backoffice.locations.models import Evse
from ocpi.wire.bookings import CanceledReason
from tests import factories
from tests.bookings.places import (
    CAR,
    DAY,
    NOW,
    TERMS,
    TRUCK,
    alike,
    ask,
    asked,
    at,
    calendar,
    canceled,
    one_evse,
    premises,
    slot,
    token,
    used,
)
from tests.factories import Partner

pytestmark = pytest.mark.django_db


@pytest.fixture
def elv() -> Partner:
    return factories.partner("SE-ELV:EMSP", receives=("bookings",))


def entries(booking: Booking) -> list[str]:
    return [each["request_status"] for each in booking.tree()["booking_requests"]]


@pytest.mark.rule("T-499", "T-504", "T-505", "T-524")
def test_what_is_free_is_reserved_at_once(elv: Partner) -> None:
    place = one_evse(premises())
    answered = ask(elv, asked())
    booking = answered.booking
    tree = booking.tree()
    assert (booking.status, tree["reservation_status"], answered.sentence) == ("RESERVED", "RESERVED", "")
    assert (tree["evse_uid"], tree["location_id"], tree["booking_terms"]) == ("E1", "LOC1", TERMS)
    assert [each["request_status"] for each in tree["booking_requests"]] == ["ACCEPTED"]
    assert tree["booking_requests"][0]["booking_request"] == asked()
    assert tree["authorization_reference"] == "AUTH-R1"
    assert list(used(place)) == [at(10), at(10.25), at(10.5), at(10.75)]
    assert (booking.noshow_at, booking.early_from) == (at(10.25), at(10) - timedelta(minutes=10))
    assert (booking.change_until, booking.cancel_until, booking.late_until) == (at(9), at(8), at(11))
    assert Message.objects.filter(module="bookings", object_path=booking.object_id).count() == 1


@pytest.mark.rule("T-495", "T-496")
def test_where_staff_decide_it_waits_and_keeps_its_place(elv: Partner) -> None:
    place = one_evse(premises(), decides=Decides.STAFF)
    first = ask(elv, asked())
    assert (first.booking.status, entries(first.booking)) == ("PENDING", ["PENDING"])
    assert ask(elv, asked("R2")).booking.status == "REJECTED"
    booking = deciding.accept(first.asked.pk, by="ann", now=NOW)
    assert (booking.status, entries(booking)) == ("RESERVED", ["ACCEPTED"])
    with pytest.raises(deciding.UnableToDecide, match="ACCEPTED already"):
        deciding.decline(first.asked.pk, reason="no", by="ann", now=NOW)
    third = ask(elv, asked("R3", at(12), at(13)))
    assert deciding.decline(third.asked.pk, reason="works", by="ann", now=NOW).status == "REJECTED"
    fourth = ask(elv, asked("R4", at(12), at(13)))
    assert deciding.fail(fourth.asked.pk, reason="broken", by="ann", now=NOW).status == "FAILED"
    assert set(used(place)) == {at(10), at(10.25), at(10.5), at(10.75)}


def test_what_another_has_is_rejected(elv: Partner) -> None:
    place = one_evse(premises(), terms=[TERMS | {"overlapping_bookings_allowed": True}])
    ask(elv, asked())
    for start, end in ((10, 11), (9.5, 10.25), (10.75, 12), (9, 12)):
        answered = ask(elv, asked(f"R{start}", at(start), at(end)))
        assert (answered.booking.status, entries(answered.booking)) == ("REJECTED", ["DECLINED"])
        assert answered.sentence == "Everything is booked then."
    for start, end in ((9, 10), (11, 12)):
        assert ask(elv, asked(f"R{start}-{end}", at(start), at(end))).booking.status == "RESERVED"
    assert Claim.objects.count() == 3
    assert len(used(place)) == 12


def test_spaces_that_are_alike_are_counted_and_given_to_who_comes(elv: Partner) -> None:
    location = premises(evses=2)
    place = alike(location, terms=[TERMS | {"overlapping_bookings_allowed": True}])
    # three bookings of which two overlap at a time: there is room, whatever the order in which they came
    long = ask(elv, asked("R1", at(10), at(14))).booking
    early = ask(elv, asked("R2", at(10), at(12))).booking
    late = ask(elv, asked("R3", at(12), at(14))).booking
    assert {booking.status for booking in (long, early, late)} == {"RESERVED"}
    assert ask(elv, asked("R4", at(11), at(13))).booking.status == "REJECTED"
    assert long.tree()["evse_uid"] == "#NA"
    e1, e2 = Evse.objects.filter(location=location).order_by("pk")
    # staff promise the later one the EVSE that the long one is then put on: whoever arrives gets one in any case
    keeping.assign(late.pk, evse=e1.pk, by="ann", now=NOW)
    keeping.assign(early.pk, evse=e2.pk, by="ann", now=NOW)
    given = keeping.assign(long.pk, by="sweep", now=at(9.9))
    assert given == e1
    late.refresh_from_db()
    assert late.tree()["evse_uid"] == "#NA"
    assert keeping.assign(late.pk, by="sweep", now=at(11.9)) == e2
    assert max(used(place).values()) == 2
    assert Booking.objects.filter(evse=e2).count() == 2


def test_options_have_spaces_of_their_own(elv: Partner) -> None:
    location = premises(evses=2)
    e1, e2 = Evse.objects.filter(location=location).order_by("pk").values_list("pk", flat=True)
    alike(
        location,
        options=[CAR, TRUCK],
        spaces={0: [e1], 1: [e2]},
        terms=[TERMS | {"overlapping_bookings_allowed": True}],
    )
    rows = [
        ("R1", CAR, "RESERVED"),
        ("R2", CAR, "REJECTED"),
        ("R3", TRUCK | {"max_vehicle_length": 1900}, "REJECTED"),
        ("R4", TRUCK | {"max_vehicle_length": 900}, "RESERVED"),
        ("R5", TRUCK, "REJECTED"),
        ("R6", CAR | {"format": "SOCKET"}, "REJECTED"),
    ]
    for request_id, option, status in rows:
        booking = ask(elv, asked(request_id, bookable_parking_option=option)).booking
        assert booking.status == status, request_id
    assert Booking.objects.get(request_id="R4").tree()["bookable_parking_option"]["vehicle_types"] == ["RIGID"]


def test_who_asks_for_a_kind_gets_one_that_is_offered_as_it(elv: Partner) -> None:
    """And an EVSE of which nothing is told only when there is none left."""
    location = premises(evses=2)
    one_evse(location)
    other = Evse.objects.get(location=location, uid="E2")
    alike(location, "P2", spaces={0: [other.pk]}, terms=[TERMS | {"overlapping_bookings_allowed": True}])
    for request_id, evse in (("R1", "#NA"), ("R2", "E1")):
        assert ask(elv, asked(request_id, bookable_parking_option=CAR)).booking.evse_uid == evse


@pytest.mark.rule("T-502", "T-503", "T-504", "T-505")
def test_a_change_takes_the_place_of_what_stood(elv: Partner) -> None:
    place = one_evse(premises(), decides=Decides.STAFF)
    first = ask(elv, asked())
    deciding.accept(first.asked.pk, by="ann", now=NOW)
    # half an hour later: what it has itself is not in its way
    change = ask(elv, asked(start=at(10.5), end=at(11.5)))
    booking = change.booking
    assert booking.pk == first.booking.pk
    assert (booking.status, entries(booking)) == ("RESERVED", ["ACCEPTED", "PENDING"])
    assert booking.tree()["period"] == slot(at(10), at(11), max_power=11040)
    assert set(used(place)) == {at(10 + quarter / 4) for quarter in range(6)}
    assert set(used(place).values()) == {1}
    assert ask(elv, asked(start=at(13), end=at(14))).sentence == "Another request waits for its answer."
    booking = deciding.accept(change.asked.pk, by="ann", now=NOW)
    assert (booking.starts_at, booking.ends_at) == (at(10.5), at(11.5))
    assert entries(booking) == ["ACCEPTED", "ACCEPTED", "DECLINED"]
    assert set(used(place)) == {at(10.5 + quarter / 4) for quarter in range(4)}
    again = ask(elv, asked(start=at(15), end=at(16)))
    booking = deciding.decline(again.asked.pk, reason="works", by="ann", now=NOW)
    assert (booking.status, booking.starts_at) == ("RESERVED", at(10.5))
    assert set(used(place)) == {at(10.5 + quarter / 4) for quarter in range(4)}


def test_a_change_to_what_another_has_leaves_all_as_it_was(elv: Partner) -> None:
    one_evse(premises(), terms=[TERMS | {"overlapping_bookings_allowed": True}])
    mine = ask(elv, asked("R1")).booking
    ask(elv, asked("R2", at(12), at(13)))
    changed = ask(elv, asked("R1", at(11.5), at(12.5)))
    assert (changed.booking.status, entries(changed.booking)) == ("RESERVED", ["ACCEPTED", "DECLINED"])
    assert (changed.booking.starts_at, changed.sentence) == (mine.starts_at, "Everything is booked then.")


@pytest.mark.rule("T-502")
def test_a_request_that_comes_again_is_answered_as_before(elv: Partner) -> None:
    one_evse(premises())
    first = ask(elv, asked(), correlation="a")
    again = ask(elv, asked(), correlation="b")
    assert (again.booking.pk, entries(again.booking)) == (first.booking.pk, ["ACCEPTED"])
    moved = ask(elv, asked(start=at(12), end=at(13)), correlation="c")
    # the first one once more, late: by its correlation it is known as that; without it, it is a wish to move back
    late = ask(elv, asked(), correlation="a")
    assert (late.booking.starts_at, entries(late.booking)) == (at(12), ["ACCEPTED"] * 2)
    back = ask(elv, asked(), correlation="d")
    assert (back.booking.starts_at, entries(back.booking)) == (at(10), ["ACCEPTED"] * 3)
    assert moved.booking.pk == back.booking.pk


@pytest.mark.rule("T-497", "T-510", "T-511", "T-512")
def test_the_emsp_takes_it_back(elv: Partner) -> None:
    place = one_evse(premises())
    ask(elv, asked())
    wrong = ask(elv, asked(canceled=canceled("FULL")))
    assert (wrong.booking.status, wrong.sentence) == ("RESERVED", "FULL is a reason of the CPO.")
    wrong = ask(elv, asked(canceled=canceled(who="CPO")))
    assert wrong.sentence == "who_canceled must be EMSP in a request of an eMSP."
    done = ask(elv, asked(canceled=canceled()))
    assert (done.booking.status, entries(done.booking)[-1]) == ("CANCELED", "ACCEPTED")
    assert done.booking.tree()["canceled"] == canceled()
    assert used(place) == {}
    assert ask(elv, asked("R2")).booking.status == "RESERVED"


@pytest.mark.rule("T-496")
def test_what_was_not_granted_yet_is_rejected_by_taking_it_back(elv: Partner) -> None:
    place = one_evse(premises(), decides=Decides.STAFF)
    ask(elv, asked())
    done = ask(elv, asked(canceled=canceled()))
    assert (done.booking.status, entries(done.booking)) == ("REJECTED", ["DECLINED", "ACCEPTED"])
    assert used(place) == {}


@pytest.mark.rule("T-513")
def test_deadlines_of_the_terms(elv: Partner) -> None:
    one_evse(premises())
    ask(elv, asked())
    late = at(9) + timedelta(minutes=1)
    assert ask(elv, asked(start=at(12), end=at(13)), now=late).sentence == "It is too late to change it."
    assert ask(elv, asked(canceled=canceled()), now=late).sentence == "It is too late to cancel it."
    assert ask(elv, asked(start=at(12), end=at(13)), now=at(9)).booking.starts_at == at(12)


def test_terms_may_allow_no_change(elv: Partner) -> None:
    one_evse(premises(), terms=[TERMS | {"change_not_allowed": True}])
    ask(elv, asked())
    assert ask(elv, asked(start=at(12), end=at(13))).sentence == "The terms allow no change."


MISUSE = [
    ("in the past", asked(start=at(-20), end=at(-19)), "It begins in the past."),
    ("over already", asked(start=NOW - timedelta(minutes=4), end=NOW), "It is over already."),
    ("backwards", asked(start=at(11), end=at(10)), "It must end after it starts."),
    ("of no length", asked(start=at(10), end=at(10)), "It must end after it starts."),
    ("ten years long", asked(end=at(24 * 3650)), "It is longer than 240 minutes."),
    ("in ten years", asked(start=at(24 * 3650), end=at(24 * 3650 + 1)), "It is more than a year ahead."),
    (
        "beyond the calendar",
        asked(start=at(24 * 30 - 1), end=at(24 * 30 + 1)),
        "It is outside of what the calendar offers.",
    ),
    ("before the calendar", asked(start=at(-2), end=at(-1)), "It is outside of what the calendar offers."),
    ("between the steps", asked(start=at(10.1), end=at(11)), "It must begin and end at multiples of 15 minutes."),
    ("too short", asked(end=at(10.25)), "It is shorter than 30 minutes."),
    ("too long", asked(end=at(16)), "It is longer than 240 minutes."),
    ("too much power", asked(power_required=99), "No more than 11040 W can be had then."),
    ("less than no power", asked(power_required=-1), "power_required is less than nothing."),
    ("green", asked(period=slot(at(10), at(11), green_energy_support=True)), "There is no green energy then."),
    ("a connector that is not there", asked(connector_id="9"), "There is no connector 9."),
    ("without a card", asked(tokens=[]), "It must name an RFID token: the terms ask for one."),
    ("too many cards", asked(tokens=[token(f"T{n}") for n in range(251)]), "It names more than 250 tokens."),
    ("another EVSE", asked(evse_uid="E9"), "No space there is of the kind that is asked for."),
]


def test_misuse_is_rejected_with_its_reason(elv: Partner) -> None:
    place = one_evse(premises(), terms=[TERMS | {"RFID_auth_required": True}], shortest=30, longest=240)
    for number, (name, tree, sentence) in enumerate(MISUSE):
        answered = ask(elv, tree | {"request_id": f"M{number}"})
        assert (answered.booking.status, answered.sentence) == ("REJECTED", sentence), name
    assert used(place) == {}
    assert not Claim.objects.exists()


def test_what_cannot_be_written_down_is_refused(elv: Partner) -> None:
    one_evse(premises())
    one_evse(premises("LOC2"), "P2", shared=False)
    rows = [
        (asked(tokens=[token(party_id="XXX")]), UnableToTake, "SE-XXX is not who asks"),
        (asked(party_id="XXX"), UnableToTake, "SE-XXX is no eMSP of this connection"),
        (asked(location_id="LOC9"), NowhereToBook, "nothing can be booked at LOC9"),
        (asked(location_id="LOC2"), NowhereToBook, "nothing can be booked at LOC2"),
        (asked(canceled=canceled()), UnableToTake, "there is no booking R1 to be canceled"),
    ]
    for tree, error, sentence in rows:
        with pytest.raises(error, match=sentence):
            ask(elv, tree)
    assert not Booking.objects.exists()


@pytest.mark.rule("T-498")
def test_a_final_booking_stays_so(elv: Partner) -> None:
    one_evse(premises())
    ask(elv, asked())
    keeping.cancel(Booking.objects.get().pk, reason=CanceledReason.BROKEN_CHARGER, by="ann", now=NOW)
    for tree, sentence in (
        (asked(start=at(12), end=at(13)), "The booking is CANCELED and cannot be changed."),
        (asked(canceled=canceled()), "The booking is CANCELED and cannot be canceled."),
    ):
        answered = ask(elv, tree)
        assert (answered.booking.status, answered.sentence) == ("CANCELED", sentence)
    booking = Booking.objects.get()
    for act in (
        lambda: keeping.cancel(booking.pk, reason=CanceledReason.FULL, by="ann", now=NOW),
        lambda: keeping.miss(booking.pk, by="ann", now=at(11)),
        lambda: keeping.fulfil(booking.pk, session=None, by="ann", now=at(10)),
        lambda: keeping.move(booking.pk, starts_at=at(12), ends_at=at(13), by="ann", now=NOW),
        lambda: keeping.assign(booking.pk, by="ann", now=NOW),
    ):
        with pytest.raises(keeping.UnableToKeep, match="CANCELED"):
            act()


@pytest.mark.rule("T-509", "T-510", "T-512")
def test_we_cancel_and_say_why(elv: Partner) -> None:
    place = one_evse(premises())
    booking = ask(elv, asked()).booking
    with pytest.raises(keeping.UnableToKeep, match="TRAFFIC is a reason of the eMSP"):
        keeping.cancel(booking.pk, reason=CanceledReason.TRAFFIC, by="ann", now=NOW)
    Message.objects.update(state="DONE")
    booking = keeping.cancel(booking.pk, reason=CanceledReason.POWER_OUTAGE, by="ann", now=NOW)
    assert booking.tree()["canceled"] == {"cancellation_reason": "POWER_OUTAGE", "who_canceled": "CPO"}
    assert Message.objects.get(module="bookings").state == "DUE"
    assert used(place) == {}


def test_a_token_is_in_one_booking_at_a_time_where_the_terms_say_so(elv: Partner) -> None:
    one_evse(premises("LOC1"), "P1")
    one_evse(premises("LOC2"), "P2")
    ask(elv, asked("R1"))
    other = ask(elv, asked("R2", location_id="LOC2"))
    assert other.sentence == "One of the tokens is in another booking then, which the terms do not allow."
    assert ask(elv, asked("R3", location_id="LOC2", tokens=[token("TAG2")])).booking.status == "RESERVED"
    assert ask(elv, asked("R4", at(11), at(12), location_id="LOC2")).booking.status == "RESERVED"
    # and a change that would do it is declined
    changed = ask(elv, asked("R4", at(10.5), at(10.75), location_id="LOC2"))
    assert (changed.booking.status, changed.booking.starts_at) == ("RESERVED", at(11))


@pytest.mark.rule("T-526")
def test_the_power_of_a_location_is_shared_out(elv: Partner) -> None:
    from backoffice.bookings.actions import publishing

    location = premises(evses=3)
    alike(location, terms=[TERMS | {"overlapping_bookings_allowed": True}])
    ask(elv, asked("R1", power_required=8))
    with pytest.raises(publishing.UnableToPublish, match="More power than that is booked"):
        publishing.set_power(location.pk, watts=7_000, by="ann", now=NOW)
    publishing.set_power(location.pk, watts=15_000, by="ann", now=NOW)
    assert ask(elv, asked("R2", power_required=8)).booking.status == "REJECTED"
    booking = ask(elv, asked("R3", power_required=7)).booking
    assert (booking.status, booking.tree()["period"]["max_power"]) == ("RESERVED", 7000)
    # with more power than is left it stays as it was, with less of its own it may
    assert ask(elv, asked("R3", power_required=8)).booking.power == 7000
    assert ask(elv, asked("R3", power_required=5)).booking.power == 5000


def test_staff_move_and_assign(elv: Partner) -> None:
    location = premises(evses=2)
    place = alike(location)
    e1, e2 = Evse.objects.filter(location=location).order_by("pk")
    booking = ask(elv, asked()).booking
    other = ask(elv, asked("R2", tokens=[token("TAG2")])).booking
    assert keeping.assign(booking.pk, evse=e2.pk, by="ann", now=NOW) == e2
    with pytest.raises(keeping.UnableToKeep, match="Another booking has it then"):
        keeping.assign(other.pk, evse=e2.pk, by="ann", now=NOW)
    booking = keeping.move(booking.pk, starts_at=at(10.5), ends_at=at(12), evse=e1.pk, by="ann", now=NOW)
    assert (booking.tree()["evse_uid"], booking.tree()["period"]["end_before"]) == ("E1", "2026-04-02T12:00:00Z")
    keeping.assign(other.pk, evse=e2.pk, by="ann", now=NOW)
    assert used(place)[at(10)] == 1
    assert used(place)[at(10.5)] == 2
    assert booking.starts_at > DAY


@pytest.mark.rule("T-527")
def test_calendars_tell_what_is_left(elv: Partner) -> None:
    place = one_evse(premises(), calendars=[calendar(available_timeslots=[slot(at(8), at(12), max_power=11_000)])])
    ask(elv, asked())
    told = place.tree()["calendars"][0]
    assert told["available_timeslots"] == [
        slot(at(8), at(10), max_power=11_000),
        slot(at(11), at(12), max_power=11_000),
    ]
    for number, (start, end) in enumerate(((8, 10), (11, 12))):
        ask(elv, asked(f"F{number}", at(start), at(end), tokens=[token(f"X{number}")]))
    # nothing is left: a Calendar cannot say that, so there is none
    assert "calendars" not in place.tree()
    ask(elv, asked(canceled=canceled()))
    assert place.tree()["calendars"][0]["available_timeslots"] == [slot(at(10), at(11), max_power=11_000)]
