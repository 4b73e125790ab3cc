import backoffice.fields
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.text
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models

from backoffice.first_tables import FirstTables


class Migration(FirstTables):

    replaces = [('locations', '0001_initial'), ('locations', '0002_leaner_indexes'), ('locations', '0003_connector_tariffs')]

    initial = True

    dependencies = [
        ('partners', '0001_squashed_0002_bookings_edition'),
    ]

    operations = [
        TrigramExtension(),
        migrations.CreateModel(
            name='Location',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('object_id', models.CharField(max_length=40, verbose_name='id')),
                ('document', backoffice.fields.DocumentField()),
                ('last_updated', models.DateTimeField()),
                ('generation', models.PositiveIntegerField(default=1, help_text='Grows with every change; renderings are made per generation.')),
                ('seen_at', models.DateTimeField(help_text='When a pull or push last told us of it.', null=True)),
                ('created_at', models.DateTimeField()),
                ('name', models.CharField(blank=True, max_length=255)),
                ('address', models.CharField(max_length=255)),
                ('city', models.CharField(max_length=45)),
                ('postal_code', models.CharField(blank=True, max_length=10)),
                ('country', models.CharField(max_length=3)),
                ('latitude', models.FloatField(null=True)),
                ('longitude', models.FloatField(null=True)),
                ('time_zone', models.CharField(max_length=255)),
                ('publish', models.BooleanField()),
                ('shared', models.BooleanField(default=True, help_text='Ours only: partners hear of it. Off while it is being prepared or is not for roaming.')),
                ('party', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.party')),
            ],
            options={
                'indexes': [models.Index(fields=['party', 'id'], name='location_page'), models.Index(fields=['party', 'last_updated', 'id'], name='location_delta'), models.Index(fields=['country', 'city'], name='location_place'), models.Index(fields=['-last_updated', '-id'], name='location_latest'), models.Index(fields=['latitude', 'longitude'], name='location_map'), django.contrib.postgres.indexes.GinIndex(fields=['name'], name='location_name_words', opclasses=['gin_trgm_ops']), django.contrib.postgres.indexes.GinIndex(fields=['city'], name='location_city_words', opclasses=['gin_trgm_ops'])],
                'constraints': [models.UniqueConstraint(models.F('party'), django.db.models.functions.text.Upper('object_id'), name='location_once')],
            },
        ),
        migrations.CreateModel(
            name='Evse',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(max_length=36)),
                ('evse_id', models.CharField(blank=True, max_length=48, verbose_name='EVSE id')),
                ('status', backoffice.fields.EnumField(max_length=40)),
                ('status_since', models.DateTimeField()),
                ('last_updated', models.DateTimeField()),
                ('document', backoffice.fields.DocumentField()),
                ('position', models.PositiveIntegerField(default=0)),
                ('listed', models.BooleanField(default=True)),
                ('max_power', models.PositiveIntegerField(default=0, help_text='W, of its strongest connector.')),
                ('connector_types', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), default=list, size=None)),
                ('capabilities', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), default=list, size=None)),
                ('location', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='evses', to='locations.location')),
            ],
            options={
                'verbose_name': 'EVSE',
                'verbose_name_plural': 'EVSEs',
                'ordering': ['position', 'id'],
                'indexes': [models.Index(django.db.models.functions.text.Upper('evse_id'), name='evse_by_evse_id'), models.Index(fields=['status', 'status_since'], name='evse_board'), django.contrib.postgres.indexes.GinIndex(fields=['connector_types'], name='evse_connectors')],
                'constraints': [models.UniqueConstraint(models.F('location'), django.db.models.functions.text.Upper('uid'), name='evse_once')],
            },
        ),
        migrations.CreateModel(
            name='LocationRendering',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.CharField(max_length=10)),
                ('audience', models.CharField(blank=True, max_length=40)),
                ('generation', models.PositiveIntegerField()),
                ('document', backoffice.fields.DocumentField()),
                ('location', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='locations.location')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('location', 'version', 'audience'), name='location_rendering_once')],
            },
        ),
        migrations.CreateModel(
            name='StatusEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('status', backoffice.fields.EnumField(max_length=40)),
                ('previous', backoffice.fields.EnumField(blank=True, max_length=40)),
                ('source', models.CharField(help_text='partner, charge point, staff or import', max_length=40)),
                ('reason', models.CharField(blank=True, max_length=200)),
                ('evse', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='status_events', to='locations.evse')),
            ],
            options={
                'ordering': ['-at', '-id'],
                'indexes': [models.Index(fields=['evse', '-at'], name='status_event_evse')],
            },
        ),
        migrations.CreateModel(
            name='Withholding',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='partners.connection')),
                ('location', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='withholdings', to='locations.location')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('connection', 'location'), name='withheld_once')],
            },
        ),
        migrations.CreateModel(
            name='ConnectorTariff',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('connector_id', models.CharField(max_length=36)),
                ('tariff_id', models.CharField(max_length=36)),
                ('evse', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='offers', to='locations.evse')),
            ],
            options={
                'indexes': [models.Index(django.db.models.functions.text.Upper('tariff_id'), name='connector_tariff_by_id')],
                'constraints': [models.UniqueConstraint(fields=('evse', 'connector_id', 'tariff_id'), name='connector_tariff_once')],
            },
        ),
    ]
