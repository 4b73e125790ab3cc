"""A full pull of 10,000 locations with 60,000 EVSEs from a scripted sender in a process of its own.

Counted: fetching each page over HTTP, parsing and validating every object, storing Location, EVSEs and status events, one
transaction and one log row a page, the checkpoint. The second run finds everything as it is stored. Beside it: the same pages
fetched by http.client and thrown away. Memory is that of the pulling process, sampled while it runs.
"""

from __future__ import annotations

import http.client
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from backoffice.delivery.actions import pulling
from backoffice.locations.models import Evse
from backoffice.partners.models import Connection
from backoffice.roaming_site import site
from backoffice.supervisor.memory import spare_the_collector
from bench import cast, report
from bench.ground import ROOT, Ground, free_port, wait_for
from bench.load import fetch, request
from bench.sender import LIST

LOCATIONS = 10_000


def main(ground: Ground, *, rounds: int, seconds: float) -> list[report.Line]:
    port = free_port()
    ours = cast.our_company()
    connection = cast.partner("sender", "DE-SND:CPO", ours=ours, base_url=f"http://127.0.0.1:{port}/ocpi")
    sender = subprocess.Popen([sys.executable, "-m", "bench.sender", str(port), str(LOCATIONS)], cwd=ROOT)
    try:
        wait_for(lambda: _answers(port), "the sender")
        raw = _raw(port)
        spare_the_collector()  # as the processes of a platform do
        with _memory() as first_memory:
            first, first_used = _pull(connection)
        with _memory() as second_memory:
            second, second_used = _pull(connection)
    finally:
        sender.terminate()
        sender.wait(10)
    assert Evse.objects.count() == LOCATIONS * 6
    grown = max(*first_memory, *second_memory) - first_memory[0]
    lines = [
        report.Line(
            f"pull of {LOCATIONS:,} new locations",
            f"{LOCATIONS / first:,.0f}/s",
            f"{LOCATIONS / raw:,.0f}/s fetched only",
            f"{raw / first:.3f}",
            "",
            None,
        ),
        report.Line(
            "the same again, nothing new",
            f"{LOCATIONS / second:,.0f}/s",
            f"{LOCATIONS / raw:,.0f}/s",
            f"{raw / second:.3f}",
            "",
            None,
        ),
        report.Line(
            "memory grown while pulling",
            f"{grown:.0f} MB",
            f"{first_memory[0]:.0f} MB before",
            "",
            "<= 100 MB",
            grown <= 100,
        ),
    ]
    report.show(
        "Pull",
        lines,
        [
            f"{first:.1f} s and {second:.1f} s; {LOCATIONS * 6:,} EVSEs, {LOCATIONS * 12:,} connectors.",
            (
                f"Processor time a location, the database's aside: {first_used / LOCATIONS * 1000:.2f} ms new,"
                f" {second_used / LOCATIONS * 1000:.2f} ms known."
            ),
        ],
    )
    return lines


def _answers(port: int) -> bool:
    try:
        return fetch(port, request("GET", f"{LIST}?limit=1", {}))[0] == 200
    except OSError:
        return False


def _pull(connection: Connection) -> tuple[float, float]:
    """Seconds of the clock, and of the processor in this process."""
    began, used = time.perf_counter(), time.process_time()
    done = pulling.run(pulling.start(connection, "locations", full=True, now=site.now()).pk)
    took, used = time.perf_counter() - began, time.process_time() - used
    assert done.state == "DONE", done.error
    assert done.objects_read == LOCATIONS, (done.objects_read, done.violations)
    assert not done.rejected, done.violations
    return took, used


def _raw(port: int) -> float:
    line = http.client.HTTPConnection("127.0.0.1", port)
    began = time.perf_counter()
    for offset in range(0, LOCATIONS, 100):
        line.request("GET", f"{LIST}?offset={offset}&limit=100")
        line.getresponse().read()
    took = time.perf_counter() - began
    line.close()
    return took


@contextmanager
def _memory() -> Iterator[list[float]]:
    """MB of this process: at the start, and then every tenth of a second."""
    found = [_resident()]
    over = threading.Event()

    def sample() -> None:
        while not over.wait(0.1):
            found.append(_resident())

    watcher = threading.Thread(target=sample)
    watcher.start()
    try:
        yield found
    finally:
        over.set()
        watcher.join()


def _resident() -> float:
    with open("/proc/self/statm", encoding="ascii") as facts:
        return int(facts.read().split()[1]) * 4096 / 1e6
