"""Import tokens of our own from a table or from OCPI JSON: first the report of a dry run, then the same again for real.

A token that staff hold stays held whatever the file says; one that the file calls invalid becomes held.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from backoffice import statements
from backoffice.documents.fates import Fate
from backoffice.documents.importing import BATCH, Report, UnableToImport, listed, read
from backoffice.documents.storing import Item
from backoffice.fields import DocumentField
from backoffice.partners.models import Party
from backoffice.tokens.actions.events import note
from backoffice.tokens.actions.storing import TABLE, key_of, parsed, store
from backoffice.tokens.models import Token
from backoffice.tokens.rules import sheet
from backoffice.tokens.rules.changing import faults, remarks
from backoffice.tokens.rules.words import Hold
from ocpi.versions.detect import detect_version
from ocpi.wire import tokens as wire
from ocpi.wire.base import date_time_text

Tree = dict[str, Any]
MARKS = frozenset({"uid", "contract_id", "auth_id"})


@dataclass(slots=True)
class TokenReport(Report):
    """`objects` are tokens. `remarks`: what is allowed and may be a mistake, by token; `held`: those that stay or become held."""

    remarks: list[tuple[str, str]] = field(default_factory=list)
    stay_held: list[str] = field(default_factory=list)
    become_held: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return Report.as_dict(self) | {
            "tokens": self.objects,
            "remarks": [{"uid": uid, "sentence": sentence} for uid, sentence in self.remarks],
            "stay_held": list(self.stay_held),
            "become_held": list(self.become_held),
        }

    def lines(self) -> list[str]:
        told = Report.lines(self)
        for title, uids in (("Stay held, as staff said:", self.stay_held), ("Become held:", self.become_held)):
            if uids:
                told.append(title)
                told += [f"  {uid}" for uid in uids]
        if self.remarks:
            told.append("Worth a look:")
            told += [f"  {uid}: {sentence}" for uid, sentence in self.remarks]
        return told


@dataclass(frozen=True, slots=True)
class File:
    """What was handed over: a table with its header, or trees (`table` None)."""

    table: sheet.Sheet | None = None
    trees: tuple[Tree, ...] = ()

    @property
    def header(self) -> tuple[str, ...]:
        return self.table.header if self.table else ()


def read_file(data: bytes) -> File:
    """JSON when it looks like it, else a table. Raises UnableToImport."""
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
        return File(trees=tuple(listed(data, marks=MARKS, what="Tokens")))
    try:
        return File(table=sheet.read(data))
    except sheet.NotATable as error:
        raise UnableToImport(str(error)) from error


def run(
    party: Party,
    file: File,
    *,
    now: datetime,
    dry_run: bool,
    by: str,
    mapping: Mapping[str, int] | None = None,
    version: str | None = None,
) -> TokenReport:
    """`mapping`: field -> number of the table's column, guessed when not given. The dry run takes the same path."""
    if not party.ours:
        raise UnableToImport(f"{party} is a partner. Tokens are imported into one of our own parties.")
    report = TokenReport(party=str(party), version="2.3.0", applied=not dry_run)
    said = sheet.said(_columns(file.table, mapping)) if file.table else None
    items = _items(party, file, mapping, version, report)
    good: list[tuple[Tree, wire.Token]] = []
    seen: set[str] = set()
    for item in items:
        one = read(wire.Token, party, item, version=report.version, report=report, now=now)
        if one is None:
            continue
        key = key_of(one[1].uid, one[1].type.value)
        wrong = [sentence for _, sentence in faults(one[1])]
        if key in seen:
            wrong.append("It stands twice in the file.")
        if wrong:
            report.refused.append((one[1].uid, " ".join(wrong)))
            continue
        seen.add(key)
        if item.get("last_updated") is None:
            one[0].pop("last_updated", None)  # decided below: what did not change keeps its time
        good.append(one)
        report.unknown_fields.update(one[1].model_extra or {})
        report.remarks += [(one[1].uid, sentence) for _, sentence in remarks(one[1])]
    for start in range(0, len(good), BATCH):
        _batch(party, good[start : start + BATCH], report, said=said, now=now, dry_run=dry_run, by=by)
    return report


