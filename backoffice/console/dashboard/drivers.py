"""Panels about charging: who was let in and why not, who charges now, which charges nobody has billed."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from django.db import connection as database

from backoffice.console.actions import counting
from backoffice.console.cells import word
from backoffice.console.dashboard.asked import DAY, HOUR, LATE_AFTER, Asked
from backoffice.console.dashboard.parts import (
    Chart,
    Figure,
    Matter,
    Panel,
    Series,
    amount,
    listing,
    percent,
    plural,
    share,
    tone,
)

MOST = 10_000
"""Charges without CDR that are looked at: beyond, the number says so."""

REASONS = 5
"""Reasons with a colour of their own; the rarer ones share one."""

_DECISIONS = """
SELECT bin, connection_id, c.name, kind, how, allowed, reason_code, sum(total)::bigint FROM (
    SELECT date_bin(%(step)s, hour, %(since)s) AS bin, connection_id, kind, how, allowed, reason_code, total
    FROM console_authorizationhour WHERE hour >= %(since)s AND hour < %(live)s {where}
    UNION ALL
    SELECT date_bin(%(step)s, at, %(since)s), CASE WHEN reason_code = ANY(%(unserved)s) THEN connection_id END, kind, how,
        allowed, reason_code, count(*)
    FROM tokens_authorization WHERE at >= %(live)s AND at >= %(since)s {where} GROUP BY 1, 2, 3, 4, 5, 6) parts
LEFT JOIN partners_connection c ON c.id = connection_id
GROUP BY GROUPING SETS ((bin, kind, how, allowed, reason_code), (connection_id, c.name, reason_code))"""

_LIVE = """
SELECT NULL::timestamptz, s.ours, s.moved_at >= %(fresh)s, count(*), coalesce(sum(s.power_kw), 0)
FROM charging_sessions_session s WHERE s.status = 'ACTIVE' {where} GROUP BY 2, 3
UNION ALL
SELECT date_bin('1 hour', s.starts_at, %(midnight)s), s.ours, NULL, count(*), sum(s.kwh)
FROM charging_sessions_session s WHERE s.starts_at >= %(day)s AND s.status <> 'INVALID' {where} GROUP BY 1, 2"""
"""What charges now, with its power; and by hour the energy of what began in it."""

_UNBILLED = f"""
SELECT p.id, p.country_code || '-' || p.party_id, late.currency, count(*), sum(late.cost) FROM (
    SELECT CASE WHEN s.ours THEN s.emsp_id ELSE s.party_id END AS partner, s.currency,
        coalesce(s.our_excl, s.total_excl) AS cost
    FROM charging_sessions_session s
    WHERE s.status = 'COMPLETED' AND s.cdr_known_at IS NULL AND s.stuck = '' AND s.ends_at < %(late)s {{where}}
    LIMIT {MOST}) late
