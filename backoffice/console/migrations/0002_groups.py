"""The three groups that every installation starts with, and what they may do."""

from django.db import migrations

from backoffice.console.groups import FINANCE, OPERATIONS, READ_ONLY, grant

SEEN_BY_ALL = {
    "partners.party": ["view"],
    "partners.partyrole": ["view"],
    "partners.connection": ["view"],
    "locations.location": ["view"],
    "locations.evse": ["view"],
}
GRANTS = {
    OPERATIONS: SEEN_BY_ALL
    | {
        "partners.party": ["view", "add", "change"],
        "partners.partyrole": ["view", "change"],
        "partners.connection": ["view", "add", "change"],
        "locations.location": ["view", "add", "change"],
        "locations.evse": ["view", "add", "change"],
        "delivery.exchange": ["view"],
        "delivery.message": ["view", "change"],
        "delivery.pull": ["view", "add"],
    },
    # Money needs the objects that prices hang on, not the traffic between platforms.
    FINANCE: SEEN_BY_ALL,
    READ_ONLY: SEEN_BY_ALL | {"delivery.exchange": ["view"], "delivery.message": ["view"], "delivery.pull": ["view"]},
}


def make(apps, schema_editor):
    for group, grants in GRANTS.items():
        grant(apps, group, grants)


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("partners", "0001_initial"),
        ("delivery", "0001_initial"),
        ("locations", "0001_initial"),
    ]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
