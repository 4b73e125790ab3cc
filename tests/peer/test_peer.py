"""The scripted peer is itself a claim about OCPI: here it is held against the specification's own words."""

import http.client
import threading

import pytest

from tests.peer import ScriptedPeer, Twist, assert_ocpi_answer
from tests.peer.platform import TOKEN_A, TOKEN_B, TOKEN_C

LOCATIONS = [
    b'{"id": "LOC%d", "last_updated": "2026-01-0%dT00:00:00Z", "evses": [{"uid": "E1", "connectors": [{"id": "1"}]}]}'
    % (number, number)
    for number in range(1, 6)
]


def test_versions_lead_to_details_and_endpoints() -> None:
    with ScriptedPeer() as peer:
        listed = assert_ocpi_answer(peer.call("GET", peer.versions_url, TOKEN_A))
        assert [entry["version"] for entry in listed] == ["2.2.1", "2.3.0"]
        details = assert_ocpi_answer(peer.call("GET", listed[1]["url"], TOKEN_A))
        assert details["version"] == "2.3.0"
        assert {"identifier": "credentials", "role": "SENDER", "url": f"{peer.url}/ocpi/2.3.0/credentials"} in details[
            "endpoints"
        ]


@pytest.mark.parametrize("token", [None, "unknown"])
def test_a_missing_or_unknown_token_is_401(token: str | None) -> None:
    with ScriptedPeer() as peer:
        assert_ocpi_answer(peer.call("GET", peer.versions_url, token), status=401, status_code=2000)


def test_pages_follow_the_link_and_keep_the_filters() -> None:
    with ScriptedPeer(role="CPO", objects={"locations": LOCATIONS}, page_size=2) as peer:
        url: str | None = f"{peer.url}/ocpi/2.3.0/sender/locations?date_from=2026-01-02T00:00:00Z"
        seen = []
        while url:
            page = peer.call("GET", url, TOKEN_B)
            seen += [found["id"] for found in assert_ocpi_answer(page)]
            assert (page.headers["X-Total-Count"], page.headers["X-Limit"]) == ("4", "2")
            link = page.headers.get("Link")
            url = link.removeprefix("<").removesuffix('>; rel="next"') if link else None
            assert url is None or "date_from=2026-01-02T00:00:00Z" in url
        assert seen == ["LOC2", "LOC3", "LOC4", "LOC5"]


def test_single_objects_are_served_at_each_depth() -> None:
    with ScriptedPeer(role="CPO", objects={"locations": LOCATIONS}) as peer:
        url = f"{peer.url}/ocpi/2.3.0/sender/locations/LOC3"
        assert assert_ocpi_answer(peer.call("GET", url, TOKEN_B))["id"] == "LOC3"
        assert assert_ocpi_answer(peer.call("GET", f"{url}/E1/1", TOKEN_B)) == {"id": "1"}
        assert_ocpi_answer(peer.call("GET", f"{url}/E9", TOKEN_B), status=404, status_code=2000)


def test_pushed_objects_are_held_and_every_request_is_recorded() -> None:
    with ScriptedPeer() as peer:
        url = f"{peer.url}/ocpi/2.3.0/receiver/locations/BE/BEC/LOC1"
        assert_ocpi_answer(peer.call("PUT", url, TOKEN_B, b'{"id": "LOC1", "city": "Gent"}'), status=201)
        assert_ocpi_answer(peer.call("PATCH", url, TOKEN_B, b'{"city": "Brugge"}'))
        assert assert_ocpi_answer(peer.call("GET", url, TOKEN_B)) == {"id": "LOC1", "city": "Brugge"}
        assert_ocpi_answer(peer.call("DELETE", url, TOKEN_B))
        assert peer.held == {}
        assert [request.method for request in peer.pushed(module="locations")] == ["PUT", "PATCH", "GET", "DELETE"]
        assert peer.pushed("PUT")[0].body == b'{"id": "LOC1", "city": "Gent"}'


def test_routing_headers_come_back_swapped() -> None:
    with ScriptedPeer() as peer:
        routing = {"OCPI-to-party-id": "TNM", "OCPI-to-country-code": "NL"}
        routing |= {"OCPI-from-party-id": "BEC", "OCPI-from-country-code": "BE"}
        answer = peer.call("GET", f"{peer.url}/ocpi/2.3.0/sender/locations", TOKEN_B, headers=routing)
        assert_ocpi_answer(answer)
        assert (answer.headers["OCPI-to-party-id"], answer.headers["OCPI-from-country-code"]) == ("BEC", "NL")


