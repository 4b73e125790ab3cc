"""What a charge point of ours says to a request: the request ends, the partner that asked is told, and everybody else who set a
profile hears of what is active from now on (mod_charging_profiles#msp_put_method).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from backoffice.charging_profiles.actions.keeping import (
    MODULE,
    Tree,
    believable,
    go,
    held,
    hold,
    keep_active,
    knows,
    limits_of,
    note,
    of_uid,
    tell,
)
from backoffice.charging_profiles.models import ProfileRequest, Steering
from backoffice.charging_profiles.rules.asking import PUSHED
from backoffice.charging_profiles.rules.curves import NotComparable
from backoffice.charging_profiles.rules.states import Kind, Move, Way, result_of
from backoffice.delivery.actions.errands import owe_result
from backoffice.fields import DocumentField
from backoffice.sessions.models import Session
from ocpi.wire.charging_profiles import ChargingProfileResultType as Result
from ocpi.wire.sessions import SessionStatus

TIMEOUT = "TIMEOUT"
POINT = "charge point"

TELL_FOR = timedelta(minutes=2)
"""How long a result is worth telling: who asked waits a minute, and looks a little later perhaps."""


def done(key: str, outcome: str, reason: str, profile: Tree | None, now: datetime) -> None:
    """The charge point has answered, or did not in time (TIMEOUT). Said again, or too late, it is noted and changes nothing."""
    with transaction.atomic():
        request = of_uid(key)
        if request is None:
            return
        late = outcome == TIMEOUT
        if not go(request, Move.EXPIRE if late else Move.RESULT, now, by="" if late else POINT, reason=reason):
            return
        result = Result.REJECTED if late else result_of(outcome)
        request.result = result.value
        request.save(update_fields=["result"])
        told = _effect(request, result, profile, now)
        owe_result_of(request, told, now)
        if told is not None and SessionStatus(request.session.status) in (SessionStatus.PENDING, SessionStatus.ACTIVE):
            tell(request.session, told, now)


def _effect(request: ProfileRequest, result: Result, profile: Tree | None, now: datetime) -> Tree | None:
    """What changes by the answer. Returns the active profile where it is known now."""
    kind = Kind(request.kind)
    if kind is Kind.CLEAR and result in (Result.ACCEPTED, Result.UNKNOWN):
        hold(request, "", now)
    if result is not Result.ACCEPTED:
        return None
    if kind is Kind.SET:
        hold(request, request.document, now)
    session, steering = request.session, Steering.objects.get(session=request.session_id)
    length = timedelta(seconds=request.seconds) if request.seconds else PUSHED
    by_point = believable(profile) is not None
    told = profile if by_point else _computed(session, length, now)
    if told is None:
        return None
    keep_active(steering, told, source=POINT if by_point else "", now=now, computed=not by_point)
    if kind is Kind.ACTIVE:
        knows(session, request.party_id, told)
    elif kind is Kind.SET and Way(request.way) is Way.IN:
        expected = _expected(session, DocumentField.read(request.document), now)
        if expected is not None:  # what it asked for; where something else is active, it hears of it
            knows(session, request.party_id, expected)
    return told


def _computed(session: Session, length: timedelta, now: datetime) -> Tree | None:
    """As it follows from what holds; the charge point did not say it. None where units cannot be compared."""
    profiles = held(session)
    limits = limits_of(session, profiles[0]["charging_rate_unit"] if profiles else "")
    try:
        return limits.active(profiles, now, length)
    except NotComparable:
        return None


def _expected(session: Session, profile: Tree, now: datetime) -> Tree | None:
    try:
        return limits_of(session, profile["charging_rate_unit"]).active([profile], now)
    except NotComparable:
        return None


def owe_result_of(request: ProfileRequest, told: Tree | None, now: datetime) -> None:
    """Owe the partner what came of its request, at the URL that it gave (T-441, T-442)."""
    if Way(request.way) is not Way.IN or request.connection_id is None:
        return
    tree: Tree = {"result": request.result}
    if Kind(request.kind) is Kind.ACTIVE and request.result == Result.ACCEPTED.value:
        if told is None:  # a yes without the profile that it is about would be refused (T-453)
            request.result = Result.REJECTED.value
            request.save(update_fields=["result"])
            tree = {"result": request.result}
        else:
            tree["profile"] = told
    owe_result(
        connection=request.connection_id,
        sender=request.session.party_id,
        receiver=request.party_id,
        module=MODULE,
        kind=request.kind,
        key=request.uid,
        url=request.response_url,
        tree=tree,
        deadline=now + TELL_FOR,
        correlation_id=request.correlation_id,
        now=now,
    )


def delivered(uid: str, problem: str, now: datetime) -> None:
    """What became of the result that we owed."""
    with transaction.atomic():
        request = of_uid(uid)
        if request is None or request.told is not None:
            return
        request.told = not problem
        request.save(update_fields=["told"])
        note(request, "TELL", now, reason=problem or "The partner took the result.")


def changed(session: Session, profile: Tree, now: datetime) -> None:
    """The charge point says by itself that another profile is active from now on, as when something local limits it."""
    if believable(profile) is None:
        return
    with transaction.atomic():
        steering, _ = Steering.objects.select_for_update().get_or_create(session=session)
        if keep_active(steering, profile, source=POINT, now=now):
            tell(session, profile, now)
