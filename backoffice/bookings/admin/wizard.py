"""Make a location of ours bookable: which location, which of its EVSEs, when, under which terms; what that comes to."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse

from backoffice.bookings.actions import publishing
from backoffice.bookings.actions.publishing import Offer, UnableToPublish
from backoffice.bookings.admin import offering, words
from backoffice.bookings.admin.place_forms import PUBLISH, form_context
from backoffice.bookings.admin.query import evse_name
from backoffice.bookings.models import BookableLocation, Space
from backoffice.console.given import number
from backoffice.console.scope import scoped
from backoffice.locations.models import Evse, Location
from backoffice.roaming_site import site
from ocpi.wire.locations.equipment import ConnectorFormat

SHOWN = 25


class WizardPages:
    """Part of BookableLocationAdmin."""

    def wizard_urls(self: Any) -> list[URLPattern]:
        return [self.page("add/", self.wizard_view, "add", permission=PUBLISH)]

    def wizard_view(self: Any, request: HttpRequest) -> HttpResponse:
        given = request.POST if request.method == "POST" else request.GET
        location = locations(request).filter(pk=number(given.get("location")) or 0).first()
        if location is None:
            return self._which(request, given)
        return self._how(request, location, request.POST)

    def _which(self: Any, request: HttpRequest, given: Any) -> HttpResponse:
        term = given.get("q", "").strip()[:100]
        rows = locations(request)
        if term:
            rows = rows.filter(Q(name__icontains=term) | Q(city__icontains=term) | Q(object_id__iexact=term))
        found = list(rows.order_by("name", "pk")[: SHOWN + 1])
        context = {
            "title": "Make a location bookable",
            "crumbs": [("Bookable locations", reverse("admin:bookings_bookablelocation_changelist"))],
            "q": term,
            "rows": found[:SHOWN],
            "more": len(found) > SHOWN,
        }
        return self.render(request, "console/bookings/wizard_which.html", context)

    def _how(self: Any, request: HttpRequest, location: Location, given: Any) -> HttpResponse:
        now, zone = site.now(), words.zone_of(location.time_zone)
        fresh = request.method != "POST"
        evses = list(
            Evse.objects.filter(location=location, listed=True)
            .exclude(status="REMOVED")
            .defer("document")
            .order_by("position", "pk")
        )
        taken = set(Space.objects.filter(evse__in=evses).values_list("evse", flat=True))
        free = [each for each in evses if each.pk not in taken]
        chosen = free if fresh else [each for each in free if str(each.pk) in given.getlist("evses")]
        today = now.astimezone(zone).date()
        calendar = offering.calendar_of(given, zone, object_id="OPEN", today=today, fresh=fresh)
        terms, policy = offering.terms_of(given, fresh=fresh), offering.policy_of(given, fresh=fresh)
        kind = "alike" if given.get("kind") == "alike" else "each"
        vehicles = [each for each in words.VEHICLES if each in given.getlist("vehicles")] or (
            ["PERSONAL_VEHICLE"] if fresh else []
        )
        cable = given.get("format") != ConnectorFormat.SOCKET.value
        wrong = dict(calendar.wrong) | terms.wrong | policy.wrong
        if not chosen:
            wrong["evses"] = "Choose at least one EVSE."
        if kind == "alike" and not vehicles:
            wrong["vehicles"] = "For which vehicles?"
        problem = ""
        if not fresh and not wrong and given.get("do"):
            option = {
                "vehicle_types": vehicles,
                "format": (ConnectorFormat.CABLE if cable else ConnectorFormat.SOCKET).value,
                "restricted_to_type": given.get("restricted") == "1",
            }
            offers = _offers(location, chosen, kind, option, calendar.tree, terms.tree, policy.tree)
            try:
                made = _publish(offers, request.user.get_username(), now)
            except UnableToPublish as error:
                problem = str(error)
            else:
                for place in made:
                    self.note(request, place, "Made bookable")
                self.done(request, f"{location} can be booked: {len(chosen)} EVSEs.")
                return redirect(f"{reverse('admin:bookings_booking_calendar')}?location={location.pk}")
        if not fresh and wrong:
            problem = f"Nothing was changed: look at {len(wrong)} field{'s' * (len(wrong) > 1)} below."
        slots = calendar.tree.get("available_timeslots") or []
        context = {
            "title": f"Make {location} bookable",
            "crumbs": [
                ("Bookable locations", reverse("admin:bookings_bookablelocation_changelist")),
                ("Make a location bookable", reverse("admin:bookings_bookablelocation_add")),
            ],
            "location": location,
            "zone": zone,
            "evses": [(each, evse_name(each), each in chosen) for each in free],
            "taken": [evse_name(each) for each in evses if each.pk in taken],
            "kind": kind,
            "vehicles": [(name, text, name in vehicles) for name, text in words.VEHICLES.items()],
            "cable": cable,
            "restricted": given.get("restricted") == "1",
            "calendar": calendar,
            "weekdays": list(enumerate(offering.WEEKDAYS)),
            **form_context(terms, policy),
            "wrong": {} if fresh else wrong,
            "problem": problem,
            "looked": not fresh and not wrong,
            "number": len(chosen),
            "slots": [
                (*(words.there(datetime.fromisoformat(slot[name]), zone) for name in ("start_from", "end_before")),)
                for slot in slots[:7]
            ],
            "more_slots": max(len(slots) - 7, 0),
        }
        return self.render(request, "console/bookings/wizard.html", context, status=422 if problem else 200)


def locations(request: HttpRequest) -> QuerySet[Location]:
    rows = Location.objects.filter(party__ours=True).select_related("party").defer("document")
    return scoped(rows, request.user, "party")


def _offers(
    location: Location,
    evses: list[Evse],
    kind: str,
    option: dict[str, Any],
    calendar: dict[str, Any],
    terms: dict[str, Any],
    policy: dict[str, Any],
) -> list[Offer]:
    """Each EVSE as a place of its own, or all as the spaces of one."""

    def identity() -> str:
        return f"P{secrets.token_hex(8).upper()}"

    common: dict[str, Any] = {"location": location, "terms": [terms], "calendars": [calendar], **policy}
    if kind == "each":
        return [Offer(object_id=identity(), evse=evse, **common) for evse in evses]
    spaces = {0: [evse.pk for evse in evses]}
    return [Offer(object_id=identity(), options=[option], spaces=spaces, **common)]


def _publish(offers: list[Offer], by: str, now: datetime) -> list[BookableLocation]:
    """All or none of them. Raises UnableToPublish."""
    with transaction.atomic():
        return [publishing.publish(offer, by=by, now=now) for offer in offers]
