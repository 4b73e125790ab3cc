"""A million rows of the size of a CDR: pages at any depth, the first page of one day, and the total.

The rows lie in a table that only the bench has, with the columns and indexes of every exchanged table, served by the same
`Shelf` and the same generic Sender door over HTTP. They are made in SQL from one CDR; `last_updated` is scattered over a year
without regard to the row id, which is the hard case for a range of dates. One client asks, so the times are of one answer.
"""

from __future__ import annotations

import re
import statistics
import time
from dataclasses import dataclass
from typing import Any

from django.db import connection as database

from backoffice import statements
from bench import cast, report, sized
from bench.ground import Ground
from bench.load import fetch, request
from bench.rows import SHELF, TABLE
from bench.world import cdr
from ocpi.wire import json as wire_json

ROWS = sized(1_000_000)
LIST = "/ocpi/2.3.0/sender/benchrows"
DEPTHS = (0.0, 0.25, 0.5, 0.75, 0.995)
PAGES = 20
"""Next links followed at each depth, and asked for in turn with those of the other depths."""


def main(ground: Ground, *, rounds: int, seconds: float) -> list[report.Line]:
    ours = cast.our_company()
    if not _made():
        _make(ours.pk)
        cast.partner("reader", "DE-RDR:EMSP", ours=ours)
    headers = cast.authorization("reader")
    with ground.serving() as port:
        found = measure(port, LIST, headers, ROWS, rounds)
    times = _count_times(ours.pk, rounds)
    lines = [*found.lines(), counted(*times)]
    report.show(
        "Depth", lines, [f"{ROWS:,} rows; {PAGES * rounds} pages at each depth in turn, one client.", *found.notes()]
    )
    return lines


@dataclass(frozen=True, slots=True)
class Depth:
    """What a list took, in milliseconds: at each depth, for the first page, and for the first page of one day."""

    at: dict[float, float]
    first: float
    days: list[float]
    of_day: str
    size: int
    total: int

    def lines(self, prefix: str = "") -> list[report.Line]:
        worst = max(self.at.values()) / self.at[0.0]
        day = statistics.median(self.days)
        return [
            report.Line(
                f"{prefix}page by next links, slowest depth",
                f"{max(self.at.values()):.1f} ms",
                f"{self.at[0.0]:.1f} ms at the start",
                f"{worst:.2f}",
                "<= 1.3",
                worst <= 1.3,
            ),
            report.Line(f"{prefix}first page of one day", f"{day:.1f} ms", "", "", "< 50 ms", day < 50),
        ]

    def notes(self) -> list[str]:
        return [
            f"{self.total:,} rows for this reader, {self.size:,} bytes a page of 100.",
            "Depths: " + ", ".join(f"{depth:.1%} {each:.1f} ms" for depth, each in self.at.items()) + " (medians).",
            f"Page 1 itself, which counts all rows first: {self.first:.0f} ms.",
            f"One day holds {self.of_day} rows; slowest day {max(self.days):.0f} ms.",
        ]


def measure(port: int, path: str, headers: dict[str, str], rows: int, rounds: int, since: str = "") -> Depth:
    """Of a list with this many rows, `last_updated` scattered over 2025. `since`: for a list that needs a date."""

    def get(path: str) -> tuple[float, dict[str, str], bytes]:
        began = time.perf_counter()
        status, answered, body = fetch(port, request("GET", path, headers))
        assert status == 200, (status, body[:300])
        return (time.perf_counter() - began) * 1000, answered, body

    start = f"{path}?limit=100" + (f"&date_from={since}" if since else "")
    first = [get(start) for _ in range(rounds * 3)]
    total = int(first[0][1]["x-total-count"])
    links = {depth: _walk(get, int(rows * depth), int(total * depth), first[0][1]) for depth in DEPTHS}  # warms up, too
    deep: dict[float, list[float]] = {depth: [] for depth in DEPTHS}
    for number in range(rounds * PAGES):
        for depth in DEPTHS:
            deep[depth].append(get(_fresh(links[depth][number % len(links[depth])]))[0])
    days = [get(f"{path}?limit=100&date_from={day}T00:00:00Z&date_to={day}T23:59:59Z") for day in _days(rounds * 4)]
    return Depth(
        at={depth: statistics.median(times) for depth, times in deep.items()},
        first=statistics.median(each for each, _, _ in first),
        days=[each for each, _, _ in days],
        of_day=days[0][1]["x-total-count"],
        size=len(first[0][2]),
        total=total,
    )


