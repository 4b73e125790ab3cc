"""The panel about EVSEs: what can be used now, how that went, where drivers stand before what is broken."""

from __future__ import annotations

from django.db import connection as database
from django.urls import reverse

from backoffice.console.actions.counting import DOWN, NO_PLACE
from backoffice.console.cells import TONES, word
from backoffice.console.dashboard.asked import STALE_AFTER, Asked
from backoffice.console.dashboard.parts import (
    Chart,
    Figure,
    Matter,
    Panel,
    Series,
    listing,
    percent,
    plural,
    share,
    tone,
)

WORST = 5

_EVSES = f"""
SELECT 'status' AS kind, NULL::timestamptz AS at, e.status::text AS name, count(*) AS number, 0::bigint AS of
FROM locations_evse e {{join}} WHERE e.listed AND e.status <> 'REMOVED' {{where}} GROUP BY 3
UNION ALL
SELECT 'stale', NULL, '', count(*), 0 FROM locations_location l JOIN partners_party p ON p.id = l.party_id AND NOT p.ours
WHERE l.seen_at < %(stale)s {{where}}
UNION ALL
SELECT 'hour', date_bin(%(step)s, hour, %(since)s), '', sum(up)::bigint, sum(seen)::bigint FROM console_evsehour l
WHERE hour >= %(since)s {{where}} GROUP BY 2
UNION ALL
(SELECT l.id::text, NULL, coalesce(nullif(l.name, ''), l.object_id), count(*),
    (SELECT count(*) FROM locations_evse o WHERE o.location_id = l.id AND o.listed AND o.status <> ALL(%(no_place)s))
FROM locations_evse e JOIN locations_location l ON l.id = e.location_id JOIN partners_party p ON p.id = l.party_id
WHERE e.listed AND e.status = ANY(%(down)s) AND p.ours {{where}}
GROUP BY l.id ORDER BY 4 DESC, l.id LIMIT {WORST})"""
"""One statement of four: the page has few to spare. Of the last part `kind` is the location."""


def evses(asked: Asked) -> Panel:
    scoped = asked.parties is not None
    where = "AND l.party_id = ANY(%(parties)s)" if scoped else ""
    join = "JOIN locations_location l ON l.id = e.location_id" if scoped else ""
    given = asked.given(stale=asked.now - STALE_AFTER, down=list(DOWN), no_place=list(NO_PLACE))
    with database.cursor() as cursor:
        cursor.execute(_EVSES.format(join=join, where=where), given)
        rows = cursor.fetchall()
    counts = {name: number for kind, _, name, number, _ in rows if kind == "status"}
    stale = next(number for kind, _, _, number, _ in rows if kind == "stale")
    hours = {at: (up, seen) for kind, at, _, up, seen in rows if kind == "hour"}
    worst = [(int(kind), name, down, of) for kind, _, name, down, of in rows if kind.isdecimal()]
    total = sum(counts.values()) - counts.get("PLANNED", 0)
    rate = share(total - sum(counts.get(status, 0) for status in DOWN), total)
    board = reverse("admin:locations_location_board")
    panel = Panel("evses", "EVSEs")
    panel.figures = [
        Figure(f"available of {total:,}", percent(rate), f"{board}?down=1", tone(rate, good=95, fair=80), "ev_station")
    ]
    panel.figures += [
        Figure(word(status).lower(), f"{counts[status]:,}", f"{board}?status={status}", *TONES[status])
        for status in TONES
        if counts.get(status)
    ]
    unheard = listing("locations_location_changelist", stale="1")
    panel.figures.append(
        Figure("locations unheard of for 24 h", f"{stale:,}", unheard, "warn" if stale else "good", "history")
    )
    if hours:
        values = [share(*hours[start]) if start in hours else None for start in asked.range.starts]
        known = share(sum(up for up, _ in hours.values()), sum(seen for _, seen in hours.values()))
        summary = f"{percent(known)} of EVSEs available on average in {asked.range.words}."
        line = Series("available", [value and round(value, 1) for value in values], "in")
        panel.charts = [Chart("line", asked.range.labels, [line], "%", summary, places=1, most=100)]
    panel.note = "Available: neither out of order nor inoperative nor unknown."
    panel.matters = [
        Matter(
            f"{name}: {down} of {plural(of, 'EVSE')} down",
            reverse("admin:locations_location_change", args=[pk]),
            down,
            tone="bad" if down == of else "warn",
            icon="ev_station",
        )
        for pk, name, down, of in worst
    ]
    return panel
