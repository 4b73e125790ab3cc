"""Rows that say who has what when: Resource (spaces that are alike, or the power of a location), its Spaces, Claims,
SlotUses, Blocks.

Never two winners, and no code of ours decides that: an exclusion constraint keeps claims of one EVSE apart, and a check
keeps what is used of a resource in a unit of time within its capacity. An EVSE is a space of one resource only, so no
two of them can promise it. `holder` is who claims: a booking by its row id, a block by the negative of its own. What
one holder claims twice does not exclude itself: so a booking can ask to be moved by half an hour and keep what it has
until the answer.
"""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.contrib.postgres.indexes import GistIndex
from django.db import models
from django.db.models import F, Q

from backoffice.bookings.models.bookings import Booking, BookingAsked
from backoffice.bookings.models.places import BookableLocation
from backoffice.fields import EnumField
from backoffice.locations.models import Evse, Location


class Of(models.TextChoices):
    """What a resource is a number of."""

    SPACES = "SPACES", "spaces"
    POWER = "POWER", "W"


class Resource(models.Model):
    """So many spaces that are alike for who books (`option`: those of a bookable parking option of the place), or so
    many W that a location has for bookings. Use is counted per unit of so many minutes, which divides the steps of the
    place's calendars."""

    of = EnumField(choices=Of.choices, max_length=10)
    place = models.ForeignKey(
        BookableLocation, on_delete=models.CASCADE, null=True, related_name="resources", db_index=False
    )
    option = models.PositiveIntegerField(null=True, help_text="Which bookable_parking_option of the place.")
    location = models.ForeignKey(Location, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    unit = models.PositiveIntegerField(default=15, help_text="Minutes.")
    capacity = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["place", "option"], name="resource_once", condition=Q(of="SPACES"), nulls_distinct=False
            ),
            models.UniqueConstraint(fields=["location"], name="resource_power_once", condition=Q(of="POWER")),
            models.CheckConstraint(
                name="resource_of_something",
                condition=Q(of="SPACES", place__isnull=False, location=None)
                | Q(of="POWER", place=None, location__isnull=False),
            ),
            models.CheckConstraint(name="resource_unit", condition=Q(unit__gte=1, unit__lte=1440)),
        ]

    def __str__(self) -> str:
        return f"{self.capacity} {self.of} of {self.place or self.location}"


class Space(models.Model):
    """An EVSE behind a resource."""

    resource = models.ForeignKey(Resource, on_delete=models.CASCADE, related_name="spaces", db_index=False)
    evse = models.OneToOneField(Evse, on_delete=models.CASCADE, related_name="space")
    parking_id = models.CharField(max_length=36, blank=True, help_text="Of the parking place it stands at.")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["resource"], name="space_resource")]

    def __str__(self) -> str:
        return str(self.evse)


class Block(models.Model):
    """Staff keep spaces out of the calendar for a while: works, an event. `evse`: this one; else `spaces` of them."""

    resource = models.ForeignKey(Resource, on_delete=models.CASCADE, related_name="blocks", db_index=False)
    evse = models.ForeignKey(Evse, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    spaces = models.PositiveIntegerField(default=1)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=200)
    by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["starts_at", "id"]
        indexes: ClassVar = [models.Index(fields=["resource", "starts_at"], name="block_resource")]
        constraints: ClassVar = [
            models.CheckConstraint(name="block_ends_after_it_starts", condition=Q(ends_at__gt=F("starts_at")))
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} {self.reason}"


class Claim(models.Model):
    """What a live booking, a change that waits for its answer, or a block keeps of a resource. Gone when it is let go.

    `evse`: the one it is to be; none while any of the resource will do. `amount`: spaces, or W.
    """

    holder = models.BigIntegerField(help_text="A booking's row id, or minus a block's.")
    booking = models.ForeignKey(Booking, on_delete=models.CASCADE, null=True, related_name="claims", db_index=False)
    asked = models.ForeignKey(
        BookingAsked,
        on_delete=models.CASCADE,
        null=True,
        related_name="claims",
        db_index=False,
        help_text="The change that it waits for; none: it stands.",
    )
    block = models.ForeignKey(Block, on_delete=models.CASCADE, null=True, related_name="claims", db_index=False)
    resource = models.ForeignKey(Resource, on_delete=models.CASCADE, related_name="claims", db_index=False)
    evse = models.ForeignKey(Evse, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    period = DateTimeRangeField()
    amount = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [
            ExclusionConstraint(
                name="claim_one_an_evse",
                expressions=[
                    ("evse", RangeOperators.EQUAL),
                    ("period", RangeOperators.OVERLAPS),
                    ("holder", RangeOperators.NOT_EQUAL),
                ],
                condition=Q(evse__isnull=False),
            ),
            models.CheckConstraint(
                name="claim_of_one",
                condition=Q(booking__isnull=False, block=None) | Q(booking=None, block__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["booking"], name="claim_booking"),
            models.Index(fields=["block"], name="claim_block", condition=~Q(block=None)),
            models.Index(fields=["resource", "period"], name="claim_of_resource"),
            GistIndex(fields=["period"], name="claim_period"),
        ]

    def __str__(self) -> str:
        return f"{self.holder} {self.period}"


class SlotUse(models.Model):
    """How much of a resource is used in the unit that starts then. There is a row where something is, or was."""

    resource = models.ForeignKey(Resource, on_delete=models.CASCADE, related_name="uses", db_index=False)
    starts_at = models.DateTimeField()
    used = models.PositiveIntegerField()
    capacity = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["resource", "starts_at"], name="slot_once"),
            models.CheckConstraint(name="slot_within_capacity", condition=Q(used__lte=F("capacity"))),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["starts_at"], include=["resource"], name="slot_full", condition=Q(used__gte=F("capacity"))
            )
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} {self.used}/{self.capacity}"
