"""kill -9 at random, and a broker that hangs, forgets and goes away, while partners and hardware never rest.

At the end: every write that was acknowledged is there, every partner holds the newest state, no time ran backwards at it, and no
answer was a 5xx other than 503. `ROAMDESK_CHAOS_KILLS` says how many kills (100; `make chaos`: 1,000).
"""

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.stage import (
    EVSES_EACH,
    EVSES_THERE,
    LOCATIONS_HERE,
    Hardware,
    Platform,
    Pusher,
    location,
    long_ago,
    newest_at,
    registered,
    wait_for,
)
from tests.peer import ScriptedPeer

KILLS = int(os.environ.get("ROAMDESK_CHAOS_KILLS", "100"))
PARTS = ["web", "web", "worker", "worker", "sweep", "sweep", "beat", "valkey", "postgres"]
"""Who is killed, by how often: the database takes longest to come back."""

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("chaos")]

OURS = """SELECT e.uid, e.status, e.evse_id FROM locations_evse e JOIN locations_location l ON l.id = e.location_id
    JOIN partners_party p ON p.id = l.party_id WHERE p.ours"""
THEIRS = """SELECT e.uid, to_char(e.last_updated AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), e.status
    FROM locations_evse e JOIN locations_location l ON l.id = e.location_id JOIN partners_party p ON p.id = l.party_id
    WHERE p.party_id = 'CPX'"""
OWED = "SELECT count(*) FROM delivery_message WHERE state = 'DUE'"


class Scene:
    """Everything that runs in these tests."""

    def __init__(self, root: Path) -> None:
        self.platform = Platform(root)
        self.receiver = ScriptedPeer(country_code="NL", party_id="EMX", role="EMSP")
        # its list holds the location as it first was: a pull in the middle finds nothing gone, and nothing newer
        self.pushed = json.dumps(location("NL-CPX", 0, EVSES_THERE, long_ago())).encode()
        objects = {"locations": [self.pushed]}
        self.sender = ScriptedPeer(country_code="NL", party_id="CPX", role="CPO", objects=objects)

    def open(self) -> None:
        platform = self.platform
        platform.start()
        platform.manage("connect", "party", "DE-RDK", "--name", "Chaos", "--roles", "CPO,EMSP", "--json")
        registered(platform, self.receiver, "EMX")
        token = registered(platform, self.sender, "CPX")
        file = platform.data.root / "ours.json"
        file.write_text(json.dumps([location("DE-RDK", n, EVSES_EACH, long_ago()) for n in range(LOCATIONS_HERE)]))
        platform.manage("import_locations", str(file))
        url = f"http://127.0.0.1:{platform.port}/ocpi/2.3.0/receiver/locations"
        assert self.sender.call("PUT", f"{url}/NL/CPX/L0", token, self.pushed).status in (200, 201)
        wait_for(
            lambda: len(newest_at(self.receiver)) == LOCATIONS_HERE * EVSES_EACH,
            30,
            "the partner to hold our locations",
        )
        self.pusher = Pusher(self.sender, url, token, 1)
        self.hardware = Hardware(platform, 2)
        self.pusher.start()
        wait_for(lambda: self.hardware.count > 5, 30, "the hardware to report")

    def rest(self) -> None:
        """Stop the traffic and wait until nothing is owed any more."""
        self.pusher.stopping.set()
        self.pusher.join(30)
        self.hardware.stop()
        wait_for(lambda: self.platform.ask(OWED) == [(0,)], 400, "the outbox to empty")

    def close(self) -> None:
        self.pusher.stopping.set()
        self.hardware.stop()
        self.platform.stop()

    def nothing_is_lost(self) -> None:
        stored = {uid: (at, status) for uid, at, status in self.platform.ask(THEIRS)}
        ledger = self.pusher.ledger
        for evse, newest in ledger.acknowledged.items():
            assert stored[evse] >= newest, f"{evse}: acknowledged {newest}, stored {stored[evse]}"
            assert stored[evse] in ledger.tried[evse], f"{evse}: {stored[evse]} was never sent"
        ours = {uid: status for uid, status, _ in self.platform.ask(OURS)}
        told = {uid: status for uid, (_, status) in newest_at(self.receiver).items()}
        assert told == ours
        by_id = {evse_id: status for _, status, evse_id in self.platform.ask(OURS)}
        for evse_id, possible in self.hardware.possible.items():
            assert by_id[evse_id] in possible, f"{evse_id}: is {by_id[evse_id]}, the hardware reported {possible}"

    def time_never_ran_backwards(self) -> None:
        last: dict[str, datetime] = {}
        for request in self.receiver.pushed("PATCH"):
            at = datetime.fromisoformat(
                request.json["last_updated"]
            )  # as times: of a whole second no fraction is written
            assert at >= last.get(request.path, at), f"{request.path}: {at} after {last[request.path]}"
            last[request.path] = at


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    made = Scene(tmp_path_factory.mktemp("chaos"))
    with made.receiver, made.sender:
        made.open()
        yield made
        made.close()


