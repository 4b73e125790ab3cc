"""Drivers look for chargers among the public network of a country: 87,000 locations with 219,000 EVSEs, generated.

Counted: a whole GET of the driver-app API, with its key, throttle and scope, at places drawn over the country, one client. Beside
it an empty Django view in the same run.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from datetime import timedelta

from bench import report
from bench.ground import Ground
from bench.load import fetch, request
from bench.processor import spent
from bench.staff import EVSES, LOCATIONS, _stock

P99_MS = 100.0
EACH = 300

SEARCHES = {
    "within 2 km": "radius_m=2000",
    "within 5 km, free, 50 kW": "radius_m=5000&free=1&power_kw=50",
    "within 5 km, a connector": "radius_m=5000&standard=IEC_62196_T2_COMBO",
    "within 20 km": "radius_m=20000",
    "within 25 km, nothing fits": "radius_m=25000&power_kw=4000",
}


def main(ground: Ground, *, rounds: int, seconds: float) -> list[report.Line]:
    took = _stock()
    headers = {"Authorization": f"Bearer {_key()}"}
    lines, notes = [], []
    with ground.serving() as port:
        empty = _times(port, ["/bench/empty"] * EACH, {})
        for name, query in SEARCHES.items():
            chance = random.Random(5)
            paths = [
                f"/api/drivers/v1/chargers?latitude={chance.uniform(51.5, 53.0):.5f}"
                f"&longitude={chance.uniform(4.5, 6.5):.5f}&{query}"
                for _ in range(EACH)
            ]
            found = [len(json.loads(fetch(port, request("GET", path, headers))[2])["items"]) for path in paths[:20]]
            before = spent(ground.roots)
            times = _times(port, paths, headers)
            notes.append(
                f"{name}: {(spent(ground.roots) - before) * 1000 / EACH:.1f} ms, {statistics.mean(found):.0f} found"
            )
            p99 = statistics.quantiles(times, n=100)[98]
            lines.append(
                report.Line(
                    f"chargers {name}, p99 of {EACH}",
                    f"{p99:.0f} ms",
                    f"{statistics.quantiles(empty, n=100)[98]:.1f} ms an empty view",
                    f"p50 {statistics.median(times):.0f} ms",
                    f"< {P99_MS:.0f} ms",
                    p99 < P99_MS,
                )
            )
    report.show(
        "Find chargers",
        lines,
        [
            f"{LOCATIONS:,} locations with {EVSES:,} EVSEs, stored in {took:.0f} s; one client.",
            f"Processor time of server and database: {'; '.join(notes)}.",
        ],
    )
    return lines


def _times(port: int, paths: list[str], headers: dict[str, str]) -> list[float]:
    times = []
    for path in paths:
        began = time.perf_counter()
        status, _, body = fetch(port, request("GET", path, headers))
        times.append((time.perf_counter() - began) * 1000)
        assert status == 200, (path, status, body[:300])
    return times


def _key() -> str:
    from backoffice.api.actions import keys
    from backoffice.api.models import Application
    from backoffice.api.rules import Kind
    from backoffice.partners.models import Party
    from backoffice.roaming_site import site

    now = site.now()
    party = Party.objects.filter(ours=True).first()
    assert party is not None
    owner = Application.objects.filter(name="bench").first() or keys.add_application(
        party=party, kind=Kind.DRIVER_APP, name="bench", now=now
    )
    return keys.issue(
        owner, scopes=["chargers:read"], expires_at=now + timedelta(days=1), by="bench", per_minute=1_000_000, now=now
    )
