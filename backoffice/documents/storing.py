"""Store objects that are one row each (tariffs, tokens, sessions ...): the same code for a PUT, a page of a pull and an import.

A batch costs three statements whatever its size. A dry run takes the same path and writes nothing. Locations, whose EVSEs are
rows of their own, store themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from backoffice import statements
from backoffice.documents.fates import Fate, fate, ordered_at
from backoffice.fields import DocumentField, milliseconds

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Columns:
    """The projections of a table: their names with SQL types, and how they follow from an object."""

    types: dict[str, str]
    of: Callable[[Any], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Table:
    """Where a kind of object is stored. `key` is SQL over alias `d` and `key_of` the same in Python: what is unique within a
    party, without regard to case. `dead`: SQL that is true for a row which its owner withdrew; told of again, it changes.

    `watched`: SQL of what an app wants to know of the row as it was, for `Item.before`. `refused`: whether what is new does not
    become true after that: the row stays as it is, fate REFUSED.
    """

    name: str
    columns: Columns
    dead: str = "false"
    key: str = "upper(d.object_id)"
    key_of: Callable[[Any], str] = lambda value: value.id.upper()
    id_of: Callable[[Any], str] = lambda value: value.id
    watched: str = "NULL"
    refused: Callable[[Item], bool] = lambda item: False


@dataclass(slots=True)
class Item:
    """One object of a batch: what it says, the row it is in, and what became of it."""

    key: str
    tree: Tree
    value: Any
    text: str
    at: datetime
    id: int = 0
    generation: int = 1
    fate: Fate = Fate.NEW
    before: Any = None

    @property
    def touched(self) -> bool:
        return self.fate in (Fate.NEW, Fate.CHANGED)


def store(
    table: Table, party: int, objects: Sequence[tuple[Tree, Any]], *, now: datetime, dry_run: bool = False
) -> list[Item]:
    """Store these objects of one party; newest wins, and of equal keys in a batch the newest. In the caller's transaction, which
    also stages the news. Returns what became of each, in the order of the keys."""
    batch = _prepared(table, objects, now)
    for _ in range(3):
        with transaction.atomic():
            _compare(table, party, batch)
            if dry_run or _write(table, party, batch, now):
                return batch
            transaction.set_rollback(True)  # somebody created one of them in between
    raise RuntimeError("the same objects were created by somebody else three times in a row")


def _prepared(table: Table, objects: Sequence[tuple[Tree, Any]], now: datetime) -> list[Item]:
    newest: dict[str, Item] = {}
    for tree, value in objects:
        at = milliseconds(ordered_at(value.last_updated, now))
        item = Item(table.key_of(value), tree, value, DocumentField.write(tree), at)
        if item.key not in newest or newest[item.key].at <= at:
            newest[item.key] = item
    return [newest[key] for key in sorted(newest)]


def _compare(table: Table, party: int, batch: list[Item]) -> None:
    """Lock what is stored and say of each object what it is to become."""
    rows = statements.run(
        f"""SELECT d.id, {table.key}, d.last_updated, d.document, d.generation, {table.dead}, {table.watched}
            FROM {table.name} d
            WHERE d.party_id = %s AND {table.key} = ANY(%s::text[]) ORDER BY d.id FOR NO KEY UPDATE""",
        [party, [item.key for item in batch]],
    )
    stored = {row[1].decode(): row for row in rows}
    for item in batch:
        row = stored.get(item.key)
        item.id, item.generation, item.before = (row[0], row[4], row[6]) if row else (0, 1, None)
        item.fate = fate(
            stored_at=row[2] if row else None,
            stored=row[3].decode() if row else "",
            told_at=item.at,
            told=item.text,
        )
        if row and row[5] and item.fate is Fate.SAME:
            item.fate = Fate.CHANGED
        if item.touched and table.refused(item):
            item.fate = Fate.REFUSED


def _write(table: Table, party: int, batch: list[Item], now: datetime) -> bool:
    types = {"object_id": "text", "document": "text", "last_updated": "timestamptz", **table.columns.types}
    names = ", ".join(types)
    new = [item for item in batch if item.fate is Fate.NEW]
    changed = [item for item in batch if item.fate is Fate.CHANGED]
    if new:
        made = statements.run(
            f"""INSERT INTO {table.name} AS d (party_id, generation, seen_at, created_at, {names})
                SELECT %s, 1, %s, %s, told.* FROM {_unnested(types)} AS told
                ON CONFLICT DO NOTHING RETURNING d.id, {table.key}""",
            [party, now, now, *_columns(table, new)],
        )
        ids = {key.decode(): row_id for row_id, key in made}
        if len(ids) < len(new):
            return False
        for item in new:
            item.id = ids[item.key]
    if changed:
        assigned = ", ".join(f"{name} = told.{name}" for name in names.split(", "))
        statements.run(
            f"""UPDATE {table.name} d SET {assigned}, generation = d.generation + 1, seen_at = %s
                FROM {_unnested({"id": "bigint", **types})} AS told(id, {names}) WHERE d.id = told.id""",
            [now, [item.id for item in changed], *_columns(table, changed)],
        )
        for item in changed:
            item.generation += 1
    same = [item.id for item in batch if not item.touched]
    if same:
        statements.run(f"UPDATE {table.name} SET seen_at = %s WHERE id = ANY(%s)", [now, same])
    return True


def _columns(table: Table, items: Sequence[Item]) -> list[list[Any]]:
    rows = [(table.id_of(item.value), item.text, item.at, *table.columns.of(item.value)) for item in items]
    return [list(column) for column in zip(*rows, strict=True)]


def _unnested(types: dict[str, str]) -> str:
    return f"unnest({', '.join(f'{sent(name)}::{kind}[]' for name, kind in types.items())})"


def sent(name: str) -> str:
    """The placeholder of a column. Documents go as bytes: as text each of their hundreds of quotation marks would be escaped."""
    return "%b" if name == "document" else "%s"
