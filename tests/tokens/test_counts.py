"""Each door of tokens costs as many statements as `tests/query_counts.json` says, however many rows there are."""

from __future__ import annotations

from typing import Any

import pytest

from tests import factories
from tests.doors.asking import Asking
from tests.doors.queries import Counted, check
from tests.factories import small_token

LATER = "2026-05-01T00:00:00Z"
THEIRS = "{version}/receiver/tokens/SE/ELV/C0"
ASK = "{version}/sender/tokens/C1/authorize"
DOORS: list[tuple[str, str, Any]] = [
    ("GET", "{version}/sender/tokens", None),
    ("GET", "{version}/sender/tokens?limit=4&offset=4", None),
    ("GET", "{version}/sender/tokens?date_from=2026-01-01T00:00:00Z", None),
    ("GET", THEIRS, None),
    ("PUT", "{version}/receiver/tokens/SE/ELV/NEW", small_token("NEW")),
    ("PUT", THEIRS, small_token("C0", at=LATER, valid=False)),
    ("PATCH", THEIRS, {"valid": False, "last_updated": LATER}),
    ("POST", ASK, None),
    ("POST", ASK, {"location_id": "L1", "evse_uids": ["E1"]}),
    ("POST", "{version}/sender/tokens/NOBODYS/authorize", None),
]


@pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
@pytest.mark.parametrize(("method", "path", "body"), DOORS, ids=str)
def test_statements_per_request(method: str, path: str, body: Any, version: str, asking: Asking) -> None:
    for number in range(10):
        factories.own_token(small_token(f"C{number}", "DE-RDK"))
    assert asking.put(THEIRS.format(version=version), small_token("C0")).status == 201
    where = path.format(version=version)
    with Counted() as counted:
        answered = asking.ask(method, where, body)
    assert answered.code in (1000, 2004)
    told = " (new)" if answered.status == 201 else " (with a place)" if method == "POST" and body else ""
    check(f"{method} {where}{told}", counted)


@pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
def test_a_page_of_a_hundred_costs_what_a_page_of_ten_does(version: str, asking: Asking) -> None:
    numbers = []
    for count in (10, 100):
        for number in range(count):
            factories.own_token(small_token(f"N{number}", "DE-RDK"))
        with Counted() as counted:
            answered = asking.get(f"{version}/sender/tokens")
        assert len(answered.data) == count
        numbers.append(counted.number)
    assert numbers[0] == numbers[1]
