"""Cards at terminals, with the partner of literal bytes: as the provider of a terminal at our charge points, and as the CPO at
whose charge points stands a terminal of ours.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

from tests.demo.booked.literal import CARDS, TARIFF, Literal, now
from tests.demo.booked.sides import WITHIN, Side
from tests.demo.test_apps import told_by

TERMINALS, ADVICES = "receiver/payments/terminals", "receiver/payments/financial-advice-confirmations"

DESK = """
import json, time
from backoffice.locations.models import Evse
from backoffice.partners.models import Party
from backoffice.payments.actions import presenting
from backoffice.payments.actions.terminals import assigning, providing
from backoffice.payments.models import Terminal
from backoffice.roaming_site import site
theirs = Terminal.objects.select_related("party", "customer").get(object_id="LT-1")
assigning.change(theirs, {"invoice_base_url": "BASE", "location_ids": ["LITERAL"]}, by="test", now=site.now())
us, cpo = Party.objects.get(party_id="RDK", ours=True), Party.objects.get(party_id="LIT")
fields = {"reference": "LIT-T", "invoice_creator": "CPO"}
made = providing.create(party=us, customer=cpo, fields=fields, by="test", now=site.now())
other = Party.objects.get(party_id="VGM")
providing.create(party=us, customer=other, fields={"reference": "LIT-OTHERS"}, by="test", now=site.now())
deadline = time.monotonic() + 60
while not (terminal := Terminal.objects.select_related("party", "customer").get(pk=made.pk)).location_ids:
    assert time.monotonic() < deadline
    time.sleep(0.1)
shown = dict()
for uid, manner in (("P-CARD", "approve"), ("P-HALF", "half")):
    evse = Evse.objects.select_related("location__party").get(location__party=cpo, uid=uid)
    shown[uid] = presenting.present(terminal, evse, "1", handle=manner, language="nl", now=site.now()).reference
