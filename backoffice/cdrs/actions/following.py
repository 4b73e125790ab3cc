"""What follows when CDRs are there: the credited ones are marked, and their sessions are no longer without one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from backoffice import statements
from backoffice.cdrs.actions.storing import Told
from backoffice.cdrs.models import Cdr
from backoffice.cdrs.rules.states import Verdict


def received(party: int, told: Sequence[Told], *, now: datetime) -> None:
    """New CDRs of one party."""
    if not told:
        return
    _credit(party, told)
    _has_cdr(party, [item.value.session_id for item in told if item.value.session_id], now)


def issued(cdr: Cdr, *, now: datetime) -> None:
    """A new one of ours."""
    if cdr.session_ref:
        _has_cdr(cdr.party_id, [cdr.session_ref], now)


def match_sessions(*, now: datetime) -> int:
    """Sessions that came after their CDR. Returns how many."""
    found = statements.run_once(
        """UPDATE charging_sessions_session s SET cdr_known_at = %s
           WHERE s.status = 'COMPLETED' AND s.cdr_known_at IS NULL AND s.stuck = '' AND EXISTS (
               SELECT 1 FROM cdrs_cdr d WHERE d.party_id = s.party_id AND d.session_ref <> ''
                 AND upper(d.session_ref) = upper(s.object_id))
           RETURNING s.id""",
        [now],
    )
    return len(found)


def _has_cdr(party: int, sessions: Sequence[str], now: datetime) -> None:
    if sessions:
        statements.run(
            """UPDATE charging_sessions_session SET cdr_known_at = %s
               WHERE party_id = %s AND upper(object_id) = ANY(%s::text[]) AND cdr_known_at IS NULL""",
            [now, party, [session.upper() for session in sessions]],
        )


def _credit(party: int, told: Sequence[Told]) -> None:
    """Both ways round: a credit may come before what it credits. The first credit counts; the check tells of a second."""
    crediting = [item for item in told if item.value.credit]
    if crediting:
        statements.run(
            """UPDATE cdrs_cdr o SET credited_by_id = c.id FROM cdrs_cdr c
               WHERE c.id = ANY(%s) AND o.party_id = %s AND upper(o.object_id) = upper(c.credit_reference_id)
                 AND NOT o.credit AND o.credited_by_id IS NULL""",
            [[item.id for item in crediting], party],
        )
    # the credit that waited for its original is looked at again
    statements.run(
        """WITH found AS (
               UPDATE cdrs_cdr o SET credited_by_id = c.id FROM cdrs_cdr c
               WHERE o.id = ANY(%s) AND NOT o.credit AND o.credited_by_id IS NULL AND c.party_id = o.party_id AND c.credit
                 AND upper(c.credit_reference_id) = upper(o.object_id)
               RETURNING c.id)
           UPDATE cdrs_cdr SET verdict = %s WHERE id IN (SELECT id FROM found) AND NOT ours""",
        [[item.id for item in told if not item.value.credit], Verdict.WAITING.value],
    )
