"""The start page over a million sessions, CDRs and authorisations and two million exchanges, at every range.

The rows are made in SQL, spread evenly over the last 90 days (the message log over 30, as it is kept): twenty partners, 20,000
EVSEs, one in twenty received CDRs differing and never dealt with, one in two hundred of ours held. The hours are counted by the
product's own action. One client asks, logged in as an administrator, who sees every panel.
"""

from __future__ import annotations

import statistics
import time

from django.db import connection as database

from backoffice.console.actions import counting
from backoffice.roaming_site import site
from bench import cast, report, sized
from bench.filling import fill, without_indexes
from bench.ground import Ground
from bench.load import fetch, request
from bench.world import cdr
from ocpi.wire import json as wire_json

ROWS = sized(1_000_000)
PARTNERS = 20
LOCATIONS, EACH = 2_500, 8
RANGES = ("24h", "7d", "30d", "mtd")
LIMIT_MS = 1_000


def main(ground: Ground, *, rounds: int, seconds: float) -> list[report.Line]:
    if not _made():
        _make()
    headers = cast.staff()
    found: dict[str, list[float]] = {key: [] for key in RANGES}
    with ground.serving() as port:
        for number in range(rounds * 4 + 1):
            for key in RANGES:
                began = time.perf_counter()
                status, _, body = fetch(port, request("GET", f"/admin/?range={key}", headers))
                took = (time.perf_counter() - began) * 1000
                assert status == 200, (status, body[:300])
                assert b"could not be measured" not in body
                if number:
                    found[key].append(took)
    lines = [
        report.Line(
            f"start page, {key}",
            f"{statistics.median(times):.0f} ms",
            "",
            f"slowest {max(times):.0f} ms",
            f"< {LIMIT_MS} ms",
            max(times) < LIMIT_MS,
        )
        for key, times in found.items()
    ]
    report.show(
        "Start page",
        lines,
        [f"{ROWS:,} sessions, CDRs and authorisations each; one client, {rounds * 4} views a range."],
    )
    return lines


def _made() -> bool:
    with database.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM cdrs_cdr)")
        return bool(cursor.fetchone()[0])


def _make() -> None:
    ours = cast.our_company()
    for number in range(PARTNERS):
        code = f"{chr(65 + number // 10)}{number % 10}"
        cast.partner(f"partner {number}", f"NL-X{code}:CPO,NL-X{code}:EMSP", ours=ours)
    text = wire_json.encode(cdr()).decode()
    given = {"ours": ours.pk, "cdr": text, "session": text[:1200]}
    with database.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        with without_indexes(cursor, tuple(table for table, _, _ in _TABLES)):
            for table, rows, columns in _TABLES:
                fill(cursor, table, rows, columns, given)
        cursor.execute("VACUUM ANALYZE")
    counting.count(now=site.now())
    with database.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


_PARTNER = f"them[1 + n / 2 %% {PARTNERS}]"
_LINK = f"links[1 + n / 2 %% {PARTNERS}]"
_CHARGE_AT = f"now() - n * interval '90 days' / {ROWS}"
_OURS, _THEIRS = "n %% 2 = 0", "n %% 2 = 1"
_PARTIES = {
    "ours": _OURS,
    "party_id": f"CASE WHEN {_OURS} THEN %(ours)s ELSE {_PARTNER} END",
    "emsp_id": f"CASE WHEN {_OURS} THEN {_PARTNER} ELSE %(ours)s END",
    "currency": "CASE n %% 7 WHEN 0 THEN 'SEK' WHEN 1 THEN 'CHF' ELSE 'EUR' END",
}

