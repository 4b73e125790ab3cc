"""The list of locations, and the ModelAdmin that holds all pages of this door."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import admin
from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.html import format_html, format_html_join
from unfold.views import ChangeList

from backoffice.console.cells import NOTHING, copyable, since, state, two, word
from backoffice.console.model_admins import ConsoleAdmin, Empty
from backoffice.locations.admin.board import BoardPages
from backoffice.locations.admin.detail import DetailPages
from backoffice.locations.admin.editing import EditPages
from backoffice.locations.admin.filters import FILTERS
from backoffice.locations.admin.map import MapPages
from backoffice.locations.admin.upload import UploadPages
from backoffice.locations.models import Evse, Location

ORDER = (
    "AVAILABLE",
    "CHARGING",
    "RESERVED",
    "BLOCKED",
    "INOPERATIVE",
    "OUTOFORDER",
    "UNKNOWN",
    "PLANNED",
    "REMOVED",
)


class LocationList(ChangeList):
    """Adds what the EVSEs of the shown rows say, in one query for the page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        facts: dict[int, dict[str, Any]] = {}
        rows = (
            Evse.objects.filter(location__in=[row.pk for row in self.result_list], listed=True)
            .values("location_id", "status", "connector_types")
            .annotate(n=Count("id"), power=Max("max_power"))
            .order_by()
        )
        for row in rows:
            fact = facts.setdefault(row["location_id"], {"statuses": {}, "power": 0, "kinds": set()})
            fact["statuses"][row["status"]] = fact["statuses"].get(row["status"], 0) + row["n"]
            fact["power"] = max(fact["power"], row["power"])
            fact["kinds"] |= set(row["connector_types"])
        for row in self.result_list:
            row.equipment = facts.get(row.pk, {"statuses": {}, "power": 0, "kinds": set()})


@admin.register(Location)
class LocationAdmin(DetailPages, EditPages, UploadPages, BoardPages, MapPages, ConsoleAdmin):
    list_display = ("place", "owner", "where", "evses", "power", "connectors", "visibility", "updated")
    list_display_links = ("place",)
    list_filter = FILTERS
    search_fields = ("name",)  # switches the search box on; `get_search_results` is the search
    search_help_text = "Name, id, city or EVSE id"
    list_before_template = "console/locations/list_tools.html"
    list_count_limit = 100_000
    list_select_related = ("party",)
    actions = None
    empty = Empty(
        "Locations: ours and those that partners tell us of.",
        "None is stored yet: partners' arrive with their first pull, our own are added or imported.",
        "Add a location of ours",
        "admin:locations_location_add",
        "locations.add_location",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Location]:
        return super().get_queryset(request).defer("document")

    def get_ordering(self, request: HttpRequest) -> list[str]:
        return ["-last_updated", "-id"]

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return LocationList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Location], search_term: str
    ) -> tuple[QuerySet[Location], bool]:
        """Each way of matching by itself, so that each uses its own index; words of a name in any case and place."""
        term = search_term.strip()
        if not term:
            return queryset, False
        anywhere = re.escape(term)
        rows = Location.objects.order_by().values_list("pk", flat=True)
        by_evse = Evse.objects.order_by().filter(Q(evse_id__istartswith=term) | Q(uid__iexact=term))
        found = rows.filter(name__iregex=anywhere).union(
            rows.filter(city__iregex=anywhere),
            rows.filter(object_id__istartswith=term),
            by_evse.values_list("location_id", flat=True),
        )
        return queryset.filter(pk__in=found), False

    def get_urls(self) -> list[URLPattern]:
        return [
            *self.board_urls(),
            *self.map_urls(),
            *self.upload_urls(),
            *self.edit_urls(),
            *self.detail_urls(),
            *super().get_urls(),
        ]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: a location is never deleted, its EVSEs become REMOVED (mod_locations)."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(
            request, {"has_add_permission": self.has_add_permission(request)} | (extra_context or {})
        )

    # --- columns ------------------------------------------------------------------------------------------------------

    @admin.display(description="Location", ordering="name")
    def place(self, row: Location) -> str:
        return str(row)

    @admin.display(description="Id, owner", ordering="party")
    def owner(self, row: Location) -> str:
        whose = "ours" if row.party.ours else "partner"
        return format_html(
            '<span>{}<br><span class="rd-nowrap rd-quiet">{}, {}</span></span>',
            copyable(row.object_id),
            str(row.party),
            whose,
        )

    @admin.display(description="Place", ordering="city")
    def where(self, row: Location) -> str:
        return two(row.city, row.country)

    @admin.display(description="EVSEs")
    def evses(self, row: Any) -> str:
        statuses = row.equipment["statuses"]
        shown = [status for status in ORDER if status in statuses]
        cells = ((state(status, text=f"{statuses[status]} {word(status).lower()}"),) for status in shown)
        return format_html('<span class="rd-pills">{}</span>', format_html_join(" ", "{}", cells)) if shown else NOTHING

    @admin.display(description="Max kW")
    def power(self, row: Any) -> str:
        return f"{row.equipment['power'] / 1000:g}" if row.equipment["power"] else NOTHING

    @admin.display(description="Connectors")
    def connectors(self, row: Any) -> str:
        return ", ".join(sorted(kind.replace("IEC_62196_", "") for kind in row.equipment["kinds"])) or NOTHING

    @admin.display(description="Visibility")
    def visibility(self, row: Location) -> str:
        if row.party.ours and not row.shared:
            return state("x", tone=("warn", "visibility_off"), text="not shared")
        if not row.publish:
            return state("x", tone=("off", "lock"), text="not published")
        return state("x", tone=("good", "public"), text="published")

    @admin.display(description="Updated", ordering="last_updated")
    def updated(self, row: Location) -> str:
        return since(row.last_updated)
