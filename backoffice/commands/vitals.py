"""What is measured of commands for /metrics and the start page: one query by index. Decides nothing, writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q

from backoffice.commands.models import Command, Fate, Reservation
from backoffice.commands.rules.states import OPEN, Direction, Holding, State

WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Vitals:
    """`waiting`: by direction. `overdue_seconds`: for how long the oldest has waited beyond its deadline, which only a sweep that
    does not run leaves standing. The others: of the last 24 hours."""

    waiting: dict[str, int]
    overdue_seconds: float
    timed_out: dict[str, int]
    undelivered: int
    reservations: int


def measure(*, now: datetime) -> Vitals:
    open_ = Command.objects.filter(state__in=[state.value for state in OPEN])
    waiting = dict(open_.values_list("direction").annotate(number=Count("pk")))
    first = open_.aggregate(first=Min("deadline"))["first"]
    recent = Command.objects.filter(created_at__gte=now - WINDOW)
    timed_out = dict(recent.filter(state=State.TIMED_OUT.value).values_list("direction").annotate(number=Count("pk")))
    return Vitals(
        waiting={each.value: waiting.get(each.value, 0) for each in Direction},
        overdue_seconds=max((now - first).total_seconds(), 0.0) if first is not None else 0.0,
        timed_out={each.value: timed_out.get(each.value, 0) for each in Direction},
        undelivered=recent.filter(Q(result_fate=Fate.UNDELIVERED.value)).count(),
        reservations=Reservation.objects.filter(state=Holding.HELD.value).count(),
    )
