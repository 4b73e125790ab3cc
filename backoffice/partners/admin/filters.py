"""The filters of the list of connections."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from backoffice.partners.models import Connection
from backoffice.partners.rules import ConnectionState
from backoffice.roaming_site import site


class StateFilter(admin.SimpleListFilter):
    """Removed connections are history: shown only when asked for."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return ConnectionState.choices()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Connection]) -> QuerySet[Connection]:
        if self.value():
            return queryset.filter(state=self.value())
        return queryset.exclude(state=ConnectionState.REMOVED)


class RoleFilter(admin.SimpleListFilter):
    title = "their role"
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(role, role) for role in ("CPO", "EMSP", "HUB", "NAP", "NSP", "PTP", "SCSP", "OTHER")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Connection]) -> QuerySet[Connection]:
        return queryset.filter(roles__role=self.value()).distinct() if self.value() else queryset


class CountryFilter(admin.SimpleListFilter):
    title = "country"
    parameter_name = "country"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        codes = Connection.objects.exclude(roles=None).values_list("roles__party__country_code", flat=True)
        return [(code, code) for code in sorted(set(codes))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Connection]) -> QuerySet[Connection]:
        return queryset.filter(roles__party__country_code=self.value()).distinct() if self.value() else queryset


class ModuleFilter(admin.SimpleListFilter):
    title = "offers module"
    parameter_name = "module"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(each, each) for each in sorted({module.endpoint for module in site.modules()} - {"credentials"})]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Connection]) -> QuerySet[Connection]:
        return queryset.filter(endpoints__identifier=self.value()).distinct() if self.value() else queryset


class AttentionFilter(admin.SimpleListFilter):
    title = "attention"
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("silent", "Silent for more than an hour"),
            ("held", "Suspended or paused"),
            ("claims", "Claims to approve"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Connection]) -> QuerySet[Connection]:
        if self.value() == "silent":
            hour_ago = site.now() - timedelta(hours=1)
            heard = Q(last_in_at__gte=hour_ago) | Q(last_out_at__gte=hour_ago)
            return queryset.filter(state=ConnectionState.ACTIVE).exclude(heard)
        if self.value() == "held":
            return queryset.filter(state__in=[ConnectionState.PAUSED, ConnectionState.SUSPENDED])
        if self.value() == "claims":
            return queryset.filter(roles__state="AWAITING_APPROVAL").distinct()
        return queryset
