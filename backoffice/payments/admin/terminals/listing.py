"""The list of terminals, above it the activations that are not over; the ModelAdmin that holds all pages of this door."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.db.models.functions import Upper
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.html import format_html
from unfold.views import ChangeList

from backoffice.console.cells import NOTHING, since, two, word
from backoffice.console.filters import SelectFilter
from backoffice.console.model_admins import Empty, ReadOnlyAdmin
from backoffice.console.scope import parties_of
from backoffice.partners.models import Party
from backoffice.payments.actions.terminals import looking
from backoffice.payments.admin.terminals.asking import AskingPages
from backoffice.payments.admin.terminals.detail import DetailPages
from backoffice.payments.admin.terminals.serving import ServingPages
from backoffice.payments.admin.terminals.words import ASKS, STEER, faults, standing
from backoffice.payments.models import Activation, Terminal
from backoffice.payments.rules.terminals import AskState, TerminalState
from backoffice.roaming_site import site

OPEN_SHOWN = 10


class StateFilter(SelectFilter):
    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(each.value, word(each.value)) for each in TerminalState]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(state=value)


class WhoseFilter(SelectFilter):
    title, parameter_name = "whose", "whose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("ours", "Ours, as provider"), ("providers", "Providers', at our charge points")]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(ours=value == "ours")


class ProviderFilter(SelectFilter):
    title, parameter_name = "provider", "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return _parties(model_admin.get_queryset(request), "party")

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(party=int(value))


class CustomerFilter(SelectFilter):
    title, parameter_name = "CPO", "cpo"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return _parties(model_admin.get_queryset(request), "customer")

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(customer=int(value))


class WorkFilter(SelectFilter):
    """What a column of the row can tell; the rest is on each row."""

    title, parameter_name = "to look at", "work"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("nothing", "Serves nothing"),
            ("differs", "Provider says something else"),
            ("owed", "Provider has not taken it"),
            ("nobody", "At nobody's charge points"),
        ]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return {
            "nothing": queryset.filter(location_ids=[], evse_uids=[]).exclude(state=TerminalState.INACTIVE),
            "differs": queryset.exclude(differs={}),
            "owed": queryset.exclude(push_problem=""),
            "nobody": queryset.filter(customer=None),
        }[value]


def _parties(rows: QuerySet[Terminal], column: str) -> list[tuple[str, str]]:
    ids = rows.order_by().values_list(column, flat=True).distinct()
    return [(str(party.pk), party.label) for party in Party.objects.filter(pk__in=ids)]


class TerminalList(ChangeList):
    """Adds what the shown terminals serve and what is wrong with that, in a handful of queries for the page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        seen = looking.terminals(self.result_list, now=site.now())
        for row in self.result_list:
            row.seen = seen[row.pk]


@admin.register(Terminal)
class TerminalAdmin(DetailPages, ServingPages, AskingPages, ReadOnlyAdmin):
    party_lookup = None  # scoped by both sides, below
    list_display = ("name", "provider", "place", "serves", "invoices", "standing", "to_look_at")
    list_display_links = ("name",)
    list_filter = (StateFilter, WhoseFilter, ProviderFilter, CustomerFilter, WorkFilter)
    list_select_related = ("party", "customer")
    list_before_template = "console/payments/list_tools.html"
    search_fields = ("object_id",)  # switches the search box on; `get_search_results` is the search
    search_help_text = "Id, reference, address, location or EVSE"
    sortable_by = ()
    empty = Empty(
        "Payment terminals at charge points: those of providers at ours, and our own at other CPOs'. Who pays by card gets no "
        "contract and no app; the terminal reserves an amount, starts the charge, and captures what it came to.",
        "A provider posts its terminals when it is connected, or when you ask it to activate one.",
        "Ask for a terminal",
        "admin:payments_terminal_new",
        STEER,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Terminal]:
        found = super().get_queryset(request).defer("document")
        parties = parties_of(request.user)
        return found if parties is None else found.filter(Q(party__in=parties) | Q(customer__in=parties))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-last_updated", "-id")

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return TerminalList

    def get_urls(self) -> list[URLPattern]:
        return [*self.asking_urls(), *self.serving_urls(), *self.detail_urls(), *super().get_urls()]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Terminal], search_term: str
    ) -> tuple[QuerySet[Terminal], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        upper = term.upper()
        words = Q(address__icontains=term) | Q(city__icontains=term) | Q(customer_reference__iexact=term)
        served = Q(location_ids__contains=[term]) | Q(evse_uids__contains=[term])
        named = queryset.alias(key=Upper("object_id"), sign=Upper("reference"))
        return named.filter(Q(key__startswith=upper) | Q(sign__startswith=upper) | words | served), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        extra = {
            "title": "Payment terminals",
            "may_steer": request.user.has_perm(STEER),
            "activations": self._activations(request),
        }
        return super().changelist_view(request, extra | (extra_context or {}))

    def _activations(self, request: HttpRequest) -> list[dict[str, Any]]:
        rows = Activation.objects.exclude(state=AskState.DONE).select_related("party", "customer").order_by("-pk")
        parties = parties_of(request.user)
        if parties is not None:
            rows = rows.filter(customer__in=parties)
        return [{"row": row, "tone": ASKS[row.state][0], "words": ASKS[row.state][1]} for row in rows[:OPEN_SHOWN]]

    # --- columns ------------------------------------------------------------------------------------------------------

    @admin.display(description="Reference, id")
    def name(self, row: Terminal) -> str:
        short = row.object_id if len(row.object_id) <= 16 else f"{row.object_id[:8]}…{row.object_id[-4:]}"
        return format_html(
            '<span class="rd-nowrap">{}<br><span class="rd-quiet" title="{}">{}</span></span>',
            row.reference or NOTHING,
            row.object_id,
            short,
        )

    @admin.display(description="Provider, CPO")
    def provider(self, row: Terminal) -> str:
        return format_html(
            '<span class="rd-nowrap">{}<br><span class="rd-quiet">{}</span></span>',
            f"{row.party}{' (ours)' if row.ours else ''}",
            _customer(row),
        )

    @admin.display(description="Address")
    def place(self, row: Terminal) -> str:
        return two(row.address or NOTHING, f"{row.city} {row.country}".strip())

    @admin.display(description="Serves")
    def serves(self, row: Any) -> str:
        evses = len(row.seen.evses)
        said = [f"{len(row.location_ids)} whole"] if row.location_ids else []
        said += [f"{len(row.evse_uids)} single"] if row.evse_uids else []
        return format_html(
            '<span class="rd-nowrap">{}<br><span class="rd-quiet">{}</span></span>',
            f"{evses} EVSE{'' if evses == 1 else 's'}",
            ", ".join(said),
        )

    @admin.display(description="Invoices")
    def invoices(self, row: Terminal) -> str:
        who = {"CPO": "by the CPO", "PTP": "by the provider"}.get(row.invoice_creator, NOTHING)
        return two(who, urlsplit(row.invoice_base_url).hostname or row.invoice_base_url)

    @admin.display(description="State, updated")
    def standing(self, row: Terminal) -> str:
        return two(standing(row), since(row.last_updated))

    @admin.display(description="To look at")
    def to_look_at(self, row: Any) -> str:
        return faults(row.seen)


def _customer(row: Terminal) -> str:
    if row.customer is None:
        return "for nobody yet"
    return f"{row.customer}{f', {row.customer_reference}' if row.customer_reference else ''}"
