"""Ask a station to do something, take what was asked to it, write down what it answered, and stop waiting.

Who asked (`purpose`) is told by the doors, which know all rooms; here it is a name. An order is locked before it is judged: of
two drivers that take at once one gets it, and of an answer and the end of the wait whichever comes first counts.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

import psycopg
from django.db import connection as database
from django.db import transaction
from django.db.models import F, QuerySet

from backoffice.charge_points.actions import systems
from backoffice.charge_points.gateway import Instruction, instruction
from backoffice.charge_points.models import Driver, Order, OrderEvent
from backoffice.charge_points.rules.orders import ALIVE_FOR, LATE_KEPT, OPEN, Happening, Kind, Move, State, moved
from backoffice.fields import DocumentField, milliseconds
from ocpi.wire.commands import CommandResultType

log = logging.getLogger("roamdesk.charge_points")

CHANNEL = "roamdesk_orders"
"""Drivers listen here."""

AT_ONCE = 50

_NUDGE = f"BEGIN; SET LOCAL synchronous_commit = off; NOTIFY {CHANNEL}; COMMIT"
"""After the commit of the order and not in it (docs/decisions/008). Lost, the order waits until its driver looks by itself."""


class UnableToOrder(Exception):
    """Nothing is asked of the station; the sentence says why."""


class UnableToAnswer(Exception):
    """There is no such order that this driver took."""


def reachable(evse: int, *, now: datetime) -> str:
    """Why no order can reach the hardware of this EVSE (its row id); empty when one can.

    Where a system outside drives it nobody else does: it asks for orders, or hears of them by webhook.
    """
    system = systems.system_of(evse)
    if system is not None:
        asks = Driver.objects.filter(name=system.driver, seen_at__gt=now - ALIVE_FOR).exists()
        return (
            ""
            if asks or systems.hears(system)
            else f"The station system {system} does not ask for orders at the moment."
        )
    if Driver.objects.filter(points__contains=[evse], seen_at__gt=now - ALIVE_FOR).exists():
        return ""
    if Driver.objects.filter(points__contains=[evse]).exists():
        return "The program that drives this charge point does not run at the moment."
    return "No station system drives this charge point."


def order(
    *,
    evse: int,
    kind: Kind,
    arguments: Mapping[str, Any],
    purpose: str,
    key: str,
    deadline: datetime,
    now: datetime,
) -> Order:
    """Ask the station of this EVSE (its row id) to do something. `arguments`: the fields of the gateway's value of this kind.

    In the caller's transaction; drivers hear of it after the commit. The same purpose and key again is the same order. Raises
    UnableToOrder.
    """
    instruction(
        kind, arguments, order="", evse_id="", deadline=deadline
    )  # a wrong argument is found here and not at the station
    known = Order.objects.filter(purpose=purpose, key=key).first()
    if known is not None:
        return known
    refusal = reachable(evse, now=now)
    if refusal:
        raise UnableToOrder(refusal)
    asked, created = Order.objects.get_or_create(
        purpose=purpose,
        key=key,
        defaults={
            "uid": secrets.token_hex(16),
            "at": now,
            "evse_id": evse,
            "kind": kind.value,
            "arguments": DocumentField.write(dict(arguments)),
            "deadline": milliseconds(deadline),
        },
    )
    if created:
        systems.announce(asked, asked.evse.evse_id, now=now)
        transaction.on_commit(nudge)
    return asked


def take(
    *, driver: str, evses: Collection[int] | QuerySet[Any, Any], now: datetime, limit: int = AT_ONCE
) -> list[Instruction]:
    """What is to be done at these EVSEs and nobody has taken yet, the oldest first; from now on it is this driver's to answer."""
    with transaction.atomic():
        rows = list(
            Order.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("evse")
            .filter(state=State.WAITING.value, deadline__gt=now, evse__in=evses)
            .order_by("pk")[:limit]
        )
        if not rows:
            return []
        Order.objects.filter(pk__in=[row.pk for row in rows]).update(
            state=moved(State.WAITING, Move.TAKE), taken_by=driver, taken_at=now
        )
        OrderEvent.objects.bulk_create(
            [OrderEvent(order=row, at=now, what=Happening.TAKE.value, by=driver) for row in rows]
        )
    return [
        instruction(
            Kind(row.kind),
            DocumentField.read(row.arguments),
            order=row.uid,
            evse_id=row.evse.evse_id,
            deadline=row.deadline,
        )
        for row in rows
    ]


