"""Databases of older commits: whether their tables are taken as they are, or refused with a word."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from backoffice.supervisor.prepare import migrate
from backoffice.supervisor.process import UnableToPrepare

pytestmark = pytest.mark.django_db


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> MigrationRecorder:
    """The database says of itself that it was migrated before the first tables were folded."""
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", connection.settings_dict["OPTIONS"])
    recorder = MigrationRecorder(connection)
    for (app, name), migration in MigrationExecutor(connection).loader.disk_migrations.items():
        if migration.replaces:
            recorder.record_unapplied(app, name)
            for replaced in migration.replaces:
                recorder.record_applied(*replaced)
    return recorder


def test_tables_made_by_the_migrations_that_were_folded_need_nothing(recorded: MigrationRecorder) -> None:
    executor = MigrationExecutor(connection)
    assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []
    before = set(recorded.applied_migrations())
    migrate()
    fresh = set(recorded.applied_migrations()) - before
    assert fresh == {key for key, migration in executor.loader.disk_migrations.items() if migration.replaces}


def test_tables_that_lack_one_of_them_are_refused(recorded: MigrationRecorder) -> None:
    recorded.record_unapplied("charging_sessions", "0007_invoice_of_a_session")
    with pytest.raises(UnableToPrepare, match="too old for this one"):
        migrate()
    assert ("charging_sessions", "0001_squashed_0007_invoice_of_a_session") not in recorded.applied_migrations()
