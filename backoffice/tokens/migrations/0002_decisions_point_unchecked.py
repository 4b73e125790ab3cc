"""What is written while a driver waits: decisions without checks of where they point, and room for the moment of last use."""

from typing import Any

from django.db import migrations, models
from django.db.models.deletion import SET_NULL


def unchecked(to: str, related_name: str = "+") -> Any:
    return models.ForeignKey(
        to, on_delete=SET_NULL, null=True, related_name=related_name, db_index=False, db_constraint=False
    )


class Migration(migrations.Migration):
    dependencies = [("partners", "0003_says_ptp"), ("tokens", "0001_initial")]

    operations = [
        migrations.AlterField("authorization", "connection", unchecked("partners.connection", "authorizations")),
        migrations.AlterField("authorization", "emsp", unchecked("partners.party")),
        migrations.AlterField("authorization", "party", unchecked("partners.party")),
        migrations.AlterField("authorization", "token", unchecked("tokens.token", "authorizations")),
        # a row that finds no room in its page is written to another, and then to all of ten indexes
        migrations.RunSQL("ALTER TABLE tokens_token SET (fillfactor = 80)", "ALTER TABLE tokens_token RESET (fillfactor)"),
    ]
