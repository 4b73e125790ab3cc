"""Is this request for us, and from whom: the OCPI-to and OCPI-from headers (transport_and_format#message_routing).

Tolerates absence on a direct connection; refuses what contradicts the registration, so that one party of a platform
cannot speak for another platform's party.
"""

from __future__ import annotations

from collections.abc import Mapping

from ocpi.module import Peer, Refusal
from ocpi.wire.envelope import StatusCode
from ocpi.wire.headers import (
    OCPI_FROM_COUNTRY_CODE,
    OCPI_FROM_PARTY_ID,
    OCPI_TO_COUNTRY_CODE,
    OCPI_TO_PARTY_ID,
    UNROUTED,
    BadHeader,
    Routing,
)

_NAMES = {
    f"HTTP_{name.upper().replace('-', '_')}": name
    for name in (OCPI_TO_COUNTRY_CODE, OCPI_TO_PARTY_ID, OCPI_FROM_COUNTRY_CODE, OCPI_FROM_PARTY_ID)
}
"""What the web server calls these headers."""


def read_routing(meta: Mapping[str, str]) -> Routing:
    """Out of a request's environment. Raises Refusal 2001 for malformed codes."""
    told = {name: meta[given] for given, name in _NAMES.items() if given in meta}
    if not told:
        return UNROUTED
    try:
        return Routing.parse(told)
    except BadHeader as error:
        raise Refusal(str(error), ocpi=StatusCode.INVALID_PARAMETERS) from error


def check_routing(routing: Routing, peer: Peer) -> None:
    """Raises Refusal: 4001 when OCPI-to names no party of ours, 2001 when OCPI-from is not a party of this peer."""
    if routing.to_party and routing.to_country and peer.our_party(routing.to_country, routing.to_party) is None:
        raise Refusal(
            f"OCPI-to names {routing.to_country}-{routing.to_party}, which is no party of this platform on this connection.",
            ocpi=StatusCode.UNKNOWN_RECEIVER,
        )
    if not routing.from_party or not routing.from_country:
        return
    sender = routing.from_country.upper(), routing.from_party.upper()
    if sender == peer.hub or peer.their_party(*sender) is not None:
        return
    raise Refusal(
        f"OCPI-from names {sender[0]}-{sender[1]}, which is not a registered role of this connection.",
        ocpi=StatusCode.INVALID_PARAMETERS,
    )
