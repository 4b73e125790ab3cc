"""Rows: a request for a session (ours to a partner, a partner's to us, our staff's to our own charge point), what each party
holds a session to, what was heard of the profile that is active, and what happened.

Which row is locked: Steering, one for each session, before anything of that session is judged.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from backoffice.charging_profiles.rules.states import OPEN, Kind, Move, State, Way
from backoffice.fields import DocumentField, EnumField
from backoffice.partners.models import Connection, Party
from backoffice.sessions.models import Session
from ocpi.wire.charging_profiles import ChargingProfileResponseType, ChargingProfileResultType


class Steering(models.Model):
    """A session that somebody asked charging profiles for. `active`: the newest ActiveChargingProfile that we know."""

    session = models.OneToOneField(Session, on_delete=models.CASCADE, related_name="steering")
    active = DocumentField(blank=True, default="", db_default="")
    active_at = models.DateTimeField(null=True, help_text="When we heard of it.")
    active_from = models.CharField(max_length=150, blank=True, help_text="Who told it.")

    class Meta:
        verbose_name = "steered session"

    def __str__(self) -> str:
        return str(self.session)

    def tree(self) -> dict[str, Any] | None:
        """The active profile; None when none was heard of."""
        return DocumentField.read(self.active) if self.active else None


class ProfileRequest(models.Model):
    """One request: who asked whom for what, what was said at once, and what came of it."""

    uid = models.CharField(max_length=43, unique=True, help_text="By which its result is recognised; unguessable.")
    way = EnumField(Way)
    kind = EnumField(Kind)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="profile_requests", db_index=False)
    party = models.ForeignKey(
        Party, on_delete=models.PROTECT, related_name="+", db_index=False, help_text="Who wants it."
    )
    connection = models.ForeignKey(
        Connection, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False, help_text="Empty: staff."
    )
    document = DocumentField(blank=True, default="", help_text="The ChargingProfile that was asked for.")
    ordered = DocumentField(blank=True, default="", help_text="The ChargingProfile that the charge point was told.")
    seconds = models.PositiveIntegerField(null=True, help_text="Of an active profile: how long it should be.")
    response_url = models.CharField(max_length=255, blank=True)
    state = EnumField(State)
    response = EnumField(ChargingProfileResponseType, blank=True)
    result = EnumField(ChargingProfileResultType, blank=True)
    reason = models.CharField(max_length=500, blank=True, help_text="Why it ended so, in a sentence.")
    deadline = models.DateTimeField()
    asked_by = models.CharField(max_length=150, blank=True)
    why = models.CharField(max_length=200, blank=True, help_text="What staff gave as the reason.")
    asked_at = models.DateTimeField()
    responded_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    late = models.PositiveIntegerField(default=0, help_text="Results without effect: doubled, or after its end.")
    told = models.BooleanField(null=True, help_text="Whether the partner took our result; empty: not known yet.")
    correlation_id = models.CharField(max_length=255, blank=True)

    class Meta:
        verbose_name = "charging profile request"
        permissions: ClassVar = [
            ("set_profile", "Can set charging profiles for sessions"),
            ("clear_profile", "Can remove charging profiles from sessions"),
            ("ask_profile", "Can ask charge points for their active charging profile"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="profile_request_state_known", condition=Q(state__in=[state.value for state in State])
            ),
            models.CheckConstraint(
                name="profile_request_kind_known", condition=Q(kind__in=[kind.value for kind in Kind])
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-asked_at", "-id"], name="profile_request_latest"),
            models.Index(fields=["session", "-asked_at", "-id"], name="profile_request_session"),
            models.Index(
                fields=["deadline"],
                name="profile_request_open",
                condition=Q(state__in=sorted(state.value for state in OPEN)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.session}"

    def profile(self) -> dict[str, Any] | None:
        return DocumentField.read(self.document) if self.document else None


class Hold(models.Model):
    """What one party holds a session to, since a charge point took it. Stays when it was removed: who once set a profile is told
    of what becomes active, until the session is over (T-445)."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="profile_holds", db_index=False)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="+", db_index=False)
    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, null=True, related_name="+", db_index=False, help_text="Empty: ourselves."
    )
    request = models.ForeignKey(
        ProfileRequest, on_delete=models.CASCADE, related_name="+", db_index=False, help_text="By which it is so."
    )
    document = DocumentField(blank=True, default="", help_text="The ChargingProfile; empty: removed.")
    since = models.DateTimeField()
    knows = DocumentField(blank=True, default="", help_text="The ActiveChargingProfile as this party was told it last.")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["session", "party"], name="profile_hold_once")]

    def __str__(self) -> str:
        return f"{self.party} {self.session}"

    def profile(self) -> dict[str, Any] | None:
        return DocumentField.read(self.document) if self.document else None


class ActiveProfile(models.Model):
    """What was heard of the active profile, and from whom: the chart, and what staff look back on."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="active_profiles", db_index=False)
    at = models.DateTimeField()
    document = DocumentField(help_text="The ActiveChargingProfile.")
    source = models.CharField(max_length=150)
    computed = models.BooleanField(default=False, help_text="By us, of what was set; the charge point did not say it.")

    class Meta:
        ordering: ClassVar = ["at", "id"]
        indexes: ClassVar = [models.Index(fields=["session", "-at", "-id"], name="active_profile_session")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.source}"

    def tree(self) -> dict[str, Any]:
        found: dict[str, Any] = DocumentField.read(self.document)
        return found


class ProfileEvent(models.Model):
    """What happened to a request: its moves, and what came too late or twice."""

    request = models.ForeignKey(ProfileRequest, on_delete=models.CASCADE, related_name="events", db_index=False)
    at = models.DateTimeField()
    event = models.CharField(max_length=30)
    previous = EnumField(State, blank=True)
    state = EnumField(State, blank=True)
    by = models.CharField(max_length=150, blank=True)
    reason = models.CharField(max_length=500, blank=True)

    MOVES: ClassVar = frozenset(move.value for move in Move)

    class Meta:
        ordering: ClassVar = ["at", "id"]
        indexes: ClassVar = [models.Index(fields=["request", "at", "id"], name="profile_event_request")]

    def __str__(self) -> str:
        return f"{self.event} {self.request_id}"
