"""The page of one published tariff, ours or a partner's: what it costs, where it is offered, who sees it, how it came to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse

from backoffice.console.contests import KINDS, AskedContest
from backoffice.console.partner_view import PartnerView, as_seen_by
from backoffice.delivery.models import Exchange, Message
from backoffice.partners.models import Connection
from backoffice.roaming_site import site
from backoffice.tariffs.admin.differences import differences
from backoffice.tariffs.admin.pane.asked import zones_of
from backoffice.tariffs.admin.pane.seeing import pane_of
from backoffice.tariffs.admin.published.facts import standing_state
from backoffice.tariffs.admin.published.filters import type_in_words
from backoffice.tariffs.admin.published.offered import AHEAD, OfferedSet, places_of, sets_of
from backoffice.tariffs.models import Draft, Tariff, TariffVersion
from backoffice.tariffs.offers import Judged, Offers

TABS: dict[str, str] = {
    "": "What it costs",
    "connectors": "Connectors",
    "partners": "Partners",
    "versions": "Versions",
    "messages": "Messages",
    "json": "OCPI JSON",
}
MOST_FACTS = 250
MOST_VERSIONS = 50
MOST_PLACES = 100


class DetailPages:
    """Part of TariffAdmin."""

    def detail_urls(self: Any) -> list[URLPattern]:
        return [self.page("<int:pk>/change/", self.detail_view, "change")]

    def detail_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        tariff: Tariff = self.one(request, pk)
        tab = request.GET.get("tab", "") if request.GET.get("tab", "") in TABS else ""
        ours = tariff.party.ours
        parts: dict[str, Callable[[Tariff, HttpRequest], dict[str, Any]]] = {
            "": costs,
            "connectors": connectors,
            "partners": partners,
            "versions": versions,
            "messages": messages,
            "json": lambda tariff, _: {"tree": tariff.tree()},
        }
        context = {
            "title": tariff.object_id,
            "crumbs": [("Tariffs", reverse("admin:tariffs_tariff_changelist"))],
            "tariff": tariff,
            "ours": ours,
            "standing": standing_state(tariff, site.now()),
            "kind": type_in_words(tariff.type),
            "drafts": Draft.objects.filter(tariff=tariff) | Draft.objects.filter(replaces=tariff),
            "drafts_it": self.allows(request, "tariffs.add_draft"),
            "publishes": ours and self.allows(request, "tariffs.publish_tariff"),
            "tab": tab,
            "tabs": [(key, label, key == tab) for key, label in TABS.items()],
        }
        return self.render(request, "console/tariffs/detail.html", context | parts[tab](tariff, request))


def costs(tariff: Tariff, request: HttpRequest) -> dict[str, Any]:
    pane = pane_of(request, tariff)
    said = differences(None, tariff.tree(), pane.asked.zone)
    return {"pane": pane, "said": said[:MOST_FACTS], "more": max(0, len(said) - MOST_FACTS)}


# --- where it is offered ----------------------------------------------------------------------------------------------


def connectors(tariff: Tariff, request: HttpRequest) -> dict[str, Any]:
    """Locations that offer it; and for each set of tariffs that connectors offer together, which one wins, for whom, and why."""
    places, many = places_of(tariff.party, tariff.object_id, most=MOST_PLACES)
    sets = sets_of(tariff.party, tariff.object_id)
    asked = AskedContest(request, tariff.party, zone_of(tariff), kind=tariff.type)
    ids = {each for one in sets for each in one.ids}
    offers = Offers.read(tariff.party, ids, connection=asked.connection)
    return {
        "places": places,
        "places_total": many,
        "contests": [_contest(one, offers, asked) for one in sets],
        "asked": asked,
    }


def _contest(one: OfferedSet, offers: Offers, asked: AskedContest) -> dict[str, Any]:
    judged: list[Judged] = offers.judged(one.ids, asked.kind, asked.at)
    lanes = offers.lanes(one.ids, asked.at, asked.at + AHEAD)
    return {
        "set": one,
        "judged": judged,
        "nobody": not any(each.wins for each in judged),
        "gaps": [(KINDS[lane.kind], gap) for lane in lanes for gap in lane.gaps],
        "clashes": [(KINDS[lane.kind], clash) for lane in lanes for clash in lane.clashes],
        "compared": [each.tariff.pk for each in judged if each.tariff is not None],
    }


def zone_of(tariff: Tariff) -> ZoneInfo:
    """In which its times are told: that of most of its owner's locations."""
    return ZoneInfo(next(iter(zones_of(tariff.party)), "UTC"))


