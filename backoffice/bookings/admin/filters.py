"""The filters of the list of bookings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest

from backoffice.bookings import conflicts
from backoffice.bookings.admin.query import places_of
from backoffice.bookings.admin.words import VEHICLES, zone_of
from backoffice.bookings.models import BookableLocation
from backoffice.bookings.rules.days import axis
from backoffice.console.cells import word
from backoffice.console.filters import SelectFilter
from backoffice.console.scope import parties_of
from backoffice.locations.models import Location
from backoffice.roaming_site import site
from ocpi.wire.bookings import ReservationRequestStatus, ReservationStatus

MOST_LOCATIONS = 300


class StatusFilter(SelectFilter):
    title, parameter_name = "reservation", "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        groups = [("live", "Waits or is kept"), ("stands", "Neither cancelled nor refused")]
        return [*groups, *((each.value, word(each.value)) for each in ReservationStatus)]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value == "stands":
            return queryset.exclude(status__in=["CANCELED", "REJECTED", "FAILED"])
        return queryset.filter(status__in=["PENDING", "RESERVED"] if value == "live" else [value])


class RequestFilter(SelectFilter):
    title, parameter_name = "last request", "request"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(each.value, word(each.value)) for each in ReservationRequestStatus]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(request_status=value)


class PendingFilter(SelectFilter):
    """A request waits for us since then."""

    title, parameter_name = "waits for us", "pending"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("0", "at all"),
            ("15", "for more than 15 minutes"),
            ("60", "for more than an hour"),
            ("1440", "for more than a day"),
        ]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        since = site.now() - timedelta(minutes=int(value))
        return queryset.filter(ours=True, requests__status="PENDING", requests__received_at__lte=since)


class SideFilter(SelectFilter):
    title, parameter_name = "at", "side"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("ours", "our charge points"), ("theirs", "partners' charge points")]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(ours=value == "ours")


class WhenFilter(SelectFilter):
    """Days are those of each location: who asks for today means today there."""

    title, parameter_name = "begins", "when"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("today", "today"),
            ("utc", "today, by UTC"),
            ("tomorrow", "tomorrow"),
            ("week", "within 7 days"),
            ("past", "in the last 7 days"),
        ]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        now = site.now()
        if value == "week":
            return queryset.filter(starts_at__gte=now, starts_at__lt=now + timedelta(days=7))
        if value == "past":
            return queryset.filter(starts_at__gte=now - timedelta(days=7), starts_at__lt=now)
        if value == "utc":
            day_begins = now.replace(hour=0, minute=0, second=0, microsecond=0)
            return queryset.filter(starts_at__gte=day_begins, starts_at__lt=day_begins + timedelta(days=1))
        near = queryset.filter(starts_at__gt=now - timedelta(days=2), starts_at__lt=now + timedelta(days=3))
        wanted = Q(pk__in=())
        for name in near.order_by().values_list("time_zone", flat=True).distinct():
            zone = zone_of(name)
            day = now.astimezone(zone).date() + timedelta(days=value == "tomorrow")
            there = axis(day, zone)
            wanted |= Q(time_zone=name, starts_at__gte=there.starts_at, starts_at__lt=there.ends_at)
        return queryset.filter(wanted)


class LocationFilter(SelectFilter):
    title, parameter_name = "location", "location"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        places = places_of(request, ours=True).values("premises")
        rows = Location.objects.filter(pk__in=places).order_by("name", "object_id")
        return [
            (str(pk), f"{name or object_id}, {city}")
            for pk, name, object_id, city in rows.values_list("pk", "name", "object_id", "city")[:MOST_LOCATIONS]
        ]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(place__in=BookableLocation.objects.filter(premises=int(value)))


class VehicleFilter(SelectFilter):
    """Read from the documents, hence of bookings of about now only."""

    title, parameter_name = "vehicle (from 31 days ago on)", "vehicle"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(VEHICLES.items())

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        since = datetime.combine(site.now().date(), datetime.min.time(), UTC) - timedelta(days=31)
        kind = RawSQL("(bookings_booking.document::jsonb #> '{bookable_parking_option,vehicle_types}') ? %s", [value])
        return queryset.filter(starts_at__gte=since).annotate(of_kind=kind).filter(of_kind=True)


class ConflictFilter(SelectFilter):
    title, parameter_name = "conflict", "conflict"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.parties = parties_of(request.user)
        return [("any", "Any"), *((kind.value, text) for kind, (text, _) in conflicts.KINDS.items())]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        found = conflicts.found(now=site.now(), parties=self.parties, kind="" if value == "any" else value)
        return queryset.filter(pk__in={each.booking for each in found})
