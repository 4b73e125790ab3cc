"""The folder that holds everything one platform keeps: database, broker, secrets, logs.

The settings are read from it, so nothing of Django may enter this file. Every path of a platform is named here and
nowhere else. A platform whose secrets all come from the environment (see deploy/) needs no such folder.
"""

import base64
import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parents[2]
DEFAULT = BASE_DIR / "var" / "main"

# Where root keeps what must lie outside the checkout: the database that a closed folder would hide from its server.
ROOTS_FOLDER = Path("/var/lib/roamdesk")

# A unix socket's path holds at most 107 bytes on Linux and 103 on macOS; ours end in "/.s.PGSQL.5432" (14) at most.
LONGEST_SOCKET_DIRECTORY = 103 - len("/.s.PGSQL.5432")


class UnableToUseDataDirectory(Exception):
    """The folder cannot serve a platform. The message is written for the person who ran the command."""


@dataclass(frozen=True)
class DataDirectory:
    """The paths of one platform. Nothing is created until it is needed."""

    root: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "DataDirectory":
        return cls(Path(environment.get("ROAMDESK_DATA_DIR") or DEFAULT).absolute())

    @property
    def postgres(self) -> Path:
        """The database cluster; a symbolic link when it had to be kept elsewhere (see postgres.py)."""
        return self.root / "postgres"

    @property
    def valkey(self) -> Path:
        return self.root / "valkey"

    @property
    def file_broker(self) -> Path:
        """Messages of the broker that uses plain files, where no Valkey is to be had."""
        return self.root / "broker"

    @property
    def logs(self) -> Path:
        return self.root / "log"

    @property
    def media(self) -> Path:
        return self.root / "media"

    @property
    def exports(self) -> Path:
        """Files of exports, for download. They can be made again, so backups leave them out."""
        return self.root / "exports"

    @property
    def outgoing(self) -> Path:
        """Where exports put files for others to collect, unless the installation names another folder."""
        return self.root / "outgoing"

    @property
    def secrets_file(self) -> Path:
        return self.root / "secrets.json"

    @property
    def platform_file(self) -> Path:
        """What ``up`` last ran with (port, public URL, demo), so that other commands act on the same platform."""
        return self.root / "platform.json"

    @property
    def state_file(self) -> Path:
        """Written by ``up`` while it runs: its process id and whether every part is ready."""
        return self.root / "state.json"

    @property
    def lock_file(self) -> Path:
        return self.root / "lock"

    @property
    def partner(self) -> "DataDirectory":
        """The second platform of the demo."""
        return DataDirectory(self.root / "partner")

    @cached_property
    def sockets(self) -> Path:
        """Where the unix sockets lie: in the folder, or in one with a short name when that path is too long."""
        inside = self.root / "run"
        if len(os.fsencode(inside)) <= LONGEST_SOCKET_DIRECTORY:
            return inside
        owner = self.root.stat().st_uid if self.root.exists() else os.getuid()
        mark = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        if owner == 0:  # root never relies on names in a folder where anybody may take them first
            return ROOTS_FOLDER / f"run-{mark}"
        return Path(tempfile.gettempdir()) / f"roamdesk-{owner}-{mark}"

    @property
    def valkey_socket(self) -> Path:
        return self.sockets / "valkey.sock"

    def create(self) -> None:
        """Make the folder, readable by its owner alone in what matters; raises UnableToUseDataDirectory."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root) as probe:
                probe.write(b"\0" * 65536)
                probe.flush()
                os.fsync(probe.fileno())
        except OSError as error:
            raise UnableToUseDataDirectory(
                f"Cannot write in the data directory {self.root}: {error.strerror}.\n"
                "Make room there or correct its owner, or name another folder with --data-dir DIR."
            ) from error

    def secrets(self) -> dict[str, str]:
        """The platform's secrets, generated the first time that anybody asks."""
        if not self.secrets_file.exists():
            self.create()
            write_private(self.secrets_file, json.dumps(generate_secrets(), indent=1), keep_existing=True)
        return read_json(self.secrets_file)

    def platform(self) -> dict[str, object]:
        return dict(read_json(self.platform_file)) if self.platform_file.exists() else {}


def generate_secrets() -> dict[str, str]:
    return {
        "SECRET_KEY": secrets.token_urlsafe(64),
        "ROAMDESK_TOKEN_PEPPER": secrets.token_urlsafe(32),
        "ROAMDESK_FERNET_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "ROAMDESK_METRICS_TOKEN": secrets.token_urlsafe(32),
    }


def read_json(path: Path) -> dict[str, str]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnableToUseDataDirectory(
            f"Cannot read {path}: {error.strerror}.\nRun the command as the user that started the platform."
        ) from error
    except ValueError as error:
        raise UnableToUseDataDirectory(f"{path} is damaged ({error}). Restore it from a backup.") from error
    if not isinstance(content, dict):
        raise UnableToUseDataDirectory(f"{path} is damaged (it holds no JSON object). Restore it from a backup.")
    return content


def write_private(path: Path, content: str, *, keep_existing: bool = False) -> None:
    """Write a file that only its owner reads, whole or not at all.

    With ``keep_existing`` the first of several processes that start together wins, and the others keep its file.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if keep_existing:
            try:
                os.link(name, path)
            except FileExistsError:
                pass
            os.unlink(name)
        else:
            os.replace(name, path)
    except BaseException:
        if os.path.exists(name):
            os.unlink(name)
        raise
