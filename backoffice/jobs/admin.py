"""What runs by itself, on one page: when, how it went, how long it took, when next; run now, pause. And the page of one job."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse

from backoffice.billing.actions.defining import TASK as EXPORT_TASK
from backoffice.billing.models import Export
from backoffice.billing.rules.schedules import Schedule
from backoffice.console.cells import state
from backoffice.console.model_admins import ReadOnlyAdmin
from backoffice.console.scope import scoped
from backoffice.jobs import actions
from backoffice.jobs.models import Job, Outcome
from backoffice.jobs.rules import FAILING, every, late, took, usual
from backoffice.nudging import CHANNEL
from backoffice.roaming_site import site

RUN = "jobs.run_job"
MOST = 500


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    party_lookup = None  # a job works for all; those that make exports are scoped like these, below

    def get_urls(self) -> list[URLPattern]:
        return [
            self.page("", self.list_page, "changelist"),
            self.page("<int:pk>/change/", self.show, "change"),
            self.page("<int:pk>/run/", self.run_now, "run", permission=RUN),
            self.page("<int:pk>/pause/", self.pause, "pause", permission=RUN),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> Any:
        """Celery's own housekeeping is no job of ours."""
        rows = super().get_queryset(request).exclude(task__startswith="celery.").select_related("interval", "crontab")
        mine = scoped(Export.objects.all(), request.user, "party")
        allowed = [f"Export {pk}" for pk in mine.values_list("pk", flat=True)]
        return rows.exclude(task=EXPORT_TASK) | rows.filter(task=EXPORT_TASK, name__in=allowed)

    def list_page(self, request: HttpRequest) -> HttpResponse:
        now = site.now()
        jobs = list(self.get_queryset(request).order_by("name")[:MOST])
        outcomes = {outcome.name: outcome for outcome in Outcome.objects.filter(name__in=[job.name for job in jobs])}
        exports = _exports(jobs)
        context = {
            "title": "Jobs",
            "crumbs": [("Home", reverse("admin:index"))],
            "rows": [_row(job, outcomes.get(job.name), exports.get(job.pk), now) for job in jobs],
            "may_run": request.user.has_perm(RUN),
        }
        return self.render(request, "console/jobs/list.html", context)

    def show(self, request: HttpRequest, pk: int) -> HttpResponse:
        job: Job = self.one(request, pk)
        now, outcome = site.now(), Outcome.objects.filter(name=job.name).first()
        recent = [
            (datetime.fromisoformat(at), ok, took(ms), said) for at, ok, ms, said in (outcome.recent if outcome else [])
        ]
        row = _row(job, outcome, _exports([job]).get(job.pk), now)
        context = {
            "title": row["name"],
            "crumbs": [("Jobs", reverse("admin:jobs_job_changelist"))],
            "row": row,
            "recent": recent,
            "may_run": request.user.has_perm(RUN),
        }
        return self.render(request, "console/jobs/job.html", context)

    def run_now(self, request: HttpRequest, pk: int) -> HttpResponse:
        job: Job = self.one(request, pk)
        if request.method == "POST":
            try:
                actions.ask(job, by=request.user.get_username(), now=site.now(), channel=CHANNEL)
            except actions.UnableToRun as error:
                self.sorry(request, error)
            else:
                self.note(request, job, "Asked to run now.")
                self.done(request, "It runs as soon as a worker is free; its schedule goes on as it was.")
        return redirect("admin:jobs_job_change", pk)

    def pause(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Or resume. A job of an export is paused on the export's page, which knows what that means for its CDRs."""
        job: Job = self.one(request, pk)
        if request.method == "POST" and job.task != EXPORT_TASK:
            resumes = request.POST.get("on") == "1"
            (actions.resume if resumes else actions.pause)(job)
            self.note(request, job, "Resumed." if resumes else "Paused.")
            self.done(request, "Resumed." if resumes else "Paused: it runs again when somebody resumes it.")
        return redirect("admin:jobs_job_change", pk)


def _exports(jobs: list[Job]) -> dict[int, Export]:
    """The export of each job that makes one."""
    named = {
        job.pk: int(json.loads(job.kwargs or "{}").get("export_id") or 0) for job in jobs if job.task == EXPORT_TASK
    }
    found = Export.objects.select_related("created_by").in_bulk(named.values())
    return {pk: found[export_id] for pk, export_id in named.items() if export_id in found}


def _row(job: Job, outcome: Outcome | None, export: Export | None, now: datetime) -> dict[str, Any]:
    durations = [ms for _, _, ms, _ in (outcome.recent if outcome else [])]
    ran_at = max(filter(None, (job.last_run_at, outcome.ran_at if outcome else None)), default=None)
    gap = timedelta(seconds=_seconds(job)) if job.interval else None
    due = _due(job, ran_at, gap, now)
    return {
        "job": job,
        "name": f"Export “{export}”" if export else job.name,
        "export": export,
        "schedule": export.schedule if export else every(_seconds(job)) if job.interval else _told(job.crontab),
        "state": _state(job, outcome, late(due, gap, now=now)),
        "ran_at": ran_at,
        "good_at": outcome.good_at if outcome else None,
        "outcome": outcome,
        "said": outcome.recent[0][3] if outcome and outcome.recent else "",
        "took": took(durations[0]) if durations else "",
        "usual": took(middle) if (middle := usual(durations[1:])) is not None else "",
        "bars": _bars(durations),
        "next_at": due if job.enabled else None,
        "owner": str(export.created_by) if export and export.created_by else "Roamdesk",
    }


def _told(crontab: Any) -> str:
    """In the words that schedules of exports are written in; of what those cannot say, the library's own."""
    told = crontab.schedule
    if len(told.month_of_year) < 12 or (len(told.day_of_month) < 31 and len(told.day_of_week) < 7):
        return str(crontab.human_readable)
    return str(
        Schedule(
            times=frozenset(hour * 60 + minute for hour in told.hour for minute in told.minute),
            zone=str(crontab.timezone),
            days=frozenset(told.day_of_month if len(told.day_of_month) < 31 else ()),
            weekdays=frozenset((day - 1) % 7 for day in told.day_of_week) if len(told.day_of_week) < 7 else frozenset(),
        )
    )


def _seconds(job: Job) -> int:
    return int(job.interval.schedule.run_every.total_seconds())


def _due(job: Job, ran_at: datetime | None, gap: timedelta | None, now: datetime) -> datetime | None:
    if not job.enabled:
        return None
    begin = ran_at or job.date_changed
    if gap is not None:
        return begin + gap
    remaining: timedelta = job.crontab.schedule.remaining_estimate(begin)
    return now + remaining


def _state(job: Job, outcome: Outcome | None, overdue: bool) -> str:
    if not job.enabled:
        return state("PAUSED")
    if overdue:
        return state("OVERDUE", tone=("bad", "timer_off"))
    if outcome is None or outcome.ok is None:
        return state("NEVER", tone=("off", "schedule"), text="not run yet")
    if outcome.ok:
        return state("DONE")
    broken = f", {outcome.failures} times" if outcome.failures >= FAILING else ""
    return state("FAILED", text=f"failed{broken}")


def _bars(durations: list[float]) -> str:
    """The trend of durations, oldest first, as blocks; a reader hears the figures beside."""
    if len(durations) < 3:
        return ""
    most = max(durations) or 1
    return "".join("▁▂▃▄▅▆▇█"[min(7, int(8 * ms / most))] for ms in reversed(durations))
