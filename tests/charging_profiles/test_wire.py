"""Both sides over real sockets, in 2.3.0 and 2.2.1, with the scripted partner as CPO and as eMSP; and kill -9 at every point at
which a request or a result can die.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from backoffice.charging_profiles.actions import sending, watching
from backoffice.charging_profiles.actions.receiving import Wish
from backoffice.charging_profiles.models import Hold, ProfileRequest, Steering
from backoffice.charging_profiles.rules.states import Kind
from backoffice.crash_points import POINTS
from backoffice.delivery.actions import running
from backoffice.delivery.models import Errand
from backoffice.partners.actions.connections import set_endpoints
from backoffice.partners.models import Party
from backoffice.partners.secrets import decrypt
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from tests import factories
from tests.cdrs.test_dying import KILLED, run
from tests.charging_profiles import cast
from tests.doors.asking import Asking
from tests.factories import Partner
from tests.peer import ScriptedPeer, Twist
from tests.peer.platform import Received

MODULES = ("sessions", "chargingprofiles")
STAMP = b'"status_code":1000,"timestamp":"2026-11-01T10:00:00Z"}'
YES = b'{"data":{"result":"ACCEPTED","timeout":30},' + STAMP
BOTH = pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
POINTS_OF_ERRANDS = sorted(point for point in POINTS if point.startswith("errand-"))


@pytest.fixture
def peer() -> Iterator[ScriptedPeer]:
    with ScriptedPeer(sender_modules=MODULES, receiver_modules=MODULES) as running_peer:
        yield running_peer


def met(peer: ScriptedPeer, ours: Party, version: str) -> Partner:
    """As after a handshake, which takes its time."""
    partner = factories.partner(
        "NL-TNM:EMSP", "NL-TNM:CPO", ours=[ours], version=version, versions_url=peer.versions_url
    )
    peer.accepts.add(decrypt(partner.connection.token_out))
    base = f"{peer.url}/ocpi/{version}"
    endpoints = [(name, role, f"{base}/{role.lower()}/{name}") for name in MODULES for role in ("SENDER", "RECEIVER")]
    set_endpoints(partner.connection, endpoints)
    return partner


def theirs(partner: Partner) -> Session:
    """Our driver charges at the partner's."""
    told = Asking(partner.token).put("2.3.0/receiver/sessions/NL/TNM/S1", factories.small_session("S1", "NL-TNM"))
    assert told.says == (201, 1000)
    return Session.objects.get()


def send(kind: Kind, session: Session) -> tuple[ProfileRequest, Errand]:
    profile = cast.literal(cast.SIXTEEN) if kind is Kind.SET else None
    wish = Wish(kind, profile=profile, seconds=900 if kind is Kind.ACTIVE else None)
    request = sending.ask(session, wish, by="anna", why="Cheap wind", now=site.now())
    return request, Errand.objects.get(key=request.uid)


def at(peer: ScriptedPeer, path: str) -> list[Received]:
    return [each for each in peer.received if each.path.startswith(path)]


SENT = [
    (Kind.SET, "PUT", b'{"result":"ACCEPTED"}'),
    (Kind.CLEAR, "DELETE", b'{"result":"UNKNOWN"}'),
    (
        Kind.ACTIVE,
        "GET",
        (
            b'{"result":"ACCEPTED","profile":{"start_date_time":"2026-11-22T10:00:00Z","charging_profile":'
            b'{"charging_rate_unit":"W","charging_profile_period":[{"start_period":0,"limit":7000.5}]}}}'
        ),
    ),
]


