"""The wizard of a new connection: "Has the partner given you a token and a versions URL?"

Yes: name, URL, token; the test reads their versions live, then one button registers. No: name, own parties; our versions
URL and the token A are shown once, and the page turns green when the partner's call arrives.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import reverse

from backoffice.console.scope import scoped
from backoffice.partners.actions import connections, flows, handshake
from backoffice.partners.models import Connection, Party
from backoffice.partners.rules import ConnectionState
from backoffice.partners.secrets import decrypt, encrypt
from backoffice.roaming_site import site
from ocpi.client import UrlDenied, check_url

if TYPE_CHECKING:
    from backoffice.partners.admin.connections import ConnectionAdmin

_SHOWN_ONCE = "partners_token_a"
"""Session key: connection id -> token A, encrypted, until the page that shows it is opened."""


class Invitation(forms.Form):
    """We wait for the partner's call."""

    name = forms.CharField(max_length=100, label="Name", help_text="How your colleagues call this partner.")
    our_parties = forms.ModelMultipleChoiceField(
        Party.objects.none(),
        label="We act as",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one."},
    )

    def __init__(self, *args: Any, user: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        parties = scoped(Party.objects.filter(ours=True), user, "id")
        field = self.fields["our_parties"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        field.queryset = parties
        field.label_from_instance = lambda party: party.label  # type: ignore[method-assign]  # Django's documented hook
        field.initial = [party.pk for party in parties]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        if Connection.objects.filter(name=name).exists():
            raise forms.ValidationError("There is a connection of that name already. Choose another name.")
        return name


class Address(forms.Form):
    """What the partner gave us."""

    versions_url = forms.CharField(
        max_length=255, label="Versions URL", help_text="For example https://partner.example/ocpi/versions"
    )
    token_a = forms.CharField(
        max_length=64,
        label="Token",
        help_text="CREDENTIALS_TOKEN_A, as the partner sent it: not Base64.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    plain_token = forms.BooleanField(
        required=False,
        label="The partner takes tokens without Base64",
        help_text="OCPI wants Base64 since 2.2; older platforms often do not. Try this when the test ends in 401.",
    )

    def clean_versions_url(self) -> str:
        url: str = self.cleaned_data["versions_url"].strip()
        assert site.client is not None
        try:
            check_url(url, site.client.policy)
        except UrlDenied as denied:
            raise forms.ValidationError(str(denied)) from denied
        return url

    def clean_token_a(self) -> str:
        token: str = self.cleaned_data["token_a"].strip()
        if any(not "!" <= character <= "~" for character in token):
            raise forms.ValidationError("A token is printable ASCII without spaces.")
        return token


class Registration(Invitation, Address):
    field_order = ("versions_url", "token_a", "plain_token", "name", "our_parties")


class Correction(Address):
    """Another try at a registration; the token we hold is kept when none is given."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["token_a"].required = False
        self.fields["token_a"].help_text = "Empty: the one that you gave before."


def begin(admin: ConnectionAdmin, request: HttpRequest) -> HttpResponse:
    """The question, then the form of the chosen way."""
    way = request.GET.get("way", "")
    if not Party.objects.filter(ours=True).exists():
        return admin.render(request, "console/partners/wizard_no_party.html", {"title": "New connection"})
    if way not in ("theirs", "ours"):
        return admin.render(request, "console/partners/wizard_choice.html", {"title": "New connection"})
    form_class = Registration if way == "theirs" else Invitation
    form = form_class(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            return _registration(admin, request, form) if way == "theirs" else _invitation(admin, request, form)
        except connections.UnableToConnect as error:
            form.add_error("name", str(error))
    return admin.render(
        request,
        "console/partners/wizard_form.html",
        {"title": "New connection", "form": form, "way": way},
        status=400 if request.method == "POST" else 200,
    )


def _registration(admin: ConnectionAdmin, request: HttpRequest, form: forms.Form) -> HttpResponse:
    given = form.cleaned_data
    connection = connections.prepare_registration(
        name=given["name"],
        our_parties=list(given["our_parties"]),
        versions_url=given["versions_url"],
        token_a=given["token_a"],
    )
    if given["plain_token"]:
        connections.correct_registration(connection, versions_url=given["versions_url"], token_a="", plain_token=True)
    admin.note(request, connection, f"Began the registration at {given['versions_url']}")
    return _test(connection)


def _test(connection: Connection) -> HttpResponse:
    def look() -> str:
        offer = handshake.preview(connection, now=site.now())
        return f"OCPI {offer.version} is the best version that both speak."

    with suppress(connections.UnableToConnect):  # a second click: the page shows the steps of the first
        flows.begin(connection, "register", look, now=site.now())
    return redirect("admin:partners_connection_setup", connection.pk)


def _invitation(admin: ConnectionAdmin, request: HttpRequest, form: forms.Form) -> HttpResponse:
    given = form.cleaned_data
    connection, token = connections.invite(name=given["name"], our_parties=list(given["our_parties"]), now=site.now())
    admin.note(request, connection, "Made an invitation with a token A")
    return _show_once(request, connection, token)


def _show_once(request: HttpRequest, connection: Connection, token: str) -> HttpResponse:
    kept = request.session.get(_SHOWN_ONCE, {})
    request.session[_SHOWN_ONCE] = {**kept, str(connection.pk): encrypt(token)}
    return redirect("admin:partners_connection_setup", connection.pk)


def _take(request: HttpRequest, connection: Connection) -> str | None:
    kept = dict(request.session.get(_SHOWN_ONCE, {}))
    stored = kept.pop(str(connection.pk), None)
    if stored is None:
        return None
    request.session[_SHOWN_ONCE] = kept
    return decrypt(stored)


def invite_again(admin: ConnectionAdmin, request: HttpRequest, connection: Connection) -> HttpResponse:
    """A fresh token A; the old one dies."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        token = connections.invite_again(connection, now=site.now())
    except connections.UnableToConnect as error:
        admin.sorry(request, error)
        return redirect("admin:partners_connection_change", connection.pk)
    admin.note(request, connection, "Made a new token A; the one before opens nothing any more")
    return _show_once(request, connection, token)


def go_on(admin: ConnectionAdmin, request: HttpRequest, connection: Connection) -> HttpResponse:
    """The page on which a connection comes into being, either way round."""
    state = ConnectionState(connection.state)
    if state is ConnectionState.INVITED:
        return _wait(admin, request, connection)
    if state is ConnectionState.REGISTERING:
        return _correct(admin, request, connection)
    return redirect("admin:partners_connection_change", connection.pk)


def _wait(admin: ConnectionAdmin, request: HttpRequest, connection: Connection) -> HttpResponse:
    token = _take(request, connection)
    bootstrap = connection.inbound_tokens.filter(kind="BOOTSTRAP", burnt_at__isnull=True).first()
    context = {
        "title": f"Invitation: {connection.name}",
        "setting_up": True,
        "token": token,
        "versions_url": site.versions_url(),
        "email": _email(connection, token) if token else "",
        "expires_at": bootstrap.expires_at if bootstrap else None,
        "expired": bootstrap is None or (bootstrap.expires_at is not None and bootstrap.expires_at <= site.now()),
        "flow": "receive",
        "progress": flows.progress(connection, "receive", now=site.now()),
    }
    return admin.render(request, "console/partners/wizard_invited.html", admin.frame(request, connection) | context)


def _email(connection: Connection, token: str) -> str:
    ours = ", ".join(f"{party} ({party.name})" for party in connection.our_parties.all())
    return (
        f"Subject: OCPI connection with {ours}\n\n"
        "Hello,\n\n"
        "please register with our OCPI platform:\n\n"
        f"Versions URL: {site.versions_url()}\n"
        f"CREDENTIALS_TOKEN_A: {token}\n"
        f"Versions: {', '.join(site.versions)}\n"
        f"Our parties: {ours}\n\n"
        "The token is given here as it is; in the Authorization header it must be Base64 encoded (OCPI 2.2 and later).\n"
        f"It works once, for the registration, within {connections.BOOTSTRAP_LIFETIME.days} days.\n"
    )


def _correct(admin: ConnectionAdmin, request: HttpRequest, connection: Connection) -> HttpResponse:
    initial = {"versions_url": connection.versions_url, "plain_token": connection.plain_token}
    form = Correction(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            connections.correct_registration(
                connection,
                versions_url=given["versions_url"],
                token_a=given["token_a"],
                plain_token=given["plain_token"],
            )
        except connections.UnableToConnect as error:
            admin.message_user(request, str(error), messages.ERROR)
            return redirect("admin:partners_connection_change", connection.pk)
        admin.note(request, connection, f"Tried the registration at {given['versions_url']}")
        return _test(connection)
    context = {
        "title": f"Register with {connection.name}",
        "setting_up": True,
        "form": form,
        "change_url": reverse("admin:partners_connection_change", args=[connection.pk]),
    } | admin._progress(connection, "register")
    return admin.render(
        request,
        "console/partners/wizard_registering.html",
        admin.frame(request, connection) | context,
        status=400 if request.method == "POST" else 200,
    )
