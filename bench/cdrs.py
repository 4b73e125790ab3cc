"""CDRs: one POST beside an empty view, a pull of 100,000 from a scripted sender, and pricing them again.

`received`: POST through the Receiver door: token look-up, checks of the whole CDR, the insert that the unique index guards, what
follows from it, log row; one commit to disk. `pull`: fetching, parsing and validating every page, one transaction a page, the
checkpoint. `priced again`: the worker's batches, both tariffs, verdict and checks written.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from backoffice.cdrs.actions import checking
from backoffice.cdrs.models import Cdr
from backoffice.delivery.actions import pulling
from backoffice.partners.actions import connections
from backoffice.roaming_site import site
from backoffice.supervisor.memory import spare_the_collector
from bench import cast, report, sized
from bench.cdr_sender import LIST, numbered, template
from bench.ground import ROOT, Ground, free_port, wait_for
from bench.load import Load, fetch, load, request
from bench.processor import spent
from bench.pull import _memory

CDRS = sized(100_000)
CLIENTS = 8
T = TypeVar("T")


def main(ground: Ground, *, rounds: int, seconds: float) -> list[report.Line]:
    port = free_port()
    ours = cast.our_company()
    base = f"http://127.0.0.1:{port}/ocpi"
    connection = cast.partner("sender", "DE-SND:CPO", ours=ours, base_url=base)
    connections.set_endpoints(connection, [("cdrs", "SENDER", f"http://127.0.0.1:{port}{LIST}")])
    sender = subprocess.Popen([sys.executable, "-m", "bench.cdr_sender", str(port), str(CDRS)], cwd=ROOT)
    try:
        wait_for(lambda: _answers(port), "the sender")
        spare_the_collector()  # as the processes of a platform do
        with _memory() as memory:
            pulled, done = _spent(
                ground, lambda: pulling.run(pulling.start(connection, "cdrs", full=True, now=site.now()).pk)
            )
    finally:
        sender.terminate()
        sender.wait(10)
    assert (done.state, done.stored, done.rejected) == ("DONE", CDRS, 0), (done.error, done.stored, done.violations)
    priced, count = _spent(ground, lambda: checking.check_waiting(now=site.now(), limit=10**9))
    assert count == CDRS
    agreed = Cdr.objects.filter(verdict="AGREED").count()
    grown = max(memory) - memory[0]
    lines = [
        _line(f"pull of {CDRS:,} CDRs, page to committed row", pulled, 2000),
        report.Line("  memory grown", f"{grown:.0f} MB", f"{memory[0]:.0f} MB", "", "<= 100 MB", grown <= 100),
        _line("priced again", priced, 1000),
        *_posts(ground, rounds, seconds),
    ]
    report.show(
        "CDRs",
        lines,
        [
            "Pulled and priced: for each second of one core, the work of the database and all its processes counted in.",
            f"By the clock {pulled.clock:.1f} s pulled, {priced.clock:.1f} s priced; {agreed:,} agreed to.",
            f"Processor time a CDR, ours and the database's: {pulled.each()} pulled, {priced.each()} priced.",
        ],
    )
    return lines


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of the clock, and of the processor: in this process, and in the database with all its processes."""

    clock: float
    ours: float
    database: float

    def each(self) -> str:
        return f"{self.ours / CDRS * 1000:.3f} + {self.database / CDRS * 1000:.3f} ms"


def _spent(ground: Ground, work: Callable[[], T]) -> tuple[Spent, T]:
    began, ours, database = time.perf_counter(), time.process_time(), spent(ground.roots)
    made = work()
    return Spent(time.perf_counter() - began, time.process_time() - ours, spent(ground.roots) - database), made


def _line(figure: str, taken: Spent, wanted: int) -> report.Line:
    rate = CDRS / (taken.ours + taken.database)
    clock = f"{CDRS / taken.clock:,.0f}/s by the clock"
    return report.Line(figure, f"{rate:,.0f}/s", clock, "", f">= {wanted:,}/s", rate >= wanted)


def _posts(ground: Ground, rounds: int, seconds: float) -> list[report.Line]:
    headers, text = cast.authorization("sender"), template(id="POST-CDR0000000")

    def post(number: int) -> bytes:
        return request("POST", "/ocpi/2.3.0/receiver/cdrs", headers, numbered(text, number))

    variants: dict[str, Callable[[int], bytes]] = {
        "empty": lambda _: request("GET", "/bench/empty", {}),
        "received": post,
    }
    numbers = dict.fromkeys(variants, 1)
    with ground.serving() as port:
        status, _, answer = fetch(port, post(0))
        assert status == 201, (status, answer)

        def one(name: str) -> Load:
            done = load(port, variants[name], clients=CLIENTS, seconds=seconds, first=numbers[name])
            numbers[name] += len(done.times) + CLIENTS
            done.refused.pop(201, None)
            return done

        found = report.interleaved({name: (lambda name=name: one(name)) for name in variants}, rounds, ground.roots)
    p99 = report.middle(each.percentile(0.99) for each in found["received"])
    share = report.ratio(found["received"], found["empty"])
    return [
        report.Line(
            "CDR received by POST",
            f"{report.rate(found['received']):,.0f}/s",
            f"{report.rate(found['empty']):,.0f}/s empty view",
            f"{share:.3f}",
            "",
            None,
        ),
        report.effort_line(found["received"], found["empty"]),
        report.Line(f"  p99 with {CLIENTS} clients", f"{p99:.1f} ms", "", "", "", None),
    ]


def _answers(port: int) -> bool:
    try:
        return fetch(port, request("GET", f"{LIST}?limit=1", {}))[0] == 200
    except OSError:
        return False
