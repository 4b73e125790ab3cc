"""A partner of literal bytes: it books at ours and drivers of ours at its places; cards pay at its terminal and at ours. A whole
platform over HTTP, with its workers.

What it gets is checked field by field against the tables of the chapter; at the end both hold the same bookings.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.demo.booked.as_cpo import AsCpo
from tests.demo.booked.as_emsp import AsEmsp
from tests.demo.booked.cards import Cards
from tests.demo.booked.literal import Literal
from tests.demo.booked.sides import LITERAL, Side
from tests.demo.platforms import Platform, connect
from tests.peer.platform import TOKEN_A

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("quiet platform")]


@pytest.fixture(scope="module")
def peer(quiet_platform: Platform) -> Iterator[Literal]:
    """Registered with ours."""
    with Literal() as running:
        yield register(quiet_platform, running)


@pytest.fixture(scope="module")
def home(quiet_platform: Platform, peer: Literal) -> Iterator[Side]:
    side = Side(quiet_platform, quiet_platform.home, quiet_platform.ports[0], "DE", "RDK", LITERAL)
    yield side
    side.database.close()


def register(platform: Platform, peer: Literal) -> Literal:
    connect(platform, peer.versions_url, TOKEN_A, name="LIT")
    assert peer.token_for_other is not None
    return peer


def test_bookings(home: Side, peer: Literal) -> None:
    emsp, cpo = AsEmsp(peer, home), AsCpo(peer, home)
    emsp.looks()
    came = emsp.comes()
    emsp.books()
    emsp.is_refused()
    cpo.offers()
    cpo.books()
    emsp.is_billed(came)
    emsp.in_edition_1_1()
    emsp.agrees()


def test_cards(home: Side, peer: Literal) -> None:
    Cards(peer, home).go()
