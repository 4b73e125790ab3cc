"""What staff do with a published tariff of ours: end it, withdraw it, say who sees it. Each page tells what will happen first."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from backoffice.console.contests import local, moment_of
from backoffice.locations.actions import offering
from backoffice.partners.models import Connection
from backoffice.roaming_site import site
from backoffice.tariffs.actions import disclosing, drafting
from backoffice.tariffs.actions.drafting import UnableToChange
from backoffice.tariffs.admin.published.detail import zone_of
from backoffice.tariffs.admin.published.filters import type_in_words
from backoffice.tariffs.admin.published.offered import Left, left_without, places_of, sets_of
from backoffice.tariffs.models import Tariff

PUBLISH = "tariffs.publish_tariff"


class DeedPages:
    """Part of TariffAdmin."""

    def deed_urls(self: Any) -> list[URLPattern]:
        of, page = "<int:pk>/", self.page
        return [
            page(f"{of}end/", self.end_view, "end", permission=PUBLISH),
            page(f"{of}withdraw/", self.withdraw_view, "withdraw", permission=PUBLISH),
            page(f"{of}disclose/", require_POST(self.disclose_view), "disclose", permission=PUBLISH),
        ]

    # --- end ----------------------------------------------------------------------------------------------------------

    def end_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        tariff = self._ours(request, pk)
        zone = zone_of(tariff)
        given, problem, left = request.POST, "", []
        if request.method == "POST":
            at = moment_of(given.get("at", ""), zone)
            lifts, reason = "_lift" in given, given.get("reason", "").strip()[:200]
            try:
                if not reason:
                    raise UnableToChange("Give a reason: it is kept in the history.")
                if not lifts and at is None:
                    raise UnableToChange("Say when it ends, with date and time.")
                if at is not None and not lifts and "sure" not in given:
                    sets = sets_of(tariff.party, tariff.object_id)
                    left = left_without(tariff.party, sets, tariff.object_id, at.astimezone(UTC))
                if not left:
                    drafting.change_end(
                        tariff, None if lifts or at is None else at.astimezone(UTC), by=request.user, now=site.now()
                    )
                    said = "It has no end any more" if lifts else f"Ends {at:%d %b %Y %H:%M} {zone.key}"
                    self.note(request, tariff, f"{said}: {reason}")
                    self.done(request, f"{said}. Partners are being told.")
                    return HttpResponseRedirect(_page(pk))
            except UnableToChange as error:
                problem = str(error)
        ends = local(tariff.ends_at, zone) if tariff.ends_at is not None else None
        context = {
            "title": f"End {tariff.object_id}",
            "crumbs": _crumbs(tariff),
            "tariff": tariff,
            "zone": zone,
            "at": given.get("at") or (f"{ends:%Y-%m-%dT%H:%M}" if ends is not None else ""),
            "reason": given.get("reason", ""),
            "problem": problem,
            "left": _told(left),
            "now": f"{site.now().astimezone(zone):%Y-%m-%dT%H:%M}",
        }
        return self.render(request, "console/tariffs/end.html", context, status=422 if problem or left else 200)

    # --- withdraw -----------------------------------------------------------------------------------------------------

    def withdraw_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        tariff = self._ours(request, pk)
        problem, reason = "", request.POST.get("reason", "").strip()[:200]
        if request.method == "POST":
            try:
                if not reason:
                    raise UnableToChange("Give a reason: it is kept in the history.")
                changed = withdraw(tariff)
            except UnableToChange as error:
                problem = str(error)
            else:
                where = f" and taken off the connectors of {changed} EVSEs" if changed else ""
                self.note(request, tariff, f"Withdrawn{where}: {reason}")
                self.done(request, f"{tariff.object_id} is withdrawn{where}. Partners are being told.")
                return HttpResponseRedirect(_page(pk))
        places, many = places_of(tariff.party, tariff.object_id, most=20)
        sets = sets_of(tariff.party, tariff.object_id)
        context = {
            "title": f"Withdraw {tariff.object_id}",
            "crumbs": _crumbs(tariff),
            "tariff": tariff,
            "places": places,
            "places_total": many,
            "connectors": sum(one.connectors for one in sets),
            "left": _told(left_without(tariff.party, sets, tariff.object_id, site.now())),
            "problem": problem,
            "reason": reason,
        }
        return self.render(request, "console/tariffs/withdraw.html", context, status=422 if problem else 200)

    # --- disclose -----------------------------------------------------------------------------------------------------

    def disclose_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        tariff = self._ours(request, pk)
        back = HttpResponseRedirect(_page(pk) + "?tab=partners")
        known = Connection.objects.filter(our_parties=tariff.party).exclude(state="REMOVED")
        named = [each for each in known if str(each.pk) in request.POST.getlist("connection")]
        everyone = request.POST.get("to") == "everyone"
        if not everyone and request.POST.get("to") != "some":
            self.sorry(request, UnableToChange("Say whether every partner sees it or only some."))
            return back
        try:
            disclosing.disclose(tariff, None if everyone else [each.pk for each in named], now=site.now())
        except UnableToChange as error:
            self.sorry(request, error)
            return back
        whom = "every partner" if everyone else ", ".join(each.name for each in named) or "nobody"
        self.note(request, tariff, f"Shown to {whom}.")
        self.done(request, f"Shown to {whom}. Who sees it anew, and who sees it no longer, is being told.")
        return back

    # --- what the views share -----------------------------------------------------------------------------------------

    def _ours(self: Any, request: HttpRequest, pk: int) -> Tariff:
        tariff: Tariff = self.one(request, pk)
        if not tariff.party.ours:
            raise Http404("Partners' tariffs are read-only.")
        return tariff


def withdraw(tariff: Tariff) -> int:
    """Off the connectors first: a tariff is deleted when no connector refers to it any more (mod_tariffs#delete_method). Returns
    how many EVSEs changed. Raises UnableToChange."""
    now = site.now()
    with transaction.atomic():
        changed = offering.drop(tariff.party_id, tariff.object_id, now=now)
        disclosing.withdraw(tariff, now=now)
    return changed


def _told(left: list[Left]) -> list[tuple[Left, str]]:
    return [(each, type_in_words(each.kind)) for each in left]


def _page(pk: int) -> str:
    return reverse("admin:tariffs_tariff_change", args=[pk])


def _crumbs(tariff: Tariff) -> list[tuple[str, str]]:
    return [("Tariffs", reverse("admin:tariffs_tariff_changelist")), (tariff.object_id, _page(tariff.pk))]
