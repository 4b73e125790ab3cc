"""Reading an answer under caps: a deadline for all of it, a budget of bytes packed and unpacked.

Every read and write shortens the time that is left, so a peer that drips a byte every nine seconds meets the total
deadline. Time-outs of the standard library start anew with every byte; that is why these few classes exist.
"""

import http.client
import io
import socket
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocpi.client.causes import Cause
from ocpi.client.outcomes import Headers

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_HEADER_BYTES = 1 << 20
CHUNK = 1 << 16
_RATIO_FREE = 1 << 20
"""Below this unpacked size the compression ratio is nobody's business."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on one exchange; seconds and bytes. `max_ratio`: unpacked bytes for each packed byte."""

    connect_seconds: float = 3.0
    read_seconds: float = 10.0
    total_seconds: float = 30.0
    max_bytes: int = 32 << 20
    max_ratio: int = 200


class Failure(Exception):
    """The exchange ended below the answer. Never leaves `ocpi.client`: it becomes an outcome."""

    def __init__(self, cause: Cause, detail: str = "", *, address: str | None = None) -> None:
        super().__init__(cause, detail)
        self.cause = cause
        self.detail = detail
        self.address = address
        self.sent = True
        """False: nothing of the request left this machine."""


class Deadline:
    """A moment on the monotonic clock after which nothing is waited for."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def within(self, seconds: float) -> float:
        """At most `seconds`, at most what is left; TIMEOUT when nothing is left."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise Failure(Cause.TIMEOUT, "total time")
        return min(seconds, left)


class CappedStream(io.RawIOBase):
    """The receiving half of a socket as a file: each read within the deadline, all reads within a byte budget.

    `touched`: bytes came. `ended`: the peer closed its side. `surplus`: bytes came beyond the end of the answer.
    """

    def __init__(self, connection: socket.socket, deadline: Deadline, limits: Limits) -> None:
        self._socket = connection
        self._deadline = deadline
        self._read_seconds = limits.read_seconds
        self._budget = limits.max_bytes + MAX_HEADER_BYTES
        self.touched = self.ended = self.surplus = self._sealed = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        if self._sealed:
            return 0
        self._socket.settimeout(self._deadline.within(self._read_seconds))
        count = self._socket.recv_into(buffer)
        self.touched = self.touched or count > 0
        self.ended = count == 0
        self._budget -= count
        if self._budget < 0:
            raise Failure(Cause.TOO_LARGE)
        return count

    def makefile(self, mode: str) -> io.BufferedReader:
        """All that `http.client.HTTPResponse` asks of a socket."""
        return _Reader(self, CHUNK)

    def seal(self, reader: io.BufferedReader) -> None:
        """The answer is over: nothing more is received, and what was received beyond it is noted."""
        self._sealed = True
        self.surplus = bool(reader.peek(1))


class _Reader(io.BufferedReader):
    raw: CappedStream

    def close(self) -> None:
        if not self.closed:
            self.raw.seal(self)
        super().close()


def read_body(answer: http.client.HTTPResponse, headers: Headers, limits: Limits) -> bytes:
    """The whole body, unpacked, within the caps; a body shorter than announced is a lost connection."""
    coding = headers.get("Content-Encoding", "").strip().lower()
    if coding in ("gzip", "x-gzip"):
        body = b"".join(_gunzip(_chunks(answer), limits))
    elif coding in ("", "identity"):
        if answer.length is not None and answer.length > limits.max_bytes:
            raise Failure(Cause.TOO_LARGE, f"{answer.length} bytes announced")
        pieces, size = [], 0
        for piece in _chunks(answer):
            size += len(piece)
            if size > limits.max_bytes:
                raise Failure(Cause.TOO_LARGE, f"more than {limits.max_bytes} bytes")
            pieces.append(piece)
        body = b"".join(pieces)
    else:
        raise Failure(Cause.BAD_ENCODING, f"Content-Encoding {coding[:40]!r}")
    if answer.length:
        raise http.client.IncompleteRead(b"", answer.length)
    return body


def _chunks(answer: http.client.HTTPResponse) -> Iterable[bytes]:
    while piece := answer.read(CHUNK):
        yield piece


def _gunzip(pieces: Iterable[bytes], limits: Limits) -> Iterable[bytes]:
    """Unpack step by step, never more than 64 kB ahead of the caps."""
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    packed = unpacked = 0
    for piece in pieces:
        packed += len(piece)
        while piece:
            try:
                step = unpacker.decompress(piece, CHUNK)
            except zlib.error as error:
                raise Failure(Cause.BAD_ENCODING, words(error)) from error
            unpacked += len(step)
            if unpacked > limits.max_bytes or unpacked > max(_RATIO_FREE, packed * limits.max_ratio):
                raise Failure(Cause.TOO_LARGE, f"{packed} packed bytes became more than {unpacked - len(step)}")
            yield step
            if unpacker.unused_data:
                raise Failure(Cause.BAD_ENCODING, "bytes after the end of the gzip data")
            piece = unpacker.unconsumed_tail
    if packed and not unpacker.eof:
        raise http.client.IncompleteRead(b"")


def words(error: BaseException | None) -> str:
    """The system's own words, cut: a peer's garbage may be quoted inside."""
    return (getattr(error, "strerror", None) or str(error))[:200]
