"""We as CPO: our word on a provider's terminals goes out by PATCH, PUT and POST, one push at a time, the last word last."""

from __future__ import annotations

import json

import pytest

from backoffice.delivery.actions import pulling, running
from backoffice.delivery.models import Errand
from backoffice.partners.actions.connections import set_endpoints
from backoffice.partners.models import Party
from backoffice.partners.secrets import decrypt
from backoffice.payments.actions.terminals import assigning
from backoffice.payments.actions.terminals.storing import UnableToChange
from backoffice.payments.models import Activation, Terminal
from backoffice.roaming_site import site
from tests import factories
from tests.doors.asking import Asking
from tests.peer import ScriptedPeer, Twist

BASE = "/ocpi/2.3.0/sender/payments/terminals"
DOOR = "2.3.0/receiver/payments/terminals"
STAMP = b'"timestamp":"2026-11-01T10:00:00Z"'
YES = Twist(status=200, body=b'{"status_code":1000,%s}' % STAMP, works=False)
NO = Twist(status=200, body=b'{"status_code":2001,"status_message":"no such place",%s}' % STAMP, works=False)


class Provider:
    """NL-TNM, at whose Sender interface literal answers wait, and its one terminal T-1 of ours."""

    def __init__(self, peer: ScriptedPeer) -> None:
        self.peer = peer
        self.partner = factories.partner("NL-TNM:OTHER", versions_url=peer.versions_url)
        self.connection = self.partner.connection
        peer.accepts.add(decrypt(self.connection.token_out))
        set_endpoints(self.connection, [("payments", "SENDER", f"{peer.url}/ocpi/2.3.0/sender/payments")])
        self.asking = Asking(self.partner.token)
        assert self.asking.ask("POST", DOOR, b'{"terminal_id": "T-1", "reference": "SN-1"}').says == (201, 1000)

    @property
    def terminal(self) -> Terminal:
        return Terminal.objects.get(object_id="T-1")

    def script(self, method: str, *twists: Twist) -> None:
        self.peer.script(method, BASE, *twists)

    def sent(self) -> list[tuple[str, str, object]]:
        return [
            (each.method, each.path.removeprefix(BASE), json.loads(each.body) if each.body else None)
            for each in self.peer.received
            if each.path.startswith(BASE)
        ]


@pytest.fixture
def tnm(us: Party, reachable: None, peer: ScriptedPeer) -> Provider:
    return Provider(peer)


def run() -> int:
    return sum(running.run(pk) for pk in Errand.objects.filter(state="DUE").values_list("pk", flat=True))


def assign(row: Terminal, *places: str) -> None:
    assigning.assign(row, location_ids=places, evse_uids=[], by="anna", now=site.now())


@pytest.mark.rule("T-476")
def test_an_assignment_is_patched(tnm: Provider) -> None:
    tnm.script("PATCH", YES)
    assigning.assign(tnm.terminal, location_ids=["LOC1"], evse_uids=["E1"], by="anna", now=site.now())
    assert run() == 1
    ((method, path, body),) = tnm.sent()
    assert (method, path) == ("PATCH", "/T-1")
    assert isinstance(body, dict)
    assert body.keys() == {"location_ids", "evse_uids", "last_updated"}
    assert (body["location_ids"], body["evse_uids"]) == (["LOC1"], ["E1"])
    row = tnm.terminal
    assert (row.touched, row.push_key, row.push_problem) == ([], "", "")
    assert row.told_generation == row.generation == 2
    assert [event.what for event in row.events.all()] == ["POSTED", "ASSIGNED", "TAKEN"]


