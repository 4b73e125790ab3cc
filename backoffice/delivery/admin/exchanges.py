"""The message log: every request and its answer, both ways, as it was written down (redacted)."""

from __future__ import annotations

import shlex
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from backoffice.console.model_admins import ReadOnlyAdmin
from backoffice.console.scope import parties_of
from backoffice.console.windows import TooSlow, linked
from backoffice.delivery.admin import log_query
from backoffice.delivery.models import Exchange, Message
from backoffice.partners.models import Connection
from backoffice.roaming_site import site

NOTES = {
    "violations": "What was wrong with the body, by the partner’s field names",
    "repairs": "Mended before it was checked, as the connection’s repairs say",
    "oddities": "Wrong with the envelope, without hiding the partner’s verdict",
    "stale": "Older than what we hold: answered as accepted, and nothing was changed",
}
"""What the log's notes mean."""


@admin.register(Exchange)
class ExchangeAdmin(ReadOnlyAdmin):
    party_lookup = None  # scoped by connection, below

    def get_queryset(self, request: HttpRequest) -> QuerySet[Exchange]:
        """Scoped staff see what went over the connections of their parties; calls by nobody known are for the others."""
        rows = super().get_queryset(request)
        parties = parties_of(request.user)
        if parties is None:
            return rows
        mine = Connection.objects.filter(our_parties__in=parties).values("pk")
        return rows.filter(connection_id__in=mine)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = log_query.Asked.read(request.GET)
        context: dict[str, Any] = {"found": None, "too_slow": False}
        try:
            context["found"] = log_query.find(self.get_queryset(request), asked, site.now())
        except TooSlow:
            context["too_slow"] = True
        latest = None
        if context["found"] is not None and not context["found"].rows:
            latest = self.get_queryset(request).order_by("-at", "-id").only("at").first()
        return self.render(
            request,
            "console/delivery/log.html",
            context
            | {
                "title": "Message log",
                "crumbs": [("Home", reverse("admin:index"))],
                "asked": asked,
                "latest": latest,
                "partners": self._partners(request),
                "modules": sorted({"versions", *(module.identifier for module in site.modules())}),
                "windows": [(name, label) for name, (label, _) in log_query.WINDOWS.items()],
                "statuses": [(name, label) for name, (label, _) in log_query.STATUSES.items()],
                "presets": [(name, label, asked.link(preset=name)) for name, (label, _) in log_query.PRESETS.items()],
                "all_link": asked.link(preset=""),
                **linked(asked, context["found"]),
                "wider": asked.link(window="all"),
            },
        )

    def _partners(self, request: HttpRequest) -> list[tuple[int, str]]:
        rows = Connection.objects.order_by("name")
        parties = parties_of(request.user)
        if parties is not None:
            rows = rows.filter(our_parties__in=parties).distinct()
        return list(rows.values_list("pk", "name"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.one(request, object_id)
        chain = (
            self.get_queryset(request)
            .filter(correlation_id=row.correlation_id)
            .select_related("connection")
            .defer("request_body", "response_body")
            .order_by("at", "id")[:50]
        )
        return self.render(
            request,
            "console/delivery/exchange.html",
            {
                "title": f"{row.method} {row.module}",
                "crumbs": [("Message log", reverse("admin:delivery_exchange_changelist"))],
                "row": row,
                "chain": list(chain),
                "notes": [(name, NOTES.get(name, ""), _listed(told)) for name, told in row.notes.items()],
                "curl": curl(row),
                "message": self._message(request, row),
            },
        )

    def _message(self, request: HttpRequest, row: Exchange) -> Message | None:
        """The outbox row that this push was for."""
        if row.incoming or row.trigger != "push" or not request.user.has_perm("delivery.view_message"):
            return None
        country_code, _, rest = row.object_path.partition("/")
        party_id, _, path = rest.partition("/")
        return Message.objects.filter(
            Q(sender__country_code=country_code, sender__party_id=party_id),
            connection_id=row.connection_id,
            module=row.module,
            object_path=path,
        ).first()


def _listed(told: Any) -> list[str]:
    if isinstance(told, list):
        return [str(each) for each in told]
    if isinstance(told, dict):
        return [f"{name}: {value}" for name, value in told.items()]
    return [] if told is True else [str(told)]


def curl(row: Exchange) -> str:
    """The request as a command, with the token left for whoever runs it to fill in."""
    url = f"{site.public_url}{row.url}" if row.incoming else row.url
    parts = [f"curl -sS -X {row.method} {shlex.quote(url)}"]
    parts.append('-H "Authorization: Token $(printf %s "$TOKEN" | base64 -w0)"')
    for header, value in _headers(row):
        parts.append(f"-H {shlex.quote(f'{header}: {value}')}")
    if row.request_body:
        parts.append("-H 'Content-Type: application/json'")
        parts.append(f"--data-raw {shlex.quote(row.request_body)}")
    return " \\\n  ".join(parts)


def _headers(row: Exchange) -> list[tuple[str, str]]:
    headers = [("X-Request-ID", row.request_id), ("X-Correlation-ID", row.correlation_id)]
    for direction, party in (("from", row.from_party), ("to", row.to_party)):
        country_code, _, party_id = party.partition("-")
        if party_id:
            headers.append((f"OCPI-{direction}-country-code", country_code))
            headers.append((f"OCPI-{direction}-party-id", party_id))
    return headers
