"""Panels about CDRs and what comes of them: how many need nobody, what is at risk, what is owed, whether exports are made."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal

from django.db import connection as database

from backoffice.billing.rules.schedules import read
from backoffice.console.actions import counting
from backoffice.console.cells import since as ago
from backoffice.console.dashboard.asked import HOUR, Asked
from backoffice.console.dashboard.open_money import open_money
from backoffice.console.dashboard.parts import (
    Bar,
    Bars,
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

TARGET = 95.0
"""Of a hundred received CDRs so many should need nobody."""

MATTERS = 12

BEGUN_AFTER = timedelta(minutes=5)
"""A run that is due for longer has been forgotten: workers or beat stand still."""

_STRAIGHT = """
SELECT date_bin(%(step)s, at, %(since)s), standing, sum(number)::bigint FROM (
    SELECT day AS at, standing, number FROM console_cdrday c
    WHERE NOT c.ours AND c.day >= %(since)s AND c.day < %(live)s {where}
    UNION ALL
    SELECT date_bin(%(step)s, c.ends_at, %(since)s), c.verdict, count(*) FROM cdrs_cdr c
    WHERE NOT c.ours AND c.ends_at >= %(live)s AND c.ends_at >= %(since)s {where} GROUP BY 1, 2) parts
GROUP BY 1, 2"""

_TURNOVER = """
SELECT this, parts.ours, currency, sum(money), sum(number)::bigint FROM (
    SELECT c.day >= %(month)s AS this, c.ours, c.emsp_id, c.currency, c.standing, c.money, c.number FROM console_cdrday c
    WHERE c.day >= %(before)s AND c.day < %(live)s {where}
    UNION ALL
    SELECT c.ends_at >= %(month)s, c.ours, c.emsp_id, c.currency, c.state || c.verdict, sum(c.total_excl), count(*)
    FROM cdrs_cdr c WHERE c.ends_at >= %(live)s AND c.ends_at >= %(before)s {where} GROUP BY 1, 2, 3, 4, 5) parts
JOIN partners_party e ON e.id = emsp_id
WHERE parts.ours AND NOT e.ours AND standing IN ('RELEASED', 'ACKNOWLEDGED') OR NOT parts.ours AND standing = 'AGREED'
GROUP BY 1, 2, 3"""

_EXPORTS = """
SELECT e.id, e.name, e.schedule, e.enabled, coalesce(e.answered_until, e.created_at), e.good_at, r.number, r.state, r.rows_done,
    r.rows_total, r.error, (SELECT count(*) FROM billing_exportrun u
        WHERE u.export_id = e.id AND u.state IN ('FAILED', 'CANCELLED')), r.id
