"""A charge between two companies, and everything that can become of it: two whole platforms over HTTP, their workers, the
simulators of both and a third company; afterwards both databases are compared.

The programme of the simulator is played in a hurry (small cars), with a `kill -9` in the middle of it.
"""

import json
import signal
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from backoffice.demo.rules.drivers import PROGRAMME, Group
from backoffice.demo.rules.visits import Story
from backoffice.demo.stilwater.documents import BILLING, CARDS
from backoffice.supervisor.data_directory import DataDirectory
from tests.demo.platforms import Platform, run_platforms
from tests.demo.test_tariff_arrives import Desk

pytestmark = pytest.mark.e2e

HASTE = ("--haste", "25", "--seed", "11")
CHARGED = [(group, story) for group, story in PROGRAMME if group in (Group.OWN, Group.ROAMING)]
LOST = sum(story is Story.LOST for _, story in CHARGED)
BROKEN = sum(story is Story.METER for _, story in CHARGED)

SETTLED_WITHIN = 60.0
"""Seconds, from the last report to the last answer."""


@pytest.fixture
def platform() -> Iterator[Platform]:
    yield from run_platforms("--no-traffic")


def ask(side: DataDirectory, query: str) -> list[tuple[Any, ...]]:
    return Platform.ask(side, query)


def documents(side: DataDirectory, query: str) -> dict[str, Any]:
    """By id, with every number as it is written."""
    return {name: json.loads(text, parse_float=Decimal) for name, text in ask(side, query)}


TOKENS = """SELECT t.object_id || t.type, t.document FROM tokens_token t JOIN partners_party p ON p.id = t.party_id
    WHERE p.party_id = '{emsp}' AND t.type <> 'EMAID'"""
SESSIONS = """SELECT s.object_id, s.document FROM charging_sessions_session s JOIN partners_party c ON c.id = s.party_id
    JOIN partners_party e ON e.id = s.emsp_id WHERE c.party_id = '{cpo}' AND e.party_id = '{emsp}'"""
CDRS = """SELECT d.object_id, d.document FROM cdrs_cdr d JOIN partners_party c ON c.id = d.party_id
    JOIN partners_party e ON e.id = d.emsp_id WHERE c.party_id = '{cpo}' AND e.party_id = '{emsp}' AND d.state <> 'HELD'"""
RUNNING = "SELECT count(*) FROM charging_sessions_session WHERE ours AND status = 'ACTIVE'"
CAME = "SELECT count(*) FROM tokens_authorization WHERE kind = 'DECIDED'"
OPEN = """SELECT (SELECT count(*) FROM delivery_message WHERE state = 'DUE')
    + (SELECT count(*) FROM cdrs_cdr WHERE verdict = 'WAITING' OR state = 'RELEASED' AND emsp_id NOT IN
       (SELECT id FROM partners_party WHERE ours))"""
DECIDED = "SELECT allowed, how, reason_code, count(*) FROM tokens_authorization WHERE kind = 'DECIDED' GROUP BY 1, 2, 3"
STATUSES = """SELECT status, count(*) FROM charging_sessions_session s JOIN partners_party e ON e.id = s.emsp_id
    WHERE s.ours AND e.party_id IN ('RDK', 'VGM') GROUP BY 1"""
VERDICTS = """SELECT d.object_id, d.verdict, d.total_excl, d.our_excl, d.total_incl, d.our_incl, array_agg(c.by || ' ' || c.ok)
    FROM cdrs_cdr d JOIN partners_party p ON p.id = d.party_id LEFT JOIN cdrs_check c ON c.cdr_id = d.id
    WHERE NOT d.ours AND p.party_id = '{}' GROUP BY d.id"""
STATES = "SELECT state, held_for::text, count(*) FROM cdrs_cdr WHERE ours GROUP BY 1, 2"
WITHOUT = """SELECT count(*) FROM charging_sessions_session s WHERE ours AND status = 'COMPLETED' AND NOT EXISTS
    (SELECT FROM cdrs_cdr d WHERE d.party_id = s.party_id AND d.session_ref = s.object_id)"""
QUARANTINE = "SELECT why, times FROM cdrs_quarantined ORDER BY 1"
CHARGING = "SELECT e.evse_id FROM locations_evse e WHERE e.status = 'CHARGING'"


