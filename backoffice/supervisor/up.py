"""``manage.py up``: from the command line to a running platform.

The order saves time: the embedded servers start first and come up while this process loads Django, once, for all the
parts that are forked from it afterwards. Whatever goes wrong for a reason that a person can mend ends in a sentence.
"""

import fcntl
import os
import shutil
import socket
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec

from backoffice.supervisor import options as option
from backoffice.supervisor.data_directory import DataDirectory, UnableToUseDataDirectory
from backoffice.supervisor.memory import spare_the_collector
from backoffice.supervisor.process import EXPLAINED
from backoffice.supervisor.supervise import Supervisor, UnableToStart

LEAST_FREE_BYTES = 300_000_000


def main(arguments: Sequence[str]) -> int:
    began = time.monotonic()
    data = DataDirectory.from_environment()
    try:
        check_libraries()
        options = option.read(arguments, data)
        data.create()
        lock = take_lock(data)
        check_disk(data)
        for port in (options.port, *([options.partner_port] if options.runs_partner else [])):
            check_port(options.host, port)
        data.secrets()
        option.record(options, data)
        run(data, options, began, lock)
    except (UnableToStart, *EXPLAINED) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except ImportError as error:
        if (error.name or "").split(".")[0] in ("backoffice", "ocpi", ""):
            raise  # a mistake of ours, which no installation mends
        print(
            f"\nA library is missing or does not load: {error}.\nRun `make install` to install what is missing, then "
            "start again (`make run` does both).",
            file=sys.stderr,
        )
        return 1
    return 0


def run(data: DataDirectory, options: option.Options, began: float, lock: int) -> None:
    from backoffice.supervisor import parts, postgres

    say(f"Roamdesk starts from {data.root} (a log of each part is in {data.logs}).")
    cluster = None
    if not os.environ.get("DATABASE_URL"):
        if not data.postgres.exists():
            say("  First start: a new database is made.")
        cluster = postgres.cluster_of(data)
        cluster.stop_leftover()
    for folder in (data.valkey, data.file_broker, data.logs, data.sockets):
        folder.mkdir(parents=True, exist_ok=True)

    def all_ready() -> None:
        from backoffice.supervisor.prepare import login_hint

        say(f"\nRoamdesk runs at {options.public_url}/admin/ (ready after {time.monotonic() - began:.1f} s).")
        say(f"Log in: {login_hint(data)}\nCtrl-C stops it.")

    first = parts.servers(data, cluster)
    supervisor = Supervisor(first, data.logs, data.state_file, say, began, all_ready, [lock])
    supervisor.take_signals()
    try:
        supervisor.start(*(part.name for part in first))
        load_django()
        supervisor.add(parts.python_parts(data, options, cluster, first))
    except BaseException:
        supervisor.stop_all()
        raise
    supervisor.run()


def load_django() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    django.setup()
    import backoffice.urls  # noqa: F401  # loaded here once, for every web process

    spare_the_collector()


def take_lock(data: DataDirectory) -> int:
    """Hold the data directory for this process; whoever else has it keeps it."""
    descriptor = os.open(data.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(descriptor, 100).decode(errors="replace").strip()
        raise UnableToUseDataDirectory(
            f"The platform in {data.root} runs already ({holder or 'another process'}).\n"
            "Use that one, stop it first, or name another folder with --data-dir DIR (and another --port)."
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"process {os.getpid()}".encode())
    return descriptor


def check_libraries() -> None:
    """Before a server is started that would only have to be stopped again. Raises ImportError."""
    for name in ("django", "psycopg", "celery", "granian"):
        if find_spec(name) is None:
            raise ImportError(f"No module named {name!r}", name=name)


def check_disk(data: DataDirectory) -> None:
    free = shutil.disk_usage(data.root).free
    if free < LEAST_FREE_BYTES:
        raise UnableToUseDataDirectory(
            f"The disk that holds {data.root} has only {free / 1e6:.0f} MB left, and a platform needs "
            f"{LEAST_FREE_BYTES / 1e6:.0f} MB to start.\nMake room, or name another disk with --data-dir DIR."
        )


def check_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            raise UnableToUseDataDirectory(
                f"Cannot listen on {host} port {port}: {getattr(error, 'strerror', None) or error}.\n"
                f"Stop the program that uses it, or choose another port: make run PORT={port + 100} "
                f"(manage.py up --port {port + 100}). The demo's partner takes the port after it."
            ) from None


def say(line: str) -> None:
    print(line, flush=True)
