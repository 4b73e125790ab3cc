import backoffice.delivery.rules
import backoffice.fields
import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

from backoffice.first_tables import FirstTables


class Migration(FirstTables):

    replaces = [('delivery', '0001_initial'), ('delivery', '0002_exchange_trouble'), ('delivery', '0003_leaner_indexes'), ('delivery', '0004_errands')]

    initial = True

    dependencies = [
        ('partners', '0001_squashed_0002_bookings_edition'),
    ]

    operations = [
        migrations.CreateModel(
            name='Bookmark',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('module', models.CharField(max_length=40)),
                ('filter', models.CharField(max_length=80)),
                ('offset', models.BigIntegerField()),
                ('last', models.BigIntegerField(help_text='Row id that the page before this offset ended at.')),
                ('at', models.DateTimeField()),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='partners.connection')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('connection', 'module', 'filter', 'offset'), name='bookmark_once')],
            },
        ),
        migrations.CreateModel(
            name='Exchange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('incoming', models.BooleanField()),
                ('module', models.CharField(max_length=40)),
                ('method', models.CharField(max_length=10)),
                ('url', models.TextField()),
                ('http_status', models.IntegerField(null=True)),
                ('ocpi_status', models.IntegerField(null=True)),
                ('elapsed_ms', models.FloatField()),
                ('request_id', models.CharField(max_length=255)),
                ('correlation_id', models.CharField(max_length=255)),
                ('object_path', models.CharField(blank=True, max_length=255)),
                ('from_party', models.CharField(blank=True, max_length=6)),
                ('to_party', models.CharField(blank=True, max_length=6)),
                ('attempt', models.PositiveIntegerField(default=1)),
                ('trigger', models.CharField(blank=True, max_length=40)),
                ('cause', models.CharField(blank=True, max_length=40)),
                ('notes', models.JSONField(default=dict)),
                ('request_body', models.TextField(blank=True)),
                ('response_body', models.TextField(blank=True)),
                ('response_size', models.PositiveIntegerField(default=0)),
                ('connection', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='exchanges', to='partners.connection')),
            ],
            options={
                'indexes': [models.Index(fields=['-at', '-id'], name='exchange_at'), models.Index(fields=['connection', '-at'], name='exchange_connection'), models.Index(fields=['correlation_id'], name='exchange_correlation'), models.Index(condition=models.Q(('object_path', ''), _negated=True), fields=['module', 'object_path', '-at'], name='exchange_object'), models.Index(condition=models.Q(('http_status__isnull', True), ('http_status__gte', 400), ('ocpi_status__gte', 2000), ('elapsed_ms__gt', 2000), models.Q(('notes', {}), _negated=True), _connector='OR'), fields=['-at', '-id'], name='exchange_trouble')],
            },
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('module', models.CharField(max_length=40)),
                ('object_path', models.CharField(help_text='Ids below the owner, e.g. LOC1/3256.', max_length=255)),
                ('generation', models.PositiveIntegerField(default=1)),
                ('touched', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), default=list, size=None)),
                ('state', backoffice.fields.EnumField(default=backoffice.delivery.rules.MessageState['DUE'], max_length=40)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('coalesced', models.PositiveIntegerField(default=0, help_text='Changes that travelled with a later one.')),
                ('due_at', models.DateTimeField()),
                ('owed_since', models.DateTimeField(help_text='When the oldest change not yet delivered was made.')),
                ('last_error', models.TextField(blank=True)),
                ('last_cause', models.CharField(blank=True, max_length=40)),
                ('delivered_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField()),
                ('connection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='partners.connection')),
                ('receiver', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='partners.party')),
                ('sender', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='partners.party')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'DUE')), fields=['connection', 'due_at', 'id'], name='message_due'), models.Index(fields=['state', '-created_at'], name='message_state'), models.Index(fields=['module', 'object_path'], name='message_object')],
                'constraints': [models.UniqueConstraint(fields=('connection', 'sender', 'receiver', 'module', 'object_path'), name='message_once'), models.CheckConstraint(condition=models.Q(('state__in', ['DUE', 'DONE', 'REFUSED', 'DROPPED'])), name='message_state_known')],
            },
        ),
        migrations.CreateModel(
            name='Pull',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('module', models.CharField(max_length=40)),
                ('full', models.BooleanField(help_text='Everything, or what changed since the last run.')),
                ('state', backoffice.fields.EnumField(default='RUNNING', max_length=40)),
                ('date_from', models.DateTimeField(null=True)),
                ('next_url', models.TextField(blank=True, help_text='Where to go on; the checkpoint.')),
                ('next_offset', models.PositiveBigIntegerField(default=0)),
                ('pages', models.PositiveIntegerField(default=0)),
                ('objects_read', models.PositiveIntegerField(default=0)),
                ('stored', models.PositiveIntegerField(default=0)),
                ('rejected', models.PositiveIntegerField(default=0)),
                ('vanished', models.PositiveIntegerField(default=0)),
                ('total', models.PositiveBigIntegerField(help_text='X-Total-Count as the partner last said.', null=True)),
                ('violations', models.JSONField(default=dict, help_text='Field -> how often, with one example.')),
                ('repairs', models.JSONField(default=dict, help_text='Repair -> how often.')),
                ('started_at', models.DateTimeField()),
                ('moved_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('error', models.TextField(blank=True)),
                ('correlation_id', models.CharField(max_length=60)),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='pulls', to='partners.connection')),
            ],
            options={
                'indexes': [models.Index(fields=['connection', 'module', '-started_at'], name='pull_latest')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'RUNNING')), fields=('connection', 'module'), name='pull_one_at_a_time')],
            },
        ),
        migrations.CreateModel(
            name='Errand',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('module', models.CharField(max_length=40)),
                ('kind', models.CharField(max_length=40)),
                ('what', backoffice.fields.EnumField(max_length=40)),
                ('key', models.CharField(max_length=64)),
                ('method', models.CharField(max_length=10)),
                ('url', models.CharField(blank=True, max_length=2000)),
                ('path', models.CharField(blank=True, max_length=255)),
                ('query', models.JSONField(default=dict)),
                ('tree', backoffice.fields.DocumentField(blank=True)),
                ('state', backoffice.fields.EnumField(default='DUE', max_length=40)),
                ('deadline', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('lease_until', models.DateTimeField(null=True)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('last_error', models.TextField(blank=True)),
                ('last_cause', models.CharField(blank=True, max_length=40)),
                ('correlation_id', models.CharField(max_length=255)),
                ('created_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('connection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='errands', to='partners.connection')),
                ('receiver', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='partners.party')),
                ('sender', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='partners.party')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state__in', ['DUE', 'SENDING'])), fields=['connection', 'due_at', 'id'], name='errand_open'), models.Index(condition=models.Q(('finished_at__isnull', False)), fields=['finished_at'], name='errand_over')],
                'constraints': [models.UniqueConstraint(fields=('module', 'what', 'key'), name='errand_once'), models.CheckConstraint(condition=models.Q(('state__in', ['DUE', 'SENDING', 'DONE', 'FAILED', 'EXPIRED'])), name='errand_state_known'), models.CheckConstraint(condition=models.Q(models.Q(('lease_until__isnull', False), ('state', 'SENDING')), models.Q(models.Q(('state', 'SENDING'), _negated=True), ('lease_until__isnull', True)), _connector='OR'), name='errand_leased_while_sending')],
            },
        ),
    ]
