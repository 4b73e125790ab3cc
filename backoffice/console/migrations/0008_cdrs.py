"""Who may do what with CDRs: Finance decides on held ones, credits and closes quarantine; others see them."""

from django.db import migrations

from backoffice.console.groups import FINANCE, OPERATIONS, READ_ONLY, ROAMING, TARIFFS, grant

SEES = {"cdrs.cdr": ["view"], "cdrs.quarantined": ["view"]}
DECIDES = "Can release, correct and drop held CDRs, credit CDRs of ours, and close quarantine"
RECHECKS = "Can price received CDRs again"


def make(apps, schema_editor):
    for group in (FINANCE, OPERATIONS, READ_ONLY, ROAMING, TARIFFS):
        grant(apps, group, SEES)
    kind = apps.get_model("contenttypes", "ContentType").objects.get(app_label="cdrs", model="cdr")
    permissions = apps.get_model("auth", "Permission").objects
    for groups, codename, name in (((FINANCE,), "decide_cdr", DECIDES), ((FINANCE, TARIFFS), "recheck_cdr", RECHECKS)):
        may, _ = permissions.get_or_create(content_type=kind, codename=codename, defaults={"name": name})
        for group in groups:
            apps.get_model("auth", "Group").objects.get(name=group).permissions.add(may)


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0007_cdr_days"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("cdrs", "0001_initial"),
    ]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
