"""The forms by which staff change a bookable location of ours: terms and policy, calendars, blocks, power; and its withdrawal."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from backoffice.bookings.actions import publishing
from backoffice.bookings.actions.publishing import UnableToPublish
from backoffice.bookings.admin import offering, words
from backoffice.bookings.admin.query import evse_name
from backoffice.bookings.models import Block, BookableLocation, Booking, Resource
from backoffice.bookings.models.places import Decides
from backoffice.bookings.rules.days import NoSuchTime, moment_of
from backoffice.console.given import number
from backoffice.roaming_site import site

PUBLISH = "bookings.publish_place"


class FormPages:
    """Part of BookableLocationAdmin."""

    def form_urls(self: Any) -> list[URLPattern]:
        one = "<int:pk>/change/"
        return [
            self.page(one + "terms/", self.terms_view, "terms", permission=PUBLISH),
            self.page(one + "calendar/", self.calendar_view, "calendar", permission=PUBLISH),
            self.page(one + "calendar/<int:calendar>/", self.calendar_view, "calendar_edit", permission=PUBLISH),
            self.page(
                one + "calendar/<int:calendar>/remove/",
                require_POST(self.uncalendar_view),
                "uncalendar",
                permission=PUBLISH,
            ),
            self.page(one + "block/", self.block_view, "block", permission=PUBLISH),
            self.page(one + "block/<int:block>/end/", require_POST(self.unblock_view), "unblock", permission=PUBLISH),
            self.page(one + "power/", require_POST(self.power_view), "power", permission=PUBLISH),
            self.page(one + "withdraw/", self.withdraw_view, "withdraw", permission=PUBLISH),
        ]

    def _own(self: Any, request: HttpRequest, pk: int) -> BookableLocation:
        """A place of ours. Raises Http404, PermissionDenied."""
        place: BookableLocation = self.one(request, pk)
        if not place.ours:
            raise PermissionDenied
        return place

    def _crumbs(self: Any, place: BookableLocation) -> list[tuple[str, str]]:
        return [
            ("Bookable locations", reverse("admin:bookings_bookablelocation_changelist")),
            (place.object_id, reverse("admin:bookings_bookablelocation_change", args=[place.pk])),
        ]

    def _back(self: Any, place: BookableLocation) -> HttpResponse:
        return redirect("admin:bookings_bookablelocation_change", place.pk)

    def _did(self: Any, request: HttpRequest, place: BookableLocation, what: str) -> HttpResponse:
        self.note(request, place, what)
        self.done(request, f"{what}.")
        return self._back(place)

    def terms_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        """Terms, who decides, how long. Bookings that are made keep the terms that they were made under."""
        place = self._own(request, pk)
        if place.premises is None:
            raise Http404
        offer = offering.offer_of(place)
        at = min(number(request.GET.get("n")) or 0, max(len(offer.terms) - 1, 0))
        problem = ""
        if request.method == "POST":
            terms, policy = offering.terms_of(request.POST, fresh=False), offering.policy_of(request.POST, fresh=False)
            if not (terms.wrong or policy.wrong):
                try:
                    publishing.publish(
                        replace(offering.with_terms(offer, at, terms.tree), **policy.tree),
                        by=request.user.get_username(),
                        now=site.now(),
                    )
                    return self._did(request, place, "Terms changed")
                except UnableToPublish as error:
                    problem = str(error)
        else:
            terms = offering.typed_terms(offer.terms[at] if offer.terms else {})
            policy = offering.Read(
                typed={
                    "decides": place.decides,
                    "shortest": place.shortest or "",
                    "longest": place.longest or "",
                    "shared": place.shared,
                    "reservation_required": place.reservation_required,
                    "tariffs": " ".join(offer.tariff_ids),
                }
            )
        context = {
            "title": "Terms and policy",
            "crumbs": self._crumbs(place),
            "place": place,
            **form_context(terms, policy),
            "problem": problem or _problem(terms, policy),
        }
        return self.render(request, "console/bookings/terms.html", context, status=422 if context["problem"] else 200)

    def calendar_view(self: Any, request: HttpRequest, pk: int, calendar: int | None = None) -> HttpResponse:
        """A calendar anew: its openings take the place of those that it had."""
        place = self._own(request, pk)
        zone, now = words.zone_of(place.time_zone), site.now()
        known = get_object_or_404(place.calendars, pk=calendar) if calendar is not None else None
        problem = ""
        identity = known.object_id if known else f"C{now:%Y%m%d%H%M%S}"
        today = now.astimezone(zone).date()
        fresh = request.method != "POST"
        read = offering.calendar_of(request.POST, zone, object_id=identity, today=today, fresh=fresh)
        if fresh and known is not None:
            read.typed |= offering.typed_calendar(known, zone)
        if not fresh and not read.wrong:
            try:
                publishing.set_calendar(place.pk, read.tree, by=request.user.get_username(), now=now)
                return self._did(request, place, f"Calendar {identity} written")
            except UnableToPublish as error:
                problem = str(error)
        context = {
            "title": "Change this calendar" if known else "Add a calendar",
            "crumbs": self._crumbs(place),
            "place": place,
            "known": known,
            "zone": zone,
            "calendar": read,
            "weekdays": list(enumerate(offering.WEEKDAYS)),
            "problem": problem or ("" if fresh else _problem(read)),
        }
        return self.render(
            request, "console/bookings/calendar_form.html", context, status=422 if context["problem"] else 200
        )

    def uncalendar_view(self: Any, request: HttpRequest, pk: int, calendar: int) -> HttpResponse:
        place = self._own(request, pk)
        row = get_object_or_404(place.calendars, pk=calendar)
        try:
            publishing.remove_calendar(row.pk, by=request.user.get_username(), now=site.now())
        except UnableToPublish as error:
            self.sorry(request, error)
            return self._back(place)
        return self._did(request, place, f"Calendar {row.object_id} removed")

    def block_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        place = self._own(request, pk)
        zone, now = words.zone_of(place.time_zone), site.now()
        given = request.POST if request.method == "POST" else request.GET
        resources = list(place.resources.prefetch_related("spaces__evse").order_by("option", "pk"))
        problem, twice = "", ""
        if request.method == "POST":
            try:
                times = []
                for name in ("starts", "ends"):
                    twice = name
                    times.append(moment_of(given.get(name, ""), zone, second=given.get(f"{name}_second") == "1"))
                twice = ""
                self._block(request, resources, given, times, now)
                return self._did(request, place, f"Blocked: {given.get('reason', '').strip()[:100]}")
            except NoSuchTime as error:
                problem, twice = str(error), twice if error.twice else ""
            except UnableToPublish as error:
                problem = str(error)
        day = given.get("day", "")[:10] or f"{now.astimezone(zone):%Y-%m-%d}"
        context = {
            "title": "Block a slot",
            "crumbs": self._crumbs(place),
            "place": place,
            "zone": zone,
            "given": given,
            "starts": given.get("starts") or f"{day}T08:00",
            "ends": given.get("ends") or f"{day}T18:00",
            "chosen": given.get("what") or f"{given.get('resource', '')}:{given.get('evse', '')}",
            "choices": [choice for each in resources for choice in _choices(each)],
            "problem": problem,
            "twice": twice,
        }
        return self.render(request, "console/bookings/block.html", context, status=422 if problem else 200)

    def _block(
        self: Any, request: HttpRequest, resources: list[Resource], given: Any, times: list[datetime], now: datetime
    ) -> None:
        """Raises UnableToPublish."""
        choices = {value for each in resources for value, _ in _choices(each)}
        if given.get("what") not in choices:
            raise UnableToPublish("Choose what to block.")
        resource, _, evse = given["what"].partition(":")
        reason = given.get("reason", "").strip()
        if not reason:
            raise UnableToPublish("Say why: colleagues will ask.")
        publishing.block(
            resource_id=int(resource),
            evse_id=number(evse),
            starts_at=times[0],
            ends_at=times[1],
            reason=reason[:200],
            by=request.user.get_username(),
            now=now,
        )

    def unblock_view(self: Any, request: HttpRequest, pk: int, block: int) -> HttpResponse:
        place = self._own(request, pk)
        row = get_object_or_404(Block, pk=block, resource__place=place)
        publishing.unblock(row.pk, by=request.user.get_username(), now=site.now())
        return self._did(request, place, f"Not blocked any more: {row.reason[:100]}")

    def power_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        place = self._own(request, pk)
        if place.premises_id is None:
            raise Http404
        text = request.POST.get("kw", "").strip()
        kilowatts = number(text)
        try:
            if text and (kilowatts is None or not 1 <= kilowatts <= 100_000):
                raise UnableToPublish("The power is a number of kW; empty: as much as they like.")
            watts = kilowatts * 1000 if kilowatts else None
            publishing.set_power(place.premises_id, watts=watts, by=request.user.get_username(), now=site.now())
        except UnableToPublish as error:
            self.sorry(request, error)
            return self._back(place)
        return self._did(
            request, place, f"Power for bookings: {f'{kilowatts} kW' if kilowatts else 'as much as they like'}"
        )

    def withdraw_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        place = self._own(request, pk)
        if request.method == "POST":
            try:
                publishing.withdraw(place.pk, by=request.user.get_username(), now=site.now())
            except UnableToPublish as error:
                self.sorry(request, error)
                return self._back(place)
            return self._did(request, place, "Withdrawn: nobody can book it any more")
        booked = Booking.objects.filter(place=place, status__in=("PENDING", "RESERVED"), ends_at__gt=site.now()).count()
        context = {
            "title": "Withdraw this bookable location",
            "crumbs": self._crumbs(place),
            "place": place,
            "name": words.place_name(place),
            "booked": booked,
        }
        return self.render(request, "console/bookings/withdraw.html", context)


def form_context(terms: offering.Read, policy: offering.Read) -> dict[str, Any]:
    """What the fields of terms and policy are drawn from."""
    return {
        "minutes": [
            (name, text, terms.typed.get(name, ""), terms.wrong.get(name, "")) for name, text in offering.NAMES.items()
        ],
        "flags": [(name, text, terms.typed.get(name, False)) for name, text in offering.FLAGS.items()],
        "access": [(name, text, name in terms.typed.get("access", ())) for name, text in words.ACCESS.items()],
        "terms": terms,
        "policy": policy,
        "deciders": Decides.choices,
    }


def _problem(*reads: offering.Read) -> str:
    number_wrong = sum(len(read.wrong) for read in reads)
    return f"Nothing was changed: look at {number_wrong} field{'s' * (number_wrong > 1)} below." if number_wrong else ""


def _choices(resource: Resource) -> list[tuple[str, str]]:
    found = [(f"{resource.pk}:", "any one of the spaces")] if resource.option is not None else []
    return found + [(f"{resource.pk}:{space.evse_id}", evse_name(space.evse)) for space in resource.spaces.all()]
