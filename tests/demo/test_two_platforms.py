"""Two whole platforms, as `make run` starts them: they meet over HTTP, and a status change of ours reaches the partner."""

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from tests.demo.platforms import Platform, run_platforms

pytestmark = pytest.mark.e2e

ARRIVES_WITHIN = timedelta(seconds=2)


@pytest.fixture
def platform() -> Iterator[Platform]:
    yield from run_platforms()


LOCATIONS = """SELECT l.object_id, l.document FROM locations_location l JOIN partners_party p ON p.id = l.party_id
    WHERE p.party_id = '{}' AND l.shared ORDER BY 1"""
EVSES = """SELECT e.uid, e.status, e.last_updated, e.document FROM locations_evse e
    JOIN locations_location l ON l.id = e.location_id JOIN partners_party p ON p.id = l.party_id
    WHERE p.party_id = '{}' AND l.shared AND e.listed ORDER BY 1"""
REPORTED = """SELECT e.uid, s.status, s.at FROM locations_statusevent s JOIN locations_evse e ON e.id = s.evse_id
    JOIN locations_location l ON l.id = e.location_id WHERE s.source = 'charge point' AND l.shared ORDER BY s.id"""
ARRIVED = """SELECT x.object_path, x.request_body, x.at FROM delivery_exchange x
    WHERE x.incoming AND x.method = 'PATCH' AND x.ocpi_status = 1000 ORDER BY x.id"""
IMPORTED = "SELECT count(*) FROM locations_statusevent WHERE source = 'import'"
HANDSHAKES = (
    "SELECT incoming FROM delivery_exchange WHERE module = 'credentials' AND method = 'POST' AND ocpi_status = 1000"
)
FETCHES = "SELECT incoming FROM delivery_exchange WHERE module = 'locations' AND method = 'GET' AND ocpi_status = 1000"


def same_as_ours(platform: Platform) -> bool:
    """Whether each of the two holds the other's locations exactly as they are; the simulators never rest, so ask again."""
    home, partner = platform.home, platform.home.partner
    return all(
        Platform.ask(owner, query.format(party)) == Platform.ask(reader, query.format(party))
        for query in (LOCATIONS, EVSES)
        for owner, reader, party in ((home, partner, "RDK"), (partner, home, "VGM"))
    )


def arrival(platform: Platform) -> timedelta | None:
    """From the first report of our hardware to its PATCH at the partner."""
    told = {(uid, status): at for uid, status, at in Platform.ask(platform.home, REPORTED)}
    for path, body, at in Platform.ask(platform.home.partner, ARRIVED):
        patch = json.loads(body)
        reported: datetime | None = told.get((path.rpartition("/")[2], patch["status"]))
        if reported is not None and datetime.fromisoformat(patch["last_updated"]) == reported:
            return at - reported
    return None


def test_they_meet_once_and_stay_equal(platform: Platform) -> None:
    home, partner = platform.home, platform.home.partner
    assert len(Platform.ask(partner, LOCATIONS.format("RDK"))) == 58  # sixty, of which the publish gate stops two
    assert len(Platform.ask(home, LOCATIONS.format("VGM"))) == 40
    took = platform.until(lambda: arrival(platform), 20)
    assert took < ARRIVES_WITHIN
    platform.until(lambda: same_as_ours(platform), 20)
    assert Platform.ask(home, HANDSHAKES) == [(True,)]
    assert Platform.ask(partner, HANDSHAKES) == [(False,)]
    assert {(True,), (False,)} <= set(Platform.ask(home, FETCHES))
    began = time.monotonic()
    assert platform.stop() == 0
    assert time.monotonic() - began < 30

    platform.start()  # on the same ports: as they were
    assert Platform.ask(home, HANDSHAKES) == [(True,)]
    assert Platform.ask(home, IMPORTED) == [(200,)]
    reported = len(Platform.ask(home, REPORTED))
    platform.until(lambda: len(Platform.ask(home, REPORTED)) > reported, 20)
    platform.until(lambda: same_as_ours(platform), 20)
    assert platform.stop() == 0
