"""Rows: Location (everything but its EVSEs and last_updated), Evse (with its connectors), StatusEvent, Withholding; and which
connector offers which tariff.

An EVSE has a row of its own because the URL addresses it and a status PATCH must stay small; the served Location is spliced
from both. Columns beside `document` are projections, written by the `store_` actions together with it and nowhere else.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Upper

from backoffice import statements
from backoffice.documents import TIME_TEXT, Exchanged, Rendering, Shelf
from backoffice.fields import DocumentField, EnumField
from backoffice.partners.models import Connection
from ocpi.wire import locations as wire
from ocpi.wire.locations import Status


class Location(Exchanged):
    """`mod_locations#location_object`. The document holds neither `evses` nor `last_updated`: they are spliced in."""

    name = models.CharField(max_length=255, blank=True)
    address = models.CharField(max_length=255)
    city = models.CharField(max_length=45)
    postal_code = models.CharField(max_length=10, blank=True)
    country = models.CharField(max_length=3)
    latitude = models.FloatField(null=True)
    longitude = models.FloatField(null=True)
    time_zone = models.CharField(max_length=255)
    publish = models.BooleanField()
    # of its EVSEs, so that whoever looks for one that can so much reads no location that cannot
    max_power = models.PositiveIntegerField(default=0, db_default=0, help_text="W, of its strongest EVSE, or more.")
    connector_types = ArrayField(
        models.CharField(max_length=40),
        default=list,
        db_default=[],
        help_text="Of its EVSEs. One that changed by itself may have lost some: a store of the whole Location says.",
    )
    shared = models.BooleanField(
        default=True, help_text="Ours only: partners hear of it. Off while it is being prepared or is not for roaming."
    )

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint("party", Upper("object_id"), name="location_once")]
        indexes: ClassVar = [
            models.Index(fields=["party", "id"], name="location_page"),
            models.Index(fields=["party", "last_updated", "id"], name="location_delta"),
            models.Index(fields=["country", "city"], name="location_place"),
            models.Index(fields=["-last_updated", "-id"], name="location_latest"),
            models.Index(fields=["latitude", "longitude"], name="location_map"),
            GinIndex(fields=["name"], name="location_name_words", opclasses=["gin_trgm_ops"]),
            GinIndex(fields=["city"], name="location_city_words", opclasses=["gin_trgm_ops"]),
        ]

    def __str__(self) -> str:
        return self.name or self.object_id

    def tree(self) -> dict[str, Any]:
        """The whole object as served in the newest version."""
        (row,) = statements.run(f"SELECT {PARTS} FROM locations_location d WHERE d.id = %s", [self.pk])
        found: dict[str, Any] = DocumentField.read(b"".join(splice(*row)))
        return found


class Evse(models.Model):
    """`mod_locations#evse_object` with its connectors, whole in `document`. `listed`: part of its Location's newest version."""

    location = models.ForeignKey(Location, on_delete=models.CASCADE, related_name="evses", db_index=False)
    uid = models.CharField(max_length=36)
    evse_id = models.CharField(max_length=48, blank=True, verbose_name="EVSE id")
    status = EnumField(Status)
    status_since = models.DateTimeField()
    last_updated = models.DateTimeField()
    document = DocumentField()
    position = models.PositiveIntegerField(default=0)
    listed = models.BooleanField(default=True)
    max_power = models.PositiveIntegerField(default=0, help_text="W, of its strongest connector.")
    connector_types = ArrayField(models.CharField(max_length=40), default=list)
    capabilities = ArrayField(models.CharField(max_length=60), default=list)

    class Meta:
        verbose_name = "EVSE"
        verbose_name_plural = "EVSEs"
        ordering: ClassVar = ["position", "id"]
        constraints: ClassVar = [models.UniqueConstraint("location", Upper("uid"), name="evse_once")]
        indexes: ClassVar = [
            models.Index(Upper("evse_id"), name="evse_by_evse_id"),
            models.Index(fields=["status", "status_since"], name="evse_board"),
            GinIndex(fields=["connector_types"], name="evse_connectors"),
        ]

    def __str__(self) -> str:
        return self.evse_id or self.uid


class ConnectorTariff(models.Model):
    """A projection of `tariff_ids`: this connector offers this tariff."""

    evse = models.ForeignKey(Evse, on_delete=models.CASCADE, related_name="offers", db_index=False)
    connector_id = models.CharField(max_length=36)
    tariff_id = models.CharField(max_length=36)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["evse", "connector_id", "tariff_id"], name="connector_tariff_once")
        ]
        indexes: ClassVar = [models.Index(Upper("tariff_id"), name="connector_tariff_by_id")]

    def __str__(self) -> str:
        return f"{self.tariff_id} at {self.evse} {self.connector_id}"


class StatusEvent(models.Model):
    """One change of an EVSE's status: what it became, from what, when, and who said so."""

    evse = models.ForeignKey(Evse, on_delete=models.CASCADE, related_name="status_events", db_index=False)
    at = models.DateTimeField()
    status = EnumField(Status)
    previous = EnumField(Status, blank=True)
    source = models.CharField(max_length=40, help_text="partner, charge point, staff or import")
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        indexes: ClassVar = [models.Index(fields=["evse", "-at"], name="status_event_evse")]

    def __str__(self) -> str:
        return f"{self.previous} -> {self.status}"


class Withholding(models.Model):
    """This partner must not see this location of ours."""

    location = models.ForeignKey(Location, on_delete=models.CASCADE, related_name="withholdings")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["connection", "location"], name="withheld_once")]

    def __str__(self) -> str:
        return f"{self.location} from {self.connection}"


class LocationRendering(Rendering):
    """The 2.2.1 form of a Location."""

    location = models.ForeignKey(Location, on_delete=models.CASCADE, related_name="+", db_index=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["location", "version", "audience"], name="location_rendering_once")
        ]


PARTS = f"""d.document,
    (SELECT string_agg(e.document, ',' ORDER BY e.position, e.id) FROM locations_evse e
     WHERE e.location_id = d.id AND e.listed),
    {TIME_TEXT.format("d.last_updated")}"""
"""What a served Location is made of, as SQL; `splice` makes it. Joined in SQL, a page would be copied four times more."""


def splice(document: bytes, evses: bytes | None, last_updated: bytes) -> tuple[bytes, ...]:
    """The whole Location in the newest version, as pieces of JSON."""
    listed = () if evses is None else (b',"evses":[', evses, b"]")
    return (document[:-1], *listed, b',"last_updated":"', last_updated, b'"}')


SHELF = Shelf(
    cls=wire.Location,
    table="locations_location",
    rendering="locations_locationrendering",
    owner_column="location_id",
    module="locations",
    parts=PARTS,
    splice=splice,
    hidden="""NOT d.shared OR EXISTS (SELECT 1 FROM locations_withholding w
        WHERE w.location_id = d.id AND w.connection_id = %(connection)s)""",
)
