"""Panels about partners: how connections do, what succeeds, how fast they answer, what is owed to them, what is fetched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection as database
from django.urls import reverse

from backoffice.console.actions import counting
from backoffice.console.cells import span
from backoffice.console.dashboard.asked import DAY, HOUR, Asked
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
from backoffice.console.rules.latency import CLASSES, percentile
from backoffice.delivery.models import SLOW_MS, Pull, PullState
from backoffice.delivery.vitals import healths
from backoffice.partners.health import Tone
from backoffice.roaming_site import site
from ocpi.module import Exchanged

LINES = 6
"""Partners with a line of their own: the ones that are called most. More lines tell nothing apart."""

WORDS = {
    "good": ("healthy", "check_circle"),
    "warn": ("strained", "warning"),
    "bad": ("failing", "error"),
    "off": ("not talking", "pause_circle"),
}

_MESSAGES = f"""
SELECT bin, incoming, sum(total)::bigint, sum(good)::bigint FROM (
    SELECT date_bin(%(step)s, hour, %(since)s) AS bin, incoming, total, good
    FROM console_exchangehour WHERE hour >= %(since)s AND hour < %(live)s {{scope}}
    UNION ALL
    SELECT date_bin(%(step)s, at, %(since)s), incoming, count(*), count(*) FILTER (WHERE {counting.GOOD})
    FROM delivery_exchange WHERE at >= %(live)s AND at >= %(since)s {{scope}} GROUP BY 1, 2) parts
GROUP BY 1, 2"""

_LATENCY = f"""
WITH parts AS MATERIALIZED (
    SELECT date_bin(%(step)s, hour, %(since)s) AS bin, connection_id, total, times FROM console_exchangehour
    WHERE hour >= %(since)s AND hour < %(live)s AND NOT incoming AND connection_id = ANY(%(connections)s)
    UNION ALL
    SELECT date_bin(%(step)s, at, %(since)s), connection_id, count(*), {counting.TIMES}::int[] FROM delivery_exchange
    WHERE at >= %(live)s AND at >= %(since)s AND NOT incoming AND connection_id = ANY(%(connections)s) GROUP BY 1, 2),
busy AS (SELECT connection_id, sum(total) AS calls FROM parts GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {LINES})
SELECT c.id, c.name, busy.calls::bigint, bin, {", ".join(f"sum(times[{n + 1}])::bigint" for n in range(CLASSES))}
FROM busy JOIN parts USING (connection_id) JOIN partners_connection c ON c.id = connection_id
GROUP BY 1, 2, 3, 4 ORDER BY 3 DESC, 1"""

_CHARGES = """
SELECT c.id, c.name, count(charges.one) FROM partners_connection c
LEFT JOIN partners_partyrole r ON r.connection_id = c.id LEFT JOIN LATERAL (
    SELECT 1 AS one FROM charging_sessions_session s
    WHERE s.party_id = r.party_id AND s.starts_at >= %(yesterday)s AND r.role = 'CPO'
    UNION ALL
    SELECT 1 FROM charging_sessions_session s
    WHERE s.emsp_id = r.party_id AND s.starts_at >= %(yesterday)s AND r.role = 'EMSP') charges ON true
