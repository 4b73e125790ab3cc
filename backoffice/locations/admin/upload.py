"""Import locations from an uploaded file: first the report of a dry run, and on the same page the button that does it.

Between the two the file waits under the media folder, named by a signed token that only this user's confirmation carries.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse

from backoffice.locations.actions.importing import Report, UnableToImport, run
from backoffice.locations.admin.owners import sending_parties
from backoffice.partners.models import Party
from backoffice.roaming_site import site

LARGEST = 50_000_000
KEEP_SECONDS = 3600
SALT = "locations.upload"
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
            except UnableToImport as error:
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
        report = run(party, data, now=site.now(), dry_run=True, version=version)
        name = uuid.uuid4().hex
        _waiting(name).write_bytes(data)
        token = signing.dumps([name, party.pk, version, request.user.pk], salt=SALT)
        return {"report": report.as_dict(), "party": party, "waiting": token, "changes": _changes(report)}

    def _confirm(self: Any, request: HttpRequest, parties: list[Party]) -> dict[str, Any]:
        """The import of what was reported."""
        try:
            name, pk, version, user = signing.loads(request.POST["waiting"], salt=SALT, max_age=KEEP_SECONDS)
        except signing.BadSignature:
            raise UnableToImport("The report is more than an hour old. Upload the file again.") from None
        if user != request.user.pk:
            raise UnableToImport("This report was made for somebody else. Upload the file again.")
        file = _waiting(name)
        if not file.exists():
            raise UnableToImport("This file was imported already, or removed. Upload it again.")
        party = _chosen(parties, str(pk))
        report = run(party, file.read_bytes(), now=site.now(), dry_run=False, version=version)
        file.unlink(missing_ok=True)
        facts = report.as_dict()
        self.log_change(request, party, f"Imported locations: {facts['new']} new, {facts['changed']} changed.")
        self.done(
            request, f"Imported into {party}: {facts['new']} new, {facts['changed']} changed, {facts['same']} same."
        )
        return {"report": facts, "party": party, "changes": 0}


def _chosen(parties: list[Party], pk: str) -> Party:
    party = next((each for each in parties if str(each.pk) == pk), None)
    if party is None:
        raise UnableToImport("Choose one of our parties that the locations belong to.")
    return party


def _waiting(name: str) -> Path:
    folder = Path(settings.MEDIA_ROOT) / "imports"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"{name}.json"


def _changes(report: Report) -> int:
    facts = report.as_dict()
    return int(facts["new"]) + int(facts["changed"])
