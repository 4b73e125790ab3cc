"""Forms over documents, generated from wire classes: what staff see of an object, and what their answer makes of it.

`DocumentForm` holds one object (Location, EVSE, Connector, ...) while it is edited. Field names are paths
(`opening_times.regular_hours.1.weekday`), and so are the places of the violations that the wire class finds. Only changed
leaves are written: what is not shown, unknown fields included, stays as it was stored, and what somebody else changed in the
meantime stays changed. Which object may be edited by whom, and storing it, are the business of the app's admin and actions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from backoffice.console.document_forms import nodes, reading
from ocpi.versions.patch import transfer
from ocpi.wire import json as wire_json
from ocpi.wire.base import Wire

Tree = dict[str, Any]

MOST_TOLD = 20
BASE, DRAFT, ADD, REMOVE = "@base", "@draft", "_add", "_remove"


@dataclass(slots=True)
class DocumentForm:
    """`base`: the object as it was when the form was opened. `draft`: as it stands now. `skip`: fields of the top level that
    this form does not show. `opened`: path of the entry that was added last, which gets the focus.
    """

    cls: type[Wire]
    base: Tree
    draft: Tree
    skip: frozenset[str] = frozenset()
    opened: str = ""
    violations: list[wire_json.Violation] = field(default_factory=list)

    @classmethod
    def open(
        cls, wire: type[Wire], stored: Tree, *, preset: Tree | None = None, skip: Collection[str] = ()
    ) -> DocumentForm:
        """For a GET: the form of what is stored; `{}` for a new object, which may begin with a `preset`."""
        return cls(wire, stored, stored | (preset or {}), frozenset(skip))

    @classmethod
    def posted(cls, wire: type[Wire], data: QueryDict, *, skip: Collection[str] = ()) -> DocumentForm:
        """For a POST. Raises ValueError when its hidden parts were tampered with."""
        base, draft = (_object(data.get(name, "")) for name in (BASE, DRAFT))
        return cls(wire, base, reading.read(wire, draft, data, skip=frozenset(skip)), frozenset(skip))

    def rearranged(self, data: QueryDict) -> bool:
        """Do what an "add" or "remove" button asks for. False: it was neither, the form is to be saved."""
        if ADD in data:
            self.opened = reading.add(self.cls, self.draft, data[ADD])
        elif REMOVE in data:
            reading.remove(self.draft, data[REMOVE])
            self.opened = data[REMOVE].rpartition(".")[0]
        return ADD in data or REMOVE in data

    def merged(self, stored: Tree) -> Tree:
        """What is stored now, changed by what this form changed."""
        changed: Tree = transfer(stored, self.base, self.draft)
        return changed

    @property
    def changed(self) -> list[str]:
        """Names of the changed fields, for the history."""
        names = self.base.keys() | self.draft.keys()
        return sorted(name for name in names if self.base.get(name) != self.draft.get(name))

    def told(self) -> str:
        """What changed, for the history: each leaf with before and after."""
        lines = list(_differences(self.base, self.draft))
        more = f"; and {len(lines) - MOST_TOLD} more" if len(lines) > MOST_TOLD else ""
        return "; ".join(lines[:MOST_TOLD]) + more

    def valid(self, *, ignore: Collection[str] = ()) -> bool:
        """Check the draft by itself. `ignore`: required fields that the action fills in."""
        try:
            wire_json.validate(self.cls, self.draft)
        except wire_json.Invalid as error:
            self.violations = [v for v in error.violations if not v.path or v.path[0] not in ignore]
        return not self.violations

    def blame(self, violations: Iterable[wire_json.Violation], *, below: tuple[str | int, ...] = ()) -> None:
        """Violations found by an action, in an object that holds this one at `below`."""
        depth = len(below)
        for violation in violations:
            inside = violation.path[:depth] == below
            self.violations.append(
                wire_json.Violation(violation.path[depth:], violation.message) if inside else violation
            )

    # --- for the template ------------------------------------------------------------------------------------------

    @property
    def hidden(self) -> Mapping[str, str]:
        return {BASE: wire_json.encode(self.base).decode(), DRAFT: wire_json.encode(self.draft).decode()}

    def nodes(self) -> list[nodes.Node]:
        errors: dict[str, list[str]] = {}
        for violation in self.violations:
            errors.setdefault(".".join(map(str, violation.path)), []).append(violation.message)
        return nodes.build(self.cls, self.draft, errors=errors, skip=self.skip, opened=self.opened)

    def summary(self) -> list[tuple[str, str, str]]:
        """Each violation as (id of its field or empty, its label, sentence)."""
        shown = {node.path for node in nodes.walk(self.nodes())}
        lines = []
        for violation in self.violations:
            steps = [str(step) for step in violation.path]
            target = next((".".join(steps[:n]) for n in range(len(steps), 0, -1) if ".".join(steps[:n]) in shown), "")
            lines.append((nodes.id_of(target) if target else "", nodes.label_of(violation.path), violation.message))
        return lines


def _differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            yield from _differences(before.get(name), after.get(name), f"{path}.{name}" if path else name)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _differences(one, other, f"{path}.{index}")
    else:
        yield f"{path}: {_short(before)} -> {_short(after)}"


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else wire_json.encode(value).decode()
    return text if len(text) <= 80 else f"{text[:77]}..."


def _object(text: str) -> Tree:
    tree = wire_json.parse(text.encode())
    if not isinstance(tree, dict):
        raise wire_json.BadJson("expected an object")
    return tree
