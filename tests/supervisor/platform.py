"""A real platform for tests: `manage.py up` as a process, in a folder of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from backoffice.supervisor.data_directory import BASE_DIR

PATIENCE = 60.0
# The tests' own database and secrets are not the platform's.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("DATABASE_URL", "BROKER_URL", "SECRET_KEY", "ROAMDESK_", "PYTEST"))
}


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


class Platform:
    """One `manage.py up` without the demo."""

    def __init__(self, folder: Path, port: int, *arguments: str, **environment: str) -> None:
        self.folder, self.port = folder, port
        self.process = subprocess.Popen(
            [*command(folder), "--port", str(port), *arguments],
            env=ENVIRONMENT | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def state(self) -> dict[str, object]:
        try:
            state: dict[str, object] = json.loads((self.folder / "state.json").read_text())
        except FileNotFoundError:
            return {}
        return state if state["pid"] == self.process.pid else {}

    def part(self, name: str) -> int | None:
        parts = self.state().get("parts")
        return parts.get(name) if isinstance(parts, dict) else None

    def wait_until_ready(self) -> None:
        wait_for(lambda: bool(self.state().get("ready")) or self.process.poll() is not None, "the platform")
        assert self.process.poll() is None, self.end()

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def end(self, number: signal.Signals = signal.SIGTERM) -> str:
        """Everything that it said."""
        self.process.send_signal(number)
        said, _ = self.process.communicate(timeout=PATIENCE)
        return said

    def processes(self) -> list[str]:
        """Whatever still runs for this folder."""
        listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
        return [line for line in listed.splitlines() if str(self.folder) in line]


def manage(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Another command that acts on the platform of the folder."""
    return subprocess.run(
        [sys.executable, str(BASE_DIR / "manage.py"), *arguments, "--data-dir", str(folder)],
        env=ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def command(folder: Path) -> list[str]:
    return [sys.executable, str(BASE_DIR / "manage.py"), "up", "--no-demo", "--data-dir", str(folder)]


def refused(folder: Path, *arguments: str, **environment: str) -> str:
    """What a start that must fail says."""
    ran = subprocess.run(
        [*command(folder), *arguments], env=ENVIRONMENT | environment, capture_output=True, text=True, timeout=PATIENCE
    )
    assert ran.returncode == 1, ran
    assert "Traceback" not in ran.stderr
    return ran.stderr


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def open_folder() -> Iterator[Path]:
    """A folder that the database's account reaches when the tests run as root, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="roamdesk-up-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
