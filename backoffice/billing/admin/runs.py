"""The runs of all exports, and the page of one: what it covers, how far it is, its sums, download, cancel, make again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, reverse

from backoffice.billing.actions import keeping, steering
from backoffice.billing.admin.rows import covered, lateness, percent, run_state
from backoffice.billing.models import ExportRun, Format
from backoffice.billing.rules.states import TRANSITIONS, UNMADE, RunEvent, RunState
from backoffice.console.cells import NOTHING, since, two
from backoffice.console.filters import SelectFilter, SinceFilter
from backoffice.console.model_admins import Empty, ReadOnlyAdmin
from backoffice.roaming_site import site

RUN, READ = "billing.run_export", "billing.download_export"

TYPES = {Format.CSV: "text/csv", Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


class PlannedFilter(SinceFilter):
    title, parameter_name, column = "planned", "planned", "planned_at"


class MadeFilter(SelectFilter):
    """Whether its CDRs are in a file."""

    title, parameter_name = "made", "made"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Made"), ("no", "Not made: failed or cancelled")]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(state__in=UNMADE) if value == "no" else queryset.filter(state=RunState.DONE)


@admin.register(ExportRun)
class ExportRunAdmin(ReadOnlyAdmin):
    party_lookup = "export__party"
    list_display = ("what", "standing", "rows", "net", "planned", "asked", "weight", "trouble")
    list_display_links = ("what",)
    list_filter = (MadeFilter, "state", PlannedFilter, ("export", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("export",)
    search_fields = ("export__name", "file_name", "sha256")
    search_help_text = "Export, file name or SHA-256"
    ordering = ("-id",)
    sortable_by = ()
    empty = Empty(
        "Runs: each making of an export, with what was in it.",
        "None was made yet: an export makes one as soon as there is a CDR and its time has come.",
        "Exports",
        "admin:billing_export_changelist",
        "billing.view_export",
    )

    def get_urls(self) -> list[URLPattern]:
        return [
            self.page("<int:pk>/change/", self.show, "change"),
            self.page("<int:pk>/download/", self.download, "download", permission=READ),
            self.page("<int:pk>/cancel/", self.cancel, "cancel", permission=RUN),
            self.page("<int:pk>/again/", self.again, "again", permission=RUN),
            *super().get_urls(),
        ]

    # --- columns ------------------------------------------------------------------------------------------------------

    @admin.display(description="Run")
    def what(self, row: ExportRun) -> str:
        return str(row)

    @admin.display(description="State")
    def standing(self, row: ExportRun) -> str:
        return run_state(row)

    @admin.display(description="Rows")
    def rows(self, row: ExportRun) -> str:
        done = percent(row)
        return f"{row.rows_total:,}" if done is None else f"{row.rows_done:,} of {row.rows_total:,} ({done} %)"

    @admin.display(description="Sum before taxes")
    def net(self, row: ExportRun) -> str:
        """Not called `sums`: of a method and a field of one name, Django's lists show the field."""
        return ", ".join(f"{currency} {found['net']}" for currency, found in row.sums.items()) or NOTHING

    @admin.display(description="Planned")
    def planned(self, row: ExportRun) -> str:
        late = lateness(row)
        return two(since(row.planned_at), late) if late else since(row.planned_at)

    @admin.display(description="By")
    def asked(self, row: ExportRun) -> str:
        return row.by or "schedule"

    @admin.display(description="Size")
    def weight(self, row: ExportRun) -> str:
        return filesizeformat(row.size) if row.size is not None else NOTHING

    @admin.display(description="Error")
    def trouble(self, row: ExportRun) -> str:
        return row.error[:120] or NOTHING

    # --- pages --------------------------------------------------------------------------------------------------------

    def show(self, request: HttpRequest, pk: int) -> HttpResponse:
        run: ExportRun = self.one(request, pk)
        known = TRANSITIONS[RunState(run.state)]
        may_run = request.user.has_perm(RUN)
        context = {
            "title": str(run),
            "crumbs": [
                ("Exports", reverse("admin:billing_export_changelist")),
                (run.export.name, reverse("admin:billing_export_change", args=[run.export_id])),
            ],
            "run": run,
            "state": run_state(run),
            "covered": covered(run),
            "lateness": lateness(run),
            "percent": percent(run),
            "kept": keeping.is_kept(run),
            "events": run.events.all(),
            "may_read": request.user.has_perm(READ),
            "may_cancel": may_run and RunEvent.CANCEL in known and not run.cancelled_by,
            "may_again": may_run and RunEvent.AGAIN in known,
            "open": run.state in (RunState.QUEUED, RunState.RUNNING),
        }
        return self.render(request, "console/billing/run.html", context)

    def download(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The file as it was made. Whoever takes it is written down: it names drivers' contracts."""
        run: ExportRun = self.one(request, pk)
        try:
            file = keeping.kept(run).open("rb") if run.sha256 else None
        except OSError:
            file = None
        if file is None:
            self.sorry(
                request,
                steering.UnableToSteer("This file is not kept here any more. Make it again: it will be the same."),
            )
            return redirect("admin:billing_exportrun_change", pk)
        self.note(request, run, f"Downloaded {run.file_name}.")
        answer = FileResponse(
            file, as_attachment=True, filename=run.file_name, content_type=TYPES[Format(run.frozen("format"))]
        )
        answer["Cache-Control"] = "no-store"
        return answer

    def cancel(self, request: HttpRequest, pk: int) -> HttpResponse:
        run: ExportRun = self.one(request, pk)
        reason = request.POST.get("reason", "").strip()[:200]
        if request.method == "POST" and not reason:
            self.sorry(request, steering.UnableToSteer("A reason is needed. Nothing was changed."))
        elif request.method == "POST":
            self._steer(
                request, run, steering.cancel, reason, "It is being cancelled. Its CDRs wait until somebody makes it."
            )
        return redirect("admin:billing_exportrun_change", pk)

    def again(self, request: HttpRequest, pk: int) -> HttpResponse:
        run: ExportRun = self.one(request, pk)
        if request.method == "POST":
            self._steer(
                request, run, steering.again, "Make it again", "It is being made; it will be the same, byte for byte."
            )
        return redirect("admin:billing_exportrun_change", pk)

    def _steer(self, request: HttpRequest, run: ExportRun, act: Any, why: str, told: str) -> None:
        try:
            act(run, by=request.user.get_username(), why=why, now=site.now())
        except steering.UnableToSteer as error:
            self.sorry(request, error)
        else:
            self.note(request, run, f"{why}.")
            self.done(request, told)
