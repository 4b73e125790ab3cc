"""The search for free slots, for a driver who wants to know where and when he can charge, at ours and partners'. Whether it still
is, the answer to a request says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse

from backoffice.bookings.admin import words
from backoffice.bookings.admin.calendar import tabs
from backoffice.bookings.admin.detail import MAKE
from backoffice.bookings.finding import Search, Slot, UnableToFind, free
from backoffice.bookings.models import BookableLocation
from backoffice.bookings.rules.days import NoSuchTime, moment_of
from backoffice.console.given import number
from backoffice.console.scope import scoped
from backoffice.partners.models import Party
from backoffice.roaming_site import site

PLACES = 100
WINDOW = timedelta(days=30)


class SearchingPages:
    """Part of BookingAdmin."""

    def searching_urls(self: Any) -> list[URLPattern]:
        return [self.page("search/", self.search_view, "search", permission=MAKE)]

    def search_view(self: Any, request: HttpRequest) -> HttpResponse:
        """The first free slots of a length, at one place, at a location, or anywhere that the words fit."""
        given = request.GET
        now = site.now()
        asked = {
            "q": given.get("q", "").strip()[:100],
            "place": given.get("place", ""),
            "minutes": given.get("minutes", "60").strip()[:5],
            "from": given.get("from", "").strip()[:20],
            "kw": given.get("kw", "").strip()[:6],
        }
        places = bookable(request)
        chosen = places.filter(pk=number(asked["place"]) or 0).first() if asked["place"] else None
        found = [chosen] if chosen else _meant(places, asked["q"])
        problem, slots = "", list[Slot]()
        minutes = number(asked["minutes"])
        zone = words.zone_of(found[0].time_zone) if found else words.zone_of("")
        since = now
        if asked["from"]:
            try:
                since = max(moment_of(asked["from"], zone), now)
            except NoSuchTime as error:
                problem = str(error)
        if minutes is None or not 1 <= minutes <= 60 * 24 * 14:
            problem = "The length is a number of minutes, at most 14 days."
        if asked["kw"] and number(asked["kw"]) is None:
            problem = "The power is a whole number of kW, or empty."
        searched = bool(asked["q"] or chosen) and not problem
        if searched and found:
            assert minutes is not None
            search = Search(
                since=since,
                until=since + WINDOW,
                length=timedelta(minutes=minutes),
                places=[each.pk for each in found],
                power=(number(asked["kw"]) or 0) * 1000 or None,
            )
            try:
                slots = _once(free(search, now=now))
            except UnableToFind as error:
                problem = str(error)
        by_pk = {each.pk: each for each in found}
        context = {
            "title": "Search free slots",
            "tabs": tabs(request, ""),
            "asked": asked,
            "chosen": chosen,
            "places": len(found),
            "cut": len(found) >= PLACES,
            "zone": zone,
            "problem": problem,
            "searched": searched,
            "slots": [_slot(each, by_pk[each.place]) for each in slots],
            "emsps": emsps(request),
        }
        return self.render(request, "console/bookings/search.html", context, status=422 if problem else 200)


def _once(found: Sequence[Slot]) -> list[Slot]:
    """A place with spaces of several kinds is named once a time: the request does not choose one."""
    return list({(slot.starts_at, slot.place): slot for slot in found}.values())


def _slot(found: Slot, place: BookableLocation) -> dict[str, Any]:
    zone = words.zone_of(place.time_zone)
    start, end = (moment.astimezone(zone).replace(tzinfo=None) for moment in (found.starts_at, found.ends_at))
    return {
        "place": place,
        "name": words.place_name(place),
        "what": place.evse_uid if place.evse_uid not in words.UNASSIGNED else "any space",
        "day": start,
        "period": words.period(found.starts_at, found.ends_at, zone),
        "zone": zone,
        "url": reverse("admin:bookings_booking_book", args=[place.pk])
        + f"?starts={start:%Y-%m-%dT%H:%M}&ends={end:%Y-%m-%dT%H:%M}",
    }


def bookable(request: HttpRequest) -> QuerySet[BookableLocation]:
    """What drivers of ours can book: partners' places, and our own CPO's."""
    return (
        BookableLocation.objects.filter(withdrawn_at=None)
        .select_related("party", "premises")
        .defer("document", "premises__document")
    )


def _meant(places: QuerySet[BookableLocation], term: str) -> list[BookableLocation]:
    if not term:
        return []
    wanted = Q(location_id__iexact=term) | Q(object_id__iexact=term) | Q(evse_uid__iexact=term)
    wanted |= Q(premises__name__icontains=term) | Q(premises__city__iexact=term)
    return list(places.filter(wanted).order_by("pk")[:PLACES])


def emsps(request: HttpRequest) -> list[Party]:
    """Of ours, that this user acts for."""
    rows = Party.objects.filter(ours=True, roles__role="EMSP", roles__connection=None).distinct()
    return list(scoped(rows, request.user, "id").order_by("country_code", "party_id"))
