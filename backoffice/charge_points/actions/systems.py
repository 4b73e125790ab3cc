"""Charge-station systems that stand outside: which locations they drive, and how they get their orders.

A system takes what is ordered at its locations by asking for it, and hears of it by webhook. It may ask again for what it took,
until that is answered: the answer to its asking may have been lost, and an order's uid tells it that it has it already. Nobody
else is given an order of its locations.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from backoffice.api.actions import keys, webhooks
from backoffice.api.models import WebhookEndpoint
from backoffice.api.rules import Kind as ApplicationKind
from backoffice.charge_points.gateway import Instruction, instruction
from backoffice.charge_points.models import Order, OrderEvent, StationLink, StationSystem
from backoffice.charge_points.rules.orders import Happening, Kind, Move, State, moved
from backoffice.fields import DocumentField
from backoffice.partners.models import Party

ORDER_EVENT = "order.waiting"
"""What a system's webhooks are told when something is ordered."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UnableToLink(Exception):
    """The location cannot be this system's; the sentence says why."""


def add_system(*, party: Party, name: str, contact: str = "", now: datetime) -> StationSystem:
    """Raises keys.UnableToManageKeys."""
    with transaction.atomic():
        application = keys.add_application(
            party=party, kind=ApplicationKind.STATION_SYSTEM, name=name, contact=contact, now=now
        )
        system: StationSystem = StationSystem.objects.create(application=application)
    return system


def set_locations(system: StationSystem, locations: Collection[int]) -> None:
    """The exact locations (their row ids) that this system drives. Raises UnableToLink."""
    wanted = set(locations)
    with transaction.atomic():
        StationSystem.objects.select_for_update().get(pk=system.pk)
        before = set(system.links.values_list("location_id", flat=True))
        system.links.exclude(location_id__in=wanted).delete()
        for location in sorted(wanted - before):
            link(system, location)


def link(system: StationSystem, location: int) -> None:
    """Raises UnableToLink."""
    try:
        with transaction.atomic():
            made = StationLink.objects.create(system=system, location_id=location)
    except IntegrityError as error:
        holder = StationLink.objects.filter(location=location).select_related("system__application").first()
        whose = f"by {holder.system} already" if holder else "by nobody: it is gone"
        raise UnableToLink(f"The location is driven {whose}.") from error
    if made.location.party_id != system.application.party_id:
        made.delete()
        raise UnableToLink("The location belongs to another company than the system.")


def system_of(evse: int) -> StationSystem | None:
    """Who drives the hardware of this EVSE (its row id) from outside."""
    return StationSystem.objects.filter(links__location__evses=evse).select_related("application").first()


def hears(system: StationSystem) -> bool:
    """Whether it hears of orders without asking: it has a webhook that arrives."""
    return (
        WebhookEndpoint.objects.filter(application=system.pk, enabled=True, failing_since=None)
        .filter(Q(events=[]) | Q(events__contains=[ORDER_EVENT]))
        .exists()
    )


def outside(evses: Collection[int]) -> set[int]:
    """Those of these EVSEs (row ids) that a system outside drives."""
    rows = StationLink.objects.filter(location__evses__in=evses)
    return set(rows.values_list("location__evses", flat=True)) & set(evses)


def announce(order: Order, evse_id: str, *, now: datetime) -> None:
    """Tell the system that drives the EVSE of this order, if one outside does. In the transaction of the order."""
    system = system_of(order.evse_id)
    if system is not None:
        webhooks.tell(
            application=system.pk, event=ORDER_EVENT, data=told(_instruction(order, evse_id)), about=order.uid, now=now
        )


def driven(system: StationSystem) -> QuerySet[Any, Any]:
    """The row ids of the EVSEs of this system, for a subquery."""
    from django.apps import apps

    evses = apps.get_model("locations", "Evse")  # by name: this room imports nothing of locations
    return evses.objects.filter(location__station_link__system=system, listed=True).values("pk")


def taken(system: StationSystem, *, after: datetime | None, now: datetime) -> list[tuple[Order, Instruction]]:
    """What is still to be done and was taken after that moment, the oldest first. None: all of it."""
    rows = Order.objects.filter(state=State.TAKEN.value, taken_by=system.driver, deadline__gt=now)
    if after is not None:
        rows = rows.filter(taken_at__gt=after)
    rows = rows.select_related("evse").order_by("taken_at", "pk")[:200]
    return [(row, _instruction(row, row.evse.evse_id)) for row in rows]


def take_one(system: StationSystem, uid: str, *, now: datetime) -> Order | None:
    """The order of this uid, if it is this system's to answer: one that it heard of by webhook is taken by the answer. None: it
    has no such order."""
    with transaction.atomic():
        row: Order | None = Order.objects.select_for_update().filter(uid=uid).first()
        if row is None or (row.taken_by != system.driver if row.taken_by else system_of(row.evse_id) != system):
            return None
        to = moved(State(row.state), Move.TAKE)
        if to is not None and row.deadline > now:
            row.state, row.taken_by, row.taken_at = to.value, system.driver, now
            row.save(update_fields=["state", "taken_by", "taken_at"])
            OrderEvent.objects.create(order=row, at=now, what=Happening.TAKE.value, by=system.driver)
    return row


def _instruction(row: Order, evse_id: str) -> Instruction:
    return instruction(
        Kind(row.kind), DocumentField.read(row.arguments), order=row.uid, evse_id=evse_id, deadline=row.deadline
    )


def told(asked: Instruction) -> Mapping[str, Any]:
    """An order as the API and the webhook say it: the fields of its kind, those that have a value."""
    kind = re.sub("(?<!^)(?=[A-Z])", "_", type(asked).__name__).upper()
    fields = {name: getattr(asked, name) for name in asked.__dataclass_fields__}
    return {"kind": kind} | {name: value for name, value in fields.items() if value not in (None, "", (), [])}


def cursor(taken_at: datetime) -> str:
    """A moment as the text by which a system says what it has seen."""
    return str((taken_at - _EPOCH) // timedelta(microseconds=1))


def read_cursor(text: str) -> datetime:
    """Raises ValueError."""
    if not re.fullmatch("[0-9]{1,17}", text, re.ASCII):
        raise ValueError("Expected the `next` of an answer before.")
    try:
        return _EPOCH + timedelta(microseconds=int(text))
    except OverflowError as error:
        raise ValueError("Expected the `next` of an answer before.") from error
