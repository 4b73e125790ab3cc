"""What one partner gets when it asks for an object of ours next: through the same functions as its own GET."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backoffice.partners import peers
from backoffice.partners.models import Connection, Party
from backoffice.roaming_site import site
from ocpi import versions
from ocpi.module import OwnedObjects, level_of
from ocpi.server.bodies import lowered


@dataclass(frozen=True, slots=True)
class PartnerView:
    """`document`: the JSON in the partner's version; without one, `why` says what stands between."""

    connection: Connection
    version: str
    document: bytes | None
    why: str = ""


def as_seen_by(connection: Connection, *, module: str, party: Party, ids: tuple[str, ...], hidden: str) -> PartnerView:
    """`hidden`: the sentence for when this partner gets 404 for it."""
    peer = peers.of_connection(connection.pk)
    version = connection.version
    if peer is None or not version:
        return PartnerView(
            connection, version, None, f"{connection} has not registered yet, so it can ask for nothing."
        )
    owner = peer.our_party(party.country_code, party.party_id)
    if owner is None:
        return PartnerView(connection, version, None, f"{party} takes no part in this connection.")
    shape = site.module(module).shape
    assert isinstance(shape, OwnedObjects)
    tree: dict[str, Any] | None = shape.read_own(peer, owner, ids)
    if tree is None:
        return PartnerView(connection, version, None, f"Withheld: the partner gets 404 for it. {hidden}")
    try:
        document = lowered(level_of(shape.levels, ids).cls, tree, version=version, peer=peer, owner=owner)
    except versions.Untranslatable as error:
        return PartnerView(
            connection, version, None, f"It has no form in OCPI {version}, so the partner's list leaves it out: {error}"
        )
    return PartnerView(connection, version, document)
