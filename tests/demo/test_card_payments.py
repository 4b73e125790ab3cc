"""Two whole platforms: the one is a payment terminal provider at the charge points of the other. Ten cards with every outcome;
then both databases say the same, and every cent is explained.
"""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest

from backoffice.supervisor.data_directory import BASE_DIR, DataDirectory
from tests.demo.platforms import Platform
from tests.demo.test_tariff_arrives import Desk

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("quiet platform")]

SETTLED_WITHIN = 100.0
"""Seconds, on a machine that two platforms and other tests share."""

CARDS = (
    # how the card behaves, what the station does, who writes the invoice; what becomes of it, and what the tie says at the CPO
    ("approve", "charges 0.8", "CPO", "CAPTURED", "TIED"),
    ("late", "charges 0.5", "CPO", "CAPTURED", "TIED"),
    ("half", "charges 1", "CPO", "PARTIAL", "SHORT"),
    ("fails", "charges 0.9", "CPO", "FAILED", "SHORT"),
    ("decline", "", "CPO", "DECLINED", ""),
    ("silent", "", "CPO", "RELEASED", ""),
    ("approve", "refuses", "CPO", "RELEASED", ""),
    ("approve", "charges on", "CPO", "CAPTURED", "TIED"),
    ("approve", "charges 0", "CPO", "RELEASED", "TIED"),
    ("approve", "charges 0.7", "PTP", "CAPTURED", "TIED"),
)

STATION = """
import json, sys, time
from datetime import timedelta
from decimal import Decimal
from backoffice.charge_points import door
from backoffice.charge_points.actions import ordering
from backoffice.charge_points.gateway import Done, Metered, Start, Started, Stop, Stopped
from backoffice.locations.models import Evse
from backoffice.payments.actions.terminals import assigning
from backoffice.payments.models import Terminal
from backoffice.roaming_site import site
from ocpi.wire.commands import CommandResultType

plan = json.loads(sys.stdin.readline())
rows = Evse.objects.select_related("location").filter(uid__in=plan["cards"], location__party__ours=True)
points = {row.pk: row for row in rows}
places = {}
for row in points.values():
    places.setdefault(plan["cards"][row.uid][1], set()).add(row.location.object_id)
deadline = time.monotonic() + 90
theirs = Terminal.objects.filter(ours=False, reference__startswith="E2E-")
while theirs.exclude(location_ids=[]).count() < len(places) and time.monotonic() < deadline:
    for row in theirs.filter(location_ids=[]):
        fields = {"invoice_base_url": plan["base"], "location_ids": sorted(places[row.invoice_creator])}
        assigning.change(row, fields, by="test", now=site.now())
    time.sleep(0.2)
told, charges = set(), {}
while time.monotonic() < deadline and len(told) < plan["starts"]:
    now = site.now()
    ordering.alive(driver="test", points=list(points), now=now)
    for asked in ordering.take(driver="test", evses=list(points), now=now):
        evse = next(row for row in points.values() if row.evse_id == asked.evse_id)
        does = plan["cards"][evse.uid][0]
        if isinstance(asked, Stop):
            door.report(Done(asked.order, CommandResultType.ACCEPTED), now=now)
            charges[evse.evse_id]["until"] = Decimal(0)
        elif does == "refuses":
            door.report(Done(asked.order, CommandResultType.EVSE_OCCUPIED, "Somebody stands there."), now=now)
            told.add(evse.uid)
        else:
            door.report(Done(asked.order, CommandResultType.ACCEPTED), now=now)
            until = Decimal(1000) if does == "charges on" else Decimal(does.split()[1])
            # what is told in seconds took minutes: no charger gives as much as that at once
            begun = now - timedelta(minutes=12)
            charges[evse.evse_id] = {"uid": evse.uid, "kwh": Decimal(0), "until": until, "at": begun, "tx": asked.order[:20]}
            door.report(
                Started(evse.evse_id, "1", asked.order[:20], asked.authorization_id, Decimal(1000), at=begun), now=now
            )
    for evse_id, charge in list(charges.items()):
        charge["at"] = at = charge["at"] + timedelta(minutes=1)
        if charge["kwh"] >= charge["until"]:
            door.report(Stopped(evse_id, charge["tx"], 1000 + charge["kwh"], at=at), now=site.now())
            told.add(charge["uid"])
            del charges[evse_id]
        else:
            charge["kwh"] = min(charge["kwh"] + Decimal("0.4"), charge["until"])
            door.report(Metered(evse_id, charge["tx"], 1000 + charge["kwh"], at=at), now=site.now())
    time.sleep(0.5)
print(json.dumps({"told": sorted(told)}))
"""

