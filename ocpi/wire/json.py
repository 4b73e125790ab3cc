"""JSON in and out, exact: bytes to tree (`parse`), tree to bytes (`encode`), tree to typed object (`validate`).

The only place that parses or writes JSON of the protocol. Numbers never pass through `float`.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import jiter
import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ocpi.wire.base import VIOLATION, Tree, Wire, date_time_text

W = TypeVar("W", bound=Wire)

MAX_DEPTH = 32
MAX_DIGITS = 20
MAX_EXPONENT = 18
"""In scientific notation, both ways: `1e5000000` is small here and would fill the memory at the first sum."""

_LARGEST = 2**63 - 1
"""What 64 bits hold; the writer takes no larger integer."""


class BadJson(ValueError):
    """The bytes are not JSON that we take: HTTP 400 (`status_codes`, rule T-099)."""


@dataclass(frozen=True)
class Violation:
    """One thing wrong with an object: where (field names and list indexes from the top) and what was expected."""

    path: tuple[str | int, ...]
    message: str

    def __str__(self) -> str:
        """For a status_message: `evses[0].uid: Expected ...`."""
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path).lstrip(".")
        return f"{place}: {self.message}" if place else self.message


class Invalid(ValueError):
    """A tree is not the object it should be: OCPI status 2001. Carries every violation, not only the first."""

    def __init__(self, violations: list[Violation]) -> None:
        super().__init__("; ".join(str(violation) for violation in violations))
        self.violations = violations


def parse(data: bytes, *, max_depth: int = MAX_DEPTH) -> Tree:
    """Read JSON. BadJson: not JSON, a key given twice, NUL in a text, a number or a nesting out of bounds."""
    try:
        tree: Tree = jiter.from_json(
            data, allow_inf_nan=False, catch_duplicate_keys=True, float_mode="decimal", partial_mode=False
        )
    except ValueError as error:
        raise BadJson(str(error)) from error
    if not _is_plain(data, max_depth):
        _scan(tree, max_depth)
    return tree


def reread(data: bytes) -> Tree:
    """Read what `encode` wrote of a tree that `parse` gave: it was looked through then, which takes longer than reading it."""
    tree: Tree = jiter.from_json(data, float_mode="decimal", cache_mode="keys")
    return tree


_KINDS = bytes.maketrans(b"123456789.E{}", b"0000000000e[]")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]"))


def _is_plain(data: bytes, max_depth: int) -> bool:
    """Whether these bytes, which are JSON, hold nothing that `_scan` could refuse: nearly always, and known in a third of the
    time. What it does not understand at once it leaves to the scan.
    """
    if b"\\" in data:
        if b"\\u0000" in data:
            return False
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = b"".join(data.split(b'"')[::2]).translate(_KINDS)  # of the strings
    if b"\0" in data or b"0e" in outside or b"0" * len(str(_LARGEST)) in outside:
        return False
    brackets = outside.translate(None, _NOT_BRACKETS)
    for _ in range(max_depth):
        if not brackets:
            break
        brackets = brackets.replace(b"[]", b"")  # the innermost level, wherever it is
    return not brackets


def _scan(tree: Tree, max_depth: int) -> None:
    """Refuse what the parser lets through. Level by level, so that depth costs nothing and nothing recurses."""
    level: list[Any] = [tree]
    depth = 0
    while level:
        below: list[Any] = []
        for node in level:
            kind = type(node)
            if kind is str:
                if "\x00" in node:
                    raise BadJson("a string contains the character NUL")
            elif kind is dict:
                for key in node:
                    if "\x00" in key:
                        raise BadJson("a key contains the character NUL")
                below.extend(node.values())
            elif kind is list:
                below.extend(node)
            elif kind is Decimal:
                if abs(node.adjusted()) > MAX_EXPONENT or len(node.as_tuple().digits) > MAX_DIGITS:
                    raise BadJson(f"a number has more than {MAX_DIGITS} digits or an exponent beyond {MAX_EXPONENT}")
                if not -_LARGEST <= node <= _LARGEST:
                    raise BadJson("a number is too large for 64 bits")
            elif kind is int and not -_LARGEST <= node <= _LARGEST:
                raise BadJson("a number is too large for 64 bits")
        depth += bool(below)
        if depth > max_depth:
            raise BadJson(f"nested deeper than {max_depth} levels")
        level = below


def encode(tree: object) -> bytes:
    """Write JSON: numbers with the digits they have, in plain notation; datetimes as DateTime; key order kept."""
    return orjson.dumps(tree, default=_unusual, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _unusual(value: object) -> object:
    if isinstance(value, Decimal):
        text = str(value)
        if not text[-1].isdigit():
            raise ValueError("JSON has no number for NaN and infinity")
        return orjson.Fragment(format(value, "f") if "E" in text else text)
    if isinstance(value, datetime):
        return date_time_text(value)
    if isinstance(value, Wire):
        return value.tree()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def validate(cls: type[W], tree: object) -> W:
    """The tree as an object of this class. Raises Invalid with all violations.

    The checks of one object between several of its fields run when each of those fields is valid by itself.
    """
    try:
        return cls.model_validate(tree)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    raise Invalid([violation for detail in details for violation in _violations(detail)])


def _violations(detail: ErrorDetails) -> list[Violation]:
    path = detail["loc"]
    context = detail.get("ctx", {})
    if detail["type"] == VIOLATION:
        inner = context.get("violations", [((), detail["msg"])])
        return [Violation((*path, *below), sentence) for below, sentence in inner]
    sentence = {
        "missing": "Expected this field: it is required.",
        "model_type": f"Expected an object of class {context.get('class_name')}.",
        "list_type": "Expected a list.",
        "too_short": "Expected at least one entry.",
        "too_long": f"Expected at most {context.get('max_length')} entries.",
    }[detail["type"]]
    return [Violation(path, sentence)]
