"""What `ocpi.wire` declares, read back, and a minimal valid tree for each class, built from the facts alone."""

import importlib
import pkgutil
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

import ocpi.wire
from ocpi.wire import base
from ocpi.wire.base import ClosedEnum, OpenEnum, Wire
from tests.spec import facts

OBJECTS: dict[str, Any] = facts("objects")
ENUMS: dict[str, Any] = {enum["name"]: enum for enum in facts("enums")}

SPECIAL = {
    "latitude": "50.770774",
    "longitude": "-126.104965",
    "period_begin": "08:00",
    "period_end": "20:00",
}
NEEDED: dict[str, dict[str, Any]] = {
    "BookingLocation": {"evse_uid": "E1"},
    "Hours": {"twentyfourseven": True},
    "PublishTokenType": {"group_id": "G1"},
    "ActiveChargingProfileResult": {"result": "REJECTED"},
    "FinancialAdviceConfirmation": {"eft_data": ["paid"]},
}


def _declared(*parents: type) -> dict[str, Any]:
    return {
        value.__name__: value
        for module in pkgutil.walk_packages(ocpi.wire.__path__, "ocpi.wire.")
        for value in vars(importlib.import_module(module.name)).values()
        if isinstance(value, type) and issubclass(value, parents) and value.__module__ != base.__name__
    }


CLASSES: dict[str, type[Wire]] = _declared(Wire)
WIRE_ENUMS: dict[str, type[ClosedEnum] | type[OpenEnum]] = _declared(ClosedEnum, OpenEnum)

_PRIMITIVES = {
    base.String: "string",
    base.CiString: "CiString",
    base.UrlType: "URL",
    base.NumberType: "number",
    base.WholeNumber: "int",
    base.BoolType: "boolean",
    base.DateTimeType: "DateTime",
}


def markers(cls: type[Wire], field: str) -> list[Any]:
    """The marker instances of a field's innermost type."""
    return list(_inner(get_type_hints(cls, include_extras=True)[field])[1])


def describe(cls: type[Wire], field: str) -> tuple[str, int | None, str]:
    """(type, max_length, card) in the words of the facts. Fails for a type that is not one of the primitives."""
    hint = get_type_hints(cls, include_extras=True)[field]
    inner, marks = _inner(hint)
    name, length = _name(inner, marks, f"{cls.__name__}.{field}")
    return name, length, _card(hint, cls.model_fields[field])


def _inner(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        (only,) = (arg for arg in get_args(hint) if arg is not NoneType)
        return _inner(only)
    if origin is Annotated:
        inner, *marks = get_args(hint)
        return _inner(get_args(inner)[0]) if get_origin(inner) is list else (inner, tuple(marks))
    return hint, ()


def _name(inner: Any, marks: tuple[Any, ...], where: str) -> tuple[str, int | None]:
    for mark in marks:
        if type(mark) in _PRIMITIVES:
            return _PRIMITIVES[type(mark)], getattr(mark, "max_length", None)
    if inner is Any:
        return "any", None
    assert issubclass(inner, (Wire, ClosedEnum, OpenEnum)), f"{where} is a bare {inner}"
    return inner.__name__, None


def _card(hint: Any, info: FieldInfo) -> str:
    if get_origin(hint) is Annotated and get_origin(get_args(hint)[0]) is list:
        many = any(isinstance(mark, BeforeValidator) for mark in get_args(hint)[1:])
        assert info.is_required() != many
        return "*" if many else "+"
    optional = hint is Any or (get_origin(hint) in (Union, UnionType) and NoneType in get_args(hint))
    assert info.is_required() != optional
    return "?" if optional else "1"


def sample(class_name: str) -> dict[str, Any]:
    """A valid tree with the required fields only."""
    required = [field for field in OBJECTS[class_name]["fields"] if field["card"] in ("1", "+")]
    tree = {field["name"]: field_sample(class_name, field) for field in required}
    return tree | NEEDED.get(class_name, {})


def field_sample(class_name: str, field: dict[str, Any]) -> Any:
    """A valid value of one field."""
    hours = class_name == "RegularHours"
    if field["name"] in SPECIAL and (hours or "itude" in field["name"]):
        value: Any = SPECIAL[field["name"]]
    elif class_name == "TariffRestrictions" and field["type"] == "string":
        value = "08:00" if field["name"].endswith("time") else "2026-04-01"
    else:
        value = type_sample(field["type"])
    return [value] if field["card"] in ("*", "+") else value


def type_sample(name: str) -> Any:
    """A valid value of a type."""
    if name in OBJECTS:
        return sample(name)
    if name in ENUMS:
        return ENUMS[name]["values"][-1]
    return {
        "string": "ab",
        "CiString": "ab",
        "URL": "https://example.com/x",
        "DateTime": "2026-04-01T12:00:00Z",
        "int": 3,
        "number": 3,
        "boolean": False,
        "any": {},
    }[name]
