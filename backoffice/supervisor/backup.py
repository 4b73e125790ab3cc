"""Backup and restore of a whole platform.

A backup is one file (tar) with the database at one moment (pg_dump), the secrets without which its encrypted tokens are
worthless, and the uploaded files. It is as secret as the platform itself. A restore builds the database beside the one
in use and takes its place only when everything in it is right and the outbox is paused: until staff have asked the
partners what they hold, nothing old goes out to them.
"""

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection
from psycopg import sql

from backoffice.delivery.actions.steering import pause_all
from backoffice.supervisor import postgres
from backoffice.supervisor.data_directory import DataDirectory, read_json, write_private
from backoffice.supervisor.prepare import migrate
from backoffice.supervisor.process import UnableToPrepare
from backoffice.supervisor.up import take_lock

FORMAT = 1
DUMP, SECRETS, ABOUT, MEDIA = "database.dump", "secrets.json", "about.json", "media"
# What a connection to the server is made of; the password goes by the environment, where `ps` does not show it.
CONNECTION_FACTS = ("host", "port", "user", "sslmode", "sslrootcert", "sslcert", "sslkey")


class UnableToBackUp(Exception):
    """No backup was made, and none is left half made."""


class UnableToRestore(Exception):
    """Nothing was restored; the platform is as it was."""


def back_up(data: DataDirectory, target: Path) -> int:
    """Write a backup and return its size in bytes. The platform may run meanwhile."""
    if target.exists():
        raise UnableToBackUp(f"{target} exists already. Name another file, or remove that one.")
    if not target.parent.is_dir():
        raise UnableToBackUp(f"There is no folder {target.parent}.")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f"{target.name}.") as folder:
        dump, unfinished = Path(folder) / DUMP, Path(folder) / "backup.tar"
        with database_running(data, alone=False):
            _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={dump}", *_database())
        about = {"format": FORMAT, "made_at": datetime.now(UTC).isoformat(), "demo": settings.DEMO}
        (Path(folder) / ABOUT).write_text(json.dumps(about, indent=1))
        (Path(folder) / SECRETS).write_text(json.dumps(_secrets_in_use(), indent=1))
        with tarfile.open(unfinished, "x") as archive:
            for name in (ABOUT, SECRETS, DUMP):
                archive.add(Path(folder) / name, name)
            if data.media.is_dir():
                archive.add(data.media, MEDIA)
        unfinished.chmod(0o600)
        unfinished.rename(target)
    return target.stat().st_size


def restore(data: DataDirectory, source: Path) -> str:
    """Bring back what a backup holds, and return what became of it, for a person. The platform must not run."""
    with tempfile.TemporaryDirectory(dir=_root(data), prefix="restore.") as folder:
        parts = _unpack(source, Path(folder))
        kept: dict[str, str] = json.loads((parts / SECRETS).read_text())
        _check_secrets_of_environment(kept)
        with database_running(data, alone=True):
            paused, old = _replace_database(parts / DUMP)
        if (parts / MEDIA).is_dir():
            if data.media.exists():
                data.media.replace(data.media.with_name(f"media.replaced-{int(time.time())}"))
            shutil.move(parts / MEDIA, data.media)
        if data.secrets_file.exists() and read_json(data.secrets_file) != kept:
            data.secrets_file.replace(data.secrets_file.with_suffix(".replaced.json"))
        write_private(data.secrets_file, json.dumps(kept, indent=1))
        about = json.loads((parts / ABOUT).read_text())
        write_private(data.platform_file, json.dumps(data.platform() | {"demo": about["demo"]}, indent=1))
    return (
        f"Restored the backup of {about['made_at'][:16].replace('T', ' ')} UTC. {paused} connections were active and are "
        "paused: nothing goes out to partners before you resume them.\n"
        f"The database that was in use is kept as {old}; drop it when you are sure."
    )


def _root(data: DataDirectory) -> Path:
    data.create()
    return data.root


def _unpack(source: Path, folder: Path) -> Path:
    try:
        with tarfile.open(source) as archive:
            archive.extractall(folder, filter="data")
        about = json.loads((folder / ABOUT).read_text())
    except (OSError, tarfile.TarError, ValueError) as error:
        raise UnableToRestore(f"{source} is no backup that can be read: {error}.") from error
    if about.get("format") != FORMAT:
        raise UnableToRestore(f"{source} was made by a newer Roamdesk. Restore it with that version.")
    return folder


