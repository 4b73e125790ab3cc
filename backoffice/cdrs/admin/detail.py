"""One CDR's page: what was billed beside what we calculate, why, and everything around it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, URLPattern, reverse

from backoffice.cdrs.actions import checking
from backoffice.cdrs.models import Cdr, CdrEvent, Quarantined
from backoffice.cdrs.rules.checking import NAMES, READINGS, Calculated, zone_name
from backoffice.cdrs.rules.states import SEEN, TO_REVIEW, CdrState
from backoffice.console.trail import trail
from backoffice.delivery.models import Exchange, Message
from backoffice.locations.models import Location
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from backoffice.tariffs.rules.explain import explained
from backoffice.tariffs.rules.report import as_tree
from backoffice.tariffs.rules.standing import headline
from backoffice.tariffs.rules.verify import COST_FIELDS
from ocpi.wire import json as wire_json
from ocpi.wire.cdrs import CDR
from ocpi.wire.types import Price

TABS = {"": "Summary", "tariffs": "Tariffs", "messages": "Messages", "json": "OCPI JSON", "history": "History"}

UNREADABLE = (ArithmeticError, ValueError, LookupError, TypeError, AssertionError)


class DetailPages:
    """Part of CdrAdmin."""

    def detail_urls(self: Any) -> list[URLPattern]:
        return [self.page("<int:pk>/change/", self.detail_view, "change")]

    def detail_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        cdr: Cdr = self.one(request, pk)
        tab = request.GET.get("tab", "") if request.GET.get("tab", "") in TABS else ""
        tree = cdr.tree()
        context = {
            "title": f"CDR {cdr}",
            "crumbs": [("CDRs", reverse("admin:cdrs_cdr_changelist"))],
            "cdr": cdr,
            "tree": tree,
            "tab": tab,
            "tabs": [(key, label, key == tab) for key, label in TABS.items()],
            "may": _may(cdr, request),
            "trail": trail(request, here="cdr", cdr=cdr.pk),
        }
        parts = {"": _summary, "tariffs": _tariffs, "messages": _messages, "json": _nothing, "history": _history}
        return self.render(request, "console/cdrs/detail.html", context | parts[tab](cdr, tree))


def _may(cdr: Cdr, request: HttpRequest) -> dict[str, bool]:
    """Which buttons are there."""
    decides = request.user.has_perm("cdrs.decide_cdr") and cdr.ours and not cdr.credit and cdr.credited_by_id is None
    return {
        "release": decides and cdr.state == CdrState.HELD,
        "drop": decides and cdr.state == CdrState.HELD,
        "correct": decides and (cdr.state == CdrState.HELD or cdr.state in SEEN),
        "credit": decides and cdr.state in SEEN,
        "accept": request.user.has_perm("cdrs.decide_cdr") and cdr.verdict in TO_REVIEW,
        "recheck": not cdr.ours and request.user.has_perm("cdrs.recheck_cdr"),
    }


def _nothing(cdr: Cdr, tree: dict[str, Any]) -> dict[str, Any]:
    return {}


def _summary(cdr: Cdr, tree: dict[str, Any]) -> dict[str, Any]:
    value = wire_json.validate(CDR, tree)
    try:
        checked = checking.calculated(cdr.pk, now=site.now())
        inside, known = checked.inside, checked.known
        ours = known or inside
        lines = _lines(ours, cdr.currency) if ours else []
        notes = [line for line in explained(ours.breakdown) if line.startswith("Note")] if ours else []
    except UNREADABLE:  # of dates that no calendar has, and the like: the bill is shown, without our side of it
        inside = known = ours = None
        lines, notes = [], []
    location = Location.objects.filter(party=cdr.party, object_id__iexact=cdr.location_id).first()
    session = (
        Session.objects.filter(party=cdr.party, object_id__iexact=cdr.session_ref).first() if cdr.session_ref else None
    )
    return {
        "figures": _figures(value, known, inside),
        "inside": inside,
        "known": known,
        "lines": lines,
        "readings": [READINGS.get(name, name) for name in ours.readings] if ours else [],
        "notes": notes,
        "periods": _periods(value),
        "zone": zone_name(location.time_zone if location else "", cdr.country) or "UTC",
        "location": location,
        "session": session,
        "session_url": _url("admin:charging_sessions_session_change", session.pk) if session else "",
        "credits": Cdr.objects.filter(party=cdr.party, object_id__iexact=cdr.credit_reference_id).first()
        if cdr.credit
        else None,
        "replaced_by": Cdr.objects.filter(replaces=cdr).first(),
        "quarantined": list(
            Quarantined.objects.filter(party=cdr.party, object_id__iexact=cdr.object_id).defer("document")
        ),
        "signed": value.signed_data,
    }


def _url(name: str, *args: Any) -> str:
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def _figures(value: CDR, known: Calculated | None, inside: Calculated | None) -> list[dict[str, Any]]:
    """Row by row: billed, by the tariff at the start, by the tariff inside."""
    rows = [
        _figure("total_cost", "Total before taxes", value.total_cost, known, inside),
        {
            "name": "Total with taxes",
            "billed": _gross(value.total_cost),
            "known": known.incl if known else None,
            "inside": inside.incl if inside else None,
            "differs": _differs("total_cost", known or inside, incl=True),
        },
    ]
    rows += [_figure(field, NAMES[field].capitalize(), getattr(value, field), known, inside) for field in COST_FIELDS]
    return [row for row in rows if any(row[name] is not None for name in ("billed", "known", "inside"))]


def _figure(
    field: str, name: str, told: Price | None, known: Calculated | None, inside: Calculated | None
) -> dict[str, Any]:
    return {
        "name": name,
        "billed": told.before_taxes if told else None,
        "known": _cost(known, field),
        "inside": _cost(inside, field),
        "differs": _differs(field, known or inside, incl=False),
    }


def _differs(field: str, ours: Calculated | None, *, incl: bool) -> bool:
    """Whether the CDR tells another amount there than we calculate; `incl`: with taxes."""
    return ours is not None and any(each.field == field and each.incl is incl for each in ours.discrepancies)


def _cost(calculated: Calculated | None, field: str) -> Decimal | None:
    if calculated is None:
        return None
    if field == "total_cost":
        return calculated.excl
    tree = as_tree(calculated.breakdown).get(COST_FIELDS[field])
    return Decimal(tree["excl"]) if tree and tree["excl"] is not None else None


def _gross(told: Price) -> Decimal | None:
    return told.before_taxes + sum((tax.amount for tax in told.taxes), Decimal(0)) if told.taxes else None


def _lines(calculated: Calculated, currency: str) -> list[dict[str, Any]]:
    return [
        {
            "dimension": each["dimension"].replace("_", " ").capitalize(),
            "at": each["start_date_time"],
            "billed": f"{each['billed_kwh']} kWh" if "billed_kwh" in each else _minutes(each.get("billed_s")),
            "price": each["price"],
            "excl": each["excl"],
            "because": each["because"],
            "surplus": "step_size" in each,
        }
        for each in as_tree(calculated.breakdown, because=True)["segments"][:200]
    ]


def _minutes(seconds: str | None) -> str:
    return f"{Decimal(seconds) / 60:.1f} min" if seconds is not None else "once"


def _periods(value: CDR) -> list[dict[str, Any]]:
    """With the share of the charge's time that each takes, for the bar."""
    starts = [period.start_date_time for period in value.charging_periods]
    ends = [*starts[1:], value.end_date_time]
    whole = max((value.end_date_time - starts[0]).total_seconds(), 1)
    return [
        {
            "start": period.start_date_time,
            "end": end,
            "share": round(min(max((end - period.start_date_time).total_seconds() / whole, 0), 1) * 100, 2),
            "kind": _kind({each.type.value for each in period.dimensions}),
            "told": ", ".join(
                f"{each.type.value.lower().replace('_', ' ')} {each.volume.normalize():f}" for each in period.dimensions
            ),
            "tariff": period.tariff_id,
        }
        for period, end in list(zip(value.charging_periods, ends, strict=True))[:200]
    ]


