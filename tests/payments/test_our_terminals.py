"""We as provider: our terminals told to a CPO, and what the CPO asks of them, in literal JSON."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.delivery.actions.draining import drain
from backoffice.delivery.models import Message
from backoffice.partners.actions.connections import set_endpoints
from backoffice.partners.actions.handshake import our_credentials
from backoffice.partners.models import Party
from backoffice.partners.secrets import decrypt
from backoffice.payments.actions.terminals import providing
from backoffice.payments.actions.terminals.storing import UnableToChange
from backoffice.payments.models import Terminal
from backoffice.roaming_site import site
from tests import factories
from tests.doors.asking import Asking
from tests.factories import Partner
from tests.peer import ScriptedPeer

DOOR = "2.3.0/sender/payments/terminals"


def made(ptp: Party, customer: Party | None, terminal_id: str = "T-1", **fields: Any) -> Terminal:
    given = {"terminal_id": terminal_id, "city": "Graz", **fields}
    return providing.create(party=ptp, customer=customer, fields=given, by="anna", now=site.now())


def terminal(object_id: str = "T-1") -> Terminal:
    return Terminal.objects.get(object_id__iexact=object_id)


@pytest.fixture
def one(ptp: Party, cpo: Partner) -> Terminal:
    return made(ptp, cpo.party, reference="SN-1")


def test_a_provider_says_that_it_is_something_else(ptp: Party, cpo: Partner) -> None:
    """The Role enum has no PTP."""
    assert [role["role"] for role in our_credentials(cpo.connection, "x")["roles"]] == ["OTHER"]


@pytest.mark.rule("T-470")
def test_a_cpo_reads_its_terminals_and_no_others(ptp: Party, one: Terminal, charging: Asking) -> None:
    other = factories.partner("NO-FJO:CPO", ours=[ptp])
    made(ptp, other.party, "T-2")
    made(ptp, None, "T-3")
    assert [each["terminal_id"] for each in charging.get(DOOR).data] == ["T-1"]
    assert charging.get(f"{DOOR}/t-1").data["city"] == "Graz"
    for hidden in ("T-2", "T-3", "T-9"):
        assert charging.get(f"{DOOR}/{hidden}").says == (404, 2001)
    assert [each["terminal_id"] for each in Asking(other.token).get(DOOR).data] == ["T-2"]


@pytest.mark.rule("T-474")
def test_the_list_has_dates_and_pages(ptp: Party, one: Terminal, cpo: Partner, charging: Asking) -> None:
    made(ptp, cpo.party, "T-2")
    first = charging.get(f"{DOOR}?limit=1")
    assert (len(first.data), first.headers["X-Total-Count"], "Link" in first.headers) == (1, "2", True)
    for query, count in (
        ("date_from=2000-01-01T00:00:00Z", 2),
        ("date_from=2999-01-01T00:00:00Z", 0),
        ("date_to=2000-01-01T00:00:00Z", 0),
    ):
        assert len(charging.get(f"{DOOR}?{query}").data) == count, query


@pytest.mark.rule("T-470", "T-476", "T-478")
@pytest.mark.parametrize(
    ("method", "body", "says", "kept"),
    [
        ("PATCH", b'{"location_ids": ["L1", "l1", "L2"]}', (200, 1000), {"location_ids": ["L1", "L2"]}),
        ("PATCH", b'{"evse_uids": ["E1"]}', (200, 1000), {"evse_uids": ["E1"]}),
        (  # the official example is partial, too
            "PUT",
            b'{"customer_reference": "OMV", "invoice_base_url": "https://x.example/i/", "last_updated": "2999-01-01T00:00:00Z"}',
            (200, 1000),
            {"customer_reference": "OMV", "invoice_base_url": "https://x.example/i/", "city": "Graz"},
        ),
        (
            "PATCH",
            b'{"location_ids": ["L1"], "last_updated": "2020-01-01T00:00:00Z"}',
            (200, 1000),
            {"location_ids": []},
        ),
        ("PATCH", b'{"location_ids": "L1"}', (200, 2001), {"location_ids": []}),
        ("PATCH", b'{"location_ids": [null]}', (200, 2001), {"location_ids": []}),
        ("PUT", b'{"terminal_id": "T-9"}', (200, 2001), {"reference": "SN-1"}),
        ("PUT", b'{"reference": "SN-2"}', (200, 2001), {"reference": "SN-1"}),
        ("PATCH", b'{"country_code": "NO", "party_id": "FJO"}', (200, 2001), {"reference": "SN-1"}),
        ("PUT", b'{"terminal_id": "t-1", "country_code": "se", "party_id": "elv"}', (200, 1000), {"reference": "SN-1"}),
        ("PATCH", b"[]", (200, 2001), {"location_ids": []}),
    ],
)
def test_what_a_cpo_may_change(
    one: Terminal, charging: Asking, method: str, body: bytes, says: tuple[int, int], kept: dict[str, Any]
) -> None:
    answered = charging.ask(method, f"{DOOR}/T-1", body)
    assert answered.says == says, answered.body
    row = terminal()
    assert {name: getattr(row, name) for name in kept} == kept
    assert row.tree()["terminal_id"] == "T-1"
    assert {name: row.tree().get(name, []) for name in kept} == kept


FOREIGN: list[tuple[str, str, Any]] = [
    ("GET", "/T-1", None),
    ("PUT", "/T-1", b'{"city": "Oslo"}'),
    ("PATCH", "/T-1", b'{"location_ids": ["L1"]}'),
    ("POST", "/T-1/deactivate", None),
    ("POST", "/activate", b'{"terminal_id": "T-1"}'),
    ("POST", "/activate", b'{"reference": "sn-1"}'),
]


@pytest.mark.parametrize(("method", "below", "body"), FOREIGN)
def test_a_foreign_terminal_is_not_shown_to_exist(
    ptp: Party, one: Terminal, method: str, below: str, body: Any
) -> None:
    stranger = factories.partner("NO-FJO:CPO", ours=[ptp])
    before = terminal().document
    answered = Asking(stranger.token).ask(method, f"{DOOR}{below}", body)
    assert answered.says == (404, 2001)
    assert b"Graz" not in answered.body
    row = terminal()
    assert (row.document, row.state, row.customer_id) == (before, "NEW", one.customer_id)
    assert Terminal.objects.count() == 1


@pytest.mark.rule("T-470", "T-481")
@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b'{"reference": "SN-8", "location_ids": ["L1"], "last_updated": "2026-03-01T08:00:00Z"}', "SN-8"),
        (b'{"terminal_id": "a06dc823-3e5a", "reference": "SN-8"}', "SN-8"),
        (b'{"terminal_id": "t-1"}', "SN-1"),
        (b'{"reference": "sn-1"}', "SN-1"),
    ],
)
def test_an_activated_terminal_is_posted_to_the_cpo(one: Terminal, charging: Asking, body: bytes, kept: str) -> None:
    Message.objects.all().delete()
    for _ in range(2):  # asked again it is the same terminal
        assert charging.ask("POST", f"{DOOR}/activate", body).says == (200, 1000)
    row = Terminal.objects.get(reference=kept)
    assert (row.state, row.customer, row.tree()["party_id"]) == ("ACTIVE", one.customer, "ELV")
    owed = Message.objects.get()
    assert (owed.module, owed.object_path, owed.receiver) == ("terminals", row.object_id, one.customer)


def test_an_activation_names_its_cpo(ptp: Party, charging: Asking) -> None:
    for body in (b'{"reference": "SN-8", "party_id": "FJO", "country_code": "NO"}', b'{"reference": 8}'):
        assert charging.ask("POST", f"{DOOR}/activate", body).says == (200, 2001)
    assert not Terminal.objects.exists()


@pytest.mark.rule("T-470")
def test_a_deactivated_terminal_is_gone(one: Terminal, charging: Asking) -> None:
    for _ in range(2):
        assert charging.ask("POST", f"{DOOR}/T-1/deactivate").says == (200, 1000)
    assert terminal().state == "INACTIVE"
    assert charging.get(f"{DOOR}/T-1").says == (404, 2001)
    assert charging.get(DOOR).data == []
    assert charging.patch(f"{DOOR}/T-1", b'{"location_ids": ["L1"]}').says == (404, 2001)
    assert charging.ask("POST", f"{DOOR}/activate", b'{"terminal_id": "T-1"}').says == (200, 1000)
    assert terminal().state == "ACTIVE"


@pytest.mark.rule("T-475", "T-483")
def test_a_new_terminal_is_told_without_places(
    ptp: Party, reachable: None, peer: ScriptedPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpo = factories.partner("NL-TNM:CPO", ours=[ptp], versions_url=peer.versions_url)
    peer.accepts.add(decrypt(cpo.connection.token_out))
    peer.receiver_modules = ["payments"]
    set_endpoints(cpo.connection, [("payments", "RECEIVER", f"{peer.url}/ocpi/2.3.0/receiver/payments/")])
    made(ptp, cpo.party, "T-5", location_ids=["L1"], evse_uids=["E1"])
    assert drain(cpo.connection.pk) == 1
    (posted,) = peer.pushed("POST", "payments/terminals")
    assert posted.path == "/ocpi/2.3.0/receiver/payments/terminals"
    assert posted.json.keys() == {
        "terminal_id", "city", "country_code", "party_id", "location_ids", "evse_uids", "last_updated",
    }  # fmt: skip
    assert (posted.json["location_ids"], posted.json["evse_uids"]) == ([], [])
    row = terminal("T-5")
    assert (row.state, row.acknowledged_url[:17]) == ("ACTIVE", "http://127.0.0.1:")
    assert [event.what for event in row.events.all()] == ["CREATED", "TAKE"]


def test_what_we_cannot_make(ptp: Party, one: Terminal, cpo: Partner) -> None:
    stranger = factories.own_party("DE-RDK", "CPO")
    for party, fields in (
        (ptp, {"terminal_id": "t-1"}),
        (ptp, {"reference": "sn-1", "terminal_id": "T-2"}),
        (ptp, {"terminal_id": "x" * 37}),
        (stranger, {"terminal_id": "T-2"}),
    ):
        with pytest.raises(UnableToChange):
            providing.create(party=party, customer=cpo.party, fields=fields, by="anna", now=site.now())
    assert Terminal.objects.count() == 1


def test_a_provider_registers_as_other_unless_ptp_was_agreed(ptp: Party, cpo: Partner) -> None:
    assert [role["role"] for role in our_credentials(cpo.connection, "x")["roles"]] == ["OTHER"]
    cpo.connection.says_ptp = True
    assert [role["role"] for role in our_credentials(cpo.connection, "x")["roles"]] == ["PTP"]
