"""What the fields of a `Wire` class are, read once from its annotations: the map that the walker and the repairs
follow.

Only reading of classes belongs here; nothing that knows a value or a version.
"""

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum, StrEnum
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

from ocpi.wire.base import CiString, ClosedEnum, OpenEnum, String, Url, Wire


class Kind(Enum):
    """What a single value of a field is in JSON."""

    STRING = "string"
    CI_STRING = "CiString"
    URL = "URL"
    NUMBER = "number"
    INT = "int"
    BOOL = "boolean"
    DATE_TIME = "DateTime"
    ENUM = "enum"
    OPEN_ENUM = "OpenEnum"
    OBJECT = "object"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a class of the specification.

    `many`: a JSON list (cardinality `*` or `+`); `filled`: it needs at least one entry. `length`: in characters.
    `pattern`: of a String that has one. `wire`: the class of an OBJECT. `values`: the listed values of an
    enumeration.
    """

    kind: Kind
    required: bool = False
    many: bool = False
    filled: bool = False
    length: int | None = None
    pattern: str | None = None
    wire: type[Wire] | None = None
    values: type[StrEnum] | None = None


_URL = get_args(Url)[1]


@cache
def fields_of(cls: type[Wire]) -> Mapping[str, Field]:
    """The fields of a class by name, in the order of the specification."""
    return {
        name: _field(
            Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation, info.is_required()
        )
        for name, info in cls.model_fields.items()
    }


def _field(annotation: Any, required: bool) -> Field:
    """Unpacks Optional, Annotated and list in whatever order pydantic and the aliases nested them."""
    many = False
    marks: list[Any] = []
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation, *found = get_args(annotation)
            marks += found
        elif origin in (Union, types.UnionType):
            (annotation,) = (member for member in get_args(annotation) if member is not type(None))
        elif origin is list:
            many = True
            (annotation,) = get_args(annotation)
        else:
            break
    kind, wire, values = _kind(annotation, marks)
    limits = next((mark for mark in marks if isinstance(mark, String | CiString)), None)
    return Field(
        kind=kind,
        required=required,
        many=many,
        filled=many and any(getattr(mark, "min_length", None) for mark in marks),
        length=limits.max_length if limits else None,
        pattern=limits.pattern if isinstance(limits, String) else None,
        wire=wire,
        values=values,
    )


_PLAIN = {bool: Kind.BOOL, int: Kind.INT, Decimal: Kind.NUMBER, datetime: Kind.DATE_TIME}


def _kind(annotation: Any, marks: list[Any]) -> tuple[Kind, type[Wire] | None, type[StrEnum] | None]:
    if not isinstance(annotation, type):
        return Kind.ANY, None, None
    if issubclass(annotation, Wire):
        return Kind.OBJECT, annotation, None
    if issubclass(annotation, OpenEnum):
        return Kind.OPEN_ENUM, None, annotation
    if issubclass(annotation, ClosedEnum):
        return Kind.ENUM, None, annotation
    if annotation is str:
        if any(isinstance(mark, type(_URL)) for mark in marks):
            return Kind.URL, None, None
        return (Kind.CI_STRING if any(isinstance(mark, CiString) for mark in marks) else Kind.STRING), None, None
    return _PLAIN.get(annotation, Kind.ANY), None, None


@cache
def classes_below(cls: type[Wire]) -> frozenset[type[Wire]]:
    """The class and every class that can occur anywhere inside it."""
    found: set[type[Wire]] = set()
    waiting: list[type[Wire]] = [cls]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += children(each)
    return frozenset(found)


def children(cls: type[Wire]) -> Iterator[type[Wire]]:
    """The classes of the fields of this class, one level down."""
    return (field.wire for field in fields_of(cls).values() if field.wire is not None)
