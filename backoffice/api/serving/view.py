"""The DRF view of every route: who calls, may he, how often; the body, the transaction, the answer, the log.

What is received is hostile until proved otherwise: bodies are read by `ocpi.wire.json` (exact numbers, no duplicate keys, bounded
depth) and never by DRF's parser, everything that fails is a problem document, and nothing but a broken platform is a 5xx.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from backoffice.api.actions import keeping, keys, recording
from backoffice.api.actions.keys import Caller, Unusable
from backoffice.api.models import ApiCall
from backoffice.api.rules import body_hash, is_idempotency_key
from backoffice.api.serving.problems import Problem
from backoffice.api.serving.routes import Api, Ask, Repeats, Route, Told
from backoffice.roaming_site import site
from ocpi.wire import json as wire_json

log = logging.getLogger("roamdesk.api")

RETRIED = {"40P01", "40001", "55P03"}
"""SQLSTATEs worth another try: deadlock, serialization failure, lock time-out."""

UNKNOWN = "Send the header Authorization: Bearer and an API key of this platform."


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer rdk_...`. Gives (Caller, None); raises Problem."""

    def authenticate(self, request: Request) -> tuple[Caller, None]:
        challenge = {"WWW-Authenticate": 'Bearer realm="Roamdesk API"'}
        scheme, _, shown = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        shown = shown.strip()
        if scheme.lower() != "bearer" or not shown or len(shown) > 200 or not shown.isascii():
            raise Problem("unknown_key", UNKNOWN, headers=challenge)
        found = keys.find(shown, now=site.now())
        if found is None:
            raise Problem("unknown_key", UNKNOWN, headers=challenge)
        if isinstance(found, Unusable):
            raise Problem("unknown_key", found.sentence, headers=challenge)
        return found, None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class HasScope(BasePermission):
    """The key is for this API, and has the scope of this route."""

    def has_permission(self, request: Request, view: Any) -> bool:
        caller, api, route = request.user, view.api, view.routes.get(request.method)
        if caller.kind is not api.kind:
            raise Problem("wrong_api", f"This key does not open the {api.title}.")
        if route is not None and route.scope not in caller.scopes:
            raise Problem("scope_missing", f"This needs the scope {route.scope}, which the key does not have.")
        return True


class PerKey(BaseThrottle):
    """So many requests of one key in one minute, counted for all web processes together."""

    seconds: float | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        self.seconds = keys.seconds_to_wait(request.user, now=site.now())
        if self.seconds is not None:
            raise Problem(
                "too_many_requests",
                f"This key may make {request.user.per_minute} requests in a minute.",
                headers={"Retry-After": str(int(self.seconds + 0.999))},
            )
        return True


