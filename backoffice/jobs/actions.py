"""Record how a job went; pause, resume, ask for a run. A web process never talks to the broker: it asks, and the sweep sends."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db import connection as database
from django.db import transaction
from django_celery_beat.models import PeriodicTask

from backoffice.jobs.models import Job, Outcome
from backoffice.jobs.rules import KEPT


class UnableToRun(Exception):
    """This job cannot be run now; the sentence says why."""


def record(name: str, *, began_at: datetime, ended_at: datetime, ok: bool, said: str) -> None:
    milliseconds = (ended_at - began_at).total_seconds() * 1000
    line = [began_at.isoformat(), ok, round(milliseconds, 1), said[:300]]
    with transaction.atomic():
        Outcome.objects.get_or_create(name=name[:200])
        outcome = Outcome.objects.select_for_update().get(name=name[:200])
        outcome.ran_at, outcome.ok = began_at, ok
        outcome.good_at = ended_at if ok else outcome.good_at
        outcome.failures = 0 if ok else outcome.failures + 1
        outcome.recent = [line, *outcome.recent][:KEPT]
        outcome.save(update_fields=["ran_at", "ok", "good_at", "failures", "recent"])


def ask(job: Job, *, by: str, now: datetime, channel: str) -> None:
    """Have it run as soon as a worker is free; its schedule goes on as it was. `channel`: what wakes the sweep. Raises
    UnableToRun."""
    with transaction.atomic():
        Outcome.objects.get_or_create(name=job.name)
        if not Outcome.objects.filter(name=job.name, asked_at=None).update(asked_at=now, asked_by=by[:150]):
            raise UnableToRun("It is asked for already: a worker takes it as soon as one is free.")
        with database.cursor() as cursor:
            cursor.execute(f"NOTIFY {channel}")


def asked() -> list[tuple[str, str, dict[str, Any]]]:
    """Name, task and arguments of the jobs that somebody wants run now."""
    names = list(Outcome.objects.exclude(asked_at=None).values_list("name", flat=True))
    if not names:
        return []
    rows = Job.objects.filter(name__in=names).values_list("name", "task", "kwargs")
    return [(name, task, json.loads(kwargs or "{}")) for name, task, kwargs in rows]


def sent(name: str) -> None:
    """The workers have it."""
    Outcome.objects.filter(name=name).update(asked_at=None, asked_by="")


def pause(job: Job) -> None:
    """Beat reads it within a few seconds."""
    _switch(job, on=False)


def resume(job: Job) -> None:
    _switch(job, on=True)


def _switch(job: Job, *, on: bool) -> None:
    row = PeriodicTask.objects.get(pk=job.pk)  # by its own name, which beat listens to
    row.enabled = job.enabled = on
    row.save(update_fields=["enabled"])