def test_kills_at_random(scene: Scene) -> None:
    chance = random.Random(3)
    killed: dict[str, int] = {}
    began = time.monotonic()
    while (kills := sum(killed.values())) < KILLS:
        part = chance.choice(PARTS)
        if not scene.platform.signal(part, signal.SIGKILL):
            time.sleep(0.05)  # it is down from the last time: another one
            continue
        killed[part] = killed.get(part, 0) + 1
        time.sleep(chance.uniform(0, 0.3) + (1.0 if part in ("web", "postgres") else 0.4))
        if (kills + 1) % 100 == 0 or kills + 1 == KILLS:
            _report(f"{time.monotonic() - began:.0f} s, killed", killed, scene)
    assert {200} <= scene.pusher.ledger.answers.keys()


def _report(what: str, counts: dict[str, Any], scene: Scene) -> None:
    ledger = scene.pusher.ledger
    print(
        f"\n{what}: {counts}; answers {ledger.answers}; reports {scene.hardware.count}; slowest {ledger.slowest:.2f} s"
    )


@pytest.mark.parametrize("trouble", ["hangs", "forgets", "is gone"])
def test_a_broker_that(trouble: str, scene: Scene) -> None:
    """No door waits for the broker, and the sweep tells the partners by itself.

    Who sends is killed as well, for a drain that has begun needs no broker as long as there is more to send.
    """
    platform, ledger = scene.platform, scene.pusher.ledger
    wait_for(platform.whole, 60, "all parts after the kills")
    accepted, pushed = ledger.answers[200], len(scene.receiver.pushed("PATCH"))
    ledger.slowest = 0.0

    def told() -> bool:
        if trouble == "is gone":  # whenever the supervisor has brought it back
            platform.signal("valkey", signal.SIGKILL)
        if trouble == "forgets":
            platform.empty_broker()
        return len(scene.receiver.pushed("PATCH")) > pushed + 20 and ledger.answers[200] > accepted + 20

    if trouble == "hangs":
        assert platform.signal("valkey", signal.SIGSTOP)
    assert platform.signal("worker", signal.SIGKILL)
    assert platform.signal("sweep", signal.SIGKILL)
    began = time.monotonic()
    try:
        wait_for(told, 60, "pushes from and to us without a broker")
    finally:
        platform.signal("valkey", signal.SIGCONT)
    _report(f"{time.monotonic() - began:.0f} s, broker {trouble}", {}, scene)
    assert ledger.slowest < 2.0, "a door waited"


def test_nothing_is_lost_and_all_is_told(scene: Scene) -> None:
    scene.rest()
    scene.nothing_is_lost()
    scene.time_never_ran_backwards()
    wrong = {
        answer: n for answer, n in scene.pusher.ledger.answers.items() if isinstance(answer, int) and answer >= 500
    }
    assert set(wrong) <= {503}, wrong
    assert scene.hardware.count > 50
    assert sum(n for answer, n in scene.pusher.ledger.answers.items() if answer == 200) > 50
