"""Every installation begins with one export: what is new, every hour, for download. Staff change, pause or remove it."""

from django.db import migrations
from django.utils import timezone


def make(apps, schema_editor):
    now = timezone.now()
    apps.get_model("billing", "Export").objects.get_or_create(
        name="New CDRs", defaults={"schedule": "every hour", "created_at": now, "answered_until": now}
    )


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
