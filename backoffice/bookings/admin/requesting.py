"""What an eMSP does for its drivers: ask for a slot, for a change, take it back; and what became of each request, also
of those that nobody has answered yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.functions import Upper
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, reverse

from backoffice.bookings.actions import requesting
from backoffice.bookings.actions.requesting import UnableToRequest, Wish
from backoffice.bookings.admin import words
from backoffice.bookings.admin.calendar import tabs
from backoffice.bookings.admin.detail import MAKE, asked_facts, may, seen
from backoffice.bookings.admin.searching import SearchingPages, bookable, emsps
from backoffice.bookings.models import BookableLocation, Booking, BookingAsked
from backoffice.bookings.rules.days import NoSuchTime, moment_of
from backoffice.bookings.rules.states import OF_THE_CPO, Way
from backoffice.console.given import number
from backoffice.console.scope import parties_of
from backoffice.console.windows import TooSlow, Window, read_mark, window
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.tokens.models import Token
from ocpi.wire.bookings import CanceledReason

THEIRS = [each for each in CanceledReason if each not in OF_THE_CPO]
"""Reasons that an eMSP may give (T-512)."""

REFRESH = 3
MOST_TOKENS = 20


class RequestingPages(SearchingPages):
    """Part of BookingAdmin."""

    def requesting_urls(self: Any) -> list[URLPattern]:
        return [
            *self.searching_urls(),
            self.page("book/<int:place>/", self.book_view, "book", permission=MAKE),
            self.page("requests/", self.requests_view, "requests"),
            self.page("requests/<int:pk>/", self.request_view, "request"),
            self.page("<int:pk>/ask-change/", self.change_view_of, "ask_change", permission=MAKE),
            self.page("<int:pk>/take-back/", self.take_back_view, "take_back", permission=MAKE),
        ]

    # --- asking -------------------------------------------------------------------------------------------------------

    def book_view(self: Any, request: HttpRequest, place: int) -> HttpResponse:
        where = get_object_or_404(bookable(request), pk=place)
        given = request.POST if request.method == "POST" else request.GET
        form = Form(where, given, request)
        if request.method == "POST":
            asked = form.ask(lambda wish: requesting.request(wish, now=site.now()))
            if asked is not None:
                return _became(self, request, asked)
        return self._form(request, form, f"Book at {words.place_name(where)}", "Ask for it", None)

    def change_view_of(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        row = _made(self, request, pk)
        if row.place is None:
            raise Http404
        zone = words.zone_of(row.time_zone)
        if request.method == "POST":
            given = request.POST
        else:
            given = request.GET.copy()
            for name, moment in (("starts", row.starts_at), ("ends", row.ends_at)):
                given.setdefault(name, f"{moment.astimezone(zone):%Y-%m-%dT%H:%M}")
            given.setdefault("emsp", str(row.emsp_id))
            given.setdefault("power", f"{row.power // 1000}" if row.power else "")
        form = Form(row.place, given, request, booking=row)
        if request.method == "POST":
            asked = form.ask(lambda wish: requesting.change(row.pk, wish, now=site.now()))
            if asked is not None:
                return _became(self, request, asked)
        return self._form(request, form, "Ask for a change", "Ask for the change", row)

    def _form(
        self: Any, request: HttpRequest, form: Form, title: str, button: str, row: Booking | None
    ) -> HttpResponse:
        crumbs = [("Bookings", reverse("admin:bookings_booking_changelist"))]
        if row is not None:
            crumbs.append((row.object_id, reverse("admin:bookings_booking_change", args=[row.pk])))
        else:
            crumbs.append(("Search free slots", reverse("admin:bookings_booking_search")))
        context = {
            "title": title,
            "crumbs": crumbs,
            "row": row,
            "form": form,
            "place": form.place,
            "name": words.place_name(form.place),
            "zone": form.zone,
            "emsps": emsps(request),
            "button": button,
        }
        return self.render(request, "console/bookings/book.html", context, status=422 if form.problem else 200)

    def take_back_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        """For the driver: with the reason that the CPO hears."""
        row = _made(self, request, pk)
        missing = ""
        given = request.POST
        if request.method == "POST":
            chosen = given.get("canceled", "")
            try:
                if chosen not in {each.value for each in THEIRS}:
                    raise UnableToRequest("Choose a reason: the operator is told. Nothing was changed.")
                asked = requesting.cancel(
                    row.pk, reason=CanceledReason(chosen), asked_by=request.user.get_username(), now=site.now()
                )
            except UnableToRequest as error:
                missing = str(error)
            else:
                self.note(request, row, f"Taken back: {words.REASONS[chosen]}")
                return _became(self, request, asked)
        zone = words.zone_of(row.time_zone)
        context = {
            "title": "Cancel this booking for the driver",
            "crumbs": [
                ("Bookings", reverse("admin:bookings_booking_changelist")),
                (row.object_id, reverse("admin:bookings_booking_change", args=[row.pk])),
            ],
            "row": row,
            "what": "cancel",
            "button": "Ask to cancel it",
            "consequences": (
                "The operator is asked; it stands until he says yes.",
                "What a cancellation costs, the operator's terms say.",
            ),
            "danger": True,
            "missing": {"field": "canceled", "text": missing} if missing else None,
            "allowed": may(row, request, site.now())["take_back"],
            "given": given,
            "zone": zone,
            "place": words.place_name(row.place) if row.place else row.location_id,
            "where": words.where(row),
            "day": row.starts_at.astimezone(zone).replace(tzinfo=None),
            "when": words.period(row.starts_at, row.ends_at, zone),
            "reasons": [(each.value, words.REASONS[each.value]) for each in THEIRS],
            "emsp_side": True,
            "cancel_until": words.there(row.cancel_until, zone),
        }
        return self.render(request, "console/bookings/ask.html", context, status=422 if missing else 200)

    # --- what became of requests --------------------------------------------------------------------------------------

    def requests_view(self: Any, request: HttpRequest) -> HttpResponse:
        given = request.GET
        way = given.get("way", "") if given.get("way") in Way.__members__ else ""
        rows = requests_of(request)
        if way:
            rows = rows.filter(way=way)
        try:
            found: Window[BookingAsked] | None = window(
                rows.select_related("emsp", "cpo", "booking", "place__premises").defer(
                    "place__document", "place__premises__document", "booking__document"
                ),
                "received_at",
                before=read_mark(given.get("before", "")),
                after=read_mark(given.get("after", "")),
            )
        except TooSlow:
            found = None
        link = f"?way={way}" if way else "?"
        context = {
            "title": "Requests of ours",
            "tabs": tabs(request, ""),
            "way": way,
            "ways": [(each.value, words.WAYS[each.value]) for each in Way if each is not Way.RECEIVED],
            "rows": [
                asked_facts(each, words.zone_of(each.place.time_zone if each.place else ""))
                for each in (found.rows if found else ())
            ],
            "found": found,
            "too_slow": found is None,
            "older": f"{link}&before={found.older}" if found and found.older else "",
            "newer": f"{link}&after={found.newer}" if found and found.newer else "",
            "newest": link if given.get("before") or given.get("after") else "",
        }
        return self.render(request, "console/bookings/requests.html", context)

    def request_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        asked = get_object_or_404(
            requests_of(request).select_related("emsp", "cpo", "booking", "place__premises"), pk=pk
        )
        zone = words.zone_of(asked.place.time_zone if asked.place else "")
        waits = asked.way in (Way.QUEUED.value, Way.UNSURE.value)
        context = {
            "title": f"Request {asked.request_id}",
            "crumbs": [("Requests of ours", reverse("admin:bookings_booking_requests"))],
            "each": asked_facts(asked, zone),
            "asked": asked,
            "zone": zone,
            "place": words.place_name(asked.place) if asked.place else "",
            "events": list(asked.events.all()[:100]),
            "tree": seen(asked.tree(), request),
            "refresh": REFRESH if waits else 0,
        }
        return self.render(request, "console/bookings/request.html", context)


def requests_of(request: HttpRequest) -> QuerySet[BookingAsked]:
    rows = BookingAsked.objects.filter(emsp__ours=True)
    parties = parties_of(request.user)
    return rows if parties is None else rows.filter(emsp__in=parties)


def _made(admin: Any, request: HttpRequest, pk: int) -> Booking:
    """A booking of a driver of ours, whose eMSP this user acts for. Raises Http404, PermissionDenied."""
    row: Booking = admin.one(request, pk)
    parties = parties_of(request.user)
    if not row.emsp.ours or (parties is not None and row.emsp_id not in parties):
        raise PermissionDenied
    return row


def _became(admin: Any, request: HttpRequest, asked: BookingAsked) -> HttpResponse:
    if asked.booking_id is not None:
        if asked.status == "DECLINED":
            admin.sorry(request, UnableToRequest(asked.reason or "It was declined."))
        elif asked.way == Way.RECEIVED.value:
            admin.done(request, "It is granted." if asked.status == "ACCEPTED" else "It waits for staff to decide.")
        else:
            admin.done(request, "It is on its way to the operator.")
        return redirect("admin:bookings_booking_change", asked.booking_id)
    admin.done(request, "It is on its way; this page shows what comes of it.")
    return redirect("admin:bookings_booking_request", asked.pk)


@dataclass(slots=True)
class Form:
    """The form as somebody left it. `wrong`: what there is to say about single fields."""

    place: BookableLocation
    given: Any
    request: HttpRequest
    booking: Booking | None = None
    wrong: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    twice: str = ""

    @property
    def zone(self) -> ZoneInfo:
        return words.zone_of(self.place.time_zone)

    @property
    def options(self) -> list[tuple[int, str, bool]]:
        told = self.place.tree().get("bookable_parking_options") or []
        chosen = number(self.given.get("option"))
        return [
            (
                at,
                ", ".join(words.VEHICLES.get(each, each) for each in option.get("vehicle_types") or ())
                + f", {str(option.get('format', '')).lower()}",
                at == chosen,
            )
            for at, option in enumerate(told)
        ]

    def value(self, name: str) -> str:
        text: str = self.given.get(name, "")
        return text

    @property
    def values(self) -> dict[str, str]:
        return {name: self.value(name) for name in ("starts", "ends", "emsp", "power", "tokens", "green")}

    def ask(self, action: Any) -> BookingAsked | None:
        """None: something is wrong, and said."""
        wish = self._wish()
        if wish is None:
            self.problem = "Nothing was asked for: look at " + ", ".join(self.wrong) + " below."
            return None
        try:
            asked: BookingAsked = action(wish)
        except UnableToRequest as error:
            self.problem = str(error)
            return None
        return asked

    def _wish(self) -> Wish | None:
        times: dict[str, datetime] = {}
        for name in ("starts", "ends"):
            try:
                times[name] = moment_of(self.value(name), self.zone, second=self.value(f"{name}_second") == "1")
            except NoSuchTime as error:
                self.wrong[name] = str(error)
                self.twice = name if error.twice else self.twice
        emsp = next((each for each in emsps(self.request) if str(each.pk) == self.value("emsp")), None)
        if emsp is None:
            self.wrong["emsp"] = "For which eMSP of ours?"
        power = number(self.value("power").strip()) if self.value("power").strip() else None
        if self.value("power").strip() and power is None:
            self.wrong["power"] = "A whole number of kW."
        tokens = self._tokens(emsp) if emsp is not None else []
        option = number(self.value("option"))
        if self.wrong or emsp is None:
            return None
        return Wish(
            emsp=emsp.pk,
            place=self.place,
            starts_at=times["starts"],
            ends_at=times["ends"],
            tokens=tokens,
            option=option,
            power=power,
            green=self.value("green") == "1",
            asked_by=self.request.user.get_username(),
        )

    def _tokens(self, emsp: Party) -> list[Token]:
        """As they are typed: whole uid, contract or printed number. Of a booking to be changed, left empty: those that it has."""
        typed = list(dict.fromkeys(self.value("tokens").replace(",", " ").upper().split()))[:MOST_TOKENS]
        rows = Token.objects.filter(party=emsp).select_related("party")
        if not typed and self.booking is not None:
            typed = [token.uid.upper() for token in self.booking.tokens.all()]
        found: list[Token] = []
        for term in typed:
            match: list[Token] = []
            for column in ("object_id", "contract_id", "visual_number"):
                match = match or list(rows.alias(key=Upper(column)).filter(key=term)[:2])
            if len(match) != 1:
                self.wrong["tokens"] = (
                    f"{term} could be several cards: write the whole id."
                    if match
                    else f"There is no card {term} of {emsp}."
                )
            else:
                found.append(match[0])
        return found
