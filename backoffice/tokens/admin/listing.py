"""The list of tokens, and the ModelAdmin that holds all pages of this door. A uid is shown by its end alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.functions import Upper
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import URLPattern
from django.utils.html import format_html
from unfold.views import ChangeList

from backoffice.console.cells import NOTHING, masked, since, two, word
from backoffice.console.model_admins import ConsoleAdmin, Empty
from backoffice.tokens.admin.deeds import DeedPages
from backoffice.tokens.admin.detail import DetailPages
from backoffice.tokens.admin.editing import EditPages
from backoffice.tokens.admin.filters import TOKENS
from backoffice.tokens.admin.told import push_states
from backoffice.tokens.admin.upload import UploadPages
from backoffice.tokens.admin.words import standing
from backoffice.tokens.models import Token
from backoffice.tokens.rules import sheet
from ocpi.wire import json as wire_json

EXPORTED = 100_000
"""More are not put into one file; filters narrow."""


class TokenList(ChangeList):
    """Adds what partners have taken of the shown rows, in one query for the page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        told = push_states(self.result_list)
        for row in self.result_list:
            row.told = told.get(row.pk)


@admin.register(Token)
class TokenAdmin(DetailPages, EditPages, DeedPages, UploadPages, ConsoleAdmin):
    list_display = ("token", "holder", "kind", "more", "state", "used", "partners")
    list_display_links = ("token",)
    list_filter = TOKENS
    list_select_related = ("party",)
    search_fields = ("object_id",)  # switches the search box on; `get_search_results` is the search
    search_help_text = "Whole uid; contract, printed number or group, or how it begins"
    list_before_template = "console/tokens/list_tools.html"
    show_add_link = False  # the buttons above the list say it
    list_count_limit = 100_000
    sortable_by = ()
    actions = None
    empty = Empty(
        "Tokens: cards, apps and cars of our drivers, and those that partners tell us of.",
        "None is stored yet: partners' arrive with their first pull, our own are added or imported.",
        "Import tokens of ours",
        "admin:tokens_token_upload",
        "tokens.add_token",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Token]:
        return super().get_queryset(request).defer("document")

    def get_ordering(self, request: HttpRequest) -> list[str]:
        return ["-last_updated", "-id"]

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return TokenList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Token], search_term: str
    ) -> tuple[QuerySet[Token], bool]:
        """Each way of matching by itself, so that each uses its own index. A uid is found whole only: whoever may not see it must
        not find it out sign by sign."""
        term = search_term.strip().upper()
        if not term:
            return queryset, False
        rows = Token.objects.order_by()
        found = rows.alias(key=Upper("object_id")).filter(key=term).values_list("pk", flat=True)
        for column in ("contract_id", "visual_number", "group_id"):
            begins = rows.alias(key=Upper(column)).filter(key__startswith=term)
            if column != "contract_id":
                begins = begins.exclude(**{column: ""})
            found = found.union(begins.values_list("pk", flat=True)[:10_000])
        return queryset.filter(pk__in=list(found[:20_000])), False

    def get_urls(self) -> list[URLPattern]:
        page = self.page
        return [
            page("export.csv", self.export_sheet, "export_sheet", permission="tokens.see_uid"),
            page("export.json", self.export_json, "export_json", permission="tokens.see_uid"),
            *self.upload_urls(),
            *self.edit_urls(),
            *self.deed_urls(),
            *self.detail_urls(),
            *super().get_urls(),
        ]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: a token is never deleted, it is blocked (mod_tokens)."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {"has_add_permission": self.has_add_permission(request), "query": request.GET.urlencode()}
        return super().changelist_view(request, context | (extra_context or {}))

    # --- export: the current view, for who may see whole uids -----------------------------------------------------------

    def _exported(self, request: HttpRequest) -> Iterator[Token]:
        rows = self.get_changelist_instance(request).get_queryset(request)
        wanted = list(rows.values_list("pk", flat=True)[:EXPORTED])
        self.log_change(request, request.user, f"Exported {len(wanted)} tokens.")
        for start in range(0, len(wanted), 500):
            chosen = wanted[start : start + 500]
            found = Token.objects.in_bulk(chosen)
            yield from (found[pk] for pk in chosen if pk in found)

    def export_sheet(self, request: HttpRequest) -> StreamingHttpResponse:
        """A line for each token, as the import reads it again."""
        lines = sheet.write(token.tree() for token in self._exported(request))
        return _download((line.encode() for line in lines), "text/csv; charset=utf-8", "tokens.csv")

    def export_json(self, request: HttpRequest) -> StreamingHttpResponse:
        """A list of Token objects of OCPI 2.3.0."""

        def pieces() -> Iterator[bytes]:
            yield b"["
            for number, token in enumerate(self._exported(request)):
                yield (b",\n" if number else b"") + wire_json.encode(token.tree())
            yield b"]"

        return _download(pieces(), "application/json", "tokens.json")

    # --- columns ------------------------------------------------------------------------------------------------------

    @admin.display(description="Token, owner")
    def token(self, row: Token) -> str:
        whose = "ours" if row.party.ours else "partner"
        return format_html(
            '<span><code>{}</code><br><span class="rd-quiet rd-nowrap">{}, {}</span></span>',
            masked(row.object_id),
            str(row.party),
            whose,
        )

    @admin.display(description="Contract, printed number")
    def holder(self, row: Token) -> str:
        return two(row.contract_id, row.visual_number or NOTHING)

    @admin.display(description="Type, issuer")
    def kind(self, row: Token) -> str:
        return two(row.type, row.issuer)

    @admin.display(description="Group, energy, language")
    def more(self, row: Token) -> str:
        told = ", ".join(filter(None, (row.energy_supplier, row.language)))
        return two(row.group_id or NOTHING, told)

    @admin.display(description="State, whitelist")
    def state(self, row: Token) -> str:
        return two(standing(row), word(row.whitelist))

    @admin.display(description="Last used")
    def used(self, row: Token) -> str:
        return since(row.last_used_at)

    @admin.display(description="Partners")
    def partners(self, row: Any) -> str:
        return row.told.cell() if row.told else NOTHING


def _download(pieces: Iterator[bytes], kind: str, name: str) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(pieces, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
