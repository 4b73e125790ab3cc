"""Finance decides about financial advice and the tie of card payments; operations and roaming steer payments; all may read."""

from django.db import migrations

from backoffice.console.groups import FINANCE, OPERATIONS, READ_ONLY, ROAMING, SUPPORT, grant

SEEN = ("cardpayment", "advice", "quarantinedadvice", "driverinvoice")
GRANTS = {name: ("view",) for name in (FINANCE, OPERATIONS, ROAMING, READ_ONLY)}
DEEDS = {
    "advice": {"decide_advice": ("Can match financial advice, write it off and close quarantine", (FINANCE,))},
    "cardpayment": {
        "steer_card_payment": ("Can stop charges at terminals, and ask the provider again", (OPERATIONS, FINANCE, SUPPORT))
    },
}


def make(apps, schema_editor):
    for group, verbs in GRANTS.items():
        grant(apps, group, {f"payments.{model}": verbs for model in SEEN})
    grant(apps, SUPPORT, {"payments.cardpayment": ("view",), "payments.driverinvoice": ("view",)})
    kinds = apps.get_model("contenttypes", "ContentType").objects
    permission, group = apps.get_model("auth", "Permission"), apps.get_model("auth", "Group")
    for model, deeds in DEEDS.items():
        kind, _ = kinds.get_or_create(app_label="payments", model=model)
        for codename, (name, groups) in deeds.items():
            found, _ = permission.objects.get_or_create(content_type=kind, codename=codename, defaults={"name": name})
            for each in groups:
                group.objects.get_or_create(name=each)[0].permissions.add(found)


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0015_terminals"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("payments", "0003_takings"),
    ]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
