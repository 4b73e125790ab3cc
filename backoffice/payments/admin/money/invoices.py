"""Drivers' invoices: which there are, what stands on them, and whether the driver has fetched them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.db.models.functions import Upper
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from backoffice.console import trail
from backoffice.console.cells import NOTHING, since, state, two
from backoffice.console.filters import SelectFilter, SinceFilter
from backoffice.console.model_admins import Empty, ReadOnlyAdmin
from backoffice.payments.admin.money.words import money
from backoffice.payments.models import DriverInvoice


class ReadyFilter(SelectFilter):
    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("ready", "To be fetched"),
            ("waiting", "Waits for the capture"),
            ("fetched", "Fetched"),
            ("correction", "Corrections"),
        ]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value == "correction":
            return queryset.filter(corrects__isnull=False)
        if value == "fetched":
            return queryset.filter(fetched__gt=0)
        return queryset.filter(ready_at__isnull=value == "waiting")


class WhenFilter(SinceFilter):
    title, parameter_name, column = "issued", "since", "issued_at"


@admin.register(DriverInvoice)
class DriverInvoiceAdmin(ReadOnlyAdmin):
    list_display = (
        "number_shown",
        "reference_shown",
        "bill",
        "total_shown",
        "captured_shown",
        "standing",
        "fetched_shown",
    )
    list_display_links = ("number_shown",)
    list_filter = (ReadyFilter, WhenFilter)
    list_select_related = ("party", "cdr", "corrected_by")
    search_fields = ("reference",)  # switches the search box on; `get_search_results` is the search
    search_help_text = "Whole authorization reference, CDR id, or number"
    sortable_by = ()
    empty = Empty(
        "Invoices for drivers who paid by card at a terminal, where we write them. A driver fetches one at the terminal's "
        "invoice address followed by the authorization reference.",
        "None was written yet, or nothing matches.",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[DriverInvoice]:
        found: QuerySet[DriverInvoice] = super().get_queryset(request)
        return found.defer("cdr__document", "corrected_by__document")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "Drivers' invoices"} | (extra_context or {}))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-issued_at", "-id")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[DriverInvoice], search_term: str
    ) -> tuple[QuerySet[DriverInvoice], bool]:
        term = search_term.strip().upper()
        if not term:
            return queryset, False
        last = term.rpartition("-")[2]
        number = int(last) if last.isascii() and last.isdigit() and len(last) < 16 else 0
        rows = queryset.alias(key=Upper("reference"), billed=Upper("cdr__object_id"))
        return rows.filter(Q(key=term) | Q(billed=term) | Q(number=number)), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row: DriverInvoice = self.one(request, object_id)
        tree = row.tree()
        context = {
            "title": f"{'Correction' if row.corrects_id else 'Invoice'} {row.label}",
            "others": DriverInvoice.objects.filter(party=row.party, reference=row.reference)
            .exclude(pk=row.pk)
            .select_related("party")
            .order_by("turn"),
            "crumbs": [("Drivers' invoices", reverse("admin:payments_driverinvoice_changelist"))],
            "row": row,
            "trail": trail.of(request, row, "invoice"),
            "standing": _standing(row),
            "total": money(row.total, row.currency),
            "captured": money(row.captured, row.currency),
            "address": reverse("invoice", args=[row.reference]) if row.ready_at else "",
            "eft": (tree.get("paid") or {}).get("eft") or [],
            "tree": tree,
        }
        return self.render(request, "console/payments/invoice.html", context)

    @admin.display(description="Number, issued")
    def number_shown(self, row: DriverInvoice) -> str:
        return two(row.label, since(row.issued_at))

    @admin.display(description="Reference")
    def reference_shown(self, row: DriverInvoice) -> str:
        return row.reference[:8]

    @admin.display(description="CDR")
    def bill(self, row: DriverInvoice) -> str:
        return row.cdr.object_id[:12]

    @admin.display(description="Total")
    def total_shown(self, row: DriverInvoice) -> str:
        return money(row.total, row.currency)

    @admin.display(description="Captured")
    def captured_shown(self, row: DriverInvoice) -> str:
        return money(row.captured, row.currency)

    @admin.display(description="State")
    def standing(self, row: DriverInvoice) -> str:
        return _standing(row)

    @admin.display(description="Fetched")
    def fetched_shown(self, row: DriverInvoice) -> str:
        return two(row.fetched, since(row.fetched_at)) if row.fetched else NOTHING


def _standing(row: DriverInvoice) -> str:
    if row.corrects_id is not None:
        return state("CORRECTION", tone=("off", "undo"), text="Takes an invoice back")
    if getattr(row, "corrected_by", None) is not None:
        return state("TAKEN_BACK", tone=("off", "undo"), text="Taken back")
    if row.ready_at is None:
        return state("WAITING", text="Waits for the capture")
    return state("DONE", text="To be fetched")