JOIN partners_party p ON p.id = late.partner GROUP BY 1, 2, 3"""


def _where(asked: Asked, alias: str = "s") -> str:
    """A charge belongs to two: whose charge point, and whose driver."""
    if asked.parties is None:
        return ""
    return f"AND ({alias}.party_id = ANY(%(parties)s) OR {alias}.emsp_id = ANY(%(parties)s))"


def authorizations(asked: Asked) -> Panel:
    """Real time: a partner asked us, or we asked a partner, whether it answered or not."""
    live, gap = asked.live_from(counting.AUTHORIZATIONS)
    where = "" if asked.parties is None else "AND party_id = ANY(%(parties)s)"
    with database.cursor() as cursor:
        cursor.execute(_DECISIONS.format(where=where), asked.given(live=live, unserved=list(counting.UNSERVED)))
        rows = cursor.fetchall()
    decided = [row for row in rows if row[0] is not None]
    reasons: Counter[str] = Counter()
    bins: dict[Any, Counter[str]] = {}
    tally: Counter[tuple[str, bool]] = Counter()
    for bin_, _, _, kind, how, allowed, code, count in decided:
        good = allowed == "ALLOWED"
        way = (
            "asked"
            if kind == "ASKED"
            else "asking"
            if how in ("REAL_TIME", "OFFLINE") or code in counting.UNSERVED
            else "own"
        )
        tally[way, good] += count
        reason = "allowed" if good else word(allowed if code in ("ANSWERED", "HELD") else code).lower()
        reasons[reason] += count
        bins.setdefault(bin_, Counter())[reason] += count
    panel = Panel("authorizations", "Authorizations", gap=gap)
    window = asked.range.key if asked.range.key != "mtd" else "30d"
    for way, label, icon, narrowed in (
        ("asked", "when partners ask us", "call_received", {"kind": "ASKED"}),
        ("asking", "when we ask partners", "call_made", {"kind": "DECIDED", "how": "partner"}),
        ("own", "by what we know ourselves", "fact_check", {"kind": "DECIDED", "how": "known"}),
    ):
        url = listing("tokens_authorization_changelist", since=window, **narrowed)
        total = tally[way, True] + tally[way, False]
        rate = share(tally[way, True], total)
        panel.figures.append(Figure(f"{label} ({total:,})", percent(rate), url, tone(rate, good=90, fair=70), icon))
    refused = [reason for reason, _ in reasons.most_common() if reason != "allowed"]
    if reasons:
        shown = ["allowed", *refused[:REASONS]]
        series = [
            Series(
                reason,
                [bins.get(start, Counter())[reason] for start in asked.range.starts],
                "out" if reason == "allowed" else f"reason-{number}",
            )
            for number, reason in enumerate(shown)
        ]
        if rest := refused[REASONS:]:
            values = [sum(bins.get(start, Counter())[reason] for reason in rest) for start in asked.range.starts]
            series.append(Series("other reasons", values, "reason-rest"))
        total = sum(reasons.values())
        summary = f"{percent(share(reasons['allowed'], total))} of {total:,} were let in"
        summary += f"; most refusals: {refused[0]} ({reasons[refused[0]]:,})." if refused else "."
        panel.charts = [Chart("bar", asked.range.labels, series, "decisions", summary)]
    unserved: Counter[tuple[int, str]] = Counter()
    for bin_, connection, name, _, _, _, code, count in rows:
        if bin_ is None and name is not None and code in counting.UNSERVED:  # no name: of nobody, or of one who is gone
            unserved[connection, name] += count
    panel.matters = [
        Matter(
            f"{name} left {plural(count, 'driver')} without an answer in {asked.range.words}",
            listing("tokens_authorization_changelist", since=window, outcome="refused", partner=str(connection)),
            count,
            icon="voice_over_off",
        )
        for (connection, name), count in unserved.most_common(5)
    ]
    return panel


def live(asked: Asked) -> Panel:
    """What charges now. A session that has not moved for long is not shown as live."""
    midnight = counting.midnight(asked.now)
    day = counting.floor(asked.now) - 23 * HOUR
    given = asked.given(fresh=asked.now - HOUR / 4, midnight=midnight - DAY, day=min(day, midnight))
    with database.cursor() as cursor:
        cursor.execute(_LIVE.format(where=_where(asked)), given)
        rows = cursor.fetchall()
    active = {(ours, fresh): (count, power) for start, ours, fresh, count, power in rows if start is None}
    energy = {(start, ours): kwh for start, ours, _, _, kwh in rows if start is not None}
    panel = Panel("live", "Charging now")
    silent = sum(count for (_, fresh), (count, _) in active.items() if not fresh)
    for ours, way, label, icon in (
        (True, "ours", "at our charge points", "ev_station"),
        (False, "theirs", "our drivers elsewhere", "directions_car"),
    ):
        count, power = active.get((ours, True), (0, Decimal(0)))
        count += active.get((ours, False), (0, Decimal(0)))[
            0
        ]  # its list has the silent ones, too; nobody knows their power
        url = listing("charging_sessions_session_changelist", state="active", way=way)
        panel.figures.append(Figure(f"{label}, {power:,.0f} kW", f"{count:,}", url, "busy" if count else "off", icon))
    today = sum((kwh for (start, _), kwh in energy.items() if start >= midnight), Decimal(0))
    all_of_them = listing("charging_sessions_session_changelist", state="all")
    panel.figures.append(Figure("of charges that began today", f"{today:,.0f} kWh", all_of_them, "off", "bolt"))
    if silent:
        stale = listing("charging_sessions_session_changelist", trouble="silent")
        panel.figures.append(Figure("unheard of for 15 min", f"{silent:,}", stale, "warn", "history"))
    starts = [day + n * HOUR for n in range(24)]
    values = [float(energy.get((start, True), 0) + energy.get((start, False), 0)) for start in starts]
    if any(values):
        summary = f"{sum(values):,.0f} kWh in charges that began in the last 24 hours."
        labels = [f"{start:%H:%M}" for start in starts]
        panel.charts = [Chart("bar", labels, [Series("kWh", values, "in")], "kWh", summary, places=1, small=True)]
    return panel


def unbilled(asked: Asked) -> Panel:
    """Charges that ended a day ago and have no CDR: money that nobody has asked for yet."""
    with database.cursor() as cursor:
        cursor.execute(_UNBILLED.format(where=_where(asked)), asked.given(late=asked.now - LATE_AFTER))
        rows = cursor.fetchall()
    count = sum(row[3] for row in rows)
    url = listing("charging_sessions_session_changelist", trouble="no_cdr")
    panel = Panel("unbilled", "Sessions without CDR")
    number = f"{count:,}" if count < MOST else f"{MOST:,} or more"
    panel.figures = [Figure("ended more than 24 h ago", number, url, "bad" if count else "good", "receipt_long")]
    sums: Counter[str] = Counter()
    for pk, partner, currency, charges, cost in rows:
        if cost is not None:
            sums[currency] += cost
        panel.matters.append(
            Matter(
                f"{plural(charges, 'charge')} with {partner} without CDR for over a day",
                f"{url}&party={pk}" if url else "",
                charges,
                cost,
                currency,
                tone="bad",
                icon="receipt_long",
            )
        )
    panel.figures += [
        Figure("what they cost so far", amount(cost, currency), url, "bad", "payments")
        for currency, cost in sorted(sums.items())
    ]
    return panel
