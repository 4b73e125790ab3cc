"""Rows of this room: PartyScope, and the hours that the start page draws: counted from logs too long to be read for each view."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from backoffice.fields import NumberField
from backoffice.partners.models import Connection, Party


class PartyScope(models.Model):
    """A named set of parties and the staff who may see only these."""

    name = models.CharField(max_length=100, unique=True)
    parties = models.ManyToManyField(Party, blank=True, related_name="+")
    users = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        blank=True,
        related_name="party_scopes",
        help_text="They see objects of these parties only. Staff without any scope see all parties.",
    )

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class Counted(models.Model):
    """Up to when the hours of a log are counted; what came later is still to be read from the log itself."""

    log = models.CharField(max_length=20, primary_key=True)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.log} until {self.until:%Y-%m-%d %H:%M}"


class ExchangeHour(models.Model):
    """What the message log holds of one hour, one connection, one way. `times`: by length (`rules.latency`)."""

    hour = models.DateTimeField()
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    incoming = models.BooleanField()
    total = models.IntegerField()
    good = models.IntegerField()
    times = ArrayField(models.IntegerField())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["hour", "connection", "incoming"], nulls_distinct=False, name="exchange_hour_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.total} in {self.hour:%Y-%m-%d %H}"


class AuthorizationHour(models.Model):
    """How often, in one hour, a party of ours decided so for the same reason. See `tokens.models.Authorization`.

    `connection`: only where its silence was the reason; the others would be many rows that nobody asks for.
    """

    hour = models.DateTimeField()
    party = models.ForeignKey(Party, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    kind = models.CharField(max_length=40)
    how = models.CharField(max_length=40)
    allowed = models.CharField(max_length=40)
    reason_code = models.CharField(max_length=40)
    total = models.IntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["hour", "party", "connection", "kind", "how", "allowed", "reason_code"],
                nulls_distinct=False,
                name="authorization_hour_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.total} {self.allowed} in {self.hour:%Y-%m-%d %H}"


class CdrDay(models.Model):
    """CDRs of charges that ended on one day (UTC) between two parties: how many stand so, and their money.

    CDRs change after their day, so a window of days is counted again and again (`actions.counting`). `standing`: the state of
    ours, the verdict on received ones.
    """

    day = models.DateTimeField()
    ours = models.BooleanField()
    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="+", db_index=False)
    emsp = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="+", db_index=False)
    currency = models.CharField(max_length=3)
    standing = models.CharField(max_length=40)
    number = models.IntegerField()
    money = NumberField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["day", "ours", "party", "emsp", "currency", "standing"], name="cdr_day_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.standing} of {self.day:%Y-%m-%d}"


class EvseHour(models.Model):
    """Samples of the EVSEs of a party within an hour: how many were looked at in all, how many of these were not down."""

    hour = models.DateTimeField()
    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="+", db_index=False)
    seen = models.BigIntegerField()
    up = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["hour", "party"], name="evse_hour_once")]

    def __str__(self) -> str:
        return f"{self.up} of {self.seen} in {self.hour:%Y-%m-%d %H}"
