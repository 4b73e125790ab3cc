"""An export of 1,000,000 CDRs as CSV, and of the last tenth of them as XLSX, made as a worker makes them.

Counted: reading the books and the documents page by page, parsing each document, making its columns, the guard against
formulas, writing, fsync, the digest, moving the file into place, telling the progress every second. Beside it: the same rows
by COPY into a CSV file, documents as they are. Memory is that of the writing process, sampled all the time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.db import connection as database

from backoffice.billing.actions import defining, entering, keeping, making, planning, steering
from backoffice.billing.models import Export, ExportRun
from backoffice.fields import DocumentField
from backoffice.roaming_site import site
from backoffice.supervisor.memory import spare_the_collector
from bench import cast, report, sized
from bench.ground import Ground
from bench.pull import _memory

ROWS = sized(1_000_000)
BATCH = 20_000
PARTNERS = ("SE-ELV", "NL-TNM", "FR-BRN", "AT-WIE")


def main(ground: Ground, *, rounds: int, seconds: float) -> list[report.Line]:
    ours = cast.our_company()
    fill(ours.pk)
    spare_the_collector()  # as the processes of a platform do
    began = time.perf_counter()
    assert entering.enter(now=site.now()) == ROWS
    entered = time.perf_counter() - began
    raw, size = _copied(ground)
    with _memory() as memory:
        csv, took, used = _made("Everything")
    again = _again(csv)
    tenth = max(ROWS // 10, 1)
    with _memory() as sheet_memory:
        sheet, sheet_took, sheet_used = _made("The last tenth", starts_after=ROWS - tenth, format="XLSX")
    grown, sheet_grown = (max(found) - found[0] for found in (memory, sheet_memory))
    lines = [
        report.Line(
            f"export of {ROWS:,} CDRs as CSV", f"{ROWS / took:,.0f} rows/s", f"{ROWS / raw:,.0f} rows/s COPY",
            f"{raw / took:.3f}", "", None,
        ),
        report.Line("memory grown meanwhile", f"{grown:.0f} MB", f"{memory[0]:.0f} MB before", "", "<= 100 MB", grown <= 100),
        report.Line("made again", f"{ROWS / again:,.0f} rows/s, the same bytes", "", "", "", None),
        report.Line(f"export of {tenth:,} CDRs as XLSX", f"{tenth / sheet_took:,.0f} rows/s", "", "", "", None),
        report.Line(
            "memory grown meanwhile", f"{sheet_grown:.0f} MB", f"{sheet_memory[0]:.0f} MB before", "", "<= 100 MB",
            sheet_grown <= 100,
        ),
        report.Line("CDRs entered into the books", f"{ROWS / entered:,.0f}/s", "", "", "", None),
    ]  # fmt: skip
    notes = [
        f"CSV {took:.1f} s, {(csv.size or 0) / 1e6:,.0f} MB; COPY {raw:.1f} s, {size / 1e6:,.0f} MB.",
        f"XLSX {sheet_took:.1f} s, {(sheet.size or 0) / 1e6:,.0f} MB. Processor time a row, the database's aside:",
        f"{used / ROWS * 1e6:.0f} us as CSV, {sheet_used / tenth * 1e6:.0f} us as XLSX.",
    ]
    report.show("Export", lines, notes)
    return lines


def _made(name: str, **facts: Any) -> tuple[ExportRun, float, float]:
    """The run, seconds of the clock, and of the processor in this process."""
    export = defining.save(Export(), {"name": name} | facts, [], by=None, now=site.now())
    run = planning.by_hand(export, by="bench", now=site.now())
    took, used = _timed(lambda: making.make(run.pk))
    run.refresh_from_db()
    assert (run.state, run.rows_done) == ("DONE", run.rows_total), run.error
    return run, took, used


def _again(run: ExportRun) -> float:
    keeping.kept(run).unlink()
    steering.again(run, by="bench", why="", now=site.now())
    took, _ = _timed(lambda: making.make(run.pk))
    run.refresh_from_db()
    assert run.state == "DONE" and run.made_again_at is not None, run.error
    return took


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    began, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - used


def _copied(ground: Ground) -> tuple[float, int]:
    """Seconds and bytes of the raw bound."""
    path = ground.folder / "raw.csv"
    began = time.perf_counter()
    with path.open("wb") as file, database.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        query = """COPY (SELECT e.number, e.way, e.time_zone, e.verdict, c.document, c.starts_at, c.ends_at, c.entered_at
            FROM billing_entry e JOIN cdrs_cdr c ON c.id = e.cdr_id ORDER BY e.number) TO STDOUT (FORMAT csv)"""
        with cursor.copy(query) as rows:
            for block in rows:
                file.write(block)
        file.flush()
        os.fsync(file.fileno())
        cursor.execute("RESET statement_timeout")
    took, size = time.perf_counter() - began, path.stat().st_size
    path.unlink()
    return took, size


# --- a million CDRs ------------------------------------------------------------------------------------------------------


def document(owner: str) -> str:
    """A CDR of usual size; `@` stands where its number goes."""
    country_code, party_id = owner.split("-")
    at = "2026-03-01T08:00:00Z"
    energy = {"type": "ENERGY", "price": Decimal("0.45"), "vat": 19, "step_size": 1}
    parking = {"type": "PARKING_TIME", "price": Decimal("6.00"), "vat": 19, "step_size": 300}
    period = {
        "dimensions": [{"type": "ENERGY", "volume": Decimal("7.251")}, {"type": "TIME", "volume": Decimal("0.5")}]
    }
    tree = {
        "country_code": country_code, "party_id": party_id, "id": "CDR-@", "start_date_time": at,
        "end_date_time": "2026-03-01T09:30:00Z", "session_id": "SESSION-@",
        "cdr_token": {
            "country_code": "DE", "party_id": "RDK", "uid": "04A1B2C3D4E5@", "type": "RFID",
            "contract_id": "DE-RDK-C@-X",
        },
        "auth_method": "AUTH_REQUEST", "authorization_reference": "AUTH-@",
        "cdr_location": {
            "id": "LOC-17", "name": "Parkhaus am Markt", "address": "Marktstraße 12", "city": "Lund",
            "postal_code": "222 22", "country": "SWE",
            "coordinates": {"latitude": "55.704660", "longitude": "13.191007"},
            "evse_uid": "EVSE-3", "evse_id": "SE*ELV*E000017*3", "connector_id": "1",
            "connector_standard": "IEC_62196_T2", "connector_format": "SOCKET", "connector_power_type": "AC_3_PHASE",
        },
        "meter_id": "METER-0099812", "currency": "EUR",
        "tariffs": [{
            "country_code": country_code, "party_id": party_id, "id": "DAY-NIGHT", "currency": "EUR",
            "tax_included": "NO", "last_updated": at,
            "elements": [
                {"price_components": [energy, parking], "restrictions": {"start_time": "06:00", "end_time": "22:00"}},
                {"price_components": [energy | {"price": Decimal("0.39")}, parking]},
            ],
        }],
        "charging_periods": [
            {"start_date_time": f"2026-03-01T0{8 + n // 60}:{n % 60:02}:00Z", "tariff_id": "DAY-NIGHT"} | period
            for n in (0, 30, 60)
        ],
        "total_cost": {
            "before_taxes": Decimal("9.79"), "taxes": [{"name": "VAT", "percentage": 19, "amount": Decimal("1.86")}],
        },
        "total_energy": Decimal("21.753"), "total_energy_cost": {"before_taxes": Decimal("9.79")},
        "total_time": Decimal("1.5"), "total_time_cost": {"before_taxes": 0}, "total_parking_time": 0,
        "last_updated": "2026-03-01T09:31:00Z",
    }  # fmt: skip
    return DocumentField.write(tree)


def fill(emsp: int) -> None:
    """Rows as a pull would have left them, priced. Indexes that no export reads are dropped: they take longest to fill."""
    from backoffice.partners.models import Party

    with database.cursor() as cursor:
        cursor.execute(
            """SELECT indexrelid::regclass::text FROM pg_index i WHERE indrelid = 'cdrs_cdr'::regclass AND NOT indisprimary
               AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = i.indexrelid)"""
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP INDEX {name}")
    for number, owner in enumerate(PARTNERS):
        party = Party.objects.create(country_code=owner[:2], party_id=owner[3:])
        text = document(owner)
        for first in range(number, ROWS, len(PARTNERS) * BATCH):
            with database.cursor() as cursor:
                cursor.execute(_FILL, [text, site.now(), party.pk, emsp, first, ROWS - 1, BATCH, len(PARTNERS)])
    with database.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("ANALYZE cdrs_cdr")
        cursor.execute("RESET statement_timeout")


_FILL = """
WITH told AS (SELECT %s::text AS document, %s::timestamptz AS now, %s::bigint AS party, %s::bigint AS emsp)
INSERT INTO cdrs_cdr (party_id, emsp_id, object_id, document, last_updated, generation, created_at, entered_at, ours, state,
    verdict, reasons, held_for, held_because, sentence, session_ref, starts_at, ends_at, kwh, hours, currency, total_excl,
    our_excl, delta, token_uid, token_type, contract_id, auth_method, location_id, location_name, city, country, evse_uid,
    evse_id, connector_id, credit, credit_reference_id, home_charging, signed, content_hash, told_in, acknowledged_url,
    asked_finding)
SELECT party, emsp, 'CDR-' || n, replace(document, '@', n::text), now, 1, now, now, false, '', 'AGREED', '{}', '{}', '[]', '',
    'SESSION-' || n, '2026-03-01T08:00:00Z', '2026-03-01T09:30:00Z', 21.753, 1.5, 'EUR', 9.79, 9.79, 0, '04A1B2C3D4E5' || n,
    'RFID', 'DE-RDK-C' || n || '-X', 'AUTH_REQUEST', 'LOC-17', 'Parkhaus am Markt', 'Lund', 'SWE', 'EVSE-3',
    'SE*ELV*E000017*3', '1', false, '', false, false, '', '2.3.0', '', ''
FROM told, (SELECT %s::bigint AS first, %s::bigint AS last, %s::bigint AS many, %s::bigint AS step) s,
    LATERAL generate_series(s.first, least(s.last, s.first + (s.many - 1) * s.step), s.step) n
"""
