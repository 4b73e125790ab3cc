"""How the two platforms of the demo become partners: ours invites, the other registers, both fetch each other's locations.

The only thing between them beside OCPI over HTTP is the invitation, which in life travels by e-mail: here it is a file in
the partner's data directory. It holds token A until it is used. Our side writes it anew at each start, with a token or
without, and the partner waits for that: so it is our side alone that decides whether the two have met, also when one of
them was wiped or listens on another port.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from backoffice.delivery.actions import pulling
from backoffice.delivery.models import PullState
from backoffice.demo.world.companies import HOME, PARTNER
from backoffice.partners.actions import connections, handshake
from backoffice.partners.actions.discovery import UnableToHandshake
from backoffice.partners.models import Connection
from backoffice.partners.rules import REGISTERED, ConnectionState
from backoffice.supervisor.data_directory import DataDirectory, read_json, write_private

LOOK_EVERY = 0.1
"""Seconds."""

FIRST = ("locations", "tariffs", "tokens")
"""What a partner must hold before anybody can charge there; the rest is fetched as it falls due."""

FETCHES = 3
"""How often the first fetch is tried."""

Clock = Callable[[], datetime]


class UnableToMeet(Exception):
    """The platforms of the demo did not become partners; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Note:
    """What an invitation says. `token_a` empty: the two have met."""

    versions_url: str
    token_a: str


@dataclass(frozen=True, slots=True)
class Invitation:
    """The file between the two platforms. `start`: a file that our side writes whenever it starts."""

    path: Path
    start: Path

    @classmethod
    def between(cls, home: DataDirectory) -> Invitation:
        return cls(home.partner.root / "invitation.json", home.platform_file)

    def read(self) -> Note | None:
        if not self.path.exists():
            return None
        told = read_json(self.path)
        return Note(told["versions_url"], told.get("token_a", ""))

    def read_of_this_start(self) -> Note | None:
        """None while our side has not decided yet."""
        try:
            decided = self.path.stat().st_mtime_ns >= self.start.stat().st_mtime_ns
        except FileNotFoundError:
            return None
        return self.read() if decided else None

    def write(self, versions_url: str, token_a: str = "") -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_private(self.path, json.dumps({"versions_url": versions_url} | ({"token_a": token_a} if token_a else {})))


def invite_partner(
    invitation: Invitation, *, versions_url: str, partner_url: str, clock: Clock, patience: float
) -> Connection | None:
    """Our side, until the partner has registered and we hold its locations. None: they had met before.

    `versions_url`: ours now; `partner_url`: where the partner listens now. `patience`: seconds until we give the partner up.
    Raises UnableToMeet.
    """
    known = Connection.objects.filter(name=PARTNER.name).first()
    if known is not None:
        registered = ConnectionState(known.state) in REGISTERED
        same_addresses = known.versions_url.startswith(f"{partner_url}/")
        if registered and same_addresses and invitation.read() == Note(versions_url, ""):
            invitation.write(versions_url)
            return None
        connections.forget(known, now=clock())
    connection, token = connections.invite(name=PARTNER.name, our_parties=connections.own_parties(), now=clock())
    invitation.write(versions_url, token)
    deadline = time.monotonic() + patience
    # We are connected when its POST came in, it is when our answer arrived: only then does it know who asks.
    while not (
        ConnectionState(connection.state) is ConnectionState.ACTIVE and invitation.read() == Note(versions_url, "")
    ):
        if time.monotonic() > deadline:
            raise UnableToMeet(
                f"The partner did not register within {patience:.0f} s. Its own log, below {invitation.path.parent}, says why."
            )
        time.sleep(LOOK_EVERY)
        connection.refresh_from_db()
    for module in FIRST:
        fetch(connection, module, clock=clock)
    return connection


def accept_invitation(invitation: Invitation, *, clock: Clock, patience: float) -> Connection | None:
    """The partner's side, until it is registered and holds the other's locations. None: they had met before.

    `patience`: seconds to wait for the decision of the other side. Raises UnableToMeet.
    """
    deadline = time.monotonic() + patience
    while (note := invitation.read_of_this_start()) is None:
        if time.monotonic() > deadline:
            raise UnableToMeet(f"{HOME.name} sent no invitation within {patience:.0f} s.")
        time.sleep(LOOK_EVERY)
    known = Connection.objects.filter(name=HOME.name).first()
    if not note.token_a:
        if known is not None and ConnectionState(known.state) in REGISTERED:
            return None
        invitation.path.unlink()
        raise UnableToMeet(
            f"{HOME.name} knows this platform, which has lost its memory of it. Start again: they will meet anew."
        )
    if known is not None:
        connections.forget(known, now=clock())
    connection = connections.prepare_registration(
        name=HOME.name, our_parties=connections.own_parties(), versions_url=note.versions_url, token_a=note.token_a
    )
    try:
        handshake.register(connection, now=clock())
    except (UnableToHandshake, handshake.Busy) as error:
        raise UnableToMeet(f"Could not register with {HOME.name}: {error}") from error
    invitation.write(note.versions_url)
    for module in FIRST:
        fetch(connection, module, clock=clock)
    return connection


def fetch(connection: Connection, module: str, *, clock: Clock) -> None:
    """Hold all that the partner has of a module. The scheduler may have begun by itself, even before the partner was ready:
    then that run is waited for, and another one made when it failed. Raises UnableToMeet.
    """
    for _ in range(FETCHES):
        pull = pulling.start(connection, module, full=True, now=clock())
        while (pull := pulling.run(pull.pk)).state == PullState.RUNNING:
            time.sleep(LOOK_EVERY)
        if pull.state == PullState.DONE:
            return
        time.sleep(LOOK_EVERY)
    raise UnableToMeet(f"Could not fetch the {module} of {connection}: {pull.error}")
