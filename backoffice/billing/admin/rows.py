"""Parts that several pages show: how an export is doing, a table of runs, the rows that are next."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from backoffice.billing.actions import keeping, planning, reading
from backoffice.billing.models import Export, ExportRun
from backoffice.billing.rules.cells import flag, local, number, utc
from backoffice.billing.rules.columns import COLUMNS, HEADER, Kind, values
from backoffice.billing.rules.lines import Line
from backoffice.billing.rules.states import UNMADE
from backoffice.billing.rules.words import Standing, window
from backoffice.billing.vitals import Vitals
from backoffice.console.cells import Tone, span, state
from backoffice.roaming_site import site

PREVIEW = 20

STANDINGS: dict[Standing, tuple[Tone, str]] = {
    Standing.FAILED: (("bad", "error"), "last run failed"),
    Standing.OVERDUE: (("bad", "timer_off"), "overdue"),
    Standing.UNMADE: (("warn", "warning"), "runs not made"),
    Standing.RUNNING: (("busy", "sync"), "being made"),
    Standing.PAUSED: (("off", "pause_circle"), "paused"),
    Standing.BY_HAND: (("off", "touch_app"), "by hand"),
    Standing.GOOD: (("good", "check_circle"), "on time"),
}

RUN_TONES: dict[str, Tone] = {"QUEUED": ("busy", "schedule_send"), "CANCELLED": ("warn", "do_not_disturb_on")}


def standing_state(vitals: Vitals) -> str:
    tone, words = STANDINGS[vitals.standing]
    if vitals.overdue_since is not None and vitals.standing is Standing.OVERDUE:
        words = f"overdue for {span((site.now() - vitals.overdue_since).total_seconds())}"
    if vitals.standing is Standing.UNMADE:
        words = f"{vitals.unmade} run{'' if vitals.unmade == 1 else 's'} not made"
    return state("STANDING", tone=tone, text=words)


def run_state(run: ExportRun) -> str:
    return state(run.state, tone=RUN_TONES.get(run.state))


def with_runs(runs: Iterable[ExportRun]) -> list[dict[str, Any]]:
    """Runs with what their rows show beside columns."""
    return [
        {
            "run": run,
            "state": run_state(run),
            "percent": percent(run),
            "kept": keeping.is_kept(run),
            "late": lateness(run),
            "unmade": run.state in UNMADE,
        }
        for run in runs
    ]


def percent(run: ExportRun) -> int | None:
    """How far it is, while it is being made."""
    if run.state != "RUNNING" or not run.rows_total:
        return None
    return min(100, round(100 * run.rows_done / run.rows_total))


def lateness(run: ExportRun) -> str:
    """What a run says of times of the schedule that passed before it was planned."""
    told = []
    if run.due_at is not None and (late := (run.planned_at - run.due_at).total_seconds()) > 300:
        told.append(f"{span(late)} late")
    if run.missed:
        told.append(f"{run.missed} earlier time{'' if run.missed == 1 else 's'} missed")
    return ", ".join(told)


def covered(run: ExportRun) -> str:
    return window(
        after=run.after,
        upto=run.upto,
        ended_from=run.ended_from,
        cut=run.cut,
        zone=run.frozen("zone"),
        chained=run.chained,
    )


def preview(export: Export, last: ExportRun | None, *, now: datetime) -> dict[str, Any]:
    """The first rows of the next run; where nothing waits, of the last one."""
    page, of = next(planning.outlook(export, now=now).pages(PREVIEW), []), "the next run"
    if not page and last is not None:
        page, of = next(reading.of_run(ExportRun.objects.get(pk=last.pk)).pages(PREVIEW), []), f"run #{last.number}"
    lines = [Line(booked, row) for row, booked in enumerate(page, 1)]
    rows = [[shown(column.kind, value) for column, value in zip(COLUMNS, values(line), strict=True)] for line in lines]
    return {"header": HEADER, "rows": rows, "of": of}


def shown(kind: Kind, value: Any) -> str:
    """As the CSV has it with points, unguarded: a page runs no formulas."""
    if value is None:
        return ""
    if kind in (Kind.AMOUNT, Kind.QUANTITY, Kind.COUNT):
        return number(value)
    if kind is Kind.MOMENT:
        return utc(value)
    if kind is Kind.LOCAL:
        return local(value)
    return flag(value) if kind is Kind.FLAG else str(value)
