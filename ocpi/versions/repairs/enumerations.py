"""Enumeration values in another spelling, and values that the specification does not list."""

import re
from enum import StrEnum
from functools import cache
from typing import Any

from ocpi.versions.fields import Kind
from ocpi.versions.repairs.repair import OMIT, Spot, ValueRepair
from ocpi.wire.tariffs import Tariff, TariffRestrictions

FALLBACKS = ("UNKNOWN", "OTHER")
"""Listed values that stand for one that is not listed, where a value is required."""

PRICED = (Tariff, TariffRestrictions)
"""Without a value that restricts it, a price would apply to more than its owner meant: never left out."""


def _bare(value: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", value.upper())


@cache
def _spellings(values: type[StrEnum]) -> dict[str, str]:
    return {_bare(value): value.value for value in values}


def _listed(value: Any, spot: Spot) -> str | None:
    """The listed value that differs from this one in case and separators only."""
    values = spot.field.values
    return _spellings(values).get(_bare(value)) if values is not None and type(value) is str else None


def _other_spelling(value: Any, spot: Spot) -> bool:
    return _listed(value, spot) not in (None, value)


def _not_listed(value: Any, spot: Spot) -> bool:
    values = None if spot.cls in PRICED else spot.field.values
    return values is not None and type(value) is str and value not in values.__members__.values()


def _fallback(value: Any, spot: Spot) -> Any:
    values = spot.field.values
    if spot.field.required and not spot.field.many and values is not None:
        for name in FALLBACKS:
            if name in values.__members__:
                return name
    return OMIT


REPAIRS: tuple[ValueRepair, ...] = (
    ValueRepair(
        "accept_other_enum_spelling",
        frozenset({Kind.ENUM, Kind.OPEN_ENUM}),
        applies=_other_spelling,
        fix=_listed,
        sentence="A listed value in another case or with other separators (Out-of-order) is read as the listed one.",
    ),
    ValueRepair(
        "accept_unknown_enum_values",
        frozenset({Kind.ENUM}),
        applies=_not_listed,
        fix=_fallback,
        sentence="A value that a closed enumeration does not list becomes UNKNOWN or OTHER; optional ones are left out.",
    ),
)