@pytest.mark.rule("T-478")
def test_other_data_is_put_whole(tnm: Provider) -> None:
    tnm.script("PUT", YES)
    url = "https://rdk.example/invoices/"
    assigning.change(tnm.terminal, {"invoice_base_url": url, "invoice_creator": "CPO"}, by="anna", now=site.now())
    assert run() == 1
    ((method, path, body),) = tnm.sent()
    assert (method, path) == ("PUT", "/T-1")
    assert isinstance(body, dict)
    assert {
        "terminal_id": "T-1",
        "reference": "SN-1",
        "invoice_base_url": url,
        "invoice_creator": "CPO",
    }.items() <= body.items()


def test_what_changes_while_a_push_is_on_its_way_goes_with_the_next(tnm: Provider) -> None:
    tnm.script("PATCH", YES, YES)
    assign(tnm.terminal, "LOC1")
    assign(tnm.terminal, "LOC1", "LOC2")
    assign(tnm.terminal, "LOC2")
    assert Errand.objects.count() == 1
    while run():
        pass
    assert [body["location_ids"] for _, _, body in tnm.sent() if isinstance(body, dict)] == [["LOC1"], ["LOC2"]]
    assert tnm.terminal.told_generation == tnm.terminal.generation


def test_what_is_not_taken_is_owed_and_says_why(tnm: Provider) -> None:
    tnm.script("PATCH", NO, YES)
    assign(tnm.terminal, "LOC1")
    run()
    row = tnm.terminal
    assert "no such place" in row.push_problem
    assert row.touched == ["location_ids"]
    tnm.script("PUT", YES)
    assigning.push_again(row, by="anna", now=site.now())
    run()
    assert (tnm.terminal.push_problem, tnm.terminal.touched) == ("", [])


def test_without_a_line_nothing_is_lost(tnm: Provider) -> None:
    set_endpoints(tnm.connection, [("locations", "SENDER", f"{tnm.peer.url}/ocpi/2.3.0/sender/locations")])
    assign(tnm.terminal, "LOC1")
    assert "no Sender endpoint" in tnm.terminal.push_problem
    assert (tnm.terminal.location_ids, tnm.terminal.touched) == (["LOC1"], ["location_ids"])
    with pytest.raises(UnableToChange, match="no Sender endpoint"):
        assigning.push_again(tnm.terminal, by="anna", now=site.now())


def test_only_places_of_the_cpo_are_assigned(tnm: Provider) -> None:
    for fields in ({"location_ids": ["NOWHERE"]}, {"evse_uids": ["E9"]}, {"reference": "SN-2"}, {"city": "x" * 46}):
        with pytest.raises(UnableToChange):
            assigning.change(tnm.terminal, fields, by="anna", now=site.now())
    assert (tnm.terminal.generation, Errand.objects.count()) == (1, 0)


@pytest.mark.rule("T-479", "T-480")
def test_an_activation_leads_to_a_terminal(tnm: Provider, us: Party) -> None:
    tnm.script("POST", YES)
    fields = {"reference": "SN-9", "location_ids": ["LOC2"], "address": ""}
    asked = assigning.ask_to_activate(provider=tnm.partner.party, customer=us, fields=fields, by="anna", now=site.now())
    with pytest.raises(UnableToChange, match="asked for already"):
        assigning.ask_to_activate(provider=tnm.partner.party, customer=us, fields=fields, by="bert", now=site.now())
    assert run() == 1
    ((method, path, body),) = tnm.sent()
    assert (method, path) == ("POST", "/activate")
    assert isinstance(body, dict)
    assert body.keys() == {"reference", "location_ids", "country_code", "party_id", "last_updated"}
    asked.refresh_from_db()
    assert (asked.state, asked.terminal) == ("TAKEN", None)

    posted = (
        b'{"terminal_id": "T-9", "reference": "sn-9", "location_ids": ["LOC2"], "last_updated": "2026-03-01T08:00:00Z"}'
    )
    assert tnm.asking.ask("POST", DOOR, posted).says == (201, 1000)
    asked.refresh_from_db()
    assert asked.state == "DONE"
    assert asked.terminal is not None
    assert (asked.terminal.location_ids, asked.terminal.differs) == (["LOC2"], {})


