"""Decisions about connections, without database or clock: states, which version to choose, which roles may speak.

Laws: a connection is in one state; only the moves of TRANSITIONS exist; a removed connection never comes back (a new
registration makes a new one). Party claims: whoever holds a role keeps it until staff decide otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from urllib.parse import urlsplit

from ocpi.wire.types import Role

NEWEST_FIRST = ("2.3.0", "2.2.1")
"""The versions whose doors are open, best first."""


class _Choices(StrEnum):
    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [(member.value, member.value.replace("_", " ").capitalize()) for member in cls]


class ConnectionState(_Choices):
    """INVITED: we gave a token A and wait. REGISTERING: we hold theirs. SUSPENDED: the partner refuses our token."""

    INVITED = "INVITED"
    REGISTERING = "REGISTERING"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    SUSPENDED = "SUSPENDED"
    REMOVED = "REMOVED"


class ConnectionEvent(_Choices):
    REGISTERED = "REGISTERED"
    PAUSE = "PAUSE"
    RESUME = "RESUME"
    TOKEN_REFUSED = "TOKEN_REFUSED"  # noqa: S105 - an event, no password
    REMOVE = "REMOVE"


class RoleState(_Choices):
    ACTIVE = "ACTIVE"
    AWAITING_APPROVAL = "AWAITING_APPROVAL"
    REFUSED = "REFUSED"


class TokenKind(_Choices):
    """BOOTSTRAP is CREDENTIALS_TOKEN_A: one use, versions and credentials only."""

    BOOTSTRAP = "BOOTSTRAP"
    ACTIVE = "ACTIVE"


S, E = ConnectionState, ConnectionEvent
TRANSITIONS: Mapping[ConnectionState, Mapping[ConnectionEvent, ConnectionState]] = {
    S.INVITED: {E.REGISTERED: S.ACTIVE, E.REMOVE: S.REMOVED},
    S.REGISTERING: {E.REGISTERED: S.ACTIVE, E.REMOVE: S.REMOVED},
    S.ACTIVE: {
        E.REGISTERED: S.ACTIVE,
        E.PAUSE: S.PAUSED,
        E.TOKEN_REFUSED: S.SUSPENDED,
        E.REMOVE: S.REMOVED,
    },
    S.PAUSED: {E.REGISTERED: S.PAUSED, E.RESUME: S.ACTIVE, E.REMOVE: S.REMOVED},
    S.SUSPENDED: {E.REGISTERED: S.ACTIVE, E.RESUME: S.ACTIVE, E.PAUSE: S.PAUSED, E.REMOVE: S.REMOVED},
    S.REMOVED: {},
}

REGISTERED = frozenset({S.ACTIVE, S.PAUSED, S.SUSPENDED})
"""States in which the credentials exchange is done: POST answers 405 in these, PUT and DELETE in the others."""

TALKING = frozenset({S.ACTIVE})
"""States in which we send and fetch. Doors stay open in all of REGISTERED: a pause holds our side only."""


class NotAllowed(Exception):
    """This move does not exist from this state."""


def move(state: ConnectionState, event: ConnectionEvent) -> ConnectionState:
    """Raises NotAllowed."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise NotAllowed(
            f"A connection that is {state.value} cannot {event.value.replace('_', ' ').lower()}."
        ) from None


def best_version(offered: Iterable[str], ours: Sequence[str] = NEWEST_FIRST) -> str | None:
    """The newest version that both speak; None when there is none (status 3002)."""
    theirs = set(offered)
    return next((version for version in ours if version in theirs), None)


def origin(url: str) -> str:
    """Scheme, host and port of a URL in one canonical form: what a token may be sent to.

    A URL that cannot be read is an origin of its own: no other URL shares it, and the client refuses to call it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme.lower(), 0)
    except ValueError:  # brackets that do not match, a port that is no number
        return url
    return f"{parts.scheme.lower()}://{(parts.hostname or '').lower()}:{port}"


_URL = re.compile(r"https?://[!-~]+", re.ASCII | re.IGNORECASE)


def is_url(url: str) -> bool:
    """An absolute http or https URL in printable ASCII: what may be stored at all. Whether it may be called, the client says."""
    return _URL.fullmatch(url) is not None


_COUNTRY, _PARTY = re.compile(r"[A-Za-z]{2}", re.ASCII), re.compile(r"[A-Za-z0-9]{3}", re.ASCII)


def why_no_role(country_code: str, party_id: str, role: str) -> str | None:
    """The sentence for what staff typed as a party and its role and is none; None when it may be one."""
    if not (_COUNTRY.fullmatch(country_code) and _PARTY.fullmatch(party_id)):
        named = f"{country_code}-{party_id}".strip("-")
        return f"{named!r} is no party: two letters, a hyphen, three letters or digits, e.g. NL-TNM."
    roles = [member.value for member in Role]
    return None if role in roles else f"{role!r} is no role of OCPI: {', '.join(roles)}."


def module_named(identifier: str) -> str:
    """The module that version details mean: its chapter calls `bookings`, which its URLs and roles name so, `Booking`."""
    return "bookings" if identifier.lower() in ("booking", "bookings") else identifier


def missing_endpoints(identifiers: Iterable[tuple[str, str]]) -> list[str]:
    """Endpoints without which a registration is refused (3003): credentials is required of every platform."""
    present = {identifier for identifier, _ in identifiers}
    return [name for name in ("credentials",) if name not in present]
