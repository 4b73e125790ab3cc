"""What partners push: PUT and DELETE of a Tariff (mod_tariffs#emsp_interface). There is no PATCH."""

from __future__ import annotations

from datetime import datetime

from backoffice import statements
from backoffice.documents.fates import Fate
from backoffice.tariffs.actions.storing import PARTNER, parsed, store
from ocpi.module import Arrival, Peer, Stored, Unknown


def put(arrival: Arrival) -> Stored:
    (item,) = store(
        arrival.owner.id,
        [(arrival.tree, parsed(arrival.tree))],
        source=PARTNER,
        said_by=arrival.peer.name,
        now=arrival.now,
        ours=False,
    )
    return Stored(created=item.fate is Fate.NEW, stale=item.fate is Fate.STALE)


def delete(arrival: Arrival) -> Stored:
    """The tariff is not used any more. It stays here for what was charged by it, and is served to nobody. Raises Unknown."""
    gone = statements.run(
        """UPDATE tariffs_tariff SET withdrawn_at = %s, seen_at = %s
           WHERE party_id = %s AND upper(object_id) = upper(%s) AND withdrawn_at IS NULL RETURNING id""",
        [arrival.now, arrival.now, arrival.owner.id, arrival.ids[0]],
    )
    if not gone:
        raise Unknown(f"Tariff {arrival.ids[0]} is not known here.")
    return Stored()


def vanish(peer: Peer, since: datetime, now: datetime) -> int:
    """What a full list no longer holds is no longer valid (mod_tariffs#cpo_get_method). Returns how many."""
    gone = statements.run(
        """UPDATE tariffs_tariff SET withdrawn_at = %s
           WHERE party_id = ANY(%s) AND (seen_at IS NULL OR seen_at < %s) AND withdrawn_at IS NULL RETURNING id""",
        [now, [party.id for party in peer.theirs], since],
    )
    return len(gone)
