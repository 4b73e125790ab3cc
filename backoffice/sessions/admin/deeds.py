"""What staff do with a session: set it aside, end one of ours, ask the partner, send what the driver prefers. One action each."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from backoffice.console.contests import moment_of
from backoffice.roaming_site import site
from backoffice.sessions.actions import preferring, watching
from backoffice.sessions.actions.preferring import UnableToPrefer
from backoffice.sessions.actions.tariffs import zone_of
from backoffice.sessions.actions.watching import UnableToHelp
from backoffice.sessions.models import Session
from ocpi.wire import json as wire_json
from ocpi.wire.base import date_time_text

STEER = "charging_sessions.steer_session"


class DeedPages:
    """Part of SessionAdmin."""

    def deed_urls(self: Any) -> list[URLPattern]:
        of, page = "<int:pk>/", self.page
        return [
            page(f"{of}aside/", require_POST(self.aside_view), "aside", permission=STEER),
            page(f"{of}end/", require_POST(self.end_view), "end", permission=STEER),
            page(f"{of}refresh/", require_POST(self.refresh_view), "refresh", permission=STEER),
            page(f"{of}prefer/", require_POST(self.prefer_view), "prefer", permission=STEER),
        ]

    def aside_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        session = self.one(request, pk)
        reason = _reason(request)
        try:
            watching.set_aside(session, reason=reason, by=request.user.get_username(), now=site.now())
        except UnableToHelp as error:
            self.sorry(request, error)
        else:
            said = f"Set aside: {reason}" if reason else "Taken up again"
            self.note(request, session, said)
            self.done(request, f"{said}.")
        return _back(pk)

    def end_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        session = self.one(request, pk)
        reason = _reason(request)
        try:
            ended = watching.end_with_last_reading(
                session, reason=reason, by=request.user.get_username(), now=site.now()
            )
        except UnableToHelp as error:
            self.sorry(request, error)
        else:
            self.note(request, session, f"Ended with the last reading: {reason}")
            self.done(request, f"It is {ended.status.lower()} with {ended.kwh} kWh. The eMSP is being told.")
        return _back(pk)

    def refresh_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        session = self.one(request, pk)
        try:
            pull = watching.refresh(session, by=request.user.get_username(), now=site.now())
        except UnableToHelp as error:
            self.sorry(request, error)
        else:
            self.done(request, f"{pull.connection} is being asked; this page shows what it answers.")
        return _back(pk)

    def prefer_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        session = self.one(request, pk)
        try:
            tree = _preferences(request, session)
            kept = preferring.send(session, tree, by=request.user.get_username(), now=site.now())
        except (UnableToPrefer, wire_json.Invalid) as error:
            self.sorry(request, error)
        else:
            self.note(request, session, f"Charging preferences sent: {kept.answer or 'no answer'}")
            if kept.answer == "ACCEPTED":
                self.done(request, "The partner accepted the preferences.")
            else:
                self.sorry(request, UnableToPrefer(f"{kept.answer or 'No answer'}. {kept.reason}"))
        return _back(pk)


def _preferences(request: HttpRequest, session: Session) -> dict[str, Any]:
    """What the form says, as the wire does. Raises UnableToPrefer."""
    given = request.POST
    tree: dict[str, Any] = {"profile_type": given.get("profile_type", "")[:40]}
    if given.get("departure", "").strip():
        at = moment_of(given["departure"], zone_of(session.time_zone) or UTC)
        if at is None:
            raise UnableToPrefer("The departure is no date and time.")
        tree["departure_time"] = date_time_text(at.astimezone(UTC))
    if given.get("energy", "").strip():
        try:
            need = Decimal(given["energy"].strip().replace(",", "."))
        except InvalidOperation as error:
            raise UnableToPrefer("The energy is no number of kWh.") from error
        if not need.is_finite() or not 0 <= need <= 1000:
            raise UnableToPrefer("No car needs that many kWh.")
        tree["energy_need"] = round(need, 4)
    if given.get("discharge"):
        tree["discharge_allowed"] = True
    return tree


def _reason(request: HttpRequest) -> str:
    return " ".join(request.POST.get("reason", "").split())[:200]


def _back(pk: int) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:charging_sessions_session_change", args=[pk]))
