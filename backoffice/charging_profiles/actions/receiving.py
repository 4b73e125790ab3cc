"""Take what a partner asks for a session of ours, as CPO: set a profile, remove it, tell what is active
(mod_charging_profiles#cpo_interface). The answer is about us; what the charge point says follows (`executing`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from backoffice.charge_points.actions.ordering import UnableToOrder, order, reachable
from backoffice.charge_points.rules.orders import Kind as OrderKind
from backoffice.charging_profiles.actions.executing import owe_result_of
from backoffice.charging_profiles.actions.keeping import (
    MODULE,
    Tree,
    evse_of,
    fresh_uid,
    go,
    held,
    limits_of,
    locked,
    make,
    may_steer,
    parsed,
    plug_of,
)
from backoffice.charging_profiles.models import Hold, ProfileRequest, Steering
from backoffice.charging_profiles.rules.asking import (
    AT_THE_POINT,
    CAPABLE,
    LONGEST,
    TIMEOUT,
    WINDOW,
    Asked,
    respond,
)
from backoffice.charging_profiles.rules.curves import NotComparable
from backoffice.charging_profiles.rules.states import OPEN, Kind, Move, State, Way
from backoffice.fields import DocumentField, milliseconds
from backoffice.sessions.models import Session
from ocpi.wire.charging_profiles import ChargingProfileResponseType as R
from ocpi.wire.charging_profiles import ChargingProfileResultType
from ocpi.wire.sessions import SessionStatus


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. `profile` with SET, `seconds` with ACTIVE."""

    kind: Kind
    profile: Tree | None = None
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Asker:
    """The partner that asks, and where it wants to hear of the result. `parties`: for whom it may speak in this request."""

    connection: int
    name: str
    parties: Collection[int]
    response_url: str
    correlation_id: str = ""


def take(*, wish: Wish, asker: Asker, ours: Collection[int], session_id: str, now: datetime) -> tuple[R, str]:
    """The answer, and why in a sentence. `ours`: the CPOs of ours that are asked."""
    found = Session.objects.filter(party__in=ours, ours=True, object_id__iexact=session_id).order_by("pk").first()
    party = may_steer(found, asker.parties) if found is not None else None
    if found is None or party is None:
        return R.UNKNOWN_SESSION, f"There is no session {session_id} here that you may set charging profiles for."
    with transaction.atomic():
        steering, session = locked(found)
        response, reason = decide(session, wish, party=party, now=now)
        request = ProfileRequest(
            uid=fresh_uid(),
            way=Way.IN.value,
            kind=wish.kind.value,
            session=session,
            party_id=party,
            connection_id=asker.connection,
            document=DocumentField.write(wish.profile) if wish.profile is not None else "",
            seconds=_seconds(wish),
            response_url=asker.response_url,
            state=(State.WAITING if response is R.ACCEPTED else State.REFUSED).value,
            response=response.value,
            reason=reason,
            deadline=now + timedelta(seconds=TIMEOUT),
            asked_by=asker.name[:150],
            responded_at=milliseconds(now),
            correlation_id=asker.correlation_id,
        )
        make(request, now)
        if response is R.ACCEPTED:
            put_to_point(steering, session, request, now)
    return response, reason


def decide(session: Session, wish: Wish, *, party: int, now: datetime) -> tuple[R, str]:
    """What we answer, and why, to a party that may ask for this session of ours."""
    evse = evse_of(session)
    asked = Asked(
        kind=wish.kind,
        status=SessionStatus(session.status),
        capable=evse is not None and CAPABLE in evse.capabilities,
        why_unreachable=reachable(evse.pk, now=now) if evse is not None else "The EVSE of the session is gone.",
        plug=plug_of(session, evse),
        profile=parsed(wish.profile) if wish.profile is not None else None,
        asked=list(
            ProfileRequest.objects.filter(
                session=session, party=party, way=Way.IN.value, response=R.ACCEPTED.value, asked_at__gt=now - WINDOW
            ).values_list("asked_at", flat=True)
        ),
        others=_others(session, wish, party),
    )
    response, reason = respond(asked, now)
    if response is R.ACCEPTED and wish.profile is not None:
        try:
            point_profile(session, wish.profile, party, now)
        except NotComparable as error:
            return R.REJECTED, str(error)
    return response, reason


def _others(session: Session, wish: Wish, party: int) -> str:
    """The party whose change is at the charge point: two at once would each undo the other's."""
    if wish.kind is Kind.ACTIVE:
        return ""
    row = (
        ProfileRequest.objects.filter(session=session, state=State.WAITING.value, way__in=[Way.IN.value, Way.OWN.value])
        .exclude(kind=Kind.ACTIVE.value)
        .exclude(party=party)
        .select_related("party")
        .first()
    )
    return "another party" if row is not None else ""


def _seconds(wish: Wish) -> int | None:
    return None if wish.seconds is None else min(wish.seconds, LONGEST)


def point_profile(session: Session, profile: Tree, party: int, now: datetime) -> Tree:
    """What the charge point is told when this party sets this profile: the lowest of it and what others hold the session to.
    Raises NotComparable."""
    limits = limits_of(session, profile["charging_rate_unit"])
    return limits.for_point([profile, *held(session, but=party)], now)


def put_to_point(steering: Steering, session: Session, request: ProfileRequest, now: datetime) -> None:
    """Order what the request wants of the charge point. What only the books can answer is answered at once."""
    kind = Kind(request.kind)
    arguments: Tree = {"transaction": session.transaction}
    if kind is Kind.CLEAR and not _has_something(request):
        go(request, Move.RESULT, now, by="", reason="Nothing was set, so there is nothing to remove.")
        request.result = ChargingProfileResultType.UNKNOWN.value
        request.save(update_fields=["result"])
        owe_result_of(request, None, now)
        return
    if kind is Kind.SET:
        ordered: Tree | None = point_profile(session, DocumentField.read(request.document), request.party_id, now)
    elif kind is Kind.CLEAR and (rest := held(session, but=request.party_id)):
        ordered = limits_of(session, rest[0]["charging_rate_unit"]).for_point(rest, now)
    else:
        ordered = None
    if ordered is not None:
        wanted, arguments = OrderKind.SET_PROFILE, arguments | {"profile": ordered}
        request.ordered = DocumentField.write(ordered)
        request.save(update_fields=["ordered"])
    elif kind is Kind.CLEAR:
        wanted = OrderKind.CLEAR_PROFILE
    else:
        wanted, arguments = OrderKind.ACTIVE_PROFILE, arguments | {"seconds": request.seconds}
    assert session.point_id is not None
    try:
        order(
            evse=session.point_id,
            kind=wanted,
            arguments=arguments,
            purpose=MODULE,
            key=request.uid,
            deadline=now + timedelta(seconds=AT_THE_POINT),
            now=now,
        )
    except UnableToOrder as error:  # its driver went away since it was looked for
        go(request, Move.RESULT, now, by="", reason=str(error))
        request.result = ChargingProfileResultType.REJECTED.value
        request.save(update_fields=["result"])
        owe_result_of(request, None, now)


def _has_something(request: ProfileRequest) -> bool:
    """Whether the party of a CLEAR holds the session to something, or is about to."""
    if Hold.objects.filter(session=request.session_id, party=request.party_id).exclude(document="").exists():
        return True
    return (
        ProfileRequest.objects.filter(
            session=request.session_id,
            party=request.party_id,
            kind=Kind.SET.value,
            state__in=[state.value for state in OPEN],
        )
        .exclude(pk=request.pk)
        .exists()
    )
