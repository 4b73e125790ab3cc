"""The list of requests, above it the sessions that can be steered now; and one request with all that was said."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Upper
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils.html import format_html

from backoffice.charging_profiles.actions.looking import in_words
from backoffice.charging_profiles.admin.deeds import DeedPages
from backoffice.charging_profiles.admin.steering import SteeringPages
from backoffice.charging_profiles.models import ProfileRequest
from backoffice.charging_profiles.rules.asking import CAPABLE, TAKING
from backoffice.charging_profiles.rules.states import Kind, State, Way
from backoffice.console.cells import since, span, state, two, word
from backoffice.console.filters import PartnerFilter, SelectFilter, SinceFilter
from backoffice.console.model_admins import Empty, ReadOnlyAdmin
from backoffice.console.scope import parties_of
from backoffice.fields import DocumentField
from backoffice.locations.models import Evse
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from ocpi.wire import charging_profiles as wire

NOW_SHOWN = 30
"""Sessions above the list: those that began last."""

TONES = {
    "QUEUED": ("busy", "schedule_send"),
    "UNSENT": ("bad", "cloud_off"),
    "REFUSED": ("bad", "block"),
    "WAITING": ("busy", "hourglass_top"),
    "ANSWERED": ("good", "check_circle"),
    "TIMED_OUT": ("bad", "timer_off"),
}
WAYS = {
    Way.OUT.value: "we asked",
    Way.IN.value: "asked us",
    Way.OWN.value: "our staff",
}
KINDS = {
    Kind.SET.value: "Set",
    Kind.CLEAR.value: "Remove",
    Kind.ACTIVE.value: "Ask what is active",
}


def standing(row: ProfileRequest) -> str:
    """Its state; one that the charge point refused does not look well."""
    if row.state == State.ANSWERED.value and row.result != wire.ChargingProfileResultType.ACCEPTED.value:
        return state(row.state, tone=("warn", "do_not_disturb_on"))
    return state(row.state, tone=TONES.get(row.state, ("off", "circle")))


class StateFilter(SelectFilter):
    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(each.value, word(each.value)) for each in State]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(state=value)


class KindFilter(SelectFilter):
    title, parameter_name = "request", "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(KINDS.items())

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(kind=value)


class WayFilter(SelectFilter):
    title, parameter_name = "direction", "way"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(WAYS.items())

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(way=value)


class AnswerFilter(SelectFilter):
    title, parameter_name = "answer at once", "response"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(each.value, word(each.value)) for each in wire.ChargingProfileResponseType]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(response=value)


class WhenFilter(SinceFilter):
    title, parameter_name, column = "asked", "asked", "asked_at"


@admin.register(ProfileRequest)
class ProfileRequestAdmin(DeedPages, SteeringPages, ReadOnlyAdmin):
    party_lookup = None  # scoped by both sides of the session, below
    list_display = ("when", "what", "profile", "of_session", "evse", "whose", "standing", "answers", "took")
    list_display_links = ("when",)
    list_filter = (StateFilter, KindFilter, WayFilter, AnswerFilter, PartnerFilter, WhenFilter)
    list_select_related = ("session", "party", "connection")
    sortable_by = ()
    list_before_template = "console/charging_profiles/charging.html"
    empty = Empty(
        "Requests to set, remove or read a charging profile: partners' for sessions at our charge points, ours for drivers of "
        "ours at partners', and those of our staff.",
        "Nobody has asked yet, or nothing matches. A session whose EVSE is CHARGING_PROFILE_CAPABLE stands above while it goes "
        "on.",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProfileRequest]:
        found = super().get_queryset(request)
        parties = parties_of(request.user)
        if parties is None:
            return found
        return found.filter(Q(session__party__in=parties) | Q(session__emsp__in=parties))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-asked_at", "-id")

    def get_urls(self) -> list[URLPattern]:
        return [*self.steering_urls(), *self.deed_urls(), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        given = {"title": "Charging profiles", "charging": self._charging(request, site.now())}
        return super().changelist_view(request, given | (extra_context or {}))

    def _charging(self, request: HttpRequest, now: datetime) -> list[dict[str, Any]]:
        """Sessions that go on and can be steered, as far as we know the EVSE."""
        theirs = (
            Evse.objects.alias(key=Upper("uid"), place=Upper("location__object_id"))
            .filter(
                location__party=OuterRef("party_id"),
                place=Upper(OuterRef("location_id")),
                key=Upper(OuterRef("evse_uid")),
                capabilities__contains=[CAPABLE],
            )
            .values("pk")
        )
        capable = Q(point__capabilities__contains=[CAPABLE]) | Q(steering__isnull=False) | Q(Exists(theirs))
        rows = (
            self.sessions(request)
            .filter(capable, status__in=[status.value for status in TAKING])
            .select_related("party", "emsp", "steering")
            .defer("document", "place", "signed_data")
            .order_by("-starts_at", "-id")[:NOW_SHOWN]
        )
        return [{"session": row, "limit": _limit(row)} for row in rows]

    # --- one request --------------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.one(request, object_id)
        log = ""
        if request.user.has_perm("delivery.view_exchange"):
            correlation = row.correlation_id or row.uid
            log = f"{reverse('admin:delivery_exchange_changelist')}?window=all&correlation={correlation}"
        context = {
            "title": f"{KINDS[row.kind]}: session {row.session.object_id}",
            "crumbs": [("Charging profiles", reverse("admin:charging_profiles_profilerequest_changelist"))],
            "row": row,
            "standing": standing(row),
            "way": WAYS[row.way],
            "kind": KINDS[row.kind],
            "words": in_words(row.profile()),
            "ordered": DocumentField.read(row.ordered) if row.ordered else None,
            "profile": row.profile(),
            "events": row.events.all(),
            "log": log,
            "elapsed": span((row.ended_at - row.asked_at).total_seconds()) if row.ended_at else "",
        }
        return self.render(request, "console/charging_profiles/request.html", context)

    # --- columns ------------------------------------------------------------------------------------------------------

    @admin.display(description="Asked")
    def when(self, row: ProfileRequest) -> str:
        return since(row.asked_at)

    @admin.display(description="Request")
    def what(self, row: ProfileRequest) -> str:
        return two(KINDS[row.kind], WAYS[row.way])

    @admin.display(description="Profile")
    def profile(self, row: ProfileRequest) -> str:
        tree = row.profile()
        if tree is None:
            return two("–", f"of the next {span(row.seconds)}") if row.seconds else "–"
        more = [f"at least {tree['min_charging_rate']}"] if tree.get("min_charging_rate") is not None else []
        duration = tree.get("duration")
        more += [f"for {span(duration)}"] if duration is not None and 0 < duration < 10**8 else []
        more += [] if tree.get("start_date_time") else ["from the start of charging"]
        return two(in_words(tree), ", ".join(more))

    @admin.display(description="Session")
    def of_session(self, row: ProfileRequest) -> str:
        url = reverse("admin:charging_profiles_profilerequest_session", args=[row.session_id])
        return format_html('<a href="{}">{}</a>', url, row.session.object_id)

    @admin.display(description="EVSE")
    def evse(self, row: ProfileRequest) -> str:
        return row.session.evse_id or row.session.evse_uid

    @admin.display(description="Partner, by")
    def whose(self, row: ProfileRequest) -> str:
        return two(str(row.connection or row.party), row.asked_by)

    @admin.display(description="State")
    def standing(self, row: ProfileRequest) -> str:
        return standing(row)

    @admin.display(description="At once, result")
    def answers(self, row: ProfileRequest) -> str:
        return two(word(row.response) if row.response else "–", word(row.result) if row.result else row.reason[:80])

    @admin.display(description="Took")
    def took(self, row: ProfileRequest) -> str:
        return f"{(row.ended_at - row.asked_at).total_seconds():.1f} s" if row.ended_at else "–"


def _limit(session: Session) -> str:
    steering = getattr(session, "steering", None)
    tree = steering.tree() if steering is not None else None
    return in_words(tree["charging_profile"]) if tree is not None else ""
