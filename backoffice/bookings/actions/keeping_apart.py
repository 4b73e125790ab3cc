"""Who has what: the one place where claims come and go. It asks the database, and the database says no.

Order of locks, for everybody: bookings, resources by id, tokens by key; then nobody waits for anybody in a circle.
Resources are locked so that two who want the same do not run into each other's constraint at the same moment, which
PostgreSQL would call a deadlock after a second; what decides is the constraint, and it would if nobody locked anything.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.db import IntegrityError, OperationalError, transaction
from django.db import connection as database
from django.db.models import Q
from psycopg.types.range import TimestamptzRange

from backoffice import statements
from backoffice.bookings.models import Block, BookedToken, Booking, BookingAsked, Claim, Resource
from backoffice.bookings.rules.slots import Keeping, Use, difference, use

P = ParamSpec("P")
T = TypeVar("T")

_TOKENS = 0x0B00
"""Class of the advisory locks of tokens; the second key is a hash of the token's key."""

_TRIES = 4
_RETRIED = {"40P01", "40001", "55P03"}
"""SQLSTATEs worth another try: deadlock, serialization failure, lock time-out."""

KEEPERS = {
    "claim_one_an_evse": "Another booking has this EVSE then.",
    "slot_within_capacity": "Everything is booked then.",
    "token_in_one_booking": "One of the tokens is in another booking then, which the terms do not allow.",
}


class Taken(Exception):
    """Somebody else has it; the sentence says what."""


@dataclass(frozen=True, slots=True)
class Want:
    """So much of a resource for a period; `evse`: this very one."""

    resource: int
    starts_at: datetime
    ends_at: datetime
    amount: int = 1
    evse: int | None = None


def settled(action: Callable[P, T]) -> Callable[P, T]:
    """Run in one transaction, and again if the database ends it for the sake of others. Within a transaction of
    somebody else that one is for him to run again."""

    @wraps(action)
    def run(*args: P.args, **given: P.kwargs) -> T:
        if database.in_atomic_block:
            with transaction.atomic():
                return action(*args, **given)
        for attempt in range(1, _TRIES + 1):
            try:
                with transaction.atomic():
                    return action(*args, **given)
            except OperationalError as error:
                if attempt == _TRIES or getattr(error.__cause__, "sqlstate", None) not in _RETRIED:
                    raise
        raise AssertionError("the last try returns or raises")

    return run


def locked(resources: Collection[int], *, also: Q | None = None) -> dict[int, Resource]:
    """`also`: those, too, and in the same read."""
    wanted = Q(pk__in=resources) if also is None else Q(pk__in=resources) | also
    rows = Resource.objects.select_for_update(no_key=True).filter(wanted).order_by("pk")
    return {row.pk: row for row in rows}


def claims_of(holder: int) -> list[Claim]:
    return list(Claim.objects.filter(holder=holder).order_by("pk"))


def rearrange(
    *,
    holder: Booking | Block,
    add: Sequence[Want] = (),
    drop: Sequence[Claim] = (),
    asked: BookingAsked | None = None,
    rows: Mapping[int, Resource] | None = None,
    new: bool = False,
) -> list[Claim]:
    """Take `add` and let go of `drop`, or nothing at all. Raises Taken. Returns what was made. `rows`: these are locked
    already. `new`: this holder was made just now and has nothing yet."""
    number = number_of(holder)
    held = [] if new else claims_of(number)
    needed = {claim.resource_id for claim in held} | {want.resource for want in add}
    if rows is None or not needed <= rows.keys():
        rows = locked(needed)
    gone = {claim.pk for claim in drop}
    before = use(_keeping(claim, rows) for claim in held)
    after = use(
        [
            *(_keeping(claim, rows) for claim in held if claim.pk not in gone),
            *(
                Keeping(want.resource, rows[want.resource].unit, want.starts_at, want.ends_at, want.amount)
                for want in add
            ),
        ]
    )
    taken, given = difference(before, after)
    try:
        with transaction.atomic():
            _take(taken, rows)
            made = [
                Claim(
                    holder=number,
                    booking=holder if isinstance(holder, Booking) else None,
                    block=holder if isinstance(holder, Block) else None,
                    asked=asked,
                    resource=rows[want.resource],
                    evse_id=want.evse,
                    period=TimestamptzRange(want.starts_at, want.ends_at),
                    amount=want.amount,
                )
                for want in sorted(add, key=lambda want: (want.resource, want.evse or 0, want.starts_at))
            ]
            Claim.objects.bulk_create(made)
    except IntegrityError as error:
        raise Taken(why(error)) from error
    if gone:
        Claim.objects.filter(pk__in=gone).delete()
    _give(given)
    return made


