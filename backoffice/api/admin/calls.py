"""The log of calls: what applications changed, and what was refused to them. Bodies are not kept."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from backoffice.api.models import ApiCall
from backoffice.console.cells import NOTHING, since, state
from backoffice.console.filters import SelectFilter, SinceFilter
from backoffice.console.model_admins import Empty, ReadOnlyAdmin


class ResultFilter(SelectFilter):
    title, parameter_name = "result", "result"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("done", "Done"), ("refused", "Refused"), ("repeated", "Repeated")]

    def narrowed(self, queryset: Any, value: str) -> Any:
        if value == "repeated":
            return queryset.filter(replayed=True)
        return queryset.filter(status__lt=400) if value == "done" else queryset.filter(status__gte=400)


class WhenFilter(SinceFilter):
    title, parameter_name, column = "time", "since", "at"


@admin.register(ApiCall)
class ApiCallAdmin(ReadOnlyAdmin):
    party_lookup = "application__party"
    list_display = ("when", "application", "what", "result", "why", "took", "number")
    list_display_links = ("when",)
    list_filter = (ResultFilter, WhenFilter)
    list_select_related = ("application",)
    search_fields = ("=request_id", "=idempotency_key", "path", "application__name")
    search_help_text = "Request id, Idempotency-Key, address or application"
    ordering = ("-at", "-id")
    sortable_by = ()
    empty = Empty("Calls of applications that changed something or were refused.", "There was none so far.")

    @admin.display(description="When")
    def when(self, row: ApiCall) -> str:
        return since(row.at)

    @admin.display(description="Call")
    def what(self, row: ApiCall) -> str:
        return format_html("<code>{} {}</code>", row.method, row.path.removeprefix("/api"))

    @admin.display(description="Result")
    def result(self, row: ApiCall) -> str:
        if row.replayed:
            return state("REPEATED", tone=("off", "replay"), text=f"{row.status}, repeated")
        return state("DONE" if row.status < 400 else "REFUSED", text=str(row.status))

    @admin.display(description="Why")
    def why(self, row: ApiCall) -> str:
        return f"{row.code}: {row.detail[:120]}".strip(": ") or NOTHING

    @admin.display(description="Took")
    def took(self, row: ApiCall) -> str:
        return format_html('<span class="rd-nowrap">{} ms</span>', round(row.elapsed_ms))

    @admin.display(description="Request")
    def number(self, row: ApiCall) -> str:
        return format_html('<code title="{}">{}</code>', row.request_id, row.request_id[:8])