def _secrets_in_use() -> dict[str, str]:
    return {
        "SECRET_KEY": settings.SECRET_KEY,
        "ROAMDESK_TOKEN_PEPPER": settings.TOKEN_PEPPER,
        "ROAMDESK_FERNET_KEYS": ",".join(settings.FERNET_KEYS),
        "ROAMDESK_METRICS_TOKEN": settings.METRICS_TOKEN,
    }


def _check_secrets_of_environment(kept: dict[str, str]) -> None:
    """Secrets that the environment sets win over the file, and with others the restored tokens are unreadable."""
    for name in ("ROAMDESK_TOKEN_PEPPER", "ROAMDESK_FERNET_KEYS"):
        if os.environ.get(name) and not set(kept[name].split(",")) <= set(os.environ[name].split(",")):
            raise UnableToRestore(
                f"{name} in the environment is not the one of the backup, so the restored tokens could not be used.\n"
                f"Set it to the value in {SECRETS} of the backup (tar -xOf FILE {SECRETS}), then restore."
            )


# --- The database ----------------------------------------------------------------------------------------------------


@contextmanager
def database_running(data: DataDirectory, *, alone: bool) -> Iterator[None]:
    """See that the database answers: as it is when it runs, else started for this time.

    ``alone`` asks for a platform that does not run.
    """
    if os.environ.get("DATABASE_URL"):
        yield
        return
    if not alone and data.state_file.exists() and data.postgres.exists() and postgres.cluster_of(data).answers():
        yield
        return
    lock = take_lock(data)
    try:
        cluster = postgres.cluster_of(data)
        cluster.stop_leftover()
        with postgres.running(cluster):
            cluster.create_database()
            yield
            connection.close()
    finally:
        os.close(lock)


def _replace_database(dump: Path) -> tuple[int, str]:
    """Build the restored database beside the one in use, then swap their names."""
    name = str(settings.DATABASES["default"]["NAME"])
    fresh, old = f"{name}_restoring", f"{name}_replaced_{int(time.time())}"
    with psycopg.connect(**_server(), dbname="postgres", autocommit=True) as server:
        others = server.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()", [name]
        ).fetchone()
        if others and others[0]:
            raise UnableToRestore(
                f"{others[0]} connections to the database are open. Stop Roamdesk everywhere (web, worker, beat, sweep), "
                "then restore."
            )
        try:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(fresh)))
            server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(fresh)))
        except psycopg.errors.InsufficientPrivilege as error:
            raise UnableToRestore(
                "The restored database is built beside the one in use, and the role in DATABASE_URL may not create "
                "databases. Allow it (ALTER ROLE ... CREATEDB) for the time of the restore."
            ) from error
        try:
            _run("pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", f"--dbname={fresh}", str(dump))
            paused = _pause(fresh)
        except BaseException:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(fresh)))
            raise
        with server.transaction():
            for before, after in ((name, old), (fresh, name)):
                rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
                server.execute(rename.format(sql.Identifier(before), sql.Identifier(after)))
    return paused, old


def _pause(name: str) -> int:
    """Bring the tables of a restored database up to date, and hold every mailbox in it."""
    connection.close()
    in_use = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = name
    try:
        migrate()
        return pause_all(reason="Restored from a backup: ask the partner for what it holds before you resume.")
    except UnableToPrepare as error:
        raise UnableToRestore(str(error)) from error
    finally:
        connection.close()
        connection.settings_dict["NAME"] = in_use


def _server() -> dict[str, Any]:
    facts = connection.get_connection_params()
    return {name: facts[name] for name in (*CONNECTION_FACTS, "password") if facts.get(name)}


def _database() -> list[str]:
    return ["--dbname", str(settings.DATABASES["default"]["NAME"])]


def _run(program: str, *arguments: str) -> None:
    facts = _server()
    variables = {
        "host": "PGHOST",
        "port": "PGPORT",
        "user": "PGUSER",
        "password": "PGPASSWORD",
        "sslmode": "PGSSLMODE",
        "sslrootcert": "PGSSLROOTCERT",
        "sslcert": "PGSSLCERT",
        "sslkey": "PGSSLKEY",
    }
    environment = postgres.environment() | {variables[name]: str(value) for name, value in facts.items()}
    try:
        with psycopg.connect(**facts, dbname=str(settings.DATABASES["default"]["NAME"])) as server:
            binaries = postgres.find_binaries(server=server.info.server_version // 10000)
    except postgres.UnableToRunPostgres as error:
        raise UnableToBackUp(str(error)) from error
    ran = subprocess.run(
        [binaries.program(program), "--no-password", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode != 0:
        failure = UnableToBackUp if program == "pg_dump" else UnableToRestore
        raise failure(f"{program} failed:\n{ran.stderr.strip()}")
