"""The shape `AsyncRequests`: taken or refused now, its result told later (mod_commands, mod_charging_profiles)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ocpi.module.calls import Answer, Call, Reply
from ocpi.module.peers import PartyRef, Peer, Tree
from ocpi.wire.base import Wire


@dataclass(frozen=True, slots=True)
class AskArrival:
    """A request that is answered twice: now, and when its result is known. It passed every check of the door.

    `segments` are the path's variables by name; `tree` and `value` the body in the newest version, None where the request has
    none; `query` what came beside it. `response_url`: where the result must be posted, an http or https URL on an origin that the
    peer has declared. `sender`, `receiver`: as with a `CallArrival`.
    """

    peer: Peer
    version: str
    kind: str
    segments: dict[str, str]
    tree: Tree | None
    value: Wire | None
    query: dict[str, str]
    response_url: str
    sender: PartyRef | None
    receiver: PartyRef | None
    now: datetime
    correlation_id: str


@dataclass(frozen=True, slots=True)
class ResultArrival:
    """The result of a request of ours, posted to the response_url that we gave: `uid` is the key it was sent with."""

    peer: Peer
    version: str
    kind: str
    uid: str
    tree: Tree
    value: Wire
    now: datetime
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Ask:
    """One kind of request: its route below the Receiver endpoint, and the three objects that travel.

    `Ask("START_SESSION", "POST", "START_SESSION", StartSession, CommandResponse, CommandResult, receiving.start)`. `kind` stands
    in our own response_url and in the log. Without a `body` the response_url is a query parameter. `receive` runs in one
    transaction with the log of its exchange, and again after a deadlock; what it writes although the answer is no, it must
    answer and not raise.
    """

    kind: str
    method: str
    path: str
    body: type[Wire] | None
    response: type[Wire]
    result: type[Wire]
    receive: Callable[[AskArrival], Answer]


@dataclass(frozen=True, slots=True)
class AsyncRequests:
    """A request with a response_url is taken or refused at once, and its result is posted there later (mod_commands).

    Receiver interface: the asks. Sender interface: POST to `{kind}/{uid}`, which `heard` takes (an unknown uid, or another
    peer's, is `Unknown`), and the routes of `calls`. `answered`: what became of a request of ours, by kind and key; `delivered`:
    of a result or a push of ours. Both run in the transaction that ends its errand, once for each.
    """

    asks: tuple[Ask, ...]
    heard: Callable[[ResultArrival], Answer]
    answered: Callable[[str, str, Reply, datetime], None]
    delivered: Callable[[str, str, Reply, datetime], None]
    calls: tuple[Call, ...] = ()

    def ask(self, kind: str) -> Ask:
        """Raises KeyError for a kind that is not declared."""
        found = next((ask for ask in self.asks if ask.kind == kind), None)
        if found is None:
            raise KeyError(kind)
        return found
