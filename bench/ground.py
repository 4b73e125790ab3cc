"""The ground of a measurement: a database with production's settings, parties, partners, locations, and the server on it.

`Ground.start()` must come before anything of Django is imported: the settings read the environment that it prepares.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.load import fetch, request

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Ground:
    """A platform's folder and database cluster. `keep`: a folder to use again next time, for a database slow to make."""

    def __init__(self, keep: Path | None = None) -> None:
        self.temporary = keep is None
        self.folder = keep or Path(tempfile.mkdtemp(prefix="roamdesk-bench-"))
        self.port = free_port()
        self.raw = self.folder / "raw"
        self.roots: list[int] = []
        """Process ids of database and server, for `bench.processor`."""
        self._database: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        for name in [name for name in os.environ if name.startswith("ROAMDESK_") and "WEB" not in name]:
            del os.environ[name]
        for name in ("DATABASE_URL", "BROKER_URL", "SECRET_KEY"):
            os.environ.pop(name, None)
        self.raw.mkdir(parents=True, exist_ok=True)
        os.environ |= {
            "ROAMDESK_DATA_DIR": str(self.folder),
            "ROAMDESK_PUBLIC_URL": f"http://127.0.0.1:{self.port}",
            "ROAMDESK_ALLOW_HTTP": "1",
            "ROAMDESK_ALLOW_NETWORKS": "127.0.0.0/8",
            "ROAMDESK_LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "bench.settings",
            "BENCH_RAW": str(self.raw),
        }
        from backoffice.supervisor import postgres
        from backoffice.supervisor.data_directory import DataDirectory

        cluster = postgres.cluster_of(DataDirectory.from_environment())
        cluster.stop_leftover()
        self._database = subprocess.Popen(
            cluster.command(),
            preexec_fn=postgres.become(cluster.user, dies_with_parent=True),
            cwd="/",
            env=postgres.environment(),
            stdout=subprocess.DEVNULL,
            stderr=cluster.log.open("ab"),
            start_new_session=True,
        )
        self.roots.append(self._database.pid)
        wait_for(cluster.answers, "the database")
        cluster.create_database()

        import django

        django.setup()
        from django.db import connection

        from backoffice.supervisor.prepare import migrate

        kept = connection.settings_dict["OPTIONS"]
        with quiet():
            migrate()
        connection.close()
        # as production's processes connect, which migrating does not; but tables may be filled for as long as that takes
        connection.settings_dict["OPTIONS"] = kept | {"options": f"{kept['options']} -c statement_timeout=0"}

    def stop(self) -> None:
        from django.db import connections

        connections.close_all()
        if self._database is not None:
            self._database.send_signal(signal.SIGINT)
            self._database.wait(60)
        if self.temporary:
            link = self.folder / "postgres"
            if link.is_symlink():
                shutil.rmtree(link.resolve(), ignore_errors=True)
            shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def serving(self) -> Iterator[int]:
        """The server, as production starts it, and its port."""
        server = subprocess.Popen([sys.executable, "-m", "bench.serving", str(self.port)], cwd=ROOT)
        self.roots.append(server.pid)
        try:
            wait_for(lambda: server.poll() is not None or _answers(self.port), "the server")
            if server.poll() is not None:
                raise RuntimeError("the server did not start, see above")
            yield self.port
        finally:
            self.roots.remove(server.pid)
            server.terminate()
            server.wait(30)


def _answers(port: int) -> bool:
    try:
        return fetch(port, request("GET", "/bench/empty", {}))[0] == 200
    except OSError:
        return False


def wait_for(answers: Any, what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not answers():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} does not answer")
        time.sleep(0.05)


@contextmanager
def quiet() -> Iterator[None]:
    """Commands report to stdout what nobody wants to see in a table of figures."""
    kept = os.dup(1)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
