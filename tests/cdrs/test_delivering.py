"""CDRs of ours on their way, over HTTP to the scripted peer: sent until taken, never twice in the books, asked for again."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from backoffice.cdrs.actions import asking
from backoffice.cdrs.models import Cdr, CdrEvent
from backoffice.delivery.actions import draining
from backoffice.delivery.models import Exchange, Message
from backoffice.partners.models import Connection, Party
from backoffice.roaming_site import site
from tests.cdrs.cast import own_cdr
from tests.meeting import registered
from tests.peer import ScriptedPeer, Twist

RECEIVER = "/ocpi/2.3.0/receiver/cdrs"


@pytest.fixture
def connection(platform: Party, peer: ScriptedPeer) -> Connection:
    return registered(peer)


@pytest.fixture
def emsp(connection: Connection) -> Party:
    return Party.objects.get(country_code="NL", party_id="TNM")


def drained(connection: Connection, peer: ScriptedPeer, *, minutes: float = 0) -> list[str]:
    """What arrived: the ids of the CDRs that were posted."""
    peer.received.clear()
    Message.objects.filter(state="DUE").update(due_at=site.now() - timedelta(seconds=1))
    Connection.objects.update(next_attempt_at=None)
    draining.drain(connection.pk)
    return [request.json["id"] for request in peer.pushed("POST", "cdrs")]


@pytest.mark.rule("T-284", "T-299", "T-301", "T-302")
def test_it_is_posted_whole_and_its_url_is_kept(connection: Connection, peer: ScriptedPeer, emsp: Party) -> None:
    cdr = own_cdr("C1", emsp)
    assert drained(connection, peer) == ["C1"]
    (request,) = peer.pushed("POST", "cdrs")
    assert request.path == RECEIVER, "no party segments"
    assert request.json == json.loads(cdr.document)
    assert request.headers["OCPI-to-party-id"] == "TNM"
    cdr.refresh_from_db()
    assert (cdr.state, cdr.acknowledged_url) == ("ACKNOWLEDGED", f"{peer.url}{RECEIVER}/1")
    assert [(e.what, e.from_state, e.to_state, e.by) for e in CdrEvent.objects.all()] == [
        ("ISSUED", "", "RELEASED", ""),
        ("ACKNOWLEDGE", "RELEASED", "ACKNOWLEDGED", connection.name),
    ]
    assert drained(connection, peer) == []


def test_a_partner_of_2_2_1_gets_it_in_its_words(platform: Party, peer: ScriptedPeer) -> None:
    peer.versions = ("2.2.1",)
    connection = registered(peer)
    own_cdr("C1", Party.objects.get(party_id="TNM"))
    assert drained(connection, peer) == ["C1"]
    told = peer.pushed("POST", "cdrs")[0].json
    assert told["total_cost"] == {"excl_vat": 9.0, "incl_vat": 11.25}
    assert Cdr.objects.get().state == "ACKNOWLEDGED"


FAILING = [
    ("503", Twist(status=503, works=False)),
    ("the line breaks before", Twist(drop=True, works=False)),
    ("3001", Twist(body=b'{"status_code":3001,"timestamp":"2026-01-01T00:00:00Z"}', works=False)),
    ("429", Twist(status=429, works=False)),
    ("no JSON", Twist(body=b"<html>", status=502, works=False)),
]


@pytest.mark.parametrize("twist", [row[1] for row in FAILING], ids=[row[0] for row in FAILING])
def test_it_is_sent_until_it_is_taken(twist: Twist, connection: Connection, peer: ScriptedPeer, emsp: Party) -> None:
    own_cdr("C1", emsp)
    peer.script("POST", RECEIVER, *[twist] * 9)
    for _ in range(9):
        assert drained(connection, peer) == ["C1"]
        assert Message.objects.get().state == "DUE"
        assert Cdr.objects.get().state == "RELEASED"
    assert drained(connection, peer) == ["C1"]
    assert (Message.objects.get().state, Cdr.objects.get().state) == ("DONE", "ACKNOWLEDGED")
    assert len(peer.held) == 1


def test_a_lost_answer_is_asked_for_by_sending_again(connection: Connection, peer: ScriptedPeer, emsp: Party) -> None:
    """The partner has it and its answer was lost: the same CDR goes again, to the letter, for it to recognise."""
    own_cdr("C1", emsp)
    peer.script("POST", RECEIVER, Twist(drop=True))
    assert drained(connection, peer) == ["C1"]
    first = peer.pushed("POST", "cdrs")[0].body
    assert drained(connection, peer) == ["C1"]
    assert peer.pushed("POST", "cdrs")[0].body == first
    assert Cdr.objects.get().state == "ACKNOWLEDGED"


@pytest.mark.parametrize("status", [409])
def test_a_refusal_as_duplicate_is_an_acknowledgement(
    status: int, connection: Connection, peer: ScriptedPeer, emsp: Party
) -> None:
    own_cdr("C1", emsp)
    peer.script("POST", RECEIVER, Twist(status=status, works=False))
    drained(connection, peer)
    cdr = Cdr.objects.get()
    assert (cdr.state, cdr.acknowledged_url) == ("ACKNOWLEDGED", "")


def test_a_refused_one_is_not_acknowledged(connection: Connection, peer: ScriptedPeer, emsp: Party) -> None:
    own_cdr("C1", emsp)
    body = b'{"status_code":2001,"status_message":"no such token","timestamp":"2026-01-01T00:00:00Z"}'
    peer.script("POST", RECEIVER, Twist(body=body, works=False))
    drained(connection, peer)
    assert (Message.objects.get().state, Cdr.objects.get().state) == ("REFUSED", "RELEASED")
    assert "no such token" in Message.objects.get().last_error


def test_a_location_that_is_no_url_is_not_kept(connection: Connection, peer: ScriptedPeer, emsp: Party) -> None:
    own_cdr("C1", emsp)
    peer.script("POST", RECEIVER, Twist(headers={"Location": "file:///etc/passwd"}))
    drained(connection, peer)
    cdr = Cdr.objects.get()
    assert (cdr.state, cdr.acknowledged_url) == ("ACKNOWLEDGED", "")


def test_they_are_never_coalesced(connection: Connection, peer: ScriptedPeer, emsp: Party) -> None:
    for number in range(5):
        own_cdr(f"C{number}", emsp)
    assert drained(connection, peer) == [f"C{number}" for number in range(5)]


# --- asked for again --------------------------------------------------------------------------------------------------


@pytest.fixture
def taken(connection: Connection, peer: ScriptedPeer, emsp: Party) -> Cdr:
    own_cdr("C1", emsp)
    drained(connection, peer)
    peer.received.clear()
    return Cdr.objects.get()


def tomorrow() -> datetime:
    return site.now() + timedelta(hours=20)


@pytest.mark.rule("T-301")
def test_yesterdays_are_asked_for_at_the_url_that_was_given(taken: Cdr, peer: ScriptedPeer) -> None:
    assert asking.ask_again(now=site.now() + timedelta(hours=1)) == {}, "not on the same day"
    assert asking.ask_again(now=tomorrow()) == {"SAME": 1}
    (request,) = peer.received
    assert (request.method, f"{peer.url}{request.path}") == ("GET", taken.acknowledged_url)
    taken.refresh_from_db()
    assert taken.confirmed_at is not None
    assert asking.ask_again(now=tomorrow() + timedelta(hours=1)) == {}, "it is confirmed"
    assert Exchange.objects.filter(trigger="asked again").count() == 1


def test_one_that_is_gone_is_sent_once_more(connection: Connection, taken: Cdr, peer: ScriptedPeer) -> None:
    peer.held.clear()
    assert asking.ask_again(now=tomorrow()) == {"GONE": 1}
    assert drained(connection, peer) == ["C1"]
    assert len(peer.held) == 1
    taken.refresh_from_db()
    assert (taken.state, taken.acknowledged_url) == ("ACKNOWLEDGED", f"{peer.url}{RECEIVER}/1")
    assert CdrEvent.objects.filter(what="SENT_AGAIN").count() == 1
    peer.held.clear()
    Cdr.objects.update(acknowledged_at=site.now(), asked_at=None)
    assert asking.ask_again(now=tomorrow()) == {"GONE": 1}
    assert drained(connection, peer) == [], "once is enough for a partner that does not answer GETs"
    taken.refresh_from_db()
    assert "nothing at the URL" in taken.asked_finding


@pytest.mark.parametrize(
    ("twist", "found"),
    [
        (Twist(status=500), "UNKNOWN"),
        (Twist(drop=True), "UNKNOWN"),
        (Twist(body=b'{"status_code":1000,"data":{"id":"C1"},"timestamp":"2026-01-01T00:00:00Z"}'), "OTHER"),
        (Twist(body=b'{"status_code":1000,"data":[],"timestamp":"2026-01-01T00:00:00Z"}'), "GONE"),
        (Twist(body=b'{"status_code":1000,"timestamp":"2026-01-01T00:00:00Z"}'), "GONE"),
        (Twist(body=b'{"status_code":2003,"timestamp":"2026-01-01T00:00:00Z"}'), "GONE"),
        (Twist(body=b"<html>"), "UNKNOWN"),
    ],
)
def test_what_the_answer_means(twist: Twist, found: str, taken: Cdr, peer: ScriptedPeer) -> None:
    peer.script("GET", RECEIVER, twist, forever=True)
    assert asking.ask_again(now=tomorrow()) == {found: 1}
    taken.refresh_from_db()
    assert taken.state == "ACKNOWLEDGED"
    assert taken.confirmed_at is None
    assert taken.asked_finding


def test_one_cent_is_another_cdr(taken: Cdr, peer: ScriptedPeer) -> None:
    peer.held["cdrs/1"]["total_cost"]["before_taxes"] = 9.01
    assert asking.ask_again(now=tomorrow()) == {"OTHER": 1}


def test_a_token_goes_to_no_other_host(taken: Cdr, peer: ScriptedPeer) -> None:
    with ScriptedPeer() as other:
        Cdr.objects.update(acknowledged_url=f"{other.url}/cdrs/1")
        assert asking.ask_again(now=tomorrow()) == {"UNKNOWN": 1}
        assert other.received == []
    assert "not a confirmed host" in Cdr.objects.get().asked_finding


def test_a_partner_that_is_gone_is_not_asked(connection: Connection, taken: Cdr, peer: ScriptedPeer) -> None:
    Connection.objects.update(state="PAUSED")
    assert asking.ask_again(now=tomorrow()) == {"UNKNOWN": 1}
    assert peer.received == []


def test_an_older_version_is_compared_in_its_words(platform: Party, peer: ScriptedPeer) -> None:
    peer.versions = ("2.2.1",)
    connection = registered(peer)
    tree: dict[str, Any] = {
        "total_cost": {"before_taxes": 9, "taxes": [{"name": "A", "amount": 1}, {"name": "B", "amount": 2}]}
    }
    own_cdr("C1", Party.objects.get(party_id="TNM"), **tree)
    drained(connection, peer)
    assert asking.ask_again(now=tomorrow()) == {"SAME": 1}
