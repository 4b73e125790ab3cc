"""Who is on the other side, and how it is told no."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ocpi.wire.envelope import StatusCode

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
    of that module it speaks (`ocpi.versions.BOOKINGS_EDITIONS`), or that it has none (`NO_BOOKINGS`).
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
