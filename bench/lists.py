"""Lists of a million tokens, sessions and CDRs: what partners read, at any depth and by date, and what staff see.

Each table is filled in SQL from one object; `last_updated` is scattered over 2025 without regard to the row id. Nine rows in ten
are for the partner that speaks 2.3.0, the others for the one that speaks 2.2.1 (tokens are for both). A page of 100 is read by
its next link, beside a page of 100 locations of the same run (what it costs in processor time) and the raw bound of the same
bytes; depth, one day and the total are measured as in `depth`, the staff's lists as in `staff`.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Any

from django.db import connection as database

from backoffice.partners.models import Party
from bench import cast, depth, report, sized
from bench.filling import fill, without_indexes
from bench.ground import Ground
from bench.load import Load, fetch, load, request
from bench.world import cdr, session, token
from ocpi.wire import json as wire_json

ROWS = sized(1_000_000)
CLIENTS = 8
LOCATIONS = 300
SINCE = "2025-01-01T00:00:00Z"
BUDGET_MS = 400.0
READERS = {"2.3.0": "DE-RDR", "2.2.1": "DE-RDO"}


@dataclass(frozen=True, slots=True)
class Kind:
    """A list. `where`: which rows the 2.3.0 reader is told of, with {party} and {reader}; `since`: the date it asks from."""

    name: str
    table: str
    where: str
    columns: dict[str, str]
    staff: dict[str, str]
    since: str = ""

    def path(self, version: str) -> str:
        return f"/ocpi/{version}/sender/{self.name}"


_UPDATED = "timestamptz '2025-01-01Z' + (n * 7919 %% 31536000) * interval '1 second'"
_STARTS = "timestamptz '2025-01-01Z' + n * interval '31 seconds'"
_EMSP = "CASE WHEN n %% 10 = 0 THEN %(old)s ELSE %(new)s END"
_NUMBER = "lpad(n::text, 7, '0')"
_CHARGE = {
    "party_id": "%(ours)s",
    "emsp_id": _EMSP,
    "ours": "true",
    "starts_at": _STARTS,
    "ends_at": f"{_STARTS} + interval '1 hour'",
    "kwh": "26.5",
    "currency": "'EUR'",
    "total_excl": "9.28",
    "token_uid": f"'UID' || {_NUMBER}",
    "token_type": "'RFID'",
    "contract_id": f"'DE-RDR-C' || {_NUMBER}",
    "auth_method": "'WHITELIST'",
    "location_id": "'LOC' || n %% 10000",
    "evse_id": "'NL*BEN*E' || n %% 50000",
    "last_updated": _UPDATED,
    "generation": "1",
}

KINDS = (
    Kind(
        "tokens",
        "tokens_token",
        "d.party_id = ANY(ARRAY[{party}]::bigint[]) AND NOT (d.type = 'EMAID')",
        {
            "party_id": "%(ours)s",
            "object_id": f"'UID' || {_NUMBER}",
            "document": f"replace(%(token)s, 'UID0000000', 'UID' || {_NUMBER})",
            "type": "'RFID'",
            "contract_id": f"'NL-BEN-CUID' || {_NUMBER}",
            "issuer": "'Bench Charging'",
            "valid": "true",
            "whitelist": "'ALLOWED'",
            "hold": "'NONE'",
            "last_updated": _UPDATED,
            "generation": "1",
        },
        {
            "tokens": "/admin/tokens/token/",
            "tokens, last page": f"/admin/tokens/token/?p={min(ROWS, 100_000) // 50}",
            "tokens, one uid": "/admin/tokens/token/?q=UID0000777",
            "tokens, one contract": "/admin/tokens/token/?q=NL-BEN-CUID0000777",
        },
    ),
    Kind(
        "sessions",
        "charging_sessions_session",
        "d.party_id = ANY(ARRAY[{party}]::bigint[]) AND d.last_updated >= '2025-01-01Z'"
        " AND NOT (NOT (d.emsp_id = ANY(ARRAY[{reader}]::bigint[])))",
        _CHARGE
        | {
            "object_id": f"'SES' || {_NUMBER}",
            "document": f"replace(%(session)s, 'SES0000000', 'SES' || {_NUMBER})",
            "status": "CASE WHEN n > %(rows)s - 500 THEN 'ACTIVE' ELSE 'COMPLETED' END",
            "cdr_known_at": "now()",
            "moved_at": _STARTS,
            "priced_at": "now()",
        },
        {
            "sessions, going on": "/admin/charging_sessions/session/",
            "sessions, all": "/admin/charging_sessions/session/?state=all",
            "sessions, of one card": "/admin/charging_sessions/session/?state=all&q=UID0000777",
        },
        since=SINCE,
    ),
    Kind(
        "cdrs",
        "cdrs_cdr",
        "d.party_id = ANY(ARRAY[{party}]::bigint[])"
        " AND NOT (NOT (d.emsp_id = ANY(ARRAY[{reader}]::bigint[]) AND d.entered_at IS NOT NULL))",
        _CHARGE
        | {
            "object_id": f"'CDR' || {_NUMBER}",
            "document": f"replace(%(cdr)s, 'CDR0000000', 'CDR' || {_NUMBER})",
            "session_ref": f"'SES' || {_NUMBER}",
            "hours": "1",
            "state": "'ACKNOWLEDGED'",
            "entered_at": _STARTS,
            "acknowledged_at": _STARTS,
        },
        {
            "CDRs, to review": "/admin/cdrs/cdr/",
            "CDRs, all": "/admin/cdrs/cdr/?tab=all",
            "CDRs, one day": "/admin/cdrs/cdr/?tab=all&since=2025-06-15&until=2025-06-15",
        },
    ),
)


def main(ground: Ground, *, rounds: int, seconds: float) -> list[report.Line]:
    ours = cast.our_company()
    with database.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM tokens_token)")
        made = cursor.fetchone()[0]
    if not made:
        _make(ours)
    new = Party.objects.get(country_code="DE", party_id="RDR").pk
    lines: list[report.Line] = []
    notes: list[str] = [f"{ROWS:,} rows of each."]
    with ground.serving() as port:
        for kind in KINDS:
            lines += _pages(ground, port, kind, rounds, seconds)
            found = depth.measure(port, kind.path("2.3.0"), cast.authorization("2.3.0"), ROWS, rounds, kind.since)
            where = kind.where.format(party=ours.pk, reader=new)
            times = depth.count_times(kind.table, where, rounds)
            lines += [*found.lines(f"{kind.name}: "), depth.counted(*times, prefix=f"{kind.name}: ")]
            notes.append(f"{kind.name}: {' '.join(found.notes())}")
        lines += _staff(port, rounds)
    report.show("Lists", lines, notes)
    return lines


def _pages(ground: Ground, port: int, kind: Kind, rounds: int, seconds: float) -> list[report.Line]:
    asks: dict[str, bytes] = {}
    for version in READERS:
        path = f"{kind.path(version)}?limit=100" + (f"&date_from={kind.since}" if kind.since else "")
        status, headers, body = fetch(port, request("GET", path, cast.authorization(version)))
        assert status == 200, (status, body[:300])
        (ground.raw / f"{kind.name}-{version}").write_bytes(body)
        # by the next link, which has the total: what counting costs is a line of its own
        link = depth.next_path(headers)
        assert link is not None
        asks[version] = request("GET", link, cast.authorization(version))
        asks[f"raw {version}"] = request("GET", f"/raw/{kind.name}-{version}", {})

    asks["locations"] = request("GET", "/ocpi/2.3.0/sender/locations?limit=100", cast.authorization("2.3.0"))

    def asking(name: str) -> Load:
        return load(port, lambda _: asks[name], clients=CLIENTS, seconds=seconds)

    found = report.interleaved({name: (lambda name=name: asking(name)) for name in asks}, rounds, ground.roots)
    share = report.ratio(found["2.3.0"], found["raw 2.3.0"])
    spent = {name: report.effort(loads) for name, loads in found.items()}
    older = spent["2.2.1"] / spent["2.3.0"]
    return [
        report.Line(
            f"{kind.name}: page of 100",
            f"{spent['2.3.0']:.2f} ms",
            f"{spent['locations']:.2f} ms locations",
            f"{spent['2.3.0'] / spent['locations']:.2f}",
            "<= 1",
            spent["2.3.0"] <= spent["locations"],
        ),
        report.Line(
            "  the same beside raw",
            f"{report.rate(found['2.3.0']):,.0f}/s",
            f"{report.rate(found['raw 2.3.0']):,.0f}/s raw",
            f"{share:.3f}",
            "",
            None,
        ),
        report.Line(
            "  in 2.2.1", f"{spent['2.2.1']:.2f} ms", f"{spent['2.3.0']:.2f} ms", f"{older:.2f}", "<= 1.5", older <= 1.5
        ),
    ]


def _staff(port: int, rounds: int) -> list[report.Line]:
    headers = cast.staff()
    lines = []
    for name, path in {name: path for kind in KINDS for name, path in kind.staff.items()}.items():
        times = []
        for number in range(max(rounds, 3) + 1):
            began = time.perf_counter()
            status, _, body = fetch(port, request("GET", path, headers))
            assert status == 200, (path, status, body[:300])
            assert b"took too long" not in body, path
            if number:  # the first one compiles templates
                times.append((time.perf_counter() - began) * 1000)
        middle = statistics.median(times)
        lines.append(
            report.Line(f"staff: {name}", f"{middle:.0f} ms", "", "", f"<= {BUDGET_MS:.0f} ms", middle <= BUDGET_MS)
        )
    return lines


def _make(ours: Party) -> None:
    for version, name in READERS.items():
        cast.partner(version, f"{name}:CPO,{name}:EMSP", ours=ours, version=version)
    parties = {
        key: Party.objects.get(country_code="DE", party_id=READERS[version][3:]).pk
        for key, version in (("new", "2.3.0"), ("old", "2.2.1"))
    }
    documents = {name: _text(tree) for name, tree in (("token", token()), ("session", session()), ("cdr", cdr()))}
    given: dict[str, Any] = {"ours": ours.pk, "rows": ROWS, **parties, **documents}
    cast.stock(ours, range(LOCATIONS))
    with database.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        with without_indexes(cursor, tuple(kind.table for kind in KINDS)):
            for kind in KINDS:
                fill(cursor, kind.table, ROWS, kind.columns, given)
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def _text(tree: dict[str, Any]) -> str:
    return wire_json.encode(tree).decode()
