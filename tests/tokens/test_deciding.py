"""A charge point of ours asks: our copy, the eMSP in real time, or the policy for one that is silent, slow or lies."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from backoffice.delivery.models import Exchange
from backoffice.partners.actions.connections import set_endpoints
from backoffice.partners.models import Connection, Party
from backoffice.partners.secrets import decrypt
from backoffice.roaming_site import site
from backoffice.sessions.actions import running
from backoffice.tokens.actions.authorizing import authorize, used
from backoffice.tokens.models import Authorization, SilencePolicy, Token
from backoffice.tokens.rules.deciding import Decision
from ocpi.wire.tokens import LocationReferences
from tests import factories
from tests.factories import small_token
from tests.peer import ScriptedPeer, Twist
from tests.sessions import cast

CARD = "04A1B2C3"
SENDER = "/ocpi/2.3.0/sender/tokens"
WHERE = LocationReferences(location_id="L1", evse_uids=["E1"])


@pytest.fixture
def emsp(db: None, reachable: None) -> Iterator[ScriptedPeer]:
    """NL-TNM, whose platform answers; our DE-RDK is the CPO."""
    with ScriptedPeer() as peer:
        connect(peer)
        yield peer


def connect(peer: ScriptedPeer, key: str = "NL-TNM", *, version: str = "2.3.0") -> Connection:
    made = factories.partner(
        f"{key}:EMSP", ours=Party.objects.filter(ours=True), versions_url=peer.versions_url, version=version
    ).connection
    set_endpoints(made, [("tokens", "SENDER", f"{peer.url}/ocpi/{version}/sender/tokens")])
    peer.accepts.add(decrypt(made.token_out))
    return made


def card(peer: ScriptedPeer | None, uid: str = CARD, *, theirs: dict[str, Any] | None = None, **ours: Any) -> Token:
    """A token of NL-TNM as it told us (`ours`), and as it is there now (`theirs`)."""
    tree = small_token(uid, "NL-TNM") | ours
    if peer is not None:
        peer.objects.setdefault("tokens", []).append(json.dumps(tree | (theirs or {})).encode())
    return factories.their_token(tree)


def decide(uid: str = CARD, kind: str = "RFID", location: LocationReferences | None = WHERE) -> Decision:
    party = Party.objects.filter(ours=True, roles__role="CPO").first()
    return authorize(
        uid=uid,
        token_type=kind,
        location=location,
        evse_uid="E1" if location else None,
        connector_id="1",
        cpo=party.pk if party else None,
        now=site.now(),
    )


def row() -> Authorization:
    return Authorization.objects.get()


def asked(peer: ScriptedPeer) -> list[tuple[str, str]]:
    return [(request.method, request.path) for request in peer.received]


# --- what the whitelist says ------------------------------------------------------------------------------------------

ANSWERS, SILENT = Twist(), Twist(status=503, works=False)
TABLE: list[tuple[str, bool, Twist, bool, str, int]] = [
    # whitelist, valid in our copy, how the eMSP behaves, allowed, on what ground, how often it was asked
    ("ALWAYS", True, ANSWERS, True, "WHITELIST", 0),
    ("ALWAYS", False, ANSWERS, False, "WHITELIST", 0),
    ("ALLOWED", True, ANSWERS, True, "WHITELIST", 0),
    ("ALLOWED", False, ANSWERS, True, "REAL_TIME", 1),
    ("ALLOWED", False, SILENT, False, "NONE", 1),
    ("ALLOWED_OFFLINE", True, ANSWERS, True, "REAL_TIME", 1),
    ("ALLOWED_OFFLINE", True, SILENT, True, "OFFLINE", 1),
    ("ALLOWED_OFFLINE", False, ANSWERS, True, "REAL_TIME", 1),
    ("ALLOWED_OFFLINE", False, SILENT, False, "NONE", 1),
    ("NEVER", True, ANSWERS, True, "REAL_TIME", 1),
    ("NEVER", True, SILENT, False, "NONE", 1),
    ("NEVER", False, ANSWERS, True, "REAL_TIME", 1),
    ("NEVER", False, SILENT, False, "NONE", 1),
]


@pytest.mark.rule("T-397", "T-398", "T-399", "T-400", "T-401", "T-371")
@pytest.mark.parametrize(("whitelist", "valid", "behaves", "allowed", "how", "times"), TABLE)
def test_the_whitelist_says_who_is_asked(
    whitelist: str, valid: bool, behaves: Twist, allowed: bool, how: str, times: int, emsp: ScriptedPeer
) -> None:
    token = card(emsp, whitelist=whitelist, valid=valid, theirs={"valid": True})
    emsp.script("POST", SENDER, behaves, forever=True)
    decision = decide()
    assert (decision.allowed, row().how) == (allowed, how)
    assert asked(emsp) == [("POST", f"{SENDER}/{CARD}/authorize")] * times
    assert (row().allowed == "ALLOWED", row().token_id, row().kind) == (allowed, token.pk, "DECIDED")
    assert decision.authorization_id == row().pk
    assert decision.reason == row().reason != ""
    token.refresh_from_db()
    assert (token.last_used_at is not None) is allowed
    assert decision.auth_method == {"WHITELIST": "WHITELIST", "OFFLINE": "WHITELIST"}.get(how, "AUTH_REQUEST")


def test_each_use_of_never_is_asked_anew(emsp: ScriptedPeer) -> None:
    card(emsp, whitelist="NEVER")
    assert [decide().allowed for _ in range(3)] == [True] * 3
    assert len(emsp.received) == 3


def test_a_policy_asks_where_the_copy_would_do_and_refuses_where_ocpi_would_let_in(emsp: ScriptedPeer) -> None:
    card(emsp, whitelist="ALLOWED")
    policy = SilencePolicy.objects.create(connection=Connection.objects.get(), ask_allowed=True)
    assert decide().reference is not None
    emsp.script("POST", SENDER, SILENT, forever=True)
    assert decide().allowed
    policy.when_silent = "REFUSE"
    policy.save()
    assert not decide().allowed
    assert "silence policy" in Authorization.objects.latest("pk").reason


# --- what is asked, and what is answered ------------------------------------------------------------------------------


@pytest.mark.rule("T-382")
@pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
def test_the_question_and_the_answer_word_by_word(version: str, db: None, reachable: None) -> None:
    with ScriptedPeer() as peer:
        connection = connect(peer, version=version)
        card(peer, whitelist="NEVER", contract_id="NL-TNM-OLD", theirs={"contract_id": "NL-TNM-C00012345-6"})
        decision = decide(uid="04a1b2c3")
        (request,) = peer.received
    assert request.path == f"/ocpi/{version}/sender/tokens/04a1b2c3/authorize"
    assert (request.query, request.json) == ({}, {"location_id": "L1", "evse_uids": ["E1"]})
    assert request.headers["OCPI-to-party-id"] == "TNM"
    assert request.headers["OCPI-from-party-id"] == "RDK"
    assert request.headers["X-Correlation-ID"] == row().correlation_id
    assert decision.reference == row().authorization_reference == "ref-1"
    assert decision.token == {
        "country_code": "NL",
        "party_id": "TNM",
        "uid": CARD,
        "type": "RFID",
        "contract_id": "NL-TNM-C00012345-6",
    }
    assert decision.emsp == Party.objects.get(party_id="TNM").pk
    assert (decision.connection, decision.outcome) == (connection.pk, "ALLOWED")
    log = Exchange.objects.get(trigger="authorize")
    assert CARD.lower() not in (log.url + log.request_body + log.response_body).lower()


def test_without_a_place_nothing_is_said_about_it(emsp: ScriptedPeer) -> None:
    card(emsp, whitelist="NEVER", type="APP_USER")
    assert decide(kind="APP_USER", location=None).allowed
    (request,) = emsp.received
    assert (request.query, request.body) == ({"type": ["APP_USER"]}, b"")


def test_a_type_of_the_newer_version_is_asked_about_in_the_older_ones_words(db: None, reachable: None) -> None:
    with ScriptedPeer(party_id="TNM") as peer:
        connect(peer, version="2.2.1")
        factories.their_token(small_token("FACE-1", "NL-TNM", type="FACE", whitelist="NEVER"))
        peer.objects["tokens"] = [json.dumps(small_token("FACE-1", "NL-TNM", type="OTHER")).encode()]
        assert decide("FACE-1", "FACE").allowed
        assert peer.received[0].query == {"type": ["OTHER"]}


@pytest.mark.parametrize("answer", ["BLOCKED", "EXPIRED", "NO_CREDIT", "NOT_ALLOWED"])
def test_a_no_of_the_emsp_is_a_no_whatever_the_whitelist(answer: str, emsp: ScriptedPeer) -> None:
    card(emsp, whitelist="ALLOWED_OFFLINE")
    info = {"allowed": answer, "token": small_token(CARD, "NL-TNM"), "info": {"language": "en", "text": "Call us."}}
    emsp.script("POST", SENDER, Twist(body=envelope(info)))
    decision = decide()
    assert (decision.allowed, decision.outcome, decision.reference, decision.token) == (False, answer, None, None)
    assert (row().allowed, row().reason_code, row().info) == (answer, "ANSWERED", "Call us.")


def envelope(data: Any, code: int = 1000) -> bytes:
    return json.dumps({"data": data, "status_code": code, "timestamp": "2026-03-01T08:00:00Z"}).encode()


def info(**changes: Any) -> dict[str, Any]:
    token = small_token(CARD, "NL-TNM") | changes.pop("token", {})
    return {"allowed": "ALLOWED", "token": token, "authorization_reference": "R"} | changes


# --- an eMSP that is silent, slow or lies -----------------------------------------------------------------------------

LIES: list[tuple[str, Twist, str]] = [
    ("about another card", Twist(body=envelope(info(token={"uid": "OTHER"}))), "NOT_READABLE"),
    ("about another type", Twist(body=envelope(info(token={"type": "APP_USER"}))), "NOT_READABLE"),
    ("about another eMSP's card", Twist(body=envelope(info(token={"party_id": "XXX"}))), "REFUSED"),
    (
        "about another location",
        Twist(body=envelope(info(location={"location_id": "L2", "evse_uids": ["E1"]}))),
        "NOT_READABLE",
    ),
    (
        "that another EVSE may be used",
        Twist(body=envelope(info(location={"location_id": "L1", "evse_uids": ["E2"]}))),
        "NO_EVSE",
    ),
    ("that it does not know it", Twist(status=404, body=envelope(None, 2004)), "UNKNOWN_TOKEN"),
    ("that it does not know it, with 200", Twist(body=envelope(None, 2004)), "UNKNOWN_TOKEN"),
    ("2002 although it knows the place", Twist(body=envelope(None, 2002)), "REFUSED"),
    ("2001", Twist(body=envelope(None, 2001)), "REFUSED"),
]
SILENCES: list[tuple[str, Twist]] = [
    ("503", SILENT),
    ("500 with a page", Twist(status=500, body=b"<html>oops</html>")),
    ("no answer but the end", Twist(drop=True)),
    ("half an answer", Twist(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{")),
    ("nothing HTTP", Twist(raw=b"SSH-2.0-OpenSSH_9\r\n")),
    ("no JSON", Twist(body=b"<html>Welcome</html>")),
    ("no envelope", Twist(body=json.dumps(info()).encode())),
    ("3000", Twist(body=envelope(None, 3000))),
    ("401", Twist(status=401, body=envelope(None, 2000))),
    ("405", Twist(status=405, body=envelope(None, 2000))),
    ("a redirect", Twist(status=302, headers={"Location": "http://127.0.0.1:1/"})),
    ("nothing in it", Twist(body=envelope(None))),
    ("a list", Twist(body=envelope([info()]))),
    ("an allowed that is none", Twist(body=envelope(info(allowed="SURE")))),
    ("no token", Twist(body=envelope({"allowed": "ALLOWED"}))),
    ("a token that is none", Twist(body=envelope(info(token={"valid": "yes"})))),
    ("429", Twist(status=429, headers={"Retry-After": "60"}, body=envelope(None, 2000))),
]


@pytest.mark.parametrize(("name", "twist", "code"), LIES, ids=[name for name, _, _ in LIES])
def test_a_lie_lets_nobody_in(name: str, twist: Twist, code: str, emsp: ScriptedPeer) -> None:
    """Not even a token that could be used offline: there was an answer."""
    card(emsp, whitelist="ALLOWED_OFFLINE")
    emsp.script("POST", SENDER, twist)
    assert not decide().allowed
    assert (row().reason_code, row().authorization_reference) == (code, "")


@pytest.mark.rule("T-400", "T-401")
@pytest.mark.parametrize(("name", "twist"), SILENCES, ids=[name for name, _ in SILENCES])
def test_what_is_no_answer_is_silence(name: str, twist: Twist, emsp: ScriptedPeer) -> None:
    card(emsp, whitelist="ALLOWED_OFFLINE")
    card(emsp, "BB", whitelist="NEVER")
    emsp.script("POST", SENDER, twist, twist)
    assert (decide().allowed, decide("BB").allowed) == (True, False)
    assert sorted(Authorization.objects.values_list("how", "reason_code")) == [
        ("NONE", "SILENT"),
        ("OFFLINE", "OFFLINE"),
    ]
    assert len(emsp.received) == 2  # nobody is asked twice: a driver waits


WRAPPED: list[tuple[str, Any, bool]] = [
    ("one in a list", [info()], True),
    ("a no in a list", [info(allowed="BLOCKED")], False),
    ("two in a list", [info(), info()], False),
    ("an empty list", [], False),
    ("a list in a list", [[info()]], False),
    ("another token in a list", [info(token={"party_id": "XXX"})], False),
]


@pytest.mark.parametrize(("name", "data", "allowed"), WRAPPED, ids=[name for name, _, _ in WRAPPED])
def test_a_list_around_the_answer_is_read_where_the_repair_is_on(
    name: str, data: Any, allowed: bool, emsp: ScriptedPeer
) -> None:
    card(emsp, whitelist="NEVER")
    emsp.script("POST", SENDER, *[Twist(body=envelope(data))] * 2)
    assert not decide().allowed
    Connection.objects.update(repairs=["accept_list_around_an_answer"])
    assert decide().allowed is allowed


@pytest.mark.parametrize("delay", [4.0])
def test_a_slow_one_is_not_waited_for(delay: float, emsp: ScriptedPeer) -> None:
    SilencePolicy.objects.create(connection=Connection.objects.get(), seconds=1)
    card(emsp, whitelist="NEVER")
    emsp.script("POST", SENDER, Twist(delay=delay))
    began = time.perf_counter()
    decision = decide()
    assert time.perf_counter() - began < delay
    assert (decision.allowed, row().reason_code) == (False, "SILENT")
    assert 900 < row().elapsed_ms < delay * 1000
    assert Exchange.objects.get(trigger="authorize").cause == "timeout"


def test_one_that_drips_is_not_waited_for(emsp: ScriptedPeer) -> None:
    """A byte every half second never breaks a time-out between bytes; it breaks ours, which is for all of it."""
    import socket
    import threading

    SilencePolicy.objects.create(connection=Connection.objects.get(), seconds=1)
    card(emsp, whitelist="ALLOWED_OFFLINE")
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]

    def drip() -> None:
        line, _ = listening.accept()
        with line:
            for sign in b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n":
                try:
                    line.send(bytes([sign]))
                except OSError:
                    return
                time.sleep(0.3)

    threading.Thread(target=drip, daemon=True).start()
    connection = Connection.objects.get()
    set_endpoints(connection, [("tokens", "SENDER", f"http://127.0.0.1:{port}/tokens")])
    Connection.objects.update(confirmed_origins=[f"http://127.0.0.1:{port}"])
    began = time.perf_counter()
    assert decide().allowed
    assert time.perf_counter() - began < 3
    assert row().how == "OFFLINE"
    listening.close()


# --- who cannot be asked ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("whitelist", ["ALLOWED_OFFLINE", "NEVER"])
@pytest.mark.parametrize("trouble", ["paused", "no endpoint", "unconfirmed host"])
def test_an_emsp_that_cannot_be_asked(trouble: str, whitelist: str, emsp: ScriptedPeer) -> None:
    card(emsp, whitelist=whitelist)
    if trouble == "paused":
        Connection.objects.update(state="PAUSED")
    elif trouble == "no endpoint":
        set_endpoints(Connection.objects.get(), [])
    else:
        Connection.objects.update(confirmed_origins=[])
    assert decide().allowed is (whitelist == "ALLOWED_OFFLINE")
    assert row().reason_code == ("OFFLINE" if whitelist == "ALLOWED_OFFLINE" else "UNREACHABLE")
    assert emsp.received == []


@pytest.mark.parametrize("whitelist", ["ALWAYS", "ALLOWED", "ALLOWED_OFFLINE", "NEVER"])
def test_nobody_charges_for_an_emsp_to_whom_nothing_leads(whitelist: str, emsp: ScriptedPeer) -> None:
    card(emsp, whitelist=whitelist)
    Connection.objects.get().roles.all().delete()
    decision = decide()
    assert (decision.allowed, row().reason_code) == (False, "UNREACHABLE")


# --- whose card it is -------------------------------------------------------------------------------------------------


def test_nobody_takes_over_the_card_of_another(emsp: ScriptedPeer) -> None:
    """A second eMSP claims the same id: the one that we have known longest still counts."""
    first = card(emsp, whitelist="ALWAYS")
    factories.partner("SE-ELV:EMSP", ours=Party.objects.filter(ours=True))
    factories.their_token(small_token(CARD, "SE-ELV", whitelist="ALWAYS"))
    assert decide().emsp == first.party_id
    Token.objects.filter(pk=first.pk).update(valid=False)
    assert decide().emsp == Party.objects.get(party_id="ELV").pk


def test_a_token_of_our_own_is_answered_in_this_house(emsp: ScriptedPeer) -> None:
    ours = factories.own_token(small_token(CARD, "DE-RDK", whitelist="NEVER"))
    decision = decide()
    assert (decision.allowed, decision.emsp, decision.connection) == (True, ours.party_id, None)
    assert decision.reference and row().how == "OWN"
    Token.objects.update(hold="NO_CREDIT", held_at=site.now())
    assert decide().outcome == "NO_CREDIT"
    assert emsp.received == []


def test_our_own_token_for_other_countries_is_refused_at_our_own_location(emsp: ScriptedPeer) -> None:
    factories.own_location(factories.small_location("L1", "DE-RDK", country="DEU"))
    factories.own_token(small_token(CARD, "DE-RDK"))
    Token.objects.update(only_in=["SWE"])
    assert (decide().outcome, row().reason_code) == ("NOT_ALLOWED", "OUTSIDE")
    Token.objects.update(only_in=["DEU"])
    assert decide().allowed


@pytest.mark.rule("T-374")
def test_an_unknown_card_is_asked_about_only_where_staff_said_so(emsp: ScriptedPeer) -> None:
    emsp.objects["tokens"] = [json.dumps(small_token(CARD, "NL-TNM", contract_id="NL-TNM-X")).encode()]
    assert not decide().allowed
    assert (row().reason_code, emsp.received) == ("UNKNOWN_TOKEN", [])
    SilencePolicy.objects.create(connection=Connection.objects.get(), ask_unknown=True)
    decision = decide()
    assert decision.allowed and decision.reference
    assert decision.token is not None and decision.token["contract_id"] == "NL-TNM-X"
    assert decision.emsp == Party.objects.get(party_id="TNM").pk
    assert not decide("NOBODYS").allowed
    assert not Token.objects.exists()  # what was asked is no copy


def test_of_several_partners_the_one_that_knows_it_is_found(emsp: ScriptedPeer) -> None:
    with ScriptedPeer(party_id="BEC") as other:
        connect(other, "NL-BEC")
        other.objects["tokens"] = [json.dumps(small_token(CARD, "NL-BEC")).encode()]
        for connection in Connection.objects.all():
            SilencePolicy.objects.create(connection=connection, ask_unknown=True)
        assert decide().emsp == Party.objects.get(party_id="BEC").pk
        assert (len(emsp.received), len(other.received)) == (1, 1)


@pytest.mark.rule("T-395")
@pytest.mark.parametrize("uid", ["NLTNMC000123456", "NL-TNM-C00012345-6"])
def test_an_emaid_names_its_emsp(uid: str, emsp: ScriptedPeer) -> None:
    emsp.objects["tokens"] = [json.dumps(small_token(uid, "NL-TNM", type="EMAID")).encode()]
    assert decide(uid, "EMAID").allowed
    assert emsp.received[0].query == {"type": ["EMAID"]}
    for nobodys in ("SEELVC000123456", "???", "NL"):
        assert not decide(nobodys, "EMAID").allowed
    assert len(emsp.received) == 1


@pytest.mark.parametrize("uid", ["", "x" * 37, "a\x00b", "ÄÖ", "line\nfeed"])
def test_what_a_broken_reader_shows_is_no_token(uid: str, emsp: ScriptedPeer) -> None:
    assert not decide(uid).allowed
    assert row().reason_code == "NOT_READABLE"
    assert emsp.received == []


def test_a_number_plate_starts_no_charge(emsp: ScriptedPeer) -> None:
    card(emsp, "S-RD-17", type="LICENSE_PLATE", whitelist="ALWAYS")
    assert not decide("S-RD-17", "LICENSE_PLATE").allowed


def test_a_used_decision_knows_when(emsp: ScriptedPeer) -> None:
    card(emsp, whitelist="ALWAYS")
    decision = decide()
    moment = site.now()
    used(decision.authorization_id, now=moment)
    used(decision.authorization_id, now=site.now())
    assert row().used_at == moment


@pytest.mark.rule("T-389")
def test_the_reference_of_the_answer_goes_into_the_session(emsp: ScriptedPeer) -> None:
    evse = cast.point()
    card(emsp, whitelist="NEVER")
    decision = decide(location=LocationReferences(location_id="LOC1", evse_uids=["E1"]))
    session = running.begin(
        location=evse.location,
        evse=evse,
        connector_id="1",
        decision=decision,
        transaction_id="TX-1",
        meter_kwh=Decimal(1000),
        now=cast.NOW,
    )
    told = session.tree()
    assert told["authorization_reference"] == decision.reference == "ref-1"
    assert told["cdr_token"] == decision.token
    assert told["auth_method"] == "AUTH_REQUEST"
