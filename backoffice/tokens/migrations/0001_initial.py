import backoffice.fields
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

from backoffice.first_tables import FirstTables


class Migration(FirstTables):

    initial = True

    dependencies = [
        ('partners', '0001_squashed_0002_bookings_edition'),
    ]

    operations = [
        migrations.CreateModel(
            name='Token',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('object_id', models.CharField(max_length=40, verbose_name='id')),
                ('document', backoffice.fields.DocumentField()),
                ('last_updated', models.DateTimeField()),
                ('generation', models.PositiveIntegerField(default=1, help_text='Grows with every change; renderings are made per generation.')),
                ('seen_at', models.DateTimeField(help_text='When a pull or push last told us of it.', null=True)),
                ('created_at', models.DateTimeField()),
                ('type', backoffice.fields.EnumField(max_length=255)),
                ('contract_id', models.CharField(max_length=36)),
                ('visual_number', models.CharField(blank=True, max_length=64)),
                ('issuer', models.CharField(max_length=64)),
                ('group_id', models.CharField(blank=True, max_length=36)),
                ('valid', models.BooleanField()),
                ('whitelist', backoffice.fields.EnumField(max_length=40)),
                ('language', models.CharField(blank=True, max_length=2)),
                ('energy_supplier', models.CharField(blank=True, help_text='Of its energy contract.', max_length=64)),
                ('default_profile_type', backoffice.fields.EnumField(blank=True, max_length=40)),
                ('last_used_at', models.DateTimeField(help_text='When it last was allowed to charge.', null=True)),
                ('hold', backoffice.fields.EnumField(db_default='NONE', default='NONE', help_text='Ours only: why it may not be used for now.', max_length=40)),
                ('held_at', models.DateTimeField(help_text='Since when it is held.', null=True)),
                ('held_for', models.CharField(blank=True, db_default='', help_text='lost, stolen, unpaid, ended', max_length=20)),
                ('only_in', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=3), blank=True, db_default=[], default=list, help_text='Ours only: the countries (ISO 3166 alpha-3) it may be used in; none: everywhere.', size=None)),
                ('party', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.party')),
            ],
            options={
                'permissions': [('block_token', 'Can block and unblock tokens'), ('see_uid', 'Can see the whole uid of a token')],
                'indexes': [models.Index(fields=['party', 'id'], include=('type',), name='token_page'), models.Index(fields=['party', 'last_updated', 'id'], include=('type',), name='token_delta'), models.Index(fields=['-last_updated', '-id'], name='token_latest'), models.Index(django.db.models.functions.text.Upper('object_id'), name='token_by_uid'), models.Index(django.db.models.functions.text.Upper('contract_id'), name='token_by_contract'), models.Index(django.db.models.functions.text.Upper('visual_number'), condition=models.Q(('visual_number', ''), _negated=True), name='token_by_visual_number'), models.Index(django.db.models.functions.text.Upper('group_id'), condition=models.Q(('group_id', ''), _negated=True), name='token_by_group'), models.Index(condition=models.Q(('hold', 'NONE'), _negated=True), fields=['-held_at', '-id'], name='token_held')],
                'constraints': [models.UniqueConstraint(models.F('party'), django.db.models.functions.text.Upper('object_id'), models.F('type'), name='token_once'), models.CheckConstraint(condition=models.Q(('hold__in', ['NONE', 'BLOCKED', 'EXPIRED', 'NO_CREDIT', 'NOT_ALLOWED'])), name='token_hold_known'), models.CheckConstraint(condition=models.Q(('hold', 'NONE'), ('held_at__isnull', False), _connector='OR'), name='token_held_since')],
            },
        ),
        migrations.CreateModel(
            name='Authorization',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('kind', backoffice.fields.EnumField(max_length=40)),
                ('uid', models.CharField(max_length=255)),
                ('token_type', models.CharField(max_length=255)),
                ('contract_id', models.CharField(blank=True, max_length=36)),
                ('location_id', models.CharField(blank=True, max_length=36)),
                ('evse_uids', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=36), default=list, size=None)),
                ('connector_id', models.CharField(blank=True, max_length=36)),
                ('allowed', backoffice.fields.EnumField(max_length=40)),
                ('how', backoffice.fields.EnumField(max_length=40)),
                ('reason_code', backoffice.fields.EnumField(max_length=40)),
                ('reason', models.CharField(max_length=500)),
                ('authorization_reference', models.CharField(blank=True, max_length=36)),
                ('info', models.CharField(blank=True, help_text='What the driver was told.', max_length=512)),
                ('elapsed_ms', models.FloatField(default=0)),
                ('correlation_id', models.CharField(blank=True, help_text='Of the exchange in the message log.', max_length=255)),
                ('used_at', models.DateTimeField(help_text='When a charge began with it.', null=True)),
                ('connection', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='authorizations', to='partners.connection')),
                ('emsp', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='partners.party')),
                ('party', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='partners.party')),
                ('token', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='authorizations', to='tokens.token')),
            ],
            options={
                'indexes': [models.Index(fields=['-at', '-id'], name='authorization_latest'), models.Index(django.db.models.functions.text.Upper('uid'), models.OrderBy(models.F('at'), descending=True), name='authorization_uid'), models.Index(fields=['connection', '-at', '-id'], name='authorization_connection'), models.Index(condition=models.Q(('allowed', 'ALLOWED'), _negated=True), fields=['-at', '-id'], name='authorization_refused'), models.Index(condition=models.Q(('authorization_reference', ''), _negated=True), fields=['authorization_reference'], name='authorization_by_reference')],
                'constraints': [models.CheckConstraint(condition=models.Q(('allowed__in', ['ALLOWED', 'BLOCKED', 'EXPIRED', 'NO_CREDIT', 'NOT_ALLOWED'])), name='authorization_allowed_known')],
            },
        ),
        migrations.CreateModel(
            name='TokenEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('what', models.CharField(max_length=40)),
                ('by', models.CharField(blank=True, max_length=150)),
                ('reason', models.CharField(blank=True, max_length=200)),
                ('token', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='tokens.token')),
            ],
            options={
                'ordering': ['-at', '-id'],
                'indexes': [models.Index(fields=['token', '-at', '-id'], name='token_event_token')],
            },
        ),
        migrations.CreateModel(
            name='TokenRendering',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.CharField(max_length=10)),
                ('audience', models.CharField(blank=True, max_length=40)),
                ('generation', models.PositiveIntegerField()),
                ('document', backoffice.fields.DocumentField()),
                ('token', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tokens.token')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('token', 'version', 'audience'), name='token_rendering_once')],
            },
        ),
        migrations.CreateModel(
            name='SilencePolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seconds', models.PositiveSmallIntegerField(default=3, help_text='How long a driver waits for the answer before we decide without it.')),
                ('when_silent', backoffice.fields.EnumField(default='WHITELIST', help_text='WHITELIST: tokens that the eMSP lets us whitelist may charge, as OCPI says. REFUSE: nobody may, although OCPI says that ALLOWED_OFFLINE tokens shall be let in.', max_length=40)),
                ('ask_allowed', models.BooleanField(default=False, help_text='Ask also for tokens with whitelist ALLOWED, for which our copy would do.')),
                ('ask_unknown', models.BooleanField(default=False, help_text='Ask this partner about tokens that nobody has told us of.')),
                ('connection', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='silence_policy', to='partners.connection')),
            ],
            options={
                'verbose_name_plural': 'silence policies',
                'constraints': [models.CheckConstraint(condition=models.Q(('seconds__gte', 1), ('seconds__lte', 15)), name='silence_seconds_few'), models.CheckConstraint(condition=models.Q(('when_silent__in', ['WHITELIST', 'REFUSE'])), name='silence_choice_known')],
            },
        ),
    ]
