"""The forms for our own locations: a page for the location, one for each EVSE, one for each connector, and the small posts.

Received locations have none of these: asking for one answers 404, as for a location that does not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from backoffice.console.document_forms import DocumentForm
from backoffice.locations.actions import changing, editing
from backoffice.locations.actions.changing import UnableToChange, UnableToShare
from backoffice.locations.admin.owners import sending_parties
from backoffice.locations.models import Evse, Location
from backoffice.partners.models import Connection
from backoffice.roaming_site import site
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from ocpi.wire.base import Wire
from ocpi.wire.locations import Status

OF_LOCATION = frozenset({"country_code", "party_id", "evses", "last_updated"})
OF_EVSE = frozenset({"connectors", "last_updated"})
OF_CONNECTOR = frozenset({"last_updated"})

NEW_LOCATION: dict[str, Any] = {"publish": True}
NEW_EVSE: dict[str, Any] = {"status": "PLANNED", "connectors": [{"id": "1"}]}


class EditPages:
    """Part of LocationAdmin."""

    def edit_urls(self: Any) -> list[URLPattern]:
        of, page = "<int:pk>/", self.page
        changes, adds = "locations.change_evse", "locations.add_evse"
        return [
            page("add/", self.location_add_view, "add", permission="add"),
            page(f"{of}edit/", self.location_edit_view, "edit", permission="change"),
            page(f"{of}evse/add/", self.evse_add_view, "evse_add", permission=adds),
            page(f"{of}evse/<int:evse>/", self.evse_edit_view, "evse", permission=changes),
            page(f"{of}evse/<int:evse>/status/", require_POST(self.status_view), "status", permission=changes),
            page(f"{of}evse/<int:evse>/connector/add/", self.connector_add_view, "connector_add", permission=changes),
            page(
                f"{of}evse/<int:evse>/connector/<path:connector>/",
                self.connector_edit_view,
                "connector",
                permission=changes,
            ),
            page(f"{of}share/", require_POST(self.share_view), "share", permission="change"),
            page(f"{of}withhold/", require_POST(self.withhold_view), "withhold", permission="change"),
        ]

    # --- forms --------------------------------------------------------------------------------------------------------

    def location_add_view(self: Any, request: HttpRequest) -> HttpResponse:
        parties = sending_parties(request)
        wanted = request.POST.get("@party", "")
        party = next((each for each in parties if str(each.pk) == wanted), parties[0] if parties else None)
        if party is None:
            return self.render(request, "console/locations/no_party.html", {"title": "Add a location"}, status=200)
        made: list[Location] = []

        def save(form: DocumentForm) -> None:
            made.append(editing.create_location(party, form.draft, now=site.now()))
            self.log_addition(request, made[0], "Added.")

        return self._edit(
            request,
            (wire.Location, {}, OF_LOCATION),
            {"title": "Add a location", "parties": parties, "party_id": party.pk, "intro": ADDING},
            back=reverse("admin:locations_location_changelist"),
            save=save,
            after=lambda: reverse("admin:locations_location_change", args=[made[0].pk]),
            preset=NEW_LOCATION,
            said="Added. Partners do not hear of it before it is shared: add its EVSEs first.",
        )

    def location_edit_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        location = self._ours(request, pk)
        stored = location.tree()
        stored.pop("evses", None)

        def save(form: DocumentForm) -> None:
            editing.edit_location(location, form.merged, now=site.now())
            self.note(request, location, f"Changed {form.told()}")

        back = reverse("admin:locations_location_change", args=[pk])
        crumbs = [*_crumbs(), (str(location), back)]
        return self._edit(
            request,
            (wire.Location, stored, OF_LOCATION | {"id"}),
            {"title": "Edit location", "crumbs": crumbs},
            back=back,
            save=save,
        )

    def evse_add_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        """An EVSE needs a connector, so the first one is entered with it."""
        location = self._ours(request, pk)
        skip = frozenset({"last_updated", "connectors.last_updated"})
        return self._evse(request, location, None, (wire.EVSE, {}, skip), "Add an EVSE")

    def evse_edit_view(self: Any, request: HttpRequest, pk: int, evse: int) -> HttpResponse:
        location, row, stored = self._evse_of(request, pk, evse)
        return self._evse(
            request, location, row.uid, (wire.EVSE, stored, OF_EVSE | {"uid", "status"}), f"Edit EVSE {row}"
        )

    def _evse(
        self: Any, request: HttpRequest, location: Location, uid: str | None, what: Any, title: str
    ) -> HttpResponse:
        def save(form: DocumentForm) -> None:
            saved = editing.save_evse(location, uid, form.merged, now=site.now())
            self.note(request, location, f"Changed EVSE {saved}: {form.told()}" if uid else f"Added EVSE {saved}.")

        back = reverse("admin:locations_location_change", args=[location.pk])
        context = {"title": title, "crumbs": [*_crumbs(), (str(location), back)]}
        preset = {} if uid else NEW_EVSE
        return self._edit(request, what, context, back=back, save=save, preset=preset, ignore=("last_updated",))

    def connector_add_view(self: Any, request: HttpRequest, pk: int, evse: int) -> HttpResponse:
        return self._connector(request, pk, evse, None)

    def connector_edit_view(self: Any, request: HttpRequest, pk: int, evse: int, connector: str) -> HttpResponse:
        return self._connector(request, pk, evse, connector)

    def _connector(self: Any, request: HttpRequest, pk: int, evse: int, connector: str | None) -> HttpResponse:
        location, row, tree = self._evse_of(request, pk, evse)
        stored: dict[str, Any] | None = {}
        if connector is not None:
            stored = next((each for each in tree["connectors"] if each["id"].upper() == connector.upper()), None)
            if stored is None:
                raise Http404

        def save(form: DocumentForm) -> None:
            editing.save_connector(location, row.uid, connector, form.merged, now=site.now())
            name = f"connector {connector or form.draft['id']} of EVSE {row.uid}"
            self.note(request, location, f"Changed {name}: {form.told()}" if connector else f"Added {name}.")

        back = reverse("admin:locations_location_change", args=[pk]) + f"#evse-{row.pk}"
        title = f"Edit connector {connector} of EVSE {row}" if connector else f"Add a connector to EVSE {row}"
        context = {"title": title, "crumbs": [*_crumbs(), (str(location), back)]}
        skip = OF_CONNECTOR | ({"id"} if connector else set())
        return self._edit(
            request, (wire.Connector, stored, skip), context, back=back, save=save, ignore=("last_updated",)
        )

    def _edit(
        self: Any,
        request: HttpRequest,
        what: tuple[type[Wire], dict[str, Any], frozenset[str]],
        context: dict[str, Any],
        *,
        back: str,
        save: Callable[[DocumentForm], None],
        after: Callable[[], str] | None = None,
        preset: dict[str, Any] | None = None,
        said: str = "Saved.",
        ignore: tuple[str, ...] = (),
    ) -> HttpResponse:
        """Show a form, rearrange it, or save it: the same for all five."""
        cls, stored, skip = what
        if request.method != "POST":
            form = DocumentForm.open(cls, stored, preset=preset, skip=skip)
            return self.render(request, "console/document_form.html", context | {"form": form, "back": back})
        try:
            form = DocumentForm.posted(cls, request.POST, skip=skip)
        except ValueError as error:
            raise BadRequest("The form's hidden parts are damaged.") from error
        if not form.rearranged(request.POST):
            if stored and not form.changed:
                self.done(request, "Nothing was changed.")
                return HttpResponseRedirect(back)
            try:
                save(form)
            except wire_json.Invalid as error:
                form.blame(v for v in error.violations if not v.path or v.path[0] not in ignore)
            except UnableToChange as error:
                form.blame([wire_json.Violation((), str(error))])
            else:
                self.done(request, said)
                return HttpResponseRedirect(after() if after else back)
        status = 422 if form.violations else 200
        return self.render(request, "console/document_form.html", context | {"form": form, "back": back}, status=status)

    # --- small posts --------------------------------------------------------------------------------------------------

    def status_view(self: Any, request: HttpRequest, pk: int, evse: int) -> HttpResponse:
        location, row, _ = self._evse_of(request, pk, evse)
        status, reason = request.POST.get("status", ""), request.POST.get("reason", "").strip()[:200]
        if status not in list(Status):
            raise BadRequest("No such status.")
        try:
            if not reason:
                raise UnableToChange("Give a reason: it is kept in the history.")
            if row.status == Status.REMOVED:
                raise UnableToChange(f"EVSE {row} is removed, which is for good.")
            changed = changing.set_status(location, row.uid, status, source="staff", reason=reason, now=site.now())
        except UnableToChange as error:
            self.sorry(request, error)
        else:
            if changed:
                self.note(request, location, f"Set EVSE {row.uid} from {row.status} to {status}: {reason}")
                self.done(request, f"EVSE {row} is {status} now, and partners are being told.")
            else:
                self.done(request, f"EVSE {row} was {status} already.")
        return HttpResponseRedirect(reverse("admin:locations_location_change", args=[pk]) + f"#evse-{row.pk}")

    def share_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        location = self._ours(request, pk)
        wanted = request.POST.get("shared") == "1"
        try:
            warnings = changing.share(location, now=site.now()) if wanted else []
        except UnableToShare as error:
            self.sorry(request, UnableToChange(f"Not shared. {error}"))
        else:
            if not wanted:
                changing.unshare(location)
            self.note(request, location, "Shared with partners." if wanted else "No longer shared with partners.")
            said = (
                "Shared: partners are being told."
                if wanted
                else "No longer shared. What partners hold stays until their next full pull."
            )
            self.done(request, said + (f" {len(warnings)} things could be better, see below." if warnings else ""))
        return HttpResponseRedirect(reverse("admin:locations_location_change", args=[pk]))

    def withhold_view(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        location = self._ours(request, pk)
        known = Connection.objects.filter(our_parties=location.party).exclude(state="REMOVED")
        ticked = [each for each in known if str(each.pk) in request.POST.getlist("connection")]
        changing.withhold(location, [each.pk for each in ticked], now=site.now())
        names = ", ".join(each.name for each in ticked) or "nobody"
        self.note(request, location, f"Withheld from {names}.")
        self.done(request, f"Withheld from {names}.")
        return HttpResponseRedirect(reverse("admin:locations_location_change", args=[pk]) + "?tab=partners")

    # --- what is edited -----------------------------------------------------------------------------------------------

    def _ours(self: Any, request: HttpRequest, pk: int) -> Location:
        location: Location = self.one(request, pk)
        if not location.party.ours:
            raise Http404("Partners' locations are read-only.")
        return location

    def _evse_of(self: Any, request: HttpRequest, pk: int, evse: int) -> tuple[Location, Evse, dict[str, Any]]:
        location = self._ours(request, pk)
        row = get_object_or_404(Evse, pk=evse, location=location, listed=True)
        return location, row, wire_json.parse(row.document.encode())


ADDING = (
    "A new location is not shared with partners until you say so. Its id is yours to choose and never changes afterwards; "
    "EVSEs are added on its page."
)


def _crumbs() -> list[tuple[str, str]]:
    return [("Locations", reverse("admin:locations_location_changelist"))]
