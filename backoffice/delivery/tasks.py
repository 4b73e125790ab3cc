"""The clock door: what runs by itself. Every task takes ids by keyword, is idempotent, and calls one action."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from celery import shared_task
from django.conf import settings

from backoffice.delivery.actions import draining, errands, pulling, recording, running
from backoffice.roaming_site import site


@shared_task(name="delivery.drain")
def drain(*, connection_id: int, **kwargs: Any) -> int:
    return draining.drain(connection_id)


@shared_task(name="delivery.run_errand")
def run_errand(*, errand_id: int, **kwargs: Any) -> int:
    return running.run(errand_id)


@shared_task(name="delivery.pull")
def pull(*, pull_id: int, **kwargs: Any) -> None:
    pulling.run(pull_id)


@shared_task(name="delivery.pull_due")
def pull_due(**kwargs: Any) -> int:
    """Start the delta pulls whose time has come, and go on with runs whose process died."""
    started = pulling.start_due(now=site.now())
    for pull_id in started:
        pull.delay(pull_id=pull_id)
    return len(started)


@shared_task(name="delivery.trim")
def trim(**kwargs: Any) -> int:
    before = site.now() - timedelta(days=settings.EXCHANGE_RETENTION_DAYS)
    return recording.trim(before=before) + errands.trim(before=before)
