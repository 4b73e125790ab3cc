"""Rows: BookableLocation (`BookingLocation` of the specification), its Calendars, and the openings in them.

A Calendar is a row of its own, as the URL addresses it. The document of a BookableLocation holds neither `calendars`
nor `last_updated`: a change of a calendar moves the latter (T-521), and both are spliced in. Withdrawn is what its
owner no longer lists; nothing is deleted (T-528).
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Upper

from backoffice import statements
from backoffice.documents import TIME_TEXT, Exchanged, Rendering, Shelf
from backoffice.fields import DocumentField, EnumField, NumberField
from backoffice.locations.models import Location
from ocpi.wire import bookings as wire
from ocpi.wire.base import date_time_text


class Decides(models.TextChoices):
    """Who says yes to a request for a place of ours."""

    ITSELF = "ITSELF", "at once, if it is free"
    STAFF = "STAFF", "staff"


class BookableLocation(Exchanged):
    """`mod_bookings#mod_bookings_bookinglocation_object`: one EVSE, or spaces of a kind, at a Location."""

    ours = models.BooleanField()
    location_id = models.CharField(max_length=36)
    evse_uid = models.CharField(max_length=36, blank=True, verbose_name="EVSE uid", help_text="#NA: not one, but any.")
    connector_id = models.CharField(max_length=36, blank=True)
    reservation_required = models.BooleanField(default=False, help_text="Nobody may charge here who has not booked.")
    withdrawn_at = models.DateTimeField(null=True, help_text="When its owner no longer offered it.")

    # what the document does not say
    premises = models.ForeignKey(
        Location, on_delete=models.SET_NULL, null=True, related_name="bookable", db_index=False
    )
    time_zone = models.CharField(max_length=255, blank=True, default="", db_default="", help_text="Of the Location.")
    shared = models.BooleanField(default=True, db_default=True, help_text="Ours only: partners hear of it.")
    decides = EnumField(
        choices=Decides.choices, default=Decides.ITSELF.value, db_default="ITSELF", help_text="Ours only: who says yes."
    )
    shortest = models.PositiveIntegerField(null=True, help_text="Ours only: minutes of the shortest booking.")
    longest = models.PositiveIntegerField(null=True, help_text="Ours only: minutes of the longest booking.")

    class Meta:
        verbose_name = "bookable location"
        permissions: ClassVar = [
            ("publish_place", "Can make locations bookable, change their calendars and block slots")
        ]
        constraints: ClassVar = [models.UniqueConstraint("party", Upper("object_id"), name="place_once")]
        indexes: ClassVar = [
            models.Index(fields=["party", "id"], name="place_page"),
            models.Index(fields=["party", "last_updated", "id"], name="place_delta"),
            models.Index(fields=["-last_updated", "-id"], name="place_latest"),
            models.Index("party", Upper("location_id"), name="place_at_location"),
            models.Index(fields=["premises"], name="place_location"),
            GinIndex(fields=["object_id"], name="place_id_words", opclasses=["gin_trgm_ops"]),
        ]

    def offer(self) -> dict[str, Any]:
        """The object without its calendars, which may be long: what can be booked, and on which terms."""
        found: dict[str, Any] = DocumentField.read(self.document)
        return found | {"last_updated": date_time_text(self.last_updated)}

    def tree(self) -> dict[str, Any]:
        """The whole object as served in the newest version."""
        (row,) = statements.run(f"SELECT {PARTS} FROM bookings_bookablelocation d WHERE d.id = %s", [self.pk])
        found: dict[str, Any] = DocumentField.read(b"".join(calendars_splice(*row)))
        return found


class Calendar(models.Model):
    """`mod_bookings#mod_bookings_calendar_object`, whole in `document`. Of ours, the document says what is still free
    of what its openings offer; of a partner's, what it told us."""

    place = models.ForeignKey(BookableLocation, on_delete=models.CASCADE, related_name="calendars", db_index=False)
    object_id = models.CharField(max_length=36, verbose_name="id")
    document = DocumentField()
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    step = models.PositiveIntegerField(null=True, help_text="Minutes: bookings begin and end at multiples of it.")
    last_updated = models.DateTimeField()
    listed = models.BooleanField(
        default=True,
        db_default=True,
        help_text="Off while nothing of it is free: a Calendar cannot say so, for it has at least one timeslot.",
    )

    class Meta:
        ordering: ClassVar = ["begins_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint("place", Upper("object_id"), name="calendar_once"),
        ]

    def __str__(self) -> str:
        return self.object_id

    def tree(self) -> dict[str, Any]:
        found: dict[str, Any] = DocumentField.read(self.document)
        return found


class Opening(models.Model):
    """A stretch of a calendar in which a place can be booked, before anybody has. Powers in W."""

    calendar = models.ForeignKey(Calendar, on_delete=models.CASCADE, related_name="openings", db_index=False)
    place = models.ForeignKey(BookableLocation, on_delete=models.CASCADE, related_name="openings", db_index=False)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    min_power = NumberField(null=True, help_text="W, guaranteed.")
    max_power = NumberField(null=True, help_text="W.")
    green = models.BooleanField(null=True, help_text="Green energy.")

    class Meta:
        ordering: ClassVar = ["starts_at", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="opening_ends_after_it_starts", condition=models.Q(ends_at__gt=models.F("starts_at"))
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["calendar", "starts_at"], name="opening_calendar"),
            models.Index(fields=["place", "starts_at"], include=["ends_at"], name="opening_place"),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} to {self.ends_at:%H:%M}"


class PlaceRendering(Rendering):
    """Another edition's form of a BookableLocation."""

    place = models.ForeignKey(BookableLocation, on_delete=models.CASCADE, related_name="+", db_index=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["place", "version", "audience"], name="place_rendering_once")
        ]


PARTS = f"""d.document,
    (SELECT string_agg(c.document, ',' ORDER BY c.id) FROM bookings_calendar c WHERE c.place_id = d.id
        AND c.listed),
    {TIME_TEXT.format("d.last_updated")}"""
"""What a served BookingLocation is made of, as SQL; `calendars_splice` makes it."""


def calendars_splice(document: bytes, calendars: bytes | None, last_updated: bytes) -> tuple[bytes, ...]:
    """The whole BookingLocation, as pieces of JSON."""
    listed = () if calendars is None else (b',"calendars":[', calendars, b"]")
    return (document[:-1], *listed, b',"last_updated":"', last_updated, b'"}')


WITHHELD = """NOT d.shared OR EXISTS (SELECT 1 FROM locations_withholding w
    WHERE w.location_id = d.premises_id AND w.connection_id = %(connection)s)"""
"""Places `d` of ours that a peer must not know of, as SQL."""

PLACES = Shelf(
    cls=wire.BookingLocation,
    table="bookings_bookablelocation",
    rendering="bookings_placerendering",
    owner_column="place_id",
    module="booking_locations",
    parts=PARTS,
    splice=calendars_splice,
    hidden=f"{WITHHELD} OR d.withdrawn_at IS NOT NULL",
)
