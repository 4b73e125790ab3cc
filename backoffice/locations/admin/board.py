"""The status board: one cell per EVSE, grouped by location, the location that is down for longest first.

A page holds some tens of locations; order and page come from one query over the EVSE rows, the cells from a second one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection as database
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.http import urlencode

from backoffice.console.cells import TONES
from backoffice.console.scope import parties_of, scoped
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from ocpi.wire.locations import Status

PER_PAGE = 40
LAST_PAGE = 250
"""Further down nobody turns pages: filters lead there, and the walk stays short."""

FLAPS = 4
"""So many changes within an hour mark an EVSE as flapping."""

HOUR = timedelta(hours=1)
DOWN = ("OUTOFORDER", "INOPERATIVE", "UNKNOWN", "BLOCKED")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the board is narrowed to, checked: an unknown value counts as none."""

    owner: str
    party: int | None
    country: str
    city: str
    status: str
    down: bool
    page: int

    @classmethod
    def of(cls, request: HttpRequest) -> Asked:
        given = request.GET
        return cls(
            owner=given.get("owner", "") if given.get("owner") in ("ours", "partners") else "",
            party=int(given["party"]) if given.get("party", "").isdecimal() else None,
            country=given.get("country", "").strip()[:3].upper(),
            city=given.get("city", "").strip()[:45],
            status=given.get("status", "") if given.get("status") in list(Status) else "",
            down=given.get("down") == "1",
            page=min(max(int(given["page"]), 1), LAST_PAGE) if given.get("page", "").isdecimal() else 1,
        )

    def query(self, **changes: Any) -> str:
        values = {"owner": self.owner, "party": self.party, "country": self.country, "city": self.city}
        values |= {"status": self.status, "down": "1" if self.down else ""} | changes
        return "?" + urlencode({name: value for name, value in values.items() if value})

    def where(self, parties: list[int] | None) -> tuple[str, dict[str, Any]]:
        """Conditions on EVSE `e` and location `l`, without the one on the status."""
        conditions = ["e.listed", "e.status <> 'REMOVED'"]
        if parties is not None:
            conditions.append("l.party_id = ANY(%(parties)s)")
        if self.owner:
            conditions.append("l.party_id IN (SELECT id FROM partners_party WHERE ours = %(ours)s)")
        if self.party is not None:
            conditions.append("l.party_id = %(party)s")
        if self.country:
            conditions.append("l.country = %(country)s")
        if self.city:
            conditions.append("lower(l.city) = lower(%(city)s)")
        given = {"parties": parties, "ours": self.owner == "ours", "party": self.party, "country": self.country}
        return " AND ".join(conditions), given | {"city": self.city}


@dataclass(slots=True)
class Cell:
    """One EVSE."""

    uid: str
    name: str
    status: str
    since: datetime
    changes: int
    pk: int
    seconds: float

    @property
    def tone(self) -> str:
        return TONES[self.status][0] if self.status in TONES else "off"

    @property
    def icon(self) -> str:
        return TONES[self.status][1] if self.status in TONES else "circle"

    @property
    def flapping(self) -> bool:
        return self.changes >= FLAPS


@dataclass(slots=True)
class Group:
    """One location with its cells."""

    pk: int
    name: str
    city: str
    country: str
    party: str
    ours: bool
    down_since: datetime | None
    cells: list[Cell]


def read(asked: Asked, parties: list[int] | None, now: datetime) -> tuple[list[Group], dict[str, int], bool]:
    """The page's locations, how many EVSEs have each status, and whether there is a next page."""
    where, given = asked.where(parties)
    join = "JOIN locations_location l ON l.id = e.location_id" if "l." in where else ""
    with database.cursor() as cursor:
        cursor.execute(f"SELECT e.status, count(*) FROM locations_evse e {join} WHERE {where} GROUP BY 1", given)
        counts = dict(cursor.fetchall())
        found = _in_order(cursor, asked, where, join, given)
        order = dict(found[:PER_PAGE])
        cursor.execute(
            """SELECT l.id, coalesce(nullif(l.name, ''), l.object_id), l.city, l.country,
                   p.country_code || '-' || p.party_id, p.ours, e.id, e.uid, e.evse_id, e.status, e.status_since,
                   (SELECT count(*) FROM locations_statusevent s WHERE s.evse_id = e.id AND s.at > %(hour)s)
               FROM locations_location l JOIN partners_party p ON p.id = l.party_id
               JOIN locations_evse e ON e.location_id = l.id AND e.listed AND e.status <> 'REMOVED'
               WHERE l.id = ANY(%(ids)s) ORDER BY l.id, e.position, e.id""",
            {"ids": list(order), "hour": now - HOUR},
        )
        groups: dict[int, Group] = {}
        for pk, name, city, country, party, ours, evse, uid, evse_id, status, since, changes in cursor.fetchall():
            group = groups.setdefault(pk, Group(pk, name, city, country, party, ours, order[pk], []))
            group.cells.append(Cell(uid, evse_id or uid, status, since, changes, evse, (now - since).total_seconds()))
    return [groups[pk] for pk in order if pk in groups], counts, len(found) > PER_PAGE


