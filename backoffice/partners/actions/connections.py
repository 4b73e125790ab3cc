"""What staff decide about a connection and its parties: own companies, invitations, pause, approval of claims.

Nothing here talks to a partner; that is `handshake`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from backoffice.fields import DocumentField
from backoffice.partners.models import Connection, Endpoint, InboundToken, Party, PartyRole
from backoffice.partners.rules import (
    ConnectionEvent,
    ConnectionState,
    RoleState,
    TokenKind,
    is_url,
    move,
    origin,
    why_no_role,
)
from backoffice.partners.secrets import encrypt, new_token, token_hash

BOOTSTRAP_LIFETIME = timedelta(days=7)
MAX_URL, MAX_NAME = 255, 100


class UnableToConnect(Exception):
    """What staff asked for is not possible; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A role that a platform says it has: two codes, the role, and its BusinessDetails tree."""

    country_code: str
    party_id: str
    role: str
    business_details: dict[str, object]

    @property
    def key(self) -> tuple[str, str, str]:
        return self.country_code.upper(), self.party_id.upper(), self.role


def add_own_party(*, country_code: str, party_id: str, name: str, roles: Iterable[str], website: str = "") -> Party:
    """Create or complete one of our companies. Raises UnableToConnect when a partner holds that id, or it is none."""
    roles = list(roles)
    _check_roles((country_code, party_id, role) for role in roles)
    if len(name) > MAX_NAME or len(website) > MAX_URL:
        raise UnableToConnect(f"A company's name has at most {MAX_NAME} characters and its website {MAX_URL}.")
    with transaction.atomic():
        party, _ = Party.objects.get_or_create(country_code=country_code.upper(), party_id=party_id.upper())
        if party.roles.filter(connection__isnull=False, state=RoleState.ACTIVE).exists():
            raise UnableToConnect(
                f"{party} is a party of a partner. Choose another party id or remove that connection."
            )
        details = {"name": name} | ({"website": website} if website else {})
        party.ours, party.name, party.business_details = True, name, DocumentField.write(details)
        party.save()
        for role in roles:
            PartyRole.objects.get_or_create(
                party=party, role=role, connection=None, defaults={"state": RoleState.ACTIVE}
            )
    return party


def _check_roles(named: Iterable[tuple[str, str, str]]) -> None:
    named = list(named)
    if not named:
        raise UnableToConnect("Name at least one role, such as CPO.")
    for each in named:
        if fault := why_no_role(*each):
            raise UnableToConnect(fault)


def withdraw_own_roles(party: Party, *, keep: Iterable[str]) -> None:
    """One of our companies has these roles and no others; partners hear of it with the next exchange of credentials."""
    party.roles.filter(connection__isnull=True).exclude(role__in=list(keep)).delete()


def own_parties() -> list[Party]:
    return list(Party.objects.filter(ours=True))


def invite(*, name: str, our_parties: Sequence[Party], now: datetime) -> tuple[Connection, str]:
    """A connection that waits for the partner's call, and the CREDENTIALS_TOKEN_A to hand over; shown this once."""
    with transaction.atomic():
        connection = _new(name, ConnectionState.INVITED, our_parties)
        token = new_token()
        InboundToken.objects.create(
            connection=connection,
            hash=token_hash(token),
            kind=TokenKind.BOOTSTRAP,
            expires_at=now + BOOTSTRAP_LIFETIME,
        )
    return connection, token


def invite_again(connection: Connection, *, now: datetime) -> str:
    """A fresh token A for an invitation that was lost or expired; the old one is burnt."""
    with transaction.atomic():
        locked = Connection.objects.select_for_update().get(pk=connection.pk)
        if locked.state != ConnectionState.INVITED:
            raise UnableToConnect(f"{locked} is {locked.state.lower()}: only an open invitation gets a new token.")
        locked.inbound_tokens.filter(burnt_at__isnull=True).update(burnt_at=now)
        token = new_token()
        InboundToken.objects.create(
            connection=locked, hash=token_hash(token), kind=TokenKind.BOOTSTRAP, expires_at=now + BOOTSTRAP_LIFETIME
        )
    return token


def prepare_registration(*, name: str, our_parties: Sequence[Party], versions_url: str, token_a: str) -> Connection:
    """A connection for which the partner gave us versions URL and token A; `handshake.register` goes on from here."""
    _check(versions_url)
    with transaction.atomic():
        connection = _new(name, ConnectionState.REGISTERING, our_parties)
        connection.versions_url = versions_url
        connection.token_out = encrypt(token_a)
        connection.confirmed_origins = [origin(versions_url)]
        connection.save()
    return connection


