"""The clock door of commands. Idempotent; calls one action of each room."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task
from django.db import DatabaseError

from backoffice.cdrs.actions import issuing
from backoffice.commands.actions import hearing, reservations
from backoffice.roaming_site import site

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
