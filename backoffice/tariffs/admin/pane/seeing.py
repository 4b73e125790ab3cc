"""Which tariffs a member of staff may see, which may be laid beside another one, and the pane of a published one.

context = {"pane": pane_of(request, tariff)}
{% include "console/tariffs/pane.html" %}    with console/tariffs.css and console/tariffs.js in the head
"""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Upper
from django.http import HttpRequest

from backoffice import statements
from backoffice.console.scope import scoped
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.tariffs.admin.pane import examples
from backoffice.tariffs.admin.pane.asked import Asked, zones_of
from backoffice.tariffs.admin.pane.figures import Pane
from backoffice.tariffs.models import Tariff
from backoffice.tariffs.rules.lint import Offer
from ocpi.wire import json as wire_json
from ocpi.wire import tariffs as wire

MOST = 200


def seen_tariffs(request: HttpRequest) -> QuerySet[Tariff]:
    """None for whoever may not see tariffs at all."""
    if not request.user.has_perm("tariffs.view_tariff"):
        return Tariff.objects.none()
    return scoped(Tariff.objects.select_related("party"), request.user, "party")


def seen_tariff(request: HttpRequest, pk: int) -> Tariff | None:
    return seen_tariffs(request).filter(pk=pk).first()


def comparable(request: HttpRequest, *, ours_first: Party, chosen: Any = None) -> list[tuple[int, str]]:
    """Key and name of the newest tariffs, those of this party first, then ours; the chosen one is among them. Two queries, each
    by an index: there may be very many."""
    newest = (
        seen_tariffs(request)
        .order_by("-last_updated", "-pk")
        .only("object_id", "currency", "party__country_code", "party__party_id", "party__ours")
    )
    rows = list(newest.filter(party=ours_first)[:MOST])
    if len(rows) < MOST:
        others = newest.exclude(party=ours_first)[: MOST - len(rows)]
        rows += sorted(others, key=lambda row: not row.party.ours)
    found = {row.pk: _name(row) for row in rows}
    if chosen is not None and chosen.pk not in found:
        found = {chosen.pk: _name(chosen)} | found
    return list(found.items())


def _name(row: Tariff) -> str:
    return f"{row.object_id} ({row.party}, {row.currency})"


def typed(row: Tariff | None) -> wire.Tariff | None:
    """As a value; None for what is none, and for what a partner sent and we cannot read."""
    if row is None:
        return None
    try:
        return wire_json.validate(wire.Tariff, row.tree())
    except wire_json.Invalid:
        return None


PREFERENCES = "tariff_pane"
KEPT = ("p.curve", "p.idle", "p.axis", "p.lang", "p.with")
"""What a reader set and finds again at the next tariff; kept in the session. Taxes are kept for each owner."""


def remembered(request: HttpRequest, party: Party) -> dict[str, str]:
    kept = request.session.get(PREFERENCES)
    found = dict(kept) if isinstance(kept, dict) else {}
    taxes = found.get(f"p.taxes@{party.pk}")
    return found | ({"p.taxes": taxes} if taxes else {})


def remember(request: HttpRequest, party: Party, data: Any) -> None:
    """Written only when something changed: a live pane asks several times a second."""
    kept = request.session.get(PREFERENCES)
    before = dict(kept) if isinstance(kept, dict) else {}
    after = before | {name: str(data[name])[:40] for name in KEPT if name in data}
    if "p.taxes" in data:
        after[f"p.taxes@{party.pk}"] = str(data["p.taxes"])[:200]
    after = {name: value for name, value in after.items() if value}
    if after != before:
        request.session[PREFERENCES] = after


def pane_of(request: HttpRequest, row: Tariff) -> Pane:
    """The read-only pane of a published tariff, ours or a partner's, with what `request.GET` asks for."""
    asked_for = remembered(request, row.party) | request.GET.dict()
    remember(request, row.party, request.GET)
    asked = Asked.read(asked_for, zones=zones_of(row.party), now=site.now())
    other = seen_tariff(request, asked.other) if asked.other is not None else None
    return Pane(
        row.tree(),
        asked,
        offer=offer_of(row.party, row.object_id),
        other=typed(other),
        own_examples=examples.of(row.party),
        others=comparable(request, ours_first=row.party, chosen=other),
    )


TERMINALS = [
    "CHIP_CARD_SUPPORT",
    "CONTACTLESS_CARD_SUPPORT",
    "CREDIT_CARD_PAYABLE",
    "DEBIT_CARD_PAYABLE",
    "PED_TERMINAL",
]
"""Capabilities of an EVSE at which one pays by card (mod_locations#capability_enum)."""

_AROUND = """
SELECT (array_agg(DISTINCT upper(o.tariff_id)))[1:50], bool_or(c.pays) FROM (
    SELECT t.evse_id, t.connector_id, e.capabilities && %(terminals)s::varchar[] AS pays
    FROM locations_connectortariff t JOIN locations_evse e ON e.id = t.evse_id AND e.listed
    JOIN locations_location l ON l.id = e.location_id
    WHERE upper(t.tariff_id) = upper(%(tariff)s) AND l.party_id = %(party)s LIMIT 200) c
JOIN locations_connectortariff o ON o.evse_id = c.evse_id AND o.connector_id = c.connector_id
"""


def offer_of(party: Party, object_id: str) -> Offer:
    """What the connectors say that offer a tariff; of very many, a sample (OCPI foresees a handful). Two queries."""
    if not object_id:
        return Offer()
    ((ids, pays),) = statements.run(_AROUND, {"terminals": TERMINALS, "tariff": object_id, "party": party.pk})
    if not ids:
        return Offer()
    others = [each for each in ids if each != object_id.upper()]
    rows = Tariff.objects.annotate(key=Upper("object_id")).filter(party=party, withdrawn_at=None, key__in=others)
    found = [value for row in rows if (value := typed(row))] if others else []
    return Offer(others=found, has_terminal=bool(pays))
