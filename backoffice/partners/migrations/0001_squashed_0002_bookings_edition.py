import backoffice.fields
import backoffice.partners.rules
import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

from backoffice.first_tables import FirstTables


class Migration(FirstTables):

    replaces = [('partners', '0001_initial'), ('partners', '0002_bookings_edition')]

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Party',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('country_code', models.CharField(max_length=2)),
                ('party_id', models.CharField(max_length=3)),
                ('name', models.CharField(blank=True, max_length=100)),
                ('ours', models.BooleanField(default=False, help_text='One of our own companies: we act for it towards partners.')),
                ('business_details', backoffice.fields.DocumentField(default='{}', help_text='BusinessDetails as JSON: name, website, logo.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'verbose_name_plural': 'parties',
                'ordering': ['country_code', 'party_id'],
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Upper('country_code'), django.db.models.functions.text.Upper('party_id'), name='party_once')],
            },
        ),
        migrations.CreateModel(
            name='Connection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True)),
                ('state', backoffice.fields.EnumField(default=backoffice.partners.rules.ConnectionState['INVITED'], max_length=40)),
                ('version', models.CharField(blank=True, help_text='The OCPI version in use, e.g. 2.3.0.', max_length=10)),
                ('versions_url', models.CharField(blank=True, help_text="The partner's versions endpoint.", max_length=255)),
                ('token_out', models.TextField(blank=True, editable=False, help_text='What we present, encrypted.')),
                ('hub_party_id', models.CharField(blank=True, max_length=5)),
                ('confirmed_origins', models.JSONField(default=list, help_text='Scheme, host and port that tokens may be sent to (T9); from the versions URL and endpoints.')),
                ('plain_token', models.BooleanField(default=False, help_text='The partner sends and expects tokens without Base64.')),
                ('strict_delivery', models.BooleanField(default=False, help_text='Never send a failed push again; the partner resynchronises by GET.')),
                ('repairs', models.JSONField(blank=True, default=list, help_text='Names of the repairs applied to what this partner sends.')),
                ('page_limit', models.PositiveIntegerField(blank=True, help_text='Ask for at most this many objects a page.', null=True)),
                ('push_enabled', models.BooleanField(default=True, help_text='Off: the partner only pulls.')),
                ('pull_enabled', models.BooleanField(default=True, help_text='Off: we never fetch from this partner by ourselves.')),
                ('pull_every', models.DurationField(blank=True, help_text='Time between two delta pulls; empty: 1 hour.', null=True)),
                ('vanished_policy', backoffice.fields.EnumField(default='REMOVE', help_text='What becomes of objects that a full pull no longer lists.', max_length=40)),
                ('held_reason', models.CharField(blank=True, help_text='Why it is paused or suspended.', max_length=200)),
                ('busy_since', models.DateTimeField(blank=True, editable=False, null=True)),
                ('next_attempt_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('failures_in_a_row', models.PositiveIntegerField(default=0, editable=False)),
                ('last_in_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('last_out_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('our_parties', models.ManyToManyField(limit_choices_to={'ours': True}, related_name='connections_of_ours', to='partners.party')),
                ('bookings_edition', backoffice.fields.EnumField(default='1.0', help_text='Of the bookings module; nothing that the partner publishes tells it.', max_length=40)),
            ],
            options={
                'ordering': ['name'],
                'permissions': [('manage_connections', 'Can exchange credentials: register, rotate, unregister, approve roles and hosts')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['INVITED', 'REGISTERING', 'ACTIVE', 'PAUSED', 'SUSPENDED', 'REMOVED'])), name='connection_state_known')],
            },
        ),
        migrations.CreateModel(
            name='PartyRole',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', backoffice.fields.EnumField(max_length=40)),
                ('state', backoffice.fields.EnumField(default=backoffice.partners.rules.RoleState['ACTIVE'], max_length=40)),
                ('business_details', backoffice.fields.DocumentField(default='{}')),
                ('since', models.DateTimeField(auto_now_add=True)),
                ('connection', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='roles', to='partners.connection')),
                ('party', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='roles', to='partners.party')),
            ],
            options={
                'ordering': ['party__country_code', 'party__party_id', 'role'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'ACTIVE')), fields=('party', 'role'), name='party_role_held_once'), models.UniqueConstraint(fields=('party', 'role', 'connection'), name='party_role_per_connection')],
            },
        ),
        migrations.CreateModel(
            name='Step',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('flow', models.CharField(help_text='register, receive, update, remove, check', max_length=20)),
                ('title', models.CharField(max_length=200)),
                ('ok', models.BooleanField(null=True)),
                ('cause', models.CharField(blank=True, max_length=40)),
                ('detail', models.TextField(blank=True)),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='partners.connection')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Endpoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('identifier', models.CharField(max_length=40)),
                ('role', backoffice.fields.EnumField(max_length=40)),
                ('url', models.CharField(max_length=255)),
                ('pull_only', models.BooleanField(default=False)),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='endpoints', to='partners.connection')),
            ],
            options={
                'ordering': ['identifier', 'role'],
                'constraints': [models.UniqueConstraint(fields=('connection', 'identifier', 'role'), name='endpoint_once')],
            },
        ),
        migrations.CreateModel(
            name='InboundToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hash', models.BinaryField(max_length=32)),
                ('kind', backoffice.fields.EnumField(max_length=40)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('first_used_at', models.DateTimeField(blank=True, null=True)),
                ('burnt_at', models.DateTimeField(blank=True, null=True)),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='inbound_tokens', to='partners.connection')),
            ],
            options={
                'ordering': ['-created_at'],
                'constraints': [models.UniqueConstraint(fields=('hash',), name='inbound_token_once')],
            },
        ),
    ]
