"""Rows: Token (ours or a partner's), what happened to it, every decision about charging with its reason, and what a CPO of ours
does while a partner's eMSP is silent.

Columns beside `document` are projections, written by the `store` of `actions.storing` together with it and nowhere else. `hold`
and `only_in` are what staff say of our own tokens; they are in no document, but a held token tells partners `valid: false`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from backoffice.documents import Exchanged, Rendering, Shelf
from backoffice.fields import DocumentField, EnumField
from backoffice.partners.models import Connection, Party
from backoffice.tokens.rules.words import Hold, How, Kind, Reason, WhenSilent
from ocpi.wire import tokens as wire
from ocpi.wire.sessions import ProfileType


class Token(Exchanged):
    """`mod_tokens#mod_tokens_token_object`, whole in `document`; `object_id` is its uid. Never deleted, only invalidated."""

    type = EnumField(wire.TokenType, max_length=255)
    contract_id = models.CharField(max_length=36)
    visual_number = models.CharField(max_length=64, blank=True)
    issuer = models.CharField(max_length=64)
    group_id = models.CharField(max_length=36, blank=True)
    valid = models.BooleanField()
    whitelist = EnumField(wire.WhitelistType)
    language = models.CharField(max_length=2, blank=True)
    energy_supplier = models.CharField(max_length=64, blank=True, help_text="Of its energy contract.")
    default_profile_type = EnumField(ProfileType, blank=True)
    last_used_at = models.DateTimeField(null=True, help_text="When it last was allowed to charge.")
    hold = EnumField(Hold, default="NONE", db_default="NONE", help_text="Ours only: why it may not be used for now.")
    held_at = models.DateTimeField(null=True, help_text="Since when it is held.")
    held_for = models.CharField(max_length=20, blank=True, db_default="", help_text="lost, stolen, unpaid, ended")
    only_in = ArrayField(
        models.CharField(max_length=3),
        default=list,
        db_default=[],
        blank=True,
        help_text="Ours only: the countries (ISO 3166 alpha-3) it may be used in; none: everywhere.",
    )

    class Meta:
        permissions: ClassVar = [
            ("block_token", "Can block and unblock tokens"),
            ("see_uid", "Can see the whole uid of a token"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint("party", Upper("object_id"), "type", name="token_once"),
            models.CheckConstraint(name="token_hold_known", condition=Q(hold__in=[hold.value for hold in Hold])),
            models.CheckConstraint(name="token_held_since", condition=Q(hold="NONE") | Q(held_at__isnull=False)),
        ]
        indexes: ClassVar = [
            models.Index(fields=["party", "id"], include=["type"], name="token_page"),
            models.Index(fields=["party", "last_updated", "id"], include=["type"], name="token_delta"),
            models.Index(fields=["-last_updated", "-id"], name="token_latest"),
            models.Index(Upper("object_id"), name="token_by_uid"),
            models.Index(Upper("contract_id"), name="token_by_contract"),
            models.Index(Upper("visual_number"), name="token_by_visual_number", condition=~Q(visual_number="")),
            models.Index(Upper("group_id"), name="token_by_group", condition=~Q(group_id="")),
            models.Index(fields=["-held_at", "-id"], name="token_held", condition=~Q(hold="NONE")),
        ]

    def tree(self) -> dict[str, Any]:
        """The whole object in the newest version."""
        found: dict[str, Any] = DocumentField.read(self.document)
        return found


class TokenEvent(models.Model):
    """What was done to a token, by whom and why. What partners tell of theirs is in the message log."""

    token = models.ForeignKey(Token, on_delete=models.CASCADE, related_name="events", db_index=False)
    at = models.DateTimeField()
    what = models.CharField(max_length=40)
    by = models.CharField(max_length=150, blank=True)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        indexes: ClassVar = [models.Index(fields=["token", "-at", "-id"], name="token_event_token")]

    def __str__(self) -> str:
        return f"{self.what} {self.token_id}"


class TokenRendering(Rendering):
    """An older version's form of a Token."""

    token = models.ForeignKey(Token, on_delete=models.CASCADE, related_name="+", db_index=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["token", "version", "audience"], name="token_rendering_once")
        ]


