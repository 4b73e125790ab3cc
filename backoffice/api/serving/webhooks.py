"""Routes by which an application looks after its own webhooks; every API may have them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import Field

from backoffice.api.actions import webhooks
from backoffice.api.models import Application, WebhookEndpoint
from backoffice.api.serving.problems import Problem
from backoffice.api.serving.routes import Ask, Repeats, Route, Told, Tree
from ocpi.wire import json as wire_json
from ocpi.wire.base import Bool, DateTime, Many, String100, StringAnyLength, Url, Wire
from ocpi.wire.base import date_time_text as time_text

SCOPE, SENTENCE = "webhooks:manage", "Add, test and remove its own webhooks, and so hear of every event"


class WebhookTold(Wire):
    """Where to tell; without `events`: all that there are."""

    url: Url
    events: Many[String100] = Field(default_factory=list)


class Webhook(Wire):
    """An address that is told. `secret` is said once, when it is made."""

    id: StringAnyLength
    url: StringAnyLength
    events: list[StringAnyLength]
    enabled: Bool
    disabled_reason: StringAnyLength | None = None
    last_success: DateTime | None = None
    secret: StringAnyLength | None = None


class Message(Wire):
    """The id under which a message travels."""

    message_id: StringAnyLength


def routes(events: Sequence[str]) -> tuple[Route, ...]:
    """`events`: those that this API has."""

    def add(ask: Ask) -> Told:
        """Be told by webhook.

        Messages are signed as Standard Webhooks say, with the secret of this answer, which is said this once.
        """
        wrong = [
            wire_json.Violation(("events", index), f"Expected one of {', '.join(events)}.")
            for index, event in enumerate(ask.value.events)
            if event not in events
        ]
        if wrong:
            raise wire_json.Invalid(wrong)
        application = Application.objects.get(pk=ask.caller.application)
        try:
            endpoint, secret = webhooks.add_endpoint(
                application=application, url=ask.value.url, events=ask.value.events, now=ask.now
            )
        except webhooks.UnableToTell as error:
            raise Problem("conflict", str(error)) from error
        return Told(_said(endpoint) | {"secret": secret})

    def listed(ask: Ask) -> Told:
        """Your webhooks."""
        rows = WebhookEndpoint.objects.filter(application=ask.caller.application)
        return Told({"items": [_said(row) for row in rows]})

    def remove(ask: Ask) -> Told:
        """Be told no more at this address. What waits for it is not sent."""
        webhooks.remove_endpoint(_one(ask))
        return Told()

    def test(ask: Ask) -> Told:
        """Send a message that tells nothing, to see whether it arrives."""
        try:
            return Told({"message_id": webhooks.test(_one(ask), now=ask.now)})
        except webhooks.UnableToTell as error:
            raise Problem("conflict", str(error)) from error

    example: Tree = {"url": "https://stations.example/roamdesk", "events": list(events[:1])}
    return (
        Route("GET", "/webhooks", SCOPE, listed, answers=Webhook, many=True, tag="webhooks"),
        Route(
            "POST",
            "/webhooks",
            SCOPE,
            add,
            WebhookTold,
            Webhook,
            status=201,
            tag="webhooks",
            example=example,
            refusals=("conflict",),
        ),
        Route("DELETE", "/webhooks/{webhook}", SCOPE, remove, tag="webhooks"),
        Route(
            "POST",
            "/webhooks/{webhook}/test",
            SCOPE,
            test,
            answers=Message,
            repeats=Repeats.NO,
            tag="webhooks",
            refusals=("conflict",),
        ),
    )


def _one(ask: Ask) -> WebhookEndpoint:
    number = ask.segments["webhook"]
    found = (
        WebhookEndpoint.objects.filter(application=ask.caller.application, pk=int(number)).first()
        if re.fullmatch("[0-9]{1,18}", number, re.ASCII)
        else None
    )
    if found is None:
        raise Problem("not_found", "You have no such webhook.")
    return found


def _said(row: WebhookEndpoint) -> Tree:
    said: Tree = {"id": str(row.pk), "url": row.url, "events": row.events, "enabled": row.enabled}
    if row.disabled_reason:
        said["disabled_reason"] = row.disabled_reason
    return said | ({"last_success": time_text(row.last_success_at)} if row.last_success_at else {})
