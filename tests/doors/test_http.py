"""HTTP itself: literal bytes over a socket to the web server of production, where frameworks' clients would tidy up."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from tests import factories
from tests.doors.web import serving
from tests.peer import assert_ocpi_answer, call

PATH = b"/ocpi/2.3.0/receiver/locations/SE/ELV/A"
BODY = json.dumps(factories.small_location("A")).encode()


@dataclass(frozen=True)
class Line:
    """A server, and a partner that is known there."""

    url: str
    token: str

    @property
    def headers(self) -> bytes:
        encoded = base64.b64encode(self.token.encode())
        return b"Host: 127.0.0.1\r\nConnection: close\r\nAuthorization: Token " + encoded + b"\r\n"

    def say(self, data: bytes) -> bytes:
        """Everything that comes back until the server closes."""
        parts = urlsplit(self.url)
        received = b""
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as line:
            line.sendall(data)
            while part := line.recv(65536):
                received += part
        return received

    def put(self, framing: bytes, body: bytes) -> bytes:
        start = b"PUT " + PATH + b" HTTP/1.1\r\n" + self.headers + b"Content-Type: application/json\r\n"
        return self.say(start + framing + b"\r\n" + body)


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[str]:
    with serving() as url:
        yield url


@pytest.fixture
def line(transactional_db: None, server: str) -> Line:
    factories.own_party()
    return Line(server, factories.partner().token)


def status_of(answer: bytes) -> int:
    assert answer.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")), answer[:200]
    return int(answer.split(b" ", 2)[1])


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@pytest.mark.parametrize("size", [1, 100, 100_000])
def test_a_body_in_chunks_is_a_body(size: int, line: Line) -> None:
    """Many clients do not know the length beforehand."""
    answer = line.put(b"Transfer-Encoding: chunked\r\n", chunked(BODY, size))
    assert status_of(answer) == 201, answer
    assert_ocpi_answer(call("GET", line.url + PATH.decode(), line.token))


def test_chunks_do_not_get_round_the_limit(line: Line) -> None:
    path = b"/ocpi/2.3.0/credentials"
    start = b"PUT " + path + b" HTTP/1.1\r\n" + line.headers + b"Content-Type: application/json\r\n"
    answer = line.say(start + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(b" " * 1_000_001, 50_000))
    assert status_of(answer) == 413


def test_a_client_that_asks_before_it_sends_is_told_to_go_on(line: Line) -> None:
    answer = line.put(b"Expect: 100-continue\r\nContent-Length: %d\r\n" % len(BODY), BODY)
    first, _, rest = answer.partition(b"\r\n\r\n")
    assert b"100" in first
    assert status_of(rest) == 201


REFUSED = {
    "two lengths": (b"Content-Length: 4\r\nContent-Length: 5\r\n", b"{} .."),
    "a negative length": (b"Content-Length: -4\r\n", b"{}"),
    "a length that is no number": (b"Content-Length: 4x\r\n", b"{}"),
    "a broken chunk": (b"Transfer-Encoding: chunked\r\n", b"zz\r\n{}\r\n0\r\n\r\n"),
    "an unknown transfer encoding": (b"Transfer-Encoding: gzip\r\n", b"{}"),
    "NUL in a header": (b"X-Request-ID: a\x00b\r\nContent-Length: 2\r\n", b"{}"),
    "a header without name": (b": x\r\nContent-Length: 2\r\n", b"{}"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_requests_that_two_readers_could_read_differently_are_refused(name: str, line: Line) -> None:
    """What would let a proxy and us see different requests (smuggling) ends at the web server."""
    assert status_of(line.put(*REFUSED[name])) == 400
    assert call("GET", line.url + PATH.decode(), line.token).status == 404


def test_length_and_chunks_together_are_read_as_chunks_and_the_line_is_closed(line: Line) -> None:
    hidden = b"GET /ocpi/versions HTTP/1.1\r\n" + line.headers + b"\r\n"
    answer = line.put(b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", chunked(BODY, 100) + hidden)
    assert status_of(answer) in (201, 400)
    assert answer.count(b"HTTP/1.1 ") == 1


GETS = {
    "two tokens": (b"GET /ocpi/versions HTTP/1.1\r\n", b"Authorization: Token eA==\r\n", 401),
    "the address in full": (b"GET http://127.0.0.1/ocpi/versions HTTP/1.1\r\n", b"", 200),
    "a forwarded host": (b"GET /ocpi/versions HTTP/1.1\r\n", b"X-Forwarded-Host: evil.example\r\n", 200),
    "bytes beyond ASCII in a header": (b"GET /ocpi/versions HTTP/1.1\r\n", b"X-Request-ID: \xff\xfe\r\n", 200),
    "bytes beyond ASCII in the path": ("GET /ocpi/Ä HTTP/1.1\r\n".encode(), b"", 404),
    "dots in the path": (b"GET /ocpi/2.3.0/../../admin/ HTTP/1.1\r\n", b"", 404),
    "a header of 100,000": (b"GET /ocpi/versions HTTP/1.1\r\n", b"X-Request-ID: " + b"a" * 100_000 + b"\r\n", 200),
    "a strange method": (b"BREW /ocpi/versions HTTP/1.1\r\n", b"", 405),
    "HEAD": (b"HEAD /ocpi/versions HTTP/1.1\r\n", b"", 405),
}


@pytest.mark.parametrize("name", GETS)
def test_odd_but_clear_requests_are_answered(name: str, line: Line) -> None:
    start, more, expected = GETS[name]
    answer = line.say(start + line.headers + more + b"\r\n")
    assert status_of(answer) == expected
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/json" in head.lower()
    assert b"x-request-id: " in head.lower()
    if name != "HEAD":
        assert json.loads(body)["status_code"]
    assert b"evil.example" not in answer


def test_header_names_are_compared_without_regard_to_case(line: Line) -> None:
    odd = line.headers.replace(b"Authorization", b"aUTHORIZATION") + b"x-REQUEST-id: me\r\n"
    answer = line.say(b"GET /ocpi/versions HTTP/1.1\r\n" + odd + b"\r\n")
    assert status_of(answer) == 200
    assert b"x-request-id: me\r\n" in answer.lower()


def test_a_partner_over_a_socket_gets_what_it_needs(line: Line) -> None:
    """The whole way once more, with the checks of the scripted peer."""
    url = line.url + PATH.decode()
    routing = {
        "OCPI-to-country-code": "DE",
        "OCPI-to-party-id": "RDK",
        "OCPI-from-country-code": "SE",
        "OCPI-from-party-id": "ELV",
    }
    assert_ocpi_answer(call("PUT", url, line.token, body=BODY, headers=routing), status=201)
    assert assert_ocpi_answer(call("GET", url, line.token, headers=routing)) == factories.small_location("A")
    assert_ocpi_answer(call("GET", url, "wrong"), status=401, status_code=2000)
    assert_ocpi_answer(call("GET", f"{line.url}/ocpi/nowhere", line.token), status=404, status_code=2001)
    assert_ocpi_answer(call("DELETE", url, line.token, headers=routing), status=405, status_code=2000)
    assert_ocpi_answer(call("PUT", url, line.token, body=b"{"), status=400, status_code=2001)
