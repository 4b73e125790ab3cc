"""What each version's objects look like, from the facts alone (`objects.json` with the differences of `deltas.json`).

The judge of `ocpi.versions`: it shares no code with it.
"""

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Any

from tests.spec import facts

VERSIONS = ("2.3.0", "2.2.1", "2.1.1")
BOOKINGS_1_1 = "2.3.0-b1.1"
"""2.3.0 with the later edition of bookings, by the name that the changes have for it."""
NO_BOOKINGS = "2.3.0-b0"
"""2.3.0 without the module of bookings."""

OPEN_IN_FACT = {"ModuleID", "VersionNumber"}
"""Never an OpenEnum before 2.3.0, yet parties could always add modules, and lists of versions name newer ones."""

_FIELD = re.compile(r"(\w+): (\w+)(?:\((\d+)\))? ([1?*+])")


@dataclass(frozen=True)
class Field:
    name: str
    type: str
    length: int | None
    card: str

    @property
    def required(self) -> bool:
        return self.card in "1+"

    @property
    def many(self) -> bool:
        return self.card in "*+"


@dataclass(frozen=True)
class Shape:
    """The classes and enumerations of one version."""

    classes: dict[str, dict[str, Field]]
    enums: dict[str, frozenset[str]]
    closed: frozenset[str]


def _read(text: str) -> Field:
    found = _FIELD.fullmatch(text)
    assert found, text
    return Field(found[1], found[2], int(found[3]) if found[3] else None, found[4])


@cache
def shape(version: str) -> Shape:
    if version == "2.3.0":
        return _newest()
    if version == BOOKINGS_1_1:
        return _bookings_1_1(_newest())
    if version == NO_BOOKINGS:
        return _no_bookings(_newest())
    if version == "2.2.1":
        return _older(_newest(), facts("deltas")["b_2.2.1_vs_primary"], "2.2.1")
    return _older(shape("2.2.1"), facts("deltas")["c_2.1.1_vs_2.2.1"], "2.1.1")


def _newest() -> Shape:
    classes = {
        name: {
            field["name"]: Field(
                field["name"], field["type"], field.get("max_digits") or field["max_length"], field["card"]
            )
            for field in described["fields"]
        }
        for name, described in facts("objects").items()
    }
    listed = facts("enums")
    return Shape(
        classes,
        {enum["name"]: frozenset([*enum["values"], *enum.get("additional_values", ())]) for enum in listed},
        frozenset(enum["name"] for enum in listed if not enum["open"]),
    )


def _older(newer: Shape, delta: dict[str, Any], version: str) -> Shape:
    gone = set(delta.get("objects_only_in_primary", ())) | set(delta.get("objects_only_in_2.2.1", ()))
    classes = {name: dict(fields) for name, fields in newer.classes.items() if name not in gone}
    for name, difference in delta["objects"].items():
        fields = classes[name]
        for text in difference.get("only_in_newer", ()):
            del fields[_read(text).name]
        for text in difference.get("only_in_older", ()):
            fields[_read(text).name] = _read(text)
        for change in difference.get("changed", ()):
            fields[change["field"]] = _both(change["field"], change["older"], fields[change["field"]])
    if version == "2.2.1":
        # The table gives both limits the new class PriceLimit; in 2.2.1 they are Prices.
        limits = {name: replace(classes["Tariff"][name], type="Price") for name in ("min_price", "max_price")}
        classes["Tariff"] |= limits
    if version == "2.1.1":
        classes["CommandResult"] = classes["CommandResponse"]  # one class for both answers
        hours = classes["Hours"]
        hours["twentyfourseven"] = replace(hours["twentyfourseven"], card="?")
    enums = dict(newer.enums)
    for name, difference in delta["enums"].items():
        values = enums.get(name, frozenset()) - set(difference.get("only_in_newer", ()))
        enums[name] = values | set(difference.get("only_in_older", ()))
    if version == "2.1.1":
        enums["LocationType"] = frozenset(
            {"ON_STREET", "PARKING_GARAGE", "UNDERGROUND_GARAGE", "PARKING_LOT", "OTHER", "UNKNOWN"}
        )
    return Shape(classes, enums, frozenset(enums) - OPEN_IN_FACT)


