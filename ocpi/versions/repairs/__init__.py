"""What partners do wrong, and how it is read nevertheless: named repairs, switched on per connection or import.

A repair is a change without a version. It works on the tree as it came, by the field names of the peer's version,
before `up` and before validation; the wire classes stay exactly the specification's. Every repair that acted is
reported with its place, so that it can be counted, shown and named to the partner. What came originally stays in the
log of exchanges only.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

from ocpi.versions import NEWEST, Context, fields
from ocpi.versions.fields import Kind
from ocpi.versions.repairs import bookings, enumerations, lists, locations, missing, payments, values
from ocpi.versions.repairs.repair import (
    OMIT,
    AnswerRepair,
    FieldRepair,
    ObjectRepair,
    Repair,
    Spot,
    ValueRepair,
)
from ocpi.wire.base import Wire

__all__ = [
    "REPAIRS",
    "AnswerRepair",
    "Applied",
    "FieldRepair",
    "ObjectRepair",
    "Repair",
    "ValueRepair",
    "repair",
    "unwrap",
]

_ALL: tuple[Repair, ...] = (
    *lists.REPAIRS,
    *values.REPAIRS,
    *enumerations.REPAIRS,
    *locations.REPAIRS,
    *missing.REPAIRS,
    *payments.REPAIRS,
    *bookings.REPAIRS,
)
REPAIRS: dict[str, Repair] = {each.name: each for each in _ALL}
"""By name, in the order in which they are tried."""


@dataclass(frozen=True, slots=True)
class Applied:
    """One repair that acted: its name and the place, in the peer's own field names and list indexes."""

    name: str
    path: tuple[str | int, ...]


def repair(
    cls: type[Wire],
    tree: Any,
    enabled: Collection[str],
    ctx: Context | None = None,
    *,
    version: str = NEWEST,
    partial: bool = False,
) -> tuple[Any, list[Applied]]:
    """An object of this class (or a list of them) in a peer's version, repaired; the tree itself if nothing was to do.

    `partial`: the tree is a PATCH body, in which nothing is missing. Raises KeyError for a repair that does not exist.
    """
    if not enabled:
        return tree, []
    run = _Run(_choose(frozenset(enabled)), ctx or Context(), version, partial)
    if type(tree) is list:
        return [run.object(cls, entry, (index,)) for index, entry in enumerate(tree)], run.applied
    return run.object(cls, tree, ()), run.applied


def unwrap(data: Any, enabled: Collection[str]) -> tuple[Any, list[Applied]]:
    """The data of an answer where one object or value is due, without what a peer puts around it; its content as it came.

    Raises KeyError for a repair that does not exist.
    """
    applied: list[Applied] = []
    for each in _choose(frozenset(enabled)).answers:
        if each.applies(data):
            data = each.fix(data)
            applied.append(Applied(each.name, ()))
    return data, applied


@dataclass(frozen=True, slots=True)
class _Choice:
    """The enabled repairs, sorted by what they look at."""

    answers: tuple[AnswerRepair, ...]
    objects: tuple[ObjectRepair, ...]
    fields: tuple[FieldRepair, ...]
    values: dict[Kind, tuple[ValueRepair, ...]]


@cache
def _choose(names: frozenset[str]) -> _Choice:
    unknown = names - REPAIRS.keys()
    if unknown:
        raise KeyError(f"no repair is called {', '.join(sorted(unknown))}")
    chosen = [each for name, each in REPAIRS.items() if name in names]
    by_value = [each for each in chosen if isinstance(each, ValueRepair)]
    return _Choice(
        answers=tuple(each for each in chosen if isinstance(each, AnswerRepair)),
        objects=tuple(each for each in chosen if isinstance(each, ObjectRepair)),
        fields=tuple(each for each in chosen if isinstance(each, FieldRepair)),
        values={kind: tuple(each for each in by_value if kind in each.kinds) for kind in Kind},
    )


class _Run:
    """One walk through one tree. Copies on write: a node without repairs stays the same object."""

    def __init__(self, choice: _Choice, context: Context, version: str, partial: bool) -> None:
        self.choice = choice
        self.context = context
        self.version = version
        self.partial = partial
        self.applied: list[Applied] = []

    def object(self, cls: type[Wire], node: Any, path: tuple[str | int, ...]) -> Any:
        if type(node) is not dict:
            return node
        for each in self.choice.objects:
            if each.cls not in (None, cls) or not self.may_fill(each, cls, top=not path):
                continue
            if each.applies(node, cls, self.context):
                node = each.fix(node, cls, self.context)
                self.applied.append(Applied(each.name, path))
        result = node
        for name, field in fields(self.version, cls).items():
            value = node.get(name)
            if value is None:
                continue
            new = self.field(Spot(cls, name, field), value, (*path, name))
            if new is value:
                continue
            if result is node:
                result = dict(node)
            if new is OMIT:
                del result[name]
            else:
                result[name] = new
        return result

    def may_fill(self, each: ObjectRepair, cls: type[Wire], *, top: bool) -> bool:
        known = fields(self.version, cls)
        if not all(name in known and known[name].required for name in each.fills):
            return False
        return not (each.fills and self.partial and top)

    def field(self, spot: Spot, value: Any, path: tuple[str | int, ...]) -> Any:
        for each in self.choice.fields:
            if each.applies(value, spot):
                value = each.fix(value, spot)
                self.applied.append(Applied(each.name, path))
                if value is OMIT:
                    return value
        if not spot.field.many:
            return self.value(spot, value, path, removable=not spot.field.required)
        if type(value) is not list:
            return value
        last_one = spot.field.filled and len(value) == 1
        entries = [self.value(spot, entry, (*path, index), removable=not last_one) for index, entry in enumerate(value)]
        kept = [entry for entry in entries if entry is not OMIT]
        same = len(kept) == len(value) and all(one is other for one, other in zip(kept, value, strict=True))
        return value if same else kept

    def value(self, spot: Spot, value: Any, path: tuple[str | int, ...], *, removable: bool) -> Any:
        for each in self.choice.values[spot.field.kind]:
            if not each.applies(value, spot):
                continue
            new = each.fix(value, spot)
            if new is OMIT and not removable:
                continue
            self.applied.append(Applied(each.name, path))
            if new is OMIT:
                return OMIT
            value = new
        below = spot.field.wire
        return value if below is None else self.object(below, value, path)
