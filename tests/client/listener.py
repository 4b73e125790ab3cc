"""A listening socket on loopback that plays whatever bytes a test wants, HTTP or not."""

import contextlib
import socket
import threading
from collections.abc import Callable
from ipaddress import ip_network
from typing import Self

from ocpi.client import AddressPolicy

LOOPBACK = AddressPolicy(allow_http=True, allowed_networks=(ip_network("127.0.0.0/8"), ip_network("::1/128")))
ENVELOPE = b'{"status_code": 1000, "timestamp": "2026-11-22T10:00:00Z"}'

Play = Callable[[socket.socket, int], None]
"""Gets an accepted connection and its number, counted from 1; the connection is closed when it returns."""


class Listener:
    """`accepted`: how many connections came. Those still open are closed when the test leaves."""

    def __init__(self, play: Play) -> None:
        self.accepted = 0
        self.play = play
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._socket.getsockname()[1]
        self._open: list[tuple[socket.socket, threading.Thread]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/ocpi/x"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.accepted += 1
            thread = threading.Thread(target=self._serve, args=(connection, self.accepted), daemon=True)
            self._open.append((connection, thread))
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        connection.settimeout(10)
        with connection, contextlib.suppress(OSError):
            self.play(connection, number)

    def __enter__(self) -> Self:
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()
        return self

    def __exit__(self, *_error: object) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._accepting.join(5)
        for connection, thread in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def read_request(connection: socket.socket) -> bytes:
    """One request, head and body; b"" when the other side closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (piece := connection.recv(65536)):
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
    )
    while len(body) < length:
        if not (piece := connection.recv(65536)):
            return b""
        body += piece
    return head + b"\r\n\r\n" + body


def http(body: bytes = ENVELOPE, status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    """A well-formed answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def says(*answers: bytes) -> Play:
    """Answers each request of a connection in turn, then closes."""

    def play(connection: socket.socket, _number: int) -> None:
        for answer in answers:
            if not read_request(connection):
                return
            connection.sendall(answer)

    return play


def always(answer: bytes) -> Play:
    """Answers every request of a connection in the same way, until the other side closes."""

    def play(connection: socket.socket, _number: int) -> None:
        while read_request(connection):
            connection.sendall(answer)

    return play