def _in_order(
    cursor: Any, asked: Asked, where: str, join: str, given: dict[str, Any]
) -> list[tuple[int, datetime | None]]:
    """Ids of the page's locations and one more, each with the time since when it is down.

    Walks the index of (status, status_since) of the wanted statuses by time: a location stands where its oldest EVSE does, so
    the first pages read some hundred rows and not the whole table. What is not down follows in the order of creation.
    """
    wanted = [asked.status] if asked.status else list(DOWN)
    offset, needed = (asked.page - 1) * PER_PAGE, asked.page * PER_PAGE + 1
    branch = f"""(SELECT e.location_id, e.status_since, e.id FROM locations_evse e {join}
        WHERE {where} AND e.status = %(status{{n}})s ORDER BY e.status_since, e.id LIMIT %(rows)s)"""
    branches = " UNION ALL ".join(branch.format(n=n) for n in range(len(wanted)))
    given = given | {f"status{n}": status for n, status in enumerate(wanted)} | {"down": wanted}
    rows = needed * 4
    while True:
        cursor.execute(
            f"SELECT location_id, status_since FROM ({branches}) b ORDER BY status_since, id LIMIT %(rows)s",
            given | {"rows": rows},
        )
        walked = cursor.fetchall()
        first: dict[int, datetime | None] = {}
        for pk, since in walked:
            first.setdefault(pk, since)
        if len(first) >= needed or len(walked) < rows:
            break
        rows *= 4
    page = list(first.items())[offset:needed]
    if len(first) >= needed or asked.status or asked.down:
        return page
    cursor.execute(
        f"""SELECT l.id FROM locations_location l
            WHERE EXISTS (SELECT 1 FROM locations_evse e WHERE e.location_id = l.id AND {where})
              AND NOT EXISTS (SELECT 1 FROM locations_evse e WHERE e.location_id = l.id AND {where}
                              AND e.status = ANY(%(down)s))
            ORDER BY l.id LIMIT %(rest)s OFFSET %(passed)s""",
        given | {"rest": needed - offset - len(page), "passed": max(offset - len(first), 0)},
    )
    return page + [(row[0], None) for row in cursor.fetchall()]


class BoardPages:
    """Part of LocationAdmin."""

    def board_urls(self: Any) -> list[URLPattern]:
        return [self.page("board/", self.board_view, "board")]

    def board_view(self: Any, request: HttpRequest) -> HttpResponse:
        asked = Asked.of(request)
        groups, counts, more = read(asked, parties_of(request.user), site.now())
        statuses = [
            {
                "value": status.value,
                "tone": TONES[status.value][0],
                "icon": TONES[status.value][1],
                "n": counts.get(status.value, 0),
                "query": asked.query(status="" if asked.status == status.value else status.value),
                "chosen": asked.status == status.value,
            }
            for status in Status
            if status != Status.REMOVED
        ]
        context = {
            "title": "Status board",
            "asked": asked,
            "groups": groups,
            "statuses": statuses,
            "total": sum(counts.values()),
            "parties": scoped(Party.objects.all(), request.user, "id"),
            "older": asked.query(page=asked.page - 1) if asked.page > 1 else "",
            "newer": asked.query(page=asked.page + 1) if more and asked.page < LAST_PAGE else "",
            "cut": more and asked.page == LAST_PAGE,
            "any": any(
                value for value in (asked.owner, asked.party, asked.country, asked.city, asked.status, asked.down)
            ),
        }
        return self.render(request, "console/locations/board.html", context)
