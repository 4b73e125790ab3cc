"""Look after sessions that stand still (`rules.watching`), and what staff do about them: set aside, end, ask the partner.

What a sweep finds is noted once, until the session moves again. Staff that set a session aside say why; it is then in no list of
what is left to do, and the reason stays in its timeline.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from backoffice.delivery.actions import pulling
from backoffice.delivery.models import Pull
from backoffice.sessions.actions import running
from backoffice.sessions.actions.preferring import UnableToPrefer, leading_to
from backoffice.sessions.actions.running import UnableToCharge
from backoffice.sessions.models import Session, SessionEvent
from backoffice.sessions.rules.watching import (
    GIVEN_UP_AFTER,
    NEVER_STARTED_AFTER,
    NO_CDR_AFTER,
    SENTENCES,
    SILENT_AFTER,
    Finding,
    Watched,
    finding,
)
from ocpi.wire.sessions import SessionStatus

BATCH = 500

SET_ASIDE, TAKEN_UP, ASKED = "SET_ASIDE", "TAKEN_UP", "ASKED"


class UnableToHelp(Exception):
    """What staff want is not possible; the sentence says why."""


def silent(now: datetime) -> Q:
    """Sessions that go on, of which nothing was heard for a quarter of an hour."""
    return Q(status=SessionStatus.ACTIVE.value, moved_at__lte=now - SILENT_AFTER)


def without_cdr(now: datetime) -> Q:
    """Sessions of which we heard a day ago that they ended, and whose CDR nobody knows; not those that staff set aside."""
    return Q(status=SessionStatus.COMPLETED.value, cdr_known_at=None, stuck="", moved_at__lte=now - NO_CDR_AFTER)


def sweep(*, now: datetime) -> dict[str, int]:
    """Note and remedy what stands still. Returns how many of each finding."""
    found: dict[str, int] = {}
    for queryset in _candidates(now):
        for session in queryset.defer("document").order_by("pk")[:BATCH]:
            told = _look(session, now)
            if told is not None:
                found[told.value] = found.get(told.value, 0) + 1
    return found


def _candidates(now: datetime) -> list[QuerySet[Session]]:
    """What was noticed already is left out, so that it cannot fill the batch before what is new."""
    pending = Q(status=SessionStatus.PENDING.value, moved_at__lte=now - NEVER_STARTED_AFTER)
    reserved = Q(status=SessionStatus.RESERVATION.value, moved_at__lte=now - GIVEN_UP_AFTER)
    lost = Q(status=SessionStatus.ACTIVE.value, moved_at__lte=now - GIVEN_UP_AFTER)
    new = Session.objects.filter(noticed="")
    return [
        Session.objects.filter(lost | pending, ours=True),
        new.filter(silent(now) | pending | reserved),
        new.filter(without_cdr(now)),
    ]


def _look(session: Session, now: datetime) -> Finding | None:
    """One session in a transaction of its own. None when there is nothing new about it."""
    facts = Watched(
        session.ours,
        SessionStatus(session.status),
        session.moved_at,
        session.cdr_known_at is not None,
    )
    found = finding(facts, now)
    if found is None or found.value == session.noticed:
        return None
    try:
        if found is Finding.END_IT:
            running.end(session=session, kwh=None, reason=SENTENCES[found], now=now, by="")
        elif found is Finding.INVALIDATE_IT:
            running.invalidate(session=session, reason=SENTENCES[found], now=now, by="")
        else:
            _notice(session, found, now)
    except UnableToCharge:
        return None  # it moved while we looked
    return found


def _notice(session: Session, found: Finding, now: datetime) -> None:
    with transaction.atomic():
        unmoved = Session.objects.filter(pk=session.pk, moved_at=session.moved_at, cdr_known_at=session.cdr_known_at)
        if unmoved.update(noticed=found.value):
            SessionEvent.objects.create(session=session, at=now, event=found.value, reason=SENTENCES[found])


def set_aside(session: Session, *, reason: str, by: str, now: datetime) -> None:
    """Staff know of it; it is not to be shown as a task any more. An empty reason takes it up again. Raises UnableToHelp."""
    reason = " ".join(reason.split())
    if reason and len(reason) > 200:
        raise UnableToHelp("Say it in at most 200 characters.")
    with transaction.atomic():
        if not Session.objects.filter(pk=session.pk).exclude(stuck=reason).update(stuck=reason):
            raise UnableToHelp("It was set aside for that already." if reason else "It was not set aside.")
        SessionEvent.objects.create(
            session=session, at=now, event=SET_ASIDE if reason else TAKEN_UP, by=by[:150], reason=reason
        )


def end_with_last_reading(session: Session, *, reason: str, by: str, now: datetime) -> Session:
    """Staff end a charge of ours whose charge point does not: with what it measured last. Raises UnableToHelp."""
    if not reason.strip():
        raise UnableToHelp("Say why: it goes into the timeline.")
    try:
        return running.end(session=session, kwh=None, reason=reason.strip(), now=now, by=by)
    except UnableToCharge as error:
        raise UnableToHelp(str(error)) from error


def refresh(session: Session, *, by: str, now: datetime) -> Pull:
    """Ask the partner for its list from this session's last change on: a CPO serves no single session. Raises UnableToHelp."""
    if session.ours:
        raise UnableToHelp("It is a session of ours: nobody knows more of it than we do.")
    try:
        pull = pulling.start(leading_to(session), "sessions", full=False, since=session.last_updated, now=now)
    except (UnableToPrefer, pulling.UnableToPull) as error:
        raise UnableToHelp(str(error)) from error
    with transaction.atomic():
        Session.objects.filter(pk=session.pk).update(asked_at=now)
        SessionEvent.objects.create(session=session, at=now, event=ASKED, by=by[:150])
    return pull
