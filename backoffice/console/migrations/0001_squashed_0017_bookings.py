import backoffice.fields
import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from backoffice.console.groups import FINANCE, OPERATIONS, READ_ONLY, ROAMING, SUPPORT, TARIFFS, grant_all
from backoffice.first_tables import FirstTables


EVERYBODY = (OPERATIONS, ROAMING, FINANCE, READ_ONLY, TARIFFS, SUPPORT)
ALL_BUT_TARIFFS = (OPERATIONS, ROAMING, FINANCE, READ_ONLY, SUPPORT)
ALL_BUT_SUPPORT = (OPERATIONS, ROAMING, FINANCE, READ_ONLY, TARIFFS)

# Operations run charge points and talk to partners; credentials, keys and mandates are for Roaming. Finance needs the objects
# that prices hang on, not the traffic between platforms. Support helps drivers: it blocks cards, and sees no whole id.
MAY = {
    "api.apicall": {"view": (OPERATIONS, ROAMING, READ_ONLY)},
    "api.application": {
        "view": (OPERATIONS, ROAMING, FINANCE, READ_ONLY),
        "add": (ROAMING,),
        "manage_keys": (ROAMING,),
    },
    "api.webhookdelivery": {
        "view": (OPERATIONS, ROAMING, READ_ONLY),
        "change": (OPERATIONS, ROAMING),
    },
    "billing.export": {
        "view": (OPERATIONS, FINANCE, READ_ONLY),
        "add": (FINANCE,),
        "change": (FINANCE,),
        "delete": (FINANCE,),
        "download_export": (FINANCE,),
        "run_export": (OPERATIONS, FINANCE),
    },
    "billing.exportrun": {"view": (OPERATIONS, FINANCE, READ_ONLY)},
    "bookings.bookablelocation": {
        "view": ALL_BUT_TARIFFS,
        "publish_place": (OPERATIONS,),
    },
    "bookings.booking": {
        "view": ALL_BUT_TARIFFS,
        "decide_booking": (OPERATIONS,),
        "make_booking": (OPERATIONS, SUPPORT),
    },
    "cdrs.cdr": {
        "view": EVERYBODY,
        "decide_cdr": (FINANCE,),
        "recheck_cdr": (FINANCE, TARIFFS),
    },
    "cdrs.quarantined": {"view": ALL_BUT_SUPPORT},
    "charging_profiles.profilerequest": {
        "view": ALL_BUT_TARIFFS,
        "ask_profile": (OPERATIONS, ROAMING, SUPPORT),
        "clear_profile": (OPERATIONS, SUPPORT),
        "set_profile": (OPERATIONS,),
    },
    "charging_sessions.mandate": {
        "view": (OPERATIONS, ROAMING, READ_ONLY),
        "add": (ROAMING,),
        "change": (ROAMING,),
        "delete": (ROAMING,),
    },
    "charging_sessions.session": {
        "view": EVERYBODY,
        "steer_session": (OPERATIONS, ROAMING),
    },
    "commands.command": {
        "view": ALL_BUT_TARIFFS,
        "send_command": (OPERATIONS, SUPPORT),
        "unlock_connector": (OPERATIONS, SUPPORT),
    },
    "commands.reservation": {
        "view": ALL_BUT_TARIFFS,
        "withdraw_reservation": (OPERATIONS,),
    },
    "delivery.exchange": {"view": (OPERATIONS, ROAMING, READ_ONLY, TARIFFS)},
    "delivery.message": {
        "view": (OPERATIONS, ROAMING, READ_ONLY, TARIFFS),
        "change": (OPERATIONS, ROAMING),
    },
    "delivery.pull": {
        "view": (OPERATIONS, ROAMING, READ_ONLY),
        "add": (OPERATIONS, ROAMING),
    },
    "jobs.job": {
        "view": (OPERATIONS, ROAMING, FINANCE, READ_ONLY),
        "run_job": (OPERATIONS,),
    },
    "locations.evse": {
        "view": EVERYBODY,
        "add": (OPERATIONS,),
        "change": (OPERATIONS,),
    },
    "locations.location": {
        "view": EVERYBODY,
        "add": (OPERATIONS,),
        "change": (OPERATIONS,),
    },
    "partners.connection": {
        "view": EVERYBODY,
        "add": (OPERATIONS, ROAMING),
        "change": (OPERATIONS, ROAMING),
        "manage_connections": (ROAMING,),
    },
    "partners.party": {
        "view": EVERYBODY,
        "add": (OPERATIONS, ROAMING),
        "change": (OPERATIONS, ROAMING),
    },
    "partners.partyrole": {
        "view": (OPERATIONS, ROAMING, FINANCE, READ_ONLY),
        "change": (OPERATIONS, ROAMING),
    },
    "payments.activation": {"view": ALL_BUT_TARIFFS},
    "payments.advice": {
        "view": (OPERATIONS, ROAMING, FINANCE, READ_ONLY),
        "decide_advice": (FINANCE,),
    },
    "payments.cardpayment": {
        "view": ALL_BUT_TARIFFS,
        "steer_card_payment": (OPERATIONS, FINANCE, SUPPORT),
    },
    "payments.driverinvoice": {"view": ALL_BUT_TARIFFS},
    "payments.quarantinedadvice": {"view": (OPERATIONS, ROAMING, FINANCE, READ_ONLY)},
    "payments.terminal": {
        "view": ALL_BUT_TARIFFS,
        "steer_terminal": (OPERATIONS, ROAMING),
    },
    "tariffs.draft": {
        "view": ALL_BUT_SUPPORT,
        "add": (TARIFFS,),
        "change": (TARIFFS,),
        "delete": (TARIFFS,),
    },
    "tariffs.tariff": {
        "view": EVERYBODY,
        "add": (TARIFFS,),
        "change": (TARIFFS,),
        "publish_tariff": (TARIFFS,),
    },
    "tokens.authorization": {"view": ALL_BUT_TARIFFS},
    "tokens.silencepolicy": {
        "view": (OPERATIONS, ROAMING, READ_ONLY),
        "add": (OPERATIONS, ROAMING),
        "change": (OPERATIONS, ROAMING),
        "delete": (OPERATIONS, ROAMING),
    },
    "tokens.token": {
        "view": ALL_BUT_TARIFFS,
        "add": (OPERATIONS,),
        "change": (OPERATIONS,),
        "block_token": (OPERATIONS, SUPPORT),
        "see_uid": (OPERATIONS,),
    },
}


