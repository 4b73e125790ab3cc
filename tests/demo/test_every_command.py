"""Every command and every charging-profile call, both ways, with everything that can be answered and can come of it: two whole
platforms over HTTP with their workers, station systems behind their charge-station APIs, and a partner of literal bytes.

Drivers ask by the app's API, staff at their desks. Afterwards both databases are compared, command by command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.demo.afar.partner import OTHERS_TOKEN, Partner
from tests.demo.afar.sides import OUTCOMES, WITHIN, Asking, Side
from tests.demo.afar.stations import PROFILES
from tests.demo.platforms import Platform, connect
from tests.peer.platform import TOKEN_A

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("quiet platform")]

BACK = ("ACCEPTED", "FAILED", "TIMEOUT")
"""Of the outcomes on the way back, where each platform only takes the part that the other had."""
STATES = {"ACCEPTED": "SUCCEEDED", "TIMEOUT": "TIMED_OUT"}

PROFILE_RESULTS = {
    "ACCEPTED": "ACCEPTED",
    "FAILED": "REJECTED",
    "TIMEOUT": "REJECTED",
    "UNKNOWN_RESERVATION": "UNKNOWN",
}
"""What a partner hears of what the station said. That nobody answered in time has no word of its own there."""

REFUSALS = ("NOT_SUPPORTED", "REJECTED", "UNKNOWN_SESSION")
FAR = (*REFUSALS, "DOES-ACCEPTED", "DOES-CANCELED_RESERVATION", "SILENT")
FAR_PROFILES = (*REFUSALS, "TOO_OFTEN", "DOES-ACCEPTED", "DOES-REJECTED", "DOES-UNKNOWN", "SILENT")
KINDS = ("START_SESSION", "STOP_SESSION", "RESERVE_NOW", "CANCEL_RESERVATION", "UNLOCK_CONNECTOR")

OPEN = """SELECT (SELECT count(*) FROM commands_command WHERE location_id {0} AND (state IN ('QUEUED', 'UNSURE', 'WAITING',
        'EXECUTING') OR result_fate = 'DUE' OR direction = 'OUT' AND response = ''))
    + (SELECT count(*) FROM charging_profiles_profilerequest r JOIN charging_sessions_session s ON s.id = r.session_id
        WHERE s.location_id {0} AND (r.state IN ('QUEUED', 'WAITING') OR response = ''
        OR way = 'IN' AND response = 'ACCEPTED' AND told IS NULL))"""
# What the eMSP does not say of a STOP_SESSION or CANCEL_RESERVATION it knows itself; how a reservation ended, its state says.
OUT = """SELECT c.uid, c.kind, c.state, c.response, CASE c.state WHEN 'CANCELED' THEN '' ELSE c.result END, c.location_id,
    c.evse_uid, c.session_id, c.reservation_id FROM commands_command c JOIN partners_party p ON p.id = c.receiver_id
    WHERE c.direction = 'OUT' AND p.party_id = '{}' ORDER BY 1"""
IN = """SELECT right(c.response_url, 32), c.kind, c.state, c.response, CASE c.state WHEN 'CANCELED' THEN '' ELSE c.result END,
    c.location_id, c.evse_uid, c.session_id, c.reservation_id FROM commands_command c
    JOIN partners_party p ON p.id = c.sender_id WHERE c.direction = 'IN' AND p.party_id = '{}' ORDER BY 1"""
# That the station did not answer in time reaches the eMSP as a result like others.
PROFILES_OUT = """SELECT r.uid, r.kind, r.state, r.response, r.result, r.seconds, r.document, s.object_id
    FROM charging_profiles_profilerequest r JOIN charging_sessions_session s ON s.id = r.session_id
    JOIN partners_party p ON p.id = s.party_id WHERE r.way = 'OUT' AND p.party_id = '{}' ORDER BY 1"""
PROFILES_IN = """SELECT regexp_replace(r.response_url, '.*/', ''), r.kind, replace(r.state, 'TIMED_OUT', 'ANSWERED'), r.response,
    r.result, r.seconds, r.document, s.object_id FROM charging_profiles_profilerequest r
    JOIN charging_sessions_session s ON s.id = r.session_id
    JOIN partners_party p ON p.id = r.party_id WHERE r.way = 'IN' AND p.party_id = '{}' ORDER BY 1"""
ORDERED = """SELECT c.kind, c.state, c.result, o.state, o.outcome FROM commands_command c JOIN charge_points_order o
    ON o.purpose = 'commands' AND o.key = c.uid WHERE c.direction = 'IN' AND c.response = 'ACCEPTED'"""
STEERED = """SELECT r.kind, s.evse_uid, r.state, r.response, r.result FROM charging_profiles_profilerequest r
    JOIN charging_sessions_session s ON s.id = r.session_id JOIN partners_party p ON p.id = s.party_id
    WHERE r.way = 'OUT' AND r.id > {} AND p.party_id = '{}' ORDER BY 1, 2"""
LAST = "SELECT coalesce(max(id), 0) FROM commands_command"
LAST_PROFILE = "SELECT coalesce(max(id), 0) FROM charging_profiles_profilerequest"
OWN = "SELECT kind, state, result FROM commands_command WHERE direction = 'OWN'"


class Way(Asking):
    """From the eMSP of one platform to the charge points of the other."""

    def __init__(self, emsp: Side, cpo: Side, pool: ThreadPoolExecutor, outcomes: Sequence[str]) -> None:
        super().__init__(emsp, cpo.country, cpo.party, "AFAR", cpo.evses["AFAR"])
        self.cpo, self.pool, self.outcomes = cpo, pool, outcomes

    def each(self, work: Callable[[Any], Any], of: Iterable[Any] = ()) -> list[Any]:
        return list(self.pool.map(work, of or self.outcomes))

    def named(self, *kinds: str) -> None:
        self.cpo.stations.named["AFAR"] = kinds

    def settle(self) -> None:
        for side in (self.emsp, self.cpo):
            side.platform.until(lambda side=side: side.one(OPEN.format("<> 'FAR'")) == 0, WITHIN)

    def expect(self, kind: str, after: int, **other: str) -> None:
        """The newest commands of this kind ended as their EVSEs are called; `other`: what differs from that."""
        self.settle()
        told = {name: other.get(name, name) for name in self.outcomes}
        states = {name: [STATES.get(result, "FAILED"), "ACCEPTED", result] for name, result in told.items()}
        assert self.said(kind, after) == states, kind

    def go(self) -> None:
        rest = self.outcomes[1:]
        sent = self.emsp.one(LAST)
        self.named("RESERVE")
        numbers = dict(zip(self.outcomes, self.each(self.reserve), strict=True))
        self.expect("RESERVE_NOW", sent)
        self.named()
        numbers |= dict(zip(rest, self.each(self.reserve, rest), strict=True))
        self.settle()
        sent = self.emsp.one(LAST)
        self.named("CANCEL_RESERVATION")
        self.each(lambda uid: self.cancel(numbers[uid]))
        # a station that forgot the reservation does not keep it either: its operator has let go of it
        self.expect("CANCEL_RESERVATION", sent, UNKNOWN_RESERVATION="ACCEPTED")
        # the operator cancels one; whoever holds another comes and charges
        held = f"SELECT id FROM commands_reservation WHERE state = 'HELD' AND reservation_id = '{numbers['TIMEOUT']}'"
        withdraw = f"/admin/commands/reservation/{self.cpo.one(held)}/withdraw/"
        self.cpo.staff.post(withdraw, reason="The street is closed.")
        sent = self.emsp.one(LAST)
        self.named("START")
        self.each(self.start)
        self.expect("START_SESSION", sent)
        self.named()
        self.each(self.start, rest)
        sessions = self.sessions(len(self.outcomes))
        self.settle()
        self.profiles({uid: sessions[uid] for uid in PROFILE_RESULTS if uid in sessions})
        sent = self.emsp.one(LAST)
        self.named("UNLOCK", "STOP")
        self.each(self.unlock)
        self.expect("UNLOCK_CONNECTOR", sent)
        self.each(self.stop, sessions.values())
        self.expect("STOP_SESSION", sent)
        self.refused()

    def profiles(self, sessions: dict[str, int]) -> None:
        self.each(lambda session: self.profile("set", session), sessions.values())
        self.settle()
        after = self.emsp.one(LAST_PROFILE)
        self.named(*PROFILES)
        for deeds in (("set", "ask"), ("clear",)):
            for deed in deeds:
                self.each(lambda session, deed=deed: self.profile(deed, session), sessions.values())
            self.settle()
        assert self.emsp.ask(STEERED.format(after, self.party)) == sorted(
            (kind, uid, "ANSWERED", "ACCEPTED", result)
            for kind in ("SET", "ACTIVE", "CLEAR")
            for uid, result in PROFILE_RESULTS.items()
            if uid in sessions
        )

    def refused(self) -> None:
        """A station that nobody drives; an EVSE that a driver of its own operator has reserved, for which OCPI is not needed."""
        place, uid, evse_id = self.cpo.dead
        dead = Asking(self.emsp, self.cpo.country, self.party, place, {uid: evse_id})
        for ask in (dead.start, dead.reserve, dead.unlock):
            ask(uid)
        near = "NEAR-ACCEPTED" if self.party == "VGM" else "NEAR-FAILED"  # of those that stand free
        Asking(self.cpo, self.cpo.country, self.party, "NEAR", {}).reserve(near)
        self.settle()
        assert self.cpo.ask(OWN) == [("RESERVE_NOW", "SUCCEEDED", "ACCEPTED")]
        taken = Asking(self.emsp, self.cpo.country, self.party, "NEAR", {})
        for ask in (taken.start, taken.reserve):
            ask(near)
        self.settle()
        for kind in ("START_SESSION", "RESERVE_NOW", "UNLOCK_CONNECTOR"):
            assert dead.said(kind, 0) == {uid: ["REFUSED", "NOT_SUPPORTED", ""]}
        for kind in ("START_SESSION", "RESERVE_NOW"):
            assert taken.said(kind, 0) == {near: ["REFUSED", "REJECTED", ""]}

    def same(self) -> None:
        """What one says that it asked, the other says that it was asked, and both that it ended so."""
        for asked, taken in ((OUT, IN), (PROFILES_OUT, PROFILES_IN)):
            ours, theirs = self.emsp.ask(asked.format(self.party)), self.cpo.ask(taken.format(self.emsp.party))
            assert len(ours) >= 12
            assert ours == theirs
        for kind, state, result, order, outcome in self.cpo.ask(ORDERED):
            forgot = (kind, outcome) == ("CANCEL_RESERVATION", "UNKNOWN_RESERVATION")
            assert order == "ANSWERED" and (outcome == result or forgot or state == "CANCELED"), (kind, result, outcome)
        assert {row[3] for row in self.cpo.ask(ORDERED)} == {"ANSWERED"}


class Literal(Asking):
    """From our platform to the partner of literal bytes, and back."""

    def __init__(self, home: Side, peer: Partner, pool: ThreadPoolExecutor) -> None:
        super().__init__(home, "NL", "TNM", "FAR", {name: f"NL*TNM*E{n}" for n, name in enumerate(FAR, 1)})
        self.peer, self.pool, self.base = peer, pool, f"http://127.0.0.1:{home.port}"

    def ours(self) -> None:
        """We ask for everything; it answers with everything."""
        home, peer = self.emsp, self.peer
        sessions = [*FAR, *(f"{name}.{kind}" for name in FAR_PROFILES for kind in ("set", "ask", "clear"))]
        for name in sessions:
            evse = name if name in FAR else "DOES-ACCEPTED"
            peer.tell_session(self.base, name, evse, home.contract)
        rows = dict(home.ask("SELECT object_id, id FROM charging_sessions_session WHERE location_id = 'FAR'"))
        numbers = dict(zip(FAR, self.pool.map(self.reserve, FAR), strict=True))
        home.platform.until(lambda: len(self.said("RESERVE_NOW", 0)) == len(FAR) and self.closed(), WITHIN)
        assert set(map(tuple, self.said("RESERVE_NOW", 0).values())) == {("SUCCEEDED", "ACCEPTED", "ACCEPTED")}
        sent, peer.named = home.one(LAST), (*KINDS, "SET", "ACTIVE", "CLEAR")
        work = [
            *((self.cancel, numbers[name]) for name in FAR),
            *((self.start, name) for name in FAR),
            *((self.unlock, name) for name in FAR),
            *((self.stop, rows[name]) for name in FAR),
            *(
                (lambda of: self.profile(*of), (deed, rows[f"{name}.{deed}"]))
                for name in FAR_PROFILES
                for deed in ("set", "ask", "clear")
            ),
        ]
        list(self.pool.map(lambda each: each[0](each[1]), work))  # type: ignore[operator]
        home.platform.until(self.closed, WITHIN)
        last = home.one(LAST)
        list(self.pool.map(self.reserve, FAR))
        home.platform.until(self.closed, WITHIN)
        wanted: dict[str, list[str]] = {name: ["REFUSED", name, ""] for name in REFUSALS}
        wanted |= {
            "DOES-ACCEPTED": ["SUCCEEDED", "ACCEPTED", "ACCEPTED"],
            "DOES-CANCELED_RESERVATION": ["FAILED", "ACCEPTED", "CANCELED_RESERVATION"],
            "SILENT": ["TIMED_OUT", "ACCEPTED", ""],
        }
        for kind in KINDS:
            assert self.said(kind, last if kind == "RESERVE_NOW" else sent) == wanted, kind
        ends = {name: ("REFUSED", name, "") for name in (*REFUSALS, "TOO_OFTEN")} | {
            "SILENT": ("TIMED_OUT", "ACCEPTED", "")
        }
        ends |= {f"DOES-{name}": ("ANSWERED", "ACCEPTED", name) for name in ("ACCEPTED", "REJECTED", "UNKNOWN")}
        steered = """SELECT r.kind, split_part(s.object_id, '.', 1), r.state, r.response, r.result
            FROM charging_profiles_profilerequest r JOIN charging_sessions_session s ON s.id = r.session_id
            WHERE s.location_id = 'FAR' ORDER BY 1, 2"""
        assert home.ask(steered) == sorted(
            (kind, name, *end) for kind in ("SET", "ACTIVE", "CLEAR") for name, end in ends.items()
        )
        # the late ones change nothing
        late = "SELECT count(*) FROM commands_command WHERE state = 'TIMED_OUT' AND location_id = 'FAR' AND stray_results = 1"
        home.platform.until(lambda: home.one(late) == len(KINDS), WITHIN)
        assert self.said("START_SESSION", sent) == wanted

    def closed(self) -> bool:
        return bool(self.emsp.one(OPEN.format("IN ('FAR', 'NEAR', '')")) == 0)

    def theirs(self) -> None:
        """It asks for everything that can be done at NEAR, and of what cannot."""
        home, peer, base = self.emsp, self.peer, self.base
        yes, no, unknown = (200, 1000, "ACCEPTED"), (200, 1000, "NOT_SUPPORTED"), (200, 2003, "REJECTED")
        wanted: dict[str, str] = {}

        def ask(kind: str, called: str, rest: str, result: str, says: tuple[int, int, str] = yes) -> None:
            name = f"{kind}-{called}"
            assert peer.ask(base, kind, name, rest) == says, name
            if result:
                wanted[name] = result

        home.stations.named["NEAR"] = ("START", "RESERVE", "UNLOCK")
        for name in ("ACCEPTED", "FAILED"):
            ask("RESERVE_NOW", name, peer.reserve(f"NEAR-{name}", f"R-{name}"), name)
        assert peer.heard(wanted) == wanted
        ask("RESERVE_NOW", "NONE", peer.reserve("NEAR-NONE", "R-NONE"), "", no)
        ask("RESERVE_NOW", "NOWHERE", peer.reserve("NEAR-XXX", "R-XXX"), "", unknown)
        ask("CANCEL_RESERVATION", "ACCEPTED", '"reservation_id":"R-ACCEPTED"', "ACCEPTED")
        ask("CANCEL_RESERVATION", "FAILED", '"reservation_id":"R-FAILED"', "UNKNOWN_RESERVATION")
        assert peer.heard(wanted) == wanted
        for name in ("ACCEPTED", "FAILED"):
            ask("START_SESSION", name, peer.start(f"NEAR-{name}"), name)
            ask("UNLOCK_CONNECTOR", name, f'"location_id":"NEAR","evse_uid":"NEAR-{name}","connector_id":"1"', name)
        ask("START_SESSION", "NONE", peer.start("NEAR-NONE"), "", no)
        ask("START_SESSION", "OTHERS", peer.start("NEAR-FAILED", OTHERS_TOKEN), "", (200, 2001, "REJECTED"))
        nowhere = '"location_id":"NEAR","evse_uid":"NEAR-XXX","connector_id":"1"'
        ask("UNLOCK_CONNECTOR", "NONE", nowhere.replace("XXX", "NONE"), "", no)
        ask("UNLOCK_CONNECTOR", "NOWHERE", nowhere, "", unknown)
        assert peer.heard(wanted) == wanted
        charge = """SELECT s.object_id FROM charging_sessions_session s JOIN partners_party p ON p.id = s.emsp_id
            WHERE p.party_id = 'TNM' AND s.location_id = 'NEAR' AND s.status = 'ACTIVE'"""
        ((session,),) = home.platform.until(lambda: home.ask(charge), WITHIN)
        for kind, result in (("SET", "ACCEPTED"), ("ACTIVE", "ACCEPTED"), ("CLEAR", "ACCEPTED"), ("CLEAR", "UNKNOWN")):
            name = f"{kind}-{result}"
            assert peer.steer(base, kind, name, session) == yes
            assert peer.heard([name]) == {name: result}
        home.stations.named["NEAR"] = ("STOP", *PROFILES)
        home.stations.outcomes["NEAR"][home.evses["NEAR"]["NEAR-ACCEPTED"]] = "REJECTED"
        for kind in ("SET", "ACTIVE"):
            assert peer.steer(base, kind, f"{kind}-REJECTED", session) == yes
            assert peer.heard([f"{kind}-REJECTED"]) == {f"{kind}-REJECTED": "REJECTED"}
        assert peer.steer(base, "ACTIVE", "ACTIVE-7", session) == (200, 1000, "TOO_OFTEN")
        for kind in ("SET", "ACTIVE", "CLEAR"):
            assert peer.steer(base, kind, f"{kind}-NO", "NO-SESSION") == (200, 1000, "UNKNOWN_SESSION")
        ask("STOP_SESSION", "REJECTED", f'"session_id":"{session}"', "REJECTED")
        assert peer.heard(wanted) == wanted
        home.stations.named["NEAR"] = ()
        ask("STOP_SESSION", "ACCEPTED", f'"session_id":"{session}"', "ACCEPTED")
        ask("STOP_SESSION", "UNKNOWN", '"session_id":"NO-SESSION"', "", (200, 1000, "UNKNOWN_SESSION"))
        assert peer.heard(wanted) == wanted
        home.platform.until(lambda: not home.ask(charge), WITHIN)
        ask("STOP_SESSION", "OVER", f'"session_id":"{session}"', "", (200, 1000, "REJECTED"))
        taken = """SELECT regexp_replace(response_url, '.*/', ''), result, result_fate FROM commands_command c
            JOIN partners_party p ON p.id = c.sender_id WHERE p.party_id = 'TNM' AND response = 'ACCEPTED'"""
        home.platform.until(self.closed, WITHIN)
        assert sorted(home.ask(taken)) == sorted((name, result, "DELIVERED") for name, result in wanted.items())


def test_every_command_both_ways_with_every_end(quiet_platform: Platform) -> None:
    platform = quiet_platform
    with Partner() as peer, ThreadPoolExecutor(8) as pool, ThreadPoolExecutor(3) as several:
        peer.offer(FAR)
        registered = several.submit(register, platform, peer)
        sides = [
            several.submit(Side, platform, data, port, *who)
            for data, port, who in (
                (platform.home, platform.ports[0], ("DE", "RDK")),
                (platform.home.partner, platform.ports[1], ("SE", "VGM")),
            )
        ]
        home, partner = (side.result() for side in sides)
        registered.result()
        for side, count in ((home, 3), (partner, 2)):
            there = """SELECT count(*) FROM locations_location l JOIN partners_party p ON p.id = l.party_id
                WHERE NOT p.ours AND l.object_id IN ('AFAR', 'NEAR', 'FAR')"""
            platform.until(lambda side=side, query=there, n=count: side.one(query) == n, WITHIN)
        ways = [Way(home, partner, pool, OUTCOMES), Way(partner, home, pool, BACK)]
        literal = Literal(home, peer, pool)
        literal.theirs()
        for done in [several.submit(work) for work in (ways[0].go, ways[1].go, literal.ours)]:
            done.result()
        for way in ways:
            way.same()
        for side in (home, partner):
            side.stations.end()
            side.database.close()


def register(platform: Platform, peer: Partner) -> None:
    connect(platform, peer.versions_url, TOKEN_A, name="TNM")
    assert peer.token_for_other is not None
