"""The list of commands, both ways, and one command with its two answers on one timeline."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.db.models.functions import Upper
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse

from backoffice.charge_points.models import Order
from backoffice.commands.actions.reservations import MODULE
from backoffice.commands.admin.asking import SEND, UNLOCK, AskingPages
from backoffice.commands.admin.words import DIRECTIONS, KINDS, RESPONSES, STATES, standing
from backoffice.commands.models import Command
from backoffice.commands.rules.answers import RESULTS
from backoffice.commands.rules.states import OPEN, State
from backoffice.console.cells import NOTHING, masked, since, two, word
from backoffice.console.filters import PartnerFilter, SelectFilter, SinceFilter
from backoffice.console.model_admins import Empty, ReadOnlyAdmin
from backoffice.console.scope import parties_of
from ocpi.wire.commands import CommandResponseType, CommandResultType

REFRESH = 3
"""Seconds, while something is awaited: a driver stands there."""


class KindFilter(SelectFilter):
    title, parameter_name = "command", "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(KINDS.items())

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(kind=value)


class StateFilter(SelectFilter):
    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Waits for something"), *((each.value, word(each.value)) for each in State)]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value == "open":
            return queryset.filter(state__in=[each.value for each in OPEN])
        return queryset.filter(state=value)


class DirectionFilter(SelectFilter):
    title, parameter_name = "direction", "direction"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(DIRECTIONS.items())

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(direction=value)


class ResponseFilter(SelectFilter):
    title, parameter_name = "operator's answer", "response"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(each.value, word(each.value)) for each in CommandResponseType]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(response=value)


class ResultFilter(SelectFilter):
    title, parameter_name = "result", "result"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(each.value, word(each.value)) for each in CommandResultType]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(result=value)


class WhenFilter(SinceFilter):
    title, parameter_name, column = "when", "since", "created_at"


@admin.register(Command)
class CommandAdmin(AskingPages, ReadOnlyAdmin):
    party_lookup = None  # scoped by both sides, below
    list_display = ("when", "what", "target", "partner", "standing", "response_shown", "result_shown", "took")
    list_display_links = ("when",)
    list_filter = (StateFilter, KindFilter, DirectionFilter, ResponseFilter, ResultFilter, PartnerFilter, WhenFilter)
    list_select_related = ("sender", "receiver", "connection", "point")
    list_before_template = "console/commands/list_tools.html"
    search_fields = ("session_id",)  # switches the search box on; `get_search_results` is the search
    search_help_text = "Whole EVSE id, session id, reservation id, or user"
    sortable_by = ()
    list_count_limit = 100_000
    empty = Empty(
        "Requests to start, stop, reserve, cancel and unlock at charge points: ours at partners', partners' at ours. The "
        "operator answers at once whether it passes the request on; what the charge point did follows within seconds.",
        "Nobody has asked for anything yet, or nothing matches.",
        "Send a command",
        "admin:commands_command_new",
        SEND,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Command]:
        found = super().get_queryset(request).defer("document")
        parties = parties_of(request.user)
        return found if parties is None else found.filter(Q(sender__in=parties) | Q(receiver__in=parties))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-created_at", "-id")

    def get_urls(self) -> list[URLPattern]:
        return [*self.asking_urls(), *super().get_urls()]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Command], search_term: str
    ) -> tuple[QuerySet[Command], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        rows = Command.objects.order_by().values_list("pk", flat=True)
        upper = term.upper()
        found = rows.filter(point__in=_points(upper)).union(
            rows.exclude(session_id="").alias(key=Upper("session_id")).filter(key=upper),
            rows.exclude(reservation_id="").alias(key=Upper("reservation_id")).filter(key=upper),
        )
        known = list(found[:10_000])
        return (queryset.filter(pk__in=known) if known else queryset.filter(asked_by=term)), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        sends = request.user.has_perm(SEND) or request.user.has_perm(UNLOCK)
        return super().changelist_view(
            request, {"title": "Commands", "may_send": sends, "kinds": list(KINDS.items())} | (extra_context or {})
        )

    # --- one command --------------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row: Command = self.one(request, object_id)
        log = ""
        if row.correlation_id and request.user.has_perm("delivery.view_exchange"):
            log = f"{reverse('admin:delivery_exchange_changelist')}?window=all&correlation={row.correlation_id}"
        tree = row.tree()
        sees = request.user.has_perm("tokens.see_uid")
        if isinstance(tree.get("token"), dict) and not sees:
            tree = tree | {"token": tree["token"] | {"uid": masked(str(tree["token"].get("uid", "")))}}
        context = {
            "title": KINDS[row.kind],
            "crumbs": [("Commands", reverse("admin:commands_command_changelist"))],
            "row": row,
            "standing": standing(row),
            "meaning": STATES[row.state],
            "bad": row.state in (State.REFUSED, State.FAILED, State.TIMED_OUT),
            "direction": DIRECTIONS[row.direction],
            "kind": KINDS[row.kind],
            "uid": (row.token_uid if sees else masked(row.token_uid)) if row.token_uid else "",
            "response_means": RESPONSES.get(row.response, ""),
            "result_means": RESULTS.get(row.result, ""),
            "took": _took(row),
            "events": row.events.all(),
            "order": Order.objects.filter(purpose=MODULE, key=row.uid).first() if row.direction != "OUT" else None,
            "log": log,
            "tree": tree,
            "refresh": REFRESH if row.state in {each.value for each in OPEN} else 0,
        }
        return self.render(request, "console/commands/command.html", context)

    # --- columns ------------------------------------------------------------------------------------------------------

    @admin.display(description="When")
    def when(self, row: Command) -> str:
        return since(row.created_at)

    @admin.display(description="Command")
    def what(self, row: Command) -> str:
        return two(KINDS[row.kind], DIRECTIONS[row.direction])

    @admin.display(description="EVSE, session")
    def target(self, row: Command) -> str:
        place = (row.point.evse_id if row.point else "") or row.evse_uid or row.location_id or NOTHING
        return two(place, row.session_id or row.reservation_id)

    @admin.display(description="From, to")
    def partner(self, row: Command) -> str:
        return two(row.sender, row.receiver or NOTHING)

    @admin.display(description="State")
    def standing(self, row: Command) -> str:
        return standing(row)

    @admin.display(description="Operator said")
    def response_shown(self, row: Command) -> str:
        return two(word(row.response) if row.response else NOTHING, row.response_text[:80])

    @admin.display(description="Charge point did")
    def result_shown(self, row: Command) -> str:
        return two(word(row.result) if row.result else NOTHING, row.result_text[:80])

    @admin.display(description="Took, by")
    def took(self, row: Command) -> str:
        return two(_took(row), row.asked_by)


def _points(evse_id: str) -> QuerySet[Any]:
    from backoffice.locations.models import Evse

    return Evse.objects.alias(key=Upper("evse_id")).filter(key=evse_id).order_by().values("pk")


def _took(row: Command) -> str:
    ended = row.resulted_at or row.responded_at
    return f"{(ended - row.created_at).total_seconds():.1f} s" if ended else NOTHING
