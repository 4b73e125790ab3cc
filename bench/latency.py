"""From a status change at one platform to the database of its partner: two real platforms, started by `manage.py up`.

Both have a database, a broker, web processes, a worker and a sweep of their own; they registered with each other over HTTP.
A process of the first platform calls `set_status` for an EVSE that it shares; counted is the time from that call until the
partner's database shows the new status to somebody who asks it every 2 ms: commit, NOTIFY, sweep, broker, worker, PATCH over
HTTP, commit at the partner. One change at a time, one every half second.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from bench import report
from bench.ground import ROOT, free_port, wait_for
from bench.world import STATUSES, location

CHANGES = 40
_QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


class Platform:
    """One `manage.py up` with an empty world."""

    def __init__(self, folder: Path, party: str, roles: str) -> None:
        self.folder, self.party, self.port = folder, party, free_port()
        own = {name: value for name, value in os.environ.items() if not name.startswith(("ROAMDESK_", "DJANGO_"))}
        for name in ("DATABASE_URL", "BROKER_URL", "SECRET_KEY"):
            own.pop(name, None)
        self.environment = own | {
            "ROAMDESK_DATA_DIR": str(folder),
            "ROAMDESK_ALLOW_HTTP": "1",
            "ROAMDESK_ALLOW_NETWORKS": "127.0.0.0/8",
        }
        up = [*self._manage("up"), "--no-demo", "--data-dir", str(folder), "--port", str(self.port)]
        self.process = subprocess.Popen(up, cwd=ROOT, env=self.environment, **_QUIET)
        wait_for(self._ready, f"the platform in {folder}", 400)
        self.connect("party", party, "--name", party, "--roles", roles)

    @staticmethod
    def _manage(*arguments: str) -> list[str]:
        return [sys.executable, str(ROOT / "manage.py"), *arguments]

    def _ready(self) -> bool:
        state = self.folder / "state.json"
        return state.exists() and bool(json.loads(state.read_text() or "{}").get("ready"))

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            self._manage(*arguments), cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)}: {done.stdout} {done.stderr[-2000:]}")
        return done.stdout

    def connect(self, *arguments: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.run("connect", *arguments, "--json"))
        return told

    def database(self) -> psycopg.Connection[tuple[Any, ...]]:
        from backoffice.supervisor import postgres
        from backoffice.supervisor.data_directory import DataDirectory

        sockets = str(postgres.sockets_of(DataDirectory(self.folder)))
        return psycopg.connect(host=sockets, user=postgres.SUPERUSER, dbname=postgres.DATABASE, autocommit=True)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        link = self.folder / "postgres"
        if link.is_symlink():
            shutil.rmtree(link.resolve(), ignore_errors=True)


def main(ground: object, *, rounds: int, seconds: float) -> list[report.Line]:
    folder = Path(tempfile.mkdtemp(prefix="roamdesk-bench-"))
    platforms: list[Platform] = []
    try:
        platforms.append(Platform(folder / "ours", "NL-BEN", "CPO"))
        platforms.append(Platform(folder / "theirs", "DE-EMS", "EMSP"))
        ours, theirs = platforms
        invited = ours.connect("invite", "--name", "theirs")
        theirs.connect("register", invited["our_versions_url"], invited["token_a"], "--name", "ours")
        times = _changes(ours, theirs, folder)
    finally:
        for platform in platforms:
            platform.stop()
        shutil.rmtree(folder, ignore_errors=True)
    times.sort()
    median, late = times[len(times) // 2], times[int(len(times) * 0.95)]
    lines = [
        report.Line(
            "status change to the partner's database, p50", f"{median:.0f} ms", "", "", "< 300 ms", median < 300
        ),
        report.Line("  p95", f"{late:.0f} ms", "", "", "", None),
    ]
    report.show("Latency", lines, [f"{len(times)} changes; fastest {times[0]:.0f} ms, slowest {times[-1]:.0f} ms."])
    return lines


def _changes(ours: Platform, theirs: Platform, folder: Path) -> list[float]:
    file = folder / "locations.json"
    file.write_text(json.dumps([location(1)]))
    ours.run("import_locations", str(file), "--party", ours.party)
    with theirs.database() as partner:
        query = "SELECT e.id FROM locations_evse e JOIN locations_location l ON l.id = e.location_id WHERE e.uid = %s"
        uid = "0000001-0"
        wait_for(lambda: partner.execute(query, [uid]).fetchone(), "the location at the partner", 60)
        changer = subprocess.Popen(
            [sys.executable, "-m", "bench.changer", uid],
            cwd=ROOT,
            env=ours.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert changer.stdin is not None
        assert changer.stdout is not None
        times = []
        try:
            changer.stdout.readline()  # it has loaded
            for number in range(CHANGES):
                status = STATUSES[(number + 2) % len(STATUSES)]
                changer.stdin.write(status + "\n")
                changer.stdin.flush()
                began = float(changer.stdout.readline())
                times.append(_seen(partner, uid, status, began))
                time.sleep(0.5)
        finally:
            changer.stdin.close()
            changer.wait(10)
    return times


def _seen(partner: psycopg.Connection[tuple[Any, ...]], uid: str, status: str, began: float) -> float:
    """Milliseconds until the partner's database says so."""
    while time.monotonic() - began < 30:
        row = partner.execute("SELECT status FROM locations_evse WHERE uid = %s", [uid]).fetchone()
        if row == (status,):
            return (time.monotonic() - began) * 1000
        time.sleep(0.002)
    raise RuntimeError(f"{status} did not reach the partner within 30 s")
