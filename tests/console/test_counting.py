"""Hours of logs are counted once they are over, once each, and say what the logs say."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection as database

from backoffice.console.actions import counting
from backoffice.console.models import AuthorizationHour, Counted, EvseHour, ExchangeHour
from backoffice.console.rules.latency import CLASSES, EDGES, percentile
from backoffice.delivery.models import Exchange
from backoffice.locations.actions import changing
from backoffice.tokens.models import Authorization
from tests import factories

NOW = factories.moment("2026-03-02T12:30:00Z")


def exchange(at: datetime, **facts: Any) -> None:
    defaults: dict[str, Any] = {"incoming": False, "module": "cdrs", "method": "POST", "url": "/x", "http_status": 200}
    defaults |= {"ocpi_status": 1000, "elapsed_ms": 120.0, "request_id": "r", "correlation_id": "c"}
    Exchange.objects.create(at=at, **defaults | facts)


def authorization(at: datetime, **facts: Any) -> None:
    defaults: dict[str, Any] = {"kind": "DECIDED", "uid": "A", "token_type": "RFID", "allowed": "ALLOWED"}
    defaults |= {"how": "WHITELIST", "reason_code": "WHITELISTED", "reason": "It is."}
    Authorization.objects.create(at=at, **defaults | facts)


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
    authorization(NOW - hour)
    authorization(NOW - hour)
    authorization(NOW - hour, allowed="BLOCKED")
    authorization(NOW - 0.1 * hour)

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
        assert sorted(AuthorizationHour.objects.values_list("allowed", "total")) == [("ALLOWED", 2), ("BLOCKED", 1)]
        assert set(Counted.objects.values_list("until", flat=True)) == {counting.floor(NOW)}
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
