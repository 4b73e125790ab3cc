"""What the list of tariffs can be narrowed to. What depends on connectors is one EXISTS, over the projection of `tariff_ids`."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Upper
from django.http import HttpRequest

from backoffice.console.contests import KINDS
from backoffice.console.filters import DayFilter, OwnershipFilter, PartyFilter, SelectFilter
from backoffice.locations.models import ConnectorTariff
from backoffice.roaming_site import site
from backoffice.tariffs.models import Draft, Tariff
from ocpi.wire.tariffs import TariffType

SOON = timedelta(days=30)


def offering() -> QuerySet[ConnectorTariff]:
    """For a subquery: the connectors of its owner that offer a tariff."""
    return ConnectorTariff.objects.annotate(key=Upper("tariff_id")).filter(
        key=Upper(OuterRef("object_id")), evse__listed=True, evse__location__party=OuterRef("party")
    )


def without_twin() -> QuerySet[ConnectorTariff]:
    """Of those, the connectors that offer nothing to whoever pays at the charge point."""
    priced = Tariff.objects.annotate(key=Upper("object_id")).filter(
        key=Upper(OuterRef("tariff_id")),
        party=OuterRef("evse__location__party"),
        withdrawn_at=None,
        type__in=("", TariffType.AD_HOC_PAYMENT),
    )
    beside = ConnectorTariff.objects.filter(
        Exists(priced), evse=OuterRef("evse"), connector_id=OuterRef("connector_id")
    )
    return offering().exclude(Exists(beside))


def standing(where: str, at: datetime) -> Q:
    """SCHEDULED, LIVE, ENDED or WITHDRAWN at a moment (`rules.standing`), as a condition."""
    there = Q(withdrawn_at=None)
    begun, ended = Q(starts_at=None) | Q(starts_at__lte=at), Q(ends_at__lte=at)
    return {
        "WITHDRAWN": Q(withdrawn_at__isnull=False),
        "SCHEDULED": there & Q(starts_at__gt=at),
        "LIVE": there & begun & (Q(ends_at=None) | Q(ends_at__gt=at)),
        "ENDED": there & begun & ended,
    }[where]


class StandingFilter(SelectFilter):
    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("LIVE", "Live now"),
            ("SCHEDULED", "Scheduled"),
            ("ENDED", "Ended"),
            ("WITHDRAWN", "Withdrawn"),
            ("corrected", "With a draft of a change"),
        ]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value == "corrected":
            drafts = Draft.objects.order_by()
            wanted = (
                drafts.exclude(tariff=None).values("tariff").union(drafts.exclude(replaces=None).values("replaces"))
            )
            return queryset.filter(pk__in=wanted)
        return queryset.filter(standing(value, site.now()))


class LiveAtFilter(DayFilter):
    """Valid at some time of that day, in UTC."""

    title, parameter_name = "live on", "live_on"

    def narrowed(self, queryset: QuerySet[Any], day: date) -> QuerySet[Any]:
        start = datetime.combine(day, time(), UTC)
        return queryset.filter(
            Q(starts_at=None) | Q(starts_at__lt=start + timedelta(days=1)),
            Q(ends_at=None) | Q(ends_at__gt=start),
            withdrawn_at=None,
        )


class TypeFilter(SelectFilter):
    title, parameter_name = "type", "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("all", "All sessions"), *((kind.value, type_in_words(kind.value)) for kind in TariffType)]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(type="" if value == "all" else value)


class CurrencyFilter(SelectFilter):
    title, parameter_name = "currency", "currency"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        found = Tariff.objects.order_by("currency").values_list("currency", flat=True).distinct()[:100]
        return [(currency, currency) for currency in found]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(currency=value)


class TimeOfUseFilter(SelectFilter):
    title, parameter_name = "time of use", "tou"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "Prices depend on the time"), ("0", "The same at all times")]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(time_of_use=value == "1")


class AttentionFilter(SelectFilter):
    title, parameter_name = "attention", "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("unused", "Live, and no connector offers it"),
            ("expiring", "Ends within 30 days"),
            ("twin", "No price for paying at the charge point"),
            ("invalid", "Cannot be priced"),
        ]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        now = site.now()
        if value == "unused":
            return queryset.filter(standing("LIVE", now), ~Exists(offering()))
        if value == "expiring":
            return queryset.filter(withdrawn_at=None, ends_at__gt=now, ends_at__lte=now + SOON)
        if value == "twin":
            typed = Q(type="REGULAR") | Q(type__startswith="PROFILE_")
            return queryset.filter(typed, standing("LIVE", now), Exists(without_twin()))
        return queryset.exclude(flaw="")


def type_in_words(kind: str) -> str:
    """Blank is for all sessions; what OCPI does not know is told as it is."""
    return KINDS[TariffType(kind)] if kind in TariffType.__members__ else kind or "All sessions"


FILTERS = (
    OwnershipFilter,
    PartyFilter,
    StandingFilter,
    LiveAtFilter,
    TypeFilter,
    CurrencyFilter,
    TimeOfUseFilter,
    AttentionFilter,
)
