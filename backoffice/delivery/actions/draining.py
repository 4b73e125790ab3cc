"""Tell one partner what it is owed: claim, render, send, judge, finish. Safe to run twice, to die anywhere, to overlap.

One drain runs per connection, under a session advisory lock that dies with its process, so a killed drain frees its mailbox
at once and leaves its message DUE. No transaction is open during HTTP. A message that changed while it was sent has a newer
generation; the finishing update then matches nothing and it is sent again.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection as database
from django.db import transaction

from backoffice.claiming import Claim, claimed
from backoffice.crash_points import crash_point
from backoffice.delivery.models import Message
from backoffice.delivery.rules import LADDER, UNHEALTHY_AFTER, MessageState, Verdict, judge, next_probe, next_try, verb
from backoffice.partners import peers
from backoffice.partners.actions.connections import UnableToConnect, change_state
from backoffice.partners.models import Connection, Endpoint
from backoffice.partners.rules import ConnectionEvent, ConnectionState, NotAllowed, is_url, origin
from backoffice.partners.secrets import UnableToDecrypt, decrypt
from backoffice.roaming_site import site
from ocpi import versions
from ocpi.client import Delivered, Outcome, Retry
from ocpi.module import Documents, Exchanged, Module, OwnedObjects, PartyRef, Peer, level_of
from ocpi.server.bodies import context, dialect
from ocpi.server.viewsets import object_address
from ocpi.site import Outgoing
from ocpi.wire import json as wire_json
from ocpi.wire.headers import Routing
from ocpi.wire.versions import InterfaceRole

HEEDED_WITHIN = 1.0
"""Seconds after which a run of sends heeds what was changed at its connection."""

_CLAIM = """
SELECT m.id, m.generation, m.module, m.object_path, m.touched, m.attempts,
    s.id, s.country_code, s.party_id, r.country_code, r.party_id
FROM delivery_message m
JOIN partners_party s ON s.id = m.sender_id JOIN partners_party r ON r.id = m.receiver_id
WHERE m.connection_id = %(connection)s AND m.state = 'DUE' AND m.due_at <= %(now)s
  AND NOT EXISTS (SELECT 1 FROM delivery_message p WHERE p.connection_id = m.connection_id AND p.state = 'DUE'
      AND p.sender_id = m.sender_id AND p.receiver_id = m.receiver_id AND p.module = m.module AND p.id <> m.id
      AND p.touched = '{}' AND starts_with(m.object_path, p.object_path || '/'))
ORDER BY m.due_at, m.id LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Owed:
    """One claimed message with what sending it needs."""

    id: int
    generation: int
    module: Module
    shape: Exchanged
    ids: tuple[str, ...]
    touched: tuple[str, ...]
    attempts: int
    sender: PartyRef
    receiver: tuple[str, str]

    @property
    def path(self) -> str:
        return "/".join(self.ids)

    @property
    def deletes(self) -> bool:
        """Whether nothing to tell means to tell that it is gone."""
        return isinstance(self.shape, OwnedObjects) and self.shape.delete is not None


def drain(connection_id: int, *, limit: int = 10_000, chance: random.Random | None = None) -> int:
    """Send what is due to this partner until nothing is, the line is down or `limit` is reached. Returns how many were sent.

    Another drain of the same connection makes this return 0 at once; that one sees whatever was staged meanwhile.
    """
    sent = 0
    chance = chance or random.Random()
    while sent < limit:
        with claimed(Claim.MAILBOX, connection_id) as alone:
            if not alone:
                return sent
            passed = _drain_alone(connection_id, limit - sent, chance)
            sent += passed
        if not passed or not _due(connection_id, site.now()):
            return sent  # looked again after the lock was gone: what was staged in between had nobody else to send it
    return sent


def _due(connection_id: int, now: datetime) -> bool:
    return Message.objects.filter(connection_id=connection_id, state=MessageState.DUE, due_at__lte=now).exists()