@BOTH
@pytest.mark.rule("T-437", "T-438", "T-439", "T-459")
def test_we_ask_a_cpo_and_its_results_come_back(version: str, platform: Party, peer: ScriptedPeer) -> None:
    partner = met(peer, platform, version)
    session = theirs(partner)
    path = f"/ocpi/{version}/receiver/chargingprofiles/S1"
    urls = set()
    for kind, method, result in SENT:
        peer.script(method, path, Twist(status=200, body=YES))
        request, errand = send(kind, session)
        running.run(errand.pk)
        request.refresh_from_db()
        assert (request.state, request.response) == ("WAITING", "ACCEPTED")
        (arrived,) = [each for each in at(peer, path) if each.method == method]
        if kind is Kind.SET:
            url = arrived.json["response_url"]
            assert arrived.json == {"charging_profile": cast.literal(cast.SIXTEEN), "response_url": url}
            assert arrived.query == {}
        else:
            url = arrived.query["response_url"][0]
            assert arrived.body == b""
            assert arrived.query == {"response_url": [url]} | ({"duration": ["900"]} if kind is Kind.ACTIVE else {})
        assert f"/ocpi/{version}/sender/chargingprofiles/" in url
        assert (arrived.headers["OCPI-to-party-id"], arrived.headers["OCPI-from-party-id"]) == ("TNM", "RDK")
        urls.add(url)
        answer = peer.call("POST", url, partner.token, result)
        assert (answer.status, answer.json["status_code"], "data" in answer.json) == (200, 1000, False)
        request.refresh_from_db()
        assert (request.state, request.result) == ("ANSWERED", cast.literal(result)["result"])
    assert len(urls) == len(SENT)
    known = Steering.objects.get().tree()
    assert known is not None
    assert cast.steps(known["charging_profile"]) == [(0, cast.literal(b"7000.5"))]


@BOTH
@pytest.mark.rule("T-441", "T-442", "T-445", "T-446")
def test_a_partner_asks_us_and_hears_of_it(version: str, platform: Party, peer: ScriptedPeer) -> None:
    partner = met(peer, platform, version)
    session = cast.charging(partner)
    door = f"{site.public_url}/ocpi/{version}/receiver/chargingprofiles/{session.object_id}"
    peer.script("POST", "/results", Twist(status=200, body=b"{" + STAMP), forever=True)
    peer.script("PUT", f"/ocpi/{version}/sender", Twist(status=200, body=b"{" + STAMP), forever=True)
    body = (
        b'{"charging_profile":' + cast.SIXTEEN + b',"response_url":"' + f"{peer.url}/results/1?x=a%20b".encode() + b'"}'
    )
    for method, url, sent in (
        ("PUT", door, body),
        ("GET", f"{door}?duration=600&response_url={peer.url}/results/2", None),
        ("DELETE", f"{door}?response_url={peer.url}/results/3", None),
    ):
        answer = peer.call(method, url, partner.token, sent)
        assert (answer.status, answer.data) == (200, {"result": "ACCEPTED", "timeout": 60}), answer.body
        cast.obey(session)
        running.run(Errand.objects.filter(what="RESULT").latest("pk").pk)
    said = at(peer, "/results")
    assert [(each.method, each.path, each.json["result"]) for each in said] == [
        ("POST", "/results/1", "ACCEPTED"),
        ("POST", "/results/2", "ACCEPTED"),
        ("POST", "/results/3", "ACCEPTED"),
    ]
    assert [sorted(each.json) for each in said] == [["result"], ["profile", "result"], ["result"]]
    assert parse_qs(urlsplit(f"{said[0].path}").query) == {}
    assert said[0].query == {"x": ["a b"]}
    assert ProfileRequest.objects.filter(told=True).count() == 3
    # none is active any more: the most of the EVSE was told when it was removed
    push = Errand.objects.filter(what="PUSH").latest("pk")
    running.run(push.pk)
    (told,) = at(peer, f"/ocpi/{version}/sender/chargingprofiles/{session.object_id}")
    assert told.method == "PUT"
    assert sorted(told.json) == ["charging_profile", "start_date_time"]
    assert [
        (each["start_period"], each["limit"]) for each in told.json["charging_profile"]["charging_profile_period"]
    ] == [(0, 32)]
    assert Errand.objects.get(pk=push.pk).state == "DONE"


# what the partner answers, the state of the request after it
ANSWERS: list[tuple[Twist, str]] = [
    (Twist(status=200, body=b'{"data":{"result":"REJECTED","timeout":0},' + STAMP), "REFUSED"),
    (Twist(status=200, body=b'{"data":{"result":"UNKNOWN_SESSION","timeout":0},' + STAMP), "REFUSED"),
    (Twist(status=404), "REFUSED"),
    (Twist(status=405), "REFUSED"),
    (Twist(status=200, body=b'{"status_code":2003,"timestamp":"2026-11-01T10:00:00Z"}'), "REFUSED"),
    (Twist(status=200, body=b'{"status_code":3000,"timestamp":"2026-11-01T10:00:00Z"}'), "REFUSED"),
    (Twist(status=500), "QUEUED"),  # it may have worked all the same
    (Twist(status=200, body=b"<html>"), "QUEUED"),
    (Twist(status=200, body=b'{"data":{"result":"SURE","timeout":1},' + STAMP), "QUEUED"),
    (Twist(status=200, body=b"{" + STAMP), "QUEUED"),
]