def answered(
    *,
    uid: str,
    outcome: CommandResultType,
    now: datetime,
    reason: str = "",
    profile: Mapping[str, Any] | None = None,
    by: str = "",
) -> Order | None:
    """What the station did. None: nobody waits for it any more, which is written down. `by`: only if this driver took it.

    Raises UnableToAnswer.
    """
    with transaction.atomic():
        row = Order.objects.select_for_update().filter(uid=uid).first()
        if row is None or row.state == State.WAITING.value or (by and row.taken_by != by):
            raise UnableToAnswer(f"There is no order {uid!r} to answer.")
        to = moved(State(row.state), Move.ANSWER)
        if to is None:
            row.late = F("late") + 1
            known = row.events.filter(what=Happening.LATE.value).count()
            if known < LATE_KEPT:
                _note(row, Happening.LATE, now, by=row.taken_by, outcome=outcome, reason=reason)
            row.save(update_fields=["late"])
            return None
        row.state, row.answered_at, row.outcome, row.reason = to.value, now, outcome.value, reason[:500]
        row.answer = DocumentField.write(profile) if profile is not None else ""
        row.save(update_fields=["state", "answered_at", "outcome", "reason", "answer"])
        _note(row, Happening.ANSWER, now, by=row.taken_by, outcome=outcome, reason=reason)
    return row


def expire(*, tell: Callable[[Order], None], now: datetime) -> int:
    """Wait no longer for orders past their deadline. `tell`: whoever asked, in the transaction that ends the wait, so that it is
    told once and not twice; where that fails, the order stays for the next time. Returns how many have expired.
    """
    done = 0
    overdue = Order.objects.filter(state__in=[state.value for state in OPEN], deadline__lte=now).order_by("deadline")
    for pk in overdue.values_list("pk", flat=True):
        try:
            done += _expire(pk, tell, now)
        except Exception:  # one that cannot be told must not keep the others waiting
            log.exception("order %s could not be ended", pk)
    return done


def _expire(pk: int, tell: Callable[[Order], None], now: datetime) -> bool:
    with transaction.atomic():
        row = Order.objects.select_for_update(skip_locked=True).filter(pk=pk).first()
        to = moved(State(row.state), Move.EXPIRE) if row else None
        if row is None or to is None:
            return False
        taken = row.state == State.TAKEN.value
        row.reason = (
            "The station did not answer in time." if taken else "No driver took the order to the station in time."
        )
        row.state, row.outcome = to.value, CommandResultType.TIMEOUT.value
        row.save(update_fields=["state", "outcome", "reason"])
        _note(row, Happening.EXPIRE, now, outcome=CommandResultType.TIMEOUT, reason=row.reason)
        tell(row)
    return True


def trim(*, before: datetime, batch: int = 1000) -> int:
    """Forget orders of before this time; whoever asked for them has what came of them. Returns how many."""
    done = 0
    while True:
        rows = Order.objects.filter(at__lt=before).exclude(state__in=[state.value for state in OPEN]).order_by("pk")
        _, counts = Order.objects.filter(pk__in=list(rows.values_list("pk", flat=True)[:batch])).delete()
        gone = counts.get(Order._meta.label, 0)
        done += gone
        if gone < batch:
            return done


def alive(*, driver: str, points: Collection[int], now: datetime) -> None:
    """This driver runs and drives these EVSEs (their row ids)."""
    listed = sorted(points)
    Driver.objects.update_or_create(name=driver, defaults={"seen_at": now, "points": listed})


def gone(*, driver: str) -> None:
    """This driver runs no longer. What it took and did not answer expires."""
    Driver.objects.filter(name=driver).delete()


def nudge() -> None:
    """Wake the drivers. Called when no transaction is open."""
    try:
        database.connection.execute(_NUDGE)
    except psycopg.Error as error:
        log.warning("drivers were not woken: %s", error)


def _note(
    row: Order,
    what: Happening,
    now: datetime,
    *,
    outcome: CommandResultType,
    reason: str,
    by: str = "",
) -> None:
    OrderEvent.objects.create(order=row, at=now, what=what.value, by=by, outcome=outcome.value, reason=reason[:500])
