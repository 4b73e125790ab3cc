"""Rows of this room: Party, PartyRole, Connection, Endpoint, InboundToken, Step.

Outbound tokens are encrypted, inbound tokens are stored as keyed hashes; no column here holds a token in the clear.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from backoffice.fields import DocumentField, EnumField
from backoffice.partners.rules import ConnectionState, RoleState, TokenKind
from ocpi.versions import BOOKINGS_EDITIONS
from ocpi.wire.types import Role
from ocpi.wire.versions import InterfaceRole


class Party(models.Model):
    """A company role holder by country code and party id (upper case). Exchanged objects belong to a party."""

    country_code = models.CharField(max_length=2)
    party_id = models.CharField(max_length=3)
    name = models.CharField(max_length=100, blank=True)
    ours = models.BooleanField(default=False, help_text="One of our own companies: we act for it towards partners.")
    business_details = DocumentField(default="{}", help_text="BusinessDetails as JSON: name, website, logo.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "parties"
        ordering: ClassVar = ["country_code", "party_id"]
        constraints: ClassVar = [
            models.UniqueConstraint(Upper("country_code"), Upper("party_id"), name="party_once"),
        ]

    def __str__(self) -> str:
        return f"{self.country_code}-{self.party_id}"

    @property
    def label(self) -> str:
        return f"{self}  {self.name}".strip()


class Connection(models.Model):
    """One OCPI connection to a platform of a partner: what we agreed, how it is doing, and its habits."""

    name = models.CharField(max_length=100, unique=True)
    state = EnumField(choices=ConnectionState.choices(), default=ConnectionState.INVITED)
    version = models.CharField(max_length=10, blank=True, help_text="The OCPI version in use, e.g. 2.3.0.")
    versions_url = models.CharField(max_length=255, blank=True, help_text="The partner's versions endpoint.")
    our_parties = models.ManyToManyField(Party, related_name="connections_of_ours", limit_choices_to={"ours": True})
    token_out = models.TextField(blank=True, editable=False, help_text="What we present, encrypted.")
    hub_party_id = models.CharField(max_length=5, blank=True)
    confirmed_origins = models.JSONField(
        default=list,
        help_text="Scheme, host and port that tokens may be sent to (T9); from the versions URL and endpoints.",
    )
    plain_token = models.BooleanField(default=False, help_text="The partner sends and expects tokens without Base64.")
    says_ptp = models.BooleanField(
        default=False,
        help_text="Agreed with the partner: the specification lists no role PTP, and tells such a party OTHER.",
    )
    strict_delivery = models.BooleanField(
        default=False, help_text="Never send a failed push again; the partner resynchronises by GET."
    )
    repairs = models.JSONField(
        default=list, blank=True, help_text="Names of the repairs applied to what this partner sends."
    )
    bookings_edition = EnumField(
        default=BOOKINGS_EDITIONS[0],
        choices=[(edition, edition) for edition in BOOKINGS_EDITIONS],
        help_text="Of the bookings module; nothing that the partner publishes tells it.",
    )
    page_limit = models.PositiveIntegerField(
        null=True, blank=True, help_text="Ask for at most this many objects a page."
    )
    push_enabled = models.BooleanField(default=True, help_text="Off: the partner only pulls.")
    pull_enabled = models.BooleanField(default=True, help_text="Off: we never fetch from this partner by ourselves.")
    pull_every = models.DurationField(null=True, blank=True, help_text="Time between two delta pulls; empty: 1 hour.")
    vanished_policy = EnumField(
        default="REMOVE",
        choices=[("REMOVE", "Mark as removed"), ("KEEP", "Keep as it was")],
        help_text="What becomes of objects that a full pull no longer lists.",
    )
    held_reason = models.CharField(max_length=200, blank=True, help_text="Why it is paused or suspended.")
    busy_since = models.DateTimeField(null=True, blank=True, editable=False)
    next_attempt_at = models.DateTimeField(null=True, blank=True, editable=False)
    failures_in_a_row = models.PositiveIntegerField(default=0, editable=False)
    last_in_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_out_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["name"]
        permissions: ClassVar = [
            ("manage_connections", "Can exchange credentials: register, rotate, unregister, approve roles and hosts"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="connection_state_known", condition=Q(state__in=[state.value for state in ConnectionState])
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PartyRole(models.Model):
    """A market role of a party. `connection` is null for our own; a partner's role is reached over its connection.

    A role claimed while another connection holds it stays AWAITING_APPROVAL until staff decide.
    """

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="roles")
    role = EnumField(Role)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, null=True, blank=True, related_name="roles")
    state = EnumField(choices=RoleState.choices(), default=RoleState.ACTIVE)
    business_details = DocumentField(default="{}")
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["party__country_code", "party__party_id", "role"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["party", "role"], condition=Q(state=RoleState.ACTIVE.value), name="party_role_held_once"
            ),
            models.UniqueConstraint(fields=["party", "role", "connection"], name="party_role_per_connection"),
        ]

    def __str__(self) -> str:
        return f"{self.party} {self.role}"


class Endpoint(models.Model):
    """A module's endpoint at the partner, from its version details. `pull_only`: it refused pushes with 405 or 501."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="endpoints")
    identifier = models.CharField(max_length=40)
    role = EnumField(InterfaceRole)
    url = models.CharField(max_length=255)
    pull_only = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["identifier", "role"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "identifier", "role"], name="endpoint_once"),
        ]

    def __str__(self) -> str:
        return f"{self.identifier} {self.role}"


class InboundToken(models.Model):
    """A credentials token that opens our doors: only its keyed hash is kept. Replaced ones stay as burnt."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="inbound_tokens")
    hash = models.BinaryField(max_length=32)
    kind = EnumField(choices=TokenKind.choices())
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    first_used_at = models.DateTimeField(null=True, blank=True)
    burnt_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["hash"], name="inbound_token_once")]

    def __str__(self) -> str:
        return f"token {self.kind} of {self.connection}"


class Step(models.Model):
    """One step of a handshake or a check, as the wizard shows it live: what was tried, how it ended, what to do."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="steps")
    at = models.DateTimeField()
    flow = models.CharField(max_length=20, help_text="register, receive, update, remove, check")
    title = models.CharField(max_length=200)
    ok = models.BooleanField(null=True)
    cause = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return self.title
