"""Finance says who stands on drivers' invoices; who reads the invoices may read that, too."""

from django.db import migrations

from backoffice.console.groups import FINANCE, READ_ONLY, ROAMING, grant


def make(apps, schema_editor):
    grant(apps, FINANCE, {"payments.invoiceseller": ("view", "add", "change")})
    for group in (ROAMING, READ_ONLY):
        grant(apps, group, {"payments.invoiceseller": ("view",)})


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0017_bookings"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("payments", "0004_giving_back"),
    ]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
