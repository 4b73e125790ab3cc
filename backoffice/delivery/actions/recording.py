"""The log: every exchange becomes a row, redacted when written. Reading a secret here must be impossible, so none arrives.

Written in the transaction of the effect when accepted and in its own when refused: that is the caller's business.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from urllib.parse import quote, unquote

from django.db import connection as database

from backoffice import statements
from backoffice.delivery.card_numbers import without_card_numbers
from backoffice.partners.secrets import pseudonym
from ocpi.site import Exchange

MAX_BODY = 64_000
"""Bytes of a body that are kept; the rest is cut and said to be."""

_TOKEN = re.compile(
    rb'("token"\s*:\s*)(?:"(?:[^"\\]|\\.)*(?:"|\\?\Z)|\[[^\]]*(?:\]|\Z)|\{(?:[^{}]++|\{[^{}]*+\}?)*+\}?|[^\s"\[{,}\]]+)',
    re.DOTALL,
)
"""Also where the body breaks off inside the token, or where it is no string: a body may be logged because it was refused. A Token
is an object with another inside, and goes whole."""
_LETTER = re.compile(rb"\\u00(4[1-9a-fA-F]|5[0-9aA]|6[1-9a-fA-F]|7[0-9aA])")
"""A letter written as an escape, which would hide a field's name."""
_PERSONAL = re.compile(
    rb'("(?:uid|contract_id|visual_number|group_id|license_plate|meter_id)"\s*:\s*)"((?:[^"\\]|\\.)*)("|\\?\Z)'
)
_CARD = re.compile(
    rb'("eft_data"\s*:\s*)(\[(?:[^\]"\\]++|"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|\\)*+(?:\]|\Z)|"(?:[^"\\]|\\.)*(?:"|\\?\Z)|\{[^}]*(?:\}|\Z))',
    re.DOTALL,
)
"""A line of a receipt may hold a bracket, and the body may break off anywhere."""

_CARD_MODULES = frozenset({"terminals", "financial-advice-confirmations"})
"""Where somebody might write a card's number, in whatever field."""

_PERSONAL_MODULES = frozenset(
    {"tokens", "sessions", "cdrs", "commands", "chargingprofiles", "bookings", "booking_locations"}
)

_UIDS_IN_URLS = (
    re.compile(r"(/)([^/?]+)(?=/authorize(?:\?|$))"),
    re.compile(r"(/receiver/tokens/[^/?]+/[^/?]+/)([^/?]+)"),
    re.compile(r"(/sender/tokens/)([^/?]+)"),
)
"""Where the id of a token stands in addresses."""

_INSERT = """
WITH seen AS (
    UPDATE partners_connection SET
        last_in_at = CASE WHEN %(incoming)s THEN %(at)s ELSE last_in_at END,
        last_out_at = CASE WHEN %(incoming)s THEN last_out_at ELSE %(at)s END
    WHERE id = %(connection)s AND %(good)s AND (
        CASE WHEN %(incoming)s THEN last_in_at ELSE last_out_at END IS NULL
        OR CASE WHEN %(incoming)s THEN last_in_at ELSE last_out_at END < %(stale)s))
INSERT INTO delivery_exchange (at, incoming, connection_id, module, method, url, http_status, ocpi_status, elapsed_ms,
    request_id, correlation_id, object_path, from_party, to_party, attempt, trigger, cause, notes, request_body,
    response_body, response_size)
VALUES (%(at)s, %(incoming)s, %(connection)s, %(module)s, %(method)s, %(url)s, %(http)s, %(ocpi)s, %(elapsed)s,
    %(request_id)s, %(correlation_id)s, %(object_path)s, %(from)s, %(to)s, %(attempt)s, %(trigger)s, %(cause)s, %(notes)s,
    %(request)s, %(response)s, %(size)s)
"""


