"""Run one errand: claim, send, finish, and tell the app what became of it. Safe to run twice, to die anywhere, to overlap.

A claim is a lease, committed before anything is sent; no transaction is open during HTTP; the end of an errand and what the app
makes of it are one transaction. A request that is found SENDING after its lease is not sent again: its process died, and nobody
knows how far it had come. Results and pushes are: who gets them twice ignores the second.

Errands of one partner run side by side, but for `PLACES` at most: a dead partner must not take every worker along.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import unquote, urlencode

from django.db import OperationalError, transaction
from django.db import connection as database
from django.db.models import QuerySet

from backoffice.crash_points import crash_point
from backoffice.delivery.actions.errands import pushes_of, response_url
from backoffice.delivery.models import Errand
from backoffice.delivery.rules import LINE, ErrandState, What, errand_state, next_errand_try
from backoffice.fields import DocumentField
from backoffice.partners import peers
from backoffice.partners.actions.connections import UnableToConnect, change_state
from backoffice.partners.models import Connection, Endpoint
from backoffice.partners.rules import ConnectionEvent, ConnectionState, NotAllowed, origin
from backoffice.partners.secrets import UnableToDecrypt, decrypt
from backoffice.roaming_site import site
from ocpi import versions
from ocpi.client import Cause, Delivered, Outcome, Refused, Retry
from ocpi.module import AsyncRequests, Call, Exchanged, Module, PartyRef, Peer, Refusal, Reply, Tree
from ocpi.server.bodies import answered, context, dialect, lift, validated
from ocpi.server.viewsets.paths import match
from ocpi.site import Outgoing
from ocpi.wire import json as wire_json
from ocpi.wire.base import Wire
from ocpi.wire.headers import Routing
from ocpi.wire.versions import InterfaceRole

log = logging.getLogger("roamdesk.errands")

_Shape = AsyncRequests | Exchanged
"""What is asked for and pushed, or what the partner's Sender interface lets us call beside its objects."""

_LOCK = 0x0E44
"""Class of the advisory locks of claims; the second key is the connection's id. Held while places are counted and no longer."""

PLACES = 4
"""Errands of one connection that travel at a time; one, while its line is known to be down."""

SECONDS = 15.0
"""The longest that one exchange may take."""

LEASE = timedelta(seconds=30)
"""Longer than any exchange: whoever holds an errand longer is dead."""

TOLD_AGAIN = timedelta(seconds=60)
"""After which an app hears again what it could not take."""

_YES = "ACCEPTED"
"""As the result of an answer: beside a status that refuses the request it is not believed."""

_TRIES = 3
_RETRIED = {"40P01", "40001", "55P03"}
"""SQLSTATEs worth another try: deadlock, serialization failure, lock time-out."""

_CLAIM = """
WITH found AS (
    SELECT e.id, e.state AS was FROM delivery_errand e
    WHERE e.connection_id = %(connection)s AND e.id = coalesce(%(errand)s, e.id)
      AND (e.state = 'DUE' AND e.due_at <= %(now)s OR e.state = 'SENDING' AND e.lease_until <= %(now)s)
      AND (SELECT count(*) FROM delivery_errand o
           WHERE o.connection_id = e.connection_id AND o.state = 'SENDING' AND o.lease_until > %(now)s)
          < (SELECT CASE WHEN c.failures_in_a_row > 0 THEN 1 ELSE %(places)s END FROM partners_connection c
             WHERE c.id = e.connection_id)
    ORDER BY e.due_at, e.id LIMIT 1 FOR UPDATE OF e SKIP LOCKED)
UPDATE delivery_errand e SET state = 'SENDING', attempts = e.attempts + 1, lease_until = %(lease)s
FROM found WHERE e.id = found.id RETURNING e.id, found.was
"""

_DUE = """
SELECT id, since FROM (
    SELECT id, CASE state WHEN 'DUE' THEN due_at ELSE lease_until END AS since,
        row_number() OVER (PARTITION BY connection_id ORDER BY due_at, id) AS place
    FROM delivery_errand
    WHERE state = 'DUE' AND due_at <= %(now)s OR state = 'SENDING' AND lease_until <= %(now)s) waiting
WHERE place <= %(places)s ORDER BY since, id
"""


