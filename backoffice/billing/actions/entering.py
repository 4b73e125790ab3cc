"""Enter CDRs into the books: give each that is settled its number, and freeze what we thought of it then.

One process at a time gives numbers, under a lock that lasts until its commit; so a number is visible only when all lower ones
are, and "up to number n" never changes its meaning. Row ids cannot do that: one that is committed late is lower than others
that an export has taken already.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection as database
from django.db import transaction

from backoffice import statements

_LOCK = 0x0B00C5
_BATCH = 10_000

PATIENCE = timedelta(hours=1)
"""A received CDR that no worker has priced for so long is entered without a verdict: it must be paid all the same."""

_DAY = timedelta(days=1)
"""No transaction is open for so long: rows with a lower id than one seen a day ago are here, or will never be."""

_SEE = """
INSERT INTO billing_entry (cdr_id, left_out, seen_at, ended_at, way, party_id, partner_id,
    time_zone, verdict, reasons, decided_by)
SELECT c.id, false, %(now)s, c.ends_at,
    CASE WHEN c.ours AND m.ours THEN 'INTERNAL' WHEN c.ours THEN 'RECEIVABLE' ELSE 'PAYABLE' END,
    CASE WHEN c.ours THEN c.party_id ELSE c.emsp_id END, CASE WHEN c.ours THEN c.emsp_id ELSE c.party_id END,
    '', '', '{}', ''
FROM cdrs_cdr c JOIN partners_party m ON m.id = c.emsp_id
WHERE c.id > %(above)s AND NOT EXISTS (SELECT 1 FROM billing_entry e WHERE e.cdr_id = c.id)
ORDER BY c.id LIMIT %(limit)s RETURNING cdr_id
"""

_NUMBER = """
UPDATE billing_entry e SET number = f.number, numbered_at = %(now)s, ended_at = f.ends_at, time_zone = f.time_zone,
    verdict = f.verdict, reasons = f.reasons, our_net = f.our_excl, delta = f.delta,
    decided_by = f.decided_by, decided_at = f.decided_at
FROM (
    SELECT c.id, %(base)s + row_number() OVER (ORDER BY c.id) AS number, c.ends_at, coalesce(l.time_zone, '') AS time_zone,
        c.verdict, CASE WHEN c.ours THEN c.held_for ELSE c.reasons END AS reasons, c.our_excl, c.delta,
        coalesce(d.by, '') AS decided_by, d.at AS decided_at
    FROM (
        SELECT c.* FROM billing_entry w JOIN cdrs_cdr c ON c.id = w.cdr_id
        WHERE w.number IS NULL AND NOT w.left_out AND c.entered_at IS NOT NULL
            AND (c.ours OR c.verdict <> 'WAITING' OR c.entered_at < %(patience)s)
        ORDER BY c.id LIMIT %(limit)s) c
    LEFT JOIN locations_location l ON l.party_id = c.party_id AND upper(l.object_id) = upper(c.location_id)
    LEFT JOIN LATERAL (SELECT v.by, v.at FROM cdrs_cdrevent v
        WHERE v.cdr_id = c.id AND c.ours AND v.from_state = 'HELD' AND v.to_state = 'RELEASED' ORDER BY v.id LIMIT 1) d ON true
) f WHERE e.cdr_id = f.id RETURNING e.cdr_id
"""

_LEAVE_OUT = """
UPDATE billing_entry e SET left_out = true FROM cdrs_cdr c
WHERE c.id = e.cdr_id AND e.number IS NULL AND NOT e.left_out AND c.state IN ('DROPPED', 'REPLACED')
"""


def enter(*, now: datetime, whole: bool = False, batch: int = _BATCH) -> int:
    """How many CDRs got their number. `whole`: look at all CDRs there are, not only at those of the last day."""
    above = 0 if whole else _floor(now)
    seeing, numbered = True, 0
    while True:
        with transaction.atomic():
            lock()
            if seeing:
                seen = statements.run_once(_SEE, {"now": now, "above": above, "limit": batch})
                above = max((row[0] for row in seen), default=above)
                seeing = len(seen) == batch
            given = {"now": now, "base": highest(), "patience": now - PATIENCE, "limit": batch}
            got = len(statements.run_once(_NUMBER, given))
            statements.run_once(_LEAVE_OUT)
        numbered += got
        if not seeing and got < batch:
            return numbered


def lock() -> None:
    """Until the end of the transaction nobody else gives numbers, and every number that was given is visible."""
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def highest() -> int:
    """The last number that was given. Under `lock` there is none lower that is still to come."""
    ((number,),) = statements.run("SELECT coalesce(max(number), 0) FROM billing_entry")
    return int(number)


def _floor(now: datetime) -> int:
    rows = statements.run(
        "SELECT cdr_id FROM billing_entry WHERE seen_at < %s ORDER BY seen_at DESC LIMIT 1", [now - _DAY]
    )
    return int(rows[0][0]) if rows else 0
