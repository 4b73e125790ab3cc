"""How the two platforms of the demo become partners: ours invites, the other registers, both fetch each other's locations.

The only thing between them beside OCPI over HTTP is the invitation, which in life travels by e-mail: here it is a file in
the partner's data directory. It holds token A until it is used, and that it was accepted from then on. A platform that
starts again therefore knows whether the other one still remembers it; if not, they meet again.
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

FETCHES = 3
"""How often the first fetch is tried."""

Clock = Callable[[], datetime]


class UnableToMeet(Exception):
    """The platforms of the demo did not become partners; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """The file between the two platforms. Without a token it was accepted."""

    path: Path

    @classmethod
    def to(cls, partner: DataDirectory) -> Invitation:
        return cls(partner.root / "invitation.json")

    def read(self) -> tuple[str, str] | None:
        """Our versions URL and token A; None when there is none that waits."""
        told = read_json(self.path) if self.path.exists() else {}
        return (told["versions_url"], told["token_a"]) if "token_a" in told else None

    @property
    def accepted(self) -> bool:
        return self.path.exists() and "token_a" not in read_json(self.path)

    def send(self, versions_url: str, token: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_private(self.path, json.dumps({"versions_url": versions_url, "token_a": token}))

    def accept(self, versions_url: str) -> None:
        write_private(self.path, json.dumps({"versions_url": versions_url}))


def invite_partner(invitation: Invitation, *, versions_url: str, clock: Clock, patience: float) -> Connection | None:
    """Our side, until the partner has registered and we hold its locations. None: they had met before.

    `patience`: seconds until we give the partner up. Raises UnableToMeet.
    """
    known = Connection.objects.filter(name=PARTNER.name).first()
    if known is not None and ConnectionState(known.state) in REGISTERED and invitation.accepted:
        return None
    if known is not None:  # one of the two was wiped, or died before they were done
        connections.forget(known, now=clock())
    connection, token = connections.invite(name=PARTNER.name, our_parties=connections.own_parties(), now=clock())
    invitation.send(versions_url, token)
    deadline = time.monotonic() + patience
    # We are connected when its POST came in, it is when our answer arrived: only then does it know who asks.
    while not (ConnectionState(connection.state) is ConnectionState.ACTIVE and invitation.accepted):
        if time.monotonic() > deadline:
            raise UnableToMeet(
                f"The partner did not register within {patience:.0f} s. Its own log, below {invitation.path.parent}, says why."
            )
        time.sleep(LOOK_EVERY)
        connection.refresh_from_db()
    fetch(connection, clock=clock)
    return connection


def accept_invitation(invitation: Invitation, *, clock: Clock, patience: float) -> Connection | None:
    """The partner's side, until it is registered and holds the other's locations. None: they had met before.

    An attempt that fails is made again: the invitation may be of an earlier start, and a new one on its way. Raises
    UnableToMeet after `patience` seconds.
    """
    deadline = time.monotonic() + patience
    failure = "no invitation came"
    while time.monotonic() < deadline:
        waiting = invitation.read()
        known = Connection.objects.filter(name=HOME.name).first()
        if waiting is None and invitation.accepted and known is not None and ConnectionState(known.state) in REGISTERED:
            return None
        if waiting is not None:
            versions_url, token = waiting
            if known is not None:
                connections.forget(known, now=clock())
            connection = connections.prepare_registration(
                name=HOME.name, our_parties=connections.own_parties(), versions_url=versions_url, token_a=token
            )
            try:
                handshake.register(connection, now=clock())
            except (UnableToHandshake, handshake.Busy) as error:
                failure = str(error)
                connection.delete()  # it never was one
            else:
                invitation.accept(versions_url)
                fetch(connection, clock=clock)
                return connection
        time.sleep(LOOK_EVERY if waiting is None else 1)
    raise UnableToMeet(f"Could not register with {HOME.name} within {patience:.0f} s: {failure}.")


def fetch(connection: Connection, *, clock: Clock) -> None:
    """Hold all locations of the partner. The scheduler may have begun by itself, even before the partner was ready for it:
    then that run is waited for, and another one made when it failed. Raises UnableToMeet.
    """
    for _ in range(FETCHES):
        pull = pulling.start(connection, "locations", full=True, now=clock())
        while (pull := pulling.run(pull.pk)).state == PullState.RUNNING:
            time.sleep(LOOK_EVERY)
        if pull.state == PullState.DONE:
            return
        time.sleep(LOOK_EVERY)
    raise UnableToMeet(f"Could not fetch the locations of {connection}: {pull.error}")