def _drain_alone(connection_id: int, limit: int, chance: random.Random) -> int:
    sent = 0
    line = _line(connection_id)
    while line is not None and sent < limit:
        owed = _claim(connection_id, site.now())
        if owed is None:
            return sent
        sent += 1
        if not _send(owed, line, chance) or time.monotonic() - line.read_at > HEEDED_WITHIN:
            line = _line(connection_id)
    return sent


@dataclass(frozen=True, slots=True)
class _Line:
    """The connection as read for a run of sends; read again whenever one of them says that something is wrong, and after a while:
    a run may last for hours, and staff pause a partner or change what it is told."""

    connection: Connection
    peer: Peer
    token: str
    read_at: float
    """Of the monotonic clock."""


def _line(connection_id: int) -> _Line | None:
    connection = Connection.objects.get(pk=connection_id)
    if connection.state != ConnectionState.ACTIVE or not connection.push_enabled:
        return None
    if connection.next_attempt_at is not None and connection.next_attempt_at > site.now():
        return None
    peer = peers.of_connection(connection_id)
    try:
        token = decrypt(connection.token_out)
    except UnableToDecrypt as error:
        _suspend(connection, str(error))
        return None
    return _Line(connection, peer, token, time.monotonic()) if peer else None


def _claim(connection_id: int, now: datetime) -> Owed | None:
    with database.cursor() as cursor:
        cursor.execute(_CLAIM, {"connection": connection_id, "now": now})
        row = cursor.fetchone()
    if row is None:
        return None
    module = site.module(row[2])
    assert isinstance(module.shape, Exchanged)
    return Owed(
        id=row[0],
        generation=row[1],
        module=module,
        shape=module.shape,
        ids=tuple(row[3].split("/")),
        touched=tuple(row[4]),
        attempts=row[5],
        sender=PartyRef(row[6], row[7], row[8], frozenset()),
        receiver=(row[9], row[10]),
    )


def _send(owed: Owed, line: _Line, chance: random.Random) -> bool:
    """One message. False: something about the line may have changed, read it again before the next."""
    tree = owed.shape.read_own(line.peer, owed.sender, owed.ids)
    if tree is None and not owed.deletes:
        _finish(owed, MessageState.DROPPED, cause="nothing_left", error="Not published to this partner any more.")
        return True
    endpoint = Endpoint.objects.filter(
        connection=line.connection, identifier=owed.module.endpoint, role="RECEIVER"
    ).first()
    if endpoint is None:
        _finish(
            owed,
            MessageState.DROPPED,
            cause="no_endpoint",
            error="The partner has no Receiver endpoint for this module.",
        )
        return True
    if origin(endpoint.url) not in line.connection.confirmed_origins:
        _postpone(owed, timedelta(minutes=30), "unconfirmed_host", f"{origin(endpoint.url)} is not a confirmed host.")
        return True
    try:
        told = _told(owed, line, tree) if tree is not None else None
    except versions.Untranslatable as error:
        _finish(
            owed,
            MessageState.DROPPED,
            cause="untranslatable",
            error=f"No form in OCPI {line.connection.version}: {error}",
        )
        return True
    method, body = _body(owed, told) if told is not None else ("DELETE", b"")
    if body is None:
        _finish(owed, MessageState.DONE)  # what changed does not exist in the partner's version
        return True
    sender, receiver = owed.sender, owed.receiver
    crash_point("push-before-send")
    outcome = site.call(
        Outgoing(
            method=method,
            url=_url(endpoint, owed, told),
            token=line.token,
            connection=line.connection.pk,
            module=owed.module.identifier,
            body=body or None,
            plain_token=line.connection.plain_token,
            routing=Routing(*receiver, sender.country_code, sender.party_id),
            object_path=f"{sender.country_code}/{sender.party_id}/{owed.path}",
            attempt=owed.attempts + 1,
            trigger="push",
        )
    )
    crash_point("push-after-send-before-mark")
    return _judged(owed, line, method, endpoint, outcome, chance)