def correct_registration(connection: Connection, *, versions_url: str, token_a: str, plain_token: bool) -> None:
    """Another URL or token A for a registration that has not succeeded yet; an empty token keeps the one we hold."""
    _check(versions_url)
    with transaction.atomic():
        locked = Connection.objects.select_for_update().get(pk=connection.pk)
        if locked.state != ConnectionState.REGISTERING:
            raise UnableToConnect(f"{locked} is {locked.state.lower()}: there is no registration to correct.")
        locked.versions_url = versions_url
        locked.confirmed_origins = [origin(versions_url)]
        locked.plain_token = plain_token
        if token_a:
            locked.token_out = encrypt(token_a)
        locked.save()
    connection.refresh_from_db()


def _check(versions_url: str) -> None:
    """Raises UnableToConnect for what is no URL. Whether an address may be called is judged when it is called."""
    if not is_url(versions_url) or len(versions_url) > MAX_URL:
        raise UnableToConnect(
            f"The versions URL must be an absolute http or https URL of at most {MAX_URL} characters."
        )


def confirm_origin(connection: Connection, confirmed: str) -> None:
    """Staff vouch for a host: our token may be sent there. Raises UnableToConnect for one that no endpoint leads to."""
    with transaction.atomic():
        locked = Connection.objects.select_for_update().get(pk=connection.pk)
        if confirmed not in unconfirmed_origins(locked):
            raise UnableToConnect(f"{confirmed} is not among the hosts that wait to be confirmed.")
        locked.confirmed_origins = sorted({*locked.confirmed_origins, confirmed})
        locked.save(update_fields=["confirmed_origins"])
    connection.refresh_from_db()


def unconfirmed_origins(connection: Connection) -> list[str]:
    """Hosts that the partner's endpoints or its last handshake name and nobody has vouched for."""
    named = {origin(endpoint.url) for endpoint in connection.endpoints.all()}
    # a partner that moves is refused before its new endpoints are known; the step's sentence begins with the host
    refused = connection.steps.filter(cause="unconfirmed_host").values_list("detail", flat=True)
    named |= {detail.split(" ", 1)[0] for detail in refused}
    return sorted(named - set(connection.confirmed_origins))


def _new(name: str, state: ConnectionState, our_parties: Sequence[Party]) -> Connection:
    if not our_parties:
        raise UnableToConnect("Choose at least one own party: a connection speaks for somebody.")
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME or "\0" in name:
        raise UnableToConnect(f"A connection needs a name of at most {MAX_NAME} characters.")
    if Connection.objects.filter(name=name).exists():
        raise UnableToConnect(f"There is a connection named {name!r} already. Choose another name.")
    connection = Connection.objects.create(name=name, state=state)
    connection.our_parties.set(our_parties)
    return connection


def change_state(connection: Connection, event: ConnectionEvent, *, reason: str = "") -> ConnectionState:
    """Move by the table, guarded on the old state. Raises rules.NotAllowed or UnableToConnect when somebody was faster."""
    before = ConnectionState(connection.state)
    after = move(before, event)
    changed = Connection.objects.filter(pk=connection.pk, state=before).update(state=after, held_reason=reason[:200])
    if not changed:
        raise UnableToConnect("The connection has just been changed by somebody else. Look again.")
    connection.state, connection.held_reason = after, reason[:200]
    return after


def pause(connection: Connection, *, reason: str) -> None:
    """Stop sending and fetching; the partner's calls are still answered and changes wait in the outbox."""
    change_state(connection, ConnectionEvent.PAUSE, reason=reason)


def resume(connection: Connection) -> None:
    change_state(connection, ConnectionEvent.RESUME)
    Connection.objects.filter(pk=connection.pk).update(next_attempt_at=None, failures_in_a_row=0)


def forget(connection: Connection, *, now: datetime) -> None:
    """The local half of an unregistration: tokens burnt, roles and endpoints gone, objects of its parties kept."""
    with transaction.atomic():
        locked = Connection.objects.select_for_update().get(pk=connection.pk)
        locked.state = move(ConnectionState(locked.state), ConnectionEvent.REMOVE)
        locked.token_out = ""
        locked.name = _retired_name(locked, now)
        locked.save()
        locked.inbound_tokens.filter(burnt_at__isnull=True).update(burnt_at=now)
        locked.endpoints.all().delete()
        locked.roles.all().delete()
    connection.refresh_from_db()


