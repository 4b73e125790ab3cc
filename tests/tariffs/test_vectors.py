"""Every worked example of the specification, to the last of four places."""

from datetime import datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from backoffice.tariffs.rules import CATEGORIES, price
from backoffice.tariffs.rules.report import as_tree
from ocpi.wire.cdrs import ChargingPeriod
from ocpi.wire.json import validate
from ocpi.wire.tariffs import Tariff
from tests.tariffs.vectors import vectors


@pytest.mark.rule("T-309", "T-312", "T-336", "T-347", "T-349")
@pytest.mark.parametrize("vector", vectors())
def test_vector(vector: dict[str, Any]) -> None:
    cdr, expected = vector["cdr"], vector["expected"]
    breakdown = price(
        [validate(Tariff, vector["tariff"])],
        [validate(ChargingPeriod, period) for period in cdr["charging_periods"]],
        ZoneInfo(vector["timezone"]),
        end=datetime.fromisoformat(cdr["end_date_time"]),
    )
    tree = as_tree(breakdown)
    compared = ("total", "total_before_limits", *CATEGORIES)
    assert {name: tree[name] for name in compared if name in tree} == {
        name: expected[name] for name in compared if name in expected
    }
    assert tree["billed"] == expected.get("billed", {})
    assert tree["limit_applied"] == expected.get("limit_applied")
    assert breakdown.codes == expected.get("warnings", [])
    exact = {"excl": breakdown.total.excl, "incl": breakdown.total.incl}
    assert exact == {name: Fraction(amount) for name, amount in expected["total_exact"].items()}
