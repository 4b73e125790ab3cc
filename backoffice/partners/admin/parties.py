"""Our own companies, the parties of partners, and the roles that are claimed while somebody else holds them."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html, format_html_join

from backoffice.console.cells import NOTHING, state
from backoffice.console.model_admins import ConsoleAdmin, Empty, ReadOnlyAdmin
from backoffice.fields import DocumentField
from backoffice.partners.actions.connections import UnableToConnect, add_own_party, withdraw_own_roles
from backoffice.partners.admin.connections import link
from backoffice.partners.admin.theirs import of_parties
from backoffice.partners.models import Party, PartyRole
from ocpi.wire.types import Role

ROLES = [(str(role.value), str(role.value)) for role in Role]


class OwnParty(forms.Form):
    """One of our companies. Its codes are its name towards everybody, so they are given once."""

    country_code = forms.CharField(
        max_length=2,
        label="Country code",
        help_text="Two letters, ISO 3166: NL, DE.",
        widget=forms.TextInput(attrs={"size": 4}),
    )
    party_id = forms.CharField(
        max_length=3, label="Party id", help_text="Three letters or digits, as your contracts and EVSE ids have it."
    )
    name = forms.CharField(max_length=100, label="Company name", help_text="Partners show it to drivers.")
    website = forms.CharField(max_length=255, required=False, label="Website")
    roles = forms.MultipleChoiceField(
        choices=ROLES,
        label="Roles",
        widget=forms.CheckboxSelectMultiple,
        help_text="CPO runs charge points, EMSP serves drivers; a company may be both.",
    )

    def __init__(self, *args: Any, fixed: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in ("country_code", "party_id") if fixed else ():
            self.fields[name].disabled = True

    def clean_country_code(self) -> str:
        return _code(self.cleaned_data["country_code"], r"[A-Z]{2}", "Two letters are expected.")

    def clean_party_id(self) -> str:
        return _code(self.cleaned_data["party_id"], r"[A-Z0-9]{3}", "Three letters or digits are expected.")

    def clean_website(self) -> str:
        url: str = self.cleaned_data["website"].strip()
        if url and not re.match(r"https?://[^\s/]+", url):
            raise forms.ValidationError("A web address begins with https:// or http://.")
        return url


def _code(given: str, pattern: str, sentence: str) -> str:
    code = given.strip().upper()
    if not re.fullmatch(pattern, code):
        raise forms.ValidationError(sentence)
    return code


@admin.register(Party)
class PartyAdmin(ConsoleAdmin):
    party_lookup = "id"
    list_display = ("code", "name", "whose", "role_list", "reached")
    list_filter = ("ours", "country_code")
    search_fields = ("country_code", "party_id", "name")
    search_help_text = "Code or name"
    actions = None
    empty = Empty(
        "Parties: companies with an OCPI code, ours and those of partners.",
        "Ours are made here; those of partners come with their credentials.",
        "Add our company",
        "admin:partners_party_add",
        "partners.add_party",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Party]:
        return super().get_queryset(request).prefetch_related("roles__connection")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Exchanged objects belong to it."""
        return False

    @admin.display(description="Party", ordering="party_id")
    def code(self, party: Party) -> str:
        return str(party)

    @admin.display(description="Whose", ordering="ours")
    def whose(self, party: Party) -> str:
        if party.ours:
            return state("OURS", tone=("good", "home"), text="Ours")
        return state("PARTNER", tone=("off", "group"), text="A partner’s")

    @admin.display(description="Roles")
    def role_list(self, party: Party) -> str:
        return ", ".join(sorted({role.role for role in party.roles.all() if role.state == "ACTIVE"})) or NOTHING

    @admin.display(description="Reached over")
    def reached(self, party: Party) -> str:
        over = {role.connection for role in party.roles.all() if role.connection and role.state == "ACTIVE"}
        return format_html_join(", ", "{}", ((link(each),) for each in sorted(over, key=str))) or NOTHING

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._form(request, None)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        party = self.one(request, object_id)
        if request.method == "POST" and not (party.ours and self.has_change_permission(request, party)):
            raise PermissionDenied
        return self._form(request, party)

    def _form(self, request: HttpRequest, party: Party | None) -> HttpResponse:
        form = OwnParty(
            request.POST if request.method == "POST" else None, initial=_facts(party), fixed=party is not None
        )
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data
            try:
                if (
                    party is None
                    and Party.objects.filter(
                        country_code=given["country_code"], party_id=given["party_id"], ours=True
                    ).exists()
                ):
                    raise UnableToConnect("That company of ours exists already.")
                saved = add_own_party(**given)
                withdraw_own_roles(saved, keep=given["roles"])
            except UnableToConnect as error:
                form.add_error("party_id", str(error))
            else:
                self.note(request, saved, "Created our company" if party is None else "Changed our company")
                self.done(
                    request, f"{saved.label} is saved. Partners hear of it with the next exchange of credentials."
                )
                return redirect("admin:partners_party_changelist")
        editable = party is None or (party.ours and self.has_change_permission(request, party))
        context = {
            "title": party.label if party else "Add our company",
            "form": form if editable else None,
            "party": party,
            "roles": list(party.roles.select_related("connection")) if party else [],
            "theirs": of_parties(request, [party] if party else []),
        }
        return self.render(
            request, "console/partners/party.html", context, status=400 if request.method == "POST" else 200
        )


def _facts(party: Party | None) -> dict[str, Any]:
    if party is None:
        return {"roles": ["CPO"]}
    details = DocumentField.read(party.business_details)
    return {
        "country_code": party.country_code,
        "party_id": party.party_id,
        "name": details.get("name") or party.name,
        "website": details.get("website", ""),
        "roles": [role.role for role in party.roles.filter(connection__isnull=True)],
    }


@admin.register(PartyRole)
class PartyRoleAdmin(ReadOnlyAdmin):
    """Claims: roles that a partner says it has while somebody else holds them. Staff decide on the connection's page."""

    party_lookup = "party"
    list_display = ("what", "holder", "over", "standing", "since")
    list_filter = ("state", "role")
    list_select_related = ("party", "connection")
    search_fields = ("party__party_id", "party__name", "connection__name")
    list_display_links = ("what",)
    ordering = ("-since",)
    empty = Empty("Roles that partners claim while somebody else holds them.", "There is none: nobody contests a role.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PartyRole]:
        rows = super().get_queryset(request).prefetch_related("party__roles__connection")
        contested = rows.filter(connection__isnull=False)
        # the list is about claims; whoever wants the settled roles asks for them by the filter
        return contested if "state__exact" in request.GET else contested.exclude(state="ACTIVE")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "Claimed roles", **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        role = self.one(request, object_id)
        return redirect("admin:partners_connection_change", role.connection_id)

    @admin.display(description="Role")
    def what(self, role: PartyRole) -> str:
        return f"{role} {role.party.name}"

    @admin.display(description="Held by")
    def holder(self, role: PartyRole) -> str:
        if role.party.ours:
            return "us"
        held = (other for other in role.party.roles.all() if other.role == role.role and other.state == "ACTIVE")
        return link(getattr(next(held, None), "connection", None))

    @admin.display(description="Claimed over")
    def over(self, role: PartyRole) -> str:
        return format_html("{}", link(role.connection))

    @admin.display(description="State", ordering="state")
    def standing(self, role: PartyRole) -> str:
        return state(role.state)
