"""One location's page: what it is, how its EVSEs have been, what partners were told, and what was done to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse

from backoffice.console.cells import word
from backoffice.console.partner_view import PartnerView, as_seen_by
from backoffice.delivery.models import Exchange, Message
from backoffice.fields import DocumentField
from backoffice.locations.admin import timeline
from backoffice.locations.admin.prices import prices
from backoffice.locations.models import Evse, Location, StatusEvent, Withholding
from backoffice.locations.rules import SENDER_ROLES, Finding, Severity, gate
from backoffice.partners.models import Connection
from backoffice.partners.rules import RoleState
from backoffice.roaming_site import site
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from ocpi.wire.locations import Status

DAYS_OF_WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

TABS: dict[str, str] = {
    "": "Summary",
    "status": "Status",
    "tariffs": "Tariffs",
    "partners": "Partners",
    "json": "OCPI JSON",
    "history": "History",
}


class DetailPages:
    """Part of LocationAdmin: `change` is the page of a location, whoever owns it; editing has pages of its own."""

    def detail_urls(self: Any) -> list[URLPattern]:
        return [self.page("<int:pk>/change/", self.detail_view, "change")]

    def detail_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        location: Location = self.one(request, pk)
        tab = request.GET.get("tab", "") if request.GET.get("tab", "") in TABS else ""
        tree = location.tree()
        ours = location.party.ours
        edits = ours and self.has_change_permission(request)
        context = {
            "title": str(location),
            "crumbs": [("Locations", reverse("admin:locations_location_changelist"))],
            "location": location,
            "tree": tree,
            "ours": ours,
            "edits": edits,
            "tab": tab,
            "tabs": [(key, label, key == tab) for key, label in TABS.items()],
        }
        parts: dict[str, Callable[..., dict[str, Any]]] = {
            "": summary,
            "status": statuses,
            "tariffs": tariffs,
            "partners": partners,
            "json": lambda *_: {},
            "history": history,
        }
        return self.render(request, "console/locations/detail.html", context | parts[tab](location, tree, request))


def summary(location: Location, tree: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
    evses = list(location.evses.filter(listed=True).defer("document"))
    by_uid = {evse.uid.upper(): evse for evse in evses}
    listed = [
        {"tree": item, "row": by_uid[item["uid"].upper()]}
        for item in tree.get("evses") or ()
        if item["uid"].upper() in by_uid
    ]
    zone = _zone(location.time_zone)
    return {
        "evses": listed,
        "findings": _findings(location, tree, by_uid) if location.party.ours else [],
        "withheld": list(Connection.objects.filter(pk__in=_withheld(location))) if location.party.ours else [],
        "local_now": f"{site.now().astimezone(zone):%H:%M}" if zone else "",
        "hours": _hours(tree.get("opening_times"), zone),
        "businesses": _businesses(location, tree),
        "statuses": [(status.value, word(status.value)) for status in Status if status != Status.REMOVED],
        "can_change_evse": request.user.has_perm("locations.change_evse"),
        "can_add_evse": request.user.has_perm("locations.add_evse"),
    }


def _businesses(location: Location, tree: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Without an operator that of the credentials counts: the business details of the party's role (mod_locations#location)."""
    told = [(label, tree[key]) for key, label in BUSINESSES if tree.get(key)]
    if not tree.get("operator"):
        role = location.party.roles.filter(
            role__in=SENDER_ROLES, state=RoleState.ACTIVE, connection__isnull=False
        ).first()
        details = DocumentField.read((role or location.party).business_details)
        if details.get("name"):
            told.insert(0, ("Operator, by their credentials", details))
    return told


BUSINESSES = (("operator", "Operator"), ("suboperator", "Suboperator"), ("owner", "Owner"))


def _withheld(location: Location) -> Any:
    return Withholding.objects.filter(location=location).values("connection")


def _findings(location: Location, tree: dict[str, Any], rows: dict[str, Evse]) -> list[tuple[Any, str]]:
    """What the publish gate says, each with the address of the field that mends it."""
    try:
        found = gate(wire_json.validate(wire.Location, tree))
    except wire_json.Invalid as error:  # stored by an older edition of the wire classes
        found = [Finding("NOT_VALID", ".".join(map(str, v.path)), Severity.STOP, v.message) for v in error.violations]
    return [(finding, _where_to_mend(location, tree, rows, finding.path)) for finding in found]


