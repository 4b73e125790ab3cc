"""The step between an answering database and the first request: the tables, and somebody who may log in."""

import json
import secrets
from collections.abc import Sequence

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections
from django.db.migrations.exceptions import NodeNotFoundError
from django.db.migrations.executor import MigrationExecutor

from backoffice.supervisor import postgres
from backoffice.supervisor.data_directory import DataDirectory, read_json, write_private
from backoffice.supervisor.process import SayReady, UnableToPrepare, Work

ADMIN = "admin"

TOO_OLD = (
    "The database was made by a Roamdesk that is too old for this one, which makes all first tables of an app at once.\n"
    "Start the commit that docs/decisions/018-first-tables-at-once.md names, then this one."
)


def prepare(data: DataDirectory, cluster: postgres.Cluster | None, *, demo: bool) -> Work:
    """Create the database (in our own cluster), bring its tables up to date, and make the first administrator.

    ``demo``: this start is one of the demo; else a database that holds the demo world is refused.
    """

    def work(_say_ready: SayReady) -> None:
        if cluster is not None:
            cluster.create_database()
        try:
            connection.ensure_connection()
        except OperationalError as error:
            raise UnableToPrepare(
                f"Cannot reach the database: {str(error).strip()}\nCorrect DATABASE_URL, start that server, or unset "
                "DATABASE_URL to use the embedded one."
            ) from error
        migrate()
        if not demo:
            refuse_the_demo(data)
        first_administrator(data)
        connections.close_all()

    return work


def refuse_the_demo(data: DataDirectory) -> None:
    """Raises UnableToPrepare; the next start knows then what it starts."""
    from backoffice.demo.actions.loading import is_here
    from backoffice.supervisor.options import holds_the_demo

    if is_here():
        write_private(data.platform_file, json.dumps(data.platform() | {"demo": True}, indent=1))
        raise UnableToPrepare(holds_the_demo(data))


def migrate() -> None:
    """Apply what is missing; raises UnableToPrepare when the tables were made by a newer Roamdesk, or by one too old."""
    # A migration may take longer than any request is allowed to.
    connection.settings_dict["OPTIONS"] = {**settings.DATABASES[DEFAULT_DB_ALIAS]["OPTIONS"], "options": ""}
    try:
        executor = MigrationExecutor(connection)
    except NodeNotFoundError as error:  # a later migration asks for one that was folded
        raise UnableToPrepare(TOO_OLD) from error
    if any(_half_there(migration.replaces, executor) for migration in executor.loader.disk_migrations.values()):
        raise UnableToPrepare(TOO_OLD)
    known = set(executor.loader.disk_migrations)
    for migration in executor.loader.disk_migrations.values():
        known.update(migration.replaces)
    ours = {config.label for config in apps.get_app_configs()}
    newer = sorted(f"{app}.{name}" for app, name in set(executor.loader.applied_migrations) - known if app in ours)
    if newer:
        raise UnableToPrepare(
            f"The database was made by a newer Roamdesk: this one does not know {', '.join(newer)}.\n"
            "Start the newer version, restore a backup made before the upgrade, or use another --data-dir."
        )
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=1)
    else:
        executor.check_replacements()  # the names of migrations that were folded into one, so that they may be forgotten one day


def _half_there(replaced: Sequence[tuple[str, str]], executor: MigrationExecutor) -> bool:
    """Django would find nothing to do, for it takes the others to be in files that it cannot see."""
    there = [key in executor.loader.applied_migrations for key in replaced]
    return any(there) and not all(there)


def first_administrator(data: DataDirectory) -> None:
    """Make a superuser where there is none, and keep the password for the person who starts the platform."""
    users = get_user_model()._default_manager
    kept = data.root / "admin.json"
    if not users.filter(is_superuser=True).exists():
        password = secrets.token_urlsafe(12)
        user = users.create_superuser(ADMIN, "", password)
        write_private(kept, json.dumps({"username": ADMIN, "password": password, "stored": user.password}))
    elif kept.exists():
        facts = read_json(kept)
        unchanged = users.filter(username=facts["username"], password=facts.get("stored", "")).exists()
        if "password" in facts and not unchanged:
            write_private(kept, json.dumps({"username": facts["username"]}))  # it was changed, so ours is worthless


def login_hint(data: DataDirectory) -> str:
    """How to log in, as far as we know."""
    kept = data.root / "admin.json"
    if not kept.exists():
        return "with your own account"
    facts = read_json(kept)
    return f"{facts['username']} / {facts.get('password', '(the password that you set)')}"