def _url(endpoint: Endpoint, owed: Owed, told: dict[str, Any] | None) -> str:
    if isinstance(owed.shape, Documents):
        # to the letter: with or without its slash may be two addresses, and a POST is not redirected
        return owed.module.address(endpoint.url, InterfaceRole.RECEIVER)
    levels, ids = owed.shape.levels, owed.ids
    if told is not None and levels[0].qualifier:  # as the partner's version says it: path and body must name the same
        ids = (*ids[:-1], str(told[levels[0].qualifier]))
    return object_address(owed.module, endpoint.url, ids, owed.sender)


def _told(owed: Owed, line: _Line, tree: dict[str, Any]) -> dict[str, Any]:
    """The object in the partner's version. Raises Untranslatable."""
    level = level_of(owed.shape.levels, owed.ids)
    said = dialect(level.cls, version=line.connection.version, peer=line.peer)
    told: dict[str, Any] = versions.down(said, level.cls, tree, context(line.peer, owed.sender))
    return told


def _body(owed: Owed, told: dict[str, Any]) -> tuple[str, bytes | None]:
    if isinstance(owed.shape, Documents):
        return "POST", wire_json.encode(told)
    method = verb(owed.touched) if owed.shape.patch else "PUT"
    if method == "PATCH":
        fields = {name: told[name] for name in owed.touched if name in told}
        if not fields:
            return method, None
        told = fields | {"last_updated": told["last_updated"]}
    return method, wire_json.encode(told)


def _judged(owed: Owed, line: _Line, method: str, endpoint: Endpoint, outcome: Outcome, chance: random.Random) -> bool:
    level = level_of(owed.shape.levels, owed.ids)
    verdict = judge(outcome, method=method, has_parent=level is not owed.shape.levels[0])
    if verdict is Verdict.DONE:
        if isinstance(owed.shape, Documents):
            _acknowledged(owed.shape, owed, line, outcome)
            crash_point("push-after-acknowledged-before-done")
        _finish(owed, MessageState.DONE)
        if line.connection.failures_in_a_row:
            Connection.objects.filter(pk=line.connection.pk).update(failures_in_a_row=0, next_attempt_at=None)
            return False
        return True
    assert not isinstance(outcome, Delivered)
    reason, cause = outcome.reason, outcome.cause.value
    retry_after = outcome.retry_after if isinstance(outcome, Retry) else None
    if verdict is Verdict.TOKEN_REFUSED:
        fresh = Connection.objects.get(pk=line.connection.pk)
        if fresh.token_out == line.connection.token_out:  # not a rotation that overtook this send
            _suspend(fresh, reason)
            _postpone(owed, timedelta(0), cause, reason)
    elif verdict is Verdict.SEND_WHOLE:
        Message.objects.filter(pk=owed.id, generation=owed.generation).update(
            touched=[], last_error=reason, last_cause=cause
        )
    elif verdict is Verdict.SEND_PARENT:
        _owe_parent(owed, reason, cause)
    elif verdict is Verdict.PULL_ONLY:
        if not owed.module.part_of:  # that a part is not taken says nothing of the others
            Endpoint.objects.filter(pk=endpoint.pk).update(pull_only=True)
        Message.objects.filter(
            connection=line.connection, module=owed.module.identifier, state=MessageState.DUE
        ).update(
            state=MessageState.DROPPED, last_cause="pull_only", last_error="The partner takes no pushes of this module."
        )
    elif verdict is Verdict.REFUSED or line.connection.strict_delivery:
        _finish(owed, MessageState.REFUSED, cause=cause, error=reason)
    else:
        _later(owed, line, verdict, cause, reason, retry_after, chance)
    return False


