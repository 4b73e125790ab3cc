"""Our eMSP is asked in real time whether somebody may charge (mod_tokens#mod_tokens_post_method).

A driver stands before the charge point meanwhile: one read of the token, on the same journey one of the location where it may
matter, one insert.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, cast

from backoffice import statements
from backoffice.tokens.actions.recording import Decided, write_later
from backoffice.tokens.rules import answering as rules
from backoffice.tokens.rules.answering import Answered, Asked, Place, Standing
from backoffice.tokens.rules.words import SENDER_ROLES, Hold, How, Kind, Reason
from ocpi.module import Answer, CallArrival, PartyRef, Peer
from ocpi.server.viewsets import qualified
from ocpi.versions.countries import ALPHA_3
from ocpi.wire import json as wire_json
from ocpi.wire import tokens as wire
from ocpi.wire.envelope import StatusCode
from ocpi.wire.tokens import AllowedType

Tree = dict[str, Any]

DEFAULT_TYPE = "RFID"

TellsOf = Callable[[Sequence[int], str], Callable[[], tuple[str, frozenset[str]] | None]]
"""Of the first of these parties that told us of the location of this id: its country and the uids of its EVSEs in upper case, to
be called once the next statement was run."""


def _nothing(operators: Sequence[int], location_id: str) -> Callable[[], None]:
    return lambda: None


told_of: TellsOf = _nothing
"""Set by the app of locations, which stands beside this one."""


def authorize(arrival: CallArrival) -> Answer:
    """The whole token with the answer; HTTP 404 with 2004 for one that we do not know, 2002 where we must know the place."""
    began = time.perf_counter()
    uid, kind = arrival.segments["token_uid"], qualified(arrival.query.get("type"), DEFAULT_TYPE)
    asked = _asked(arrival.value)
    senders = [party for party in arrival.peer.ours if party.roles & SENDER_ROLES]
    if arrival.receiver is not None:
        senders = [party for party in senders if party == arrival.receiver]
    ahead = _place(arrival.peer, arrival.sender, asked) if asked and asked.evse_uids else None
    found = _find(senders, uid, kind)
    if found is None:
        sentence = f"Our eMSP has no token {uid[:36]} of type {kind[:36]}."
        unknown = Answered(AllowedType.NOT_ALLOWED, Reason.UNKNOWN_TOKEN, sentence)
        _write(arrival, began, asked, uid, kind, unknown, party=senders[0].id if senders else None)
        return Answer(http=404, ocpi=StatusCode.UNKNOWN_TOKEN, message="This token is not known here.")
    token, standing, tree = found
    place = None
    if asked and rules.needs_place(standing, asked):
        place = (ahead or _place(arrival.peer, arrival.sender, asked))()
    answered = rules.answer(standing, asked, place)
    reference = str(uuid.uuid4()) if answered.allowed is AllowedType.ALLOWED else ""
    told = rules.info(answered.allowed, tree.get("language") or "")
    pk, party = token
    _write(arrival, began, asked, uid, kind, answered, party=party, token=pk, tree=tree, reference=reference, told=told)
    path = f"{tree['country_code']}/{tree['party_id']}/{tree['uid']}/{tree['type']}"
    if answered.asks_for_location:
        return Answer(
            ocpi=StatusCode.NOT_ENOUGH_INFORMATION,
            message="This token may not be used everywhere: say with LocationReferences where.",
            object_path=path,
        )
    data: Tree = {"allowed": answered.allowed.value, "token": tree}
    if asked is not None and answered.allowed is AllowedType.ALLOWED:
        data["location"] = {"location_id": asked.location_id, "evse_uids": list(answered.evse_uids or ())}
    if reference:
        data["authorization_reference"] = reference
    if told:
        data["info"] = told
    return Answer(data, wire.AuthorizationInfo, object_path=path)


def _asked(value: Any) -> Asked | None:
    if value is None:
        return None
    assert isinstance(value, wire.LocationReferences)
    return Asked(value.location_id, tuple(value.evse_uids))


def _find(parties: Sequence[PartyRef], uid: str, kind: str) -> tuple[tuple[int, int], Standing, Tree] | None:
    """(row id, party id), what it says about itself, and the whole token."""
    rows = statements.run(
        """SELECT id, party_id, type, valid, hold, only_in, document FROM tokens_token
           WHERE upper(object_id) = upper(%s) AND type = %s AND party_id = ANY(%s)""",
        [uid, kind, [party.id for party in parties]],
    )
    if not rows:
        return None
    pk, party, kind, valid, hold, only_in, document = min(rows)  # the oldest, where several of our parties have it
    tree = cast("Tree", wire_json.reread(document))
    return (pk, party), Standing(kind, valid, Hold(hold), tuple(only_in)), tree


def _place(peer: Peer, sender: PartyRef | None, asked: Asked) -> Callable[[], Place]:
    """What this partner has told us of the location it names; to be called once the token was read."""
    operators = [sender] if sender is not None else [party for party in peer.theirs if "CPO" in party.roles]
    told = told_of([operator.id for operator in operators], asked.location_id)

    def place() -> Place:
        found = told()
        if found is not None:
            return Place(*found)
        return Place(ALPHA_3.get(operators[0].country_code, "") if operators else "")

    return place


def _write(
    arrival: CallArrival,
    began: float,
    asked: Asked | None,
    uid: str,
    kind: str,
    answered: Answered,
    *,
    party: int | None,
    token: int | None = None,
    tree: Tree | None = None,
    reference: str = "",
    told: dict[str, str] | None = None,
) -> None:
    write_later(
        Decided(
            at=arrival.now,
            kind=Kind.ASKED,
            party=party,
            token=token,
            uid=tree["uid"] if tree else uid,
            token_type=kind,
            contract_id=tree["contract_id"] if tree else "",
            emsp=party,
            connection=arrival.peer.connection,
            location_id=asked.location_id if asked else "",
            evse_uids=asked.evse_uids if asked else (),
            allowed=answered.allowed,
            how=How.REAL_TIME if token else How.NONE,
            code=answered.code,
            reason=answered.sentence,
            reference=reference,
            info=told["text"] if told else "",
            elapsed_ms=(time.perf_counter() - began) * 1000,
            correlation_id=arrival.correlation_id,
        )
    )
