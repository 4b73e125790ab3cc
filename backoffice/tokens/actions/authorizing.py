"""A charge point of ours asks whether somebody may charge: our copy of the token, the eMSP in real time, or neither.

Call it outside a transaction: it talks to partners. It always decides, within a few seconds, and always writes down why.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, IntegerField, Value, When
from django.db.models.functions import Upper

from backoffice.partners.models import Party
from backoffice.tokens.actions import answering, asking
from backoffice.tokens.actions.commanded import by_command
from backoffice.tokens.actions.recording import Decided, write
from backoffice.tokens.models import Authorization, Token
from backoffice.tokens.rules import answering as answers
from backoffice.tokens.rules.answering import Asked, Place, Standing
from backoffice.tokens.rules.deciding import (
    NO_TOKEN,
    NOBODY_PAYS,
    NOT_FOR_CHARGING,
    UNKNOWN_HERE,
    Copy,
    Decision,
    Heard,
    Policy,
    Question,
    Reply,
    Step,
    Tree,
    Verdict,
    by_copy,
    by_reply,
    cdr_token,
    first_step,
    is_uid,
    issuer_of_emaid,
)
from backoffice.tokens.rules.words import Hold, How, Kind, Reason
from ocpi.wire import tokens as wire
from ocpi.wire.tokens import LocationReferences

TOTAL_SECONDS = 8.0
"""For all partners that are asked about one card together: nobody waits longer before a charge point."""


@dataclass(frozen=True, slots=True)
class _Case:
    """What is to be decided, and by when."""

    uid: str
    kind: str
    cpo: int | None
    asked: Asked | None
    evse_uid: str
    connector_id: str
    now: datetime
    began: float
    correlation_id: str

    def left(self, seconds: float) -> float:
        return min(seconds, TOTAL_SECONDS - (time.perf_counter() - self.began))


@dataclass(frozen=True, slots=True)
class _Found:
    """A verdict with whose token it is about. `token`: the CdrToken, None while nobody vouches for it."""

    verdict: Verdict
    row: Token | None = None
    emsp: int | None = None
    connection: int | None = None
    token: Tree | None = None


def authorize(
    *,
    uid: str,
    token_type: str = "RFID",  # noqa: S107 - a kind of card, no password
    location: LocationReferences | None = None,
    evse_uid: str | None = None,
    connector_id: str | None = None,
    cpo: int | None = None,
    now: datetime,
) -> Decision:
    """`cpo`: the Party id of our operator whose charge point asks; `location`, `evse_uid`, `connector_id`: where."""
    evse = evse_uid or (location.evse_uids[0] if location and len(location.evse_uids) == 1 else "")
    case = _Case(
        uid=uid,
        kind=token_type,
        cpo=cpo,
        asked=Asked(location.location_id, (evse,) if evse else ()) if location else None,
        evse_uid=evse,
        connector_id=connector_id or "",
        now=now,
        began=time.perf_counter(),
        correlation_id=str(uuid.uuid4()),
    )
    return _written(case, _decide(case))


def used(authorization_id: int, *, now: datetime) -> None:
    """A charge began with it."""
    Authorization.objects.filter(pk=authorization_id, used_at=None).update(used_at=now)


def _decide(case: _Case) -> _Found:
    if not is_uid(case.uid) or not is_uid(case.kind):
        return _Found(NO_TOKEN)
    if case.kind == wire.TokenType.LICENSE_PLATE:
        return _Found(NOT_FOR_CHARGING)
    commanded = by_command(case.uid, case.kind, cpo=case.cpo, place=case.asked, now=case.now)
    if commanded is not None:
        return _Found(commanded.verdict, None, commanded.emsp, commanded.connection, commanded.token)
    found: _Found | None = None
    for row in _known(case):
        found = _by_our_own(case, row) if row.party.ours else _by_partner(case, row)
        if found.verdict.good:
            return found
    return found or _unknown(case)


def _known(case: _Case) -> Sequence[Token]:
    """Every party's token with this id and type. Chips collide, and nobody may take over the card of another by claiming its id:
    valid ones are tried first, and of them the one that we have known longest."""
    ours_first = Case(When(party__ours=True, then=Value(0)), default=Value(1), output_field=IntegerField())
    return list(
        Token.objects.alias(key=Upper("object_id"))
        .filter(key=case.uid.upper(), type=case.kind)
        .select_related("party")
        .order_by(ours_first, "-valid", "created_at", "pk")[:5]
    )


def _by_our_own(case: _Case, row: Token) -> _Found:
    """Our own eMSP in this very house: the same answer that a partner's CPO would get."""
    standing = Standing(row.type, row.valid, Hold(row.hold), tuple(row.only_in))
    place = _own_place(case) if case.asked and answers.needs_place(standing, case.asked) else None
    answered = answers.answer(standing, case.asked, place)
    told = answers.info(answered.allowed, row.language)
    verdict = Verdict(
        answered.allowed,
        How.OWN,
        answered.code,
        f"It is a token of our own. {answered.sentence}",
        reference=str(uuid.uuid4()) if answered.allowed is wire.AllowedType.ALLOWED else "",
        info=told["text"] if told else "",
    )
    return _Found(verdict, row, row.party_id, None, _told(row))


