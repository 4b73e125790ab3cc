"""What follows when CDRs are there: the credited ones are marked, and their sessions are no longer without one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from backoffice import statements
from backoffice.cdrs.actions.storing import Told
from backoffice.cdrs.rules.states import Verdict


def received(party: int, told: Sequence[Told], *, now: datetime) -> None:
    """New CDRs of one party."""
    if not told:
        return
    _credit(party, told)


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
