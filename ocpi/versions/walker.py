"""The walk: applies the changes of a version at every object of their class, wherever it sits, in a parsed tree.

The way is found once per (version, class) from the annotations of the wire classes; a class with no change anywhere
below it is not entered and nothing of it is copied. Knows no class and no version of its own.

Up: at each object first its own changes (which restore the newer field names), then its fields. Down: the reverse.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ocpi.versions.fields import Field, classes_below, fields_of
from ocpi.versions.version import Change, Context, Convert, Untranslatable, Version, same
from ocpi.wire.base import Wire

NEWEST = "2.3.0"

Path = tuple[str | int, ...]


@dataclass(slots=True)
class _Plan:
    """What to do at an object of one class, in one version's step to the next newer."""

    ups: tuple[tuple[Convert, bool], ...]
    downs: tuple[tuple[Convert, bool], ...]
    inside: tuple[tuple[str, "_Plan", Field], ...] = ()


class Walker:
    """The conversions between the versions of one table. Threads may share it: plans are only ever added."""

    def __init__(self, versions: Mapping[str, Version]) -> None:
        self._versions = versions
        self._plans: dict[tuple[str, type[Wire]], _Plan | None] = {}
        self._chains: dict[tuple[str, type[Wire]], tuple[_Plan, ...]] = {}
        self._fields: dict[tuple[str, type[Wire]], Mapping[str, Field]] = {}

    def up(self, version: str, cls: type[Wire], tree: Any, context: Context) -> Any:
        """An object of this class (or a list of them) from a peer's version to the newest. Never raises for bad
        content.
        """
        for plan in self._chain(version, cls):
            tree = [_up(plan, each, context) for each in tree] if type(tree) is list else _up(plan, tree, context)
        return tree

    def down(self, version: str, cls: type[Wire], tree: Any, context: Context) -> Any:
        """An object of this class (or a list of them) from the newest version to a peer's.

        Raises Untranslatable when the object cannot be said in that version; in a list such objects are left out.
        """
        chain = self._chain(version, cls)
        if chain and context.render is None:
            context = replace(context, render=partial(self._render, version, context))
        for plan in reversed(chain):
            tree = _each_down(plan, tree, context) if type(tree) is list else _down(plan, tree, context)
        return tree

    def _render(self, version: str, context: Context, cls: type[Wire], tree: Any) -> Any:
        return self.down(version, cls, tree, context)

    def changes(self, version: str, cls: type[Wire]) -> tuple[Change, ...]:
        """All changes that may touch an object of this class on its way between the version and the newest."""
        below = set(classes_below(cls))
        for step in self._steps(version):
            embedded = [field.wire for change in step.changes if change.cls in below for field in change.older.values()]
            below.update(*(classes_below(each) for each in embedded if each is not None))
        return tuple(change for step in self._steps(version) for change in step.changes if change.cls in below)

    def translate_path(self, version: str, cls: type[Wire], path: Path) -> Path:
        """Where the peer finds in its own object what is at this path in the newest version."""
        for step in reversed(self._steps(version)):
            path = _translate(step, cls, path)
        return path

    def fields(self, version: str, cls: type[Wire]) -> Mapping[str, Field]:
        """The fields of a class by the names of a version; those that it does not have are missing."""
        key = version, cls
        if key not in self._fields:
            fields = dict(fields_of(cls))
            for step in reversed(self._steps(version)):
                for change in step.changes:
                    if change.cls is cls:
                        for name in change.newer:
                            fields.pop(name, None)
                        fields |= change.older
            self._fields[key] = fields
        return self._fields[key]

    def _steps(self, version: str) -> list[Version]:
        """The versions from this one up to the last before the newest. Raises KeyError for a version that we do not
        speak.
        """
        steps = []
        step = self._versions[version]
        while step.newer is not None:
            steps.append(step)
            step = self._versions[step.newer]
        return steps

    def _chain(self, version: str, cls: type[Wire]) -> tuple[_Plan, ...]:
        key = version, cls
        chain = self._chains.get(key)
        if chain is None:
            plans = [self._plan(step, cls) for step in self._steps(version)]
            chain = self._chains[key] = tuple(plan for plan in plans if plan is not None)
        return chain

    def _plan(self, step: Version, cls: type[Wire]) -> _Plan | None:
        key = step.number, cls
        if key in self._plans:
            return self._plans[key]
        changed = {change.cls for change in step.changes}
        plan = None
        if not changed.isdisjoint(classes_below(cls)):
            own = tuple(change for change in step.changes if change.cls is cls)
            plan = _Plan(
                ups=tuple((change.up, change.scalar) for change in reversed(own) if change.up is not same),
                downs=tuple((change.down, change.scalar) for change in own if change.down is not same),
            )
        self._plans[key] = plan  # before the fields: a class may hold itself
        if plan is not None:
            plan.inside = tuple(
                (name, below, field)
                for name, field in fields_of(cls).items()
                if field.wire is not None and (below := self._plan(step, field.wire)) is not None
            )
        return plan


