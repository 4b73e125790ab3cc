"""Filters of list pages as plain selects: keyboard and screen reader know them, and a list of forty values stays one line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from backoffice.console.scope import parties_of, scoped
from backoffice.partners.models import Connection, Party
from backoffice.roaming_site import site


class SelectFilter(SimpleListFilter):
    """A subclass gives `title`, `parameter_name`, `lookups` and `narrowed`."""

    template = "console/filter_select.html"

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        for value, text in self.lookup_choices:
            yield {"value": value, "display": text, "selected": str(value) == str(self.value())}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if not value or value not in {str(choice) for choice, _ in self.lookup_choices}:
            return queryset
        return self.narrowed(queryset, value)

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        """`value` is one of the offered ones."""
        raise NotImplementedError  # each subclass narrows by its own column; there is nothing to do in general


class SinceFilter(SelectFilter):
    """How far back: a subclass names the time's `column`."""

    column = ""
    SPANS: dict[str, tuple[str, timedelta]] = {
        "15m": ("the last 15 minutes", timedelta(minutes=15)),
        "1h": ("the last hour", timedelta(hours=1)),
        "24h": ("the last 24 hours", timedelta(hours=24)),
        "7d": ("the last 7 days", timedelta(days=7)),
        "30d": ("the last 30 days", timedelta(days=30)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(key, text) for key, (text, _) in self.SPANS.items()]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(**{f"{self.column}__gte": site.now() - self.SPANS[value][1]})


class OwnershipFilter(SelectFilter):
    """For objects with a `party`: ours, or what partners told us of."""

    title, parameter_name = "ownership", "owner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("ours", "Ours"), ("partners", "Partners'")]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(party__in=Party.objects.filter(ours=value == "ours"))


class PartyFilter(SelectFilter):
    title, parameter_name = "party", "party"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(party.pk), party.label) for party in scoped(Party.objects.all(), request.user, "id")]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(party=int(value))


class PartnerFilter(SelectFilter):
    """For rows with a `connection`."""

    title, parameter_name = "partner", "partner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = Connection.objects.order_by("name")
        parties = parties_of(request.user)
        if parties is not None:
            rows = rows.filter(our_parties__in=parties).distinct()
        return [(str(pk), name) for pk, name in rows.values_list("pk", "name")]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(connection=int(value))


class DayFilter(SimpleListFilter):
    """A day that somebody enters: a subclass gives `title`, `parameter_name` and `narrowed`. What is no day filters nothing."""

    template = "console/filter_day.html"

    def has_output(self) -> bool:
        return True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return []

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        yield {"value": self.value() or "", "selected": True}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        try:
            return self.narrowed(queryset, date.fromisoformat(self.value() or ""))
        except (ValueError, OverflowError):  # the last day that there is has no next one
            return queryset

    def narrowed(self, queryset: QuerySet[Any], day: date) -> QuerySet[Any]:
        raise NotImplementedError  # each subclass knows its own columns
