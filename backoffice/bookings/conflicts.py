"""What is wrong with bookings that are still to come: read from the tables as they are, decided nowhere else, changed by nobody.

The database keeps two winners apart; what it cannot keep away is the world: a charger that breaks, somebody who does not leave, a
calendar that staff have made shorter since. One statement, however many bookings there are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import connection as database

from backoffice.bookings.rules.states import LIVE

AHEAD = timedelta(days=31)
SOON = timedelta(hours=48)
"""A charger that is down now says nothing of next week."""
ARRIVAL = timedelta(minutes=30)
"""Who still charges so long before a booking begins is in its way."""
MOST = 500


class Kind(StrEnum):
    OVERLAP = "OVERLAP"
    DOWN = "DOWN"
    SESSION = "SESSION"
    TOKEN = "TOKEN"  # noqa: S105 - a kind of conflict
    OUTSIDE = "OUTSIDE"
    LENGTH = "LENGTH"
    POWER = "POWER"
    LATE_CHANGE = "LATE_CHANGE"
    NOT_KEPT = "NOT_KEPT"
    OTHER_TIME = "OTHER_TIME"


KINDS: Mapping[Kind, tuple[str, str]] = {
    # what it is called, what to do
    Kind.OVERLAP: ("Two bookings on one EVSE", "Assign another EVSE to one of them, or move it."),
    Kind.DOWN: ("The EVSE is down", "Assign another EVSE, or cancel and say why: the driver is told."),
    Kind.SESSION: ("Somebody still charges there", "Assign another EVSE, or end the session."),
    Kind.TOKEN: ("A token in two bookings at once", "Its terms allow one: ask the eMSP which of them is meant."),
    Kind.OUTSIDE: ("Outside of the calendar", "Move it, or open the calendar for it again."),
    Kind.LENGTH: ("Shorter or longer than allowed", "Change its length, or what the place allows."),
    Kind.POWER: ("More power than there is", "Assign a stronger EVSE, or agree on less power."),
    Kind.NOT_KEPT: (
        "The station does not keep it",
        "Look after the station: a stranger may plug in there. It is asked again; or assign another EVSE.",
    ),
    Kind.OTHER_TIME: (
        "Granted for another time than was asked",
        "Ask whether the driver can come then; else change it, or take it back.",
    ),
    Kind.LATE_CHANGE: ("A request after its deadline", "Accept it all the same, or decline it and say why."),
}


@dataclass(frozen=True, slots=True)
class Conflict:
    """`other`: the booking or the session that it is with, by its row id; `text`: what there is to say about it."""

    booking: int
    kind: Kind
    other: int | None
    text: str


# MATERIALIZED: while the database knows nothing of bookings that came just now, it looked for all of `found` once
# for each of them, which took half a minute for five hundred
_CONFLICTS = """
WITH b AS (
    SELECT b.*, coalesce(b.evse_id, e.id) AS point FROM bookings_booking b
    LEFT JOIN bookings_bookablelocation p ON p.id = b.place_id
    LEFT JOIN locations_evse e ON NOT b.ours AND e.location_id = p.premises_id AND e.uid = b.evse_uid
    WHERE b.status = ANY(%(live)s) AND b.ends_at > %(now)s AND b.starts_at < %(until)s AND b.starts_at > %(begun)s {where}
), found AS MATERIALIZED (
    SELECT b.id, 'OVERLAP' AS kind, o.id AS other, o.object_id::text AS text
    FROM b JOIN bookings_booking o ON o.evse_id = b.evse_id AND o.id <> b.id AND o.status = ANY(%(live)s)
        AND o.starts_at < b.ends_at AND o.starts_at > b.starts_at - interval '14 days' AND o.ends_at > b.starts_at
    UNION ALL
    SELECT b.id, 'DOWN', NULL, e.status::text FROM b JOIN locations_evse e ON e.id = b.point
    WHERE b.starts_at < %(soon)s AND (e.status = ANY(%(down)s) OR NOT e.listed)
    UNION ALL
    SELECT b.id, 'DOWN', NULL, '' FROM b
    WHERE b.ours AND b.evse_id IS NULL AND b.place_id IS NOT NULL AND b.starts_at < %(soon)s AND NOT EXISTS (
        SELECT 1 FROM bookings_resource r JOIN bookings_space s ON s.resource_id = r.id JOIN locations_evse e ON e.id = s.evse_id
        WHERE r.place_id = b.place_id AND e.listed AND e.status <> ALL(%(down)s))
    UNION ALL
    SELECT b.id, 'SESSION', s.id, s.object_id::text
    FROM charging_sessions_session s JOIN b ON s.point_id = b.evse_id AND s.starts_at < b.ends_at
    WHERE s.status IN ('ACTIVE', 'PENDING', 'RESERVATION') AND b.starts_at < %(arrival)s
        AND b.session_id IS DISTINCT FROM s.id
        AND upper(s.authorization_reference) <> upper(b.authorization_reference)
    UNION ALL
    SELECT b.id, 'TOKEN', o.booking_id, ob.object_id::text
    FROM b JOIN bookings_bookedtoken t ON t.booking_id = b.id
    JOIN bookings_bookedtoken o ON o.key = t.key AND o.period && t.period AND o.booking_id <> t.booking_id AND o.exclusive
    JOIN bookings_booking ob ON ob.id = o.booking_id
    UNION ALL
    SELECT b.id, 'OUTSIDE', NULL, '' FROM b JOIN bookings_bookablelocation p ON p.id = b.place_id
    WHERE b.ours AND NOT coalesce((
        SELECT range_agg(tstzrange(o.starts_at, o.ends_at)) @> tstzrange(b.starts_at, b.ends_at) FROM bookings_opening o
        WHERE o.place_id = b.place_id AND o.starts_at < b.ends_at AND o.ends_at > b.starts_at), false)
    UNION ALL
    SELECT b.id, 'LENGTH', NULL, (extract(epoch FROM b.ends_at - b.starts_at) / 60)::int::text || ' min'
    FROM b JOIN bookings_bookablelocation p ON p.id = b.place_id
    WHERE b.ours AND (b.ends_at - b.starts_at < make_interval(mins => coalesce(p.shortest, 0))
        OR b.ends_at - b.starts_at > make_interval(mins => p.longest))
    UNION ALL
    SELECT b.id, 'POWER', NULL, (b.power / 1000)::text || ' kW of ' || (e.max_power / 1000)::text || ' kW'
    FROM b JOIN locations_evse e ON e.id = b.point WHERE e.max_power > 0 AND b.power > e.max_power
    UNION ALL
    SELECT b.id, 'LATE_CHANGE', NULL, lower(a.asks::text) FROM b JOIN bookings_bookingasked a ON a.booking_id = b.id
    WHERE b.ours AND a.status = 'PENDING'
        AND (a.asks = 'CHANGE' AND (b.change_until IS NULL OR greatest(a.received_at, %(now)s) > b.change_until)
            OR a.asks = 'CANCEL' AND greatest(a.received_at, %(now)s) > b.cancel_until)
    UNION ALL
    SELECT b.id, 'OTHER_TIME', NULL, (a.document::json #>> '{{period,start_from}}') || ' was asked'
    FROM b JOIN LATERAL (SELECT a.document FROM bookings_bookingasked a
        WHERE a.booking_id = b.id AND a.asks <> 'CANCEL' AND a.status = 'ACCEPTED' AND a.way = 'SAID'
        ORDER BY a.received_at DESC, a.id DESC LIMIT 1) a ON true
    WHERE NOT b.ours AND b.status = 'RESERVED'
        AND ((a.document::json #>> '{{period,start_from}}')::timestamptz <> b.starts_at
            OR (a.document::json #>> '{{period,end_before}}')::timestamptz <> b.ends_at)
    UNION ALL
    SELECT b.id, 'NOT_KEPT', NULL, h.reason::text FROM b JOIN bookings_hold h ON h.booking_id = b.id AND h.evse_id = b.evse_id
    WHERE h.state = 'REFUSED'
)
"""

DOWN = ("OUTOFORDER", "INOPERATIVE", "BLOCKED", "REMOVED")


def found(
    *,
    now: datetime,
    bookings: Collection[int] | None = None,
    parties: Collection[int] | None = None,
    kind: str = "",
    most: int = MOST,
) -> list[Conflict]:
    """Of these bookings, else of all; of those that these parties may see; the soonest first."""
    rows = _run(
        _CONFLICTS.format(where=_where(bookings, parties))
        + """SELECT f.id, f.kind, f.other, f.text FROM found f JOIN b ON b.id = f.id
             WHERE %(kind)s = '' OR f.kind = %(kind)s ORDER BY b.starts_at, f.id, f.kind LIMIT %(most)s""",
        _given(now, bookings, parties) | {"kind": kind, "most": most},
    )
    return [Conflict(pk, Kind(name), other, text) for pk, name, other, text in rows]


def counting(*, now: datetime, parties: Collection[int] | None = None) -> tuple[str, dict[str, object]]:
    """A statement of how many bookings have each kind, and what it is given; the start page asks for more in the same one."""
    sql = _CONFLICTS.format(where=_where(None, parties))
    return sql + "SELECT kind, count(DISTINCT id) FROM found GROUP BY kind", _given(now, None, parties)


def counted(*, now: datetime, parties: Collection[int] | None = None) -> dict[Kind, int]:
    return {Kind(name): number for name, number in _run(*counting(now=now, parties=parties))}


def _run(sql: str, given: dict[str, object]) -> list[Any]:
    with database.cursor() as cursor:
        cursor.execute(sql, given)
        return list(cursor.fetchall())


def _where(bookings: Collection[int] | None, parties: Collection[int] | None) -> str:
    where = "" if bookings is None else "AND b.id = ANY(%(bookings)s)"
    return where if parties is None else where + " AND (b.party_id = ANY(%(parties)s) OR b.emsp_id = ANY(%(parties)s))"


def _given(now: datetime, bookings: Collection[int] | None, parties: Collection[int] | None) -> dict[str, object]:
    return {
        "live": sorted(status.value for status in LIVE),
        "now": now,
        "until": now + AHEAD,
        "begun": now - AHEAD,
        "soon": now + SOON,
        "arrival": now + ARRIVAL,
        "down": list(DOWN),
        "bookings": list(bookings or ()),
        "parties": list(parties or ()),
    }
