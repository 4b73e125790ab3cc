"""Who sees which smart charging providers steer charges for us, and who may give them that mandate."""

from django.db import migrations

from backoffice.console.groups import OPERATIONS, READ_ONLY, ROAMING, grant

ALL = ["view", "add", "change", "delete"]
GRANTS = {ROAMING: ALL, OPERATIONS: ["view"], READ_ONLY: ["view"]}


def make(apps, schema_editor):
    for group, verbs in GRANTS.items():
        grant(apps, group, {"charging_sessions.mandate": verbs})


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0013_commands"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("charging_sessions", "0004_mandates"),
    ]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