def _where_to_mend(location: Location, tree: dict[str, Any], rows: dict[str, Evse], path: str) -> str:
    steps = path.split(".")
    if steps[0] != "evses":
        return reverse("admin:locations_location_edit", args=[location.pk]) + f"#f-{path.replace('.', '-')}"
    if len(steps) < 3:
        return reverse("admin:locations_location_evse_add", args=[location.pk])
    evse = tree["evses"][int(steps[1])]
    row = rows.get(evse["uid"].upper())
    if row is None:
        return ""
    if steps[2] == "connectors" and len(steps) > 4:
        name, args = "connector", [location.pk, row.pk, evse["connectors"][int(steps[3])]["id"]]
        return reverse(f"admin:locations_location_{name}", args=args) + f"#f-{'-'.join(steps[4:])}"
    return reverse("admin:locations_location_evse", args=[location.pk, row.pk]) + f"#f-{'-'.join(steps[2:])}"


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder such as `Europe`
        return None


def _hours(opening: dict[str, Any] | None, zone: ZoneInfo | None) -> dict[str, Any] | None:
    """Opening times for reading: regular ones by day (they are local), exceptional ones turned from UTC into local time."""
    if not opening:
        return None
    regular: dict[str, list[str]] = {}
    for entry in sorted(opening.get("regular_hours") or (), key=lambda e: (e["weekday"], e["period_begin"])):
        regular.setdefault(DAYS_OF_WEEK[int(entry["weekday"]) - 1], []).append(
            f"{entry['period_begin']}–{entry['period_end']}"
        )
    exceptions = [
        (word, _local(period["period_begin"], zone), _local(period["period_end"], zone))
        for word, key in (("Open", "exceptional_openings"), ("Closed", "exceptional_closings"))
        for period in opening.get(key) or ()
    ]
    return {"always": opening.get("twentyfourseven"), "regular": regular, "exceptions": exceptions}


def _local(text: str, zone: ZoneInfo | None) -> str:
    moment = datetime.fromisoformat(text)  # without a designator it is UTC all the same (types#datetime)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return f"{moment.astimezone(zone):%a %d %b %Y %H:%M}" if zone else f"{moment:%a %d %b %Y %H:%M} UTC"


MOST_ROWS = 40
"""EVSEs drawn in one timeline."""


def statuses(location: Location, tree: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
    evses = location.evses.filter(listed=True).exclude(status=Status.REMOVED).defer("document")[: MOST_ROWS + 1]
    wanted = request.GET.get("days", "")
    days = int(wanted) if wanted in timeline.SPANS else None
    zone = _zone(location.time_zone)
    return {
        "timeline": timeline.read(evses[:MOST_ROWS], now=site.now(), zone=zone or UTC, days=days),
        "zone": location.time_zone if zone else "UTC",
        "spans": timeline.SPANS.items(),
        "more": len(evses) > MOST_ROWS,
        "most": MOST_ROWS,
    }


def tariffs(location: Location, tree: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
    if not request.user.has_perm("tariffs.view_tariff"):
        return {"contests": None}
    return prices(location, tree, request, _zone(location.time_zone))


def partners(location: Location, tree: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
    """What partners were told, what came in, and what a chosen one gets next."""
    below = [f"{location.object_id}/{evse['uid']}" for evse in tree.get("evses") or ()]
    messages = Message.objects.filter(module="locations", sender=location.party).filter(
        Q(object_path=location.object_id) | Q(object_path__in=below)
    )
    paths = [f"{location.party}".replace("-", "/") + f"/{path}" for path in (location.object_id, *below)]
    found: dict[str, Any] = {}
    if request.user.has_perm("delivery.view_message"):
        found["told"] = messages.select_related("connection", "receiver").order_by("connection__name", "object_path")[
            :100
        ]
    if request.user.has_perm("delivery.view_exchange"):
        found["exchanges"] = (
            Exchange.objects.filter(module="locations", object_path__in=paths)
            .select_related("connection")
            .defer("request_body", "response_body")
            .order_by("-at", "-id")[:50]
        )
    if location.party.ours:
        connections = list(Connection.objects.filter(our_parties=location.party).exclude(state="REMOVED"))
        withheld = {row["connection"] for row in _withheld(location)}
        chosen = next((c for c in connections if str(c.pk) == request.GET.get("as", "")), None)
        found |= {
            "connections": [(connection, connection.pk in withheld) for connection in connections],
            "chosen": chosen,
            "seen": _seen_by(location, chosen) if chosen else None,
        }
    return found


def _seen_by(location: Location, connection: Connection) -> PartnerView:
    hidden = (
        "It is not shared with partners."
        if not location.shared
        else "It is withheld from this partner, or our roles on this connection do not share locations."
    )
    return as_seen_by(connection, module="locations", party=location.party, ids=(location.object_id,), hidden=hidden)


def history(location: Location, tree: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
    kind = ContentType.objects.get_for_model(Location)
    return {
        "entries": LogEntry.objects.filter(content_type=kind, object_id=str(location.pk)).select_related("user")[:100],
        "events": StatusEvent.objects.filter(evse__in=Evse.objects.filter(location=location))
        .select_related("evse")
        .defer("evse__document")[:100],
    }
