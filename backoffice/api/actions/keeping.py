"""An effect once, however often its request comes: the answer is kept in the transaction of the effect.

`begin` must be called inside that transaction. A second request with the same key waits there for the first: its insert waits
for the row of the first, and finds either the kept answer or, if the first changed nothing, that the way is free. Only answers
of effects are kept: what was refused changed nothing and may be tried again with the same key.

A request that asks others (an eMSP, some seconds long) has no transaction around it. It is `claim`ed first, in a transaction of
its own, and `finish`ed or `release`d afterwards; meanwhile the same key is told to wait. Who died in between holds it no longer
than the lease.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from backoffice import statements
from backoffice.api.models import KeptAnswer

KEPT_FOR = timedelta(hours=24)
LEASE = timedelta(seconds=60)


class UnableToRepeat(Exception):
    """The key was used for another body."""


class UnableToWait(Exception):
    """The same request is being answered at this moment."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The answer of the first time."""

    status: int
    body: str


_INSERT = """
INSERT INTO api_keptanswer (application_id, route, idempotency_key, body_hash, status, body, lease_until, at)
VALUES (%(application)s, %(route)s, %(key)s, %(hash)s, NULL, '', %(lease)s, %(now)s)
ON CONFLICT (application_id, idempotency_key, route) DO NOTHING RETURNING id
"""
_READ = """
SELECT id, body_hash, status, body, lease_until FROM api_keptanswer
WHERE application_id = %(application)s AND route = %(route)s AND idempotency_key = %(key)s FOR UPDATE
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with an Idempotency-Key."""

    application: int
    route: str
    key: str
    hash: bytes


def begin(asked: Asked, *, now: datetime, lease: timedelta | None = None) -> int | Kept:
    """The number of the row to finish, or what was answered before. Raises UnableToRepeat and UnableToWait."""
    given = {
        "application": asked.application,
        "route": asked.route,
        "key": asked.key,
        "hash": asked.hash,
        "lease": now + lease if lease else None,
        "now": now,
    }
    for _ in range(3):
        made = statements.run(_INSERT, given)
        if made:
            return int(made[0][0])
        rows = statements.run(_READ, given)
        if rows:
            break
        # trimmed in between: then it is a new one
    else:
        raise UnableToWait("This Idempotency-Key is in use at this moment.")
    row, body_hash, status, body, lease_until = rows[0]
    if bytes(body_hash) != asked.hash:
        raise UnableToRepeat("This Idempotency-Key was used with another body. Use a new one for a new request.")
    if status is not None:
        return Kept(status, body.decode() if isinstance(body, bytes) else body)
    if lease_until is not None and lease_until > now:
        raise UnableToWait("A request with this Idempotency-Key is being answered. Ask again in a moment.")
    KeptAnswer.objects.filter(pk=row).update(lease_until=now + lease if lease else None)
    return int(row)


def claim(asked: Asked, *, now: datetime) -> int | Kept:
    """For what asks others. Raises UnableToRepeat and UnableToWait."""
    with transaction.atomic():
        return begin(asked, now=now, lease=LEASE)


def finish(row: int, *, status: int, body: str) -> None:
    KeptAnswer.objects.filter(pk=row).update(status=status, body=body, lease_until=None)


def release(row: int) -> None:
    """Nothing came of it: the key is free again."""
    KeptAnswer.objects.filter(pk=row, status=None).delete()


def trim(*, now: datetime) -> int:
    gone, _ = KeptAnswer.objects.filter(at__lt=now - KEPT_FOR).delete()
    return gone
