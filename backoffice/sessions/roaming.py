"""The partners' door of sessions: what they may read of ours, what they tell us, and what drivers ask for (mod_sessions)."""

from __future__ import annotations

from datetime import timedelta

from backoffice import statements
from backoffice.fields import DocumentField
from backoffice.payments.actions import watching
from backoffice.roaming_site import site
from backoffice.sessions.actions import arriving, preferring
from backoffice.sessions.models import READABLE, SHELF
from backoffice.sessions.rules.states import RECEIVER_ROLES, SENDER_ROLES
from ocpi.module import (
    Answer,
    Arrival,
    Call,
    CallArrival,
    Level,
    Module,
    OwnedObjects,
    Page,
    PageQuery,
    PartyRef,
    Peer,
    Refusal,
    Stored,
    Tree,
    Unknown,
)
from ocpi.wire import sessions as wire
from ocpi.wire.envelope import StatusCode
from ocpi.wire.types import TokenType

FULL_PULL = timedelta(days=30)
"""A session of before has ended, and its CDR says what it came to."""


def _senders(peer: Peer) -> list[PartyRef]:
    return [party for party in peer.ours if party.roles & SENDER_ROLES]


def page(peer: Peer, query: PageQuery) -> Page:
    return SHELF.page(peer, _senders(peer), query)


def read_own(peer: Peer, owner: PartyRef | None, ids: tuple[str, ...]) -> Tree | None:
    return _read([owner] if owner else _senders(peer), ids[0], READABLE, peer)


def read_theirs(peer: Peer, owner: PartyRef, ids: tuple[str, ...]) -> Tree | None:
    return _read([owner], ids[0], "true", peer)


def _read(parties: list[PartyRef], identity: str, visible: str, peer: Peer) -> Tree | None:
    rows = statements.run(
        f"""SELECT d.document FROM charging_sessions_session d
            WHERE d.party_id = ANY(%(parties)s) AND upper(d.object_id) = upper(%(id)s) AND {visible} ORDER BY d.id LIMIT 1""",
        {
            "parties": [party.id for party in parties],
            "id": identity,
            "theirs": [party.id for party in peer.theirs],
        },
    )
    if not rows:
        return None
    tree: Tree = DocumentField.read(rows[0][0])
    return tree


def prefer(arrival: CallArrival) -> Answer:
    """Charging preferences of a driver for a session of ours that goes on (mod_sessions#cpo_put_method)."""
    assert isinstance(arrival.value, wire.ChargingPreferences) and arrival.tree is not None
    try:
        response = preferring.take(
            parties=[party.id for party in _senders(arrival.peer)],
            emsps=[party.id for party in arrival.peer.theirs],
            session_id=arrival.segments["session_id"],
            tree=arrival.tree,
            wanted=arrival.value,
            by=arrival.peer.name,
            now=arrival.now,
        )
    except preferring.NothingThere as error:
        raise Unknown(str(error)) from error
    except preferring.UnableToPrefer as error:
        raise Refusal(str(error), ocpi=StatusCode.INVALID_PARAMETERS) from error
    return Answer(response.value, object_path=arrival.segments["session_id"])


def put(arrival: Arrival) -> Stored:
    stored = arriving.put(arrival)
    if arrival.tree["cdr_token"]["type"] == TokenType.AD_HOC_USER:  # a card may pay for it at a terminal of ours
        watching.hint(arrival.tree.get("authorization_reference") or "", now=arrival.now)
    return stored


site.register(
    Module(
        "sessions",
        OwnedObjects(
            levels=(Level("session_id", "id", wire.Session, appends=("charging_periods",)),),
            page=page,
            read_own=read_own,
            read_theirs=read_theirs,
            put=put,
            patch=arriving.patch,
            store_page=arriving.store_page,
            dated=FULL_PULL,
            calls=(Call("PUT", "{session_id}/charging_preferences", wire.ChargingPreferences, prefer, atomic=True),),
        ),
        sender_roles=SENDER_ROLES,
        receiver_roles=RECEIVER_ROLES,
    )
)
