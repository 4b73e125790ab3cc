"""As eMSP: what we ask a CPO for, what it answers at once, what it posts later, and what it tells by itself.

The partner is scripted: its answers and results are literal bytes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from backoffice.charging_profiles.actions import sending, watching
from backoffice.charging_profiles.actions.keeping import KEPT, UnableToSteer
from backoffice.charging_profiles.actions.receiving import Wish
from backoffice.charging_profiles.models import ActiveProfile, Hold, ProfileRequest, Steering
from backoffice.charging_profiles.rules.states import Kind
from backoffice.partners.actions.connections import set_endpoints
from backoffice.partners.models import Connection, Endpoint, Party
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from ocpi.module import AsyncRequests, Reply
from ocpi.wire import json as wire_json
from ocpi.wire.charging_profiles import ChargingProfileResponse
from tests import factories
from tests.charging_profiles import cast
from tests.charging_profiles.cast import host, owed, steps, tree
from tests.doors.asking import Answered, Asking, snapshot
from tests.factories import Partner

BOTH = pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
SIXTEEN = cast.literal(cast.SIXTEEN)
ACTIVE = (
    b'{"start_date_time":"2026-11-22T10:00:00Z","charging_profile":{"start_date_time":"2026-11-22T10:00:00Z","duration":900,'
    b'"charging_rate_unit":"A","charging_profile_period":[{"start_period":0,"limit":11.5},{"start_period":300,"limit":6}]}}'
)


@pytest.fixture
def session(asking: Asking, partner: Partner) -> Session:
    """Our driver charges at the partner's S1, E1 of LOC1."""
    serving(partner)
    assert asking.put("2.3.0/receiver/sessions/SE/ELV/S1", factories.small_session("S1")).says == (201, 1000)
    return Session.objects.get()


def serving(partner: Partner) -> None:
    known = [(e.identifier, e.role, e.url) for e in Endpoint.objects.filter(connection=partner.connection)]
    url = f"{host(partner)}/ocpi/receiver/chargingprofiles"
    set_endpoints(partner.connection, [*known, ("chargingprofiles", "RECEIVER", url)])


def ask(session: Session, kind: Kind = Kind.SET, **given: Any) -> ProfileRequest:
    wish = {
        Kind.SET: Wish(Kind.SET, profile=given.pop("profile", SIXTEEN)),
        Kind.ACTIVE: Wish(Kind.ACTIVE, seconds=900),
        Kind.CLEAR: Wish(Kind.CLEAR),
    }[kind]
    return sending.ask(session, wish, by="anna", now=site.now(), **given)


def answered(
    request: ProfileRequest, text: bytes = b'{"result":"ACCEPTED","timeout":30}', **given: Any
) -> ProfileRequest:
    """The partner's answer at once, as the errand hands it over."""
    shape = site.module("chargingprofiles").shape
    assert isinstance(shape, AsyncRequests)
    told = cast.literal(text) if text else None
    value = wire_json.validate(ChargingProfileResponse, told) if told else None
    shape.answered(request.kind, request.uid, Reply(value=value, tree=told, **given), site.now())
    request.refresh_from_db()
    return request


def result(asking: Asking, request: ProfileRequest, body: bytes, *, version: str = "2.3.0", kind: str = "") -> Answered:
    return asking.ask("POST", f"{version}/sender/chargingprofiles/{kind or request.kind}/{request.uid}", body)


def now_is(request: ProfileRequest) -> tuple[str, str, str]:
    request.refresh_from_db()
    return request.state, request.response, request.result


# --- what travels -----------------------------------------------------------------------------------------------------


@pytest.mark.rule("T-437", "T-438", "T-439", "T-459")
def test_what_we_send(session: Session, partner: Partner, us: Party) -> None:
    made = [ask(session, kind) for kind in (Kind.SET, Kind.ACTIVE, Kind.CLEAR, Kind.ACTIVE)]
    sent = owed("REQUEST")
    assert [(each.method, each.path) for each in sent] == [
        ("PUT", "S1"),
        ("GET", "S1"),
        ("DELETE", "S1"),
        ("GET", "S1"),
    ]
    assert tree(sent[0]) == {"charging_profile": SIXTEEN}
    assert [each.query for each in sent] == [{}, {"duration": "900"}, {}, {"duration": "900"}]
    assert [each.tree for each in sent[1:]] == ["", "", ""]
    assert len({each.key for each in sent}) == 4  # response_url is made of it
    assert all(len(each.key) >= 22 for each in sent)
    for each in sent:
        assert (each.connection_id, each.sender_id, each.receiver_id) == (
            partner.connection.pk,
            us.pk,
            partner.party.pk,
        )
    assert {request.state for request in made} == {"QUEUED"}


