"""Rows of a CPO whose charge points take cards, and of whoever writes the driver's invoice: CardCharge, DriverInvoice, what staff
decided about the tie of captures, CDRs and invoices, and who asked for invoices how often.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from backoffice.cdrs.models import Cdr
from backoffice.fields import DocumentField, EnumField
from backoffice.partners.models import Party
from backoffice.payments.models.advices import Advice
from backoffice.payments.models.takings import CardPayment
from backoffice.payments.models.terminals import Terminal
from backoffice.sessions.models import Session
from ocpi.wire.payments import InvoiceCreator


class CardCharge(models.Model):
    """A charge at a charge point of ours that a card pays for. `provider`: the PTP whose START_SESSION began it."""

    session = models.OneToOneField(Session, on_delete=models.CASCADE, related_name="card_charge")
    provider = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name="PTP")
    terminal = models.ForeignKey(Terminal, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    reference = models.CharField(max_length=36, verbose_name="authorization reference")
    creator = EnumField(InvoiceCreator, blank=True, max_length=3, help_text="Who writes the driver's invoice.")
    currency = models.CharField(max_length=3)
    limit = models.BigIntegerField(null=True, help_text="preauthorize_amount of its tariff, in minor units.")
    cost = models.BigIntegerField(null=True, help_text="When it was last looked at, in minor units.")
    stopped_at = models.DateTimeField(null=True, help_text="When we ended it because the limit was reached.")
    cdr = models.ForeignKey(Cdr, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint("provider", Upper("reference"), name="card_charge_once")]
        indexes: ClassVar = [
            models.Index(Upper("reference"), name="card_charge_reference"),
            models.Index(fields=["-created_at", "-id"], name="card_charge_latest"),
            models.Index(fields=["id"], name="card_charge_without_cdr", condition=Q(cdr=None)),
            models.Index(fields=["cdr"], name="card_charge_cdr", condition=~Q(cdr=None)),
        ]

    def __str__(self) -> str:
        return self.reference


class InvoiceSeries(models.Model):
    """The number that the next driver's invoice of a party gets: without gaps, for it is taken in the invoice's transaction."""

    party = models.OneToOneField(Party, on_delete=models.PROTECT, related_name="+")
    next = models.PositiveBigIntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.party} {self.next}"


class InvoiceSeller(models.Model):
    """Who stands on the invoices of a party of ours, as the law wants it. Without it none is written."""

    party = models.OneToOneField(Party, on_delete=models.PROTECT, related_name="invoice_seller")
    name = models.CharField(max_length=100, help_text="Of the company, as it is registered.")
    address = models.CharField(max_length=100, help_text="Street and number.")
    postal_code = models.CharField(max_length=10, blank=True)
    city = models.CharField(max_length=45)
    country = models.CharField(max_length=2, help_text="Two letters, ISO 3166: NL, DE.")
    vat_id = models.CharField(max_length=20, verbose_name="VAT id", help_text="With its country: NL001234567B01.")
    registration = models.CharField(max_length=100, blank=True, help_text="Register and number, where they must stand.")
    contact = models.CharField(max_length=100, blank=True, help_text="Where a driver asks: address, telephone.")
    prefix = models.CharField(max_length=12, blank=True, help_text="Of invoice numbers; empty: the party's codes.")
    changed_by = models.CharField(max_length=150, blank=True)
    changed_at = models.DateTimeField()

    class Meta:
        verbose_name = "seller on invoices"
        verbose_name_plural = "sellers on invoices"

    def __str__(self) -> str:
        return f"{self.party} {self.name}"


class DriverInvoice(models.Model):
    """What a driver gets who paid by card: written once of the CDR, enriched once by what was captured.

    `party` writes it: the CPO, or we as provider. `document`: everything that the page shows, as it was when it was written.
    `ready_at`: since when the driver can fetch it; before that nobody outside knows whether there is one. A CDR that is credited
    changes no invoice: another document takes it back (`corrects`, of the Credit CDR), and a third bills the corrected CDR.
    """

    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="+", db_index=False)
    number = models.PositiveBigIntegerField()
    creator = EnumField(InvoiceCreator, max_length=3)
    reference = models.CharField(max_length=36, verbose_name="authorization reference")
    cdr = models.OneToOneField(Cdr, on_delete=models.PROTECT, related_name="driver_invoice")
    charge = models.ForeignKey(CardCharge, on_delete=models.PROTECT, null=True, related_name="invoices")
    payment = models.ForeignKey(CardPayment, on_delete=models.PROTECT, null=True, related_name="invoices")
    corrects = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="corrected_by", help_text="The invoice it takes back."
    )
    turn = models.PositiveSmallIntegerField(default=1, help_text="Among the documents of its reference.")
    prefix = models.CharField(max_length=12, blank=True, help_text="Of its number, as it was then.")
    advice = models.OneToOneField(Advice, on_delete=models.PROTECT, null=True, related_name="invoice")
    currency = models.CharField(max_length=3)
    total = models.BigIntegerField(help_text="With taxes, in minor units; of a correction negative.")
    captured = models.BigIntegerField(null=True, help_text="In minor units; empty: nobody has said yet.")
    document = DocumentField()
    issued_at = models.DateTimeField()
    ready_at = models.DateTimeField(null=True)
    fetched_at = models.DateTimeField(null=True, help_text="When it was last fetched.")
    fetched = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = "driver's invoice"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["party", "number"], name="driver_invoice_number_once"),
            models.UniqueConstraint("party", Upper("reference"), "turn", name="driver_invoice_once"),
        ]
        indexes: ClassVar = [
            models.Index(Upper("reference"), name="driver_invoice_reference"),
            models.Index(fields=["-issued_at", "-id"], name="driver_invoice_latest"),
            models.Index(fields=["id"], name="driver_invoice_not_ready", condition=Q(ready_at=None)),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return f"{self.prefix or self.party}-{self.number:06d}"

    def tree(self) -> dict[str, Any]:
        found: dict[str, Any] = DocumentField.read(self.document)
        return found


class TieDecision(models.Model):
    """What staff say about a payment that the three books tell differently: that a capture is for another reference's CDR, that
    what is missing is written off, or that the driver got back what was too much. It stands until another replaces it."""

    reference = models.CharField(max_length=36)
    other = models.CharField(max_length=36, blank=True, help_text="The reference of the CDR that it is for.")
    written_off = models.BigIntegerField(default=0, help_text="In minor units.")
    given_back = models.BigIntegerField(default=0, help_text="That the driver got back, in minor units.")
    currency = models.CharField(max_length=3, blank=True)
    reason = models.CharField(max_length=300)
    by = models.CharField(max_length=150)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(Upper("reference"), name="tie_decision_once")]

    def __str__(self) -> str:
        return self.reference


class InvoiceAsked(models.Model):
    """How often an address asked for invoices in this minute. `address` is a keyed hash: whose it is, is nobody's business."""

    address = models.CharField(max_length=64)
    minute = models.DateTimeField()
    times = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["address", "minute"], name="invoice_asked_once")]
        indexes: ClassVar = [models.Index(fields=["minute"], name="invoice_asked_minute")]

    def __str__(self) -> str:
        return f"{self.times}"
