"""The partners' door of charging profiles: what they ask for sessions of ours, what they answer to us, and what they tell us of
profiles that are active at their charge points (mod_charging_profiles)."""

from __future__ import annotations

from datetime import datetime

from backoffice.charging_profiles.actions import executing, receiving, sending
from backoffice.charging_profiles.actions.keeping import MODULE, UPDATE, Tree, UnableToSteer
from backoffice.charging_profiles.actions.receiving import Asker, Wish
from backoffice.charging_profiles.rules.asking import LONGEST, SHORTEST, TIMEOUT
from backoffice.charging_profiles.rules.states import Kind
from backoffice.roaming_site import site
from ocpi.client import Cause
from ocpi.module import (
    Answer,
    Ask,
    AskArrival,
    AsyncRequests,
    Call,
    CallArrival,
    Module,
    Refusal,
    Reply,
    ResultArrival,
    Unknown,
)
from ocpi.wire import charging_profiles as wire
from ocpi.wire.envelope import StatusCode

SENDER_ROLES = frozenset({"EMSP", "SCSP"})
RECEIVER_ROLES = frozenset({"CPO"})
"""Who asks for profiles and who has the charge points (mod_charging_profiles#mod_charging_profiles_toplogies)."""

REFUSALS = frozenset(
    {
        Cause.UNAUTHORIZED,
        Cause.NOT_FOUND,
        Cause.NOT_SUPPORTED,
        Cause.HTTP_4XX,
        Cause.RATE_LIMITED,
        Cause.OCPI_2XXX,
        Cause.OCPI_3XXX,
        Cause.HUB_UNKNOWN_RECEIVER,
        Cause.HUB_ERROR,
    }
)
"""Errors by which the partner says no: no result follows. After any other one it may."""


def set_profile(arrival: AskArrival) -> Answer:
    assert arrival.tree is not None
    return _taken(arrival, Wish(Kind.SET, profile=arrival.tree["charging_profile"]))


def active_profile(arrival: AskArrival) -> Answer:
    return _taken(arrival, Wish(Kind.ACTIVE, seconds=_duration(arrival.query)))


def clear_profile(arrival: AskArrival) -> Answer:
    return _taken(arrival, Wish(Kind.CLEAR))


def _duration(query: dict[str, str]) -> int:
    """Raises Refusal 2001: it is required (T-437)."""
    text = query.get("duration", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and int(text) >= SHORTEST):
        raise Refusal(
            "duration: expected the length of the active profile in whole seconds.", ocpi=StatusCode.INVALID_PARAMETERS
        )
    return min(int(text), LONGEST)


def _taken(arrival: AskArrival, wish: Wish) -> Answer:
    peer, session_id = arrival.peer, arrival.segments["session_id"]
    asking = [arrival.sender] if arrival.sender is not None else list(peer.theirs)
    asked = [arrival.receiver] if arrival.receiver is not None else list(peer.ours)
    response, reason = receiving.take(
        wish=wish,
        asker=Asker(
            connection=peer.connection,
            name=peer.name,
            parties=[party.id for party in asking if party.roles & SENDER_ROLES],
            response_url=arrival.response_url,
            correlation_id=arrival.correlation_id,
        ),
        ours=[party.id for party in asked if party.roles & RECEIVER_ROLES],
        session_id=session_id,
        now=arrival.now,
    )
    return Answer(
        {"result": response.value, "timeout": TIMEOUT},
        wire.ChargingProfileResponse,
        message=reason or None,
        object_path=session_id,
    )


def heard(arrival: ResultArrival) -> Answer:
    value = arrival.value
    assert isinstance(value, wire.ActiveChargingProfileResult | wire.ChargingProfileResult | wire.ClearProfileResult)
    profile: Tree | None = arrival.tree.get("profile") if isinstance(value, wire.ActiveChargingProfileResult) else None
    try:
        session_id = sending.heard(
            kind=arrival.kind,
            uid=arrival.uid,
            connection=arrival.peer.connection,
            by=arrival.peer.name,
            result=value.result,
            profile=profile if value.result is wire.ChargingProfileResultType.ACCEPTED else None,
            now=arrival.now,
        )
    except sending.NothingThere as error:
        raise Unknown(str(error)) from error
    return Answer(object_path=session_id)


def updated(arrival: CallArrival) -> Answer:
    """What is active changed at a charge point of theirs (mod_charging_profiles#msp_put_method)."""
    assert arrival.tree is not None
    peer, session_id = arrival.peer, arrival.segments["session_id"]
    try:
        sending.updated(
            session_id=session_id,
            theirs=[party.id for party in peer.theirs],
            ours=[party.id for party in peer.ours if party.roles & SENDER_ROLES],
            by=peer.name,
            profile=arrival.tree,
            now=arrival.now,
        )
    except sending.NothingThere as error:
        raise Unknown(str(error)) from error
    except UnableToSteer as error:
        raise Refusal(str(error), ocpi=StatusCode.INVALID_PARAMETERS) from error
    return Answer(object_path=session_id)


def answered(kind: str, key: str, reply: Reply, now: datetime) -> None:
    response = reply.value if isinstance(reply.value, wire.ChargingProfileResponse) else None
    if response is None and reply.cause in REFUSALS:
        sending.refused(key, reply.problem, now)
    else:
        sending.answered(key, response, reply.problem, sent=reply.sent, now=now)


def delivered(kind: str, key: str, reply: Reply, now: datetime) -> None:
    if kind != UPDATE:
        executing.delivered(key, reply.problem, now)


_BY_SESSION, _RESPONSE = "{session_id}", wire.ChargingProfileResponse

site.register(
    Module(
        MODULE,
        AsyncRequests(
            asks=(
                Ask(
                    "SET",
                    "PUT",
                    _BY_SESSION,
                    wire.SetChargingProfile,
                    _RESPONSE,
                    wire.ChargingProfileResult,
                    set_profile,
                ),
                Ask("ACTIVE", "GET", _BY_SESSION, None, _RESPONSE, wire.ActiveChargingProfileResult, active_profile),
                Ask("CLEAR", "DELETE", _BY_SESSION, None, _RESPONSE, wire.ClearProfileResult, clear_profile),
            ),
            heard=heard,
            answered=answered,
            delivered=delivered,
            calls=(Call("PUT", _BY_SESSION, wire.ActiveChargingProfile, updated, atomic=True),),
        ),
        sender_roles=SENDER_ROLES,
        receiver_roles=RECEIVER_ROLES,
    )
)
