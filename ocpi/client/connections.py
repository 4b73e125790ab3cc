"""The only file that opens sockets: a checked, pinned, timed and capped HTTP/1.1 exchange.

For each new connection: resolve once, judge every address (one bad address spoils the answer), connect to a good one by
its number while TLS and the `Host` header carry the name, and look at the socket's own idea of its peer before a byte
is sent. There is no second resolution that could say something else, no redirect, no proxy and no .netrc.

Parsing of status line, headers and chunks is `http.client`'s. Its connection class is not used: it resolves by itself
and its time-outs start anew with every byte. Neither is urllib3, whose pools do the same underneath.
"""

import contextlib
import http.client
import os
import select
import socket
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from ocpi.client.addresses import Address, AddressPolicy, Target, numeric
from ocpi.client.causes import Cause
from ocpi.client.outcomes import Headers, Request, Response
from ocpi.client.reading import CHUNK, CappedStream, Deadline, Failure, Limits, read_body, words

if TYPE_CHECKING:
    from collections.abc import Sequence

Resolve = Callable[[str, int], "Sequence[str]"]
"""Host and port to addresses as text; raises OSError."""

_IDLE_SECONDS = 15.0
_IDLE_SECONDS_UNREPEATABLE = 1.0
"""POST and PATCH must not be sent twice, so they only reuse a connection that the peer has hardly had time to drop."""
_LIFETIME_SECONDS = 60.0
"""A connection older than this is replaced, so that a change of DNS reaches us."""
_IDLE_PER_ORIGIN = 8
_REPEATABLE = frozenset({"GET", "PUT", "DELETE"})


class _Stale(Exception):
    """A kept connection turned out to be dead before any byte of an answer came."""


def system_resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Connection:
    """One open socket to one judged address."""

    def __init__(self, target: Target, opened: socket.socket, address: str) -> None:
        self.origin = target.origin
        self.address = address
        self._socket = opened
        self._born = self.idle_since = time.monotonic()

    def usable(self, method: str) -> bool:
        """Fresh enough, and nothing to read: bytes or an end of file between two answers mean trouble."""
        now = time.monotonic()
        idle = _IDLE_SECONDS if method in _REPEATABLE else _IDLE_SECONDS_UNREPEATABLE
        if now - self.idle_since > idle or now - self._born > _LIFETIME_SECONDS:
            return False
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return False
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()

    __del__ = close

    def exchange(self, request: Request, head: bytes, deadline: Deadline, limits: Limits) -> tuple[Response, bool]:
        """Send and read the whole answer; also whether the connection may be kept. _Stale before the first byte."""
        stream = CappedStream(self._socket, deadline, limits)
        try:
            # A peer may answer (413, 401) and close before it read everything: its answer counts, not our broken pipe.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._send(head + (request.body or b""), deadline, limits)
            answer = http.client.HTTPResponse(cast(socket.socket, stream), method=request.method)
            answer.begin()
            if stream.ended:  # http.client takes the end of the connection for the end of the headers
                raise http.client.IncompleteRead(b"")
            headers = Headers(answer.getheaders())
            body = read_body(answer, headers, limits)
        except TimeoutError as error:
            raise Failure(Cause.TIMEOUT, "no answer" if not stream.touched else "incomplete answer") from error
        except (OSError, http.client.IncompleteRead) as error:  # RemoteDisconnected is a ConnectionResetError
            if not stream.touched:
                raise _Stale from error
            raise Failure(Cause.CONNECTION_LOST, words(error)) from error
        except (http.client.HTTPException, ValueError) as error:
            raise Failure(Cause.NOT_HTTP, words(error)) from error
        return Response(answer.status, headers, body, self.address), not (answer.will_close or stream.surplus)

    def _send(self, data: bytes, deadline: Deadline, limits: Limits) -> None:
        view = memoryview(data)
        for start in range(0, len(view), CHUNK):
            self._socket.settimeout(deadline.within(limits.read_seconds))
            self._socket.sendall(view[start : start + CHUNK])


