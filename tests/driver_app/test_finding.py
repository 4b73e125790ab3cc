"""What is found near a place is what a plain look at every document finds, whatever way the documents came."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from backoffice.driver_app.finding import EARTH_M, Wanted, near
from backoffice.locations.actions.storing import store
from backoffice.locations.models import Evse, Location
from backoffice.locations.rules import max_power
from backoffice.roaming_site import site
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from tests import factories
from tests.doors.asking import Asking
from tests.factories import Partner

Tree = dict[str, Any]

pytestmark = pytest.mark.django_db
AT = 52.0, 5.0
KINDS = ("IEC_62196_T2", "IEC_62196_T2_COMBO", "CHADEMO", "SOMETHING_NEW")
STATUSES = ("AVAILABLE", "CHARGING", "PLANNED", "REMOVED", "UNKNOWN")
TIMES = [f"2026-03-01T{hour:02}:00:00Z" for hour in range(24)]
SEARCHES: list[dict[str, Any]] = [
    {},
    {"metres": 2_000},
    {"metres": 9_000, "limit": 3},
    {"power": 50_000},
    {"power": 50_000, "free": True},
    {"power": 150_000, "standards": ["IEC_62196_T2"]},
    {"standards": ["CHADEMO"], "limit": 2},
    {"standards": ["CHADEMO", "IEC_62196_T2_COMBO"], "free": True},
    {"power": 4_000_000},
    {"free": True, "limit": 5},
]


@pytest.mark.parametrize("seed", range(3))
def test_as_a_plain_look_at_every_document(seed: int) -> None:
    chance = random.Random(seed)
    elv = factories.partner("SE-ELV:EMSP", "SE-ELV:CPO")
    first = [_location(f"L{number}", chance, 8) for number in range(25)]
    _store(elv, first)
    _alike_or_more(exactly=True)
    for _ in range(12):
        _change(Asking(elv.token), f"L{chance.randrange(25)}", chance)
    _alike_or_more()
    _compare(chance)
    # once more, with some EVSEs older than what came meanwhile, and some that are no longer there
    _store(elv, [_location(f"L{number}", chance, 12) for number in range(0, 25, 2)])
    _alike_or_more()
    _compare(chance)


def test_each_column_says_what_its_evses_have() -> None:
    elv = factories.partner("SE-ELV:EMSP", "SE-ELV:CPO")
    tree = factories.small_location("L1") | {
        "evses": [_evse("E1", "CHADEMO", 50_000), _evse("E2", "IEC_62196_T2", 11_000)]
    }
    door = "2.3.0/receiver/locations/SE/ELV/L1"
    asking = Asking(elv.token)

    def told() -> tuple[int, list[str]]:
        row = Location.objects.get()
        return row.max_power, row.connector_types

    for way, body, expected in (
        ("", tree, (50_000, ["CHADEMO", "IEC_62196_T2"])),
        (
            "/E3",
            _evse("E3", "IEC_62196_T2_COMBO", 150_000),
            (150_000, ["CHADEMO", "IEC_62196_T2", "IEC_62196_T2_COMBO"]),
        ),
        (
            "/E3",
            _evse("E3", "IEC_62196_T2", 3_000, at=TIMES[9]),
            (150_000, ["CHADEMO", "IEC_62196_T2", "IEC_62196_T2_COMBO"]),
        ),
        # the whole says no more of E1, is older than what is known of E3, and so that one counts as it is stored
        (
            "",
            tree
            | {
                "last_updated": TIMES[10],
                "evses": [_evse("E2", "IEC_62196_T2", 22_000), _evse("E3", "CHADEMO", 9, at=TIMES[7])],
            },
            (22_000, ["IEC_62196_T2"]),
        ),
        ("", tree | {"last_updated": TIMES[20], "evses": []}, (0, [])),
    ):
        assert asking.put(door + way, body).code == 1000
        assert told() == expected, body


def _alike_or_more(*, exactly: bool = False) -> None:
    for row in Location.objects.all():
        evses = Evse.objects.filter(location=row, listed=True)
        power = max((evse.max_power for evse in evses), default=0)
        kinds = {kind for evse in evses for kind in evse.connector_types}
        assert row.max_power >= power
        assert kinds <= set(row.connector_types)
        if exactly:
            assert (row.max_power, row.connector_types) == (power, sorted(kinds))


def _compare(chance: random.Random) -> None:
    for given in SEARCHES:
        wanted = Wanted(latitude=AT[0] + chance.uniform(-0.1, 0.1), longitude=AT[1], **({"metres": 25_000} | given))
        found = [(each.location_id, each.matching, each.free, each.max_power) for each in near(wanted)]
        assert found == _plainly(wanted), given


def _plainly(wanted: Wanted) -> list[tuple[str, int, int, int]]:
    found = []
    for row in Location.objects.all():
        tree = row.tree()
        metres = _metres(wanted, tree["coordinates"])
        fitting = [
            (evse, power)
            for evse in tree.get("evses", ())
            if (power := max_power(wire_json.validate(wire.EVSE, evse).connectors)) >= wanted.power
            and evse["status"] not in ("PLANNED", "REMOVED")
            and (not wanted.standards or {each["standard"] for each in evse["connectors"]} & set(wanted.standards))
            and (not wanted.free or evse["status"] == "AVAILABLE")
        ]
        if fitting and metres <= wanted.metres:
            free = sum(evse["status"] == "AVAILABLE" for evse, _ in fitting)
            found.append((metres, row.pk, (row.object_id, len(fitting), free, max(power for _, power in fitting))))
    return [each for _, _, each in sorted(found)][: wanted.limit]


def _metres(wanted: Wanted, point: Tree) -> float:
    north, east = (math.radians(float(point[name])) for name in ("latitude", "longitude"))
    here_north, here_east = math.radians(wanted.latitude), math.radians(wanted.longitude)
    half = (
        math.sin((north - here_north) / 2) ** 2
        + math.cos(here_north) * math.cos(north) * math.sin((east - here_east) / 2) ** 2
    )
    return 2 * EARTH_M * math.asin(min(1, math.sqrt(half)))


def _store(partner: Partner, trees: list[Tree]) -> None:
    batch = [(tree, wire_json.validate(wire.Location, tree)) for tree in trees]
    store(partner.party.pk, batch, source="partner", now=site.now(), ours=False)


def _location(object_id: str, chance: random.Random, hour: int) -> Tree:
    evses = [_any_evse(f"E{number}", chance, hour) for number in range(chance.randint(0, 4))]
    point = {
        "latitude": f"{AT[0] + chance.choice([0, 0.01, 0.05, 0.2]) * chance.uniform(-1, 1):.6f}",
        "longitude": f"{AT[1] + chance.choice([0, 0.01, 0.05, 0.3]) * chance.uniform(-1, 1):.6f}",
    }
    return factories.small_location(object_id, at=TIMES[hour], coordinates=point, evses=evses)


def _any_evse(uid: str, chance: random.Random, hour: int) -> Tree:
    return _evse(
        uid,
        chance.choice(KINDS),
        chance.choice([3_700, 11_000, 50_000, 150_000]),
        status=chance.choice(STATUSES),
        at=TIMES[hour],
    )


def _evse(uid: str, kind: str, watts: int, *, status: str = "AVAILABLE", at: str = TIMES[8]) -> Tree:
    (evse,) = factories.small_location("", at=at)["evses"]
    (connector,) = evse["connectors"]
    return evse | {
        "uid": uid,
        "status": status,
        "connectors": [connector | {"standard": kind, "max_electric_power": watts}],
    }


def _change(asking: Asking, location: str, chance: random.Random) -> None:
    uid, hour = f"E{chance.randrange(5)}", chance.randint(9, 14)
    evse = f"2.3.0/receiver/locations/SE/ELV/{location}/{uid}"
    if chance.random() < 0.4 or not Evse.objects.filter(location__object_id=location, uid=uid, listed=True).exists():
        assert asking.put(evse, _any_evse(uid, chance, hour)).code == 1000
    elif chance.random() < 0.5:
        assert asking.patch(evse, {"status": chance.choice(STATUSES), "last_updated": TIMES[hour]}).code == 1000
    else:
        part = {"standard": chance.choice(KINDS), "max_electric_power": 99_000, "last_updated": TIMES[hour]}
        assert asking.patch(f"{evse}/1", part).code == 1000
