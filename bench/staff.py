"""The pages of the staff over the public network of a country: 87,000 locations with 219,000 EVSEs, generated.

Counted: a whole page of the admin by somebody who is logged in, asked for one at a time: the list of locations, narrowed and
searched, the status board, and the map with the data of its window at three heights. Every page is asked for once before, as
its first visit compiles its template. What the browser then does with it is not counted.
"""

from __future__ import annotations

import statistics
import time

from bench import cast, report
from bench.ground import Ground
from bench.load import fetch, request
from bench.processor import spent

LOCATIONS, EVSES = 87_000, 219_000
BUDGET_MS = 1000.0

_LIST = "/admin/locations/location/"
PAGES = {
    "list": _LIST,
    "list, its last page": f"{_LIST}?p=1740",
    "list, searched for a city": f"{_LIST}?q=Groningen",
    "list, searched for an EVSE id": f"{_LIST}?q=NL*GEN*E0043210",
    "list, narrowed to what is down": f"{_LIST}?status=OUTOFORDER",
    "board": f"{_LIST}board/",
    "board, one city": f"{_LIST}board/?city=Zwolle",
    "map": f"{_LIST}map/",
    "map, the country": f"{_LIST}map/data/?bbox=3,50,8,54&zoom=7",
    "map, a city": f"{_LIST}map/data/?bbox=4.7,52.2,5.1,52.5&zoom=11",
    "map, a street": f"{_LIST}map/data/?bbox=4.89,52.36,4.9,52.37&zoom=16",
}


def main(ground: Ground, *, rounds: int, seconds: float) -> list[report.Line]:
    took = _stock()
    headers = cast.staff()
    lines, spends = [], []
    with ground.serving() as port:

        def get(path: str) -> float:
            began = time.perf_counter()
            status, _, body = fetch(port, request("GET", path, headers))
            assert status == 200, (path, status, body[:300])
            return (time.perf_counter() - began) * 1000

        for name, path in PAGES.items():
            get(path)
            before = spent(ground.roots)
            times = [get(path) for _ in range(max(rounds, 3))]
            spends.append(f"{name} {(spent(ground.roots) - before) * 1000 / len(times):.0f} ms")
            middle = statistics.median(times)
            lines.append(report.Line(name, f"{middle:.0f} ms", "", "", f"< {BUDGET_MS:.0f} ms", middle < BUDGET_MS))
    report.show(
        "Pages of the staff",
        lines,
        [
            f"{LOCATIONS:,} locations with {EVSES:,} EVSEs, stored in {took:.0f} s; one client, medians of {max(rounds, 3)}.",
            f"Processor time of server and database: {', '.join(spends)}.",
        ],
    )
    return lines


def _stock() -> float:
    """Seconds that it took. A kept ground has them already."""
    from django.db import connection

    from backoffice.demo.actions.generating import generate
    from backoffice.locations.models import Location
    from backoffice.roaming_site import site

    began = time.perf_counter()
    if Location.objects.count() < LOCATIONS:
        given = {"country_code": "NL", "party_id": "GEN", "locations": LOCATIONS, "evses": EVSES}
        for _ in generate(**given, seed=7, now=site.now()):  # type: ignore[arg-type]  # as its own command calls it
            pass
    with connection.cursor() as cursor:  # as autovacuum does within a minute
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("VACUUM ANALYZE locations_location, locations_evse, locations_statusevent")
    return time.perf_counter() - began
