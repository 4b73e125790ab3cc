"""The log of webhooks: what was told to whom, whether it was taken, and once more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse

from backoffice.api.actions import webhooks
from backoffice.api.models import WebhookDelivery
from backoffice.api.rules import LADDER, DeliveryState
from backoffice.console.cells import NOTHING, since, state
from backoffice.console.filters import SelectFilter, SinceFilter
from backoffice.console.model_admins import Empty, ReadOnlyAdmin
from backoffice.delivery.actions.recording import redacted
from backoffice.partners.health import in_words
from backoffice.roaming_site import site

RESEND = "api.change_webhookdelivery"


class StateFilter(SelectFilter):
    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(member.value, member.value.capitalize()) for member in DeliveryState]

    def narrowed(self, queryset: Any, value: str) -> Any:
        return queryset.filter(state=value)


class WhenFilter(SinceFilter):
    title, parameter_name, column = "time", "since", "created_at"


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    party_lookup = "endpoint__application__party"
    list_display = ("event", "subject", "whom", "standing", "answered", "attempts", "when", "trouble")
    list_filter = (StateFilter, WhenFilter)
    list_select_related = ("endpoint__application",)
    search_fields = ("=uid", "=about", "endpoint__url", "endpoint__application__name")
    search_help_text = "Message id, id of what it is about, URL or application"
    ordering = ("-created_at", "-id")
    sortable_by = ()
    empty = Empty("What applications were told by webhook.", "Nothing was told yet.")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("body")

    def get_urls(self) -> list[URLPattern]:
        return [
            self.page("<int:pk>/resend/", self.resend, "resend", permission=RESEND),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "Webhook log"} | (extra_context or {}))

    @admin.display(description="About")
    def subject(self, row: WebhookDelivery) -> str:
        return f"{row.about[:8]}…" if len(row.about) > 12 else row.about

    @admin.display(description="Told")
    def whom(self, row: WebhookDelivery) -> str:
        return str(row.endpoint.application)

    @admin.display(description="State")
    def standing(self, row: WebhookDelivery) -> str:
        return state(row.state)

    @admin.display(description="Answer")
    def answered(self, row: WebhookDelivery) -> str:
        return f"HTTP {row.http_status}" if row.http_status else NOTHING

    @admin.display(description="When")
    def when(self, row: WebhookDelivery) -> str:
        return since(row.created_at)

    @admin.display(description="Trouble")
    def trouble(self, row: WebhookDelivery) -> str:
        return row.last_error[:100] or NOTHING

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request) or request.method == "POST":
            raise PermissionDenied
        row = self.one(request, object_id)
        context = {
            "title": str(row),
            "crumbs": [("Webhook log", reverse("admin:api_webhookdelivery_changelist"))],
            "row": row,
            "body": redacted("sessions", row.body.encode()),  # a driver's card is nobody's business here
            "ladder": ["at once", *(in_words(timedelta(seconds=pause)) for pause in LADDER)],
            "may_resend": request.user.has_perm(RESEND) and row.endpoint.enabled,
        }
        return self.render(request, "console/api/delivery.html", context)

    def resend(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self.one(request, pk)
        if request.method == "POST":
            try:
                webhooks.resend(row, now=site.now())
            except webhooks.UnableToTell as error:
                self.sorry(request, error)
            else:
                self.note(request, row, "Sent again")
                self.done(request, "It is sent again at once, under the same id.")
        return redirect("admin:api_webhookdelivery_change", pk)