def _up(plan: _Plan, node: Any, context: Context) -> Any:
    for convert, scalar in plan.ups:
        if type(node) is dict or scalar:
            node = convert(node, context)
    if type(node) is not dict:
        return node
    result = node
    for name, below, field in plan.inside:
        value = node.get(name)
        if value is None:
            continue
        if field.many:
            if type(value) is not list:
                continue
            new: Any = [_up(below, each, context) for each in value]
            if all(map(_is, new, value)):
                continue
        else:
            new = _up(below, value, context)
            if new is value:
                continue
        if result is node:
            result = dict(node)
        result[name] = new
    return result


def _down(plan: _Plan, node: Any, context: Context) -> Any:
    if type(node) is dict:
        result = node
        for name, below, field in plan.inside:
            value = node.get(name)
            if value is None:
                continue
            if field.many:
                if type(value) is not list:
                    continue
                new: Any = _each_down(below, value, context)
                if new is value:
                    continue
                if not new and value and field.filled:
                    raise Untranslatable(f"nothing is left of {name} in the older version")
            else:
                try:
                    new = _down(below, value, context)
                except Untranslatable:
                    if field.required:
                        raise
                    new = None
                if new is value:
                    continue
            if result is node:
                result = dict(node)
            if new is None:
                del result[name]
            else:
                result[name] = new
        node = result
    for convert, scalar in plan.downs:
        if type(node) is dict or scalar:
            node = convert(node, context)
    return node


def _each_down(plan: _Plan, nodes: list[Any], context: Context) -> list[Any]:
    """The list without what the older version cannot say; the same list when nothing changes."""
    result = []
    for node in nodes:
        try:
            result.append(_down(plan, node, context))
        except Untranslatable:
            continue
    if len(result) == len(nodes) and all(map(_is, result, nodes)):
        return nodes
    return result


def _is(one: Any, other: Any) -> bool:
    return one is other


def _translate(step: Version, cls: type[Wire] | None, path: Path) -> Path:
    """One step towards the older version, walking down the path by the newer names."""
    if cls is None or not path:
        return path
    for change in step.changes:
        if change.cls is cls:
            for newer, older in change.paths.items():
                pattern = newer.split(".")
                if _matches(pattern, path):
                    place = tuple(int(part) if part.isdigit() else part for part in older.split(".") if part)
                    return place + _translate(step, _class_at(cls, path[: len(pattern)]), path[len(pattern) :])
    length = 2 if len(path) > 1 and isinstance(path[1], int) else 1
    return path[:length] + _translate(step, _class_at(cls, path[:length]), path[length:])


def _matches(pattern: list[str], path: Path) -> bool:
    return len(path) >= len(pattern) and all(
        isinstance(step, int) if part == "*" else str(step) == part for part, step in zip(pattern, path, strict=False)
    )


def _class_at(cls: type[Wire], path: Path) -> type[Wire] | None:
    """The class of the object at this path; None where there is no object, such as inside a text."""
    here: type[Wire] | None = cls
    for step in path:
        if isinstance(step, str):
            field = fields_of(here).get(step) if here is not None else None
            here = field.wire if field is not None else None
    return here
