"""The forms: a provider is asked to activate a terminal, one of ours is made, and the data of one is changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse

from backoffice.console.scope import scoped
from backoffice.partners.models import Party
from backoffice.payments.actions.terminals import assigning, providing
from backoffice.payments.actions.terminals.storing import UnableToChange
from backoffice.payments.admin.terminals.detail import customers, places
from backoffice.payments.admin.terminals.words import STEER
from backoffice.payments.models import Terminal
from backoffice.payments.rules.terminals import SENDER_ROLES, TerminalState
from backoffice.roaming_site import site

CREATORS = (("", "Nobody has said"), ("CPO", "The CPO"), ("PTP", "The provider"))

FIELDS: Mapping[str, tuple[str, int, str]] = {
    "reference": ("Reference, e.g. the serial number", 36, "What is printed on it, or stands on the delivery note."),
    "terminal_id": ("Id", 36, "Only where it is known already; else the provider gives one."),
    "customer_reference": ("Customer reference", 36, "What the provider knows the CPO by, as agreed with the order."),
    "address": ("Address", 45, ""),
    "postal_code": ("Postal code", 10, ""),
    "city": ("City", 45, ""),
    "country": ("Country", 3, "Three letters, as AUT."),
    "latitude": ("Latitude", 10, "As 47.070714."),
    "longitude": ("Longitude", 11, "As 15.439504."),
    "invoice_base_url": (
        "Invoice URL",
        255,
        "The driver's invoice is at this address followed by the authorization reference.",
    ),
}
"""Label, length, help."""

PLAIN = [name for name in FIELDS if name not in ("latitude", "longitude")]


class AskingPages:
    """Part of TerminalAdmin."""

    def asking_urls(self: Any) -> list[URLPattern]:
        return [
            self.page("new/", self.new_view, "new", permission=STEER),
            self.page("<int:pk>/edit/", self.edit_view, "edit", permission=STEER),
        ]

    def new_view(self: Any, request: HttpRequest) -> HttpResponse:
        given = request.POST if request.method == "POST" else request.GET
        ours = _providers(request)
        make = given.get("kind") == "make" and bool(ours)
        able = ours if make else _others(request)
        problem = ""
        if request.method == "POST":
            try:
                return self._made(request, given, able) if make else self._asked(request, given, able)
            except UnableToChange as error:
                problem = str(error)
        names = [name for name in FIELDS if not (make and name == "terminal_id")]
        context = {
            "title": "Make a terminal" if make else "Ask for a terminal",
            "crumbs": [("Payment terminals", reverse("admin:payments_terminal_changelist"))],
            "make": make,
            "can_make": bool(ours),
            "providers": able,
            "cpos": _all_customers(ours) if make else places(request),
            "fields": _fields(names, given),
            "creators": CREATORS,
            "given": {name: given.get(name, "") for name in ("provider", "cpo", "locations", "invoice_creator")},
            "problem": problem,
        }
        return self.render(request, "console/payments/new.html", context, status=422 if problem else 200)

    def _asked(self: Any, request: HttpRequest, given: Any, able: list[Party]) -> HttpResponse:
        """Raises UnableToChange."""
        provider, customer = _chosen(able, given.get("provider")), _chosen(places(request), given.get("cpo"))
        if provider is None or customer is None:
            raise UnableToChange("Choose a provider, and the CPO at whose charge points the terminal stands.")
        ids = [each.strip() for each in given.get("locations", "").split(",") if each.strip()]
        fields = typed(given) | ({"location_ids": ids} if ids else {})
        by = request.user.get_username()
        row = assigning.ask_to_activate(provider=provider, customer=customer, fields=fields, by=by, now=site.now())
        self.note(request, row, f"Asked {provider} to activate {row}")
        self.done(
            request, f"{provider} is being asked. When it says yes it sends the terminal, which then stands here."
        )
        return HttpResponseRedirect(reverse("admin:payments_terminal_changelist"))

    def _made(self: Any, request: HttpRequest, given: Any, able: list[Party]) -> HttpResponse:
        """Raises UnableToChange."""
        provider = _chosen(able, given.get("provider"))
        if provider is None:
            raise UnableToChange("Choose which provider of this house it is of.")
        customer = _chosen(customers(provider), given.get("cpo"))
        if customer is None and given.get("cpo"):
            raise UnableToChange(f"{provider} is not connected with that CPO.")
        by = request.user.get_username()
        row = providing.create(party=provider, customer=customer, fields=typed(given), by=by, now=site.now())
        self.note(request, row, "Made")
        self.done(request, "Made." if customer is None else f"Made; {customer} is being told.")
        return HttpResponseRedirect(reverse("admin:payments_terminal_change", args=[row.pk]))

    def edit_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        row: Terminal = self.one(request, pk)
        if row.state == TerminalState.INACTIVE:
            raise Http404
        tree = row.tree()
        names = [name for name in FIELDS if name != "terminal_id" and (row.ours or name != "reference")]
        problem = ""
        now: Any = _flat(tree)
        if request.method == "POST":
            now = request.POST
            fields = typed(now)
            # what was emptied is taken away
            asked = {
                name: fields.get(name) for name in [*(n for n in names if n in PLAIN), "coordinates", "invoice_creator"]
            }
            act = providing.change if row.ours else assigning.change
            try:
                act(row, asked, by=request.user.get_username(), now=site.now())
                self.note(request, row, "Data changed")
                self.done(request, "Saved." if row.ours else "Saved; the provider is being told.")
                return HttpResponseRedirect(reverse("admin:payments_terminal_change", args=[row.pk]))
            except UnableToChange as error:
                problem = str(error)
        context = {
            "title": f"Change {row.reference or row.object_id}",
            "crumbs": [
                ("Payment terminals", reverse("admin:payments_terminal_changelist")),
                (row.reference or row.object_id, reverse("admin:payments_terminal_change", args=[row.pk])),
            ],
            "row": row,
            "fields": _fields(names, now),
            "creators": CREATORS,
            "given": {"invoice_creator": now.get("invoice_creator", "")},
            "problem": problem,
        }
        return self.render(request, "console/payments/edit.html", context, status=422 if problem else 200)


def typed(given: Any) -> dict[str, Any]:
    """What was filled in, as a Terminal says it."""
    found: dict[str, Any] = {name: given.get(name, "").strip() for name in PLAIN}
    found["invoice_creator"] = given.get("invoice_creator", "")
    latitude, longitude = given.get("latitude", "").strip(), given.get("longitude", "").strip()
    if latitude or longitude:
        found["coordinates"] = {"latitude": latitude, "longitude": longitude}
    return {name: value for name, value in found.items() if value}


def _flat(tree: dict[str, Any]) -> dict[str, str]:
    """As `typed` reads it."""
    flat = {name: str(tree.get(name) or "") for name in [*PLAIN, "invoice_creator"]}
    return flat | {name: str(value) for name, value in (tree.get("coordinates") or {}).items()}


def _fields(names: list[str], given: Any) -> list[tuple[str, str, int, str, str]]:
    return [(name, *FIELDS[name], given.get(name, "")) for name in names]


def _chosen(parties: list[Party], value: Any) -> Party | None:
    return next((each for each in parties if str(each.pk) == value), None)


def _providers(request: HttpRequest) -> list[Party]:
    """Ours. Who is only OTHER may be anything: that one must say PTP."""
    ours = Party.objects.filter(ours=True, roles__role="PTP", roles__connection=None)
    return list(scoped(ours, request.user, "id").distinct())


def _others(request: HttpRequest) -> list[Party]:
    """Partners' providers that can be asked: at their Sender interface for payments."""
    found = Party.objects.filter(
        ours=False,
        roles__role__in=SENDER_ROLES,
        roles__state="ACTIVE",
        roles__connection__our_parties__in=[each.pk for each in places(request)],
        roles__connection__endpoints__identifier="payments",
        roles__connection__endpoints__role="SENDER",
    )
    return list(found.distinct())


def _all_customers(providers: list[Party]) -> list[Party]:
    return sorted({each for provider in providers for each in customers(provider)}, key=str)
