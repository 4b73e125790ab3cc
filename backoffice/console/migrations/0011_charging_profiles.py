"""Who sees what is asked of charging profiles, and who may set, remove and ask for them."""

from django.db import migrations

from backoffice.console.groups import FINANCE, OPERATIONS, READ_ONLY, ROAMING, SUPPORT, grant

SEES = {"charging_profiles.profilerequest": ["view"]}
SET = ("set_profile", "Can set charging profiles for sessions")
CLEAR = ("clear_profile", "Can remove charging profiles from sessions")
ASK = ("ask_profile", "Can ask charge points for their active charging profile")
MAY = {OPERATIONS: (SET, CLEAR, ASK), ROAMING: (ASK,), SUPPORT: (ASK, CLEAR)}


def make(apps, schema_editor):
    for group in (OPERATIONS, ROAMING, FINANCE, READ_ONLY, SUPPORT):
        grant(apps, group, SEES)
    kind = apps.get_model("contenttypes", "ContentType").objects.get(
        app_label="charging_profiles", model="profilerequest"
    )
    for group, permissions in MAY.items():
        holder = apps.get_model("auth", "Group").objects.get(name=group)
        for codename, name in permissions:
            may, _ = apps.get_model("auth", "Permission").objects.get_or_create(
                content_type=kind, codename=codename, defaults={"name": name}
            )
            holder.permissions.add(may)


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0010_tokens"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("charging_profiles", "0001_initial"),
    ]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
