"""Rows of this room: Message (outbox), Errand (what has a deadline), Exchange (log), Pull (one run of fetching a module),
Bookmark (deep offsets)."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from backoffice.delivery.rules import ErrandState, MessageState, What
from backoffice.fields import DocumentField, EnumField
from backoffice.partners.models import Connection, Party


class Message(models.Model):
    """One object that one partner must hear of: by reference, rendered when sent, so that its newest state travels.

    The row stays after delivery as the push state of the object at this partner. `touched`: the fields changed since the
    last delivery, empty for the whole object. `generation` grows with each change; a send that finishes on an older one is
    sent again.
    """

    # indexed by the constraint below; who deletes a party may wait for a scan, a change of status may not
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="messages", db_index=False)
    sender = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="+", db_index=False)
    receiver = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="+", db_index=False)
    module = models.CharField(max_length=40)
    object_path = models.CharField(max_length=255, help_text="Ids below the owner, e.g. LOC1/3256.")
    generation = models.PositiveIntegerField(default=1)
    touched = ArrayField(models.CharField(max_length=60), default=list)
    state = EnumField(default=MessageState.DUE, choices=[(s.value, s.value.capitalize()) for s in MessageState])
    attempts = models.PositiveIntegerField(default=0)
    coalesced = models.PositiveIntegerField(default=0, help_text="Changes that travelled with a later one.")
    due_at = models.DateTimeField()
    owed_since = models.DateTimeField(help_text="When the oldest change not yet delivered was made.")
    last_error = models.TextField(blank=True)
    last_cause = models.CharField(max_length=40, blank=True)
    delivered_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["connection", "sender", "receiver", "module", "object_path"], name="message_once"
            ),
            models.CheckConstraint(name="message_state_known", condition=Q(state__in=[s.value for s in MessageState])),
        ]
        indexes: ClassVar = [
            models.Index(fields=["connection", "due_at", "id"], name="message_due", condition=Q(state="DUE")),
            models.Index(fields=["state", "-created_at"], name="message_state"),
            models.Index(fields=["module", "object_path"], name="message_object"),
        ]

    def __str__(self) -> str:
        return f"{self.module} {self.object_path}"


class Errand(models.Model):
    """Something that one partner must hear before a deadline, and that must not wait behind the outbox: a request to do
    something, the result of a request of the partner's, what it should know while it lasts.

    `key` is the app's own unguessable id of it, `tree` what travels in the newest version. `attempts` also tells apart who is
    sending: a process that lost its lease finishes nothing. An empty `url` stands for the partner's endpoint and `path`.
    """

    # few rows are not over, and those are found by the index below; who deletes a party or connection may wait for a scan
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="errands", db_index=False)
    sender = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="+", db_index=False)
    receiver = models.ForeignKey(Party, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    module = models.CharField(max_length=40)
    kind = models.CharField(max_length=40)
    what = EnumField(What)
    key = models.CharField(max_length=64)
    method = models.CharField(max_length=10)
    url = models.CharField(max_length=2000, blank=True)
    path = models.CharField(max_length=255, blank=True)
    query = models.JSONField(default=dict)
    tree = DocumentField(blank=True)
    state = EnumField(choices=[(s.value, s.value.capitalize()) for s in ErrandState], default=ErrandState.DUE.value)
    deadline = models.DateTimeField()
    due_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)
    last_cause = models.CharField(max_length=40, blank=True)
    correlation_id = models.CharField(max_length=255)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["module", "what", "key"], name="errand_once"),
            models.CheckConstraint(name="errand_state_known", condition=Q(state__in=[s.value for s in ErrandState])),
            models.CheckConstraint(
                name="errand_leased_while_sending",
                condition=Q(state="SENDING", lease_until__isnull=False)
                | (~Q(state="SENDING") & Q(lease_until__isnull=True)),
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["connection", "due_at", "id"], name="errand_open", condition=Q(state__in=["DUE", "SENDING"])
            ),
            models.Index(fields=["finished_at"], name="errand_over", condition=Q(finished_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.kind} {self.key}"


SLOW_MS = 2000
FAILED = Q(http_status__isnull=True) | Q(http_status__gte=400) | Q(ocpi_status__gte=2000)
NOTED = ~Q(notes={})
TROUBLE = FAILED | Q(elapsed_ms__gt=SLOW_MS) | NOTED
"""Exchanges that staff look for; a filter that implies this is answered by the index `exchange_trouble`."""


class Exchange(models.Model):
    """One request and its answer, either way, redacted when written. Rows are deleted by age, never changed."""

    at = models.DateTimeField()
    incoming = models.BooleanField()
    connection = models.ForeignKey(
        Connection, on_delete=models.SET_NULL, null=True, related_name="exchanges", db_constraint=False, db_index=False
    )
    module = models.CharField(max_length=40)
    method = models.CharField(max_length=10)
    url = models.TextField()
    http_status = models.IntegerField(null=True)
    ocpi_status = models.IntegerField(null=True)
    elapsed_ms = models.FloatField()
    request_id = models.CharField(max_length=255)
    correlation_id = models.CharField(max_length=255)
    object_path = models.CharField(max_length=255, blank=True)
    from_party = models.CharField(max_length=6, blank=True)
    to_party = models.CharField(max_length=6, blank=True)
    attempt = models.PositiveIntegerField(default=1)
    trigger = models.CharField(max_length=40, blank=True)
    cause = models.CharField(max_length=40, blank=True)
    notes = models.JSONField(default=dict)
    request_body = models.TextField(blank=True)
    response_body = models.TextField(blank=True)
    response_size = models.PositiveIntegerField(default=0)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["-at", "-id"], name="exchange_at"),
            models.Index(fields=["connection", "-at"], name="exchange_connection"),
            models.Index(fields=["correlation_id"], name="exchange_correlation"),
            models.Index(fields=["module", "object_path", "-at"], name="exchange_object", condition=~Q(object_path="")),
            # The log's presets look for the few rows with trouble among millions without.
            models.Index(fields=["-at", "-id"], name="exchange_trouble", condition=TROUBLE),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.url}"


class PullState(models.TextChoices):
    RUNNING = "RUNNING", "Running"
    DONE = "DONE", "Done"
    FAILED = "FAILED", "Failed"


class Pull(models.Model):
    """One run of fetching a module from a partner: checkpoint after each page, and what was found."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="pulls")
    module = models.CharField(max_length=40)
    full = models.BooleanField(help_text="Everything, or what changed since the last run.")
    state = EnumField(choices=PullState.choices, default=PullState.RUNNING)
    date_from = models.DateTimeField(null=True)
    next_url = models.TextField(blank=True, help_text="Where to go on; the checkpoint.")
    next_offset = models.PositiveBigIntegerField(default=0)
    pages = models.PositiveIntegerField(default=0)
    objects_read = models.PositiveIntegerField(default=0)
    stored = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    vanished = models.PositiveIntegerField(default=0)
    total = models.PositiveBigIntegerField(null=True, help_text="X-Total-Count as the partner last said.")
    violations = models.JSONField(default=dict, help_text="Field -> how often, with one example.")
    repairs = models.JSONField(default=dict, help_text="Repair -> how often.")
    started_at = models.DateTimeField()
    moved_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)
    correlation_id = models.CharField(max_length=60)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["connection", "module", "-started_at"], name="pull_latest")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["connection", "module"], condition=Q(state="RUNNING"), name="pull_one_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{'full' if self.full else 'delta'} pull of {self.module} from {self.connection}"


class Bookmark(models.Model):
    """Where a page ended, for a client that counts offsets itself instead of following our next link."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    module = models.CharField(max_length=40)
    filter = models.CharField(max_length=80)
    offset = models.BigIntegerField()
    last = models.BigIntegerField(help_text="Row id that the page before this offset ended at.")
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "module", "filter", "offset"], name="bookmark_once"),
        ]

    def __str__(self) -> str:
        return f"{self.module} {self.offset}"
