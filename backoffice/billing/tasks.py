"""The clock door: what runs by itself. Every task takes ids by keyword, is idempotent, and calls one action."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from backoffice.billing.actions import entering, keeping, making, planning, steering
from backoffice.roaming_site import site


@shared_task(name="billing.due")
def due(*, export_id: int, **kwargs: Any) -> str:
    """Plan what an export's schedule asks for, and have it made."""
    planned = planning.due(export_id, now=site.now())
    for run_id in planned:
        make.delay(run_id=run_id)
    return f"{len(planned)} run{'' if len(planned) == 1 else 's'} planned" if planned else "nothing new"


@shared_task(name="billing.make")
def make(*, run_id: int, **kwargs: Any) -> None:
    making.make(run_id)


@shared_task(name="billing.look_after")
def look_after(**kwargs: Any) -> str:
    """Enter new CDRs into the books, plan what beat forgot, and have made what waits, was lost, or is to be tried again."""
    now = site.now()
    entered = entering.enter(now=now)
    waiting = steering.look_after(now=now)
    for run_id in waiting:
        make.delay(run_id=run_id)
    return f"{entered} CDRs entered, {len(waiting)} runs to make"


@shared_task(name="billing.compare")
def compare(**kwargs: Any) -> str:
    """Look at every CDR there is for one that has no place in the books; and throw old files away."""
    now = site.now()
    entered = entering.enter(now=now, whole=True)
    gone = keeping.trim(now=now)
    return f"{entered} CDRs found without a place in the books, {gone} files removed"
