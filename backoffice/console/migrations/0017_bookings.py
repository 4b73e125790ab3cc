"""Who sees bookings and what can be booked, who decides on them, who books for drivers, who makes locations bookable."""

from django.db import migrations

from backoffice.console.groups import FINANCE, OPERATIONS, READ_ONLY, ROAMING, SUPPORT, grant

SEES = {"bookings.booking": ["view"], "bookings.bookablelocation": ["view"]}
DECIDE = ("booking", "decide_booking", "Can accept, decline, assign, move and cancel bookings at charge points of ours")
MAKE = ("booking", "make_booking", "Can book, change and cancel at partners for drivers of ours")
PUBLISH = ("bookablelocation", "publish_place", "Can make locations bookable, change their calendars and block slots")
MAY = {OPERATIONS: (DECIDE, PUBLISH, MAKE), SUPPORT: (MAKE,)}


def make(apps, schema_editor):
    for group in (OPERATIONS, ROAMING, FINANCE, READ_ONLY, SUPPORT):
        grant(apps, group, SEES)
    for group, permissions in MAY.items():
        holder = apps.get_model("auth", "Group").objects.get(name=group)
        for model, codename, name in permissions:
            kind = apps.get_model("contenttypes", "ContentType").objects.get(app_label="bookings", model=model)
            may, _ = apps.get_model("auth", "Permission").objects.get_or_create(
                content_type=kind, codename=codename, defaults={"name": name}
            )
            holder.permissions.add(may)


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0016_card_payments"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("bookings", "0001_initial"),
    ]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
