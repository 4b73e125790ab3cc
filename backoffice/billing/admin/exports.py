"""The list of exports and their pages: what each holds, when it is made, how its runs went, its next rows."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from unfold.views import ChangeList

from backoffice.billing.actions import defining, delivering, planning, steering
from backoffice.billing.admin.form import COLUMNS, DatesForm, ExportForm, filled
from backoffice.billing.admin.rows import preview, standing_state, with_runs
from backoffice.billing.models import Export, Period
from backoffice.billing.rules.words import sentence
from backoffice.billing.vitals import measure
from backoffice.console.cells import NOTHING, since
from backoffice.console.model_admins import ConsoleAdmin, Empty
from backoffice.console.scope import parties_of, scoped
from backoffice.partners.models import Party
from backoffice.roaming_site import site

RUN, READ = "billing.run_export", "billing.download_export"
HISTORY = 50


class ExportList(ChangeList):
    """Adds how the shown exports are doing, in two queries for the page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        vitals = measure(self.result_list, now=site.now())
        for row in self.result_list:
            row.vitals = vitals[row.pk]


def said(export: Export) -> str:
    """The export in a sentence."""
    return sentence(
        direction=export.direction,
        period=export.period,
        party=str(export.party) if export.party else "",
        partners=[str(party) for party in export.partners.all()],
        since=export.since,
    )


