"""The form for tokens of our own; its fields come from the wire class. Received tokens have none: they answer 404."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse

from backoffice.console.document_forms import DocumentForm
from backoffice.console.scope import scoped
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.tokens.actions import changing
from backoffice.tokens.actions.changing import OWN_FIELDS, UnableToChange
from backoffice.tokens.models import Token
from backoffice.tokens.rules.words import SENDER_ROLES
from ocpi.wire import json as wire_json
from ocpi.wire import tokens as wire

NEW: dict[str, Any] = {"type": "RFID", "whitelist": "ALLOWED"}
ADDING = (
    "Partners are told of it at once. Uid and type never change afterwards; a card that is lost is replaced. Tokens of apps "
    "are not whitelisted: choose NEVER."
)


def sending_parties(request: HttpRequest) -> list[Party]:
    """Our parties that are eMSPs, as far as this user may see them."""
    senders = Party.objects.filter(ours=True, roles__connection=None, roles__role__in=SENDER_ROLES).distinct()
    return list(scoped(senders, request.user, "id"))


class EditPages:
    """Part of TokenAdmin. A form shows the whole uid, so it is for who may see it."""

    def edit_urls(self: Any) -> list[URLPattern]:
        return [
            self.page("add/", self.token_add_view, "add", permission="add"),
            self.page("<int:pk>/edit/", self.token_edit_view, "edit", permission="change"),
        ]

    def token_add_view(self: Any, request: HttpRequest) -> HttpResponse:
        parties = sending_parties(request)
        wanted = request.POST.get("@party", "")
        party = next((each for each in parties if str(each.pk) == wanted), parties[0] if parties else None)
        if party is None:
            return self.render(request, "console/tokens/no_party.html", {"title": "Add a token"})
        context = {
            "title": "Add a token",
            "crumbs": [("Tokens", reverse("admin:tokens_token_changelist"))],
            "parties": parties,
            "party_id": party.pk,
            "intro": ADDING,
            "back": reverse("admin:tokens_token_changelist"),
            "only_in": request.POST.get("@only_in", ""),
        }

        def save(form: DocumentForm, only_in: list[str]) -> int:
            by = request.user.get_username()
            made = changing.create(party, form.draft, by=by, only_in=only_in, now=site.now())
            self.log_addition(request, made, "Added.")
            return int(made.pk)

        return self._token_form(request, {}, frozenset(OWN_FIELDS), context, save, preset=NEW)

    def token_edit_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        token: Token = self.one(request, pk)
        if not token.party.ours or not request.user.has_perm("tokens.see_uid"):
            raise Http404
        back = reverse("admin:tokens_token_change", args=[pk])
        context = {
            "title": "Edit token",
            "crumbs": [("Tokens", reverse("admin:tokens_token_changelist")), (token.object_id, back)],
            "back": back,
            "only_in": request.POST.get("@only_in", ", ".join(token.only_in)),
        }

        def save(form: DocumentForm, only_in: list[str]) -> int:
            by = request.user.get_username()
            if changing.edit(token, form.merged, by=by, only_in=only_in, now=site.now()):
                self.note(request, token, f"Changed {form.told()}" if form.changed else "Changed where it may be used")
            return pk

        return self._token_form(request, token.tree(), frozenset({*OWN_FIELDS, "uid", "type"}), context, save)

    def _token_form(
        self: Any,
        request: HttpRequest,
        stored: dict[str, Any],
        skip: frozenset[str],
        context: dict[str, Any],
        save: Any,
        *,
        preset: dict[str, Any] | None = None,
    ) -> HttpResponse:
        template = "console/tokens/form.html"
        if request.method != "POST":
            form = DocumentForm.open(wire.Token, stored, preset=preset, skip=skip)
            return self.render(request, template, context | {"form": form})
        try:
            form = DocumentForm.posted(wire.Token, request.POST, skip=skip)
        except ValueError as error:
            raise BadRequest("The form's hidden parts are damaged.") from error
        if not form.rearranged(request.POST):
            try:
                pk = save(form, changing.countries(context["only_in"]))
            except wire_json.Invalid as error:
                form.blame(v for v in error.violations if not v.path or v.path[0] not in OWN_FIELDS)
            except UnableToChange as error:
                form.blame([wire_json.Violation((), str(error))])
            else:
                self.done(request, "Saved; partners are being told.")
                return HttpResponseRedirect(reverse("admin:tokens_token_change", args=[pk]))
        return self.render(request, template, context | {"form": form}, status=422 if form.violations else 200)