def counted(counting: float, plain: float, prefix: str = "") -> report.Line:
    return report.Line(
        f"{prefix}total",
        f"{counting:.0f} ms",
        f"{plain:.0f} ms count(*)",
        f"{counting / plain:.2f}",
        "<= 2",
        counting <= 2 * plain,
    )


def _walk(get: Any, row: int, offset: int, first: dict[str, str]) -> list[str]:
    """Next links from this depth on: one as page 1 gave it, moved to the row id at that depth, and its successors."""
    link = next_path(first)
    assert link is not None
    link = re.sub(r"offset=\d+", f"offset={offset}", re.sub(r"after=\d+", f"after={row}", link))
    links = []
    while link is not None and len(links) < PAGES:
        links.append(link)
        link = next_path(get(_fresh(link))[1])
    return links


def _fresh(link: str) -> str:
    """As if the count in it had just been made; it is made again after a minute."""
    return re.sub(r"counted=\d+", f"counted={int(time.time())}", link)


def next_path(headers: dict[str, str]) -> str | None:
    found = re.search(r"<https?://[^/]+([^>]+)>", headers.get("link", ""))
    return found[1] if found else None


def _days(count: int) -> list[str]:
    return [f"2025-{1 + number % 12:02d}-{1 + number * 7 % 28:02d}" for number in range(count)]


def _count_times(party: int, rounds: int) -> tuple[float, float]:
    where = f"d.party_id = ANY(ARRAY[{party}]::bigint[])"
    return count_times(TABLE, where, rounds)


def count_times(table: str, where: str, rounds: int) -> tuple[float, float]:
    """Medians in ms: our count of the rows that a partner may see, and count(*) of the table."""
    ours, plain = [], []
    for _ in range(max(3, rounds)):
        for times, sql in (
            (ours, f"SELECT count(*), min(d.id) FROM {table} d WHERE {where}"),
            (plain, f"SELECT count(*) FROM {table}"),
        ):
            began = time.perf_counter()
            statements.run_once(sql)
            times.append((time.perf_counter() - began) * 1000)
    return statistics.median(ours), statistics.median(plain)


def _made() -> bool:
    with database.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [TABLE])
        return bool(cursor.fetchone()[0])


def _make(party: int) -> None:
    text = wire_json.encode(cdr()).decode()
    with database.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(
            f"""CREATE TABLE {TABLE} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, party_id bigint NOT NULL,
                object_id varchar(40) NOT NULL, document text NOT NULL, last_updated timestamptz NOT NULL,
                generation int NOT NULL, seen_at timestamptz, created_at timestamptz NOT NULL)"""
        )
        cursor.execute(
            f"""INSERT INTO {TABLE} (party_id, object_id, document, last_updated, generation, created_at)
                SELECT %s, 'CDR' || n, replace(%s, 'CDR0000000', 'CDR' || lpad(n::text, 7, '0')),
                    timestamptz '2025-01-01' + (n::bigint * 7919 %% 31536000) * interval '1 second', 1, now()
                FROM generate_series(1, %s) AS n""",
            [party, text, ROWS],
        )
        cursor.execute(f"CREATE INDEX ON {TABLE} (party_id, id)")
        cursor.execute(f"CREATE INDEX ON {TABLE} (party_id, last_updated, id)")
        cursor.execute(f"CREATE UNIQUE INDEX ON {TABLE} (party_id, upper(object_id))")
        cursor.execute(f"VACUUM ANALYZE {TABLE}")
        cursor.execute("CHECKPOINT")
    assert SHELF.table == TABLE
