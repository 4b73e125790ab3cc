"""The clock door of the console."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from backoffice.console.actions import counting
from backoffice.roaming_site import site


@shared_task(name="console.count")
def count(**kwargs: Any) -> None:
    """What the start page draws: the hours of the logs, and the EVSEs as they are now."""
    counting.count(now=site.now())
