"""What every test stands on: a PostgreSQL of its own, no network but loopback, throw-away secrets.

The cluster is started once per run by the process that was asked to run the tests; the workers of pytest-xdist inherit
its address and make their own databases in it. It trades safety for speed (no fsync). DATABASE_URL names another
server to use instead, with a role that may create databases.
"""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.conf import settings
from pytest_django.plugin import DjangoDbBlocker

from backoffice.partners import peers
from backoffice.supervisor import postgres
from backoffice.supervisor.data_directory import generate_secrets
from tests.clean_database import keep_clean, wait_for_others

pytest_plugins = ["tests.rules.plugin", "tests.spreading"]

_cleanup = ExitStack()

for _name, _value in generate_secrets().items():
    os.environ.setdefault(_name, _value)


def pytest_configure(config: pytest.Config) -> None:
    os.environ.setdefault("ROAMDESK_DATA_DIR", tempfile.gettempdir() + "/roamdesk-tests-keep-nothing")
    if not hasattr(config, "workerinput"):
        os.environ["ROAMDESK_TESTS_FOLDER"] = _folder_of_this_run()
        if "DATABASE_URL" not in os.environ:
            os.environ["DATABASE_URL"] = _start_server()
    # The settings are loaded only now that the environment is complete; pytest-django sets Django up after this hook.
    os.environ["DJANGO_SETTINGS_MODULE"] = "backoffice.settings"
    assert settings.DATABASES


def pytest_unconfigure(config: pytest.Config) -> None:
    _cleanup.close()


def _folder_of_this_run() -> str:
    """For what the workers share, see supervisor/clusters.py. The database's account must be able to enter it."""
    folder = Path(tempfile.mkdtemp(prefix="roamdesk-run-"))
    folder.chmod(0o755)
    _cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
    return str(folder)


def _start_server() -> str:
    folder = Path(tempfile.mkdtemp(prefix="roamdesk-tests-"))
    _cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    user = postgres.server_user()
    cluster = postgres.Cluster(
        folder=folder / "postgres",
        sockets=folder / "run",
        log=folder / "postgres.log",
        binaries=postgres.binaries_for(user, postgres.find_binaries()),
        user=user,
    )
    postgres.private_folder(cluster.sockets, user)
    postgres.initialise(cluster, "--no-sync")
    _cleanup.enter_context(
        postgres.running(
            cluster,
            fsync="off",
            synchronous_commit="off",
            full_page_writes="off",
            max_wal_size="4GB",
            max_connections="300",  # two workers that each race 64 at once
        )
    )
    return f"postgres://{postgres.SUPERUSER}@/postgres?host={cluster.sockets}"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """See tests/clean_database.py."""
    with pytest.MonkeyPatch.context() as patch:
        with django_db_blocker.unblock():
            keep_clean(patch)
        yield
        with django_db_blocker.unblock():
            wait_for_others()


@pytest.fixture(autouse=True)
def nobody_was_seen() -> None:
    """Tests show the same tokens, which belong to other rows each time: a guess would be wrong, and its statements be counted."""
    peers._seen.clear()


@pytest.fixture(autouse=True)
def no_network_but_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that would leave this machine fails at the connection that it opens."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if host and not str(host).startswith(("127.", "::1", "localhost")):
            raise AssertionError(f"a test tried to connect to {address!r}")
        connect(self, address)  # type: ignore[arg-type]  # whatever the caller gave

    monkeypatch.setattr(socket.socket, "connect", guarded)
