"""What the list of locations can be narrowed to. Filters by what an EVSE has use one EXISTS each."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest

from backoffice.console.cells import word
from backoffice.console.dashboard import STALE_AFTER
from backoffice.console.filters import OwnershipFilter, PartyFilter, SelectFilter, SinceFilter
from backoffice.locations.models import Evse, Location, Withholding
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from ocpi.wire.locations import ConnectorType, Status


def with_evse(queryset: QuerySet[Location], **conditions: Any) -> QuerySet[Location]:
    """Locations that have such an EVSE, those no longer listed aside."""
    return queryset.filter(Exists(Evse.objects.filter(location=OuterRef("pk"), listed=True, **conditions)))


class CountryFilter(SelectFilter):
    title, parameter_name = "country", "country"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        found = Location.objects.order_by("country").values_list("country", flat=True).distinct()
        return [(country, country) for country in found]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(country=value)


class StatusFilter(SelectFilter):
    title, parameter_name = "EVSE status", "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status.value, word(status.value)) for status in Status]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return with_evse(queryset, status=value)


BANDS: dict[str, tuple[str, int, int]] = {
    "slow": ("up to 7.4 kW", 0, 7_400),
    "ac": ("7.4 to 22 kW", 7_401, 22_100),
    "fast": ("22 to 50 kW", 22_101, 50_000),
    "rapid": ("50 to 150 kW", 50_001, 150_000),
    "high": ("above 150 kW", 150_001, 2_147_483_647),
}


class PowerFilter(SelectFilter):
    title, parameter_name = "power", "power"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(key, text) for key, (text, _, _) in BANDS.items()]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        _, least, most = BANDS[value]
        return with_evse(queryset, max_power__range=(least, most))


class ConnectorFilter(SelectFilter):
    title, parameter_name = "connector", "connector"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind.value, kind.value) for kind in ConnectorType]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return with_evse(queryset, connector_types__contains=[value])


class VisibilityFilter(SelectFilter):
    title, parameter_name = "visibility", "visibility"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("unpublished", "Not published (publish = false)"),
            ("private", "Not shared with partners"),
            ("withheld", "Withheld from a partner"),
        ]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        withheld = Exists(Withholding.objects.filter(location=OuterRef("pk")))
        return queryset.filter(
            {"unpublished": Q(publish=False), "private": Q(shared=False), "withheld": withheld}[value]
        )


class ChangedFilter(SinceFilter):
    title, parameter_name, column = "changed in", "changed", "last_updated"


class StaleFilter(SelectFilter):
    title, parameter_name = "last heard of", "stale"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "more than 24 hours ago (partners')")]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(party__in=Party.objects.filter(ours=False), seen_at__lt=site.now() - STALE_AFTER)


FILTERS = (
    OwnershipFilter,
    PartyFilter,
    CountryFilter,
    StatusFilter,
    PowerFilter,
    ConnectorFilter,
    VisibilityFilter,
    ChangedFilter,
    StaleFilter,
)
