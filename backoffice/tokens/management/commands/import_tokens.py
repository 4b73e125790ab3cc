"""`manage.py import_tokens FILE`: the report of a dry run, then the import; `--dry-run` stops after the report."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backoffice.documents.importing import UnableToImport, party_named
from backoffice.roaming_site import site
from backoffice.tokens.actions.importing import File, TokenReport, read_file, run
from backoffice.tokens.rules import sheet


class Command(BaseCommand):
    help = "Import Tokens from a table (CSV) or from OCPI JSON into one of our parties. A dry run is reported first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="path of the file, or - for standard input")
        parser.add_argument("--party", default="", help="CC-PID of ours; may be left out when there is only one eMSP")
        parser.add_argument("--dry-run", action="store_true", help="only report; nothing is written")
        parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
        parser.add_argument(
            "--column",
            action="append",
            default=[],
            metavar="FIELD=NAME",
            help=f"which column of a table holds a field, guessed when not given. Fields: {', '.join(sheet.COLUMNS)}",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            data = sys.stdin.buffer.read() if options["file"] == "-" else Path(options["file"]).read_bytes()
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        now = site.now()
        try:
            party, file = party_named(options["party"], "EMSP"), read_file(data)
            mapping = _mapping(file, options["column"])
            report = run(party, file, now=now, dry_run=True, by="import", mapping=mapping)
            if not options["json"]:
                self.stdout.write(_headline(report))
                for line in report.lines():
                    self.stdout.write(line)
            if not options["dry_run"]:
                report = run(party, file, now=now, dry_run=False, by="import", mapping=mapping)
        except UnableToImport as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(report.as_dict()))
        elif report.applied:
            self.stdout.write(_headline(report))


def _mapping(file: File, given: list[str]) -> dict[str, int] | None:
    """Guessed, with what was said put over it. None: the file is no table."""
    if file.table is None:
        return None
    mapping = sheet.guess(file.header)
    for each in given:
        name, _, column = each.partition("=")
        if name not in sheet.COLUMNS or column not in file.header:
            raise UnableToImport(
                f"--column {each}: write FIELD=NAME with a column of the file ({', '.join(file.header)})."
            )
        mapping[name] = file.header.index(column)
    return mapping


def _headline(report: TokenReport) -> str:
    facts = report.as_dict()
    return (
        f"{'Imported' if report.applied else 'Dry run'}: {facts['tokens']} tokens into {facts['party']}: new {facts['new']},"
        f" changed {facts['changed']}, same {facts['same']}, older than ours {facts['stale']}, refused"
        f" {len(facts['refused'])}"
    )
