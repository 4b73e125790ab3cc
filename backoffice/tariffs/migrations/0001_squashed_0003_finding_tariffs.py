import backoffice.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models

from backoffice.first_tables import FirstTables


class Migration(FirstTables):

    replaces = [('tariffs', '0001_initial'), ('tariffs', '0002_worked_examples'), ('tariffs', '0003_finding_tariffs')]

    initial = True

    dependencies = [
        ('partners', '0001_squashed_0002_bookings_edition'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        TrigramExtension(),
        migrations.CreateModel(
            name='Tariff',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('object_id', models.CharField(max_length=40, verbose_name='id')),
                ('document', backoffice.fields.DocumentField()),
                ('last_updated', models.DateTimeField()),
                ('generation', models.PositiveIntegerField(default=1, help_text='Grows with every change; renderings are made per generation.')),
                ('seen_at', models.DateTimeField(help_text='When a pull or push last told us of it.', null=True)),
                ('created_at', models.DateTimeField()),
                ('type', backoffice.fields.EnumField(blank=True, help_text='Blank: for all sessions.', max_length=40)),
                ('currency', models.CharField(max_length=3)),
                ('tax_included', backoffice.fields.EnumField(max_length=3)),
                ('starts_at', models.DateTimeField(null=True)),
                ('ends_at', models.DateTimeField(null=True)),
                ('headline', models.CharField(help_text='What it costs, as a sentence.', max_length=500)),
                ('time_of_use', models.BooleanField(help_text='A price depends on the time of day, the weekday or the date.')),
                ('flaw', models.CharField(blank=True, help_text='Why it cannot be used to price, if so.', max_length=300)),
                ('withdrawn_at', models.DateTimeField(help_text='When its owner deleted it.', null=True)),
                ('everyone', models.BooleanField(db_default=True, default=True, help_text='Ours only: every partner sees it. Off: only those named by its disclosures.')),
                ('party', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.party')),
            ],
            options={
                'permissions': [('publish_tariff', 'Can publish, withdraw and assign tariffs')],
                'indexes': [models.Index(fields=['party', 'id'], name='tariff_page'), models.Index(fields=['party', 'last_updated', 'id'], name='tariff_delta'), models.Index(fields=['-last_updated', '-id'], name='tariff_latest'), models.Index(condition=models.Q(('everyone', False)), fields=['party'], name='tariff_secret'), django.contrib.postgres.indexes.GinIndex(fields=['headline'], name='tariff_headline_words', opclasses=['gin_trgm_ops']), django.contrib.postgres.indexes.GinIndex(fields=['object_id'], name='tariff_id_words', opclasses=['gin_trgm_ops']), models.Index(condition=models.Q(('ends_at__isnull', False), ('withdrawn_at', None)), fields=['ends_at'], name='tariff_ends')],
                'constraints': [models.UniqueConstraint(models.F('party'), django.db.models.functions.text.Upper('object_id'), name='tariff_once')],
            },
        ),
        migrations.CreateModel(
            name='Draft',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('object_id', models.CharField(blank=True, max_length=36, verbose_name='id')),
                ('document', backoffice.fields.DocumentField()),
                ('problem', models.CharField(blank=True, max_length=500)),
                ('lock', models.PositiveIntegerField(default=1, help_text='Grows with every save: whoever saves must have seen the last.')),
                ('created_at', models.DateTimeField()),
                ('updated_at', models.DateTimeField()),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('party', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='partners.party')),
                ('updated_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('replaces', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='successors', to='tariffs.tariff')),
                ('tariff', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='drafts', to='tariffs.tariff')),
            ],
            options={
                'verbose_name': 'tariff draft',
                'constraints': [models.UniqueConstraint(fields=('tariff',), name='draft_of_tariff_once'), models.CheckConstraint(condition=models.Q(('tariff__isnull', True), ('replaces__isnull', True), _connector='OR'), name='draft_corrects_or_follows')],
            },
        ),
        migrations.CreateModel(
            name='Disclosure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='partners.connection')),
                ('tariff', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='disclosures', to='tariffs.tariff')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('connection', 'tariff'), name='disclosed_once')],
            },
        ),
        migrations.CreateModel(
            name='TariffRendering',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.CharField(max_length=10)),
                ('audience', models.CharField(blank=True, max_length=40)),
                ('generation', models.PositiveIntegerField()),
                ('document', backoffice.fields.DocumentField()),
                ('tariff', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tariffs.tariff')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tariff', 'version', 'audience'), name='tariff_rendering_once')],
            },
        ),
        migrations.CreateModel(
            name='TariffVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('document', backoffice.fields.DocumentField()),
                ('at', models.DateTimeField(help_text='Its last_updated: from then on sessions begin under it.')),
                ('told_at', models.DateTimeField(help_text='When we came to know it.')),
                ('source', models.CharField(help_text='partner, staff or import', max_length=40)),
                ('said_by', models.CharField(blank=True, max_length=150)),
                ('tariff', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='tariffs.tariff')),
            ],
            options={
                'ordering': ['-number'],
                'constraints': [models.UniqueConstraint(fields=('tariff', 'number'), name='tariff_version_once')],
            },
        ),
        migrations.CreateModel(
            name='SavedExample',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('session', models.JSONField()),
                ('party', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='partners.party')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
    ]