def redacted(module: str, body: bytes) -> str:
    """A body as the log may keep it: tokens gone, personal ids cut to their last four characters, card data gone."""
    if not body:
        return ""
    cut = len(body) - MAX_BODY
    body = body[:MAX_BODY]  # before it is looked through: a page of a list is several times as long
    if module == "credentials":
        body = _LETTER.sub(lambda found: bytes.fromhex(found[1].decode()), body)
    if b'"token"' in body:
        body = _TOKEN.sub(rb'\1"(redacted)"', body)
    if b'"eft_data"' in body:  # by whatever name its module goes: each part of payments has its own
        body = _CARD.sub(rb'\1"(redacted)"', body)
    if module in _PERSONAL_MODULES:
        body = _PERSONAL.sub(_shortened, body)
    text = body.decode("utf-8", "replace").replace("\x00", "\ufffd")
    if module in _CARD_MODULES:
        text = without_card_numbers(text)
    return f"{text}\n(cut: {cut} more bytes)" if cut > 0 else text


def _shortened(found: re.Match[bytes]) -> bytes:
    last = found[2][-4:] if found[3] == b'"' else b""  # else it breaks off here
    return found[1] + b'"***' + last + b'"'


def logged_path(module: str, object_path: str) -> str:
    """The path of an object as the log names it: the id of a driver's token by its pseudonym."""
    parts = object_path.split("/")
    if module != "tokens" or len(parts) < 4:
        return object_path
    return "/".join((*parts[:2], pseudonym("/".join(parts[2:-1])), parts[-1]))


def _uid_of(exchange: Exchange) -> str:
    """The id of the token that an exchange is about; empty when it is about none."""
    ids = exchange.object_path.split("/")[2:]
    if len(ids) > 1:
        return "/".join(ids[:-1])
    found = next((match for pattern in _UIDS_IN_URLS if (match := pattern.search(exchange.url))), None)
    return unquote(found[2]) if found else ""


def _masked(uid: str) -> str:
    return f"***{uid[-4:]}" if len(uid) > 6 else "***"


def _without_uid(uid: str, url: str) -> str:
    for pattern in _UIDS_IN_URLS:
        url = pattern.sub(lambda found: found[1] + _masked(unquote(found[2])), url)
    quoted = quote(uid, safe="")
    if f"/{quoted}" not in url:  # as a rule: a pattern of its own takes longer than all the rest
        return url
    return re.sub(rf"(?<=/){re.escape(quoted)}(?=[/?]|$)", lambda _: _masked(uid), url)


def record(exchange: Exchange) -> None:
    """Insert one row; one statement, because it runs in every request. Also notes when a partner was last in touch."""
    good = exchange.http_status is not None and exchange.http_status < 400
    url, request = exchange.url, redacted(exchange.module, exchange.request_body)
    response = redacted(exchange.module, exchange.response_body)
    uid = _uid_of(exchange) if exchange.module == "tokens" else ""
    if uid:
        url = _without_uid(uid, url)
    if len(uid) > 6:  # our own sentences name it, too; a shorter one would be found in every number
        request, response = request.replace(uid, _masked(uid)), response.replace(uid, _masked(uid))
    statements.later(
        _INSERT,
        {
            "at": exchange.at,
            "stale": exchange.at - timedelta(seconds=20),
            "good": good,
            "incoming": exchange.incoming,
            "connection": exchange.connection,
            "module": exchange.module,
            "method": exchange.method[:10],
            "url": _printable(url)[:2000],
            "http": exchange.http_status,
            "ocpi": exchange.ocpi_status,
            "elapsed": round(exchange.elapsed_ms, 2),
            "request_id": exchange.request_id[:255],
            "correlation_id": exchange.correlation_id[:255],
            "object_path": _printable(logged_path(exchange.module, exchange.object_path))[:255],
            "from": exchange.from_party[:6],
            "to": exchange.to_party[:6],
            "attempt": exchange.attempt,
            "trigger": exchange.trigger[:40],
            "cause": exchange.cause[:40],
            "notes": json.dumps(exchange.notes) if exchange.notes else "{}",
            "request": request,
            "response": response,
            "size": exchange.response_size,
        },
    )


def _printable(text: str) -> str:
    """Control characters out: a line feed in a URL would forge a log line, NUL would fail the insert."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def trim(*, before: datetime, batch: int = 5000) -> int:
    """Delete exchanges of before this time, in batches so that no statement holds the table for long."""
    gone = 0
    while True:
        with database.cursor() as cursor:
            cursor.execute(
                "DELETE FROM delivery_exchange WHERE id IN (SELECT id FROM delivery_exchange WHERE at < %s LIMIT %s)",
                [before, batch],
            )
            deleted = int(cursor.rowcount)
            gone += deleted
            if deleted < batch:
                return gone