def _own_place(case: _Case) -> Place | None:
    """What we know of our own location."""
    if case.cpo is None or case.asked is None:
        return None
    found = answering.told_of([case.cpo], case.asked.location_id)()
    return Place(*found) if found else None


def _by_partner(case: _Case, row: Token) -> _Found:
    copy = Copy(wire.WhitelistType(row.whitelist), row.valid)
    connection = asking.connection_of(row.party)
    if connection is None:
        return _Found(NOBODY_PAYS, row, row.party_id)
    policy = asking.policy_of(connection)
    step = first_step(copy, policy)
    if step is not Step.ASK:
        return _Found(by_copy(copy), row, row.party_id, connection, _told(row))
    verdict = _ask(case, connection, row.party_id, copy, policy)
    return _Found(verdict, row, row.party_id, connection, _told(row, verdict))


def _ask(case: _Case, connection: int, emsp: int | None, copy: Copy | None, policy: Policy) -> Verdict:
    question = Question(case.uid, case.kind, case.asked.location_id if case.asked else "", case.evse_uid)
    seconds = case.left(policy.seconds)
    try:
        route = asking.route(connection, emsp=emsp, cpo=case.cpo)
    except asking.NoRoute as error:
        return by_reply(Reply(Heard.UNREACHABLE, str(error)), question, copy, policy)
    if seconds <= 0.1:
        return by_reply(Reply(Heard.SILENT, "Others took all the time there was."), question, copy, policy)
    question = asking.named(question, route)
    reply = asking.ask(question, route, seconds=seconds, correlation_id=case.correlation_id)
    return by_reply(reply, question, copy, policy)


def _unknown(case: _Case) -> _Found:
    """Nobody has told us of it: the eMSP that an EMAID names, or those that are to be asked about unknown tokens."""
    waiting: list[tuple[int, int | None]] = [(pk, None) for pk in asking.connections_for_unknown()]
    issuer = issuer_of_emaid(case.uid) if case.kind == wire.TokenType.EMAID else None
    if issuer is not None:
        emsp = Party.objects.filter(country_code=issuer[0], party_id=issuer[1], ours=False).first()
        connection = asking.connection_of(emsp) if emsp else None
        waiting = [(connection, emsp.pk)] if emsp and connection else []
    found: _Found | None = None
    for connection, party in waiting:
        verdict = _ask(case, connection, party, None, asking.policy_of(connection))
        token = _cdr_token_of(verdict)
        payer = _party_of(token) if token else party
        found = _Found(verdict, None, payer, connection, token)
        if verdict.good or verdict.code is not Reason.UNKNOWN_TOKEN:
            return found
    return found or _Found(UNKNOWN_HERE)


def _told(row: Token, verdict: Verdict | None = None) -> Tree:
    """What Session and CDR will say of the token: the eMSP's own words where it was asked."""
    return (_cdr_token_of(verdict) if verdict else None) or cdr_token(
        country_code=row.party.country_code,
        party_id=row.party.party_id,
        uid=row.object_id,
        type=row.type,
        contract_id=row.contract_id,
    )


def _cdr_token_of(verdict: Verdict) -> Tree | None:
    told = verdict.token
    if not verdict.good or not told:
        return None
    return cdr_token(
        country_code=told["country_code"],
        party_id=told["party_id"],
        uid=told["uid"],
        type=told["type"],
        contract_id=told["contract_id"],
    )


def _party_of(token: Tree) -> int | None:
    return (
        Party.objects.filter(country_code=token["country_code"].upper(), party_id=token["party_id"].upper())
        .values_list("pk", flat=True)
        .first()
    )


def _written(case: _Case, found: _Found) -> Decision:
    verdict = found.verdict
    contract = found.token["contract_id"] if found.token else found.row.contract_id if found.row else ""
    pk = write(
        Decided(
            at=case.now,
            kind=Kind.DECIDED,
            party=case.cpo,
            token=found.row.pk if found.row else None,
            uid=case.uid,
            token_type=case.kind,
            contract_id=contract,
            emsp=found.emsp,
            connection=found.connection,
            location_id=case.asked.location_id if case.asked else "",
            evse_uids=case.asked.evse_uids if case.asked else (),
            connector_id=case.connector_id,
            allowed=verdict.allowed,
            how=verdict.how,
            code=verdict.code,
            reason=verdict.sentence,
            reference=verdict.reference,
            info=verdict.info,
            elapsed_ms=(time.perf_counter() - case.began) * 1000,
            correlation_id=case.correlation_id,
        )
    )
    return Decision(
        allowed=verdict.good,
        outcome=verdict.allowed,
        reason=verdict.sentence,
        authorization_id=pk,
        reference=verdict.reference or None,
        auth_method=verdict.method,
        token=found.token if verdict.good else None,
        emsp=found.emsp,
        connection=found.connection,
    )
