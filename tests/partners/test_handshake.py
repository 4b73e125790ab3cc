"""The credentials module both ways against the scripted peer, over real sockets: whole flows, and nothing half-changed."""

import threading
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from backoffice.delivery.models import Exchange
from backoffice.partners import peers
from backoffice.partners.actions import connections, handshake
from backoffice.partners.actions.discovery import UnableToHandshake
from backoffice.partners.models import Connection, InboundToken, Party, PartyRole, Step
from backoffice.partners.rules import TRANSITIONS, ConnectionEvent, ConnectionState, NotAllowed, move
from backoffice.partners.secrets import decrypt
from backoffice.roaming_site import site
from tests.factories import own_party, partner
from tests.meeting import registered
from tests.peer import ScriptedPeer, Twist, assert_ocpi_answer, call
from tests.peer.platform import TOKEN_A, TOKEN_B, TOKEN_C


def _facts(connection: Connection) -> dict[str, Any]:
    """Everything of a registration that a failed flow must leave alone."""
    row = Connection.objects.get(pk=connection.pk)
    return {
        "state": row.state,
        "version": row.version,
        "versions_url": row.versions_url,
        "token": decrypt(row.token_out) if row.token_out else "",
        "endpoints": sorted(row.endpoints.values_list("identifier", "role", "url")),
        "roles": sorted(str(role) for role in row.roles.all()),
        "open tokens": sorted(row.inbound_tokens.filter(burnt_at=None).values_list("pk", "expires_at")),
        "busy": row.busy_since,
    }


def _credentials_url(version: str = "2.3.0") -> str:
    return f"{site.public_url}/ocpi/{version}/credentials"


# --- they register with us ------------------------------------------------------------------------------------------


@pytest.mark.rule("T-155", "T-158", "T-159", "T-160", "T-162", "T-163", "T-165")
@pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
def test_a_partner_registers_with_our_token_a(platform: Party, peer: ScriptedPeer, version: str) -> None:
    connection, token_a = connections.invite(name="TNM", our_parties=[platform], now=site.now())

    answer = peer.register_at(site.versions_url(), token_a, version)

    data = assert_ocpi_answer(answer)
    connection.refresh_from_db()
    assert (connection.state, connection.version) == ("ACTIVE", version)
    assert decrypt(connection.token_out) == TOKEN_B
    assert {(str(role.party), role.role, role.state) for role in connection.roles.all()} == {
        ("NL-TNM", "EMSP", "ACTIVE")
    }
    assert connection.endpoints.filter(identifier="locations", role="RECEIVER").exists()
    assert data["token"] not in (token_a, TOKEN_B)
    assert data["url"] == site.versions_url()
    assert {(role["country_code"], role["party_id"], role["role"]) for role in data["roles"]} == {
        ("DE", "RDK", "CPO"),
        ("DE", "RDK", "EMSP"),
    }
    read_back = [request.path for request in peer.received if request.headers["Authorization"].startswith("Token ")]
    assert read_back == ["/ocpi/versions", f"/ocpi/{version}"]  # with token B, before we answered
    assert call("GET", site.versions_url(), token_a).status == 401
    assert call("GET", site.versions_url(), data["token"]).status == 200


@pytest.mark.parametrize(
    ("path", "twist", "status_code"),
    [
        ("/ocpi/versions", Twist(status=500), 3001),
        ("/ocpi/versions", Twist(drop=True), 3001),
        ("/ocpi/versions", Twist(body=b"not json"), 3001),
        ("/ocpi/versions", Twist(body=b'{"data":[],"status_code":1000,"timestamp":"2026-01-01T00:00:00Z"}'), 3002),
        ("/ocpi/2.3.0", Twist(status=404), 3001),
        (
            "/ocpi/2.3.0",
            Twist(
                body=b'{"data":{"version":"2.3.0","endpoints":[{"identifier":"locations","role":"SENDER",'
                b'"url":"http://127.0.0.1/l"}]},"status_code":1000,"timestamp":"2026-01-01T00:00:00Z"}'
            ),
            3003,
        ),
    ],
)
@pytest.mark.rule("T-113", "T-114", "T-115", "T-174", "T-176")
def test_what_fails_while_we_call_back_changes_nothing(
    platform: Party, peer: ScriptedPeer, path: str, twist: Twist, status_code: int
) -> None:
    connection, token_a = connections.invite(name="TNM", our_parties=[platform], now=site.now())
    before = _facts(connection)
    peer.script("GET", path, twist)

    answer = peer.register_at(site.versions_url(), token_a)

    assert_ocpi_answer(answer, status_code=status_code)
    assert _facts(connection) == before
    assert Step.objects.filter(connection=connection, ok=False).exists()
    assert_ocpi_answer(peer.register_at(site.versions_url(), token_a))  # the same token A still does


