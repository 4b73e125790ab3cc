"""Applications: whose software calls us, with which keys, which webhooks are told, and what a station system drives."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, Q, QuerySet
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, reverse

from backoffice.api.actions import keys, webhooks
from backoffice.api.admin.forms import Locations, NewApplication, NewKey, NewWebhook
from backoffice.api.models import ApiCall, ApiKey, Application, WebhookDelivery, WebhookEndpoint
from backoffice.api.rules import KIND_WORDS, Kind
from backoffice.api.serving.site import api_site
from backoffice.charge_points.actions import systems
from backoffice.charge_points.models import StationLink, StationSystem
from backoffice.console.cells import NOTHING, since, state
from backoffice.console.model_admins import ConsoleAdmin, Empty
from backoffice.roaming_site import site

MANAGE = "api.manage_keys"
SHOWN = 15


@admin.register(Application)
class ApplicationAdmin(ConsoleAdmin):
    list_display = ("name", "what", "party", "usable", "used", "told")
    list_filter = ("kind",)
    list_select_related = ("party",)
    search_fields = ("name", "contact")
    search_help_text = "Name or contact"
    actions = None
    empty = Empty(
        "Software that calls our APIs: charge-station systems and drivers’ apps, with their keys.",
        "None may call yet.",
        "Add an application",
        "admin:api_application_add",
        "api.add_application",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Application]:
        now = site.now()
        return (
            super()
            .get_queryset(request)
            .annotate(
                open_keys=Count("keys", filter=Q(keys__revoked_at=None, keys__expires_at__gt=now), distinct=True),
                last_used=Max("keys__last_used_at"),
                hooks=Count("webhooks", distinct=True),
                silent=Count("webhooks", filter=Q(webhooks__enabled=False), distinct=True),
            )
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Its keys are revoked; what it did stays in the log."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        return [
            self.page("<int:pk>/key/", self.new_key, "key", permission=MANAGE),
            self.page("<int:pk>/key/<int:number>/revoke/", self.revoke, "revoke", permission=MANAGE),
            self.page("<int:pk>/webhook/", self.new_webhook, "webhook", permission=MANAGE),
            self.page("<int:pk>/webhook/<int:number>/<slug:verb>/", self.steer, "steer", permission=MANAGE),
            self.page("<int:pk>/locations/", self.locations, "locations", permission=MANAGE),
            *super().get_urls(),
        ]

    # --- the list -----------------------------------------------------------------------------------------------------

    @admin.display(description="Kind", ordering="kind")
    def what(self, row: Application) -> str:
        return KIND_WORDS.get(row.kind, row.kind)

    @admin.display(description="Keys that open")
    def usable(self, row: Application) -> str:
        return str(row.open_keys) if row.open_keys else state("NONE", tone=("warn", "key_off"), text="none")

    @admin.display(description="Last used")
    def used(self, row: Application) -> str:
        return since(row.last_used)

    @admin.display(description="Webhooks")
    def told(self, row: Application) -> str:
        if row.silent:
            return state("OFF", tone=("bad", "error"), text=f"{row.silent} of {row.hooks} switched off")
        return str(row.hooks) if row.hooks else NOTHING

    # --- one ----------------------------------------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewApplication(request.POST if request.method == "POST" else None, request=request)
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data | {"now": site.now()}
            try:
                if given["kind"] == Kind.STATION_SYSTEM:
                    given.pop("kind")
                    made = systems.add_system(**given).application
                else:
                    made = keys.add_application(**given | {"kind": Kind(given["kind"])})
            except keys.UnableToManageKeys as error:
                form.add_error("name", str(error))
            else:
                self.note(request, made, "Added")
                self.done(request, f"{made} is added. It needs a key before it can call.")
                return redirect("admin:api_application_change", made.pk)
        return self._form(request, form, "Add an application", "Add", None)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request) or request.method == "POST":
            raise PermissionDenied
        row = self.one(request, object_id)
        now, api = site.now(), api_site.of(row.kind)
        links = StationLink.objects.filter(system=row.pk).select_related("location").defer("location__document")
        context = {
            "title": row.name,
            "crumbs": [("API access", reverse("admin:api_application_changelist"))],
            "row": row,
            "kind": KIND_WORDS.get(row.kind, row.kind),
            "api": api,
            "keys": [(key, _standing(key, now)) for key in row.keys.all()],
            "webhooks": [(hook, _health(hook)) for hook in row.webhooks.all()],
            "waiting": WebhookDelivery.objects.filter(endpoint__application=row, state="DUE").count(),
            "is_system": row.kind == Kind.STATION_SYSTEM,
            "links": list(links.order_by("location__name", "pk")[: SHOWN + 1]),
            "calls": list(ApiCall.objects.filter(application=row.pk).order_by("-at", "-id")[:SHOWN]),
            "may_manage": request.user.has_perm(MANAGE),
            "now": now,
        }
        return self.render(request, "console/api/application.html", context)

    def new_key(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self.one(request, pk)
        form = NewKey(request.POST if request.method == "POST" else None, application=row)
        if request.method == "POST" and form.is_valid():
            now = site.now()
            try:
                key = keys.issue(
                    row,
                    scopes=form.cleaned_data["scopes"],
                    expires_at=now + form.life(),
                    per_minute=form.cleaned_data["per_minute"],
                    by=request.user.get_username(),
                    now=now,
                )
            except keys.UnableToManageKeys as error:
                form.add_error("scopes", str(error))
            else:
                self.note(request, row, f"Issued a key with {', '.join(form.cleaned_data['scopes'])}")
                return self._once(request, row, "The new key", key, "Send it as Authorization: Bearer …")
        return self._form(request, form, f"New key for {row}", "Make the key", row)

    def revoke(self, request: HttpRequest, pk: int, number: int) -> HttpResponse:
        row = self.one(request, pk)
        key = get_object_or_404(ApiKey, pk=number, application=row)
        reason = request.POST.get("reason", "").strip()
        if request.method == "POST":
            try:
                if not reason:
                    raise keys.UnableToManageKeys("A reason is needed. Nothing was changed.")
                keys.revoke(key, reason=reason, now=site.now())
            except keys.UnableToManageKeys as error:
                self.sorry(request, error)
            else:
                self.note(request, row, f"Revoked the key {key}: {reason}")
                self.done(request, f"{key} opens nothing any more.")
        return redirect("admin:api_application_change", pk)

    def new_webhook(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self.one(request, pk)
        form = NewWebhook(request.POST if request.method == "POST" else None, application=row)
        if request.method == "POST" and form.is_valid():
            try:
                endpoint, secret = webhooks.add_endpoint(application=row, **form.cleaned_data, now=site.now())
            except webhooks.UnableToTell as error:
                form.add_error("url", str(error))
            else:
                self.note(request, row, f"Added the webhook {endpoint}")
                return self._once(
                    request, row, "Its secret", secret, "By it the receiver checks that a message is ours."
                )
        return self._form(request, form, f"New webhook of {row}", "Add the webhook", row)

    def steer(self, request: HttpRequest, pk: int, number: int, verb: str) -> HttpResponse:
        row = self.one(request, pk)
        endpoint = get_object_or_404(WebhookEndpoint, pk=number, application=row)
        if request.method != "POST":
            return redirect("admin:api_application_change", pk)
        try:
            if verb == "test":
                webhooks.test(endpoint, now=site.now())
                said = "A test message is on its way; the log shows what came of it."
            elif verb == "on":
                webhooks.switch_on(endpoint)
                said = "Switched on."
            elif verb == "off":
                reason = request.POST.get("reason", "").strip() or f"by {request.user.get_username()}"
                webhooks.switch_off(endpoint, reason=f"Switched off: {reason}")
                said = "Switched off. What waited for it is dropped."
            elif verb == "remove":
                webhooks.remove_endpoint(endpoint)
                said = "Removed, with its log."
            else:
                raise Http404
        except webhooks.UnableToTell as error:
            self.sorry(request, error)
        else:
            self.note(request, row, f"Webhook {endpoint}: {said}")
            self.done(request, said)
        return redirect("admin:api_application_change", pk)

    def locations(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self.one(request, pk)
        system = get_object_or_404(StationSystem, pk=row.pk)
        linked = [str(location) for location in system.links.values_list("location_id", flat=True)]
        given = request.POST if request.method == "POST" else None
        form = Locations(given, application=row, initial={"locations": linked})
        if request.method == "POST" and form.is_valid():
            try:
                systems.set_locations(system, [int(each) for each in form.cleaned_data["locations"]])
            except systems.UnableToLink as error:
                form.add_error("locations", str(error))
            else:
                self.note(request, row, f"Drives {len(form.cleaned_data['locations'])} location(s)")
                self.done(request, "Saved. What it no longer drives does not exist for it from now on.")
                return redirect("admin:api_application_change", pk)
        return self._form(request, form, f"What {row} drives", "Save", row)

    def _form(self, request: HttpRequest, form: Form, title: str, button: str, row: Application | None) -> HttpResponse:
        back = reverse("admin:api_application_changelist")
        crumbs = [("API access", back)]
        if row is not None:
            back = reverse("admin:api_application_change", args=[row.pk])
            crumbs.append((row.name, back))
        context = {"title": title, "crumbs": crumbs, "form": form, "button": button, "back": back}
        return self.render(request, "console/api/form.html", context, status=400 if request.method == "POST" else 200)

    def _once(self, request: HttpRequest, row: Application, what: str, secret: str, use: str) -> HttpResponse:
        """The page on which something secret is seen, this once."""
        back = reverse("admin:api_application_change", args=[row.pk])
        context = {"title": what, "crumbs": [(row.name, back)], "secret": secret, "use": use, "back": back, "row": row}
        return self.render(request, "console/api/once.html", context)  # the admin's pages are never stored


def _standing(key: ApiKey, now: Any) -> str:
    if key.revoked_at is not None:
        return state("REVOKED", tone=("bad", "block"), text="Revoked")
    if key.expires_at <= now:
        return state("EXPIRED", tone=("off", "timer_off"), text="Expired")
    if (key.expires_at - now).days < 14:
        return state("ENDS", tone=("warn", "hourglass_bottom"), text="Expires soon")
    return state("OPENS", tone=("good", "key"), text="Opens")


def _health(hook: WebhookEndpoint) -> str:
    if not hook.enabled:
        return state("OFF", tone=("bad", "notifications_off"), text="Switched off")
    if hook.failing_since is not None:
        return state("FAILING", tone=("warn", "sync_problem"), text="Failing")
    return state("ON", tone=("good", "check_circle"), text="Arrives" if hook.last_success_at else "Not told yet")
