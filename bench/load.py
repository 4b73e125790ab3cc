"""The client of every measurement: one process that keeps N connections busy, each with one request at a time.

It reads answers into one buffer and looks at no more of them than status and length, so that it costs both sides of a
comparison the same small time. http.client would spend more on a page than the raw server does.
"""

from __future__ import annotations

import selectors
import socket
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

Request = Callable[[int], bytes]
"""The bytes of the request of this number."""


@dataclass(slots=True)
class Load:
    """What one round came to. `times`: seconds from sending to the last byte, one for each answer."""

    seconds: float
    times: list[float]
    received: int
    refused: dict[int, int] = field(default_factory=dict)
    processor: float = 0.0
    """Seconds of processor time that server and database spent on it."""

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.times) / self.seconds

    def percentile(self, share: float) -> float:
        """Milliseconds."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000

    @property
    def median(self) -> float:
        return statistics.median(self.times) * 1000


class _Line:
    __slots__ = ("head", "left", "sent_at", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.head = b""
        self.left = -1
        self.sent_at = 0.0

    def send(self, data: bytes) -> None:
        self.head, self.left = b"", -1
        self.sent_at = time.perf_counter()
        self.socket.sendall(data)


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if method != "GET":
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def load(port: int, make: Request, *, clients: int, seconds: float, first: int = 0) -> Load:
    """Ask for `seconds`; `make` is called with `first`, `first` + 1, ... Raises ConnectionError when the server hangs up."""
    buffer = bytearray(1 << 20)
    view = memoryview(buffer)
    lines = [_Line(port) for _ in range(clients)]
    times: list[float] = []
    refused: dict[int, int] = {}
    received, number = 0, first
    with selectors.DefaultSelector() as selector:
        began = time.perf_counter()
        for line in lines:
            selector.register(line.socket, selectors.EVENT_READ, line)
            line.send(make(number))
            number += 1
        busy = clients
        while busy:
            for key, _ in selector.select():
                line = key.data
                size = line.socket.recv_into(buffer)
                if not size:
                    raise ConnectionError("the server closed a connection in the middle of a round")
                received += size
                if line.left < 0:
                    status = _head(line, bytes(view[:size]))
                    if status is None:
                        continue
                    if status >= 400:
                        refused[status] = refused.get(status, 0) + 1
                else:
                    line.left -= size
                if line.left > 0:
                    continue
                now = time.perf_counter()
                times.append(now - line.sent_at)
                if now - began < seconds:
                    line.send(make(number))
                    number += 1
                else:
                    busy -= 1
        took = time.perf_counter() - began
    for line in lines:
        line.socket.close()
    return Load(took, times, received, refused)


def _head(line: _Line, data: bytes) -> int | None:
    """Status of a complete head, with `left` set to what is missing of the body; None while the head is not whole."""
    line.head += data
    head, found, rest = line.head.partition(b"\r\n\r\n")
    if not found:
        return None
    lower = head.lower()
    at = lower.find(b"content-length:")
    if at < 0:
        raise ConnectionError("an answer without Content-Length")
    line.left = int(lower[at + 15 : at + 40].split(b"\r\n", 1)[0]) - len(rest)
    return int(head[9:12])


def fetch(port: int, data: bytes) -> tuple[int, dict[str, str], bytes]:
    """One request by itself: status, headers in lower case, body."""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(data)
        whole = b""
        while b"\r\n\r\n" not in whole:
            whole += _more(line)
        head, _, body = whole.partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in rest)}
        parts, size = [body], len(body)
        while size < int(headers["content-length"]):
            parts.append(_more(line))
            size += len(parts[-1])
    return int(first.split()[1]), headers, b"".join(parts)


def _more(line: socket.socket) -> bytes:
    data = line.recv(1 << 20)
    if not data:
        raise ConnectionError("the server closed the connection in the middle of an answer")
    return data
