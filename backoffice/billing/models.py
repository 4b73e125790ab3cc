"""Rows: Entry (a CDR's place in the books), Export (what staff defined), ExportRun (one making of it) and its events.

An Entry is written once and never changed: the number that it gives a CDR, and what we thought of that CDR at that moment,
are the same whenever an export reads them. Nothing here prices or judges; that is done before a CDR comes into the books.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from backoffice.billing.rules.states import RunEvent as Event
from backoffice.billing.rules.states import RunState
from backoffice.cdrs.models import Cdr
from backoffice.fields import EnumField, NumberField
from backoffice.partners.models import Party


class Way(models.TextChoices):
    """Which way the money of a CDR goes, seen from our own companies."""

    RECEIVABLE = "RECEIVABLE", "Receivable: a partner pays us"
    PAYABLE = "PAYABLE", "Payable: we pay a partner"
    INTERNAL = "INTERNAL", "Between two companies of ours"


class Entry(models.Model):
    """A CDR in the books: seen, and once it is settled, numbered. `actions.entering` writes it and nothing else does.

    Numbers have no gaps and follow the order in which they became visible to others, which row ids do not: a row that is
    committed late has a low id and a high number. So "all up to number n" is the same set of CDRs whenever it is asked for.
    """

    cdr = models.OneToOneField(Cdr, on_delete=models.PROTECT, primary_key=True, related_name="entry")
    number = models.BigIntegerField(unique=True, null=True, help_text="Empty: not settled yet (held, or not priced).")
    left_out = models.BooleanField(
        default=False, help_text="It never counts: dropped or replaced before anybody saw it."
    )
    seen_at = models.DateTimeField(db_index=True)
    numbered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(help_text="When the charge ended.")
    way = EnumField(choices=Way.choices, max_length=10)
    # both are few for each other: the planner walks the numbers or the ends
    party = models.ForeignKey(
        Party, on_delete=models.PROTECT, related_name="+", db_index=False, help_text="The company of ours."
    )
    partner = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="+", db_index=False)

    # as it stood when the number was given
    time_zone = models.CharField(max_length=255, blank=True, help_text="Of the location, as far as we knew it.")
    verdict = models.CharField(max_length=20, blank=True)
    reasons = ArrayField(models.CharField(max_length=40), default=list)
    our_net = NumberField(null=True)
    delta = NumberField(null=True)
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "entry"
        verbose_name_plural = "entries"
        indexes: ClassVar = [
            models.Index(fields=["ended_at", "number"], name="entry_ended"),
            models.Index(fields=["cdr"], name="entry_unsettled", condition=Q(number=None, left_out=False)),
        ]

    def __str__(self) -> str:
        return f"{self.number or 'not numbered'}"


class Direction(models.TextChoices):
    BOTH = "BOTH", "Both ways"
    RECEIVABLE = "RECEIVABLE", "Receivable: what partners pay us"
    PAYABLE = "PAYABLE", "Payable: what we pay partners"


class Period(models.TextChoices):
    """Which CDRs a run takes. All but CHOSEN follow each other without gap and overlap."""

    SINCE_LAST = "SINCE_LAST", "Everything new since the last run"
    DAYS = "DAYS", "Charges that ended by yesterday, and what came late"
    MONTHS = "MONTHS", "Charges that ended by last month, and what came late"
    CHOSEN = "CHOSEN", "Dates that are chosen for each run"


class Format(models.TextChoices):
    CSV = "CSV", "CSV"
    XLSX = "XLSX", "Excel (XLSX)"


class Delimiter(models.TextChoices):
    COMMA = "COMMA", "Comma"
    SEMICOLON = "SEMICOLON", "Semicolon"
    TAB = "TAB", "Tab"
    PIPE = "PIPE", "Vertical bar"


class DecimalMark(models.TextChoices):
    POINT = "POINT", "Point: 12.50"
    COMMA = "COMMA", "Comma: 12,50"


class Encoding(models.TextChoices):
    UTF_8 = "UTF_8", "UTF-8"
    UTF_8_MARK = "UTF_8_MARK", "UTF-8 with byte order mark (for Excel)"
    WINDOWS_1252 = "WINDOWS_1252", "Windows-1252 (other letters become ?)"


class Export(models.Model):
    """What is written, when, and where to. What decides which CDRs belong to it is fixed once it has a run."""

    name = models.CharField(max_length=100, unique=True)
    party = models.ForeignKey(
        Party,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        limit_choices_to={"ours": True},
        help_text="Of one company of ours only. Empty: of all.",
    )
    partners = models.ManyToManyField(Party, blank=True, related_name="+", help_text="None: with every partner.")
    direction = EnumField(choices=Direction.choices, default=Direction.BOTH, max_length=10)
    period = EnumField(choices=Period.choices, default=Period.SINCE_LAST, max_length=10)
    since = models.DateField(null=True, blank=True, help_text="Leave out charges that ended before this day.")
    starts_after = models.BigIntegerField(default=0, help_text="Takes CDRs with a higher number than this.")

    format = EnumField(choices=Format.choices, default=Format.CSV, max_length=4)
    delimiter = EnumField(choices=Delimiter.choices, default=Delimiter.COMMA, max_length=10)
    decimal_mark = EnumField(choices=DecimalMark.choices, default=DecimalMark.POINT, max_length=10)
    encoding = EnumField(choices=Encoding.choices, default=Encoding.UTF_8, max_length=12)
    empty_files = models.BooleanField(default=False, help_text="Write a file also when there is nothing new.")
    folder = models.CharField(max_length=200, blank=True, help_text="Below the installation's folder for exports.")

    schedule = models.CharField(max_length=200, blank=True, help_text="In words; empty: made by hand only.")
    zone = models.CharField(max_length=64, default="UTC", help_text="Of the schedule, and of where a day ends.")
    enabled = models.BooleanField(default=True, help_text="Off: paused.")
    answered_until = models.DateTimeField(null=True, help_text="The last time of the schedule that was dealt with.")
    good_at = models.DateTimeField(null=True, help_text="When a run was last done, or there was nothing to do.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["name"]
        permissions: ClassVar = [
            ("run_export", "Can have exports made, cancelled and made again"),
            ("download_export", "Can read what exports hold: preview and download"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="export_marks_differ",
                condition=~Q(delimiter=Delimiter.COMMA.value, decimal_mark=DecimalMark.COMMA.value),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ExportRun(models.Model):
    """One making of an export. `definition` and the columns of its window say all that its bytes depend on.

    It covers the entries with a number above `after` and up to `upto` whose charge ended before `cut`, and those that an
    earlier run passed over: number up to `after`, ended from `prior_cut` on. A run of CHOSEN dates stands outside the chain.
    """

    export = models.ForeignKey(Export, on_delete=models.PROTECT, related_name="runs", db_index=False)
    number = models.PositiveIntegerField()
    state = EnumField(
        choices=[(s.value, s.value.capitalize()) for s in RunState], default=RunState.QUEUED, max_length=10
    )

    definition = models.JSONField(help_text="The export as it was when this run was planned.")
    chained = models.BooleanField(default=True)
    after = models.BigIntegerField()
    upto = models.BigIntegerField()
    prior_cut = models.DateTimeField(null=True)
    cut = models.DateTimeField(null=True)
    ended_from = models.DateTimeField(null=True)

    due_at = models.DateTimeField(null=True, help_text="The time of the schedule that it answers; empty: by hand.")
    missed = models.PositiveIntegerField(
        default=0, help_text="Times of the schedule that passed without a run before it."
    )
    missed_since = models.DateTimeField(null=True)
    planned_at = models.DateTimeField()
    by = models.CharField(max_length=150, blank=True, help_text="Who asked for it; empty: the schedule.")

    attempts = models.PositiveIntegerField(default=0, help_text="Grows with each claim by a worker; never goes back.")
    failures = models.PositiveIntegerField(
        default=0, help_text="Failed and lost attempts since somebody last asked for it."
    )
    next_attempt_at = models.DateTimeField(null=True)
    began_at = models.DateTimeField(null=True)
    moved_at = models.DateTimeField(help_text="When its worker last said where it is; later: it is silent until then.")
    finished_at = models.DateTimeField(null=True)
    cancelled_by = models.CharField(max_length=150, blank=True, help_text="Who asked to stop it.")
    error = models.CharField(max_length=500, blank=True)

    rows_total = models.BigIntegerField()
    rows_done = models.BigIntegerField(default=0)
    sums = models.JSONField(default=dict, help_text="Currency -> rows, net, tax, gross, as decimal text.")
    notes = models.JSONField(default=list, help_text="What a reader of the file should know, as sentences.")
    file_name = models.CharField(max_length=160)
    size = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    delivered_at = models.DateTimeField(null=True, help_text="When it lay in its folder, manifest and all.")
    made_again_at = models.DateTimeField(null=True, help_text="When it was last made again and was the same.")

    class Meta:
        verbose_name = "export run"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["export", "number"], name="export_run_number_once"),
            models.UniqueConstraint(fields=["export", "due_at"], name="export_run_due_once"),
            models.CheckConstraint(name="export_run_state_known", condition=Q(state__in=[s.value for s in RunState])),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["state", "id"], name="export_run_open", condition=Q(state__in=["QUEUED", "RUNNING", "FAILED"])
            ),
            models.Index(fields=["export", "-id"], name="export_run_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.export} #{self.number}"

    def frozen(self, name: str) -> Any:
        """A field of the export as it was when this run was planned."""
        return self.definition[name]


HAPPENED = {
    Event.BEGIN: "Begun",
    Event.FINISH: "Done",
    Event.FAIL: "Failed",
    Event.LOST: "Lost its worker",
    Event.CANCEL: "Cancelled",
    Event.AGAIN: "Asked for again",
}


class ExportRunEvent(models.Model):
    """A move of a run: what, who, why."""

    run = models.ForeignKey(ExportRun, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    event = EnumField(choices=[(e.value, HAPPENED[e]) for e in Event], max_length=10)
    from_state = EnumField(choices=[(s.value, s.value.capitalize()) for s in RunState], max_length=10)
    to_state = EnumField(choices=[(s.value, s.value.capitalize()) for s in RunState], max_length=10)
    by = models.CharField(max_length=150, blank=True)
    why = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.event} of {self.run}"
