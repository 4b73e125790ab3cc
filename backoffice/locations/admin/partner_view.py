"""What one partner gets when it asks for a location of ours next: through the same functions as its own GET."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backoffice.locations.models import Location
from backoffice.partners import peers
from backoffice.partners.models import Connection
from backoffice.roaming_site import site
from ocpi import versions
from ocpi.module import OwnedObjects
from ocpi.server.bodies import lowered
from ocpi.wire import locations as wire


@dataclass(frozen=True, slots=True)
class PartnerView:
    """`document`: the JSON in the partner's version; without one, `why` says what stands between."""

    connection: Connection
    version: str
    document: bytes | None
    why: str = ""


def as_seen_by(location: Location, connection: Connection) -> PartnerView:
    peer = peers.of_connection(connection.pk)
    version = connection.version
    if peer is None or not version:
        return PartnerView(
            connection, version, None, f"{connection} has not registered yet, so it can ask for nothing."
        )
    owner = peer.our_party(location.party.country_code, location.party.party_id)
    if owner is None:
        return PartnerView(connection, version, None, f"{location.party} takes no part in this connection.")
    shape = site.module("locations").shape
    assert isinstance(shape, OwnedObjects)
    tree: dict[str, Any] | None = shape.read_own(peer, owner, (location.object_id,))
    if tree is None:
        reason = (
            "It is not shared with partners."
            if not location.shared
            else "It is withheld from this partner, or our roles on this connection do not share locations."
        )
        return PartnerView(connection, version, None, f"Withheld: the partner gets 404 for it. {reason}")
    try:
        document = lowered(wire.Location, tree, version=version, peer=peer, owner=owner)
    except versions.Untranslatable as error:
        return PartnerView(
            connection, version, None, f"It has no form in OCPI {version}, so the partner's list leaves it out: {error}"
        )
    return PartnerView(connection, version, document)
