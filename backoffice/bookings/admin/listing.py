"""The list of bookings, at our charge points and at partners', and the list of what is wrong with those to come."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, Q, QuerySet
from django.db.models.functions import Upper
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils.html import format_html

from backoffice.bookings import conflicts
from backoffice.bookings.admin import filters, words
from backoffice.bookings.admin.bulk import BulkPages
from backoffice.bookings.admin.calendar import CalendarPages, tabs
from backoffice.bookings.admin.deciding import DecidingPages
from backoffice.bookings.admin.detail import DetailPages
from backoffice.bookings.admin.query import bookings_of
from backoffice.bookings.admin.requesting import RequestingPages
from backoffice.bookings.models import BookableLocation, BookedToken, Booking
from backoffice.console.cells import NOTHING, masked, two
from backoffice.console.filters import PartnerFilter
from backoffice.console.model_admins import Empty, ReadOnlyAdmin
from backoffice.console.scope import parties_of
from backoffice.roaming_site import site

ACCESS_SHOWN = 2


@admin.register(Booking)
class BookingAdmin(CalendarPages, DetailPages, DecidingPages, BulkPages, RequestingPages, ReadOnlyAdmin):
    party_lookup = None  # scoped by both sides, below
    list_display = ("number", "emsp_shown", "where", "when", "standing", "until", "access")
    list_display_links = ("number",)
    list_filter = (
        filters.StatusFilter,
        filters.RequestFilter,
        filters.PendingFilter,
        filters.WhenFilter,
        filters.SideFilter,
        filters.LocationFilter,
        PartnerFilter,
        filters.VehicleFilter,
        filters.ConflictFilter,
    )
    list_select_related = ("party", "emsp", "evse", "place__premises")
    list_before_template = "console/bookings/list_tools.html"
    search_fields = ("object_id",)  # switches the search box on; `get_search_results` is the search
    search_help_text = "Part of a booking or request id, whole token or reference, location"
    sortable_by = ()
    list_count_limit = 100_000
    empty = Empty(
        "Time slots that drivers have booked: at charge points of ours, and of our drivers at partners'.",
        "Nobody has booked yet, or nothing matches. Drivers can book where a location of ours is bookable and shared with "
        "their eMSP.",
        "Make a location bookable",
        "admin:bookings_bookablelocation_add",
        "bookings.publish_place",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Booking]:
        tokens = Prefetch("tokens", queryset=BookedToken.objects.only("booking", "uid"))
        return (
            bookings_of(request)
            .defer(None)
            .defer("evse__document", "place__document", "place__premises__document")
            .prefetch_related(tokens)
        )

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-starts_at", "-id")

    def get_urls(self) -> list[URLPattern]:
        return [
            *self.calendar_urls(),
            self.page("conflicts/", self.conflicts_view, "conflicts"),
            *self.deciding_urls(),
            *self.bulk_urls(),
            *self.requesting_urls(),
            *self.detail_urls(),
            *super().get_urls(),
        ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Booking], search_term: str
    ) -> tuple[QuerySet[Booking], bool]:
        """Each way of matching by its own index. A token is found whole only: whoever may not see it must not find it out sign by
        sign."""
        term = search_term.strip()
        if not term:
            return queryset, False
        anywhere, upper = re.escape(term), term.upper()
        rows = Booking.objects.order_by().values_list("pk", flat=True)
        tokens = BookedToken.objects.alias(whole=Upper("uid")).filter(whole=upper).order_by()
        places = BookableLocation.objects.filter(Q(location_id__iexact=term) | Q(premises__name__iregex=anywhere))
        found = rows.filter(object_id__iregex=anywhere).union(
            rows.filter(request_id__iregex=anywhere),
            rows.alias(key=Upper("authorization_reference")).filter(key=upper),
            tokens.values_list("booking", flat=True),
            rows.filter(place__in=places),
        )
        return queryset.filter(pk__in=list(found[:20_000])), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self._now = site.now()
        return super().changelist_view(request, {"tabs": tabs(request, "list")} | (extra_context or {}))

    # --- conflicts ----------------------------------------------------------------------------------------------------

    def conflicts_view(self, request: HttpRequest) -> HttpResponse:
        now = site.now()
        kind = request.GET.get("kind", "")
        kind = kind if kind in conflicts.Kind.__members__ else ""
        parties = parties_of(request.user)
        counts = conflicts.counted(now=now, parties=parties)
        found = conflicts.found(now=now, parties=parties, kind=kind)
        rows = {
            row.pk: row
            for row in self.get_queryset(request)
            .defer("document", "evse__document", "place__document", "place__premises__document")
            .select_related("party", "emsp", "evse", "place__premises")
            .filter(pk__in={each.booking for each in found})
        }
        context = {
            "title": "Conflicts of bookings",
            "tabs": tabs(request, "conflicts"),
            "kinds": [
                (each.value, text, counts.get(each, 0), each.value == kind)
                for each, (text, _) in conflicts.KINDS.items()
            ],
            "kind": kind,
            "rows": [_conflict(each, rows[each.booking]) for each in found if each.booking in rows],
            "total": sum(counts.values()),
            "cut": len(found) >= conflicts.MOST,
            "may_decide": request.user.has_perm("bookings.decide_booking"),
        }
        return self.render(request, "console/bookings/conflicts.html", context)

    # --- columns ------------------------------------------------------------------------------------------------------

    @admin.display(description="Request, booking")
    def number(self, row: Booking) -> str:
        return two(row.request_id, row.object_id)

    @admin.display(description="Driver of, card")
    def emsp_shown(self, row: Booking) -> str:
        cards = ", ".join(masked(token.uid) for token in row.tokens.all()) or NOTHING
        if row.ours:
            return two(row.emsp, cards)
        return format_html('<span>{}<br>at {}<br><span class="rd-quiet">{}</span></span>', row.emsp, row.party, cards)

    @admin.display(description="Location, EVSE, power")
    def where(self, row: Booking) -> str:
        place = words.place_name(row.place) if row.place else row.location_id
        return two(place, ", ".join(filter(None, (words.where(row), words.power(row.power) if row.power else ""))))

    @admin.display(description="Period there")
    def when(self, row: Booking) -> str:
        zone = words.zone_of(row.time_zone)
        start: datetime = row.starts_at.astimezone(zone)
        return format_html(
            '<span><time title="{}">{}</time><br>'
            '<span class="rd-nowrap">{}</span><br><span class="rd-quiet">{}</span></span>',
            f"{row.starts_at:%Y-%m-%d %H:%M} UTC",
            f"{start:%a %d %b}",
            words.period(row.starts_at, row.ends_at, zone),
            zone,
        )

    @admin.display(description="Reservation, last request")
    def standing(self, row: Booking) -> str:
        return words.both(row)

    @admin.display(description="Change, cancel by")
    def until(self, row: Booking) -> str:
        if row.status not in ("PENDING", "RESERVED"):
            return NOTHING
        return two(_deadline(row.change_until, row), _deadline(row.cancel_until, row))

    @admin.display(description="Access")
    def access(self, row: Booking) -> str:
        told = [each.get("location_access", "") for each in row.tree().get("access_methods") or ()]
        return ", ".join(words.ACCESS.get(each, each) for each in told[:ACCESS_SHOWN]) or NOTHING


def _deadline(moment: datetime | None, row: Booking) -> str:
    if moment is None:
        return "no change"
    local = moment.astimezone(words.zone_of(row.time_zone))
    return f"{local:%d %b %H:%M}" + (" (over)" if moment < site.now() else "")


def _conflict(found: conflicts.Conflict, row: Booking) -> dict[str, Any]:
    text, remedy = conflicts.KINDS[found.kind]
    other = ""
    if found.other is not None:
        name = "charging_sessions_session" if found.kind is conflicts.Kind.SESSION else "bookings_booking"
        other = reverse(f"admin:{name}_change", args=[found.other])
    zone = words.zone_of(row.time_zone)
    return {
        "row": row,
        "what": text,
        "remedy": remedy,
        "text": found.text,
        "other": other,
        "standing": words.both(row),
        "place": words.place_name(row.place) if row.place else row.location_id,
        "where": words.where(row),
        "day": row.starts_at.astimezone(zone).replace(tzinfo=None),
        "when": words.period(row.starts_at, row.ends_at, zone),
        "zone": zone,
    }
