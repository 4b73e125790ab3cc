"""Who may do what with exports and jobs: Finance defines and downloads, Operations keeps them running."""

from django.db import migrations

from backoffice.console.groups import FINANCE, OPERATIONS, READ_ONLY, ROAMING, grant

SEES = {"billing.export": ["view"], "billing.exportrun": ["view"], "jobs.job": ["view"]}
EXTRA = (
    (FINANCE, "billing", "export", "run_export", "Can have exports made, cancelled and made again"),
    (OPERATIONS, "billing", "export", "run_export", "Can have exports made, cancelled and made again"),
    (FINANCE, "billing", "export", "download_export", "Can read what exports hold: preview and download"),
    (OPERATIONS, "jobs", "job", "run_job", "Can have jobs run now, pause and resume them"),
)


def make(apps, schema_editor):
    for group in (FINANCE, OPERATIONS, READ_ONLY):
        grant(apps, group, SEES)
    grant(apps, ROAMING, {"jobs.job": ["view"]})
    grant(apps, FINANCE, {"billing.export": ["add", "change", "delete"]})
    kinds, permissions = apps.get_model("contenttypes", "ContentType").objects, apps.get_model("auth", "Permission").objects
    for group, app, model, codename, name in EXTRA:
        kind = kinds.get(app_label=app, model=model)
        may, _ = permissions.get_or_create(content_type=kind, codename=codename, defaults={"name": name})
        apps.get_model("auth", "Group").objects.get(name=group).permissions.add(may)


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0004_tariffs"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("billing", "0002_first_export"),
        ("jobs", "0001_initial"),
    ]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
