import backoffice.billing.rules.states
import backoffice.fields
import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

from backoffice.first_tables import FirstTables


def first_export(apps, schema_editor):
    """Every installation begins with one: what is new, every hour, for download. Staff change, pause or remove it."""
    now = timezone.now()
    apps.get_model("billing", "Export").objects.get_or_create(
        name="New CDRs", defaults={"schedule": "every hour", "created_at": now, "answered_until": now}
    )


class Migration(FirstTables):

    replaces = [('billing', '0001_initial'), ('billing', '0002_first_export')]

    initial = True

    dependencies = [
        ('cdrs', '0001_squashed_0004_page_of_an_emsp'),
        ('partners', '0001_squashed_0002_bookings_edition'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Export',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True)),
                ('direction', backoffice.fields.EnumField(default='BOTH', max_length=10)),
                ('period', backoffice.fields.EnumField(default='SINCE_LAST', max_length=10)),
                ('since', models.DateField(blank=True, help_text='Leave out charges that ended before this day.', null=True)),
                ('starts_after', models.BigIntegerField(default=0, help_text='Takes CDRs with a higher number than this.')),
                ('format', backoffice.fields.EnumField(default='CSV', max_length=4)),
                ('delimiter', backoffice.fields.EnumField(default='COMMA', max_length=10)),
                ('decimal_mark', backoffice.fields.EnumField(default='POINT', max_length=10)),
                ('encoding', backoffice.fields.EnumField(default='UTF_8', max_length=12)),
                ('empty_files', models.BooleanField(default=False, help_text='Write a file also when there is nothing new.')),
                ('folder', models.CharField(blank=True, help_text="Below the installation's folder for exports.", max_length=200)),
                ('schedule', models.CharField(blank=True, help_text='In words; empty: made by hand only.', max_length=200)),
                ('zone', models.CharField(default='UTC', help_text='Of the schedule, and of where a day ends.', max_length=64)),
                ('enabled', models.BooleanField(default=True, help_text='Off: paused.')),
                ('answered_until', models.DateTimeField(help_text='The last time of the schedule that was dealt with.', null=True)),
                ('good_at', models.DateTimeField(help_text='When a run was last done, or there was nothing to do.', null=True)),
                ('created_at', models.DateTimeField()),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('partners', models.ManyToManyField(blank=True, help_text='None: with every partner.', related_name='+', to='partners.party')),
                ('party', models.ForeignKey(blank=True, help_text='Of one company of ours only. Empty: of all.', limit_choices_to={'ours': True}, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.party')),
            ],
            options={
                'ordering': ['name'],
                'permissions': [('run_export', 'Can have exports made, cancelled and made again'), ('download_export', 'Can read what exports hold: preview and download')],
                'constraints': [models.CheckConstraint(condition=models.Q(('decimal_mark', 'COMMA'), ('delimiter', 'COMMA'), _negated=True), name='export_marks_differ')],
            },
        ),
        migrations.CreateModel(
            name='ExportRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('state', backoffice.fields.EnumField(default=backoffice.billing.rules.states.RunState['QUEUED'], max_length=10)),
                ('definition', models.JSONField(help_text='The export as it was when this run was planned.')),
                ('chained', models.BooleanField(default=True)),
                ('after', models.BigIntegerField()),
                ('upto', models.BigIntegerField()),
                ('prior_cut', models.DateTimeField(null=True)),
                ('cut', models.DateTimeField(null=True)),
                ('ended_from', models.DateTimeField(null=True)),
                ('due_at', models.DateTimeField(help_text='The time of the schedule that it answers; empty: by hand.', null=True)),
                ('missed', models.PositiveIntegerField(default=0, help_text='Times of the schedule that passed without a run before it.')),
                ('missed_since', models.DateTimeField(null=True)),
                ('planned_at', models.DateTimeField()),
                ('by', models.CharField(blank=True, help_text='Who asked for it; empty: the schedule.', max_length=150)),
                ('attempts', models.PositiveIntegerField(default=0, help_text='Grows with each claim by a worker; never goes back.')),
                ('failures', models.PositiveIntegerField(default=0, help_text='Failed and lost attempts since somebody last asked for it.')),
                ('next_attempt_at', models.DateTimeField(null=True)),
                ('began_at', models.DateTimeField(null=True)),
                ('moved_at', models.DateTimeField(help_text='When its worker last said where it is; later: it is silent until then.')),
                ('finished_at', models.DateTimeField(null=True)),
                ('cancelled_by', models.CharField(blank=True, help_text='Who asked to stop it.', max_length=150)),
                ('error', models.CharField(blank=True, max_length=500)),
                ('rows_total', models.BigIntegerField()),
                ('rows_done', models.BigIntegerField(default=0)),
                ('sums', models.JSONField(default=dict, help_text='Currency -> rows, net, tax, gross, as decimal text.')),
                ('notes', models.JSONField(default=list, help_text='What a reader of the file should know, as sentences.')),
                ('file_name', models.CharField(max_length=160)),
                ('size', models.BigIntegerField(null=True)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('delivered_at', models.DateTimeField(help_text='When it lay in its folder, manifest and all.', null=True)),
                ('made_again_at', models.DateTimeField(help_text='When it was last made again and was the same.', null=True)),
                ('export', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='runs', to='billing.export')),
            ],
            options={
                'verbose_name': 'export run',
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('state__in', ['QUEUED', 'RUNNING', 'FAILED'])), fields=['state', 'id'], name='export_run_open'), models.Index(fields=['export', '-id'], name='export_run_latest')],
                'constraints': [models.UniqueConstraint(fields=('export', 'number'), name='export_run_number_once'), models.UniqueConstraint(fields=('export', 'due_at'), name='export_run_due_once'), models.CheckConstraint(condition=models.Q(('state__in', ['QUEUED', 'RUNNING', 'DONE', 'FAILED', 'CANCELLED'])), name='export_run_state_known')],
            },
        ),
        migrations.CreateModel(
            name='ExportRunEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('event', backoffice.fields.EnumField(max_length=10)),
                ('from_state', backoffice.fields.EnumField(max_length=10)),
                ('to_state', backoffice.fields.EnumField(max_length=10)),
                ('by', models.CharField(blank=True, max_length=150)),
                ('why', models.CharField(blank=True, max_length=500)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='events', to='billing.exportrun')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Entry',
            fields=[
                ('cdr', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='entry', serialize=False, to='cdrs.cdr')),
                ('number', models.BigIntegerField(help_text='Empty: not settled yet (held, or not priced).', null=True, unique=True)),
                ('left_out', models.BooleanField(default=False, help_text='It never counts: dropped or replaced before anybody saw it.')),
                ('seen_at', models.DateTimeField(db_index=True)),
                ('numbered_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(help_text='When the charge ended.')),
                ('way', backoffice.fields.EnumField(max_length=10)),
                ('time_zone', models.CharField(blank=True, help_text='Of the location, as far as we knew it.', max_length=255)),
                ('verdict', models.CharField(blank=True, max_length=20)),
                ('reasons', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), default=list, size=None)),
                ('our_net', backoffice.fields.NumberField(null=True)),
                ('delta', backoffice.fields.NumberField(null=True)),
                ('decided_by', models.CharField(blank=True, max_length=150)),
                ('decided_at', models.DateTimeField(null=True)),
                ('partner', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.party')),
                ('party', models.ForeignKey(db_index=False, help_text='The company of ours.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.party')),
            ],
            options={
                'verbose_name': 'entry',
                'verbose_name_plural': 'entries',
                'indexes': [models.Index(fields=['ended_at', 'number'], name='entry_ended'), models.Index(condition=models.Q(('left_out', False), ('number', None)), fields=['cdr'], name='entry_unsettled')],
            },
        ),
        migrations.RunPython(first_export, migrations.RunPython.noop),
    ]
