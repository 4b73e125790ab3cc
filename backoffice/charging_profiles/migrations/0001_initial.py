import backoffice.fields
import django.db.models.deletion
from django.db import migrations, models

from backoffice.first_tables import FirstTables


class Migration(FirstTables):

    initial = True

    dependencies = [
        ('charging_sessions', '0001_squashed_0007_invoice_of_a_session'),
        ('partners', '0001_squashed_0002_bookings_edition'),
    ]

    operations = [
        migrations.CreateModel(
            name='ProfileRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(help_text='By which its result is recognised; unguessable.', max_length=43, unique=True)),
                ('way', backoffice.fields.EnumField(max_length=40)),
                ('kind', backoffice.fields.EnumField(max_length=40)),
                ('document', backoffice.fields.DocumentField(blank=True, default='', help_text='The ChargingProfile that was asked for.')),
                ('ordered', backoffice.fields.DocumentField(blank=True, default='', help_text='The ChargingProfile that the charge point was told.')),
                ('seconds', models.PositiveIntegerField(help_text='Of an active profile: how long it should be.', null=True)),
                ('response_url', models.CharField(blank=True, max_length=255)),
                ('state', backoffice.fields.EnumField(max_length=40)),
                ('response', backoffice.fields.EnumField(blank=True, max_length=40)),
                ('result', backoffice.fields.EnumField(blank=True, max_length=40)),
                ('reason', models.CharField(blank=True, help_text='Why it ended so, in a sentence.', max_length=500)),
                ('deadline', models.DateTimeField()),
                ('asked_by', models.CharField(blank=True, max_length=150)),
                ('why', models.CharField(blank=True, help_text='What staff gave as the reason.', max_length=200)),
                ('asked_at', models.DateTimeField()),
                ('responded_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('late', models.PositiveIntegerField(default=0, help_text='Results without effect: doubled, or after its end.')),
                ('told', models.BooleanField(help_text='Whether the partner took our result; empty: not known yet.', null=True)),
                ('correlation_id', models.CharField(blank=True, max_length=255)),
                ('connection', models.ForeignKey(db_index=False, help_text='Empty: staff.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='partners.connection')),
                ('party', models.ForeignKey(db_index=False, help_text='Who wants it.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.party')),
                ('session', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='profile_requests', to='charging_sessions.session')),
            ],
            options={
                'verbose_name': 'charging profile request',
                'permissions': [('set_profile', 'Can set charging profiles for sessions'), ('clear_profile', 'Can remove charging profiles from sessions'), ('ask_profile', 'Can ask charge points for their active charging profile')],
                'indexes': [models.Index(fields=['-asked_at', '-id'], name='profile_request_latest'), models.Index(fields=['session', '-asked_at', '-id'], name='profile_request_session'), models.Index(condition=models.Q(('state__in', ['QUEUED', 'WAITING'])), fields=['deadline'], name='profile_request_open')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['QUEUED', 'UNSENT', 'REFUSED', 'WAITING', 'ANSWERED', 'TIMED_OUT'])), name='profile_request_state_known'), models.CheckConstraint(condition=models.Q(('kind__in', ['SET', 'ACTIVE', 'CLEAR'])), name='profile_request_kind_known')],
            },
        ),
        migrations.CreateModel(
            name='ProfileEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('event', models.CharField(max_length=30)),
                ('previous', backoffice.fields.EnumField(blank=True, max_length=40)),
                ('state', backoffice.fields.EnumField(blank=True, max_length=40)),
                ('by', models.CharField(blank=True, max_length=150)),
                ('reason', models.CharField(blank=True, max_length=500)),
                ('request', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='charging_profiles.profilerequest')),
            ],
            options={
                'ordering': ['at', 'id'],
                'indexes': [models.Index(fields=['request', 'at', 'id'], name='profile_event_request')],
            },
        ),
        migrations.CreateModel(
            name='Hold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('document', backoffice.fields.DocumentField(blank=True, default='', help_text='The ChargingProfile; empty: removed.')),
                ('since', models.DateTimeField()),
                ('knows', backoffice.fields.DocumentField(blank=True, default='', help_text='The ActiveChargingProfile as this party was told it last.')),
                ('connection', models.ForeignKey(db_index=False, help_text='Empty: ourselves.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='partners.connection')),
                ('party', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.party')),
                ('session', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='profile_holds', to='charging_sessions.session')),
                ('request', models.ForeignKey(db_index=False, help_text='By which it is so.', on_delete=django.db.models.deletion.CASCADE, related_name='+', to='charging_profiles.profilerequest')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('session', 'party'), name='profile_hold_once')],
            },
        ),
        migrations.CreateModel(
            name='Steering',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('active', backoffice.fields.DocumentField(blank=True, db_default='', default='')),
                ('active_at', models.DateTimeField(help_text='When we heard of it.', null=True)),
                ('active_from', models.CharField(blank=True, help_text='Who told it.', max_length=150)),
                ('session', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='steering', to='charging_sessions.session')),
            ],
            options={
                'verbose_name': 'steered session',
            },
        ),
        migrations.CreateModel(
            name='ActiveProfile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('document', backoffice.fields.DocumentField(help_text='The ActiveChargingProfile.')),
                ('source', models.CharField(max_length=150)),
                ('computed', models.BooleanField(default=False, help_text='By us, of what was set; the charge point did not say it.')),
                ('session', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='active_profiles', to='charging_sessions.session')),
            ],
            options={
                'ordering': ['at', 'id'],
                'indexes': [models.Index(fields=['session', '-at', '-id'], name='active_profile_session')],
            },
        ),
    ]