def make_groups(apps, schema_editor):
    grant_all(apps, MAY)


class Migration(FirstTables):

    replaces = [('console', '0001_initial'), ('console', '0002_groups'), ('console', '0003_roaming_group'), ('console', '0004_tariffs'), ('console', '0005_exports'), ('console', '0006_hours'), ('console', '0007_cdr_days'), ('console', '0008_cdrs'), ('console', '0009_sessions'), ('console', '0010_tokens'), ('console', '0011_charging_profiles'), ('console', '0012_api'), ('console', '0013_commands'), ('console', '0014_mandates'), ('console', '0015_terminals'), ('console', '0016_card_payments'), ('console', '0017_bookings')]

    initial = True

    dependencies = [
        ('api', '0001_initial'),
        ('billing', '0001_squashed_0002_first_export'),
        ('bookings', '0001_squashed_0003_finding_slots'),
        ('cdrs', '0001_squashed_0004_page_of_an_emsp'),
        ('charging_profiles', '0001_initial'),
        ('charging_sessions', '0001_squashed_0007_invoice_of_a_session'),
        ('commands', '0001_squashed_0003_application'),
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
        ('delivery', '0001_squashed_0004_errands'),
        ('jobs', '0001_initial'),
        ('locations', '0001_squashed_0003_connector_tariffs'),
        ('partners', '0001_squashed_0002_bookings_edition'),
        ('payments', '0001_squashed_0003_takings'),
        ('tariffs', '0001_squashed_0003_finding_tariffs'),
        ('tokens', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='PartyScope',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True)),
                ('parties', models.ManyToManyField(blank=True, related_name='+', to='partners.party')),
                ('users', models.ManyToManyField(blank=True, help_text='They see objects of these parties only. Staff without any scope see all parties.', related_name='party_scopes', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Counted',
            fields=[
                ('log', models.CharField(max_length=20, primary_key=True, serialize=False)),
                ('until', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='AuthorizationHour',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.DateTimeField()),
                ('kind', models.CharField(max_length=40)),
                ('how', models.CharField(max_length=40)),
                ('allowed', models.CharField(max_length=40)),
                ('reason_code', models.CharField(max_length=40)),
                ('total', models.IntegerField()),
                ('connection', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='partners.connection')),
                ('party', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='partners.party')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('hour', 'party', 'connection', 'kind', 'how', 'allowed', 'reason_code'), name='authorization_hour_once', nulls_distinct=False)],
            },
        ),
        migrations.CreateModel(
            name='EvseHour',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.DateTimeField()),
                ('seen', models.BigIntegerField()),
                ('up', models.BigIntegerField()),
                ('party', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='partners.party')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('hour', 'party'), name='evse_hour_once')],
            },
        ),
        migrations.CreateModel(
            name='ExchangeHour',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.DateTimeField()),
                ('incoming', models.BooleanField()),
                ('total', models.IntegerField()),
                ('good', models.IntegerField()),
                ('times', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None)),
                ('connection', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='partners.connection')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('hour', 'connection', 'incoming'), name='exchange_hour_once', nulls_distinct=False)],
            },
        ),
        migrations.CreateModel(
            name='CdrDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateTimeField()),
                ('ours', models.BooleanField()),
                ('currency', models.CharField(max_length=3)),
                ('standing', models.CharField(max_length=40)),
                ('number', models.IntegerField()),
                ('money', backoffice.fields.NumberField()),
                ('emsp', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='partners.party')),
                ('party', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='partners.party')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('day', 'ours', 'party', 'emsp', 'currency', 'standing'), name='cdr_day_once')],
            },
        ),
        migrations.RunPython(make_groups, migrations.RunPython.noop),
    ]
