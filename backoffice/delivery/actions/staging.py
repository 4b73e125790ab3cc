"""Stage what partners must hear, in the transaction of the change itself: one statement whatever the number of partners."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from django.db import transaction

from backoffice import statements
from backoffice.nudging import CHANNEL as CHANNEL
from backoffice.nudging import nudge as nudge
from backoffice.roaming_site import site

_STAGE = """
WITH staged AS (
    INSERT INTO delivery_message AS m (connection_id, sender_id, receiver_id, module, object_path, generation, touched, state,
        attempts, coalesced, due_at, owed_since, last_error, last_cause, created_at)
    SELECT c.id, %(sender)s, r.party_id, %(module)s, path.object_path, 1, path.touched::varchar[], 'DUE',
        0, 0, %(now)s, %(now)s, '', '', %(now)s
    FROM unnest(%(paths)s::text[], %(touched)s::text[]) AS path(object_path, touched)
    CROSS JOIN partners_connection_our_parties o
    JOIN partners_connection c ON c.id = o.connection_id AND c.state IN ('ACTIVE', 'PAUSED', 'SUSPENDED') AND c.push_enabled
        AND c.id = ANY(coalesce(%(only)s::bigint[], ARRAY[c.id])) AND NOT c.id = ANY(%(except)s::bigint[])
    JOIN partners_endpoint e ON e.connection_id = c.id AND e.identifier = %(endpoint)s AND e.role = 'RECEIVER'
        AND NOT e.pull_only
    JOIN LATERAL (SELECT DISTINCT party_id FROM partners_partyrole
        WHERE connection_id = c.id AND state = 'ACTIVE' AND role = ANY(%(roles)s)
          AND party_id = coalesce(%(receiver)s::bigint, party_id)) r ON true
    WHERE o.party_id = %(sender)s
    ORDER BY c.id, path.object_path
    ON CONFLICT (connection_id, sender_id, receiver_id, module, object_path) DO UPDATE SET
        generation = m.generation + 1,
        touched = CASE WHEN m.state <> 'DUE' THEN excluded.touched
            WHEN m.touched = '{}' OR excluded.touched = '{}' THEN '{}'
            ELSE ARRAY(SELECT DISTINCT unnest(m.touched || excluded.touched)) END,
        attempts = CASE WHEN m.state = 'DUE' THEN m.attempts ELSE 0 END,
        coalesced = CASE WHEN m.state = 'DUE' THEN m.coalesced + 1 ELSE 0 END,
        due_at = CASE WHEN m.state <> 'DUE' THEN excluded.due_at WHEN m.attempts > 0 THEN m.due_at
            ELSE LEAST(m.due_at, excluded.due_at) END,
        owed_since = CASE WHEN m.state = 'DUE' THEN m.owed_since ELSE excluded.owed_since END,
        state = 'DUE'
    RETURNING 1)
SELECT count(*) FROM staged
"""


def stage(
    *,
    sender: int,
    module: str,
    changes: Iterable[tuple[Sequence[str], Collection[str]]],
    now: datetime,
    only: Collection[int] | None = None,
    withheld: Collection[int] = (),
    receiver: int | None = None,
    count: bool = False,
) -> int:
    """Owe a change to every partner of `sender` (a Party id) that receives this module.

    `changes`: (ids below the owner, touched fields; none for the whole object). `only`: these connections; `withheld`: not
    these. `receiver`: this party alone (a Party id), as for what concerns one eMSP's driver and nobody else. Must be called
    inside the transaction of the change. Returns how many messages are owed to who asks to `count` them; else it may wait for
    the next journey to the database.
    """
    rows = [("/".join(ids), "{" + ",".join(sorted(touched)) + "}") for ids, touched in changes]
    if not rows:
        return 0
    declared = site.module(module)
    given = {
        "sender": sender,
        "module": module,
        "endpoint": declared.endpoint,
        "paths": [path for path, _ in rows],
        "touched": [touched for _, touched in rows],
        "now": now,
        "roles": sorted(declared.receiver_roles),
        "only": None if only is None else list(only),
        "except": list(withheld),
        "receiver": receiver,
    }
    transaction.on_commit(nudge)
    if count:
        return int(statements.run(_STAGE, given)[0][0])
    statements.later(_STAGE, given)
    return 0
