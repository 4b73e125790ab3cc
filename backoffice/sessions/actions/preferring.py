"""Charging preferences, both ways: as CPO we answer them, as eMSP we send those of our driver (mod_sessions#cpo_put_method).

What is answered and what was sent stays as a row. There is no hardware behind a profile type here: what is accepted is shown to
staff and kept for whoever steers the charge.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from backoffice.fields import DocumentField
from backoffice.partners import peers
from backoffice.partners.models import Connection, Endpoint
from backoffice.partners.rules import ConnectionState, origin
from backoffice.partners.secrets import UnableToDecrypt, decrypt
from backoffice.roaming_site import site
from backoffice.sessions.actions.tariffs import compiled
from backoffice.sessions.models import Preference, Session, SessionEvent
from backoffice.sessions.rules.preferring import CAPABLE, Offered, answer
from backoffice.sessions.rules.states import ONGOING
from ocpi import versions
from ocpi.client import Delivered
from ocpi.server.bodies import answered, context
from ocpi.server.viewsets import join_path
from ocpi.site import Outgoing
from ocpi.wire import json as wire_json
from ocpi.wire.headers import Routing
from ocpi.wire.sessions import ChargingPreferences, ChargingPreferencesResponse, SessionStatus

Tree = dict[str, Any]

PREFERRED = "PREFERRED"


class UnableToPrefer(Exception):
    """The preferences cannot be taken or sent; the sentence says why."""


class NothingThere(UnableToPrefer):
    """There is no such session for who asks, or its EVSE takes no preferences (T-261)."""


def take(
    *,
    parties: Sequence[int],
    emsps: Sequence[int],
    session_id: str,
    tree: Tree,
    wanted: ChargingPreferences,
    by: str,
    now: datetime,
) -> ChargingPreferencesResponse:
    """Answer the preferences for a session of ours. `emsps`: for whose drivers the asking partner speaks.

    Raises UnableToPrefer."""
    session = (
        Session.objects.filter(party__in=parties, emsp__in=emsps, ours=True, object_id__iexact=session_id)
        .select_related("point", "tariff_version")
        .first()
    )
    if session is None:
        raise NothingThere(f"There is no session {session_id} of a driver of yours here.")
    if session.point is None or CAPABLE not in session.point.capabilities:
        raise NothingThere(f"The EVSE of session {session_id} takes no charging preferences.")
    if SessionStatus(session.status) not in ONGOING:
        raise UnableToPrefer(f"Session {session_id} is {session.status}: it takes no charging preferences any more.")
    tariff = compiled(session.tariff_version)
    offered = Offered(session.point.max_power, tariff.tariff.type if tariff is not None else None)
    response, reason = answer(wanted, offered, now)
    _keep(session, tree, response.value, by=by, reason=reason, now=now)
    return response


def send(session: Session, tree: Tree, *, by: str, now: datetime) -> Preference:
    """Send the preferences of a driver of ours to the partner where the car stands. Raises UnableToPrefer, or wire_json.Invalid
    with paths into `tree`. No transaction is open during HTTP."""
    wire_json.validate(ChargingPreferences, tree)
    if session.ours:
        raise UnableToPrefer("The session is at a charge point of ours: there is no partner to ask.")
    if SessionStatus(session.status) not in ONGOING:
        raise UnableToPrefer(f"The session is {session.status}: it takes no charging preferences any more.")
    connection = leading_to(session)
    endpoint = Endpoint.objects.filter(connection=connection, identifier="sessions", role="SENDER").first()
    if endpoint is None:
        raise UnableToPrefer(f"{connection} offers no Sender interface for sessions.")
    if origin(endpoint.url) not in connection.confirmed_origins:
        raise UnableToPrefer(f"{origin(endpoint.url)} is not a confirmed host of {connection}.")
    peer = peers.of_connection(connection.pk)
    assert peer is not None
    try:
        token = decrypt(connection.token_out)
    except UnableToDecrypt as error:
        raise UnableToPrefer(str(error)) from error
    told = versions.down(connection.version, ChargingPreferences, tree, context(peer, None))
    url = f"{endpoint.url.rstrip('/')}/{join_path(session.object_id)}/charging_preferences"
    cpo, emsp = session.party, session.emsp
    outcome = site.call(
        Outgoing(
            method="PUT",
            url=url,
            token=token,
            connection=connection.pk,
            module="sessions",
            body=wire_json.encode(told),
            plain_token=connection.plain_token,
            routing=Routing(cpo.country_code, cpo.party_id, emsp.country_code, emsp.party_id),
            object_path=f"{cpo.country_code}/{cpo.party_id}/{session.object_id}",
            trigger="staff",
        )
    )
    if not isinstance(outcome, Delivered):
        return _keep(session, tree, "", by=by, reason=outcome.reason, now=now)
    data = answered(outcome.answer.data, peer=peer)
    if not isinstance(data, str) or data not in set(ChargingPreferencesResponse):
        return _keep(
            session, tree, "", by=by, reason=f"The partner answered {str(data)[:100]!r}, which is no response.", now=now
        )
    return _keep(session, tree, str(data), by=by, reason="", now=now)


def leading_to(session: Session) -> Connection:
    """The connection on which a partner tells us of this session. Raises UnableToPrefer."""
    connection = (
        Connection.objects.filter(roles__party=session.party_id, roles__state="ACTIVE", our_parties=session.emsp_id)
        .order_by("pk")
        .first()
    )
    if connection is None or connection.state != ConnectionState.ACTIVE:
        raise UnableToPrefer(f"There is no active connection to {session.party}.")
    return connection


def _keep(session: Session, tree: Tree, response: str, *, by: str, reason: str, now: datetime) -> Preference:
    with transaction.atomic():
        SessionEvent.objects.create(
            session=session, at=now, event=PREFERRED, by=by[:150], reason=f"{response or 'No answer'}. {reason}"[:300]
        )
        return Preference.objects.create(
            session=session,
            at=now,
            document=DocumentField.write(tree),
            answer=response,
            by=by[:150],
            reason=reason[:300],
        )
