"""What charge stations of ours were asked to do and what they answered, for whoever looks after the hardware. Read only: who asks
are commands, charging profiles and bookings, and there it is taken back.

What an order says in detail is not shown: cards of drivers are in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Upper
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from backoffice.bookings.actions import holding, settling
from backoffice.bookings.models import Hold
from backoffice.charge_points.models import Order
from backoffice.charge_points.rules.orders import OPEN, Happening, Kind, State
from backoffice.charging_profiles.actions import keeping as profiles
from backoffice.charging_profiles.models import ProfileRequest
from backoffice.commands.actions import reservations as commands
from backoffice.commands.models import Command
from backoffice.console.cells import NOTHING, Tone, lasting, since, state, two, word
from backoffice.console.filters import SelectFilter, SinceFilter
from backoffice.console.model_admins import Empty, ReadOnlyAdmin
from backoffice.locations.models import Evse
from ocpi.wire.commands import CommandResultType

STANDING: Mapping[State, tuple[Tone, str]] = {
    State.WAITING: (("busy", "hourglass_top"), "Not fetched yet"),
    State.TAKEN: (("busy", "sync"), "At the station"),
    State.ANSWERED: (("good", "check_circle"), "Answered"),
    State.EXPIRED: (("bad", "timer_off"), "No answer in time"),
}

NO: tuple[Tone, str] = (("warn", "block"), "Answered by no")

HAPPENED: Mapping[Happening, str] = {
    Happening.TAKE: "taken by",
    Happening.ANSWER: "answered by",
    Happening.EXPIRE: "no answer in time",
    Happening.LATE: "answered again, or too late, without effect, by",
}

ASKERS: Mapping[str, str] = {
    commands.MODULE: "Command",
    profiles.MODULE: "Charging profile",
    holding.PURPOSE: "Booking, to be kept",
    settling.PURPOSE: "Booking, at its end",
}

DONE = CommandResultType.ACCEPTED.value

MOST = 1000
"""EVSEs of a location that are searched for."""


class StateFilter(SelectFilter):
    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("refused", NO[1]), *((each.value, STANDING[each][1]) for each in State)]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value == "refused":
            return queryset.filter(state=State.ANSWERED.value).exclude(outcome=DONE)
        return queryset.filter(state__in=[each.value for each in OPEN] if value == "open" else [value])


class KindFilter(SelectFilter):
    title, parameter_name = "order", "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(each.value, word(each.value)) for each in Kind]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(kind=value)


class AskerFilter(SelectFilter):
    title, parameter_name = "asked for", "purpose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(ASKERS.items())

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(purpose=value)


class AskedFilter(SinceFilter):
    title, parameter_name, column = "asked", "since", "at"


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    party_lookup = "evse__location__party"
    list_display = ("asked", "what", "point", "asker", "standing", "answered", "driver")
    list_display_links = ("asked",)
    list_filter = (StateFilter, KindFilter, AskerFilter, AskedFilter)
    list_select_related = ("evse__location",)
    search_fields = ("taken_by",)  # switches the search box on; `get_search_results` is the search
    search_help_text = "Whole EVSE id, id of a location, or name of a station system"
    ordering = ("-id",)
    sortable_by = ()
    fields = readonly_fields = (
        "asked",
        "what",
        "point",
        "asker",
        "standing",
        "answered",
        "driver",
        "answer_by",
        "history",
    )
    empty = Empty(
        "What charge stations of ours were asked to do: start, stop, unlock, reserve, keep to a charging profile.",
        "No station was asked yet, or nothing matches.",
    )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "Orders to stations"} | (extra_context or {}))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        return (
            super()
            .get_queryset(request)
            .defer("arguments", "answer")
            .annotate(
                command=Subquery(Command.objects.filter(uid=OuterRef("key")).values("pk")[:1]),
                profile=Subquery(ProfileRequest.objects.filter(uid=OuterRef("key")).values("pk")[:1]),
            )
        )

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Which bookings stations were asked to keep, for the rows of this page."""
        changelist = super().get_changelist_instance(request)
        rows = changelist.result_list = list(changelist.result_list)
        _lead(rows)
        return changelist

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row: Any = super().get_object(request, object_id, from_field)
        if row is not None:
            _lead([row])
        return row

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        term = search_term.strip().upper()
        if not term:
            return queryset, False
        points = Evse.objects.alias(key=Upper("evse_id"), place=Upper("location__object_id"))
        found = points.filter(Q(key=term) | Q(place=term), location__party__ours=True)
        at = queryset.filter(evse__in=list(found.values_list("pk", flat=True)[:MOST]))
        return (at if found.exists() else queryset.filter(taken_by__iexact=search_term.strip())), False

    @admin.display(description="Asked")
    def asked(self, row: Order) -> str:
        return since(row.at)

    @admin.display(description="Order")
    def what(self, row: Order) -> str:
        return word(row.kind)

    @admin.display(description="EVSE")
    def point(self, row: Order) -> str:
        url = reverse("admin:locations_location_change", args=[row.evse.location_id])
        return format_html(
            '<a class="rd-link" href="{}">{}</a>',
            url,
            two(row.evse.evse_id or row.evse.uid, row.evse.location.object_id),
        )

    @admin.display(description="For")
    def asker(self, row: Any) -> str:
        text = ASKERS.get(row.purpose, row.purpose)
        for name, pk in (
            ("commands_command", row.command),
            ("charging_profiles_profilerequest", row.profile),
            ("bookings_booking", row.booking),
        ):
            if pk:
                return format_html(
                    '<a class="rd-link" href="{}">{}</a>', reverse(f"admin:{name}_change", args=[pk]), text
                )
        return text

    @admin.display(description="State")
    def standing(self, row: Order) -> str:
        tone, text = STANDING[State(row.state)]
        if row.state == State.ANSWERED.value and row.outcome != DONE:
            tone, text = NO
        return state(row.state, tone=tone, text=text)

    @admin.display(description="Answer")
    def answered(self, row: Order) -> str:
        if not row.outcome:
            return NOTHING
        quiet = [row.reason[:120]]
        if row.answered_at is not None:
            quiet.append(f"After {lasting((row.answered_at - row.at).total_seconds())}.")
        if row.late:
            quiet.append(f"{row.late} without effect: given again, or too late.")
        return two(word(row.outcome), " ".join(filter(None, quiet)))

    @admin.display(description="Station system")
    def driver(self, row: Order) -> str:
        return row.taken_by or NOTHING

    @admin.display(description="Answer by")
    def answer_by(self, row: Order) -> str:
        return since(row.deadline)

    @admin.display(description="What happened")
    def history(self, row: Order) -> str:
        lines = (
            (since(each.at), HAPPENED[Happening(each.what)], each.by, word(each.outcome), each.reason)
            for each in row.events.all()
        )
        return format_html_join("", "<div>{} {} {} {} {}</div>", lines) or NOTHING


def _lead(rows: Sequence[Any]) -> None:
    """To the bookings for which stations were asked."""
    kept = [_hold(row) for row in rows if row.purpose == holding.PURPOSE]
    booking_of = dict(Hold.objects.filter(pk__in=kept).values_list("pk", "booking")) if kept else {}
    for row in rows:
        row.booking = booking_of.get(_hold(row)) if row.purpose == holding.PURPOSE else None
        if row.purpose == settling.PURPOSE:
            row.booking = int(row.key.removeprefix("stop-"))


def _hold(row: Any) -> int:
    return int(row.key.split("-")[1])