class NoRoute(Exception):
    """It cannot be sent; the sentence says why."""

    def __init__(self, message: str, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class _Route:
    """Where an errand goes, and with what."""

    url: str
    peer: Peer
    owner: PartyRef
    token: str = field(repr=False)
    body: bytes | None = field(repr=False)


def errands_due(now: datetime) -> list[tuple[int, datetime]]:
    """Errands to run now, and since when they are due: of each connection no more than may run at a time. Whoever ends one goes
    on with the next."""
    with database.cursor() as cursor:
        cursor.execute(_DUE, {"now": now, "places": PLACES})
        return list(cursor.fetchall())


def run(errand_id: int) -> int:
    """Run this errand, then whatever of its connection waits for a place. Returns how many were run."""
    connection = Errand.objects.filter(pk=errand_id).values_list("connection_id", flat=True).first()
    ran = 0
    claimed = _claim(connection, errand_id) if connection is not None else None
    while claimed is not None:
        _run(*claimed)
        ran += 1
        assert connection is not None
        claimed = _claim(connection, None)
    return ran


def _claim(connection: int, errand_id: int | None) -> tuple[Errand, bool] | None:
    """The errand, and whether another process had it before; None where nothing is due or no place is free."""
    now = site.now()
    given = {"connection": connection, "errand": errand_id, "now": now, "lease": now + LEASE, "places": PLACES}
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, connection])
        cursor.execute(_CLAIM, given)
        row = cursor.fetchone()
    if row is None:
        return None
    return Errand.objects.select_related("connection", "sender", "receiver").get(pk=row[0]), row[1] == "SENDING"


def _run(errand: Errand, orphaned: bool) -> None:
    module = site.module(errand.module)
    shape = pushes_of(module)
    now = site.now()
    if orphaned and errand.what == What.REQUEST:
        problem = "The process that was sending it ended. Whether the partner got it is not known."
        _finish(errand, shape, ErrandState.FAILED, Reply(problem=problem, cause="interrupted"))
        return
    if errand.deadline <= now:
        problem = f"Its time was over before it was taken. {errand.last_error}".strip()
        late = Reply(problem=problem, cause=errand.last_cause or "too_late", sent=errand.attempts > 1)
        _finish(errand, shape, ErrandState.EXPIRED, late)
        return
    try:
        route = _route(errand, module, shape)
    except NoRoute as error:
        before = errand.attempts > 1  # an earlier try may have arrived, whatever has come between since
        _finish(errand, shape, ErrandState.FAILED, Reply(problem=str(error), cause=error.cause, sent=before))
        return
    crash_point("errand-claimed-before-send")
    outcome = site.call(
        Outgoing(
            method=errand.method,
            url=route.url,
            token=route.token,
            connection=errand.connection_id,
            module=errand.module,
            body=route.body,
            plain_token=errand.connection.plain_token,
            routing=_routing(errand),
            correlation_id=errand.correlation_id,
            object_path=f"{errand.kind}/{errand.key}",
            attempt=errand.attempts,
            trigger=errand.what.lower(),
            seconds=min(SECONDS, max((errand.deadline - now).total_seconds(), 1.0)),
        )
    )
    crash_point("errand-sent-before-mark")
    _judge(errand, shape, route, outcome)


# --- where it goes --------------------------------------------------------------------------------------------------------


def _route(errand: Errand, module: Module, shape: _Shape) -> _Route:
    """Raises NoRoute."""
    connection = errand.connection
    if connection.state != ConnectionState.ACTIVE:
        why = f": {connection.held_reason}" if connection.held_reason else ""
        raise NoRoute(f"The connection {connection} is {connection.state.lower()}{why}.", "not_active")
    peer = peers.of_connection(connection.pk)
    assert peer is not None
    owner = PartyRef(errand.sender_id, errand.sender.country_code, errand.sender.party_id, frozenset())
    url = errand.url or _address(errand, module, shape)
    if origin(url) not in connection.confirmed_origins:
        raise NoRoute(f"{origin(url)} is not a confirmed host of {connection}.", "unconfirmed_host")
    try:
        token = decrypt(connection.token_out)
        body = _body(errand, module, shape, peer, owner)
    except UnableToDecrypt as error:
        raise NoRoute(str(error), "no_token") from error
    except versions.Untranslatable as error:
        raise NoRoute(f"It has no form in OCPI {connection.version}: {error}.", "untranslatable") from error
    return _Route(url, peer, owner, token, body)


