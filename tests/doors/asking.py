"""One request to our doors by a partner, and what every answer must look like; the tables as they are, for `nothing changed`.

Requests go through Django's test client: the whole stack but the web server, whose part is tested over sockets.
"""

import base64
import json
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import uuid4

import orjson
from django.apps import apps
from django.db import connection as database
from django.test import Client

from backoffice.delivery.models import Bookmark
from backoffice.documents import Rendering

DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z")
LOG = "delivery_exchange"
VOLATILE = ("last_in_at", "last_out_at")
"""Columns that note that a partner was in touch; every request may move them."""


@dataclass(frozen=True)
class Answered:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes
    sent: dict[str, str]

    @property
    def envelope(self) -> dict[str, Any]:
        tree: dict[str, Any] = json.loads(self.body, parse_float=Decimal)
        return tree

    @property
    def data(self) -> Any:
        return self.envelope.get("data")

    @property
    def code(self) -> int:
        code: int = self.envelope["status_code"]
        return code

    @property
    def message(self) -> str:
        return str(self.envelope.get("status_message", ""))

    @property
    def says(self) -> tuple[int, int]:
        """HTTP status and OCPI status code."""
        return self.status, self.code


def authorization(token: str, *, plain: bool = False) -> str:
    return "Token " + (token if plain else base64.b64encode(token.encode()).decode())


def encoded(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    return orjson.dumps(body, default=lambda value: orjson.Fragment(str(value)) if isinstance(value, Decimal) else None)


class Asking:
    """A partner at our doors. `ask` demands the envelope of every answer, whatever its HTTP status."""

    def __init__(self, token: str | None = None, *, plain: bool = False) -> None:
        self.token = token
        self.plain = plain
        self.client = Client()

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        content_type: str | None = None,
        **environ: Any,
    ) -> Answered:
        """`path` below /ocpi/, or a whole URL of ours. A header given as "" is left out."""
        sent = {"X-Request-ID": str(uuid4()), "X-Correlation-ID": str(uuid4())}
        if self.token is not None:
            sent["Authorization"] = authorization(self.token, plain=self.plain)
        sent |= headers or {}
        sent = {name: value for name, value in sent.items() if value != ""}
        data = b"" if body is None else encoded(body)
        if content_type is None:
            content_type = "" if body is None else "application/json"
        where = re.sub(r"^https?://[^/]+", "", path)
        if not where.startswith("/"):
            where = f"/ocpi/{where}"
        if body is not None:
            environ = {"CONTENT_TYPE": content_type, **environ}  # the client leaves it out of an empty body
        response = self.client.generic(method, where, data, content_type=content_type, headers=sent, **environ)
        answered = Answered(response.status_code, dict(response.headers), response.content, sent)
        assert_envelope(answered, bodiless=method == "HEAD")
        return answered

    def get(self, path: str, **options: Any) -> Answered:
        return self.ask("GET", path, **options)

    def put(self, path: str, body: Any, **options: Any) -> Answered:
        return self.ask("PUT", path, body, **options)

    def patch(self, path: str, body: Any, **options: Any) -> Answered:
        return self.ask("PATCH", path, body, **options)


def assert_envelope(answered: Answered, *, bodiless: bool = False) -> None:
    """transport_and_format#response_format and #unique_message_ids, literally."""
    assert answered.headers.get("Content-Type", "").split(";")[0].strip() == "application/json", (
        answered.status,
        answered.headers,
        answered.body[:300],
    )
    if not bodiless:
        envelope = answered.envelope
        assert set(envelope) <= {"data", "status_code", "status_message", "timestamp"}, envelope
        assert type(envelope.get("status_code")) is int, envelope
        assert DATE_TIME.fullmatch(envelope.get("timestamp", "")), envelope
        assert len(envelope["timestamp"]) <= 25
        assert type(envelope.get("status_message", "")) is str
        if envelope["status_code"] != 1000:
            assert envelope["status_message"], "an error without a sentence helps nobody"
    for name in ("X-Request-ID", "X-Correlation-ID"):
        value = answered.sent.get(name, "")
        if re.fullmatch(r"[!-~]{1,255}", value):
            assert answered.headers.get(name) == value
        else:
            assert answered.headers.get(name), f"{name} is missing in the answer"


def snapshot(*ignored: str) -> dict[str, str]:
    """Every table that we own, as a digest of its rows without the `ignored` columns. The log is left out, for each request
    adds to it, and what is only remembered to answer faster, which reading may fill.

    Within the transaction of a test the server knows which tables it wrote to, were it in a savepoint that was rolled back; only
    these are read each time. The others are as the migrations left them (see tests/clean_database.py).
    """
    written = _written() if database.in_atomic_block else set(_tables())
    if first := [table for table in _tables() if table not in written and (table, ignored) not in _as_migrated]:
        _as_migrated.update({(table, ignored): digest for table, digest in _digests(first, ignored).items()})
    read = [table for table in _tables() if table in written]
    untouched = {table: _as_migrated[table, ignored] for table in _tables() if table not in written}
    return untouched | (_digests(read, ignored) if read else {})


_as_migrated: dict[tuple[str, tuple[str, ...]], str] = {}


@cache
def _tables() -> list[str]:
    models = [
        model for model in apps.get_models(include_auto_created=True) if not issubclass(model, Rendering | Bookmark)
    ]
    return sorted({model._meta.db_table for model in models if model._meta.managed} - {LOG})


def _written() -> set[str]:
    with database.cursor() as cursor:
        cursor.execute(
            """SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
               AND pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid)
                   + pg_stat_get_xact_tuples_deleted(oid) > 0"""
        )
        return {table for (table,) in cursor.fetchall()}


def _digests(tables: list[str], ignored: tuple[str, ...]) -> dict[str, str]:
    volatile = "{" + ",".join((*VOLATILE, *ignored)) + "}"
    parts = [
        f"""SELECT '{table}', count(*) || ' rows ' || coalesce(md5(string_agg(row, '|' ORDER BY row)), '')
            FROM (SELECT (to_jsonb(t) - '{volatile}'::text[])::text AS row FROM {table} t) rows"""
        for table in tables
    ]
    with database.cursor() as cursor:
        cursor.execute(
            "SET statement_timeout = 0"
        )  # a page of long lists may have set one, which a test's transaction keeps
        cursor.execute(" UNION ALL ".join(parts))
        return dict(cursor.fetchall())


def log_rows() -> int:
    with database.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {LOG}")
        return int(cursor.fetchone()[0])
