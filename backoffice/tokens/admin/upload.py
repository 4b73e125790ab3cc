"""Import tokens from an uploaded file: which column is which, the report of a dry run, and the button that does it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse

from backoffice.console import waiting
from backoffice.console.given import number
from backoffice.documents.importing import UnableToImport
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.tokens.actions import importing
from backoffice.tokens.admin.editing import sending_parties
from backoffice.tokens.rules import sheet

LARGEST = 20_000_000
MOST = 20_000
PURPOSE = "tokens.upload"


class UploadPages:
    """Part of TokenAdmin. The report names whole uids, as the file does, so it is for who may see them."""

    def upload_urls(self: Any) -> list[URLPattern]:
        return [
            self.page("upload/", self.upload_view, "upload", permission="add"),
            self.page("template.csv", self.template_view, "template", permission="add"),
        ]

    def template_view(self: Any, request: HttpRequest) -> HttpResponse:
        answer = HttpResponse("".join(sheet.write([])).encode(), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="tokens-template.csv"'
        return answer

    def upload_view(self: Any, request: HttpRequest) -> HttpResponse:
        parties = sending_parties(request)
        context: dict[str, Any] = {
            "title": "Import tokens",
            "crumbs": [("Tokens", reverse("admin:tokens_token_changelist"))],
            "parties": parties,
            "largest": LARGEST // 1_000_000,
            "columns": sheet.COLUMNS,
            "required": sheet.REQUIRED,
        }
        status = 200
        if request.method == "POST":
            try:
                if "apply" in request.POST:
                    context |= self._apply(request, parties)
                elif "waiting" in request.POST:
                    context |= self._again(request, parties)
                else:
                    context |= self._check(request, parties)
            except (UnableToImport, waiting.UnableToTake) as error:
                context |= {"error": str(error)}
                status = 422
        return self.render(request, "console/tokens/upload.html", context, status=status)

    def _check(self: Any, request: HttpRequest, parties: list[Party]) -> dict[str, Any]:
        """A fresh upload: the columns as guessed, and the dry run with them."""
        upload = request.FILES.get("file")
        party = _chosen(parties, request.POST.get("party", ""))
        if upload is None:
            raise UnableToImport("Choose a file: a table (CSV) or OCPI JSON with tokens.")
        if upload.size > LARGEST:
            raise UnableToImport(f"The file is larger than {LARGEST // 1_000_000} MB. {ON_THE_SERVER}")
        return self._told(request, party, upload.read(), None)

    def _again(self: Any, request: HttpRequest, parties: list[Party]) -> dict[str, Any]:
        """The dry run with the columns as staff chose them."""
        file, (pk, _) = waiting.take(request.POST["waiting"], purpose=PURPOSE, user=request.user.pk)
        data = file.read_bytes()
        file.unlink(missing_ok=True)
        header = importing.read_file(data).header
        mapping = {
            name: chosen
            for name in sheet.COLUMNS
            if (chosen := number(request.POST.get(f"column_{name}"))) is not None and chosen < len(header)
        }
        return self._told(request, _chosen(parties, str(pk)), data, mapping)

    def _told(
        self: Any, request: HttpRequest, party: Party, data: bytes, mapping: dict[str, int] | None
    ) -> dict[str, Any]:
        file = importing.read_file(data)
        count = len(file.table.rows) if file.table else len(file.trees)
        if count > MOST:
            raise UnableToImport(f"The file holds {count} tokens; this page takes {MOST}. {ON_THE_SERVER}")
        if file.table is not None and mapping is None:
            mapping = sheet.guess(file.header)
        missing = [name for name in sheet.REQUIRED if name not in (mapping or {})] if file.table else []
        token = waiting.keep(data, purpose=PURPOSE, user=request.user.pk, facts=[party.pk, mapping])
        context: dict[str, Any] = {
            "party": party,
            "waiting": token,
            "mapping": _mapping(file, mapping) if file.table else None,
        }
        if missing:
            return context | {"error": f"Say which column holds: {', '.join(missing)}."}
        report = importing.run(
            party, file, now=site.now(), dry_run=True, by=request.user.get_username(), mapping=mapping
        )
        return context | {"report": report.as_dict(), "changes": _changes(report)}

    def _apply(self: Any, request: HttpRequest, parties: list[Party]) -> dict[str, Any]:
        """The import of what was reported."""
        file, (pk, mapping) = waiting.take(request.POST["waiting"], purpose=PURPOSE, user=request.user.pk)
        party = _chosen(parties, str(pk))
        report = importing.run(
            party,
            importing.read_file(file.read_bytes()),
            now=site.now(),
            dry_run=False,
            by=request.user.get_username(),
            mapping=mapping,
        )
        file.unlink(missing_ok=True)
        facts = report.as_dict()
        self.log_change(request, party, f"Imported tokens: {facts['new']} new, {facts['changed']} changed.")
        self.done(
            request, f"Imported into {party}: {facts['new']} new, {facts['changed']} changed, {facts['same']} same."
        )
        return {"party": party, "report": facts, "changes": 0}


ON_THE_SERVER = "Use manage.py import_tokens on the server for it."


def _mapping(file: importing.File, mapping: dict[str, int] | None) -> list[dict[str, Any]]:
    examples = file.table.rows[0][1] if file.table and file.table.rows else ()
    return [
        {
            "field": name,
            "chosen": (mapping or {}).get(name),
            "columns": [
                (index, title, examples[index] if index < len(examples) else "")
                for index, title in enumerate(file.header)
            ],
        }
        for name in sheet.COLUMNS
    ]


def _changes(report: importing.TokenReport) -> int:
    facts = report.as_dict()
    return int(facts["new"]) + int(facts["changed"])


def _chosen(parties: list[Party], pk: str) -> Party:
    party = next((each for each in parties if str(each.pk) == pk), None)
    if party is None:
        raise UnableToImport("Choose one of our parties that the tokens belong to.")
    return party
