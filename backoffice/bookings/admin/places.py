"""Bookable locations: what is offered and when, ours with the buttons to change it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse

from backoffice.bookings.admin import offering, words
from backoffice.bookings.admin.detail import TERMS, term
from backoffice.bookings.admin.place_forms import PUBLISH, FormPages
from backoffice.bookings.admin.query import evse_name
from backoffice.bookings.admin.wizard import WizardPages
from backoffice.bookings.models import Block, BookableLocation, Booking, Calendar, Resource
from backoffice.bookings.models.places import Decides
from backoffice.console.cells import NOTHING, state, two
from backoffice.console.filters import OwnershipFilter, PartyFilter, SelectFilter
from backoffice.console.model_admins import Empty, ReadOnlyAdmin
from backoffice.console.scope import parties_of
from backoffice.partners.models import Connection
from backoffice.partners.rules import ConnectionState
from backoffice.roaming_site import site

OPENINGS = 30


class Counted(TypedDict):
    """What the list asks for of each place besides its columns."""

    spaces: int
    open_until: datetime | None


if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    Listed = WithAnnotations[BookableLocation, Counted]


class OfferedFilter(SelectFilter):
    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Can be booked"), ("closed", "No calendar that goes on"), ("withdrawn", "Withdrawn")]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value == "withdrawn":
            return queryset.filter(withdrawn_at__isnull=False)
        goes_on = Calendar.objects.filter(ends_at__gt=site.now()).values("place")
        queryset = queryset.filter(withdrawn_at=None)
        return queryset.filter(pk__in=goes_on) if value == "open" else queryset.exclude(pk__in=goes_on)


@admin.register(BookableLocation)
class BookableLocationAdmin(WizardPages, FormPages, ReadOnlyAdmin):
    party_lookup = None  # partners' are everybody's, below
    list_display = ("name", "party", "what", "until", "who_decides", "standing")
    list_display_links = ("name",)
    list_filter = (OwnershipFilter, OfferedFilter, PartyFilter)
    list_select_related = ("party", "premises")
    list_before_template = "console/bookings/place_tools.html"
    search_fields = ("object_id",)  # switches the search box on; `get_search_results` is the search
    search_help_text = "Location, id, EVSE uid"
    sortable_by = ()
    empty = Empty(
        "EVSEs that can be booked ahead: ours as we offer them, partners' as they tell us.",
        "Nothing is bookable yet, or nothing matches. Partners' arrive when they push them, or with a pull.",
        "Make a location bookable",
        "admin:bookings_bookablelocation_add",
        PUBLISH,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[BookableLocation]:
        found = (
            super()
            .get_queryset(request)
            .defer("document", "premises__document")
            .annotate(spaces=Count("resources__spaces", distinct=True), open_until=Max("calendars__ends_at"))
        )
        parties = parties_of(request.user)
        return found if parties is None else found.filter(Q(party__in=parties) | Q(ours=False))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-last_updated", "-id")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[BookableLocation], search_term: str
    ) -> tuple[QuerySet[BookableLocation], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        wanted = Q(object_id__icontains=term) | Q(location_id__iexact=term) | Q(evse_uid__iexact=term)
        rows = BookableLocation.objects.order_by().values_list("pk", flat=True)
        found = rows.filter(wanted | Q(premises__name__icontains=term) | Q(premises__city__iexact=term))
        return queryset.filter(pk__in=list(found[:10_000])), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, {"may_publish": request.user.has_perm(PUBLISH)} | (extra_context or {}))

    def get_urls(self) -> list[URLPattern]:
        return [
            *self.wizard_urls(),
            *self.form_urls(),
            *super().get_urls(),
        ]

    # --- one place ----------------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        place: BookableLocation = self.one(request, object_id)
        tree, zone, now = place.tree(), words.zone_of(place.time_zone), site.now()
        spaces = [space for each in place.resources.prefetch_related("spaces__evse") for space in each.spaces.all()]
        context = {
            "title": f"{words.place_name(place)}: {place.object_id}",
            "crumbs": [("Bookable locations", reverse("admin:bookings_bookablelocation_changelist"))],
            "place": place,
            "name": words.place_name(place),
            "tree": tree,
            "zone": zone,
            "standing": standing(place, now),
            "spaces": [(space.evse, evse_name(space.evse), space.parking_id) for space in spaces],
            "options": [_option(each) for each in tree.get("bookable_parking_options") or ()],
            "terms": [
                [(TERMS[name][0], term(each[name], TERMS[name][1])) for name in TERMS if each.get(name) is not None]
                + [("How drivers get in", _access(each))]
                for each in offering.terms_in(tree)
            ],
            "tariffs": tree.get("tariff_id") or [],
            "calendars": [self._calendar(row, zone, now) for row in place.calendars.prefetch_related("openings")],
            "blocks": [
                {
                    "row": row,
                    "starts": words.there(row.starts_at, zone),
                    "ends": words.there(row.ends_at, zone),
                    "what": evse_name(row.evse) if row.evse else f"{row.spaces} of the spaces",
                }
                for row in Block.objects.filter(resource__place=place, ends_at__gt=now).select_related("evse")[:100]
            ],
            "booked": Booking.objects.filter(place=place, status__in=("PENDING", "RESERVED"), ends_at__gt=now).count(),
            "power": Resource.objects.filter(of="POWER", location=place.premises_id).first()
            if place.premises_id
            else None,
            "may": self._may(request, place),
            "told_first_only": self._told_first_only(place, tree),
        }
        return self.render(request, "console/bookings/place.html", context)

    def _told_first_only(self, place: BookableLocation, tree: dict[str, Any]) -> list[str]:
        """Partners whose edition of bookings has one kind and one set of terms in a BookingLocation, where there are more."""
        if not place.ours or max(len(offering.terms_in(tree)), len(tree.get("bookable_parking_options") or ())) < 2:
            return []
        partners = Connection.objects.filter(
            state=ConnectionState.ACTIVE, bookings_edition="1.1", our_parties=place.party_id
        )
        return list(partners.order_by("name").values_list("name", flat=True))

    def _may(self, request: HttpRequest, place: BookableLocation) -> bool:
        return place.ours and request.user.has_perm(PUBLISH)

    def _calendar(self, row: Calendar, zone: Any, now: datetime) -> dict[str, Any]:
        openings = [each for each in row.openings.all() if each.ends_at > now]
        return {
            "row": row,
            "starts": words.there(row.begins_at, zone),
            "ends": words.there(row.ends_at, zone),
            "openings": [
                (
                    words.there(each.starts_at, zone),
                    words.there(each.ends_at, zone),
                    words.power(int(each.max_power)) if each.max_power else "",
                    each.green,
                )
                for each in openings[:OPENINGS]
            ],
            "more": max(len(openings) - OPENINGS, 0),
        }

    # --- columns ------------------------------------------------------------------------------------------------------

    @admin.display(description="Location, id")
    def name(self, row: BookableLocation) -> str:
        return two(words.place_name(row), row.object_id)

    @admin.display(description="What")
    def what(self, row: Listed) -> str:
        if not row.ours:
            return row.evse_uid if row.evse_uid not in words.UNASSIGNED else "spaces of a kind"
        return row.evse_uid or f"{row.spaces} spaces that are alike"

    @admin.display(description="Calendar until")
    def until(self, row: Listed) -> str:
        ends = row.open_until
        return f"{ends.astimezone(words.zone_of(row.time_zone)):%Y-%m-%d}" if ends else NOTHING

    @admin.display(description="Says yes")
    def who_decides(self, row: BookableLocation) -> str:
        return Decides(row.decides).label if row.ours else "the operator"

    @admin.display(description="State")
    def standing(self, row: BookableLocation) -> str:
        return standing(row, site.now())


def standing(row: BookableLocation, now: datetime) -> str:
    if row.withdrawn_at is not None:
        return state("WITHDRAWN", tone=("off", "event_busy"), text="Withdrawn")
    ends = getattr(row, "open_until", None)
    if ends is None or ends <= now:
        return state("CLOSED", tone=("warn", "event_busy"), text="No calendar")
    if row.ours and not row.shared:
        return state("HIDDEN", tone=("warn", "visibility_off"), text="Not shared")
    return state("OPEN", tone=("good", "event_available"), text="Can be booked")


def _option(tree: dict[str, Any]) -> str:
    vehicles = ", ".join(words.VEHICLES.get(each, each) for each in tree.get("vehicle_types") or ())
    return f"{vehicles or 'any vehicle'}, {str(tree.get('format', '')).lower()}"


def _access(terms: dict[str, Any]) -> str:
    return ", ".join(words.ACCESS.get(each, each) for each in terms.get("supported_access_methods") or ())
