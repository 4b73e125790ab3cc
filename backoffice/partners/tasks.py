"""The clock door of this room. Every task is idempotent and calls one action."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from celery import shared_task
from django.conf import settings

from backoffice.partners.actions import rotating
from backoffice.roaming_site import site


@shared_task(name="partners.rotate_old")
def rotate_old(**kwargs: Any) -> int:
    """Renew tokens after ROAMDESK_ROTATE_AFTER_DAYS; 0 leaves that to staff."""
    if settings.ROTATE_AFTER_DAYS <= 0:
        return 0
    return rotating.rotate_old(older_than=timedelta(days=settings.ROTATE_AFTER_DAYS), now=site.now())
