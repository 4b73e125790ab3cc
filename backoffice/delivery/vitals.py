"""What is measured of connections for their health: one query, whatever their number. Decides nothing, writes nothing.

Bounded on purpose: of the last 24 hours the latest `SAMPLE` exchanges of each connection are looked at, by index, so that
a busy partner costs as much as a quiet one.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import connection as database

from backoffice.partners.health import Health, PullVital, Vitals, health
from backoffice.partners.rules import ConnectionState, origin
from backoffice.roaming_site import site

SAMPLE = 300
WINDOW = timedelta(hours=24)

_VITALS = """
SELECT c.id, c.state, c.held_reason, c.pull_enabled, c.pull_every, c.next_attempt_at,
    x.seen, x.succeeded, x.p95, m.due, m.oldest, m.refused, t.at, r.waiting, h.hosts, c.confirmed_origins, p.pulls
FROM partners_connection c
CROSS JOIN LATERAL (
    SELECT count(*) AS seen,
        count(*) FILTER (WHERE e.http_status BETWEEN 200 AND 299 AND e.ocpi_status BETWEEN 1000 AND 1999) AS succeeded,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY e.elapsed_ms) FILTER (WHERE NOT e.incoming) AS p95
    FROM (SELECT incoming, http_status, ocpi_status, elapsed_ms FROM delivery_exchange
          WHERE connection_id = c.id AND at > %(since)s ORDER BY at DESC LIMIT %(sample)s) e) x
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE state = 'DUE') AS due, min(owed_since) FILTER (WHERE state = 'DUE') AS oldest,
        count(*) FILTER (WHERE state = 'REFUSED') AS refused
    FROM delivery_message WHERE connection_id = c.id AND state IN ('DUE', 'REFUSED')) m
CROSS JOIN LATERAL (
    SELECT max(created_at) AS at FROM partners_inboundtoken
    WHERE connection_id = c.id AND kind = 'ACTIVE' AND burnt_at IS NULL) t
CROSS JOIN LATERAL (
    SELECT count(*) AS waiting FROM partners_partyrole WHERE connection_id = c.id AND state = 'AWAITING_APPROVAL') r
CROSS JOIN LATERAL (
    SELECT array_agg(DISTINCT substring(url FROM '^[A-Za-z]+://[^/?#]+')) AS hosts FROM partners_endpoint
    WHERE connection_id = c.id) h
CROSS JOIN LATERAL (
    SELECT json_agg(json_build_array(f.module, l.started_at, l.state = 'FAILED', d.finished_at, l.objects_read, l.rejected,
        left(l.error, 200)) ORDER BY f.module) AS pulls
    FROM unnest(%(modules)s::text[], %(endpoints)s::text[]) AS f(module, endpoint)
    JOIN partners_endpoint e ON e.connection_id = c.id AND e.role = 'SENDER' AND e.identifier = f.endpoint
    LEFT JOIN LATERAL (SELECT started_at, state, objects_read, rejected, error FROM delivery_pull
        WHERE connection_id = c.id AND module = f.module ORDER BY started_at DESC LIMIT 1) l ON true
    LEFT JOIN LATERAL (SELECT finished_at FROM delivery_pull
        WHERE connection_id = c.id AND module = f.module AND state = 'DONE' ORDER BY started_at DESC LIMIT 1) d ON true) p
WHERE c.id = ANY(%(ids)s)
"""


def measure(ids: Collection[int], *, modules: Collection[str], now: datetime) -> dict[int, Vitals]:
    """Vitals by connection id. `modules`: the identifiers that this platform fetches."""
    with database.cursor() as cursor:
        endpoints = [site.module(module).endpoint for module in modules]
        cursor.execute(
            _VITALS,
            {
                "ids": list(ids),
                "modules": list(modules),
                "endpoints": endpoints,
                "since": now - WINDOW,
                "sample": SAMPLE,
            },
        )
        return {row[0]: _vitals(row, now) for row in cursor.fetchall()}


def healths(ids: Collection[int], *, modules: Collection[str], now: datetime) -> dict[int, Health]:
    return {identity: health(vitals) for identity, vitals in measure(ids, modules=modules, now=now).items()}


def _vitals(row: tuple[Any, ...], now: datetime) -> Vitals:
    _, state, held, pull_enabled, every, next_attempt, seen, good, p95 = row[:9]
    due, oldest, refused, token, claims, hosts, origins, pulls = row[9:]
    confirmed = set(_json(origins) or ())
    return Vitals(
        state=ConnectionState(state),
        now=now,
        held_reason=held,
        exchanges=seen,
        succeeded=good,
        p95_ms=p95,
        pulls=[_pull(entry) for entry in _json(pulls) or ()],
        pull_enabled=pull_enabled,
        pull_every=every,
        due=due,
        oldest_due_at=oldest,
        refused=refused,
        token_at=token,
        claims_waiting=claims,
        hosts_waiting=len({origin(host) for host in hosts or () if host} - confirmed),
        next_attempt_at=next_attempt,
    )


def _pull(entry: list[Any]) -> PullVital:
    module, last, failed, success, objects, rejected, error = entry
    return PullVital(
        module=module,
        last_at=_moment(last),
        failed=bool(failed),
        success_at=_moment(success),
        objects=objects or 0,
        rejected=rejected or 0,
        error=error or "",
    )


def _json(value: Any) -> Any:
    """Depending on the loaders of the driver, json columns arrive as text or parsed."""
    return json.loads(value) if isinstance(value, str) else value


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
