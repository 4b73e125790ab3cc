"""The clock door of commands. Idempotent; calls one action of each room."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from celery import shared_task
from django.conf import settings
from django.db import DatabaseError

from backoffice.cdrs.actions import issuing
from backoffice.charge_points.actions import ordering
from backoffice.charging_profiles.actions import watching
from backoffice.commands.actions import hearing, reservations, trimming
from backoffice.roaming_site import site

TRIMMED = (trimming.trim, ordering.trim, watching.trim)
"""What was asked of charge points, by us and of us: commands with their reservations, orders, charging profiles."""

log = logging.getLogger("roamdesk.commands")


@shared_task(name="commands.sweep")
def sweep(**kwargs: Any) -> dict[str, int]:
    """Stop waiting for results that do not come; let go of reservations for which nobody came, and bill them."""
    now = site.now()
    ended = reservations.expire(now=now)
    for session in ended:
        try:  # a sweep of the bills finds what was not issued here
            issuing.issue(session, now=now)
        except (issuing.UnableToIssue, DatabaseError) as error:
            log.warning("no CDR of a reservation yet: %s", error)
    return {"expired": len(ended), "timed_out": hearing.time_out(now=now)}


@shared_task(name="commands.trim")
def trim(**kwargs: Any) -> int:
    """Forget what is older than it is to be kept."""
    before = site.now() - timedelta(days=settings.COMMAND_RETENTION_DAYS)
    return sum(forget(before=before) for forget in TRIMMED)
