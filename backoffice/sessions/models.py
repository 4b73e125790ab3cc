"""Rows: Session (ours as CPO, a partner's as eMSP), what the meter told, what happened, what drivers asked for, and who steers.

Columns beside `document` are projections, written with it by `actions` and nowhere else, or say what the document cannot: the
hardware's transaction, the tariff version that prices it, what we calculate, that staff set it aside.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper

from backoffice.documents import Exchanged, Rendering, Shelf
from backoffice.fields import Bare, DocumentField, EnumField, NumberField
from backoffice.locations.models import Evse
from backoffice.partners.models import Party
from backoffice.sessions.rules.states import ONGOING, SessionMove
from backoffice.tariffs.models import TariffVersion
from backoffice.tariffs.rules.policy import Outcome
from backoffice.tariffs.rules.splitting import Activity
from backoffice.tokens.models import Authorization
from ocpi.wire import sessions as wire
from ocpi.wire.cdrs import AuthMethod
from ocpi.wire.sessions import SessionStatus
from ocpi.wire.types import TokenType


def _prefix(field: str, name: str) -> models.Index:
    """Finds what an id begins with, the latest charge first."""
    return models.Index(OpClass(Bare(F(field)), name="text_pattern_ops"), F("starts_at").desc(), name=name)


class Session(Exchanged):
    """`mod_sessions#mod_sessions_session_object`, whole in `document`. Never deleted (T-250)."""

    ours = models.BooleanField(
        help_text="At a charge point of ours; otherwise a driver of ours charges at a partner's."
    )
    emsp = models.ForeignKey(
        Party, on_delete=models.PROTECT, related_name="+", db_index=False, help_text="Owner of the token: who pays."
    )
    status = EnumField(SessionStatus)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    kwh = NumberField()
    currency = models.CharField(max_length=3)
    total_excl = NumberField(null=True, help_text="total_cost.before_taxes as the document says it.")
    total_incl = NumberField(null=True, help_text="With all taxes, where they are named.")
    token_uid = models.CharField(max_length=36)
    token_type = EnumField(TokenType, max_length=255)
    contract_id = models.CharField(max_length=36)
    auth_method = EnumField(AuthMethod)
    authorization_reference = models.CharField(max_length=36, blank=True)
    location_id = models.CharField(max_length=36)
    evse_uid = models.CharField(max_length=36)
    connector_id = models.CharField(max_length=36)
    power_kw = NumberField(null=True, help_text="What flowed when it was last told of, as far as that is known.")

    # what the document does not say
    evse_id = models.CharField(max_length=48, blank=True, default="", db_default="", verbose_name="EVSE id")
    location_name = models.CharField(max_length=255, blank=True, default="", db_default="")
    time_zone = models.CharField(max_length=255, blank=True, default="", db_default="", help_text="Of the location.")
    moved_at = models.DateTimeField(help_text="When we last heard of it.")
    our_excl = NumberField(null=True, help_text="What it costs so far by our own calculation.")
    our_incl = NumberField(null=True)
    priced_at = models.DateTimeField(null=True, help_text="When that was calculated; empty: it has moved since.")
    tariff_version = models.ForeignKey(
        TariffVersion,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        help_text="The price as it was when the session began. Empty: free, or not known.",
    )
    cdr_known_at = models.DateTimeField(null=True, help_text="When its CDR was issued or received.")
    noticed = models.CharField(max_length=20, blank=True, default="", db_default="", help_text="What a sweep found.")
    asked_at = models.DateTimeField(null=True, help_text="When we last asked the partner about it.")
    stuck = models.CharField(max_length=200, blank=True, default="", db_default="", help_text="Why staff set it aside.")

    # ours only
    reservation = EnumField(
        Outcome, blank=True, default="", db_default="", help_text="What became of the reservation it began as."
    )
    group_id = models.CharField(
        max_length=36, blank=True, default="", db_default="", help_text="Of the token that reserved."
    )
    booking_id = models.CharField(
        max_length=36, blank=True, default="", db_default="", help_text="The Booking that it is the charge of."
    )
    booked_until = models.DateTimeField(null=True, help_text="When that booking ends.")
    point = models.ForeignKey(
        Evse, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False, verbose_name="EVSE"
    )
    transaction = models.CharField(max_length=64, blank=True, default="", db_default="", help_text="The hardware's id.")
    authorization = models.ForeignKey(
        Authorization, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    meter_start = NumberField(null=True, help_text="The meter when it began, in kWh.")
    place = DocumentField(
        blank=True, default="", db_default="", help_text="The cdr_location as it was when it began, for the CDR."
    )
    signed_data = DocumentField(
        blank=True, default="", db_default="", help_text="Signed meter values as the hardware gave them, for the CDR."
    )
    invoice_reference_id = models.CharField(
        max_length=39,
        blank=True,
        default="",
        db_default="",
        help_text="Of the invoice that we write to the driver, for the CDR. Empty: we write none.",
    )

    class Meta:
        permissions: ClassVar = [
            (
                "steer_session",
                "Can end sessions of ours, set sessions aside, refresh them and send charging preferences",
            )
        ]
        constraints: ClassVar = [
            models.UniqueConstraint("party", Upper("object_id"), name="session_once"),
            models.UniqueConstraint(
                fields=["point", "transaction"], condition=~Q(transaction=""), name="session_of_transaction_once"
            ),
            models.CheckConstraint(
                name="session_status_known", condition=Q(status__in=[status.value for status in SessionStatus])
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["party", "emsp", "id"], name="session_page"),
            models.Index(fields=["party", "emsp", "last_updated", "id"], name="session_delta"),
            models.Index(fields=["-starts_at", "-id"], name="session_latest"),
            models.Index(
                fields=["-starts_at", "-id"],
                name="session_ongoing",
                condition=Q(status__in=sorted(status.value for status in ONGOING)),
            ),
            models.Index(
                fields=["moved_at"],
                name="session_silent",
                condition=Q(status__in=sorted(status.value for status in ONGOING)),
            ),
            models.Index(fields=["-starts_at", "-id"], name="session_invalid", condition=Q(status="INVALID")),
            models.Index(
                fields=["ends_at"],
                name="session_without_cdr",
                condition=Q(status="COMPLETED", cdr_known_at=None, stuck=""),
            ),
            models.Index(fields=["id"], name="session_to_price", condition=Q(priced_at=None)),
            models.Index(fields=["-starts_at", "-id"], name="session_stuck", condition=~Q(stuck="")),
            models.Index(fields=["party", "-starts_at", "-id"], name="session_of_cpo"),
            models.Index(fields=["emsp", "-starts_at", "-id"], name="session_of_emsp"),
            models.Index("party", Upper("location_id"), F("starts_at").desc(), name="session_at_location"),
            _prefix("token_uid", "session_token"),
            _prefix("contract_id", "session_contract"),
            _prefix("evse_id", "session_evse"),
        ]

    def tree(self) -> dict[str, Any]:
        """The whole object in the newest version."""
        found: dict[str, Any] = DocumentField.read(self.document)
        return found


class Reading(models.Model):
    """What the meter of a charge point of ours said: the chart, and what the charging periods are made of."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="readings", db_index=False)
    at = models.DateTimeField()
    kwh = NumberField(help_text="The meter.")
    power_kw = NumberField(null=True)
    soc = NumberField(null=True, help_text="State of charge of the vehicle, in percent.")
    activity = EnumField(choices=[(a.name, a.name.capitalize()) for a in Activity], help_text="From then on.")

    class Meta:
        ordering: ClassVar = ["at"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["session", "at"], name="reading_once")]

    def __str__(self) -> str:
        return f"{self.kwh} kWh"


