"""A driver starts a charge at a partner's charge point: two real platforms, started by `manage.py up`, and a driver of hardware.

A process of the eMSP sends START_SESSION; counted is the time until the CPO's driver of the Gateway has the order in its hands:
commit, NOTIFY, sweep, broker, worker, POST over HTTP, the CPO's checks and commit, NOTIFY; and until the eMSP's database
holds the result that the CPO posts to response_url. One at a time, each at another EVSE.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from bench import report
from bench.ground import ROOT, wait_for
from bench.latency import Platform
from bench.world import STATUSES, location

STARTS = 100
PAUSE = 0.2
_AVAILABLE = len(STATUSES)
"""The first EVSE of the location of each such number is AVAILABLE."""


def main(ground: object, *, rounds: int, seconds: float) -> list[report.Line]:
    folder = Path(tempfile.mkdtemp(prefix="roamdesk-bench-"))
    platforms: list[Platform] = []
    try:
        platforms.append(Platform(folder / "cpo", "NL-BEN", "CPO"))
        platforms.append(Platform(folder / "emsp", "DE-EMS", "EMSP"))
        cpo, emsp = platforms
        invited = cpo.connect("invite", "--name", "theirs")
        emsp.connect("register", invited["our_versions_url"], invited["token_a"], "--name", "ours")
        handed, resulted = _starts(cpo, emsp, folder)
    finally:
        for platform in platforms:
            platform.stop()
        shutil.rmtree(folder, ignore_errors=True)
    lines = [
        report.Line("START_SESSION to the driver of the Gateway, p50", f"{_at(handed, 0.5):.0f} ms", "", "", "", None),
        report.Line("  p99", f"{_at(handed, 0.99):.0f} ms", "", "", "", None),
        report.Line("to the result in the eMSP's database, p50", f"{_at(resulted, 0.5):.0f} ms", "", "", "", None),
        report.Line("  p99", f"{_at(resulted, 0.99):.0f} ms", "", "", "", None),
    ]
    notes = [f"{len(handed)} commands; fastest {min(handed):.0f} ms, slowest {max(handed):.0f} ms."]
    report.show("Remote start", lines, notes)
    return lines


def _at(times: list[float], share: float) -> float:
    return sorted(times)[min(int(len(times) * share), len(times) - 1)]


def _process(platform: Platform, module: str, running: list[subprocess.Popen[str]]) -> subprocess.Popen[str]:
    started = subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env=platform.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    running.append(started)
    assert started.stdout is not None
    if started.stdout.readline().strip() != "ready":
        raise RuntimeError(f"{module} did not start")
    return started


def _starts(cpo: Platform, emsp: Platform, folder: Path) -> tuple[list[float], list[float]]:
    file = folder / "locations.json"
    file.write_text(json.dumps([location(number * _AVAILABLE, evses=1) for number in range(1, STARTS + 1)]))
    cpo.run("import_locations", str(file), "--party", cpo.party)
    handed, resulted = [], []
    with emsp.database() as database:
        count = "SELECT count(*) FROM locations_evse"
        wait_for(lambda: database.execute(count).fetchone() == (STARTS,), "the locations at the eMSP", 120)
        running: list[subprocess.Popen[str]] = []
        try:
            charger, app = _process(cpo, "bench.charger", running), _process(emsp, "bench.app", running)
            assert charger.stdout is not None
            assert app.stdin is not None
            assert app.stdout is not None
            for number in range(1, STARTS + 1):
                uid = f"{number * _AVAILABLE:07d}-0"
                app.stdin.write(uid + "\n")
                app.stdin.flush()
                began = float(app.stdout.readline())
                handed.append((float(charger.stdout.readline().split()[1]) - began) * 1000)
                resulted.append((_seen(database, uid) - began) * 1000)
                time.sleep(PAUSE)
        finally:
            for process in running:
                process.terminate()
                process.wait(20)
    return handed, resulted


def _seen(database: psycopg.Connection[tuple[Any, ...]], uid: str) -> float:
    """When the eMSP's database says that the command has succeeded."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        row = database.execute("SELECT state FROM commands_command WHERE evse_uid = %s", [uid]).fetchone()
        if row == ("SUCCEEDED",):
            return time.monotonic()
        time.sleep(0.002)
    raise RuntimeError(f"the result of {uid} did not come within 30 s: {row}")
