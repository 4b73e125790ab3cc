"""Rows: Advice (what a provider captured from a card, both ends), and advices that were told and not taken.

The document of an advice never changes. Columns beside it are projections, written with it by `actions.advices`, or say which
charge it belongs to. What it means for money is told by rows of their own.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from backoffice.cdrs.models import Cdr
from backoffice.documents import Exchanged, Shelf
from backoffice.fields import DocumentField, EnumField, NumberField
from backoffice.partners.models import Connection, Party
from backoffice.payments.models.terminals import Terminal
from backoffice.sessions.models import Session
from ocpi.wire import payments as wire


class Advice(Exchanged):
    """`mod_payments#mod_payments_financial_advice_confirmation_object`, whole in `document`. `party` is the provider.

    Never deleted. `created_at` is when we issued or received it. Its `eft_data` stands in the document and nowhere else.
    """

    ours = models.BooleanField(
        help_text="We captured it (as PTP); otherwise a provider did, for charge points of ours."
    )
    customer = models.ForeignKey(
        Party,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name="CPO",
        help_text="At whose charge point the card paid.",
    )
    authorization_reference = models.CharField(max_length=36)
    captured_excl = NumberField(help_text="total_costs.before_taxes as the document says it.")
    captured = NumberField(help_text="What left the card: total_costs with all its taxes.")
    currency = models.CharField(max_length=3)
    capture_status = EnumField(wire.CaptureStatusCode, max_length=20)
    message = models.CharField(max_length=255, blank=True)
    content_hash = models.CharField(max_length=64, help_text="Of all it says but last_updated: what makes it the same.")

    # which charge it belongs to; empty: nobody here knows its reference
    terminal = models.ForeignKey(Terminal, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    session = models.ForeignKey(Session, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    cdr = models.ForeignKey(Cdr, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    matched_by = models.CharField(max_length=150, blank=True, help_text="Staff, where its reference found nothing.")
    matched_because = models.CharField(max_length=300, blank=True)
    matched_at = models.DateTimeField(null=True)

    acknowledged_at = models.DateTimeField(null=True, help_text="Ours: when the CPO took it.")
    acknowledged_url = models.CharField(max_length=255, blank=True, help_text="Where the CPO keeps it.")

    class Meta:
        verbose_name = "financial advice"
        verbose_name_plural = "financial advice"
        permissions: ClassVar = [("decide_advice", "Can match financial advice, write it off and close quarantine")]
        constraints: ClassVar = [
            models.UniqueConstraint("party", Upper("object_id"), name="advice_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["party", "customer", "id"], name="advice_page"),
            models.Index(fields=["party", "customer", "last_updated", "id"], name="advice_delta"),
            models.Index(fields=["-created_at", "-id"], name="advice_latest"),
            models.Index(fields=["customer", "-created_at", "-id"], name="advice_customer"),
            models.Index(Upper("authorization_reference"), name="advice_reference"),
            models.Index(fields=["terminal", "created_at"], name="advice_terminal"),
            models.Index(fields=["cdr"], name="advice_cdr", condition=Q(cdr__isnull=False)),
            models.Index(fields=["session"], name="advice_session", condition=Q(session__isnull=False)),
            models.Index(fields=["-created_at", "-id"], name="advice_orphan", condition=Q(cdr=None)),
            models.Index(fields=["-created_at", "-id"], name="advice_trouble", condition=~Q(capture_status="SUCCESS")),
        ]

    def tree(self) -> dict[str, Any]:
        """The whole object."""
        found: dict[str, Any] = DocumentField.read(self.document)
        return found


class QuarantinedAdvice(models.Model):
    """An advice that we were told and did not take: kept whole, because it is somebody's money."""

    class Why(models.TextChoices):
        OTHER_CONTENT = "OTHER_CONTENT", "Same id, other content"
        SECOND = "SECOND", "Another advice for the same reference, with other content"
        FOREIGN_REFERENCE = "FOREIGN_REFERENCE", "Reference of another provider's charge"
        IMPOSSIBLE = "IMPOSSIBLE", "An amount that no card pays"

    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="+")
    object_id = models.CharField(max_length=40, verbose_name="advice id")
    authorization_reference = models.CharField(max_length=36)
    advice = models.ForeignKey(Advice, on_delete=models.PROTECT, null=True, related_name="quarantined")
    connection = models.ForeignKey(Connection, on_delete=models.SET_NULL, null=True, related_name="+")
    why = EnumField(choices=Why.choices, max_length=20)
    reason = models.CharField(max_length=500)
    document = DocumentField()
    content_hash = models.CharField(max_length=64)
    captured = NumberField()
    currency = models.CharField(max_length=3)
    at = models.DateTimeField()
    last_at = models.DateTimeField(help_text="When it was told again.")
    times = models.PositiveIntegerField(default=1)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=150, blank=True)
    closed_because = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name = "quarantined advice"
        verbose_name_plural = "quarantined advice"
        constraints: ClassVar = [
            models.UniqueConstraint("party", Upper("object_id"), "content_hash", name="quarantined_advice_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["-at", "-id"], name="quarantined_advice_latest"),
            models.Index(fields=["-at"], name="quarantined_advice_open", condition=Q(closed_at=None)),
        ]

    def __str__(self) -> str:
        return self.object_id


READABLE = "d.customer_id = ANY(%(theirs)s::bigint[])"
"""Whether a CPO may read advice `d` of ours, as SQL."""

SHELF = Shelf(
    cls=wire.FinancialAdviceConfirmation,
    table="payments_advice",
    rendering="",  # no older version has this module
    owner_column="",
    module="financial-advice-confirmations",
    hidden=f"NOT ({READABLE})",
)