@pytest.mark.rule("T-166", "T-167", "T-168", "T-173", "T-154")
def test_405_follows_the_state_of_the_registration(platform: Party, peer: ScriptedPeer) -> None:
    _, token_a = connections.invite(name="TNM", our_parties=[platform], now=site.now())
    url = _credentials_url()
    for method in ("PUT", "DELETE", "PATCH"):
        body = None if method == "DELETE" else peer.credentials(TOKEN_B)
        assert_ocpi_answer(call(method, url, token_a, body=body), status=405, status_code=2000)
    token = peer.register_at(site.versions_url(), token_a).data["token"]
    assert_ocpi_answer(call("POST", url, token, body=peer.credentials(TOKEN_B)), status=405, status_code=2000)
    assert_ocpi_answer(call("PATCH", url, token, body=b"{}"), status=405, status_code=2000)


@pytest.mark.rule("T-172", "T-180", "T-181")
def test_get_returns_what_the_caller_uses(platform: Party, peer: ScriptedPeer) -> None:
    _, token_a = connections.invite(name="TNM", our_parties=[platform], now=site.now())
    token = peer.register_at(site.versions_url(), token_a).data["token"]
    data = assert_ocpi_answer(call("GET", _credentials_url(), token))
    assert (data["token"], data["url"]) == (token, site.versions_url())
    assert data["roles"]


@pytest.mark.rule("T-169", "T-170")
def test_a_put_brings_new_tokens_endpoints_and_version(platform: Party, peer: ScriptedPeer) -> None:
    connection, token_a = connections.invite(name="TNM", our_parties=[platform], now=site.now())
    old = peer.register_at(site.versions_url(), token_a, "2.2.1").data["token"]
    peer.accepts.add("token-b2")
    peer.receiver_modules = ("locations",)

    answer = call("PUT", _credentials_url("2.3.0"), old, body=peer.credentials("token-b2"))

    new = assert_ocpi_answer(answer)["token"]
    connection.refresh_from_db()
    assert new != old
    assert connection.version == "2.3.0"
    assert decrypt(connection.token_out) == "token-b2"
    assert set(connection.endpoints.filter(role="RECEIVER").values_list("identifier", flat=True)) == {"locations"}


def test_a_failed_put_changes_nothing(platform: Party, peer: ScriptedPeer) -> None:
    connection, token_a = connections.invite(name="TNM", our_parties=[platform], now=site.now())
    token = peer.register_at(site.versions_url(), token_a).data["token"]
    before = _facts(connection)
    answer = call("PUT", _credentials_url(), token, body=peer.credentials("a token that the peer does not take"))
    assert_ocpi_answer(answer, status_code=2001)  # no spaces in a credentials token
    answer = call("PUT", _credentials_url(), token, body=peer.credentials("not-accepted-there"))
    assert_ocpi_answer(answer, status_code=3001)
    assert _facts(connection) == before
    assert call("GET", site.versions_url(), token).status == 200


@pytest.mark.rule("T-171")
def test_delete_ends_the_connection(platform: Party, peer: ScriptedPeer) -> None:
    connection, token_a = connections.invite(name="TNM", our_parties=[platform], now=site.now())
    token = peer.register_at(site.versions_url(), token_a).data["token"]
    assert_ocpi_answer(call("DELETE", _credentials_url(), token))
    connection.refresh_from_db()
    assert (connection.state, connection.token_out, connection.roles.count()) == ("REMOVED", "", 0)
    assert call("GET", site.versions_url(), token).status == 401


@pytest.mark.rule("T-182")
def test_a_role_said_twice_is_refused(platform: Party, peer: ScriptedPeer) -> None:
    connection, token_a = connections.invite(name="TNM", our_parties=[platform], now=site.now())
    before = _facts(connection)
    body = peer.credentials(TOKEN_B).replace(b'"roles": [', b'"roles": [' + _role(b"nl", b"tnm") + b", ")
    assert_ocpi_answer(call("POST", _credentials_url(), token_a, body=body), status_code=2001)
    assert _facts(connection) == before