def _address(errand: Errand, module: Module, shape: _Shape) -> str:
    connection = errand.connection
    role = "RECEIVER" if errand.what == What.REQUEST else "SENDER"
    endpoint = Endpoint.objects.filter(connection=connection, identifier=module.endpoint, role=role).first()
    if endpoint is None:
        raise NoRoute(f"{connection} has no {role.capitalize()} endpoint for {module.endpoint}.", "no_endpoint")
    query = dict(errand.query)
    if errand.what == What.REQUEST:
        ask = _requests(shape).ask(errand.kind)
        if versions.lacks(connection.version, ask.path):
            raise NoRoute(f"OCPI {connection.version} has no {ask.kind}.", "not_in_version")
        if ask.body is None:
            query["response_url"] = response_url(connection.version, module, errand.kind, errand.key)
    below = f"/{errand.path}" if errand.path else ""
    url = module.address(endpoint.url, InterfaceRole(role))
    return f"{url.rstrip('/')}{below}" + (f"?{urlencode(query)}" if query else "")


def _body(errand: Errand, module: Module, shape: _Shape, peer: Peer, owner: PartyRef) -> bytes | None:
    cls = _class(errand, shape)
    if cls is None:
        return None
    tree: Tree = DocumentField.read(errand.tree) if errand.tree else {}
    if errand.what == What.REQUEST:
        tree = {**tree, "response_url": response_url(peer.version, module, errand.kind, errand.key)}
    return wire_json.encode(
        versions.down(dialect(cls, version=peer.version, peer=peer), cls, tree, context(peer, owner))
    )


def _class(errand: Errand, shape: _Shape) -> type[Wire] | None:
    """Of what travels."""
    if errand.what == What.PUSH:
        return _called(errand, shape).body
    ask = _requests(shape).ask(errand.kind)
    return ask.body if errand.what == What.REQUEST else ask.result


def _called(errand: Errand, shape: _Shape) -> Call:
    segments = tuple(unquote(part) for part in errand.path.split("/") if part)
    return next(call for call in shape.calls if call.method == errand.method and match(call.path, segments) is not None)


def _requests(shape: _Shape) -> AsyncRequests:
    """Only these are asked for and have results."""
    assert isinstance(shape, AsyncRequests)
    return shape


def _routing(errand: Errand) -> Routing:
    sender, receiver = errand.sender, errand.receiver
    return Routing(
        to_country=receiver.country_code if receiver is not None else None,
        to_party=receiver.party_id if receiver is not None else None,
        from_country=sender.country_code,
        from_party=sender.party_id,
    )


# --- what became of it ----------------------------------------------------------------------------------------------------


def _judge(errand: Errand, shape: _Shape, route: _Route, outcome: Outcome) -> None:
    connection = Connection.objects.filter(pk=errand.connection_id)
    if isinstance(outcome, Delivered):
        if errand.connection.failures_in_a_row:  # its line is up again: nobody must wait for the next probe
            connection.update(failures_in_a_row=0, next_attempt_at=None)
        reply = _read(errand, shape, route, outcome)
        _finish(errand, shape, ErrandState.FAILED if reply.problem else ErrandState.DONE, reply)
        return
    if outcome.cause in LINE:
        connection.filter(failures_in_a_row=0).update(failures_in_a_row=1)  # from now on one errand tries it at a time
    token_is_old = outcome.cause is Cause.UNAUTHORIZED and not _refuse_token(errand, outcome)
    state = errand_state(What(errand.what), outcome, token_is_old=token_is_old)
    if state is ErrandState.DUE:
        _postpone(errand, outcome)
    else:
        reply = Reply(problem=outcome.happened, cause=outcome.cause.value, sent=outcome.sent)
        no = _read(errand, shape, route, outcome)
        if no.value is not None and getattr(no.value, "result", None) != _YES:
            reply = replace(reply, value=no.value, tree=no.tree)
        _finish(errand, shape, state, reply, said=outcome.reason)


