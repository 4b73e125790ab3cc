"""What an app declares about a module it exchanges, and the values that pass between a door and the business.

An app's `roaming.py` says `site.register(Module("locations", OwnedObjects(...)))`; the generic viewsets in
`ocpi.server` do the rest. Nothing of HTTP, Django or our tables may enter here: a declaration names functions,
and these values are all that such a function sees of a request.
A shape has its own file, `peers` who is on the other side.
"""

from __future__ import annotations

from dataclasses import dataclass

from ocpi.module.calls import Answer, Call, CallArrival, Calls, Reply
from ocpi.module.objects import (
    Arrival,
    Documents,
    Exchanged,
    Level,
    OwnedObjects,
    Page,
    PageQuery,
    Stored,
    addressed,
    level_of,
)
from ocpi.module.peers import PartyRef, Peer, Refusal, Tree, Unknown
from ocpi.module.requests import Ask, AskArrival, AsyncRequests, ResultArrival
from ocpi.wire.versions import InterfaceRole

__all__ = [
    "Answer",
    "Arrival",
    "Ask",
    "AskArrival",
    "AsyncRequests",
    "Call",
    "CallArrival",
    "Calls",
    "Documents",
    "Exchanged",
    "Level",
    "Module",
    "OwnedObjects",
    "Page",
    "PageQuery",
    "PartyRef",
    "Peer",
    "Refusal",
    "Reply",
    "ResultArrival",
    "Shape",
    "Stored",
    "Tree",
    "Unknown",
    "addressed",
    "level_of",
]

Shape = Exchanged | Calls | AsyncRequests


@dataclass(frozen=True, slots=True)
class Module:
    """A module this platform exchanges.

    `sender_roles`, `receiver_roles`: the market roles that typically stand behind each interface (`roles.json`);
    they decide which of our parties open which door and which of a peer's parties must hear of a change.
    `routed`: carries OCPI-to/from headers (configuration modules do not). `bootstrap`: open to a CREDENTIALS_TOKEN_A.
    `one_door`: the same endpoint serves both interfaces (credentials), so the URL names no interface. `part_of`: one endpoint
    serves several kinds of objects (mod_bookings, mod_payments); this is the part whose paths have the identifier as a segment
    of their own, behind the owner where the path names one.
    """

    identifier: str
    shape: Shape
    sender_roles: frozenset[str] = frozenset()
    receiver_roles: frozenset[str] = frozenset()
    routed: bool = True
    bootstrap: bool = False
    one_door: bool = False
    max_body: int = 1_000_000
    part_of: str = ""

    @property
    def endpoint(self) -> str:
        """The identifier that version details list it by."""
        return self.part_of or self.identifier

    @property
    def owner_first(self) -> bool:
        """Whether paths of the Receiver interface begin with country code and party id."""
        return isinstance(self.shape, OwnedObjects) or (isinstance(self.shape, Documents) and not self.shape.partyless)

    def address(self, url: str, interface: InterfaceRole) -> str:
        """Where its list is, or where documents are posted: `url` of the endpoint to the letter, and below it for a part."""
        if not self.part_of or (interface is InterfaceRole.RECEIVER and self.owner_first):
            return url
        return f"{url.rstrip('/')}/{self.identifier}"

    def sole_owner(self, peer: Peer) -> PartyRef | None:
        """Whose its objects are that name no owner: the peer's only party with a role that sends them."""
        able = [party for party in peer.theirs if party.roles & self.sender_roles]
        return able[0] if len(able) == 1 else None

    def interfaces(self) -> tuple[InterfaceRole, ...]:
        return (InterfaceRole.SENDER,) if self.one_door else (InterfaceRole.SENDER, InterfaceRole.RECEIVER)

    def opens(self, interface: InterfaceRole, peer: Peer) -> bool:
        """Whether one of our parties on this connection plays a role that stands behind this interface."""
        typical = self.sender_roles if interface is InterfaceRole.SENDER else self.receiver_roles
        return self.one_door or any(party.roles & typical for party in peer.ours)
