"""Two whole platforms for tests, as `make run` starts them: ours, and the partner's in its folder."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg

from backoffice.supervisor import postgres
from backoffice.supervisor.data_directory import BASE_DIR, DataDirectory
from tests.supervisor.clusters import lend_cluster

READY_WITHIN = 150.0
"""Seconds. A first start makes two databases; the tests beside this one use the other core."""

# What the tests' own platform is told in the environment.
OURS = ("DATABASE_URL", "BROKER_URL", "SECRET_KEY", "ROAMDESK_", "DJANGO_SETTINGS_MODULE", "PYTEST_")


def free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        for probe in (one, other):
            probe.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


class Platform:
    """The platform of a folder, with its partner in it."""

    environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}

    def __init__(self, root: Path, *arguments: str) -> None:
        """The root is a new folder in one that is open to the database's account."""
        self.arguments = arguments
        self.home = DataDirectory(root)
        lend_cluster(self.home, self.home.partner)
        self.output = root / "output"
        self.ports = free_ports()
        self.launched: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, str(BASE_DIR / "manage.py"), "up", "--data-dir", str(self.home.root)),
                    *("--port", str(self.ports[0]), "--partner-port", str(self.ports[1]), *self.arguments),
                ],
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.until(lambda: "Roamdesk runs at" in self.output.read_text(), READY_WITHIN)

    def until(self, come: Callable[[], Any], seconds: float) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := come()):
            logs = [path for side in (self.home, self.home.partner) for path in side.logs.glob("*.log")]
            wrote = "\n".join(f"--- {path}\n{path.read_text(errors='replace')[-1500:]}" for path in sorted(logs))
            assert self.process.poll() is None, f"it ended:\n{self.output.read_text()}\n{wrote}"
            assert time.monotonic() < deadline, f"not within {seconds} s:\n{self.output.read_text()}\n{wrote}"
            time.sleep(0.1)
        return found

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def end(self) -> None:
        """Whatever still runs."""
        for process in (*self.launched, self.process):
            if process.poll() is None:
                process.kill()
            process.wait()

    def launch(self, side: DataDirectory, *command: str) -> "subprocess.Popen[bytes]":
        """Another command of the platform of a side, in the background."""
        with (side.root / "launched").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, str(BASE_DIR / "manage.py"), *command, "--data-dir", str(side.root)],
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.launched.append(process)
        return process

    @staticmethod
    def ask(side: DataDirectory, query: str) -> list[tuple[Any, ...]]:
        address = f"host={postgres.sockets_of(side)} user={postgres.SUPERUSER} dbname={postgres.DATABASE}"
        with psycopg.connect(address, autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()


def run_platforms(*arguments: str) -> Iterator[Platform]:
    """What a fixture yields: both run, and are ended."""
    folder = Path(tempfile.mkdtemp(prefix="roamdesk-demo-"))
    folder.chmod(0o755)  # the database's account must be able to enter it
    found = Platform(folder / "home", *arguments)
    try:
        found.start()
        yield found
    finally:
        found.end()
        shutil.rmtree(folder, ignore_errors=True)  # a database that was killed may still be leaving


def connect(platform: Platform, versions_url: str, token: str, *, name: str) -> None:
    """Ours registers with a partner, as staff do on the command line."""
    ran = subprocess.run(
        [
            sys.executable,
            str(BASE_DIR / "manage.py"),
            "connect",
            "register",
            versions_url,
            token,
            "--name",
            name,
            "--json",
        ],
        env=platform.environment | {"ROAMDESK_DATA_DIR": str(platform.home.root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
