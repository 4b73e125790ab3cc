"""Rows: Terminal (ours as provider, or a provider's at our charge points), what happened to it, and activations we asked for.

Columns beside `document` are projections, written with it by `actions.terminals` and nowhere else, or say what the document
cannot: whose it is, its state, and what the two sides do not agree on.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from backoffice.documents import Exchanged, Shelf
from backoffice.fields import DocumentField, EnumField, NumberField
from backoffice.partners.models import Connection, Party
from backoffice.payments.rules.terminals import AskState, TerminalState
from ocpi.wire import payments as wire


class Terminal(Exchanged):
    """`mod_payments#mod_payments_terminal_object`, whole in `document`. `party` is the provider (PTP). Never deleted.

    Of a provider's terminal the assignment is ours to make: `location_ids` and `evse_uids` are what we said, `differs` what the
    provider says instead. `told_generation`: what the other side has taken of it (ours: the CPO; else the provider).
    """

    ours = models.BooleanField(help_text="We are its provider (PTP); otherwise it stands at charge points of ours.")
    customer = models.ForeignKey(
        Party,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name="CPO",
        help_text="At whose charge points it takes cards.",
    )
    state = EnumField(choices=[(s.value, s.value.capitalize()) for s in TerminalState], max_length=10)
    reference = models.CharField(max_length=36, blank=True, help_text="The provider's own, e.g. the serial number.")
    customer_reference = models.CharField(max_length=36, blank=True)
    address = models.CharField(max_length=45, blank=True)
    city = models.CharField(max_length=45, blank=True)
    country = models.CharField(max_length=3, blank=True)
    latitude = NumberField(null=True)
    longitude = NumberField(null=True)
    invoice_creator = EnumField(wire.InvoiceCreator, blank=True, max_length=3)
    invoice_base_url = models.CharField(max_length=255, blank=True)
    location_ids = ArrayField(models.CharField(max_length=36), default=list)
    evse_uids = ArrayField(models.CharField(max_length=36), default=list)

    differs = models.JSONField(default=dict, help_text="Fields of which the other side last said something else.")
    touched = ArrayField(
        models.CharField(max_length=60), default=list, help_text="Fields that the provider has not taken from us yet."
    )
    told_generation = models.PositiveIntegerField(default=0)
    push_key = models.CharField(max_length=64, blank=True, help_text="Of the push that is on its way to the provider.")
    push_problem = models.CharField(max_length=300, blank=True, help_text="Why the provider did not take the last one.")
    acknowledged_at = models.DateTimeField(null=True, help_text="Ours: when the CPO took it.")
    acknowledged_url = models.CharField(max_length=255, blank=True, help_text="Where the CPO keeps it.")

    class Meta:
        permissions: ClassVar = [
            ("steer_terminal", "Can activate, deactivate, assign and exchange payment terminals"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint("party", Upper("object_id"), name="terminal_once"),
            models.CheckConstraint(
                name="terminal_state_known", condition=Q(state__in=[s.value for s in TerminalState])
            ),
        ]
        indexes: ClassVar = [
            # what one CPO may read of a provider
            models.Index(fields=["party", "customer", "id"], name="terminal_page"),
            models.Index(fields=["party", "customer", "last_updated", "id"], name="terminal_delta"),
            models.Index(fields=["customer", "-last_updated", "-id"], name="terminal_customer"),
            models.Index(fields=["-last_updated", "-id"], name="terminal_latest"),
            models.Index("party", Upper("reference"), name="terminal_reference", condition=~Q(reference="")),
            models.Index(fields=["push_key"], name="terminal_push", condition=~Q(push_key="")),
            GinIndex(fields=["location_ids"], name="terminal_locations"),
            GinIndex(fields=["evse_uids"], name="terminal_evses"),
        ]

    def tree(self) -> dict[str, Any]:
        """The whole object."""
        found: dict[str, Any] = DocumentField.read(self.document)
        return found


class TerminalEvent(models.Model):
    """What happened to a terminal and who did it. A move of state is one of them."""

    terminal = models.ForeignKey(Terminal, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    what = models.CharField(max_length=40)
    from_state = models.CharField(max_length=10, blank=True)
    to_state = models.CharField(max_length=10, blank=True)
    by = models.CharField(max_length=150, blank=True, help_text="Staff, a partner, or empty for the platform itself.")
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.what} of {self.terminal}"


class Activation(models.Model):
    """We asked a provider to activate a terminal at our charge points; the terminal comes by a POST of the provider's.

    `document`: the body as it is sent. `key`: of the errand that carries it.
    """

    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="+", verbose_name="PTP")
    customer = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="+", verbose_name="CPO")
    connection = models.ForeignKey(Connection, on_delete=models.SET_NULL, null=True, related_name="+")
    key = models.CharField(max_length=64, unique=True)
    reference = models.CharField(max_length=36, blank=True)
    named_id = models.CharField(max_length=36, blank=True, help_text="The terminal's id, where we know it.")
    document = DocumentField()
    state = EnumField(choices=[(s.value, s.value.capitalize()) for s in AskState], max_length=10)
    problem = models.CharField(max_length=300, blank=True)
    terminal = models.ForeignKey(
        Terminal, on_delete=models.PROTECT, null=True, related_name="activations", help_text="That came of it."
    )
    asked_by = models.CharField(max_length=150)
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(name="activation_state_known", condition=Q(state__in=[s.value for s in AskState])),
            models.CheckConstraint(name="activation_names_one", condition=~Q(reference="") | ~Q(named_id="")),
        ]
        indexes: ClassVar = [
            models.Index(
                "party",
                Upper("reference"),
                name="activation_open",
                condition=Q(terminal=None),
            ),
        ]

    def __str__(self) -> str:
        return self.reference or self.named_id

    def tree(self) -> dict[str, Any]:
        found: dict[str, Any] = DocumentField.read(self.document)
        return found


READABLE = "d.customer_id = ANY(%(theirs)s::bigint[]) AND d.state <> 'INACTIVE'"
"""Whether a CPO may read terminal `d` of ours, as SQL: it is for its charge points and in use."""

SHELF = Shelf(
    cls=wire.Terminal,
    table="payments_terminal",
    rendering="",  # no older version has this module
    owner_column="",
    module="terminals",
    hidden=f"NOT ({READABLE})",
)
