"""What belongs to one charge, as a line of links: booking, session, CDR, card payment, advice, invoice, terminal.

Whoever stands at one of them comes to each other one by one click. One statement finds them all, by indexes alone. Reads only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection as database
from django.http import HttpRequest

from backoffice.console.dashboard.parts import listing
from backoffice.console.scope import parties_of

_AROUND = """
WITH s AS (
    SELECT id, object_id, party_id, emsp_id FROM charging_sessions_session WHERE id = %(session)s
    UNION ALL
    SELECT s.id, s.object_id, s.party_id, s.emsp_id FROM cdrs_cdr c
    JOIN charging_sessions_session s ON s.party_id = c.party_id AND upper(s.object_id) = upper(c.session_ref)
    WHERE c.id = %(cdr)s AND %(session)s::bigint IS NULL AND c.session_ref <> ''
), c AS (
    SELECT id, object_id, party_id, emsp_id FROM cdrs_cdr WHERE id = %(cdr)s
    UNION ALL
    (SELECT c.id, c.object_id, c.party_id, c.emsp_id FROM s
     JOIN cdrs_cdr c ON c.session_ref <> '' AND upper(c.session_ref) = upper(s.object_id) AND c.party_id = s.party_id
     WHERE %(cdr)s::bigint IS NULL AND NOT c.credit ORDER BY c.id DESC LIMIT 1)
), p AS (
    SELECT id, reference::text, party_id, customer_id, terminal_id FROM payments_cardpayment
    WHERE session_id = (SELECT id FROM s LIMIT 1) OR cdr_id = (SELECT id FROM c LIMIT 1) ORDER BY id LIMIT 1
), a AS (
    SELECT id, object_id, party_id, customer_id, terminal_id FROM payments_advice
    WHERE session_id = (SELECT id FROM s LIMIT 1) OR cdr_id = (SELECT id FROM c LIMIT 1) ORDER BY id LIMIT 1
)
SELECT 'booking', id, object_id, ARRAY[party_id, emsp_id] FROM bookings_booking WHERE session_id IN (SELECT id FROM s)
UNION ALL SELECT 'session', id, object_id, ARRAY[party_id, emsp_id] FROM s
UNION ALL SELECT 'cdr', id, object_id, ARRAY[party_id, emsp_id] FROM c
UNION ALL SELECT 'payment', id, reference, ARRAY[party_id] FROM p
UNION ALL SELECT 'advice', id, object_id, ARRAY[party_id, customer_id] FROM a
UNION ALL
SELECT 'invoice', i.id,
    coalesce(nullif(i.prefix, ''), o.country_code || '-' || o.party_id) || '-' || lpad(i.number::text, 6, '0'), ARRAY[i.party_id]
FROM payments_driverinvoice i JOIN partners_party o ON o.id = i.party_id WHERE i.cdr_id IN (SELECT id FROM c)
UNION ALL
SELECT 'terminal', t.id, coalesce(nullif(t.reference, ''), t.object_id), ARRAY[t.party_id, t.customer_id]
FROM payments_terminal t WHERE t.id = coalesce((SELECT terminal_id FROM p), (SELECT terminal_id FROM a),
    (SELECT terminal_id FROM payments_cardcharge WHERE session_id = (SELECT id FROM s LIMIT 1)))"""

KINDS: dict[str, tuple[str, str, str, str]] = {
    # kind: what it is called, icon, page, permission
    "booking": ("Booking", "event_available", "bookings_booking_change", "bookings.view_booking"),
    "session": (
        "Session",
        "ev_station",
        "charging_sessions_session_change",
        "charging_sessions.view_session",
    ),
    "cdr": ("CDR", "receipt_long", "cdrs_cdr_change", "cdrs.view_cdr"),
    "payment": ("Card payment", "contactless", "payments_cardpayment_change", "payments.view_cardpayment"),
    "advice": ("Advice", "credit_score", "payments_advice_change", "payments.view_advice"),
    "invoice": ("Invoice", "receipt", "payments_driverinvoice_change", "payments.view_driverinvoice"),
    "terminal": ("Terminal", "point_of_sale", "payments_terminal_change", "payments.view_terminal"),
}
"""In the order of the charge's life."""

WHOLE = 16
"""Signs of an id that are shown; of a longer one, how it begins."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing of the charge. `here`: the page that shows the line."""

    kind: str
    name: str
    icon: str
    url: str
    here: bool = False


def trail(request: HttpRequest, *, here: str, session: int | None = None, cdr: int | None = None) -> list[Step]:
    """The line for a page of `here`, which knows its session or its CDR; empty where there is nothing beside it. Only what this
    user may open."""
    if session is None and cdr is None:
        return []
    with database.cursor() as cursor:
        cursor.execute(_AROUND, {"session": session, "cdr": cdr})
        rows: list[tuple[str, int, str, list[int | None]]] = cursor.fetchall()
    parties = parties_of(request.user)
    found = {
        kind: (pk, name)
        for kind, pk, name, owners in rows
        if request.user.has_perm(KINDS[kind][3]) and (parties is None or set(owners) & set(parties))
    }
    steps = [_step(kind, *found[kind], here=kind == here) for kind in KINDS if kind in found]
    return steps if any(not step.here for step in steps) else []


def _step(kind: str, pk: int, name: str, *, here: bool) -> Step:
    title, icon, page, _ = KINDS[kind]
    short = name if len(name) <= WHOLE else f"{name[:8]}…"
    return Step(title, short, icon, listing(page, pk=pk), here)


def of(request: HttpRequest, row: Any, here: str) -> list[Step]:
    """Of a row that points to its session and its CDR itself, or to one of them."""
    return trail(request, here=here, session=getattr(row, "session_id", None), cdr=getattr(row, "cdr_id", None))
