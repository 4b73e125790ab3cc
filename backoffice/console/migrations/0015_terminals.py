"""Who sees payment terminals, and who may ask for them, say what they serve, and take them out of use."""

from django.db import migrations

from backoffice.console.groups import FINANCE, OPERATIONS, READ_ONLY, ROAMING, SUPPORT, grant

SEES = {"payments.terminal": ["view"], "payments.activation": ["view"]}
STEER = ("terminal", "steer_terminal", "Can activate, deactivate, assign and exchange payment terminals")


def make(apps, schema_editor):
    for group in (OPERATIONS, ROAMING, FINANCE, READ_ONLY, SUPPORT):
        grant(apps, group, SEES)
    model, codename, name = STEER
    kind = apps.get_model("contenttypes", "ContentType").objects.get(app_label="payments", model=model)
    may, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=kind, codename=codename, defaults={"name": name}
    )
    for group in (OPERATIONS, ROAMING):
        apps.get_model("auth", "Group").objects.get(name=group).permissions.add(may)


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0014_mandates"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("payments", "0001_initial"),
    ]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
