"""Offer tariffs on many connectors at once: which EVSEs, chosen by filters; what that comes to, shown; then one button.

More than a hundred EVSEs are asked about once more. What a press may change at all is bounded; filters lead to the rest.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Upper
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import URLPattern, reverse

from backoffice.console.contests import KINDS
from backoffice.fields import DocumentField
from backoffice.locations.actions import offering
from backoffice.locations.models import ConnectorTariff, Evse, Location
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.tariffs.admin.editor.beginning import our_parties
from backoffice.tariffs.admin.published.offered import AHEAD
from backoffice.tariffs.models import Tariff
from backoffice.tariffs.offers import Offers
from ocpi.wire.locations import ConnectorType

ASK_FROM = 100
MOST_EVSES = 20_000
LOOKED_AT = 5_000
"""Of so many EVSEs the preview reads the connectors."""

MOST_TARIFFS = 300
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """Which EVSEs, and what they are to offer; checked: an unknown value counts as none."""

    party: Party
    add: tuple[str, ...]
    remove: tuple[str, ...]
    place: str
    country: str
    standard: str
    current: str
    least: Decimal | None
    most: Decimal | None
    offers: str
    locations: tuple[int, ...]

    @classmethod
    def of(cls, data: QueryDict, party: Party, tariffs: Sequence[Tariff]) -> Asked:
        known = {row.object_id.upper(): row.object_id for row in tariffs}

        def named(name: str) -> tuple[str, ...]:
            return tuple(dict.fromkeys(known[each.upper()] for each in data.getlist(name) if each.upper() in known))

        add = named("add")
        offers = data.get("offers", "")
        return cls(
            party=party,
            add=add,
            remove=tuple(each for each in named("remove") if each not in add),
            place=data.get("place", "").strip()[:100],
            country=data.get("country", "").strip()[:3].upper(),
            standard=data.get("standard", "") if data.get("standard", "") in list(ConnectorType) else "",
            current=data.get("current", "") if data.get("current", "") in ("AC", "DC") else "",
            least=_kilowatts(data.get("least", "")),
            most=_kilowatts(data.get("most", "")),
            offers="none" if offers == "none" else known.get(offers.upper(), ""),
            locations=tuple(int(each) for each in data.getlist("location")[:50] if re.fullmatch("[0-9]{1,15}", each)),
        )

    def evses(self) -> QuerySet[Evse]:
        found = Evse.objects.filter(location__party=self.party, listed=True).exclude(status="REMOVED")
        if self.locations:
            found = found.filter(location__in=self.locations)
        if self.place:
            anywhere = re.escape(self.place)
            places = Location.objects.filter(
                Q(name__iregex=anywhere) | Q(city__iregex=anywhere) | Q(object_id__istartswith=self.place),
                party=self.party,
            )
            found = found.filter(location__in=places)
        if self.country:
            found = found.filter(location__country=self.country)
        if self.standard:
            found = found.filter(connector_types__contains=[self.standard])
        if self.least is not None:
            found = found.filter(max_power__gte=int(self.least * 1000))
        if self.most is not None:
            found = found.filter(max_power__lte=int(self.most * 1000))
        if self.offers:
            named = ConnectorTariff.objects.filter(evse=OuterRef("pk"))
            if self.offers != "none":
                named = named.annotate(key=Upper("tariff_id")).filter(key=self.offers.upper())
            found = found.filter(~Exists(named) if self.offers == "none" else Exists(named))
        return found

    def fits(self, connector: dict[str, Any]) -> bool:
        """Whether a connector of such an EVSE is meant."""
        if self.standard and connector.get("standard") != self.standard:
            return False
        direct = connector.get("power_type") == "DC"
        return not self.current or direct == (self.current == "DC")

    @property
    def says_something(self) -> bool:
        return bool(self.add or self.remove)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the assignment comes to. `lists`: a connector's tariffs afterwards, how many, and what is wrong with them."""

    evses: int
    locations: int
    places: list[tuple[int, str]]
    read: int
    changing: int
    connectors: int
    lists: list[tuple[tuple[str, ...], int, list[str]]]

    @property
    def asks(self) -> bool:
        return self.evses > ASK_FROM

    @property
    def partly(self) -> bool:
        return self.read < self.evses


