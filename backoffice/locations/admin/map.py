"""The map of locations: clusters are made by the database on a grid that fits the zoom; few enough points come one by one.

The page works without tiles (a graticule) and without the map at all: its list twin shows the same window as text.
"""

from __future__ import annotations

import math
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.db import connection as database
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, reverse

from backoffice.console.scope import parties_of
from backoffice.locations.admin.board import DOWN

POINTS = 250
"""Up to so many locations in the window are shown one by one."""

CELL_PIXELS = 64
LISTED = 50


class MapPages:
    """Part of LocationAdmin."""

    def map_urls(self: Any) -> list[URLPattern]:
        return [self.page("map/", self.map_view, "map"), self.page("map/data/", self.map_data_view, "map_data")]

    def map_view(self: Any, request: HttpRequest) -> HttpResponse:
        owner = request.GET.get("owner", "") if request.GET.get("owner") in ("ours", "partners") else ""
        context = {
            "title": "Map",
            "owner": owner,
            "tiles": settings.MAP_TILES,
            "data_url": reverse("admin:locations_location_map_data"),
            "extent": extent(owner, parties_of(request.user)),
            "leaflet": finders.find("leaflet/leaflet.js") is not None or settings.STATIC_ROOT is not None,
        }
        return self.render(request, "console/locations/map.html", context)

    def map_data_view(self: Any, request: HttpRequest) -> HttpResponse:
        window = _window(request)
        if window is None:
            return JsonResponse({"error": "Expected bbox=west,south,east,north and zoom."}, status=400)
        owner = request.GET.get("owner", "")
        return JsonResponse(read(*window, owner=owner, parties=parties_of(request.user)))


def _window(request: HttpRequest) -> tuple[tuple[float, float, float, float], int] | None:
    try:
        west, south, east, north = (float(part) for part in request.GET.get("bbox", "").split(","))
        zoom = min(max(int(request.GET.get("zoom", "")), 0), 19)
    except ValueError:
        return None
    if not all(math.isfinite(value) for value in (west, south, east, north)):
        return None
    return (max(west, -180.0), max(south, -90.0), min(east, 180.0), min(north, 90.0)), zoom


def _where(owner: str, parties: list[int] | None) -> tuple[str, dict[str, Any]]:
    conditions = ["l.latitude IS NOT NULL"]
    if owner in ("ours", "partners"):
        conditions.append("l.party_id IN (SELECT id FROM partners_party WHERE ours = %(ours)s)")
    if parties is not None:
        conditions.append("l.party_id = ANY(%(parties)s)")
    return " AND ".join(conditions), {"ours": owner == "ours", "parties": parties}


def extent(owner: str, parties: list[int] | None) -> list[float] | None:
    """South, west, north, east of what there is; coordinates of 0/0 do not count."""
    where, given = _where(owner, parties)
    with database.cursor() as cursor:
        cursor.execute(
            f"""SELECT min(latitude), min(longitude), max(latitude), max(longitude) FROM locations_location l
                WHERE {where} AND NOT (latitude = 0 AND longitude = 0)""",
            given,
        )
        found = cursor.fetchone()
    return list(found) if found[0] is not None else None


_COUNTS = """count(*) FILTER (WHERE e.status = 'AVAILABLE') AS free,
    count(*) FILTER (WHERE e.status = ANY(%(down)s)) AS down, count(e.id) AS evses"""
_LISTED = "LEFT JOIN locations_evse e ON e.location_id = l.id AND e.listed AND e.status <> 'REMOVED'"


def read(
    bbox: tuple[float, float, float, float], zoom: int, *, owner: str, parties: list[int] | None
) -> dict[str, Any]:
    """What the window shows: its clusters or its locations, and the first of its locations for the list."""
    where, given = _where(owner, parties)
    west, south, east, north = bbox
    given |= {"west": west, "south": south, "east": east, "north": north, "down": list(DOWN)}
    given |= {"cell": 360 / 2**zoom * CELL_PIXELS / 256, "points": POINTS, "listed": LISTED}
    where += " AND l.latitude BETWEEN %(south)s AND %(north)s AND l.longitude BETWEEN %(west)s AND %(east)s"
    with database.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM locations_location l WHERE {where}", given)
        total = cursor.fetchone()[0]
        few = total <= POINTS
        cursor.execute(
            f"""SELECT l.id, coalesce(nullif(l.name, ''), l.object_id), l.city, l.latitude, l.longitude, {_COUNTS}
                FROM (SELECT * FROM locations_location l WHERE {where} ORDER BY l.id
                      LIMIT {"%(points)s" if few else "%(listed)s"}) l {_LISTED}
                GROUP BY l.id, l.name, l.object_id, l.city, l.latitude, l.longitude ORDER BY l.id""",
            given,
        )
        points = [
            {
                "url": reverse("admin:locations_location_change", args=[pk]),
                "name": name,
                "city": city,
                "at": [latitude, longitude],
                "free": free,
                "down": down,
                "evses": evses,
            }
            for pk, name, city, latitude, longitude, free, down, evses in cursor.fetchall()
        ]
        clusters: list[dict[str, Any]] = []
        if not few:
            cursor.execute(
                f"""SELECT count(*), avg(l.latitude), avg(l.longitude) FROM locations_location l WHERE {where}
                    GROUP BY floor(l.latitude / %(cell)s * 1.5), floor(l.longitude / %(cell)s)""",
                given,
            )
            clusters = [{"n": n, "at": [round(lat, 5), round(lon, 5)]} for n, lat, lon in cursor.fetchall()]
    return {"total": total, "clusters": clusters, "points": points if few else [], "list": points[:LISTED]}
