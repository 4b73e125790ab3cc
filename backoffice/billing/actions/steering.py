"""What staff do to runs and exports beside defining them: cancel, make again, pause, resume, copy. And what looks after them."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from backoffice.billing.actions import defining, planning
from backoffice.billing.actions.moving import move
from backoffice.billing.models import Export, ExportRun
from backoffice.billing.rules.states import LOST_AFTER, MOST_LOSSES, NotAllowed, RunEvent, RunState


class UnableToSteer(Exception):
    """This is not possible now; the sentence says why."""


def cancel(run: ExportRun, *, by: str, why: str, now: datetime) -> None:
    """A run that waits is cancelled at once, one that is being made within a second or two. Its CDRs stay its own: it can be
    made later, and no other run takes them. Raises UnableToSteer."""
    if run.state == RunState.RUNNING:
        if not ExportRun.objects.filter(pk=run.pk, state=RunState.RUNNING).update(cancelled_by=by[:150]):
            raise UnableToSteer("It is over already.")
        return
    try:
        moved = move(run, RunEvent.CANCEL, now=now, by=by, why=why, finished_at=now, next_attempt_at=None)
    except NotAllowed as error:
        raise UnableToSteer(str(error)) from error
    if not moved:
        raise UnableToSteer("A worker has just begun it. Press once more to stop it.")


def again(run: ExportRun, *, by: str, why: str, now: datetime) -> None:
    """Make a run that failed or was cancelled, or a done one once more: the same CDRs, the same bytes. Raises UnableToSteer."""
    try:
        with transaction.atomic():
            moved = move(
                run, RunEvent.AGAIN, now=now, by=by, why=why, cancelled_by="", failures=0, next_attempt_at=None
            )
            planning.tell()
    except NotAllowed as error:
        raise UnableToSteer(str(error)) from error
    if not moved:
        raise UnableToSteer("Somebody else was faster: look again.")


def look_after(*, now: datetime) -> list[int]:
    """Ids of the runs that workers should take: planned ones, lost ones, and failed ones whose time has come."""
    defining.knock_all()
    planning.all_due(now=now)
    for run in ExportRun.objects.filter(state=RunState.RUNNING, moved_at__lt=now - LOST_AFTER):
        _lost(run, now=now)
    for run in ExportRun.objects.filter(state=RunState.FAILED, next_attempt_at__lte=now):
        move(run, RunEvent.AGAIN, now=now, why="By itself.", next_attempt_at=None)
    return [pk for pk, _ in waiting()]


def _lost(run: ExportRun, *, now: datetime) -> None:
    """Its worker is gone: queue it again, unless somebody asked to stop it or it takes its workers along."""
    only, failures = {"attempts": run.attempts}, run.failures + 1
    if run.cancelled_by:
        move(run, RunEvent.CANCEL, now=now, by=run.cancelled_by, why="As asked.", only=only, finished_at=now)
    elif failures < MOST_LOSSES:
        move(run, RunEvent.LOST, now=now, why="Its worker is gone.", only=only, failures=failures)
    else:
        why = f"Its worker died {failures} times. Look into the worker's log before you have it made again."
        over = {"error": why, "finished_at": now, "failures": failures}
        move(run, RunEvent.FAIL, now=now, by="", why=why, only=only, **over)


def waiting() -> list[tuple[int, datetime]]:
    """Queued runs, and since when."""
    rows = ExportRun.objects.filter(state=RunState.QUEUED).order_by("id")
    return list(rows.values_list("pk", "moved_at")[:100])


def pause(export: Export) -> None:
    """The schedule stands still; runs can still be made by hand."""
    export.enabled = False
    _switch(export, "enabled")


def resume(export: Export, *, now: datetime) -> None:
    """Times that passed meanwhile were not wanted, so nothing is caught up; the next run takes what is new since the last."""
    export.enabled, export.answered_until = True, now
    _switch(export, "enabled", "answered_until")


def _switch(export: Export, *columns: str) -> None:
    with transaction.atomic():
        export.save(update_fields=columns)
        defining.knock(export)
