"""The clock door: tells webhooks, and trims what is kept for a while."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from backoffice.api.actions import keeping, recording, sending
from backoffice.roaming_site import site


@shared_task(name="api.tell")
def tell(*, endpoint_id: int, **kwargs: Any) -> int:
    return sending.run(endpoint_id)


@shared_task(name="api.trim")
def trim(**kwargs: Any) -> int:
    now = site.now()
    return recording.trim(now=now) + keeping.trim(now=now)
