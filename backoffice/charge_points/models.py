"""Rows: Order, something that a station is asked to do, with its events; Driver, a program that speaks with stations; and
StationSystem, one that stands outside and speaks with us over the charge-station API.

What hardware reports leaves no row here: it becomes a status, an authorization, a session in the rooms of these.
"""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from backoffice.api.models import Application
from backoffice.charge_points.rules.orders import OPEN, Happening, Kind, State
from backoffice.fields import DocumentField, EnumField
from ocpi.wire.commands import CommandResultType


class Order(models.Model):
    """Asked by `purpose` (an app) under that app's own `key`, which is told what came of it."""

    uid = models.CharField(max_length=32, unique=True, help_text="By which a station answers; unguessable.")
    at = models.DateTimeField()
    # by name: this room imports nothing of locations
    evse = models.ForeignKey(
        "locations.Evse", on_delete=models.CASCADE, related_name="+", db_index=False, verbose_name="EVSE"
    )
    kind = EnumField(Kind)
    arguments = DocumentField(help_text="The fields of the gateway's value of this kind.")
    deadline = models.DateTimeField()
    purpose = models.CharField(max_length=40)
    key = models.CharField(max_length=64)
    state = EnumField(State, default=State.WAITING.value)
    taken_by = models.CharField(max_length=80, blank=True, help_text="The driver that took it to the station.")
    taken_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    outcome = EnumField(CommandResultType, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    answer = DocumentField(blank=True, default="", help_text="An ActiveChargingProfile, where one was asked for.")
    late = models.PositiveIntegerField(
        default=0, help_text="Answers without effect: given again, or after it had expired."
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["purpose", "key"], name="order_once"),
            models.CheckConstraint(name="order_state_known", condition=Q(state__in=[state.value for state in State])),
        ]
        indexes: ClassVar = [
            models.Index(fields=["evse", "-at", "-id"], name="order_evse"),
            models.Index(
                fields=["deadline"],
                name="order_open",
                condition=Q(state__in=sorted(state.value for state in OPEN)),
            ),
            models.Index(fields=["id"], include=["evse"], name="order_waiting", condition=Q(state=State.WAITING.value)),
        ]

    def __str__(self) -> str:
        return f"{self.kind.replace('_', ' ').capitalize()}, {self.at:%Y-%m-%d %H:%M:%S} UTC"


class OrderEvent(models.Model):
    """One thing that happened to an order: a move, or an answer that had no effect."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="events", db_index=False)
    at = models.DateTimeField()
    what = EnumField(Happening)
    by = models.CharField(max_length=80, blank=True)
    outcome = EnumField(CommandResultType, blank=True)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [models.Index(fields=["order", "id"], name="order_event_order")]

    def __str__(self) -> str:
        return f"{self.what} {self.order_id}"


class Driver(models.Model):
    """A program on this platform that speaks with stations, and which EVSEs it drives. Kept alive by its `seen_at`."""

    name = models.CharField(max_length=80, unique=True)
    seen_at = models.DateTimeField()
    points = ArrayField(models.BigIntegerField(), default=list, help_text="The EVSEs it drives, by their rows.")

    def __str__(self) -> str:
        return self.name


class StationSystem(models.Model):
    """A charge-station system of a company of ours that stands outside: what it is allowed is its application's business, what
    it is about are its locations."""

    application = models.OneToOneField(
        Application, on_delete=models.CASCADE, primary_key=True, related_name="station_system"
    )

    class Meta:
        verbose_name = "station system"

    def __str__(self) -> str:
        return str(self.application)

    @property
    def driver(self) -> str:
        """Its name among those that drive hardware."""
        return f"station system {self.pk}"


class StationLink(models.Model):
    """This location's hardware is driven by this system, and by nobody else."""

    system = models.ForeignKey(StationSystem, on_delete=models.CASCADE, related_name="links")
    location = models.OneToOneField("locations.Location", on_delete=models.CASCADE, related_name="station_link")

    def __str__(self) -> str:
        return f"{self.location_id} by {self.system_id}"
