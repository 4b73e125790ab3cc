"""The log of calls: in the transaction of the effect when it was accepted, in its own when it was refused."""

from __future__ import annotations

from datetime import datetime, timedelta

from backoffice.api.models import ApiCall, WebhookDelivery
from backoffice.api.rules import DeliveryState

KEPT_FOR = timedelta(days=30)


def record(call: ApiCall) -> None:
    call.save(force_insert=True)


def trim(*, now: datetime) -> int:
    """Delete calls and finished deliveries of webhooks that are older than a month."""
    old = now - KEPT_FOR
    calls, _ = ApiCall.objects.filter(at__lt=old).delete()
    told, _ = WebhookDelivery.objects.filter(created_at__lt=old).exclude(state=DeliveryState.DUE).delete()
    return calls + told
