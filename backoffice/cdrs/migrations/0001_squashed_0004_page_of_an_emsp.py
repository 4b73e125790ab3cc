import backoffice.fields
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

from backoffice.first_tables import FirstTables


class Migration(FirstTables):

    replaces = [('cdrs', '0001_initial'), ('cdrs', '0002_start_page'), ('cdrs', '0003_accepted'), ('cdrs', '0004_page_of_an_emsp')]

    initial = True

    dependencies = [
        ('partners', '0001_squashed_0002_bookings_edition'),
        ('tariffs', '0001_squashed_0003_finding_tariffs'),
    ]

    operations = [
        migrations.CreateModel(
            name='Cdr',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('object_id', models.CharField(max_length=40, verbose_name='id')),
                ('document', backoffice.fields.DocumentField()),
                ('last_updated', models.DateTimeField()),
                ('generation', models.PositiveIntegerField(default=1, help_text='Grows with every change; renderings are made per generation.')),
                ('seen_at', models.DateTimeField(help_text='When a pull or push last told us of it.', null=True)),
                ('created_at', models.DateTimeField()),
                ('ours', models.BooleanField(help_text='We issued it (as CPO); otherwise a partner did, for a driver of ours.')),
                ('session_ref', models.CharField(blank=True, max_length=36, verbose_name='session id')),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('kwh', backoffice.fields.NumberField()),
                ('hours', backoffice.fields.NumberField()),
                ('parking_hours', backoffice.fields.NumberField(null=True)),
                ('currency', models.CharField(max_length=3)),
                ('total_excl', backoffice.fields.NumberField(help_text='total_cost.before_taxes as the document says it: negative in a Credit CDR.')),
                ('total_incl', backoffice.fields.NumberField(help_text='With all taxes, where they are named.', null=True)),
                ('token_uid', models.CharField(max_length=36)),
                ('token_type', backoffice.fields.EnumField(max_length=40)),
                ('contract_id', models.CharField(max_length=36)),
                ('auth_method', backoffice.fields.EnumField(max_length=40)),
                ('location_id', models.CharField(max_length=36)),
                ('location_name', models.CharField(blank=True, max_length=255)),
                ('city', models.CharField(blank=True, max_length=255)),
                ('country', models.CharField(max_length=3)),
                ('evse_uid', models.CharField(max_length=36)),
                ('evse_id', models.CharField(max_length=48)),
                ('connector_id', models.CharField(max_length=36)),
                ('credit', models.BooleanField(default=False)),
                ('credit_reference_id', models.CharField(blank=True, max_length=39)),
                ('home_charging', models.BooleanField(default=False)),
                ('signed', models.BooleanField(help_text='It carries signed meter values.')),
                ('content_hash', models.CharField(help_text='Of all it says but last_updated: what makes it the same.', max_length=64)),
                ('told_in', models.CharField(help_text='The OCPI version it came in, or was made in.', max_length=10)),
                ('entered_at', models.DateTimeField(null=True)),
                ('state', backoffice.fields.EnumField(blank=True, max_length=12)),
                ('held_for', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), default=list, help_text='Reasons it was or is held for.', size=None)),
                ('held_because', models.JSONField(default=list, help_text='The same as sentences.')),
                ('acknowledged_at', models.DateTimeField(null=True)),
                ('acknowledged_url', models.CharField(blank=True, help_text='Where the eMSP keeps it.', max_length=255)),
                ('confirmed_at', models.DateTimeField(help_text='When it was last found at that URL.', null=True)),
                ('asked_at', models.DateTimeField(help_text='When that URL was last asked.', null=True)),
                ('asked_finding', models.CharField(blank=True, help_text='What was wrong there, if anything.', max_length=300)),
                ('verdict', backoffice.fields.EnumField(blank=True, max_length=40)),
                ('reasons', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), default=list, size=None)),
                ('sentence', models.CharField(blank=True, help_text='The verdict in a sentence.', max_length=500)),
                ('our_excl', backoffice.fields.NumberField(null=True)),
                ('our_incl', backoffice.fields.NumberField(null=True)),
                ('delta', backoffice.fields.NumberField(help_text='What they bill minus what we calculate, before taxes.', null=True)),
                ('checked_at', models.DateTimeField(null=True)),
                ('credited_by', models.ForeignKey(db_index=False, help_text='The Credit CDR for it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='cdrs.cdr')),
                ('emsp', models.ForeignKey(db_index=False, help_text='Owner of the token: who pays.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.party')),
                ('party', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.party')),
                ('replaces', models.ForeignKey(help_text='The CDR that this one corrects.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='cdrs.cdr')),
            ],
            options={
                'verbose_name': 'CDR',
                'verbose_name_plural': 'CDRs',
                'permissions': [('decide_cdr', 'Can release, correct and drop held CDRs, credit ours, accept received ones, and close quarantine'), ('recheck_cdr', 'Can price received CDRs again')],
                'indexes': [models.Index(fields=['emsp', '-ends_at', '-id'], name='cdr_emsp'), models.Index(django.db.models.functions.text.Upper('session_ref'), condition=models.Q(('session_ref', ''), _negated=True), name='cdr_session'), models.Index(condition=models.Q(('verdict', 'WAITING')), fields=['id'], name='cdr_waiting'), models.Index(condition=models.Q(('state', 'HELD')), fields=['-ends_at', '-id'], name='cdr_held'), models.Index(condition=models.Q(('state', 'RELEASED')), fields=['entered_at'], name='cdr_unacknowledged'), models.Index(condition=models.Q(('acknowledged_url', ''), _negated=True), fields=['acknowledged_at'], name='cdr_acknowledged'), models.Index(models.F('party'), django.db.models.functions.text.Upper('credit_reference_id'), condition=models.Q(('credit', True)), name='cdr_credits'), models.Index(condition=models.Q(('credited_by__isnull', False)), fields=['credited_by'], name='cdr_credited'), models.Index(django.contrib.postgres.indexes.OpClass(backoffice.fields.Bare(models.F('token_uid')), name='text_pattern_ops'), models.F('starts_at'), name='cdr_token'), models.Index(django.contrib.postgres.indexes.OpClass(backoffice.fields.Bare(models.F('contract_id')), name='text_pattern_ops'), models.F('starts_at'), name='cdr_contract'), models.Index(django.contrib.postgres.indexes.OpClass(backoffice.fields.Bare(models.F('evse_id')), name='text_pattern_ops'), models.F('starts_at'), name='cdr_evse'), django.contrib.postgres.indexes.GinIndex(fields=['location_name'], name='cdr_location_words', opclasses=['gin_trgm_ops']), models.Index(fields=['-ends_at', '-id'], include=('ours', 'party', 'emsp', 'currency', 'total_excl', 'state', 'verdict'), name='cdr_latest'), models.Index(condition=models.Q(('entered_at__isnull', False)), fields=['party', 'emsp', 'id'], name='cdr_page'), models.Index(condition=models.Q(('entered_at__isnull', False)), fields=['party', 'emsp', 'last_updated', 'id'], name='cdr_delta'), models.Index(condition=models.Q(('verdict__in', ['DIFFERS', 'FAILED', 'NOT_PRICED'])), fields=['-ends_at', '-id'], include=('party', 'emsp', 'ours', 'currency', 'credit', 'kwh', 'total_excl', 'our_excl', 'delta', 'verdict'), name='cdr_to_review')],
                'constraints': [models.UniqueConstraint(models.F('party'), django.db.models.functions.text.Upper('object_id'), name='cdr_once'), models.UniqueConstraint(models.F('party'), django.db.models.functions.text.Upper('session_ref'), condition=models.Q(('credit', False), ('ours', True), ('replaces', None), models.Q(('session_ref', ''), _negated=True)), name='cdr_of_session_once'), models.UniqueConstraint(models.F('party'), django.db.models.functions.text.Upper('credit_reference_id'), condition=models.Q(('credit', True), ('ours', True)), name='cdr_credited_once'), models.CheckConstraint(condition=models.Q(models.Q(('ours', True), ('state__in', ['HELD', 'RELEASED', 'ACKNOWLEDGED', 'DROPPED', 'REPLACED']), ('verdict', '')), models.Q(('ours', False), ('state', ''), ('verdict__in', ['WAITING', 'AGREED', 'DIFFERS', 'NOT_PRICED', 'FAILED', 'ACCEPTED'])), _connector='OR'), name='cdr_state_or_verdict')],
            },
        ),
        migrations.CreateModel(
            name='CdrEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('what', models.CharField(max_length=40)),
                ('from_state', models.CharField(blank=True, max_length=12)),
                ('to_state', models.CharField(blank=True, max_length=12)),
                ('by', models.CharField(blank=True, help_text='Staff, a partner, or empty for the platform itself.', max_length=150)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('cdr', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='events', to='cdrs.cdr')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='CdrRendering',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.CharField(max_length=10)),
                ('audience', models.CharField(blank=True, max_length=40)),
                ('generation', models.PositiveIntegerField()),
                ('document', backoffice.fields.DocumentField()),
                ('cdr', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='cdrs.cdr')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('cdr', 'version', 'audience'), name='cdr_rendering_once')],
            },
        ),
        migrations.CreateModel(
            name='Check',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('by', backoffice.fields.EnumField(max_length=14)),
                ('ok', models.BooleanField(help_text='Every figure of the CDR is ours, within the tolerance.')),
                ('our_excl', backoffice.fields.NumberField(null=True)),
                ('our_incl', backoffice.fields.NumberField(null=True)),
                ('currency', models.CharField(max_length=3)),
                ('discrepancies', models.JSONField(default=list, help_text='Field, what they say, what we say, in what unit.')),
                ('alternatives', models.JSONField(default=list, help_text='Readings of the tariff that would give their figure.')),
                ('warnings', models.JSONField(default=list)),
                ('cdr', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='checks', to='cdrs.cdr')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('cdr', 'by'), name='check_once')],
            },
        ),
        migrations.CreateModel(
            name='Quarantined',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('object_id', models.CharField(max_length=40, verbose_name='CDR id')),
                ('why', backoffice.fields.EnumField(max_length=20)),
                ('reason', models.CharField(max_length=500)),
                ('document', backoffice.fields.DocumentField()),
                ('content_hash', models.CharField(max_length=64)),
                ('at', models.DateTimeField()),
                ('last_at', models.DateTimeField(help_text='When it was told again.')),
                ('times', models.PositiveIntegerField(default=1)),
                ('closed_at', models.DateTimeField(null=True)),
                ('closed_by', models.CharField(blank=True, max_length=150)),
                ('closed_because', models.CharField(blank=True, max_length=300)),
                ('cdr', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='quarantined', to='cdrs.cdr')),
                ('connection', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='partners.connection')),
                ('party', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.party')),
            ],
            options={
                'verbose_name': 'quarantined CDR',
                'verbose_name_plural': 'quarantined CDRs',
                'indexes': [models.Index(fields=['-at', '-id'], name='quarantine_latest'), models.Index(condition=models.Q(('closed_at', None)), fields=['-at'], name='quarantine_open')],
                'constraints': [models.UniqueConstraint(models.F('party'), django.db.models.functions.text.Upper('object_id'), models.F('content_hash'), name='quarantined_once')],
            },
        ),
    ]
