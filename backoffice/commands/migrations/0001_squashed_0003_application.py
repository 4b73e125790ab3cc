import backoffice.commands.models
import backoffice.fields
import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

from backoffice.first_tables import FirstTables


class Migration(FirstTables):

    replaces = [('commands', '0001_initial'), ('commands', '0002_made'), ('commands', '0003_application')]

    initial = True

    dependencies = [
        ('api', '0001_initial'),
        ('charging_sessions', '0001_squashed_0007_invoice_of_a_session'),
        ('locations', '0001_squashed_0003_connector_tariffs'),
        ('partners', '0001_squashed_0002_bookings_edition'),
        ('tokens', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Command',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=backoffice.commands.models.unguessable, editable=False, max_length=32, unique=True)),
                ('direction', backoffice.fields.EnumField(max_length=3)),
                ('kind', backoffice.fields.EnumField(max_length=40)),
                ('state', backoffice.fields.EnumField(max_length=20)),
                ('document', backoffice.fields.DocumentField()),
                ('location_id', models.CharField(blank=True, max_length=36)),
                ('evse_uid', models.CharField(blank=True, max_length=36, verbose_name='EVSE uid')),
                ('connector_id', models.CharField(blank=True, max_length=36)),
                ('session_id', models.CharField(blank=True, max_length=36)),
                ('reservation_id', models.CharField(blank=True, max_length=36)),
                ('expires_at', models.DateTimeField(help_text='expiry_date of a reservation.', null=True)),
                ('token_uid', models.CharField(blank=True, max_length=36)),
                ('token_type', backoffice.fields.EnumField(blank=True, max_length=255)),
                ('contract_id', models.CharField(blank=True, max_length=36)),
                ('authorization_reference', models.CharField(blank=True, max_length=36)),
                ('response_url', models.CharField(blank=True, help_text='Where a partner wants its result.', max_length=255)),
                ('response', backoffice.fields.EnumField(blank=True, max_length=40)),
                ('timeout', models.PositiveIntegerField(help_text='Seconds, as the CPO said.', null=True)),
                ('response_text', models.CharField(blank=True, max_length=512)),
                ('result', backoffice.fields.EnumField(blank=True, max_length=40)),
                ('result_text', models.CharField(blank=True, max_length=512)),
                ('result_fate', backoffice.fields.EnumField(blank=True, default='', max_length=20)),
                ('result_fate_text', models.CharField(blank=True, max_length=300)),
                ('stray_results', models.PositiveIntegerField(default=0, help_text='That came late or again, and changed nothing.')),
                ('deadline', models.DateTimeField()),
                ('asked_by', models.CharField(blank=True, help_text='Staff, an API key, a driver, or the partner.', max_length=150)),
                ('by_driver', models.BooleanField(default=False)),
                ('correlation_id', models.CharField(blank=True, max_length=255)),
                ('created_at', models.DateTimeField()),
                ('responded_at', models.DateTimeField(null=True)),
                ('resulted_at', models.DateTimeField(null=True)),
                ('authorization', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='tokens.authorization')),
                ('charge', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='charging_sessions.session')),
                ('connection', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='commands', to='partners.connection')),
                ('point', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='locations.evse', verbose_name='EVSE')),
                ('receiver', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.party')),
                ('sender', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.party')),
            ],
            options={
                'permissions': [('send_command', 'Can start, stop, reserve and cancel at charge points'), ('unlock_connector', 'Can unlock connectors at charge points')],
                'indexes': [models.Index(fields=['-created_at', '-id'], name='command_latest'), models.Index(condition=models.Q(('state__in', ['EXECUTING', 'QUEUED', 'UNSURE', 'WAITING'])), fields=['deadline'], name='command_open'), models.Index(fields=['connection', '-created_at', '-id'], name='command_connection'), models.Index(fields=['point', '-created_at'], name='command_point'), models.Index(condition=models.Q(('charge', None), _negated=True), fields=['charge'], name='command_charge'), models.Index(django.db.models.functions.text.Upper('session_id'), condition=models.Q(('session_id', ''), _negated=True), name='command_session_id'), models.Index(django.db.models.functions.text.Upper('reservation_id'), condition=models.Q(('reservation_id', ''), _negated=True), name='command_reservation_id')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['QUEUED', 'UNSURE', 'WAITING', 'EXECUTING', 'REFUSED', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'CANCELED'])), name='command_state_known'), models.CheckConstraint(condition=models.Q(('direction__in', ['OUT', 'IN', 'OWN'])), name='command_direction_known'), models.CheckConstraint(condition=models.Q(('connection', None), models.Q(('direction', 'OWN'), _negated=True), _connector='XOR'), name='command_over_a_connection')],
            },
        ),
        migrations.CreateModel(
            name='Reservation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reservation_id', models.CharField(max_length=36)),
                ('state', backoffice.fields.EnumField(max_length=20)),
                ('location_id', models.CharField(max_length=36)),
                ('token_uid', models.CharField(max_length=36)),
                ('token_type', backoffice.fields.EnumField(max_length=255)),
                ('group_id', models.CharField(blank=True, max_length=36)),
                ('expires_at', models.DateTimeField()),
                ('created_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('emsp', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.party')),
                ('evse', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='locations.evse')),
                ('made_by', models.ForeignKey(db_index=False, help_text='The last RESERVE_NOW: who made it hears on its response_url when we cancel.', on_delete=django.db.models.deletion.PROTECT, related_name='made', to='commands.command')),
                ('party', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.party')),
                ('session', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='charging_sessions.session')),
            ],
            options={
                'permissions': [('withdraw_reservation', 'Can cancel reservations that drivers made')],
                'indexes': [models.Index(condition=models.Q(('state__in', ['ASKED', 'HELD'])), fields=['expires_at'], name='reservation_ongoing'), models.Index(fields=['-created_at', '-id'], name='reservation_latest'), models.Index(condition=models.Q(('session', None), _negated=True), fields=['session'], name='reservation_session')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ['ASKED', 'HELD'])), fields=('evse',), name='reservation_one_an_evse'), models.UniqueConstraint(models.F('party'), models.F('emsp'), django.db.models.functions.text.Upper('reservation_id'), condition=models.Q(('state__in', ['ASKED', 'HELD'])), name='reservation_once_an_emsp'), models.CheckConstraint(condition=models.Q(('state__in', ['ASKED', 'HELD', 'USED', 'EXPIRED', 'CANCELLED', 'WITHDRAWN', 'FAILED'])), name='reservation_state_known')],
            },
        ),
        migrations.CreateModel(
            name='CommandEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('event', models.CharField(max_length=30)),
                ('previous', models.CharField(blank=True, max_length=20)),
                ('state', models.CharField(blank=True, max_length=20)),
                ('value', models.CharField(blank=True, help_text='The CommandResponseType or CommandResultType.', max_length=40)),
                ('by', models.CharField(blank=True, max_length=150)),
                ('reason', models.CharField(blank=True, max_length=512)),
                ('command', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='commands.command')),
            ],
            options={
                'ordering': ['at', 'id'],
                'indexes': [models.Index(fields=['command', 'at', 'id'], name='command_event_command')],
            },
        ),
        migrations.AddField(
            model_name='command',
            name='holding',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='commands', to='commands.reservation'),
        ),
        migrations.AddField(
            model_name='command',
            name='application',
            field=models.ForeignKey(db_index=False, help_text='That hears of it.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='api.application'),
        ),
    ]
