"""The panel about cards at payment terminals: money that did not come, money that drivers are to get, what a provider keeps."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from django.db import connection as database

from backoffice.console.dashboard.asked import Asked
from backoffice.console.dashboard.parts import Figure, Matter, Panel, amount, listing, plural
from backoffice.payments.rules.money import amount as of_units

_CARDS = """
SELECT kind, currency, count(*)::bigint, sum(units)::bigint, sum(money) FROM (
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
    SELECT 'ASIDE', q.currency, 0, q.captured FROM payments_quarantinedadvice q WHERE q.closed_at IS NULL {aside}
) found GROUP BY 1, 2"""

_SENTENCES = {
    "RISK": ("at our terminals was not paid whole", "at our terminals were not paid whole", "money_off"),
    "TOLD_RISK": (
        "at our charge points was not captured whole",
        "at our charge points were not captured whole",
        "money_off",
    ),
    "BACK": ("is to be given back, and the provider did not", "are to be given back, and the provider did not", "undo"),
    "TOLD_BACK": ("of a credited CDR is to be given back", "of credited CDRs are to be given back", "undo"),
    "KEPT": (
        "stays reserved: the provider does not release it",
        "stay reserved: the provider does not release them",
        "lock",
    ),
    "ASIDE": ("was told otherwise and kept aside", "were told otherwise and kept aside", "rule"),
}


def cards(asked: Asked) -> Panel:
    """Both of what our terminals took and of what providers took at our charge points; money of all times, for it stays open."""
    scoped = asked.parties is not None
    sql = _CARDS.format(
        own="AND p.party_id = ANY(%(parties)s)" if scoped else "",
        told="AND a.customer_id = ANY(%(parties)s)" if scoped else "",
        aside="AND q.connection_id = ANY(%(connections)s)" if scoped else "",
    )
    with database.cursor() as cursor:
        cursor.execute(sql, asked.given())
        rows = cursor.fetchall()
    urls = {
        "RISK": listing("payments_cardpayment_changelist", state="risk"),
        "BACK": listing("payments_cardpayment_changelist", state="back"),
        "KEPT": listing("payments_cardpayment_changelist", state="kept"),
        "TOLD_RISK": listing("payments_advice_changelist", status="risk"),
        "TOLD_BACK": listing("payments_advice_changelist", charge="back"),
        "ASIDE": listing("payments_quarantinedadvice_changelist", state="open"),
    }
    sums: dict[str, Counter[str]] = {"RISK": Counter(), "BACK": Counter()}
    panel = Panel("cards", "Card payments")
    for kind, currency, number, units, money in rows:
        total: Decimal = of_units(units, currency) + money
        one, many, icon = _SENTENCES[kind]
        side = "BACK" if kind in ("BACK", "TOLD_BACK") else "RISK" if kind in ("RISK", "TOLD_RISK") else ""
        if side:
            sums[side][currency] += total  # type: ignore[assignment]  # a Counter adds whatever can be added
        tone = "warn" if kind == "KEPT" else "bad"
        panel.matters.append(
            Matter(
                f"{plural(number, 'card payment')} {one if number == 1 else many}",
                urls[kind],
                number,
                total,
                currency,
                tone=tone,
                icon=icon,
            )
        )
    for side, words in (("RISK", "at risk"), ("BACK", "to give back")):
        found = sorted(sums[side].items())
        panel.figures += [
            Figure(f"{words}, {currency}", amount(Decimal(money), currency), urls[side], "bad", "credit_card_off")
            for currency, money in found
        ] or [Figure(words, "nothing", urls[side], "good", "credit_score")]
    return panel
