"""What tests of card payments need: we as a provider (DE-PTP) with a terminal at the CPO NL-TNM, which speaks literal JSON."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from backoffice.commands.models import Command
from backoffice.delivery.actions import draining, running
from backoffice.delivery.models import Errand, Message
from backoffice.fields import DocumentField
from backoffice.locations.actions.storing import store
from backoffice.locations.models import Evse, Location
from backoffice.partners.actions.connections import set_endpoints
from backoffice.partners.models import Party
from backoffice.partners.secrets import decrypt
from backoffice.payments.actions import presenting, watching
from backoffice.payments.models import CardPayment, MoneyMove, SimulatedMove, Terminal
from backoffice.roaming_site import site
from backoffice.tariffs.actions.storing import store as store_tariffs
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from ocpi.wire import tariffs as wire_tariffs
from ocpi.wire.base import date_time_text
from tests import factories
from tests.doors.asking import Answered, Asking
from tests.peer import ScriptedPeer, Twist

Tree = dict[str, Any]

SIMULATED = "backoffice.payments.simulated.Simulated"
STAMP = b'"status_code":1000,"timestamp":"2026-11-01T10:00:00Z"'


def answer(result: str) -> Twist:
    body = b'{"data":{"result":"%s","timeout":30},%s}' % (result.encode(), STAMP)
    return Twist(status=200, body=body, works=False)


def terminal(provider: Party, customer: Party, *, ours: bool, **given: Any) -> Terminal:
    now = site.now()
    fields: dict[str, Any] = {
        "object_id": "TERMINAL-1",
        "state": "ACTIVE",
        "location_ids": ["LOC1"],
        "invoice_creator": "CPO",
        "invoice_base_url": "https://tnm.example/invoice/",
    } | given
    names = ("location_ids", "evse_uids", "invoice_creator", "invoice_base_url")
    tree = {"terminal_id": fields["object_id"]} | {name: fields[name] for name in names if fields.get(name)}
    return Terminal.objects.create(
        party=provider,
        customer=customer,
        ours=ours,
        document=DocumentField.write(tree | {"last_updated": date_time_text(now)}),
        last_updated=now,
        created_at=now,
        **fields,
    )


class Abroad:
    """We are DE-PTP, a payment terminal provider and nothing else; NL-TNM is the CPO."""

    def __init__(self, peer: ScriptedPeer, **given: Any) -> None:
        self.peer = peer
        self.us = factories.seller(factories.own_party("DE-PTP", "PTP", name="Terminalwerk"))
        self.partner = factories.partner("NL-TNM:CPO", ours=[self.us], versions_url=peer.versions_url)
        peer.accepts.add(decrypt(self.partner.connection.token_out))
        base = f"{peer.url}/ocpi/2.3.0/receiver"
        set_endpoints(
            self.partner.connection, [(name, "RECEIVER", f"{base}/{name}") for name in ("commands", "payments")]
        )
        self.asking = Asking(self.partner.token)
        tariff = factories.small_tariff("T1", "NL-TNM", preauthorize_amount=Decimal(20))
        value = wire_json.validate(wire_tariffs.Tariff, tariff)
        store_tariffs(self.cpo.pk, [(tariff, value)], source="partner", now=site.now(), ours=False)
        tree = factories.small_location("LOC1", "NL-TNM")
        tree["evses"][0] |= {"evse_id": "NL*TNM*E1", "capabilities": ["REMOTE_START_STOP_CAPABLE"]}
        tree["evses"][0]["connectors"][0]["tariff_ids"] = ["T1"]
        place = wire_json.validate(wire.Location, tree)
        (item,) = store(self.cpo.pk, [(tree, place)], source="partner", now=site.now(), ours=False)
        location = Location.objects.get(pk=item.id)
        self.evse = Evse.objects.select_related("location__party").get(location=location)
        self.terminal = terminal(self.us, self.cpo, ours=True, **given)

    @property
    def cpo(self) -> Party:
        return self.partner.party

    # --- what we do --------------------------------------------------------------------------------------------------

    def present(self, handle: str = "approve", *, now: datetime | None = None) -> CardPayment:
        return presenting.present(self.terminal, self.evse, "1", handle=handle, language="nl", now=now or site.now())

    def go_on(self, payment: CardPayment, *, later: float = 0) -> str:
        """Everything that is due so many seconds from now; the state after it."""
        now = site.now() + timedelta(seconds=later)
        CardPayment.objects.filter(pk=payment.pk, due_at__isnull=False).update(due_at=now)
        watching.go_on(payment.pk, now=now)
        payment.refresh_from_db()
        return payment.state

    def started(self, handle: str = "approve") -> CardPayment:
        """The card was taken and the CPO was asked."""
        payment = self.present(handle)
        self.go_on(payment)
        if handle == "late":  # it is asked again
            self.go_on(payment, later=3)
        assert payment.state == "STARTING", payment.problem
        return payment

    def ask(self, payment: CardPayment, response: str = "ACCEPTED") -> Tree:
        """The START_SESSION reaches the CPO, which answers; what it got."""
        self.peer.script("POST", "/ocpi/2.3.0/receiver/commands", answer(response))
        assert payment.start is not None
        running.run(Errand.objects.get(key=payment.start.uid).pk)
        found: Tree = self.peer.pushed("POST", "commands")[-1].json
        return found

    def drain(self) -> list[Tree]:
        """What is owed to the CPO is pushed; the advices that reached it."""
        Message.objects.update(due_at=site.now())  # a test looks ahead
        draining.drain(self.partner.connection.pk)
        return [request.json for request in self.peer.pushed("POST", "payments/financial-advice-confirmations")]

    # --- what the CPO says -------------------------------------------------------------------------------------------

    def result(self, command: Command, result: str = "ACCEPTED") -> Answered:
        return self.asking.ask(
            "POST", f"2.3.0/sender/commands/{command.kind}/{command.uid}", b'{"result":"%s"}' % result.encode()
        )

    def _token(self, payment: CardPayment) -> Tree:
        token: Tree = DocumentField.read(Command.objects.get(pk=payment.start_id).document)["token"]
        return {name: token[name] for name in ("country_code", "party_id", "uid", "type", "contract_id")}

    def session(self, payment: CardPayment, cost: str = "0", *, status: str = "ACTIVE", **given: Any) -> Answered:
        at = date_time_text(site.now())
        tree = factories.small_session(
            "S-1",
            "NL-TNM",
            "DE-PTP",
            at=at,
            cdr_token=self._token(payment),
            auth_method="COMMAND",
            authorization_reference=payment.reference,
            status=status,
            total_cost={"before_taxes": Decimal(cost), "taxes": [{"name": "VAT", "amount": Decimal(0)}]},
        )
        if status in ("COMPLETED", "INVALID"):
            tree["end_date_time"] = at
        return self.asking.ask("PUT", "2.3.0/receiver/sessions/NL/TNM/S-1", wire_json.encode(tree | given))

    def cdr(self, payment: CardPayment, excl: str = "10.00", vat: str = "2.10", **given: Any) -> Answered:
        tree = (
            factories.small_cdr(
                f"CDR-{payment.reference[:8]}",
                "NL-TNM",
                "DE-PTP",
                session_id="S-1",
                cdr_token=self._token(payment),
                auth_method="COMMAND",
                authorization_reference=payment.reference,
                invoice_reference_id=payment.reference,
                total_cost={
                    "before_taxes": Decimal(excl),
                    "taxes": [{"name": "BTW", "percentage": 21, "amount": Decimal(vat)}],
                },
            )
            | given
        )
        tree = {name: value for name, value in tree.items() if value is not None}
        return self.asking.ask("POST", "2.3.0/receiver/cdrs", wire_json.encode(tree))


def moves(payment: CardPayment) -> list[tuple[str, str, int]]:
    """What was asked of the provider, and what came of it."""
    found = MoneyMove.objects.filter(payment=payment)
    return [(each.kind, each.verdict, each.answered or 0) for each in found]


def money(payment: CardPayment) -> dict[str, int]:
    """What really happened, by the provider's own books."""
    rows = SimulatedMove.objects.filter(reference=payment.reference)
    return {row.kind: row.done for row in rows}


def happened(payment: CardPayment) -> list[str]:
    return list(payment.events.values_list("event", flat=True))


def said(tree: Tree) -> str:
    return json.dumps(tree, default=str)
