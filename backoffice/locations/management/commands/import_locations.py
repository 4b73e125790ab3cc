"""`manage.py import_locations FILE`: the report of a dry run, then the import; `--dry-run` stops after the report.

Tariffs that the file carries inside its EVSEs, or is made of, are imported with it.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backoffice.documents.importing import Report, UnableToImport, party_named
from backoffice.locations.actions import importing
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.tariffs.actions import importing as tariffs


class Command(BaseCommand):
    help = "Import Locations (and the Tariffs that come with them) from an OCPI JSON file into one of our parties."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="path of the file, or - for standard input")
        parser.add_argument("--party", default="", help="CC-PID of ours; may be left out when there is only one CPO")
        parser.add_argument("--dry-run", action="store_true", help="only report; nothing is written")
        parser.add_argument(
            "--ocpi",
            dest="ocpi_version",
            choices=["2.3.0", "2.2.1", "2.1.1"],
            help="of the field names; found out by itself",
        )
        parser.add_argument("--json", action="store_true", help="print the report as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            data = sys.stdin.buffer.read() if options["file"] == "-" else Path(options["file"]).read_bytes()
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        version = options["ocpi_version"]
        try:
            party = party_named(options["party"])
            reports = _run(party, data, version, dry_run=True)
            if not options["json"]:
                for report in reports:
                    self._tell(report)
            if not options["dry_run"]:
                reports = _run(party, data, version, dry_run=False)
        except UnableToImport as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(_as_one(reports)))
        elif not options["dry_run"]:
            for report in reports:
                self.stdout.write(_headline(report))

    def _tell(self, report: Report) -> None:
        self.stdout.write(_headline(report))
        for line in report.lines():
            self.stdout.write(line)


def _run(party: Party, data: bytes, version: str | None, *, dry_run: bool) -> list[Report]:
    """Tariffs first, so that no connector offers one that partners do not know yet."""
    now = site.now()
    if importing.holds_tariffs(data):
        items = tariffs.read_file(data).items
        return [tariffs.run(party, items, now=now, dry_run=dry_run, version=version, by="import")]
    embedded = importing.embedded_tariffs(importing.objects_of(data))
    reports: list[Report] = []
    if embedded:
        reports.append(tariffs.run(party, embedded, now=now, dry_run=dry_run, by="import"))
    return [importing.run(party, data, now=now, dry_run=dry_run, version=version), *reports]


def _as_one(reports: list[Report]) -> dict[str, Any]:
    facts = reports[0].as_dict()
    return facts | ({"tariffs_report": reports[1].as_dict()} if len(reports) > 1 else {})


def _headline(report: Report) -> str:
    facts = report.as_dict()
    what = f"{facts['locations']} locations with {facts['evses']} EVSEs" if "locations" in facts else ""
    return (
        f"{'Imported' if report.applied else 'Dry run'}: {what or str(facts.get('tariffs')) + ' tariffs'} into"
        f" {facts['party']} (field names of {facts['version']}): new {facts['new']}, changed {facts['changed']}, same"
        f" {facts['same']}, older than ours {facts['stale']}, repaired {facts['repaired']}, refused {len(facts['refused'])}"
    )
