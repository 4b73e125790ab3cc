"""What the door of bookings costs in statements: as `tests/query_counts.json` says, however many bookings there are."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from backoffice.roaming_site import site
from tests.bookings.places import CAR, alike, asked, at, calendar, canceled, one_evse, premises, slot, token
from tests.doors.asking import Asking
from tests.doors.queries import Counted, check

PATH = "2.3.0/sender/bookings"
MOST = 40
"""One request locks, judges, claims, writes booking, request, tokens, events and calendar, and owes them to partners."""


def hour(number: int) -> datetime:
    return at(number, site.now().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1))


def wanted(number: int, **changes: Any) -> dict[str, Any]:
    return asked(f"R{number}", hour(number), hour(number + 1), tokens=[token(f"T{number}")], **changes)


@pytest.mark.parametrize("kind", ["an EVSE", "two alike"])
@pytest.mark.parametrize("name", ["new", "twice", "taken", "moved", "canceled"])
def test_statements_per_request(asking: Asking, name: str, kind: str) -> None:
    options = {"calendars": [calendar(day=hour(-24), days=10)], "now": site.now()}
    if kind == "an EVSE":
        one_evse(premises(), **options)
    else:
        alike(premises(evses=2), options=[CAR], **options)
    for number in range(1, 9):
        assert asking.ask("POST", PATH, wanted(number)).code == 1000
    body = {
        "new": wanted(9),
        "twice": wanted(2),
        "taken": wanted(9, period=slot(hour(2), hour(40)), power_required=500),
        "moved": wanted(2, period=slot(hour(20), hour(21))),
        "canceled": wanted(2, canceled=canceled()),
    }[name]
    with Counted() as counted:
        answered = asking.ask("POST", PATH, body)
    assert answered.code == 1000
    check(f"POST {PATH} ({name}, {kind})", counted, most=MOST)
