"""What the staff groups may do is said in migrations of the console, which grant it with what is here.

Django makes Permission rows in a signal after all migrations; a migration that grants them must make them itself. An app
that brings new models adds a migration of the console which says who may do what with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

OPERATIONS, ROAMING, FINANCE, READ_ONLY, TARIFFS = "Operations", "Roaming", "Finance", "Read-only", "Tariffs"
SUPPORT = "Support"

VERBS = ("view", "add", "change", "delete")

Table = Mapping[str, Mapping[str, Iterable[str]]]
"""`app.model` -> a verb, or the whole name of a permission of its own -> the groups that may."""

Grants = Mapping[str, Iterable[str]]
"""`app.model` -> verbs."""


def grant(apps: Any, group: str, grants: Grants) -> None:
    """Give one group these permissions, as `grant_all` does."""
    grant_all(apps, {label: dict.fromkeys(verbs, (group,)) for label, verbs in grants.items()})


def grant_all(apps: Any, table: Table) -> None:
    """Give groups these permissions; makes groups and permissions where they are missing, and takes nothing from anybody.
    `apps`: the migration's."""
    content_type, permission = apps.get_model("contenttypes", "ContentType"), apps.get_model("auth", "Permission")
    group = apps.get_model("auth", "Group")

    kinds = {tuple(label.split(".")) for label in table}
    content_type.objects.bulk_create(
        [content_type(app_label=app, model=model) for app, model in sorted(kinds)], ignore_conflicts=True
    )
    kind_of = {f"{kind.app_label}.{kind.model}": kind.pk for kind in content_type.objects.all()}

    wanted = {
        (kind_of[label], codename): (name, tuple(groups))
        for label, permissions in table.items()
        for codename, name, groups in _named(apps.get_model(*label.split("."))._meta, permissions)
    }
    permission.objects.bulk_create(
        [
            permission(content_type_id=kind, codename=codename, name=name)
            for (kind, codename), (name, _) in wanted.items()
        ],
        ignore_conflicts=True,
    )
    permission_of = {(p.content_type_id, p.codename): p.pk for p in permission.objects.all()}

    names = {name for _, groups in wanted.values() for name in groups}
    group.objects.bulk_create([group(name=name) for name in sorted(names)], ignore_conflicts=True)
    group_of = dict(group.objects.values_list("name", "pk"))

    holds = group.permissions.through
    holds.objects.bulk_create(
        [
            holds(group_id=group_of[name], permission_id=permission_of[key])
            for key, (_, groups) in wanted.items()
            for name in groups
        ],
        ignore_conflicts=True,
    )


def _named(options: Any, permissions: Mapping[str, Iterable[str]]) -> Iterable[tuple[str, str, Iterable[str]]]:
    own = dict(options.permissions)
    for word, groups in permissions.items():
        if word in VERBS:
            yield f"{word}_{options.model_name}", f"Can {word} {options.verbose_name}", groups
        else:
            yield word, own[word], groups
