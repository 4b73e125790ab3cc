"""From the object to what the templates draw: one node for each field, one template for each kind of node."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from backoffice.console.document_forms.reading import below, shown
from ocpi.versions.fields import Field, Kind, fields_of
from ocpi.wire.base import String, Wire

Tree = dict[str, Any]


@dataclass(slots=True)
class Node:
    """`template`: scalar, choice, enum (tick boxes), lines, object or list. `help`: what the field is and its limits."""

    template: str
    path: str
    label: str
    help: str
    required: bool
    errors: list[str]
    text: str = ""
    input_type: str = "text"
    input_mode: str = ""
    max_length: int | None = None
    choices: list[tuple[str, str, bool]] = field(default_factory=list)
    present: bool = True
    children: list[Node] = field(default_factory=list)
    removable: bool = False
    add_label: str = ""
    focus: bool = False

    @property
    def id(self) -> str:
        return id_of(self.path)

    @property
    def file(self) -> str:
        return f"console/node/{self.template}.html"

    @property
    def wide(self) -> bool:
        return self.template in ("object", "list", "enum", "lines", "long")


def id_of(path: str) -> str:
    return "f-" + path.replace(".", "-")


LABELS = {
    "uid": "UID",
    "url": "URL",
    "evse_id": "EVSE id",
    "twentyfourseven": "Open around the clock",
    "is_green_energy": "Green energy",
    "environ_impact": "Environmental impact",
}


def label(name: str) -> str:
    return LABELS.get(name) or name.replace("_", " ").capitalize()


def label_of(path: Sequence[str | int]) -> str:
    """`opening_times.regular_hours.1.weekday` as a person reads it: `Opening times, regular hours 2, weekday`."""
    words: list[str] = []
    for step in path:
        if isinstance(step, int) and words:
            words[-1] += f" {step + 1}"
        else:
            words.append(str(step).replace("_", " "))
    return ", ".join(words).capitalize()


def walk(nodes: Sequence[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from walk(node.children)


def build(
    cls: type[Wire],
    tree: Tree,
    *,
    errors: Mapping[str, list[str]],
    prefix: str = "",
    skip: frozenset[str] = frozenset(),
    opened: str = "",
) -> list[Node]:
    """The fields of an object: its leaves first, then its objects and lists, each in the order of the specification."""
    nodes = [
        _node(cls, name, info, tree.get(name), prefix + name, errors, opened, below(skip, name))
        for name, info in fields_of(cls).items()
        if name not in skip
    ]
    return sorted(nodes, key=lambda node: node.template in ("object", "list"))


def _node(
    cls: type[Wire],
    name: str,
    info: Field,
    value: Any,
    path: str,
    errors: Mapping[str, list[str]],
    opened: str,
    skip: frozenset[str],
) -> Node:
    node = Node(
        template="scalar",
        path=path,
        label=label(name),
        help=_help(cls, name, info),
        required=info.required,
        errors=list(errors.get(path, ())),
        focus=path == opened,
    )
    if info.wire is not None and info.many:
        return _list(node, info.wire, name, value, errors, opened, skip)
    if info.wire is not None:
        return _object(node, info.wire, name, value, errors, opened, skip)
    if info.many:
        return _leaves(node, info, value)
    node.text = shown(value)
    if info.values is not None or info.kind is Kind.BOOL:
        node.template = "choice"
        listed = (
            [("true", "Yes"), ("false", "No")]
            if info.values is None
            else [(str(v.value), str(v.value)) for v in info.values]
        )
        node.choices = _with_unlisted(listed, [node.text] if node.text else [])
        return node
    sends = _sends(cls, name)
    node.max_length = max(sends, len(node.text)) if sends else info.length
    if info.kind is Kind.URL:
        node.input_type, node.max_length = "url", 255
    elif info.kind in (Kind.INT, Kind.NUMBER):
        node.input_mode = "numeric" if info.kind is Kind.INT else "decimal"
    elif (info.length or 0) > 255:
        node.template = "long"
    return node


def _leaves(node: Node, info: Field, value: Any) -> Node:
    entries = [str(entry) for entry in value or ()]
    if info.values is None:
        node.template, node.text = "lines", "\n".join(entries)
    else:
        node.template = "enum"
        node.choices = _with_unlisted([(str(v.value), str(v.value)) for v in info.values], entries)
    return node


def _with_unlisted(listed: list[tuple[str, str]], chosen: list[str]) -> list[tuple[str, str, bool]]:
    """Choices with a mark on the chosen ones; a value that the specification does not list stays choosable."""
    known = {value for value, _ in listed}
    extra = [(value, f"{value} (not listed by OCPI)") for value in chosen if value not in known]
    return [(value, text, value in chosen) for value, text in (*listed, *extra)]


def _object(
    node: Node,
    cls: type[Wire],
    name: str,
    value: Any,
    errors: Mapping[str, list[str]],
    opened: str,
    skip: frozenset[str],
) -> Node:
    node.template = "object"
    node.present = isinstance(value, dict) or node.required
    node.removable = not node.required
    node.add_label = f"Add {name.replace('_', ' ')}"
    if node.present:
        tree = value if isinstance(value, dict) else {}
        node.children = build(cls, tree, errors=errors, prefix=f"{node.path}.", skip=skip, opened=opened)
    return node


def _list(
    node: Node,
    cls: type[Wire],
    name: str,
    value: Any,
    errors: Mapping[str, list[str]],
    opened: str,
    skip: frozenset[str],
) -> Node:
    node.template = "list"
    singular = _singular(name)
    node.add_label = f"Add {singular}"
    for index, entry in enumerate(value or ()):
        path = f"{node.path}.{index}"
        node.children.append(
            Node(
                template="object",
                path=path,
                label=f"{singular.capitalize()} {index + 1}",
                help="",
                required=False,
                removable=True,
                errors=list(errors.get(path, ())),
                focus=path == opened,
                children=build(cls, entry, errors=errors, prefix=f"{path}.", skip=skip, opened=opened),
            )
        )
    return node


def _singular(name: str) -> str:
    words = {
        "regular_hours": "regular hours entry",
        "publish_allowed_to": "token that may see it",
        "environ_impact": "environmental impact",
        "status_schedule": "planned status",
        "parking": "parking place of this EVSE",
    }
    return words.get(name) or name.replace("_", " ").removesuffix("s")


# --- what a field is, from its class ----------------------------------------------------------------------------------

_SAID = {
    Kind.URL: "Web address beginning with http:// or https://.",
    Kind.INT: "Whole number.",
    Kind.NUMBER: "Number.",
    Kind.DATE_TIME: "UTC, such as 2026-04-01T12:00:00Z.",
}


def _help(cls: type[Wire], name: str, info: Field) -> str:
    parts = [_comments(cls).get(name, ""), _SAID.get(info.kind, "")]
    if info.wire is not None:
        parts.append(_first_sentence(info.wire))
    mark = next((m for m in _marks(cls, name) if isinstance(m, String) and m.meaning), None)
    if mark is not None and mark.meaning:
        parts.append(mark.meaning[0].upper() + mark.meaning[1:] + ".")
    elif info.length:
        parts.append(f"At most {_sends(cls, name) or info.length} characters{' each' if info.many else ''}.")
    if info.many and info.values is None and info.wire is None:
        parts.append("One on each line.")
    return " ".join(filter(None, parts))


def _marks(cls: type[Wire], name: str) -> list[Any]:
    """The markers of a field, however pydantic nested them."""
    info = cls.model_fields[name]
    found, waiting = list(info.metadata), [info.annotation]
    while waiting:
        each = waiting.pop()
        found += getattr(each, "__metadata__", ())
        waiting += getattr(each, "__args__", ())
    return found


def _sends(cls: type[Wire], name: str) -> int | None:
    """The smaller limit for what we write ourselves, where there is one."""
    return next((mark.sends for mark in _marks(cls, name) if isinstance(mark, String) and mark.sends), None)


def _first_sentence(cls: type[Wire]) -> str:
    """What the class is, in its docstring's words, without the place in the specification."""
    text = " ".join((cls.__doc__ or "").split())
    sentence = re.sub(r"^`[^`]*`[:,.]? ?", "", text).split(". ")[0].strip().rstrip(".")
    return sentence[0].upper() + sentence[1:] + "." if sentence else ""


@cache
def _comments(cls: type[Wire]) -> Mapping[str, str]:
    """The comment beside a field in its class (units, standards). They are written for readers; staff are readers too."""
    try:
        source = inspect.getsource(cls)
    except OSError:  # an installation without sources
        return {}
    found = re.findall(r"^    (\w+): [^#\n]*#\s*(.+)$", source, re.MULTILINE)
    return {
        name: _sentence(comment.strip())
        for name, comment in found
        if "noqa" not in comment and "edition" not in comment
    }


def _sentence(words: str) -> str:
    """With a capital and a full stop; a word such as eMI3 keeps its own capitals."""
    first = words[0] if words[1:2].isupper() else words[0].upper()
    return first + words[1:] + ("" if words.endswith(".") else ".")
