"""Plan runs: what is due by an export's schedule, or what somebody asks for. From then on it is fixed what the run covers.

A plan takes the export's row and the books' lock, so that two plans of one export never overlap and no number is still
under way below the last one. Workers are told through the table: they take what is QUEUED.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import connection as database
from django.db import transaction

from backoffice.billing.actions import entering, reading
from backoffice.billing.models import Export, ExportRun, Format, Period
from backoffice.billing.rules import schedules
from backoffice.billing.rules.columns import VERSION
from backoffice.billing.rules.names import file_name
from backoffice.billing.rules.windows import Due, chosen, cut_of
from backoffice.billing.rules.windows import due as due_runs
from backoffice.nudging import CHANNEL

log = logging.getLogger("roamdesk.billing")

ENDINGS: Mapping[str, str] = {Format.CSV: "csv", Format.XLSX: "xlsx"}


class UnableToPlan(Exception):
    """There is nothing to make; the sentence says why."""


def by_hand(export: Export, *, by: str, now: datetime, dates: tuple[date, date] | None = None) -> ExportRun:
    """A run that somebody asks for; the schedule goes on as it was. `dates`: first and last day, for CHOSEN. Raises
    UnableToPlan."""
    entering.enter(now=now)
    with transaction.atomic():
        locked = Export.objects.select_for_update().get(pk=export.pk)
        if locked.period == Period.CHOSEN:
            if dates is None or dates[0] > dates[1]:
                raise UnableToPlan("Choose the first and the last day, in this order.")
            run = _of_dates(locked, dates, by=by, now=now)
        else:
            run = _next(locked, None, by=by, now=now)
    if run is None:
        raise UnableToPlan("There is nothing new: every CDR of this export is in a run already.")
    return run


def due(export_id: int, *, now: datetime) -> list[int]:
    """Ids of the runs that the export's schedule asks for by now, oldest first: one, or more after a pause of the platform."""
    entering.enter(now=now)
    with transaction.atomic():
        export = Export.objects.select_for_update().filter(pk=export_id, enabled=True).exclude(schedule="").first()
        if export is None:
            return []
        moments = list(schedules.read(export.schedule).moments(export.answered_until or export.created_at, now))
        if not moments:
            return []
        planned = []
        for each in due_runs(moments, lambda moment: cut_of(export.period, moment, export.zone)):
            run = _next(export, each, by="", now=now)
            if run is not None:
                planned.append(run.pk)
        export.answered_until = moments[-1]
        if not planned:
            export.good_at = now  # it was looked at, and there was nothing to write
        export.save(update_fields=["answered_until", "good_at"])
    return planned


def all_due(*, now: datetime) -> list[int]:
    """As `due`, of every export: what a clock that stood still, or a broker that lost a task, left behind."""
    waiting = Export.objects.filter(enabled=True).exclude(schedule="").order_by("pk")
    found = []
    for pk, sentence, until, created in waiting.values_list("pk", "schedule", "answered_until", "created_at"):
        try:
            if schedules.read(sentence).next(until or created) <= now:
                found += due(pk, now=now)
        except Exception:  # one export that cannot be planned holds up no other
            log.exception("export %s could not be planned", pk)
    return found


def outlook(export: Export, *, now: datetime) -> reading.Chosen:
    """What the next run would cover if it were planned now. Nothing is fixed by looking."""
    last = export.runs.filter(chained=True).order_by("-number").first() if export.period != Period.CHOSEN else None
    after = last.upto if last else export.starts_after
    return reading.chosen(
        definition_of(export),
        after=after,
        upto=max(entering.highest(), after),
        prior_cut=last.cut if last else None,
        cut=cut_of(export.period, now, export.zone),
    )


def definition_of(export: Export) -> dict[str, Any]:
    """All of an export that the bytes of a run depend on."""
    return {
        "version": VERSION,
        "party": export.party_id,
        "partners": sorted(export.partners.values_list("pk", flat=True)),
        "direction": export.direction,
        "period": export.period,
        "since": export.since.isoformat() if export.since else None,
        "starts_after": export.starts_after,
        "zone": export.zone,
        "format": export.format,
        "delimiter": export.delimiter,
        "decimal_mark": export.decimal_mark,
        "encoding": export.encoding,
        "folder": export.folder,
    }


def _next(export: Export, answers: Due | None, *, by: str, now: datetime) -> ExportRun | None:
    """The run that follows the last one of the chain; None when it would be empty and nobody wants empty files."""
    entering.lock()
    last = export.runs.filter(chained=True).order_by("-number").first()
    cut = cut_of(export.period, answers.at if answers else now, export.zone)
    if last is not None and last.cut is not None and cut is not None:
        cut = max(cut, last.cut)  # a zone was changed: what is taken stays taken
    return _planned(
        export,
        answers,
        by=by,
        now=now,
        after=last.upto if last else export.starts_after,
        prior_cut=last.cut if last else None,
        cut=cut,
        wanted=export.empty_files,
    )


def _of_dates(export: Export, dates: tuple[date, date], *, by: str, now: datetime) -> ExportRun | None:
    entering.lock()
    ended_from, cut = chosen(*dates, export.zone)
    return _planned(
        export,
        None,
        by=by,
        now=now,
        after=export.starts_after,
        cut=cut,
        ended_from=ended_from,
        chained=False,
        wanted=True,
    )


def _planned(
    export: Export, answers: Due | None, *, by: str, now: datetime, wanted: bool, **window: Any
) -> ExportRun | None:
    definition = definition_of(export)
    upto = max(entering.highest(), window["after"])
    bounds = {name: value for name, value in window.items() if name != "chained"}
    total = reading.chosen(definition, upto=upto, **bounds).total()
    if not total and not wanted:
        return None
    latest = export.runs.order_by("-number").values_list("number", flat=True).first() or 0
    run = ExportRun.objects.create(
        export=export,
        number=latest + 1,
        definition=definition,
        upto=upto,
        due_at=answers.at if answers else None,
        missed=answers.missed if answers else 0,
        missed_since=answers.missed_since if answers else None,
        planned_at=now,
        moved_at=now,
        by=by,
        rows_total=total,
        file_name=file_name(export.name, latest + 1, ENDINGS[export.format]),
        **window,
    )
    tell()
    return run


def tell() -> None:
    """Wake the process that hands what is queued to the workers."""
    with database.cursor() as cursor:
        cursor.execute(f"NOTIFY {CHANNEL}")
