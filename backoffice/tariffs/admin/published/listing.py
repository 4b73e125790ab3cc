"""The list of tariffs, and the ModelAdmin that holds all pages of published ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from unfold.views import ChangeList

from backoffice.console.cells import NOTHING, since, state
from backoffice.console.model_admins import ConsoleAdmin, Empty
from backoffice.console.scope import scoped
from backoffice.roaming_site import site
from backoffice.tariffs.admin.published.assigning import AssignPages
from backoffice.tariffs.admin.published.comparing import MOST as MOST_COMPARED
from backoffice.tariffs.admin.published.comparing import ComparePages
from backoffice.tariffs.admin.published.deeds import DeedPages
from backoffice.tariffs.admin.published.detail import DetailPages
from backoffice.tariffs.admin.published.facts import Facts, facts_of, standing_state, validity_in_words
from backoffice.tariffs.admin.published.filters import FILTERS, type_in_words
from backoffice.tariffs.admin.published.schedule import SchedulePages
from backoffice.tariffs.admin.published.upload import UploadPages
from backoffice.tariffs.models import Draft, Tariff
from backoffice.tariffs.rules import sheet
from ocpi.wire import json as wire_json

EXPORTED = 10_000
"""More are not put into one file; filters narrow."""


class TariffList(ChangeList):
    """Adds what connectors, partners and drafts say of the shown rows, in one query for the page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        facts = facts_of([row.pk for row in self.result_list])
        for row in self.result_list:
            row.facts = facts.get(row.pk, Facts())


