"""Move a run from state to state: filtered on the state it was in, one row or nothing, and written into its history."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from backoffice.billing.models import ExportRun, ExportRunEvent
from backoffice.billing.rules.states import RunEvent, RunState, moved


def move(
    run: ExportRun,
    event: RunEvent,
    *,
    now: datetime,
    by: str = "",
    why: str = "",
    only: dict[str, Any] | None = None,
    **facts: Any,
) -> bool:
    """Whether it moved; False: somebody moved it before. `only`: further conditions. `facts`: columns to set. Raises
    NotAllowed."""
    before = RunState(run.state)
    to = moved(before, event)
    changed: dict[str, Any] = {"state": to, "moved_at": now} | facts
    with transaction.atomic():
        if not ExportRun.objects.filter(pk=run.pk, state=before, **(only or {})).update(**changed):
            return False
        ExportRunEvent.objects.create(
            run=run, at=now, event=event, from_state=before, to_state=to, by=by[:150], why=why[:500]
        )
    for name, value in changed.items():
        setattr(run, name, value)
    return True