class Door(APIView):
    """`as_view` gives `api` and the `routes` of one address, by method."""

    api: Api = None  # type: ignore[assignment]  # always given by as_view; None keeps DRF's attribute check happy
    routes: Mapping[str, Route] = {}
    authentication_classes = (KeyAuthentication,)
    permission_classes = (HasScope,)
    throttle_classes = (PerKey,)
    parser_classes = ()

    started: float
    now: datetime
    request_id: str
    call: ApiCall | None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.started = time.perf_counter()
        self.now = site.now()
        self.request_id = uuid.uuid4().hex
        self.call = None
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        response["X-Request-ID"] = self.request_id
        response["Cache-Control"] = "no-store"
        if isinstance(response, HttpResponse):
            response["Content-Length"] = str(len(response.content))  # else the web server would send it in chunks
        if self.call is not None and response.status_code >= 400:
            self._log_refusal(response)
        return response

    # what DRF calls -------------------------------------------------------------------------------------------------

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Accept headers never lead to 406: an answer is JSON."""
        return None, "application/json"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if site.public_url.startswith("https://") and not request._request.is_secure():
            # not a redirect: that would let the caller go on sending its key in the clear
            raise Problem("https_only", "Renew the key that was sent without https.")
        self.perform_authentication(request)
        self.check_throttles(request)
        caller: Caller = request.user
        self.call = ApiCall(
            at=self.now,
            application_id=caller.application,
            key_id=caller.key,
            method=(request.method or "")[:10],
            path=_printable(request.path)[:400],
            request_id=self.request_id,
            elapsed_ms=0,
        )
        self.check_permissions(request)

    @property
    def default_response_headers(self) -> dict[str, str]:
        return {}

    @property
    def allowed_methods(self) -> list[str]:
        return list(self.routes)

    def http_method_not_allowed(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        raise MethodNotAllowed(request.method or "")

    def handle_exception(self, exc: Exception) -> HttpResponse:
        """Every way of failing, as a problem document."""
        problem = self._problem(exc)
        if self.call is not None:
            self.call.code, self.call.detail = problem.code, _printable(problem.detail)[:400]
            if problem.errors and not isinstance(exc, wire_json.BadJson):
                self.call.detail = _printable("; ".join(str(each) for each in problem.errors))[:400]
        return problem.response(self.request_id)

    def _problem(self, exc: Exception) -> Problem:
        if isinstance(exc, Problem):
            return exc
        if isinstance(exc, MethodNotAllowed):
            return Problem("method_not_allowed", headers={"Allow": ", ".join(self.allowed_methods)})
        if isinstance(exc, wire_json.Invalid):
            return Problem.of(exc)
        if isinstance(exc, APIException | SuspiciousOperation):
            return Problem("bad_request")
        if isinstance(exc, OperationalError | InterfaceError):
            log.error("database unavailable at an API door: %s", exc)
            return Problem("unavailable", "Please try again.", headers={"Retry-After": "5"})
        log.error("unexpected error at an API door", exc_info=exc)
        return Problem("server_error", f"Give the operator the request id {self.request_id} to look it up.")

    # the route ------------------------------------------------------------------------------------------------------

    def _serve(self, request: Request, **segments: str) -> HttpResponse:
        route = self.routes[request.method or ""]
        assert self.call is not None
        self.call.route = route.path
        if not all(segment.isprintable() for segment in segments.values()):
            raise Problem("not_found")
        ask = Ask(request.user, segments, self._query(route), None, {}, self.now, self.request_id)
        if route.method == "GET":
            return self._answer(route, route.answer(ask))
        data = self._read(route) if route.body else b""
        if route.body is not None:
            tree = self._tree(data)
            ask = replace(ask, value=wire_json.validate(route.body, tree), tree=tree)
        asked = self._asked(route, data)
        return self._outside(route, ask, asked) if route.asks_others else self._inside(route, ask, asked)

    get = post = put = patch = delete = _serve

    def _query(self, route: Route) -> dict[str, Any]:
        given = self.request._request.GET
        known = {parameter.name: parameter for parameter in route.query}
        faults = [
            wire_json.Violation((name,), "This address has no such parameter.") for name in given if name not in known
        ]
        found: dict[str, Any] = {}
        for name, parameter in known.items():
            found[name] = parameter.default
            values = given.getlist(name)
            if not values:
                if parameter.required:
                    faults.append(wire_json.Violation((name,), "Expected this parameter: it is required."))
                continue
            try:
                if len(values) > 1:
                    raise ValueError("Expected it once.")
                found[name] = parameter.read(values[0])
            except ValueError as error:
                faults.append(wire_json.Violation((name,), str(error)))
        if faults:
            raise wire_json.Invalid(faults)
        return found

    def _read(self, route: Route) -> bytes:
        request, limit = self.request, route.max_body
        content_type = request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        if content_type != "application/json":
            raise Problem("media_type", "Send Content-Type: application/json.")
        if request.META.get("HTTP_CONTENT_ENCODING", "identity").lower() not in ("", "identity"):
            raise Problem("media_type", "Content-Encoding is not supported: send the body as it is.")
        length = request.META.get("CONTENT_LENGTH", "")
        if re.fullmatch("[0-9]+", length, re.ASCII) and int(length[:20]) > limit:
            raise Problem("too_large", f"The body may have {limit} bytes.")
        chunked = not length and request.META.get("wsgi.input_terminated", False)
        try:
            data: bytes = (request.META["wsgi.input"] if chunked else request._request).read(limit + 1)
        except OSError as error:
            raise Problem("bad_request", "The body broke off.") from error
        if len(data) > limit:
            raise Problem("too_large", f"The body may have {limit} bytes.")
        return data

    def _tree(self, data: bytes) -> dict[str, Any]:
        assert self.call is not None
        self.call.request_size, self.call.fingerprint = len(data), body_hash(data).hex()[:12]
        try:
            tree = wire_json.parse(data)
        except wire_json.BadJson as error:
            raise Problem("not_json", str(error)) from error
        if not isinstance(tree, dict):
            raise Problem("invalid", "Expected an object.")
        return tree

    def _asked(self, route: Route, data: bytes) -> keeping.Asked | None:
        """The request as the kept answers know it; None without an Idempotency-Key."""
        assert self.call is not None
        key = self.request.META.get("HTTP_IDEMPOTENCY_KEY")
        if route.repeats is Repeats.NO:
            return None
        if key is None:
            if route.repeats is Repeats.MUST:
                raise Problem(
                    "idempotency_key_missing",
                    "Send the header Idempotency-Key: a new random text for each new request.",
                )
            return None
        if not is_idempotency_key(key):
            raise Problem(
                "bad_request", "Idempotency-Key: expected 1 to 255 printable ASCII characters without spaces."
            )
        self.call.idempotency_key = key
        return keeping.Asked(self.call.application_id, f"{route.method} {self.call.path}", key, body_hash(data))

    def _inside(self, route: Route, ask: Ask, asked: keeping.Asked | None) -> HttpResponse:
        """One transaction of the effect, the kept answer and the log; tried again on deadlock, at most three times."""
        attempt = 0
        while True:
            attempt += 1
            try:
                with transaction.atomic():
                    begun = self._begin(asked, claimed=False)
                    if isinstance(begun, keeping.Kept):
                        response = self._again(begun)
                    else:
                        response = self._answer(route, route.answer(ask))
                        if begun is not None:
                            keeping.finish(begun, status=response.status_code, body=response.content.decode())
                    self._log(response)
                return response
            except OperationalError as error:
                state = getattr(error.__cause__, "sqlstate", None)
                if attempt >= 3 or state not in RETRIED:
                    raise

    def _outside(self, route: Route, ask: Ask, asked: keeping.Asked | None) -> HttpResponse:
        """For what asks others: no transaction is open while they answer."""
        begun = self._begin(asked, claimed=True)
        if isinstance(begun, keeping.Kept):
            response = self._again(begun)
            self._log(response)
            return response
        try:
            response = self._answer(route, route.answer(ask))
        except BaseException:
            if begun is not None:
                keeping.release(begun)
            raise
        with transaction.atomic():
            if begun is not None:
                keeping.finish(begun, status=response.status_code, body=response.content.decode())
            self._log(response)
        return response

    def _begin(self, asked: keeping.Asked | None, *, claimed: bool) -> int | keeping.Kept | None:
        if asked is None:
            return None
        try:
            return keeping.claim(asked, now=self.now) if claimed else keeping.begin(asked, now=self.now)
        except keeping.UnableToRepeat as error:
            raise Problem("idempotency_key_reused", str(error)) from error
        except keeping.UnableToWait as error:
            raise Problem("in_progress", str(error), headers={"Retry-After": "1"}) from error

    def _again(self, kept: keeping.Kept) -> HttpResponse:
        assert self.call is not None
        self.call.replayed = True
        response = HttpResponse(kept.body, status=kept.status, content_type="application/json")
        response["Idempotent-Replayed"] = "true"
        return response

    @staticmethod
    def _answer(route: Route, told: Told) -> HttpResponse:
        status = told.status or route.status
        body = b"" if told.tree is None else wire_json.encode(told.tree)
        response = HttpResponse(body, status=204 if told.tree is None else status, content_type="application/json")
        for name, value in told.headers.items():
            response[name] = value
        return response

    # the log --------------------------------------------------------------------------------------------------------

    def _log(self, response: HttpResponseBase) -> None:
        call = self.call
        assert call is not None
        call.pk = None
        call.status = response.status_code
        call.elapsed_ms = round((time.perf_counter() - self.started) * 1000, 2)
        recording.record(call)

    def _log_refusal(self, response: HttpResponseBase) -> None:
        assert self.call is not None
        try:
            self._log(response)
        except (OperationalError, InterfaceError) as error:
            log.error("API call %s was not logged: %s", self.request_id, error)


def _printable(sentence: str) -> str:
    """Control characters out: a line feed would forge a log line, NUL would fail the insert."""
    return "".join(character if character.isprintable() else "\ufffd" for character in sentence)