# --- who sees it ------------------------------------------------------------------------------------------------------


def partners(tariff: Tariff, request: HttpRequest) -> dict[str, Any]:
    if not tariff.party.ours:
        return {"connections": []}
    known = list(Connection.objects.filter(our_parties=tariff.party).exclude(state="REMOVED").order_by("name"))
    named = set(tariff.disclosures.values_list("connection_id", flat=True))
    told: dict[int, list[Message]] = {}
    if request.user.has_perm("delivery.view_message"):
        for message in Message.objects.filter(
            module="tariffs", sender=tariff.party, object_path=tariff.object_id
        ).select_related("receiver"):
            told.setdefault(message.connection_id, []).append(message)
    chosen = next((each for each in known if str(each.pk) == request.GET.get("as", "")), None)
    return {
        "connections": [
            {
                "row": each,
                "sees": tariff.withdrawn_at is None and (tariff.everyone or each.pk in named),
                "named": each.pk in named,
                "messages": told.get(each.pk, ()),
            }
            for each in known
        ],
        "chosen": chosen,
        "seen": _seen_by(tariff, chosen) if chosen is not None else None,
    }


def _seen_by(tariff: Tariff, connection: Connection) -> PartnerView:
    hidden = (
        "It is withdrawn."
        if tariff.withdrawn_at is not None
        else "It is not disclosed to this partner, or our roles on this connection do not share tariffs."
    )
    return as_seen_by(connection, module="tariffs", party=tariff.party, ids=(tariff.object_id,), hidden=hidden)


# --- how it came to be so ---------------------------------------------------------------------------------------------


def versions(tariff: Tariff, request: HttpRequest) -> dict[str, Any]:
    """All versions, newest first; the chosen one with what it changed and its JSON."""
    rows = list(TariffVersion.objects.filter(tariff=tariff).defer("document")[:MOST_VERSIONS])
    wanted = request.GET.get("version", "")
    number = int(wanted) if wanted.isdecimal() and len(wanted) < 10 else None
    chosen = TariffVersion.objects.filter(tariff=tariff, number=number).first() if number is not None else None
    chosen = chosen or TariffVersion.objects.filter(tariff=tariff).first()
    changes, before, more = [], None, 0
    if chosen is not None:
        before = TariffVersion.objects.filter(tariff=tariff, number__lt=chosen.number).first()
        found = differences(before.tree() if before is not None else None, chosen.tree(), zone_of(tariff))
        changes, more = found[:MOST_FACTS], max(0, len(found) - MOST_FACTS)
    kind = ContentType.objects.get_for_model(Tariff)
    return {
        "versions": rows,
        "chosen": chosen,
        "before": before,
        "changes": changes,
        "more": more,
        "entries": LogEntry.objects.filter(content_type=kind, object_id=str(tariff.pk)).select_related("user")[:100],
    }


def messages(tariff: Tariff, request: HttpRequest) -> dict[str, Any]:
    if not request.user.has_perm("delivery.view_exchange"):
        return {"exchanges": None}
    path = f"{tariff.party.country_code}/{tariff.party.party_id}/{tariff.object_id}"
    return {
        "exchanges": Exchange.objects.filter(module="tariffs", object_path=path)
        .select_related("connection")
        .defer("request_body", "response_body")
        .order_by("-at", "-id")[:50]
    }