def test_what_cannot_be_asked(session: Session, partner: Partner) -> None:
    with pytest.raises(wire_json.Invalid):
        ask(session, profile={"charging_rate_unit": "A", "charging_profile_period": "x"})
    with pytest.raises(UnableToSteer, match="less than none"):
        ask(session, profile={"charging_rate_unit": "A", "charging_profile_period": [{"start_period": 0, "limit": -1}]})
    Session.objects.update(status="COMPLETED")
    with pytest.raises(UnableToSteer, match="COMPLETED"):
        ask(session)
    Session.objects.update(status="ACTIVE")
    Endpoint.objects.filter(identifier="chargingprofiles").delete()
    with pytest.raises(UnableToSteer, match="offers no Receiver"):
        ask(session)
    Connection.objects.update(state="SUSPENDED")
    with pytest.raises(UnableToSteer, match="no active connection"):
        ask(session)
    assert not ProfileRequest.objects.exists()
    assert not owed("REQUEST")


def test_an_evse_of_theirs_that_takes_no_profiles(session: Session, asking: Asking) -> None:
    place = factories.small_location("LOC1")
    assert asking.put("2.3.0/receiver/locations/SE/ELV/LOC1", place).says == (201, 1000)
    with pytest.raises(UnableToSteer, match="takes no charging profiles, says SE-ELV"):
        ask(session)
    place["evses"][0]["capabilities"] = ["CHARGING_PROFILE_CAPABLE"]
    place["last_updated"] = place["evses"][0]["last_updated"] = "2026-06-01T00:00:00Z"
    assert asking.put("2.3.0/receiver/locations/SE/ELV/LOC1", place).says == (200, 1000)
    assert ask(session).state == "QUEUED"


# --- the answer at once -----------------------------------------------------------------------------------------------


def test_the_answer_at_once(session: Session) -> None:
    request = answered(ask(session))
    assert now_is(request) == ("WAITING", "ACCEPTED", "")
    assert timedelta(seconds=28) < request.deadline - site.now() <= timedelta(seconds=30)
    for text, state in (
        (b'{"result":"REJECTED","timeout":30}', "REFUSED"),
        (b'{"result":"NOT_SUPPORTED","timeout":0}', "REFUSED"),
        (b'{"result":"UNKNOWN_SESSION","timeout":-1}', "REFUSED"),
    ):
        refused = answered(ask(session), text)
        assert (refused.state, refused.ended_at is not None, bool(refused.reason)) == (state, True, True)


def test_one_that_was_asked_too_often_is_left_alone_for_a_minute(session: Session) -> None:
    answered(ask(session), b'{"result":"TOO_OFTEN","timeout":30}')
    with pytest.raises(UnableToSteer, match=r"Try again in (59|60) s"):
        ask(session)
    ProfileRequest.objects.update(responded_at=site.now() - timedelta(seconds=61))
    assert ask(session).state == "QUEUED"


def test_one_that_could_not_be_asked(session: Session) -> None:
    request = answered(ask(session), b"", problem="Nobody listens there.", cause="REFUSED", sent=False)
    assert (request.state, request.reason) == ("UNSENT", "Nobody listens there.")
    silent = answered(ask(session), b"", problem="No answer in time.", cause="TIMEOUT", sent=True)
    assert silent.state == "QUEUED"  # it may have heard us: the result may come


# --- what comes later -------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.rule("T-442", "T-443")
def test_the_result_of_a_profile(version: str, session: Session, asking: Asking, us: Party) -> None:
    request = answered(ask(session))
    told = result(asking, request, b'{"result":"ACCEPTED"}', version=version)
    assert (told.says, "data" in told.envelope) == ((200, 1000), False)
    assert now_is(request) == ("ANSWERED", "ACCEPTED", "ACCEPTED")
    held = Hold.objects.get()
    assert (held.party, held.profile()) == (us, SIXTEEN)
    removal = answered(ask(session, Kind.CLEAR))
    assert result(asking, removal, b'{"result":"ACCEPTED"}', version=version).says == (200, 1000)
    assert Hold.objects.get().document == ""


@BOTH
@pytest.mark.rule("T-442", "T-443")
def test_the_result_that_holds_the_active_profile(version: str, session: Session, asking: Asking) -> None:
    request = answered(ask(session, Kind.ACTIVE))
    told = result(asking, request, b'{"result":"ACCEPTED","profile":' + ACTIVE + b"}", version=version)
    assert (told.says, "data" in told.envelope) == ((200, 1000), False)
    assert Steering.objects.get().tree() == cast.literal(ACTIVE)
    assert ActiveProfile.objects.get().source == str(Connection.objects.get())