def _kind(kinds: set[str]) -> str:
    if "PARKING_TIME" in kinds:
        return "parked"
    return "reserved" if "RESERVATION_TIME" in kinds else "charging"


def _tariffs(cdr: Cdr, tree: dict[str, Any]) -> dict[str, Any]:
    """The copy inside beside what we knew when the session began."""
    from backoffice.tariffs.actions.storing import versions_at
    from backoffice.tariffs.models import TariffVersion

    told = wire_json.validate(CDR, tree).tariffs
    ids = [tariff.id for tariff in told]
    ids += [period["tariff_id"] for period in tree["charging_periods"] if period.get("tariff_id")]
    pairs = []
    for identity in {each.upper(): each for each in ids}.values():
        (row,) = versions_at([(cdr.party_id, identity, cdr.starts_at)])
        version = TariffVersion.objects.select_related("tariff").filter(pk=row).first() if row else None
        copy = next((each for each in tree.get("tariffs") or () if each["id"].upper() == identity.upper()), None)
        knew = version.tree() if version else None
        pairs.append(
            {
                "id": identity,
                "copy": copy,
                "copy_says": _says(copy),
                "knew": knew,
                "knew_says": _says(knew),
                "version": version,
                "same": bool(copy and knew) and _bare(copy) == _bare(knew),
            }
        )
    return {"pairs": pairs}


def _bare(tariff: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (tariff or {}).items() if name != "last_updated"}


def _says(tariff: dict[str, Any] | None) -> str:
    from ocpi.wire.tariffs import Tariff

    try:
        return headline(wire_json.validate(Tariff, tariff)) if tariff else ""
    except wire_json.Invalid:
        return ""


def _messages(cdr: Cdr, tree: dict[str, Any]) -> dict[str, Any]:
    path = f"{cdr.party.country_code}/{cdr.party.party_id}/{cdr.object_id}"
    told = Message.objects.filter(module="cdrs", object_path=cdr.object_id, sender=cdr.party).select_related(
        "connection"
    )
    return {
        "messages": list(told),
        "exchanges": list(
            Exchange.objects.filter(Q(module="cdrs") & Q(object_path=path))
            .select_related("connection")
            .order_by("-at")[:50]
        ),
    }


def _history(cdr: Cdr, tree: dict[str, Any]) -> dict[str, Any]:
    events: list[tuple[datetime, str, str, str]] = [
        (each.at, each.what, each.by, each.reason) for each in CdrEvent.objects.filter(cdr=cdr)
    ]
    if not cdr.ours:
        events.insert(0, (cdr.created_at, "RECEIVED", str(cdr.party), ""))
        if cdr.checked_at:
            events.append((cdr.checked_at, f"CHECKED: {cdr.verdict}", "", cdr.sentence))
    return {"events": sorted(events, key=lambda each: each[0])}
