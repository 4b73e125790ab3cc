"""What has a deadline ends, although beat or the workers are away: commands, reservations, requests for charging profiles.

Beat's own tasks end them within seconds. This looks after what is left over: somebody waits for each of them, and what does not
end keeps an EVSE from everybody else. What a station was ordered and did not answer ends with its command.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import DatabaseError

from backoffice.cdrs.actions import issuing
from backoffice.charging_profiles.actions import watching
from backoffice.commands.actions import hearing, reservations

log = logging.getLogger("roamdesk.sweep")


def overdue(*, now: datetime, by: timedelta) -> bool:
    """Whether something should have ended so long ago. Three looks by index."""
    before = now - by
    return hearing.overdue(now=before) or reservations.overdue(now=before) or watching.overdue(now=before)


def end(*, now: datetime) -> None:
    for session in reservations.expire(now=now):
        try:  # a sweep of the bills finds what was not issued here
            issuing.issue(session, now=now)
        except (issuing.UnableToIssue, DatabaseError) as error:
            log.warning("no CDR of a reservation yet: %s", error)
    hearing.time_out(now=now)
    watching.sweep(now=now)
