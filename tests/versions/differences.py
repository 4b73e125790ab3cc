"""Where two trees of one class differ, and which differences the changes of a version own up to."""

from collections.abc import Collection, Iterator
from typing import Any

from ocpi import versions
from ocpi.versions.version import UNKNOWN_FIELDS, WHOLE
from ocpi.wire.base import Wire
from tests.versions.shapes import Shape, shape
from tests.wire.classes import CLASSES

Place = tuple[str, str]
"""Class and field."""


def tidy(tree: Any) -> Any:
    """Without nulls and empty lists, which mean the same as nothing (T-134, T-135)."""
    if type(tree) is dict:
        return {name: tidy(value) for name, value in tree.items() if value is not None and value != []}
    return [tidy(entry) for entry in tree] if type(tree) is list else tree


def differences(form: Shape, name: str, one: Any, other: Any, allowed: Collection[Place]) -> Iterator[Place]:
    """The innermost fields that differ, those in `allowed` apart; for lists of different length, the field of the list."""
    if type(one) is not dict or type(other) is not dict:
        if one != other:
            yield name, WHOLE
        return
    for field in one.keys() | other.keys():
        before, after = one.get(field), other.get(field)
        if before == after or (name, field) in allowed:
            continue
        known = form.classes[name].get(field)
        inside = known.type if known is not None and known.type in form.classes else None
        if inside and type(before) is dict and type(after) is dict:
            yield from differences(form, inside, before, after, allowed)
        elif inside and type(before) is list and type(after) is list and len(before) == len(after):
            for each, every in zip(before, after, strict=True):
                yield from differences(form, inside, each, every, allowed)
        else:
            yield name, field


def lost(version: str, cls: type[Wire]) -> set[Place]:
    """What the changes between the version and the newest declare as lost on the way down."""
    return {(change.cls.__name__, field) for change in versions.changes(version, cls) for field in change.loses}


def assumed(version: str, cls: type[Wire]) -> set[Place]:
    """What they declare as filled in on the way up."""
    return {(change.cls.__name__, field) for change in versions.changes(version, cls) for field in change.assumes}


def may_vanish(form: Shape, version: str, name: str) -> bool:
    """Whether an object of this class may be left out, itself or because of something that it cannot be without."""
    if (name, WHOLE) in lost(version, CLASSES[name]):
        return True
    return any(
        field.required and field.type in form.classes and may_vanish(form, version, field.type)
        for field in form.classes[name].values()
    )


def unexcused(version: str, name: str, one: Any, other: Any) -> set[Place]:
    """The differences of two newest values that are neither declared nor those of objects that may be left out."""
    form, allowed = shape("2.3.0"), lost(version, CLASSES[name])
    found = set(differences(form, name, one, other, allowed))
    return {place for place in found if not _excused(form, version, place, allowed)}


def _excused(form: Shape, version: str, place: Place, allowed: set[Place]) -> bool:
    cls, field = place
    known = form.classes[cls].get(field)
    if known is None:
        return (cls, UNKNOWN_FIELDS) in allowed
    return known.type in form.classes and may_vanish(form, version, known.type)
