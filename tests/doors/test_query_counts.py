"""Each door costs as many statements as `tests/query_counts.json` says, however many rows there are."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.locations.actions.storing import store
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from tests import factories
from tests.doors.asking import Asking
from tests.doors.queries import Counted, check

PATH = "receiver/locations/SE/ELV/HARBOUR-7"
LATER = "2026-05-01T00:00:00Z"
DOORS: list[tuple[str, str, Any]] = [
    ("GET", "versions", None),
    ("GET", "{version}", None),
    ("GET", "{version}/credentials", None),
    ("GET", "{version}/sender/locations", None),
    ("GET", "{version}/sender/locations?limit=4&offset=4", None),
    ("GET", "{version}/sender/locations?date_from=2026-01-01T00:00:00Z", None),
    ("GET", "{version}/sender/locations/L1", None),
    ("GET", "{version}/sender/locations/L1/E1", None),
    ("GET", "{version}/sender/locations/L1/E1/1", None),
    ("GET", "{version}/" + PATH, None),
    ("PUT", "{version}/receiver/locations/SE/ELV/NEW", factories.small_location("NEW")),
    ("PUT", "{version}/" + PATH, factories.location(name="x", last_updated=LATER)),
    ("PUT", "{version}/" + PATH + "/E-100", factories.evse(floor_level="2", last_updated=LATER)),
    ("PUT", "{version}/" + PATH + "/E-100/1", factories.connector(max_amperage=20, last_updated=LATER)),
    ("PATCH", "{version}/" + PATH, {"name": "x", "last_updated": LATER}),
    ("PATCH", "{version}/" + PATH + "/E-100", {"status": "BLOCKED", "last_updated": LATER}),
    ("PATCH", "{version}/" + PATH + "/E-100/1", {"max_amperage": 20, "last_updated": LATER}),
]


def fill(count: int) -> None:
    party = Party.objects.get(country_code="DE")
    trees = [factories.small_location(f"L{number}", "DE-RDK") for number in range(count)]
    values = [(tree, wire_json.validate(wire.Location, tree)) for tree in trees]
    store(party.pk, values, source="import", now=site.now(), ours=True)


@pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
@pytest.mark.parametrize(("method", "path", "body"), DOORS, ids=[f"{method} {path}" for method, path, _ in DOORS])
def test_statements_per_request(method: str, path: str, body: Any, version: str, stored: Asking) -> None:
    fill(10)
    where = path.format(version=version)
    with Counted() as counted:
        answered = stored.ask(method, where, body)
    assert answered.code == 1000
    check(f"{method} {where}{' (new)' if answered.status == 201 else ''}", counted)


@pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
def test_a_page_of_a_hundred_costs_what_a_page_of_ten_does(version: str, asking: Asking) -> None:
    numbers = []
    for count in (10, 100):
        fill(count)
        with Counted() as counted:
            answered = asking.get(f"{version}/sender/locations")
        assert len(answered.data) == count
        numbers.append(counted.number)
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize("count", [2, 40])
def test_a_location_of_forty_evses_costs_what_one_of_two_does(count: int, asking: Asking) -> None:
    tree = factories.small_location("MANY")
    tree["evses"] = [tree["evses"][0] | {"uid": f"E{number}"} for number in range(count)]
    path = "2.3.0/receiver/locations/SE/ELV/MANY"
    with Counted() as created:
        assert asking.put(path, tree).status == 201
    for evse in tree["evses"]:
        evse |= {"status": "BLOCKED", "last_updated": LATER}
    with Counted() as replaced:
        assert asking.put(path, tree).status == 200
    with Counted() as read:
        assert len(asking.get(path).data["evses"]) == count
    for what, counted in (("create", created), ("replace", replaced), ("read", read)):
        check(f"{what} a location of any size", counted)