class SessionEvent(models.Model):
    """What happened to a session and who did it. A move of status is one of them."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="events", db_index=False)
    at = models.DateTimeField()
    event = models.CharField(max_length=30)
    previous = EnumField(SessionStatus, blank=True)
    status = EnumField(SessionStatus, blank=True)
    by = models.CharField(
        max_length=150, blank=True, help_text="partner, charge point, staff, or empty for the platform."
    )
    reason = models.CharField(max_length=300, blank=True)

    MOVES: ClassVar = frozenset(move.value for move in SessionMove)

    class Meta:
        ordering: ClassVar = ["at", "id"]
        indexes: ClassVar = [models.Index(fields=["session", "at", "id"], name="session_event_session")]

    def __str__(self) -> str:
        return f"{self.event} {self.session_id}"


class Preference(models.Model):
    """Charging preferences of a driver and what the CPO answered. Received when the session is ours, else sent."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="preferences")
    at = models.DateTimeField()
    document = DocumentField()
    answer = EnumField(wire.ChargingPreferencesResponse, blank=True, help_text="Blank: there was none.")
    by = models.CharField(max_length=150, blank=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.answer} {self.session_id}"

    @property
    def discharge_allowed(self) -> bool:
        """No unless the driver says so (mod_sessions#mod_sessions_charging_preferences_object)."""
        return bool(self.tree().get("discharge_allowed"))

    def tree(self) -> dict[str, Any]:
        found: dict[str, Any] = DocumentField.read(self.document)
        return found


class SessionRendering(Rendering):
    """An older version's form of a Session."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="+", db_index=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["session", "version", "audience"], name="session_rendering_once")
        ]


class Mandate(models.Model):
    """A smart charging provider acts for a CPO of ours: it is told of all sessions at our charge points, and may set charging
    profiles for them (mod_charging_profiles#mod_charging_profiles_toplogies_cpo_scspp)."""

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="+", db_index=False, verbose_name="CPO")
    provider = models.ForeignKey(
        Party, on_delete=models.CASCADE, related_name="+", verbose_name="smart charging provider"
    )
    since = models.DateTimeField(auto_now_add=True)
    contract = models.CharField(
        max_length=100, blank=True, help_text="Where it is agreed; drivers must know of it, too."
    )

    class Meta:
        verbose_name = "smart charging mandate"
        constraints: ClassVar = [models.UniqueConstraint(fields=["party", "provider"], name="mandate_once")]

    def __str__(self) -> str:
        return f"{self.provider} for {self.party}"


READABLE = """(d.emsp_id = ANY(%(theirs)s::bigint[]) OR EXISTS (SELECT 1 FROM charging_sessions_mandate m
    WHERE m.party_id = d.party_id AND m.provider_id = ANY(%(theirs)s::bigint[])))"""
"""Whether a partner may read session `d` of ours, as SQL: its driver charges, or it steers charges for us."""

SHELF = Shelf(
    cls=wire.Session,
    table="charging_sessions_session",
    rendering="charging_sessions_sessionrendering",
    owner_column="session_id",
    module="sessions",
    hidden=f"NOT ({READABLE})",
)
