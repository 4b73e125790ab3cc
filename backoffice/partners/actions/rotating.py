"""Tokens that have grown old are exchanged by themselves (credentials#credentials_updating: renew them at least monthly).

What fails leaves everything as it was; its steps say why, as those of a rotation that staff began.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db.models import Max, Q, QuerySet

from backoffice.partners.actions import handshake
from backoffice.partners.actions.discovery import UnableToHandshake
from backoffice.partners.models import Connection, Step
from backoffice.partners.rules import TALKING, NotAllowed, TokenKind
from backoffice.partners.secrets import UnableToDecrypt

log = logging.getLogger("roamdesk.partners")


def due(*, older_than: timedelta, now: datetime) -> QuerySet[Connection]:
    """Connections in use whose newest token with which the partner calls us was made longer ago than that."""
    in_force = Q(inbound_tokens__kind=TokenKind.ACTIVE, inbound_tokens__burnt_at__isnull=True)
    return (
        Connection.objects.filter(state__in=TALKING)
        .annotate(newest_token_at=Max("inbound_tokens__created_at", filter=in_force))
        .filter(newest_token_at__lt=now - older_than)
        .order_by("pk")
    )


def rotate_old(*, older_than: timedelta, now: datetime) -> int:
    """PUT credentials to each partner whose tokens are old. Returns how many were renewed."""
    renewed = 0
    for connection in due(older_than=older_than, now=now):
        try:
            handshake.update(connection, now=now, version=connection.version)
        except (UnableToHandshake, handshake.Busy, NotAllowed, UnableToDecrypt) as error:
            log.warning("tokens of %s stay as they are: %s", connection, error)
            if not isinstance(error, UnableToHandshake):  # that one has told its steps already
                Step.objects.create(
                    connection=connection,
                    at=now,
                    flow="update",
                    title="Renew old tokens",
                    ok=False,
                    cause=type(error).__name__,
                    detail=str(error),
                )
        else:
            renewed += 1
    return renewed
