"""The reservations of our EVSEs: who has one kept, until when, what became of it; and how staff take one back, with a reason that
the driver's eMSP is told."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from backoffice.commands.actions import reservations
from backoffice.commands.actions.reservations import UnableToWithdraw
from backoffice.commands.models import Reservation
from backoffice.commands.rules.states import HOLDINGS, ONGOING, Holding, Turn
from backoffice.console.cells import NOTHING, masked, since, state, two, word
from backoffice.console.filters import SelectFilter, SinceFilter
from backoffice.console.model_admins import Empty, ReadOnlyAdmin
from backoffice.console.scope import parties_of
from backoffice.roaming_site import site

WITHDRAW = "commands.withdraw_reservation"

TONES = {
    Holding.ASKED.value: ("busy", "hourglass_top"),
    Holding.HELD.value: ("busy", "event"),
    Holding.USED.value: ("good", "check_circle"),
    Holding.EXPIRED.value: ("warn", "timer_off"),
    Holding.CANCELLED.value: ("off", "event_busy"),
    Holding.WITHDRAWN.value: ("warn", "event_busy"),
    Holding.FAILED.value: ("bad", "error"),
}


class HoldingFilter(SelectFilter):
    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("ongoing", "Ongoing"), *((each.value, word(each.value)) for each in Holding)]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        chosen = [each.value for each in ONGOING] if value == "ongoing" else [value]
        return queryset.filter(state__in=chosen)


class MadeFilter(SinceFilter):
    title, parameter_name, column = "made", "since", "created_at"


@admin.register(Reservation)
class ReservationAdmin(ReadOnlyAdmin):
    party_lookup = None  # scoped by both sides, below
    list_display = ("number", "evse_shown", "driver", "standing", "until", "made", "session_shown")
    list_display_links = ("number",)
    list_filter = (HoldingFilter, MadeFilter)
    list_select_related = ("party", "emsp", "evse", "session")
    sortable_by = ()
    empty = Empty(
        "EVSEs of ours that are, or were, kept for a driver, because its eMSP asked for it (RESERVE_NOW).",
        "Nobody has reserved yet, or nothing matches. An EVSE can be reserved when it has the capability RESERVABLE.",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reservation]:
        found = super().get_queryset(request)
        parties = parties_of(request.user)
        return found if parties is None else found.filter(Q(party__in=parties) | Q(emsp__in=parties))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-created_at", "-id")

    def get_urls(self) -> list[URLPattern]:
        deed = self.page("<int:pk>/withdraw/", require_POST(self.withdraw_view), "withdraw", permission=WITHDRAW)
        return [deed, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row: Reservation = self.one(request, object_id)
        sees = request.user.has_perm("tokens.see_uid")
        context = {
            "title": f"Reservation {row.pk}",
            "crumbs": [("Reservations", reverse("admin:commands_reservation_changelist"))],
            "row": row,
            "standing": standing(row),
            "uid": row.token_uid if sees else masked(row.token_uid),
            "may_withdraw": request.user.has_perm(WITHDRAW) and Turn.WITHDRAW in HOLDINGS[Holding(row.state)],
            "commands": row.commands.order_by("-created_at", "-pk")[:25],
        }
        return self.render(request, "console/commands/reservation.html", context)

    def withdraw_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row: Reservation = self.one(request, pk)
        reason = request.POST.get("reason", "")[:200]
        try:
            reservations.withdraw(row.pk, reason=reason, by=request.user.get_username(), now=site.now())
        except UnableToWithdraw as error:
            self.sorry(request, error)
        else:
            self.note(request, row, f"Cancelled: {reason}")
            self.done(request, f"The reservation is cancelled; {row.emsp} is being told why.")
        return HttpResponseRedirect(reverse("admin:commands_reservation_change", args=[row.pk]))

    @admin.display(description="Number")
    def number(self, row: Reservation) -> str:
        return two(row.pk, row.reservation_id)

    @admin.display(description="EVSE")
    def evse_shown(self, row: Reservation) -> str:
        return two(row.evse.evse_id or row.evse.uid, row.location_id)

    @admin.display(description="Driver of, card")
    def driver(self, row: Reservation) -> str:
        return two(row.emsp, masked(row.token_uid))

    @admin.display(description="State")
    def standing(self, row: Reservation) -> str:
        return standing(row)

    @admin.display(description="Until")
    def until(self, row: Reservation) -> str:
        return since(row.ended_at or row.expires_at)

    @admin.display(description="Made")
    def made(self, row: Reservation) -> str:
        return since(row.created_at)

    @admin.display(description="Session")
    def session_shown(self, row: Reservation) -> str:
        if row.session is None:
            return NOTHING
        url = reverse("admin:charging_sessions_session_change", args=[row.session.pk])
        return format_html('<a href="{}">{}</a>', url, row.session.object_id)


def standing(row: Reservation) -> str:
    return state(row.state, tone=TONES.get(row.state, ("off", "circle")))