def test_a_result_without_the_profile_that_it_is_about(session: Session, asking: Asking) -> None:
    request = answered(ask(session, Kind.ACTIVE))
    before = snapshot()
    for body in (
        b'{"result":"ACCEPTED"}',
        b'{"result":"FINE"}',
        b"{}",
        b"[]",
        b"{",
        b'{"result":"ACCEPTED","profile":{}}',
    ):
        told = result(asking, request, body)
        assert told.status in (200, 400)
        assert 2000 <= told.code < 3000
    assert snapshot() == before
    assert result(asking, request, b'{"result":"REJECTED"}').says == (200, 1000)
    assert now_is(request) == ("ANSWERED", "ACCEPTED", "REJECTED")


def test_a_result_that_overtakes_the_answer(session: Session, asking: Asking) -> None:
    request = ask(session)
    assert result(asking, request, b'{"result":"ACCEPTED"}').says == (200, 1000)
    assert now_is(request) == ("ANSWERED", "", "ACCEPTED")
    answered(request)
    assert now_is(request) == ("ANSWERED", "ACCEPTED", "ACCEPTED")
    assert [event.event for event in request.events.all()] == ["ASK", "RESULT", "ANSWER"]


def test_a_result_although_the_answer_was_lost(session: Session, asking: Asking) -> None:
    request = answered(ask(session), b"", problem="No answer in time.", cause="TIMEOUT", sent=True)
    result(asking, request, b'{"result":"ACCEPTED"}')
    assert now_is(request) == ("ANSWERED", "", "ACCEPTED")


YES, NO = b'{"result":"ACCEPTED"}', b'{"result":"REJECTED"}'


# (what was before, the result that comes, HTTP and OCPI status, the state after it, how many results came in vain)
CALLBACKS: list[tuple[str, bytes, tuple[int, int], tuple[str, str], int]] = [
    ("awaited", YES, (200, 1000), ("ANSWERED", "ACCEPTED"), 0),
    ("doubled", YES, (200, 1000), ("ANSWERED", "ACCEPTED"), 1),
    ("doubled", NO, (200, 1000), ("ANSWERED", "ACCEPTED"), 1),
    ("timed out", YES, (200, 1000), ("TIMED_OUT", ""), 1),
    ("overdue", YES, (200, 1000), ("TIMED_OUT", ""), 1),
    ("refused", YES, (200, 1000), ("REFUSED", ""), 1),
    ("unsent", YES, (200, 1000), ("UNSENT", ""), 1),
    ("unknown", YES, (404, 2001), ("WAITING", ""), 0),
    ("other kind", YES, (404, 2001), ("WAITING", ""), 0),
    ("foreign", YES, (404, 2001), ("WAITING", ""), 0),
    ("ours to send", YES, (404, 2001), ("WAITING", ""), 0),
]


@BOTH
@pytest.mark.parametrize("row", CALLBACKS, ids=lambda row: f"{row[0]} {row[1].decode()[11:-2]}")
def test_callbacks(
    row: tuple[str, bytes, tuple[int, int], tuple[str, str], int],
    version: str,
    session: Session,
    asking: Asking,
    stranger: Partner,
) -> None:
    before, body, says, (state, told), late = row
    foreign = Asking(stranger.token)
    foreign.get("versions")
    request = ask(session)
    if before == "refused":
        answered(request, b'{"result":"REJECTED","timeout":30}')
    elif before == "unsent":
        answered(request, b"", problem="Nobody listens.", sent=False)
    else:
        answered(request)
    if before == "doubled":
        assert result(asking, request, YES, version=version).says == (200, 1000)
    if before == "timed out":
        assert watching.sweep(now=cast.later(31)) == 1
    if before == "overdue":  # and nobody has looked
        ProfileRequest.objects.filter(pk=request.pk).update(deadline=cast.later(-1))
    if before == "ours to send":  # an incoming request has a uid, too, which is nobody's to answer
        ProfileRequest.objects.filter(pk=request.pk).update(way="IN")
    kept = snapshot()
    holds = Hold.objects.count()
    if before == "unknown":
        answer = asking.ask("POST", f"{version}/sender/chargingprofiles/SET/{'x' * 32}", body)
    elif before == "other kind":
        answer = result(asking, request, body, version=version, kind="CLEAR")
    else:
        answer = result(foreign if before == "foreign" else asking, request, body, version=version)
    assert answer.says == says, answer.body
    if says[0] == 404:
        assert snapshot() == kept
    request.refresh_from_db()
    assert (request.state, request.result, request.late) == (state, told, late)
    if before != "awaited":
        assert Hold.objects.count() == holds
    if late:
        assert request.events.latest("pk").event == "LATE"


