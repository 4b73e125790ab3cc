"""What an app declares about a module it exchanges, and the values that pass between a door and the business.

An app's `roaming.py` says `site.register(Module("locations", OwnedObjects(...)))`; the generic viewsets in
`ocpi.server` do the rest. Nothing of HTTP, Django or our tables may enter here: a declaration names functions,
and these values are all that such a function sees of a request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ocpi.wire.base import Wire
from ocpi.wire.envelope import StatusCode
from ocpi.wire.versions import InterfaceRole

Tree = dict[str, Any]
"""A parsed JSON object in the newest version's names."""


class Refusal(Exception):
    """The answer is no: HTTP status (200 once the OCPI layer was reached), OCPI status code and a sentence.

    `details` are the violations by the peer's own field names; they go into the log and the sentence.
    """

    def __init__(
        self,
        message: str,
        *,
        ocpi: int = StatusCode.CLIENT_ERROR,
        http: int = 200,
        details: Sequence[str] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.ocpi = ocpi
        self.http = http
        self.details = tuple(details)
        self.headers = headers or {}


class Unknown(Refusal):
    """No such object for this peer: HTTP 404 (transport_and_format, `status_codes.json`)."""

    def __init__(self, message: str) -> None:
        super().__init__(message, ocpi=StatusCode.INVALID_PARAMETERS, http=404)


@dataclass(frozen=True, slots=True)
class PartyRef:
    """One party as a door sees it: our row id, its two codes in upper case, and its roles on this connection."""

    id: int
    country_code: str
    party_id: str
    roles: frozenset[str]

    @property
    def key(self) -> tuple[str, str]:
        return self.country_code, self.party_id

    def __str__(self) -> str:
        return f"{self.country_code}-{self.party_id}"


@dataclass(frozen=True, slots=True)
class Peer:
    """The connection that a request came in on, or that one goes out on: no secrets, only facts.

    `bootstrap`: it showed a CREDENTIALS_TOKEN_A, which opens versions and credentials only.
    `repairs`: names of the repairs switched on for it (`ocpi.versions.repairs`). `origins`: what it has declared and staff
    confirmed as its own, `https://host:443`: the only places to which anything may be sent on its word. `bookings`: which edition
    of that module it speaks (`ocpi.versions.BOOKINGS_EDITIONS`).
    """

    connection: int
    name: str
    version: str
    bootstrap: bool
    theirs: tuple[PartyRef, ...]
    ours: tuple[PartyRef, ...]
    plain_token: bool = False
    repairs: frozenset[str] = frozenset()
    page_limit: int | None = None
    hub: tuple[str, str] | None = None
    token_id: int | None = None
    origins: frozenset[str] = frozenset()
    bookings: str = "1.0"

    def their_party(self, country_code: str, party_id: str) -> PartyRef | None:
        """The peer's party of that name, compared without case; None when it is not one of its registered roles."""
        return _find(self.theirs, country_code, party_id)

    def our_party(self, country_code: str, party_id: str) -> PartyRef | None:
        return _find(self.ours, country_code, party_id)


def _find(parties: tuple[PartyRef, ...], country_code: str, party_id: str) -> PartyRef | None:
    key = country_code.upper(), party_id.upper()
    return next((party for party in parties if party.key == key), None)


@dataclass(frozen=True, slots=True)
class Level:
    """One depth of an owned object's path: `Level("evse_uid", "uid", EVSE)`.

    `qualifier`: a field that is part of the key, too, and comes as a query parameter (`type` of a Token, mod_tokens#put), and
    `otherwise` its value when the parameter is left out. It is the last of the object's ids. `appends`: lists to which a PATCH
    adds and which it does not replace (charging_periods of a Session, mod_sessions#patch_method).
    """

    name: str
    id_field: str
    cls: type[Wire]
    qualifier: str = ""
    otherwise: str = ""
    appends: tuple[str, ...] = ()


def level_of(levels: tuple[Level, ...], ids: Sequence[str]) -> Level:
    """The level that these ids name."""
    return levels[len(ids) - 1 - (1 if levels[0].qualifier else 0)]


def addressed(levels: tuple[Level, ...], ids: Sequence[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """The path segments and query parameters of an object with these ids."""
    level = level_of(levels, ids)
    if not level.qualifier:
        return tuple(ids), {}
    return tuple(ids[:-1]), {} if ids[-1] == level.otherwise else {level.qualifier: ids[-1]}


@dataclass(frozen=True, slots=True)
class Arrival:
    """One PUT or PATCH that passed every check of the door: owner in path = in body = a party of this peer.

    `tree` and `value` hold the whole object in the newest version on a PUT; on a PATCH they are empty and `merge`
    makes the new object out of the stored one, validated whole (raises `Refusal` 2001).
    """

    peer: Peer
    owner: PartyRef
    ids: tuple[str, ...]
    level: Level
    version: str
    now: datetime
    last_updated: datetime
    tree: Tree = field(default_factory=dict)
    merge: Callable[[Tree], tuple[Tree, Wire]] | None = None
    touched: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of an arrival: a new object answers HTTP 201; a stale one changed nothing and answers 1000. `ids`: what a
    document that was posted is addressed by from now on. `refused`: why it was not taken, answered with 2001 although
    something may have been noted (a raised `Refusal` undoes everything)."""

    created: bool = False
    stale: bool = False
    ids: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True, slots=True)
class PageQuery:
    """A paginated GET after validation (transport_and_format#pagination).

    `after` is the row id that the page before ended at and `total` what that page counted; both come from our own
    next link and are only hints: a forged one moves the reader's own window and nothing else. `between`: the values of the
    list's own two parameters, by `OwnedObjects.between`.
    """

    date_from: datetime | None
    date_to: datetime | None
    offset: int
    limit: int
    after: int | None
    total: int | None
    version: str
    now: datetime
    between: tuple[datetime | None, datetime | None] = (None, None)


@dataclass(frozen=True, slots=True)
class Page:
    """`data`: the JSON array as bytes, rendered for the query's version, in pieces: a page is large and should be joined once.
    `last`: the row id it ends at."""

    data: list[bytes]
    count: int
    total: int
    last: int | None


@dataclass(frozen=True, slots=True)
class OwnedObjects:
    """Owner pushes PUT/PATCH/DELETE to `/{country_code}/{party_id}/{id}[/child...]`; others pull pages.

    Sender interface: GET list, and GET of one object where the chapter has it (`serves_one`). Receiver interface: GET and PUT
    of an object, PATCH and DELETE if given. `calls`: routes of the Sender interface beside them.
    `delivered`: what became of a call of ours at the peer's Sender interface, with what it answered, by kind and key.
    `read_own` gives what we tell this peer (None: unknown or withheld), `read_theirs` what this peer told us;
    both in the newest version. `read_own` also serves delivery. `between`: the names of two more parameters of the list, a time
    from which and one before which (mod_bookings). `dated`: the list must be asked for by date_from (mod_sessions),
    and this is how far back we ask when we ask for everything.
    """

    levels: tuple[Level, ...]
    page: Callable[[Peer, PageQuery], Page]
    read_own: Callable[[Peer, PartyRef | None, tuple[str, ...]], Tree | None]
    read_theirs: Callable[[Peer, PartyRef, tuple[str, ...]], Tree | None]
    put: Callable[[Arrival], Stored]
    patch: Callable[[Arrival], Stored] | None = None
    delete: Callable[[Arrival], Stored] | None = None
    store_page: Callable[[Peer, Sequence[tuple[PartyRef, Tree, Wire]], datetime], int] | None = None
    vanish: Callable[[Peer, datetime, datetime], int] | None = None
    serves_one: bool = False
    dated: timedelta | None = None
    calls: tuple[Call, ...] = ()
    delivered: Callable[[str, str, Reply, datetime], None] | None = None
    between: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Documents:
    """Sent once by POST, never changed by the receiver; others pull pages (mod_cdrs, mod_payments).

    Sender interface: GET list, GET of one where the chapter has it (`serves_one`), and `calls` beside them. Receiver interface:
    POST, answered with a Location header, and GET of that URL, which is `/{country_code}/{party_id}/{id}` below ours, or `/{id}`
    where the object names no owner (`partyless`, mod_payments): it then belongs to the peer's party that plays a sender role.
    `acknowledged`: a peer took a document of ours and keeps it at this URL. `delivered`: what became of a call of ours at the
    peer's Sender interface, by kind and key, as with `AsyncRequests`.
    """

    level: Level
    page: Callable[[Peer, PageQuery], Page]
    read_own: Callable[[Peer, PartyRef | None, tuple[str, ...]], Tree | None]
    read_theirs: Callable[[Peer, PartyRef, tuple[str, ...]], Tree | None]
    post: Callable[[Arrival], Stored]
    acknowledged: Callable[[Peer, PartyRef, tuple[str, ...], str, datetime], None]
    store_page: Callable[[Peer, Sequence[tuple[PartyRef, Tree, Wire]], datetime], int] | None = None
    serves_one: bool = False
    partyless: bool = False
    calls: tuple[Call, ...] = ()
    delivered: Callable[[str, str, Reply, datetime], None] | None = None

    @property
    def levels(self) -> tuple[Level, ...]:
        return (self.level,)


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


Exchanged = OwnedObjects | Documents
"""What is pushed and pulled."""

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
