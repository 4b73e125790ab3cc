"""The one error format of all APIs: problem details (RFC 9457), with a `code` for programs and a sentence for people.

`type` is a URN of the code: the code is all that there is to know by it. `errors` names each violation of a body by its path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from pydantic import Field

from ocpi.wire import json as wire_json
from ocpi.wire.base import Int, Many, StringAnyLength, Wire

MEDIA_TYPE = "application/problem+json"

PROBLEMS: Mapping[str, tuple[int, str]] = {
    # code: (HTTP status, title)
    "not_json": (400, "The body is not JSON that is taken here"),
    "bad_request": (400, "The request is not well-formed"),
    "idempotency_key_missing": (400, "This request needs an Idempotency-Key"),
    "unknown_key": (401, "No key, or none that opens this platform"),
    "https_only": (403, "This platform is reached by https only"),
    "wrong_api": (403, "The key is for another API"),
    "scope_missing": (403, "The key has no scope for this"),
    "not_found": (404, "There is no such thing here"),
    "method_not_allowed": (405, "This address has no such method"),
    "conflict": (409, "Not possible as things are"),
    "in_progress": (409, "The same request is being answered at this moment"),
    "too_large": (413, "The body is too large"),
    "media_type": (415, "The body must be application/json"),
    "invalid": (422, "The request is not as it should be"),
    "idempotency_key_reused": (422, "The Idempotency-Key was used with another body"),
    "too_many_requests": (429, "Too many requests"),
    "server_error": (500, "Unexpected error; nothing was changed"),
    "unavailable": (503, "The platform does not answer at the moment; nothing was changed"),
}


class Fault(Wire):
    """One thing that is wrong with a body: where, and what was expected."""

    path: StringAnyLength
    message: StringAnyLength


class ProblemDetails(Wire):
    """What every refusal is answered with (RFC 9457)."""

    type: StringAnyLength
    title: StringAnyLength
    status: Int
    code: StringAnyLength
    detail: StringAnyLength | None = None
    errors: Many[Fault] = Field(default_factory=list)
    request_id: StringAnyLength | None = None


class Problem(Exception):
    """Raised by whoever refuses; `code` is one of PROBLEMS."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        errors: Sequence[wire_json.Violation] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or code)
        self.status, self.title = PROBLEMS[code]
        self.code, self.detail, self.errors, self.headers = code, detail, tuple(errors), dict(headers or {})

    @classmethod
    def of(cls, error: wire_json.Invalid) -> Problem:
        """A body with faults."""
        return cls("invalid", f"{len(error.violations)} thing(s) are not as expected.", errors=error.violations[:50])

    def tree(self, request_id: str) -> dict[str, Any]:
        tree: dict[str, Any] = {
            "type": f"urn:roamdesk:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
        }
        if self.detail:
            tree["detail"] = self.detail[:1000]
        if self.errors:
            tree["errors"] = [{"path": _place(each), "message": each.message} for each in self.errors]
        return tree | {"request_id": request_id}

    def response(self, request_id: str) -> HttpResponse:
        response = HttpResponse(wire_json.encode(self.tree(request_id)), status=self.status, content_type=MEDIA_TYPE)
        for name, value in self.headers.items():
            response[name] = value
        return response


def _place(violation: wire_json.Violation) -> str:
    return str(wire_json.Violation(violation.path, "")).removesuffix(": ")


Handler = Callable[..., HttpResponse]


def as_problem(status: HTTPStatus, page: Handler, *, root: str) -> Handler:
    """A Django error handler: what Django answers by itself before a route is reached, as a problem below `root`."""
    code = {400: "bad_request", 404: "not_found"}.get(status, "server_error")

    def handler(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.path != root and not request.path.startswith(f"{root}/"):
            return page(request, *args, **kwargs)
        return Problem(code).response("")

    return handler
