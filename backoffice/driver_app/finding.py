"""Chargers near a place: a few statements at most, whatever their number.

The window of latitudes and longitudes goes by index; the distance is that of a sphere, which at these lengths is right to half a
percent. A location counts when one of its EVSEs has what is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from backoffice import statements

EARTH_M = 6_371_000
FARTHEST_M = 25_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Around here, within `metres`. `power`: W, at least. `standards`: any of these connectors. `free`: now."""

    latitude: float
    longitude: float
    metres: int
    power: int = 0
    standards: Sequence[str] = ()
    free: bool = False
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Near:
    """A location that has what was asked for. `matching`, `free`: EVSEs that do, and those of them that nobody uses."""

    country_code: str
    party_id: str
    location_id: str
    name: str
    city: str
    country: str
    latitude: float
    longitude: float
    metres: float
    max_power: int
    standards: tuple[str, ...]
    matching: int
    free: int


_NEAR = """
WITH found AS MATERIALIZED (
    SELECT l.id, l.metres, e.power, e.matching, e.free
    FROM (
        SELECT id, metres FROM (
            SELECT id, 2 * %(earth)s * asin(least(1, sqrt(
                power(sin(radians(latitude - %(latitude)s) / 2), 2)
                + cos(radians(%(latitude)s)) * cos(radians(latitude))
                * power(sin(radians(longitude - %(longitude)s) / 2), 2)))) AS metres
            FROM locations_location
            WHERE latitude BETWEEN %(south)s AND %(north)s AND longitude BETWEEN %(west)s AND %(east)s
              AND max_power >= %(power)s AND (%(standards)s::varchar[] = '{}' OR connector_types && %(standards)s::varchar[])
            OFFSET 0) each
        WHERE metres > %(beyond)s AND metres <= %(metres)s
        ORDER BY metres, id) l
    JOIN LATERAL (
        SELECT max(max_power) AS power, count(*) AS matching, count(*) FILTER (WHERE status = 'AVAILABLE') AS free
        FROM locations_evse
        WHERE location_id = l.id AND listed AND status NOT IN ('PLANNED', 'REMOVED') AND max_power >= %(power)s
          AND (%(standards)s::varchar[] = '{}' OR connector_types && %(standards)s::varchar[])
          AND (NOT %(free)s OR status = 'AVAILABLE')) e ON e.matching > 0
    ORDER BY l.metres, l.id LIMIT %(limit)s)
SELECT p.country_code, p.party_id, l.object_id, l.name, l.city, l.country, l.latitude, l.longitude, f.metres, f.power,
    (SELECT array_agg(DISTINCT each) FROM locations_evse s, unnest(s.connector_types) each
        WHERE s.location_id = l.id AND s.listed), f.matching, f.free
FROM found f JOIN locations_location l ON l.id = f.id JOIN partners_party p ON p.id = l.party_id
ORDER BY f.metres, l.id
"""
"""Locations none of whose EVSEs can fit are passed over by their own columns, and the EVSEs of the others are looked at in the
order of their distance until there are enough."""

RINGS = (2_000, 8_000)
"""Metres. In a city the nearest fifty are around the corner, and nobody need look through all of it to know them. Each ring has
what is beyond the one before."""


def near(wanted: Wanted) -> list[Near]:
    """The nearest first."""
    found: list[Near] = []
    beyond = -1
    for metres in (*(ring for ring in RINGS if ring < wanted.metres), wanted.metres):
        found += _within(wanted, beyond, metres, wanted.limit - len(found))
        if len(found) >= wanted.limit:
            break
        beyond = metres
    return found


def _within(wanted: Wanted, beyond: int, metres: int, limit: int) -> list[Near]:
    north = math.degrees(metres / EARTH_M)
    east = min(north / max(math.cos(math.radians(wanted.latitude)), 0.01), 180)
    rows = statements.run(
        _NEAR,
        {
            "earth": EARTH_M,
            "latitude": wanted.latitude,
            "longitude": wanted.longitude,
            "south": wanted.latitude - north,
            "north": wanted.latitude + north,
            "west": wanted.longitude - east,
            "east": wanted.longitude + east,
            "beyond": beyond,
            "metres": metres,
            "power": wanted.power,
            "standards": list(wanted.standards),
            "free": wanted.free,
            "limit": limit,
        },
    )
    return [Near(*row[:10], tuple(row[10] or ()), *row[11:]) for row in rows]