def test_every_charge_is_the_same_and_costs_the_same_on_both_sides(platform: Platform) -> None:
    home, partner = platform.home, platform.home.partner
    sides = (home, partner)
    platform.launch(home, "play_stilwater", *HASTE, "--charges", str(len(BILLING)))
    platform.until(lambda: len(ask(home, TOKENS.format(emsp="STW"))) == len(CARDS), 60)
    simulators = [platform.launch(side, "simulate", "--visits", "programme", *HASTE) for side in sides]

    # the home simulator is killed when everybody has come and some still charge, and goes on as if nothing had been
    platform.until(lambda: ask(home, CAME)[0][0] >= len(PROGRAMME), 120)
    assert ask(home, RUNNING)[0][0] > LOST
    simulators[0].send_signal(signal.SIGKILL)
    assert simulators[0].wait(10) == -signal.SIGKILL
    simulators[0] = platform.launch(home, "simulate", "--visits", "none", *HASTE)
    for process in simulators:
        assert process.wait(90) == 0, [(side.root / "launched").read_text() for side in sides]
    platform.until(lambda: len(ask(home, VERDICTS.format("STW"))) == len(BILLING), 60)
    platform.until(lambda: all(ask(side, OPEN)[0][0] == 0 for side in sides), SETTLED_WITHIN)

    for side in sides:
        assert dict(ask(side, STATUSES)) == {"COMPLETED": len(CHARGED) - LOST, "ACTIVE": LOST}
        assert ask(side, WITHOUT) == [(0,)]
        assert ask(side, CHARGING) == []
    the_decisions(home, partner)
    for owner, reader, cpo, emsp in ((home, partner, "RDK", "VGM"), (partner, home, "VGM", "RDK")):
        the_same(owner, reader, cpo, emsp)
        the_price(owner, reader, cpo)
    what_the_third_did(home)
    what_was_held_is_decided(platform)
    assert platform.stop() == 0


def the_decisions(home: DataDirectory, partner: DataDirectory) -> None:
    """Whoever came was decided upon, by every way that there is."""
    for side in (home, partner):
        found = {tuple(row[:3]): row[3] for row in ask(side, DECIDED)}
        assert sum(count for (allowed, _, _), count in found.items() if allowed == "ALLOWED") >= len(CHARGED)
        assert {("ALLOWED", "OWN", "GOOD"), ("NOT_ALLOWED", "NONE", "UNKNOWN_TOKEN")} <= set(found)
        assert {"WHITELIST", "REAL_TIME", "OWN", "NONE"} <= {how for _, how, _ in found}
        assert {code for allowed, _, code in found if allowed != "ALLOWED"} >= {"UNKNOWN_TOKEN", "HELD"}
    silent = {(allowed, how) for allowed, how, code, _ in ask(home, DECIDED) if code in ("SILENT", "OFFLINE")}
    assert silent == {("ALLOWED", "OFFLINE"), ("NOT_ALLOWED", "NONE")}


def the_same(owner: DataDirectory, reader: DataDirectory, cpo: str, emsp: str) -> None:
    """What one says of its charges, the other holds: field by field, number by number."""
    tokens = documents(reader, TOKENS.format(emsp=emsp))
    assert len(tokens) > 50
    assert tokens == documents(owner, TOKENS.format(emsp=emsp))
    sessions = documents(owner, SESSIONS.format(cpo=cpo, emsp=emsp))
    assert len(sessions) == len(CHARGED) // 2
    assert sessions == documents(reader, SESSIONS.format(cpo=cpo, emsp=emsp))
    cdrs = documents(owner, CDRS.format(cpo=cpo, emsp=emsp))
    assert len(cdrs) == (len(CHARGED) - LOST - BROKEN) // 2
    assert cdrs == documents(reader, CDRS.format(cpo=cpo, emsp=emsp))
    for cdr in cdrs.values():  # a CDR says what the last Session said
        session = sessions[cdr["session_id"]]
        assert (cdr["total_energy"], cdr["total_cost"]) == (session["kwh"], session["total_cost"])
        assert (cdr["start_date_time"], cdr["end_date_time"]) == (session["start_date_time"], session["end_date_time"])


