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
from bench.pull import _memory

CDRS = sized(100_000)
CLIENTS = 8


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
            began, used = time.perf_counter(), time.process_time()
            done = pulling.run(pulling.start(connection, "cdrs", full=True, now=site.now()).pk)
            took, used = time.perf_counter() - began, time.process_time() - used
    finally:
        sender.terminate()
        sender.wait(10)
    assert (done.state, done.stored, done.rejected) == ("DONE", CDRS, 0), (done.error, done.stored, done.violations)
    began, effort = time.perf_counter(), time.process_time()
    priced = checking.check_waiting(now=site.now(), limit=10**9)
    pricing, effort = time.perf_counter() - began, time.process_time() - effort
    assert priced == CDRS
    agreed = Cdr.objects.filter(verdict="AGREED").count()
    grown = max(memory) - memory[0]
    lines = [
        report.Line(
            f"pull of {CDRS:,} CDRs, page to committed row",
            f"{CDRS / took:,.0f}/s",
            "",
            "",
            ">= 2,000/s",
            CDRS / took >= 2000,
        ),
        report.Line("  memory grown", f"{grown:.0f} MB", f"{memory[0]:.0f} MB", "", "<= 100 MB", grown <= 100),
        report.Line("priced again", f"{CDRS / pricing:,.0f}/s", "", "", ">= 1,000/s", CDRS / pricing >= 1000),
        *_posts(ground, rounds, seconds),
    ]
    report.show(
        "CDRs",
        lines,
        [
            f"{took:.1f} s pulled, {pricing:.1f} s priced; {agreed:,} agreed to.",
            f"Processor time a CDR, the database's aside: {used / CDRS * 1000:.3f} ms pulled, {effort / CDRS * 1000:.3f} priced.",
        ],
    )
    return lines


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
        report.Line(f"  p99 with {CLIENTS} clients", f"{p99:.1f} ms", "", "", "", None),
    ]


def _answers(port: int) -> bool:
    try:
        return fetch(port, request("GET", f"{LIST}?limit=1", {}))[0] == 200
    except OSError:
        return False
