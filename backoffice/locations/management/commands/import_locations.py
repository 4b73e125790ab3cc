"""`manage.py import_locations FILE`: the report of a dry run, then the import; `--dry-run` stops after the report."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backoffice.locations.actions.importing import Report, UnableToImport, run
from backoffice.partners.models import Party
from backoffice.roaming_site import site


class Command(BaseCommand):
    help = "Import Locations from an OCPI JSON file into one of our parties. A dry run is reported first."

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
        try:
            party = _party(options["party"])
            report = run(party, data, now=site.now(), dry_run=True, version=options["ocpi_version"])
            if not options["json"]:
                self._tell(report)
            if not options["dry_run"]:
                report = run(party, data, now=site.now(), dry_run=False, version=options["ocpi_version"])
        except UnableToImport as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(report.as_dict()))
        elif report.applied:
            self.stdout.write(_headline(report))

    def _tell(self, report: Report) -> None:
        self.stdout.write(_headline(report))
        for line in _told(report):
            self.stdout.write(line)


def _party(text: str) -> Party:
    ours = list(Party.objects.filter(ours=True, roles__role="CPO", roles__connection=None).distinct())
    if text:
        ours = [party for party in ours if str(party) == text.upper()]
    if len(ours) == 1:
        return ours[0]
    if text:
        raise UnableToImport(
            f"{text} is no CPO party of ours. Create it: manage.py connect party {text} --name ... --roles CPO"
        )
    if not ours:
        raise UnableToImport(
            "There is no CPO party of ours yet. Create it: manage.py connect party CC-PID --name ... --roles CPO"
        )
    raise UnableToImport(f"Say which party with --party: {', '.join(map(str, ours))}.")


def _headline(report: Report) -> str:
    facts = report.as_dict()
    return (
        f"{'Imported' if report.applied else 'Dry run'}: {facts['locations']} locations with {facts['evses']} EVSEs into"
        f" {facts['party']} (field names of {facts['version']}): new {facts['new']}, changed {facts['changed']}, same"
        f" {facts['same']}, older than ours {facts['stale']}, repaired {facts['repaired']}, refused {len(facts['refused'])}"
    )


def _told(report: Report) -> list[str]:
    facts = report.as_dict()
    lines: list[str] = []
    if facts["repairs"]:
        lines.append("Repairs, by how often:")
        lines += [f"  {count:6}  {name}" for name, count in facts["repairs"].items()]
    if facts["deviations"]:
        lines.append("Deviations that could not be repaired, by field:")
        lines += [
            f"  {d['count']:6}  {d['field']}: {d['sentence']} (first: {d['example']})" for d in facts["deviations"]
        ]
    if facts["refused"]:
        lines.append("Refused:")
        lines += [f"  {item['id']}: {item['reason']}" for item in facts["refused"]]
    if facts["unknown_fields"]:
        lines.append("Fields that OCPI does not know, kept and passed on:")
        lines += [f"  {count:6}  {name}" for name, count in facts["unknown_fields"].items()]
    if facts["embedded_tariffs"]:
        lines.append("Tariffs inside EVSEs, kept in the documents:")
        lines += [f"  {count:6}  {name}" for name, count in facts["embedded_tariffs"].items()]
    return lines