def test_an_activation_that_is_refused(tnm: Provider, us: Party) -> None:
    tnm.script("POST", NO)
    assigning.ask_to_activate(
        provider=tnm.partner.party, customer=us, fields={"reference": "SN-9"}, by="anna", now=site.now()
    )
    run()
    asked = Activation.objects.get()
    assert (asked.state, "no such place" in asked.problem) == ("REFUSED", True)
    with pytest.raises(UnableToChange, match="reference"):
        assigning.ask_to_activate(provider=tnm.partner.party, customer=us, fields={}, by="anna", now=site.now())
    fields = {"reference": "SN-9", "location_ids": ["NOWHERE"]}
    with pytest.raises(UnableToChange, match="NOWHERE"):
        assigning.ask_to_activate(provider=tnm.partner.party, customer=us, fields=fields, by="anna", now=site.now())


@pytest.mark.rule("T-482")
@pytest.mark.parametrize(("answer", "state"), [(YES, "INACTIVE"), (NO, "ACTIVE")])
def test_a_deactivation(tnm: Provider, answer: Twist, state: str) -> None:
    tnm.script("POST", answer)
    assigning.ask_to_deactivate(tnm.terminal, by="anna", reason="broken", now=site.now())
    assert tnm.terminal.state == "ENDING"
    assert run() == 1
    assert tnm.sent() == [("POST", "/T-1/deactivate", None)]
    assert tnm.terminal.state == state
    assert tnm.asking.ask("POST", DOOR, b'{"terminal_id": "T-1", "city": "Wien"}').says == (200, 1000)
    assert tnm.terminal.state == state  # who repeats its POST does not put it in use again


def test_a_terminal_that_is_activated_again_serves_what_was_asked(tnm: Provider, us: Party) -> None:
    tnm.script("POST", YES, YES)
    assign(tnm.terminal, "LOC1")  # still on its way when the terminal is taken out of use
    assigning.ask_to_deactivate(tnm.terminal, by="anna", reason="moved", now=site.now())
    run()
    assert tnm.terminal.state == "INACTIVE"
    fields = {"reference": "SN-1", "terminal_id": "T-1", "location_ids": ["LOC2"]}
    assigning.ask_to_activate(provider=tnm.partner.party, customer=us, fields=fields, by="anna", now=site.now())
    run()
    posted = (
        b'{"terminal_id": "T-1", "reference": "SN-1", "location_ids": ["LOC2"], "last_updated": "2999-01-01T00:00:00Z"}'
    )
    assert tnm.asking.ask("POST", DOOR, posted).says == (200, 1000)
    row = tnm.terminal
    assert (row.state, row.location_ids, row.differs) == ("ACTIVE", ["LOC2"], {})


def test_both_parts_are_pulled(tnm: Provider) -> None:
    listed = (
        b'[{"terminal_id":"T-1","city":"Wien","last_updated":"2999-01-01T00:00:00Z"},{"terminal_id":"T-2"},{"city":"x"}]',
        json.dumps([factories.small_advice("F-1", "REF-1")], default=float).encode(),
    )
    for part, data in zip(("terminals", "financial-advice-confirmations"), listed, strict=True):
        path = BASE.replace("terminals", part)
        body = b'{"data":%s,"status_code":1000,%s}' % (data, STAMP)
        tnm.peer.script("GET", path, Twist(status=200, body=body, works=False))
    assert pulling.pullable(["payments"]) == ["terminals", "financial-advice-confirmations"]
    runs = [
        pulling.run(pulling.start(tnm.connection, part, full=True, now=site.now()).pk)
        for part in pulling.pullable(["payments"])
    ]
    assert [(each.state, each.stored, each.rejected) for each in runs] == [("DONE", 2, 1), ("DONE", 1, 0)]
    assert tnm.terminal.city == "Wien"
    assert Terminal.objects.get(object_id="T-2").events.get().what == "PULLED"
