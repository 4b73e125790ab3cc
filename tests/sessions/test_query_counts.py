"""What the doors of sessions cost in statements: as `tests/query_counts.json` says, however many rows there are."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.sessions.models import Session
from tests.doors.asking import Asking
from tests.doors.queries import Counted, check
from tests.factories import Partner, small_session
from tests.sessions import cast

LATER = "2026-03-02T08:00:00Z"
PERIOD = {"start_date_time": LATER, "dimensions": [{"type": "ENERGY", "volume": 1}]}
PATH = "{version}/receiver/sessions/SE/ELV/S1"
LIST = "{version}/sender/sessions?date_from=2026-01-01T00:00:00Z"
DOORS: list[tuple[str, str, Any]] = [
    ("GET", LIST, None),
    ("GET", LIST + "&limit=2&offset=2", None),
    ("GET", PATH, None),
    ("PUT", "{version}/receiver/sessions/SE/ELV/NEW", small_session("NEW")),
    ("PUT", PATH, small_session("S1", status="COMPLETED", last_updated=LATER)),
    ("PATCH", PATH, {"kwh": 3, "charging_periods": [PERIOD], "last_updated": LATER}),
]


def fill(partner: Partner, count: int) -> None:
    """So many sessions of ours for drivers of this partner."""
    first = Session.objects.filter(ours=True).first() or cast.begin(cast.point(tariffs=()), partner.party)
    fields = {field.attname: getattr(first, field.attname) for field in Session._meta.concrete_fields}
    Session.objects.bulk_create(
        Session(**fields | {"id": None, "object_id": f"C{number}", "transaction": f"TX-C{number}"})
        for number in range(Session.objects.filter(ours=True).count(), count)
    )


@pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
@pytest.mark.parametrize(("method", "path", "body"), DOORS, ids=[f"{method} {path}" for method, path, _ in DOORS])
def test_statements_per_request(
    method: str, path: str, body: Any, version: str, asking: Asking, partner: Partner
) -> None:
    fill(partner, 10)
    assert asking.put(PATH.format(version=version), small_session("S1")).status == 201
    where = path.format(version=version)
    with Counted() as counted:
        answered = asking.ask(method, where, body)
    assert answered.code == 1000
    check(f"{method} {where}{' (new)' if answered.status == 201 else ''}", counted)


@pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
def test_a_page_of_a_hundred_costs_what_a_page_of_ten_does(version: str, asking: Asking, partner: Partner) -> None:
    numbers = []
    for count in (10, 100):
        fill(partner, count)
        Session.objects.update(generation=count)  # no rendering is there yet
        with Counted() as counted:
            answered = asking.get(LIST.format(version=version))
        assert len(answered.data) == count
        numbers.append(counted.number)
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize("minutes", [3, 90])
def test_a_reading_costs_the_same_early_and_late(minutes: int, partner: Partner) -> None:
    session = cast.begin(cast.point(tariffs=()), partner.party)
    for minute in range(1, minutes):
        cast.meter(session, minute, str(1000 + minute))
    with Counted() as counted:
        cast.meter(session, minutes, str(1000 + minutes))
    check("a reading of a charge of any length", counted)
