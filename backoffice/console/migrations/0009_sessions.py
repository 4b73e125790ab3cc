"""Who may see sessions, and who may set one aside, end it, ask for it or send what its driver prefers."""

from django.db import migrations

from backoffice.console.groups import FINANCE, OPERATIONS, READ_ONLY, ROAMING, TARIFFS, grant

SEES = {"charging_sessions.session": ["view"]}
STEER = "Can end sessions of ours, set sessions aside, refresh them and send charging preferences"


def make(apps, schema_editor):
    for group in (OPERATIONS, ROAMING, FINANCE, TARIFFS, READ_ONLY):
        grant(apps, group, SEES)
    kind = apps.get_model("contenttypes", "ContentType").objects.get(app_label="charging_sessions", model="session")
    may, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=kind, codename="steer_session", defaults={"name": STEER}
    )
    for group in (OPERATIONS, ROAMING):
        apps.get_model("auth", "Group").objects.get(name=group).permissions.add(may)


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0008_cdrs"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("charging_sessions", "0002_place"),
    ]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