class AssignPages:
    """Part of TariffAdmin."""

    def assign_urls(self: Any) -> list[URLPattern]:
        return [self.page("assign/", self.assign_view, "assign", permission="tariffs.publish_tariff")]

    def assign_view(self: Any, request: HttpRequest) -> HttpResponse:
        parties = our_parties(request)
        data = request.POST if request.method == "POST" else request.GET
        party = next((each for each in parties if str(each.pk) == data.get("party", "")), next(iter(parties), None))
        crumbs = [("Tariffs", reverse("admin:tariffs_tariff_changelist"))]
        if party is None:
            return self.render(request, "console/tariffs/no_party.html", {"title": "Assign tariffs", "crumbs": crumbs})
        tariffs = list(
            Tariff.objects.filter(party=party, withdrawn_at=None).defer("document").order_by("object_id")[:MOST_TARIFFS]
        )
        asked = Asked.of(data, party, tariffs)
        outcome = outcome_of(asked) if asked.says_something else None
        problem = ""
        if request.method == "POST":
            problem = _refusal(request, asked, outcome)
            if not problem:
                return self._assign(request, asked)
        countries = (
            Location.objects.filter(party=party).order_by("country").values_list("country", flat=True).distinct()
        )
        context = {
            "title": "Assign tariffs to connectors",
            "crumbs": crumbs,
            "parties": parties,
            "party": party,
            "tariffs": tariffs,
            "asked": asked,
            "outcome": outcome,
            "problem": problem,
            "countries": list(countries[:60]),
            "standards": [each.value for each in ConnectorType],
            "given": [(name, value) for name, values in data.lists() if name in GIVEN for value in values],
            "most": MOST_EVSES,
            "narrowed": list(Location.objects.filter(party=party, pk__in=asked.locations)[:5])
            if asked.locations
            else [],
        }
        return self.render(request, "console/tariffs/assign.html", context, status=422 if problem else 200)

    def _assign(self: Any, request: HttpRequest, asked: Asked) -> HttpResponse:
        evses = list(asked.evses().order_by("pk").values_list("pk", flat=True)[:MOST_EVSES])
        changed = offering.assign(evses, add=asked.add, remove=asked.remove, now=site.now(), fits=asked.fits)
        said = " and ".join(
            part
            for part in (
                f"offered {', '.join(asked.add)}" if asked.add else "",
                f"took off {', '.join(asked.remove)}" if asked.remove else "",
            )
            if part
        )
        for row in Tariff.objects.filter(party=asked.party, object_id__in=(*asked.add, *asked.remove)).defer(
            "document"
        ):
            self.note(request, row, f"On {changed} EVSEs: {said}.")
        same = len(evses) - changed
        unchanged = f" {same} were so already." if same else ""
        self.done(request, f"{changed} EVSEs changed: {said}. Partners are being told.{unchanged}")
        query = request.POST.copy()
        for name in ("csrfmiddlewaretoken", "expected", "sure", "add", "remove"):
            query.pop(name, None)
        return HttpResponseRedirect(f"{reverse('admin:tariffs_tariff_assign')}?{query.urlencode()}")


GIVEN = (*("party", "add", "remove", "place", "country", "standard", "current", "least", "most", "offers", "location"),)


def _refusal(request: HttpRequest, asked: Asked, outcome: Outcome | None) -> str:
    """Why the press is not obeyed (yet); empty when it is."""
    if outcome is None:
        return "Choose at least one tariff to offer or to take off."
    if not outcome.evses:
        return "No EVSE fits the filters: nothing was changed."
    if outcome.evses > MOST_EVSES:
        return f"More than {MOST_EVSES} EVSEs are not changed at once: narrow the filters."
    if request.POST.get("expected") != str(outcome.evses):
        return f"Meanwhile {outcome.evses} EVSEs fit the filters. Nothing was changed; look again."
    if outcome.asks and "sure" not in request.POST:
        return f"This changes {outcome.evses} EVSEs at {outcome.locations} locations. Tick the box if that is what you mean."
    return ""


def outcome_of(asked: Asked) -> Outcome:
    chosen = asked.evses()
    locations = Location.objects.filter(pk__in=chosen.values("location"))
    lists: Counter[tuple[str, ...]] = Counter()
    changing = connectors = read = 0
    for document in chosen.order_by("pk").values_list("document", flat=True)[:LOOKED_AT]:
        read += 1
        touched = False
        for connector in DocumentField.read(document).get("connectors") or ():
            before = connector.get("tariff_ids") or []
            if not asked.fits(connector):
                continue
            after = offering.assigned(before, asked.add, asked.remove)
            connectors += after != before
            touched = touched or after != before
            lists[tuple(after)] += 1
        changing += touched
    offers = Offers.read(asked.party, {each for one in lists for each in one})
    return Outcome(
        evses=chosen.count(),
        locations=locations.count(),
        places=[(row.pk, str(row)) for row in locations.order_by("name", "pk").only("name", "object_id")[:SHOWN]],
        read=read,
        changing=changing,
        connectors=connectors,
        lists=[(ids, many, _problems(ids, offers)) for ids, many in lists.most_common(SHOWN)],
    )


def _problems(ids: Sequence[str], offers: Offers) -> list[str]:
    if not ids:
        return ["No tariff at all: nobody is told a price."]
    now = site.now()
    told = []
    for lane in offers.lanes(ids, now, now + AHEAD):
        name = KINDS[lane.kind]
        told += [f"{name}: no price from {gap.start:%d %b %Y %H:%M} UTC." for gap in lane.gaps[:1]]
        told += [
            f"{name}: {' and '.join(clash.clashing)} are valid at once from {clash.start:%d %b %Y %H:%M} UTC."
            for clash in lane.clashes[:1]
        ]
    return told


def _kilowatts(text: str) -> Decimal | None:
    written = text.strip().replace(",", ".")
    return Decimal(written) if re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,3})?", written) else None
