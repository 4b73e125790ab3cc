"""The one AdminSite of the staff: its name, its ribbon, its start page."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.sites import UnfoldAdminSite

from backoffice.roaming_site import site as roaming


class ConsoleSite(UnfoldAdminSite):
    """Found by Django through `ConsoleAdminConfig.default_site`; everything registers with `django.contrib.admin.site`."""

    site_title = "Roamdesk"
    site_header = "Roamdesk"
    index_title = "Home"
    enable_nav_sidebar = True

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return super().each_context(request) | {"demo": settings.DEMO, "public_url": settings.PUBLIC_URL}

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """No page has a use for NUL, and no text of PostgreSQL holds one: refused here once, instead of in every filter."""
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def without_nul(request: HttpRequest, *args: Any, **segments: Any) -> HttpResponse:
            told = [request.path]
            for query in (request.GET, request.POST):
                for name, values in query.lists():
                    told += [name, *map(str, values)]
            if any("\0" in text for text in told):
                raise BadRequest("NUL in the request")
            answer: HttpResponse = inner(request, *args, **segments)
            return answer

        return without_nul

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        from backoffice.console.dashboard import page  # reads the apps' models, which are not loaded before the site is

        asked = request.GET
        shown = page(request.user, asked_range=asked.get("range", ""), order=asked.get("order", ""), now=roaming.now())
        context = {**self.each_context(request), "title": "Home", "subtitle": None, **(extra_context or {})}
        request.current_app = self.name
        return TemplateResponse(request, "console/home.html", context | shown)
