"""Forget commands and reservations that ended long ago. What they came to, the sessions and CDRs say."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Model, QuerySet

from backoffice.commands.models import Command, Reservation
from backoffice.commands.rules.states import ONGOING, OPEN

BATCH = 1000
"""So that no statement holds the tables for long."""


def trim(*, before: datetime, batch: int = BATCH) -> int:
    """Of before this time, but what is still open, and the command behind a reservation that is kept. Returns how many
    commands."""
    over = Reservation.objects.filter(created_at__lt=before, ended_at__lt=before)
    over = over.exclude(state__in=[state.value for state in ONGOING])
    while _gone(Reservation, over, batch):
        pass
    ended = Command.objects.filter(created_at__lt=before, made=None).exclude(state__in=[state.value for state in OPEN])
    done = 0
    while gone := _gone(Command, ended, batch):
        done += gone
    return done


def _gone(of: type[Model], rows: QuerySet[Any], batch: int) -> int:
    """No order: PostgreSQL takes whichever it finds first."""
    known = list(rows.order_by().values_list("pk", flat=True)[:batch])
    _, counts = of._default_manager.filter(pk__in=known).delete()
    return counts.get(of._meta.label, 0)
