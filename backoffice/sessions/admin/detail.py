"""One session's page: what it is, its meter, its price with every step, and all that happened and was said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from django.db.models.functions import Upper
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse

from backoffice.cdrs.models import Cdr
from backoffice.charging_profiles.actions import looking
from backoffice.console.cells import masked, word
from backoffice.console.scope import scoped
from backoffice.console.trail import trail
from backoffice.delivery.models import Exchange, Message
from backoffice.locations.models import Location
from backoffice.roaming_site import site
from backoffice.sessions.actions import pricing
from backoffice.sessions.actions.storing import parsed
from backoffice.sessions.actions.tariffs import zone_of
from backoffice.sessions.actions.writing import readings_of
from backoffice.sessions.admin import drawing
from backoffice.sessions.admin.deeds import STEER
from backoffice.sessions.admin.rows import Row, money
from backoffice.sessions.models import Session
from backoffice.sessions.rules.states import ONGOING
from backoffice.tariffs.rules import Breakdown
from backoffice.tariffs.rules.exact import plain
from backoffice.tariffs.rules.explain import explained
from backoffice.tokens.models import Token
from ocpi.wire import sessions as wire
from ocpi.wire.sessions import ProfileType, SessionStatus

SEE_UID = "tokens.see_uid"

COLOURS = 8
"""Of tariff elements; the ninth begins again."""

LATEST = 25
"""Messages in the timeline; a charge that is told of every minute has hundreds, and the message log holds them all."""

UNITS = {
    "CURRENT": "A",
    "MIN_CURRENT": "A",
    "MAX_CURRENT": "A",
    "POWER": "kW",
    "MIN_POWER": "kW",
    "MAX_POWER": "kW",
    "STATE_OF_CHARGE": "%",
    "ENERGY": "kWh",
    "ENERGY_IMPORT": "kWh",
    "ENERGY_EXPORT": "kWh",
}
"""Of the dimensions of a period; all others are hours."""


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """A charging period in the table. `colour`: of the tariff element that prices it, None when none does."""

    starts: str
    dimensions: str
    element: str
    colour: int | None


@dataclass(frozen=True, slots=True)
class Happened:
    """An entry of the timeline: an event, or a message that travelled."""

    at: datetime
    what: str
    text: str
    by: str
    url: str = ""


class DetailPages:
    """Part of SessionAdmin: `change` is the page of a session."""

    def detail_urls(self: Any) -> list[URLPattern]:
        return [self.page("<int:pk>/change/", self.detail_view, "change")]

    def detail_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        session: Session = self.one(request, pk)
        now = site.now()
        row = Row(session, now)
        uid = session.token_uid if request.user.has_perm(SEE_UID) else masked(session.token_uid)
        value = parsed(session.tree())
        zone = zone_of(session.time_zone) or UTC
        breakdown = _breakdown(session, value)
        colours = colours_of(breakdown)
        points = drawing.of_readings(readings_of(session)) if session.ours else []
        points = points or drawing.of_periods(value.charging_periods, session.ends_at or session.last_updated)
        ongoing = SessionStatus(session.status) in ONGOING
        steers = request.user.has_perm(STEER)
        context = {
            "title": f"Session {session.object_id}",
            "crumbs": [("Sessions", reverse("admin:charging_sessions_session_changelist"))],
            "row": row,
            "uid": uid,
            "token": _token(session, request),
            "place": _place(session, request),
            "session": session,
            "zone": session.time_zone or "UTC",
            "starts": _local(session.starts_at, zone),
            "ends": _local(session.ends_at, zone),
            "ongoing": ongoing,
            "chart": drawing.draw(points, value.charging_periods, colours, zone),
            "periods": period_rows(value, colours, zone),
            "explained": list(explained(breakdown)) if breakdown is not None else [],
            "theirs": money(session.total_excl, session.currency),
            "theirs_incl": money(session.total_incl, session.currency),
            "timeline": timeline(session, request),
            "object": f"{session.party.country_code}/{session.party.party_id}/{session.object_id}",
            "preferences": [(kept, _in_words(kept.tree())) for kept in session.preferences.all()[:20]],
            "steering": _steering(session, request),
            "cdr": _cdr(session, request),
            "trail": trail(request, here="session", session=session.pk),
            "tree": _shown(session, uid),
            "message": _message(session, request),
            "may_set_aside": steers,
            "may_end": steers and session.ours and ongoing,
            "may_stop": ongoing and request.user.has_perm("commands.send_command") and session.emsp.ours,
            "may_ask": steers and not session.ours,
            "may_prefer": steers and not session.ours and ongoing,
            "profiles": [(profile.value, word(profile.value)) for profile in ProfileType],
        }
        return self.render(request, "console/sessions/detail.html", context)


def _local(moment: datetime | None, zone: tzinfo) -> str:
    """As the clock at the charge point shows it. Templates would turn a time into that of the server."""
    try:
        return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}" if moment is not None else ""
    except OverflowError:  # the last day that there is has no next one elsewhere
        return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _breakdown(session: Session, value: wire.Session) -> Breakdown | None:
    try:
        return pricing.breakdown(session, value)
    except (ValueError, ArithmeticError):  # what a partner tells need not be a charge that can be
        return None


def colours_of(breakdown: Breakdown | None) -> dict[datetime, int]:
    """The tariff element that prices what each period began with."""
    found: dict[datetime, int] = {}
    for segment in breakdown.segments if breakdown is not None else ():
        if not segment.is_surplus:
            found.setdefault(segment.start, segment.component.element)
    return found


def period_rows(value: wire.Session, colours: dict[datetime, int], zone: tzinfo) -> list[PeriodRow]:
    rows = []
    for period in value.charging_periods:
        element = colours.get(period.start_date_time)
        rows.append(
            PeriodRow(
                _local(period.start_date_time, zone),
                ", ".join(
                    f"{word(each.type)} {plain(each.volume)} {UNITS.get(each.type, 'h')}" for each in period.dimensions
                ),
                "none"
                if element is None
                else f"element {element + 1}" + (f" of {period.tariff_id}" if period.tariff_id else ""),
                None if element is None else element % COLOURS,
            )
        )
    return rows


def timeline(session: Session, request: HttpRequest) -> list[Happened]:
    """Events and messages, the latest first."""
    found = [
        Happened(
            event.at,
            word(event.event),
            " ".join(filter(None, [_move(event.previous, event.status), event.reason])),
            event.by or "the platform",
        )
        for event in session.events.order_by("-at", "-id")[:200]
    ]
    if request.user.has_perm("delivery.view_exchange"):
        owner = f"{session.party.country_code}/{session.party.party_id}/{session.object_id}"
        exchanges = (
            Exchange.objects.filter(module="sessions", object_path__in=[owner, session.object_id])
            .select_related("connection")
            .defer("request_body", "response_body")
            .order_by("-at", "-id")[:LATEST]
        )
        found += [
            Happened(
                row.at,
                f"{'←' if row.incoming else '→'} {row.method}",
                f"HTTP {row.http_status or 'none'}, OCPI {row.ocpi_status or 'none'}",
                str(row.connection or "unknown"),
                reverse("admin:delivery_exchange_change", args=[row.pk]),
            )
            for row in exchanges
        ]
    return sorted(found, key=lambda each: each.at, reverse=True)[:200]


def _move(previous: str, status: str) -> str:
    return f"{previous or 'new'} → {status}." if status and status != previous else ""


def _in_words(tree: dict[str, Any]) -> str:
    said = [word(str(tree.get("profile_type", "")))]
    if tree.get("departure_time"):
        said.append(f"leaves {tree['departure_time']}")
    if tree.get("energy_need") is not None:
        said.append(f"needs {tree['energy_need']} kWh")
    said.append("may be discharged" if tree.get("discharge_allowed") else "not to be discharged")
    return ", ".join(said)


def _steering(session: Session, request: HttpRequest) -> dict[str, Any] | None:
    """What is known of its charging profile, for who may see it; None where there can be none."""
    if not request.user.has_perm("charging_profiles.view_profilerequest"):
        return None
    known = looking.active(session)
    if known is None and not looking.capable(session):
        return None
    return {"words": looking.in_words(known[0]) if known else "", "at": known[1] if known else None}


def _cdr(session: Session, request: HttpRequest) -> Cdr | None:
    """Its CDR, for who may see it."""
    if not request.user.has_perm("cdrs.view_cdr"):
        return None
    found = Cdr.objects.filter(party=session.party_id, session_ref__iexact=session.object_id, credit=False)
    return found.order_by("-id").only("object_id").first()


def _message(session: Session, request: HttpRequest) -> Message | None:
    """Whether the eMSP has heard of the last change of a session of ours."""
    if not session.ours or not request.user.has_perm("delivery.view_message"):
        return None
    return (
        Message.objects.filter(module="sessions", sender=session.party_id, object_path=session.object_id)
        .select_related("connection")
        .first()
    )


def _token(session: Session, request: HttpRequest) -> int | None:
    """The page of the card or app, for who may open it."""
    if not request.user.has_perm("tokens.view_token"):
        return None
    found = scoped(Token.objects.all(), request.user, "party").alias(key=Upper("object_id"))
    return (
        found.filter(party=session.emsp_id, key=session.token_uid.upper(), type=session.token_type)
        .values_list("pk", flat=True)
        .first()
    )


def _place(session: Session, request: HttpRequest) -> int | None:
    """The page of the location, for who may open it."""
    if not request.user.has_perm("locations.view_location"):
        return None
    found = scoped(Location.objects.all(), request.user, "party")
    return (
        found.filter(party=session.party_id, object_id__iexact=session.location_id).values_list("pk", flat=True).first()
    )


def _shown(session: Session, uid: str) -> dict[str, Any]:
    tree = session.tree()
    return tree | {"cdr_token": tree["cdr_token"] | {"uid": uid}}
