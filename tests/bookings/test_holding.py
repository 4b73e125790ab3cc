"""Stations keep what is booked: asked in time, with the literal order that a system reads, and let go of when it is over."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from backoffice.bookings import conflicts, tasks
from backoffice.bookings.actions import charging, holding, keeping
from backoffice.bookings.models import Booking, Hold
from backoffice.bookings.rules.holds import HOLDS, LONGEST_PAUSE, Stage, kept_until, pause
from backoffice.charge_points import door
from backoffice.charge_points.actions import ordering
from backoffice.charge_points.actions.systems import told
from backoffice.charge_points.gateway import Done, StatusReport
from backoffice.charge_points.models import Order
from backoffice.delivery.models import Message
from backoffice.locations.models import Evse
from backoffice.roaming_site import site
from ocpi.wire.bookings import CanceledReason
from ocpi.wire.commands import CommandResultType as Outcome
from ocpi.wire.locations import Status
from tests.bookings.places import NOW, TERMS, alike, ask, asked, at, canceled, one_evse, token
from tests.bookings.test_charging import elv, priced, show, start
from tests.factories import Partner, own_location, small_location

__all__ = ["elv", "priced"]

pytestmark = pytest.mark.django_db

SOON = at(9.75)
"""A quarter of an hour before the booking of ten to eleven."""

Swept = Callable[[datetime], int]


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> Swept:
    """The sweep of that moment, with a driver that runs; how many orders it gave."""

    def run(now: datetime) -> int:
        monkeypatch.setattr(site, "now", lambda: now)
        ordering.alive(driver="d", points=list(Evse.objects.values_list("pk", flat=True)), now=now)
        found: int = tasks.sweep()["ordered"]
        return found

    return run


def reservable(evses: int = 1, **offer: Any) -> list[Evse]:
    tree = small_location("LOC1", "DE-RDK")
    first = tree["evses"][0] | {"capabilities": ["RESERVABLE"]}
    numbers = range(1, evses + 1)
    tree["evses"] = [first | {"uid": f"E{number}", "evse_id": f"DE*RDK*E{number}"} for number in numbers]
    location = own_location(tree)
    (one_evse if evses == 1 else alike)(location, **offer)
    return list(Evse.objects.filter(location=location).order_by("uid"))


def booked(partner: Partner, **changes: Any) -> Booking:
    answered = ask(partner, asked(**({"tokens": [token("TAG1")]} | changes)))
    found: Booking = answered.booking
    assert found.status == "RESERVED", answered.sentence
    return found


def taken(now: datetime) -> list[dict[str, Any]]:
    """What a driver is given to do, as JSON."""
    evses = list(Evse.objects.values_list("pk", flat=True))
    orders = [dict(told(each)) for each in ordering.take(driver="d", evses=evses, now=now)]
    return [json.loads(json.dumps(each, default=str)) for each in orders]


def obeyed(now: datetime, outcome: Outcome = Outcome.ACCEPTED, reason: str = "") -> list[str]:
    """The station does what it was asked, or answers this; which kinds it was asked."""
    orders = taken(now)
    for each in orders:
        assert door.report(Done(each["order"], outcome, reason), now=now)
    return [each["kind"] for each in orders]


def state() -> tuple[str, bool]:
    hold = Hold.objects.latest("pk")
    return hold.state, hold.known


def test_a_station_is_told_in_time_and_partners_see_that_it_is_reserved(elv: Partner, swept: Swept) -> None:
    (evse,) = reservable(terms=[TERMS | {"token_groups_supported": False}])
    booking = booked(elv, tokens=[token("TAG1"), token("TAG2", type="APP_USER")])
    assert swept(SOON - timedelta(seconds=1)) == 0
    assert [swept(SOON), swept(SOON)] == [1, 0]
    (order,) = taken(SOON)
    number = Hold.objects.get().number
    assert order | {"order": "", "deadline": ""} == {
        "kind": "RESERVE",
        "order": "",
        "deadline": "",
        "evse_id": "DE*RDK*E1",
        "reservation": number,
        "uid": "TAG1",
        "token_type": "RFID",
        "others": [{"uid": "TAG2", "token_type": "APP_USER"}],
        "expires": "2026-04-02 10:15:00+00:00",
    }
    Message.objects.all().delete()
    door.report(StatusReport("DE*RDK*E1", Status.RESERVED), now=SOON)
    assert door.report(Done(order["order"], Outcome.ACCEPTED), now=SOON)
    assert (state(), swept(at(9.8))) == (("KEPT", True), 0)
    evse.refresh_from_db()
    assert evse.status == "RESERVED"
    assert list(booking.events.filter(event=holding.KEPT).values_list("reason", flat=True)) == [str(evse)]
    assert not conflicts.found(now=SOON)
    # the driver comes; the station knows by itself that its reservation has served
    assert not show("TAG2", at(9.9)).allowed
    start("TAG1", at(10))
    assert (swept(at(10)), state()[0]) == (0, "OVER")
    assert taken(at(10)) == []


ENDS = [
    ("taken back", lambda row, elv: ask(elv, asked(canceled=canceled(), tokens=[token("TAG1")]), now=NOW)),
    ("cancelled", lambda row, elv: keeping.cancel(row.pk, reason=CanceledReason.FULL, by="ann", now=SOON)),
    (
        "moved",
        lambda row, elv: keeping.move(row.pk, starts_at=at(14), ends_at=at(15), by="ann", now=SOON),
    ),
    (
        "changed",
        lambda row, elv: ask(elv, asked(start=at(14), end=at(15), tokens=[token("TAG1")]), now=NOW),
    ),
]


@pytest.mark.parametrize(("name", "act"), ENDS, ids=[name for name, _ in ENDS])
def test_it_is_let_go_of(elv: Partner, swept: Swept, name: str, act: Callable[[Booking, Partner], object]) -> None:
    reservable()
    booking = booked(elv)
    swept(SOON)
    assert obeyed(SOON) == ["RESERVE"]
    number = Hold.objects.get().number
    act(booking, elv)
    assert [swept(SOON), swept(SOON)] == [1, 0]
    (order,) = taken(SOON)
    assert (order["kind"], order["reservation"]) == ("CANCEL_RESERVATION", number)
    assert door.report(Done(order["order"], Outcome.UNKNOWN_RESERVATION), now=SOON)
    assert (state()[0], swept(SOON)) == ("OVER", 0)
    if name in ("moved", "changed"):
        assert swept(at(13.75)) == 1
        assert Hold.objects.latest("pk").number != number


def test_a_no_show_is_over_for_the_station_by_itself(elv: Partner, swept: Swept) -> None:
    reservable()
    booked(elv)
    swept(SOON)
    obeyed(SOON)
    assert (swept(at(10.3)), state()[0], Booking.objects.get().status) == (0, "OVER", "NO_SHOW")


def test_on_another_evse_the_first_is_let_go_of(elv: Partner, swept: Swept) -> None:
    one, other = reservable(2)
    booking = booked(elv)
    assert swept(SOON) == 0, "which of them it will be is not known"
    keeping.assign(booking.pk, evse=one.pk, by="ann", now=SOON)
    assert (swept(SOON), obeyed(SOON)) == (1, ["RESERVE"])
    keeping.assign(booking.pk, evse=other.pk, by="ann", now=SOON)
    assert (swept(SOON), sorted(obeyed(SOON))) == (2, ["CANCEL_RESERVATION", "RESERVE"])
    assert list(Hold.objects.order_by("pk").values_list("evse", "state")) == [(one.pk, "OVER"), (other.pk, "KEPT")]


def test_a_longer_wait_is_the_same_reservation(elv: Partner, swept: Swept) -> None:
    reservable()
    booking = booked(elv)
    swept(SOON)
    obeyed(SOON)
    keeping.move(booking.pk, starts_at=at(10.1), ends_at=at(11), by="ann", now=SOON)
    assert swept(SOON + timedelta(minutes=6)) == 1
    (order,) = taken(SOON + timedelta(minutes=6))
    assert (order["kind"], order["reservation"]) == ("RESERVE", Hold.objects.get().number)
    assert order["expires"] == "2026-04-02 10:21:00+00:00"


def test_another_card_is_told_and_what_the_station_need_not_know_is_not(elv: Partner, swept: Swept) -> None:
    reservable(terms=[TERMS | {"change_until_minutes": 0}])
    booking = booked(elv)
    swept(SOON)
    obeyed(SOON)
    ask(elv, asked(tokens=[token("TAG1")], power_required=7), now=SOON)
    assert swept(SOON) == 0
    ask(elv, asked(tokens=[token("TAG2")]), now=SOON)
    assert swept(SOON) == 1
    (order,) = taken(SOON)
    assert (order["kind"], order["uid"], order["reservation"]) == ("RESERVE", "TAG2", Hold.objects.get().number)
    assert booking.requests.count() == 3


def test_what_the_station_refuses_is_work_for_staff_and_is_asked_again(elv: Partner, swept: Swept) -> None:
    reservable()
    booking = booked(elv)
    swept(SOON)
    assert obeyed(SOON, Outcome.EVSE_OCCUPIED, "A vehicle stands there.") == ["RESERVE"]
    assert state() == ("REFUSED", False)
    ((found),) = conflicts.found(now=SOON)
    assert (found.booking, found.kind, found.text) == (booking.pk, conflicts.Kind.NOT_KEPT, "A vehicle stands there.")
    assert swept(SOON + timedelta(seconds=59)) == 0
    again = SOON + timedelta(seconds=60)
    assert swept(again) == 1
    assert obeyed(again, Outcome.EVSE_OCCUPIED, "A vehicle stands there.") == ["RESERVE"]
    assert booking.events.filter(event=holding.NOT_KEPT).count() == 1, "the same again is no news"
    # nothing has to be let go of
    keeping.cancel(booking.pk, reason=CanceledReason.FULL, by="ann", now=again)
    assert (swept(again), state()[0]) == (0, "OVER")
    assert not conflicts.found(now=again)


def test_who_does_not_answer_may_keep_it(elv: Partner, swept: Swept, monkeypatch: pytest.MonkeyPatch) -> None:
    reservable()
    booking = booked(elv)
    swept(SOON)
    taken(SOON)
    silent = SOON + holding.ANSWER_WITHIN
    monkeypatch.setattr(site, "now", lambda: silent)
    assert door.expire() == 1
    assert state() == ("REFUSED", True)
    (found,) = conflicts.found(now=silent)
    assert "did not answer" in found.text
    keeping.cancel(booking.pk, reason=CanceledReason.FULL, by="ann", now=silent)
    assert swept(silent) == 1
    # it refuses to let go, once; then it does
    assert obeyed(silent, Outcome.REJECTED) == ["CANCEL_RESERVATION"]
    assert (state()[0], swept(silent)) == ("LEAVING", 0)
    assert booking.events.filter(event=holding.NOT_FREED).count() == 1
    later = silent + pause(1)
    assert (swept(later), obeyed(later), state()[0]) == (1, ["CANCEL_RESERVATION"], "OVER")


def test_a_station_that_is_not_there_is_asked_when_it_is(elv: Partner, swept: Swept) -> None:
    reservable()
    booked(elv)
    assert holding.look(now=SOON) == 0
    (found,) = conflicts.found(now=SOON)
    assert found.text == "No station system drives this charge point."
    assert not Order.objects.exists()
    assert swept(SOON + pause(1)) == 1
    assert obeyed(SOON + pause(1)) == ["RESERVE"]
    assert not conflicts.found(now=SOON)


def test_an_answer_that_comes_after_the_end_is_put_right(elv: Partner, swept: Swept) -> None:
    """It kept what it was asked to let go of before it heard that it should."""
    reservable()
    booking = booked(elv)
    swept(SOON)
    (keep,) = taken(SOON)
    keeping.cancel(booking.pk, reason=CanceledReason.FULL, by="ann", now=SOON)
    assert (swept(SOON), obeyed(SOON, Outcome.UNKNOWN_RESERVATION)) == (1, ["CANCEL_RESERVATION"])
    assert state()[0] == "OVER"
    assert door.report(Done(keep["order"], Outcome.ACCEPTED), now=SOON)
    assert state() == ("LEAVING", True)
    assert (swept(SOON), obeyed(SOON), state()[0]) == (1, ["CANCEL_RESERVATION"], "OVER")


def test_who_cannot_or_need_not_be_asked(elv: Partner, priced: None, swept: Swept) -> None:
    (evse,) = reservable()
    booked(elv)
    for changes in ({"capabilities": []}, {"status": "OUTOFORDER"}, {"listed": False}):
        before = {name: getattr(evse, name) for name in changes}
        Evse.objects.filter(pk=evse.pk).update(**changes)
        assert holding.look(now=SOON) == 0, changes
        Evse.objects.filter(pk=evse.pk).update(**before)
    start("TAG2", at(9), transaction="TX-9")
    assert swept(SOON) == 0, "somebody charges there, who has to leave first"
    assert not Hold.objects.exists()


def test_a_start_from_afar_names_what_is_kept(elv: Partner, swept: Swept) -> None:
    """Whoever names the booking's authorization_reference begins it with any token, of which the station knows nothing."""
    (evse,) = reservable()
    booked(elv, tokens=[])
    swept(SOON)
    (order,) = taken(SOON)
    assert (order["uid"], order["token_type"]) == ("AUTH-R1", "OTHER")
    asks = {"emsp": elv.party.pk, "uid": "APP-7", "token_type": "APP_USER", "group_id": ""}
    parties = [evse.location.party_id]
    seen = charging.at_location(parties, "LOC1", reference="AUTH-R1", until=None, now=at(10), **asks)
    assert seen.numbers == {evse.pk: order["reservation"]}
    assert charging.at_location(parties, "LOC1", reference="", until=None, now=at(10), **asks).numbers == {}


