"""Put a CDR of ours into the books, and owe it to its eMSP when nothing holds it back.

What its eMSP may see from then on never changes. One that is held is hidden, and enters when staff release it. For a driver of
our own there is nobody to tell: such a CDR is acknowledged as it is released.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from backoffice.cdrs.actions import following
from backoffice.cdrs.actions.moving import UnableToDecide, move, note
from backoffice.cdrs.actions.storing import Became, Told, insert
from backoffice.cdrs.actions.telling import receipts
from backoffice.cdrs.models import Cdr
from backoffice.cdrs.rules.content import written
from backoffice.cdrs.rules.plausibility import Finding
from backoffice.cdrs.rules.states import CdrMove, CdrState
from backoffice.crash_points import crash_point
from backoffice.delivery.actions.staging import stage
from backoffice.fields import milliseconds
from backoffice.partners.models import Party
from ocpi.versions import NEWEST
from ocpi.wire import cdrs as wire
from ocpi.wire import json as wire_json
from ocpi.wire.base import date_time_text

Tree = dict[str, Any]


def put(
    tree: Tree,
    *,
    party: Party,
    emsp: Party,
    findings: Sequence[Finding],
    now: datetime,
    by: str = "",
    reason: str = "",
    replaces: Cdr | None = None,
) -> Cdr | None:
    """A new CDR of ours: held for these findings, else released. In the caller's transaction. None when there is one already,
    of this id or of this session."""
    told = Told(tree, wire_json.validate(wire.CDR, tree), emsp.pk)
    state = CdrState.HELD if findings else CdrState.RELEASED
    fates = {
        "ours": True,
        "state": state.value,
        "verdict": "",
        "entered_at": None if findings else now,
        "replaces_id": replaces.pk if replaces else None,
    }
    insert(party.pk, [told], fates, told_in=NEWEST, now=now)
    if told.became is not Became.NEW:
        return None
    if findings:
        Cdr.objects.filter(pk=told.id).update(
            held_for=[finding.code for finding in findings], held_because=[finding.sentence for finding in findings]
        )
    note(told.id, "ISSUED", now=now, by=by, reason=reason, to_state=state.value)
    cdr = Cdr.objects.select_related("party", "emsp").get(pk=told.id)
    if not findings:
        _owe(cdr, now)
    following.issued(cdr, now=now)
    return cdr


def release(cdr: Cdr, *, now: datetime, by: str, reason: str) -> Cdr:
    """Staff: it is right as it is. Its `last_updated` is now, so that a partner which pulls by date finds it. Raises
    UnableToDecide."""
    with transaction.atomic():
        row = Cdr.objects.select_for_update(of=("self",), no_key=True).select_related("party", "emsp").get(pk=cdr.pk)
        if row.state != CdrState.HELD:
            raise UnableToDecide(f"CDR {row} is {row.state.lower() or 'not ours'}: only a held one can be released.")
        moment = milliseconds(now)
        document, content = written(row.tree() | {"last_updated": date_time_text(moment)})
        move(
            row,
            CdrMove.RELEASE,
            now=now,
            by=by,
            reason=reason,
            document=document.decode(),
            content_hash=content,
            last_updated=moment,
            generation=row.generation + 1,
            entered_at=now,
        )
        _owe(row, now)
    return row


def _owe(cdr: Cdr, now: datetime) -> None:
    crash_point("cdr-before-commit")
    if cdr.emsp.ours:
        move(
            cdr,
            CdrMove.ACKNOWLEDGE,
            now=now,
            reason="A driver of our own: there is no partner to tell.",
            acknowledged_at=now,
        )
        receipts([cdr.pk], now=now)
        return
    stage(sender=cdr.party_id, module="cdrs", changes=[((cdr.object_id,), ())], now=now, receiver=cdr.emsp_id)


def owe_again(*, now: datetime) -> int:
    """Owe what is released and was never owed to anybody, as when its eMSP was not connected yet. Returns how many messages."""
    owed = 0
    missing = (
        Cdr.objects.filter(state=CdrState.RELEASED)
        .extra(  # a message is addressed by ids, not by rows
            where=[
                """NOT EXISTS (SELECT 1 FROM delivery_message m JOIN partners_connection c ON c.id = m.connection_id
                   WHERE m.module = 'cdrs' AND m.object_path = cdrs_cdr.object_id AND m.sender_id = cdrs_cdr.party_id
                     AND m.receiver_id = cdrs_cdr.emsp_id AND c.state <> 'REMOVED')"""
            ]
        )
        .order_by("id")[:10_000]
    )
    for cdr in missing:
        with transaction.atomic():
            owed += stage(
                sender=cdr.party_id,
                module="cdrs",
                changes=[((cdr.object_id,), ())],
                now=now,
                receiver=cdr.emsp_id,
                count=True,
            )
    return owed
