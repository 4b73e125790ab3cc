"""Hours of logs are counted once they are over, once each, and say what the logs say."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database

from backoffice.cdrs.models import Cdr
from backoffice.console.actions import counting
from backoffice.console.models import AuthorizationHour, CdrDay, Counted, EvseHour, ExchangeHour
from backoffice.console.rules.latency import CLASSES, EDGES, percentile
from backoffice.delivery.models import Exchange
from backoffice.locations.actions import changing
from tests import factories
from tests.console import charge_rows

NOW = factories.moment("2026-03-02T12:30:00Z")


def exchange(at: datetime, **facts: Any) -> None:
    defaults: dict[str, Any] = {"incoming": False, "module": "cdrs", "method": "POST", "url": "/x", "http_status": 200}
    defaults |= {"ocpi_status": 1000, "elapsed_ms": 120.0, "request_id": "r", "correlation_id": "c"}
    Exchange.objects.create(at=at, **defaults | facts)


@pytest.mark.django_db
def test_hours_that_are_over_are_counted_once_and_the_running_one_is_left() -> None:
    partner = factories.partner()
    other = factories.partner("NL-OTH:CPO")
    hour = timedelta(hours=1)
    for back in (0.2, 1, 1.1, 30):
        exchange(NOW - back * hour, connection=partner.connection)
    exchange(NOW - hour, connection=partner.connection, ocpi_status=2001, elapsed_ms=40_000)
    exchange(NOW - hour, connection=partner.connection, incoming=True, http_status=500, ocpi_status=None)
    exchange(NOW - hour, connection=other.connection, http_status=None, ocpi_status=None)
    exchange(NOW - hour, connection=None, incoming=True, http_status=401, ocpi_status=2001)
    exchange(NOW - 80 * 24 * hour, connection=partner.connection)  # before all that a page can ask for
    charge_rows.decision(NOW - hour, connection=partner.connection)
    charge_rows.decision(NOW - hour, connection=other.connection)
    charge_rows.decision(NOW - hour, connection=other.connection, allowed="NOT_ALLOWED", reason_code="SILENT")
    charge_rows.decision(NOW - 0.1 * hour)
    gone = {"party_id": 10**9, "connection_id": 10**9, "allowed": "BLOCKED", "reason_code": "SILENT"}
    charge_rows.decision(NOW - hour, **gone)  # the database does not check where decisions point

    for _ in range(2):
        counting.count(now=NOW)
        found = {
            (row.hour, row.connection_id, row.incoming): (row.total, row.good) for row in ExchangeHour.objects.all()
        }
        eleven, long_ago = counting.floor(NOW - hour), counting.floor(NOW - 30 * hour)
        assert found == {
            (eleven, partner.connection.pk, False): (3, 2),
            (eleven, partner.connection.pk, True): (1, 0),
            (eleven, other.connection.pk, False): (1, 0),
            (eleven, None, True): (1, 0),
            (long_ago, partner.connection.pk, False): (1, 1),
        }
        decided = AuthorizationHour.objects.order_by("allowed").values_list("allowed", "connection", "total")
        assert list(decided) == [
            ("ALLOWED", None, 2),
            ("BLOCKED", None, 1),
            ("NOT_ALLOWED", other.connection.pk, 1),
        ]
        database.check_constraints()
        logs = Counted.objects.filter(log__in=counting.SOURCES).values_list("until", flat=True)
        assert set(logs) == {counting.floor(NOW)}
    times = ExchangeHour.objects.get(hour=eleven, connection=partner.connection, incoming=False).times
    assert len(times) == CLASSES
    assert (times[EDGES.index(150)], times[-1]) == (2, 1)

    exchange(NOW, connection=partner.connection)
    counting.count(now=NOW + timedelta(minutes=34))  # 13:04: rows of twelve o'clock may still be written
    assert not ExchangeHour.objects.filter(hour=counting.floor(NOW)).exists()
    counting.count(now=NOW + timedelta(minutes=36))
    assert ExchangeHour.objects.get(hour=counting.floor(NOW)).total == 2


@pytest.mark.django_db
def test_evses_are_sampled_each_time() -> None:
    ours = factories.own_party()
    first = factories.own_location(factories.small_location("A", str(ours)))
    factories.own_location(factories.small_location("B", str(ours)))
    counting.count(now=NOW)
    changing.set_status(first, "E1", "OUTOFORDER", source="test", now=NOW)
    counting.count(now=NOW)
    row = EvseHour.objects.get()
    assert (row.party_id, row.hour, row.seen, row.up) == (ours.pk, counting.floor(NOW), 4, 3)
    EvseHour.objects.update(hour=NOW - counting.KEPT - timedelta(hours=1))
    counting.count(now=NOW)
    assert EvseHour.objects.get().hour == counting.floor(NOW)


@pytest.mark.django_db
def test_what_was_not_counted_for_long_is_caught_up_day_by_day() -> None:
    partner = factories.partner()
    for days in range(5):
        exchange(NOW - timedelta(days=days), connection=partner.connection)
    counting.count(now=NOW - timedelta(days=4, hours=-2))
    with database.execute_wrapper(inserts := _Inserts()):
        counting.count(now=NOW + timedelta(hours=1))
    assert inserts.seen >= 4
    assert sum(ExchangeHour.objects.values_list("total", flat=True)) == 5


class _Inserts:
    seen = 0

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.seen += "INSERT INTO console_exchangehour" in sql
        return execute(sql, params, many, context)


@pytest.mark.django_db
def test_days_of_cdrs_follow_what_becomes_of_them() -> None:
    ours, theirs = factories.own_party(), factories.partner().party
    charge_rows.cdr(ours, theirs, NOW - timedelta(days=1), state="RELEASED")
    held = charge_rows.cdr(ours, theirs, NOW - timedelta(days=1), state="HELD")
    charge_rows.cdr(theirs, ours, NOW - timedelta(days=2), verdict="AGREED")
    charge_rows.cdr(theirs, ours, NOW - timedelta(hours=1), verdict="AGREED")  # today: not counted yet
    charge_rows.cdr(theirs, ours, NOW - timedelta(days=70), verdict="AGREED")  # before all that a page can ask for

    def days() -> list[tuple[str, str, int, Decimal]]:
        rows = CdrDay.objects.order_by("day", "standing")
        return [(f"{row.day:%m-%d}", row.standing, row.number, row.money) for row in rows]

    counting.count(now=NOW)
    nine = Decimal("9.00")
    assert days() == [("02-28", "AGREED", 1, nine), ("03-01", "HELD", 1, nine), ("03-01", "RELEASED", 1, nine)]
    before = {row.pk for row in CdrDay.objects.filter(standing="AGREED")}
    Cdr.objects.filter(pk=held.pk).update(state="RELEASED")
    counting.count(now=NOW)
    assert days() == [("02-28", "AGREED", 1, nine), ("03-01", "RELEASED", 2, nine * 2)]
    assert before == {row.pk for row in CdrDay.objects.filter(standing="AGREED")}, (
        "what stayed the same was written anew"
    )


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([], None),
        ([15] * 100, 20),  # all in the class from 10 to 20
        ([5] * 94 + [900] * 6, 790),
        ([5] * 50 + [60_000] * 50, 30_000),  # beyond the last edge there is nothing to divide
    ],
)
def test_a_percentile_of_classes(lengths: list[int], expected: float | None) -> None:
    counts = [0] * CLASSES
    for length in lengths:
        counts[next((n for n, edge in enumerate(EDGES) if length <= edge), CLASSES - 1)] += 1
    found = percentile(counts, 0.95)
    assert found == expected or (found is not None and expected is not None and abs(found - expected) < 5)
