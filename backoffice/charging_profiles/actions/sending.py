"""Ask for a session: a partner, where a driver of ours charges, or a charge point of ours, where staff steer it; and hear what
the partner says at once, what its charge point says later, and what it tells by itself.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction

from backoffice.charging_profiles.actions.keeping import (
    MODULE,
    Tree,
    UnableToSteer,
    evse_of,
    fresh_uid,
    go,
    hold,
    keep_active,
    locked,
    make,
    note,
    of_uid,
    parsed,
    plug_of,
)
from backoffice.charging_profiles.actions.receiving import Wish, decide, put_to_point
from backoffice.charging_profiles.models import ProfileRequest
from backoffice.charging_profiles.rules.asking import (
    CAPABLE,
    MOST_PERIODS,
    TAKING,
    TIMEOUT,
    WINDOW,
    findings,
    waiting_time,
)
from backoffice.charging_profiles.rules.states import OPEN, WORDS, Kind, Move, State, Way
from backoffice.delivery.actions.errands import owe_request
from backoffice.fields import DocumentField, milliseconds
from backoffice.partners.models import Connection, Endpoint
from backoffice.sessions.actions.preferring import UnableToPrefer, leading_to
from backoffice.sessions.models import Session
from ocpi.wire import charging_profiles as wire
from ocpi.wire.charging_profiles import ChargingProfileResponseType as R
from ocpi.wire.charging_profiles import ChargingProfileResultType as Result
from ocpi.wire.sessions import SessionStatus

SENT_WITHIN = timedelta(seconds=30)
"""A request that cannot be sent by then is not sent at all: the charge has gone on."""


class NothingThere(Exception):
    """There is no such request or session for this partner."""


def ask(session: Session, wish: Wish, *, by: str, now: datetime, why: str = "") -> ProfileRequest:
    """Put it to the partner, or to our own charge point. Raises UnableToSteer, or wire_json.Invalid for what is no profile."""
    if wish.profile is not None:
        parsed(wish.profile)
    with transaction.atomic():
        steering, session = locked(session)
        refusal = why_not(session, wish, now=now)
        if refusal:
            raise UnableToSteer(refusal)
        request = ProfileRequest(
            uid=fresh_uid(),
            way=(Way.OWN if session.ours else Way.OUT).value,
            kind=wish.kind.value,
            session=session,
            party_id=session.party_id if session.ours else session.emsp_id,
            document=DocumentField.write(wish.profile) if wish.profile is not None else "",
            seconds=wish.seconds,
            state=(State.WAITING if session.ours else State.QUEUED).value,
            deadline=now + timedelta(seconds=TIMEOUT),
            asked_by=by[:150],
            why=why[:200],
        )
        if session.ours:
            make(request, now)
            put_to_point(steering, session, request, now)
            return request
        connection = _leading_to(session)
        request.connection, request.deadline = connection, now + SENT_WITHIN + timedelta(seconds=TIMEOUT)
        make(request, now)
        owe_request(
            connection=connection.pk,
            sender=session.emsp_id,
            receiver=session.party_id,
            module=MODULE,
            kind=request.kind,
            key=request.uid,
            segments={"session_id": session.object_id},
            tree={"charging_profile": wish.profile} if wish.profile is not None else None,
            query={"duration": str(wish.seconds)} if wish.seconds is not None else {},
            deadline=now + SENT_WITHIN,
            now=now,
        )
    return request


def why_not(session: Session, wish: Wish, *, now: datetime) -> str:
    """Why this cannot be asked now; empty when it can. What the partner or its charge point will say is not known before."""
    if session.ours:
        response, reason = decide(session, wish, party=session.party_id, now=now)
        return "" if response is R.ACCEPTED else reason or WORDS[response]
    if SessionStatus(session.status) not in TAKING:
        return f"The session is {session.status}: it takes no charging profiles."
    evse = evse_of(session)
    if evse is not None and CAPABLE not in evse.capabilities:
        return f"EVSE {evse} takes no charging profiles, says {session.party}."
    try:
        _leading_to(session)
    except UnableToSteer as error:
        return str(error)
    if wish.profile is not None:
        for finding in findings(parsed(wish.profile), plug=plug_of(session, evse), now=now):
            if finding.stops:
                return finding.text
    seconds = pause(session, now=now)
    return f"{session.party} has been asked too often. Try again in {seconds} s." if seconds else ""


def pause(session: Session, *, now: datetime) -> int:
    """Seconds that we leave a partner alone after it said TOO_OFTEN; it does not say how long."""
    last = (
        ProfileRequest.objects.filter(session=session, way=Way.OUT.value, response__gt="")
        .order_by("-asked_at", "-pk")
        .values_list("response", "responded_at")
        .first()
    )
    if last is None or last[0] != R.TOO_OFTEN.value or last[1] is None:
        return 0
    left = last[1] + WINDOW - now
    return max(-(-left // timedelta(seconds=1)), 0)


def _leading_to(session: Session) -> Connection:
    try:
        connection = leading_to(session)
    except UnableToPrefer as error:
        raise UnableToSteer(str(error)) from error
    if not Endpoint.objects.filter(connection=connection, identifier=MODULE, role="RECEIVER").exists():
        raise UnableToSteer(f"{connection} offers no Receiver interface for charging profiles.")
    return connection


# --- what the partner says --------------------------------------------------------------------------------------------


def answered(
    uid: str, response: wire.ChargingProfileResponse | None, problem: str, *, sent: bool, now: datetime
) -> None:
    """The partner has answered at once, or could not be asked. Without an answer although it may have heard us, its result may
    still come: the request waits until its deadline."""
    with transaction.atomic():
        request = of_uid(uid)
        if request is None or Way(request.way) is not Way.OUT:
            return
        by = str(request.connection or "")
        if response is None:
            if not sent:
                go(request, Move.FAIL, now, by="", reason=problem)
            else:
                note(request, "UNANSWERED", now, by=by, reason=problem)
            return
        request.response, request.responded_at = response.result.value, milliseconds(now)
        if State(request.state) is not State.QUEUED:  # its result overtook it
            request.save(update_fields=["response", "responded_at"])
            note(request, "ANSWER", now, by=by, reason=f"{response.result.value}, after the result.")
            return
        if response.result is R.ACCEPTED:
            request.deadline = now + waiting_time(response.timeout)
            go(request, Move.ACCEPT, now, by=by, reason=f"{WORDS[response.result]} Time-out {response.timeout} s.")
        else:
            go(request, Move.REFUSE, now, by=by, reason=f"{WORDS[response.result]} {problem}".strip())


def refused(uid: str, problem: str, now: datetime) -> None:
    """The partner answered with an error instead of a response."""
    with transaction.atomic():
        request = of_uid(uid)
        if request is not None and Way(request.way) is Way.OUT and State(request.state) is State.QUEUED:
            go(request, Move.REFUSE, now, by=str(request.connection or ""), reason=problem)


def heard(*, kind: str, uid: str, connection: int, by: str, result: Result, profile: Tree | None, now: datetime) -> str:
    """The charge point's answer, as the partner posts it to our response_url. Late or doubled it is noted and changes nothing.
    Returns the id of the session. Raises NothingThere for a uid that is not known on this connection."""
    with transaction.atomic():
        request = of_uid(uid) if ProfileRequest.objects.filter(uid=uid, way=Way.OUT.value).exists() else None
        if request is None or request.connection_id != connection or request.kind != kind:
            raise NothingThere("No result is awaited here.")
        if State(request.state) in OPEN and request.deadline <= now:  # nobody has looked since
            go(request, Move.EXPIRE, now, by="", reason="The partner told no result in time.")
        if not go(request, Move.RESULT, now, by=by, reason="" if result is Result.ACCEPTED else _said(result)):
            return request.session.object_id
        request.result = result.value
        request.save(update_fields=["result"])
        if request.kind == Kind.SET.value and result is Result.ACCEPTED:
            hold(request, request.document, now)
        if request.kind == Kind.CLEAR.value and result in (Result.ACCEPTED, Result.UNKNOWN):
            hold(request, "", now)
        if profile is not None:
            steering, _ = locked(request.session)
            keep_active(steering, profile, source=by, now=now)
        return request.session.object_id


def _said(result: Result) -> str:
    if result is Result.UNKNOWN:
        return "The charge point found no profile to do this with."
    return "The charge point refused it."


def updated(
    *, session_id: str, theirs: Collection[int], ours: Collection[int], by: str, profile: Tree, now: datetime
) -> None:
    """A CPO tells by itself what is active for a driver of ours. Raises NothingThere for a session that it did not tell of,
    UnableToSteer for a profile that is none."""
    with transaction.atomic():
        found = Session.objects.filter(
            party__in=theirs, emsp__in=ours, ours=False, object_id__iexact=session_id
        ).first()
        if found is None:
            raise NothingThere(f"There is no session {session_id} of yours here.")
        if len(profile["charging_profile"].get("charging_profile_period") or ()) > MOST_PERIODS:
            raise UnableToSteer(f"charging_profile: more than {MOST_PERIODS} periods.")
        steering, _ = locked(found)
        keep_active(steering, profile, source=by, now=now)
