"""The runs of fetching a module from a partner, with what they found. They are begun on the connection's page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from backoffice.console.cells import NOTHING, since, state
from backoffice.console.filters import SinceFilter
from backoffice.console.model_admins import Empty, ReadOnlyAdmin
from backoffice.console.scope import parties_of
from backoffice.delivery.models import Pull
from backoffice.partners.health import in_words
from backoffice.partners.models import Connection


class BeganFilter(SinceFilter):
    title, parameter_name, column = "began", "since", "started_at"


@admin.register(Pull)
class PullAdmin(ReadOnlyAdmin):
    party_lookup = None  # scoped by connection, below
    list_display = (
        "what",
        "extent",
        "standing",
        "progress",
        "stored",
        "rejected",
        "vanished",
        "began",
        "took",
        "trouble",
    )
    list_filter = (BeganFilter, "state", "full", "module", ("connection", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("connection",)
    search_fields = ("connection__name", "correlation_id")
    search_help_text = "Partner or correlation id"
    ordering = ("-id",)
    sortable_by = ()
    empty = Empty(
        "Runs of fetching what partners offer.",
        "Nothing has been fetched yet: connect a partner that offers a module, or press “Sync now” on its page.",
        "Connections",
        "admin:partners_connection_changelist",
        "partners.view_connection",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Pull]:
        rows = super().get_queryset(request)
        parties = parties_of(request.user)
        if parties is None:
            return rows
        return rows.filter(connection__in=Connection.objects.filter(our_parties__in=parties))

    @admin.display(description="Pull")
    def what(self, row: Pull) -> str:
        return f"{row.module} from {row.connection}"

    @admin.display(description="Extent")
    def extent(self, row: Pull) -> str:
        return "everything" if row.full else "what changed"

    @admin.display(description="State")
    def standing(self, row: Pull) -> str:
        return state(row.state)

    @admin.display(description="Progress")
    def progress(self, row: Pull) -> str:
        of = f" of {row.total}" if row.total is not None else ""
        return f"{row.objects_read}{of} objects, {row.pages} page{'' if row.pages == 1 else 's'}"

    @admin.display(description="Started")
    def began(self, row: Pull) -> str:
        return since(row.started_at)

    @admin.display(description="Took")
    def took(self, row: Pull) -> str:
        return in_words(row.finished_at - row.started_at) if row.finished_at else NOTHING

    @admin.display(description="Error")
    def trouble(self, row: Pull) -> str:
        return row.error[:120] or NOTHING

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.one(request, object_id)
        return self.render(
            request,
            "console/delivery/pull.html",
            {
                "title": f"{row.module} from {row.connection}",
                "crumbs": [("Pulls", reverse("admin:delivery_pull_changelist"))],
                "row": row,
                "may_log": request.user.has_perm("delivery.view_exchange"),
            },
        )
