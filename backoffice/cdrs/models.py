"""Rows: Cdr (ours and received), its events, what our own calculations said of it, and what was refused but kept.

A CDR is a bill. The document of one that a partner has seen never changes (mod_cdrs#flow_and_lifecycle); columns beside it are
projections, written with it by `actions`, or say what became of it: a state when it is ours, a verdict when it was received.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper

from backoffice.cdrs.rules.states import CdrState, Verdict
from backoffice.documents import Exchanged, Rendering, Shelf
from backoffice.fields import Bare, DocumentField, EnumField, NumberField
from backoffice.partners.models import Connection, Party
from ocpi.wire import cdrs as wire
from ocpi.wire.types import TokenType


def _prefix(field: str, name: str) -> models.Index:
    """Finds what an id begins with, the latest charge first."""
    return models.Index(OpClass(Bare(F(field)), name="text_pattern_ops"), F("starts_at"), name=name)


def bare(column: str) -> str:
    """`Bare` as SQL, which its indexes know."""
    return f"regexp_replace(upper({column}), '[^A-Z0-9]', '', 'g')"


class Cdr(Exchanged):
    """`mod_cdrs#mod_cdrs_cdr_object`, whole in `document`. Never deleted.

    `created_at` is when we issued or received it. `entered_at` is when it began to count: received, or released to the eMSP.
    """

    ours = models.BooleanField(help_text="We issued it (as CPO); otherwise a partner did, for a driver of ours.")
    emsp = models.ForeignKey(
        Party, on_delete=models.PROTECT, related_name="+", db_index=False, help_text="Owner of the token: who pays."
    )
    session_ref = models.CharField(max_length=36, blank=True, verbose_name="session id")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    kwh = NumberField()
    hours = NumberField()
    parking_hours = NumberField(null=True)
    currency = models.CharField(max_length=3)
    total_excl = NumberField(help_text="total_cost.before_taxes as the document says it: negative in a Credit CDR.")
    total_incl = NumberField(null=True, help_text="With all taxes, where they are named.")
    token_uid = models.CharField(max_length=36)
    token_type = EnumField(TokenType)
    contract_id = models.CharField(max_length=36)
    auth_method = EnumField(wire.AuthMethod)
    location_id = models.CharField(max_length=36)
    location_name = models.CharField(max_length=255, blank=True)
    city = models.CharField(max_length=255, blank=True)
    country = models.CharField(max_length=3)
    evse_uid = models.CharField(max_length=36)
    evse_id = models.CharField(max_length=48)
    connector_id = models.CharField(max_length=36)
    credit = models.BooleanField(default=False)
    credit_reference_id = models.CharField(max_length=39, blank=True)
    home_charging = models.BooleanField(default=False)
    signed = models.BooleanField(help_text="It carries signed meter values.")
    content_hash = models.CharField(max_length=64, help_text="Of all it says but last_updated: what makes it the same.")
    told_in = models.CharField(max_length=10, help_text="The OCPI version it came in, or was made in.")
    entered_at = models.DateTimeField(null=True)
    credited_by = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        help_text="The Credit CDR for it.",
    )

    # ours only
    state = EnumField(choices=[(s.value, s.value.capitalize()) for s in CdrState], blank=True, max_length=12)
    held_for = ArrayField(models.CharField(max_length=40), default=list, help_text="Reasons it was or is held for.")
    held_because = models.JSONField(default=list, help_text="The same as sentences.")
    replaces = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="+", help_text="The CDR that this one corrects."
    )
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_url = models.CharField(max_length=255, blank=True, help_text="Where the eMSP keeps it.")
    confirmed_at = models.DateTimeField(null=True, help_text="When it was last found at that URL.")
    asked_at = models.DateTimeField(null=True, help_text="When that URL was last asked.")
    asked_finding = models.CharField(max_length=300, blank=True, help_text="What was wrong there, if anything.")

    # received only
    verdict = EnumField(choices=[(v.value, v.value.replace("_", " ").capitalize()) for v in Verdict], blank=True)
    reasons = ArrayField(models.CharField(max_length=40), default=list)
    sentence = models.CharField(max_length=500, blank=True, help_text="The verdict in a sentence.")
    our_excl = NumberField(null=True)
    our_incl = NumberField(null=True)
    delta = NumberField(null=True, help_text="What they bill minus what we calculate, before taxes.")
    checked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "CDR"
        verbose_name_plural = "CDRs"
        permissions: ClassVar = [
            (
                "decide_cdr",
                "Can release, correct and drop held CDRs, credit ours, accept received ones, and close quarantine",
            ),
            ("recheck_cdr", "Can price received CDRs again"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint("party", Upper("object_id"), name="cdr_once"),
            models.UniqueConstraint(
                "party",
                Upper("session_ref"),
                condition=Q(ours=True, credit=False, replaces=None) & ~Q(session_ref=""),
                name="cdr_of_session_once",
            ),
            models.UniqueConstraint(
                "party", Upper("credit_reference_id"), condition=Q(ours=True, credit=True), name="cdr_credited_once"
            ),
            models.CheckConstraint(
                name="cdr_state_or_verdict",
                condition=Q(ours=True, state__in=[s.value for s in CdrState], verdict="")
                | Q(ours=False, state="", verdict__in=[v.value for v in Verdict]),
            ),
        ]
        indexes: ClassVar = [
            # what one eMSP may read of a CPO: who has a hundred among a million is not to walk through all of them
            models.Index(fields=["party", "emsp", "id"], name="cdr_page", condition=Q(entered_at__isnull=False)),
            models.Index(
                fields=["party", "emsp", "last_updated", "id"], name="cdr_delta", condition=Q(entered_at__isnull=False)
            ),
            # with what the start page sums: it counts two months every five minutes without reading a row
            models.Index(
                fields=["-ends_at", "-id"],
                include=["ours", "party", "emsp", "currency", "total_excl", "state", "verdict"],
                name="cdr_latest",
            ),
            models.Index(fields=["emsp", "-ends_at", "-id"], name="cdr_emsp"),
            models.Index(Upper("session_ref"), name="cdr_session", condition=~Q(session_ref="")),
            models.Index(fields=["id"], name="cdr_waiting", condition=Q(verdict=Verdict.WAITING.value)),
            models.Index(  # with what the inbox adds up below its page
                fields=["-ends_at", "-id"],
                include=[
                    "party",
                    "emsp",
                    "ours",
                    "currency",
                    "credit",
                    "kwh",
                    "total_excl",
                    "our_excl",
                    "delta",
                    "verdict",
                ],
                name="cdr_to_review",
                condition=Q(verdict__in=["DIFFERS", "FAILED", "NOT_PRICED"]),
            ),
            models.Index(fields=["-ends_at", "-id"], name="cdr_held", condition=Q(state=CdrState.HELD.value)),
            models.Index(fields=["entered_at"], name="cdr_unacknowledged", condition=Q(state=CdrState.RELEASED.value)),
            models.Index(fields=["acknowledged_at"], name="cdr_acknowledged", condition=~Q(acknowledged_url="")),
            models.Index("party", Upper("credit_reference_id"), name="cdr_credits", condition=Q(credit=True)),
            models.Index(fields=["credited_by"], name="cdr_credited", condition=Q(credited_by__isnull=False)),
            _prefix("token_uid", "cdr_token"),
            _prefix("contract_id", "cdr_contract"),
            _prefix("evse_id", "cdr_evse"),
            GinIndex(fields=["location_name"], name="cdr_location_words", opclasses=["gin_trgm_ops"]),
        ]

    def tree(self) -> dict[str, Any]:
        """The whole object in the newest version."""
        found: dict[str, Any] = DocumentField.read(self.document)
        return found


class CdrEvent(models.Model):
    """What happened to a CDR and who did it. A move of state is one of them."""

    cdr = models.ForeignKey(Cdr, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    what = models.CharField(max_length=40)
    from_state = models.CharField(max_length=12, blank=True)
    to_state = models.CharField(max_length=12, blank=True)
    by = models.CharField(max_length=150, blank=True, help_text="Staff, a partner, or empty for the platform itself.")
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.what} of {self.cdr}"


class Priced(models.TextChoices):
    """Which tariff a calculation took."""

    TARIFF_INSIDE = "TARIFF_INSIDE", "The tariff inside the CDR"
    TARIFF_KNOWN = "TARIFF_KNOWN", "The tariff as we knew it when the session began"


class Check(models.Model):
    """One calculation of ours of a received CDR. The latest of each kind stands; staff may ask for it again."""

    cdr = models.ForeignKey(Cdr, on_delete=models.CASCADE, related_name="checks", db_index=False)
    at = models.DateTimeField()
    by = EnumField(choices=Priced.choices, max_length=14)
    ok = models.BooleanField(help_text="Every figure of the CDR is ours, within the tolerance.")
    our_excl = NumberField(null=True)
    our_incl = NumberField(null=True)
    currency = models.CharField(max_length=3)
    discrepancies = models.JSONField(default=list, help_text="Field, what they say, what we say, in what unit.")
    alternatives = models.JSONField(default=list, help_text="Readings of the tariff that would give their figure.")
    warnings = models.JSONField(default=list)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["cdr", "by"], name="check_once")]

    def __str__(self) -> str:
        return f"{self.by} of {self.cdr}"


class Quarantined(models.Model):
    """A CDR that we were told and did not take: kept whole, because it is somebody's bill."""

    class Why(models.TextChoices):
        OTHER_CONTENT = "OTHER_CONTENT", "Same id, other content"
        FOREIGN_TOKEN = "FOREIGN_TOKEN", "Token of nobody here"

    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="+")
    object_id = models.CharField(max_length=40, verbose_name="CDR id")
    cdr = models.ForeignKey(Cdr, on_delete=models.PROTECT, null=True, related_name="quarantined")
    connection = models.ForeignKey(Connection, on_delete=models.SET_NULL, null=True, related_name="+")
    why = EnumField(choices=Why.choices, max_length=20)
    reason = models.CharField(max_length=500)
    document = DocumentField()
    content_hash = models.CharField(max_length=64)
    at = models.DateTimeField()
    last_at = models.DateTimeField(help_text="When it was told again.")
    times = models.PositiveIntegerField(default=1)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=150, blank=True)
    closed_because = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name = "quarantined CDR"
        verbose_name_plural = "quarantined CDRs"
        constraints: ClassVar = [
            models.UniqueConstraint("party", Upper("object_id"), "content_hash", name="quarantined_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["-at", "-id"], name="quarantine_latest"),
            models.Index(fields=["-at"], name="quarantine_open", condition=Q(closed_at=None)),
        ]

    def __str__(self) -> str:
        return self.object_id


class CdrRendering(Rendering):
    """An older version's form of a Cdr."""

    cdr = models.ForeignKey(Cdr, on_delete=models.CASCADE, related_name="+", db_index=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cdr", "version", "audience"], name="cdr_rendering_once")
        ]


READABLE = "d.emsp_id = ANY(%(theirs)s::bigint[]) AND d.entered_at IS NOT NULL"
"""Whether a partner may read CDR `d` of ours, as SQL: it is the one who pays, and the CDR was released."""

SHELF = Shelf(
    cls=wire.CDR,
    table="cdrs_cdr",
    rendering="cdrs_cdrrendering",
    owner_column="cdr_id",
    module="cdrs",
    hidden=f"NOT ({READABLE})",
)
