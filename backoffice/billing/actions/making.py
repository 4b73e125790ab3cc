"""Make a run: read what it covers, write its file aside, put it into place, deliver it. Any step may be cut off and done again.

A worker claims the run and says every second where it is; one that is silent has died, and the run is taken up by another.
The first one, should it wake up, finds the run claimed by a higher attempt and lets go. Nothing is written over: a run
that has a digest already must come out the same.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from pathlib import Path

from django.db import DatabaseError
from django.db.models import QuerySet

from backoffice.billing.actions import delivering, keeping, reading
from backoffice.billing.actions.moving import move
from backoffice.billing.actions.writing import writer_of
from backoffice.billing.models import Export, ExportRun
from backoffice.billing.rules.lines import Line
from backoffice.billing.rules.states import RunEvent, RunState, again_after
from backoffice.billing.rules.totals import Totals
from backoffice.roaming_site import site

log = logging.getLogger("roamdesk.billing")

TELL_EVERY = 1.0
"""Seconds between two words of a worker on where it is."""

SILENT = timedelta(minutes=1)
"""Beside what the rows take, for packing a file and putting it into place."""


class UnableToMake(Exception):
    """This run has no file now; the sentence says why."""


class _TakenOver(Exception):
    """The run is not ours any more."""


class _Cancelled(Exception):
    """Somebody asked us to stop."""


def make(run_id: int) -> None:
    """Make a queued run; at once over for one that is not queued, because another process has it."""
    run = ExportRun.objects.select_related("export").get(pk=run_id)
    now = site.now()
    if run.state != RunState.QUEUED or not move(
        run, RunEvent.BEGIN, now=now, attempts=run.attempts + 1, began_at=now, finished_at=None, rows_done=0, error=""
    ):
        return
    try:
        file = _made(run)
        if run.frozen("folder") and run.delivered_at is None:
            delivering.deliver(run, file)
            run.delivered_at = site.now()
            _ours(run).update(delivered_at=run.delivered_at)
    except _TakenOver:
        log.warning("%s was taken over by another worker", run)
    except _Cancelled:
        by = ExportRun.objects.values_list("cancelled_by", flat=True).get(pk=run.pk)
        move(run, RunEvent.CANCEL, now=site.now(), by=by, why="As asked.", only=_mine(run), finished_at=site.now())
    except (UnableToMake, delivering.UnableToDeliver) as error:
        _failed(run, str(error))
    except OSError as error:
        _failed(run, f"Cannot write the file: {error.strerror or error}.")
    except DatabaseError as error:
        log.exception("%s failed", run)
        _failed(run, f"The database did not answer: {type(error).__name__}.")
    except Exception as error:
        log.exception("%s failed", run)
        _failed(run, f"It broke off: {type(error).__name__}. The worker's log says where.")
    else:
        _done(run)


def _mine(run: ExportRun) -> dict[str, int]:
    return {"attempts": run.attempts}


def _ours(run: ExportRun) -> QuerySet[ExportRun]:
    return ExportRun.objects.filter(pk=run.pk, state=RunState.RUNNING, attempts=run.attempts)


def _made(run: ExportRun) -> Path:
    """The file at its place, and what is in it on the run. Raises UnableToMake, _Cancelled, _TakenOver, OSError."""
    place = keeping.kept(run)
    with keeping.workshop(run) as folder:
        made = folder / run.file_name
        totals, notes, rows = _written(run, made)
        if rows != run.rows_total:
            raise UnableToMake(
                f"The books hold {rows} CDRs for it, and {run.rows_total} were counted when it was planned."
            )
        sha256 = keeping.digest(made)
        if run.sha256 and run.sha256 != sha256:
            raise UnableToMake(
                f"Made again it is not the same file: its SHA-256 was {run.sha256[:12]}… and would be {sha256[:12]}…. "
                "Nothing was replaced."
            )
        facts = {
            "rows_done": rows,
            "sums": totals.told(),
            "notes": notes,
            "sha256": sha256,
            "size": made.stat().st_size,
        }
        if run.sha256:
            facts["made_again_at"] = site.now()
        if not _ours(run).update(**facts, moved_at=site.now()):
            raise _TakenOver
        for name, value in facts.items():
            setattr(run, name, value)
        keeping.put(made, place)
    return place


def _written(run: ExportRun, path: Path) -> tuple[Totals, list[str], int]:
    writer, totals, rows = writer_of(path, run.definition), Totals(), 0
    said = time.monotonic()
    try:
        for page in reading.of_run(run).pages():
            lines = [Line(booked, row) for row, booked in enumerate(page, rows + 1)]
            writer.write(lines)
            for line in lines:
                totals.add(line)
            rows += len(lines)
            if time.monotonic() - said >= TELL_EVERY:
                _tell(run, rows)
                said = time.monotonic()
        _tell(run, rows, silent=SILENT + timedelta(seconds=rows / 2_000))
        notes = writer.close(totals)
    except BaseException:
        writer.abandon()
        raise
    return totals, notes, rows


def _tell(run: ExportRun, rows: int, *, silent: timedelta = timedelta(0)) -> None:
    """Say where we are, and hear whether we are to go on. `silent`: for how long we shall say nothing."""
    if not _ours(run).update(rows_done=rows, moved_at=site.now() + silent):
        raise _TakenOver
    if ExportRun.objects.filter(pk=run.pk).exclude(cancelled_by="").exists():
        raise _Cancelled


def _done(run: ExportRun) -> None:
    now = site.now()
    if move(run, RunEvent.FINISH, now=now, only=_mine(run), finished_at=now, next_attempt_at=None, failures=0):
        Export.objects.filter(pk=run.export_id).update(good_at=now)


def _failed(run: ExportRun, why: str) -> None:
    now, failures = site.now(), run.failures + 1
    wait = again_after(failures)
    move(
        run,
        RunEvent.FAIL,
        now=now,
        why=why,
        only=_mine(run),
        error=why[:500],
        failures=failures,
        finished_at=now,
        next_attempt_at=now + wait if wait else None,
    )
    log.error("%s failed: %s", run, why)
