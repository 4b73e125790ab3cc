"""Stilwater, the company that is played from a script, becomes a partner: by an agreement with tokens, as one that moved here
with its connections. No handshake is played; what it offers is then read and fetched over HTTP as from anybody.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from backoffice.demo.actions.meeting import FIRST, Clock, UnableToMeet, fetch
from backoffice.demo.world.companies import ROLES, STILWATER
from backoffice.partners.actions import connections, handshake
from backoffice.partners.actions.discovery import UnableToHandshake
from backoffice.partners.models import Connection
from backoffice.partners.rules import REGISTERED, ConnectionState
from backoffice.partners.secrets import new_token
from backoffice.supervisor.data_directory import DataDirectory, read_json, write_private

VERSION = "2.2.1"


@dataclass(frozen=True, slots=True)
class Terms:
    """What both sides know: the token that each shows to the other, where the company last listened, since when its documents
    are as they are.
    """

    shown_by_us: str
    shown_to_us: str
    port: int
    since: str

    @classmethod
    def of(cls, data: DataDirectory, *, now: datetime) -> Terms:
        """As written down at an earlier start, or new ones."""
        path = _file(data)
        if path.exists():
            told = read_json(path)
            return cls(told["shown_by_us"], told["shown_to_us"], int(told["port"]), told["since"])
        return cls(new_token(), new_token(), 0, now.isoformat())

    def write(self, data: DataDirectory) -> None:
        write_private(_file(data), json.dumps(asdict(self)))


def _file(data: DataDirectory) -> Path:
    return data.root / "stilwater.json"


def join(terms: Terms, versions_url: str, *, clock: Clock) -> Connection:
    """The connection to the company, anew unless it stands as these terms say. Raises UnableToMeet, UnableToConnect."""
    known = Connection.objects.filter(name=STILWATER.name).first()
    if known is not None:
        if ConnectionState(known.state) in REGISTERED and known.versions_url == versions_url:
            return known
        connections.forget(known, now=clock())
    details: dict[str, object] = {"name": STILWATER.name, "website": STILWATER.website}
    agreement = connections.Agreement(
        name=STILWATER.name,
        claims=[connections.Claim(STILWATER.country_code, STILWATER.party_id, role, details) for role in ROLES],
        versions_url=versions_url,
        inbound_token=terms.shown_to_us,
        outbound_token=terms.shown_by_us,
        version=VERSION,
    )
    connection = connections.adopt(agreement, our_parties=connections.own_parties())
    try:
        handshake.rediscover(connection, now=clock())
    except (UnableToHandshake, handshake.Busy) as error:
        raise UnableToMeet(f"Could not read what {STILWATER.name} offers: {error}") from error
    for module in FIRST:
        fetch(connection, module, clock=clock)
    return connection
