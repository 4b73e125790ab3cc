"""Import tariffs from a file of their own (JSON, or a price list), or that a file of locations carries: the report of a dry
run, then for real.

They are published at once, as what an operator charges already. One that names no currency is kept with the flaw that it cannot
price until staff say which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from backoffice.documents import NEWEST
from backoffice.documents.importing import BATCH, Report, UnableToImport, listed, read
from backoffice.partners.models import Party
from backoffice.tariffs.actions.drafting import with_texts
from backoffice.tariffs.actions.storing import IMPORT, parsed, store
from backoffice.tariffs.models import Tariff
from backoffice.tariffs.rules import sheet
from backoffice.tariffs.rules.lint import lint
from backoffice.tariffs.rules.standing import flaw
from ocpi.versions.detect import detect_version
from ocpi.wire import tariffs as wire
from ocpi.wire.base import date_time_text

Tree = dict[str, Any]

MARKS = frozenset({"elements"})
DATE = "last_updated"


@dataclass(slots=True)
class TariffReport(Report):
    """`objects` are tariffs; `findings` what the lint says of each, `flaws` why one cannot price."""

    findings: list[tuple[str, str, str]] = field(default_factory=list)
    flaws: list[tuple[str, str]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return Report.as_dict(self) | {
            "tariffs": self.objects,
            "flaws": [{"id": identity, "reason": reason} for identity, reason in self.flaws],
            "findings": [{"id": one, "code": code, "sentence": told} for one, code, told in self.findings],
        }

    def lines(self) -> list[str]:
        told = Report.lines(self)
        if self.flaws:
            told.append("Cannot price as they are:")
            told += [f"  {identity}: {reason}" for identity, reason in self.flaws]
        if self.findings:
            told.append("Worth a look:")
            told += [f"  {identity}: {sentence} ({code})" for identity, code, sentence in self.findings]
        return told


@dataclass(frozen=True, slots=True)
class File:
    """The tariffs of a file. `sheet`: a price list, which has no room for all of a tariff (`rules.sheet`)."""

    items: list[Tree]
    sheet: bool = False


def read_file(data: bytes) -> File:
    """Raises UnableToImport with what the file should have been."""
    if sheet.looks_like_sheet(data):
        try:
            return File([found.tree for found in sheet.read(data)], sheet=True)
        except sheet.UnableToReadSheet as error:
            raise UnableToImport(f"The price list cannot be read. {error}") from error
    objects = listed(data, marks=MARKS, what="Tariffs")
    if objects and not any(MARKS & item.keys() for item in objects):
        raise UnableToImport("The file holds no Tariffs: none of its objects has elements.")
    return File(objects)


def run(
    party: Party,
    items: Sequence[Tree],
    *,
    now: datetime,
    dry_run: bool,
    version: str | None = None,
    by: str = "",
    from_sheet: bool = False,
) -> TariffReport:
    """Store these tariffs in a party of ours. `version`: of their field names, found out when not given. `from_sheet`: what a
    price list has no room for stays as it is stored, and an empty text is filled as when staff publish."""
    if not party.ours:
        raise UnableToImport(f"{party} is a partner. Tariffs are imported into one of our own parties.")
    version = NEWEST if from_sheet else version or detect_version(list(items))
    report = TariffReport(party=str(party), version=version, applied=not dry_run)
    stored = {row.object_id.upper(): row.tree() for row in Tariff.objects.filter(party=party)}
    good: list[tuple[Tree, wire.Tariff]] = []
    for item in items:
        known = stored.get(str(item.get("id")).upper()) if from_sheet else None
        told = sheet.merged(item, known) | {DATE: date_time_text(now)} if from_sheet else item
        one = read(wire.Tariff, party, told, version=version, report=report, now=now)
        if one is not None:
            if from_sheet and not flaw(one[1]) and not _same(one[0], known):
                one = with_texts(*one, before=known)
            if item.get(DATE) is None:
                one = _undated(one, stored.get(one[1].id.upper()))
            good.append(one)
            report.unknown_fields.update(one[1].model_extra or {})
            _judge(one[1], report)
    report.objects = len(items)
    for start in range(0, len(good), BATCH):
        batch = good[start : start + BATCH]
        written = store(party.pk, batch, source=IMPORT, said_by=by, now=now, ours=True, dry_run=dry_run)
        report.fates.update(item.fate for item in written)
    return report


def _undated(told: tuple[Tree, wire.Tariff], stored: Tree | None) -> tuple[Tree, wire.Tariff]:
    """Without a date in the file, the same content is no news: else each import of one file would make new versions."""
    return (stored, parsed(stored)) if stored is not None and _same(told[0], stored) else told


def _same(told: Tree, stored: Tree | None) -> bool:
    return stored is not None and told | {DATE: stored[DATE]} == stored


def _judge(value: wire.Tariff, report: TariffReport) -> None:
    wrong = flaw(value)
    if wrong:
        report.flaws.append((value.id, wrong))
        return
    report.findings += [(value.id, found.code, found.sentence) for found in lint(value)]
