"""Read objects that somebody handed over as a file, mend them by name, and say what became of each: what every import shares.

Takes what operators really have: a list, an OCPI envelope, `{items: [...]}`, in the field names of 2.3.0, 2.2.1 or 2.1.1. What
cannot be mended is refused with its reason, never guessed; fields that OCPI does not know stay in the document. Which objects an
app stores, and how, is the app's business.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from backoffice.documents.fates import Fate
from backoffice.partners.models import Party
from ocpi import versions
from ocpi.versions.repairs import REPAIRS, repair
from ocpi.wire import json as wire_json
from ocpi.wire.base import Wire, date_time_text

Tree = dict[str, Any]
W = TypeVar("W", bound=Wire)

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
    objects: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    repaired: int = 0
    repairs: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[str, str]] = field(default_factory=list)
    deviations: dict[tuple[str, str], Deviation] = field(default_factory=dict)
    unknown_fields: Counter[str] = field(default_factory=Counter)
    applied: bool = False

    def deviate(self, path: tuple[str | int, ...], sentence: str, example: str) -> None:
        name = name_of(path)
        entry = self.deviations.setdefault((name, sentence), Deviation(name, sentence, example=example))
        entry.count += 1

    def as_dict(self) -> dict[str, Any]:
        """For `--json` and for the upload page."""
        return {
            "party": self.party,
            "version": self.version,
            "applied": self.applied,
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
        }

    def lines(self) -> list[str]:
        """The details for a terminal."""
        facts = self.as_dict()
        told: list[str] = []
        if facts["repairs"]:
            told.append("Repairs, by how often:")
            told += [f"  {count:6}  {name}" for name, count in facts["repairs"].items()]
        if facts["deviations"]:
            told.append("Deviations that could not be repaired, by field:")
            told += [
                f"  {d['count']:6}  {d['field']}: {d['sentence']} (first: {d['example']})" for d in facts["deviations"]
            ]
        if facts["refused"]:
            told.append("Refused:")
            told += [f"  {item['id']}: {item['reason']}" for item in facts["refused"]]
        if facts["unknown_fields"]:
            told.append("Fields that OCPI does not know, kept and passed on:")
            told += [f"  {count:6}  {name}" for name, count in facts["unknown_fields"].items()]
        return told


def name_of(path: tuple[str | int, ...]) -> str:
    """A field for a report: without the numbers of list entries."""
    return ".".join(step for step in path if isinstance(step, str)) or "the object"


def listed(data: bytes, *, marks: frozenset[str], what: str) -> list[Tree]:
    """The objects of a file. `marks`: fields of which an object of this kind has one. Raises UnableToImport."""
    try:
        tree: Any = wire_json.parse(data)
    except wire_json.BadJson as error:
        raise UnableToImport(f"The file is not valid JSON: {error}.") from error
    if isinstance(tree, dict):
        held = tree.get("data", tree.get("items"))
        tree = held if isinstance(held, list) else [tree] if marks & tree.keys() else None
    if not isinstance(tree, list) or not all(isinstance(item, dict) for item in tree):
        raise UnableToImport(
            f"The file should hold a list of {what}, an OCPI answer with `data`, or an object with `items`."
        )
    return tree


def read(
    cls: type[W],
    party: Party,
    item: Tree,
    *,
    version: str,
    report: Report,
    now: datetime,
    without: dict[str, Any] | None = None,
) -> tuple[Tree, W] | None:
    """One object in the newest version, owned by `party`; None when it is refused, which the report then says.

    `without`: what a required field is taken to be when it is missing, beyond the repairs.
    """
    identity = str(item.get("id", item.get("uid", "(no id)")))[:60]
    owner = (party.country_code, party.party_id)
    ctx = versions.Context(owner=owner, now=now)
    mended, applied = repair(cls, item, REPAIRS, ctx, version=version)
    if applied:
        report.repaired += 1
        report.repairs.update(f"{name_of(one.path)}: {one.name}" for one in applied)
    tree: Tree = versions.up(version, cls, mended, ctx)
    tree = tree | {"country_code": owner[0], "party_id": owner[1]}
    for name, value in ({"last_updated": date_time_text(now)} | (without or {})).items():
        tree.setdefault(name, value)
    try:
        return tree, wire_json.validate(cls, tree)
    except wire_json.Invalid as error:
        for violation in error.violations:
            path = versions.translate_path(version, cls, violation.path)
            report.deviate(path, violation.message, identity)
        report.refused.append((identity, str(error)[:500]))
        return None


def party_named(text: str, role: str = "CPO") -> Party:
    """The party of ours in this role with this name (CC-PID); without a name the only one. Raises UnableToImport."""
    ours = list(Party.objects.filter(ours=True, roles__role=role, roles__connection=None).distinct())
    if text:
        ours = [party for party in ours if str(party) == text.upper()]
    if len(ours) == 1:
        return ours[0]
    if text:
        raise UnableToImport(
            f"{text} is no {role} party of ours. Create it: manage.py connect party {text} --name ... --roles {role}"
        )
    if not ours:
        raise UnableToImport(
            f"There is no {role} party of ours yet. Create it: manage.py connect party CC-PID --name ... --roles {role}"
        )
    raise UnableToImport(f"Say which party with --party: {', '.join(map(str, ours))}.")
