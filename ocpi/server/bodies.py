"""From a peer's body to a validated object of the newest version, and back: repairs, version, wire class, in that order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ocpi import versions
from ocpi.module import PartyRef, Peer, Refusal, Unknown
from ocpi.versions.repairs import Applied, repair, unwrap
from ocpi.wire import json as wire_json
from ocpi.wire.base import Wire
from ocpi.wire.envelope import StatusCode

Tree = dict[str, Any]


def context(peer: Peer, owner: PartyRef | None) -> versions.Context:
    return versions.Context(owner=(owner.country_code, owner.party_id) if owner else None)


def dialect(cls: type[Wire], *, version: str, peer: Peer) -> str:
    """The name by which `ocpi.versions` knows how this peer says an object of this class."""
    return versions.spoken(version, peer.bookings, cls)


def lift(
    cls: type[Wire], tree: Tree, *, version: str, peer: Peer, owner: PartyRef | None
) -> tuple[Tree, list[Applied]]:
    """A peer's tree in the newest version's names, repaired as its connection says; not yet validated."""
    tree, applied = mended(cls, tree, version=version, peer=peer, owner=owner)
    return versions.up(dialect(cls, version=version, peer=peer), cls, tree, context(peer, owner)), applied


def mended(
    cls: type[Wire], tree: Tree, *, version: str, peer: Peer, owner: PartyRef | None, partial: bool = False
) -> tuple[Tree, list[Applied]]:
    """A peer's tree, still in its own version, with the repairs of its connection. `partial`: the body of a PATCH."""
    if not peer.repairs:
        return tree, []
    said = dialect(cls, version=version, peer=peer)
    return repair(cls, tree, peer.repairs, context(peer, owner), version=said, partial=partial)


def answered(data: Any, *, peer: Peer) -> Any:
    """The one object or value that a peer answered, out of what its connection says it puts around it."""
    return unwrap(data, peer.repairs)[0] if peer.repairs else data


def validated(cls: type[Wire], tree: Tree, *, version: str, peer: Peer) -> Wire:
    """Raises Refusal 2001 with every violation, paths in the peer's own field names."""
    try:
        return wire_json.validate(cls, tree)
    except wire_json.Invalid as error:
        said = dialect(cls, version=version, peer=peer)
        details = [
            f"{'.'.join(map(str, versions.translate_path(said, cls, violation.path))) or cls.__name__}: {violation.message}"
            for violation in error.violations
        ]
        raise Refusal(
            f"{cls.__name__} is not valid: {'; '.join(details[:5])}"
            + (f" (and {len(details) - 5} more)" if len(details) > 5 else ""),
            ocpi=StatusCode.INVALID_PARAMETERS,
            details=details,
        ) from error


def merger(
    cls: type[Wire], body: Tree, *, version: str, peer: Peer, owner: PartyRef | None, appends: tuple[str, ...] = ()
) -> Callable[[Tree], tuple[Tree, Wire]]:
    """What makes the new object of the stored one and the fields of a partial body. The result is validated whole (2001)."""

    def merge(stored: Tree) -> tuple[Tree, Wire]:
        said = dialect(cls, version=version, peer=peer)
        merged = versions.patch_through(said, cls, stored, body, context(peer, owner), appends=appends)
        return merged, validated(cls, merged, version=version, peer=peer)

    return merge


def lowered(
    cls: type[Wire], tree: Tree, *, version: str, peer: Peer, owner: PartyRef | None, theirs: bool = False
) -> bytes:
    """A stored tree as this peer's version says it. `theirs`: it told us that itself, and so knows also what comes with a module
    that it has not. Raises Unknown when it has no form there."""
    try:
        said = dialect(cls, version=version, peer=peer)
        if theirs and peer.bookings == versions.NO_BOOKINGS:
            said = version
        return wire_json.encode(versions.down(said, cls, tree, context(peer, owner)))
    except versions.Untranslatable as error:
        raise Unknown(f"This {cls.__name__} cannot be said in OCPI {version}: {error}") from error