class Connections:
    """Opens connections and keeps idle ones, by origin; safe for threads and across a fork."""

    def __init__(self, policy: AddressPolicy, limits: Limits, tls: ssl.SSLContext, resolve: Resolve) -> None:
        self._policy = policy
        self._limits = limits
        self._tls = tls
        self._resolve = resolve
        self._lock = threading.Lock()
        self._idle: defaultdict[str, list[_Connection]] = defaultdict(list)
        self._pid = os.getpid()

    def exchange(self, target: Target, request: Request) -> Response:
        """One exchange within the limits. Failure for everything that is not a complete HTTP answer."""
        deadline = Deadline(min(self._limits.total_seconds, request.seconds or self._limits.total_seconds))
        head = _head(target, request)
        if kept := self._take(target.origin, request.method):
            try:
                return self._exchange_on(kept, request, head, deadline)
            except _Stale as error:
                if request.method not in _REPEATABLE:
                    raise Failure(Cause.CONNECTION_LOST, "before the answer", address=kept.address) from error
        try:
            opened = self._open(target, deadline)
        except Failure as failure:
            failure.sent = False
            raise
        try:
            return self._exchange_on(opened, request, head, deadline)
        except _Stale as error:
            raise Failure(Cause.CONNECTION_LOST, "before the answer", address=opened.address) from error

    def close(self) -> None:
        with self._lock:
            connections = [connection for kept in self._idle.values() for connection in kept]
            self._idle.clear()
        for connection in connections:
            connection.close()

    def _exchange_on(self, connection: _Connection, request: Request, head: bytes, deadline: Deadline) -> Response:
        keep = False
        try:
            response, keep = connection.exchange(request, head, deadline, self._limits)
            return response
        except Failure as failure:
            failure.address = connection.address
            raise
        finally:
            if keep:
                self._give_back(connection)
            else:
                connection.close()

    def _take(self, origin: str, method: str) -> _Connection | None:
        if self._pid != os.getpid():  # after a fork both sides would speak on the same socket
            self._lock = threading.Lock()
            self.close()
            self._pid = os.getpid()
        while True:
            with self._lock:
                kept = self._idle.get(origin)
                if not kept:
                    return None
                connection = kept.pop()
            if connection.usable(method):
                return connection
            connection.close()

    def _give_back(self, connection: _Connection) -> None:
        connection.idle_since = now = time.monotonic()
        with self._lock:
            kept = self._idle[connection.origin]
            kept.append(connection)
            surplus = kept[:-_IDLE_PER_ORIGIN]
            del kept[:-_IDLE_PER_ORIGIN]
            for origin in list(self._idle):
                surplus += [idle for idle in self._idle[origin] if now - idle.idle_since > _IDLE_SECONDS]
                self._idle[origin] = [idle for idle in self._idle[origin] if now - idle.idle_since <= _IDLE_SECONDS]
                if not self._idle[origin]:
                    del self._idle[origin]
        for idle in surplus:
            idle.close()

    def _open(self, target: Target, deadline: Deadline) -> _Connection:
        addresses = [target.literal] if target.literal else self._resolve_within(target, deadline)
        for address in addresses:
            if why := self._policy.denial(address, target.port):
                raise Failure(Cause.ADDRESS_DENIED, why, address=str(address))
        error: OSError | None = None
        for address in addresses:
            try:
                return _Connection(target, self._connect(target, address, deadline), str(address))
            except ssl.SSLError as refused:
                raise Failure(Cause.TLS, words(refused), address=str(address)) from refused
            except OSError as refused:
                error = refused
        cause = Cause.TIMEOUT if isinstance(error, TimeoutError) else Cause.CONNECT
        raise Failure(cause, words(error), address=str(addresses[0])) from error

    def _connect(self, target: Target, address: Address, deadline: Deadline) -> socket.socket:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        plain = opened = socket.socket(family, socket.SOCK_STREAM)
        try:
            plain.settimeout(deadline.within(self._limits.connect_seconds))
            plain.connect((str(address), target.port))
            peer = plain.getpeername()
            if numeric([peer[0]]) != [address] or peer[1] != target.port:
                raise Failure(Cause.ADDRESS_DENIED, f"connected to {peer[0]} instead of {address}")
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if target.scheme == "https":
                plain.settimeout(deadline.within(self._limits.connect_seconds))
                opened = self._tls.wrap_socket(plain, server_hostname=target.host)
        except BaseException:
            plain.close()
            raise
        return opened

    def _resolve_within(self, target: Target, deadline: Deadline) -> list[Address]:
        """A system resolver knows no deadline and may hang for half a minute: it hangs in a thread of its own."""
        seconds = deadline.within(self._limits.connect_seconds)
        answer: list[str] = []
        trouble: list[Exception] = []

        def ask() -> None:
            try:
                answer.extend(self._resolve(target.host, target.port))
            except (OSError, UnicodeError) as error:
                trouble.append(error)

        asking = threading.Thread(target=ask, name="resolve", daemon=True)
        asking.start()
        asking.join(seconds)
        if asking.is_alive():
            raise Failure(Cause.DNS, "no answer from the name service")
        if trouble or not answer:
            raise Failure(Cause.DNS, words(trouble[0]) if trouble else "no address")
        return numeric(answer)


def _head(target: Target, request: Request) -> bytes:
    """Request line and headers. Ours win over the caller's where the framing depends on them."""
    lines = {"host": f"Host: {target.authority}", "accept-encoding": "Accept-Encoding: gzip"}
    if request.body is not None or request.method in ("POST", "PUT", "PATCH"):
        lines["content-length"] = f"Content-Length: {len(request.body or b'')}"
    if request.body is not None:
        lines["content-type"] = "Content-Type: application/json"
    ours = frozenset(("host", "accept-encoding", "content-length", "transfer-encoding", "connection"))
    lines |= {name.lower(): f"{name}: {value}" for name, value in request.headers.items() if name.lower() not in ours}
    lines.setdefault("accept", "Accept: application/json")
    lines.setdefault("user-agent", "User-Agent: Roamdesk")
    return "\r\n".join((f"{request.method} {target.path} HTTP/1.1", *lines.values(), "", "")).encode("latin-1")