FROM billing_export e LEFT JOIN LATERAL (
    SELECT * FROM billing_exportrun r WHERE r.export_id = e.id ORDER BY r.id DESC LIMIT 1) r ON true
{where} ORDER BY e.name LIMIT 100"""

_BARS = {
    (True, True): ("receivable", "in", "out"),
    (True, False): ("receivable, last month", "in", "out"),
    (False, True): ("payable", "out", "in"),
    (False, False): ("payable, last month", "out", "in"),
}

_TABS = {"HELD": "held", "UNACKNOWLEDGED": "waiting", "QUARANTINED": "quarantine"}
"""Of the inbox; what differs, failed or has no price is to be reviewed."""

WORDS = {
    "DIFFERS": "differ from our price",
    "FAILED": "could not be checked",
    "NOT_PRICED": "have no tariff to price them by",
    "HELD": "of ours held",
    "UNACKNOWLEDGED": "not acknowledged in 24 h",
    "QUARANTINED": "refused and kept aside",
}


_SENTENCES = {
    "DIFFERS": ("of {} differs from our price", "of {} differ from our price"),
    "FAILED": ("of {} could not be checked", "of {} could not be checked"),
    "NOT_PRICED": ("of {} has no tariff to price it by", "of {} have no tariff to price them by"),
    "HELD": ("of ours for {} is held", "of ours for {} are held"),
    "UNACKNOWLEDGED": ("of ours for {} was not taken in 24 h", "of ours for {} were not taken in 24 h"),
    "QUARANTINED": ("of {} was refused and kept aside", "of {} were refused and kept aside"),
}
"""For one, and for several, of or for a partner."""


def _where(asked: Asked) -> str:
    if asked.parties is None:
        return ""
    return "AND (c.party_id = ANY(%(parties)s) OR c.emsp_id = ANY(%(parties)s))"


def straight(asked: Asked) -> Panel:
    """Received CDRs of charges that ended in the range: agreed without a person, of all that are judged."""
    range_ = asked.range.daily
    live, gap = asked.live_from(counting.CDRS)
    if range_.step == HOUR:
        live, gap = range_.since, ""  # a day is short enough to be read as it is
    with database.cursor() as cursor:
        given = asked.given(live=live, since=range_.since, step=range_.step)
        cursor.execute(_STRAIGHT.format(where=_where(asked)), given)
        rows = cursor.fetchall()
    counts: Counter[str] = Counter()
    bins: dict[object, Counter[str]] = {}
    for start, verdict, number in rows:
        counts[verdict] += number
        bins.setdefault(start, Counter())[verdict] += number
    waiting = counts.pop("WAITING", 0)
    judged = sum(counts.values())
    rate = share(counts["AGREED"], judged)
    panel = Panel("straight", "CDR straight-through", gap=gap)
    agreed = listing("cdrs_cdr_changelist", tab="all", way="in", verdict="AGREED", since=f"{range_.since:%Y-%m-%d}")
    panel.figures = [
        Figure(f"agreed of {judged:,} received", percent(rate), agreed, tone(rate, good=TARGET, fair=80), "done_all"),
        Figure(
            "waiting to be priced",
            f"{waiting:,}",
            listing("cdrs_cdr_changelist", tab="all", verdict="WAITING"),
            "off",
            "pending",
        ),
    ]
    if judged:
        values = []
        for start in range_.starts:
            found = bins.get(start, Counter())
            part = share(found["AGREED"], sum(found.values()) - found["WAITING"])
            values.append(None if part is None else round(part, 1))
        lines = [Series("agreed", values, "out"), Series("target", [TARGET] * len(values), "target", dashed=True)]
        summary = f"{percent(rate)} agreed in {asked.range.words}; the target is {TARGET:.0f}%."
        panel.charts = [Chart("line", range_.labels, lines, "%", summary, places=1, most=100)]
    return panel


def review(asked: Asked) -> Panel:
    """What waits for a decision, and the money in it: the difference where there is one, else the whole sum."""
    numbers: Counter[str] = Counter()
    risk: dict[str, Decimal] = {}
    panel = Panel("review", "CDRs that wait for somebody")
    urls = {kind: _open_ones(kind) for kind in WORDS}
    for kind, pk, partner, currency, number, money, _ in open_money(asked):
        if kind not in WORDS:
            continue
        numbers[kind] += number
        if kind not in ("UNACKNOWLEDGED", "QUARANTINED"):
            risk[currency] = risk.get(currency, Decimal(0)) + money
        url = urls[kind]
        if url:
            url += f"&partner={pk}" + (f"&currency={currency}" if currency else "")
        sentence = f"{plural(number, 'CDR')} {_SENTENCES[kind][number > 1].format(partner)}"
        severe = "bad" if kind in ("DIFFERS", "QUARANTINED", "FAILED") else "warn"
        panel.matters.append(Matter(sentence, url, number, money, currency, tone=severe, icon="receipt_long"))
    panel.matters = sorted(panel.matters, key=lambda each: (-(each.money or 0), -each.drivers))[:MATTERS]
    panel.figures = [
        Figure(
            "at risk",
            amount(money, currency),
            listing("cdrs_cdr_changelist", tab="review", currency=currency),
            "bad" if money else "good",
            "payments",
        )
        for currency, money in sorted(risk.items())
    ] or [Figure("at risk", "nothing", listing("cdrs_cdr_changelist", tab="review"), "good", "payments")]
    panel.figures += [
        Figure(
            WORDS[kind],
            f"{numbers[kind]:,}",
            urls[kind],
            "bad" if kind in ("FAILED", "QUARANTINED") else "warn",
            "receipt_long",
        )
        for kind in WORDS
        if numbers[kind]
    ]
    panel.note = "At risk: by how much differing CDRs differ, and all of those that are held or could not be priced."
    return panel


def _open_ones(kind: str) -> str:
    """The list that holds what was counted under `kind`, and nothing else."""
    narrowed = {} if kind in _TABS else {"verdict": kind}
    return listing("cdrs_cdr_changelist", tab=_TABS.get(kind, "review"), **narrowed)


def turnover(asked: Asked) -> Panel:
    """Month to date whatever the range: by the end of the charge, before taxes, credits taken off, currencies apart."""
    live, gap = asked.live_from(counting.CDRS)
    month = counting.midnight(asked.now).replace(day=1)
    last_day = month - timedelta(days=1)
    before = last_day.replace(day=1)
    with database.cursor() as cursor:
        cursor.execute(_TURNOVER.format(where=_where(asked)), asked.given(month=month, before=before, live=live))
        rows = {(ours, currency, this): (total, number) for this, ours, currency, total, number in cursor.fetchall()}
    panel = Panel("turnover", "Receivable and payable, month to date", gap=gap)
    panel.note = (
        "Receivable: released CDRs of ours. Payable: received ones that agree. Before taxes, by the end of the charge."
    )
    for currency in sorted({key[1] for key in rows}):
        longest = max(abs(total) for (_, own, _), (total, _) in rows.items() if own == currency) or Decimal(1)
        parts = []
        for (ours, this), (name, judged, side) in _BARS.items():
            if found := rows.get((ours, currency, this)):
                total, number = found
                length = max(1, round(100 * abs(total) / longest))
                days = (
                    {"since": f"{month:%Y-%m-%d}"}
                    if this
                    else {"since": f"{before:%Y-%m-%d}", "until": f"{last_day:%Y-%m-%d}"}
                )
                which = "RECEIVABLE" if ours else "AGREED"
                url = listing("cdrs_cdr_changelist", tab="all", way=side, verdict=which, currency=currency, **days)
                parts.append(Bar(name, amount(total, currency), plural(number, "CDR"), length, judged, url, not this))
        panel.bars.append(Bars(currency, parts))
    if not rows:
        panel.figures = [
            Figure("this month and last", "nothing", listing("cdrs_cdr_changelist", tab="all"), "off", "payments")
        ]
    return panel


def exports(asked: Asked) -> Panel:
    """What is not made is what finance waits for."""
    where = "" if asked.parties is None else "WHERE e.party_id = ANY(%(parties)s)"
    with database.cursor() as cursor:
        cursor.execute(_EXPORTS.format(where=where), asked.given())
        rows = cursor.fetchall()
    every, runs = listing("billing_export_changelist"), listing("billing_exportrun_changelist", made="no")
    panel = Panel("exports", "Exports")
    last = max((row[5] for row in rows if row[5]), default=None)
    unmade = sum(row[11] for row in rows)
    overdue = 0
    for pk, name, schedule, enabled, answered, _, number, state, done, total, error, _, run in rows:
        since = read(schedule).next(answered) if schedule and enabled else None
        if since is not None and asked.now - since > BEGUN_AFTER:
            overdue += 1
            url = listing("billing_export_change", pk=pk)
            panel.matters.append(
                Matter(
                    f"Export {name} is due since {since:%d %b %H:%M} UTC and was not begun",
                    url,
                    tone="bad",
                    icon="timer_off",
                )
            )
        if state == "FAILED":
            sentence = f"Export {name} #{number} failed: {error.rstrip('.')}. {plural(total, 'CDR')} in no file"
            panel.matters.append(Matter(sentence, runs, total, tone="bad", icon="upload_file"))
        if state == "RUNNING":
            share_done = min(100, round(100 * done / total)) if total else None
            url = listing("billing_exportrun_change", pk=run)
            panel.lines.append((f"{name}: {done:,} of {plural(total, 'row')}", url, share_done))
    panel.figures = [
        Figure(
            "last good run",
            ago(last, now=asked.now) if last else "none",
            every,
            "bad" if unmade or overdue else "good" if last else "off",
            "task_alt",
        ),
        Figure("overdue", str(overdue), every, *_bad_if(overdue)),
        Figure("runs not made", f"{unmade:,}", runs, *_bad_if(unmade)),
    ]
    return panel


def _bad_if(number: int) -> tuple[str, str]:
    return ("bad", "error") if number else ("good", "check_circle")
