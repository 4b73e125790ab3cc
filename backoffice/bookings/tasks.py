"""The clock door of bookings. Idempotent: each looks at what is there, so that a look that was missed costs only time."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task
from django.db import DatabaseError

from backoffice.bookings.actions import charging, hearing, holding, keeping, settling
from backoffice.cdrs.actions import issuing
from backoffice.roaming_site import site

log = logging.getLogger("roamdesk.bookings")


@shared_task(name="bookings.sweep")
def sweep(**kwargs: Any) -> dict[str, int]:
    """Begin what begins, let go of those for whom nobody came, of broken chargers and of charges that are over; bill them. Have
    stations keep what is booked soon, and nothing else: last, so that they hear of what has just ended, too."""
    now = site.now()
    counts = {
        "given_up": settling.give_up_broken(now=now),
        "begun": charging.begin_due(now=now),
        "missed": settling.miss_overdue(now=now),
        "stopped": settling.stop_overstayed(now=now),
        "released": settling.release_ended(now=now),
        "unheard": hearing.give_up(now=now),
        "ordered": holding.look(now=now),
    }
    ended = settling.settle(now=now)
    for session in ended:
        try:  # a sweep of the bills finds what was not issued here
            issuing.issue(session, now=now)
        except (issuing.UnableToIssue, DatabaseError) as error:
            log.warning("no CDR of a booking yet: %s", error)
    return counts | {"billed": len(ended)}


@shared_task(name="bookings.tidy")
def tidy(**kwargs: Any) -> int:
    """Throw away what was kept for times that are long over."""
    return keeping.tidy(now=site.now())