RENAMED = {
    "AccessInformation": "AccessMethod",
    "AccessMethod": "LocationAccess",
    "BookingOption": "BookableParkingOptions",
    "Policy": "Bookable",
}
"""Classes that edition 1.1 of bookings calls otherwise."""


def _bookings_1_1(newest: Shape) -> Shape:
    """Classes keep the names of 1.0, their fields get those of 1.1. Enumerations that are open there take any value."""
    delta = facts("deltas")["a_later_editions"]["bookings_1_1"]
    classes = {name: dict(fields) for name, fields in newest.classes.items()}
    for name, difference in (delta["objects"] | delta["other_objects"]).items():
        fields = classes.setdefault(RENAMED.get(name, name), {})
        for text in difference.get("removed", ()):
            del fields[_read(text).name]
        for change in difference.get("changed", ()):
            fields[change["field"]] = _renamed(_read(f"{change['field']}: {change['1.1']}"))
        for text in (*difference.get("added", ()), *difference.get("new_class", {}).get("fields", ())):
            fields[_read(text).name] = _renamed(_read(text))
    enums = newest.enums | {"BookingRestrictionType": frozenset(delta["enums"]["BookingRestrictionType"]["new"])}
    gone = delta["enums"]["ReservationRestrictionType"]["removed"]
    enums["ReservationRestrictionType"] = enums["ReservationRestrictionType"] - set(gone)
    return Shape(classes, enums, newest.closed | {"BookingRestrictionType"})


def _no_bookings(newest: Shape) -> Shape:
    """Of the values that came with bookings, those that price what only bookings have."""
    (more,) = (each["extension_values"] for each in facts("enums") if each["name"] == "ReservationRestrictionType")
    core = newest.enums["ReservationRestrictionType"] - set(more["bookings"])
    return Shape(newest.classes, newest.enums | {"ReservationRestrictionType": core}, newest.closed)


def _renamed(field: Field) -> Field:
    return replace(field, type=RENAMED.get(field.type, field.type))


def _both(name: str, older: str, newer: Field) -> Field:
    """The older field within what the newer takes too (ids: 36 characters of CiString)."""
    field = _read(f"{name}: {older}")
    if field.type in ("string", "CiString") and newer.type in ("string", "CiString"):
        kind = "CiString" if "CiString" in (field.type, newer.type) else "string"
        return replace(field, type=kind, length=min(field.length or 0, newer.length or 0))
    return field


def faults(version: str, name: str, tree: Any) -> list[str]:
    """What an object of a version may not be: required fields missing, fields of another version, unlisted values."""
    return list(_faults(shape(version), name, tree, name))


def _faults(form: Shape, name: str, tree: Any, path: str) -> Any:
    if type(tree) is not dict:
        yield f"{path}: not an object"
        return
    fields = form.classes[name]
    for field in fields.values():
        value = tree.get(field.name)
        if value is None or value == []:
            if field.required:
                yield f"{path}.{field.name}: missing"
        elif field.many != (type(value) is list):
            yield f"{path}.{field.name}: list or not"
        else:
            for each in value if field.many else [value]:
                yield from _value_faults(form, field, each, f"{path}.{field.name}")
    for version in VERSIONS:
        other = shape(version).classes.get(name, {})
        yield from (f"{path}.{field}: of {version}" for field in tree if field in other and field not in fields)


_JSON = {"number": (int, Decimal), "int": (int,), "boolean": (bool,)}


def _value_faults(form: Shape, field: Field, value: Any, path: str) -> Any:
    if field.type in form.classes:
        yield from _faults(form, field.type, value, path)
    elif type(value) not in _JSON.get(field.type, (str,)):
        yield f"{path}: {type(value).__name__} is no {field.type}"
    elif field.type in form.enums:
        if field.type in form.closed and value not in form.enums[field.type]:
            yield f"{path}: {value} is not listed"
    elif type(value) is str and field.length is not None and len(value) > field.length:
        yield f"{path}: longer than {field.length}"
