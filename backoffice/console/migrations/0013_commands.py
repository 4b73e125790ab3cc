"""Who sees commands and reservations, who may send commands, unlock connectors and cancel reservations."""

from django.db import migrations

from backoffice.console.groups import FINANCE, OPERATIONS, READ_ONLY, ROAMING, SUPPORT, grant

SEES = {"commands.command": ["view"], "commands.reservation": ["view"]}
SEND = ("command", "send_command", "Can start, stop, reserve and cancel at charge points")
UNLOCK = ("command", "unlock_connector", "Can unlock connectors at charge points")
WITHDRAW = ("reservation", "withdraw_reservation", "Can cancel reservations that drivers made")
MAY = {OPERATIONS: (SEND, UNLOCK, WITHDRAW), SUPPORT: (SEND, UNLOCK)}


def make(apps, schema_editor):
    for group in (OPERATIONS, ROAMING, FINANCE, READ_ONLY, SUPPORT):
        grant(apps, group, SEES)
    for group, permissions in MAY.items():
        holder = apps.get_model("auth", "Group").objects.get(name=group)
        for model, codename, name in permissions:
            kind = apps.get_model("contenttypes", "ContentType").objects.get(app_label="commands", model=model)
            may, _ = apps.get_model("auth", "Permission").objects.get_or_create(
                content_type=kind, codename=codename, defaults={"name": name}
            )
            holder.permissions.add(may)


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0012_api"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("commands", "0001_initial"),
    ]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
