"""Rows: Command (sent, received, or between two companies in this house), what happened to it, and the reservations of our EVSEs.

`document` is the body as it was sent or received, in the newest version. A command is never deleted by anybody but retention, and
its result is written once.
"""

from __future__ import annotations

import secrets
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from backoffice.api.models import Application
from backoffice.commands.rules.states import ONGOING, OPEN, Direction, Holding, State
from backoffice.fields import DocumentField, EnumField
from backoffice.locations.models import Evse
from backoffice.partners.models import Connection, Party
from backoffice.sessions.models import Session
from backoffice.tokens.models import Authorization
from ocpi.wire.commands import CommandResponseType, CommandResultType, CommandType
from ocpi.wire.types import TokenType


def unguessable() -> str:
    """128 bits: who knows it was told it (the last segment of our response_url)."""
    return secrets.token_hex(16)


class Fate(models.TextChoices):
    """What became of a result that we owe a partner."""

    NONE = "", "none yet"
    DUE = "DUE", "to be delivered"
    DELIVERED = "DELIVERED", "delivered"
    UNDELIVERED = "UNDELIVERED", "never delivered"


class Command(models.Model):
    """One request to a charge point and everything that came of it. `sender`: the eMSP, `receiver`: the CPO."""

    uid = models.CharField(max_length=32, default=unguessable, unique=True, editable=False)
    direction = EnumField(choices=[(each.value, each.value) for each in Direction], max_length=3)
    kind = EnumField(CommandType)
    state = EnumField(choices=[(each.value, each.value) for each in State], max_length=20)
    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, null=True, related_name="commands", db_index=False
    )
    sender = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="+", db_index=False)
    receiver = models.ForeignKey(Party, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    document = DocumentField()

    location_id = models.CharField(max_length=36, blank=True)
    evse_uid = models.CharField(max_length=36, blank=True, verbose_name="EVSE uid")
    connector_id = models.CharField(max_length=36, blank=True)
    session_id = models.CharField(max_length=36, blank=True)
    reservation_id = models.CharField(max_length=36, blank=True)
    expires_at = models.DateTimeField(null=True, help_text="expiry_date of a reservation.")
    token_uid = models.CharField(max_length=36, blank=True)
    token_type = EnumField(TokenType, max_length=255, blank=True)
    contract_id = models.CharField(max_length=36, blank=True)
    authorization_reference = models.CharField(max_length=36, blank=True)
    response_url = models.CharField(max_length=255, blank=True, help_text="Where a partner wants its result.")

    response = EnumField(CommandResponseType, blank=True)
    timeout = models.PositiveIntegerField(null=True, help_text="Seconds, as the CPO said.")
    response_text = models.CharField(max_length=512, blank=True)
    result = EnumField(CommandResultType, blank=True)
    result_text = models.CharField(max_length=512, blank=True)
    result_fate = EnumField(choices=Fate.choices, blank=True, default="", max_length=20)
    result_fate_text = models.CharField(max_length=300, blank=True)
    stray_results = models.PositiveIntegerField(default=0, help_text="That came late or again, and changed nothing.")

    deadline = models.DateTimeField()
    asked_by = models.CharField(max_length=150, blank=True, help_text="Staff, an API key, a driver, or the partner.")
    by_driver = models.BooleanField(default=False)
    application = models.ForeignKey(
        Application,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        db_index=False,
        help_text="That hears of it.",
    )
    correlation_id = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField()
    responded_at = models.DateTimeField(null=True)
    resulted_at = models.DateTimeField(null=True)

    # ours to execute
    point = models.ForeignKey(
        Evse, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False, verbose_name="EVSE"
    )
    authorization = models.ForeignKey(
        Authorization, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    charge = models.ForeignKey(Session, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    holding = models.ForeignKey(
        "Reservation", on_delete=models.SET_NULL, null=True, related_name="commands", db_index=False
    )

    class Meta:
        permissions: ClassVar = [
            ("send_command", "Can start, stop, reserve and cancel at charge points"),
            ("unlock_connector", "Can unlock connectors at charge points"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(name="command_state_known", condition=Q(state__in=[state.value for state in State])),
            models.CheckConstraint(
                name="command_direction_known", condition=Q(direction__in=[each.value for each in Direction])
            ),
            models.CheckConstraint(
                name="command_over_a_connection", condition=Q(connection=None) ^ ~Q(direction="OWN")
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-id"], name="command_latest"),
            models.Index(
                fields=["deadline"],
                name="command_open",
                condition=Q(state__in=sorted(state.value for state in OPEN)),
            ),
            models.Index(fields=["connection", "-created_at", "-id"], name="command_connection"),
            models.Index(fields=["point", "-created_at"], name="command_point"),
            models.Index(fields=["charge"], name="command_charge", condition=~Q(charge=None)),
            models.Index(Upper("session_id"), name="command_session_id", condition=~Q(session_id="")),
            models.Index(Upper("reservation_id"), name="command_reservation_id", condition=~Q(reservation_id="")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.created_at:%Y-%m-%d %H:%M:%S}"

    def tree(self) -> dict[str, Any]:
        """The body as it was sent or received, in the newest version."""
        found: dict[str, Any] = DocumentField.read(self.document)
        return found


class CommandEvent(models.Model):
    """One moment of a command: what happened, what it moved, who said so. What moved nothing is one, too."""

    command = models.ForeignKey(Command, on_delete=models.CASCADE, related_name="events", db_index=False)
    at = models.DateTimeField()
    event = models.CharField(max_length=30)
    previous = models.CharField(max_length=20, blank=True)
    state = models.CharField(max_length=20, blank=True)
    value = models.CharField(max_length=40, blank=True, help_text="The CommandResponseType or CommandResultType.")
    by = models.CharField(max_length=150, blank=True)
    reason = models.CharField(max_length=512, blank=True)

    class Meta:
        ordering: ClassVar = ["at", "id"]
        indexes: ClassVar = [models.Index(fields=["command", "at", "id"], name="command_event_command")]

    def __str__(self) -> str:
        return f"{self.event} {self.command_id}"


class Reservation(models.Model):
    """An EVSE of ours, kept for a driver. Its row id is the number that the charge point gets; the eMSP's reservation_id means
    something only together with the eMSP (T-426)."""

    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="+", db_index=False)
    emsp = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="+", db_index=False)
    reservation_id = models.CharField(max_length=36)
    state = EnumField(choices=[(each.value, each.value) for each in Holding], max_length=20)
    location_id = models.CharField(max_length=36)
    evse = models.ForeignKey(Evse, on_delete=models.PROTECT, related_name="+", db_index=False)
    token_uid = models.CharField(max_length=36)
    token_type = EnumField(TokenType, max_length=255)
    group_id = models.CharField(max_length=36, blank=True)
    expires_at = models.DateTimeField()
    made_by = models.ForeignKey(
        Command,
        on_delete=models.PROTECT,
        related_name="made",
        db_index=False,
        help_text="The last RESERVE_NOW: who made it hears on its response_url when we cancel.",
    )
    session = models.ForeignKey(Session, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        permissions: ClassVar = [("withdraw_reservation", "Can cancel reservations that drivers made")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["evse"],
                name="reservation_one_an_evse",
                condition=Q(state__in=sorted(state.value for state in ONGOING)),
            ),
            models.UniqueConstraint(
                "party",
                "emsp",
                Upper("reservation_id"),
                name="reservation_once_an_emsp",
                condition=Q(state__in=sorted(state.value for state in ONGOING)),
            ),
            models.CheckConstraint(
                name="reservation_state_known", condition=Q(state__in=[state.value for state in Holding])
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["expires_at"],
                name="reservation_ongoing",
                condition=Q(state__in=sorted(state.value for state in ONGOING)),
            ),
            models.Index(fields=["-created_at", "-id"], name="reservation_latest"),
            models.Index(fields=["session"], name="reservation_session", condition=~Q(session=None)),
        ]

    def __str__(self) -> str:
        return f"{self.reservation_id} ({self.state})"
