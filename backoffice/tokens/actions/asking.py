"""Ask an eMSP in real time, within a deadline and at most once: who waits is a driver. No transaction is open meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from backoffice.partners import peers
from backoffice.partners.models import Connection, Endpoint, Party, PartyRole
from backoffice.partners.rules import ConnectionState, RoleState, origin
from backoffice.partners.secrets import UnableToDecrypt, decrypt
from backoffice.roaming_site import site
from backoffice.tokens.models import SilencePolicy
from backoffice.tokens.rules.deciding import Heard, Policy, Question, Reply
from backoffice.tokens.rules.words import RECEIVER_ROLES, SENDER_ROLES, WhenSilent
from ocpi import versions
from ocpi.client import CAUSES, Cause, Delivered, Outcome, Refused, Retry
from ocpi.module import Level, PartyRef, Peer, Refusal, Tree, addressed
from ocpi.server.bodies import answered, context, lift, validated
from ocpi.server.viewsets import join_path
from ocpi.site import Outgoing
from ocpi.wire import json as wire_json
from ocpi.wire import tokens as wire
from ocpi.wire.envelope import StatusCode
from ocpi.wire.headers import Routing


class NoRoute(Exception):
    """There is no way to ask this eMSP; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Route:
    """How an eMSP is reached. `cpo`: our party that asks, `emsp`: the partner's that is asked (None: whichever there is)."""

    connection: Connection
    peer: Peer
    url: str
    token: str = field(repr=False)
    cpo: PartyRef
    emsp: PartyRef | None


def policy_of(connection: int | None) -> Policy:
    row = SilencePolicy.objects.filter(connection_id=connection).first() if connection is not None else None
    if row is None:
        return Policy()
    return Policy(float(row.seconds), WhenSilent(row.when_silent), row.ask_allowed, row.ask_unknown)


def connection_of(emsp: Party) -> int | None:
    """The connection that leads to a partner's eMSP party."""
    role = PartyRole.objects.filter(
        party=emsp, role__in=SENDER_ROLES, state=RoleState.ACTIVE, connection__isnull=False
    ).first()
    return role.connection_id if role else None


def connections_for_unknown() -> list[int]:
    """The connections whose policy says to ask about tokens that nobody has told us of."""
    rows = SilencePolicy.objects.filter(ask_unknown=True, connection__state=ConnectionState.ACTIVE)
    return list(rows.order_by("connection_id").values_list("connection_id", flat=True))


def route(connection_id: int, *, emsp: int | None, cpo: int | None) -> Route:
    """Raises NoRoute."""
    connection = Connection.objects.get(pk=connection_id)
    if connection.state != ConnectionState.ACTIVE:
        raise NoRoute(f"The connection {connection} is {connection.state.lower()}.")
    endpoint = Endpoint.objects.filter(connection=connection, identifier="tokens", role="SENDER").first()
    if endpoint is None:
        raise NoRoute(f"{connection} offers no Sender interface for tokens.")
    if origin(endpoint.url) not in connection.confirmed_origins:
        raise NoRoute(f"{origin(endpoint.url)} is not a confirmed host of {connection}.")
    peer = peers.of_connection(connection_id)
    asking = _ours(peer, cpo)
    if peer is None or asking is None:
        raise NoRoute(f"No CPO of ours takes part in the connection {connection}.")
    try:
        token = decrypt(connection.token_out)
    except UnableToDecrypt as error:
        raise NoRoute(str(error)) from error
    theirs = [party for party in peer.theirs if party.roles & SENDER_ROLES]
    asked = next((party for party in theirs if party.id == emsp), None)
    if emsp is None and len(theirs) == 1:
        asked = theirs[0]
    return Route(connection, peer, endpoint.url.rstrip("/"), token, asking, asked)


def _ours(peer: Peer | None, cpo: int | None) -> PartyRef | None:
    operators = [party for party in peer.ours if party.roles & RECEIVER_ROLES] if peer else []
    return next((party for party in operators if party.id == cpo), operators[0] if operators else None)