PROVIDER = """
import json, sys, time
from backoffice.locations.models import Evse
from backoffice.partners.models import Party
from backoffice.payments.actions import presenting
from backoffice.payments.actions.terminals import providing
from backoffice.payments.models import CardPayment, Terminal
from backoffice.roaming_site import site

plan = json.loads(sys.stdin.readline())
us, cpo = Party.objects.get(party_id="VGM"), Party.objects.get(party_id="RDK")
for creator in ("CPO", "PTP"):
    fields = {"reference": f"E2E-{creator}", "invoice_creator": creator}
    providing.create(party=us, customer=cpo, fields=fields, by="test", now=site.now())
deadline = time.monotonic() + 60
made = Terminal.objects.filter(ours=True, reference__startswith="E2E-")
while made.filter(state="ACTIVE").exclude(location_ids=[]).count() < 2:
    assert time.monotonic() < deadline, list(Terminal.objects.values_list("reference", "state", "location_ids"))
    time.sleep(0.2)
shown = {}
for uid, (manner, creator) in plan.items():
    terminal = Terminal.objects.select_related("party", "customer").get(reference=f"E2E-{creator}")
    evse = Evse.objects.select_related("location__party").get(location__party=cpo, uid=uid)
    payment = presenting.present(terminal, evse, "1", handle=manner, language="nl", now=site.now())
    shown[uid] = payment.reference
print(json.dumps(shown))
"""

# chargers at different locations, all of one tariff, so that no two cards and no two terminals meet
FREE = """SELECT DISTINCT ON (l.object_id) e.uid, l.object_id
    FROM locations_evse e JOIN locations_location l ON l.id = e.location_id
    JOIN partners_party p ON p.id = l.party_id JOIN locations_connectortariff o ON o.evse_id = e.id AND o.connector_id = '1'
    WHERE p.ours AND l.shared AND e.listed AND e.status = 'AVAILABLE' AND e.evse_id <> '' AND o.tariff_id = 'RDK-DC-EUR'
      AND 'REMOTE_START_STOP_CAPABLE' = ANY(e.capabilities) ORDER BY l.object_id, e.uid LIMIT 10"""
PAYMENTS = """SELECT evse_uid, state, coalesce(reserved, 0), coalesce(owed, 0), coalesce(captured, 0), reference
    FROM payments_cardpayment WHERE reference = ANY(ARRAY[{}]) ORDER BY id"""
MOVED = (
    "SELECT kind, sum(done) FROM payments_simulatedmove WHERE reference = ANY(ARRAY[{}]) GROUP BY kind ORDER BY kind"
)
ADVICES = """SELECT object_id, authorization_reference, document FROM payments_advice
    WHERE ours = {} AND authorization_reference = ANY(ARRAY[{}]) ORDER BY object_id"""
BILLS = """SELECT object_id, document FROM cdrs_cdr WHERE upper(token_uid) = ANY(ARRAY[{}]) AND NOT credit ORDER BY object_id"""
INVOICES = (
    "SELECT creator, reference, total, captured, ready_at IS NOT NULL FROM payments_driverinvoice ORDER BY reference"
)


class Script:
    """Python in a process of a platform's own."""

    def __init__(self, side: DataDirectory, source: str, plan: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(BASE_DIR / "manage.py"), "shell", "--no-imports", "-c", source],
            env=Platform.environment | {"ROAMDESK_DATA_DIR": str(side.root)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(plan) + "\n")
        self.process.stdin.close()
        self.process.stdin = None

    def said(self) -> Any:
        out, err = self.process.communicate(timeout=150)
        assert self.process.returncode == 0, err[-3000:]
        return json.loads(out.splitlines()[-1])

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def quoted(references: Any) -> str:
    return ", ".join(f"'{each}'" for each in references)


