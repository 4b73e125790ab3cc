"""From the posted fields to the object: start with the draft, write the leaves that differ from how they were shown.

A number that is none stays the text that was typed, so that the wire class says what was expected and the form shows it again.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from django.http import QueryDict

from ocpi.versions.fields import Field, Kind, fields_of
from ocpi.wire.base import Wire

Tree = dict[str, Any]

_INT = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
MARK = "@"
"""`@images.0` says that this entry is in the form; an object that is not marked has been taken out."""


def shown(value: Any) -> str:
    """A leaf as its input shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def read(
    cls: type[Wire], draft: Tree, data: QueryDict, *, prefix: str = "", skip: frozenset[str] = frozenset()
) -> Tree:
    result = dict(draft)
    for name, field in fields_of(cls).items():
        if name in skip:
            continue
        before, path = draft.get(name), prefix + name
        if field.wire is not None:
            part = _entries if field.many else _object
            after = part(field.wire, before, data, path, below(skip, name))
        elif field.many:
            after = _list(field, before, data, path)
        else:
            after = _scalar(field, before, data, path)
        if after == before or (_blank(after) and _blank(before)):
            continue
        if _blank(after):
            result.pop(name, None)
        else:
            result[name] = after
    return result


def _blank(value: Any) -> bool:
    """Left out, null and empty list mean the same, and are left as they were stored."""
    return value is None or value == []


def below(skip: frozenset[str], name: str) -> frozenset[str]:
    """What is skipped inside the field `name`: `connectors.last_updated` is `last_updated` inside `connectors`."""
    return frozenset(each.removeprefix(f"{name}.") for each in skip if each.startswith(f"{name}."))


def _object(cls: type[Wire], before: Any, data: QueryDict, path: str, skip: frozenset[str]) -> Tree | None:
    if MARK + path not in data:
        return None
    return read(cls, before if isinstance(before, dict) else {}, data, prefix=f"{path}.", skip=skip)


def _entries(cls: type[Wire], before: Any, data: QueryDict, path: str, skip: frozenset[str]) -> list[Tree]:
    stored = before if isinstance(before, list) else []
    return [
        read(cls, entry if isinstance(entry, dict) else {}, data, prefix=f"{path}.{index}.", skip=skip)
        for index, entry in enumerate(stored)
        if f"{MARK}{path}.{index}" in data
    ]


def _list(field: Field, before: Any, data: QueryDict, path: str) -> list[str] | Any:
    """Ticked values keep the order in which they were stored; lines are taken as they stand."""
    if MARK + path not in data:
        return before
    stored = [str(entry) for entry in before or ()]
    if field.values is None:
        lines = [line.strip() for line in data.get(path, "").splitlines() if line.strip()]
        return before if lines == stored else lines
    ticked = data.getlist(path)
    if set(ticked) == set(stored):
        return before
    return [value for value in stored if value in ticked] + [value for value in ticked if value not in stored]


def _scalar(field: Field, before: Any, data: QueryDict, path: str) -> Any:
    if path not in data:
        return before
    text = data[path].strip()
    if text == shown(before).strip():
        return before
    if not text:
        return None
    if field.kind is Kind.BOOL:
        return {"true": True, "false": False}.get(text, text)
    if field.kind is Kind.INT and _INT.fullmatch(text):
        return int(text)
    if field.kind is Kind.NUMBER and _NUMBER.fullmatch(text):
        return int(text) if _INT.fullmatch(text) else Decimal(text)
    return text


def add(cls: type[Wire], draft: Tree, path: str) -> str:
    """Add an empty object or list entry at `path`; returns the path of what was added, or "" for a path that is none."""
    steps = path.split(".")
    node: Any = draft
    for step in steps[:-1]:
        node = _step(node, step)
        if node is None:
            return ""
    wanted = _field_at(cls, steps)
    if wanted is None or wanted.wire is None or not isinstance(node, dict):
        return ""
    if not wanted.many:
        node[steps[-1]] = {}
        return path
    entries = node[steps[-1]] = list(node.get(steps[-1]) or ())
    entries.append({})
    return f"{path}.{len(entries) - 1}"


def remove(draft: Tree, path: str) -> None:
    """Take an object or a list entry out of the draft; a path that is none changes nothing."""
    steps = path.split(".")
    node: Any = draft
    for step in steps[:-1]:
        node = _step(node, step)
    last = steps[-1]
    if isinstance(node, dict):
        node.pop(last, None)
    elif isinstance(node, list) and last.isascii() and last.isdigit() and int(last) < len(node):
        del node[int(last)]


def _step(node: Any, step: str) -> Any:
    if isinstance(node, dict):
        return node.get(step)
    if isinstance(node, list) and step.isascii() and step.isdigit() and int(step) < len(node):
        return node[int(step)]
    return None


def _field_at(cls: type[Wire], steps: list[str]) -> Field | None:
    found: Field | None = None
    for step in steps:
        if step.isdigit():
            continue
        found = fields_of(cls).get(step)
        if found is None:
            return None
        cls = found.wire or cls
    return found
