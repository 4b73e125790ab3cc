"""End what nobody answers: a partner's result that never came, a charge point whose order got lost."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction

from backoffice.charging_profiles.actions.executing import TIMEOUT, done
from backoffice.charging_profiles.actions.keeping import go, of_uid
from backoffice.charging_profiles.models import ProfileRequest
from backoffice.charging_profiles.rules.states import OPEN, Move, State, Way
from ocpi.wire.sessions import SessionStatus

OVER = frozenset(SessionStatus) - {SessionStatus.RESERVATION, SessionStatus.PENDING, SessionStatus.ACTIVE}

log = logging.getLogger("roamdesk.charging_profiles")

GRACE = timedelta(seconds=10)
"""Orders expire by themselves and tell us; this looks after those that could not."""


def overdue(*, now: datetime) -> bool:
    return ProfileRequest.objects.filter(state__in=[state.value for state in OPEN], deadline__lte=now).exists()


def sweep(*, now: datetime) -> int:
    """Returns how many requests have timed out."""
    ended = 0
    waiting = ProfileRequest.objects.filter(state__in=[state.value for state in OPEN], deadline__lte=now)
    for uid, way, deadline in waiting.order_by("deadline").values_list("uid", "way", "deadline"):
        try:
            if Way(way) is Way.OUT:
                ended += _expire(uid, now)
            elif deadline + GRACE <= now:
                done(uid, TIMEOUT, "The charge point did not answer in time.", None, now)
                ended += 1
        except Exception:  # one that cannot be ended must not keep the others waiting
            log.exception("charging profile request %s could not be ended", uid)
    return ended


def trim(*, before: datetime, batch: int = 1000) -> int:
    """Forget requests that ended before this time, with what they held their sessions to: these are over.
    Returns how many."""
    done = 0
    over = [state.value for state in OVER]
    while True:
        rows = ProfileRequest.objects.filter(asked_at__lt=before, ended_at__lt=before, session__status__in=over)
        _, counts = ProfileRequest.objects.filter(pk__in=list(rows.values_list("pk", flat=True)[:batch])).delete()
        gone = counts.get(ProfileRequest._meta.label, 0)
        done += gone
        if gone < batch:
            return done


def _expire(uid: str, now: datetime) -> bool:
    with transaction.atomic():
        request = of_uid(uid)
        if request is None or State(request.state) not in OPEN or request.deadline > now:
            return False
        answered = request.state == State.WAITING.value
        reason = (
            "The partner told no result in time." if answered else "The partner answered nothing, and no result came."
        )
        return go(request, Move.EXPIRE, now, by="", reason=reason)
