"""The partner as a client: one request as bytes, one answer as bytes, and what every OCPI answer must look like."""

import base64
import http.client
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

# A DateTime (types#types_datetime_type) is RFC 3339 in UTC, at most 25 characters, with "Z" or without zone.
DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z?")
# transport_and_format#transport_and_format_message_routing, each header with the one that answers it.
SWAPPED = {
    "OCPI-to-party-id": "OCPI-from-party-id",
    "OCPI-to-country-code": "OCPI-from-country-code",
    "OCPI-from-party-id": "OCPI-to-party-id",
    "OCPI-from-country-code": "OCPI-to-country-code",
}


@dataclass(frozen=True)
class RawAnswer:
    """What came back, untouched, and the headers it answers."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    asked: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        return self.json.get("data")


def authorization(token: str, *, plain: bool = False) -> str:
    """'Token', one space, the RFC 4648 Base64 of the UTF-8 bytes. Plain: as many 2.1.1 platforms do."""
    return "Token " + (token if plain else base64.b64encode(token.encode("utf-8")).decode("ascii"))


def call(
    method: str,
    url: str,
    token: str | None = None,
    *,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    plain: bool = False,
    seconds: float = 10,
) -> RawAnswer:
    """One request on a connection of its own. `token` None sends no Authorization; a header given as "" is left out."""
    parts = urlsplit(url)
    sent = {"X-Request-ID": str(uuid4()), "X-Correlation-ID": str(uuid4())}
    if token is not None:
        sent["Authorization"] = authorization(token, plain=plain)
    if body is not None:
        sent["Content-Type"] = "application/json"
    sent |= headers or {}
    sent = {name: value for name, value in sent.items() if value != ""}
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=seconds)
    try:
        connection.request(method, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, sent)
        answer = connection.getresponse()
        return RawAnswer(answer.status, answer.headers, answer.read(), sent)
    finally:
        connection.close()


def assert_ocpi_answer(raw: RawAnswer, *, status: int | None = 200, status_code: int = 1000) -> Any:
    """The literal checks of transport_and_format and status_codes; returns `data`.

    `status` None: any HTTP status (the envelope is demanded of HTTP errors, too). Routing headers that were sent must
    come back swapped, so do not send them to versions and credentials.
    """
    if status is not None:
        assert raw.status == status, (raw.status, raw.body[:500])
    assert (raw.headers.get("Content-Type") or "").split(";")[0].strip() == "application/json", raw.headers.items()
    envelope = json.loads(raw.body.decode("utf-8"))
    assert type(envelope) is dict, envelope
    assert type(envelope.get("status_code")) is int, envelope
    assert envelope["status_code"] == status_code, envelope
    assert set(envelope) <= {"data", "status_code", "status_message", "timestamp"}, sorted(envelope)
    assert type(envelope.get("status_message", "")) in (str, type(None)), envelope
    assert DATE_TIME.fullmatch(envelope.get("timestamp", "")), envelope
    assert len(envelope["timestamp"]) <= 25, envelope
    asked = {name.lower(): value for name, value in raw.asked.items()}
    for name in ("X-Request-ID", "X-Correlation-ID"):
        if name.lower() in asked:
            assert raw.headers.get(name) == asked[name.lower()], (name, raw.headers.items())
    for name, answered_by in SWAPPED.items():
        if name.lower() in asked and (raw.status < 300 or answered_by in raw.headers):
            assert (raw.headers[answered_by] or "").upper() == asked[name.lower()].upper(), (name, raw.headers.items())
    return envelope.get("data")
