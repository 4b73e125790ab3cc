"""What one outgoing exchange came to, as a value: delivered, worth repeating, or refused for good.

Senders decide by class and by `Cause`, never by catching exceptions; staff read the sentence. Whether a cause is
temporary stands in one table (`CAUSES`), not in the code that meets it. No socket, no clock, no policy in this file.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TypeAlias, TypedDict

from ocpi.client.causes import CAUSES, Cause, http_cause, ocpi_cause
from ocpi.wire.base import date_time_text
from ocpi.wire.envelope import Answer, read_answer
from ocpi.wire.json import BadJson, Invalid, parse

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
MAX_RETRY_AFTER_SECONDS = 86_400.0
"""A partner may ask for a pause, not for silence: more than a day is read as a day."""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class Headers(Mapping[str, str]):
    """Received headers; names compare without regard to case, repeated ones are joined by commas."""

    __slots__ = ("_values",)

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            key = name.lower()
            self._values[key] = f"{self._values[key]}, {value}" if key in self._values else value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True, slots=True)
class Request:
    """One call to a partner. Headers and body stay out of `repr`: they hold tokens and personal data.

    `seconds` shortens the client's total deadline for messages that die early (commands, authorisations).
    ValueError: a method OCPI does not know, or a header that would break the request apart.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"OCPI has no method {self.method!r}")
        for name, value in self.headers.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise ValueError(f"header {name!r} cannot be sent")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exchanged:
    """What every outcome tells. `http_status` is None when no answer came at all."""

    elapsed_ms: int
    http_status: int | None = None
    headers: Headers = field(default_factory=Headers)
    body: bytes = field(default=b"", repr=False)
    answer: Answer | None = field(default=None, repr=False)
    address: str | None = None
    """The address that was connected to."""
    oddities: tuple[str, ...] = ()
    """What was wrong with the envelope without hiding the partner's verdict, for the connection's page."""

    @property
    def ocpi_status(self) -> int | None:
        return self.answer.status_code if self.answer else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered(_Exchanged):
    """HTTP 2xx with an OCPI status of 1xxx."""

    answer: Answer = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Undelivered(_Exchanged):
    cause: Cause
    detail: str = ""
    """What exactly, from the socket or from the partner; may be empty."""
    sent: bool = True
    """False: it certainly never reached the partner."""

    @property
    def happened(self) -> str:
        """For whoever waits: what happened, and exactly what."""
        return " ".join(filter(None, (CAUSES[self.cause].happened, self.detail and f"({self.detail})")))

    @property
    def reason(self) -> str:
        """For staff: what happened, exactly what, and what to do."""
        return f"{self.happened} {CAUSES[self.cause].remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry(_Undelivered):
    """Temporary: the same message may be accepted later. `retry_after`: seconds, when the partner named them."""

    retry_after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(_Undelivered):
    """Repeating the same message will not help."""


Outcome: TypeAlias = Delivered | Retry | Refused


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer as it came off the wire, its body unpacked."""

    http_status: int
    headers: Headers
    body: bytes
    address: str


def judge(response: Response, *, elapsed_ms: int, now: datetime) -> Outcome:
    """An HTTP answer as an outcome. The HTTP status speaks first; within 2xx the OCPI status does (`status_codes`)."""
    answer, fault, oddities = _read_envelope(response.body, now)
    cause = http_cause(response.http_status)
    detail = f"HTTP {response.http_status}"
    if answer is not None:
        cause = cause or ocpi_cause(answer.status_code)
        detail += f", OCPI {answer.status_code} {answer.status_message or ''}".rstrip()
    elif fault is not None and cause is None:
        cause = fault[0]
        detail += f", {fault[1]}"
    if cause is None:
        assert answer is not None
        return Delivered(
            elapsed_ms=elapsed_ms,
            http_status=response.http_status,
            headers=response.headers,
            body=response.body,
            answer=answer,
            address=response.address,
            oddities=oddities,
        )
    return undelivered(
        cause, detail, elapsed_ms=elapsed_ms, response=response, answer=answer, oddities=oddities, now=now
    )


def undelivered(
    cause: Cause,
    detail: str,
    *,
    elapsed_ms: int,
    now: datetime,
    address: str | None = None,
    sent: bool = True,
    response: Response | None = None,
    answer: Answer | None = None,
    oddities: tuple[str, ...] = (),
) -> Retry | Refused:
    """The outcome for a cause: whether it is worth repeating stands in `CAUSES`."""
    shared: _Shared = {
        "cause": cause,
        "detail": detail[:500],
        "sent": sent,
        "elapsed_ms": elapsed_ms,
        "http_status": response.http_status if response else None,
        "headers": response.headers if response else Headers(),
        "body": response.body if response else b"",
        "answer": answer,
        "address": response.address if response else address,
        "oddities": oddities,
    }
    if not CAUSES[cause].temporary:
        return Refused(**shared)
    return Retry(**shared, retry_after=retry_after(shared["headers"], now=now.timestamp()))


class _Shared(TypedDict):
    cause: Cause
    detail: str
    sent: bool
    elapsed_ms: int
    http_status: int | None
    headers: Headers
    body: bytes
    answer: Answer | None
    address: str | None
    oddities: tuple[str, ...]


def _read_envelope(body: bytes, now: datetime) -> tuple[Answer | None, tuple[Cause, str] | None, tuple[str, ...]]:
    """The envelope, or why there is none; and what is odd about it.

    A malformed `timestamp` or `status_message` does not unsay a readable status_code: a message that the partner
    accepted must not be reported as refused because their clock writes +00:00. The fault is kept as an oddity.
    """
    try:
        tree = parse(body)
    except BadJson as error:
        return None, (Cause.NOT_JSON, str(error) if body else "empty body"), ()
    try:
        return read_answer(tree), None, ()
    except Invalid as error:
        invalid = error
    faulty = {violation.path[0] if violation.path else None for violation in invalid.violations}
    if isinstance(tree, dict) and faulty <= {"timestamp", "status_message"}:
        mended = dict(tree)
        mended.update({str(name): date_time_text(now) if name == "timestamp" else None for name in faulty})
        return read_answer(mended), None, tuple(map(str, invalid.violations))
    return None, (Cause.NO_ENVELOPE, str(invalid)), ()


def retry_after(headers: Headers, *, now: float) -> float | None:
    """Seconds that the partner asks to wait. A date is read against the answer's own Date header when it has one, so
    that a partner's wrong clock does no harm; `now` is seconds since 1970."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdecimal():
        return min(float(value[:9]), MAX_RETRY_AFTER_SECONDS)
    moment = _timestamp(value)
    if moment is None:
        return None
    base = _timestamp(headers.get("Date", ""))
    return min(max(moment - (now if base is None else base), 0.0), MAX_RETRY_AFTER_SECONDS)


def _timestamp(value: str) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None
