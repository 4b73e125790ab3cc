"""What is done to the outbox from outside: staff send again or let go, a restore holds every mailbox. Nothing here sends."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from backoffice.delivery.rules import MessageState
from backoffice.partners.models import Connection
from backoffice.partners.rules import ConnectionState


def retry_now(messages: Any, *, now: datetime) -> int:
    """Staff: send these again now (a queryset of Message). Their mailboxes do not wait for the next probe of the line."""
    with transaction.atomic():
        open_ones = messages.filter(state__in=[MessageState.DUE, MessageState.REFUSED])
        boxes = list(open_ones.order_by().values_list("connection_id", flat=True).distinct())
        changed: int = open_ones.update(state=MessageState.DUE, due_at=now, attempts=0)
        Connection.objects.filter(pk__in=boxes).update(next_attempt_at=None)
    return changed


def drop(messages: Any, *, reason: str) -> int:
    """Staff: these need not be told any more."""
    changed: int = messages.filter(state__in=[MessageState.DUE, MessageState.REFUSED]).update(
        state=MessageState.DROPPED, last_cause="dropped", last_error=reason
    )
    return changed


def pause_all(*, reason: str) -> int:
    """Hold every mailbox, as after a restore: old state must not go out before the partners were asked."""
    paused: int = Connection.objects.filter(state=ConnectionState.ACTIVE).update(
        state=ConnectionState.PAUSED, held_reason=reason[:200]
    )
    return paused
