"""What is measured of CDRs for the metrics: two short queries, each by its own partial index. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min

from backoffice.cdrs.models import Cdr
from backoffice.cdrs.rules.states import CdrState, Verdict

LATE_AFTER = timedelta(hours=24)
"""A partner that has not acknowledged a CDR by then is asked about it by people."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """`unchecked`: received CDRs that no worker has priced yet, and for how many seconds the oldest has waited. `late`: CDRs of
    ours that their eMSP has not acknowledged for a day, and for how many seconds the oldest is owed."""

    unchecked: int
    unchecked_seconds: float
    late: int
    late_seconds: float


def measure(*, now: datetime) -> Vitals:
    waiting = Cdr.objects.filter(verdict=Verdict.WAITING)
    since = waiting.order_by("id").values_list("created_at", flat=True).first()
    late = Cdr.objects.filter(state=CdrState.RELEASED, entered_at__lt=now - LATE_AFTER)
    owed = late.aggregate(count=Count("id"), since=Min("entered_at"))
    return Vitals(waiting.count(), _seconds(since, now), owed["count"], _seconds(owed["since"], now))


def _seconds(since: datetime | None, now: datetime) -> float:
    return max((now - since).total_seconds(), 0.0) if since else 0.0
