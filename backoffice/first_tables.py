"""How the migrations that make an app's first tables are applied: from one picture of all models.

Django draws its picture of the models anew for each table that a migration makes, with all that are tied to it, and here
nearly all are tied to each other: most of what an empty database cost went there. A migration that changes what exists
already has no use for this; it is Django's own `Migration`.
"""

from __future__ import annotations

from django.contrib.postgres.operations import CreateExtension
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddField, CreateModel, Migration, RunPython, RunSQL
from django.db.migrations.state import ProjectState


class FirstTables(Migration):
    """Made of extensions, models, fields that tie these models in a circle, statements and, at the end, functions."""

    def apply(
        self, project_state: ProjectState, schema_editor: BaseDatabaseSchemaEditor, collect_sql: bool = False
    ) -> ProjectState:
        if collect_sql:
            return super().apply(project_state, schema_editor, collect_sql)
        project_state.__dict__.pop("apps", None)
        self.mutate_state(project_state, preserve=False)
        for operation in self.operations:
            if not isinstance(operation, AddField):  # the picture shows it already, so its table was made with it
                assert isinstance(operation, CreateExtension | CreateModel | RunPython | RunSQL), operation
                operation.database_forwards(self.app_label, schema_editor, project_state, project_state)
        return project_state
