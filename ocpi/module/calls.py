"""The shape `Calls`: ask and get the answer; what travels with such a question, ours or theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ocpi.module.peers import PartyRef, Peer, Tree
from ocpi.wire.base import Wire
from ocpi.wire.envelope import StatusCode


@dataclass(frozen=True, slots=True)
class CallArrival:
    """A request to one route of a `Calls` module; `segments` are the path's variables by name.

    `sender`, `receiver`: the peer's party that asks and ours that is asked, where the routing headers name them. `merge`: as with
    an `Arrival`, for a route whose body is partial; `tree` then holds what the peer sent, in its own version.
    """

    peer: Peer
    version: str
    segments: dict[str, str]
    tree: Tree | None
    value: Wire | None
    query: dict[str, str]
    now: datetime
    correlation_id: str
    sender: PartyRef | None = None
    receiver: PartyRef | None = None
    merge: Callable[[Tree], tuple[Tree, Wire]] | None = None
    token: str = field(default="", repr=False)
    """What the peer showed; only the credentials module, whose answer must name it, has a use for it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A call's answer in the newest version: `data` is a tree (or None), `cls` the class it is of. `object_path`: what it is
    about, for the log."""

    data: Any = None
    cls: type[Wire] | None = None
    http: int = 200
    ocpi: int = StatusCode.SUCCESS
    message: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    object_path: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of something that we sent: the answer in the newest version, or the problem in one sentence.

    `value` and `tree` hold what the peer answered, None where it answered without data or not at all; beside a problem, how it
    said no. `problem` is empty when the peer took it; `cause` names the problem for filters. `sent`: False when it certainly
    never reached the peer.
    """

    value: Wire | None = None
    tree: Tree | None = None
    problem: str = ""
    cause: str = ""
    sent: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """One route: `Call("POST", "{token_uid}/authorize", LocationReferences, authorize)`. Variables stand in braces.

    `atomic`: the function runs in one transaction with the log of its exchange, and again after a deadlock; not for one that
    itself talks to the peer. What it writes although the answer is no, it must answer and not raise. `partial`: the body holds
    only some fields of its class, as that of a PATCH does, and `CallArrival.merge` makes a whole object of them.
    """

    method: str
    path: str
    body: type[Wire] | None
    answer: Callable[[CallArrival], Answer]
    answers: type[Wire] | None = None
    body_optional: bool = False
    atomic: bool = False
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Calls:
    """Ask and get the answer. The function owns its transactions: it may itself talk to the peer (credentials)."""

    routes: tuple[Call, ...]