WHERE c.id = ANY(%(ids)s) GROUP BY c.id"""


def connections(asked: Asked) -> Panel:
    fetched = [m.identifier for m in site.modules() if isinstance(m.shape, Exchanged) and m.shape.store_page]
    found = healths(asked.connections, modules=fetched, now=asked.now)
    tones: dict[str, int] = {}
    for each in found.values():
        tones[each.tone.value] = tones.get(each.tone.value, 0) + 1
    url = listing("partners_connection_changelist")
    figures = [Figure(WORDS[one][0], str(n), url, one, WORDS[one][1]) for one in WORDS if (n := tones.get(one))]
    panel = Panel("connections", "Connections", figures or [Figure("yet", "none", url)])
    ill = [identity for identity, each in found.items() if each.tone is Tone.BAD]
    waiting = sum(bool(each.attention) for each in found.values())
    if waiting:
        panel.note = f"{waiting} of {len(found)} wait for a person."
    if ill:
        with database.cursor() as cursor:
            cursor.execute(_CHARGES, {"ids": ill, "yesterday": asked.now - DAY})
            charges = cursor.fetchall()
        for identity, name, count in charges:
            health = found[identity]
            why = health.attention[0].rstrip(".") if health.attention else health.word
            url = reverse("admin:partners_connection_change", args=[identity])
            panel.matters.append(Matter(f"{name}: {why}", url, count, tone="bad", icon="link_off"))
    return panel


def messages(asked: Asked) -> Panel:
    """A success is HTTP 2xx and OCPI 1xxx. What no connection is known of (a wrong token) counts for those who see all."""
    live, gap = asked.live_from(counting.EXCHANGES)
    scope = "" if asked.parties is None else "AND connection_id = ANY(%(connections)s)"
    with database.cursor() as cursor:
        cursor.execute(_MESSAGES.format(scope=scope), asked.given(live=live))
        rows = cursor.fetchall()
    url = listing("delivery_exchange_changelist")
    panel = Panel("messages", "Message success", gap=gap)
    series, told = [], []
    for incoming, label, way in ((True, "of their calls", "in"), (False, "of our calls", "out")):
        mine = {bin_: (total, good) for bin_, inward, total, good in rows if inward == incoming}
        total, good = (sum(each[n] for each in mine.values()) for n in (0, 1))
        rate = share(good, total)
        icon = "call_received" if incoming else "call_made"
        address = (
            f"{url}?direction={way}&window={asked.range.key if asked.range.key != 'mtd' else '30d'}" if url else ""
        )
        panel.figures.append(Figure(f"{label} ({total:,})", percent(rate), address, tone(rate, good=99, fair=90), icon))
        told.append(f"{percent(rate)} {label}" if total else f"no{label[2:]}")
        begun = asked.range.starts
        failed = [mine[start][0] - mine[start][1] if start in mine else 0 for start in begun]
        series += [
            Series(f"{'in' if incoming else 'out'}, succeeded", [mine.get(start, (0, 0))[1] for start in begun], way),
            Series(f"{'in' if incoming else 'out'}, failed", failed, f"bad-{way}"),
        ]
    if rows:
        summary = f"{told[0]} and {told[1]} succeeded in {asked.range.words}."
        panel.charts = [Chart("area", asked.range.labels, series, "messages", summary[0].upper() + summary[1:])]
    return panel


def latency(asked: Asked) -> Panel:
    live, gap = asked.live_from(counting.EXCHANGES)
    with database.cursor() as cursor:
        cursor.execute(_LATENCY, asked.given(live=live))
        rows = cursor.fetchall()
    panel = Panel("latency", "Their answers: 95 of 100 within", gap=gap)
    lines: dict[int, tuple[str, dict[datetime, Sequence[int]]]] = {}
    for identity, name, _, bin_, *counts in rows:
        lines.setdefault(identity, (name, {}))[1][bin_] = counts
    series, slowest = [], ("", 0.0)
    for number, (identity, (name, bins)) in enumerate(lines.items()):
        whole = percentile([sum(column) for column in zip(*bins.values(), strict=True)], 0.95) or 0.0
        slowest = max(slowest, (name, whole), key=lambda each: each[1])
        url = listing("delivery_exchange_changelist", connection=str(identity), direction="out")
        judged = "good" if whole <= 1_000 else "warn" if whole <= SLOW_MS else "bad"
        panel.figures.append(Figure(name, f"{whole:,.0f} ms", url, judged, "timer"))
        values = [percentile(bins[start], 0.95) if start in bins else None for start in asked.range.starts]
        series.append(
            Series(name, [value and round(value) for value in values], f"line-{number}", dashed=number % 2 == 1)
        )
    if series:
        summary = (
            f"Of the {plural(len(lines), 'partner')} called most, {slowest[0]} answers slowest: {slowest[1]:,.0f} ms."
        )
        panel.charts = [Chart("line", asked.range.labels, series, "ms", summary)]
        panel.note = "From counts in classes of length, so to about a tenth."
    return panel


def outbox(asked: Asked) -> Panel:
    with database.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FILTER (WHERE state = 'DUE'), min(owed_since) FILTER (WHERE state = 'DUE'),
                   count(*) FILTER (WHERE state = 'REFUSED')
               FROM delivery_message WHERE state IN ('DUE', 'REFUSED') AND connection_id = ANY(%s)""",
            [asked.connections],
        )
        due, oldest, refused = cursor.fetchone()
    age = (asked.now - oldest).total_seconds() if oldest else 0.0
    waits = listing("delivery_message_changelist", state="DUE")
    judged = "good" if age < 60 else "warn" if age < HOUR.total_seconds() else "bad"
    panel = Panel("outbox", "Outbox")
    panel.figures = [
        Figure("waiting", f"{due:,}", waits, judged, "schedule_send"),
        Figure("oldest", span(age) if oldest else "none", waits, judged, "hourglass_top"),
        Figure(
            "refused",
            f"{refused:,}",
            listing("delivery_message_changelist", state="REFUSED"),
            "bad" if refused else "good",
            "error" if refused else "check_circle",
        ),
    ]
    if refused:
        url = listing("delivery_message_changelist", state="REFUSED")
        panel.matters.append(Matter(f"{plural(refused, 'message')} refused by partners", url, icon="outbox"))
    return panel


def pulls(asked: Asked) -> Panel:
    """Runs of the last day: what is going on, and what broke off."""
    found = Pull.objects.filter(connection__in=asked.connections, state__in=(PullState.RUNNING, PullState.FAILED))
    recent = list(
        found.filter(started_at__gt=asked.now - DAY).select_related("connection").order_by("-started_at")[:500]
    )
    running = [each for each in recent if each.state == PullState.RUNNING]
    failed = len(recent) - len(running)
    panel = Panel("pulls", "Pulls")
    for pull in running[:10]:
        done = min(100, round(100 * pull.objects_read / pull.total)) if pull.total else None
        of = f" of {pull.total}" if pull.total is not None else ""
        url = reverse("admin:delivery_pull_change", args=[pull.pk])
        panel.lines.append((f"{pull}: {pull.objects_read}{of} objects", url, done))
    going = listing("delivery_pull_changelist", state__exact="RUNNING", since="24h")
    broken = listing("delivery_pull_changelist", state__exact="FAILED", since="24h")
    panel.figures = [
        Figure("running", str(len(running)), going, "busy" if running else "off", "sync"),
        Figure(
            "failed in 24 h",
            str(failed),
            broken,
            "bad" if failed else "good",
            "error" if failed else "check_circle",
        ),
    ]
    return panel
