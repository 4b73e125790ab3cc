"""Ask a partner what it holds of a token of ours, and compare (mod_tokens#mod_tokens_cpo_get_method). Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backoffice.partners import peers
from backoffice.partners.models import Connection, Endpoint
from backoffice.partners.rules import ConnectionState, origin
from backoffice.partners.secrets import UnableToDecrypt, decrypt
from backoffice.roaming_site import site
from backoffice.tokens.models import Token
from backoffice.tokens.rules.words import RECEIVER_ROLES
from ocpi import versions
from ocpi.client import Delivered
from ocpi.server.bodies import answered, context
from ocpi.server.viewsets import object_address
from ocpi.site import Outgoing
from ocpi.wire import tokens as wire
from ocpi.wire.headers import Routing

Tree = dict[str, Any]

SECONDS = 10.0


class UnableToCompare(Exception):
    """The partner cannot be asked; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Compared:
    """`same`: None when there is nothing to compare. `differences`: the fields that differ."""

    same: bool | None
    sentence: str
    differences: tuple[str, ...] = ()


def compare(token: Token, connection: Connection) -> Compared:
    """Raises UnableToCompare."""
    endpoint = Endpoint.objects.filter(connection=connection, identifier="tokens", role="RECEIVER").first()
    if endpoint is None:
        raise UnableToCompare(f"{connection} offers no Receiver interface for tokens.")
    if connection.state != ConnectionState.ACTIVE:
        raise UnableToCompare(f"{connection} is {connection.state.lower()}: resume it first.")
    if origin(endpoint.url) not in connection.confirmed_origins:
        raise UnableToCompare(f"{origin(endpoint.url)} is not a confirmed host of {connection}.")
    peer = peers.of_connection(connection.pk)
    ours = peer.our_party(token.party.country_code, token.party.party_id) if peer else None
    if peer is None or ours is None:
        raise UnableToCompare(f"{token.party} takes no part in this connection.")
    try:
        shown = decrypt(connection.token_out)
    except UnableToDecrypt as error:
        raise UnableToCompare(str(error)) from error
    told: Tree = versions.down(connection.version, wire.Token, token.tree(), context(peer, ours))
    module = site.module("tokens")
    theirs = next((party for party in peer.theirs if party.roles & RECEIVER_ROLES), None)
    outcome = site.call(
        Outgoing(
            method="GET",
            url=object_address(module, endpoint.url, (token.object_id, told["type"]), ours),
            token=shown,
            connection=connection.pk,
            module="tokens",
            plain_token=connection.plain_token,
            routing=Routing(*theirs.key, *ours.key) if theirs else None,
            object_path="/".join((*ours.key, token.object_id, token.type)),
            trigger="compare",
            seconds=SECONDS,
        )
    )
    if not isinstance(outcome, Delivered):
        missing = outcome.http_status == 404
        return Compared(None, f"{connection} does not have it." if missing else f"{connection}: {outcome.reason}")
    held = answered(outcome.answer.data, peer=peer)
    if not isinstance(held, dict):
        return Compared(None, f"{connection} answered without a Token.")
    differences = tuple(sorted(name for name in told.keys() | held.keys() if told.get(name) != held.get(name)))
    if differences:
        return Compared(False, f"{connection} holds something else in: {', '.join(differences)[:300]}.", differences)
    return Compared(True, f"{connection} holds the same.")
