"""Publication: what changes, whom it touches, and one button.

Nothing is stored before the button; the same checks decide then, because partners and colleagues move meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, URLPattern, reverse

from backoffice.locations.actions import offering
from backoffice.locations.models import ConnectorTariff, Location
from backoffice.partners.models import Connection
from backoffice.roaming_site import site
from backoffice.tariffs.actions import drafting
from backoffice.tariffs.actions.drafting import UnableToChange
from backoffice.tariffs.admin.differences import Change, differences
from backoffice.tariffs.admin.pane import examples
from backoffice.tariffs.admin.pane.asked import Asked, zones_of
from backoffice.tariffs.admin.pane.figures import Pane, whole
from backoffice.tariffs.admin.pane.remarks import label_of
from backoffice.tariffs.admin.pane.seeing import typed
from backoffice.tariffs.models import Draft, Tariff
from backoffice.tariffs.rules.standing import RECEIVER_ROLES
from ocpi.wire import json as wire_json

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Touched:
    """`told`: partners that get it pushed; `pulling`: partners that find it at their next GET. `carried_by`: locations."""

    told: list[str]
    pulling: list[str]
    connectors: int
    carried_by: list[tuple[int, str]]
    locations: int
    others: list[Draft]
    follows: Tariff | None


def touched(draft: Draft) -> Touched:
    """Whom publication reaches, with at most `SHOWN` names each. Five queries."""
    published = draft.tariff
    partners = Connection.objects.filter(our_parties=draft.party).exclude(state__in=("REMOVED", "INVITED")).distinct()
    if published is not None and not published.everyone:
        partners = partners.filter(pk__in=published.disclosures.values("connection_id"))
    pushed = Q(endpoints__identifier="tariffs", endpoints__role="RECEIVER", endpoints__pull_only=False)
    heard = set(
        partners.filter(pushed, push_enabled=True, state__in=("ACTIVE", "PAUSED", "SUSPENDED"))
        .filter(roles__state="ACTIVE", roles__role__in=RECEIVER_ROLES)
        .values_list("pk", flat=True)
    )
    told, pulling = [], []
    for each in partners.order_by("name"):
        (told if each.pk in heard else pulling).append(each.name)
    carried = carried_id(draft)
    connectors = ConnectorTariff.objects.filter(
        tariff_id__iexact=carried, evse__location__party=draft.party, evse__listed=True
    )
    counted = connectors.count() if carried else 0
    places = (
        Location.objects.filter(pk__in=connectors.values("evse__location_id")) if carried else Location.objects.none()
    )
    locations = places.count() if carried else 0
    shown = [(row.pk, str(row)) for row in places.order_by("name", "pk").only("name", "object_id")[:SHOWN]]
    others = Draft.objects.filter(party=draft.party).exclude(pk=draft.pk)
    around = Q(object_id__iexact=draft.object_id)
    for row in (published, draft.replaces):
        if row is not None:
            around |= Q(tariff=row) | Q(replaces=row)
    return Touched(told, pulling, counted, shown, locations, list(others.filter(around)[:SHOWN]), draft.replaces)


def carried_id(draft: Draft) -> str:
    """The id that connectors name: of a future price, the one that it follows."""
    source = draft.tariff or draft.replaces
    return source.object_id if source is not None else draft.object_id


class PublishPages:
    """Part of DraftAdmin."""

    def publish_urls(self: Any) -> list[URLPattern]:
        return [
            self.page("<int:pk>/publish/", self.publish_view, "publish", permission="tariffs.publish_tariff"),
        ]

    def publish_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        draft: Draft = self.one(request, pk)
        refused: list[str] = []
        if request.method == "POST":
            try:
                tariff = publish(request, draft)
            except wire_json.Invalid as error:
                refused = [f"{label_of('.'.join(map(str, each.path)))}: {each.message}" for each in error.violations]
            except UnableToChange as error:
                refused = [str(error)]
            else:
                self.note(request, tariff, "Published.")
                self.done(request, f"{tariff.object_id} is published, and partners are being told.")
                return HttpResponseRedirect(page_of(tariff))
        asked = Asked.read(request.GET, zones=zones_of(draft.party), now=site.now())
        before = draft.tariff or draft.replaces
        pane = Pane(
            whole(draft.tree(), draft.party, now=site.now()),
            asked,
            other=typed(before),
            own_examples=examples.of(draft.party),
        )
        context = {
            "title": f"Publish {draft}",
            "crumbs": [
                ("Tariff drafts", reverse("admin:tariffs_draft_changelist")),
                (str(draft), reverse("admin:tariffs_draft_change", args=[pk])),
            ],
            "draft": draft,
            "pane": pane,
            "problem": draft.problem,
            "refused": refused,
            "changes": self.changes(draft, asked),
            "touched": touched(draft),
            "before": before,
        }
        return self.render(request, "console/tariffs/publish.html", context, status=422 if refused else 200)

    def changes(self: Any, draft: Draft, asked: Asked) -> list[Change]:
        """As partners will see it, the filled texts included."""
        try:
            tree, _ = drafting.publishable(draft, now=site.now())
        except (wire_json.Invalid, UnableToChange):
            tree = draft.tree()
        return differences(draft.tariff.tree() if draft.tariff is not None else None, tree, asked.zone)


def page_of(tariff: Tariff) -> str:
    """The page of a published tariff, where there is one."""
    try:
        return reverse("admin:tariffs_tariff_change", args=[tariff.pk])
    except NoReverseMatch:
        return reverse("admin:tariffs_draft_changelist")


def publish(request: HttpRequest, draft: Draft) -> Tariff:
    """The tariff; a future price is offered by the connectors that offer the one it follows. Raises Invalid, UnableToChange."""
    now = site.now()
    follows = draft.replaces
    with transaction.atomic():
        tariff = drafting.publish_draft(draft, by=request.user, now=now)
        if follows is not None:
            offering.carry_too(draft.party_id, follows.object_id, tariff.object_id, now=now)
    return tariff
