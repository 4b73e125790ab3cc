"""The partners' door of commands: what their eMSPs ask of our charge points, and the results of what we asked (mod_commands)."""

from __future__ import annotations

from datetime import datetime

from backoffice.bookings.actions import charging
from backoffice.commands.actions import executing, hearing, looking, receiving
from backoffice.commands.actions.sending import BODIES
from backoffice.commands.rules.answers import response_tree
from backoffice.commands.rules.states import RECEIVER_ROLES, SENDER_ROLES, Direction
from backoffice.roaming_site import site
from ocpi.module import Answer, Ask, AskArrival, AsyncRequests, Module, PartyRef, Refusal, Reply, ResultArrival
from ocpi.wire import commands as wire
from ocpi.wire.envelope import StatusCode


def receive(arrival: AskArrival) -> Answer:
    """HTTP 200 with a CommandResponse, whatever it says; beside one that was refused the OCPI status says why."""
    assert arrival.value is not None and arrival.tree is not None
    emsps = _able(arrival.peer.theirs, arrival.sender, SENDER_ROLES)
    cpos = _able(arrival.peer.ours, arrival.receiver, RECEIVER_ROLES)
    if not emsps:
        raise Refusal("No eMSP is registered on this connection.", ocpi=StatusCode.INVALID_PARAMETERS)
    taken = receiving.take(
        receiving.Request(
            kind=arrival.kind,
            direction=Direction.IN,
            emsp=emsps[0].id,
            emsps=tuple((party.id, party.key) for party in emsps),
            cpos=tuple(party.id for party in cpos),
            tree=arrival.tree,
            value=arrival.value,
            now=arrival.now,
            connection=arrival.peer.connection,
            response_url=arrival.response_url,
            asked_by=arrival.peer.name,
            correlation_id=arrival.correlation_id,
            bookings=_booked(arrival, emsps, cpos),
        )
    )
    return Answer(
        response_tree(taken.response, taken.sentence),
        wire.CommandResponse,
        ocpi=taken.ocpi,
        message=taken.sentence or None,
        object_path=f"{arrival.kind}/{taken.command.uid}",
    )


def _booked(arrival: AskArrival, emsps: list[PartyRef], cpos: list[PartyRef]) -> looking.Bookings:
    """Where at the location that a command names somebody else has booked, and where this driver has."""
    told = arrival.value
    if not isinstance(told, wire.StartSession | wire.ReserveNow):
        return looking.NONE
    token = told.token
    owner = token.country_code.upper(), token.party_id.upper()
    emsp = next((party.id for party in emsps if party.key == owner), emsps[0].id)
    return charging.at_location(
        [party.id for party in cpos],
        told.location_id,
        emsp=emsp,
        uid=token.uid,
        token_type=token.type,
        group_id=token.group_id or "",
        reference=told.authorization_reference or "",
        until=told.expiry_date if isinstance(told, wire.ReserveNow) else None,
        now=arrival.now,
    )


def _able(parties: tuple[PartyRef, ...], named: PartyRef | None, roles: frozenset[str]) -> list[PartyRef]:
    """Whom the routing header names, else all that it can be."""
    return [party for party in parties if party.roles & roles and (named is None or party == named)]


def heard(arrival: ResultArrival) -> Answer:
    """An address that we gave nobody, or gave somebody else, is not there (HTTP 404); that it was tried is written down."""
    assert isinstance(arrival.value, wire.CommandResult)
    known = hearing.heard(
        connection=arrival.peer.connection,
        by=arrival.peer.name,
        kind=arrival.kind,
        uid=arrival.uid,
        value=arrival.value,
        now=arrival.now,
    )
    path = f"{arrival.kind}/{arrival.uid}"
    if not known:
        return Answer(
            http=404,
            ocpi=StatusCode.INVALID_PARAMETERS,
            message="No command was sent with this response_url.",
            object_path=path,
        )
    return Answer(object_path=path)


def answered(kind: str, key: str, reply: Reply, now: datetime) -> None:
    hearing.answered(kind, key, reply, now)


def delivered(kind: str, key: str, reply: Reply, now: datetime) -> None:
    executing.delivered(kind, key, reply, now)


site.register(
    Module(
        "commands",
        AsyncRequests(
            asks=tuple(
                Ask(kind, "POST", kind, body, wire.CommandResponse, wire.CommandResult, receive)
                for kind, body in BODIES.items()
            ),
            heard=heard,
            answered=answered,
            delivered=delivered,
        ),
        sender_roles=SENDER_ROLES,
        receiver_roles=RECEIVER_ROLES,
    )
)
