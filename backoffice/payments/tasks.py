"""The clock door of card payments. Every task is idempotent and calls one action."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from backoffice.payments.actions import charging, concluding, crediting, fetching, watching
from backoffice.roaming_site import site


@shared_task(name="payments.look_after")
def look_after(**kwargs: Any) -> int:
    """Payments at terminals of ours that are due."""
    return watching.look_after(now=site.now())


@shared_task(name="payments.catch_up")
def catch_up(**kwargs: Any) -> int:
    """Charges that cards pay for, at our charge points and at our terminals: what was not done at once."""
    now = site.now()
    fetching.trim(now=now)
    return charging.catch_up(now=now) + crediting.notice(now=now) + concluding.catch_up(now=now)
