"""What the staff groups may do, as one table that migrations grant from.

Django makes Permission rows in a signal after all migrations; a migration that grants them must make them itself, which
`grant` does. An app that brings new models adds a migration of the console with its rows of the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

OPERATIONS, ROAMING, FINANCE, READ_ONLY, TARIFFS = "Operations", "Roaming", "Finance", "Read-only", "Tariffs"
SUPPORT = "Support"

Grants = Mapping[str, Iterable[str]]
"""`app.model` -> verbs (view, add, change, delete)."""


def grant(apps: Any, group: str, grants: Grants) -> None:
    """Give a group these permissions; makes group and permissions where they are missing. `apps`: the migration's."""
    holder, _ = apps.get_model("auth", "Group").objects.get_or_create(name=group)
    permission = apps.get_model("auth", "Permission")
    content_type = apps.get_model("contenttypes", "ContentType")
    for label, verbs in grants.items():
        app, model = label.split(".")
        kind, _ = content_type.objects.get_or_create(app_label=app, model=model)
        for verb in verbs:
            name = f"Can {verb} {apps.get_model(app, model)._meta.verbose_name}"
            found, _ = permission.objects.get_or_create(
                content_type=kind, codename=f"{verb}_{model}", defaults={"name": name}
            )
            holder.permissions.add(found)
