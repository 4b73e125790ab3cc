"""What an app declares: `Api(...)` with its `Route`s, each one method of one address. Pure data and the readers of parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import Enum, StrEnum
from typing import Any

from backoffice.api.actions.keys import Caller
from backoffice.api.rules import Kind
from backoffice.api.serving.problems import Problem
from ocpi.wire import json as wire_json
from ocpi.wire.base import DateTime, Wire


class _Moment(Wire):
    at: DateTime


Tree = dict[str, Any]


class Repeats(Enum):
    """Whether a route takes an Idempotency-Key. A PUT needs none: sent again it leaves what it left before."""

    NO = "no"
    MAY = "may"
    MUST = "must"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter: `read` gives its value or raises ValueError with what is expected; `schema` says so as JSON Schema."""

    name: str
    description: str
    read: Callable[[str], Any]
    schema: Mapping[str, Any]
    required: bool = False
    default: Any = None


def text(name: str, description: str, *, most: int = 100, required: bool = False) -> Parameter:
    def read(value: str) -> str:
        if not value or len(value) > most or not value.isprintable():
            raise ValueError(f"Expected printable text of at most {most} characters.")
        return value

    return Parameter(name, description, read, {"type": "string", "minLength": 1, "maxLength": most}, required)


def whole(name: str, description: str, *, least: int, most: int, default: int | None = None) -> Parameter:
    def read(value: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", value, re.ASCII) or not least <= int(value) <= most:
            raise ValueError(f"Expected a whole number from {least} to {most}.")
        return int(value)

    schema = {"type": "integer", "minimum": least, "maximum": most}
    return Parameter(
        name, description, read, schema | ({} if default is None else {"default": default}), default=default
    )


def number(
    name: str, description: str, *, least: Decimal | int, most: Decimal | int, required: bool = False
) -> Parameter:
    def read(value: str) -> Decimal:
        sentence = f"Expected a number from {least} to {most}."
        if not re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,12})?", value, re.ASCII):
            raise ValueError(sentence)
        try:
            found = Decimal(value)
        except InvalidOperation as error:
            raise ValueError(sentence) from error
        if not least <= found <= most:
            raise ValueError(sentence)
        return found

    return Parameter(
        name, description, read, {"type": "number", "minimum": float(least), "maximum": float(most)}, required
    )


def choice(name: str, description: str, listed: type[StrEnum], *, required: bool = False) -> Parameter:
    values = [str(member.value) for member in listed]

    def read(value: str) -> StrEnum:
        if value not in values:
            raise ValueError(f"Expected one of {', '.join(values)}.")
        return listed(value)

    return Parameter(name, description, read, {"type": "string", "enum": values}, required)


def moment(name: str, description: str) -> Parameter:
    def read(value: str) -> datetime:
        try:
            return wire_json.validate(_Moment, {"at": value}).at
        except wire_json.Invalid as error:
            raise ValueError(error.violations[0].message) from error

    return Parameter(name, description, read, {"type": "string", "format": "date-time"})


LIMIT = whole("limit", "How many at most", least=1, most=100, default=50)
AFTER = text("after", "`next` of the page before, to read on", most=200)
PAGING = (LIMIT, AFTER)
"""A list is answered as {"items": [...], "next": "..."}; without `next` it ends there."""


def page(items: list[Tree], next_: object = None) -> Tree:
    return {"items": items} | ({} if next_ is None else {"next": str(next_)})


def after(ask: Ask) -> int:
    """A cursor that is the id of a row. Raises Problem."""
    given = ask.query["after"]
    if given is None:
        return 0
    if not re.fullmatch("[0-9]{1,18}", given, re.ASCII):
        raise Problem("invalid", "after: Expected the `next` of the page before.")
    return int(given)


@dataclass(frozen=True, slots=True)
class Ask:
    """One call, read and checked: `segments` of the address, `query` by name (None where left out), the body as `value` and as
    the `tree` that it came in."""

    caller: Caller
    segments: Mapping[str, str]
    query: Mapping[str, Any]
    value: Any
    tree: Tree
    now: datetime
    request_id: str


@dataclass(frozen=True, slots=True)
class Told:
    """The answer. `status` None: the route's own."""

    tree: Tree | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one address. `answer` runs in one transaction with the log and the kept answer, unless it `asks_others` or
    is a GET; it raises Problem for what it refuses, and its docstring is what the description says.

    `example` and `answered` are what the description shows, and tests send the one and compare the other.
    """

    method: str
    path: str
    scope: str
    answer: Callable[[Ask], Told]
    body: type[Wire] | None = None
    answers: type[Wire] | None = None
    many: bool = False
    status: int = 200
    query: tuple[Parameter, ...] = ()
    repeats: Repeats = Repeats.NO
    asks_others: bool = False
    max_body: int = 1_000_000
    tag: str = ""
    example: Tree | None = None
    refusals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Api:
    """All routes below /api/<root>. `scopes`: what a key may be given, each with a sentence for staff. `events`: what its
    webhooks are told, each with a sentence and the class of its data."""

    root: str
    kind: Kind
    title: str
    description: str
    scopes: Mapping[str, str]
    routes: tuple[Route, ...]
    events: Mapping[str, tuple[str, type[Wire]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """A declaration that cannot hold stops the start. Raises ValueError."""
        seen = set()
        for route in self.routes:
            where = f"{route.method} {route.path}"
            if where in seen:
                raise ValueError(f"{where} is declared twice")
            seen.add(where)
            if route.scope not in self.scopes:
                raise ValueError(f"{where} needs the scope {route.scope!r}, which {self.title} does not have")
            if not route.answer.__doc__:
                raise ValueError(f"{where} does not say what it does")
            if route.method == "GET" and (route.body or route.repeats is not Repeats.NO):
                raise ValueError(f"{where} reads: it has neither a body nor an Idempotency-Key")