_TABLES: tuple[tuple[str, int, dict[str, str]], ...] = (
    (
        "locations_location",
        LOCATIONS,
        {
            "party_id": _PARTIES["party_id"],
            "object_id": "'LOC' || n",
            "document": "'{}'",
            "name": "'Plaza ' || n",
            "seen_at": "now() - n * interval '1 minute'",
            "publish": "true",
            "shared": "true",
        },
    ),
    (
        "locations_evse",
        LOCATIONS * EACH,
        {
            "location_id": f"(n - 1) / {EACH} + 1",
            "uid": "'E' || n",
            "status": "(ARRAY['AVAILABLE', 'CHARGING', 'AVAILABLE', 'RESERVED', 'OUTOFORDER', 'BLOCKED'])[1 + n * 7 %% 101 %% 6]",
            "listed": "true",
        },
    ),
    (
        "charging_sessions_session",
        ROWS,
        _PARTIES
        | {
            "object_id": "'S' || n",
            "document": "%(session)s",
            "status": "CASE WHEN n <= 2000 THEN 'ACTIVE' ELSE 'COMPLETED' END",
            "starts_at": f"{_CHARGE_AT} - interval '40 minutes'",
            "ends_at": f"CASE WHEN n > 2000 THEN {_CHARGE_AT} END",
            "kwh": "10 + n %% 500 / 10.0",
            "total_excl": "5 + n %% 400 / 10.0",
            "power_kw": "CASE WHEN n <= 2000 THEN 11 END",
            "cdr_known_at": "CASE WHEN n %% 400 > 0 THEN now() END",
            "moved_at": _CHARGE_AT,
        },
    ),
    (
        "cdrs_cdr",
        ROWS,
        _PARTIES
        | {
            "object_id": "'CDR' || n",
            "document": "replace(%(cdr)s, 'CDR0000000', 'CDR' || lpad(n::text, 7, '0'))",
            "starts_at": f"{_CHARGE_AT} - interval '40 minutes'",
            "ends_at": _CHARGE_AT,
            "entered_at": _CHARGE_AT,
            "created_at": _CHARGE_AT,
            "kwh": "10 + n %% 500 / 10.0",
            "total_excl": "5 + n %% 400 / 10.0",
            "state": f"CASE WHEN {_OURS} THEN CASE WHEN n %% 400 = 0 THEN 'HELD' ELSE 'ACKNOWLEDGED' END ELSE '' END",
            "verdict": f"CASE WHEN {_OURS} THEN '' WHEN n %% 20 = 1 THEN 'DIFFERS' ELSE 'AGREED' END",
            "delta": "n %% 30 / 10.0 - 1",
            "session_ref": "'S' || n",
        },
    ),
    (
        "tokens_authorization",
        ROWS,
        {
            "at": _CHARGE_AT,
            "party_id": "%(ours)s",
            "connection_id": _LINK,
            "kind": f"CASE WHEN {_OURS} THEN 'DECIDED' ELSE 'ASKED' END",
            "how": f"CASE WHEN {_OURS} THEN 'REAL_TIME' ELSE 'OWN' END",
            "allowed": "CASE WHEN n %% 13 = 0 THEN 'BLOCKED' WHEN n %% 31 = 0 THEN 'NOT_ALLOWED' ELSE 'ALLOWED' END",
            "reason_code": "CASE WHEN n %% 13 = 0 THEN 'HELD' WHEN n %% 31 = 0 THEN 'SILENT' ELSE 'GOOD' END",
            "uid": "'U' || n %% 50000",
            "token_type": "'RFID'",
        },
    ),
    (
        "delivery_exchange",
        2 * ROWS,
        {
            "at": f"now() - n * interval '30 days' / {2 * ROWS}",
            "incoming": _OURS,
            "connection_id": _LINK,
            "module": "'sessions'",
            "method": "'PUT'",
            "url": "'https://partner.example/ocpi/2.3.0/sessions/NL/BEN/S' || n",
            "http_status": "CASE WHEN n %% 97 = 0 THEN 500 ELSE 200 END",
            "ocpi_status": "CASE WHEN n %% 97 = 0 THEN NULL ELSE 1000 END",
            "elapsed_ms": "40 + n * 7919 %% 900",
            "request_body": "left(%(session)s, 900)",
            "notes": "'{}'",
        },
    ),
)
