"""The filters of the outbox, and the form that says which refused messages to send again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from backoffice.console.scope import scoped
from backoffice.console.templatetags.roaming import cause
from backoffice.delivery.models import Message
from backoffice.delivery.rules import MessageState
from backoffice.partners.models import Connection
from backoffice.roaming_site import site
from ocpi.client import Cause
from ocpi.module import Exchanged

OPEN = (MessageState.DUE, MessageState.REFUSED)


class StateFilter(admin.SimpleListFilter):
    """The outbox is what is open; what was delivered is asked for."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("all", "All"), *((each.value, each.value.capitalize()) for each in MessageState)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        if self.value() == "all":
            return queryset
        return queryset.filter(state=self.value()) if self.value() else queryset.filter(state__in=OPEN)

    def choices(self, changelist: Any) -> Any:
        """Nothing chosen means open, not all."""
        for choice in super().choices(changelist):
            yield choice | (
                {"display": "Open"} if choice["query_string"] == changelist.get_query_string(remove=["state"]) else {}
            )


class PartnerFilter(admin.SimpleListFilter):
    title = "partner"
    parameter_name = "connection"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        mine = scoped(Connection.objects.order_by("name"), request.user, "our_parties")
        return [(str(pk), name) for pk, name in mine.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        value = self.value()
        return queryset.filter(connection_id=int(value)) if value in dict(self.lookup_choices) else queryset


class ModuleFilter(admin.SimpleListFilter):
    title = "module"
    parameter_name = "module"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(m.identifier, m.identifier) for m in site.modules() if isinstance(m.shape, Exchanged)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        return queryset.filter(module=self.value()) if self.value() else queryset


class AgeFilter(admin.SimpleListFilter):
    title = "age"
    parameter_name = "age"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "over a minute"), ("60", "over an hour"), ("1440", "over a day")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        value = self.value()
        if value not in dict(self.lookup_choices):
            return queryset
        return queryset.filter(owed_since__lt=site.now() - timedelta(minutes=int(value)))


class CauseFilter(admin.SimpleListFilter):
    """From the known causes: asking a million rows for theirs would cost more than the page."""

    title = "last error"
    parameter_name = "cause"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = [
            *(each.value for each in Cause),
            "unconfirmed_host",
            "no_endpoint",
            "pull_only",
            "nothing_left",
            "dropped",
        ]
        return [(name, cause(name)) for name in names]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        return queryset.filter(last_cause=self.value()) if self.value() else queryset


class Recovery(forms.Form):
    """Which refused messages to send again."""

    connection = forms.ModelChoiceField(
        Connection.objects.none(), required=False, label="Partner", empty_label="All partners"
    )
    since = forms.DateTimeField(
        label="Failed since (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
    )
    reason = forms.CharField(max_length=200, label="Why?", help_text="It stays in the history.")

    def __init__(self, *args: Any, connections: QuerySet[Connection], **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["connection"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = connections
        self.fields["since"].initial = site.now() - timedelta(hours=24)
