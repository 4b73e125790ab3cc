"""Charging preferences: what a CPO answers (mod_sessions#cpo_put_method), and how we send those of our driver."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from backoffice.partners.models import Connection, Party
from backoffice.roaming_site import site
from backoffice.sessions.actions import preferring
from backoffice.sessions.actions.preferring import UnableToPrefer
from backoffice.sessions.models import Preference, Session
from ocpi.wire import json as wire_json
from ocpi.wire.base import date_time_text
from tests import factories
from tests.doors.asking import Asking, snapshot
from tests.factories import Partner, small_session, small_tariff
from tests.meeting import registered
from tests.peer import ScriptedPeer, Twist
from tests.sessions import cast

CAPABLE = ["CHARGING_PREFERENCES_CAPABLE"]
BOTH = pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])


def charging(partner: Partner, *, profile: str = "", capabilities: list[str] = CAPABLE) -> Session:
    """A driver of the partner charges with 22 kW. `profile`: of the only tariff there is."""
    changes = {"type": profile} if profile else {}
    factories.own_tariff(small_tariff("T1", "DE-RDK", **changes))
    evse = cast.point(capabilities=capabilities)
    if profile.startswith("PROFILE_"):
        wanted = profile.removeprefix("PROFILE_")
        factories.their_token(factories.small_token("CARD-1", default_profile_type=wanted))
    return cast.begin(evse, partner.party, now=site.now())


def put(asking: Asking, session: Session | str, body: Any, version: str = "2.3.0") -> Any:
    identity = session if isinstance(session, str) else session.object_id
    return asking.put(f"{version}/sender/sessions/{identity}/charging_preferences", body)


def soon(hours: float) -> str:
    return date_time_text(site.now() + timedelta(hours=hours))


@BOTH
@pytest.mark.rule("T-259", "T-260", "T-265")
def test_preferences_are_answered_with_a_bare_word(version: str, asking: Asking, partner: Partner) -> None:
    session = charging(partner)
    answered = put(asking, session, b'{"profile_type": "REGULAR"}', version)
    assert answered.says == (200, 1000)
    assert answered.data == "ACCEPTED"
    kept = Preference.objects.get()
    assert (kept.session, kept.answer, kept.tree()) == (session, "ACCEPTED", {"profile_type": "REGULAR"})
    assert not kept.discharge_allowed
    assert [event.event for event in session.events.all()] == ["START", "PREFERRED"]


@BOTH
@pytest.mark.rule("T-261")
def test_an_evse_that_takes_no_preferences(version: str, asking: Asking, partner: Partner) -> None:
    session = charging(partner, capabilities=["RFID_READER"])
    before = snapshot()
    assert put(asking, session, {"profile_type": "REGULAR"}, version).says == (404, 2001)
    assert snapshot() == before


CHOICES = [
    ("", {"profile_type": "CHEAP", "departure_time": 5, "energy_need": 10}, "PROFILE_TYPE_NOT_SUPPORTED"),
    ("PROFILE_CHEAP", {"profile_type": "GREEN", "departure_time": 5, "energy_need": 10}, "PROFILE_TYPE_NOT_SUPPORTED"),
    ("PROFILE_CHEAP", {"profile_type": "CHEAP"}, "DEPARTURE_REQUIRED"),
    ("PROFILE_CHEAP", {"profile_type": "CHEAP", "energy_need": 10}, "DEPARTURE_REQUIRED"),
    ("PROFILE_GREEN", {"profile_type": "GREEN", "departure_time": 5}, "ENERGY_NEED_REQUIRED"),
    ("PROFILE_CHEAP", {"profile_type": "CHEAP", "departure_time": 5, "energy_need": 10}, "ACCEPTED"),
    ("PROFILE_FAST", {"profile_type": "FAST"}, "ACCEPTED"),
    ("", {"profile_type": "REGULAR", "departure_time": -1}, "NOT_POSSIBLE"),
    ("", {"profile_type": "REGULAR", "energy_need": -5}, "NOT_POSSIBLE"),
    ("", {"profile_type": "REGULAR", "departure_time": 1, "energy_need": 100}, "NOT_POSSIBLE"),
    ("", {"profile_type": "REGULAR", "departure_time": 1, "energy_need": 20, "discharge_allowed": True}, "ACCEPTED"),
]


@pytest.mark.rule("T-262", "T-263")
@pytest.mark.parametrize(("profile", "wanted", "expected"), CHOICES)
def test_what_is_answered(
    profile: str, wanted: dict[str, Any], expected: str, asking: Asking, partner: Partner
) -> None:
    session = charging(partner, profile=profile)
    told = {name: soon(value) if name == "departure_time" else value for name, value in wanted.items()}
    assert put(asking, session, told).data == expected
    kept = Preference.objects.get()
    assert (kept.answer, bool(kept.reason)) == (expected, expected != "ACCEPTED")


@pytest.mark.rule("T-264")
def test_every_profile_type_that_is_accepted_has_a_tariff(asking: Asking, partner: Partner) -> None:
    session = charging(partner, profile="PROFILE_GREEN")
    assert session.tariff_version.tree()["type"] == "PROFILE_GREEN"
    for profile in ("CHEAP", "FAST", "GREEN"):
        told = {"profile_type": profile, "departure_time": soon(5), "energy_need": 1}
        supported = put(asking, session, told).data != "PROFILE_TYPE_NOT_SUPPORTED"
        assert supported is (profile == "GREEN")


def test_sessions_of_others_and_over_ones_take_none(
    asking: Asking, partner: Partner, stranger: Partner, us: Party
) -> None:
    session = charging(partner)
    assert put(Asking(stranger.token), session, {"profile_type": "REGULAR"}).says == (404, 2001)
    assert put(asking, "NOTHING", {"profile_type": "REGULAR"}).says == (404, 2001)
    for nonsense in ({}, {"profile_type": "WARM"}, {"profile_type": "FAST", "energy_need": "much"}, b"[]", b"{"):
        answered = put(asking, session, nonsense)
        assert answered.code == 2001
        assert answered.status in (200, 400)
    cast.running.end(session=session, kwh=None, reason="", now=site.now())
    assert put(asking, session, {"profile_type": "REGULAR"}).says == (200, 2001)
    assert not Preference.objects.exists()


# --- as eMSP ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def theirs(platform: Party, peer: ScriptedPeer) -> Session:
    """Our driver charges at the scripted CPO."""
    peer.role = "CPO"
    connection = registered(peer)
    answered = Asking(peer.token_for_other).put(
        "2.3.0/receiver/sessions/NL/TNM/S%201", small_session("S 1", "NL-TNM", at=date_time_text(site.now()))
    )
    assert answered.says == (201, 1000), answered.body
    assert connection.version == "2.3.0"
    peer.received.clear()
    return Session.objects.get()


def respond(peer: ScriptedPeer, body: bytes, **twist: Any) -> None:
    peer.script("PUT", "/ocpi/2.3.0/sender/sessions", Twist(status=200, body=body, **twist))


ACCEPTED = b'{"data":"ACCEPTED","status_code":1000,"timestamp":"2026-01-01T00:00:00Z"}'


@pytest.mark.rule("T-259")
def test_the_preferences_of_our_driver_are_sent_to_the_cpo(theirs: Session, peer: ScriptedPeer) -> None:
    respond(peer, ACCEPTED)
    wanted = {"profile_type": "CHEAP", "departure_time": "2026-12-01T08:00:00Z", "energy_need": 20}
    kept = preferring.send(theirs, wanted, by="anna", now=site.now())
    assert (kept.answer, kept.by, kept.reason) == ("ACCEPTED", "anna", "")
    (request,) = peer.received
    assert (request.method, request.path) == ("PUT", "/ocpi/2.3.0/sender/sessions/S 1/charging_preferences")
    assert json.loads(request.body) == wanted
    assert (request.headers["OCPI-to-party-id"], request.headers["OCPI-from-party-id"]) == ("TNM", "RDK")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"data":"SURE","status_code":1000,"timestamp":"2026-01-01T00:00:00Z"}', "'SURE'"),
        (b'{"data":{"a":1},"status_code":1000,"timestamp":"2026-01-01T00:00:00Z"}', "no response"),
        (b'{"status_code":1000,"timestamp":"2026-01-01T00:00:00Z"}', "no response"),
        (b'{"status_code":2001,"status_message":"no","timestamp":"2026-01-01T00:00:00Z"}', "no"),
        (b"<html>", ""),
    ],
)
def test_an_answer_that_is_none_is_kept_with_its_reason(
    theirs: Session, peer: ScriptedPeer, body: bytes, reason: str
) -> None:
    respond(peer, body)
    kept = preferring.send(theirs, {"profile_type": "FAST"}, by="anna", now=site.now())
    assert kept.answer == ""
    assert reason in kept.reason
    assert kept.reason


def test_a_list_around_the_answer_is_read_where_the_repair_is_on(theirs: Session, peer: ScriptedPeer) -> None:
    listed = ACCEPTED.replace(b'"ACCEPTED"', b'["ACCEPTED"]')
    respond(peer, listed)
    assert preferring.send(theirs, {"profile_type": "FAST"}, by="anna", now=site.now()).answer == ""
    Connection.objects.update(repairs=["accept_list_around_an_answer"])
    respond(peer, listed)
    assert preferring.send(theirs, {"profile_type": "FAST"}, by="anna", now=site.now()).answer == "ACCEPTED"


def test_what_cannot_be_sent(theirs: Session, peer: ScriptedPeer, transactional_db: None) -> None:
    with pytest.raises(wire_json.Invalid):
        preferring.send(theirs, {"profile_type": "WARM"}, by="anna", now=site.now())
    Session.objects.update(status="COMPLETED")
    theirs.refresh_from_db()
    with pytest.raises(UnableToPrefer, match="COMPLETED"):
        preferring.send(theirs, {"profile_type": "FAST"}, by="anna", now=site.now())
    theirs.status = "ACTIVE"
    theirs.ours = True
    with pytest.raises(UnableToPrefer, match="charge point of ours"):
        preferring.send(theirs, {"profile_type": "FAST"}, by="anna", now=site.now())
    assert not peer.received
