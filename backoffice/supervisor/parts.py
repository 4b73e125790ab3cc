"""The parts of a platform in the order of their start; they stop in the reverse order. A part is one entry here."""

import http.client
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from backoffice.supervisor import postgres, valkey
from backoffice.supervisor.data_directory import BASE_DIR, DataDirectory, read_json
from backoffice.supervisor.options import Options
from backoffice.supervisor.process import Work, program
from backoffice.supervisor.supervise import Part

# Seconds between two changes of the demo's charge points.
HOME_PACE, PARTNER_PACE = 3.0, 6.0

# Variables that hold for every platform of this machine; all others of ours describe one platform alone.
OF_THE_MACHINE = ("ROAMDESK_POSTGRES_USER", "ROAMDESK_LOG_LEVEL", "ROAMDESK_WEB_WORKERS", "ROAMDESK_WEB_THREADS")


def servers(data: DataDirectory, cluster: postgres.Cluster | None) -> list[Part]:
    """The embedded database and broker. They are programs, and start before Django is loaded."""
    parts = []
    if cluster is not None:
        parts.append(
            Part(
                "postgres",
                program(
                    cluster.command(),
                    environment=postgres.environment(),
                    before=postgres.become(cluster.user, dies_with_parent=True),
                ),
                answers=cluster.answers,
                stop_signal=signal.SIGINT,  # ends the connections that are left, and writes everything down
                stop_patience=30,
                note=lambda: f"PostgreSQL {'.'.join(map(str, cluster.binaries.version))}",
            )
        )
    binary = None if os.environ.get("BROKER_URL") else valkey.server_binary()
    if binary is not None:
        parts.append(Part("valkey", program(valkey.command(binary, data)), answers=_answers_ping(data.valkey_socket)))
    return parts


def python_parts(
    data: DataDirectory, options: Options, cluster: postgres.Cluster | None, before: list[Part]
) -> list[Part]:
    """Everything that runs our own code. Called once Django is set up."""
    from django.core.management import get_commands

    from backoffice.supervisor.prepare import login_hint, prepare
    from backoffice.supervisor.servers import beat, command, web, worker

    names = tuple(part.name for part in before)
    commands = get_commands()
    parts = [
        Part("database", prepare(data, cluster, demo=options.demo), after=names, once=True, tries=1),
        Part("web", web(options.host, options.port), after=("database",), answers=_answers_healthz(options)),
        Part("worker", worker(), after=("web",)),
        Part("beat", beat(), after=("web",)),
    ]
    if "sweep" in commands:
        parts.append(Part("sweep", command("sweep"), after=("worker",)))
    if options.runs_partner:
        partner = data.partner
        parts.append(
            Part(
                "partner",
                partner_platform(options, partner),
                after=names,
                answers=_says_ready(partner),
                stop_patience=45,
                note=lambda: f"http://{options.url_host}:{options.partner_port}/admin/  {login_hint(partner)}",
            )
        )
    if options.demo:
        pace, listener = (HOME_PACE, ("partner",)) if options.runs_partner else (PARTNER_PACE, ())
        parts.append(Part("demo data", command("load_demo"), after=("database",), once=True, tries=1))
        parts.append(Part("handshake", command("meet_partner"), after=("web", "demo data"), once=True))
        if options.traffic:
            parts.append(Part("simulator", command("simulate", every=pace), after=("handshake", *listener)))
        if options.traffic and options.runs_partner:
            parts.append(Part("stilwater", command("play_stilwater"), after=("simulator",)))
    return parts


def partner_platform(options: Options, partner: DataDirectory) -> Work:
    """The second Roamdesk of the demo: the same command, with a folder, a database and a port of its own."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in OF_THE_MACHINE or not name.startswith(("DATABASE_URL", "BROKER_URL", "SECRET_KEY", "ROAMDESK_"))
    }
    return program(
        [
            *(sys.executable, str(BASE_DIR / "manage.py"), "up", "--side", "partner", "--demo"),
            *("--host", options.host, "--port", str(options.partner_port), "--data-dir", str(partner.root)),
            *([] if options.traffic else ["--no-traffic"]),
        ],
        environment=environment,
    )


def _answers_ping(path: Path) -> Callable[[], bool]:
    def ask() -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            try:
                connection.connect(str(path))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
            except OSError:
                return False

    return ask


def _answers_healthz(options: Options) -> Callable[[], bool]:
    def ask() -> bool:
        connection = http.client.HTTPConnection(options.url_host, options.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return ask


def _says_ready(data: DataDirectory) -> Callable[[], bool]:
    def ask() -> bool:
        return data.state_file.exists() and bool(read_json(data.state_file).get("ready"))

    return ask
