"""As CPO: what partners ask for sessions of ours, in literal JSON, what they are answered at once, and what they hear later."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from backoffice.charge_points.models import Order
from backoffice.charging_profiles.actions import executing, watching
from backoffice.charging_profiles.models import ActiveProfile, Hold, ProfileRequest, Steering
from backoffice.charging_profiles.rules.asking import MOST_ASKED
from backoffice.delivery.models import Exchange
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from tests.charging_profiles import cast
from tests.charging_profiles.cast import (
    charging,
    delete,
    get,
    host,
    listening,
    obey,
    orders,
    owed,
    put,
    says,
    steps,
    tree,
)
from tests.doors.asking import Asking, snapshot
from tests.factories import Partner
from tests.sessions import cast as charges

BOTH = pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
YES = {"result": "ACCEPTED", "timeout": 60}


def request(kind: str = "SET") -> ProfileRequest:
    found: ProfileRequest = ProfileRequest.objects.filter(kind=kind).latest("pk")
    return found


# --- what is answered at once, and what follows -----------------------------------------------------------------------


@BOTH
@pytest.mark.rule("T-436", "T-439", "T-440", "T-441", "T-442")
def test_a_profile_is_set(version: str, asking: Asking, partner: Partner) -> None:
    session = charging(partner)
    answered = put(asking, partner, session, version=version)
    assert answered.says == (200, 1000)
    assert answered.data == YES
    assert owed("RESULT") == []  # the charge point has said nothing yet
    (order,) = orders(session)
    assert (type(order).__name__, order.evse_id) == ("SetProfile", "DE*RDK*E1")
    assert order.transaction == "TX-1"  # type: ignore[union-attr]
    assert steps(order.profile) == [(0, 16)]  # type: ignore[union-attr]
    says(order)
    (result,) = owed("RESULT")
    assert (result.method, result.url, tree(result)) == ("POST", f"{host(partner)}/set/1", {"result": "ACCEPTED"})
    assert (result.connection_id, result.receiver_id) == (partner.connection.pk, partner.party.pk)
    made = request()
    assert (made.state, made.response, made.result, made.told) == ("ANSWERED", "ACCEPTED", "ACCEPTED", None)
    assert [event.event for event in made.events.all()] == ["ASK", "RESULT"]
    assert Hold.objects.get().profile() == cast.literal(cast.SIXTEEN)


@BOTH
@pytest.mark.rule("T-436", "T-437", "T-442", "T-453")
def test_the_active_profile_is_asked_for(version: str, asking: Asking, partner: Partner) -> None:
    session = charging(partner)
    assert get(asking, partner, session, 900, version).data == YES
    (order,) = orders(session)
    assert (type(order).__name__, order.seconds) == ("ActiveProfile", 900)  # type: ignore[union-attr]
    told = {
        "start_date_time": "2026-11-22T10:00:00Z",
        "charging_profile": {
            "charging_rate_unit": "W",
            "charging_profile_period": [{"start_period": 0, "limit": 7000}],
        },
    }
    says(order, profile=told)
    (result,) = owed("RESULT")
    assert tree(result) == {"result": "ACCEPTED", "profile": told}
    kept = ActiveProfile.objects.get()
    assert (kept.tree(), kept.source, kept.computed) == (told, "charge point", False)
    assert Steering.objects.get().tree() == told


@pytest.mark.rule("T-453")
@pytest.mark.parametrize("profile", [None, {}, {"start_date_time": "soon"}])
def test_a_charge_point_that_says_yes_and_nothing_more(profile: Any, asking: Asking, partner: Partner) -> None:
    """What is active then follows from what was set: a yes without a profile must not travel."""
    session = charging(partner)
    get(asking, partner, session, 600)
    obey(session, profile=profile)
    (result,) = owed("RESULT")
    told = tree(result)["profile"]["charging_profile"]
    assert (told["duration"], told["charging_rate_unit"], steps(told)) == (600, "A", [(0, 32)])
    assert ActiveProfile.objects.get().computed


@BOTH
@pytest.mark.rule("T-436", "T-438", "T-442")
def test_a_profile_is_removed(version: str, asking: Asking, partner: Partner) -> None:
    session = charging(partner)
    put(asking, partner, session, version=version)
    obey(session)
    assert delete(asking, partner, session, version).data == YES
    (order,) = obey(session)
    assert type(order).__name__ == "ClearProfile"
    assert [tree(result) for result in owed("RESULT")] == [{"result": "ACCEPTED"}] * 2
    assert Hold.objects.get().document == ""


def test_nothing_is_removed_where_nothing_was_set(asking: Asking, partner: Partner) -> None:
    session = charging(partner)
    assert delete(asking, partner, session).data == YES
    assert orders(session) == []
    (result,) = owed("RESULT")
    assert tree(result) == {"result": "UNKNOWN"}
    assert (request("CLEAR").state, request("CLEAR").result) == ("ANSWERED", "UNKNOWN")


def test_a_removal_behind_a_profile_that_is_at_the_charge_point(asking: Asking, partner: Partner) -> None:
    session = charging(partner)
    put(asking, partner, session)
    delete(asking, partner, session)
    assert [type(order).__name__ for order in obey(session)] == ["SetProfile", "ClearProfile"]
    assert Hold.objects.get().document == ""


@pytest.mark.parametrize(
    ("outcome", "result"), [("REJECTED", "REJECTED"), ("NOT_SUPPORTED", "REJECTED"), ("FAILED", "REJECTED")]
)
def test_the_charge_point_says_no(outcome: str, result: str, asking: Asking, partner: Partner) -> None:
    session = charging(partner)
    put(asking, partner, session)
    obey(session, outcome)
    get(asking, partner, session)
    obey(session, outcome)
    assert [tree(each) for each in owed("RESULT")] == [{"result": result}] * 2
    assert not Hold.objects.exists()
    assert not ActiveProfile.objects.exists()


def test_a_charge_point_that_does_not_answer(asking: Asking, partner: Partner) -> None:
    session = charging(partner)
    put(asking, partner, session)
    from backoffice.charge_points import door
    from backoffice.charge_points.actions import ordering

    late = cast.later(46)
    (order,) = orders(session)
    ordering.expire(tell=lambda row: door.PURPOSES[row.purpose](row, late), now=late)
    assert [tree(each) for each in owed("RESULT")] == [{"result": "REJECTED"}]
    made = request()
    assert (made.state, made.result, made.reason) == ("TIMED_OUT", "REJECTED", "The station did not answer in time.")
    assert made.ended_at is not None
    assert (made.ended_at - made.asked_at) < timedelta(seconds=60)  # before who asked gives up
    assert says(order, now=late) is False  # too late, and without effect
    assert not Hold.objects.exists()
    assert len(owed("RESULT")) == 1


def test_an_order_that_got_lost_ends_all_the_same(asking: Asking, partner: Partner) -> None:
    session = charging(partner)
    put(asking, partner, session)
    Order.objects.all().delete()
    assert watching.sweep(now=cast.later(65)) == 0
    assert watching.sweep(now=cast.later(75)) == 1
    assert (request().state, [tree(each) for each in owed("RESULT")]) == ("TIMED_OUT", [{"result": "REJECTED"}])
    assert watching.sweep(now=cast.later(75)) == 0


def test_an_answer_that_comes_twice_changes_nothing(asking: Asking, partner: Partner) -> None:
    session = charging(partner)
    put(asking, partner, session)
    obey(session)
    made = request()
    before = snapshot()
    executing.done("no such order", "ACCEPTED", "", None, site.now())
    assert snapshot() == before
    executing.done(made.uid, "REJECTED", "", None, site.now())
    made.refresh_from_db()
    assert (made.state, made.result, made.late) == ("ANSWERED", "ACCEPTED", 1)
    assert [event.event for event in made.events.all()] == ["ASK", "RESULT", "LATE"]
    assert Hold.objects.get().document
    assert len(owed("RESULT")) == 1


def test_what_became_of_the_result_is_noted(asking: Asking, partner: Partner) -> None:
    session = charging(partner)
    put(asking, partner, session)
    obey(session)
    executing.delivered(request().uid, "HTTP 500", site.now())
    assert request().told is False
    executing.delivered(request().uid, "", site.now())  # once
    assert request().told is False
    assert [event.event for event in request().events.all()] == ["ASK", "RESULT", "TELL"]


# --- who is refused, and why ------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.rule("T-452")
def test_an_unknown_session(version: str, asking: Asking, partner: Partner, stranger: Partner) -> None:
    session = charging(partner)
    foreign = Asking(stranger.token)
    foreign.get("versions")
    before = snapshot()
    for asker, whose, identity in ((asking, partner, "NOTHING"), (foreign, stranger, session.object_id)):
        for answered in (
            put(asker, whose, identity, version=version),
            get(asker, whose, identity, version=version),
            delete(asker, whose, identity, version),
        ):
            assert answered.says == (200, 1000)
            assert answered.data == {"result": "UNKNOWN_SESSION", "timeout": 60}
    assert snapshot() == before


@pytest.mark.rule("T-451")
def test_a_party_whose_driver_does_not_charge_is_not_told_that_somebody_does(us: Party, stranger: Partner) -> None:
    """The same words for a session of another eMSP and for one that there is not."""
    session = charging(stranger)
    other = charges_of_somebody_else()
    asking = Asking(stranger.token)
    one, none = put(asking, stranger, other), put(asking, stranger, "NOTHING")
    assert one.data == none.data
    assert one.message.replace(other.object_id, "") == none.message.replace("NOTHING", "")
    assert put(asking, stranger, session).data == YES


def charges_of_somebody_else() -> Session:
    from tests import factories

    third = factories.partner("FR-TRD:EMSP")
    return charging(third, number=3)


@pytest.mark.rule("T-452")
def test_an_evse_that_takes_no_profiles(asking: Asking, partner: Partner) -> None:
    session = charging(partner, capabilities=["RFID_READER"])
    for answered in (put(asking, partner, session), get(asking, partner, session), delete(asking, partner, session)):
        assert (answered.says, answered.data["result"]) == ((200, 1000), "NOT_SUPPORTED")
    assert not Order.objects.exists()
    assert {made.state for made in ProfileRequest.objects.all()} == {"REFUSED"}


def test_a_charge_point_that_nothing_drives(asking: Asking, partner: Partner) -> None:
    session = charging(partner, driven=False)
    answered = put(asking, partner, session)
    assert (answered.data["result"], answered.message) == (
        "NOT_SUPPORTED",
        "No station system drives this charge point.",
    )


def test_a_session_that_is_over(asking: Asking, partner: Partner) -> None:
    session = charging(partner)
    charges.running.end(session=session, kwh=None, reason="", now=site.now())
    answered = put(asking, partner, session)
    assert (answered.data["result"], answered.says) == ("REJECTED", (200, 1000))
    assert "COMPLETED" in answered.message


PROFILES = [
    (b'{"charging_rate_unit":"A"}', "no period"),
    (b'{"charging_rate_unit":"A","charging_profile_period":[{"start_period":0,"limit":-1}]}', "less than none"),
    (
        b'{"charging_rate_unit":"A","charging_profile_period":[{"start_period":60,"limit":9},{"start_period":0,"limit":9}]}',
        "after the one before",
    ),
    (
        b'{"charging_rate_unit":"A","min_charging_rate":40,"charging_profile_period":[{"start_period":0,"limit":9}]}',
        "32",
    ),
    (
        (
            b'{"charging_rate_unit":"W","duration":60,"start_date_time":"2026-01-01T00:00:00Z",'
            b'"charging_profile_period":[{"start_period":0,"limit":9}]}'
        ),
        "over already",
    ),
    (
        (
            b'{"charging_rate_unit":"W","start_date_time":"9999-12-31T23:59:59Z",'
            b'"charging_profile_period":[{"start_period":0,"limit":9}]}'
        ),
        "7 days",
    ),
]


def test_a_profile_that_no_charge_point_should_get(asking: Asking, partner: Partner) -> None:
    session = charging(partner)
    for profile, why in PROFILES:
        answered = put(asking, partner, session, cast.setting(partner, profile))
        assert (answered.says, answered.data["result"]) == ((200, 1000), "REJECTED"), profile
        assert why in answered.message
        assert request().reason == answered.message
    assert not Order.objects.exists()


def test_a_limit_above_what_the_connector_gives_is_cut(asking: Asking, partner: Partner) -> None:
    session = charging(partner)
    profile = (
        b'{"charging_rate_unit":"W","x_seen":[1,2],"charging_profile_period":'
        b'[{"start_period":0,"limit":99000.5,"colour":"red"},{"start_period":60,"limit":4000}]}'
    )
    assert put(asking, partner, session, cast.setting(partner, profile)).data == YES
    (order,) = orders(session)
    assert order.profile == {  # type: ignore[union-attr]
        "charging_rate_unit": "W",
        "charging_profile_period": [{"start_period": 0, "limit": 22080}, {"start_period": 60, "limit": 4000}],
    }
    assert request().profile() == cast.literal(profile)  # what was asked for is kept as it came


HOSTILE = [
    b"{}",
    b"[]",
    b'"x"',
    b"null",
    b"{",
    b"",
    b'{"charging_profile":{}}',
    b'{"charging_profile":null,"response_url":"%s/set/1"}',
    b'{"charging_profile":[],"response_url":"%s/set/1"}',
    b'{"charging_profile":{"charging_rate_unit":"V"},"response_url":"%s/set/1"}',
    b'{"charging_profile":{"charging_rate_unit":"A","charging_profile_period":{}},"response_url":"%s/set/1"}',
    b'{"charging_profile":{"charging_rate_unit":"A","charging_profile_period":[1]},"response_url":"%s/set/1"}',
    b'{"charging_profile":{"charging_rate_unit":"A","charging_profile_period":[{"start_period":0,"limit":8.15}]},"response_url":"%s/set/1"}',
    b'{"charging_profile":{"charging_rate_unit":"A","charging_profile_period":[{"start_period":0.5,"limit":8}]},"response_url":"%s/set/1"}',
    b'{"charging_profile":{"charging_rate_unit":"A","charging_profile_period":[{"start_period":0,"limit":"8"}]},"response_url":"%s/set/1"}',
    b'{"charging_profile":{"charging_rate_unit":"A","charging_profile_period":[{"start_period":0,"limit":1e999}]},"response_url":"%s/set/1"}',
    b'{"charging_profile":{"charging_rate_unit":"A","duration":true,"charging_profile_period":[]},"response_url":"%s/set/1"}',
    b'{"charging_profile":{"charging_rate_unit":"A","start_date_time":"now","charging_profile_period":[]},"response_url":"%s/set/1"}',
    b'{"charging_profile":{"charging_rate_unit":"A","charging_profile_period":[{"start_period":0,"limit":8}]}}',
    b'{"charging_profile":{"charging_rate_unit":"A","charging_profile_period":[{"start_period":0,"limit":8}]},"response_url":"https://elsewhere.example/x"}',
    b'{"charging_profile":{"charging_rate_unit":"A","charging_profile_period":[{"start_period":0,"limit":8}]},"response_url":"file:///etc/passwd"}',
]


@BOTH
@pytest.mark.rule("T-439", "T-457")
def test_hostile_bodies(version: str, asking: Asking, partner: Partner) -> None:
    session = charging(partner)
    before = snapshot()
    for body in HOSTILE:
        answered = put(asking, partner, session, body.replace(b"%s", host(partner).encode()) or b" ", version=version)
        assert answered.status in (200, 400), body
        assert 2000 <= answered.code < 3000, body
    assert snapshot() == before


HUGE = [
    b'{"charging_rate_unit":"A","duration":999999999999999999,"charging_profile_period":[{"start_period":0,"limit":9}]}',
    b'{"charging_rate_unit":"A","charging_profile_period":[{"start_period":0,"limit":999999999999999999}]}',
    b'{"charging_rate_unit":"A","start_date_time":"0001-01-01T00:00:00Z","charging_profile_period":[{"start_period":0,"limit":9}]}',
    b'{"charging_rate_unit":"A","charging_profile_period":[{"start_period":0,"limit":9},{"start_period":999999999999999999,"limit":6}]}',
]


def test_numbers_that_no_calendar_has_are_taken_and_told(asking: Asking, partner: Partner) -> None:
    listening(partner)
    for number, profile in enumerate(HUGE):
        session = charging(partner, number=number)
        assert put(asking, partner, session, cast.setting(partner, profile)).data == YES, profile
        obey(session)
        assert get(asking, partner, session, 60).data == YES, profile
        obey(session)
        assert steps(tree(owed("RESULT")[-1])["profile"]["charging_profile"])[0][1] in (9, 32)


@pytest.mark.rule("T-437")
def test_a_duration_that_is_none(asking: Asking, partner: Partner) -> None:
    session = charging(partner)
    before = snapshot()
    for seconds in ("", "0", "-5", "1.5", "much", "²", "1e3", "1" * 30):
        answered = get(asking, partner, session, seconds)
        assert answered.says == (200, 2001), seconds
        assert "duration" in answered.message
    assert asking.get(f"{cast.path_of(session)}?duration=900").says == (200, 2001)  # no response_url
    assert snapshot() == before


def test_more_than_a_day_is_not_told(asking: Asking, partner: Partner) -> None:
    session = charging(partner)
    assert get(asking, partner, session, 10**9).data == YES
    (order,) = orders(session)
    assert order.seconds == 86_400  # type: ignore[union-attr]


@pytest.mark.rule("T-438")
def test_a_removal_needs_a_place_for_its_result(asking: Asking, partner: Partner) -> None:
    session = charging(partner)
    assert asking.ask("DELETE", cast.path_of(session)).says == (200, 2001)


@pytest.mark.rule("T-450")
def test_too_often(asking: Asking, partner: Partner) -> None:
    session = charging(partner)
    for _ in range(MOST_ASKED):
        assert get(asking, partner, session).data == YES
    answered = get(asking, partner, session)
    assert (answered.says, answered.data) == ((200, 1000), {"result": "TOO_OFTEN", "timeout": 60})
    assert "Ask again in" in answered.message
    assert put(asking, partner, session).data["result"] == "TOO_OFTEN"
    assert len(orders(session)) == MOST_ASKED
    ProfileRequest.objects.update(asked_at=site.now() - timedelta(seconds=61))
    assert get(asking, partner, session).data == YES
    other = charging(partner, number=2)
    assert get(asking, partner, other).data == YES  # another session, another line


def test_the_exchange_says_which_session(asking: Asking, partner: Partner) -> None:
    session = charging(partner)
    put(asking, partner, session)
    logged = Exchange.objects.filter(module="chargingprofiles").latest("pk")
    assert (logged.object_path, logged.method) == (session.object_id, "PUT")


def test_a_party_of_a_platform_speaks_for_itself_alone(us: Party) -> None:
    """Two eMSPs on one connection: the routing headers say who asks."""
    from tests import factories

    two = factories.partner("SE-AAA:EMSP", "SE-BBB:EMSP")
    asking = Asking(two.token)
    session = charging(two)
    headers = {"OCPI-from-country-code": "SE", "OCPI-from-party-id": "BBB"} | {
        "OCPI-to-country-code": "DE",
        "OCPI-to-party-id": "RDK",
    }
    assert put(asking, two, session, headers=headers).data["result"] == "UNKNOWN_SESSION"
    assert put(asking, two, session, headers=headers | {"OCPI-from-party-id": "AAA"}).data == YES
    assert put(asking, two, session).data == YES


def test_other_methods(asking: Asking, partner: Partner) -> None:
    session = charging(partner)
    for method in ("POST", "PATCH"):
        answered = asking.ask(method, cast.path_of(session), {})
        assert answered.status == 405
        assert answered.headers["Allow"] == "DELETE, GET, PUT"
    assert asking.get("2.3.0/receiver/chargingprofiles").status == 404