def _columns(table: sheet.Sheet, mapping: Mapping[str, int] | None) -> dict[str, int]:
    """Raises UnableToImport when a column is missing that must be there."""
    chosen = sheet.guess(table.header) if mapping is None else dict(mapping)
    missing = [name for name in sheet.REQUIRED if name not in chosen]
    if missing:
        raise UnableToImport(f"Say which column holds: {', '.join(missing)}.")
    return chosen


def _items(
    party: Party, file: File, mapping: Mapping[str, int] | None, version: str | None, report: TokenReport
) -> list[Tree]:
    if file.table is None:
        trees = list(file.trees)
        report.version = version or detect_version(trees)
        report.objects = len(trees)
        return trees
    chosen = _columns(file.table, mapping)
    found: list[Tree] = []
    for number, cells in file.table.rows:
        try:
            found.append(sheet.tree_of(cells, chosen, issuer=party.name or str(party)))
        except ValueError as error:
            report.refused.append((f"line {number}", str(error)))
    report.objects = len(file.table.rows)
    return found


def _batch(
    party: Party,
    good: Sequence[tuple[Tree, wire.Token]],
    report: TokenReport,
    *,
    said: frozenset[str] | None,
    now: datetime,
    dry_run: bool,
    by: str,
) -> None:
    """`said`: the fields that a table has columns for; all others of a token that we have stay as they are."""
    with transaction.atomic():
        stored = _stored(party.pk, [key_of(value.uid, value.type.value) for _, value in good])
        batch: list[tuple[Tree, wire.Token]] = []
        becoming: list[str] = []
        for tree, value in good:
            before, hold = stored.get(key_of(value.uid, value.type.value), (None, Hold.NONE.value))
            if said is not None and before is not None:
                tree = {name: part for name, part in before.items() if name not in said or name in tree} | {
                    name: part for name, part in tree.items() if name in said or name not in before
                }
                tree.pop("last_updated", None)
            if hold != Hold.NONE:
                report.stay_held.append(value.uid)
                tree = tree | {"valid": False}
            elif not tree["valid"]:
                becoming.append(key_of(value.uid, value.type.value))
                report.become_held.append(value.uid)
            batch.append(_dated(tree, before, now))
        written = store(party.pk, batch, now=now, ours=True, dry_run=dry_run)
        report.fates.update(item.fate for item in written)
        if dry_run:
            return
        _note(written, by=by, now=now)
        held = [item.id for item in written if item.key in becoming]
        Token.objects.filter(pk__in=held).update(hold=Hold.BLOCKED.value, held_at=now, held_for="")
        note(held, what="Blocked", by=by, reason="The imported file calls it not valid.", now=now)


def _stored(party: int, keys: Sequence[str]) -> dict[str, tuple[Tree, str]]:
    rows = statements.run(
        f"""SELECT {TABLE.key}, d.document, d.hold FROM tokens_token d
            WHERE d.party_id = %s AND {TABLE.key} = ANY(%s::text[])""",
        [party, list(keys)],
    )
    return {row[0].decode(): (DocumentField.read(row[1]), row[2]) for row in rows}


def _dated(tree: Tree, before: Tree | None, now: datetime) -> tuple[Tree, wire.Token]:
    """Without a date in the file, the same content is no news: else each import of one file would tell every partner."""
    if "last_updated" in tree:
        return tree, parsed(tree)
    if before is not None and tree == {name: part for name, part in before.items() if name != "last_updated"}:
        return before, parsed(before)
    dated = tree | {"last_updated": date_time_text(now)}
    return dated, parsed(dated)


def _note(written: Sequence[Item], *, by: str, now: datetime) -> None:
    for fate, what in ((Fate.NEW, "Imported"), (Fate.CHANGED, "Changed by an import")):
        note([item.id for item in written if item.fate is fate], what=what, by=by, now=now)