def _retired_name(connection: Connection, now: datetime) -> str:
    """Frees the name for a new connection with the same partner."""
    return f"{connection.name[:70]} (removed {now:%Y-%m-%d}, no. {connection.pk})"


def settle_claims(connection: Connection, claims: Iterable[Claim]) -> list[PartyRole]:
    """Make the connection's roles what the partner says; called inside the handshake's transaction.

    A role that another connection (or we) holds is kept as AWAITING_APPROVAL: the constraint `party_role_held_once` would
    refuse a second holder. Returns the claims that wait.
    """
    wanted = {claim.key: claim for claim in claims}
    current = {
        (role.party.country_code, role.party.party_id, role.role): role
        for role in connection.roles.select_related("party")
    }
    for key, role in current.items():
        if key not in wanted:
            role.delete()
    waiting: list[PartyRole] = []
    for key, claim in sorted(wanted.items()):
        party, _ = Party.objects.get_or_create(
            country_code=key[0], party_id=key[1], defaults={"name": str(claim.business_details.get("name", ""))[:100]}
        )
        details = DocumentField.write(claim.business_details)
        role = current.get(key) or PartyRole(party=party, role=claim.role, connection=connection)
        role.business_details = details
        if role.pk is None or role.state == RoleState.AWAITING_APPROVAL:
            held = party.ours or party.roles.filter(state=RoleState.ACTIVE).exclude(connection=connection).exists()
            role.state = RoleState.AWAITING_APPROVAL if held else RoleState.ACTIVE
        role.save()
        if role.state == RoleState.AWAITING_APPROVAL:
            waiting.append(role)
    return waiting


def approve_claim(role: PartyRole) -> None:
    """Give a contested role to its new claimant; the former holder loses it. Raises UnableToConnect for our own parties."""
    with transaction.atomic():
        locked = PartyRole.objects.select_for_update().select_related("party").get(pk=role.pk)
        if locked.party.ours:
            raise UnableToConnect(f"{locked.party} is our own party: no partner can hold it.")
        PartyRole.objects.filter(party=locked.party, role=locked.role, state=RoleState.ACTIVE).exclude(
            pk=locked.pk
        ).update(state=RoleState.REFUSED)
        locked.state = RoleState.ACTIVE
        locked.save()


def refuse_claim(role: PartyRole) -> None:
    PartyRole.objects.filter(pk=role.pk).update(state=RoleState.REFUSED)


def set_endpoints(connection: Connection, endpoints: Iterable[tuple[str, str, str]]) -> None:
    """Replace the partner's endpoints by (identifier, role, url); what we learnt of an unchanged one is kept."""
    known = {(row.identifier, row.role): row for row in connection.endpoints.all()}
    for identifier, role, url in endpoints:
        row = known.pop((identifier, role), None)
        if row is None:
            Endpoint.objects.create(connection=connection, identifier=identifier, role=role, url=url)
        elif row.url != url:
            row.url, row.pull_only = url, False
            row.save()
    for row in known.values():
        row.delete()


@dataclass(frozen=True, slots=True)
class Agreement:
    """A connection agreed elsewhere, as when moving from another system."""

    name: str
    claims: Sequence[Claim]
    versions_url: str
    inbound_token: str
    outbound_token: str
    version: str


def adopt(agreement: Agreement, *, our_parties: Sequence[Party]) -> Connection:
    """Take over a running connection with its tokens; makes no request. Endpoints come with `handshake.rediscover`."""
    _check(agreement.versions_url)
    _check_roles(claim.key for claim in agreement.claims)
    with transaction.atomic():
        connection = _new(agreement.name, ConnectionState.ACTIVE, our_parties)
        connection.version = agreement.version
        connection.versions_url = agreement.versions_url
        connection.token_out = encrypt(agreement.outbound_token)
        connection.confirmed_origins = [origin(agreement.versions_url)]
        connection.save()
        hashed = token_hash(agreement.inbound_token)
        if InboundToken.objects.filter(hash=hashed).exists():
            raise UnableToConnect(
                "That inbound token opens another connection already. Every connection needs its own."
            )
        InboundToken.objects.create(connection=connection, hash=hashed, kind=TokenKind.ACTIVE)
        settle_claims(connection, agreement.claims)
    return connection


def undo_adoption(connection: Connection) -> None:
    """As if it had never been adopted: nothing was exchanged over it yet. Its attempts stay in the log."""
    connection.delete()
