"""The registry of modules and the two ways through it: URLs for what comes in, `call` for what goes out.

Like Django's `AdminSite`: an app declares, the site serves. The site owns no table; what it needs to know of them comes
through hooks that apps set from their `roaming.py` (who shows this token, how to record an exchange, what keeps an effect and
its record together). Nothing of a single module may enter here.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db.transaction import atomic

from ocpi.client import Client, Delivered, Outcome, Request
from ocpi.module import Module, Peer
from ocpi.wire import headers as wire_headers
from ocpi.wire.versions import InterfaceRole


@dataclass(slots=True)
class Exchange:
    """One request and its answer, either way, as the log keeps it: bytes as they travelled, not yet redacted.

    `object_path`: owner and ids with slashes, e.g. `NL/TNM/LOC1/3256`. `elapsed_ms`: until the answer was ready (in) or
    read (out). `notes`: violations, repairs, staleness: what staff should see beside the bytes.
    """

    at: datetime
    incoming: bool
    connection: int | None
    module: str
    method: str
    url: str
    request_id: str = ""
    correlation_id: str = ""
    request_body: bytes = b""
    response_body: bytes = b""
    response_size: int = 0
    http_status: int | None = None
    ocpi_status: int | None = None
    elapsed_ms: float = 0.0
    object_path: str = ""
    from_party: str = ""
    to_party: str = ""
    attempt: int = 1
    trigger: str = ""
    cause: str = ""
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request to a peer. `token` in the clear (it never reaches the log); `module` and the rest name it there."""

    method: str
    url: str
    token: str
    connection: int | None
    module: str
    body: bytes | None = None
    plain_token: bool = False
    routing: wire_headers.Routing | None = None
    correlation_id: str = ""
    object_path: str = ""
    attempt: int = 1
    trigger: str = ""
    seconds: float | None = None
    """For what dies early: no longer than this for the whole exchange."""


Authenticator = Callable[[str | None, str], Peer | None]


@dataclass(frozen=True, slots=True)
class Guess:
    """Whom a token belonged to when it was last shown here. `ask`, within a transaction, puts the question anew; what it gives is
    called after the next statement and says whether the guess was right."""

    peer: Peer
    ask: Callable[[], Callable[[], bool]]


Guesser = Callable[[str | None, str], Guess | None]

Recorder = Callable[[Exchange], None]


class OcpiSite:
    """`site.register(Module(...))` in an app's `roaming.py`; `site.urls` in the URL configuration; `site.call(...)` out."""

    def __init__(self) -> None:
        self._modules: dict[str, Module] = {}
        self.public_url = ""
        self.client: Client | None = None
        self.authenticate: Authenticator = _nobody
        self.guess: Guesser = _nobody
        self.record: Recorder = _nowhere
        self.transaction: Callable[[], AbstractContextManager[None]] = atomic
        self.versions: tuple[str, ...] = ("2.3.0", "2.2.1")
        self.max_page = 100
        self.default_page = 100

    def register(self, module: Module) -> None:
        """Raises ValueError when the identifier is taken: two apps would fight for one door."""
        if module.identifier in self._modules:
            raise ValueError(f"module {module.identifier!r} is registered already")
        self._modules[module.identifier] = module

    def module(self, identifier: str) -> Module:
        """Raises KeyError for a module that no app declares."""
        return self._modules[identifier]

    def modules(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def parts(self, endpoint: str) -> list[Module]:
        """The modules that the endpoint of this identifier serves; none for one that no app declares."""
        return [module for module in self._modules.values() if module.endpoint == endpoint]

    @staticmethod
    def now() -> datetime:
        """The clock of every door, cut to milliseconds: an OCPI DateTime has at most 25 characters."""
        moment = datetime.now(UTC)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def versions_url(self) -> str:
        return f"{self.public_url}/ocpi/versions"

    def version_url(self, version: str) -> str:
        return f"{self.public_url}/ocpi/{version}"

    def endpoint_url(self, version: str, module: Module, interface: InterfaceRole) -> str:
        """As version details list it; `Module.address` of it is where a part of it is."""
        if module.one_door:
            return f"{self.public_url}/ocpi/{version}/{module.identifier}"
        return f"{self.public_url}/ocpi/{version}/{interface.value.lower()}/{module.endpoint}"

    @property
    def urls(self) -> tuple[list[Any], str, str]:
        from ocpi.server.urls import patterns  # the server imports the site: bound late, as AdminSite.urls does

        return patterns(self), "ocpi", "ocpi"

    def call(self, outgoing: Outgoing) -> Outcome:
        """Send one request and record the exchange, whatever became of it. Never raises for what a peer does."""
        if self.client is None:
            raise RuntimeError("the site has no client: backoffice.roaming_site sets it")
        exchange = Exchange(
            at=self.now(),
            incoming=False,
            connection=outgoing.connection,
            module=outgoing.module,
            method=outgoing.method,
            url=outgoing.url,
            request_id=str(uuid.uuid4()),
            correlation_id=outgoing.correlation_id or str(uuid.uuid4()),
            request_body=outgoing.body or b"",
            object_path=outgoing.object_path,
            attempt=outgoing.attempt,
            trigger=outgoing.trigger,
        )
        headers = {
            wire_headers.AUTHORIZATION: wire_headers.encode_token(outgoing.token, plain=outgoing.plain_token),
            wire_headers.X_REQUEST_ID: exchange.request_id,
            wire_headers.X_CORRELATION_ID: exchange.correlation_id,
            "Accept": "application/json",
        }
        if outgoing.body is not None:
            headers["Content-Type"] = "application/json"
        if outgoing.routing is not None:
            headers.update(outgoing.routing.as_headers())
            exchange.from_party = f"{outgoing.routing.from_country}-{outgoing.routing.from_party}"
            exchange.to_party = f"{outgoing.routing.to_country}-{outgoing.routing.to_party}"
        started = time.perf_counter()
        outcome = self.client.send(Request(outgoing.method, outgoing.url, headers, outgoing.body, outgoing.seconds))
        exchange.elapsed_ms = (time.perf_counter() - started) * 1000
        exchange.http_status = outcome.http_status
        exchange.ocpi_status = outcome.ocpi_status
        exchange.response_body = outcome.body
        exchange.response_size = len(outcome.body)
        exchange.cause = "" if isinstance(outcome, Delivered) else outcome.cause.value
        if outcome.oddities:
            exchange.notes["oddities"] = list(outcome.oddities)
        self.record(exchange)
        return outcome


def _nobody(encoded: str | None, plain: str) -> None:
    return None


def _nowhere(exchange: Exchange) -> None:
    return None
