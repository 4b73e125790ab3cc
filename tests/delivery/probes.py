"""A module that is answered twice, made of the wire classes of commands and charging profiles; it notes what it hears as rows.

`register()` puts it into a process's site in the place of whatever is registered under these names.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from backoffice.partners.models import Connection, Step
from backoffice.roaming_site import site
from ocpi.module import Answer, Ask, AskArrival, AsyncRequests, Call, CallArrival, Module, Reply, ResultArrival, Unknown
from ocpi.wire import charging_profiles as profiles
from ocpi.wire import commands as wire

ACCEPTED = {"result": "ACCEPTED", "timeout": 30}


def note(connection: int | None, what: str, detail: str = "") -> None:
    """A row that outlives the process that wrote it, and goes when its transaction is undone."""
    pk = connection or Connection.objects.order_by("pk").values_list("pk", flat=True)[0]
    Step.objects.create(connection_id=pk, at=site.now(), flow="probe", title=what, detail=detail)


def noted() -> list[str]:
    return [
        f"{title} {detail}".strip()
        for title, detail in Step.objects.filter(flow="probe").values_list("title", "detail")
    ]


def receive(arrival: AskArrival) -> Answer:
    parties = f"{arrival.sender}>{arrival.receiver}"
    note(arrival.peer.connection, f"asked {arrival.kind}", f"{parties} {arrival.segments} {arrival.query}")
    if arrival.tree and arrival.tree.get("location_id") == "NOWHERE":
        return Answer({"result": "REJECTED", "timeout": 0}, wire.CommandResponse)
    cls = wire.CommandResponse if arrival.tree and "token" in arrival.tree else profiles.ChargingProfileResponse
    return Answer(ACCEPTED, cls, object_path=f"{arrival.kind}/1")


def heard(arrival: ResultArrival) -> Answer:
    if arrival.uid not in KNOWN.get(arrival.peer.name, ()):
        raise Unknown("We asked for nothing of this id.")
    note(arrival.peer.connection, f"heard {arrival.kind} {arrival.uid}", str(arrival.tree["result"]))
    return Answer()


KNOWN: dict[str, tuple[str, ...]] = {}
"""Connection's name -> keys of what we asked there."""


def answered(kind: str, key: str, reply: Reply, now: datetime) -> None:
    said = reply.tree["result"] if reply.tree else f"{reply.cause} sent={reply.sent}"
    note(None, f"answered {kind} {key[:4]}", said)


def delivered(kind: str, key: str, reply: Reply, now: datetime) -> None:
    note(None, f"delivered {kind} {key[:4]}", f"{reply.cause} sent={reply.sent}" if reply.problem else "")


def active(arrival: CallArrival) -> Answer:
    """The profile that a station follows now"""
    note(arrival.peer.connection, "active", arrival.segments["session_id"])
    return Answer()


COMMANDS = Module(
    "commands",
    AsyncRequests(
        asks=(
            Ask(
                "START_SESSION",
                "POST",
                "START_SESSION",
                wire.StartSession,
                wire.CommandResponse,
                wire.CommandResult,
                receive,
            ),
            Ask(
                "STOP_SESSION",
                "POST",
                "STOP_SESSION",
                wire.StopSession,
                wire.CommandResponse,
                wire.CommandResult,
                receive,
            ),
        ),
        heard=heard,
        answered=answered,
        delivered=delivered,
    ),
    sender_roles=frozenset({"EMSP"}),
    receiver_roles=frozenset({"CPO"}),
)

_RESPONSE = profiles.ChargingProfileResponse
PROFILES = Module(
    "chargingprofiles",
    AsyncRequests(
        asks=(
            Ask(
                "SET",
                "PUT",
                "{session_id}",
                profiles.SetChargingProfile,
                _RESPONSE,
                profiles.ChargingProfileResult,
                receive,
            ),
            Ask("ACTIVE", "GET", "{session_id}", None, _RESPONSE, profiles.ActiveChargingProfileResult, receive),
            Ask("CLEAR", "DELETE", "{session_id}", None, _RESPONSE, profiles.ClearProfileResult, receive),
        ),
        heard=heard,
        answered=answered,
        delivered=delivered,
        calls=(Call("PUT", "{session_id}", profiles.ActiveChargingProfile, active, atomic=True),),
    ),
    sender_roles=frozenset({"EMSP", "SCSP"}),
    receiver_roles=frozenset({"CPO"}),
)


def modules() -> dict[str, Any]:
    return {module.identifier: module for module in (COMMANDS, PROFILES)}


def register() -> None:
    """For a process of its own."""
    site._modules = {**site._modules, **modules()}
