"""Errands against the scripted peer: what it is asked and told, once or until it answers, and what every kind of bad day leaves.

The peer speaks literal bytes; `probes` stands for the app and notes what it hears.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database

from backoffice.delivery.actions import errands, running
from backoffice.delivery.models import Errand, Exchange
from backoffice.delivery.rules import ERRAND_LADDER, ERRAND_TRANSITIONS, ErrandState, What, next_errand_try
from backoffice.partners.actions.connections import set_endpoints
from backoffice.partners.models import Connection, Party
from backoffice.partners.secrets import decrypt, encrypt
from backoffice.roaming_site import site
from ocpi.wire.json import Invalid
from tests import factories
from tests.delivery import probes
from tests.doors.queries import Counted, check
from tests.peer import ScriptedPeer, Twist
from tests.peer.platform import TOKEN_C

COMMANDS = "/ocpi/2.3.0/receiver/commands"
PROFILES = "/ocpi/2.3.0/receiver/chargingprofiles"
STAMP = b'"status_code": 1000, "timestamp": "2026-11-01T10:00:00Z"'
TAKEN = b'{"data": {"result": "ACCEPTED", "timeout": 30}, ' + STAMP + b"}"
YES = b"{" + STAMP + b"}"
KEY = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
TOKEN = {
    "country_code": "DE",
    "party_id": "RDK",
    "uid": "012345678",
    "type": "APP_USER",
    "contract_id": "DE-RDK-C00000001",
    "issuer": "Roamdesk",
    "valid": True,
    "whitelist": "NEVER",
    "last_updated": "2026-11-01T10:00:00Z",
}
START = {"token": TOKEN, "location_id": "LOC1", "evse_uid": "E1"}
MODULES = ("commands", "chargingprofiles")


@pytest.fixture(autouse=True)
def probing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "_modules", {**site._modules, **probes.modules()})


@pytest.fixture
def peer() -> Iterator[ScriptedPeer]:
    with ScriptedPeer(sender_modules=MODULES, receiver_modules=MODULES) as running_peer:
        yield running_peer


@pytest.fixture
def connection(db: None, reachable: None, peer: ScriptedPeer) -> Connection:
    return met(peer)


def met(peer: ScriptedPeer, version: str = "2.3.0") -> Connection:
    """As after a handshake, which takes its time."""
    partner = factories.partner(
        "NL-TNM:EMSP", "NL-TNM:CPO", ours=[factories.own_party()], version=version, versions_url=peer.versions_url
    )
    peer.accepts.add(decrypt(partner.connection.token_out))
    base = f"{peer.url}/ocpi/{version}"
    roles = ("SENDER", "RECEIVER")
    set_endpoints(
        partner.connection, [(name, role, f"{base}/{role.lower()}/{name}") for name in MODULES for role in roles]
    )
    return partner.connection


def parties() -> tuple[int, int]:
    return Party.objects.get(party_id="RDK").pk, Party.objects.get(party_id="TNM").pk


def request(connection: Connection, *, key: str = KEY, seconds: float = 60, **changes: Any) -> int:
    """A START_SESSION, owed in a transaction of its own."""
    ours, theirs = parties()
    now = site.now()
    given: dict[str, Any] = {"module": "commands", "kind": "START_SESSION", "tree": START} | changes
    return errands.owe_request(
        connection=connection.pk,
        sender=ours,
        receiver=theirs,
        key=key,
        deadline=now + timedelta(seconds=seconds),
        now=now,
        **given,
    )


def result(connection: Connection, url: str, *, key: str = KEY, seconds: float = 120, **changes: Any) -> int:
    ours, theirs = parties()
    now = site.now()
    return errands.owe_result(
        connection=connection.pk,
        sender=ours,
        receiver=theirs,
        module="commands",
        kind="START_SESSION",
        key=key,
        url=url,
        tree={"result": "ACCEPTED"},
        deadline=now + timedelta(seconds=seconds),
        now=now,
        **changes,
    )


def posted(peer: ScriptedPeer, path: str = COMMANDS) -> list[Any]:
    return [received for received in peer.received if received.path.startswith(path)]


def state(errand: int) -> tuple[str, str]:
    row = Errand.objects.get(pk=errand)
    return row.state, row.last_cause


def make_due(errand: int) -> float:
    """Let the pause of an errand be over; how long it was."""
    row = Errand.objects.get(pk=errand)
    pause = (row.due_at - site.now()).total_seconds()
    Errand.objects.filter(pk=errand).update(due_at=site.now())
    return pause


# --- requests -----------------------------------------------------------------------------------------------------------


def test_a_request_is_posted_with_our_response_url(connection: Connection, peer: ScriptedPeer) -> None:
    peer.script("POST", COMMANDS, Twist(body=TAKEN))
    errand = request(connection, correlation_id="trace-1")
    assert running.run(errand) == 1
    (arrived,) = posted(peer)
    assert arrived.path == f"{COMMANDS}/START_SESSION"
    assert arrived.json == START | {
        "response_url": f"{site.public_url}/ocpi/2.3.0/sender/commands/START_SESSION/{KEY}",
    }
    assert (arrived.headers["OCPI-from-party-id"], arrived.headers["OCPI-to-party-id"]) == ("RDK", "TNM")
    assert arrived.headers["X-Correlation-ID"] == "trace-1"
    assert state(errand) == ("DONE", "")
    assert probes.noted() == ["answered START_SESSION a1b2 ACCEPTED"]
    row = Exchange.objects.get(module="commands")
    assert (row.trigger, row.object_path, row.attempt) == ("request", f"START_SESSION/{KEY}", 1)
    assert "012345678" not in row.request_body, "the driver's id is cut in the log"
    assert '"location_id":"LOC1"' in row.request_body.replace(" ", ""), "the rest of the request is there to be read"


def test_a_partner_of_2_2_1_is_asked_in_its_words(db: None, reachable: None) -> None:
    with ScriptedPeer(sender_modules=MODULES, receiver_modules=MODULES, versions=("2.2.1",)) as peer:
        connection = met(peer, "2.2.1")
        path = "/ocpi/2.2.1/receiver/commands"
        peer.script("POST", path, Twist(body=TAKEN))
        running.run(request(connection, tree=START | {"token": TOKEN | {"type": "EMAID"}}))
        (arrived,) = posted(peer, path)
        assert arrived.json["response_url"] == f"{site.public_url}/ocpi/2.2.1/sender/commands/START_SESSION/{KEY}"
        assert arrived.json["token"]["type"] == "OTHER", "2.2.1 knows no EMAID"
        assert probes.noted() == ["answered START_SESSION a1b2 ACCEPTED"]


@pytest.mark.parametrize(("kind", "method"), [("ACTIVE", "GET"), ("CLEAR", "DELETE")])
def test_without_a_body_the_response_url_is_a_parameter(
    kind: str, method: str, connection: Connection, peer: ScriptedPeer
) -> None:
    peer.script(method, PROFILES, Twist(status=200, body=TAKEN, works=False))
    query = {"duration": "900"} if kind == "ACTIVE" else {}
    running.run(
        request(
            connection, module="chargingprofiles", kind=kind, segments={"session_id": "a b?"}, query=query, tree=None
        )
    )
    (arrived,) = posted(peer, PROFILES)
    assert (arrived.method, arrived.path, arrived.body) == (method, f"{PROFILES}/a b?", b"")
    url = f"{site.public_url}/ocpi/2.3.0/sender/chargingprofiles/{kind}/{KEY}"
    assert arrived.query == {name: [value] for name, value in query.items()} | {"response_url": [url]}
    assert probes.noted() == [f"answered {kind} a1b2 ACCEPTED"]


BAD = [
    # what the peer does, the cause
    (Twist(status=500, works=False), "server_error"),
    (Twist(status=503, headers={"Retry-After": "1"}, works=False), "server_error"),
    (Twist(status=429, works=False), "rate_limited"),
    (Twist(status=302, headers={"Location": "http://127.0.0.1:9/"}, works=False), "redirect"),
    (Twist(status=404, works=False), "not_found"),
    (Twist(status=405, works=False), "not_supported"),
    (Twist(body=b'{"status_code": 2001, "timestamp": "2026-11-01T10:00:00Z"}'), "ocpi_2xxx"),
    (Twist(body=b'{"status_code": 3000, "timestamp": "2026-11-01T10:00:00Z"}'), "ocpi_3xxx"),
    (Twist(body=b"<html>"), "not_json"),
    (Twist(body=b'{"result": "ACCEPTED"}'), "no_envelope"),
    (Twist(body=YES), "unreadable"),
    (Twist(body=b'{"data": ["ACCEPTED"], ' + STAMP + b"}"), "unreadable"),
    (Twist(body=b'{"data": {"result": "PERHAPS", "timeout": 30}, ' + STAMP + b"}"), "unreadable"),
    (Twist(body=b'{"data": {"result": "ACCEPTED", "timeout": 1e999}, ' + STAMP + b"}"), "not_json"),
    (Twist(drop=True), "connection_lost"),
    (Twist(raw=b"SSH-2.0-hello\r\n"), "not_http"),
]


@pytest.mark.parametrize(("twist", "cause"), BAD, ids=lambda value: value if isinstance(value, str) else "")
def test_a_request_is_sent_once_whatever_is_answered(
    twist: Twist, cause: str, connection: Connection, peer: ScriptedPeer
) -> None:
    peer.script("POST", COMMANDS, twist, forever=True)
    errand = request(connection)
    running.run(errand)
    assert running.errands_due(site.now() + timedelta(hours=1)) == []
    running.run(errand)
    assert len(posted(peer)) == 1
    assert state(errand) == ("FAILED", cause)
    assert probes.noted() == [f"answered START_SESSION a1b2 {cause} sent=True"]
    assert Errand.objects.get(pk=errand).last_error
    connection.refresh_from_db()
    assert connection.state == "ACTIVE"


@pytest.mark.parametrize(
    ("result", "heard"), [("UNKNOWN_SESSION", "UNKNOWN_SESSION"), ("ACCEPTED", "ocpi_2xxx sent=True")]
)
def test_a_no_in_the_data_is_heard_beside_the_status_and_a_yes_is_not(
    result: str, heard: str, connection: Connection, peer: ScriptedPeer
) -> None:
    data = b'{"data": {"result": "%s", "timeout": 0}, "status_code": 2003, "timestamp": "2026-11-01T10:00:00Z"}'
    peer.script("POST", COMMANDS, Twist(body=data % result.encode()))
    errand = request(connection)
    running.run(errand)
    assert state(errand) == ("FAILED", "ocpi_2xxx")
    assert probes.noted() == [f"answered START_SESSION a1b2 {heard}"]


def test_a_refused_token_suspends_the_connection(connection: Connection, peer: ScriptedPeer) -> None:
    peer.accepts.clear()
    errand = request(connection)
    running.run(errand)
    assert state(errand) == ("FAILED", "unauthorized")
    connection.refresh_from_db()
    assert connection.state == "SUSPENDED"
    second = request(connection, key=KEY[::-1])
    peer.received.clear()
    running.run(second)
    assert state(second) == ("FAILED", "not_active")
    assert peer.received == []
    assert probes.noted()[-1] == "answered START_SESSION 09f8 not_active sent=False"


def test_a_dead_partner_fails_a_request_at_once(connection: Connection, peer: ScriptedPeer) -> None:
    port_that_nobody_has(connection)
    errand = request(connection)
    running.run(errand)
    assert state(errand) == ("FAILED", "connect")
    assert probes.noted() == ["answered START_SESSION a1b2 connect sent=False"]


def port_that_nobody_has(connection: Connection) -> None:
    url = "http://127.0.0.1:9/ocpi/2.3.0/receiver/commands"
    connection.endpoints.filter(identifier="commands", role="RECEIVER").update(url=url)
    Connection.objects.filter(pk=connection.pk).update(confirmed_origins=["http://127.0.0.1:9"])


def test_a_slow_partner_may_have_got_it(
    connection: Connection, peer: ScriptedPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "SECONDS", 0.4)
    peer.script("POST", COMMANDS, Twist(body=TAKEN, delay=1.5))
    errand = request(connection)
    began = time.monotonic()
    running.run(errand)
    assert time.monotonic() - began < 1.4
    assert state(errand) == ("FAILED", "timeout")
    assert probes.noted() == ["answered START_SESSION a1b2 timeout sent=True"]


def _without_endpoint(connection: Connection) -> None:
    connection.endpoints.filter(identifier="commands").delete()


def _elsewhere(connection: Connection) -> None:
    connection.endpoints.filter(identifier="commands").update(url="http://127.0.0.2:80/ocpi/commands")


def _unreadable_token(connection: Connection) -> None:
    Connection.objects.filter(pk=connection.pk).update(token_out="not encrypted")


def _paused(connection: Connection) -> None:
    Connection.objects.filter(pk=connection.pk).update(state="PAUSED", held_reason="Holidays")


def _of_2_1_1(connection: Connection) -> None:
    Connection.objects.filter(pk=connection.pk).update(version="2.1.1")


NOWHERE = [
    (_without_endpoint, "no_endpoint", "has no Receiver endpoint for commands"),
    (_elsewhere, "unconfirmed_host", "http://127.0.0.2:80 is not a confirmed host"),
    (_unreadable_token, "no_token", ""),
    (_paused, "not_active", "is paused: Holidays"),
]


@pytest.mark.parametrize(("change", "cause", "sentence"), NOWHERE, ids=[cause for _, cause, _ in NOWHERE])
def test_what_cannot_be_sent_fails_with_a_sentence(
    change: Any, cause: str, sentence: str, connection: Connection, peer: ScriptedPeer
) -> None:
    change(connection)
    errand = request(connection)
    running.run(errand)
    assert state(errand) == ("FAILED", cause)
    assert sentence in Errand.objects.get(pk=errand).last_error
    assert probes.noted() == [f"answered START_SESSION a1b2 {cause} sent=False"]
    assert peer.received == []


def test_a_command_that_a_version_does_not_know_is_not_sent(
    connection: Connection, peer: ScriptedPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _of_2_1_1(connection)
    monkeypatch.setattr(
        "ocpi.versions.lacks", lambda version, command: (version, command) == ("2.1.1", "START_SESSION")
    )
    errand = request(connection)
    running.run(errand)
    assert state(errand) == ("FAILED", "not_in_version")


@pytest.mark.parametrize("key", ["short", "spaces are no good in a URL", "", "x" * 65, "ümläut" * 5])
def test_a_key_that_could_be_guessed_is_refused(key: str, connection: Connection) -> None:
    with pytest.raises(ValueError):
        request(connection, key=key)


def test_a_body_that_breaks_the_rules_is_never_owed(connection: Connection) -> None:
    with pytest.raises(Invalid):
        request(connection, tree={"token": TOKEN})
    with pytest.raises(KeyError):
        request(connection, kind="DANCE")
    assert not Errand.objects.exists()


# --- results and pushes --------------------------------------------------------------------------------------------------


@pytest.mark.rule("T-407")
def test_a_result_is_told_until_it_is_taken(connection: Connection, peer: ScriptedPeer) -> None:
    bad = [Twist(status=500), Twist(drop=True), Twist(status=503), Twist(body=b"{}", status=502), Twist(status=500)]
    peer.script("POST", "/results", *bad, Twist(status=200, body=YES, works=False))
    errand = result(connection, f"{peer.url}/results/17?x=1", correlation_id="trace-2")
    pauses = []
    for _ in bad:
        running.run(errand)
        assert state(errand)[0] == "DUE"
        assert running.run(errand) == 0, "not before its pause is over"
        pauses.append(round(make_due(errand)))
    running.run(errand)
    assert pauses == [2, 5, 15, 30, 30]
    assert state(errand) == ("DONE", "")
    arrived = posted(peer, "/results")
    assert len(arrived) == 6
    said = [(each.path, each.query, each.body, each.headers["X-Correlation-ID"]) for each in arrived]
    assert said == [("/results/17", {"x": ["1"]}, b'{"result":"ACCEPTED"}', "trace-2")] * 6
    assert len({each.headers["X-Request-ID"] for each in arrived}) == 6
    assert probes.noted() == ["delivered START_SESSION a1b2"]
    attempts = Exchange.objects.filter(trigger="result").order_by("id").values_list("attempt", flat=True)
    assert list(attempts) == [1, 2, 3, 4, 5, 6]


def test_the_ladder_and_a_partner_that_asks_for_more_time(connection: Connection, peer: ScriptedPeer) -> None:
    assert ERRAND_LADDER == (2, 5, 15, 30)
    assert next_errand_try(1, retry_after=60).total_seconds() == 60
    peer.script("POST", "/results", Twist(status=503, headers={"Retry-After": "40"}, works=False))
    errand = result(connection, f"{peer.url}/results/17")
    running.run(errand)
    assert 38 < make_due(errand) <= 40


@pytest.mark.parametrize(
    ("twist", "cause"),
    [
        (Twist(status=404), "not_found"),
        (Twist(status=302, headers={"Location": "/elsewhere"}), "redirect"),
        (Twist(status=400), "http_4xx"),
        (Twist(body=b"gone fishing", status=200), "not_json"),
        (Twist(body=b'{"status_code": 2003, "timestamp": "2026-11-01T10:00:00Z"}', status=200), "ocpi_2xxx"),
        (Twist(status=401, works=False), "unauthorized"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_result_that_is_refused_for_good_is_not_repeated(
    twist: Twist, cause: str, connection: Connection, peer: ScriptedPeer
) -> None:
    peer.script("POST", "/results", twist, forever=True)
    errand = result(connection, f"{peer.url}/results/17")
    running.run(errand)
    assert state(errand) == ("FAILED", cause)
    assert len(posted(peer, "/results")) == 1
    assert probes.noted() == [f"delivered START_SESSION a1b2 {cause} sent=True"]
    connection.refresh_from_db()
    assert connection.state == "ACTIVE", "one address does not speak for all"


def test_a_result_is_sent_again_where_a_new_token_overtook_it(
    connection: Connection, peer: ScriptedPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    errand = result(connection, f"{peer.url}/results/17")
    old, new = connection.token_out, encrypt(TOKEN_C)
    call = site.call

    def rotates_meanwhile(outgoing: Any) -> Any:
        outcome = call(outgoing)
        Connection.objects.filter(pk=connection.pk, token_out=old).update(token_out=new)
        return outcome

    monkeypatch.setattr(site, "call", rotates_meanwhile)
    peer.script("POST", "/results", Twist(status=401), Twist(status=200, body=YES))
    running.run(errand)
    assert state(errand) == ("DUE", "unauthorized")
    make_due(errand)
    running.run(errand)
    assert state(errand) == ("DONE", "")


def test_what_is_too_late_is_not_sent(connection: Connection, peer: ScriptedPeer) -> None:
    asked, told = request(connection, seconds=-1), result(connection, f"{peer.url}/results/17", seconds=-1)
    running.run(asked)
    running.run(told)
    assert (state(asked), state(told)) == (("EXPIRED", "too_late"), ("EXPIRED", "too_late"))
    assert peer.received == []
    assert probes.noted() == [
        "answered START_SESSION a1b2 too_late sent=False",
        "delivered START_SESSION a1b2 too_late sent=False",
    ]


def test_a_result_ends_at_its_deadline(connection: Connection, peer: ScriptedPeer) -> None:
    peer.script("POST", "/results", Twist(status=500), forever=True)
    errand = result(connection, f"{peer.url}/results/17", seconds=1.2)
    running.run(errand)
    row = Errand.objects.get(pk=errand)
    assert row.due_at == row.deadline, "two seconds would be after it"
    assert running.errands_due(row.deadline) == [(errand, row.deadline)]
    time.sleep(max(0.0, (row.deadline - site.now()).total_seconds()) + 0.01)
    running.run(errand)
    assert state(errand) == ("EXPIRED", "server_error")
    assert len(posted(peer, "/results")) == 1
    assert probes.noted() == ["delivered START_SESSION a1b2 server_error sent=True"]


def test_a_host_that_is_no_longer_the_partners_gets_no_result(connection: Connection, peer: ScriptedPeer) -> None:
    errand = result(connection, "http://127.0.0.2:80/results/17")
    running.run(errand)
    assert state(errand) == ("FAILED", "unconfirmed_host")


def test_a_push_goes_to_the_sender_interface(connection: Connection, peer: ScriptedPeer) -> None:
    path = "/ocpi/2.3.0/sender/chargingprofiles"
    peer.script("PUT", path, Twist(status=500), Twist(status=200, body=YES))
    ours, theirs = parties()
    now = site.now()
    period = {"start_period": 0, "limit": 16}
    tree = {
        "start_date_time": "2026-11-01T10:00:00Z",
        "charging_profile": {"charging_rate_unit": "A", "charging_profile_period": [period]},
    }
    errand = errands.owe_push(
        connection=connection.pk,
        sender=ours,
        receiver=theirs,
        module="chargingprofiles",
        kind="ACTIVE",
        key=KEY,
        method="PUT",
        path="{session_id}",
        segments={"session_id": "S 1"},
        tree=tree,
        deadline=now + timedelta(minutes=1),
        now=now,
    )
    running.run(errand)
    make_due(errand)
    running.run(errand)
    assert state(errand) == ("DONE", "")
    assert [(each.path, each.json) for each in posted(peer, path)] == [(f"{path}/S 1", tree)] * 2
    assert probes.noted() == ["delivered ACTIVE a1b2"]


# --- side by side, and dying ----------------------------------------------------------------------------------------------


def test_who_overlaps_sends_once(transactional_db: None, connection: Connection, peer: ScriptedPeer) -> None:
    peer.script("POST", COMMANDS, Twist(body=TAKEN, delay=0.1), forever=True)
    errand = request(connection)
    assert sum(in_threads([errand] * 6)) == 1
    assert len(posted(peer)) == 1
    assert probes.noted() == ["answered START_SESSION a1b2 ACCEPTED"]


def in_threads(chosen: list[int]) -> list[int]:
    ran: list[int] = []

    def work(errand: int) -> None:
        try:
            ran.append(running.run(errand))
        finally:
            database.close()

    threads = [threading.Thread(target=work, args=(errand,)) for errand in chosen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ran


@pytest.mark.parametrize(("failures", "places"), [(0, running.PLACES), (3, 1)])
def test_a_slow_partner_takes_no_more_than_its_places(
    failures: int, places: int, transactional_db: None, connection: Connection, peer: ScriptedPeer
) -> None:
    """Once it answers, the bound of a line that was down is lifted: counted is what travels until then."""
    Connection.objects.filter(pk=connection.pk).update(failures_in_a_row=failures)
    peer.script("POST", COMMANDS, Twist(status=500, delay=0.3, works=False), forever=True)
    chosen = [request(connection, key=f"{number:032d}") for number in range(10)]
    most = [0]
    over = threading.Event()

    def watch() -> None:
        try:
            while not over.is_set():
                most[0] = max(most[0], Errand.objects.filter(state="SENDING").count())
                time.sleep(0.01)
        finally:
            database.close()

    watching = threading.Thread(target=watch)
    watching.start()
    assert len(running.errands_due(site.now())) == running.PLACES
    ran = in_threads(chosen)
    over.set()
    watching.join()
    assert most[0] == places
    assert sum(ran) == 10, "who ends one goes on with the next"
    assert len(posted(peer)) == 10


def test_a_request_whose_process_died_is_not_sent_again(connection: Connection, peer: ScriptedPeer) -> None:
    peer.script("POST", COMMANDS, Twist(body=TAKEN), forever=True)
    errand = request(connection)
    Errand.objects.filter(pk=errand).update(
        state="SENDING", attempts=1, lease_until=site.now() + timedelta(seconds=0.3)
    )
    assert running.run(errand) == 0
    time.sleep(0.31)
    assert [found for found, _ in running.errands_due(site.now())] == [errand]
    running.run(errand)
    assert peer.received == []
    assert state(errand) == ("FAILED", "interrupted")
    assert probes.noted() == ["answered START_SESSION a1b2 interrupted sent=True"]


def test_who_lost_its_lease_finishes_nothing(connection: Connection, peer: ScriptedPeer) -> None:
    peer.script("POST", "/results", Twist(status=200, body=YES, works=False), forever=True)
    errand = result(connection, f"{peer.url}/results/17")
    first = running._claim(connection.pk, errand)
    assert first is not None
    Errand.objects.filter(pk=errand).update(lease_until=site.now())
    assert running.run(errand) == 1, "another process takes it over"
    running._run(*first)
    assert len(posted(peer, "/results")) == 2, "the receiver ignores the second"
    assert probes.noted() == ["delivered START_SESSION a1b2"], "the app hears of it once"
    assert state(errand) == ("DONE", "")


def test_what_the_app_cannot_take_it_hears_again(
    connection: Connection, peer: ScriptedPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer.script("POST", "/results", Twist(status=200, body=YES, works=False), forever=True)
    errand = result(connection, f"{peer.url}/results/17")
    with monkeypatch.context() as patched:
        patched.setattr(probes, "note", lambda *_: 1 / 0)
        assert running.run(errand) == 1
    assert state(errand)[0] == "SENDING", "it is not over"
    assert running.errands_due(site.now()) == []
    Errand.objects.filter(pk=errand).update(lease_until=site.now())
    running.run(errand)
    assert probes.noted() == ["delivered START_SESSION a1b2"]
    assert state(errand) == ("DONE", "")


def test_a_line_that_answers_again_waits_for_no_probe(connection: Connection, peer: ScriptedPeer) -> None:
    peer.script("POST", "/results", Twist(drop=True), Twist(status=200, body=YES, works=False))
    errand = result(connection, f"{peer.url}/results/17")
    running.run(errand)
    connection.refresh_from_db()
    assert connection.failures_in_a_row == 1
    Connection.objects.update(next_attempt_at=site.now() + timedelta(minutes=5))
    make_due(errand)
    running.run(errand)
    connection.refresh_from_db()
    assert (connection.failures_in_a_row, connection.next_attempt_at) == (0, None)


def test_states_are_closed_and_the_table_is_whole() -> None:
    assert set(ERRAND_TRANSITIONS) == set(ErrandState)
    over = {state for state, next_ones in ERRAND_TRANSITIONS.items() if not next_ones}
    assert over == {ErrandState.DONE, ErrandState.FAILED, ErrandState.EXPIRED}
    assert {what.value for what in What} == {"REQUEST", "RESULT", "PUSH"}


def test_statements_of_an_errand(connection: Connection, peer: ScriptedPeer) -> None:
    """Of owing (two are of this file: who the parties are), of a look of the sweep, and of a run with the look for the next one,
    the two statements of the app included."""
    peer.script("POST", COMMANDS, Twist(body=TAKEN), forever=True)
    with Counted() as counted:
        errand = request(connection)
    check("owe an errand", counted)
    for number in range(6):
        request(connection, key=f"{number:032d}", seconds=-1)
    with Counted() as counted:
        running.errands_due(site.now())
    check("look for errands", counted)
    Errand.objects.exclude(pk=errand).delete()
    with Counted() as counted:
        running.run(errand)
    assert state(errand) == ("DONE", "")
    check("run an errand", counted)


def test_old_ones_are_trimmed_and_open_ones_stay(connection: Connection, peer: ScriptedPeer) -> None:
    done, waiting = request(connection), request(connection, key=KEY[::-1])
    long_ago = site.now() - timedelta(days=40)
    Errand.objects.update(created_at=long_ago)
    Errand.objects.filter(pk=done).update(state="DONE", finished_at=long_ago)
    assert errands.trim(before=site.now() - timedelta(days=30)) == 1
    assert list(Errand.objects.values_list("pk", flat=True)) == [waiting]
