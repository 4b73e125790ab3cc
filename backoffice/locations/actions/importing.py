"""Import locations that somebody handed over as a file: first the report of a dry run, then the same again for real.

Every object goes into one party of ours. Whole tariffs inside an EVSE stay in the document; its connectors offer them by id, and
the door that called imports them into the tariffs (`embedded_tariffs`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from backoffice.documents.fates import Fate
from backoffice.documents.importing import BATCH, Report, UnableToImport, listed, read
from backoffice.locations.actions.storing import Shelved, store
from backoffice.locations.rules import Tree, offering_embedded
from backoffice.partners.models import Party
from ocpi.versions.detect import detect_version
from ocpi.wire import locations as wire

MARKS = frozenset({"coordinates", "evses"})


@dataclass(slots=True)
class LocationReport(Report):
    """`objects` are locations."""

    evses: int = 0
    tariffs: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        return Report.as_dict(self) | {
            "locations": self.objects,
            "evses": self.evses,
            "embedded_tariffs": dict(self.tariffs.most_common()),
        }

    def lines(self) -> list[str]:
        told = Report.lines(self)
        if self.tariffs:
            told.append("Tariffs inside EVSEs, kept in the documents and offered by their connectors:")
            told += [f"  {count:6}  {name}" for name, count in self.tariffs.most_common()]
        return told


def objects_of(data: bytes) -> list[Tree]:
    """The locations of a file. Raises UnableToImport with what the file should have been."""
    objects = listed(data, marks=MARKS, what="Locations")
    if objects and not any(MARKS & item.keys() for item in objects):
        raise UnableToImport("The file holds no Locations: none of its objects has coordinates or EVSEs.")
    return objects


def holds_tariffs(data: bytes) -> bool:
    """Whether the file is one of Tariffs and not of Locations. Raises UnableToImport when it is of nothing."""
    objects = listed(data, marks=MARKS | {"elements"}, what="Locations")
    return bool(objects) and all("elements" in item for item in objects)


def embedded_tariffs(objects: list[Tree]) -> list[Tree]:
    """The whole tariffs inside EVSEs, each distinct one once, in the order in which they come."""
    found: dict[str, Tree] = {}
    for item in objects:
        for evse in item.get("evses") or ():
            for tariff in (evse.get("tariffs") if isinstance(evse, dict) else None) or ():
                if isinstance(tariff, dict):
                    found.setdefault(repr(sorted(tariff.items())), tariff)
    return list(found.values())


def run(party: Party, data: bytes, *, now: datetime, dry_run: bool, version: str | None = None) -> LocationReport:
    """Read a file into a party of ours. `version`: of its field names, found out when not given.

    The dry run takes the same path as the import and writes nothing, so that its report is what will happen.
    """
    if not party.ours:
        raise UnableToImport(f"{party} is a partner. Locations are imported into one of our own parties.")
    items = objects_of(data)
    version = version or detect_version(items)
    report = LocationReport(party=str(party), version=version, applied=not dry_run)
    good: list[tuple[Tree, wire.Location]] = []
    for item in items:
        one = read(
            wire.Location,
            party,
            offering_embedded(item),
            version=version,
            report=report,
            now=now,
            without={"publish": True},
        )
        if one is not None:
            good.append(one)
            _note_unknown(one[1], report)
    report.objects = len(items)
    report.evses = sum(len(value.evses) for _, value in good)
    for start in range(0, len(good), BATCH):
        stored = store(party.pk, good[start : start + BATCH], source="import", now=now, ours=True, dry_run=dry_run)
        report.fates.update(_fate(shelved) for shelved in stored)
    return report


def _fate(shelved: Shelved) -> Fate:
    return Fate.CHANGED if shelved.fate is Fate.SAME and shelved.touched else shelved.fate


def _note_unknown(value: wire.Location, report: LocationReport) -> None:
    """Fields that OCPI does not know: kept, passed on, and named. Tariffs among them are named one by one."""
    report.unknown_fields.update(value.model_extra or {})
    for evse in value.evses:
        report.unknown_fields.update(f"evses.{name}" for name in evse.model_extra or {})
        for tariff in (evse.model_extra or {}).get("tariffs") or []:
            if isinstance(tariff, dict):
                report.tariffs[str(tariff.get("id", "(no id)"))] += 1
        for connector in evse.connectors:
            report.unknown_fields.update(f"evses.connectors.{name}" for name in connector.model_extra or {})