@pytest.mark.skipif(os.name != "posix", reason="processes")
def test_ten_cards(quiet_platform: Platform) -> None:
    platform = quiet_platform
    home, partner = platform.home, platform.home.partner
    free = platform.until(lambda: len(found := Platform.ask(home, FREE)) == 10 and found, 60)
    uids = [uid for uid, _ in free]
    held = f"SELECT 1 FROM locations_evse WHERE uid = ANY(ARRAY[{quoted(uids)}])"
    platform.until(lambda: len(Platform.ask(partner, held)) >= 10, 60)
    base = f"http://127.0.0.1:{platform.ports[0]}/invoice/"
    starts = sum(bool(does) for _, does, _, _, _ in CARDS)
    cards = {uid: (does, creator) for uid, (_, does, creator, _, _) in zip(uids, CARDS, strict=True)}
    station = Script(home, STATION, {"cards": cards, "base": base, "starts": starts})
    shown = {uid: (manner, creator) for uid, (manner, _, creator, _, _) in zip(uids, CARDS, strict=True)}
    provider = Script(partner, PROVIDER, shown)
    try:
        references: dict[str, str] = provider.said()
        mine = quoted(references.values())
        silent = references[uids[5]]
        # nobody waits a minute and a half at the terminal of a test
        later = f"""UPDATE payments_cardpayment SET created_at = created_at - interval '2 minutes', due_at = now()
            WHERE reference = '{silent}' AND state = 'PRESENTED' RETURNING 1"""
        Platform.ask(partner, later)
        over = {uid: ends for uid, (_, _, _, ends, _) in zip(uids, CARDS, strict=True)}

        def became() -> bool:
            return {row[0]: row[1] for row in Platform.ask(partner, PAYMENTS.format(mine))} == over

        platform.until(became, SETTLED_WITHIN)
        station.said()
    finally:
        station.end()
        provider.end()
    rows = {row[0]: row for row in Platform.ask(partner, PAYMENTS.format(mine))}

    # every cent: what was owed was captured or is missing, and the provider of the money did what our books say
    for uid, (manner, does, _, ends, _) in zip(uids, CARDS, strict=True):
        _, state, reserved, owed, captured, _ = rows[uid]
        missing = {"PARTIAL": owed - owed // 2, "FAILED": owed}.get(ends, 0)
        assert (state, owed - captured) == (ends, missing), (manner, does, rows[uid])
        assert captured <= reserved
        assert (owed > 0) is (ends in ("CAPTURED", "PARTIAL", "FAILED"))
    moved = dict(Platform.ask(partner, MOVED.format(mine)))
    captured = sum(row[4] for row in rows.values())
    released = sum(row[2] for row in rows.values() if row[1] == "RELEASED")
    assert (moved["CAPTURE"], moved["RELEASE"]) == (captured, released)
    limited = rows[uids[7]]
    assert limited[3] <= limited[2] == 150, "it was ended before it cost more than was reserved"

    # both databases say the same
    def agree(here: str, there: str) -> bool:
        return bool(one := Platform.ask(partner, here)) and one == Platform.ask(home, there)

    platform.until(lambda: agree(ADVICES.format("true", mine), ADVICES.format("false", mine)), 30)
    assert agree(BILLS.format(mine.upper()), BILLS.format(mine.upper()))
    told = [
        json.loads(document, parse_float=Decimal)
        for _, _, document in Platform.ask(home, ADVICES.format("false", mine))
    ]
    assert sum(_whole(advice["total_costs"]) for advice in told) == Decimal(captured) / 100
    invoices = {row[1]: row for side in (home, partner) for row in Platform.ask(side, INVOICES)}
    for uid, (_, _, creator, ends, _) in zip(uids, CARDS, strict=True):
        if ends in ("CAPTURED", "PARTIAL", "FAILED"):
            assert invoices[references[uid]] == (creator, references[uid], rows[uid][3], rows[uid][4], True)

    # and so does the tie, at the CPO
    desk = Desk(platform)
    table = csv.DictReader(io.StringIO(desk.get("/admin/payments/advice/tie/export/?side=CPO&days=1")))
    found = {row["reference"]: (row["finding"], row["at_risk"]) for row in table}
    for uid, (_, _, _, _, finding) in zip(uids, CARDS, strict=True):
        risk = Decimal(rows[uid][3] - rows[uid][4]) / 100
        if rows[uid][1] != "RELEASED":
            assert found.get(references[uid]) == ((finding, f"{risk:.2f}") if finding else None), (uid, found)

    # the driver's page
    page = desk.session.get(f"{base}{references[uids[0]]}", headers={"Accept-Language": "nl"}, timeout=30)
    assert page.status_code == 200
    assert "Factuur" in page.text and "**** **** ****" in page.text
    assert desk.session.get(f"{base}{'0' * 32}", timeout=30).status_code == 404


def _whole(price: Any) -> Decimal:
    return price["before_taxes"] + sum((tax["amount"] for tax in price.get("taxes", ())), Decimal(0))
