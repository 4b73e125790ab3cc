"""Who may do what with drivers' tokens; a group for those who help drivers, who block cards and never see a whole id."""

from django.db import migrations

from backoffice.console.groups import FINANCE, OPERATIONS, READ_ONLY, ROAMING, SUPPORT, grant

READS = {"tokens.token": ["view"], "tokens.authorization": ["view"]}
GRANTS = {
    FINANCE: READS,
    READ_ONLY: READS | {"tokens.silencepolicy": ["view"]},
    ROAMING: READS | {"tokens.silencepolicy": ["view", "add", "change", "delete"]},
    OPERATIONS: READS
    | {"tokens.token": ["view", "add", "change"], "tokens.silencepolicy": ["view", "add", "change", "delete"]},
    SUPPORT: READS
    | {
        "partners.party": ["view"],
        "partners.connection": ["view"],
        "locations.location": ["view"],
        "locations.evse": ["view"],
        "tariffs.tariff": ["view"],
        "charging_sessions.session": ["view"],
        "cdrs.cdr": ["view"],
    },
}
BLOCK = ("block_token", "Can block and unblock tokens")
SEE = ("see_uid", "Can see the whole uid of a token")
WHOLE = {OPERATIONS: (BLOCK, SEE), SUPPORT: (BLOCK,)}


def make(apps, schema_editor):
    for group, grants in GRANTS.items():
        grant(apps, group, grants)
    token = apps.get_model("contenttypes", "ContentType").objects.get(app_label="tokens", model="token")
    for group, permissions in WHOLE.items():
        holder = apps.get_model("auth", "Group").objects.get(name=group)
        for codename, name in permissions:
            may, _ = apps.get_model("auth", "Permission").objects.get_or_create(
                content_type=token, codename=codename, defaults={"name": name}
            )
            holder.permissions.add(may)


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0009_sessions"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("tokens", "0001_initial"),
        ("partners", "0001_initial"),
        ("locations", "0001_initial"),
        ("tariffs", "0001_initial"),
        ("charging_sessions", "0001_initial"),
        ("cdrs", "0001_initial"),
    ]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
