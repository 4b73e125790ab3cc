"""The four kinds of repairs: of one value, of a whole field, of an object, of an answer around one of these."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ocpi.versions.fields import Field, Kind
from ocpi.versions.version import Context, Node
from ocpi.wire.base import Wire


class _Omit:
    """The type of OMIT."""


OMIT: Final = _Omit()
"""What `fix` answers to leave a value out; where one is required, the value then stays and validation names it."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a value stands: the field of the class, by its name in the peer's version."""

    cls: type[Wire]
    name: str
    field: Field


@dataclass(frozen=True, slots=True)
class ValueRepair:
    """Of one value of a field of these kinds, or of one entry of its list. `sentence`: for staff, what is done."""

    name: str
    kinds: frozenset[Kind]
    applies: Callable[[Any, Spot], bool]
    fix: Callable[[Any, Spot], Any]
    sentence: str


@dataclass(frozen=True, slots=True)
class FieldRepair:
    """Of a whole field, before its entries."""

    name: str
    applies: Callable[[Any, Spot], bool]
    fix: Callable[[Any, Spot], Any]
    sentence: str


@dataclass(frozen=True, slots=True)
class ObjectRepair:
    """Of an object of one class (None: of any). `fills`: required fields that it adds: only where the peer's version has and
    requires them, and not at the top of a PATCH body.
    """

    name: str
    cls: type[Wire] | None
    applies: Callable[[Node, type[Wire], Context], bool]
    fix: Callable[[Node, type[Wire], Context], Node]
    sentence: str
    fills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerRepair:
    """Of the data of an answer where one object or value is due: what stands around it, never what is in it."""

    name: str
    applies: Callable[[Any], bool]
    fix: Callable[[Any], Any]
    sentence: str


Repair = ValueRepair | FieldRepair | ObjectRepair | AnswerRepair
