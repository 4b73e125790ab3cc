"""Who sees what partners asked of our charge points sees what the charge points were asked, and what they said."""

from django.db import migrations

from backoffice.console.groups import OPERATIONS, READ_ONLY, ROAMING, SUPPORT, grant


def make(apps, schema_editor):
    for group in (OPERATIONS, ROAMING, SUPPORT, READ_ONLY):
        grant(apps, group, {"charge_points.order": ("view",)})


class Migration(migrations.Migration):
    dependencies = [
        ("charge_points", "0001_squashed_0002_station_systems"),
        ("console", "0018_sellers"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
