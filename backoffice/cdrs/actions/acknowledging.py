"""What partners have of ours: a CDR that they took is acknowledged, with the URL at which they keep it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from backoffice.cdrs.actions.moving import move
from backoffice.cdrs.models import Cdr
from backoffice.cdrs.rules.states import CdrMove, CdrState
from ocpi.module import PartyRef, Peer


def acknowledged(peer: Peer, owner: PartyRef, ids: tuple[str, ...], url: str, now: datetime) -> None:
    """The partner took it, or said that it has it already. Twice is once: only the URL may become known later."""
    with transaction.atomic():
        cdr = (
            Cdr.objects.select_for_update(no_key=True)
            .filter(party_id=owner.id, ours=True, object_id__iexact=ids[0])
            .first()
        )
        if cdr is None:
            return
        if cdr.state == CdrState.RELEASED:
            move(
                cdr,
                CdrMove.ACKNOWLEDGE,
                now=now,
                by=peer.name,
                acknowledged_at=now,
                acknowledged_url=url[:255],
            )
        elif cdr.state == CdrState.ACKNOWLEDGED and url and url != cdr.acknowledged_url:
            Cdr.objects.filter(pk=cdr.pk).update(acknowledged_url=url[:255])