print("=", json.dumps(shown))
"""

REFERENCE = "5f1d0c7be2a94b0e8d63f0a1a4d0ca4d"
"""Chosen by the partner, of the charge that a card pays for at its terminal: nobody fetches an invoice by guessing."""
OTHERS = "SELECT object_id FROM payments_terminal WHERE ours AND reference = 'LIT-OTHERS'"
START = """{"response_url":"%s/results/LITCARD1","token":{"country_code":"NL","party_id":"LIT","uid":"LITCARD1",
"type":"AD_HOC_USER","contract_id":"NL-LIT-LITCARD1","issuer":"Literal","valid":true,"whitelist":"NEVER",
"last_updated":"2026-01-01T00:00:00Z"},"location_id":"LITERAL","evse_uid":"CARD","connector_id":"1",
"authorization_reference":"%s"}"""
ADVICE = """{"id":"%s","authorization_reference":"%s","total_costs":{"before_taxes":3.0,"taxes":[{"name":"VAT","percentage":19,
"amount":%s}]},"currency":"EUR","eft_data":["VISA","Nr: **** **** **** 4242"],"capture_status_code":"SUCCESS",
"last_updated":"%s"}"""
SESSION = """{"country_code":"NL","party_id":"LIT","id":"S-%s","start_date_time":"2026-03-10T09:00:00Z",%s"kwh":%s,
"cdr_token":%s,"auth_method":"COMMAND","authorization_reference":"%s","location_id":"KADE","evse_uid":"%s",
"connector_id":"1","currency":"EUR","status":"%s","last_updated":"%s"}"""
CDR = """{"country_code":"NL","party_id":"LIT","id":"C-%(uid)s","start_date_time":"2026-03-10T09:00:00Z",
"end_date_time":"2026-03-10T10:00:00Z","session_id":"S-%(uid)s","cdr_token":%(token)s,"auth_method":"COMMAND",
"authorization_reference":"%(reference)s","invoice_reference_id":"%(reference)s","cdr_location":{"id":"KADE",
"address":"Kade 1","city":"Gent","country":"BEL","coordinates":{"latitude":"51.050000","longitude":"3.720000"},
"evse_uid":"%(uid)s","evse_id":"NL*LIT*E%(number)d","connector_id":"1","connector_standard":"IEC_62196_T2",
"connector_format":"CABLE","connector_power_type":"AC_3_PHASE"},"currency":"EUR","tariffs":[%(tariff)s],
"charging_periods":[{"start_date_time":"2026-03-10T09:00:00Z","dimensions":[{"type":"ENERGY","volume":10.0},
{"type":"TIME","volume":1.0}],"tariff_id":"LT1"}],"total_cost":{"before_taxes":5.0,"taxes":[{"name":"VAT",
"percentage":21,"amount":1.05}]},"total_energy":10.0,"total_time":1.0,"last_updated":"2026-03-10T10:00:05Z"}"""


class Cards:
    def __init__(self, peer: Literal, home: Side) -> None:
        self.peer, self.home, self.until = peer, home, home.platform.until
        self.base = f"http://127.0.0.1:{home.port}/invoice/"

    def go(self) -> None:
        told = (
            '{"terminal_id":"LT-1","reference":"SN-LIT","invoice_creator":"CPO","last_updated":"2026-01-01T00:00:00Z"}'
        )
        self.peer.good("POST", TERMINALS, told.encode(), status=201)
        with ThreadPoolExecutor(1) as aside:
            desk = aside.submit(told_by, self.home.platform, self.home.data, DESK.replace("BASE", self.base))
            self.serves()
            shown: dict[str, str] = json.loads(desk.result())
        self.home.stations.start()
        self.at_ours()
        self.home.stations.end()
        for uid, reference in shown.items():
            self.at_theirs(uid, reference)
        self.advised(shown)

    def serves(self) -> None:
        """We say what its terminal serves; it says what ours does."""
        path = "/ocpi/2.3.0/sender/payments/terminals/LT-1"

        def told() -> Any:
            sent = [each.json for each in self.peer.received if each.path == path and each.method in ("PUT", "PATCH")]
            return sent and sent[-1].get("location_ids") == ["LITERAL"] and sent[-1]

        assert self.until(told, WITHIN)["invoice_base_url"] == self.base
        (ours,) = self.until(lambda: self.peer.pushed("POST", "payments/terminals"), WITHIN)
        assert (ours.json["reference"], ours.json["party_id"]) == ("LIT-T", "LIT")
        assert not ours.json.get("location_ids"), "it serves nothing until its CPO says so"
        identity = ours.json["terminal_id"]
        terminals = "sender/payments/terminals"
        assert [each["terminal_id"] for each in self.peer.good("GET", terminals)] == [identity]
        patch = f'{{"location_ids":["KADE"],"last_updated":"{now()}"}}'.encode()
        ((others,),) = self.until(lambda: self.home.ask(OTHERS), WITHIN)
        for method, below, body in (("GET", "", None), ("PATCH", "", patch), ("POST", "/deactivate", None)):
            assert self.peer.says(method, f"{terminals}/{others}{below}", body)[0] == 404, "it is for another CPO"
        self.peer.good("PATCH", f"{terminals}/{identity}", patch)

    # --- its terminal at our charge point ---------------------------------------------------------------------------------

    def at_ours(self) -> None:
        answered = self.peer.good(
            "POST", "receiver/commands/START_SESSION", (START % (self.peer.url, REFERENCE)).encode()
        )
        assert answered["result"] == "ACCEPTED"
        assert self.until(lambda: self.peer.results.get("LITCARD1"), WITHIN)["result"] == "ACCEPTED"

        def sessions(status: str) -> Any:
            found = [each.json for each in self.peer.pushed("PUT", "sessions")]
            mine = [each for each in found if each.get("authorization_reference") == REFERENCE]
            return mine and mine[-1]["status"] == status and mine[-1]

        running = self.until(lambda: sessions("ACTIVE"), WITHIN)
        assert (running["cdr_token"]["type"], running["cdr_token"]["uid"]) == ("AD_HOC_USER", "LITCARD1")
        evse_id = self.home.evse_ids["CARD"]
        here = {"evse_id": evse_id, "transaction": self.home.stations.charging[evse_id]}
        self.home.stations.call("POST", "/charges/stop", here | {"meter_kwh": 100.0005, "reason": "Local"})
        self.until(lambda: sessions("COMPLETED"), WITHIN)

        def billed() -> Any:
            found = [json.loads(each.body, parse_float=Decimal) for each in self.peer.pushed("POST", "cdrs")]
            return next((each for each in found if each.get("authorization_reference") == REFERENCE), None)

        bill = self.until(billed, WITHIN)
        assert bill["invoice_reference_id"] == REFERENCE, "the invoice is ours to write"
        assert bill["total_cost"]["before_taxes"] == 3
        assert bill["total_cost"]["taxes"][0]["amount"] == Decimal("0.57")
        assert self.fetched(REFERENCE) == 404, "nobody knows yet what was captured"
        self.advises()
        ready = f"""SELECT total, captured, creator FROM payments_driverinvoice
            WHERE reference = '{REFERENCE}' AND ready_at IS NOT NULL"""
        assert self.until(lambda: self.home.ask(ready), WITHIN) == [(357, 357, "CPO")]
        assert self.fetched(REFERENCE) == 200

    def advises(self) -> None:
        """What was captured; again; otherwise; for a charge that nobody knows."""
        at = now()
        told = (ADVICE % ("LF-1", REFERENCE, "0.57", at)).encode()
        self.peer.good("POST", ADVICES, told, status=201)
        self.peer.good("POST", ADVICES, told, status=201)
        for other in (("LF-1", REFERENCE, "0.58", at), ("LF-2", REFERENCE, "0.57", at)):
            assert self.peer.says("POST", ADVICES, (ADVICE % other).encode()) == (200, 2001), other
        self.peer.good("POST", ADVICES, (ADVICE % ("LF-3", "NEVER-STARTED", "0.57", at)).encode(), status=201)
        kept = "SELECT object_id, cdr_id IS NOT NULL FROM payments_advice WHERE NOT ours AND object_id LIKE 'LF-_' ORDER BY 1"
        assert self.home.ask(kept) == [("LF-1", True), ("LF-3", False)]
        aside = "SELECT object_id, why FROM payments_quarantinedadvice WHERE object_id LIKE 'LF-_' ORDER BY 1"
        assert self.home.ask(aside) == [("LF-1", "OTHER_CONTENT"), ("LF-2", "SECOND")]

    def fetched(self, reference: str) -> int:
        try:
            with urllib.request.urlopen(self.base + reference, timeout=30) as answer:
                page = answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code
        assert "**** **** **** 4242" in page and "3.57" in page.replace(",", ".")
        return 200

    # --- our terminal at its charge point ---------------------------------------------------------------------------------

    def at_theirs(self, uid: str, reference: str) -> None:
        def asked() -> Any:
            found = [each.json for each in self.peer.received if each.path.endswith("/commands/START_SESSION")]
            return next((each for each in found if each.get("authorization_reference") == reference), None)

        start = self.until(asked, WITHIN)
        assert (start["location_id"], start["evse_uid"], start["connector_id"]) == ("KADE", uid, "1")
        token = start["token"]
        assert (token["party_id"], token["type"], token["whitelist"]) == ("RDK", "AD_HOC_USER", "NEVER")
        url = start["response_url"]
        assert self.peer.call("POST", url, self.peer.token_for_other, b'{"result":"ACCEPTED"}').status == 200
        named = json.dumps({name: token[name] for name in ("country_code", "party_id", "uid", "type", "contract_id")})
        path = f"receiver/sessions/NL/LIT/S-{uid}"
        running = SESSION % (uid, "", "1.5", named, reference, uid, "ACTIVE", now())
        self.peer.good("PUT", path, running.encode(), status=201)
        ended = '"end_date_time":"2026-03-10T10:00:00Z",'
        over = SESSION % (uid, ended, "10.0", named, reference, uid, "COMPLETED", now())
        self.peer.good("PUT", path, over.encode())
        number = len(CARDS) + 2 + CARDS.index(uid)
        bill = {"uid": uid, "token": named, "reference": reference, "number": number, "tariff": TARIFF}
        self.peer.good("POST", "receiver/cdrs", (CDR % bill).encode(), status=201)

    def advised(self, shown: dict[str, str]) -> None:
        """Of what was owed, 6.05, the whole and the half; to the cent what our provider's own books say."""

        def told() -> Any:
            found = [
                json.loads(each.body, parse_float=Decimal)
                for each in self.peer.pushed("POST", "payments/financial-advice-confirmations")
            ]
            advices = {each["authorization_reference"]: each for each in found}
            return advices.keys() >= {*shown.values()} and advices

        advices = self.until(told, WITHIN)
        for uid, status, cents in (("P-CARD", "SUCCESS", 605), ("P-HALF", "PARTIAL_SUCCESS", 302)):
            advice = advices[shown[uid]]
            costs = advice["total_costs"]
            gross = costs["before_taxes"] + sum(tax["amount"] for tax in costs["taxes"])
            assert (advice["capture_status_code"], gross * 100, advice["currency"]) == (status, cents, "EUR")
            assert {"id", "eft_data", "last_updated"} <= advice.keys() and len(advice["id"]) <= 36
            moved = (
                f"SELECT sum(done) FROM payments_simulatedmove WHERE reference = '{shown[uid]}' AND kind = 'CAPTURE'"
            )
            assert self.home.ask(moved) == [(cents,)]
