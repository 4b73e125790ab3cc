"""Who may do what with tariffs; a group for those who set prices."""

from django.db import migrations

from backoffice.console.groups import FINANCE, OPERATIONS, READ_ONLY, ROAMING, TARIFFS, grant

READS = {"tariffs.tariff": ["view"], "tariffs.draft": ["view"]}
SETS_PRICES = {
    "tariffs.tariff": ["view", "add", "change"],
    "tariffs.draft": ["view", "add", "change", "delete"],
    "partners.party": ["view"],
    "partners.connection": ["view"],
    "locations.location": ["view"],
    "locations.evse": ["view"],
    "delivery.exchange": ["view"],
    "delivery.message": ["view"],
}


def make(apps, schema_editor):
    for group in (OPERATIONS, ROAMING, FINANCE, READ_ONLY):
        grant(apps, group, READS)
    grant(apps, TARIFFS, SETS_PRICES)
    tariff = apps.get_model("contenttypes", "ContentType").objects.get(app_label="tariffs", model="tariff")
    may, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=tariff,
        codename="publish_tariff",
        defaults={"name": "Can publish, withdraw and assign tariffs"},
    )
    apps.get_model("auth", "Group").objects.get(name=TARIFFS).permissions.add(may)


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0003_roaming_group"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("tariffs", "0001_initial"),
    ]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
