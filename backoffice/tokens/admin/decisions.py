"""The list of decisions: who was let in or not, where, on what ground, and why. "It won't start" ends here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.functions import Upper
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from backoffice.console.cells import NOTHING, masked, since, two
from backoffice.console.model_admins import Empty, ReadOnlyAdmin
from backoffice.tokens.admin.filters import DECISIONS
from backoffice.tokens.admin.words import how, outcome, uid_for
from backoffice.tokens.models import Authorization


@admin.register(Authorization)
class AuthorizationAdmin(ReadOnlyAdmin):
    list_display = ("when", "answer", "because", "card", "whose", "where", "ground")
    list_display_links = ("when",)
    list_filter = DECISIONS
    list_select_related = ("emsp", "connection")
    search_fields = ("uid",)  # switches the search box on; `get_search_results` is the search
    search_help_text = "Whole id of a card, contract, location, or authorization reference"
    sortable_by = ()
    list_count_limit = 100_000
    empty = Empty(
        "Decisions whether somebody may charge: asked by partners, or by charge points of ours.",
        "Nobody has asked yet, or nothing matches.",
    )

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-at", "-id")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "Authorizations"} | (extra_context or {}))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Authorization], search_term: str
    ) -> tuple[QuerySet[Authorization], bool]:
        """Each way of matching by its own index; a contract by its token's."""
        term = search_term.strip()
        if not term:
            return queryset, False
        rows = Authorization.objects.order_by().values_list("pk", flat=True)
        by_contract = rows.filter(token__in=_tokens_of_contract(term))
        found = rows.alias(key=Upper("uid")).filter(key=term.upper())
        found = found.union(by_contract, rows.exclude(authorization_reference="").filter(authorization_reference=term))
        if rows.filter(location_id=term)[:1]:
            return queryset.filter(location_id=term), False
        return queryset.filter(pk__in=found), False

    @admin.display(description="When")
    def when(self, row: Authorization) -> str:
        return since(row.at)

    @admin.display(description="Answer")
    def answer(self, row: Authorization) -> str:
        return outcome(row)

    @admin.display(description="Why")
    def because(self, row: Authorization) -> str:
        return row.reason if len(row.reason) <= 160 else row.reason[:159] + "…"

    @admin.display(description="Card, contract")
    def card(self, row: Authorization) -> str:
        shown = masked(row.uid)
        if row.token_id:
            url = reverse("admin:tokens_token_change", args=[row.token_id])
            shown = format_html('<a href="{}">{}</a>', url, shown)
        return two(shown, row.contract_id or row.token_type)

    @admin.display(description="Driver of, partner")
    def whose(self, row: Authorization) -> str:
        return two(
            row.emsp or NOTHING,
            row.connection or "in this house",
        )

    @admin.display(description="Where")
    def where(self, row: Authorization) -> str:
        if not row.location_id:
            return NOTHING
        evses = ", ".join(row.evse_uids[:2]) + ("…" if len(row.evse_uids) > 2 else "")
        return two(row.location_id, evses)

    @admin.display(description="Asked by, ground")
    def ground(self, row: Authorization) -> str:
        asked = "a partner" if row.kind == "ASKED" else "our charge point"
        told = '<span>{}<br><span class="rd-quiet">{}, <span class="rd-nowrap">{} ms</span></span></span>'
        return format_html(told, asked, how(row), f"{row.elapsed_ms:.0f}")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.one(request, object_id)
        log = ""
        if row.correlation_id and request.user.has_perm("delivery.view_exchange"):
            log = reverse("admin:delivery_exchange_changelist") + f"?correlation={row.correlation_id}"
        return self.render(
            request,
            "console/tokens/decision.html",
            {
                "title": "Authorization",
                "crumbs": [("Authorizations", reverse("admin:tokens_authorization_changelist"))],
                "row": row,
                "uid": uid_for(request, row.uid),
                "answer": outcome(row),
                "ground": how(row),
                "log": log,
            },
        )


def _tokens_of_contract(term: str) -> QuerySet[Any]:
    from backoffice.tokens.models import Token

    return Token.objects.alias(key=Upper("contract_id")).filter(key=term.upper()).order_by().values("pk")