def test_the_next_booking_waits_for_the_one_before(elv: Partner, swept: Swept) -> None:
    without = {name: value for name, value in TERMS.items() if name != "noshow_timeout"}
    reservable(terms=[without])
    booked(elv)
    second = booked(elv, request_id="R2", start=at(11), end=at(12))
    swept(SOON)
    obeyed(SOON)
    assert swept(at(10.75)) == 0
    assert swept(at(11)) == 1
    assert list(Hold.objects.order_by("pk").values_list("state", flat=True)) == ["OVER", "ASKED"]
    assert Hold.objects.latest("pk").booking_id == second.pk


def test_nothing_is_asked_twice_by_who_dies(elv: Partner, swept: Swept, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order and the row that says that it was given are one transaction."""

    class Death(BaseException):
        pass

    def die(self: Hold, **given: Any) -> None:
        raise Death

    reservable()
    booked(elv)
    with monkeypatch.context() as patch:
        patch.setattr(Hold, "save", lambda self, **given: die(self) if self.tries else super(Hold, self).save(**given))
        with pytest.raises(Death):
            swept(SOON)
    assert (Order.objects.count(), Hold.objects.count()) == (0, 0)
    assert swept(SOON) == 1


def test_the_table_has_an_end_and_pauses_grow() -> None:
    assert set(HOLDS) == set(Stage)
    assert [pause(tries) for tries in (1, 2, 3, 9, 10**6)] == [
        timedelta(minutes=1),
        timedelta(minutes=2),
        timedelta(minutes=4),
        LONGEST_PAUSE,
        LONGEST_PAUSE,
    ]
    assert kept_until(noshow_at=at(10.25), late_until=at(10.1)) == at(10.1)
