"""The clock door of charging profiles. The task is idempotent and calls one action."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from backoffice.charging_profiles.actions import watching
from backoffice.roaming_site import site


@shared_task(name="charging_profiles.sweep")
def sweep(**kwargs: Any) -> int:
    """Requests that nobody answered in time."""
    return watching.sweep(now=site.now())
