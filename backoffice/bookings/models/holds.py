"""Rows: Hold, what the charge station of a booked EVSE was asked to keep, and how far it has come with it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from backoffice.bookings.models.bookings import Booking
from backoffice.bookings.rules import holds
from backoffice.fields import DocumentField, EnumField
from backoffice.locations.models import Evse

_WANTED = sorted(state.value for state in holds.WANTED)


class Hold(models.Model):
    """An EVSE of ours that its station is to keep for a booking. A booking that moves to another EVSE has another one.

    `number`: what the station calls it, of the sequence that numbers reservations, so that no two mean the same. `until`: as it
    was last asked. `known`: the station keeps it, or may. `again_at`: when it is asked again what it refused.
    """

    booking = models.ForeignKey(Booking, on_delete=models.CASCADE, related_name="holds", db_index=False)
    evse = models.ForeignKey(Evse, on_delete=models.CASCADE, related_name="+", db_index=False)
    number = models.BigIntegerField(unique=True)
    state = EnumField(holds.Stage)
    until = models.DateTimeField()
    told = DocumentField(blank=True, default="", db_default="", help_text="The arguments with which it was last asked.")
    generation = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Of the booking, when that was compared."
    )
    known = models.BooleanField(default=False)
    tries = models.PositiveIntegerField(default=0)
    again_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=500, blank=True, help_text="What the station said last against it.")
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "kept EVSE"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["booking"], name="hold_one_a_booking", condition=Q(state__in=_WANTED)),
            models.UniqueConstraint(fields=["evse"], name="hold_one_an_evse", condition=Q(state__in=_WANTED)),
            models.CheckConstraint(
                name="hold_state_known", condition=Q(state__in=[each.value for each in holds.Stage])
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["booking"], name="hold_booking"),
            models.Index(fields=["id"], name="hold_open", condition=~Q(state=holds.Stage.OVER.value)),
        ]

    def __str__(self) -> str:
        return f"{self.number} ({self.state})"
