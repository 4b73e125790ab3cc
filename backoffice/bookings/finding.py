"""Find slots that are free, the first first: at places of ours by what is claimed of them, at partners' by what they told us.

The window is looked at in stretches, each four times as long as the one before: where there are free slots soon, which is nearly
always, nobody counts a month. In SQL the stretch is boiled down to the gaps that are long enough; steps by the clock of the
location are looked for in those only, and only until there are enough.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from backoffice import statements
from backoffice.bookings.models import BookableLocation
from backoffice.bookings.rules.fitting import misfit
from backoffice.bookings.rules.slots import LONGEST, starts
from ocpi.wire import bookings as wire
from ocpi.wire import json as wire_json

MOST = 50
WINDOW = timedelta(days=31)
FIRST_STRETCH = timedelta(hours=6)
GAPS = 400
"""Read of a stretch at most: in order of their beginning, so that those left out begin later."""


class UnableToFind(Exception):
    """That cannot be looked for; the sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """`places`: only at these; `parties`: only those of these CPOs (row ids). `power` in W. `needs`: what the driver's vehicle
    asks of a space. Places of ours that partners must not hear of are found only if they are named."""

    since: datetime
    until: datetime
    length: timedelta
    places: Sequence[int] | None = None
    parties: Sequence[int] | None = None
    power: int | None = None
    green: bool = False
    needs: wire.BookableParkingOptions | None = None
    limit: int = MOST


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """Free when it was looked for, which promises nothing."""

    starts_at: datetime
    place: int
    option: int | None
    ends_at: datetime
    max_power: Decimal | None
    green: bool | None


def free(search: Search, *, now: datetime) -> list[Slot]:
    """The first that are free, by their beginning and then by place. Raises UnableToFind."""
    since, until = max(search.since, now), search.until
    if not timedelta(0) < search.length <= LONGEST:
        raise UnableToFind(f"A slot lasts longer than nothing and at most {LONGEST.days} days.")
    if until - since > WINDOW:
        raise UnableToFind(f"Look at no more than {WINDOW.days} days at a time.")
    found: list[Slot] = []
    fits = _Fits(search.needs)
    stretch = FIRST_STRETCH
    while since < until and len(found) < search.limit:
        end = min(since + stretch, until)
        runs = [_slots(row, search.length, end) for row in _gaps(search, since, end) if fits(row[0], row[1])]
        found += islice(heapq.merge(*runs), search.limit - len(found))
        since, stretch = end, stretch * 4
    return found


def _slots(row: tuple[Any, ...], length: timedelta, end: datetime) -> Iterator[Slot]:
    """Those that begin before the stretch ends: the next one has the others."""
    place, option, starts_at, ends_at, step, zone, power, green = row
    for at in starts((starts_at, ends_at), length=length, step=step or 1, zone=_zone(zone)):
        if at >= end:
            return
        yield Slot(at, place, option, at + length, power, green)


_ZONES: dict[str, ZoneInfo] = {}


def _zone(name: str) -> ZoneInfo:
    if name not in _ZONES:
        try:
            _ZONES[name] = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            _ZONES[name] = ZoneInfo("UTC")
    return _ZONES[name]


class _Fits:
    """Whether the vehicle fits an option of a place; each place is read once."""

    def __init__(self, needs: wire.BookableParkingOptions | None) -> None:
        self.needs = needs
        self.known: dict[int, list[wire.BookableParkingOptions]] = {}

    def __call__(self, place: int, option: int | None) -> bool:
        if self.needs is None:
            return True
        if place not in self.known:
            tree = BookableLocation.objects.get(pk=place).offer()
            self.known[place] = wire_json.validate(wire.BookingLocation, tree).bookable_parking_options
        offered = self.known[place]
        chosen = offered if option is None else offered[option : option + 1]
        return not offered or any(not misfit(self.needs, each) for each in chosen)


