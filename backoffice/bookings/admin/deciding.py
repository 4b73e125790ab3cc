"""The buttons of a booking at a charge point of ours: each asks for what it must know, calls one action, and says what became of
it. Whether the space is free the action finds out; nothing here looks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from backoffice.bookings.actions import deciding, keeping
from backoffice.bookings.actions.deciding import UnableToDecide
from backoffice.bookings.actions.keeping import UnableToKeep
from backoffice.bookings.admin import words
from backoffice.bookings.admin.detail import DECIDE, may, waiting
from backoffice.bookings.admin.query import evse_name
from backoffice.bookings.models import Booking, Space
from backoffice.bookings.rules.days import NoSuchTime, moment_of
from backoffice.bookings.rules.states import OF_THE_EMSP
from backoffice.console.given import number
from backoffice.console.scope import parties_of
from backoffice.roaming_site import site
from ocpi.wire.bookings import CanceledReason

Made = dict[str, Any]

OURS = [each for each in CanceledReason if each not in OF_THE_EMSP]
"""Reasons that a CPO may give (T-512)."""

FORMS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    # what: title, button, what will happen
    "decline": (
        "Decline this request",
        "Decline",
        (
            "The eMSP is told; the driver will ask why.",
            "A new booking is over by it; one that was to be changed stays as it was.",
        ),
    ),
    "assign": (
        "Assign an EVSE",
        "Assign",
        ("The eMSP is told which one it is.", "The period stays as it is."),
    ),
    "move": (
        "Move this booking",
        "Move",
        ("The eMSP is told of the new period; speak with the driver first.",),
    ),
    "cancel": (
        "Cancel this booking as the operator",
        "Cancel the booking",
        ("The eMSP is told at once, with the reason, and tells the driver.", "This cannot be undone."),
    ),
    "miss": (
        "Nobody came",
        "Mark as no-show",
        ("The space is free for others.", "What a no-show costs, the tariff says.", "This cannot be undone."),
    ),
    "fulfil": (
        "The driver came",
        "Mark as fulfilled",
        ("For a charge that did not name its booking. It keeps its space until the end.", "This cannot be undone."),
    ),
}


class Missing(Exception):
    """Something is missing in the form; the sentence says what. `field`: of which it is said."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class DecidingPages:
    """Part of BookingAdmin."""

    def deciding_urls(self: Any) -> list[URLPattern]:
        forms = [self.page(f"<int:pk>/{what}/", self._form_of(what), what, permission=DECIDE) for what in FORMS]
        return [self.page("<int:pk>/accept/", require_POST(self.accept_view), "accept", permission=DECIDE), *forms]

    def accept_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        row = self._own(request, pk)
        asked = row.requests.filter(status="PENDING").first()
        try:
            if asked is None:
                raise UnableToDecide("No request waits any more.")
            deciding.accept(asked.pk, by=request.user.get_username(), now=site.now())
        except UnableToDecide as error:
            self.sorry(request, error)
        else:
            self.note(request, row, "Accepted")
            self.done(request, "It is accepted; the eMSP is being told.")
        return redirect("admin:bookings_booking_change", row.pk)

    def _own(self: Any, request: HttpRequest, pk: int) -> Booking:
        """A booking that this user decides on. Raises PermissionDenied, Http404."""
        row: Booking = self.one(request, pk)
        if not decides(row, request):
            raise PermissionDenied
        return row

    def _form_of(self: Any, what: str) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, pk: int) -> HttpResponse:
            return self.form_view(request, pk, what)

        return view

    def form_view(self: Any, request: HttpRequest, pk: int, what: str) -> HttpResponse:
        row = self._own(request, pk)
        title, button, consequences = FORMS[what]
        missing: Missing | None = None
        given = request.POST if request.method == "POST" else request.GET
        if request.method == "POST":
            try:
                sentence = DEEDS[what](row, given, request.user.get_username(), site.now())
            except Missing as error:
                missing = error
            except (UnableToDecide, UnableToKeep) as error:
                missing = Missing("", str(error))
            else:
                self.note(request, row, f"{button}: {given.get('reason', '')[:200]}".strip(": "))
                self.done(request, sentence)
                return redirect("admin:bookings_booking_change", row.pk)
        zone = words.zone_of(row.time_zone)
        context = {
            "title": title,
            "crumbs": [
                ("Bookings", reverse("admin:bookings_booking_changelist")),
                (row.object_id, reverse("admin:bookings_booking_change", args=[row.pk])),
            ],
            "row": row,
            "what": what,
            "button": button,
            "consequences": consequences,
            "danger": what in ("cancel", "miss", "decline"),
            "missing": missing,
            "allowed": may(row, request, site.now()).get(what, False),
            "given": given,
            "zone": zone,
            "place": words.place_name(row.place) if row.place else row.location_id,
            "where": words.where(row),
            "day": row.starts_at.astimezone(zone).replace(tzinfo=None),
            "when": words.period(row.starts_at, row.ends_at, zone),
            "starts": given.get("starts") or f"{row.starts_at.astimezone(zone):%Y-%m-%dT%H:%M}",
            "ends": given.get("ends") or f"{row.ends_at.astimezone(zone):%Y-%m-%dT%H:%M}",
            "reasons": [(each.value, words.REASONS[each.value]) for each in OURS],
            "evses": evses(row, anywhere=what == "move") if what in ("assign", "move") else [],
            "evse": given.get("evse", ""),
            "waiting": waiting(row) if what == "decline" else None,
        }
        return self.render(request, "console/bookings/ask.html", context, status=422 if missing else 200)


