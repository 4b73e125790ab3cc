"""Rows: Job (beat's row, by another name) and Outcome (how its runs went, the latest few)."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_celery_beat.models import PeriodicTask


class Job(PeriodicTask):
    """A row of django-celery-beat. It is a proxy so that screens and permissions are ours."""

    class Meta:
        proxy = True
        verbose_name = "job"
        permissions: ClassVar = [("run_job", "Can have jobs run now, pause and resume them")]


class Outcome(models.Model):
    """By name, because beat's row may be deleted and made again. One row for each job, so the table never grows."""

    name = models.CharField(max_length=200, unique=True)
    ran_at = models.DateTimeField(null=True, help_text="When it last began.")
    ok = models.BooleanField(null=True)
    good_at = models.DateTimeField(null=True, help_text="When it last ended well.")
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    recent = models.JSONField(
        default=list, help_text="The latest runs, newest first: when, ok, milliseconds, what it said."
    )
    asked_at = models.DateTimeField(null=True, help_text="Somebody wants it run now.")
    asked_by = models.CharField(max_length=150, blank=True)

    def __str__(self) -> str:
        return self.name
