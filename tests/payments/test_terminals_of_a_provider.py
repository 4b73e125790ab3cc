"""We as CPO: what a provider may tell us of its terminals, in literal JSON, and what it may not."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.partners import peers
from backoffice.partners.models import Party
from backoffice.payments.actions.terminals import assigning
from backoffice.payments.actions.terminals.arriving import store_page
from backoffice.payments.actions.terminals.storing import write
from backoffice.payments.models import Terminal
from backoffice.roaming_site import site
from ocpi.wire import json as wire_json
from ocpi.wire import payments as wire
from tests import factories
from tests.doors.asking import Asking, snapshot
from tests.factories import Partner

DOOR = "2.3.0/receiver/payments/terminals"
FULL = b"""{"terminal_id": "T-1", "address": "Hauptplatz 1", "city": "Graz", "country": "AUT", "postal_code": "8010",
    "coordinates": {"latitude": "47.070714", "longitude": "15.439504"}, "customer_reference": "RDK-7", "reference": "SN-00017",
    "invoice_base_url": "https://rdk.example/invoices/", "invoice_creator": "CPO", "location_ids": [], "colour": "red",
    "last_updated": "2026-03-01T08:00:00Z"}"""


def terminal(object_id: str = "T-1") -> Terminal:
    return Terminal.objects.get(object_id=object_id)


@pytest.mark.rule("T-472", "T-475")
def test_a_posted_terminal_is_kept_whole_and_read_back(paying: Asking, us: Party) -> None:
    answered = paying.ask("POST", DOOR, FULL)
    assert answered.says == (201, 1000)
    row = terminal()
    assert (row.party.party_id, row.customer, row.ours, row.state) == ("PAY", us, False, "ACTIVE")
    assert (row.reference, row.city, str(row.latitude), row.invoice_creator) == ("SN-00017", "Graz", "47.070714", "CPO")
    read = paying.get(answered.headers["Location"])
    assert read.data["colour"] == "red"
    assert read.data["last_updated"] == "2026-03-01T08:00:00Z"
    assert [event.what for event in row.events.all()] == ["POSTED"]


def test_only_an_id_is_enough(paying: Asking) -> None:
    assert paying.ask("POST", DOOR, b'{"terminal_id": "T-1"}').says == (201, 1000)
    assert terminal().tree()["last_updated"].endswith("Z")


@pytest.mark.parametrize(
    ("body", "says", "kept"),
    [
        (FULL, (200, 1000), "Graz"),  # a repeat
        (b'{"terminal_id": "t-1", "city": "Linz", "last_updated": "2026-03-02T08:00:00Z"}', (200, 1000), "Linz"),
        (
            b'{"terminal_id": "T-1", "city": "Linz", "last_updated": "2026-02-01T08:00:00Z"}',
            (200, 1000),
            "Graz",
        ),  # older
        (b'{"terminal_id": "T-1", "city": 5}', (200, 2001), "Graz"),
        (b'{"terminal_id": "T-1", "party_id": "XXX", "country_code": "DE"}', (200, 2001), "Graz"),
    ],
)
def test_a_terminal_told_again(paying: Asking, body: bytes, says: tuple[int, int], kept: str) -> None:
    paying.ask("POST", DOOR, FULL)
    assert paying.ask("POST", DOOR, body).says == says
    assert terminal().city == kept
    assert Terminal.objects.count() == 1


@pytest.mark.rule("T-483")
def test_without_an_activation_a_provider_assigns_nothing(paying: Asking) -> None:
    """What it says is shown, and serves nothing."""
    paying.ask("POST", DOOR, b'{"terminal_id": "T-1", "location_ids": ["LOC1"], "evse_uids": ["E1"]}')
    row = terminal()
    assert (row.location_ids, row.evse_uids) == ([], [])
    assert row.differs == {"location_ids": ["LOC1"], "evse_uids": ["E1"]}


def test_a_provider_does_not_take_back_what_we_assigned(paying: Asking) -> None:
    paying.ask("POST", DOOR, b'{"terminal_id": "T-1"}')
    assigning.assign(terminal(), location_ids=["LOC1"], evse_uids=[], by="anna", now=site.now())
    later = b'{"terminal_id": "T-1", "city": "Wien", "location_ids": ["LOC2"], "last_updated": "2999-01-01T00:00:00Z"}'
    assert paying.ask("POST", DOOR, later).says == (200, 1000)
    assert (terminal().location_ids, terminal().city) == (["LOC1"], "Wien")
    assert terminal().differs == {"location_ids": ["LOC2"]}


def test_a_terminal_of_another_provider_is_not_shown(paying: Asking, us: Party) -> None:
    other = Asking(factories.partner("FR-CBX:OTHER").token)
    paying.ask("POST", DOOR, FULL)
    assert other.get(f"{DOOR}/T-1").says == (404, 2001)
    assert other.ask("POST", DOOR, FULL).says == (201, 1000)  # its own of the same name
    assert Terminal.objects.count() == 2
    assert paying.get(f"{DOOR}/T-1").data["city"] == "Graz"


def test_who_is_no_provider_posts_none(us: Party) -> None:
    before = snapshot()
    answered = Asking(factories.partner("NO-FJO:EMSP").token).ask("POST", DOOR, FULL)
    assert answered.says == (200, 2001)
    assert snapshot().keys() == before.keys()
    assert not Terminal.objects.exists()


NOT_OURS: list[tuple[str, str, Any]] = [
    ("PUT", "/T-1", FULL),
    ("PATCH", "/T-1", b'{"city": "Linz"}'),
    ("DELETE", "/T-1", None),
    ("POST", "/T-1/deactivate", None),
    ("POST", "/activate", FULL),
    ("GET", "", None),
]


@pytest.mark.rule("T-472")
@pytest.mark.parametrize(("method", "below", "body"), NOT_OURS)
def test_a_cpo_serves_nothing_else(paying: Asking, method: str, below: str, body: Any) -> None:
    paying.ask("POST", DOOR, FULL)
    answered = paying.ask(method, f"{DOOR}{below}", body)
    assert answered.status in (404, 405)
    assert terminal().city == "Graz"


def test_a_pull_adopts_what_was_assigned_before(provider: Partner, paying: Asking, us: Party) -> None:
    """Moved here from another system: what is ours of it counts, the rest is shown."""
    peer = peers.of_connection(provider.connection.pk)
    assert peer is not None
    listed = [
        {"terminal_id": "T-1", "location_ids": ["loc1", "GONE"], "last_updated": "2026-03-01T08:00:00Z"},
        {"terminal_id": "T-2", "country_code": "DE", "party_id": "XXX", "last_updated": "2026-03-01T08:00:00Z"},
    ]
    items = [(peer.theirs[0], tree, wire_json.validate(wire.Terminal, tree)) for tree in listed]
    assert store_page(peer, items, site.now()) == 1
    assert terminal().location_ids == ["loc1"]
    assert terminal().differs == {"location_ids": ["loc1", "GONE"]}
    assert store_page(peer, items, site.now()) == 0
    # our word was taken, they say; their list still has the one of before
    row = terminal()
    write(row, row.tree() | {"location_ids": ["LOC1", "LOC2"]}, at=site.now())
    assert store_page(peer, items, site.now()) == 0
    assert terminal().differs == {"location_ids": ["loc1", "GONE"]}
    assert terminal().location_ids == ["LOC1", "LOC2"]
