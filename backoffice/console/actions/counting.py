"""Count the hours of logs, so that the start page reads some hundred rows instead of millions.

An hour is counted once, some minutes after its end, when nothing is written into it any more; `Counted` says up to when. The
page reads what is later from the log itself. EVSEs have no log that is cheap to add up: they are looked at each time this runs.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection as database
from django.db import transaction

from backoffice.console.models import AuthorizationHour, Counted, EvseHour, ExchangeHour
from backoffice.console.rules.latency import EDGES

HOUR = timedelta(hours=1)
GRACE = timedelta(minutes=5)
"""A row is written at the end of what it tells of, with the time at which that began."""

REACH = timedelta(days=62)
"""How far back logs are counted that nobody counted so far."""

KEPT = timedelta(days=400)
AT_ONCE = timedelta(days=1)
"""Counted in one transaction."""

DOWN = ("OUTOFORDER", "INOPERATIVE", "UNKNOWN")
NO_PLACE = ("REMOVED", "PLANNED")
"""Statuses of what is not there (any more, or yet)."""

GOOD = "http_status BETWEEN 200 AND 299 AND coalesce(ocpi_status, 1000) BETWEEN 1000 AND 1999"
"""An exchange that succeeded: HTTP 2xx and OCPI 1xxx."""

TIMES = "ARRAY[{}]".format(
    ", ".join(
        f"count(*) FILTER (WHERE elapsed_ms > {lower} AND elapsed_ms <= {upper})"
        for lower, upper in zip(("'-Infinity'", *EDGES), (*EDGES, "'Infinity'"), strict=True)
    )
)

UNSERVED = ("SILENT", "UNREACHABLE")
"""Codes of `tokens.rules.words.Reason`: a driver was left without an answer, not refused."""

EXCHANGES, AUTHORIZATIONS, CDRS = "exchange", "authorization", "cdr"
SOURCES = {EXCHANGES: "delivery_exchange", AUTHORIZATIONS: "tokens_authorization"}

_INSERTS = {
    EXCHANGES: f"""
INSERT INTO console_exchangehour (hour, connection_id, incoming, total, good, times)
SELECT date_trunc('hour', x.at, 'UTC'), c.id, incoming, count(*), count(*) FILTER (WHERE {GOOD}), {TIMES}
FROM delivery_exchange x LEFT JOIN partners_connection c ON c.id = x.connection_id
WHERE x.at >= %(begin)s AND x.at < %(end)s GROUP BY 1, 2, 3
ON CONFLICT (hour, connection_id, incoming)
DO UPDATE SET total = EXCLUDED.total, good = EXCLUDED.good, times = EXCLUDED.times""",
    AUTHORIZATIONS: f"""
INSERT INTO console_authorizationhour (hour, party_id, connection_id, kind, how, allowed, reason_code, total)
SELECT date_trunc('hour', a.at, 'UTC'), p.id, CASE WHEN a.reason_code IN {UNSERVED} THEN c.id END, a.kind, a.how,
    a.allowed, a.reason_code, count(*)
FROM tokens_authorization a LEFT JOIN partners_party p ON p.id = a.party_id
    LEFT JOIN partners_connection c ON c.id = a.connection_id
WHERE a.at >= %(begin)s AND a.at < %(end)s GROUP BY 1, 2, 3, 4, 5, 6, 7
ON CONFLICT (hour, party_id, connection_id, kind, how, allowed, reason_code) DO UPDATE SET total = EXCLUDED.total""",
}

_SAMPLE = """
INSERT INTO console_evsehour (hour, party_id, seen, up)
SELECT %(hour)s, l.party_id, count(*), count(*) FILTER (WHERE e.status <> ALL(%(down)s))
FROM locations_evse e JOIN locations_location l ON l.id = e.location_id
WHERE e.listed AND e.status <> ALL(%(no_place)s) GROUP BY l.party_id
ON CONFLICT (hour, party_id)
DO UPDATE SET seen = console_evsehour.seen + EXCLUDED.seen, up = console_evsehour.up + EXCLUDED.up"""


_DAYS = """
WITH fresh AS (
    SELECT date_trunc('day', ends_at, 'UTC') AS day, ours, party_id, emsp_id, currency, state || verdict AS standing,
        count(*) AS number, sum(total_excl) AS money
    FROM cdrs_cdr WHERE ends_at >= %(begin)s AND ends_at < %(end)s GROUP BY 1, 2, 3, 4, 5, 6),
gone AS (
    DELETE FROM console_cdrday d WHERE NOT EXISTS (
        SELECT 1 FROM fresh f WHERE (f.day, f.ours, f.party_id, f.emsp_id, f.currency, f.standing)
            = (d.day, d.ours, d.party_id, d.emsp_id, d.currency, d.standing)))
INSERT INTO console_cdrday (day, ours, party_id, emsp_id, currency, standing, number, money)
SELECT day, ours, party_id, emsp_id, currency, standing, number, money FROM fresh
ON CONFLICT (day, ours, party_id, emsp_id, currency, standing)
DO UPDATE SET number = EXCLUDED.number, money = EXCLUDED.money
WHERE (console_cdrday.number, console_cdrday.money) <> (EXCLUDED.number, EXCLUDED.money)"""


def count(*, now: datetime) -> None:
    """Count every hour that is over and was not counted yet, and the days of CDRs; sample the EVSEs; forget what is old."""
    for log in SOURCES:
        while _count_some(log, now=now):
            pass
    _count_days(now=now)
    with database.cursor() as cursor:
        cursor.execute(_SAMPLE, {"hour": floor(now), "down": list(DOWN), "no_place": list(NO_PLACE)})
    for model in (ExchangeHour, AuthorizationHour, EvseHour):
        model.objects.filter(hour__lt=now - KEPT).delete()


def floor(moment: datetime) -> datetime:
    """The full hour before, UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def midnight(moment: datetime) -> datetime:
    """Of the same day, UTC."""
    return floor(moment).replace(hour=0)


def months_ago(moment: datetime) -> datetime:
    """The first day that a page may ask for: of the month before, or thirty days back."""
    day = midnight(moment)
    return min((day.replace(day=1) - timedelta(days=1)).replace(day=1), day - timedelta(days=30))


@transaction.atomic
def _count_days(*, now: datetime) -> None:
    """The days before today; today is read live."""
    today = midnight(now)
    mark, _ = Counted.objects.select_for_update().get_or_create(log=CDRS, defaults={"until": today})
    with database.cursor() as cursor:
        cursor.execute(_DAYS, {"begin": months_ago(now), "end": today})
    mark.until = today
    mark.save(update_fields=["until"])


@transaction.atomic
def _count_some(log: str, *, now: datetime) -> bool:
    """Whether there is more to count. Two that run at once wait for each other at the mark."""
    over = floor(now - GRACE)
    with database.cursor() as cursor:
        cursor.execute(f"SELECT min(at) FROM {SOURCES[log]}")
        first = cursor.fetchone()[0]
    begin = floor(max(first, now - REACH)) if first else over
    Counted.objects.get_or_create(log=log, defaults={"until": min(begin, over)})
    mark = Counted.objects.select_for_update().get(log=log)
    if mark.until >= over:
        return False
    end = min(mark.until + AT_ONCE, over)
    with database.cursor() as cursor:
        cursor.execute(_INSERTS[log], {"begin": mark.until, "end": end})
    mark.until = end
    mark.save(update_fields=["until"])
    return end < over
