"""We as eMSP: ask a CPO, hear its answer or none, change, take back; and in this house, where both companies are ours."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from backoffice.bookings import conflicts
from backoffice.bookings.actions import arriving, hearing, requesting
from backoffice.bookings.actions.requesting import UnableToRequest, Wish
from backoffice.bookings.models import BookableLocation, Booking, BookingAsked
from backoffice.delivery.actions import running
from backoffice.delivery.models import Errand, Pull
from backoffice.partners import peers
from backoffice.partners.actions.connections import set_endpoints
from backoffice.partners.models import Connection, Party
from backoffice.partners.secrets import decrypt
from backoffice.roaming_site import site
from backoffice.tokens.models import Token
from ocpi.wire import bookings as wire
from ocpi.wire import json as wire_json
from ocpi.wire.bookings import CanceledReason
from tests import factories
from tests.bookings.places import at, calendar, one_evse, premises, text
from tests.doors.asking import Asking
from tests.factories import small_booking, small_place
from tests.peer import ScriptedPeer, Twist

BASE = "/ocpi/2.3.0/sender/bookings"
RECEIVER = "2.3.0/receiver/bookings/SE/ELV"


def tomorrow() -> datetime:
    return site.now().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


class Abroad:
    """SE-ELV, a CPO with place BL1 where literal answers wait; and a driver of ours."""

    def __init__(self, peer: ScriptedPeer) -> None:
        self.peer = peer
        self.partner = factories.partner("SE-ELV:CPO", versions_url=peer.versions_url)
        peer.accepts.add(decrypt(self.partner.connection.token_out))
        set_endpoints(self.partner.connection, [("bookings", "SENDER", f"{peer.url}{BASE}")])
        self.asking = Asking(self.partner.token)
        open_days = calendar(day=tomorrow(), days=5) | {"last_updated": "2026-03-01T08:00:00Z"}
        assert (
            self.asking.put(f"{RECEIVER}/booking_locations/BL1", small_place("BL1", calendars=[open_days])).code == 1000
        )
        self.token = factories.own_token(factories.small_token("C1", "DE-RDK"))

    @property
    def place(self) -> BookableLocation:
        return BookableLocation.objects.get(object_id="BL1")

    def wish(self, start: float = 10, end: float = 11, **given: Any) -> Wish:
        return Wish(
            emsp=self.token.party_id,
            place=given.pop("place", None) or self.place,
            starts_at=at(start, tomorrow()),
            ends_at=at(end, tomorrow()),
            tokens=[self.token],
            asked_by="ann",
            **given,
        )

    def answers(self, tree: dict[str, Any] | None, code: int = 1000) -> None:
        body = {"status_code": code, "status_message": "", "timestamp": "2026-11-01T10:00:00Z"}
        body |= {"data": tree} if tree is not None else {}
        self.peer.script("POST", BASE, Twist(status=200, body=json.dumps(body, default=str).encode(), works=False))

    def asked(self) -> list[dict[str, Any]]:
        return [json.loads(each.body) for each in self.peer.received if each.path == BASE and each.method == "POST"]


def answer(asked: BookingAsked, status: str, request: str, *, at: str = "", **changes: Any) -> dict[str, Any]:
    """The Booking with which a CPO answers this request and those before it."""
    rows = BookingAsked.objects.filter(request_id=asked.request_id).order_by("pk")
    entries = [
        {
            "request_status": request if row.pk == asked.pk else "ACCEPTED",
            "booking_request": row.tree(),
            "request_received": "2026-11-01T10:00:00Z",
        }
        for row in rows
    ]
    tree = asked.tree()
    return (
        small_booking(
            "B7",
            request_id=asked.request_id,
            period=tree["period"],
            booking_tokens=tree["tokens"],
            reservation_status=status,
            authorization_reference=tree["authorization_reference"],
            booking_requests=entries,
            last_updated=at or text(site.now()),
        )
        | changes
    )


@pytest.fixture
def elv(db: None, reachable: None, peer: ScriptedPeer) -> Abroad:
    factories.own_party("DE-RDK", "EMSP")
    return Abroad(peer)


def run() -> int:
    return sum(running.run(pk) for pk in Errand.objects.filter(state="DUE").values_list("pk", flat=True))


@pytest.mark.rule("T-493", "T-501", "T-502", "T-503", "T-511")
def test_asked_changed_and_taken_back(elv: Abroad) -> None:
    first = requesting.request(elv.wish(power=11), now=site.now())
    assert (first.way, first.status, first.booking) == ("QUEUED", "PENDING", None)
    elv.answers(answer(first, "PENDING", "PENDING"))
    assert run() == 1
    (body,) = elv.asked()
    assert (body["request_id"], body["power_required"], body["evse_uid"]) == (first.request_id, 11, "E1")
    assert body["tokens"][0]["uid"] == "C1"
    first.refresh_from_db()
    booking = Booking.objects.get()
    assert (first.way, first.status, first.booking_id, booking.status) == ("SAID", "PENDING", booking.pk, "PENDING")
    with pytest.raises(UnableToRequest, match="PENDING and cannot be changed"):
        requesting.change(booking.pk, elv.wish(12, 13), now=site.now())
    # the decision comes as a push
    later = text(site.now() + timedelta(seconds=2))
    assert elv.asking.put(f"{RECEIVER}/B7", answer(first, "RESERVED", "ACCEPTED", at=later)).code == 1000
    first.refresh_from_db()
    assert first.status == "ACCEPTED"
    change = requesting.change(booking.pk, elv.wish(12, 13), now=site.now())
    later = text(site.now() + timedelta(seconds=3))
    elv.answers(answer(change, "RESERVED", "DECLINED", at=later, period=first.tree()["period"]))
    assert run() == 1
    change.refresh_from_db()
    booking.refresh_from_db()
    assert (change.request_id, change.status) == (first.request_id, "DECLINED")
    assert (booking.status, booking.starts_at) == ("RESERVED", at(10, tomorrow()))
    back = requesting.cancel(booking.pk, reason=CanceledReason.TRAFFIC, asked_by="ann", now=site.now())
    canceled = {"cancellation_reason": "TRAFFIC", "who_canceled": "EMSP"}
    assert back.tree()["canceled"] == canceled
    later = text(site.now() + timedelta(seconds=4))
    elv.answers(answer(back, "CANCELED", "ACCEPTED", at=later, canceled=canceled))
    assert run() == 1
    booking.refresh_from_db()
    back.refresh_from_db()
    assert (booking.status, booking.canceled_reason, back.status) == ("CANCELED", "TRAFFIC", "ACCEPTED")
    with pytest.raises(UnableToRequest, match="CANCELED and cannot be canceled"):
        requesting.cancel(booking.pk, reason=CanceledReason.TRAFFIC, asked_by="ann", now=site.now())


@pytest.mark.rule("T-513")
def test_what_the_cpo_told_is_kept_to(elv: Abroad) -> None:
    for wish, sentence in (
        (elv.wish(-20, -19), "outside|past"),
        (elv.wish(24 * 6, 24 * 6 + 1), "outside"),
        (elv.wish(11, 10), "must end after"),
        (elv.wish(option=3), "no such option"),
    ):
        with pytest.raises(UnableToRequest, match=sentence):
            requesting.request(wish, now=site.now())
    BookableLocation.objects.update(withdrawn_at=site.now())
    with pytest.raises(UnableToRequest, match="not offered any more"):
        requesting.request(elv.wish(), now=site.now())
    assert not BookingAsked.objects.exists()
    BookableLocation.objects.update(withdrawn_at=None)
    first = requesting.request(elv.wish(), now=site.now())
    elv.answers(answer(first, "RESERVED", "ACCEPTED"))
    run()
    booking = Booking.objects.get()
    late = booking.starts_at - timedelta(minutes=30)
    with pytest.raises(UnableToRequest, match="too late to change"):
        requesting.change(booking.pk, elv.wish(12, 13), now=late)
    with pytest.raises(UnableToRequest, match="too late to cancel"):
        requesting.cancel(booking.pk, reason=CanceledReason.TRAFFIC, asked_by="ann", now=late)
    with pytest.raises(UnableToRequest, match="is a reason of the CPO"):
        requesting.cancel(booking.pk, reason=CanceledReason.FULL, asked_by="ann", now=site.now())


def test_answers_that_are_none(elv: Abroad) -> None:
    refused = requesting.request(elv.wish(), now=site.now())
    elv.answers(None, 2003)
    run()
    refused.refresh_from_db()
    assert (refused.way, refused.status) == ("REFUSED", "DECLINED")
    other = requesting.request(elv.wish(12, 13), now=site.now())
    elv.answers(answer(other, "RESERVED", "ACCEPTED", request_id="R-OTHER"))
    run()
    other.refresh_from_db()
    assert (other.way, other.reason) == ("REFUSED", "The CPO answered with a booking for R-OTHER.")
    assert not Booking.objects.exists()


def test_nobody_answers_and_the_list_is_asked_for(elv: Abroad) -> None:
    asked = requesting.request(elv.wish(), now=site.now())
    elv.peer.script("POST", BASE, Twist(status=503, body=b"", works=False), forever=True)
    run()
    Errand.objects.update(deadline=site.now(), due_at=site.now())
    run()
    asked.refresh_from_db()
    assert (asked.way, asked.status) == ("UNSURE", "PENDING")
    assert Pull.objects.get().module == "bookings"
    # the list, once it is read, does not have it
    soon = site.now() + timedelta(minutes=20)
    assert hearing.give_up(now=soon) == 0
    Pull.objects.update(state="DONE", started_at=soon)
    assert hearing.give_up(now=soon) == 1
    asked.refresh_from_db()
    assert (asked.way, asked.status) == ("LOST", "FAILED")
    # it had come through after all: a push says so
    assert elv.asking.put(f"{RECEIVER}/B7", answer(asked, "RESERVED", "ACCEPTED")).says == (201, 1000)
    asked.refresh_from_db()
    assert (asked.way, asked.status, asked.booking_id) == ("SAID", "ACCEPTED", Booking.objects.get().pk)


def silent(elv: Abroad) -> BookingAsked:
    """A request that went out and was not answered until its time was over."""
    asked = requesting.request(elv.wish(), now=site.now())
    elv.peer.script("POST", BASE, Twist(status=503, body=b"", works=False), forever=True)
    run()
    Errand.objects.update(deadline=site.now(), due_at=site.now())
    run()
    asked.refresh_from_db()
    assert asked.way == "UNSURE"
    return asked


def test_what_was_taken_without_an_answer_is_found_in_the_list(elv: Abroad) -> None:
    asked = silent(elv)
    peer = peers.of_connection(elv.partner.connection.pk)
    assert peer is not None
    tree = answer(asked, "RESERVED", "ACCEPTED")
    shouted = tree | {"request_id": asked.request_id.lower()}
    items = [(peer.theirs[0], shouted, wire_json.validate(wire.Booking, shouted))]
    assert arriving.store_page(peer, items, site.now()) == 1
    asked.refresh_from_db()
    assert (asked.way, asked.status, asked.booking_id) == ("SAID", "ACCEPTED", Booking.objects.get().pk)


@pytest.mark.parametrize(
    ("state", "after", "reason"),
    [
        ("ACTIVE", timedelta(hours=3), ""),  # tomorrow's booking may still be found
        ("ACTIVE", timedelta(days=3), "until the time was over"),
        ("SUSPENDED", timedelta(hours=3), ""),
        ("REMOVED", timedelta(hours=3), "the connection is closed"),
    ],
)
def test_who_is_away_for_hours_is_not_waited_for_for_ever(
    elv: Abroad, state: str, after: timedelta, reason: str
) -> None:
    asked = silent(elv)
    Connection.objects.filter(pk=elv.partner.connection.pk).update(state=state)
    Pull.objects.update(state="FAILED")
    assert hearing.give_up(now=site.now() + after) == bool(reason)
    asked.refresh_from_db()
    assert (asked.way, asked.status) == (("LOST", "FAILED") if reason else ("UNSURE", "PENDING"))
    assert reason in asked.reason


def test_a_connection_that_closes_in_the_middle_leaves_it_open_what_was_sent(elv: Abroad) -> None:
    asked = requesting.request(elv.wish(), now=site.now())
    elv.peer.script("POST", BASE, Twist(status=503, body=b"", works=False), forever=True)
    run()
    Connection.objects.update(state="SUSPENDED")
    Errand.objects.update(due_at=site.now())
    run()
    asked.refresh_from_db()
    assert (asked.way, asked.status) == ("UNSURE", "PENDING"), "the first try may have arrived"
    # and before the first try: it was never sent
    Connection.objects.update(state="ACTIVE")
    other = requesting.request(elv.wish(12, 13), now=site.now())
    Connection.objects.update(state="SUSPENDED")
    run()
    other.refresh_from_db()
    assert (other.way, other.status) == ("LOST", "FAILED")


def test_a_refusal_is_outdone_by_the_booking_itself(elv: Abroad) -> None:
    """The first try was taken and its answer lost; the second one is refused as known already."""
    asked = requesting.request(elv.wish(), now=site.now())
    elv.peer.script("POST", BASE, Twist(status=503, body=b"", works=False))
    run()
    Errand.objects.update(due_at=site.now())
    elv.answers(None, 2001)
    run()
    asked.refresh_from_db()
    assert (asked.way, asked.status) == ("REFUSED", "DECLINED")
    assert Pull.objects.filter(module="bookings").exists(), "the list is asked for all the same"
    assert elv.asking.put(f"{RECEIVER}/B7", answer(asked, "RESERVED", "ACCEPTED")).says == (201, 1000)
    asked.refresh_from_db()
    assert (asked.way, asked.status) == ("SAID", "ACCEPTED")


def test_another_time_than_was_asked_is_believed_and_work_for_staff(elv: Abroad) -> None:
    asked = requesting.request(elv.wish(), now=site.now())
    other = {"start_from": text(at(14, tomorrow())), "end_before": text(at(15, tomorrow()))}
    elv.answers(answer(asked, "RESERVED", "ACCEPTED", period=other))
    run()
    booking = Booking.objects.get()
    assert (booking.status, booking.starts_at) == ("RESERVED", at(14, tomorrow()))
    (found,) = conflicts.found(now=site.now())
    assert (found.kind, found.text) == (conflicts.Kind.OTHER_TIME, f"{text(at(10, tomorrow()))} was asked")
    # it goes back to waiting, which a CPO may say; what is over it may not take up again
    for number, (status, code) in enumerate((("PENDING", 1000), ("CANCELED", 1000), ("RESERVED", 2001))):
        told = answer(asked, status, "ACCEPTED", at=text(site.now() + timedelta(seconds=number + 1)))
        assert elv.asking.put(f"{RECEIVER}/B7", told).code == code, status


def test_in_this_house(db: None) -> None:
    factories.own_party("DE-RDK")
    place = one_evse(premises(), calendars=[calendar(day=tomorrow(), days=5)], now=site.now())
    token = factories.own_token(factories.small_token("C1", "DE-RDK"))
    wish = Wish(
        emsp=Party.objects.get().pk,
        place=place,
        starts_at=at(10, tomorrow()),
        ends_at=at(11, tomorrow()),
        tokens=[token],
    )
    asked = requesting.request(wish, now=site.now())
    booking = Booking.objects.get()
    assert (asked.way, asked.status, booking.status, booking.connection) == ("RECEIVED", "ACCEPTED", "RESERVED", None)
    requesting.cancel(booking.pk, reason=CanceledReason.BROKEN_VEHICLE, asked_by="ann", now=site.now())
    booking.refresh_from_db()
    assert booking.status == "CANCELED"
    assert not Errand.objects.exists()
    assert Token.objects.count() == 1


@pytest.mark.rule("T-517")
def test_a_full_list_is_the_truth(elv: Abroad) -> None:
    known = peers.of_connection(elv.partner.connection.pk)
    assert known is not None
    assert elv.asking.put(
        f"{RECEIVER}/B1",
        small_booking("B1", period={"start_from": text(at(10, tomorrow())), "end_before": text(at(11, tomorrow()))}),
    ).says == (201, 1000)
    now = site.now() + timedelta(minutes=1)
    assert arriving.vanish_places(known, now, now) == 1
    assert elv.place.withdrawn_at is not None
    assert elv.asking.get(f"{RECEIVER}/booking_locations/BL1").status == 404
    # a booking is not forgotten: somebody drives there
    assert arriving.vanish(known, now, now) == 1
    assert arriving.vanish(known, now, now) == 0
    booking = Booking.objects.get()
    assert (booking.status, booking.events.last().event) == ("RESERVED", "VANISHED")
