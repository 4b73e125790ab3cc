import backoffice.api.rules
import backoffice.fields
import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

from backoffice.first_tables import FirstTables


class Migration(FirstTables):

    initial = True

    dependencies = [
        ('partners', '0001_squashed_0002_bookings_edition'),
    ]

    operations = [
        migrations.CreateModel(
            name='Application',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', backoffice.fields.EnumField(max_length=40)),
                ('name', models.CharField(max_length=100)),
                ('contact', models.CharField(blank=True, help_text='Whom to ask when it misbehaves.', max_length=200)),
                ('created_at', models.DateTimeField()),
                ('party', models.ForeignKey(limit_choices_to={'ours': True}, on_delete=django.db.models.deletion.PROTECT, related_name='applications', to='partners.party')),
            ],
            options={
                'ordering': ['name', 'id'],
                'permissions': [('manage_keys', 'Can issue and revoke API keys')],
                'constraints': [models.UniqueConstraint(fields=('party', 'name'), name='application_once'), models.CheckConstraint(condition=models.Q(('kind__in', ['STATION_SYSTEM', 'DRIVER_APP'])), name='application_kind_known')],
            },
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hash', models.BinaryField(max_length=32)),
                ('hint', models.CharField(max_length=12)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), size=None)),
                ('per_minute', models.PositiveIntegerField(default=600, help_text='Requests in a minute.')),
                ('created_at', models.DateTimeField()),
                ('created_by', models.CharField(blank=True, max_length=150)),
                ('expires_at', models.DateTimeField()),
                ('last_used_at', models.DateTimeField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('revoked_reason', models.CharField(blank=True, max_length=200)),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='keys', to='api.application')),
            ],
            options={
                'verbose_name': 'API key',
                'ordering': ['-created_at', '-id'],
                'constraints': [models.UniqueConstraint(fields=('hash',), name='api_key_once')],
            },
        ),
        migrations.CreateModel(
            name='KeyUse',
            fields=[
                ('key', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='use', serialize=False, to='api.apikey')),
                ('minute', models.DateTimeField()),
                ('requests', models.PositiveIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='ApiCall',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('method', models.CharField(max_length=10)),
                ('path', models.CharField(max_length=400)),
                ('route', models.CharField(blank=True, max_length=200)),
                ('status', models.PositiveIntegerField()),
                ('code', models.CharField(blank=True, max_length=40)),
                ('detail', models.CharField(blank=True, max_length=400)),
                ('idempotency_key', models.CharField(blank=True, max_length=255)),
                ('replayed', models.BooleanField(default=False)),
                ('request_id', models.CharField(max_length=40)),
                ('request_size', models.PositiveIntegerField(default=0)),
                ('fingerprint', models.CharField(blank=True, max_length=12)),
                ('elapsed_ms', models.FloatField()),
                ('key', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='api.apikey')),
                ('application', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='calls', to='api.application')),
            ],
            options={
                'verbose_name': 'API call',
                'indexes': [models.Index(fields=['-at', '-id'], name='api_call_at'), models.Index(fields=['application', '-at'], name='api_call_application')],
            },
        ),
        migrations.CreateModel(
            name='KeptAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('route', models.CharField(help_text='Method and path.', max_length=410)),
                ('idempotency_key', models.CharField(max_length=255)),
                ('body_hash', models.BinaryField(max_length=32)),
                ('status', models.PositiveIntegerField(null=True)),
                ('body', models.TextField(blank=True)),
                ('lease_until', models.DateTimeField(null=True)),
                ('at', models.DateTimeField()),
                ('application', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='api.application')),
            ],
            options={
                'indexes': [models.Index(fields=['at'], name='kept_answer_at')],
                'constraints': [models.UniqueConstraint(fields=('application', 'idempotency_key', 'route'), name='kept_answer_once')],
            },
        ),
        migrations.CreateModel(
            name='WebhookEndpoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('url', models.CharField(max_length=500)),
                ('secret', models.TextField(editable=False, help_text='Encrypted.')),
                ('events', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), default=list, size=None)),
                ('enabled', models.BooleanField(default=True)),
                ('disabled_reason', models.CharField(blank=True, max_length=300)),
                ('failing_since', models.DateTimeField(null=True)),
                ('failures_in_a_row', models.PositiveIntegerField(default=0)),
                ('next_attempt_at', models.DateTimeField(null=True)),
                ('last_success_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField()),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='webhooks', to='api.application')),
            ],
            options={
                'verbose_name': 'webhook',
                'ordering': ['id'],
                'constraints': [models.UniqueConstraint(fields=('application', 'url'), name='webhook_endpoint_once')],
            },
        ),
        migrations.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(max_length=40, unique=True)),
                ('event', models.CharField(max_length=60)),
                ('about', models.CharField(blank=True, help_text='Id of what it is about.', max_length=100)),
                ('body', models.TextField()),
                ('state', backoffice.fields.EnumField(default=backoffice.api.rules.DeliveryState['DUE'], max_length=40)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('due_at', models.DateTimeField()),
                ('http_status', models.IntegerField(null=True)),
                ('elapsed_ms', models.FloatField(null=True)),
                ('last_error', models.CharField(blank=True, max_length=400)),
                ('created_at', models.DateTimeField()),
                ('tried_at', models.DateTimeField(null=True)),
                ('delivered_at', models.DateTimeField(null=True)),
                ('endpoint', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='api.webhookendpoint')),
            ],
            options={
                'verbose_name': 'webhook delivery',
                'verbose_name_plural': 'webhook deliveries',
                'indexes': [models.Index(condition=models.Q(('state', 'DUE')), fields=['endpoint', 'due_at', 'id'], name='webhook_delivery_due'), models.Index(fields=['-created_at', '-id'], name='webhook_delivery_latest'), models.Index(fields=['endpoint', '-created_at'], name='webhook_delivery_endpoint')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['DUE', 'DONE', 'FAILED', 'DROPPED'])), name='webhook_delivery_state_known')],
            },
        ),
        migrations.RunSQL("ALTER TABLE api_keyuse SET UNLOGGED", "ALTER TABLE api_keyuse SET LOGGED"),
    ]
