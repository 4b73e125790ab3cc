"""Import tariffs from an uploaded file, OCPI JSON or a price list: a dry run with its report, then the button that does it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse

from backoffice.console import waiting
from backoffice.documents.importing import UnableToImport
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.tariffs.actions import importing
from backoffice.tariffs.actions.importing import TariffReport
from backoffice.tariffs.admin.editor.beginning import our_parties
from backoffice.tariffs.rules.sheet import COLUMNS

LARGEST = 20_000_000
PURPOSE = "tariffs.upload"
VERSIONS = ("2.3.0", "2.2.1", "2.1.1")


class UploadPages:
    """Part of TariffAdmin."""

    def upload_urls(self: Any) -> list[URLPattern]:
        return [self.page("upload/", self.upload_view, "upload", permission="tariffs.publish_tariff")]

    def upload_view(self: Any, request: HttpRequest) -> HttpResponse:
        parties = our_parties(request)
        context: dict[str, Any] = {
            "title": "Import tariffs",
            "crumbs": [("Tariffs", reverse("admin:tariffs_tariff_changelist"))],
            "parties": parties,
            "versions": VERSIONS,
            "largest": LARGEST // 1_000_000,
            "columns": COLUMNS,
        }
        status = 200
        if request.method == "POST":
            try:
                took = self._confirm if "waiting" in request.POST else self._check
                context |= took(request, parties)
            except (UnableToImport, waiting.UnableToTake) as error:
                context |= {"error": str(error)}
                status = 422
        return self.render(request, "console/tariffs/upload.html", context, status=status)

    def _check(self: Any, request: HttpRequest, parties: list[Party]) -> dict[str, Any]:
        """The dry run of a fresh upload."""
        upload = request.FILES.get("file")
        party = _chosen(parties, request.POST.get("party", ""))
        version = request.POST.get("version", "") or None
        if upload is None:
            raise UnableToImport("Choose a file: OCPI JSON with tariffs, or a price list.")
        if version not in (None, *VERSIONS):
            raise UnableToImport("There is no such version.")
        if upload.size > LARGEST:
            raise UnableToImport(
                f"The file is larger than {LARGEST // 1_000_000} MB. Use manage.py import_tariffs on the server for it."
            )
        data = upload.read()
        report = _run(party, data, version, request.user.get_username(), dry_run=True)
        token = waiting.keep(data, purpose=PURPOSE, user=request.user.pk, facts=[party.pk, version])
        return _told(report) | {"party": party, "waiting": token}

    def _confirm(self: Any, request: HttpRequest, parties: list[Party]) -> dict[str, Any]:
        """The import of what was reported."""
        file, (pk, version) = waiting.take(request.POST["waiting"], purpose=PURPOSE, user=request.user.pk)
        party = _chosen(parties, str(pk))
        report = _run(party, file.read_bytes(), version, request.user.get_username(), dry_run=False)
        file.unlink(missing_ok=True)
        facts = report.as_dict()
        self.log_change(request, party, f"Imported tariffs: {facts['new']} new, {facts['changed']} changed.")
        self.done(
            request, f"Imported into {party}: {facts['new']} new, {facts['changed']} changed, {facts['same']} same."
        )
        return _told(report) | {"party": party}


def _run(party: Party, data: bytes, version: str | None, by: str, *, dry_run: bool) -> TariffReport:
    file = importing.read_file(data)
    return importing.run(
        party, file.items, now=site.now(), dry_run=dry_run, version=version, by=by, from_sheet=file.sheet
    )


def _told(report: TariffReport) -> dict[str, Any]:
    facts = report.as_dict()
    return {"report": facts, "changes": int(facts["new"]) + int(facts["changed"])}


def _chosen(parties: list[Party], pk: str) -> Party:
    party = next((each for each in parties if str(each.pk) == pk), None)
    if party is None:
        raise UnableToImport("Choose one of our parties that the tariffs belong to.")
    return party
