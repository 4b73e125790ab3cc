"""A million CDRs: the inbox, its tabs and the one search box. Rows are made in SQL from one CDR.

Each page is asked several times by one client, logged in as an administrator; the figure is the slowest of all.
"""

from __future__ import annotations

import statistics
import time
from urllib.parse import quote

from django.db import connection as database

from backoffice.cdrs.actions.storing import Told, insert
from backoffice.cdrs.models import Cdr
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from bench import cast, report, sized
from bench.cdr_sender import template
from bench.filling import without_indexes
from bench.ground import Ground
from bench.load import fetch, request
from ocpi.wire import cdrs as wire
from ocpi.wire import json as wire_json

CDRS = sized(1_000_000)

PAGES = {
    "inbox, to review": "/admin/cdrs/cdr/",
    "inbox, all": "/admin/cdrs/cdr/?tab=all",
    "inbox, one day": "/admin/cdrs/cdr/?tab=all&since=2025-06-15&until=2025-06-15",
}
TERMS = {
    "card": "UID0123456",
    "contract": "DE-RDR-C00000777",
    "beginning of many": "UID0",
    "EVSE id": "NL*BEN*E77",
    "location": "plaza 77 ",
    "location of many": "Charging plaza",
    "id": "CDR0500000",
    "time": "2025-06-15 10:30",
    "nothing": "no such thing",
}


def main(ground: Ground, *, rounds: int, seconds: float) -> list[report.Line]:
    ours = cast.our_company()
    if Cdr.objects.count() < CDRS:
        cast.partner("finder", "DE-SND:CPO", ours=ours)
        _make(ours)
    headers = cast.staff()
    lines = []
    urls = PAGES | {f"search, {name}": f"/admin/cdrs/cdr/search/?q={quote(term)}" for name, term in TERMS.items()}
    with ground.serving() as port:
        for name, url in urls.items():
            times = []
            for _ in range(rounds):
                began = time.perf_counter()
                status, _, body = fetch(port, request("GET", url, headers))
                assert status == 200, (url, status, body[:300])
                times.append((time.perf_counter() - began) * 1000)
            worst = max(times)
            lines.append(
                report.Line(name, f"{worst:,.0f} ms", f"{statistics.median(times):,.0f} ms", "", "< 1 s", worst < 1000)
            )
    report.show(f"Finding among {CDRS:,} CDRs", lines, ["The slowest and the median; the first of each is cold."])
    return lines


def _make(ours: Party) -> None:
    sender = Party.objects.get(country_code="DE", party_id="SND")
    tree = wire_json.parse(template())
    told = Told(tree, wire_json.validate(wire.CDR, tree), ours.pk)
    fates = {"ours": False, "state": "", "verdict": "AGREED", "entered_at": site.now()}
    insert(sender.pk, [told], fates, told_in="2.3.0", now=site.now())
    columns = [field.column for field in Cdr._meta.concrete_fields if field.column != "id"]
    changed = {
        "object_id": "'CDR' || lpad(n::text, 7, '0')",
        "session_ref": "'SESSION-' || n",
        "token_uid": "'UID' || lpad(n::text, 7, '0')",
        "contract_id": "'DE-RDR-C' || lpad((n / 7)::text, 8, '0')",
        "evse_id": "'NL*BEN*E' || n %% 50000",
        "location_id": "'LOC' || n %% 10000",
        "location_name": "'Charging plaza ' || n %% 10000 || ' at the old market'",
        "starts_at": "timestamptz '2025-01-01Z' + n * interval '31 seconds'",
        "ends_at": "timestamptz '2025-01-01 01:00Z' + n * interval '31 seconds'",
        "verdict": "CASE WHEN n %% 50 = 0 THEN 'DIFFERS' ELSE 'AGREED' END",
    }
    chosen = ", ".join(changed.get(column, f"d.{column}") for column in columns)
    with database.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        with without_indexes(cursor, ("cdrs_cdr",)):
            cursor.execute(
                f"""INSERT INTO cdrs_cdr ({", ".join(columns)})
                    SELECT {chosen} FROM cdrs_cdr d, generate_series(1, %s) n WHERE d.id = %s""",
                [CDRS, told.id],
            )
        cursor.execute("VACUUM ANALYZE cdrs_cdr")
