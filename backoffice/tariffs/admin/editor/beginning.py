"""What a new tariff begins with: a template, a copy, or a published tariff that is corrected or followed by another price."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest

from backoffice.console.scope import scoped
from backoffice.partners.models import Party
from backoffice.tariffs.actions import drafting
from backoffice.tariffs.actions.drafting import UnableToChange
from backoffice.tariffs.admin.pane.asked import Asked, zones_of
from backoffice.tariffs.admin.pane.figures import Pane, Worked, whole
from backoffice.tariffs.admin.pane.seeing import seen_tariff
from backoffice.tariffs.models import Draft, Tariff
from backoffice.tariffs.rules.standing import SENDER_ROLES
from backoffice.tariffs.rules.templates import TEMPLATES, Place, Template

Tree = dict[str, Any]

OF_THE_OLD = ("last_updated", "start_date_time", "end_date_time", "country_code", "party_id")
"""What a copy does not take over."""


def our_parties(request: HttpRequest) -> list[Party]:
    """Ours that have tariffs, as far as this user may see them."""
    rows = Party.objects.filter(ours=True, roles__connection=None, roles__role__in=SENDER_ROLES).distinct()
    return list(scoped(rows, request.user, "id"))


@dataclass(frozen=True, slots=True)
class Offered:
    """A template with its sentence and what the first examples cost."""

    template: Template
    sentence: str
    examples: list[Worked]


def offered(party: Party, *, now: datetime) -> list[Offered]:
    zones = zones_of(party)
    found = []
    for template in TEMPLATES.values():
        tree = whole(template.tree(Place(party.country_code)) | {"id": "NEW"}, party, now=now)
        pane = Pane(tree, Asked.read({"p.taxes": template.taxes}, zones=zones, now=now))
        found.append(Offered(template, pane.told[0].text, pane.examples[:2]))
    return found


def begin(request: HttpRequest, party: Party, *, now: datetime) -> tuple[Draft, str]:
    """The draft, and the query with which its editor opens. Raises UnableToChange."""
    chosen = request.POST.get("template", "")
    if chosen in TEMPLATES:
        template = TEMPLATES[chosen]
        tree = {"id": unused_id(party, template.key)} | template.tree(Place(party.country_code))
        query = f"?{urlencode({'p.taxes': template.taxes})}" if template.taxes else ""
        return drafting.begin_draft(party, tree, by=request.user, now=now), query
    stated = request.POST.get("copy", "")
    source = seen_tariff(request, int(stated)) if re.fullmatch(r"[0-9]{1,15}", stated) else None
    if source is None:
        raise UnableToChange("Choose a template, or a tariff to copy.")
    return drafting.begin_draft(party, copied(source, party), by=request.user, now=now), ""


def begin_from(request: HttpRequest, source: Tariff, *, how: str, now: datetime) -> Draft:
    """`correct`: the same id; `follow`: its future price under a new id; `copy`. Raises UnableToChange."""
    if how == "correct":
        return drafting.draft_of(source, by=request.user, now=now)
    if how == "follow":
        tree = copied(source, source.party)
        return drafting.begin_draft(source.party, tree, by=request.user, now=now, replaces=source)
    if how != "copy":
        raise UnableToChange("Say whether to correct it, to follow it with a new price, or to copy it.")
    parties = our_parties(request)
    party = next((each for each in parties if each.pk == source.party_id), parties[0] if parties else None)
    if party is None:
        raise UnableToChange("None of our parties that you may see has tariffs.")
    return drafting.begin_draft(party, copied(source, party), by=request.user, now=now)


def copied(source: Tariff, party: Party) -> Tree:
    """A copy keeps prices and restrictions; its texts too, unless they tell of another price already."""
    tree = {name: value for name, value in source.tree().items() if name not in OF_THE_OLD}
    tree.pop("tariff_alt_text", None)
    return tree | {"id": unused_id(party, source.object_id)}


def unused_id(party: Party, wish: str) -> str:
    """`KWH-2`: what no tariff and no draft of this party is called. At most 36 characters."""
    stem = re.sub(r"-[0-9]{1,4}$", "", re.sub(r"[^A-Za-z0-9*_-]", "-", wish).upper())[:30] or "TARIFF"
    taken = set()
    for rows in (Tariff.objects, Draft.objects):
        ids = rows.filter(party=party, object_id__istartswith=stem).values_list("object_id", flat=True)
        taken |= {each.upper() for each in ids}
    return next(name for number in range(1, len(taken) + 2) if (name := f"{stem}-{number}") not in taken)
