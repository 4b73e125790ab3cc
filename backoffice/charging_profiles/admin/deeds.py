"""What staff do to a session's charging profile: set one, look before it is set, remove it, ask what is active. One action
each."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from backoffice.charging_profiles.actions import sending
from backoffice.charging_profiles.actions.keeping import UnableToSteer
from backoffice.charging_profiles.actions.receiving import Wish
from backoffice.charging_profiles.admin.form import NoProfile, profile, typed
from backoffice.charging_profiles.admin.steering import ASK, CLEAR, SET
from backoffice.charging_profiles.rules.states import Kind
from backoffice.roaming_site import site
from backoffice.sessions.actions.tariffs import zone_of
from backoffice.sessions.models import Session
from ocpi.wire import json as wire_json

HOUR = 3600


class DeedPages:
    """Part of ProfileRequestAdmin."""

    def deed_urls(self: Any) -> list[URLPattern]:
        of, page = "session/<int:pk>/", self.page
        return [
            page(f"{of}preview/", require_POST(self.preview_view), "preview", permission=SET),
            page(f"{of}set/", require_POST(self.set_view), "set", permission=SET),
            page(f"{of}clear/", require_POST(self.clear_view), "clear", permission=CLEAR),
            page(f"{of}ask/", require_POST(self.ask_view), "ask", permission=ASK),
        ]

    def preview_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        return self.session_page(request, self.session_of(request, pk), typed(request.POST), preview=True)

    def set_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        session, now = self.session_of(request, pk), site.now()
        filled = typed(request.POST)
        try:
            tree = profile(filled, now=now, zone=zone_of(session.time_zone) or UTC)
            self._ask(request, session, Wish(Kind.SET, profile=tree))
        except (NoProfile, UnableToSteer, wire_json.Invalid) as error:
            self.sorry(request, error)
            return self.session_page(request, session, filled)  # what was typed stays
        return _back(pk)

    def clear_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        return self._deed(request, pk, Wish(Kind.CLEAR))

    def ask_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        return self._deed(request, pk, Wish(Kind.ACTIVE, seconds=HOUR))

    def _deed(self: Any, request: HttpRequest, pk: int, wish: Wish) -> HttpResponse:
        session = self.session_of(request, pk)
        try:
            self._ask(request, session, wish)
        except UnableToSteer as error:
            self.sorry(request, error)
        return _back(pk)

    def _ask(self: Any, request: HttpRequest, session: Session, wish: Wish) -> None:
        """Raises UnableToSteer."""
        why = " ".join(request.POST.get("why", "").split())[:200]
        if wish.kind is not Kind.ACTIVE and not why:
            raise UnableToSteer("Say why: the reason stays with the request.")
        made = sending.ask(session, wish, by=request.user.get_username(), why=why, now=site.now())
        self.note(request, made, f"{made.kind} for session {session.object_id}: {why}")
        whom = "The charge point" if session.ours else str(made.connection)
        self.done(request, f"{whom} is being asked; this page shows what it answers.")


def _back(pk: int) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:charging_profiles_profilerequest_session", args=[pk]))
