"""What a version is: its modules, its transport facts, and how it differs from the next newer one, as named changes.

A `Change` is about one class of the specification and one difference. The builders at the end make the common ones (a
field was added, renamed, its enumeration was opened), so that a version file reads like the difference tables of the
specification. Nothing here knows a particular version; no conversion may raise for a tree that is not what it should
be: that is said by validation, which comes after.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ocpi.versions.fields import Field
from ocpi.wire.base import Wire

Node = dict[str, Any]
"""A JSON object. Conversions never modify the one they are given: they return it, or a changed copy."""


class Untranslatable(ValueError):
    """An object has no form in the older version (a Connector of a type that it cannot name).

    Inside a list the walker leaves the object out; in an optional field, the field; at the top the caller gets this
    error and has nothing to send.
    """


def _nowhere(module: str, key: tuple[str, ...]) -> Node | None:
    return None


@dataclass(frozen=True, slots=True)
class Context:
    """What an object does not say itself, because its version leaves it to the connection.

    `owner`, `role`: the party (country code, party id) whose object this is and its market role, whichever direction
    it travels. `partner`: the party on the other side (2.1.1 Sessions name no token owner). `find(module, key)`: an
    object we hold, in the newest version, key = owner's codes and ids; None when unknown. `known`: objects of the
    same exchange, by field name (the Token that an authorization was asked for). `first_edition`: shorten what only
    later editions of the peer's version take. `now`: the time of the exchange.
    """

    owner: tuple[str, str] | None = None
    role: str | None = None
    partner: tuple[str, str] | None = None
    time_zone: str | None = None
    first_edition: bool = False
    find: Callable[[str, tuple[str, ...]], Node | None] = _nowhere
    known: Mapping[str, Any] = field(default_factory=dict)
    now: datetime | None = None
    render: Callable[[type[Wire], Node], Any] | None = None
    """Set by `down`: an object of the newest version in the peer's version."""


WHOLE = ""
"""In `loses`: the object itself may be left out (`Untranslatable`)."""

UNKNOWN_FIELDS = "*"
"""In `loses`: fields that the specification does not know, because the object becomes something else."""

Convert = Callable[[Any, Context], Any]


def same(node: Any, context: Context) -> Any:
    """The conversion of a change that only the other direction needs."""
    return node


@dataclass(frozen=True, slots=True)
class Change:
    """One difference of one class between a version and the next newer one.

    `up` makes the newer form of the older, `down` the reverse; each gets the whole object. `paths`: where a field of
    the newer form comes from in the older (dots between steps, `*` for any list index, empty for the object itself;
    longer ones first). `newer`, `older`: the fields that only this form has. `loses`: what does not survive down and
    up again, with the reason (`WHOLE`: the object itself); `assumes`: what up fills in that the older form left open.
    `scalar`: the older or newer form may be something else than an object.
    """

    cls: type[Wire]
    name: str
    up: Convert = same
    down: Convert = same
    paths: Mapping[str, str] = field(default_factory=dict)
    newer: tuple[str, ...] = ()
    older: Mapping[str, Field] = field(default_factory=dict)
    loses: Mapping[str, str] = field(default_factory=dict)
    assumes: Mapping[str, str] = field(default_factory=dict)
    scalar: bool = False


SENDER, RECEIVER = "SENDER", "RECEIVER"
BOTH = (SENDER, RECEIVER)


@dataclass(frozen=True, slots=True)
class Version:
    """A version of OCPI as a peer speaks it.

    `modules`: identifier to the interfaces that the version defines. `commands`: the commands it knows.
    `base64_token`: the token is encoded in the Authorization header. `endpoint_roles`: endpoints name their
    interface; else each market role has its own connection. `routing_headers`, `request_ids`: OCPI-to/from headers;
    X-Request-ID and X-Correlation-ID. `several_parties`: credentials list roles; else they name one party.
    `patch_has_last_updated`: a PATCH without last_updated is refused.  `changes`: against `newer`, in the order in
    which they are applied going down.
    """

    number: str
    newer: str | None
    modules: Mapping[str, tuple[str, ...]]
    commands: frozenset[str]
    base64_token: bool = True
    endpoint_roles: bool = True
    routing_headers: bool = True
    request_ids: bool = True
    several_parties: bool = True
    patch_has_last_updated: bool = True
    changes: tuple[Change, ...] = ()


