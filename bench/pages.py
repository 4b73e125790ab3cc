"""A list page of 100 locations: 2.3.0 and 2.2.1 beside the raw bound of the same bytes.

Counted: the whole answer to GET /ocpi/{version}/sender/locations?limit=100 by a partner with a token: look-up of the token,
count of all, the page itself spliced from its rows, the log row. Nothing is cached between requests but the 2.2.1 form of
each location, which is made when it is first asked for after a change (that first time is shown as well).
"""

from __future__ import annotations

import time

from bench import cast, report
from bench.ground import Ground
from bench.load import Load, fetch, load, request

LOCATIONS = 300
CLIENTS = 8


def main(ground: Ground, *, rounds: int, seconds: float) -> list[report.Line]:
    ours = cast.our_company()
    cast.stock(ours, range(LOCATIONS))
    asks: dict[str, bytes] = {}
    for version in ("2.3.0", "2.2.1"):
        cast.partner(f"reader {version}", f"DE-R{version[2]}{version[4]}:EMSP", ours=ours, version=version)
        path = f"/ocpi/{version}/sender/locations?limit=100"
        asks[version] = request("GET", path, cast.authorization(f"reader {version}"))
    with ground.serving() as port:
        sizes: dict[str, int] = {}
        began = time.perf_counter()
        for version, data in asks.items():
            began = time.perf_counter()
            status, headers, body = fetch(port, data)
            assert status == 200, (status, body[:500])
            assert headers["x-total-count"] == str(LOCATIONS), headers
            (ground.raw / version).write_bytes(body)
            sizes[version] = len(body)
        first_old = (time.perf_counter() - began) * 1000

        def asking(data: bytes) -> Load:
            return load(port, lambda _: data, clients=CLIENTS, seconds=seconds)

        found = report.interleaved(
            {
                "2.3.0": lambda: asking(asks["2.3.0"]),
                "raw": lambda: asking(request("GET", "/raw/2.3.0", {})),
                "2.2.1": lambda: asking(asks["2.2.1"]),
                "raw 2.2.1": lambda: asking(request("GET", "/raw/2.2.1", {})),
            },
            rounds,
            ground.roots,
        )
    newest, older = report.ratio(found["2.3.0"], found["raw"]), report.ratio(found["2.2.1"], found["raw 2.2.1"])
    times = report.rate(found["2.3.0"]) / report.rate(found["2.2.1"])
    lines = [
        report.Line(
            "page of 100 locations, 2.3.0",
            f"{report.rate(found['2.3.0']):,.0f}/s",
            f"{report.rate(found['raw']):,.0f}/s raw",
            f"{newest:.3f}",
            ">= 0.06, aim 0.10",
            newest >= 0.06,
        ),
        report.Line(
            "page of 100 locations, 2.2.1",
            f"{report.rate(found['2.2.1']):,.0f}/s",
            f"{report.rate(found['raw 2.2.1']):,.0f}/s raw",
            f"{older:.3f}",
            "",
            None,
        ),
        report.Line(
            "2.2.1 page, times of 2.3.0",
            f"{1000 / report.rate(found['2.2.1']):.1f} ms",
            f"{1000 / report.rate(found['2.3.0']):.1f} ms",
            f"{times:.2f}",
            "<= 1.5",
            times <= 1.5,
        ),
    ]
    report.show(
        "Pages",
        lines,
        [
            (
                f"{sizes['2.3.0']:,} bytes in 2.3.0, {sizes['2.2.1']:,} in 2.2.1;"
                f" {CLIENTS} clients, {rounds} rounds of {seconds:g} s."
            ),
            f"Rates a round: ours {report.spread(found['2.3.0'])}, raw {report.spread(found['raw'])}.",
            f"Processor time of server and database: {_effort(found)}.",
            f"One page: median {found['2.3.0'][-1].median:.1f} ms with {CLIENTS} clients.",
            f"The first 2.2.1 page, its 100 forms not made yet: {first_old:.0f} ms.",
        ],
    )
    return lines


def _effort(found: dict[str, list[Load]]) -> str:
    spent = {name: report.effort(rounds) for name, rounds in found.items()}
    return ", ".join(f"{name} {each:.2f} ms" for name, each in spent.items()) + (
        f"; raw / ours {spent['raw'] / spent['2.3.0']:.3f} in 2.3.0"
    )