def test_every_kind_of_answer(platform: Party, peer: ScriptedPeer) -> None:
    session = theirs(met(peer, platform, "2.3.0"))
    for twist, state in ANSWERS:
        peer.script("DELETE", "/ocpi/2.3.0/receiver/chargingprofiles", twist)
        request, errand = send(Kind.CLEAR, session)
        running.run(errand.pk)
        request.refresh_from_db()
        assert request.state == state, twist
        assert bool(request.reason) is (state == "REFUSED")
    assert len(at(peer, "/ocpi/2.3.0/receiver/chargingprofiles")) == len(ANSWERS)  # each once
    assert watching.sweep(now=cast.later(95)) == 4
    assert set(ProfileRequest.objects.values_list("state", flat=True)) == {"REFUSED", "TIMED_OUT"}


def test_a_partner_that_is_not_there(platform: Party) -> None:
    with ScriptedPeer(sender_modules=MODULES, receiver_modules=MODULES) as peer:
        session = theirs(met(peer, platform, "2.3.0"))
    request, errand = send(Kind.CLEAR, session)
    running.run(errand.pk)
    request.refresh_from_db()
    assert request.state == "UNSENT"
    assert request.reason


# --- kill -9 --------------------------------------------------------------------------------------------------------------


RUN = """
from backoffice.delivery.actions import running
running.run({pk})
"""


def die(errand: Errand, point: str) -> None:
    assert run(RUN.format(pk=errand.pk), point) == KILLED
    Errand.objects.filter(pk=errand.pk, state="SENDING").update(lease_until=site.now())
    running.run(errand.pk)


@pytest.mark.parametrize("point", POINTS_OF_ERRANDS)
def test_a_request_that_dies_ends_and_is_sent_once(point: str, platform: Party, peer: ScriptedPeer) -> None:
    partner = met(peer, platform, "2.3.0")
    path = "/ocpi/2.3.0/receiver/chargingprofiles/S1"
    peer.script("PUT", path, Twist(status=200, body=YES), forever=True)
    request, errand = send(Kind.SET, theirs(partner))
    die(errand, point)
    arrived = at(peer, path)
    assert len(arrived) == (0 if point == "errand-claimed-before-send" else 1)
    request.refresh_from_db()
    assert request.state == ("WAITING" if point == "errand-marked" else "QUEUED")
    if arrived:  # the partner has heard us: its result counts, whatever we know of the answer, and counts once
        for _ in range(2):
            # the process that died is reached under another name
            url = site.public_url + urlsplit(arrived[0].json["response_url"]).path
            answer = peer.call("POST", url, partner.token, b'{"result":"ACCEPTED"}')
            assert answer.json["status_code"] == 1000
        request.refresh_from_db()
        assert (request.state, request.result, request.late) == ("ANSWERED", "ACCEPTED", 1)
        assert Hold.objects.count() == 1
    assert watching.sweep(now=cast.later(95)) == (0 if arrived else 1)
    request.refresh_from_db()
    assert request.state in ("ANSWERED", "TIMED_OUT")


@pytest.mark.parametrize("point", POINTS_OF_ERRANDS)
def test_a_result_that_dies_is_told_at_least_once(point: str, platform: Party, peer: ScriptedPeer) -> None:
    partner = met(peer, platform, "2.3.0")
    session = cast.charging(partner)
    peer.script("POST", "/results", Twist(status=200, body=b"{" + STAMP), forever=True)
    body: dict[str, Any] = {"charging_profile": cast.literal(cast.SIXTEEN), "response_url": f"{peer.url}/results/1"}
    Asking(partner.token).put(cast.path_of(session), body)
    cast.obey(session)
    die(Errand.objects.get(what="RESULT"), point)
    said = at(peer, "/results")
    assert {each.body for each in said} == {b'{"result":"ACCEPTED"}'}
    assert len(said) == (2 if point in ("errand-sent-before-mark", "errand-told-before-commit") else 1)
    request = ProfileRequest.objects.get()
    assert (request.state, request.told) == ("ANSWERED", True)
    assert [event.event for event in request.events.all()] == ["ASK", "RESULT", "TELL"]
