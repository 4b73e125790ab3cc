"""What a terminal serves: the CPO's places on the left, what is assigned on the right, and both on a map.

Every button sends the whole page, with what is chosen in it: nothing is kept until it is saved, and no script is needed. The map
draws what the lists hold; choosing there presses the button of the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Upper
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse

from backoffice.locations.models import Evse, Location
from backoffice.payments.actions.terminals import assigning, looking
from backoffice.payments.actions.terminals.looking import Asked
from backoffice.payments.actions.terminals.storing import UnableToChange
from backoffice.payments.admin.terminals.words import STEER
from backoffice.payments.models import Terminal
from backoffice.roaming_site import site
from ocpi.wire.locations import Status

SHOWN = 40
"""Places in the left list; more are found by searching."""

MOST = 500
"""So many ids are taken from a form."""


@dataclass(slots=True)
class Chosen:
    """The assignment as it stands in the form. A button names what it adds or removes: `L:` and a location, `E:` and an EVSE."""

    locations: list[str] = field(default_factory=list)
    evses: list[str] = field(default_factory=list)

    def add(self, value: str) -> None:
        ids, each = self._of(value)
        if each and each.upper() not in {one.upper() for one in ids}:
            ids.append(each)

    def remove(self, value: str) -> None:
        ids, each = self._of(value)
        ids[:] = [one for one in ids if one.upper() != each.upper()]

    def _of(self, value: str) -> tuple[list[str], str]:
        kind, _, each = value.partition(":")
        return (self.locations if kind == "L" else self.evses), each[:36]


@dataclass(slots=True)
class Place:
    """One location of the CPO, in either list."""

    location: Location
    evses: list[tuple[Evse, bool]]
    whole: bool

    @property
    def some(self) -> bool:
        return any(chosen for _, chosen in self.evses)

    @property
    def point(self) -> dict[str, Any]:
        """As the map needs it."""
        return {
            "id": self.location.object_id,
            "name": str(self.location),
            "city": self.location.city,
            "at": [self.location.latitude, self.location.longitude],
            "chosen": self.whole,
            "some": self.some,
        }


class ServingPages:
    """Part of TerminalAdmin."""

    def serving_urls(self: Any) -> list[URLPattern]:
        return [self.page("<int:pk>/serves/", self.serving_view, "serves", permission=STEER)]

    def serving_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        row: Terminal = self.one(request, pk)
        chosen = Chosen([*row.location_ids], [*row.evse_uids])
        status = 200
        if request.method == "POST":
            given = request.POST
            chosen = Chosen(given.getlist("location")[:MOST], given.getlist("evse")[:MOST])
            if given.get("save"):
                try:
                    self._save(request, row, chosen)
                    return HttpResponseRedirect(reverse("admin:payments_terminal_change", args=[row.pk]))
                except UnableToChange as error:
                    self.sorry(request, error)
                    status = 422
            for value in given.getlist("add"):
                chosen.add(value)
            for value in given.getlist("remove"):
                chosen.remove(value)
        return self._serving_page(request, row, chosen, status)

    def _save(self: Any, request: HttpRequest, row: Terminal, chosen: Chosen) -> None:
        """Raises UnableToChange."""
        by, now = request.user.get_username(), site.now()
        assigning.assign(row, location_ids=chosen.locations, evse_uids=chosen.evses, by=by, now=now)
        self.note(request, row, f"Serves {', '.join([*chosen.locations, *chosen.evses]) or 'nothing'}")
        self.done(request, "Saved." if row.ours else "Saved; the provider is being told.")

    def _serving_page(self: Any, request: HttpRequest, row: Terminal, chosen: Chosen, status: int) -> HttpResponse:
        given = request.POST if request.method == "POST" else request.GET
        search = given.get("q", "").strip()[:100]
        asked = [Asked(0, row.customer_id, chosen.locations, chosen.evses, row.pk)]
        seen = looking.look(asked, now=site.now())[0]
        offered, more = offer(row, search)
        left = listed(offered, chosen)
        right = listed(assigned(row, chosen), chosen)
        known = {each.location.object_id.upper() for each in right}
        uids = {evse.uid.upper() for place in right for evse, _ in place.evses}
        points = {place.location.pk: place.point for place in [*left, *right] if place.location.latitude is not None}
        context = {
            "title": f"What {row.reference or row.object_id} serves",
            "crumbs": [
                ("Payment terminals", reverse("admin:payments_terminal_changelist")),
                (row.reference or row.object_id, reverse("admin:payments_terminal_change", args=[row.pk])),
            ],
            "row": row,
            "search": search,
            "left": left,
            "more": more,
            "right": [place for place in right if place.whole or place.some],
            "lost": [
                *(("L", each) for each in chosen.locations if each.upper() not in known),
                *(("E", each) for each in chosen.evses if each.upper() not in uids),
            ],
            "chosen": chosen,
            "seen": seen,
            "changed": _changed(row, chosen),
            "points": list(points.values()),
            "here": [float(row.latitude), float(row.longitude)] if row.latitude is not None else None,
            "tiles": settings.MAP_TILES,
            "leaflet": finders.find("leaflet/leaflet.js") is not None or settings.STATIC_ROOT is not None,
        }
        return self.render(request, "console/payments/serves.html", context, status=status)


def _changed(row: Terminal, chosen: Chosen) -> tuple[int, int]:
    """How many are new, and how many are taken away."""
    was = {*(f"L{one.upper()}" for one in row.location_ids), *(f"E{one.upper()}" for one in row.evse_uids)}
    now = {*(f"L{one.upper()}" for one in chosen.locations), *(f"E{one.upper()}" for one in chosen.evses)}
    return len(now - was), len(was - now)


def offer(row: Terminal, search: str) -> tuple[list[Location], bool]:
    """Places of the CPO for the left list, those near the terminal first; and whether there are more."""
    if row.customer_id is None:
        return [], False
    found: QuerySet[Location] = Location.objects.filter(party=row.customer_id).defer("document")
    if search:
        by_evse = Evse.objects.alias(key=Upper("evse_id")).filter(
            Q(key__startswith=search.upper()) | Q(uid__iexact=search), location__party=row.customer_id
        )
        found = found.filter(
            Q(name__icontains=search)
            | Q(city__icontains=search)
            | Q(address__icontains=search)
            | Q(object_id__istartswith=search)
            | Q(pk__in=by_evse.values("location_id"))
        )
    if row.latitude is not None and row.longitude is not None:
        # near enough for a list: nobody looks for a terminal's charger across a pole
        away = (F("latitude") - float(row.latitude)) ** 2 + (F("longitude") - float(row.longitude)) ** 2
        found = found.order_by(away.asc(nulls_last=True), "pk")
    else:
        found = found.order_by("name", "pk")
    rows = list(found[: SHOWN + 1])
    return rows[:SHOWN], len(rows) > SHOWN


def assigned(row: Terminal, chosen: Chosen) -> list[Location]:
    """The locations of what is chosen."""
    if row.customer_id is None:
        return []
    ids, uids = [one.upper() for one in chosen.locations], [one.upper() for one in chosen.evses]
    at = Evse.objects.alias(key=Upper("uid")).filter(key__in=uids, listed=True, location__party=row.customer_id)
    found = Location.objects.filter(party=row.customer_id).alias(key=Upper("object_id")).defer("document")
    return list(found.filter(Q(key__in=ids) | Q(pk__in=at.values("location_id"))).order_by("name", "pk"))


def listed(locations: Sequence[Location], chosen: Chosen) -> list[Place]:
    """With their EVSEs, in one query."""
    rows = (
        Evse.objects.filter(location__in=[each.pk for each in locations], listed=True)
        .exclude(status=Status.REMOVED)
        .defer("document")
    )
    by_location: dict[int, list[Evse]] = {}
    for evse in rows:
        by_location.setdefault(evse.location_id, []).append(evse)
    whole = {one.upper() for one in chosen.locations}
    single = {one.upper() for one in chosen.evses}
    return [
        Place(
            each,
            [(evse, evse.uid.upper() in single) for evse in by_location.get(each.pk, [])],
            each.object_id.upper() in whole,
        )
        for each in locations
    ]