def the_price(owner: DataDirectory, reader: DataDirectory, cpo: str) -> None:
    """Every bill is the one that its reader calculates; those that no meter can have measured did not leave."""
    rows = ask(reader, VERDICTS.format(cpo))
    assert rows
    for name, verdict, theirs, ours, theirs_incl, ours_incl, checks in rows:
        assert (verdict, sorted(checks)) == ("AGREED", ["TARIFF_INSIDE true", "TARIFF_KNOWN true"]), name
        assert (theirs, theirs_incl) == (ours, ours_incl), name
    states = {(state, held): count for state, held, count in ask(owner, STATES)}
    assert states.pop(("HELD", "{ENERGY_OVER_POWER_LIMIT}")) == BROKEN
    assert set(states) <= {("ACKNOWLEDGED", "{}"), ("RELEASED", "{}")}


def what_the_third_did(home: DataDirectory) -> None:
    """Right, too dear, twice, changed afterwards, for a card of nobody: told apart."""
    verdicts = Counter(verdict for _, verdict, *_ in ask(home, VERDICTS.format("STW")))
    assert verdicts == {"AGREED": len(BILLING) - 1, "DIFFERS": 1}
    assert ask(home, QUARANTINE) == [("FOREIGN_TOKEN", 1), ("OTHER_CONTENT", 1)]


HELD = """SELECT d.id, d.object_id, d.kwh FROM cdrs_cdr d JOIN partners_party e ON e.id = d.emsp_id
    WHERE d.ours AND d.state = 'HELD' AND e.party_id = '{}'"""
OF_METER = """SELECT d.object_id, d.state, d.kwh FROM cdrs_cdr d LEFT JOIN cdrs_cdr r ON r.id = d.replaces_id
    WHERE d.ours AND '{}' IN (d.object_id, r.object_id, d.credit_reference_id) ORDER BY d.id"""
THEIRS = "SELECT object_id, kwh, credit, verdict FROM cdrs_cdr WHERE NOT ours AND object_id LIKE '{}%' ORDER BY id"


def what_was_held_is_decided(platform: Platform) -> None:
    """By staff, at their desk. One of a partner's driver: released, taken by the partner, and corrected after all, so that the
    partner holds it, its Credit CDR and the right one. One of a driver of ours: corrected while it is held, to what cannot be
    either, so that the new one is held; and that is dropped."""
    home, partner = platform.home, platform.home.partner
    desk = Desk(platform)
    ((pk, name, kwh),) = ask(home, HELD.format("VGM"))
    desk.post(f"/admin/cdrs/cdr/{pk}/release/", reason="The partner asks for it.")
    platform.until(lambda: ask(home, OF_METER.format(name)) == [(name, "ACKNOWLEDGED", kwh)], SETTLED_WITHIN)
    assert [row[:3] for row in ask(partner, THEIRS.format(name))] == [(name, kwh, False)]
    right = Decimal("0.01")
    desk.post(f"/admin/cdrs/cdr/{pk}/correct/", kwh=right, reason="The meter was broken.")
    platform.until(lambda: all(ask(side, OPEN)[0][0] == 0 for side in (home, partner)), SETTLED_WITHIN)
    rows = ask(home, OF_METER.format(name))
    assert [row[1:] for row in rows] == [("ACKNOWLEDGED", kwh), ("ACKNOWLEDGED", kwh), ("ACKNOWLEDGED", right)]
    found = ask(partner, THEIRS.format(name))
    assert {(told, amount) for told, amount, _, _ in found} == {(told, amount) for told, _, amount in rows}
    assert sorted((credit, amount) for _, amount, credit, _ in found) == [(False, right), (False, kwh), (True, kwh)]

    ((pk, name, _),) = ask(home, HELD.format("RDK"))
    leads = desk.post(f"/admin/cdrs/cdr/{pk}/correct/", kwh="5000", reason="Read from the photograph.")
    desk.post(leads.replace("/change/", "/drop/"), reason="Nobody charged there.")
    assert [state for _, state, _ in ask(home, OF_METER.format(name))] == ["REPLACED", "DROPPED"]
    assert ask(home, HELD.format("RDK")) == []
    assert ask(partner, THEIRS.format(name)) == []
