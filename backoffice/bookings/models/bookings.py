"""Rows: Booking (ours as CPO, a partner's as eMSP), every request for it, the tokens that open it, and what happened.

Columns beside `document` are projections, written with it by `actions` and nowhere else, or say what the document
cannot. A Booking that a partner has not answered yet is not there: the request of ours is (`BookingAsked`, without a
booking).
"""

from __future__ import annotations

import secrets
from typing import Any, ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from backoffice.api.models import Application
from backoffice.bookings.models.places import BookableLocation
from backoffice.bookings.rules.states import LIVE, Asking, Way
from backoffice.documents import Exchanged, Rendering, Shelf
from backoffice.fields import DocumentField, EnumField
from backoffice.locations.models import Evse
from backoffice.partners.models import Connection, Party
from backoffice.sessions.models import Session
from ocpi.wire import bookings as wire
from ocpi.wire.bookings import CanceledReason, ReservationRequestStatus, ReservationStatus
from ocpi.wire.types import TokenType

_LIVE = sorted(status.value for status in LIVE)


def unguessable() -> str:
    """128 bits: the key of the errand that carries a request."""
    return secrets.token_hex(16)


class Booking(Exchanged):
    """`mod_bookings#mod_bookings_booking_object`, whole in `document`. `party` is the CPO. Never deleted (T-528).

    `evse_uid`, `connector_id` are as told, #NA included. The times that follow from the terms: `change_until`,
    `cancel_until`, `early_from`, `noshow_at` (none: no time-out), `late_until`.
    """

    ours = models.BooleanField(help_text="At a charge point of ours; otherwise a driver of ours booked at a partner's.")
    emsp = models.ForeignKey(
        Party, on_delete=models.PROTECT, related_name="+", db_index=False, help_text="Whose driver booked."
    )
    request_id = models.CharField(max_length=36, help_text="Chosen by the eMSP, the same for all that it asks of it.")
    status = EnumField(ReservationStatus)
    request_status = EnumField(ReservationRequestStatus, help_text="Of the last request.")
    location_id = models.CharField(max_length=36)
    evse_uid = models.CharField(max_length=36, blank=True, verbose_name="EVSE uid")
    connector_id = models.CharField(max_length=36, blank=True)
    parking_id = models.CharField(max_length=36, blank=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    power = models.PositiveIntegerField(null=True, help_text="W that are kept for it.")
    authorization_reference = models.CharField(max_length=36)
    canceled_reason = EnumField(CanceledReason, blank=True)
    canceled_by = models.CharField(max_length=10, blank=True, help_text="CPO or EMSP.")
    change_until = models.DateTimeField(null=True, help_text="Empty: it cannot be changed.")
    cancel_until = models.DateTimeField()
    early_from = models.DateTimeField(help_text="From when a charge on it may begin.")
    noshow_at = models.DateTimeField(null=True, help_text="When nobody has come, it is let go. Empty: never.")
    late_until = models.DateTimeField(help_text="Until when a charge on it may last.")
    exclusive = models.BooleanField(help_text="Its tokens may not be in another such booking at the same time.")

    # what the document does not say
    connection = models.ForeignKey(
        Connection,
        on_delete=models.PROTECT,
        null=True,
        related_name="bookings",
        db_index=False,
        help_text="Over which it was asked for. Empty: both companies are ours.",
    )
    place = models.ForeignKey(BookableLocation, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    time_zone = models.CharField(max_length=255, blank=True, default="", db_default="", help_text="Of the Location.")
    evse = models.ForeignKey(
        Evse,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name="EVSE",
        help_text="Ours only: assigned.",
    )
    session = models.ForeignKey(
        Session,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        db_index=False,
        help_text="The charge on it, or what its no-show or cancellation is billed by.",
    )
    moved_at = models.DateTimeField(help_text="When its reservation status last changed here.")

    class Meta:
        permissions: ClassVar = [
            ("decide_booking", "Can accept, decline, assign, move and cancel bookings at charge points of ours"),
            ("make_booking", "Can book, change and cancel at partners for drivers of ours"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint("party", Upper("object_id"), name="booking_once"),
            models.UniqueConstraint("party", "emsp", Upper("request_id"), name="booking_once_a_request"),
            models.CheckConstraint(
                name="booking_status_known", condition=Q(status__in=[status.value for status in ReservationStatus])
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["party", "emsp", "id"], name="booking_page"),
            models.Index(fields=["party", "emsp", "last_updated", "id"], name="booking_delta"),
            models.Index(fields=["-starts_at", "-id"], name="booking_latest"),
            models.Index(fields=["place", "starts_at"], name="booking_place"),
            models.Index(fields=["evse", "starts_at"], name="booking_evse", condition=Q(evse__isnull=False)),
            models.Index(fields=["starts_at"], name="booking_live", condition=Q(status__in=_LIVE)),
            models.Index(
                fields=["noshow_at"],
                name="booking_overdue",
                condition=Q(status="RESERVED", ours=True, noshow_at__isnull=False),
            ),
            models.Index(fields=["session"], name="booking_session", condition=Q(session__isnull=False)),
            models.Index(Upper("authorization_reference"), name="booking_authorization"),
            GinIndex(fields=["object_id"], name="booking_id_words", opclasses=["gin_trgm_ops"]),
            GinIndex(fields=["request_id"], name="booking_request_words", opclasses=["gin_trgm_ops"]),
        ]

    def tree(self) -> dict[str, Any]:
        """The whole object in the newest version."""
        found: dict[str, Any] = DocumentField.read(self.document)
        return found


class BookingAsked(models.Model):
    """One request: for a booking, its change or its cancellation. `document` is the BookingRequest as it was sent or
    received.

    A second POST with the same content is the same request. `way`: how far one of ours has come.
    """

    uid = models.CharField(max_length=32, default=unguessable, unique=True, editable=False)
    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, null=True, related_name="requests", db_index=False)
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    emsp = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="+", db_index=False)
    cpo = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="+", db_index=False)
    place = models.ForeignKey(BookableLocation, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    request_id = models.CharField(max_length=36)
    asks = EnumField(choices=[(each.value, each.value) for each in Asking], max_length=10)
    way = EnumField(choices=[(each.value, each.value) for each in Way], max_length=10)
    status = EnumField(ReservationRequestStatus)
    document = DocumentField()
    received_at = models.DateTimeField(help_text="request_received; of one of ours, when it was made.")
    power = models.PositiveIntegerField(null=True, help_text="W that are kept for it, if it is granted.")
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=150, blank=True)
    reason = models.CharField(max_length=512, blank=True, help_text="Why it was declined, or failed.")
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

    class Meta:
        verbose_name = "booking request"
        ordering: ClassVar = ["received_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["booking"], name="asked_one_waits", condition=Q(status="PENDING", booking__isnull=False)
            ),
            models.CheckConstraint(
                name="asked_status_known", condition=Q(status__in=[each.value for each in ReservationRequestStatus])
            ),
            models.CheckConstraint(name="asked_way_known", condition=Q(way__in=[each.value for each in Way])),
        ]
        indexes: ClassVar = [
            models.Index(fields=["booking", "received_at", "id"], name="asked_booking"),
            models.Index("emsp", "cpo", Upper("request_id"), name="asked_request"),
            models.Index(fields=["received_at"], name="asked_waiting", condition=Q(status="PENDING")),
            models.Index(fields=["-received_at", "-id"], name="asked_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.asks} {self.request_id}"

    def tree(self) -> dict[str, Any]:
        """The BookingRequest in the newest version."""
        found: dict[str, Any] = DocumentField.read(self.document)
        return found


class BookedToken(models.Model):
    """A token that opens a booking. `key`: owner, type and uid in upper case. While the booking is live and its terms
    forbid that a token is in two bookings at a time, the rows keep each other apart."""

    booking = models.ForeignKey(Booking, on_delete=models.CASCADE, related_name="tokens", db_index=False)
    key = models.CharField(max_length=310)
    country_code = models.CharField(max_length=2)
    party_id = models.CharField(max_length=3)
    uid = models.CharField(max_length=36)
    type = EnumField(TokenType, max_length=255)
    contract_id = models.CharField(max_length=36)
    period = DateTimeRangeField()
    exclusive = models.BooleanField(help_text="Live, and nothing else may be booked with it meanwhile.")

    class Meta:
        constraints: ClassVar = [
            ExclusionConstraint(
                name="token_in_one_booking",
                expressions=[
                    ("key", RangeOperators.EQUAL),
                    ("period", RangeOperators.OVERLAPS),
                    ("booking", RangeOperators.NOT_EQUAL),
                ],
                condition=Q(exclusive=True),
            ),
            models.UniqueConstraint(fields=["booking", "key"], name="booked_token_once"),
        ]
        indexes: ClassVar = [models.Index(Upper("uid"), name="booked_token_uid")]

    def __str__(self) -> str:
        return f"{self.uid} for {self.booking_id}"


class BookingEvent(models.Model):
    """One moment of a booking: what happened, what it moved, who said so. What moved nothing is one, too."""

    booking = models.ForeignKey(Booking, on_delete=models.CASCADE, null=True, related_name="events", db_index=False)
    asked = models.ForeignKey(BookingAsked, on_delete=models.CASCADE, null=True, related_name="events", db_index=False)
    at = models.DateTimeField()
    event = models.CharField(max_length=30)
    previous = EnumField(ReservationStatus, blank=True)
    status = EnumField(ReservationStatus, blank=True)
    by = models.CharField(max_length=150, blank=True)
    reason = models.CharField(max_length=512, blank=True)

    class Meta:
        ordering: ClassVar = ["at", "id"]
        indexes: ClassVar = [
            models.Index(fields=["booking", "at", "id"], name="booking_event_booking"),
            models.Index(fields=["asked"], name="booking_event_asked", condition=~Q(asked=None)),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.booking_id}"


class BookingRendering(Rendering):
    """Another edition's form of a Booking."""

    booking = models.ForeignKey(Booking, on_delete=models.CASCADE, related_name="+", db_index=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["booking", "version", "audience"], name="booking_rendering_once")
        ]


READABLE = "d.emsp_id = ANY(%(theirs)s::bigint[])"
"""Whose booking `d` of ours a peer may know of, as SQL: those of its own drivers."""

SHELF = Shelf(
    cls=wire.Booking,
    table="bookings_booking",
    rendering="bookings_bookingrendering",
    owner_column="booking_id",
    module="bookings",
    hidden=f"NOT ({READABLE})",
)
