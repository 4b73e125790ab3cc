import backoffice.bookings.models.bookings
import backoffice.fields
import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.text
from django.contrib.postgres.operations import BtreeGistExtension
from django.db import migrations, models

from backoffice.first_tables import FirstTables


class Migration(FirstTables):

    replaces = [('bookings', '0001_initial'), ('bookings', '0002_full_calendars'), ('bookings', '0003_finding_slots')]

    initial = True

    dependencies = [
        ('api', '0001_initial'),
        ('charging_sessions', '0001_squashed_0007_invoice_of_a_session'),
        ('locations', '0001_squashed_0003_connector_tariffs'),
        ('partners', '0001_squashed_0002_bookings_edition'),
    ]

    operations = [
        # trusted since PostgreSQL 13: the owner of the database may create it
        BtreeGistExtension(),
        migrations.CreateModel(
            name='BookableLocation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('object_id', models.CharField(max_length=40, verbose_name='id')),
                ('document', backoffice.fields.DocumentField()),
                ('last_updated', models.DateTimeField()),
                ('generation', models.PositiveIntegerField(default=1, help_text='Grows with every change; renderings are made per generation.')),
                ('seen_at', models.DateTimeField(help_text='When a pull or push last told us of it.', null=True)),
                ('created_at', models.DateTimeField()),
                ('ours', models.BooleanField()),
                ('location_id', models.CharField(max_length=36)),
                ('evse_uid', models.CharField(blank=True, help_text='#NA: not one, but any.', max_length=36, verbose_name='EVSE uid')),
                ('connector_id', models.CharField(blank=True, max_length=36)),
                ('reservation_required', models.BooleanField(default=False, help_text='Nobody may charge here who has not booked.')),
                ('withdrawn_at', models.DateTimeField(help_text='When its owner no longer offered it.', null=True)),
                ('time_zone', models.CharField(blank=True, db_default='', default='', help_text='Of the Location.', max_length=255)),
                ('shared', models.BooleanField(db_default=True, default=True, help_text='Ours only: partners hear of it.')),
                ('decides', backoffice.fields.EnumField(db_default='ITSELF', default='ITSELF', help_text='Ours only: who says yes.', max_length=40)),
                ('shortest', models.PositiveIntegerField(help_text='Ours only: minutes of the shortest booking.', null=True)),
                ('longest', models.PositiveIntegerField(help_text='Ours only: minutes of the longest booking.', null=True)),
                ('party', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.party')),
                ('premises', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='bookable', to='locations.location')),
            ],
            options={
                'verbose_name': 'bookable location',
                'permissions': [('publish_place', 'Can make locations bookable, change their calendars and block slots')],
                'indexes': [models.Index(fields=['party', 'id'], name='place_page'), models.Index(fields=['party', 'last_updated', 'id'], name='place_delta'), models.Index(fields=['-last_updated', '-id'], name='place_latest'), models.Index(models.F('party'), django.db.models.functions.text.Upper('location_id'), name='place_at_location'), models.Index(fields=['premises'], name='place_location'), django.contrib.postgres.indexes.GinIndex(fields=['object_id'], name='place_id_words', opclasses=['gin_trgm_ops'])],
                'constraints': [models.UniqueConstraint(models.F('party'), django.db.models.functions.text.Upper('object_id'), name='place_once')],
            },
        ),
        migrations.CreateModel(
            name='Resource',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('of', backoffice.fields.EnumField(max_length=10)),
                ('option', models.PositiveIntegerField(help_text='Which bookable_parking_option of the place.', null=True)),
                ('unit', models.PositiveIntegerField(default=15, help_text='Minutes.')),
                ('capacity', models.PositiveIntegerField()),
                ('location', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='locations.location')),
                ('place', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='resources', to='bookings.bookablelocation')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('of', 'SPACES')), fields=('place', 'option'), name='resource_once', nulls_distinct=False), models.UniqueConstraint(condition=models.Q(('of', 'POWER')), fields=('location',), name='resource_power_once'), models.CheckConstraint(condition=models.Q(models.Q(('location', None), ('of', 'SPACES'), ('place__isnull', False)), models.Q(('location__isnull', False), ('of', 'POWER'), ('place', None)), _connector='OR'), name='resource_of_something'), models.CheckConstraint(condition=models.Q(('unit__gte', 1), ('unit__lte', 1440)), name='resource_unit')],
            },
        ),
        migrations.CreateModel(
            name='Block',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('spaces', models.PositiveIntegerField(default=1)),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('reason', models.CharField(max_length=200)),
                ('by', models.CharField(blank=True, max_length=150)),
                ('created_at', models.DateTimeField()),
                ('evse', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='locations.evse')),
                ('resource', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='blocks', to='bookings.resource')),
            ],
            options={
                'ordering': ['starts_at', 'id'],
                'indexes': [models.Index(fields=['resource', 'starts_at'], name='block_resource')],
                'constraints': [models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='block_ends_after_it_starts')],
            },
        ),
        migrations.CreateModel(
            name='Booking',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('object_id', models.CharField(max_length=40, verbose_name='id')),
                ('document', backoffice.fields.DocumentField()),
                ('last_updated', models.DateTimeField()),
                ('generation', models.PositiveIntegerField(default=1, help_text='Grows with every change; renderings are made per generation.')),
                ('seen_at', models.DateTimeField(help_text='When a pull or push last told us of it.', null=True)),
                ('created_at', models.DateTimeField()),
                ('ours', models.BooleanField(help_text="At a charge point of ours; otherwise a driver of ours booked at a partner's.")),
                ('request_id', models.CharField(help_text='Chosen by the eMSP, the same for all that it asks of it.', max_length=36)),
                ('status', backoffice.fields.EnumField(max_length=40)),
                ('request_status', backoffice.fields.EnumField(help_text='Of the last request.', max_length=40)),
                ('location_id', models.CharField(max_length=36)),
                ('evse_uid', models.CharField(blank=True, max_length=36, verbose_name='EVSE uid')),
                ('connector_id', models.CharField(blank=True, max_length=36)),
                ('parking_id', models.CharField(blank=True, max_length=36)),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('power', models.PositiveIntegerField(help_text='W that are kept for it.', null=True)),
                ('authorization_reference', models.CharField(max_length=36)),
                ('canceled_reason', backoffice.fields.EnumField(blank=True, max_length=40)),
                ('canceled_by', models.CharField(blank=True, help_text='CPO or EMSP.', max_length=10)),
                ('change_until', models.DateTimeField(help_text='Empty: it cannot be changed.', null=True)),
                ('cancel_until', models.DateTimeField()),
                ('early_from', models.DateTimeField(help_text='From when a charge on it may begin.')),
                ('noshow_at', models.DateTimeField(help_text='When nobody has come, it is let go. Empty: never.', null=True)),
                ('late_until', models.DateTimeField(help_text='Until when a charge on it may last.')),
                ('exclusive', models.BooleanField(help_text='Its tokens may not be in another such booking at the same time.')),
                ('time_zone', models.CharField(blank=True, db_default='', default='', help_text='Of the Location.', max_length=255)),
                ('moved_at', models.DateTimeField(help_text='When its reservation status last changed here.')),
                ('connection', models.ForeignKey(db_index=False, help_text='Over which it was asked for. Empty: both companies are ours.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='bookings', to='partners.connection')),
                ('emsp', models.ForeignKey(db_index=False, help_text='Whose driver booked.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.party')),
                ('evse', models.ForeignKey(db_index=False, help_text='Ours only: assigned.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='locations.evse', verbose_name='EVSE')),
                ('party', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.party')),
                ('place', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='bookings.bookablelocation')),
                ('session', models.ForeignKey(db_index=False, help_text='The charge on it, or what its no-show or cancellation is billed by.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='charging_sessions.session')),
            ],
            options={
                'permissions': [('decide_booking', 'Can accept, decline, assign, move and cancel bookings at charge points of ours'), ('make_booking', 'Can book, change and cancel at partners for drivers of ours')],
                'indexes': [models.Index(fields=['party', 'emsp', 'id'], name='booking_page'), models.Index(fields=['party', 'emsp', 'last_updated', 'id'], name='booking_delta'), models.Index(fields=['-starts_at', '-id'], name='booking_latest'), models.Index(fields=['place', 'starts_at'], name='booking_place'), models.Index(condition=models.Q(('evse__isnull', False)), fields=['evse', 'starts_at'], name='booking_evse'), models.Index(condition=models.Q(('status__in', ['PENDING', 'RESERVED'])), fields=['starts_at'], name='booking_live'), models.Index(condition=models.Q(('noshow_at__isnull', False), ('ours', True), ('status', 'RESERVED')), fields=['noshow_at'], name='booking_overdue'), models.Index(condition=models.Q(('session__isnull', False)), fields=['session'], name='booking_session'), models.Index(django.db.models.functions.text.Upper('authorization_reference'), name='booking_authorization'), django.contrib.postgres.indexes.GinIndex(fields=['object_id'], name='booking_id_words', opclasses=['gin_trgm_ops']), django.contrib.postgres.indexes.GinIndex(fields=['request_id'], name='booking_request_words', opclasses=['gin_trgm_ops'])],
                'constraints': [models.UniqueConstraint(models.F('party'), django.db.models.functions.text.Upper('object_id'), name='booking_once'), models.UniqueConstraint(models.F('party'), models.F('emsp'), django.db.models.functions.text.Upper('request_id'), name='booking_once_a_request'), models.CheckConstraint(condition=models.Q(('status__in', ['PENDING', 'RESERVED', 'CANCELED', 'FAILED', 'NO_SHOW', 'FULFILLED', 'REJECTED', 'UNKNOWN'])), name='booking_status_known')],
            },
        ),
        migrations.CreateModel(
            name='BookedToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=310)),
                ('country_code', models.CharField(max_length=2)),
                ('party_id', models.CharField(max_length=3)),
                ('uid', models.CharField(max_length=36)),
                ('type', backoffice.fields.EnumField(max_length=255)),
                ('contract_id', models.CharField(max_length=36)),
                ('period', django.contrib.postgres.fields.ranges.DateTimeRangeField()),
                ('exclusive', models.BooleanField(help_text='Live, and nothing else may be booked with it meanwhile.')),
                ('booking', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='tokens', to='bookings.booking')),
            ],
            options={
                'indexes': [models.Index(django.db.models.functions.text.Upper('uid'), name='booked_token_uid')],
                'constraints': [django.contrib.postgres.constraints.ExclusionConstraint(condition=models.Q(('exclusive', True)), expressions=[('key', '='), ('period', '&&'), ('booking', '<>')], name='token_in_one_booking'), models.UniqueConstraint(fields=('booking', 'key'), name='booked_token_once')],
            },
        ),
        migrations.CreateModel(
            name='BookingAsked',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=backoffice.bookings.models.bookings.unguessable, editable=False, max_length=32, unique=True)),
                ('request_id', models.CharField(max_length=36)),
                ('asks', backoffice.fields.EnumField(max_length=10)),
                ('way', backoffice.fields.EnumField(max_length=10)),
                ('status', backoffice.fields.EnumField(max_length=40)),
                ('document', backoffice.fields.DocumentField()),
                ('received_at', models.DateTimeField(help_text='request_received; of one of ours, when it was made.')),
                ('decided_at', models.DateTimeField(null=True)),
                ('decided_by', models.CharField(blank=True, max_length=150)),
                ('reason', models.CharField(blank=True, help_text='Why it was declined, or failed.', max_length=512)),
                ('asked_by', models.CharField(blank=True, help_text='Staff, an API key, a driver, or the partner.', max_length=150)),
                ('by_driver', models.BooleanField(default=False)),
                ('correlation_id', models.CharField(blank=True, max_length=255)),
                ('application', models.ForeignKey(db_index=False, help_text='That hears of it.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='api.application')),
                ('booking', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='requests', to='bookings.booking')),
                ('connection', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.connection')),
                ('cpo', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.party')),
                ('emsp', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.party')),
                ('place', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='bookings.bookablelocation')),
                ('power', models.PositiveIntegerField(help_text='W that are kept for it, if it is granted.', null=True)),
            ],
            options={
                'verbose_name': 'booking request',
                'ordering': ['received_at', 'id'],
                'indexes': [models.Index(fields=['booking', 'received_at', 'id'], name='asked_booking'), models.Index(models.F('emsp'), models.F('cpo'), django.db.models.functions.text.Upper('request_id'), name='asked_request'), models.Index(condition=models.Q(('status', 'PENDING')), fields=['received_at'], name='asked_waiting'), models.Index(fields=['-received_at', '-id'], name='asked_latest')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('booking__isnull', False), ('status', 'PENDING')), fields=('booking',), name='asked_one_waits'), models.CheckConstraint(condition=models.Q(('status__in', ['PENDING', 'ACCEPTED', 'DECLINED', 'FAILED'])), name='asked_status_known'), models.CheckConstraint(condition=models.Q(('way__in', ['QUEUED', 'UNSURE', 'SAID', 'REFUSED', 'LOST', 'RECEIVED'])), name='asked_way_known')],
            },
        ),
        migrations.CreateModel(
            name='BookingEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('event', models.CharField(max_length=30)),
                ('previous', backoffice.fields.EnumField(blank=True, max_length=40)),
                ('status', backoffice.fields.EnumField(blank=True, max_length=40)),
                ('by', models.CharField(blank=True, max_length=150)),
                ('reason', models.CharField(blank=True, max_length=512)),
                ('asked', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='bookings.bookingasked')),
                ('booking', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='bookings.booking')),
            ],
            options={
                'ordering': ['at', 'id'],
                'indexes': [models.Index(fields=['booking', 'at', 'id'], name='booking_event_booking'), models.Index(condition=models.Q(('asked', None), _negated=True), fields=['asked'], name='booking_event_asked')],
            },
        ),
        migrations.CreateModel(
            name='BookingRendering',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.CharField(max_length=10)),
                ('audience', models.CharField(blank=True, max_length=40)),
                ('generation', models.PositiveIntegerField()),
                ('document', backoffice.fields.DocumentField()),
                ('booking', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='bookings.booking')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('booking', 'version', 'audience'), name='booking_rendering_once')],
            },
        ),
        migrations.CreateModel(
            name='Calendar',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('object_id', models.CharField(max_length=36, verbose_name='id')),
                ('document', backoffice.fields.DocumentField()),
                ('begins_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('step', models.PositiveIntegerField(help_text='Minutes: bookings begin and end at multiples of it.', null=True)),
                ('last_updated', models.DateTimeField()),
                ('place', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='calendars', to='bookings.bookablelocation')),
                ('listed', models.BooleanField(db_default=True, default=True, help_text='Off while nothing of it is free: a Calendar cannot say so, for it has at least one timeslot.')),
            ],
            options={
                'ordering': ['begins_at', 'id'],
                'constraints': [models.UniqueConstraint(models.F('place'), django.db.models.functions.text.Upper('object_id'), name='calendar_once')],
            },
        ),
        migrations.CreateModel(
            name='Opening',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('min_power', backoffice.fields.NumberField(help_text='W, guaranteed.', null=True)),
                ('max_power', backoffice.fields.NumberField(help_text='W.', null=True)),
                ('green', models.BooleanField(help_text='Green energy.', null=True)),
                ('calendar', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='openings', to='bookings.calendar')),
                ('place', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='openings', to='bookings.bookablelocation')),
            ],
            options={
                'ordering': ['starts_at', 'id'],
                'indexes': [models.Index(fields=['calendar', 'starts_at'], name='opening_calendar'), models.Index(fields=['place', 'starts_at'], include=('ends_at',), name='opening_place')],
                'constraints': [models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='opening_ends_after_it_starts')],
            },
        ),
        migrations.CreateModel(
            name='PlaceRendering',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.CharField(max_length=10)),
                ('audience', models.CharField(blank=True, max_length=40)),
                ('generation', models.PositiveIntegerField()),
                ('document', backoffice.fields.DocumentField()),
                ('place', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='bookings.bookablelocation')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('place', 'version', 'audience'), name='place_rendering_once')],
            },
        ),
        migrations.CreateModel(
            name='Claim',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('holder', models.BigIntegerField(help_text="A booking's row id, or minus a block's.")),
                ('period', django.contrib.postgres.fields.ranges.DateTimeRangeField()),
                ('amount', models.PositiveIntegerField(default=1)),
                ('asked', models.ForeignKey(db_index=False, help_text='The change that it waits for; none: it stands.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='claims', to='bookings.bookingasked')),
                ('block', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='claims', to='bookings.block')),
                ('booking', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='claims', to='bookings.booking')),
                ('evse', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='locations.evse')),
                ('resource', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='claims', to='bookings.resource')),
            ],
            options={
                'indexes': [models.Index(fields=['booking'], name='claim_booking'), models.Index(condition=models.Q(('block', None), _negated=True), fields=['block'], name='claim_block'), models.Index(models.F('resource'), models.Func(models.F('period'), function='lower'), name='claim_resource'), django.contrib.postgres.indexes.GistIndex(fields=['period'], name='claim_period')],
                'constraints': [django.contrib.postgres.constraints.ExclusionConstraint(condition=models.Q(('evse__isnull', False)), expressions=[('evse', '='), ('period', '&&'), ('holder', '<>')], name='claim_one_an_evse'), models.CheckConstraint(condition=models.Q(models.Q(('block', None), ('booking__isnull', False)), models.Q(('block__isnull', False), ('booking', None)), _connector='OR'), name='claim_of_one')],
            },
        ),
        migrations.CreateModel(
            name='SlotUse',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts_at', models.DateTimeField()),
                ('used', models.PositiveIntegerField()),
                ('capacity', models.PositiveIntegerField()),
                ('resource', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='uses', to='bookings.resource')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('used__gte', models.F('capacity'))), fields=['starts_at'], include=('resource',), name='slot_full')],
                'constraints': [models.UniqueConstraint(fields=('resource', 'starts_at'), name='slot_once'), models.CheckConstraint(condition=models.Q(('used__lte', models.F('capacity'))), name='slot_within_capacity')],
            },
        ),
        migrations.CreateModel(
            name='Space',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('parking_id', models.CharField(blank=True, help_text='Of the parking place it stands at.', max_length=36)),
                ('evse', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='space', to='locations.evse')),
                ('resource', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='spaces', to='bookings.resource')),
            ],
            options={
                'indexes': [models.Index(fields=['resource'], name='space_resource')],
            },
        ),
    ]
