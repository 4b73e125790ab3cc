"""The CDR inbox, and the ModelAdmin that holds all pages of this door."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse

from backoffice.cdrs.admin import query
from backoffice.cdrs.admin.bulk import BulkPages, offered
from backoffice.cdrs.admin.deciding import DecidingPages
from backoffice.cdrs.admin.detail import DetailPages
from backoffice.cdrs.admin.search import SearchPages
from backoffice.cdrs.models import Cdr, Quarantined
from backoffice.console.model_admins import ReadOnlyAdmin
from backoffice.console.scope import parties_of
from backoffice.console.windows import TooSlow, linked
from backoffice.partners.models import Party
from backoffice.roaming_site import site

REASONS = (
    "TOTAL_MISMATCH",
    "ENERGY_MISMATCH",
    "TIME_MISMATCH",
    "PARKING_MISMATCH",
    "FIXED_MISMATCH",
    "RESERVATION_MISMATCH",
    "TAX_MISMATCH",
    "CURRENCY_MISMATCH",
    "TARIFF_MISSING",
    "TARIFF_DIFFERS_FROM_START",
    "ENERGY_SUM_MISMATCH",
    "TIME_SUM_MISMATCH",
    "PERIODS_UNORDERED",
    "SENTINEL_DATE_1970",
    "FUTURE_DATED",
    "DURATION_OUT_OF_RANGE",
    "ENERGY_OUT_OF_RANGE",
    "ENERGY_OVER_POWER_LIMIT",
    "ZERO_ENERGY_WITH_COST",
    "COST_OUT_OF_RANGE",
    "COST_UNKNOWN",
    "OVERLAP_SAME_EVSE",
    "OVERLAP_SAME_TOKEN",
    "CREDIT_ORPHAN",
    "CREDIT_NOT_MIRROR",
    "DOUBLE_CREDIT",
    "CHECK_FAILED",
)


def within(rows: QuerySet[Any], request: HttpRequest) -> QuerySet[Any]:
    """Of whoever issued or pays, one must be in the user's scope."""
    parties = parties_of(request.user)
    return rows if parties is None else rows.filter(Q(party__in=parties) | Q(emsp__in=parties))


@admin.register(Cdr)
class CdrAdmin(DetailPages, DecidingPages, BulkPages, SearchPages, ReadOnlyAdmin):
    party_lookup = None  # two parties stand on a bill: `within`

    def get_queryset(self, request: HttpRequest) -> QuerySet[Cdr]:
        return within(super().get_queryset(request), request)

    def get_urls(self) -> list[URLPattern]:
        own = [*self.detail_urls(), *self.deciding_urls(), *self.bulk_urls(), *self.search_urls()]
        return [*own, *super().get_urls()]

    def quarantine(self, request: HttpRequest) -> QuerySet[Quarantined]:
        rows = Quarantined.objects.select_related("party", "connection")
        parties = parties_of(request.user)
        return rows if parties is None else rows.filter(Q(cdr__emsp__in=parties) | Q(party__in=parties))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = query.Asked.read(request.GET)
        rows = self.get_queryset(request)
        counted = query.counts(rows)
        counted["quarantine"] = self.quarantine(request).filter(closed_at=None)[:1000].count()
        context: dict[str, Any] = {
            "title": "CDRs",
            "crumbs": [("Home", reverse("admin:index"))],
            "asked": asked,
            "about": query.ABOUT[asked.tab],
            "tabs": [
                (key, label, query.Asked(tab=key).link(), counted.get(key, 0)) for key, label in query.TABS.items()
            ],
            "reasons": REASONS,
            "verdicts": query.VERDICTS,
            "ages": query.AGES,
            "deeds": offered(request, asked.tab),
            "partners": [(party.pk, party.label) for party in Party.objects.filter(ours=False)],
        }
        if asked.tab == "quarantine":
            context["kept"] = list(self.quarantine(request).order_by("closed_at", "-at", "-id").defer("document")[:200])
            context["may_decide"] = request.user.has_perm("cdrs.decide_cdr")
        else:
            filtered = asked.apply(rows, site.now())
            try:
                found = query.page(filtered, asked)
                context |= {
                    "found": found,
                    "totals": query.totals(filtered),
                    "any": bool(found.rows) or rows.exists(),
                    **linked(asked, found),
                }
            except TooSlow:
                context["too_slow"] = True
        return self.render(request, "console/cdrs/list.html", context | (extra_context or {}))
