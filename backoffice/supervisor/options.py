"""What ``manage.py up`` can be told, and what it remembers of it for the next start and for other commands."""

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass

from backoffice.supervisor.data_directory import DataDirectory, UnableToUseDataDirectory, write_private

DEFAULT_PORT = 8000
LAST_PORT = 65535


@dataclass(frozen=True)
class Options:
    """One start of a platform. ``side`` is "home", or "partner" for the second platform of the demo. ``traffic``: whether
    anything happens by itself in the demo.
    """

    host: str
    port: int
    partner_port: int
    public_url: str
    demo: bool
    side: str
    traffic: bool = True

    @property
    def runs_partner(self) -> bool:
        return self.demo and self.side == "home"

    @property
    def url_host(self) -> str:
        """The address for asking ourselves."""
        return "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host  # noqa: S104  # compared, not bound


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) <= LAST_PORT):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: a number from 1 to {LAST_PORT}")
    return int(text)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="manage.py up",
        description="Run a whole platform: database, broker, web, worker, beat and sweep, until Ctrl-C.",
        epilog="--data-dir DIR (or ROAMDESK_DATA_DIR) names the folder that keeps its state; default: var/main. "
        "DATABASE_URL and BROKER_URL use servers that run already instead of the embedded ones.",
    )
    parser.add_argument(
        "--port", type=_port, help=f"where the web server listens (default: as last time, or {DEFAULT_PORT})"
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address it listens on (default: %(default)s)")
    parser.add_argument("--partner-port", type=_port, help="the demo partner's port (default: the port after ours)")
    demo = parser.add_mutually_exclusive_group()
    demo.add_argument(
        "--demo", action="store_true", default=None, help="with the demo world (the first start's default)"
    )
    demo.add_argument("--no-demo", dest="demo", action="store_false", help="start empty, for real data")
    parser.add_argument("--no-traffic", dest="traffic", action="store_false", help=argparse.SUPPRESS)
    parser.add_argument("--side", choices=("home", "partner"), default="home", help=argparse.SUPPRESS)
    return parser


def read(arguments: Sequence[str], data: DataDirectory) -> Options:
    """The options of this start: what was said, else what the last start recorded, else the defaults."""
    said = parser().parse_args(arguments)
    recorded = data.platform()
    if said.demo and recorded.get("demo") is False:
        raise UnableToUseDataDirectory(
            f"The platform in {data.root} was started without the demo world, which never mixes with real data.\n"
            "Leave --demo out, or name another folder with --data-dir DIR."
        )
    if said.demo is False and recorded.get("demo") and data.postgres.exists() and not os.environ.get("DATABASE_URL"):
        raise UnableToUseDataDirectory(holds_the_demo(data))
    port = said.port or int(str(recorded.get("port") or DEFAULT_PORT))
    host = "127.0.0.1" if said.host in ("0.0.0.0", "::") else said.host  # noqa: S104  # compared, not bound
    return Options(
        host=said.host,
        port=port,
        partner_port=said.partner_port or (port + 1 if port < LAST_PORT else port - 1),
        public_url=os.environ.get("ROAMDESK_PUBLIC_URL") or f"http://{host}:{port}",
        demo=bool(recorded.get("demo", True) if said.demo is None else said.demo),
        side=said.side,
        traffic=said.traffic,
    )


def holds_the_demo(data: DataDirectory) -> str:
    """Whoever asks for an empty platform must not get one full of invented data, without its ribbon."""
    return (
        f"The platform in {data.root} holds the demo world, and real data never goes beside it.\n"
        "For real data name another folder: make run DEMO=0 ARGS='--data-dir var/real' "
        "(commands then act on it with --data-dir var/real). The demo goes on with make run."
    )


def record(options: Options, data: DataDirectory) -> None:
    """Keep what other commands, and the settings of every part, must know of this start."""
    write_private(
        data.platform_file,
        json.dumps(
            {
                "port": options.port,
                "public_url": options.public_url,
                "demo": options.demo,
                "side": options.side,
                "partner_url": f"http://{options.url_host}:{options.partner_port}" if options.runs_partner else None,
                "partner_data_dir": str(data.partner.root) if options.runs_partner else None,
            },
            indent=1,
        ),
    )