@pytest.mark.parametrize(("heard", "seconds"), [(True, 31), (False, 91)])
def test_what_nobody_answers_ends(heard: bool, seconds: int, session: Session) -> None:
    request = ask(session)
    if heard:
        answered(request)
    assert watching.sweep(now=cast.later(seconds - 3)) == 0
    assert watching.sweep(now=cast.later(seconds)) == 1
    assert watching.sweep(now=cast.later(seconds)) == 0
    assert now_is(request)[0] == "TIMED_OUT"


# --- what a CPO tells by itself ---------------------------------------------------------------------------------------


def push(asking: Asking, body: bytes, *, identity: str = "S1", version: str = "2.3.0") -> Answered:
    return asking.put(f"{version}/sender/chargingprofiles/{identity}", body)


@BOTH
@pytest.mark.rule("T-444")
def test_an_active_profile_is_told(version: str, session: Session, asking: Asking) -> None:
    told = push(asking, ACTIVE, version=version)
    assert (told.says, "data" in told.envelope) == ((200, 1000), False)
    kept = ActiveProfile.objects.get()
    assert (kept.session, kept.tree(), kept.computed) == (session, cast.literal(ACTIVE), False)
    assert push(asking, ACTIVE, version=version).says == (200, 1000)
    assert ActiveProfile.objects.count() == 1  # the same again is no news


def test_one_that_was_late_on_its_way_does_not_become_active(session: Session, asking: Asking) -> None:
    push(asking, ACTIVE)
    older = ACTIVE.replace(b"T10:00:00Z", b"T09:59:00Z").replace(b"11.5", b"20")
    assert push(asking, older).says == (200, 1000)
    assert Steering.objects.get().tree() == cast.literal(ACTIVE)
    assert ActiveProfile.objects.count() == 2
    newer = ACTIVE.replace(b"T10:00:00Z", b"T10:00:01Z")
    push(asking, newer)
    assert Steering.objects.get().tree() == cast.literal(newer)


def test_one_of_next_year_does_not_stay_the_newest(session: Session, asking: Asking) -> None:
    push(asking, ACTIVE.replace(b"2026-11-22", b"9999-12-31"))
    newer = ACTIVE.replace(b"2026-11-22T10:00:00Z", cast.later(121).strftime("%Y-%m-%dT%H:%M:%SZ").encode())
    assert push(asking, newer).says == (200, 1000)
    assert Steering.objects.get().tree() == cast.literal(newer)


def test_active_profiles_that_nobody_may_tell(session: Session, asking: Asking, stranger: Partner) -> None:
    foreign = Asking(stranger.token)
    foreign.get("versions")
    before = snapshot()
    assert push(foreign, ACTIVE).says == (404, 2001)
    assert push(asking, ACTIVE, identity="S2").says == (404, 2001)
    many = b",".join(b'{"start_period":%d,"limit":6}' % number for number in range(1001))
    for body in (
        ACTIVE.replace(b'[{"start_period":0,"limit":11.5},{"start_period":300,"limit":6}]', b"[" + many + b"]"),
        b"{}",
        b"[]",
        b"{",
        ACTIVE.replace(b"11.5", b"11.55"),
        ACTIVE.replace(b'"A"', b'"kW"'),
        ACTIVE.replace(b'"start_date_time":"2026-11-22T10:00:00Z","charging_profile"', b'"charging_profile"'),
    ):
        told = push(asking, body)
        assert told.status in (200, 400), body
        assert 2000 <= told.code < 3000, body
    assert snapshot() == before


def test_a_session_of_ours_is_told_by_nobody(asking: Asking, partner: Partner) -> None:
    session = cast.charging(partner)
    assert push(asking, ACTIVE, identity=session.object_id).says == (404, 2001)


def test_a_partner_that_tells_every_second_fills_no_table(session: Session, asking: Asking) -> None:
    steering = Steering.objects.create(session=session)
    for number in range(KEPT + 20):
        profile = cast.literal(ACTIVE) | {"x_number": number}
        sending.keep_active(steering, profile, source="SE-ELV", now=site.now())
    assert ActiveProfile.objects.count() == KEPT
    assert steps(ActiveProfile.objects.latest("pk").tree()["charging_profile"]) == [
        (0, cast.literal(b"11.5")),
        (300, 6),
    ]
