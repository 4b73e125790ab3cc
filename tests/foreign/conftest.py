"""The foreign implementation as a process: its environment is made once per checkout, below pytest's cache."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.meeting import peer, platform, reachable

__all__ = ["foreign", "peer", "platform", "python", "reachable"]

_HERE = Path(__file__).parent
_REQUIREMENTS = _HERE / "requirements.txt"
TOKEN_A = "token-a-of-the-foreign-platform"
TOKEN_C = "token-c-agreed-before"


@dataclass(frozen=True)
class Foreign:
    """A running platform of NL-TNM. It takes TOKEN_A once, and TOKEN_C as one that was agreed before."""

    url: str
    role: str

    @property
    def versions_url(self) -> str:
        return f"{self.url}/ocpi/versions"

    def module_url(self, module: str, path: str = "") -> str:
        return f"{self.url}/ocpi/{self.role.lower()}/2.2.1/{module}/{path}"

    def location_url(self, path: str) -> str:
        return self.module_url("locations", path)


@pytest.fixture(scope="session")
def python(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of the foreign environment. Skips with the reason where it cannot be made."""
    if sys.version_info >= (3, 12):
        pytest.skip("extrawest-ocpi pins a pydantic that fails to import on Python 3.12.4 and newer")
    cache = pytestconfig.cache if pytestconfig.pluginmanager.hasplugin("cacheprovider") else None
    shelf = cache.mkdir("foreign") if cache else tmp_path_factory.mktemp("foreign")
    stamp = hashlib.sha256(_REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    ready = shelf / stamp
    with (shelf / f"{stamp}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the workers of a parallel run come here at the same time
        if not ready.exists():
            made = Path(tempfile.mkdtemp(prefix=f"{stamp}-", dir=shelf))
            try:
                _make(made)
                made.rename(ready)
            finally:
                shutil.rmtree(made, ignore_errors=True)
    return ready / "bin" / "python"


def _make(folder: Path) -> None:
    install = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "--retries", "1", "--timeout", "15"]
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(folder / "bin" / "python"), *install, "-r", str(_REQUIREMENTS)],
    ):
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
        except (OSError, subprocess.SubprocessError) as error:
            said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
            pytest.skip(f"extrawest-ocpi cannot be installed here: {said[-1] if said else error}")


@pytest.fixture
def foreign(python: Path) -> Iterator[Callable[..., Foreign]]:
    """`foreign("EMSP")`: start one. It holds the locations given, and what is given of other modules by their names."""
    with ExitStack() as stack:

        def start(role: str, locations: Sequence[dict[str, Any]] = (), **others: Sequence[dict[str, Any]]) -> Foreign:
            process = stack.enter_context(
                subprocess.Popen(
                    [str(python), str(_HERE / "application.py"), role, TOKEN_A, TOKEN_C],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    cwd=python.parent,  # it reads a .env from where it stands
                    env={name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
                )
            )
            stack.callback(process.terminate)
            assert process.stdin and process.stdout
            json.dump({"locations": locations, **others}, process.stdin)
            process.stdin.close()
            port = process.stdout.readline().strip()
            assert port.isdigit(), f"it did not start: {process.wait(10)}"
            return Foreign(f"http://127.0.0.1:{port}", role)

        yield start