@admin.register(Export)
class ExportAdmin(ConsoleAdmin):
    list_display = ("what", "holds", "when", "standing", "last", "kind")
    list_display_links = ("what",)
    list_filter = ("direction", "period", "enabled")
    search_fields = ("name",)
    search_help_text = "Name"
    actions = None
    sortable_by = ()
    list_before_template = "console/billing/list_tools.html"
    show_add_link = False  # the button above the list says it
    empty = Empty(
        "Exports: which CDRs finance gets as a file, how, when and where.",
        "None is defined, or none that your scope shows.",
        "Define an export",
        "admin:billing_export_add",
        "billing.add_export",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Export]:
        return super().get_queryset(request).select_related("party", "created_by").prefetch_related("partners")

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return ExportList

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(
            request, {"has_add_permission": self.has_add_permission(request)} | (extra_context or {})
        )

    def get_urls(self) -> list[URLPattern]:
        return [
            self.page("add/", self.add_page, "add", permission="add"),
            self.page("<int:pk>/change/", self.show, "change"),
            self.page("<int:pk>/edit/", self.edit_page, "edit", permission="change"),
            self.page("<int:pk>/run/", self.run_now, "run", permission=RUN),
            self.page("<int:pk>/pause/", self.pause, "pause", permission="change"),
            self.page("<int:pk>/copy/", self.copy, "copy", permission="add"),
            self.page("<int:pk>/probe/", self.probe, "probe", permission="change"),
            self.page("<int:pk>/delete/", self.remove, "delete", permission="delete"),
            *super().get_urls(),
        ]

    # --- columns ------------------------------------------------------------------------------------------------------

    @admin.display(description="Export")
    def what(self, row: Export) -> str:
        return row.name

    @admin.display(description="What it holds")
    def holds(self, row: Export) -> str:
        return said(row)

    @admin.display(description="When")
    def when(self, row: Any) -> str:
        if not row.schedule:
            return "by hand"
        following = since(row.vitals.next_at) if row.vitals.next_at else "paused"
        return format_html('<span>{}<br><span class="rd-quiet">next {}</span></span>', row.schedule, following)

    @admin.display(description="State")
    def standing(self, row: Any) -> str:
        return standing_state(row.vitals)

    @admin.display(description="Last run")
    def last(self, row: Any) -> str:
        run = row.vitals.last
        if run is None:
            return NOTHING
        url = reverse("admin:billing_exportrun_change", args=[run.pk])
        return format_html(
            '<span><a href="{}">#{}</a>, {} rows, {}</span>', url, run.number, run.rows_total, since(run.planned_at)
        )

    @admin.display(description="As")
    def kind(self, row: Export) -> str:
        return f"{row.format}, folder {row.folder}" if row.folder else row.format

    # --- pages --------------------------------------------------------------------------------------------------------

    def show(self, request: HttpRequest, pk: int) -> HttpResponse:
        export: Export = self.one(request, pk)
        tab = request.GET.get("tab", "")
        may_read = request.user.has_perm(READ)
        if tab == "preview" and not may_read:
            raise PermissionDenied
        now = site.now()
        runs, vitals = with_runs(export.runs.all()[:HISTORY]), measure([export], now=now)[export.pk]
        context: dict[str, Any] = {
            "title": export.name,
            "crumbs": [("Exports", reverse("admin:billing_export_changelist"))],
            "export": export,
            "sentence": said(export),
            "vitals": vitals,
            "standing": standing_state(vitals),
            "tab": tab,
            "tabs": [("", "Runs"), ("preview", "First rows")] if may_read else [("", "Runs")],
            "runs": runs,
            "more_runs": len(runs) == HISTORY,
            "waiting": None if export.period == Period.CHOSEN else planning.outlook(export, now=now).total(),
            "dates": DatesForm() if export.period == Period.CHOSEN else None,
            "may_run": request.user.has_perm(RUN),
            "may_change": self.has_change_permission(request),
            "may_add": self.has_add_permission(request),
            "may_remove": self.has_delete_permission(request) and not runs,
        }
        if tab == "preview":
            context |= preview(export, vitals.last, now=now)
        return self.render(request, "console/billing/export.html", context)

    def add_page(self, request: HttpRequest) -> HttpResponse:
        return self._form(request, Export())

    def edit_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._form(request, self.one(request, pk))

    def _form(self, request: HttpRequest, export: Export) -> HttpResponse:
        fresh = export.pk is None
        form = ExportForm(
            request.POST if request.method == "POST" else None,
            initial=filled(export) if not fresh else {"zone": "UTC", "period": Period.SINCE_LAST},
            parties=scoped(Party.objects.filter(ours=True), request.user, "id"),
            whole=parties_of(request.user) is None,
            fixed=not fresh and export.runs.exists(),
        )
        if request.method == "POST" and form.is_valid():
            facts = {name: form.cleaned_data[name] for name in COLUMNS}
            partners = form.cleaned_data["partners"]
            if isinstance(partners, str):
                partners = []  # a disabled field: settled already
            try:
                saved = defining.save(export, facts, partners, by=request.user, now=site.now())
            except defining.UnableToDefine as error:
                form.add_error(error.field if error.field in form.fields else None, str(error))
            else:
                self.note(
                    request, saved, "Defined." if fresh else "Changed: " + (", ".join(form.changed_data) or "nothing")
                )
                self.done(request, f"{saved.name} is defined." if fresh else f"{saved.name} was changed.")
                return redirect("admin:billing_export_change", saved.pk)
        back = ("Exports", reverse("admin:billing_export_changelist"))
        crumbs = [back] if fresh else [back, (export.name, reverse("admin:billing_export_change", args=[export.pk]))]
        context = {
            "title": "Define an export" if fresh else f"Edit {export.name}",
            "crumbs": crumbs,
            "form": form,
            "export": export,
        }
        return self.render(request, "console/billing/export_form.html", context, status=400 if form.errors else 200)

    # --- buttons ------------------------------------------------------------------------------------------------------

    def run_now(self, request: HttpRequest, pk: int) -> HttpResponse:
        export: Export = self.one(request, pk)
        if request.method != "POST":
            return redirect("admin:billing_export_change", pk)
        dates = None
        if export.period == Period.CHOSEN:
            form = DatesForm(request.POST)
            dates = form.dates() if form.is_valid() else None
        try:
            run = planning.by_hand(export, by=request.user.get_username(), now=site.now(), dates=dates)
        except planning.UnableToPlan as error:
            self.sorry(request, error)
            return redirect("admin:billing_export_change", pk)
        self.note(request, export, f"Asked for run #{run.number}.")
        return redirect("admin:billing_exportrun_change", run.pk)

    def pause(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Or resume, whichever it is not."""
        export: Export = self.one(request, pk)
        if request.method == "POST":
            if request.POST.get("on") == "1":
                steering.resume(export, now=site.now())
                told = "resumed: the next run takes what came meanwhile"
            else:
                steering.pause(export)
                told = "paused: no run is made by itself until it is resumed"
            self.note(request, export, f"{told.split(':')[0].capitalize()}.")
            self.done(request, f"{export.name} is {told}.")
        return redirect("admin:billing_export_change", pk)

    def copy(self, request: HttpRequest, pk: int) -> HttpResponse:
        export: Export = self.one(request, pk)
        if request.method != "POST":
            return redirect("admin:billing_export_change", pk)
        try:
            copied = defining.copy(export, request.POST.get("name", "").strip()[:100], by=request.user, now=site.now())
        except defining.UnableToDefine as error:
            self.sorry(request, error)
            return redirect("admin:billing_export_change", pk)
        self.note(request, copied, f"Copied from {export.name}.")
        return redirect("admin:billing_export_edit", copied.pk)

    def probe(self, request: HttpRequest, pk: int) -> HttpResponse:
        export: Export = self.one(request, pk)
        if request.method == "POST" and export.folder:
            try:
                delivering.probe(export.folder)
                self.done(request, f"A file could be written into {export.folder} and removed again.")
            except delivering.UnableToDeliver as error:
                self.sorry(request, error)
        return redirect("admin:billing_export_change", pk)

    def remove(self, request: HttpRequest, pk: int) -> HttpResponse:
        export: Export = self.one(request, pk)
        if request.method != "POST":
            return redirect("admin:billing_export_change", pk)
        try:
            self.log_deletions(request, Export.objects.filter(pk=export.pk))
            defining.remove(export)
        except defining.UnableToDefine as error:
            self.sorry(request, error)
            return redirect("admin:billing_export_change", pk)
        self.done(request, f"{export.name} is removed.")
        return redirect("admin:billing_export_changelist")
