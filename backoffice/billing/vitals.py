"""What is measured of exports for lists, the start page and the metrics: two queries, whatever their number. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from backoffice.billing.models import Export, ExportRun
from backoffice.billing.rules.schedules import read
from backoffice.billing.rules.states import UNMADE, RunState
from backoffice.billing.rules.words import Standing, overdue_since, standing


@dataclass(frozen=True, slots=True)
class Vitals:
    """`unmade`: runs that failed or were cancelled: their CDRs are in no file. `next_at`: of the schedule."""

    standing: Standing
    last: ExportRun | None
    unmade: int
    overdue_since: datetime | None
    next_at: datetime | None


def measure(exports: Iterable[Export], *, now: datetime) -> dict[int, Vitals]:
    found = {export.pk: export for export in exports}
    latest = ExportRun.objects.filter(export__in=found).order_by("export_id", "-id").distinct("export_id")
    last = {run.export_id: run for run in latest.defer("definition")}
    counted = (
        ExportRun.objects.filter(export__in=found, state__in=UNMADE).values_list("export_id").annotate(n=Count("id"))
    )
    unmade = dict(counted.order_by())
    return {pk: _vitals(export, last.get(pk), unmade.get(pk, 0), now) for pk, export in found.items()}


def _vitals(export: Export, last: ExportRun | None, unmade: int, now: datetime) -> Vitals:
    answered = export.answered_until or export.created_at
    overdue = overdue_since(schedule=export.schedule, enabled=export.enabled, answered_until=answered, now=now)
    state = RunState(last.state) if last is not None else None
    return Vitals(
        standing(last=state, unmade=unmade, overdue=bool(overdue), schedule=export.schedule, enabled=export.enabled),
        last,
        unmade,
        overdue,
        read(export.schedule).next(max(answered, now)) if export.schedule and export.enabled else None,
    )


def ages(*, now: datetime) -> list[tuple[str, float, int]]:
    """Of each export that runs by itself: its name, seconds since it was last good, and how many of its runs are not made."""
    broken = Count("runs", filter=Q(runs__state=RunState.FAILED))
    rows = Export.objects.filter(enabled=True).exclude(schedule="").annotate(broken=broken)
    return [
        (export.name, max((now - (export.good_at or export.created_at)).total_seconds(), 0.0), export.broken)
        for export in rows
    ]