def _later(
    owed: Owed,
    line: _Line,
    verdict: Verdict,
    cause: str,
    reason: str,
    retry_after: float | None,
    chance: random.Random,
) -> None:
    failures = line.connection.failures_in_a_row + 1
    held = None
    if verdict is Verdict.LINE_DOWN or failures >= UNHEALTHY_AFTER:
        held = site.now() + next_probe(failures, retry_after=retry_after, chance=chance)
    Connection.objects.filter(pk=line.connection.pk).update(failures_in_a_row=failures, next_attempt_at=held)
    if verdict is Verdict.LINE_DOWN:
        _postpone(owed, timedelta(0), cause, reason)  # the mailbox waits, not the message
        return
    tries = min(owed.attempts + 1, len(LADDER)) if isinstance(owed.shape, Documents) else owed.attempts + 1
    pause = next_try(tries, retry_after=retry_after, chance=chance)  # a document is owed until it is taken
    if pause is None:
        _finish(owed, MessageState.REFUSED, cause=cause, error=f"Given up after {owed.attempts + 1} attempts. {reason}")
        return
    Message.objects.filter(pk=owed.id).update(
        attempts=owed.attempts + 1, due_at=site.now() + pause, last_cause=cause, last_error=reason
    )


def _acknowledged(shape: Documents, owed: Owed, line: _Line, outcome: Outcome) -> None:
    """The peer has it: where it keeps it is worth remembering, for asking again."""
    headers = outcome.headers if isinstance(outcome, Delivered) else None
    url = (headers.get("Location") or "") if headers else ""
    shape.acknowledged(line.peer, owed.sender, owed.ids, url if is_url(url) else "", site.now())


def _finish(owed: Owed, state: MessageState, *, cause: str = "", error: str = "") -> None:
    """The send of this generation is over; a newer one stays due."""
    now = site.now()
    delivered = {"delivered_at": now, "attempts": 0} if state is MessageState.DONE else {}
    Message.objects.filter(pk=owed.id, generation=owed.generation, state=MessageState.DUE).update(
        state=state, last_cause=cause, last_error=error, **delivered
    )


def _postpone(owed: Owed, pause: timedelta, cause: str, reason: str) -> None:
    Message.objects.filter(pk=owed.id).update(due_at=site.now() + pause, last_cause=cause, last_error=reason)


def _owe_parent(owed: Owed, reason: str, cause: str) -> None:
    """The partner refused a child, most likely for want of its parent: send the parent whole, which carries the child."""
    now = site.now()
    with transaction.atomic():
        row = Message.objects.get(pk=owed.id)
        parent, created = Message.objects.get_or_create(
            connection_id=row.connection_id,
            sender_id=row.sender_id,
            receiver_id=row.receiver_id,
            module=row.module,
            object_path="/".join(owed.ids[:-1]),
            defaults={"due_at": now, "owed_since": row.owed_since, "created_at": now},
        )
        if not created:
            Message.objects.filter(pk=parent.pk).update(
                state=MessageState.DUE, touched=[], due_at=now, generation=parent.generation + 1, attempts=0
            )
        _finish(owed, MessageState.DROPPED, cause=cause, error=f"Sent with its parent instead. {reason}")


def _suspend(connection: Connection, reason: str) -> None:
    try:
        change_state(connection, ConnectionEvent.TOKEN_REFUSED, reason=reason)
    except (NotAllowed, UnableToConnect):
        return  # somebody paused or removed it meanwhile: then it is not sending either


def mailboxes_due(now: datetime) -> list[tuple[int, datetime]]:
    """Connections with something to send now, and since when the oldest of it has been due."""
    with database.cursor() as cursor:
        cursor.execute(
            """
            SELECT m.connection_id, min(m.due_at) FROM delivery_message m JOIN partners_connection c ON c.id = m.connection_id
            WHERE m.state = 'DUE' AND m.due_at <= %(now)s AND c.state = 'ACTIVE' AND c.push_enabled
              AND (c.next_attempt_at IS NULL OR c.next_attempt_at <= %(now)s)
            GROUP BY m.connection_id ORDER BY 2
            """,
            {"now": now},
        )
        return [(row[0], row[1]) for row in cursor.fetchall()]
