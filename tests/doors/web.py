"""Our doors behind the web server that production uses (granian), on the tests' database: where HTTP itself matters."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.db import connection as database

ROOT = Path(__file__).resolve().parent.parent.parent


def _database_url() -> str:
    """The address that the tests were given, with the name of the database that pytest-django made there."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    path = f"/{database.settings_dict['NAME']}"
    # urlunsplit drops the empty host of postgres://user@/name only when there is no user
    return urlunsplit(parts._replace(path=path))


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def serving(*, threads: int = 4, certificate: Path | None = None) -> Iterator[str]:
    """The URL of a running server. It sees committed rows only: use it with `transactional_db`.

    `certificate`: serve over TLS; the file holds key and certificate.
    """
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += [
        "--workers",
        "1",
        "--blocking-threads",
        str(threads),
        "--http",
        "1",
        "--no-ws",
        "backoffice.wsgi:application",
    ]
    if certificate is not None:
        command += ["--ssl-certificate", str(certificate), "--ssl-keyfile", str(certificate)]
    url = f"{'https' if certificate else 'http'}://127.0.0.1:{port}"
    environment = os.environ | {
        "DATABASE_URL": _database_url(),
        "ROAMDESK_PUBLIC_URL": url,
        "ROAMDESK_LOG_LEVEL": "CRITICAL",
        "PYTHONPATH": str(ROOT),
    }
    with subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            _wait(port, server)
            yield url
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()


def _wait(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert server.poll() is None, "the web server ended"
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the web server did not start")
