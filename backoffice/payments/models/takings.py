"""Rows: CardPayment (ours as provider: a card at a terminal of ours, to the end), each of its questions to the payment provider,
what happened to it; and the books of the simulated payment provider.

A payment holds no card data. The handle that a terminal read is wiped once the provider has answered; what must stand on a
receipt goes into the advice or the invoice and nowhere else.
"""

from __future__ import annotations

import secrets
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from backoffice.cdrs.models import Cdr
from backoffice.commands.models import Command
from backoffice.fields import EnumField, NumberField
from backoffice.partners.models import Party
from backoffice.payments.models.advices import Advice
from backoffice.payments.models.terminals import Terminal
from backoffice.payments.provider import Verdict
from backoffice.payments.rules.transaction import BILLED_FOR, Move, State
from backoffice.sessions.models import Session


def unguessable() -> str:
    """128 bits. Whoever knows it can fetch the driver's invoice, and it is 36 characters at most on the wire."""
    return secrets.token_hex(16)


class CardPayment(models.Model):
    """One card that was shown at a terminal of ours. `party`: we as provider; `customer`: the CPO. Amounts in minor units."""

    reference = models.CharField(max_length=36, default=unguessable, verbose_name="authorization reference")
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name="PTP")
    customer = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name="CPO")
    terminal = models.ForeignKey(Terminal, on_delete=models.PROTECT, related_name="+", db_index=False)
    state = EnumField(choices=[(s.value, s.value.capitalize()) for s in State], max_length=12)
    location_id = models.CharField(max_length=36)
    evse_uid = models.CharField(max_length=36, verbose_name="EVSE uid")
    connector_id = models.CharField(max_length=36)
    tariff_id = models.CharField(max_length=36, help_text="That the terminal showed.")
    language = models.CharField(max_length=2, blank=True)
    currency = models.CharField(max_length=3)
    reserve = models.BigIntegerField(help_text="To be reserved: the tariff's preauthorize_amount.")
    reserved = models.BigIntegerField(null=True, help_text="As the provider said.")
    owed = models.BigIntegerField(null=True, help_text="What the CDR comes to, with taxes.")
    captured = models.BigIntegerField(null=True)
    refunded = models.BigIntegerField(default=0, help_text="Given back by the provider, of what was captured.")
    returned = models.BigIntegerField(default=0, help_text="Given back in another way, as staff say.")
    handle = models.CharField(max_length=200, blank=True, help_text="What the terminal read; wiped when it was used.")
    cost = NumberField(null=True, help_text="Of the charge, as it was last told.")
    start = models.ForeignKey(Command, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    stop = models.ForeignKey(Command, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    session = models.ForeignKey(Session, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    cdr = models.ForeignKey(Cdr, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    credit = models.ForeignKey(
        Cdr,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        help_text="The last Credit CDR that was acted on.",
    )
    advice = models.OneToOneField(Advice, on_delete=models.PROTECT, null=True, related_name="payment")
    problem = models.CharField(max_length=300, blank=True)
    due_at = models.DateTimeField(null=True, help_text="When to look after it next; none: it is over.")
    lease_until = models.DateTimeField(null=True, help_text="Until then somebody else asks the provider.")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        permissions: ClassVar = [("steer_card_payment", "Can stop charges at terminals, and ask the provider again")]
        constraints: ClassVar = [
            models.UniqueConstraint(Upper("reference"), name="card_payment_once"),
            models.CheckConstraint(
                name="card_payment_state_known", condition=Q(state__in=[state.value for state in State])
            ),
            models.CheckConstraint(
                name="card_payment_captures_what_is_reserved",
                condition=Q(captured=None) | Q(captured=0) | Q(captured__gt=0, captured__lte=models.F("reserved")),
            ),
            models.CheckConstraint(
                name="card_payment_captured_when_over",
                condition=Q(captured=None) | Q(state__in=sorted(state.value for state in BILLED_FOR)),
            ),
            models.CheckConstraint(
                name="card_payment_gives_back_what_it_took",
                condition=Q(refunded=0, returned=0)
                | Q(refunded__gte=0, returned__gte=0, captured__gte=models.F("refunded") + models.F("returned")),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-id"], name="card_payment_latest"),
            models.Index(fields=["terminal", "-created_at"], name="card_payment_terminal"),
            models.Index(fields=["due_at", "id"], name="card_payment_due", condition=~Q(due_at=None)),
            models.Index(fields=["session"], name="card_payment_session", condition=~Q(session=None)),
            models.Index(fields=["cdr"], name="card_payment_cdr", condition=~Q(cdr=None)),
            models.Index(
                fields=["-created_at", "-id"], name="card_payment_at_risk", condition=Q(state__in=["PARTIAL", "FAILED"])
            ),
            models.Index(
                fields=["-created_at", "-id"],
                name="card_payment_given_back",
                condition=Q(state__in=["CREDITED", "OWING", "REFUNDING", "RELEASING"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference[:8]} {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def has(self) -> int:
        """Of the driver's money, in minor units."""
        return (self.captured or 0) - self.refunded - self.returned


class MoneyMove(models.Model):
    """One question to the payment provider, asked once however often it is repeated. `asked_at`: since then it may have been
    done, and is looked up before it is asked again. `number`: a refund or a release that was refused may be asked for anew."""

    payment = models.ForeignKey(CardPayment, on_delete=models.CASCADE, related_name="moves", db_index=False)
    kind = EnumField(choices=[(m.value, m.value.capitalize()) for m in Move], max_length=12)
    number = models.PositiveSmallIntegerField(default=1)
    key = models.CharField(max_length=36, default=unguessable, unique=True)
    units = models.BigIntegerField()
    attempts = models.PositiveIntegerField(default=0)
    asked_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    verdict = EnumField(Verdict, blank=True, max_length=8)
    answered = models.BigIntegerField(null=True, help_text="Units that were reserved, captured, released, refunded.")
    reason = models.CharField(max_length=300, blank=True)
    trace = models.CharField(max_length=64, blank=True, help_text="The provider's own name for it.")

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["payment", "kind", "number"], name="money_move_once"),
            models.CheckConstraint(
                name="money_move_taken_once", condition=Q(number=1) | Q(kind__in=["REFUND", "RELEASE"])
            ),
            models.CheckConstraint(name="money_move_not_negative", condition=Q(units__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.payment_id}"


class CardPaymentEvent(models.Model):
    """What happened to a payment. A move of state is one of them."""

    payment = models.ForeignKey(CardPayment, on_delete=models.CASCADE, related_name="events", db_index=False)
    at = models.DateTimeField()
    event = models.CharField(max_length=30)
    from_state = models.CharField(max_length=12, blank=True)
    to_state = models.CharField(max_length=12, blank=True)
    by = models.CharField(max_length=150, blank=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["at", "id"]
        indexes: ClassVar = [models.Index(fields=["payment", "at", "id"], name="card_payment_event_payment")]

    def __str__(self) -> str:
        return f"{self.event} {self.payment_id}"


class SimulatedMove(models.Model):
    """The books of the simulated provider (`backoffice.payments.simulated`): what it did, by the key of the question. Beside our
    own books they show that no money moved twice."""

    key = models.CharField(max_length=36, unique=True)
    kind = EnumField(choices=[(m.value, m.value.capitalize()) for m in Move], max_length=12)
    reference = models.CharField(max_length=36)
    units = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    verdict = EnumField(Verdict, max_length=8)
    done = models.BigIntegerField(help_text="Units that were reserved, captured or released.")
    reason = models.CharField(max_length=300, blank=True)
    manner = models.CharField(max_length=20, help_text="How this card behaves.")
    asked = models.PositiveIntegerField(default=1, help_text="How often this key was asked.")
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["reference"], name="simulated_move_reference")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
