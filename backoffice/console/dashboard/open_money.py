"""What money waits for a person, of CDRs and of cards: two panels, one statement, for the page has few to spare."""

from __future__ import annotations

from typing import Any

from django.db import connection as database

from backoffice.console.dashboard.asked import LATE_AFTER, Asked

_OPEN = """
SELECT kind, p.id, p.country_code || '-' || p.party_id, currency, number, money, 0::bigint FROM (
    SELECT c.verdict AS kind, c.party_id AS partner, c.currency, count(*) AS number,
        sum(abs(coalesce(c.delta, c.total_excl))) AS money
    FROM cdrs_cdr c WHERE c.verdict IN ('DIFFERS', 'FAILED', 'NOT_PRICED') {where} GROUP BY 1, 2, 3
    UNION ALL
    SELECT 'HELD', c.emsp_id, c.currency, count(*), sum(abs(c.total_excl))
    FROM cdrs_cdr c WHERE c.state = 'HELD' {where} GROUP BY 2, 3
    UNION ALL
    SELECT 'UNACKNOWLEDGED', c.emsp_id, c.currency, count(*), sum(c.total_excl)
    FROM cdrs_cdr c JOIN partners_party e ON e.id = c.emsp_id AND NOT e.ours
    WHERE c.state = 'RELEASED' AND c.entered_at < %(late)s {where} GROUP BY 2, 3
    UNION ALL
    SELECT 'QUARANTINED', q.party_id, '', count(*), NULL
    FROM cdrs_quarantined q WHERE q.closed_at IS NULL {quarantine} GROUP BY 2) found
JOIN partners_party p ON p.id = found.partner"""

_CARDS = """
UNION ALL
SELECT kind, NULL, '', currency, count(*), sum(money), sum(units)::bigint FROM (
    SELECT CASE WHEN p.state = 'OWING' THEN 'BACK' WHEN p.state = 'RELEASING' THEN 'KEPT' ELSE 'RISK' END AS kind, p.currency,
        CASE WHEN p.state = 'OWING' THEN p.captured - p.refunded - p.returned - coalesce(p.owed, 0)
            WHEN p.state = 'RELEASING' THEN coalesce(p.reserved, p.reserve)
            ELSE coalesce(p.owed, 0) - (coalesce(p.captured, 0) - p.refunded - p.returned) END AS units, 0 AS money
    FROM payments_cardpayment p
    WHERE (p.state IN ('PARTIAL', 'FAILED') OR p.state IN ('CREDITED', 'OWING', 'REFUNDING', 'RELEASING')
            AND (p.state = 'OWING' OR p.state = 'RELEASING' AND p.due_at IS NULL)) {own}
        AND NOT EXISTS (SELECT 1 FROM payments_tiedecision t WHERE upper(t.reference) = upper(p.reference) AND t.written_off > 0)
    UNION ALL
    SELECT 'TOLD_RISK', a.currency, 0, greatest(coalesce(c.total_incl, c.total_excl) - (
        SELECT sum(b.captured) FROM payments_advice b WHERE b.cdr_id = c.id AND NOT b.ours), 0)
    FROM payments_advice a JOIN cdrs_cdr c ON c.id = a.cdr_id AND c.credited_by_id IS NULL
    WHERE a.capture_status <> 'SUCCESS' AND NOT a.ours {told}
        AND NOT EXISTS (SELECT 1 FROM payments_advice n WHERE n.cdr_id = c.id AND NOT n.ours AND n.id > a.id)
        AND NOT EXISTS (SELECT 1 FROM payments_tiedecision t
            WHERE upper(t.reference) = upper(a.authorization_reference) AND t.written_off > 0)
    UNION ALL
    SELECT 'TOLD_BACK', a.currency, 0, a.captured
    FROM cdrs_cdr c JOIN payments_advice a ON a.cdr_id = c.id AND NOT a.ours AND a.captured > 0
    WHERE c.credited_by_id IS NOT NULL AND c.ours {told}
        AND NOT EXISTS (SELECT 1 FROM payments_tiedecision t
            WHERE upper(t.reference) = upper(a.authorization_reference) AND t.given_back > 0)
    UNION ALL
    SELECT 'ASIDE', q.currency, 0, q.captured FROM payments_quarantinedadvice q WHERE q.closed_at IS NULL {quarantine}
) found GROUP BY kind, currency"""
"""Amounts of our own payments in minor units, those that we are told as they are told."""

Row = tuple[str, int | None, str, str, int, Any, int]
"""Kind, the partner by id and name where there is one, currency, how many, how much, and how much in minor units."""


def open_money(asked: Asked) -> list[Row]:
    """Read once for a page."""
    if "open money" not in asked.once:
        scoped = asked.parties is not None
        sql = (_OPEN + _CARDS).format(
            where="AND (c.party_id = ANY(%(parties)s) OR c.emsp_id = ANY(%(parties)s))" if scoped else "",
            quarantine="AND q.connection_id = ANY(%(connections)s)" if scoped else "",
            own="AND p.party_id = ANY(%(parties)s)" if scoped else "",
            told="AND a.customer_id = ANY(%(parties)s)" if scoped else "",
        )
        with database.cursor() as cursor:
            cursor.execute(sql, asked.given(late=asked.now - LATE_AFTER))
            asked.once["open money"] = cursor.fetchall()
    found: list[Row] = asked.once["open money"]
    return found
