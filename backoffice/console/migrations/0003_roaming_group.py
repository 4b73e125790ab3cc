"""A group for those who deal with partners' credentials, which Operations may not touch."""

from django.db import migrations

from backoffice.console.groups import ROAMING, grant

GRANTS = {
    "partners.party": ["view", "add", "change"],
    "partners.partyrole": ["view", "change"],
    "partners.connection": ["view", "add", "change"],
    "locations.location": ["view"],
    "locations.evse": ["view"],
    "delivery.exchange": ["view"],
    "delivery.message": ["view", "change"],
    "delivery.pull": ["view", "add"],
}


def make(apps, schema_editor):
    grant(apps, ROAMING, GRANTS)
    connection = apps.get_model("contenttypes", "ContentType").objects.get(app_label="partners", model="connection")
    may, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=connection,
        codename="manage_connections",
        defaults={"name": "Can exchange credentials: register, rotate, unregister, approve roles and hosts"},
    )
    apps.get_model("auth", "Group").objects.get(name=ROAMING).permissions.add(may)


class Migration(migrations.Migration):
    dependencies = [("console", "0002_groups")]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
