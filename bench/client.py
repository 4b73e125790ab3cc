"""Pushes a second through the outgoing client, against the libraries below and beside it.

One thread sends a PUT of 1 kB over a kept connection to a server process on loopback that answers with an empty
envelope; then it GETs a page of 870 kB. Only our client also unpacks under caps and parses the answer.
"""

import http.client
import multiprocessing
import socket
import threading
import time
from collections.abc import Callable
from ipaddress import ip_network

import requests
import urllib3

from bench import report
from ocpi.client import AddressPolicy, Client, Delivered, Request

BODY = b'{"id": "LOC1", "name": "%s"}' % (b"x" * 1000)
HEADERS = {"Authorization": "Token eA==", "X-Request-ID": "1", "X-Correlation-ID": "1"}
ENVELOPE = b'{"status_code": 1000, "timestamp": "2026-11-22T10:00:00Z"}'
PAGE = b'{"data": [%s], "status_code": 1000, "timestamp": "2026-11-22T10:00:00Z"}' % b", ".join(
    [b'{"id": "LOC1", "coordinates": {"latitude": "51.047599", "longitude": "3.729944"}}'] * 10_500
)


def answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def serve(listening: socket.socket) -> None:
    """Just enough of a server not to be what is measured."""
    while True:
        connection, _ = listening.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=talk, args=(connection,), daemon=True).start()


def talk(connection: socket.socket) -> None:
    small, large = answer(ENVELOPE), answer(PAGE)
    data = b""
    while piece := connection.recv(1 << 16):
        data += piece
        head, end, rest = data.partition(b"\r\n\r\n")
        if end and (head.startswith(b"GET") or len(rest) >= len(BODY)):
            connection.sendall(large if head.startswith(b"GET") else small)
            data = b""
    connection.close()


def rate(send: Callable[[], object], seconds: float) -> tuple[float, float]:
    """Requests per second, and microseconds of our own CPU for each (steady even where the machine is busy)."""
    send()
    count, started, used = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - started < seconds:
        send()
        count += 1
    return count / (time.perf_counter() - started), (time.process_time() - used) / count * 1e6


def main(ground: object, *, rounds: int, seconds: float) -> list[report.Line]:
    listening = socket.create_server(("127.0.0.1", 0), backlog=16)
    port = listening.getsockname()[1]
    server = multiprocessing.get_context("fork").Process(target=serve, args=(listening,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{port}/ocpi/x"
    policy = AddressPolicy(allow_http=True, allowed_networks=(ip_network("127.0.0.0/8"),))

    def with_http_client(method: str, body: bytes | None) -> Callable[[], object]:
        connection = http.client.HTTPConnection("127.0.0.1", port)

        def send() -> bytes:
            connection.request(method, "/ocpi/x", body, HEADERS)
            return connection.getresponse().read()

        return send

    def with_urllib3(method: str, body: bytes | None) -> Callable[[], object]:
        pool = urllib3.PoolManager()
        return lambda: pool.request(method, url, body=body, headers=HEADERS, retries=False).data

    def with_requests(method: str, body: bytes | None) -> Callable[[], object]:
        session = requests.Session()
        session.trust_env = False
        return lambda: session.request(method, url, data=body, headers=HEADERS, timeout=10).content

    def with_ours(method: str, body: bytes | None) -> Callable[[], object]:
        client = Client(policy)

        def send() -> None:
            if not isinstance(client.send(Request(method, url, HEADERS, body)), Delivered):
                raise SystemExit("the server did not accept a request")

        return send

    lines, notes = [], []
    for title, method, body in (("PUT of 1 kB", "PUT", BODY), (f"GET of {len(PAGE) // 1000} kB", "GET", None)):
        sending = {
            "http.client": with_http_client(method, body),
            "urllib3": with_urllib3(method, body),
            "requests": with_requests(method, body),
            "ours": with_ours(method, body),
        }
        found = [{name: rate(send, seconds / 4) for name, send in sending.items()} for _ in range(rounds)]
        each = {name: report.middle(one[name][0] for one in found) for name in sending}
        used = {name: report.middle(one[name][1] for one in found) for name in sending}
        share = report.middle(one["ours"][0] / one["http.client"][0] for one in found)
        lines.append(
            report.Line(
                title, f"{each['ours']:,.0f}/s", f"{each['http.client']:,.0f}/s http.client", f"{share:.3f}", "", None
            )
        )
        notes.append(
            f"{title}: "
            + ", ".join(f"{name} {each[name]:,.0f}/s ({used[name]:,.0f} us of processor)" for name in sending)
            + "."
        )
    server.terminate()
    server.join()
    listening.close()
    report.show("Outgoing client", lines, notes)
    return lines