class Authorization(models.Model):
    """One decision whether somebody may charge, with its reason. Written once; only `used_at` follows.

    `party`: ours that was asked, or whose charge point asked. `emsp`: whose driver it is, a partner's party or our own.

    The database does not check to whom it points, as in the message log: it is written while a driver waits, and each check locks
    a row that all decisions of a partner share. Whoever deletes such a row does it through the models, which set these to null.
    """

    at = models.DateTimeField()
    kind = EnumField(Kind)
    party = models.ForeignKey(
        Party, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False, db_constraint=False
    )
    token = models.ForeignKey(
        Token, on_delete=models.SET_NULL, null=True, related_name="authorizations", db_index=False, db_constraint=False
    )
    uid = models.CharField(max_length=255)
    token_type = models.CharField(max_length=255)
    contract_id = models.CharField(max_length=36, blank=True)
    emsp = models.ForeignKey(
        Party, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False, db_constraint=False
    )
    connection = models.ForeignKey(
        Connection,
        on_delete=models.SET_NULL,
        null=True,
        related_name="authorizations",
        db_index=False,
        db_constraint=False,
    )
    location_id = models.CharField(max_length=36, blank=True)
    evse_uids = ArrayField(models.CharField(max_length=36), default=list)
    connector_id = models.CharField(max_length=36, blank=True)
    allowed = EnumField(wire.AllowedType)
    how = EnumField(How)
    reason_code = EnumField(Reason)
    reason = models.CharField(max_length=500)
    authorization_reference = models.CharField(max_length=36, blank=True)
    info = models.CharField(max_length=512, blank=True, help_text="What the driver was told.")
    elapsed_ms = models.FloatField(default=0)
    correlation_id = models.CharField(max_length=255, blank=True, help_text="Of the exchange in the message log.")
    used_at = models.DateTimeField(null=True, help_text="When a charge began with it.")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="authorization_allowed_known", condition=Q(allowed__in=[kind.value for kind in wire.AllowedType])
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-at", "-id"], name="authorization_latest"),
            models.Index(Upper("uid"), models.F("at").desc(), name="authorization_uid"),
            models.Index(fields=["connection", "-at", "-id"], name="authorization_connection"),
            models.Index(
                fields=["-at", "-id"],
                name="authorization_refused",
                condition=~Q(allowed=wire.AllowedType.ALLOWED.value),
            ),
            models.Index(
                fields=["authorization_reference"],
                name="authorization_by_reference",
                condition=~Q(authorization_reference=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.allowed} {self.at:%Y-%m-%d %H:%M:%S}"


class SilencePolicy(models.Model):
    """How a CPO of ours asks the eMSPs behind a connection, and what it does when they do not answer. No row: the defaults."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="silence_policy")
    seconds = models.PositiveSmallIntegerField(
        default=3, help_text="How long a driver waits for the answer before we decide without it."
    )
    when_silent = EnumField(
        WhenSilent,
        default="WHITELIST",
        help_text="WHITELIST: tokens that the eMSP lets us whitelist may charge, as OCPI says. REFUSE: nobody may, although "
        "OCPI says that ALLOWED_OFFLINE tokens shall be let in.",
    )
    ask_allowed = models.BooleanField(
        default=False, help_text="Ask also for tokens with whitelist ALLOWED, for which our copy would do."
    )
    ask_unknown = models.BooleanField(
        default=False, help_text="Ask this partner about tokens that nobody has told us of."
    )

    class Meta:
        verbose_name_plural = "silence policies"
        constraints: ClassVar = [
            models.CheckConstraint(name="silence_seconds_few", condition=Q(seconds__gte=1, seconds__lte=15)),
            models.CheckConstraint(
                name="silence_choice_known", condition=Q(when_silent__in=[choice.value for choice in WhenSilent])
            ),
        ]

    def __str__(self) -> str:
        return f"silence of {self.connection}"


UNTOLD = "d.type = 'EMAID'"
"""Tokens of ours that partners are not told of (mod_tokens#mod_tokens_tokentype_enum): a charging station learns the eMSP from
an EMAID itself. Asked about one in real time, we answer."""

SHELF = Shelf(
    cls=wire.Token,
    table="tokens_token",
    rendering="tokens_tokenrendering",
    owner_column="token_id",
    module="tokens",
    hidden=UNTOLD,
)
