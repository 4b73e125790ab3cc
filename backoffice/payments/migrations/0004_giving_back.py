"""Money that goes back to a driver, invoices that are taken back, and who stands on them."""

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('cdrs', '0004_page_of_an_emsp'),
        ('charging_sessions', '0007_invoice_of_a_session'),
        ('commands', '0003_application'),
        ('partners', '0002_bookings_edition'),
        ('payments', '0003_takings'),
    ]

    operations = [
        migrations.CreateModel(
            name='InvoiceSeller',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='Of the company, as it is registered.', max_length=100)),
                ('address', models.CharField(help_text='Street and number.', max_length=100)),
                ('postal_code', models.CharField(blank=True, max_length=10)),
                ('city', models.CharField(max_length=45)),
                ('country', models.CharField(help_text='Two letters, ISO 3166: NL, DE.', max_length=2)),
                ('vat_id', models.CharField(help_text='With its country: NL001234567B01.', max_length=20, verbose_name='VAT id')),
                ('registration', models.CharField(blank=True, help_text='Register and number, where they must stand.', max_length=100)),
                ('contact', models.CharField(blank=True, help_text='Where a driver asks: address, telephone.', max_length=100)),
                ('prefix', models.CharField(blank=True, help_text="Of invoice numbers; empty: the party's codes.", max_length=12)),
                ('changed_by', models.CharField(blank=True, max_length=150)),
                ('changed_at', models.DateTimeField()),
            ],
            options={
                'verbose_name': 'seller on invoices',
                'verbose_name_plural': 'sellers on invoices',
            },
        ),
        migrations.RemoveConstraint(
            model_name='cardpayment',
            name='card_payment_state_known',
        ),
        migrations.RemoveConstraint(
            model_name='cardpayment',
            name='card_payment_captured_when_over',
        ),
        migrations.RemoveConstraint(
            model_name='driverinvoice',
            name='driver_invoice_once',
        ),
        migrations.RemoveConstraint(
            model_name='moneymove',
            name='money_move_once',
        ),
        migrations.AddField(
            model_name='cardpayment',
            name='credit',
            field=models.ForeignKey(db_index=False, help_text='The last Credit CDR that was acted on.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='cdrs.cdr'),
        ),
        migrations.AddField(
            model_name='cardpayment',
            name='refunded',
            field=models.BigIntegerField(default=0, help_text='Given back by the provider, of what was captured.'),
        ),
        migrations.AddField(
            model_name='cardpayment',
            name='returned',
            field=models.BigIntegerField(default=0, help_text='Given back in another way, as staff say.'),
        ),
        migrations.AddField(
            model_name='driverinvoice',
            name='corrects',
            field=models.OneToOneField(help_text='The invoice it takes back.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='corrected_by', to='payments.driverinvoice'),
        ),
        migrations.AddField(
            model_name='driverinvoice',
            name='prefix',
            field=models.CharField(blank=True, help_text='Of its number, as it was then.', max_length=12),
        ),
        migrations.AddField(
            model_name='driverinvoice',
            name='turn',
            field=models.PositiveSmallIntegerField(default=1, help_text='Among the documents of its reference.'),
        ),
        migrations.AddField(
            model_name='moneymove',
            name='number',
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name='tiedecision',
            name='given_back',
            field=models.BigIntegerField(default=0, help_text='That the driver got back, in minor units.'),
        ),
        migrations.AlterField(
            model_name='driverinvoice',
            name='charge',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='invoices', to='payments.cardcharge'),
        ),
        migrations.AlterField(
            model_name='driverinvoice',
            name='payment',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='invoices', to='payments.cardpayment'),
        ),
        migrations.AlterField(
            model_name='driverinvoice',
            name='total',
            field=models.BigIntegerField(help_text='With taxes, in minor units; of a correction negative.'),
        ),
        migrations.AlterField(
            model_name='moneymove',
            name='answered',
            field=models.BigIntegerField(help_text='Units that were reserved, captured, released, refunded.', null=True),
        ),
        migrations.AddIndex(
            model_name='cardpayment',
            index=models.Index(condition=models.Q(('state__in', ['CREDITED', 'OWING', 'REFUNDING', 'RELEASING'])), fields=['-created_at', '-id'], name='card_payment_given_back'),
        ),
        migrations.AddConstraint(
            model_name='cardpayment',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['PRESENTED', 'DECLINED', 'AUTHORIZED', 'STARTING', 'CHARGING', 'ENDED', 'BILLED', 'CAPTURED', 'PARTIAL', 'FAILED', 'RELEASING', 'RELEASED', 'CREDITED', 'REFUNDING', 'REFUNDED', 'OWING', 'CLEARED'])), name='card_payment_state_known'),
        ),
        migrations.AddConstraint(
            model_name='cardpayment',
            constraint=models.CheckConstraint(condition=models.Q(('captured', None), ('state__in', ['CAPTURED', 'CLEARED', 'CREDITED', 'FAILED', 'OWING', 'PARTIAL', 'REFUNDED', 'REFUNDING']), _connector='OR'), name='card_payment_captured_when_over'),
        ),
        migrations.AddConstraint(
            model_name='cardpayment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('refunded', 0), ('returned', 0)), models.Q(('captured__gte', django.db.models.expressions.CombinedExpression(models.F('refunded'), '+', models.F('returned'))), ('refunded__gte', 0), ('returned__gte', 0)), _connector='OR'), name='card_payment_gives_back_what_it_took'),
        ),
        migrations.AddConstraint(
            model_name='driverinvoice',
            constraint=models.UniqueConstraint(models.F('party'), django.db.models.functions.text.Upper('reference'), models.F('turn'), name='driver_invoice_once'),
        ),
        migrations.AddConstraint(
            model_name='moneymove',
            constraint=models.UniqueConstraint(fields=('payment', 'kind', 'number'), name='money_move_once'),
        ),
        migrations.AddConstraint(
            model_name='moneymove',
            constraint=models.CheckConstraint(condition=models.Q(('number', 1), ('kind__in', ['REFUND', 'RELEASE']), _connector='OR'), name='money_move_taken_once'),
        ),
        migrations.AddField(
            model_name='invoiceseller',
            name='party',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='invoice_seller', to='partners.party'),
        ),
    ]
