"""Who may see applications and what they did, and who hands out keys: those who hand out credentials to partners."""

from django.db import migrations

from backoffice.console.groups import FINANCE, OPERATIONS, READ_ONLY, ROAMING, grant

READS = {"api.application": ["view"], "api.apicall": ["view"]}
GRANTS = {
    READ_ONLY: READS | {"api.webhookdelivery": ["view"]},
    OPERATIONS: READS | {"api.webhookdelivery": ["view", "change"]},
    ROAMING: {"api.application": ["view", "add"], "api.apicall": ["view"], "api.webhookdelivery": ["view", "change"]},
    FINANCE: {"api.application": ["view"]},
}


def make(apps, schema_editor):
    for group, grants in GRANTS.items():
        grant(apps, group, grants)
    application = apps.get_model("contenttypes", "ContentType").objects.get(app_label="api", model="application")
    may, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=application, codename="manage_keys", defaults={"name": "Can issue and revoke API keys"}
    )
    apps.get_model("auth", "Group").objects.get(name=ROAMING).permissions.add(may)


class Migration(migrations.Migration):
    dependencies = [("console", "0011_charging_profiles"), ("api", "0001_initial")]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