def decides(row: Booking, request: HttpRequest) -> bool:
    """The company whose charge point it is must be within the user's scope, whatever state the booking is in."""
    parties = parties_of(request.user)
    return row.ours and (parties is None or row.party_id in parties)


def evses(row: Booking, *, anywhere: bool) -> list[tuple[int, str, bool]]:
    """Which EVSEs it could have: those of its kind, or any bookable one of the location. With their state: whether one
    is free the database knows."""
    if row.place is None:
        return []
    spaces = Space.objects.select_related("evse").defer("evse__document").order_by("evse__position", "pk")
    if anywhere:
        spaces = spaces.filter(resource__place__premises=row.place.premises_id, resource__place__party=row.party_id)
    else:
        spaces = spaces.filter(resource__in=row.claims.filter(asked=None).values("resource"))
    return [
        (space.evse_id, f"{evse_name(space.evse)} ({space.evse.status.lower()})", space.evse_id == row.evse_id)
        for space in spaces[:500]
    ]


# --- what the forms do ------------------------------------------------------------------------------------------------


def _decline(row: Booking, given: Any, by: str, now: datetime) -> str:
    reason = given.get("reason", "").strip()
    if not reason:
        raise Missing("reason", "A reason is needed: the driver will ask. Nothing was changed.")
    asked = row.requests.filter(status="PENDING").first()
    if asked is None:
        raise UnableToDecide("No request waits any more.")
    deciding.decline(asked.pk, reason=reason[:300], by=by, now=now)
    return "It is declined; the eMSP is being told."


def _assign(row: Booking, given: Any, by: str, now: datetime) -> str:
    evse = keeping.assign(row.pk, evse=number(given.get("evse")), by=by, now=now)
    return f"It has {evse_name(evse)}; the eMSP is being told."


def _move(row: Booking, given: Any, by: str, now: datetime) -> str:
    zone = words.zone_of(row.time_zone)
    times = []
    for name in ("starts", "ends"):
        try:
            times.append(moment_of(given.get(name, ""), zone, second=given.get(f"{name}_second") == "1"))
        except NoSuchTime as error:
            raise Missing(f"{name}{'_twice' if error.twice else ''}", f"{error} Nothing was changed.") from error
    keeping.move(row.pk, starts_at=times[0], ends_at=times[1], by=by, now=now, evse=number(given.get("evse")))
    return "It is moved; the eMSP is being told."


def _cancel(row: Booking, given: Any, by: str, now: datetime) -> str:
    chosen = given.get("canceled", "")
    if chosen not in {each.value for each in OURS}:
        raise Missing("canceled", "Choose a reason: the driver is told. Nothing was changed.")
    keeping.cancel(
        row.pk, reason=CanceledReason(chosen), note_to_staff=given.get("reason", "").strip()[:300], by=by, now=now
    )
    return "It is cancelled; the eMSP is being told why."


def _miss(row: Booking, given: Any, by: str, now: datetime) -> str:
    keeping.miss(row.pk, by=by, now=now)
    return "It is a no-show; the space is free."


def _fulfil(row: Booking, given: Any, by: str, now: datetime) -> str:
    keeping.fulfil(row.pk, session=None, by=by, now=now)
    return "It is fulfilled."


DEEDS: dict[str, Callable[[Booking, Any, str, datetime], str]] = {
    "decline": _decline,
    "assign": _assign,
    "move": _move,
    "cancel": _cancel,
    "miss": _miss,
    "fulfil": _fulfil,
}
