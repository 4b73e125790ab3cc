"""Import locations from an uploaded file: first the report of a dry run, and on the same page the button that does it.

Between the two the file waits (`console.waiting`).
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse

from backoffice.console import waiting
from backoffice.documents.importing import Report, UnableToImport
from backoffice.locations.actions import importing
from backoffice.locations.admin.owners import sending_parties
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.tariffs.actions import importing as tariffs

LARGEST = 50_000_000
PURPOSE = "locations.upload"
VERSIONS = ("2.3.0", "2.2.1", "2.1.1")


class UploadPages:
    """Part of LocationAdmin."""

    def upload_urls(self: Any) -> list[URLPattern]:
        return [self.page("upload/", self.upload_view, "upload", permission="add")]

    def upload_view(self: Any, request: HttpRequest) -> HttpResponse:
        parties = sending_parties(request)
        context: dict[str, Any] = {
            "title": "Import locations",
            "crumbs": [("Locations", reverse("admin:locations_location_changelist"))],
            "parties": parties,
            "versions": VERSIONS,
            "largest": LARGEST // 1_000_000,
        }
        if request.method == "POST":
            try:
                context |= (
                    self._confirm(request, parties) if "waiting" in request.POST else self._check(request, parties)
                )
            except (UnableToImport, waiting.UnableToTake) as error:
                return self.render(
                    request, "console/locations/upload.html", context | {"error": str(error)}, status=422
                )
        return self.render(request, "console/locations/upload.html", context)

    def _check(self: Any, request: HttpRequest, parties: list[Party]) -> dict[str, Any]:
        """The dry run of a fresh upload."""
        upload = request.FILES.get("file")
        party = _chosen(parties, request.POST.get("party", ""))
        version = request.POST.get("version", "") or None
        if upload is None:
            raise UnableToImport("Choose a file: OCPI JSON with locations.")
        if version not in (None, *VERSIONS):
            raise UnableToImport("There is no such version.")
        if upload.size > LARGEST:
            raise UnableToImport(
                f"The file is larger than {LARGEST // 1_000_000} MB. Use manage.py import_locations on the server for it."
            )
        data = upload.read()
        reports = _run(party, data, version, request.user.get_username(), dry_run=True)
        token = waiting.keep(data, purpose=PURPOSE, user=request.user.pk, facts=[party.pk, version])
        return _told(reports) | {"party": party, "waiting": token, "changes": sum(map(_changes, reports))}

    def _confirm(self: Any, request: HttpRequest, parties: list[Party]) -> dict[str, Any]:
        """The import of what was reported."""
        file, (pk, version) = waiting.take(request.POST["waiting"], purpose=PURPOSE, user=request.user.pk)
        party = _chosen(parties, str(pk))
        reports = _run(party, file.read_bytes(), version, request.user.get_username(), dry_run=False)
        file.unlink(missing_ok=True)
        facts = reports[0].as_dict()
        self.log_change(request, party, f"Imported locations: {facts['new']} new, {facts['changed']} changed.")
        self.done(
            request, f"Imported into {party}: {facts['new']} new, {facts['changed']} changed, {facts['same']} same."
        )
        return _told(reports) | {"party": party, "changes": 0}


def _run(party: Party, data: bytes, version: str | None, by: str, *, dry_run: bool) -> list[Report]:
    """The locations of the file, and the tariffs that it carries inside its EVSEs: these are stored first, so that no connector
    offers one that partners do not know yet."""
    now = site.now()
    embedded = importing.embedded_tariffs(importing.objects_of(data))
    reports: list[Report] = []
    if embedded:
        reports.append(tariffs.run(party, embedded, now=now, dry_run=dry_run, by=by))
    return [importing.run(party, data, now=now, dry_run=dry_run, version=version), *reports]


def _told(reports: list[Report]) -> dict[str, Any]:
    return {"report": reports[0].as_dict(), "tariffs": reports[1].as_dict() if len(reports) > 1 else None}


def _chosen(parties: list[Party], pk: str) -> Party:
    party = next((each for each in parties if str(each.pk) == pk), None)
    if party is None:
        raise UnableToImport("Choose one of our parties that the locations belong to.")
    return party


def _changes(report: Report) -> int:
    facts = report.as_dict()
    return int(facts["new"]) + int(facts["changed"])
