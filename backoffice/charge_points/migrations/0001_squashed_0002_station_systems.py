import backoffice.fields
import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

from backoffice.first_tables import FirstTables


class Migration(FirstTables):

    replaces = [('charge_points', '0001_initial'), ('charge_points', '0002_station_systems')]

    initial = True

    dependencies = [
        ('api', '0001_initial'),
        ('locations', '0001_squashed_0003_connector_tariffs'),
    ]

    operations = [
        migrations.CreateModel(
            name='Driver',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, unique=True)),
                ('seen_at', models.DateTimeField()),
                ('points', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, help_text='The EVSEs it drives, by their rows.', size=None)),
            ],
        ),
        migrations.CreateModel(
            name='Order',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(help_text='By which a station answers; unguessable.', max_length=32, unique=True)),
                ('at', models.DateTimeField()),
                ('kind', backoffice.fields.EnumField(max_length=40)),
                ('arguments', backoffice.fields.DocumentField(help_text="The fields of the gateway's value of this kind.")),
                ('deadline', models.DateTimeField()),
                ('purpose', models.CharField(max_length=40)),
                ('key', models.CharField(max_length=64)),
                ('state', backoffice.fields.EnumField(default='WAITING', max_length=40)),
                ('taken_by', models.CharField(blank=True, help_text='The driver that took it to the station.', max_length=80)),
                ('taken_at', models.DateTimeField(null=True)),
                ('answered_at', models.DateTimeField(null=True)),
                ('outcome', backoffice.fields.EnumField(blank=True, max_length=40)),
                ('reason', models.CharField(blank=True, max_length=500)),
                ('answer', backoffice.fields.DocumentField(blank=True, default='', help_text='An ActiveChargingProfile, where one was asked for.')),
                ('late', models.PositiveIntegerField(default=0, help_text='Answers without effect: given again, or after it had expired.')),
                ('evse', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='locations.evse', verbose_name='EVSE')),
            ],
            options={
                'indexes': [models.Index(fields=['evse', '-at', '-id'], name='order_evse'), models.Index(condition=models.Q(('state__in', ['TAKEN', 'WAITING'])), fields=['deadline'], name='order_open'), models.Index(condition=models.Q(('state', 'WAITING')), fields=['id'], include=('evse',), name='order_waiting')],
                'constraints': [models.UniqueConstraint(fields=('purpose', 'key'), name='order_once'), models.CheckConstraint(condition=models.Q(('state__in', ['WAITING', 'TAKEN', 'ANSWERED', 'EXPIRED'])), name='order_state_known')],
            },
        ),
        migrations.CreateModel(
            name='OrderEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('what', backoffice.fields.EnumField(max_length=40)),
                ('by', models.CharField(blank=True, max_length=80)),
                ('outcome', backoffice.fields.EnumField(blank=True, max_length=40)),
                ('reason', models.CharField(blank=True, max_length=500)),
                ('order', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='charge_points.order')),
            ],
            options={
                'ordering': ['id'],
                'indexes': [models.Index(fields=['order', 'id'], name='order_event_order')],
            },
        ),
        migrations.CreateModel(
            name='StationSystem',
            fields=[
                ('application', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='station_system', serialize=False, to='api.application')),
            ],
            options={
                'verbose_name': 'station system',
            },
        ),
        migrations.CreateModel(
            name='StationLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('location', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='station_link', to='locations.location')),
                ('system', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='links', to='charge_points.stationsystem')),
            ],
        ),
    ]
