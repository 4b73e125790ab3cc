"""The clock door of sessions. Every task is idempotent and calls one action."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from backoffice.roaming_site import site
from backoffice.sessions.actions import pricing, watching


@shared_task(name="sessions.price_waiting")
def price_waiting(**kwargs: Any) -> int:
    """What sessions cost by our own calculation, after they have moved."""
    done = 0
    while passed := pricing.price_waiting(now=site.now()):
        done += passed
    return done


@shared_task(name="sessions.sweep")
def sweep(**kwargs: Any) -> dict[str, int]:
    """Sessions that are silent, never began, or have no CDR."""
    return watching.sweep(now=site.now())