def named(question: Question, route: Route) -> Question:
    """The question in the words of the partner's version: 2.2.1 knows fewer types of token."""
    told: Tree = versions.down(
        route.connection.version, wire.Token, {"type": question.type}, context(route.peer, route.emsp)
    )
    return Question(question.uid, str(told.get("type", question.type)), question.location_id, question.evse_uid)


def ask(question: Question, route: Route, *, seconds: float, correlation_id: str) -> Reply:
    """`question` as `named` gave it."""
    levels = (Level("token_uid", "uid", wire.Token, qualifier="type", otherwise="RFID"),)
    (uid,), query = addressed(levels, (question.uid, question.type))
    url = f"{route.url}/{join_path(uid, 'authorize')}" + (f"?type={join_path(query['type'])}" if query else "")
    owner = route.emsp
    outcome = site.call(
        Outgoing(
            method="POST",
            url=url,
            token=route.token,
            connection=route.connection.pk,
            module="tokens",
            body=_body(question),
            plain_token=route.connection.plain_token,
            routing=Routing(*owner.key, *route.cpo.key) if owner else None,
            correlation_id=correlation_id,
            object_path="/".join((*owner.key, question.uid, question.type)) if owner else "",
            trigger="authorize",
            seconds=seconds,
        )
    )
    return _reply(outcome, route)


def _body(question: Question) -> bytes | None:
    if not question.location_id:
        return None
    evses = [question.evse_uid] if question.evse_uid else []
    return wire_json.encode({"location_id": question.location_id, "evse_uids": evses})


_NO_ANSWER = frozenset(
    {
        Cause.URL_DENIED,
        Cause.ADDRESS_DENIED,
        Cause.TOO_LARGE,
        Cause.BAD_ENCODING,
        Cause.REDIRECT,
        Cause.UNAUTHORIZED,
        Cause.NOT_SUPPORTED,
        Cause.HTTP_4XX,
        Cause.NOT_JSON,
        Cause.NO_ENVELOPE,
        Cause.HUB_UNKNOWN_RECEIVER,
    }
)
"""Refused for good, and yet no word about the driver: the eMSP could not be asked."""


def _reply(outcome: Outcome, route: Route) -> Reply:
    if isinstance(outcome, Delivered):
        return _read(outcome.answer.data, route)
    if outcome.ocpi_status == StatusCode.UNKNOWN_TOKEN or outcome.cause is Cause.NOT_FOUND:
        return Reply(Heard.UNKNOWN, _happened(outcome))
    if isinstance(outcome, Retry) or outcome.cause in _NO_ANSWER:
        return Reply(Heard.SILENT, _happened(outcome))
    return Reply(Heard.REFUSED, _happened(outcome))


def _happened(outcome: Retry | Refused) -> str:
    """Without what to do about it: that stands in the message log, and nobody reads it at a charge point."""
    return CAUSES[outcome.cause].happened + (f" ({outcome.detail[:160]})" if outcome.detail else "")


def _read(data: Any, route: Route) -> Reply:
    data = answered(data, peer=route.peer)
    if not isinstance(data, dict):
        return Reply(Heard.SILENT, "The eMSP answered without an AuthorizationInfo.")
    try:
        tree, _ = lift(
            wire.AuthorizationInfo, data, version=route.connection.version, peer=route.peer, owner=route.emsp
        )
        info = validated(wire.AuthorizationInfo, tree, version=route.connection.version, peer=route.peer)
    except Refusal as error:
        return Reply(Heard.SILENT, f"The eMSP's answer cannot be read. {error}")
    assert isinstance(info, wire.AuthorizationInfo)
    owner = route.peer.their_party(info.token.country_code, info.token.party_id)
    if owner is None or (route.emsp is not None and owner.id != route.emsp.id):
        return Reply(Heard.REFUSED, "The answer is about a token of another eMSP than the one that was asked.")
    return Reply(Heard.ANSWERED, info=info, tree=tree)
