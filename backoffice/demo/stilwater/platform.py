"""The company's doors: an HTTP server of a few lines that speaks OCPI 2.2.1 as far as our platform asks.

Cards, location and tariff can be fetched; Sessions and CDRs pushed to it are taken, and the CDRs found again at their Location
for as long as it runs. A question whether a card may charge is accepted and never answered.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

from backoffice.demo.stilwater import documents
from backoffice.demo.world.companies import STILWATER
from ocpi.wire import headers as wire_headers
from ocpi.wire import json as wire_json
from ocpi.wire.base import date_time_text

ENDPOINTS = (
    ("credentials", "SENDER"),
    ("tokens", "SENDER"),
    ("locations", "SENDER"),
    ("tariffs", "SENDER"),
    ("sessions", "RECEIVER"),
    ("cdrs", "RECEIVER"),
)
SILENT_FOR = 30.0
"""Seconds; longer than anybody waits."""

KEPT = 500
"""CDRs."""

LARGEST = 200_000
"""Bytes of a body."""


class Platform(ThreadingHTTPServer):
    """`token`: what callers must show. `since`: when its documents were last changed."""

    daemon_threads = True

    def __init__(self, host: str, port: int, *, token: str, since: datetime, clock: Callable[[], datetime]) -> None:
        super().__init__((host, port), _Door)
        self.token = token
        self.since = since
        self.clock = clock
        self.closing = threading.Event()
        self.cdrs: dict[str, Any] = {}

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    @property
    def versions_url(self) -> str:
        return f"{self.url}/ocpi/versions"

    def lists(self) -> dict[str, list[Any]]:
        return {
            "tokens": documents.tokens(self.since),
            "locations": [documents.location(self.since)],
            "tariffs": [documents.tariff(self.since)],
        }

    def credentials(self) -> dict[str, Any]:
        details = {"name": STILWATER.name, "website": STILWATER.website}
        roles = [documents.OWNER | {"role": role, "business_details": details} for role in ("CPO", "EMSP")]
        return {"token": self.token, "url": self.versions_url, "roles": roles}

    def keep(self, cdr: Any) -> str:
        """Where it can be found."""
        name = str(cdr.get("id")) if isinstance(cdr, dict) else ""
        while len(self.cdrs) >= KEPT:
            self.cdrs.pop(next(iter(self.cdrs)))
        self.cdrs[name] = cdr
        return f"{self.url}/ocpi/2.2.1/receiver/cdrs/{name}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers that no longer wait are what this company is about."""


class _Unanswered(Exception):
    """The connection is closed without a word."""


class _Door(BaseHTTPRequestHandler):
    server: Platform
    protocol_version = "HTTP/1.1"
    timeout = 60

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST:
            self.close_connection = True
            return
        body = self.rfile.read(length)
        try:
            status, code, data, more = self._answer(
                [unquote(part) for part in urlsplit(self.path).path.split("/")[2:]], body
            )
        except _Unanswered:
            self.close_connection = True
            return
        envelope = {"status_code": code, "timestamp": date_time_text(self.server.clock())}
        text = wire_json.encode(envelope | ({} if data is None else {"data": data}))
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        for name in (wire_headers.X_REQUEST_ID, wire_headers.X_CORRELATION_ID):
            if value := wire_headers.message_id(self.headers.get(name)):
                self.send_header(name, value)
        for name, value in more.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def _answer(self, path: list[str], body: bytes) -> tuple[int, int, Any, dict[str, str]]:
        """HTTP status, OCPI status, data, headers."""
        if not self._known():
            return 401, 2001, None, {}
        match self.command, path:
            case "GET", ["versions"]:
                return 200, 1000, [{"version": "2.2.1", "url": f"{self.server.url}/ocpi/2.2.1"}], {}
            case "GET", ["2.2.1"]:
                return 200, 1000, {"version": "2.2.1", "endpoints": self._endpoints()}, {}
            case "GET", ["2.2.1", "sender", "credentials"]:
                return 200, 1000, self.server.credentials(), {}
            case "POST", ["2.2.1", "sender", "tokens", _, "authorize"]:
                self._stay_silent()
            case "GET", ["2.2.1", "sender", module] if module in self.server.lists():
                found = self.server.lists()[module]
                return 200, 1000, found, {"X-Total-Count": str(len(found)), "X-Limit": str(len(found))}
            case "PUT", ["2.2.1", "receiver", "sessions", _, _, _]:
                return 200, 1000, None, {}
            case "POST", ["2.2.1", "receiver", "cdrs"]:
                return 200, 1000, None, {wire_headers.LOCATION: self.server.keep(wire_json.parse(body))}
            case "GET", ["2.2.1", "receiver", "cdrs", name] if name in self.server.cdrs:
                return 200, 1000, self.server.cdrs[name], {}
        return 404, 2003, None, {}

    def _known(self) -> bool:
        try:
            shown = wire_headers.decode_token(self.headers.get(wire_headers.AUTHORIZATION, ""))
        except wire_headers.BadHeader:
            return False
        return hmac.compare_digest(shown.encode(), self.server.token.encode())

    def _endpoints(self) -> list[dict[str, str]]:
        return [
            {
                "identifier": module,
                "role": role,
                "url": f"{self.server.url}/ocpi/2.2.1/{role.lower()}/{module}",
            }
            for module, role in ENDPOINTS
        ]

    def _stay_silent(self) -> NoReturn:
        self.server.closing.wait(SILENT_FOR)
        raise _Unanswered

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815  # http.server finds methods by name

    def log_message(self, *_args: object) -> None:
        """Our platform logs every exchange."""
