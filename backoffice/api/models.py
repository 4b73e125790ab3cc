"""Rows of this room: Application, ApiKey, KeyUse, ApiCall (log), KeptAnswer (idempotency), WebhookEndpoint, WebhookDelivery.

No column holds a key in the clear; a webhook's secret must be used again and so is encrypted.
"""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from backoffice.api.rules import KIND_WORDS, PER_MINUTE, DeliveryState, Kind
from backoffice.fields import EnumField
from backoffice.partners.models import Party


class Application(models.Model):
    """Somebody's software that calls us in the name of one party of ours. Keys come and go; what belongs to the caller (its
    webhooks, its locations, its charges) belongs to the application."""

    party = models.ForeignKey(
        Party, on_delete=models.PROTECT, related_name="applications", limit_choices_to={"ours": True}
    )
    kind = EnumField(choices=list(KIND_WORDS.items()))
    name = models.CharField(max_length=100)
    contact = models.CharField(max_length=200, blank=True, help_text="Whom to ask when it misbehaves.")
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["name", "id"]
        permissions: ClassVar = [("manage_keys", "Can issue and revoke API keys")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["party", "name"], name="application_once"),
            models.CheckConstraint(name="application_kind_known", condition=Q(kind__in=[k.value for k in Kind])),
        ]

    def __str__(self) -> str:
        return self.name


class ApiKey(models.Model):
    """What an application shows: only its keyed hash is kept, and a few letters to recognise it by."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="keys")
    hash = models.BinaryField(max_length=32)
    hint = models.CharField(max_length=12)
    scopes = ArrayField(models.CharField(max_length=60))
    per_minute = models.PositiveIntegerField(default=PER_MINUTE, help_text="Requests in a minute.")
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=150, blank=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = "API key"
        ordering: ClassVar = ["-created_at", "-id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["hash"], name="api_key_once")]

    def __str__(self) -> str:
        return f"{self.hint}…"


class KeyUse(models.Model):
    """How many requests a key made in the minute that began at `minute`. The table is UNLOGGED (see the migration): it is
    written in every request, and after a crash everybody may begin to count anew."""

    key = models.OneToOneField(ApiKey, on_delete=models.CASCADE, primary_key=True, related_name="use")
    minute = models.DateTimeField()
    requests = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.requests} at {self.minute}"


class ApiCall(models.Model):
    """The log: every call that changed something or was refused. It keeps no body, for these hold drivers' cards; of what was
    sent, its fingerprint says whether it was the same again."""

    at = models.DateTimeField()
    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="calls", db_index=False, db_constraint=False
    )
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=400)
    route = models.CharField(max_length=200, blank=True)
    status = models.PositiveIntegerField()
    code = models.CharField(max_length=40, blank=True)
    detail = models.CharField(max_length=400, blank=True)
    idempotency_key = models.CharField(max_length=255, blank=True)
    replayed = models.BooleanField(default=False)
    request_id = models.CharField(max_length=40)
    request_size = models.PositiveIntegerField(default=0)
    fingerprint = models.CharField(max_length=12, blank=True)
    elapsed_ms = models.FloatField()

    class Meta:
        verbose_name = "API call"
        indexes: ClassVar = [
            models.Index(fields=["-at", "-id"], name="api_call_at"),
            models.Index(fields=["application", "-at"], name="api_call_application"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class KeptAnswer(models.Model):
    """What was answered to a request with an Idempotency-Key, written in the transaction of its effect. `status` empty: it is
    being answered by somebody who asks others meanwhile, until `lease_until` at the latest."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="+", db_index=False)
    route = models.CharField(max_length=410, help_text="Method and path.")
    idempotency_key = models.CharField(max_length=255)
    body_hash = models.BinaryField(max_length=32)
    status = models.PositiveIntegerField(null=True)
    body = models.TextField(blank=True)
    lease_until = models.DateTimeField(null=True)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["application", "idempotency_key", "route"], name="kept_answer_once")
        ]
        indexes: ClassVar = [models.Index(fields=["at"], name="kept_answer_at")]

    def __str__(self) -> str:
        return f"{self.route} {self.idempotency_key}"


class WebhookEndpoint(models.Model):
    """Where an application wants to be told. `events` empty: everything that its kind is told."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    secret = models.TextField(editable=False, help_text="Encrypted.")
    events = ArrayField(models.CharField(max_length=60), default=list)
    enabled = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=300, blank=True)
    failing_since = models.DateTimeField(null=True)
    failures_in_a_row = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "webhook"
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["application", "url"], name="webhook_endpoint_once"),
        ]

    def __str__(self) -> str:
        return self.url


class WebhookDelivery(models.Model):
    """One event for one endpoint, staged in the transaction of the change. `uid` travels as `webhook-id`: it stays the same
    however often this is sent."""

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    uid = models.CharField(max_length=40, unique=True)
    event = models.CharField(max_length=60)
    about = models.CharField(max_length=100, blank=True, help_text="Id of what it is about.")
    body = models.TextField()
    state = EnumField(default=DeliveryState.DUE, choices=[(s.value, s.value.capitalize()) for s in DeliveryState])
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField()
    http_status = models.IntegerField(null=True)
    elapsed_ms = models.FloatField(null=True)
    last_error = models.CharField(max_length=400, blank=True)
    created_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "webhook delivery"
        verbose_name_plural = "webhook deliveries"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="webhook_delivery_state_known", condition=Q(state__in=[s.value for s in DeliveryState])
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["endpoint", "due_at", "id"], name="webhook_delivery_due", condition=Q(state="DUE")),
            models.Index(fields=["-created_at", "-id"], name="webhook_delivery_latest"),
            models.Index(fields=["endpoint", "-created_at"], name="webhook_delivery_endpoint"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.about}".strip()
