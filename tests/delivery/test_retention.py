"""What is deleted by age: the message log, and nothing younger."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from backoffice.celery import app
from backoffice.delivery import tasks
from backoffice.delivery.actions import recording
from backoffice.delivery.models import Exchange
from backoffice.roaming_site import site

pytestmark = pytest.mark.django_db


def exchange(days: float) -> Exchange:
    return Exchange.objects.create(
        at=site.now() - timedelta(days=days),
        incoming=True,
        module="locations",
        method="GET",
        url="/x",
        elapsed_ms=1,
        request_id="r",
        correlation_id="c",
    )


def test_the_log_is_kept_as_long_as_it_is_set(settings: Any) -> None:
    settings.EXCHANGE_RETENTION_DAYS = 10
    kept = [exchange(0).pk, exchange(9.9).pk]
    for days in (10.1, 11, 400):
        exchange(days)
    assert tasks.trim() == 3
    assert sorted(Exchange.objects.values_list("pk", flat=True)) == kept
    assert tasks.trim() == 0
    assert "delivery.trim" in {entry["task"] for entry in app.conf.beat_schedule.values()}


def test_many_rows_go_in_batches() -> None:
    for _ in range(7):
        exchange(2)
    assert recording.trim(before=site.now() - timedelta(days=1), batch=3) == 7
    assert not Exchange.objects.exists()
