import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tariffs", "0002_worked_examples")]

    operations = [
        migrations.AddIndex(
            model_name="tariff",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["object_id"], name="tariff_id_words", opclasses=["gin_trgm_ops"]
            ),
        ),
        migrations.AddIndex(
            model_name="tariff",
            index=models.Index(
                fields=["ends_at"], name="tariff_ends", condition=models.Q(ends_at__isnull=False, withdrawn_at=None)
            ),
        ),
    ]
