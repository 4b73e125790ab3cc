"""Tell one endpoint what it is owed: claim, sign, send, judge, finish. Safe to run twice, to die anywhere, to overlap.

One run per endpoint, under a session advisory lock that dies with its process: a killed run frees its endpoint at once and
leaves its message DUE, so that each message is sent at least once, and a dead receiver holds one worker at a time. No
transaction is open during HTTP. Signed anew at each attempt, for receivers refuse old signatures.
"""

from __future__ import annotations

import random
from datetime import datetime

from django.db import connection as database
from django.db import transaction
from django.db.models import F

from backoffice.api.actions import webhooks
from backoffice.api.models import WebhookDelivery, WebhookEndpoint
from backoffice.api.rules import DISABLE_AFTER, LADDER, PROBES, DeliveryState, Heard, heard, pause, signature
from backoffice.claiming import Claim, claimed
from backoffice.crash_points import crash_point
from backoffice.partners.secrets import UnableToDecrypt, decrypt
from backoffice.roaming_site import site
from ocpi.client import Delivered, Outcome, Request, Retry

SECONDS = 10.0
"""For one attempt. A receiver that needs longer answers first and works afterwards."""


def run(endpoint_id: int, *, limit: int = 1000, chance: random.Random | None = None) -> int:
    """Send what is due to this endpoint until nothing is, or nobody answers. Returns how many attempts were made."""
    chance = chance or random.Random()
    sent = 0
    while sent < limit:
        with claimed(Claim.WEBHOOK, endpoint_id) as alone:
            if not alone:
                return sent
            passed = _run_alone(endpoint_id, limit - sent, chance)
            sent += passed
        if not passed or _next(endpoint_id, site.now()) is None:
            return sent  # looked again after the lock was gone: what was staged in between had nobody else to send it
    return sent


def _run_alone(endpoint_id: int, limit: int, chance: random.Random) -> int:
    sent = 0
    while sent < limit:
        delivery = _next(endpoint_id, site.now())
        if delivery is None:
            return sent
        sent += 1
        _send(delivery, chance)
    return sent


def _next(endpoint_id: int, now: datetime) -> WebhookDelivery | None:
    """The oldest that is due, unless its endpoint is switched off or left alone for a while."""
    found: WebhookDelivery | None = (
        WebhookDelivery.objects.filter(
            endpoint_id=endpoint_id, state=DeliveryState.DUE, due_at__lte=now, endpoint__enabled=True
        )
        .exclude(endpoint__next_attempt_at__gt=now)
        .select_related("endpoint")
        .order_by("due_at", "id")
        .first()
    )
    return found


def _send(delivery: WebhookDelivery, chance: random.Random) -> None:
    endpoint: WebhookEndpoint = delivery.endpoint
    try:
        secret = decrypt(endpoint.secret)
    except UnableToDecrypt as error:
        webhooks.switch_off(endpoint, reason=str(error))
        return
    now, body = site.now(), delivery.body.encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Roamdesk",
        "webhook-id": delivery.uid,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature(secret, message_id=delivery.uid, at=now, body=body),
    }
    crash_point("webhook-before-send")
    assert site.client is not None
    outcome = site.client.send(Request("POST", endpoint.url, headers, body, SECONDS))
    crash_point("webhook-after-send-before-mark")
    _judged(delivery, outcome, chance)


def _judged(delivery: WebhookDelivery, outcome: Outcome, chance: random.Random) -> None:
    now, verdict = site.now(), heard(outcome.http_status)
    attempts = delivery.attempts + 1
    tried = {
        "attempts": attempts,
        "tried_at": now,
        "http_status": outcome.http_status,
        "elapsed_ms": outcome.elapsed_ms,
    }
    # a resend meanwhile has begun to count anew: then this attempt is not its own
    row = WebhookDelivery.objects.filter(pk=delivery.pk, state=DeliveryState.DUE, attempts=delivery.attempts)
    endpoints = WebhookEndpoint.objects.filter(pk=delivery.endpoint_id)
    if verdict is Heard.TAKEN:
        with transaction.atomic():
            endpoints.update(failing_since=None, failures_in_a_row=0, next_attempt_at=None, last_success_at=now)
            row.update(state=DeliveryState.DONE, delivered_at=now, last_error="", **tried)
        return
    error = _reason(outcome)
    wait = outcome.retry_after if isinstance(outcome, Retry) else None
    with transaction.atomic():
        endpoints.update(failures_in_a_row=F("failures_in_a_row") + 1)
        endpoints.filter(failing_since=None).update(failing_since=now)
        endpoint = endpoints.get()
        if verdict is Heard.NOBODY:
            # nobody is there for any message: the endpoint waits, and no message is given up for it
            held = now + pause(PROBES, endpoint.failures_in_a_row, retry_after=wait, chance=chance)
            endpoints.update(next_attempt_at=held)
            row.update(last_error=error, **tried | {"attempts": delivery.attempts})
        elif attempts > len(LADDER):
            row.update(
                state=DeliveryState.FAILED, last_error=f"Given up after {attempts} attempts. {error}"[:400], **tried
            )
        else:
            later = now + pause(LADDER, attempts, retry_after=wait, chance=chance)
            row.update(due_at=later, last_error=error, **tried)
        if endpoint.enabled and verdict is Heard.GONE:
            webhooks.switch_off(endpoint, reason="It answered 410 Gone: it wants to be told nothing more.")
        elif endpoint.enabled and endpoint.failing_since and now - endpoint.failing_since >= DISABLE_AFTER:
            since = f"{endpoint.failing_since:%Y-%m-%d %H:%M} UTC"
            webhooks.switch_off(endpoint, reason=f"It has taken nothing since {since}. At last: {error}")


def _reason(outcome: Outcome) -> str:
    """What came back, in a sentence; what it is about OCPI in the client's own reasons does not concern a webhook."""
    if outcome.http_status is not None:
        return f"It answered HTTP {outcome.http_status}."
    assert not isinstance(outcome, Delivered)
    return outcome.reason[:400]


def endpoints_due(now: datetime) -> list[tuple[int, datetime]]:
    """Endpoints with something to send now, and since when the oldest of it has been due."""
    with database.cursor() as cursor:
        cursor.execute(
            """
            SELECT d.endpoint_id, min(greatest(d.due_at, coalesce(e.next_attempt_at, d.due_at)))
            FROM api_webhookdelivery d JOIN api_webhookendpoint e ON e.id = d.endpoint_id
            WHERE d.state = 'DUE' AND d.due_at <= %(now)s AND e.enabled
              AND (e.next_attempt_at IS NULL OR e.next_attempt_at <= %(now)s)
            GROUP BY d.endpoint_id ORDER BY 2
            """,
            {"now": now},
        )
        return [(row[0], row[1]) for row in cursor.fetchall()]
