"""The panel about bookings: how many today, of how many nobody came, which cannot be kept, which wait for an answer."""

from __future__ import annotations

from django.db import connection as database

from backoffice.bookings import conflicts
from backoffice.console.actions.counting import midnight
from backoffice.console.dashboard.asked import DAY, Asked
from backoffice.console.dashboard.parts import Figure, Matter, Panel, listing, percent, plural, share, tone

_BOOKED = """
UNION ALL
SELECT v.name, v.number FROM (
    SELECT count(*) FILTER (WHERE b.starts_at >= %(midnight)s AND b.status <> ALL(%(gone)s)) AS booked,
        count(*) FILTER (WHERE b.ours AND b.starts_at >= %(since)s AND b.status = 'NO_SHOW') AS missed,
        count(*) FILTER (WHERE b.ours AND b.starts_at >= %(since)s AND b.status = 'FULFILLED') AS came,
        (SELECT count(*) FROM bookings_bookingasked a JOIN bookings_booking b ON b.id = a.booking_id
         WHERE a.status = 'PENDING' AND b.ours {where}) AS waiting
    FROM bookings_booking b
    WHERE b.starts_at >= least(%(since)s, %(midnight)s) AND b.starts_at < %(tomorrow)s {where}) t,
LATERAL (VALUES ('booked', t.booked), ('missed', t.missed), ('came', t.came), ('waiting', t.waiting)) v(name, number)"""
"""In one statement with the conflicts: the page has few to spare."""


def bookings(asked: Asked) -> Panel:
    """A booking belongs to two: whose charge point, and whose driver."""
    where = "" if asked.parties is None else "AND (b.party_id = ANY(%(parties)s) OR b.emsp_id = ANY(%(parties)s))"
    today = midnight(asked.now)
    sql, given = conflicts.counting(now=asked.now, parties=asked.parties)
    given |= {"since": asked.range.since, "midnight": today, "tomorrow": today + DAY}
    given |= {"gone": ["CANCELED", "REJECTED", "FAILED"]}
    with database.cursor() as cursor:
        cursor.execute(sql + _BOOKED.format(where=where), given)
        numbers = dict(cursor.fetchall())
    booked, missed, came, waiting = (numbers.pop(name) for name in ("booked", "missed", "came", "waiting"))
    found = {conflicts.Kind(name): number for name, number in numbers.items()}
    wrong = sum(found.values())
    rate = share(missed, missed + came)
    booked_today = listing("bookings_booking_changelist", when="utc", status="stands")
    pages = listing("bookings_booking_conflicts")
    panel = Panel("bookings", "Bookings")
    panel.figures = [
        Figure("bookings today", f"{booked:,}", booked_today, "busy" if booked else "off", "calendar_month"),
        Figure(
            "no-shows",
            percent(rate),
            listing("bookings_booking_changelist", status="NO_SHOW", side="ours"),
            "off" if rate is None else tone(100 - rate, good=95, fair=85),
            "person_off",
        ),
        Figure("conflicts", f"{wrong:,}", pages, "bad" if wrong else "good", "warning"),
    ]
    if waiting:
        url = listing("bookings_booking_changelist", pending="0")
        panel.figures.append(Figure("wait for an answer", f"{waiting:,}", url, "warn", "hourglass_top"))
        panel.matters.append(
            Matter(f"{plural(waiting, 'booking request')} to be answered", url, waiting, icon="hourglass_top")
        )
    panel.note = (
        f"No-shows: of those at our charge points that nobody cancelled, in {asked.range.words}. Today is that of UTC."
    )
    panel.matters += [
        Matter(
            f"{plural(number, 'booking')}: {conflicts.KINDS[kind][0].lower()}",
            f"{pages}?kind={kind.value}",
            number,
            tone="bad",
            icon="event_busy",
        )
        for kind, number in sorted(found.items())
    ]
    return panel