_GAPS = """
WITH asked AS MATERIALIZED (
    SELECT d.id AS place, coalesce(r.id, -d.id) AS resource, r.option, r.unit, r.capacity, d.premises_id, d.time_zone,
        coalesce(r.capacity = 1 AND p.id IS NULL, false) AS single
    FROM bookings_bookablelocation d
    LEFT JOIN bookings_resource r ON r.place_id = d.id
    LEFT JOIN bookings_resource p ON p.location_id = d.premises_id AND p.of = 'POWER'
    WHERE d.withdrawn_at IS NULL AND (d.shared OR %(named)s)
      AND coalesce(d.shortest * interval '1 minute' <= %(length)s, true)
      AND coalesce(d.longest * interval '1 minute' >= %(length)s, true)
      {places}),
edges AS MATERIALIZED (
    SELECT * FROM (
        SELECT k.resource_id AS resource, lower(k.period) AS e, upper(k.period) AS u,
            coalesce(max(upper(k.period)) OVER before, %(since)s) AS s, lead(true) OVER before IS NULL AS last
        FROM bookings_claim k WHERE k.period && tstzrange(%(since)s, %(until)s) {resources}
        WINDOW before AS (PARTITION BY k.resource_id ORDER BY k.period
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) each
    WHERE last OR e - s >= %(length)s),
singles AS (
    SELECT resource, s, e FROM edges WHERE e - s >= %(length)s
    UNION ALL
    SELECT resource, GREATEST(s, u), %(until)s FROM edges WHERE last AND %(until)s - GREATEST(s, u) >= %(length)s
    UNION ALL
    SELECT resource, %(since)s, %(until)s FROM asked a
    WHERE single AND NOT EXISTS (SELECT FROM edges x WHERE x.resource = a.resource)),
busy AS (
    SELECT k.resource_id AS resource, lower(k.period) AS s, upper(k.period) AS e
    FROM asked a JOIN bookings_claim k ON k.resource_id = a.resource
    WHERE NOT a.single AND a.capacity = 1 AND k.period && tstzrange(%(since)s, %(until)s)
    UNION ALL
    SELECT u.resource_id, u.starts_at, u.starts_at + make_interval(mins => a.unit)
    FROM asked a JOIN bookings_slotuse u ON u.resource_id = a.resource
    WHERE a.capacity <> 1 AND u.used >= u.capacity
      AND u.starts_at > %(since)s - interval '15 minutes' AND u.starts_at < %(until)s
    UNION ALL
    SELECT a.resource, u.starts_at, u.starts_at + make_interval(mins => p.unit)
    FROM bookings_resource p JOIN asked a ON a.premises_id = p.location_id
    JOIN bookings_slotuse u ON u.resource_id = p.id AND u.used > p.capacity - coalesce(%(power)s::numeric, 1)
        AND u.starts_at > %(since)s - interval '15 minutes' AND u.starts_at < %(until)s
    WHERE p.of = 'POWER'
    UNION ALL
    SELECT resource, 'infinity'::timestamptz, 'infinity'::timestamptz FROM asked WHERE NOT single),
others AS (
    SELECT resource, s, e FROM (
        SELECT resource, coalesce(max(e) OVER (PARTITION BY resource ORDER BY s ROWS BETWEEN UNBOUNDED PRECEDING
            AND 1 PRECEDING), '-infinity') AS s, s AS e FROM busy) each
    WHERE s < e AND (s = '-infinity' OR e = 'infinity' OR e - s >= %(length)s))
SELECT a.place, a.option, GREATEST(o.starts_at, g.s, %(since)s), LEAST(o.ends_at, g.e, %(until)s), c.step, a.time_zone,
    o.max_power, o.green
FROM (SELECT *, true AS single FROM singles UNION ALL SELECT *, false FROM others) g
JOIN asked a ON a.resource = g.resource AND a.single = g.single
JOIN bookings_opening o ON o.place_id = a.place AND o.starts_at < %(until)s AND o.ends_at > %(since)s
JOIN bookings_calendar c ON c.id = o.calendar_id AND c.listed
WHERE (%(power)s::numeric IS NULL OR o.max_power IS NULL OR o.max_power >= %(power)s::numeric)
  AND (NOT %(green)s OR o.green)
  AND GREATEST(o.starts_at, g.s, %(since)s) < %(end)s
  AND LEAST(o.ends_at, g.e, %(until)s) - GREATEST(o.starts_at, g.s, %(since)s) >= %(length)s
ORDER BY 3, 1, 2 LIMIT %(limit)s
"""
"""`singles`: of what is one space and shares no power, the gaps before, between and behind its claims, which an index has in
their order. `others`: of everything else, what is left between the units that are full and the claims, put in order here."""


def _gaps(search: Search, since: datetime, end: datetime) -> list[tuple[Any, ...]]:
    """What of the stretch is free for long enough. A slot may begin in it and end after it."""
    named = search.places is not None
    places = "AND d.id = ANY(%(places)s::bigint[])" if named else ""
    places += " AND d.party_id = ANY(%(parties)s::bigint[])" if search.parties is not None else ""
    own = "AND k.resource_id IN (SELECT resource FROM asked)" if named else ""
    sql = _GAPS.format(places=places, resources=own)
    return statements.run_once(
        sql,
        {
            "since": since,
            "until": min(end + search.length, search.until),
            "end": end,
            "length": search.length,
            "power": search.power,
            "green": search.green,
            "named": named,
            "places": list(search.places or ()),
            "parties": list(search.parties or ()),
            "limit": GAPS if search.needs is None else 100 * GAPS,
        },
    )