def _role(country: bytes, party: bytes, role: bytes = b"EMSP") -> bytes:
    return b'{"role": "%s", "party_id": "%s", "country_code": "%s", "business_details": {"name": "n"}}' % (
        role,
        party,
        country,
    )


@pytest.mark.rule("T-183")
def test_one_role_for_several_parties(platform: Party, peer: ScriptedPeer) -> None:
    connection, token_a = connections.invite(name="TNM", our_parties=[platform], now=site.now())
    body = peer.credentials(TOKEN_B).replace(b'"roles": [', b'"roles": [' + _role(b"BE", b"BEC") + b", ")
    assert_ocpi_answer(call("POST", _credentials_url(), token_a, body=body))
    assert {str(role) for role in connection.roles.all()} == {"BE-BEC EMSP", "NL-TNM EMSP"}


def test_a_party_of_another_partner_waits_for_approval(platform: Party, peer: ScriptedPeer) -> None:
    holder = partner("NL-TNM:EMSP", ours=[platform])
    connection, token_a = connections.invite(name="claimant", our_parties=[platform], now=site.now())
    token = assert_ocpi_answer(peer.register_at(site.versions_url(), token_a))["token"]

    claim = connection.roles.get()
    assert claim.state == "AWAITING_APPROVAL"
    known = peers.by_token(token, token, site.now())
    assert known is not None
    assert known.theirs == ()

    connections.approve_claim(claim)
    known = peers.by_token(token, token, site.now())
    assert known is not None
    assert [str(party) for party in known.theirs] == ["NL-TNM"]
    assert holder.connection.roles.get().state == "REFUSED"


def test_nobody_takes_our_own_party(platform: Party, peer: ScriptedPeer) -> None:
    peer.country_code, peer.party_id, peer.role = "DE", "RDK", "CPO"
    connection, token_a = connections.invite(name="thief", our_parties=[platform], now=site.now())
    assert_ocpi_answer(peer.register_at(site.versions_url(), token_a))
    claim = connection.roles.get()
    assert claim.state == "AWAITING_APPROVAL"
    with pytest.raises(connections.UnableToConnect):
        connections.approve_claim(claim)
    assert PartyRole.objects.get(pk=claim.pk).state == "AWAITING_APPROVAL"


def test_token_a_expires(platform: Party, peer: ScriptedPeer) -> None:
    _, token_a = connections.invite(name="TNM", our_parties=[platform], now=site.now() - timedelta(days=8))
    assert call("GET", site.versions_url(), token_a).status == 401


# --- we register with them ------------------------------------------------------------------------------------------


@pytest.mark.rule("T-157", "T-161", "T-164", "T-151")
def test_we_register_with_their_token_a(platform: Party, peer: ScriptedPeer) -> None:
    connection = registered(peer)

    assert (connection.state, connection.version) == ("ACTIVE", "2.3.0")  # the newest of 2.2.1 and 2.3.0
    assert decrypt(connection.token_out) == TOKEN_C
    ours = [(request.method, request.path) for request in peer.received]
    assert ours == [("GET", "/ocpi/versions"), ("GET", "/ocpi/2.3.0"), ("POST", "/ocpi/2.3.0/credentials")]
    assert peer.token_for_other is not None
    assert call("GET", site.versions_url(), peer.token_for_other).status == 200
    assert [step.ok for step in Step.objects.filter(connection=connection)] == [True] * Step.objects.count()


