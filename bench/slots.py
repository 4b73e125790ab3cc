"""Look for free slots among 1,000 EVSEs with 100,000 bookings in 30 days, by steps of a quarter of an hour: the first 50.

Each EVSE has a hundred bookings of half an hour to two hours, strewn over its month; its calendar opens every day. Counted is the
search itself, as the app's door and the staff's page call it; the first of each row comes over a new connection and counts, too.
The last row is the hardest: no slot of that length is free before the last days, so that the month of all is looked at.
"""

from __future__ import annotations

import random
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection as database

from backoffice.bookings.finding import Search, free
from backoffice.bookings.models import BookableLocation, Booking, Claim, SlotUse
from bench import cast, report, sized
from bench.filling import fill
from bench.ground import Ground

EVSES = 1_000
BOOKINGS = sized(100_000)
DAYS = 30
P99_MS = 200.0
EACH = 100
BEGIN = datetime(2026, 5, 1, tzinfo=UTC)

SEARCHES: dict[str, dict[str, Any]] = {
    "an hour, anywhere": {"length": 1},
    "an hour at one of them": {"length": 1, "places": 1},
    "an hour at ten of them": {"length": 1, "places": 10},
    "four hours of 11 kW, anywhere": {"length": 4, "power": 11_000},
    "twenty hours, nowhere": {"length": 20},
}

_HOUR = "interval '15 minutes'"
_ROOM = 28
"""Quarters of an hour that each booking has for itself: 2 to 8 of them it uses."""


def main(ground: Ground, *, rounds: int, seconds: float) -> list[report.Line]:
    began = time.perf_counter()
    _fill()
    took = time.perf_counter() - began
    places = list(BookableLocation.objects.values_list("pk", flat=True))
    chance = random.Random(5)
    lines, notes = [], []
    for name, asked in SEARCHES.items():
        times, found = [], 0
        database.close()
        for _ in range(EACH):
            since = BEGIN + timedelta(minutes=15 * chance.randrange(96))
            search = Search(
                since=since,
                until=since + timedelta(days=DAYS),
                length=timedelta(hours=asked["length"]),
                places=chance.sample(places, asked["places"]) if "places" in asked else None,
                power=asked.get("power"),
            )
            before = time.perf_counter()
            slots = free(search, now=BEGIN)
            times.append((time.perf_counter() - before) * 1000)
            found = len(slots)
        p99 = statistics.quantiles(times, n=100)[98]
        notes.append(f"{name}: {found} found")
        lines.append(
            report.Line(
                f"{name}, p99 of {EACH}",
                f"{p99:.0f} ms",
                "",
                f"p50 {statistics.median(times):.0f} ms, first {times[0]:.0f} ms",
                f"< {P99_MS:.0f} ms",
                p99 < P99_MS,
            )
        )
    kept = f"{Booking.objects.count():,} bookings, {Claim.objects.count():,} claims, {SlotUse.objects.count():,} units"
    report.show("Find slots", lines, [f"{EVSES:,} EVSEs, {kept}, filled in {took:.0f} s.", f"{'; '.join(notes)}."])
    return lines


def _fill() -> None:
    """As so many requests would have left them."""
    if BookableLocation.objects.exists():
        return
    ours = cast.our_company()
    given = {"party": ours.pk, "begin": BEGIN, "room": _ROOM}
    starts = f"%(begin)s + ((n - 1) / {EVSES} * %(room)s + (n * 7919) %% 20) * {_HOUR}"
    lasts = f"(2 + n %% 7) * {_HOUR}"
    with database.cursor() as cursor:
        fill(cursor, "locations_location", 1, {"party_id": "%(party)s", "object_id": "'LOC'"} | _EXCHANGED, given)
        cursor.execute("SELECT id FROM locations_location")
        given["location"] = cursor.fetchone()[0]
        columns = {"location_id": "%(location)s", "uid": "'E' || n", "status": "'AVAILABLE'", "listed": "true"}
        fill(cursor, "locations_evse", EVSES, columns | {"max_power": "22000"}, given)
        place = {"party_id": "%(party)s", "object_id": "'P' || n", "ours": "true", "evse_uid": "'E' || n"}
        zone = {"premises_id": "%(location)s", "time_zone": "'Europe/Berlin'", "shared": "true"}
        fill(cursor, "bookings_bookablelocation", EVSES, place | zone | _EXCHANGED, given)
        first = "(SELECT min(id) - 1 FROM bookings_bookablelocation)"
        columns = {"of": "'SPACES'", "place_id": f"{first} + n", "unit": "15", "capacity": "1"}
        fill(cursor, "bookings_resource", EVSES, columns, given)
        span = {"begins_at": "%(begin)s", "ends_at": "%(begin)s + interval '40 days'"}
        columns = {
            "place_id": f"{first} + n",
            "object_id": "'C'",
            "step": "15",
            "listed": "true",
            "last_updated": "now()",
        }
        fill(cursor, "bookings_calendar", EVSES, columns | span | {"document": "'{}'"}, given)
        day = f"%(begin)s + ((n - 1) / {EVSES}) * interval '1 day'"
        columns = {
            "calendar_id": f"(SELECT min(id) FROM bookings_calendar) + (n - 1) %% {EVSES}",
            "place_id": f"(SELECT min(id) FROM bookings_bookablelocation) + (n - 1) %% {EVSES}",
            "starts_at": day,
            "ends_at": f"{day} + interval '1 day'",
            "max_power": "22000",
        }
        fill(cursor, "bookings_opening", 32 * EVSES, columns, given)
        columns = {"party_id": "%(party)s", "emsp_id": "%(party)s", "object_id": "'B' || n", "request_id": "'R' || n"}
        columns |= {"starts_at": starts, "ends_at": f"{starts} + {lasts}", "status": "'RESERVED'", "ours": "true"}
        fill(cursor, "bookings_booking", BOOKINGS, columns | _EXCHANGED, given)
        columns = {
            "holder": "(SELECT min(id) - 1 FROM bookings_booking) + n",
            "booking_id": "(SELECT min(id) - 1 FROM bookings_booking) + n",
            "resource_id": f"(SELECT min(id) FROM bookings_resource) + (n - 1) %% {EVSES}",
            "evse_id": f"(SELECT min(id) FROM locations_evse) + (n - 1) %% {EVSES}",
            "period": f"tstzrange({starts}, {starts} + {lasts})",
            "amount": "1",
        }
        fill(cursor, "bookings_claim", BOOKINGS, columns, given)
        cursor.execute(
            """INSERT INTO bookings_slotuse (resource_id, starts_at, used, capacity)
               SELECT resource_id, at, 1, 1 FROM bookings_claim,
                   generate_series(lower(period), upper(period) - interval '15 minutes', interval '15 minutes') AS at"""
        )
        cursor.execute("VACUUM ANALYZE")


_EXCHANGED = {"document": "'{}'", "last_updated": "now()", "created_at": "now()", "generation": "1"}
