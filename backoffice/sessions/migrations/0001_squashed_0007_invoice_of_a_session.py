import backoffice.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

from backoffice.first_tables import FirstTables


class Migration(FirstTables):

    replaces = [('charging_sessions', '0001_initial'), ('charging_sessions', '0002_place'), ('charging_sessions', '0003_reservations'), ('charging_sessions', '0004_mandates'), ('charging_sessions', '0005_page_of_an_emsp'), ('charging_sessions', '0006_booked'), ('charging_sessions', '0007_invoice_of_a_session')]

    initial = True

    dependencies = [
        ('locations', '0001_squashed_0003_connector_tariffs'),
        ('partners', '0001_squashed_0002_bookings_edition'),
        ('tariffs', '0001_squashed_0003_finding_tariffs'),
        ('tokens', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Session',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('object_id', models.CharField(max_length=40, verbose_name='id')),
                ('document', backoffice.fields.DocumentField()),
                ('last_updated', models.DateTimeField()),
                ('generation', models.PositiveIntegerField(default=1, help_text='Grows with every change; renderings are made per generation.')),
                ('seen_at', models.DateTimeField(help_text='When a pull or push last told us of it.', null=True)),
                ('created_at', models.DateTimeField()),
                ('ours', models.BooleanField(help_text="At a charge point of ours; otherwise a driver of ours charges at a partner's.")),
                ('status', backoffice.fields.EnumField(max_length=40)),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField(null=True)),
                ('kwh', backoffice.fields.NumberField()),
                ('currency', models.CharField(max_length=3)),
                ('total_excl', backoffice.fields.NumberField(help_text='total_cost.before_taxes as the document says it.', null=True)),
                ('total_incl', backoffice.fields.NumberField(help_text='With all taxes, where they are named.', null=True)),
                ('token_uid', models.CharField(max_length=36)),
                ('token_type', backoffice.fields.EnumField(max_length=255)),
                ('contract_id', models.CharField(max_length=36)),
                ('auth_method', backoffice.fields.EnumField(max_length=40)),
                ('authorization_reference', models.CharField(blank=True, max_length=36)),
                ('location_id', models.CharField(max_length=36)),
                ('evse_uid', models.CharField(max_length=36)),
                ('connector_id', models.CharField(max_length=36)),
                ('power_kw', backoffice.fields.NumberField(help_text='What flowed when it was last told of, as far as that is known.', null=True)),
                ('evse_id', models.CharField(blank=True, db_default='', default='', max_length=48, verbose_name='EVSE id')),
                ('location_name', models.CharField(blank=True, db_default='', default='', max_length=255)),
                ('time_zone', models.CharField(blank=True, db_default='', default='', help_text='Of the location.', max_length=255)),
                ('moved_at', models.DateTimeField(help_text='When we last heard of it.')),
                ('our_excl', backoffice.fields.NumberField(help_text='What it costs so far by our own calculation.', null=True)),
                ('our_incl', backoffice.fields.NumberField(null=True)),
                ('priced_at', models.DateTimeField(help_text='When that was calculated; empty: it has moved since.', null=True)),
                ('cdr_known_at', models.DateTimeField(help_text='When its CDR was issued or received.', null=True)),
                ('noticed', models.CharField(blank=True, db_default='', default='', help_text='What a sweep found.', max_length=20)),
                ('asked_at', models.DateTimeField(help_text='When we last asked the partner about it.', null=True)),
                ('stuck', models.CharField(blank=True, db_default='', default='', help_text='Why staff set it aside.', max_length=200)),
                ('transaction', models.CharField(blank=True, db_default='', default='', help_text="The hardware's id.", max_length=64)),
                ('meter_start', backoffice.fields.NumberField(help_text='The meter when it began, in kWh.', null=True)),
                ('signed_data', backoffice.fields.DocumentField(blank=True, db_default='', default='', help_text='Signed meter values as the hardware gave them, for the CDR.')),
                ('authorization', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='tokens.authorization')),
                ('emsp', models.ForeignKey(db_index=False, help_text='Owner of the token: who pays.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.party')),
                ('party', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.party')),
                ('point', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='locations.evse', verbose_name='EVSE')),
                ('tariff_version', models.ForeignKey(db_index=False, help_text='The price as it was when the session began. Empty: free, or not known.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tariffs.tariffversion')),
                ('place', backoffice.fields.DocumentField(blank=True, db_default='', default='', help_text='The cdr_location as it was when it began, for the CDR.')),
                ('group_id', models.CharField(blank=True, db_default='', default='', help_text='Of the token that reserved.', max_length=36)),
                ('reservation', backoffice.fields.EnumField(blank=True, db_default='', default='', help_text='What became of the reservation it began as.', max_length=40)),
                ('booked_until', models.DateTimeField(help_text='When that booking ends.', null=True)),
                ('booking_id', models.CharField(blank=True, db_default='', default='', help_text='The Booking that it is the charge of.', max_length=36)),
                ('invoice_reference_id', models.CharField(blank=True, db_default='', default='', help_text='Of the invoice that we write to the driver, for the CDR. Empty: we write none.', max_length=39)),
            ],
            options={
                'permissions': [('steer_session', 'Can end sessions of ours, set sessions aside, refresh them and send charging preferences')],
                'indexes': [models.Index(fields=['party', 'emsp', 'last_updated', 'id'], name='session_delta'), models.Index(fields=['-starts_at', '-id'], name='session_latest'), models.Index(condition=models.Q(('status__in', ['ACTIVE', 'PENDING', 'RESERVATION'])), fields=['-starts_at', '-id'], name='session_ongoing'), models.Index(condition=models.Q(('status__in', ['ACTIVE', 'PENDING', 'RESERVATION'])), fields=['moved_at'], name='session_silent'), models.Index(condition=models.Q(('status', 'INVALID')), fields=['-starts_at', '-id'], name='session_invalid'), models.Index(condition=models.Q(('cdr_known_at', None), ('status', 'COMPLETED'), ('stuck', '')), fields=['ends_at'], name='session_without_cdr'), models.Index(condition=models.Q(('priced_at', None)), fields=['id'], name='session_to_price'), models.Index(condition=models.Q(('stuck', ''), _negated=True), fields=['-starts_at', '-id'], name='session_stuck'), models.Index(fields=['party', '-starts_at', '-id'], name='session_of_cpo'), models.Index(fields=['emsp', '-starts_at', '-id'], name='session_of_emsp'), models.Index(models.F('party'), django.db.models.functions.text.Upper('location_id'), models.OrderBy(models.F('starts_at'), descending=True), name='session_at_location'), models.Index(django.contrib.postgres.indexes.OpClass(backoffice.fields.Bare(models.F('token_uid')), name='text_pattern_ops'), models.OrderBy(models.F('starts_at'), descending=True), name='session_token'), models.Index(django.contrib.postgres.indexes.OpClass(backoffice.fields.Bare(models.F('contract_id')), name='text_pattern_ops'), models.OrderBy(models.F('starts_at'), descending=True), name='session_contract'), models.Index(django.contrib.postgres.indexes.OpClass(backoffice.fields.Bare(models.F('evse_id')), name='text_pattern_ops'), models.OrderBy(models.F('starts_at'), descending=True), name='session_evse'), models.Index(fields=['party', 'emsp', 'id'], name='session_page')],
                'constraints': [models.UniqueConstraint(models.F('party'), django.db.models.functions.text.Upper('object_id'), name='session_once'), models.UniqueConstraint(condition=models.Q(('transaction', ''), _negated=True), fields=('point', 'transaction'), name='session_of_transaction_once'), models.CheckConstraint(condition=models.Q(('status__in', ['ACTIVE', 'COMPLETED', 'INVALID', 'PENDING', 'RESERVATION'])), name='session_status_known')],
            },
        ),
        migrations.CreateModel(
            name='Reading',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('kwh', backoffice.fields.NumberField(help_text='The meter.')),
                ('power_kw', backoffice.fields.NumberField(null=True)),
                ('soc', backoffice.fields.NumberField(help_text='State of charge of the vehicle, in percent.', null=True)),
                ('activity', backoffice.fields.EnumField(help_text='From then on.', max_length=40)),
                ('session', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='readings', to='charging_sessions.session')),
            ],
            options={
                'ordering': ['at'],
                'constraints': [models.UniqueConstraint(fields=('session', 'at'), name='reading_once')],
            },
        ),
        migrations.CreateModel(
            name='Preference',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('document', backoffice.fields.DocumentField()),
                ('answer', backoffice.fields.EnumField(blank=True, help_text='Blank: there was none.', max_length=40)),
                ('by', models.CharField(blank=True, max_length=150)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('session', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='preferences', to='charging_sessions.session')),
            ],
            options={
                'ordering': ['-at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='SessionEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('event', models.CharField(max_length=30)),
                ('previous', backoffice.fields.EnumField(blank=True, max_length=40)),
                ('status', backoffice.fields.EnumField(blank=True, max_length=40)),
                ('by', models.CharField(blank=True, help_text='partner, charge point, staff, or empty for the platform.', max_length=150)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('session', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='charging_sessions.session')),
            ],
            options={
                'ordering': ['at', 'id'],
                'indexes': [models.Index(fields=['session', 'at', 'id'], name='session_event_session')],
            },
        ),
        migrations.CreateModel(
            name='SessionRendering',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.CharField(max_length=10)),
                ('audience', models.CharField(blank=True, max_length=40)),
                ('generation', models.PositiveIntegerField()),
                ('document', backoffice.fields.DocumentField()),
                ('session', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='charging_sessions.session')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('session', 'version', 'audience'), name='session_rendering_once')],
            },
        ),
        migrations.CreateModel(
            name='Mandate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('since', models.DateTimeField(auto_now_add=True)),
                ('contract', models.CharField(blank=True, help_text='Where it is agreed; drivers must know of it, too.', max_length=100)),
                ('party', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='partners.party', verbose_name='CPO')),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='partners.party', verbose_name='smart charging provider')),
            ],
            options={
                'verbose_name': 'smart charging mandate',
                'constraints': [models.UniqueConstraint(fields=('party', 'provider'), name='mandate_once')],
            },
        ),
    ]
