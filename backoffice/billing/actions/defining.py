"""Define exports. The clock that asks for runs is a row of django-celery-beat, which follows from the export and never leads.

The sentence of the schedule is what counts: beat only knocks, perhaps too often or not at all; what is due is worked out from
the sentence when it does (`planning.due`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from backoffice.billing.actions import delivering
from backoffice.billing.models import DecimalMark, Delimiter, Export, Period
from backoffice.billing.rules import names, schedules
from backoffice.billing.rules.schedules import LAST, Schedule
from backoffice.partners.models import Party

TASK = "billing.due"

FIXED = ("party", "direction", "period", "since", "starts_after", "partners")
"""What decides which CDRs belong to an export: settled with its first run, so that each CDR stays in exactly one."""

FIRST = "New CDRs"


class UnableToDefine(Exception):
    """Such an export cannot be; `field` is at fault, and the sentence says why."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


def save(export: Export, facts: Mapping[str, Any], partners: Sequence[Party], *, by: Any, now: datetime) -> Export:
    """Take these columns and partners for the export, new or old. Raises UnableToDefine; then nothing was changed."""
    fresh = export._state.adding
    export = export if fresh else Export.objects.get(pk=export.pk)
    fixed = not fresh and export.runs.exists()
    before = export.schedule, export.zone
    for name, value in facts.items():
        if not (fixed and name in FIXED):
            setattr(export, name, value)
    _check(export)
    try:
        with transaction.atomic():
            if fresh:
                export.created_by, export.created_at, export.answered_until = by, now, now
            elif (export.schedule, export.zone) != before:
                export.answered_until = now  # times of the new schedule that lie in the past were never promised
            export.save()
            if not fixed:
                export.partners.set(partners)
            knock(export)
    except IntegrityError as error:
        raise UnableToDefine("name", f"There is an export named {export.name} already.") from error
    return export


def copy(export: Export, name: str, *, by: Any, now: datetime) -> Export:
    """Another export alike, by hand only for now. It begins where the last run of this one ended. Raises UnableToDefine."""
    reached = export.runs.filter(chained=True).aggregate(Max("upto"))["upto__max"]
    facts = {
        field: getattr(export, field)
        for field in ("party", "direction", "period", "since", "format", "delimiter", "decimal_mark", "encoding")
    }
    facts |= {"zone": export.zone, "empty_files": export.empty_files, "folder": export.folder, "name": name}
    facts["starts_after"] = export.starts_after if reached is None else reached
    return save(Export(), facts, list(export.partners.all()), by=by, now=now)


def remove(export: Export) -> None:
    """Only one that never had a run: others are part of the books. Raises UnableToDefine."""
    with transaction.atomic():
        locked = Export.objects.select_for_update().get(pk=export.pk)
        if locked.runs.exists():
            raise UnableToDefine("", "It has runs, which stay; pause it instead.")
        PeriodicTask.objects.filter(name=_name(locked)).delete()
        locked.delete()


def _check(export: Export) -> None:
    if not export.name.strip():
        raise UnableToDefine("name", "Give it a name: files are named after it.")
    if export.delimiter == Delimiter.COMMA and export.decimal_mark == DecimalMark.COMMA:
        raise UnableToDefine("decimal_mark", "A comma cannot separate both the columns and the decimals.")
    if export.folder:
        try:
            export.folder = names.folder(export.folder)
            delivering.probe(export.folder)
        except (names.UnableToName, delivering.UnableToDeliver) as error:
            raise UnableToDefine("folder", str(error)) from error
    zone = schedules.zones().get(export.zone.strip().lower())
    if zone is None:
        raise UnableToDefine("zone", f"There is no time zone {export.zone}. Zones are named like Europe/Berlin.")
    export.zone = zone
    if not export.schedule.strip():
        export.schedule = ""
        return
    if export.period == Period.CHOSEN:
        raise UnableToDefine("schedule", "An export of chosen dates is made by hand: leave the schedule empty.")
    try:
        schedule = schedules.read(export.schedule, zone=export.zone)
    except schedules.UnableToRead as error:
        raise UnableToDefine("schedule", str(error)) from error
    export.schedule = str(schedule)
    if schedule.step is None:
        export.zone = schedule.zone


def knock_all() -> None:
    """Make the rows that beat lacks: of an export that came by a migration, or was restored."""
    there = set(PeriodicTask.objects.filter(task=TASK).values_list("name", flat=True))
    for export in Export.objects.exclude(schedule=""):
        if _name(export) not in there:
            knock(export)


def knock(export: Export) -> None:
    """Make beat's row what the export says."""
    if not export.schedule:
        PeriodicTask.objects.filter(name=_name(export)).delete()
        return
    crontab, _ = CrontabSchedule.objects.get_or_create(**crontab_of(schedules.read(export.schedule)))
    PeriodicTask.objects.update_or_create(
        name=_name(export),
        defaults={
            "task": TASK,
            "crontab": crontab,
            "interval": None,
            "kwargs": json.dumps({"export_id": export.pk}),
            "enabled": export.enabled,
            "description": f"Export “{export}”",
        },
    )


def _name(export: Export) -> str:
    return f"Export {export.pk}"


def crontab_of(schedule: Schedule) -> dict[str, str]:
    """Times at which to look. Cron knows no last day of a month and multiplies minutes with hours: it knocks too often then."""
    minutes, hours = {time % 60 for time in schedule.times}, {time // 60 for time in schedule.times}
    days = set(schedule.days - {LAST}) | ({28, 29, 30, 31} if LAST in schedule.days else set())
    return {
        "minute": _field(minutes, 60),
        "hour": _field(hours, 24),
        "day_of_month": ",".join(map(str, sorted(days))) or "*",
        "month_of_year": "*",
        # celery counts from Sunday
        "day_of_week": ",".join(str((day + 1) % 7) for day in sorted(schedule.weekdays)) or "*",
        "timezone": schedule.zone,
    }


def _field(chosen: set[int], of: int) -> str:
    step = of // len(chosen)
    if chosen == set(range(0, of, step)) and len(chosen) > 1:
        return "*" if step == 1 else f"*/{step}"
    return ",".join(map(str, sorted(chosen)))
