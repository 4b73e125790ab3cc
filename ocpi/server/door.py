"""What every door does whatever its shape: authenticate, read the body, answer in the envelope, log the exchange.

An HTTP error is only for what is wrong below the OCPI layer; valid JSON with a bad field is HTTP 200 with 2001
(status_codes). Every answer, errors included, carries the envelope, X-Request-ID and X-Correlation-ID.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.exceptions import APIException, MethodNotAllowed
from rest_framework.viewsets import ViewSet

from ocpi.module import Module, Peer, Refusal, Unknown
from ocpi.server.auth import Readings, authenticated, read, token_of
from ocpi.server.routing import check_routing, read_routing
from ocpi.site import Exchange, Guess, OcpiSite
from ocpi.versions.repairs import Applied
from ocpi.wire import envelope
from ocpi.wire import json as wire_json
from ocpi.wire.envelope import StatusCode
from ocpi.wire.headers import UNROUTED, Routing, message_id
from ocpi.wire.versions import InterfaceRole

log = logging.getLogger("ocpi.server")
T = TypeVar("T")

RETRIED = {"40P01", "40001", "55P03"}
"""SQLSTATEs worth another try: deadlock, serialization failure, lock time-out."""

WAITED = RETRIED | {"57014"}
"""Of who has waited long enough for a database that lives, with statement time-out: whose token it was changes nothing."""


class _Mistaken(Exception):
    """The peer was guessed and is another one."""


class Door(ViewSet):
    """Base of the viewsets. `as_view` gives site, module, version and interface.

    What DRF does between its view and the handler is done here in the same order with the same hooks, but without its Request:
    parsers, negotiation and lazy logins mean nothing to a door, and every attribute of a Request is looked for three times.
    """

    site: OcpiSite = None  # type: ignore[assignment]  # always given by as_view; None keeps DRF's attribute check happy
    module: Module | None = None
    version: str = ""
    interface: InterfaceRole | None = None
    http_method_names = ["get", "post", "put", "patch", "delete"]  # OCPI has no HEAD and no OPTIONS

    exchange: Exchange
    routing: Routing
    peer: Peer
    shown: str
    """The token that the peer showed."""
    meta: dict[str, Any]
    started: float
    recorded: bool
    _data: bytes | None

    guesses: bool = False
    """Whether all that this door does before it answers is done by `write`, or after `prove`. Then the question who asks travels
    with the first statement of that transaction: until it is answered, the peer is the one that showed this token last."""

    unproved: Guess | None
    """While the peer is a guess. Nothing is answered and nothing is committed before it is proved."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.started = time.perf_counter()
        self.recorded = False
        self.meta = request.META
        self.unproved = None
        self._data = None
        self._open_exchange(request)
        response = self._guessed(request, args, kwargs) if self.guesses and request.method != "GET" else None
        if response is None:
            try:
                self.enter(request)
                response = self._handled(request, args, kwargs)
            except Exception as exc:  # noqa: BLE001  # whatever it was, the answer is in the envelope
                response = self.handle_exception(exc)
        if not self.recorded:
            self.close_exchange(response)
        return response

    def _handled(self, request: HttpRequest, args: Any, kwargs: Any) -> HttpResponseBase:
        verb = (request.method or "").lower()
        handler = getattr(self, verb, None) if verb in self.http_method_names else None
        if handler is None:
            raise MethodNotAllowed(request.method or "")
        response: HttpResponseBase = handler(request, *args, **kwargs)
        return response

    def _guessed(self, request: HttpRequest, args: Any, kwargs: Any) -> HttpResponseBase | None:
        """As the usual way, for who showed this token last. None where nobody did, where it is somebody else now, and where
        something went wrong before that was known: then all is undone and the usual way is gone."""
        try:
            self._in_private(request)
            readings = read(self.meta)
            self.unproved = guess = self.site.guess(*readings)
            if guess is None:
                return None
            self._admit(guess.peer, readings)
            response = self._handled(request, args, kwargs)
            self.prove()
            return response
        except Exception as exc:  # noqa: BLE001  # as in `dispatch`
            if self.unproved is None or self._rightly_refused(exc):
                return self.handle_exception(exc)
        self.unproved = None
        self.recorded = False
        self._open_exchange(request)
        return None

    def _rightly_refused(self, exc: Exception) -> bool:
        """Whether this is what the peer would hear that was guessed, and it is that one. Somebody who is refused all day costs no
        more than one who is not, and nobody waits twice for what somebody else holds."""
        if not isinstance(exc, Refusal | APIException) and _sqlstate(exc) not in WAITED:
            return False
        try:
            self.prove()
        except Exception:  # noqa: BLE001  # the usual way says what it is
            return False
        return True

    def prove(self) -> None:
        """Raises _Mistaken if somebody else shows this token now than showed it last."""
        if self.unproved is not None:
            self._prove(self.unproved.ask())

    def _prove(self, told: Callable[[], bool]) -> None:
        if not told():
            raise _Mistaken
        self.unproved = None

    def _open_exchange(self, request: HttpRequest) -> None:
        meta = self.meta
        self.routing = UNROUTED
        self.exchange = Exchange(
            at=self.site.now(),
            incoming=True,
            connection=None,
            module=self.module.identifier if self.module else "versions",
            method=request.method or "",
            url=request.get_full_path(),
            request_id=message_id(meta.get("HTTP_X_REQUEST_ID")) or str(uuid.uuid4()),
            correlation_id=message_id(meta.get("HTTP_X_CORRELATION_ID")) or str(uuid.uuid4()),
        )

    def enter(self, request: HttpRequest) -> None:
        """Who asks, and whether it may ask here. Accept headers never lead to 406: an OCPI answer is JSON."""
        self._in_private(request)
        readings = read(self.meta)
        self._admit(authenticated(self.site, readings), readings)

    def _in_private(self, request: HttpRequest) -> None:
        if self.site.public_url.startswith("https://") and not request.is_secure():
            # not a redirect: that would let a partner go on sending its token in the clear
            raise Refusal("This platform is reached by https only. Renew the token that was sent without it.", http=403)

    def _admit(self, peer: Peer, readings: Readings) -> None:
        self.peer = peer
        self.shown = token_of(peer, readings)
        self.exchange.connection = peer.connection
        if peer.bootstrap and self.module is not None and not self.module.bootstrap:
            raise Refusal("This token opens versions and credentials only.", http=401)
        if self.module is not None and self.interface is not None and not self.module.opens(self.interface, peer):
            raise Unknown("This interface is not in the version details of this connection.")
        if self.module is not None and self.module.routed:
            self.routing = read_routing(self.meta)
            if self.routing is not UNROUTED:
                self.exchange.from_party = _party(self.routing.from_country, self.routing.from_party)
                self.exchange.to_party = _party(self.routing.to_country, self.routing.to_party)
                check_routing(self.routing, peer)

    def handle_exception(self, exc: Exception) -> HttpResponse:
        """Every way of failing, as an answer in the protocol's own terms."""
        if isinstance(exc, Refusal):
            if exc.details:
                self.exchange.notes["violations"] = list(exc.details)[:50]
            return self.answer(None, http=exc.http, ocpi=exc.ocpi, message=exc.message, headers=exc.headers)
        if isinstance(exc, APIException):
            headers = {"Allow": ", ".join(self.allowed_methods)} if isinstance(exc, MethodNotAllowed) else {}
            if exc.status_code in (401, 403):
                headers["WWW-Authenticate"] = "Token"
                return self.answer(
                    None, http=401, ocpi=StatusCode.CLIENT_ERROR, message=str(exc.detail), headers=headers
                )
            return self.answer(
                None, http=exc.status_code, ocpi=StatusCode.CLIENT_ERROR, message=str(exc.detail), headers=headers
            )
        if isinstance(exc, SuspiciousOperation):  # such as more parameters than Django reads
            return self.answer(None, http=400, ocpi=StatusCode.CLIENT_ERROR, message="This request is not well-formed.")
        if isinstance(exc, OperationalError | InterfaceError):
            log.error("database unavailable at an OCPI door: %s", exc)
            return self.answer(
                None,
                http=503,
                ocpi=StatusCode.SERVER_ERROR,
                message="The database does not answer at the moment; nothing was changed. Please try again.",
                headers={"Retry-After": "5"},
            )
        log.error("unexpected error at an OCPI door", exc_info=exc)
        return self.answer(
            None,
            http=500,
            ocpi=StatusCode.SERVER_ERROR,
            message=f"Unexpected error; nothing was changed. Give us X-Request-ID {self.exchange.request_id} to look it up.",
        )

    # what the shapes use --------------------------------------------------------------------------------------------

    @property
    def has_body(self) -> bool:
        return bool(self.meta.get("CONTENT_LENGTH", "").strip("0 ") or self.meta.get("HTTP_TRANSFER_ENCODING"))

    def body(self) -> dict[str, Any]:
        """The request's body as a tree. Raises Refusal: 415, 413, 400 for what is no JSON, 2001 for no object."""
        meta = self.meta
        limit = self.module.max_body if self.module else 1_000_000
        content_type = meta.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        if content_type != "application/json":
            raise Refusal("Content-Type must be application/json.", http=415)
        if meta.get("HTTP_CONTENT_ENCODING", "identity").lower() not in ("", "identity"):
            raise Refusal("Content-Encoding is not supported: send the body as it is.", http=415)
        length = meta.get("CONTENT_LENGTH", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > limit:
            raise Refusal(f"The body is larger than {limit} bytes.", http=413)
        # Django reads as much as Content-Length says; a chunked body has none, and the web server knows its end
        chunked = not length and meta.get("wsgi.input_terminated", False)
        data = self._data
        if data is None:
            try:
                data = self._data = (meta["wsgi.input"] if chunked else self.request).read(limit + 1)
            except OSError as error:
                raise Refusal("The body broke off.", http=400) from error
        if len(data) > limit:
            raise Refusal(f"The body is larger than {limit} bytes.", http=413)
        self.exchange.request_body = data
        try:
            tree = wire_json.parse(data)
        except wire_json.BadJson as error:
            raise Refusal(
                f"The body is not valid JSON: {error}", ocpi=StatusCode.INVALID_PARAMETERS, http=400
            ) from error
        if not isinstance(tree, dict):
            raise Refusal("A JSON object is expected.", ocpi=StatusCode.INVALID_PARAMETERS)
        return tree

    def answer(
        self,
        data: bytes | list[bytes] | None,
        *,
        http: int = 200,
        ocpi: int = StatusCode.SUCCESS,
        message: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> HttpResponse:
        """`data`: encoded JSON, already in the caller's version."""
        if message and len(message) > 500:
            message = message[:497] + "..."
        body = envelope.answer(data, status_code=ocpi, status_message=message, now=self.site.now())
        told = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),  # else the web server would send it in chunks
            "X-Request-ID": self.exchange.request_id,
            "X-Correlation-ID": self.exchange.correlation_id,
        }
        if self.routing is not UNROUTED:
            told |= self.routing.swapped().as_headers()
        if headers:
            told |= headers
        self.exchange.ocpi_status = int(ocpi)
        return HttpResponse(body, status=http, headers=told)

    def _note(self, repairs: Sequence[Applied]) -> None:
        if repairs:
            self.exchange.notes["repairs"] = dict(Counter(item.name for item in repairs))

    def write(self, effect: Callable[[], HttpResponse]) -> HttpResponse:
        """Run `effect` and log the exchange in one transaction; tried again on deadlock, at most three times."""
        attempt = 0
        while True:
            attempt += 1
            try:
                with self.site.transaction():
                    told = self.unproved.ask() if self.unproved is not None else None
                    response = effect()
                    if told is not None:
                        self._prove(told)
                    self.close_exchange(response)
                return response
            except OperationalError as error:
                self.recorded = False
                if attempt >= 3 or _sqlstate(error) not in RETRIED:
                    raise
            except Exception:
                self.recorded = False
                raise

    def close_exchange(self, response: HttpResponseBase) -> None:
        exchange = self.exchange
        exchange.http_status = response.status_code
        content = response.content if isinstance(response, HttpResponse) else b""
        exchange.response_size = len(content)
        # a page of documents is not logged: it is what the tables say, and 868 kB of it
        exchange.response_body = b"" if exchange.method == "GET" and len(content) > 4096 else content
        exchange.elapsed_ms = (time.perf_counter() - self.started) * 1000
        self.recorded = True
        try:
            self.site.record(exchange)
        except (OperationalError, InterfaceError) as error:
            if transaction.get_connection().in_atomic_block:
                raise
            log.error("exchange %s was not logged: %s", exchange.request_id, error)


def _sqlstate(error: Exception) -> str | None:
    return getattr(error.__cause__, "sqlstate", None)


def _party(country_code: str | None, party_id: str | None) -> str:
    return f"{country_code}-{party_id}" if country_code and party_id else ""


def view(door: type[Door], actions: dict[str, str], **given: Any) -> Callable[..., HttpResponseBase]:
    """`door.as_view` for an OCPI URL: no CSRF (partners hold tokens, not cookies). `StraightToTheDoor` knows it by its door."""
    viewed = door.as_view(actions, **given)

    def made(request: HttpRequest, *, owner: str = "", **found: Any) -> HttpResponseBase:
        """`owner`: stands in the path before the segment of a part; doors are told one path."""
        if owner:
            found["path"] = owner + found["path"]
        response: HttpResponseBase = viewed(request, **found)
        return response

    made.door = door  # type: ignore[attr-defined]
    made.csrf_exempt = True  # type: ignore[attr-defined]
    return made
