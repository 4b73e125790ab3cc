"""The credentials module in both directions, each flow whole: nothing is half-changed when a step fails.

Tokens are switched in one transaction under the connection's row lock, after the last request of the flow. No transaction is
open while we talk. `busy_since` lets one flow run per connection: two PUTs that cross are answered 2000 and come again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from backoffice.fields import DocumentField
from backoffice.partners.actions.connections import Claim, forget, set_endpoints, settle_claims
from backoffice.partners.actions.discovery import Line, Offer, UnableToHandshake, discover, fetch, started
from backoffice.partners.models import Connection, InboundToken, PartyRole
from backoffice.partners.rules import ConnectionEvent, ConnectionState, RoleState, TokenKind, move, origin
from backoffice.partners.secrets import decrypt, encrypt, new_token, token_hash
from backoffice.roaming_site import site
from ocpi import versions
from ocpi.client import Delivered
from ocpi.wire import json as wire_json
from ocpi.wire.credentials import Credentials
from ocpi.wire.envelope import StatusCode

OVERLAP = timedelta(minutes=10)
"""How long the token of before a rotation still opens our doors when the new one is never used."""

_BUSY_FOR = timedelta(seconds=90)
"""After this a flow counts as died with its process: longer than all its requests may take."""


class Busy(Exception):
    """Another handshake runs on this connection."""


@contextmanager
def _alone(connection: Connection, now: datetime) -> Iterator[None]:
    claimed = Connection.objects.filter(
        Q(busy_since__isnull=True) | Q(busy_since__lt=now - _BUSY_FOR), pk=connection.pk
    ).update(busy_since=now)
    if not claimed:
        raise Busy("A credentials exchange is running on this connection. Try again in a moment.")
    connection.refresh_from_db()  # what the last flow made of it, whoever ran it
    try:
        yield
    finally:
        Connection.objects.filter(pk=connection.pk).update(busy_since=None)


def our_credentials(connection: Connection, token: str) -> dict[str, Any]:
    """Our Credentials tree for this partner: the roles of the parties it was given, nobody else's. The Role enum has no PTP, so
    that one says OTHER (`types#types_role_enum`), unless it was agreed otherwise."""
    roles = PartyRole.objects.filter(
        connection__isnull=True, state=RoleState.ACTIVE, party__connections_of_ours=connection
    ).select_related("party")
    ptp = "PTP" if connection.says_ptp else "OTHER"
    told = {(role.party_id, ptp if role.role == "PTP" else role.role): role.party for role in roles}
    return {
        "token": token,
        "url": site.versions_url(),
        "roles": [
            {
                "role": role,
                "business_details": DocumentField.read(party.business_details),
                "party_id": party.party_id,
                "country_code": party.country_code,
            }
            for (_, role), party in told.items()
        ],
    }


def register(connection: Connection, *, now: datetime) -> None:
    """We hold their token A: discover, POST credentials, switch tokens. Raises UnableToHandshake, Busy."""
    with _alone(connection, now):
        started(connection, "register")
        line = Line(connection, "register", decrypt(connection.token_out))
        offer = discover(line, connection.versions_url)
        _exchange(line, offer, "POST", now)


def preview(connection: Connection, *, now: datetime) -> Offer:
    """What a partner offers whose token A we hold, before anything is exchanged. Raises UnableToHandshake, Busy.

    Its endpoints are kept, for staff to compare; they are read again when we register.
    """
    with _alone(connection, now):
        started(connection, "register")
        line = Line(connection, "register", decrypt(connection.token_out))
        offer = discover(line, connection.versions_url)
        with transaction.atomic():
            set_endpoints(Connection.objects.select_for_update().get(pk=connection.pk), offer.endpoints)
        return offer


def upgrade(connection: Connection, *, now: datetime) -> None:
    """PUT credentials at a newer version, if both speak one. Raises UnableToHandshake, Busy; then nothing has changed."""
    with _alone(connection, now):
        started(connection, "update")
        line = Line(connection, "update", decrypt(connection.token_out))
        offer = discover(line, connection.versions_url)
        if offer.version == connection.version:
            message = f"{offer.version} is the newest version that both speak; nothing was changed."
            line.tell("Look for a newer version", ok=False, cause="no_newer_version", detail=message)
            raise UnableToHandshake(message, cause="no_newer_version")
        _exchange(line, offer, "PUT", now)


def update(connection: Connection, *, now: datetime, version: str | None = None) -> None:
    """PUT credentials: new tokens both ways, endpoints read again, and the best (or the given) version.

    It rotates tokens, upgrades 2.2.1 to 2.3.0 and tells the partner of changed endpoints: the specification has one method
    for the three. Raises UnableToHandshake, Busy; then nothing has changed.
    """
    with _alone(connection, now):
        started(connection, "update")
        line = Line(connection, "update", decrypt(connection.token_out))
        offer = discover(line, connection.versions_url, wanted=version)
        _exchange(line, offer, "PUT", now)


def _exchange(line: Line, offer: Offer, method: str, now: datetime) -> None:
    connection = line.connection
    mine = new_token()
    # committed before the request: the partner calls back with this token before it answers
    fresh = InboundToken.objects.create(connection=connection, hash=token_hash(mine), kind=TokenKind.ACTIVE)
    try:
        tree = versions.down(offer.version, Credentials, our_credentials(connection, mine), versions.Context())
        outcome = line.call(method, offer.credentials_url, "credentials", wire_json.encode(tree))
        title = f"{method} our credentials"
        if not isinstance(outcome, Delivered):
            line.tell(title, ok=False, cause=outcome.cause.value, detail=outcome.reason)
            raise UnableToHandshake(outcome.reason, cause=outcome.cause.value)
        theirs = _understand(line, offer.version, outcome.answer.data, title)
        line.tell(title, ok=True, detail=f"HTTP {outcome.http_status}, {outcome.elapsed_ms} ms")
        _switch(connection, offer, theirs, keep=fresh, now=now)
    except BaseException:
        InboundToken.objects.filter(pk=fresh.pk).update(burnt_at=now)
        raise
    line.tell("Switch tokens and roles", ok=True, detail=_summary(connection))


def _understand(line: Line, version: str, data: Any, title: str) -> Credentials:
    try:
        return wire_json.validate(Credentials, versions.up(version, Credentials, data, versions.Context()))
    except wire_json.Invalid as error:
        line.tell(title, ok=False, cause="invalid_answer", detail=str(error))
        raise UnableToHandshake(f"The partner's credentials are not valid: {error}", cause="invalid_answer") from error


def _switch(connection: Connection, offer: Offer, theirs: Credentials, *, keep: InboundToken, now: datetime) -> None:
    """The one place where a registration takes effect."""
    claims = _claims(theirs)
    if len({claim.key for claim in claims}) != len(claims):
        raise UnableToHandshake(
            "roles: every role needs a unique combination of role, party_id and country_code.",
            cause="duplicate_roles",
            status=StatusCode.INVALID_PARAMETERS,
        )
    with transaction.atomic():
        locked = Connection.objects.select_for_update().get(pk=connection.pk)
        locked.state = move(ConnectionState(locked.state), ConnectionEvent.REGISTERED)
        locked.version = offer.version
        locked.versions_url = theirs.url
        locked.token_out = encrypt(theirs.token)
        locked.hub_party_id = (theirs.hub_party_id or "").upper()
        locked.confirmed_origins = sorted({*connection.confirmed_origins, origin(theirs.url)})
        locked.failures_in_a_row, locked.next_attempt_at = 0, None
        locked.save()
        # the call-back during this exchange proves nothing: only a use after it shows that the partner kept the new token
        InboundToken.objects.filter(pk=keep.pk).update(first_used_at=None)
        others = locked.inbound_tokens.filter(burnt_at__isnull=True).exclude(pk=keep.pk)
        others.filter(kind=TokenKind.BOOTSTRAP).update(burnt_at=now)
        others.filter(kind=TokenKind.ACTIVE, expires_at__isnull=True).update(expires_at=now + OVERLAP)
        set_endpoints(locked, offer.endpoints)
        settle_claims(locked, claims)
    connection.refresh_from_db()


def _summary(connection: Connection) -> str:
    roles = [
        f"{role}{' (awaiting approval)' if role.state != RoleState.ACTIVE else ''}" for role in connection.roles.all()
    ]
    return f"OCPI {connection.version} with {', '.join(roles) or 'no role'}"


def receive(connection: Connection, theirs: Credentials, *, version: str, correlation_id: str, now: datetime) -> str:
    """POST or PUT from the partner: read its versions with the token it just gave, then switch. Returns our new token.

    Raises UnableToHandshake (3001, 3002, 3003), Busy; then its old token still works and nothing has changed.
    """
    with _alone(connection, now):
        flow = "update" if ConnectionState(connection.state) is not ConnectionState.INVITED else "receive"
        started(connection, flow)
        if ConnectionState(connection.state) is ConnectionState.INVITED or not connection.confirmed_origins:
            connection.confirmed_origins = [origin(theirs.url)]
        line = Line(connection, flow, theirs.token, correlation_id)
        offer = discover(line, theirs.url, wanted=version)
        token = new_token()
        with transaction.atomic():
            fresh = InboundToken.objects.create(connection=connection, hash=token_hash(token), kind=TokenKind.ACTIVE)
            _switch(connection, offer, theirs, keep=fresh, now=now)
        line.tell("Switch tokens and roles", ok=True, detail=_summary(connection))
    return token


def unregister(connection: Connection, *, now: datetime) -> str:
    """DELETE credentials at the partner, then forget it here whatever it answered. Returns what the partner said."""
    with _alone(connection, now):
        started(connection, "remove")
        said = "The partner was never registered."
        endpoint = connection.endpoints.filter(identifier="credentials").first()
        if endpoint is not None and connection.token_out:
            line = Line(connection, "remove", decrypt(connection.token_out))
            try:
                outcome = line.call("DELETE", endpoint.url, "credentials")
                ok = isinstance(outcome, Delivered)
                said = "The partner confirmed." if isinstance(outcome, Delivered) else outcome.reason
                line.tell("DELETE our credentials", ok=ok, detail=said)
            except UnableToHandshake as error:
                said = error.message
        forget(connection, now=now)
    return said


def rediscover(connection: Connection, *, now: datetime) -> None:
    """Read versions and endpoints again without new tokens. Raises UnableToHandshake, Busy."""
    with _alone(connection, now):
        started(connection, "discover")
        line = Line(connection, "discover", decrypt(connection.token_out))
        offer = discover(line, connection.versions_url, wanted=connection.version)
        with transaction.atomic():
            set_endpoints(Connection.objects.select_for_update().get(pk=connection.pk), offer.endpoints)


def reread_roles(connection: Connection, *, now: datetime) -> None:
    """GET credentials: the partner's roles as they are now, without touching tokens. Raises UnableToHandshake, Busy.

    Its steps follow those of `rediscover`: the two are one flow to whoever looks on.
    """
    with _alone(connection, now):
        line = Line(connection, "discover", decrypt(connection.token_out))
        endpoint = connection.endpoints.get(identifier="credentials")
        data = fetch(line, endpoint.url, "Read the partner's credentials", "credentials")
        theirs = _understand(line, connection.version, data, "Understand the partner's credentials")
        with transaction.atomic():
            locked = Connection.objects.select_for_update().get(pk=connection.pk)
            settle_claims(locked, _claims(theirs))


def _claims(theirs: Credentials) -> list[Claim]:
    return [
        Claim(
            country_code=role.country_code,
            party_id=role.party_id,
            role=str(role.role),
            business_details=role.business_details.tree(),
        )
        for role in theirs.roles
    ]
