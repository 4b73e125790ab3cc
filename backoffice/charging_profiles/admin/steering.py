"""One session as it is steered: the chart of what was requested, what is active and what was metered, who holds it to what, and
all that was asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import pairwise
from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, reverse

from backoffice.charging_profiles.actions import looking, sending
from backoffice.charging_profiles.actions.keeping import evse_of, plug_of
from backoffice.charging_profiles.actions.looking import in_words
from backoffice.charging_profiles.actions.receiving import Wish
from backoffice.charging_profiles.admin import drawing
from backoffice.charging_profiles.admin.drawing import Measured, Said
from backoffice.charging_profiles.admin.form import TEMPLATES, NoProfile, Typed, profile, template
from backoffice.charging_profiles.models import Hold, ProfileRequest, Steering
from backoffice.charging_profiles.rules.asking import TAKING, findings
from backoffice.charging_profiles.rules.curves import Curve, NotComparable
from backoffice.charging_profiles.rules.plugs import Plug
from backoffice.charging_profiles.rules.states import Kind
from backoffice.console.scope import parties_of
from backoffice.roaming_site import site
from backoffice.sessions.actions.storing import parsed as session_value
from backoffice.sessions.actions.tariffs import zone_of
from backoffice.sessions.models import Reading, Session
from backoffice.sessions.rules.cost import last_power
from ocpi.wire import charging_profiles as wire
from ocpi.wire import json as wire_json
from ocpi.wire.charging_profiles import ChargingRateUnit
from ocpi.wire.sessions import SessionStatus

APP = "charging_profiles"
SET, CLEAR, ASK = f"{APP}.set_profile", f"{APP}.clear_profile", f"{APP}.ask_profile"

LATEST = 25


class SteeringPages:
    """Part of ProfileRequestAdmin: `session` is the page of one session."""

    def steering_urls(self: Any) -> list[URLPattern]:
        return [self.page("session/<int:pk>/", self.session_view, "session")]

    def sessions(self: Any, request: HttpRequest) -> QuerySet[Session]:
        """Those that this user may see: at charge points of the own parties, and of their drivers."""
        found = Session.objects.all()
        parties = parties_of(request.user)
        return found if parties is None else found.filter(Q(party__in=parties) | Q(emsp__in=parties))

    def session_of(self: Any, request: HttpRequest, pk: int) -> Session:
        """Raises Http404."""
        found = self.sessions(request).select_related("party", "emsp", "point").filter(pk=min(pk, 2**62)).first()
        if found is None:
            raise Http404
        return found

    def session_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        session = self.session_of(request, pk)
        plug = plug_of(session, evse_of(session))
        filled = template(request.GET.get("template", ""), plug)
        return self.session_page(request, session, filled)

    def session_page(
        self: Any, request: HttpRequest, session: Session, filled: Typed, *, preview: bool = False
    ) -> HttpResponse:
        now, zone = site.now(), zone_of(session.time_zone) or UTC
        here = reverse("admin:charging_profiles_profilerequest_session", args=[session.pk])
        plug = plug_of(session, evse_of(session))
        usual = plug.usual().value
        unit = request.GET.get("unit", usual) if request.GET.get("unit") in ("A", "W") else usual
        steering = Steering.objects.filter(session=session).first()
        active = steering.tree() if steering is not None else None
        looked, remarks = None, []
        if preview:
            looked, remarks = look(session, filled, unit, now=now, zone=zone)
        known = looking.steered(session, unit)
        refusal = sending.why_not(session, Wish(Kind.ACTIVE, seconds=3600), now=now)
        may = {
            name: request.user.has_perm(permission)
            for name, permission in (("set", SET), ("clear", CLEAR), ("ask", ASK))
        }
        context = {
            "title": f"Charging profile of session {session.object_id}",
            "crumbs": [("Charging profiles", reverse("admin:charging_profiles_profilerequest_changelist"))],
            "session": session,
            "zone": session.time_zone or "UTC",
            "chart": chart(session, known, looked, now=now, zone=zone),
            "units": [
                (label, f"{here}?unit={each}", each == unit) for each, label in (("A", "Amperes"), ("W", "Kilowatts"))
            ],
            "renews": request.method == "GET" and SessionStatus(session.status) in TAKING,
            "active": in_words(active["charging_profile"]) if active is not None else "",
            "steering": steering,
            "most": _most(plug),
            "holds": [
                (row, in_words(row.profile()))
                for row in Hold.objects.filter(session=session).select_related("party").order_by("-since")
            ],
            "requests": [
                (row, in_words(row.profile()))
                for row in ProfileRequest.objects.filter(session=session)
                .select_related("party", "connection")
                .order_by("-asked_at", "-pk")[:LATEST]
            ],
            "told": [
                (row, in_words(row.tree().get("charging_profile")))
                for row in session.active_profiles.order_by("-at", "-pk")[:LATEST]
            ],
            "refusal": refusal,
            "may": may,
            "may_any": any(may.values()),
            "form": filled,
            "templates": [(label, f"{here}?template={name}&unit={unit}#set") for name, label in TEMPLATES.items()],
            "remarks": remarks,
            "point": "our charge point" if session.ours else f"{session.party.label}'s charge point",
        }
        return self.render(request, "console/charging_profiles/session.html", context)


def _most(plug: Plug) -> str:
    told = [(plug.most(unit), unit.value) for unit in (ChargingRateUnit.A, ChargingRateUnit.W)]
    return " or ".join(f"{most:f} {unit}" for most, unit in told if most is not None)


def look(
    session: Session, filled: Typed, unit: str, *, now: datetime, zone: tzinfo
) -> tuple[Curve | None, list[tuple[str, str]]]:
    """What the profile in the form would say, and what there is to say about it, as (tone, sentence)."""
    try:
        tree = profile(filled, now=now, zone=zone)
        said = looking.wished(session, tree, unit)
    except (NoProfile, NotComparable, wire_json.Invalid) as error:
        return None, [("bad", str(error))]
    value = wire_json.validate(wire.ChargingProfile, tree)
    found = [
        ("bad" if finding.stops else "warn", finding.text)
        for finding in findings(value, plug=plug_of(session, evse_of(session)), now=now)
    ]
    refusal = sending.why_not(session, Wish(Kind.SET, profile=tree), now=now)
    if refusal and refusal not in {text for _, text in found}:
        found.append(("bad", refusal))
    return said, found or [("good", "Nothing speaks against it.")]


def chart(
    session: Session, known: looking.Steered, looked: Curve | None, *, now: datetime, zone: tzinfo
) -> drawing.Drawing:
    lines = [Said("active", "rp-active", known.active), Said("requested", "rp-requested", known.requested)]
    if looked is not None:
        lines.append(Said("preview", "rp-preview", looked))
    begins, ends = drawing.window(session.starts_at, session.ends_at, now)
    return drawing.draw(
        [line for line in lines if line.curve.steps],
        measured(session),
        plug=known.limits.plug,
        unit=known.limits.unit,
        begins=begins,
        ends=ends,
        now=now,
        zone=zone,
    )


def measured(session: Session) -> list[Measured]:
    """Of ours what the meter said, of a partner's what its charging periods tell."""
    if session.ours:
        readings = list(Reading.objects.filter(session=session).order_by("at"))
        found = [
            Measured(one.at, one.power_kw if one.power_kw is not None else _between(one, other))
            for one, other in pairwise(readings)
        ]
        return [*found, Measured(readings[-1].at, None)] if readings else []
    periods = sorted(session_value(session.tree()).charging_periods, key=lambda period: period.start_date_time)
    if not periods:
        return []
    return [
        *(Measured(period.start_date_time, last_power([period])) for period in periods),
        Measured(max(session.ends_at or session.last_updated, periods[-1].start_date_time), None),
    ]


def _between(one: Reading, other: Reading) -> Decimal | None:
    seconds = Decimal((other.at - one.at) // timedelta(milliseconds=1)) / 1000
    return (other.kwh - one.kwh) * 3600 / seconds if seconds else None
