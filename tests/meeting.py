"""Fixtures for tests in which this platform and the scripted peer meet over real sockets on loopback.

Conftest files import this before Django is set up: whatever needs Django is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest

from tests.peer import ScriptedPeer
from tests.peer.platform import TOKEN_A

if TYPE_CHECKING:
    from backoffice.partners.models import Connection, Party

LOOPBACK = (ip_network("127.0.0.0/8"),)


@pytest.fixture
def reachable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Outgoing calls may reach loopback without TLS, and give up before a test does; a busy machine needs seconds too."""
    from backoffice.roaming_site import site
    from ocpi.client import AddressPolicy, Client, Limits

    limits = Limits(connect_seconds=3.0, read_seconds=4.0, total_seconds=4.5)
    client = Client(AddressPolicy(allow_http=True, allowed_networks=LOOPBACK), limits=limits)
    monkeypatch.setattr(site, "client", client)
    yield
    client.close()


@pytest.fixture
def platform(transactional_db: None, live_server: Any, reachable: None, monkeypatch: pytest.MonkeyPatch) -> Party:
    """This platform, served over HTTP, as DE-RDK (CPO and eMSP)."""
    from backoffice.roaming_site import site
    from tests.factories import own_party

    monkeypatch.setattr(site, "public_url", live_server.url)
    return own_party()


@pytest.fixture
def peer() -> Iterator[ScriptedPeer]:
    with ScriptedPeer() as running:
        yield running


def registered(peer: ScriptedPeer, *, name: str = "TNM") -> Connection:
    """A connection to the peer after a whole handshake that we began."""
    from backoffice.partners.actions import connections, handshake
    from backoffice.partners.models import Connection
    from backoffice.roaming_site import site

    connection = connections.prepare_registration(
        name=name, our_parties=connections.own_parties(), versions_url=peer.versions_url, token_a=TOKEN_A
    )
    handshake.register(connection, now=site.now())
    return Connection.objects.get(pk=connection.pk)