@pytest.mark.parametrize(
    ("method", "path", "twist", "cause"),
    [
        ("GET", "/ocpi/versions", Twist(status=401), "unauthorized"),
        ("GET", "/ocpi/versions", Twist(status=302, headers={"Location": "http://127.0.0.1/x"}), "redirect"),
        ("GET", "/ocpi/versions", Twist(delay=5), "timeout"),
        ("GET", "/ocpi/2.3.0", Twist(body=b"<html>"), "not_json"),
        (
            "GET",
            "/ocpi/2.3.0",
            Twist(
                body=b'{"data":{"version":"2.3.0","endpoints":[{"identifier":"cdrs","role":"SENDER",'
                b'"url":"http://127.0.0.1/l"}]},"status_code":1000,"timestamp":"2026-01-01T00:00:00Z"}'
            ),
            "missing_endpoint",
        ),
        ("POST", "/ocpi/2.3.0/credentials", Twist(status=405, works=False), "not_supported"),
        (
            "POST",
            "/ocpi/2.3.0/credentials",
            Twist(body=b'{"status_code":3001,"timestamp":"2026-01-01T00:00:00Z"}', works=False),
            "ocpi_3xxx",
        ),
        (
            "POST",
            "/ocpi/2.3.0/credentials",
            Twist(body=b'{"data":{"token":"x"},"status_code":1000,"timestamp":"2026-01-01T00:00:00Z"}'),
            "invalid_answer",
        ),
        ("POST", "/ocpi/2.3.0/credentials", Twist(drop=True), "connection_lost"),
    ],
)
@pytest.mark.rule("T-175")
def test_a_registration_that_fails_names_its_cause_and_changes_nothing(
    platform: Party, peer: ScriptedPeer, method: str, path: str, twist: Twist, cause: str
) -> None:
    connection = connections.prepare_registration(
        name="TNM", our_parties=[platform], versions_url=peer.versions_url, token_a=TOKEN_A
    )
    before = _facts(connection)
    peer.script(method, path, twist)

    with pytest.raises(UnableToHandshake) as failure:
        handshake.register(connection, now=site.now())

    assert failure.value.cause == cause
    assert _facts(connection) == before
    last = Step.objects.filter(connection=connection).last()
    assert last is not None
    assert (last.ok, last.cause) == (False, cause)
    if cause == "missing_endpoint":
        assert not any(request.method == "POST" for request in peer.received)


def test_no_token_goes_to_a_host_that_nobody_confirmed(platform: Party, peer: ScriptedPeer) -> None:
    with ScriptedPeer() as elsewhere:
        listed = b'{"data":[{"version":"2.3.0","url":"%s/ocpi/2.3.0"}],"status_code":1000,"timestamp":"2026-01-01T00:00:00Z"}'
        peer.script("GET", "/ocpi/versions", Twist(body=listed % elsewhere.url.encode()))
        with pytest.raises(UnableToHandshake) as failure:
            registered(peer)
        assert failure.value.cause == "unconfirmed_host"
        assert elsewhere.received == []


def test_a_partner_that_moves_is_let_in_once_staff_confirm_its_new_host(platform: Party, peer: ScriptedPeer) -> None:
    connection, token_a = connections.invite(name="TNM", our_parties=[platform], now=site.now())
    token = peer.register_at(site.versions_url(), token_a).data["token"]
    with ScriptedPeer() as moved:
        body = moved.credentials(TOKEN_B)
        assert_ocpi_answer(call("PUT", _credentials_url(), token, body=body), status_code=3001)
        assert moved.received == []
        connection.refresh_from_db()
        (host,) = connections.unconfirmed_origins(connection)
        connections.confirm_origin(connection, host)
        assert_ocpi_answer(call("PUT", _credentials_url(), token, body=body))
        connection.refresh_from_db()
        assert connection.versions_url == moved.versions_url
        assert connections.unconfirmed_origins(connection) == []


@pytest.mark.rule("T-152", "T-177")
def test_rotation_keeps_the_old_token_for_a_while(platform: Party, peer: ScriptedPeer) -> None:
    connection = registered(peer)
    old = peer.token_for_other
    assert old is not None
    handshake.update(connection, now=site.now())
    new = peer.token_for_other
    assert new is not None
    assert new != old
    assert call("GET", site.versions_url(), old).status == 200  # under way when the new one was made
    assert call("GET", site.versions_url(), new).status == 200  # its first use ends the old one soon
    with time_machine.travel(site.now() + timedelta(seconds=61)):
        assert call("GET", site.versions_url(), new).status == 200
        assert call("GET", site.versions_url(), old).status == 401


def test_the_old_token_dies_without_the_new_one(platform: Party, peer: ScriptedPeer) -> None:
    connection = registered(peer)
    old = peer.token_for_other
    assert old is not None
    handshake.update(connection, now=site.now())
    with time_machine.travel(site.now() + handshake.OVERLAP + timedelta(seconds=1)):
        assert peers.by_token(old, old, site.now()) is None


def test_a_failed_rotation_changes_nothing(platform: Party, peer: ScriptedPeer) -> None:
    connection = registered(peer)
    before = _facts(connection)
    peer.script("PUT", "/ocpi/2.3.0/credentials", Twist(status=500, works=False))
    with pytest.raises(UnableToHandshake):
        handshake.update(connection, now=site.now())
    assert _facts(connection) == before


