"""The one AdminSite of the staff: its name, its ribbon, its start page."""

from __future__ import annotations

from typing import Any

from django.conf import settings
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

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        from backoffice.console.dashboard import (
            panels,
        )  # reads the apps' models, which are not loaded before the site is

        context = {**self.each_context(request), "title": "Home", "subtitle": None, **(extra_context or {})}
        request.current_app = self.name
        return TemplateResponse(request, "console/home.html", context | panels(request.user, now=roaming.now()))
