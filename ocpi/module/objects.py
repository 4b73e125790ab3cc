"""The shapes `OwnedObjects` and `Documents`: what is pushed and pulled, and what passes on its way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ocpi.module.calls import Call, Reply
from ocpi.module.peers import PartyRef, Peer, Tree
from ocpi.wire.base import Wire


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


Exchanged = OwnedObjects | Documents
"""What is pushed and pulled."""