def test_a_connection_of_2_2_1_becomes_2_3_0(platform: Party, peer: ScriptedPeer) -> None:
    peer.versions = ("2.2.1",)
    connection = registered(peer)
    assert connection.version == "2.2.1"
    peer.versions = ("2.2.1", "2.3.0")
    handshake.update(connection, now=site.now())
    connection.refresh_from_db()
    assert connection.version == "2.3.0"
    assert connection.endpoints.filter(url__contains="/2.3.0/").count() == connection.endpoints.count()


def test_unregistering_forgets_whatever_the_partner_says(platform: Party, peer: ScriptedPeer) -> None:
    connection = registered(peer)
    token = peer.token_for_other
    assert token is not None
    peer.script("DELETE", "/ocpi/2.3.0/credentials", Twist(status=500, works=False))
    said = handshake.unregister(connection, now=site.now())
    assert "server" in said.lower() or "500" in said
    connection.refresh_from_db()
    assert connection.state == "REMOVED"
    assert call("GET", site.versions_url(), token).status == 401


def test_one_exchange_of_credentials_at_a_time(platform: Party, peer: ScriptedPeer) -> None:
    connection = registered(peer)
    token = peer.token_for_other
    assert token is not None
    peer.accepts.add("token-b3")
    peer.script("GET", "/ocpi/versions", Twist(delay=0.7))
    first = threading.Thread(
        target=call, args=("PUT", _credentials_url(), token), kwargs={"body": peer.credentials("token-b3")}
    )
    first.start()
    while not Connection.objects.filter(pk=connection.pk, busy_since__isnull=False).exists():
        pass
    second = call("PUT", _credentials_url(), token, body=peer.credentials("token-b3"))
    first.join()
    assert_ocpi_answer(second, status_code=2000)
    assert Connection.objects.get(pk=connection.pk).busy_since is None


# --- adopted, and what must never happen ----------------------------------------------------------------------------


def test_an_adopted_connection_makes_no_request(platform: Party, peer: ScriptedPeer) -> None:
    agreement = connections.Agreement(
        name="moved",
        claims=[connections.Claim("NL", "TNM", "EMSP", {"name": "TNM"})],
        versions_url=peer.versions_url,
        inbound_token="they-show-this",
        outbound_token=TOKEN_B,
        version="2.3.0",
    )
    connection = connections.adopt(agreement, our_parties=[platform])
    assert peer.received == []
    assert call("GET", site.versions_url(), "they-show-this").status == 200
    handshake.rediscover(connection, now=site.now())
    assert connection.endpoints.filter(identifier="locations").count() == 2


def test_no_token_reaches_the_log_or_a_column(platform: Party, peer: ScriptedPeer) -> None:
    connection, token_a = connections.invite(name="TNM", our_parties=[platform], now=site.now())
    token = peer.register_at(site.versions_url(), token_a).data["token"]
    handshake.update(connection, now=site.now())
    secrets = {token_a, token, TOKEN_B, TOKEN_C}
    for row in Exchange.objects.values_list("url", "request_body", "response_body", "notes"):
        assert not [secret for secret in secrets if any(secret in str(part) for part in row)]
    for values in Connection.objects.values_list():
        assert not [secret for secret in secrets if any(secret in str(value) for value in values)]
    for hashed in InboundToken.objects.values_list("hash", flat=True):
        assert len(bytes(hashed)) == 32


@pytest.mark.parametrize("state", list(ConnectionState))
@pytest.mark.parametrize("event", list(ConnectionEvent))
def test_only_the_moves_of_the_table_exist(state: ConnectionState, event: ConnectionEvent) -> None:
    expected = TRANSITIONS[state].get(event)
    if expected is None:
        with pytest.raises(NotAllowed):
            move(state, event)
    else:
        assert move(state, event) is expected


@pytest.mark.django_db
def test_a_move_is_guarded_by_the_state_it_started_from() -> None:
    own_party()
    connection = partner().connection
    stale = Connection.objects.get(pk=connection.pk)
    connections.pause(connection, reason="maintenance")
    with pytest.raises(connections.UnableToConnect):
        connections.pause(stale, reason="somebody else")
    assert Connection.objects.get(pk=connection.pk).held_reason == "maintenance"