@admin.register(Tariff)
class TariffAdmin(DetailPages, DeedPages, ComparePages, SchedulePages, AssignPages, UploadPages, ConsoleAdmin):
    list_display = ("tariff", "costs", "kind", "validity", "connectors", "partners", "standing")
    list_display_links = ("tariff",)
    list_filter = FILTERS
    search_fields = ("object_id",)  # switches the search box on; `get_search_results` is the search
    search_help_text = "Id, or words of what it costs"
    list_before_template = "console/tariffs/list_tools.html"
    list_select_related = ("party",)
    actions = ("compare_chosen", "assign_chosen")
    empty = Empty(
        "Tariffs: ours, and those that partners tell us of.",
        "None is stored yet: partners' arrive with their first pull, our own begin with a template or are imported.",
        "New tariff",
        "admin:tariffs_draft_add",
        "tariffs.add_draft",
    )

    class Media:
        css: ClassVar = {"all": ["console/tariffs.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tariff]:
        return super().get_queryset(request).defer("document")

    def get_ordering(self, request: HttpRequest) -> list[str]:
        return ["-last_updated", "-id"]

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return TariffList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Tariff], search_term: str
    ) -> tuple[QuerySet[Tariff], bool]:
        """Each way of matching by itself, so that each uses its own index."""
        term = search_term.strip()
        if not term:
            return queryset, False
        anywhere = re.escape(term)
        rows = Tariff.objects.order_by().values_list("pk", flat=True)
        found = rows.filter(object_id__iregex=anywhere).union(rows.filter(headline__iregex=anywhere))
        return queryset.filter(pk__in=found), False

    def get_urls(self) -> list[URLPattern]:
        page = self.page
        return [
            page("add/", self.add_redirect, "add", permission="tariffs.add_draft"),
            page("export.csv", self.export_sheet, "export_sheet"),
            page("export.json", self.export_json, "export_json"),
            *self.compare_urls(),
            *self.schedule_urls(),
            *self.assign_urls(),
            *self.upload_urls(),
            *self.deed_urls(),
            *self.detail_urls(),
            *super().get_urls(),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A tariff begins as a draft."""
        return bool(request.user.has_perm("tariffs.add_draft"))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody here: a tariff of ours changes through a draft, a partner's when they tell us."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: what was charged by a tariff is explained by it for ever. It is withdrawn instead."""
        return False

    def has_publish_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("tariffs.publish_tariff"))

    def add_redirect(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:tariffs_draft_add"))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        drafts = None
        if request.user.has_perm("tariffs.view_draft"):
            drafts = scoped(Draft.objects.all(), request.user, "party")[:100].count()
        context = {
            "has_add_permission": self.has_add_permission(request),
            "drafts": drafts,
            "query": request.GET.urlencode(),
        }
        return super().changelist_view(request, context | (extra_context or {}))

    # --- several ------------------------------------------------------------------------------------------------------

    @admin.action(description="Compare", permissions=["view"])
    def compare_chosen(self, request: HttpRequest, queryset: QuerySet[Tariff]) -> HttpResponse:
        chosen = list(queryset.values_list("pk", flat=True)[:MOST_COMPARED])
        return HttpResponseRedirect(
            reverse("admin:tariffs_tariff_compare") + "?" + urlencode({"t": chosen}, doseq=True)
        )

    @admin.action(description="Assign to connectors…", permissions=["publish"])
    def assign_chosen(self, request: HttpRequest, queryset: QuerySet[Tariff]) -> HttpResponse | None:
        chosen = list(queryset.filter(party__ours=True).values_list("party_id", "object_id")[:20])
        if not chosen or len({party for party, _ in chosen}) > 1:
            self.sorry(request, ValueError("Choose tariffs of one party of ours."))
            return None
        query = urlencode({"party": chosen[0][0], "add": [name for _, name in chosen]}, doseq=True)
        return HttpResponseRedirect(reverse("admin:tariffs_tariff_assign") + "?" + query)

    # --- export: the current view -------------------------------------------------------------------------------------

    def _exported(self, request: HttpRequest) -> Iterator[dict[str, Any]]:
        rows = self.get_changelist_instance(request).get_queryset(request)
        wanted = list(rows.values_list("pk", flat=True)[:EXPORTED])
        for start in range(0, len(wanted), 200):
            chosen = wanted[start : start + 200]
            trees = {row.pk: row.tree() for row in Tariff.objects.filter(pk__in=chosen)}
            yield from (trees[pk] for pk in chosen if pk in trees)

    def export_sheet(self, request: HttpRequest) -> StreamingHttpResponse:
        """A line for each price, as the import reads it again."""
        lines = sheet.write(self._exported(request))
        return _download((line.encode() for line in lines), "text/csv; charset=utf-8", "tariffs.csv")

    def export_json(self, request: HttpRequest) -> StreamingHttpResponse:
        """A list of Tariff objects of OCPI 2.3.0."""

        def pieces() -> Iterator[bytes]:
            yield b"["
            for number, tree in enumerate(self._exported(request)):
                yield (b",\n" if number else b"") + wire_json.encode(tree)
            yield b"]"

        return _download(pieces(), "application/json", "tariffs.json")

    # --- columns ------------------------------------------------------------------------------------------------------

    @admin.display(description="Tariff", ordering="object_id")
    def tariff(self, row: Tariff) -> str:
        whose = "ours" if row.party.ours else "partner"
        return format_html(
            '<span><code>{}</code><br><span class="rd-quiet rd-nowrap">{}, {}</span></span>',
            row.object_id,
            str(row.party),
            whose,
        )

    @admin.display(description="What it costs")
    def costs(self, row: Any) -> str:
        if row.flaw:
            return state("x", tone=("bad", "error"), text=row.flaw[:120])
        shown = row.headline if len(row.headline) <= LONGEST else row.headline[: LONGEST - 1] + "…"
        said = [*(["time of use"] if row.time_of_use else []), *row.facts.limits]
        return format_html(
            '<span class="rt-costs" title="{}">{}{}</span>',
            row.headline,
            shown or "nothing",
            format_html('<br><span class="rd-quiet">{}</span>', " · ".join(said)) if said else "",
        )

    @admin.display(description="For, currency", ordering="currency")
    def kind(self, row: Tariff) -> str:
        taxes = {"YES": "taxes included", "NO": "before taxes", "N/A": "no taxes"}.get(
            row.tax_included, row.tax_included
        )
        return format_html(
            '<span>{}<br><span class="rd-quiet">{}, {}</span></span>',
            type_in_words(row.type),
            row.currency,
            taxes,
        )

    @admin.display(description="Valid", ordering="starts_at")
    def validity(self, row: Tariff) -> str:
        return validity_in_words(row)

    @admin.display(description="Connectors")
    def connectors(self, row: Any) -> str:
        return row.facts.offered

    @admin.display(description="Partners")
    def partners(self, row: Any) -> str:
        if not row.party.ours:
            return NOTHING
        return row.facts.shown_to(row.everyone)

    @admin.display(description="State, version", ordering="last_updated")
    def standing(self, row: Any) -> str:
        draft = state("x", tone=("busy", "edit_note"), text="draft") if row.facts.drafts else ""
        return format_html(
            '<span><span class="rd-pills">{} {}</span><span class="rd-quiet rd-nowrap">{}, {}</span></span>',
            standing_state(row, site.now()),
            draft,
            row.generation,
            since(row.last_updated),
        )


LONGEST = 160


def _download(pieces: Iterator[bytes], kind: str, name: str) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(pieces, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