def listed(names: str) -> frozenset[str]:
    """The values of an enumeration, written with spaces between them."""
    return frozenset(names.split())


def added(cls: type[Wire], name: str, why: str) -> Change:
    """The newer version added this field: the older never hears of it."""

    def down(node: Node, context: Context) -> Node:
        return without(node, name) if name in node else node

    return Change(cls, f"{cls.__name__}.{name} added", down=down, newer=(name,), loses={name: why})


def renamed(cls: type[Wire], newer: str, older: str, kind: Field) -> Change:
    """The same field under another name."""
    return Change(
        cls,
        f"{cls.__name__}.{older} became {newer}",
        up=lambda node, context: move(node, older, newer),
        down=lambda node, context: move(node, newer, older),
        paths={newer: older},
        newer=(newer,),
        older={older: kind},
    )


def narrowed(cls: type[Wire], name: str, known: frozenset[str], why: str) -> Change:
    """A list of enumeration values: the older version lists fewer, and its enumeration is closed. Others are left
    out.
    """

    def down(node: Node, context: Context) -> Node:
        values = node.get(name)
        if type(values) is not list or all(value in known for value in values if type(value) is str):
            return node
        return {**node, name: [value for value in values if type(value) is not str or value in known]}

    return Change(cls, f"{cls.__name__}.{name} has more values", down=down, loses={name: why})


def optional_narrowed(cls: type[Wire], name: str, known: frozenset[str], why: str) -> Change:
    """An optional enumeration value that the older version may not list: it is left out."""

    def down(node: Node, context: Context) -> Node:
        value = node.get(name)
        return without(node, name) if type(value) is str and value not in known else node

    return Change(cls, f"{cls.__name__}.{name} has more values", down=down, loses={name: why})


def required_narrowed(
    cls: type[Wire], name: str, known: frozenset[str], why: str, *, instead: Mapping[str, str] | str | None = None
) -> Change:
    """A required enumeration value that the older version may not list.

    `instead`: the older value for each (or for all); a value without one makes the object `Untranslatable`.
    """

    def down(node: Node, context: Context) -> Node:
        value = node.get(name)
        if type(value) is not str or value in known:
            return node
        older = instead.get(value) if isinstance(instead, Mapping) else instead
        if older is None:
            raise Untranslatable(f"{cls.__name__}.{name} has a value that the older version cannot name")
        return {**node, name: older}

    whole = instead is None or isinstance(instead, Mapping)
    return Change(
        cls,
        f"{cls.__name__}.{name} has more values",
        down=down,
        loses={name: why, WHOLE: why} if whole else {name: why},
    )


def owned(cls: type[Wire]) -> Change:
    """The older version leaves the owner to the connection."""
    names = ("country_code", "party_id")

    def up(node: Node, context: Context) -> Node:
        if context.owner is None or all(name in node for name in names):
            return node
        return {**dict(zip(names, context.owner, strict=True)), **node}

    return Change(
        cls,
        f"{cls.__name__} names its owner",
        up=up,
        down=lambda node, context: without(node, *names),
        newer=names,
    )


def shortened(cls: type[Wire], name: str, length: int, *, always: bool = False) -> Change:
    """A string that the older version takes only up to this length; unless `always`, only its first edition did."""

    def down(node: Node, context: Context) -> Node:
        value = node.get(name)
        if type(value) is not str or len(value) <= length or not (always or context.first_edition):
            return node
        return {**node, name: value[:length].rstrip()}

    return Change(cls, f"{cls.__name__}.{name} is longer", down=down, loses={name: f"cut to {length} characters"})


def without(node: Node, *names: str) -> Node:
    """A copy without these keys."""
    return {name: value for name, value in node.items() if name not in names}


def move(node: Node, old: str, new: str) -> Node:
    """The node with one key renamed in its place; a value already under the new name stays."""
    if old not in node or new in node:
        return node
    return {new if name == old else name: value for name, value in node.items()}