def _read(errand: Errand, shape: _Shape, route: _Route, outcome: Outcome) -> Reply:
    """What the partner answered to a request, or to a call that has an answer; also what it says beside a status that refuses
    it."""
    cls = None
    if errand.what == What.REQUEST:
        cls = _requests(shape).ask(errand.kind).response
    elif errand.what == What.PUSH:
        cls = _called(errand, shape).answers
    if cls is None or outcome.answer is None:
        return Reply()
    data = answered(outcome.answer.data, peer=route.peer)
    if not isinstance(data, dict):
        return Reply(problem=f"The partner answered without a {cls.__name__}.", cause="unreadable")
    version = route.peer.version
    try:
        tree, _ = lift(cls, data, version=version, peer=route.peer, owner=route.owner)
        return Reply(value=validated(cls, tree, version=version, peer=route.peer), tree=tree)
    except Refusal as error:
        return Reply(problem=f"The partner's answer cannot be read. {error}", cause="unreadable")


def _refuse_token(errand: Errand, outcome: Retry | Refused) -> bool:
    """The partner refuses our token: suspend the connection, unless a rotation overtook this errand (then False). Who answers at
    a response_url speaks for that alone: there the connection is left to what goes to the endpoints."""
    if errand.what == What.RESULT:
        return Connection.objects.filter(pk=errand.connection_id, token_out=errand.connection.token_out).exists()
    fresh = Connection.objects.get(pk=errand.connection_id)
    if fresh.token_out != errand.connection.token_out:
        return False
    try:
        change_state(fresh, ConnectionEvent.TOKEN_REFUSED, reason=outcome.reason)
    except (NotAllowed, UnableToConnect):
        return True  # somebody paused or removed it meanwhile: then it is not sending either
    return True


def _postpone(errand: Errand, outcome: Retry | Refused) -> None:
    retry_after = outcome.retry_after if isinstance(outcome, Retry) else None
    due_at = site.now() + next_errand_try(errand.attempts, retry_after=retry_after)
    _held(errand).update(
        state=ErrandState.DUE,
        lease_until=None,
        due_at=min(due_at, errand.deadline),  # at which it is found to be too late
        last_cause=outcome.cause.value,
        last_error=outcome.reason,
    )


def _held(errand: Errand) -> QuerySet[Errand]:
    """The row as long as it is ours: its lease may have been over, and another process has it."""
    return Errand.objects.filter(pk=errand.pk, state=ErrandState.SENDING, attempts=errand.attempts)


def _finish(errand: Errand, shape: _Shape, state: ErrandState, reply: Reply, *, said: str = "") -> None:
    """End it and tell the app, in one transaction. What the app cannot take now it hears again later: the errand is not over."""
    tell = _requests(shape).answered if errand.what == What.REQUEST else shape.delivered
    assert tell is not None, errand.module
    for attempt in range(1, _TRIES + 1):
        try:
            with transaction.atomic():
                now = site.now()
                ours = _held(errand).update(
                    state=state,
                    lease_until=None,
                    finished_at=now,
                    last_cause=reply.cause[:40],
                    last_error=said or reply.problem,
                )
                if ours:
                    tell(errand.kind, errand.key, reply, now)
                    crash_point("errand-told-before-commit")
        except OperationalError as error:
            if attempt == _TRIES or getattr(error.__cause__, "sqlstate", None) not in _RETRIED:
                raise
        except Exception:
            log.exception("what became of errand %s could not be told to %s", errand.pk, errand.module)
            _held(errand).update(lease_until=site.now() + TOLD_AGAIN)
            return
        else:
            break
    crash_point("errand-marked")
