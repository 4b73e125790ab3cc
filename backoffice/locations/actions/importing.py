"""Import locations that somebody handed over as a file: first the report of a dry run, then the same again for real.

Takes what operators really have: a list, an OCPI envelope, `{items: [...]}`, in the field names of 2.3.0, 2.2.1 or 2.1.1, with
their habits repaired by name. Every object goes into one party of ours; what cannot be mended is refused with its reason,
never guessed, and nothing is dropped: fields that OCPI does not know (such as whole tariffs inside an EVSE) stay in the document.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from backoffice.documents.fates import Fate
from backoffice.locations.actions.storing import Shelved, store
from backoffice.locations.rules import Tree
from backoffice.partners.models import Party
from ocpi import versions
from ocpi.versions.detect import detect_version
from ocpi.versions.repairs import REPAIRS, repair
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from ocpi.wire.base import date_time_text

BATCH = 200


class UnableToImport(Exception):
    """The file as a whole cannot be taken; the sentence says what it should be."""


@dataclass(slots=True)
class Deviation:
    """What is wrong at one field, how often, and where first."""

    field: str
    sentence: str
    count: int = 0
    example: str = ""


@dataclass(slots=True)
class Report:
    """What an import does, or in a dry run would do. Counts are objects but for `repairs` (applications) and deviations."""

    party: str
    version: str
    locations: int = 0
    evses: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    repaired: int = 0
    repairs: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[str, str]] = field(default_factory=list)
    deviations: dict[tuple[str, str], Deviation] = field(default_factory=dict)
    unknown_fields: Counter[str] = field(default_factory=Counter)
    tariffs: Counter[str] = field(default_factory=Counter)
    applied: bool = False

    def deviate(self, path: tuple[str | int, ...], sentence: str, example: str) -> None:
        name = _field(path)
        entry = self.deviations.setdefault((name, sentence), Deviation(name, sentence, example=example))
        entry.count += 1

    def as_dict(self) -> dict[str, Any]:
        """For `--json` and for the upload page."""
        return {
            "party": self.party,
            "version": self.version,
            "applied": self.applied,
            "locations": self.locations,
            "evses": self.evses,
            "new": self.fates[Fate.NEW],
            "changed": self.fates[Fate.CHANGED],
            "same": self.fates[Fate.SAME],
            "stale": self.fates[Fate.STALE],
            "repaired": self.repaired,
            "refused": [{"id": identity, "reason": reason} for identity, reason in self.refused],
            "repairs": dict(self.repairs.most_common()),
            "deviations": [
                {"field": d.field, "sentence": d.sentence, "count": d.count, "example": d.example}
                for d in sorted(self.deviations.values(), key=lambda d: -d.count)
            ],
            "unknown_fields": dict(self.unknown_fields.most_common()),
            "embedded_tariffs": dict(self.tariffs.most_common()),
        }


def objects_of(data: bytes) -> list[Tree]:
    """The objects of a file. Raises UnableToImport with what the file should have been."""
    try:
        tree: Any = wire_json.parse(data)
    except wire_json.BadJson as error:
        raise UnableToImport(f"The file is not valid JSON: {error}.") from error
    if isinstance(tree, dict):
        listed = tree.get("data", tree.get("items"))
        tree = listed if isinstance(listed, list) else [tree] if "evses" in tree or "coordinates" in tree else None
    if not isinstance(tree, list) or not all(isinstance(item, dict) for item in tree):
        raise UnableToImport(
            "The file should hold a list of Locations, an OCPI answer with `data`, or an object with `items`."
        )
    if tree and not any("coordinates" in item or "evses" in item for item in tree):
        kind = "Tariffs" if all("elements" in item for item in tree) else "something else"
        raise UnableToImport(f"The file holds no Locations but {kind}: none of its objects has coordinates or EVSEs.")
    return tree


def run(party: Party, data: bytes, *, now: datetime, dry_run: bool, version: str | None = None) -> Report:
    """Read a file into a party of ours. `version`: of its field names, found out when not given.

    The dry run takes the same path as the import and writes nothing, so that its report is what will happen.
    """
    if not party.ours:
        raise UnableToImport(f"{party} is a partner. Locations are imported into one of our own parties.")
    items = objects_of(data)
    version = version or detect_version(items)
    report = Report(party=str(party), version=version, applied=not dry_run)
    good: list[tuple[Tree, wire.Location]] = []
    for item in items:
        read = _read(party, item, version, report, now)
        if read is not None:
            good.append(read)
    report.locations = len(items)
    report.evses = sum(len(value.evses) for _, value in good)
    for start in range(0, len(good), BATCH):
        stored = store(party.pk, good[start : start + BATCH], source="import", now=now, ours=True, dry_run=dry_run)
        report.fates.update(_fate(shelved) for shelved in stored)
    return report


def _field(path: tuple[str | int, ...]) -> str:
    return ".".join(step for step in path if isinstance(step, str)) or "Location"


def _fate(shelved: Shelved) -> Fate:
    return Fate.CHANGED if shelved.fate is Fate.SAME and shelved.touched else shelved.fate


def _read(party: Party, item: Tree, version: str, report: Report, now: datetime) -> tuple[Tree, wire.Location] | None:
    identity = str(item.get("id", "(no id)"))[:60]
    owner = (party.country_code, party.party_id)
    ctx = versions.Context(owner=owner, now=now)
    mended, applied = repair(wire.Location, item, REPAIRS, ctx, version=version)
    if applied:
        report.repaired += 1
        report.repairs.update(f"{_field(one.path)}: {one.name}" for one in applied)
    tree: Tree = versions.up(version, wire.Location, mended, ctx)
    tree = tree | {"country_code": owner[0], "party_id": owner[1]}
    tree.setdefault("publish", True)
    tree.setdefault("last_updated", date_time_text(now))
    try:
        value = wire_json.validate(wire.Location, tree)
    except wire_json.Invalid as error:
        for violation in error.violations:
            path = versions.translate_path(version, wire.Location, violation.path)
            report.deviate(path, violation.message, identity)
        report.refused.append((identity, str(error)[:500]))
        return None
    _note_unknown(value, report)
    return tree, value


def _note_unknown(value: wire.Location, report: Report) -> None:
    """Fields that OCPI does not know: kept, passed on, and named. Tariffs among them are named one by one."""
    report.unknown_fields.update(value.model_extra or {})
    for evse in value.evses:
        report.unknown_fields.update(f"evses.{name}" for name in evse.model_extra or {})
        for tariff in (evse.model_extra or {}).get("tariffs") or []:
            if isinstance(tariff, dict):
                report.tariffs[str(tariff.get("id", "(no id)"))] += 1
        for connector in evse.connectors:
            report.unknown_fields.update(f"evses.connectors.{name}" for name in connector.model_extra or {})
