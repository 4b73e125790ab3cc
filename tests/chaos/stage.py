"""The stage of the chaos test: a whole platform as processes, two scripted partners, hardware, and somebody who kills."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psycopg

from backoffice.supervisor import postgres
from backoffice.supervisor.data_directory import BASE_DIR, DataDirectory, read_json
from tests.peer import ScriptedPeer
from tests.peer.platform import TOKEN_A

OURS = ("DATABASE_URL", "BROKER_URL", "SECRET_KEY", "ROAMDESK_", "DJANGO_SETTINGS_MODULE", "PYTEST_")
EVSES_THERE = 12
LOCATIONS_HERE, EVSES_EACH = 10, 2


def location(party: str, number: int, evses: int, at: str) -> dict[str, Any]:
    country_code, party_id = party.split("-")
    return {
        "country_code": country_code,
        "party_id": party_id,
        "id": f"L{number}",
        "publish": True,
        "address": "Kade 1",
        "city": "Utrecht",
        "country": "NLD",
        "coordinates": {"latitude": "52.090740", "longitude": "5.121420"},
        "time_zone": "Europe/Amsterdam",
        "last_updated": at,
        "evses": [
            {
                "uid": f"E{number}-{evse}",
                "evse_id": f"{country_code}*{party_id}*E{number}*{evse}",
                "status": "AVAILABLE",
                "last_updated": at,
                "connectors": [
                    {
                        "id": "1",
                        "standard": "IEC_62196_T2",
                        "format": "SOCKET",
                        "power_type": "AC_3_PHASE",
                        "max_voltage": 230,
                        "max_amperage": 16,
                        "last_updated": at,
                    }
                ],
            }
            for evse in range(evses)
        ],
    }


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Platform:
    """`manage.py up` in a folder of its own; its supervisor brings back what we kill."""

    def __init__(self, root: Path) -> None:
        self.data = DataDirectory(root)
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)} | {
            "ROAMDESK_ALLOW_HTTP": "1",
            "ROAMDESK_ALLOW_NETWORKS": "127.0.0.0/8",
            "ROAMDESK_DATA_DIR": str(root),
        }
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        root.mkdir(parents=True, exist_ok=True)
        self.output = root / "output"

    def start(self) -> None:
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(BASE_DIR / "manage.py"), "up", "--no-demo", "--port", str(self.port)],
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_for(lambda: "Roamdesk runs at" in self.output.read_text(), 90, "the platform to start")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def manage(self, *arguments: str) -> Any:
        done = subprocess.run(
            [sys.executable, str(BASE_DIR / "manage.py"), *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    def pid(self, part: str) -> int | None:
        try:
            found = read_json(self.data.state_file)["parts"].get(part)
        except (OSError, ValueError, KeyError):
            return None
        return int(found) if found else None

    def signal(self, part: str, number: signal.Signals) -> bool:
        pid = self.pid(part)
        if pid is None:
            return False
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        return True

    def whole(self) -> bool:
        """Every part has a process, and the web server says that it and the database are well."""
        if not all(map(self.pid, ("postgres", "valkey", "web", "worker", "beat", "sweep"))):
            return False
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def empty_broker(self) -> None:
        """The broker loses whatever was handed to it."""
        with socket.socket(socket.AF_UNIX) as line, contextlib.suppress(OSError):  # not there: nothing to lose
            line.settimeout(2)
            line.connect(str(self.data.valkey_socket))
            line.sendall(b"FLUSHALL\r\n")
            line.recv(16)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        address = f"host={postgres.sockets_of(self.data)} user={postgres.SUPERUSER} dbname={postgres.DATABASE}"
        with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
            return connection.execute(query.encode()).fetchall()


def wait_for(come: Any, seconds: float, what: str) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = come()
        except psycopg.OperationalError:
            found = None
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.1)


@dataclass
class Ledger:
    """What the platform acknowledged to the CPO that pushes to it: EVSE -> newest acknowledged (last_updated, status)."""

    acknowledged: dict[str, tuple[str, str]] = field(default_factory=dict)
    tried: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    answers: dict[int | str, int] = field(default_factory=dict)
    slowest: float = 0.0


class Pusher(threading.Thread):
    """A CPO that changes EVSE statuses and pushes them to us; what gets no answer is simply tried with newer news."""

    def __init__(self, peer: ScriptedPeer, url: str, token: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.peer, self.url, self.token = peer, url, token
        self.chance = random.Random(seed)
        self.ledger = Ledger()
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.is_set():
            self._push()
            time.sleep(0.01)

    def _push(self) -> None:
        evse = f"E0-{self.chance.randrange(EVSES_THERE)}"
        at, status = stamp(datetime.now(UTC)), self.chance.choice(["AVAILABLE", "CHARGING", "BLOCKED"])
        self.ledger.tried.setdefault(evse, set()).add((at, status))
        body = json.dumps({"status": status, "last_updated": at}).encode()
        began = time.monotonic()
        try:
            raw = self.peer.call("PATCH", f"{self.url}/NL/CPX/L0/{evse}", self.token, body)
        except (OSError, HTTPException) as error:  # the web process was killed under this request
            self._count(type(error).__name__)
            return
        self.ledger.slowest = max(self.ledger.slowest, time.monotonic() - began)
        self._count(raw.status)
        if raw.status == 200 and raw.json["status_code"] == 1000:
            self.ledger.acknowledged[evse] = (at, status)

    def _count(self, answer: int | str) -> None:
        self.ledger.answers[answer] = self.ledger.answers.get(answer, 0) + 1


class Hardware:
    """The writer process: what it printed was acknowledged by the hardware's door."""

    def __init__(self, platform: Platform, seed: int) -> None:
        self.errors = (platform.data.root / "writer.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.writer", str(seed)],
            cwd=BASE_DIR,
            env=platform.environment,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        self.possible: dict[str, set[str]] = {}
        """EVSE id -> the status acknowledged last, and what was tried since without an answer."""
        self.count = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            mark, evse_id, status = line.split()
            if mark == "?":
                self.possible.setdefault(evse_id, {"AVAILABLE"}).add(status)
            else:
                self.possible[evse_id] = {status}
                self.count += 1

    def stop(self) -> None:
        if self.errors.closed:
            return
        self.process.terminate()
        self.process.wait(10)
        self._reader.join(5)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.errors.close()


def registered(platform: Platform, peer: ScriptedPeer, name: str) -> str:
    """Our registration with the peer; the token that the peer then shows to us."""
    platform.manage("connect", "register", peer.versions_url, TOKEN_A, "--name", name, "--json")
    assert peer.token_for_other is not None
    return peer.token_for_other


def newest_at(peer: ScriptedPeer) -> dict[str, tuple[str, str]]:
    """What the partner holds of our EVSEs: uid -> (last_updated, status)."""
    found: dict[str, tuple[str, str]] = {}
    for tree in list(peer.held.values()):
        for evse in tree.get("evses", []):
            found[evse["uid"]] = (evse["last_updated"], evse["status"])
    return found


def long_ago() -> str:
    return stamp(datetime.now(UTC) - timedelta(days=1))
