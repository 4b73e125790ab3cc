"""The list of sessions: those that go on now, renewed by itself, and all others by filters."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse

from backoffice.console.model_admins import ReadOnlyAdmin
from backoffice.console.scope import parties_of, scoped
from backoffice.console.windows import TooSlow, linked
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.sessions.admin import asked as queries
from backoffice.sessions.admin.deeds import DeedPages
from backoffice.sessions.admin.detail import DetailPages
from backoffice.sessions.admin.rows import rows
from backoffice.sessions.models import Session


@admin.register(Session)
class SessionAdmin(DeedPages, DetailPages, ReadOnlyAdmin):
    party_lookup = None  # scoped by both sides, below

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        """Scoped staff see the sessions of their parties: as CPO those at their charge points, as eMSP those of their drivers."""
        found = super().get_queryset(request)
        parties = parties_of(request.user)
        return found if parties is None else found.filter(Q(party__in=parties) | Q(emsp__in=parties))

    def get_urls(self) -> list[URLPattern]:
        return [*self.detail_urls(), *self.deed_urls(), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        now = site.now()
        asked = queries.Asked.read(request.GET)
        found, too_slow = None, False
        try:
            found = queries.find(self.get_queryset(request), asked, now)
        except TooSlow:
            too_slow = True
        latest = None
        if found is not None and not found.rows:
            latest = self.get_queryset(request).order_by("-starts_at", "-id").only("starts_at").first()
        context = {
            "title": "Sessions",
            "crumbs": [("Home", reverse("admin:index"))],
            "asked": asked,
            "found": found,
            "rows": rows(found.rows, now) if found else [],
            "too_slow": too_slow,
            "latest": latest,
            "parties": scoped(Party.objects.all(), request.user, "id"),
            "states": [
                (label, asked.link(state=key, trouble=""), key == asked.state and not asked.trouble)
                for key, (label, _) in queries.STATES.items()
            ],
            "troubles": [
                (label, asked.link(state="all", trouble=key), key == asked.trouble)
                for key, label in queries.TROUBLES.items()
            ],
            **linked(asked, found),
            "everything": "?state=all",
            "live": asked.before is None and asked.after is None,
        }
        return self.render(request, "console/sessions/list.html", context)
