"""How others say it: the versions of OCPI that peers speak, and the way between theirs and ours.

Inside there is one language, 2.3.0. `up` brings what a peer sent into it and `down` says it in the peer's version;
both take and give parsed trees, before validation and after rendering. `patch_through` applies a PATCH of an older
version without losing what only the newer has. `translate_path` names a place in an object by the peer's own field
names. What partners do wrong in any version is not here but in `ocpi.versions.repairs`.

An older version is a file (or folder) with a `VERSION`: facts and a tuple of changes against the next newer one. So is
an edition of one module, of which `spoken` tells where it makes a difference.
Django never enters.
"""

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from ocpi.versions import bookings_1_1, no_bookings, v2_1_1, v2_2_1, v2_3_0
from ocpi.versions.fields import Field
from ocpi.versions.patch import overlay, transfer
from ocpi.versions.version import Change, Context, Node, Untranslatable, Version
from ocpi.versions.walker import Path, Walker
from ocpi.wire.base import Wire

__all__ = [
    "BOOKINGS_EDITIONS",
    "NEWEST",
    "NO_BOOKINGS",
    "VERSIONS",
    "Change",
    "Context",
    "Untranslatable",
    "Version",
    "changes",
    "down",
    "fields",
    "lacks",
    "overlay",
    "patch_through",
    "spoken",
    "telltales",
    "translate_path",
    "up",
]

NEWEST = v2_3_0.VERSION.number

VERSIONS: dict[str, Version] = {version.number: version for version in (v2_3_0.VERSION, v2_2_1.VERSION, v2_1_1.VERSION)}
"""Newest first."""

BOOKINGS_EDITIONS = ("1.0", "1.1")
"""Of the bookings module, which comes with 2.3.0 only. The first is the one that we speak inside."""

NO_BOOKINGS = ""
"""Instead of an edition: the peer has no bookings."""

_EDITIONS = {(NEWEST, "1.1"): bookings_1_1.VERSION, (NEWEST, NO_BOOKINGS): no_bookings.VERSION}

_TELLTALES = {no_bookings.VERSION.number: no_bookings.TELLTALES}

_walker = Walker(VERSIONS | {edition.number: edition for edition in _EDITIONS.values()})
_NOTHING = Context()


@cache
def spoken(version: str, bookings: str, cls: type[Wire]) -> str:
    """How a peer of this version and edition of bookings says an object of this class, by the name that the other functions
    take for a version: the version itself, unless the edition makes a difference to the class.
    """
    edition = _EDITIONS.get((version, bookings))
    return edition.number if edition is not None and _walker.changes(edition.number, cls) else version


def telltales(version: str) -> tuple[bytes, ...]:
    """Words one of which stands in every object that this version or edition says otherwise than the newest: few do. None: most
    objects are said otherwise."""
    return _TELLTALES.get(version, ())


def up(version: str, cls: type[Wire], tree: Any, ctx: Context = _NOTHING) -> Any:
    """An object of this class (or a list of them) from a peer's version to the newest.

    Never raises for what the tree holds: what cannot be converted stays as it is, for validation to name. KeyError: a
    version that we do not speak.
    """
    return _walker.up(version, cls, tree, ctx)


def down(version: str, cls: type[Wire], tree: Any, ctx: Context = _NOTHING) -> Any:
    """An object of this class (or a list of them) from the newest version to a peer's; the tree itself if nothing
    changes.

    Raises Untranslatable when the object has no form in that version; in a list such objects are left out.
    """
    return _walker.down(version, cls, tree, ctx)


def translate_path(version: str, cls: type[Wire], path: Path) -> Path:
    """Where the peer finds in its own object what is at this path (of a Violation) in the newest version."""
    return _walker.translate_path(version, cls, path)


def lacks(version: str, command: str) -> bool:
    """Whether this command came only after that version (2.1.1 cannot cancel a reservation)."""
    return command in VERSIONS[NEWEST].commands - VERSIONS[version].commands


def changes(version: str, cls: type[Wire]) -> tuple[Change, ...]:
    """All changes that may touch an object of this class between the version and the newest: what a peer will not
    see.
    """
    return _walker.changes(version, cls)


def fields(version: str, cls: type[Wire]) -> Mapping[str, Field]:
    """The fields of a class by the names of a version."""
    return _walker.fields(version, cls)


def patch_through(
    version: str,
    cls: type[Wire],
    stored: Node,
    body: Mapping[str, Any],
    ctx: Context = _NOTHING,
    *,
    appends: Collection[str] = (),
) -> Node:
    """The stored object (newest version) after a PATCH by a peer of this version; neither argument is modified.

    The fields of the body replace those of the object whole, nested objects and lists included; an explicit null
    resets the field (`ocpi.versions.patch`). Through an older version, only the difference that the body makes in
    that version is carried over, so that what it cannot say survives, also inside lists whose entries have ids.
    `appends`: lists of which the body brings new entries only. The result is not validated. Raises Untranslatable
    when the peer's version has no form for the stored object.
    """
    if version == NEWEST:
        return overlay(stored, body, appends=appends)
    older = down(version, cls, stored, ctx)
    patched = overlay(older, body, appends=appends)
    changed: Node = transfer(stored, up(version, cls, older, ctx), up(version, cls, patched, ctx))
    return changed