def test_two_peers_register_with_each_other() -> None:
    """One as Sender, one as Receiver; the Receiver calls back before it answers, and token A is burnt afterwards."""
    with ScriptedPeer(role="EMSP") as sender, ScriptedPeer(role="CPO", party_id="BEC") as receiver:
        answer = sender.register_at(receiver.versions_url, TOKEN_A)
        assert assert_ocpi_answer(answer)["token"] == TOKEN_C
        assert [request.path for request in sender.received] == ["/ocpi/versions", "/ocpi/2.3.0"]
        assert (sender.token_for_other, receiver.token_for_other) == (TOKEN_C, TOKEN_B)
        assert receiver.call("GET", receiver.versions_url, TOKEN_A).status == 401
        url = f"{receiver.url}/ocpi/2.3.0/credentials"
        again = sender.call("POST", url, TOKEN_C, sender.credentials(TOKEN_B))
        assert_ocpi_answer(again, status=405, status_code=2000)
        assert_ocpi_answer(sender.call("DELETE", url, TOKEN_C))
        assert sender.call("GET", receiver.versions_url, TOKEN_C).status == 401


def test_a_receiver_that_cannot_call_back_says_3001() -> None:
    with ScriptedPeer() as sender, ScriptedPeer(role="CPO") as receiver:
        sender.script("GET", "/ocpi/versions", Twist(status=500))
        assert_ocpi_answer(sender.register_at(receiver.versions_url, TOKEN_A), status_code=3001)
        assert receiver.token_for_other is None


def test_twists_are_met_in_order_and_then_honesty_returns() -> None:
    with ScriptedPeer() as peer:
        peer.script("PUT", "/ocpi/2.3.0/receiver/tokens", Twist(status=503, works=False), Twist(body=b"<html>"))
        url = f"{peer.url}/ocpi/2.3.0/receiver/tokens/NL/TNM/1"
        answers = [peer.call("PUT", url, TOKEN_B, b"{}") for _ in range(3)]
        assert [answer.status for answer in answers] == [503, 201, 200]
        assert answers[1].body == b"<html>"


def test_a_dropped_answer_leaves_its_effect() -> None:
    with ScriptedPeer() as peer:
        peer.script("POST", "/ocpi/2.3.0/receiver/cdrs", Twist(drop=True))
        with pytest.raises(http.client.RemoteDisconnected):
            peer.call("POST", f"{peer.url}/ocpi/2.3.0/receiver/cdrs", TOKEN_B, b'{"id": "CDR1"}')
        assert list(peer.held.values()) == [{"id": "CDR1"}]


def test_a_lie_can_last_for_ever() -> None:
    with ScriptedPeer(role="CPO", objects={"locations": LOCATIONS}, page_size=2) as peer:
        here = f"{peer.url}/ocpi/2.3.0/sender/locations"
        lie = Twist(headers={"Link": f'<{here}>; rel="next"', "X-Total-Count": "7", "X-Limit": None})
        peer.script("GET", "/ocpi/2.3.0/sender/locations", lie, forever=True)
        for _ in range(3):
            answer = peer.call("GET", here, TOKEN_B)
            assert answer.headers["Link"] == f'<{here}>; rel="next"'
            assert (answer.headers["X-Total-Count"], answer.headers.get("X-Limit")) == ("7", None)


@pytest.mark.parametrize(
    ("twist", "complaint"),
    [
        (Twist(body=b'{"status_code": "1000", "timestamp": "2026-01-01T00:00:00Z"}'), "1000"),
        (Twist(body=b'{"status_code": 1000, "timestamp": "2026-01-01T00:00:00+00:00"}'), "timestamp"),
        (Twist(body=b'{"status_code": 1000}'), "status_code"),
        (Twist(headers={"X-Request-ID": "another"}), "X-Request-ID"),
        (Twist(headers={"Content-Type": "text/html"}), "text/html"),
        (Twist(headers={"OCPI-to-party-id": "XXX"}), "OCPI-from-party-id"),
        (Twist(headers={"OCPI-to-party-id": None}), "OCPI-from-party-id"),
        (Twist(status=201), "201"),
    ],
)
def test_the_check_of_answers_finds_each_fault(twist: Twist, complaint: str) -> None:
    with ScriptedPeer() as peer:
        peer.script("GET", "/ocpi/2.3.0/sender/tokens", twist)
        url = f"{peer.url}/ocpi/2.3.0/sender/tokens"
        answer = peer.call("GET", url, TOKEN_B, headers={"OCPI-from-party-id": "BEC"})
        with pytest.raises(AssertionError, match=complaint):
            assert_ocpi_answer(answer)


def test_it_serves_several_callers_at_once() -> None:
    with ScriptedPeer() as peer:
        peer.script("GET", "/ocpi/versions", Twist(delay=0.3))
        slow = threading.Thread(target=peer.call, args=("GET", peer.versions_url, TOKEN_B))
        slow.start()
        assert_ocpi_answer(peer.call("GET", f"{peer.url}/ocpi/2.3.0", TOKEN_B))
        assert slow.is_alive()
        slow.join()
