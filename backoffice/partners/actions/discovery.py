"""What a partner offers: its versions and one version's endpoints, fetched, checked and told step by step.

Every step becomes a row that the wizard shows while it happens. Failure is one exception with a named cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from backoffice.partners.models import Connection, Step
from backoffice.partners.rules import best_version, missing_endpoints, module_named, origin
from backoffice.roaming_site import site
from ocpi.client import Delivered, Outcome
from ocpi.site import Outgoing
from ocpi.wire import json as wire_json
from ocpi.wire.base import Wire
from ocpi.wire.envelope import StatusCode
from ocpi.wire.versions import Version, VersionDetails

W = TypeVar("W", bound=Wire)

BEGUN = "begun"
"""Cause of the first step of a flow that staff began; it stands while the flow runs, so that there is always one to see."""


class UnableToHandshake(Exception):
    """A step failed: `cause` for filters and tests, the sentence for staff, `status` for the answer to a partner's call."""

    def __init__(self, message: str, *, cause: str, status: int = StatusCode.UNABLE_TO_USE_CLIENT_API) -> None:
        super().__init__(message)
        self.message = message
        self.cause = cause
        self.status = status


@dataclass(frozen=True, slots=True)
class Offer:
    """What we found: the version chosen, its endpoints (identifier, role, url) and where its credentials module is."""

    version: str
    endpoints: tuple[tuple[str, str, str], ...]
    credentials_url: str


@dataclass(frozen=True, slots=True)
class Line:
    """How to talk during one flow: which token we present, and whose log the exchanges belong to."""

    connection: Connection
    flow: str
    token: str
    correlation_id: str = ""

    def tell(self, title: str, *, ok: bool | None, cause: str = "", detail: str = "") -> None:
        Step.objects.create(
            connection=self.connection,
            at=site.now(),
            flow=self.flow,
            title=title[:200],
            ok=ok,
            cause=cause,
            detail=detail,
        )

    def call(self, method: str, url: str, module: str, body: bytes | None = None) -> Outcome:
        """Raises UnableToHandshake for a host that staff did not confirm: our token would go to whoever answers there."""
        if origin(url) not in self.connection.confirmed_origins:
            message = (
                f"{origin(url)} is another host than the versions URL's. Confirm it on the connection, then try again."
            )
            self.tell(f"{method} {module}", ok=False, cause="unconfirmed_host", detail=message)
            raise UnableToHandshake(message, cause="unconfirmed_host")
        return site.call(
            Outgoing(
                method=method,
                url=url,
                token=self.token,
                connection=self.connection.pk,
                module=module,
                body=body,
                plain_token=self.connection.plain_token,
                correlation_id=self.correlation_id,
                trigger=self.flow,
            )
        )


def fetch(line: Line, url: str, title: str, module: str = "versions") -> Any:
    """GET one address of a configuration module: the answer's data. Raises UnableToHandshake with the client's cause."""
    outcome = line.call("GET", url, module)
    if not isinstance(outcome, Delivered):
        line.tell(title, ok=False, cause=outcome.cause.value, detail=outcome.reason)
        raise UnableToHandshake(outcome.reason, cause=outcome.cause.value)
    line.tell(title, ok=True, detail=f"HTTP {outcome.http_status}, {outcome.elapsed_ms} ms")
    return outcome.answer.data


def discover(line: Line, versions_url: str, *, wanted: str | None = None) -> Offer:
    """Versions, then the details of the best common one (or of `wanted`). Raises UnableToHandshake."""
    listed = fetch(line, versions_url, "Read the versions")
    offered: dict[str, str] = {}
    for entry in listed if isinstance(listed, list) else []:
        version = _read(line, Version, entry, "Understand the versions")
        offered[str(version.version)] = version.url
    chosen = (wanted if wanted in offered else None) if wanted else best_version(offered, site.versions)
    if chosen is None:
        message = f"No common version: the partner offers {', '.join(sorted(offered)) or 'none'}, we need " + (
            wanted or " or ".join(site.versions)
        )
        line.tell("Choose a version", ok=False, cause="no_common_version", detail=message)
        raise UnableToHandshake(message + ".", cause="no_common_version", status=StatusCode.UNSUPPORTED_VERSION)
    line.tell("Choose a version", ok=True, detail=f"{chosen} of {', '.join(sorted(offered, reverse=True))}")
    tree = fetch(line, offered[chosen], f"Read the endpoints of {chosen}")
    details = _read(line, VersionDetails, tree, "Understand the endpoints")
    endpoints = tuple((module_named(str(e.identifier)), str(e.role), e.url) for e in details.endpoints)
    missing = missing_endpoints([(identifier, role) for identifier, role, _ in endpoints])
    if missing:
        message = f"The version details list no {', '.join(missing)} endpoint."
        line.tell("Find the endpoints", ok=False, cause="missing_endpoint", detail=message)
        raise UnableToHandshake(message, cause="missing_endpoint", status=StatusCode.NO_MATCHING_ENDPOINTS)
    credentials = next(url for identifier, _, url in endpoints if identifier == "credentials")
    elsewhere = sorted({origin(url) for _, _, url in endpoints} - {origin(versions_url)})
    detail = ", ".join(sorted({f"{identifier} {role}" for identifier, role, _ in endpoints}))
    if elsewhere:
        detail += f". On other hosts, to be confirmed before we send there: {', '.join(elsewhere)}"
    line.tell("Find the endpoints", ok=True, detail=detail)
    return Offer(version=chosen, endpoints=endpoints, credentials_url=credentials)


def _read(line: Line, cls: type[W], tree: Any, title: str) -> W:
    try:
        return wire_json.validate(cls, tree)
    except wire_json.Invalid as error:
        line.tell(title, ok=False, cause="invalid_answer", detail=str(error))
        raise UnableToHandshake(f"The partner's answer is not valid: {error}", cause="invalid_answer") from error


def started(connection: Connection, flow: str) -> datetime:
    """A new run of a flow: its old steps go, so that the page shows this run alone."""
    Step.objects.filter(connection=connection, flow=flow).exclude(cause=BEGUN).delete()
    return site.now()
