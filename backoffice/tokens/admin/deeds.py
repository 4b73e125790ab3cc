"""The buttons of a token's page: block, unblock, replace, tell partners again, ask one what it holds, try a charge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from backoffice.console.given import number
from backoffice.partners.models import Connection, Party
from backoffice.roaming_site import site
from backoffice.tokens.actions import authorizing, changing, comparing
from backoffice.tokens.actions.changing import UnableToChange
from backoffice.tokens.models import Token
from backoffice.tokens.rules.words import Cause
from ocpi.wire import json as wire_json
from ocpi.wire.tokens import LocationReferences


class DeedPages:
    """Part of TokenAdmin."""

    def deed_urls(self: Any) -> list[URLPattern]:
        of, page = "<int:pk>/", self.page
        blocks = "tokens.block_token"
        return [
            page(f"{of}block/", require_POST(self.block_view), "block", permission=blocks),
            page(f"{of}unblock/", require_POST(self.unblock_view), "unblock", permission=blocks),
            page(f"{of}replace/", require_POST(self.replace_view), "replace", permission="change"),
            page(f"{of}tell/", require_POST(self.tell_view), "tell", permission=blocks),
            page(f"{of}compare/<int:connection>/", require_POST(self.compare_view), "compare", permission=blocks),
            page(f"{of}try/", require_POST(self.try_view), "try", permission=blocks),
        ]

    def block_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        cause = request.POST.get("cause", "")
        if cause not in list(Cause):
            raise BadRequest("No such reason.")
        reason = request.POST.get("reason", "").strip()[:200]

        def do(token: Token) -> str:
            changing.block(token, Cause(cause), by=request.user.get_username(), reason=reason, now=site.now())
            self.note(request, token, f"Blocked ({cause.lower()}){': ' + reason if reason else ''}")
            return "Blocked, and partners are being told."

        return self._deed(request, pk, do)

    def unblock_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        reason = request.POST.get("reason", "").strip()[:200]

        def do(token: Token) -> str:
            changing.unblock(token, by=request.user.get_username(), reason=reason, now=site.now())
            self.note(request, token, f"Unblocked: {reason}")
            return "Unblocked, and partners are being told."

        return self._deed(request, pk, do)

    def replace_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        given = request.POST
        cause = given.get("cause", "")
        if cause not in list(Cause):
            raise BadRequest("No such reason.")
        made: list[Token] = []

        def do(token: Token) -> str:
            made.append(
                changing.replace(
                    token,
                    given.get("uid", "").strip(),
                    Cause(cause),
                    visual_number=given.get("visual_number", "").strip(),
                    by=request.user.get_username(),
                    now=site.now(),
                )
            )
            self.note(request, token, f"Replaced by token {made[0].pk} ({cause.lower()})")
            self.log_addition(request, made[0], f"Replaces token {token.pk}")
            return "This is the new card; the old one is blocked. Partners are being told of both."

        answer = self._deed(request, pk, do)
        return HttpResponseRedirect(_page(made[0].pk)) if made else answer

    def tell_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        chosen = number(request.POST.get("connection"))
        only = None if chosen is None else [chosen]

        def do(token: Token) -> str:
            owed = changing.tell_again(token, only=only, now=site.now())
            self.note(request, token, "Told partners again" if only is None else f"Told connection {chosen} again")
            return (
                f"{owed} message(s) will be sent at once."
                if owed
                else "There is nobody to tell: no active partner takes tokens by push."
            )

        return self._deed(request, pk, do, tab="partners")

    def compare_view(self: Any, request: HttpRequest, pk: int, connection: int) -> HttpResponse:
        def do(token: Token) -> str:
            other = Connection.objects.filter(pk=connection, our_parties=token.party).first()
            if other is None:
                raise Http404
            try:
                found = comparing.compare(token, other)
            except comparing.UnableToCompare as error:
                raise UnableToChange(str(error)) from error
            if not found.same:
                raise UnableToChange(found.sentence)
            return found.sentence

        return self._deed(request, pk, do, tab="partners")

    def try_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        """As if a charge point of ours had read it: partners are really asked, and the decision is written down."""
        location = request.POST.get("location", "").strip()[:36]
        evse = request.POST.get("evse", "").strip()[:36]
        token: Token = self.one(request, pk)
        cpo = Party.objects.filter(ours=True, roles__role="CPO", roles__connection=None).order_by("pk").first()
        where = None
        if location:
            try:
                where = wire_json.validate(
                    LocationReferences, {"location_id": location, "evse_uids": [evse] if evse else []}
                )
            except wire_json.Invalid as error:
                raise BadRequest("A location and an EVSE are named by printable ASCII.") from error
        decision = authorizing.authorize(
            uid=token.object_id,
            token_type=token.type,
            location=where,
            evse_uid=evse or None,
            connector_id="test by staff",
            cpo=cpo.pk if cpo else None,
            now=site.now(),
        )
        self.note(request, token, f"Tried an authorization: {decision.outcome.value}")
        said = f"{decision.outcome.value}: {decision.reason}"
        (self.done if decision.allowed else lambda r, s: self.sorry(r, UnableToChange(s)))(request, said)
        return HttpResponseRedirect(_page(pk) + "?tab=decisions")

    def _deed(self: Any, request: HttpRequest, pk: int, do: Callable[[Token], str], *, tab: str = "") -> HttpResponse:
        token: Token = self.one(request, pk)
        if not token.party.ours:
            raise Http404("Partners' tokens are read-only.")
        try:
            self.done(request, do(token))
        except UnableToChange as error:
            self.sorry(request, error)
        except wire_json.Invalid as error:
            self.sorry(request, UnableToChange(" ".join(violation.message for violation in error.violations)))
        return HttpResponseRedirect(_page(pk) + (f"?tab={tab}" if tab else ""))


def _page(pk: int) -> str:
    return reverse("admin:tokens_token_change", args=[pk])
