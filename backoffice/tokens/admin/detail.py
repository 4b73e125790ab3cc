"""One token's page: what it is, whether it is held, what partners have taken of it, who tried to charge with it, its history."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models.functions import Upper
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse

from backoffice.console.cells import masked, span
from backoffice.console.partner_view import as_seen_by
from backoffice.delivery.actions.recording import logged_path
from backoffice.delivery.models import Exchange, Message
from backoffice.delivery.rules import MessageState
from backoffice.partners.models import Connection
from backoffice.roaming_site import site
from backoffice.tokens.actions.storing import UNTOLD_TYPES, parsed
from backoffice.tokens.admin.told import path_of
from backoffice.tokens.admin.words import CAUSES, how, outcome, standing, tree_for, uid_for
from backoffice.tokens.models import Authorization, Token
from backoffice.tokens.rules.changing import remarks, told_late
from backoffice.tokens.rules.words import Hold
from ocpi.wire import json as wire_json

TABS: dict[str, str] = {
    "": "Summary",
    "partners": "Partners",
    "decisions": "Attempts",
    "json": "OCPI JSON",
    "history": "History",
}


class DetailPages:
    """Part of TokenAdmin: `change` is the page of a token, whoever owns it; editing has a page of its own."""

    def detail_urls(self: Any) -> list[URLPattern]:
        return [self.page("<int:pk>/change/", self.detail_view, "change")]

    def detail_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        token: Token = self.one(request, pk)
        tab = request.GET.get("tab", "") if request.GET.get("tab", "") in TABS else ""
        ours = token.party.ours
        context = {
            "title": f"Token {masked(token.object_id)}",
            "crumbs": [("Tokens", reverse("admin:tokens_token_changelist"))],
            "token": token,
            "uid": uid_for(request, token.object_id),
            "ours": ours,
            "edits": ours and self.has_change_permission(request) and request.user.has_perm("tokens.see_uid"),
            "blocks": ours and request.user.has_perm("tokens.block_token"),
            "held": token.hold != Hold.NONE,
            "standing": standing(token),
            "causes": CAUSES,
            "late": told_late(token.whitelist),
            "banner": _banner(token) if ours else None,
            "tab": tab,
            "tabs": [(key, label, key == tab) for key, label in TABS.items()],
        }
        parts: dict[str, Callable[..., dict[str, Any]]] = {
            "": _summary,
            "partners": _partners,
            "decisions": _decisions,
            "json": lambda token, request: {"tree": tree_for(request, token.tree())},
            "history": _history,
        }
        return self.render(request, "console/tokens/detail.html", context | parts[tab](token, request))


def _messages(token: Token) -> Any:
    return Message.objects.filter(module="tokens", sender=token.party, object_path=path_of(token))


def _banner(token: Token) -> dict[str, Any] | None:
    """While it is held, the partners that have not taken it, and for how long it has been at risk."""
    if token.hold == Hold.NONE or token.held_at is None:
        return None
    waiting = list(
        _messages(token)
        .filter(state__in=(MessageState.DUE, MessageState.REFUSED))
        .select_related("connection")
        .order_by("connection__name")
    )
    if not waiting:
        done = _messages(token).filter(state=MessageState.DONE).order_by("-delivered_at").first()
        return {"names": [], "taken_at": done.delivered_at if done else None}
    risk: datetime = max(token.held_at, min(message.owed_since for message in waiting))
    return {
        "names": [message.connection.name for message in waiting],
        "refused": any(message.state == MessageState.REFUSED for message in waiting),
        "risk": span((site.now() - risk).total_seconds()),
    }


def _summary(token: Token, request: HttpRequest) -> dict[str, Any]:
    tree = token.tree()
    notes: list[tuple[str, str]] = []
    if token.party.ours:
        try:
            notes = list(remarks(parsed(tree), only_in=token.only_in))
        except wire_json.Invalid as error:  # stored by an older edition of the wire classes
            notes = [(".".join(map(str, v.path)), v.message) for v in error.violations]
    same = Token.objects.alias(key=Upper("contract_id")).filter(party=token.party, key=token.contract_id.upper())
    siblings = list(same.exclude(pk=token.pk).defer("document").order_by("pk")[:10])
    return {
        "tree": tree,
        "remarks": notes,
        "siblings": [(each, masked(each.object_id), standing(each)) for each in siblings],
    }


def _partners(token: Token, request: HttpRequest) -> dict[str, Any]:
    """For each partner what it has taken, and what its next GET would return."""
    found: dict[str, Any] = {"untold": token.type in UNTOLD_TYPES}
    if token.party.ours:
        connections = list(Connection.objects.filter(our_parties=token.party).exclude(state="REMOVED").order_by("name"))
        told = {message.connection_id: message for message in _messages(token)}
        receivers = {row["connection"]: row["pull_only"] for row in _endpoints(connections)}
        found["rows"] = [
            {
                "connection": connection,
                "message": told.get(connection.pk),
                "receives": connection.pk in receivers,
                "pull_only": receivers.get(connection.pk, False) or not connection.push_enabled,
            }
            for connection in connections
        ]
        chosen = next((c for c in connections if str(c.pk) == request.GET.get("as", "")), None)
        if chosen is not None and request.user.has_perm("tokens.see_uid"):
            hidden = "EMAIDs are not told to partners." if found["untold"] else "Our roles there share no tokens."
            found["seen"] = as_seen_by(
                chosen, module="tokens", party=token.party, ids=(token.object_id, token.type), hidden=hidden
            )
    if request.user.has_perm("delivery.view_exchange"):
        owner = f"{token.party.country_code}/{token.party.party_id}"
        path = logged_path("tokens", f"{owner}/{path_of(token)}")
        found["exchanges"] = (
            Exchange.objects.filter(module="tokens", object_path=path)
            .select_related("connection")
            .defer("request_body", "response_body")
            .order_by("-at", "-id")[:50]
        )
    return found


def _endpoints(connections: list[Connection]) -> Any:
    from backoffice.partners.models import Endpoint

    return Endpoint.objects.filter(connection__in=connections, identifier="tokens", role="RECEIVER").values(
        "connection", "pull_only"
    )


def _decisions(token: Token, request: HttpRequest) -> dict[str, Any]:
    if not request.user.has_perm("tokens.view_authorization"):
        return {"decisions": None}
    rows = (
        Authorization.objects.alias(key=Upper("uid"))
        .filter(key=token.object_id.upper(), token_type=token.type)
        .select_related("connection", "emsp")
        .order_by("-at")[:50]
    )
    return {"decisions": [(row, outcome(row), how(row)) for row in rows]}


def _history(token: Token, request: HttpRequest) -> dict[str, Any]:
    kind = ContentType.objects.get_for_model(Token)
    entries = LogEntry.objects.filter(content_type=kind, object_id=str(token.pk))
    return {"events": token.events.all()[:100], "entries": entries.select_related("user")[:100]}
