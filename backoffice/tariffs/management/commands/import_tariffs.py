"""`manage.py import_tariffs FILE`: the report of a dry run, then the import; `--dry-run` stops after the report."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backoffice.documents.importing import UnableToImport, party_named
from backoffice.roaming_site import site
from backoffice.tariffs.actions.importing import TariffReport, read_file, run


class Command(BaseCommand):
    help = (
        "Import Tariffs from OCPI JSON or from a price list (CSV) into one of our parties. A dry run is reported first."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="path of the file, or - for standard input")
        parser.add_argument("--party", default="", help="CC-PID of ours; may be left out when there is only one CPO")
        parser.add_argument("--dry-run", action="store_true", help="only report; nothing is written")
        parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
        parser.add_argument(
            "--ocpi",
            dest="ocpi_version",
            choices=["2.3.0", "2.2.1", "2.1.1"],
            help="of the field names; found out by itself",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            data = sys.stdin.buffer.read() if options["file"] == "-" else Path(options["file"]).read_bytes()
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        version, now = options["ocpi_version"], site.now()
        try:
            party, file = party_named(options["party"]), read_file(data)
            report = run(party, file.items, now=now, dry_run=True, version=version, from_sheet=file.sheet)
            if not options["json"]:
                self.stdout.write(_headline(report))
                for line in report.lines():
                    self.stdout.write(line)
            if not options["dry_run"]:
                report = run(
                    party, file.items, now=now, dry_run=False, version=version, by="import", from_sheet=file.sheet
                )
        except UnableToImport as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(report.as_dict()))
        elif report.applied:
            self.stdout.write(_headline(report))


def _headline(report: TariffReport) -> str:
    facts = report.as_dict()
    return (
        f"{'Imported' if report.applied else 'Dry run'}: {facts['tariffs']} tariffs into {facts['party']} (field names of"
        f" {facts['version']}): new {facts['new']}, changed {facts['changed']}, same {facts['same']}, older than ours"
        f" {facts['stale']}, repaired {facts['repaired']}, refused {len(facts['refused'])}"
    )
