"""Who is told what: endpoints of applications, and the messages that a change owes them. Sockets are `sending`'s business."""

from __future__ import annotations

import uuid
from base64 import b64encode
from collections.abc import Collection, Mapping
from datetime import datetime
from secrets import token_bytes
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from backoffice.api.models import Application, WebhookDelivery, WebhookEndpoint
from backoffice.api.rules import SIGNING_BEGINS, TRANSITIONS, DeliveryEvent, DeliveryState, Kind
from backoffice.nudging import nudge
from backoffice.partners.secrets import encrypt
from backoffice.roaming_site import site
from ocpi.client import UrlDenied, check_url
from ocpi.wire import json as wire_json
from ocpi.wire.base import date_time_text

MOST = 10
"""Endpoints of one application."""

TEST_EVENT = "webhook.test"


class UnableToTell(Exception):
    """The endpoint cannot be used like this; the sentence says why and what to do."""


def add_endpoint(
    *, application: Application, url: str, events: Collection[str] = (), now: datetime
) -> tuple[WebhookEndpoint, str]:
    """The endpoint and the secret that signs what it is sent: the only time that it is seen. Raises UnableToTell."""
    assert site.client is not None
    url = url.strip()
    try:
        check_url(url, site.client.policy)
    except UrlDenied as error:
        raise UnableToTell(str(error)) from error
    if len(url) > 500:
        raise UnableToTell("The URL is longer than 500 characters.")
    secret = SIGNING_BEGINS + b64encode(token_bytes(32)).decode()
    with transaction.atomic():
        Application.objects.select_for_update(no_key=True).get(pk=application.pk)
        if WebhookEndpoint.objects.filter(application=application).count() >= MOST:
            raise UnableToTell(f"An application has at most {MOST} webhooks. Remove one that is not needed any more.")
        try:
            with transaction.atomic():
                endpoint: WebhookEndpoint = WebhookEndpoint.objects.create(
                    application=application,
                    url=url,
                    secret=encrypt(secret),
                    events=sorted(set(events)),
                    created_at=now,
                )
        except IntegrityError as error:
            raise UnableToTell("This URL is told already.") from error
    return endpoint, secret


def remove_endpoint(endpoint: WebhookEndpoint) -> None:
    """With its log: what it was told concerned nobody else."""
    endpoint.delete()


def tell(*, application: int, event: str, data: Mapping[str, Any], about: str = "", now: datetime) -> list[str]:
    """Owe this event to every endpoint of the application that wants it. Must be called inside the transaction of the change.
    Returns the ids of the messages."""
    wanting = [
        endpoint
        for endpoint in WebhookEndpoint.objects.filter(application=application, enabled=True).only("id", "events")
        if not endpoint.events or event in endpoint.events
    ]
    return _owe(wanting, event, data, about, now)


def hearing(parties: Collection[int] | QuerySet[Any, Any], kind: Kind) -> set[int]:
    """Those of these parties of ours that have an application of this kind with a webhook that is switched on."""
    rows = Application.objects.filter(party__in=parties, kind=kind.value, webhooks__enabled=True)
    return set(rows.order_by().values_list("party_id", flat=True))


def tell_party(
    *,
    party: int,
    kind: Kind,
    event: str,
    data: Mapping[str, Any],
    about: str,
    newest: bool = False,
    now: datetime,
) -> list[str]:
    """Owe this event to every application of this kind that the party has. `newest`: what still waits to tell the same event of
    the same thing need not be told any more. In the transaction of the change."""
    wanting = [
        endpoint
        for endpoint in WebhookEndpoint.objects.filter(
            application__party=party, application__kind=kind.value, enabled=True
        ).only("id", "events")
        if not endpoint.events or event in endpoint.events
    ]
    if newest and wanting:
        WebhookDelivery.objects.filter(
            endpoint__in=wanting, state=DeliveryState.DUE, event=event, about=about[:100]
        ).delete()
    return _owe(wanting, event, data, about, now)


def test(endpoint: WebhookEndpoint, *, now: datetime) -> str:
    """A message that tells nothing, to see whether it arrives. Raises UnableToTell."""
    if not endpoint.enabled:
        raise UnableToTell("This webhook is switched off. Switch it on first.")
    with transaction.atomic():
        (uid,) = _owe([endpoint], TEST_EVENT, {"webhook": str(endpoint.pk)}, str(endpoint.pk), now)
    return uid


def _owe(
    endpoints: Collection[WebhookEndpoint], event: str, data: Mapping[str, Any], about: str, now: datetime
) -> list[str]:
    if not endpoints:
        return []
    body = wire_json.encode({"type": event, "timestamp": date_time_text(now), "data": dict(data)}).decode()
    rows = [
        WebhookDelivery(
            endpoint=endpoint,
            uid=f"msg_{uuid.uuid4().hex}",
            event=event,
            about=about[:100],
            body=body,
            due_at=now,
            created_at=now,
        )
        for endpoint in endpoints
    ]
    WebhookDelivery.objects.bulk_create(rows)
    transaction.on_commit(nudge)
    return [row.uid for row in rows]


def resend(delivery: WebhookDelivery, *, now: datetime) -> None:
    """Again at once, under the same id. Raises UnableToTell."""
    if not WebhookEndpoint.objects.filter(pk=delivery.endpoint_id, enabled=True).exists():
        raise UnableToTell("Its webhook is switched off. Switch it on first.")
    sources = [state for state, moves in TRANSITIONS.items() if DeliveryEvent.RESENT in moves]
    with transaction.atomic():
        moved = WebhookDelivery.objects.filter(pk=delivery.pk, state__in=sources).update(
            state=DeliveryState.DUE, attempts=0, due_at=now
        )
        WebhookEndpoint.objects.filter(pk=delivery.endpoint_id).update(next_attempt_at=None)
        if not moved:
            raise UnableToTell("It is not known any more.")
        transaction.on_commit(nudge)


def switch_off(endpoint: WebhookEndpoint, *, reason: str) -> None:
    """It is told nothing more, and what waits for it is dropped: a receiver that comes back asks for the state of things."""
    with transaction.atomic():
        off = WebhookEndpoint.objects.filter(pk=endpoint.pk, enabled=True).update(
            enabled=False, disabled_reason=reason.strip()[:300], next_attempt_at=None
        )
        if not off:
            raise UnableToTell("It is switched off already.")
        WebhookDelivery.objects.filter(endpoint=endpoint, state=DeliveryState.DUE).update(
            state=DeliveryState.DROPPED, last_error="The webhook was switched off."
        )


def switch_on(endpoint: WebhookEndpoint) -> None:
    on = WebhookEndpoint.objects.filter(pk=endpoint.pk, enabled=False).update(
        enabled=True, disabled_reason="", failing_since=None, failures_in_a_row=0, next_attempt_at=None
    )
    if not on:
        raise UnableToTell("It is switched on already.")