def let_go(holder: Booking | Block) -> None:
    """All that it keeps."""
    held = claims_of(number_of(holder))
    if held:
        rearrange(holder=holder, drop=held)


def number_of(holder: Booking | Block) -> int:
    return int(holder.pk) if isinstance(holder, Booking) else -int(holder.pk)


def _keeping(claim: Claim, rows: Mapping[int, Resource]) -> Keeping:
    return Keeping(
        claim.resource_id, rows[claim.resource_id].unit, claim.period.lower, claim.period.upper, claim.amount
    )


def _take(taken: Use, rows: Mapping[int, Resource]) -> None:
    """One statement, its rows in order; whose unit is full breaks the check."""
    if not taken:
        return
    keys = sorted(taken)
    statements.run(
        """INSERT INTO bookings_slotuse AS s (resource_id, starts_at, used, capacity) SELECT * FROM unnest(%s::bigint[],
        %s::timestamptz[], %s::int[], %s::int[]) AS w(resource, at, used, capacity) ORDER BY resource, at ON CONFLICT
        (resource_id, starts_at) DO UPDATE SET used = s.used + excluded.used, capacity = excluded.capacity""",
        [
            [resource for resource, _ in keys],
            [at for _, at in keys],
            [taken[key] for key in keys],
            [rows[resource].capacity for resource, _ in keys],
        ],
    )


def _give(given: Use) -> None:
    if not given:
        return
    keys = sorted(given)
    statements.run(
        """UPDATE bookings_slotuse s SET used = s.used - w.less
           FROM unnest(%s::bigint[], %s::timestamptz[], %s::int[]) AS w(resource, at, less)
           WHERE s.resource_id = w.resource AND s.starts_at = w.at""",
        [[resource for resource, _ in keys], [at for _, at in keys], [given[key] for key in keys]],
    )


def relay(resource: Resource, *, unit: int | None = None, capacity: int | None = None) -> None:
    """Count a resource anew, in other units or with another capacity. Raises Taken where more is promised than there
    would be."""
    held = list(Claim.objects.filter(resource=resource).order_by("holder"))
    resource.unit, resource.capacity = unit or resource.unit, resource.capacity if capacity is None else capacity
    total: Use = {}
    holders = {claim.holder for claim in held}
    for holder in holders:
        for key, amount in use(_keeping(c, {resource.pk: resource}) for c in held if c.holder == holder).items():
            total[key] = total.get(key, 0) + amount
    try:
        with transaction.atomic():
            resource.save(update_fields=["unit", "capacity"])
            resource.uses.all().delete()
            _take(total, {resource.pk: resource})
    except IntegrityError as error:
        raise Taken(f"More is booked than there would be: {why(error)}") from error


def keep_tokens(booking: Booking, tokens: Iterable[dict[str, Any]], *, exclusive: bool, new: bool = False) -> None:
    """Put these tokens into the booking, in place of those that are there; a `new` one has none. Raises Taken."""
    period = TimestamptzRange(booking.starts_at, max(booking.starts_at, booking.ends_at))
    wanted = {key_of(token): token for token in tokens}
    if exclusive:
        hashes = sorted({zlib.crc32(key.encode()) - (1 << 31) for key in wanted})
        for each in hashes:
            statements.run("SELECT 1 FROM pg_advisory_xact_lock(%s::int, %s::int)", [_TOKENS, each])
    try:
        with transaction.atomic():
            if not new:
                BookedToken.objects.filter(booking=booking).delete()
            BookedToken.objects.bulk_create(
                BookedToken(
                    booking=booking,
                    key=key,
                    country_code=token["country_code"],
                    party_id=token["party_id"],
                    uid=token["uid"],
                    type=token["type"],
                    contract_id=token["contract_id"],
                    period=period,
                    exclusive=exclusive,
                )
                for key, token in sorted(wanted.items())
            )
    except IntegrityError as error:
        raise Taken(why(error)) from error


def key_of(token: dict[str, Any]) -> str:
    return "/".join(str(token[name]).upper() for name in ("country_code", "party_id", "type", "uid"))


def why(error: IntegrityError) -> str:
    """Which of the constraints that keep bookings apart spoke. Raises the error if it was another one."""
    name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    if name not in KEEPERS:
        raise error
    return KEEPERS[name]
