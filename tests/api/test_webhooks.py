"""Webhooks: signed, told at least once, held back by nobody else, switched off when nobody takes them, sent again by staff."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.db import transaction

from backoffice.api.actions import sending, webhooks
from backoffice.api.models import Application, WebhookDelivery, WebhookEndpoint
from backoffice.api.rules import (
    DISABLE_AFTER,
    LADDER,
    TRANSITIONS,
    DeliveryEvent,
    DeliveryState,
    Heard,
    heard,
    signature,
)
from backoffice.delivery.management.commands import sweep
from backoffice.partners.secrets import decrypt
from backoffice.roaming_site import site
from ocpi.client import AddressPolicy, Client
from tests.api.calling import application
from tests.factories import LOOPBACK

pytestmark = pytest.mark.django_db
CHANCE = random.Random(1)


class Receiver:
    """Takes what is posted and answers what it is told to, in turn; the last answer stays."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str], bytes]] = [(204, {}, b"")]
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status, headers, said = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *args: Any) -> None:
                """Not into the output of the tests."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    made = Receiver()
    ports = AddressPolicy(allow_http=True, allowed_networks=LOOPBACK)
    client = Client(ports)
    monkeypatch.setattr(site, "client", client)
    yield made
    client.close()
    made.close()


@pytest.fixture
def owner() -> Application:
    return application()


def endpoint_of(owner: Application, receiver: Receiver, **options: Any) -> tuple[WebhookEndpoint, str]:
    return webhooks.add_endpoint(application=owner, url=receiver.url, now=site.now(), **options)


def tell(owner: Application, event: str = "order.waiting", **data: Any) -> list[str]:
    with transaction.atomic():
        return webhooks.tell(application=owner.pk, event=event, data=data, about="A1", now=site.now())


def again(owner: Application) -> WebhookDelivery:
    """The one message, its time come."""
    WebhookDelivery.objects.update(due_at=site.now())
    WebhookEndpoint.objects.update(next_attempt_at=None)
    sending.run(WebhookEndpoint.objects.get().pk, chance=CHANCE)
    found: WebhookDelivery = WebhookDelivery.objects.get()
    return found


def test_what_is_sent_is_signed_over_id_time_and_body(owner: Application, receiver: Receiver) -> None:
    endpoint, secret = endpoint_of(owner, receiver)
    assert secret not in endpoint.secret and decrypt(endpoint.secret) == secret
    (uid,) = tell(owner, order="ü€")
    assert sending.run(endpoint.pk) == 1
    ((headers, body),) = receiver.heard
    assert json.loads(body)["data"] == {"order": "ü€"} and json.loads(body)["type"] == "order.waiting"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}" and headers["webhook-id"] == uid
    assert headers["content-type"] == "application/json" and "authorization" not in headers
    row = WebhookDelivery.objects.get()
    assert (row.state, row.http_status, row.attempts) == ("DONE", 204, 1)
    endpoint.refresh_from_db()
    assert endpoint.last_success_at is not None and endpoint.failing_since is None


def test_the_signature_is_that_of_the_published_example() -> None:
    """The test vector of Standard Webhooks' own libraries."""
    said = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=datetime.fromtimestamp(1614265330, tz=UTC),
        body=b'{"test": 2432232314}',
    )
    assert said == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("answer", [(200, b"<html>thanks</html>"), (201, b"{}"), (204, b""), (299, b"")])
def test_2xx_is_taken_whatever_it_says(owner: Application, receiver: Receiver, answer: tuple[int, bytes]) -> None:
    endpoint_of(owner, receiver)
    receiver.answers = [(answer[0], {}, answer[1])]
    tell(owner)
    assert again(owner).state == "DONE"


@pytest.mark.parametrize("status", [301, 400, 401, 404, 429, 500, 503])
def test_what_was_refused_is_tried_again_under_the_same_id(owner: Application, receiver: Receiver, status: int) -> None:
    endpoint, _ = endpoint_of(owner, receiver)
    receiver.answers = [(status, {"Location": receiver.url + "/elsewhere"}, b""), (204, {}, b"")]
    before = site.now()
    tell(owner)
    sending.run(endpoint.pk, chance=CHANCE)
    row = WebhookDelivery.objects.get()
    assert (row.state, row.http_status, row.attempts) == ("DUE", status, 1)
    assert timedelta(seconds=LADDER[0] / 2) <= row.due_at - before <= timedelta(seconds=LADDER[0] + 10)
    assert str(status) in row.last_error
    assert again(owner).state == "DONE"
    first, second = receiver.heard
    assert first[0]["webhook-id"] == second[0]["webhook-id"] and first[1] == second[1]


def test_it_waits_as_long_as_the_receiver_asks(owner: Application, receiver: Receiver) -> None:
    endpoint, _ = endpoint_of(owner, receiver)
    receiver.answers = [(503, {"Retry-After": "3600"}, b"")]
    tell(owner)
    sending.run(endpoint.pk)
    assert WebhookDelivery.objects.get().due_at - site.now() > timedelta(minutes=59)


def test_one_that_is_refused_for_ever_is_given_up_and_does_not_hold_the_others(
    owner: Application, receiver: Receiver
) -> None:
    endpoint_of(owner, receiver)
    receiver.answers = [(400, {}, b"")]
    tell(owner)
    for attempt in range(1, len(LADDER) + 2):
        row = again(owner)
        assert (row.attempts, row.state) == (attempt, "DUE" if attempt <= len(LADDER) else "FAILED")
    assert "Given up after 9 attempts" in row.last_error
    receiver.answers = [(204, {}, b"")]
    tell(owner)
    sending.run(row.endpoint_id)
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"FAILED", "DONE"}


def test_where_nobody_answers_the_endpoint_waits_and_no_message_is_given_up(
    owner: Application, receiver: Receiver
) -> None:
    endpoint, _ = endpoint_of(owner, receiver)
    receiver.close()
    for _ in range(3):
        tell(owner)
    assert sending.run(endpoint.pk, chance=CHANCE) == 1, "one look, whatever waits"
    endpoint.refresh_from_db()
    assert endpoint.next_attempt_at is not None and endpoint.failures_in_a_row == 1 and endpoint.failing_since
    assert set(WebhookDelivery.objects.values_list("state", "attempts")) == {("DUE", 0)}
    assert sending.endpoints_due(site.now()) == []
    assert [pk for pk, _ in sending.endpoints_due(site.now() + timedelta(minutes=1))] == [endpoint.pk]


def test_who_takes_nothing_for_days_is_switched_off(owner: Application, receiver: Receiver) -> None:
    endpoint, _ = endpoint_of(owner, receiver)
    receiver.answers = [(500, {}, b"")]
    tell(owner)
    WebhookEndpoint.objects.update(failing_since=site.now() - DISABLE_AFTER)
    assert again(owner).state == "DROPPED"
    endpoint.refresh_from_db()
    assert not endpoint.enabled and "HTTP 500" in endpoint.disabled_reason
    assert tell(owner) == [] and sending.endpoints_due(site.now()) == []
    with pytest.raises(webhooks.UnableToTell, match="switched off"):
        webhooks.resend(WebhookDelivery.objects.get(), now=site.now())
    webhooks.switch_on(endpoint)
    receiver.answers = [(204, {}, b"")]
    webhooks.resend(WebhookDelivery.objects.get(), now=site.now())
    assert again(owner).state == "DONE"


def test_410_switches_off_at_once(owner: Application, receiver: Receiver) -> None:
    endpoint, _ = endpoint_of(owner, receiver)
    receiver.answers = [(410, {}, b"")]
    tell(owner)
    again(owner)
    endpoint.refresh_from_db()
    assert not endpoint.enabled and "410" in endpoint.disabled_reason


def test_staff_send_again_what_arrived_already(owner: Application, receiver: Receiver) -> None:
    endpoint_of(owner, receiver)
    (uid,) = tell(owner)
    again(owner)
    webhooks.resend(WebhookDelivery.objects.get(), now=site.now())
    row = again(owner)
    assert row.state == "DONE" and [headers["webhook-id"] for headers, _ in receiver.heard] == [uid, uid]


def test_a_change_that_is_undone_tells_nobody(owner: Application, receiver: Receiver) -> None:
    endpoint_of(owner, receiver)
    with transaction.atomic():
        webhooks.tell(application=owner.pk, event="order.waiting", data={}, now=site.now())
        transaction.set_rollback(True)
    assert not WebhookDelivery.objects.exists()


def test_an_endpoint_is_told_what_it_wants(owner: Application, receiver: Receiver) -> None:
    endpoint_of(owner, receiver, events=["session.ended"])
    assert tell(owner, "order.waiting") == [] and len(tell(owner, "session.ended")) == 1
    assert tell(application(name="Other"), "session.ended") == []


@pytest.mark.parametrize(("point", "posted"), [("webhook-before-send", 1), ("webhook-after-send-before-mark", 2)])
def test_who_dies_while_telling_loses_nothing(
    owner: Application, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, point: str, posted: int
) -> None:
    endpoint, _ = endpoint_of(owner, receiver)
    tell(owner)

    def die(name: str) -> None:
        if name == point:
            raise SystemExit(137)

    with monkeypatch.context() as patch:
        patch.setattr(sending, "crash_point", die)
        with pytest.raises(SystemExit):
            sending.run(endpoint.pk)
    assert WebhookDelivery.objects.get().state == "DUE"
    assert sending.run(endpoint.pk) == 1
    assert WebhookDelivery.objects.get().state == "DONE"
    assert len(receiver.heard) == posted and len({headers["webhook-id"] for headers, _ in receiver.heard}) == 1


def test_who_resends_while_it_is_sent_is_not_overruled(
    owner: Application, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, _ = endpoint_of(owner, receiver)
    tell(owner)
    WebhookDelivery.objects.update(attempts=3)

    def resent(name: str) -> None:
        if name == "webhook-after-send-before-mark" and len(receiver.heard) == 1:
            webhooks.resend(WebhookDelivery.objects.get(), now=site.now())

    monkeypatch.setattr(sending, "crash_point", resent)
    sending.run(endpoint.pk)
    assert WebhookDelivery.objects.get().state == "DONE" and len(receiver.heard) == 2


def test_the_table_of_moves_has_every_state() -> None:
    assert set(TRANSITIONS) == set(DeliveryState)
    assert all(DeliveryEvent.RESENT in moves for moves in TRANSITIONS.values())
    assert [heard(status) for status in (None, 200, 302, 404, 410, 500)] == [
        Heard.NOBODY,
        Heard.TAKEN,
        Heard.NOT_NOW,
        Heard.NOT_NOW,
        Heard.GONE,
        Heard.NOT_NOW,
    ]


@pytest.mark.parametrize(("waited", "task"), [(0, "api.tell"), (60, "")])
def test_the_sweep_hands_endpoints_to_workers_and_tells_them_itself_when_none_come(
    owner: Application, monkeypatch: pytest.MonkeyPatch, waited: float, task: str
) -> None:
    endpoint, _ = webhooks.add_endpoint(application=owner, url="https://depot.example/hook", now=site.now())
    tell(owner)
    WebhookDelivery.objects.update(due_at=site.now() - timedelta(seconds=waited))
    published: list[tuple[str, int]] = []
    here: list[int] = []
    monkeypatch.setattr(
        sweep, "_publish", lambda name, **ids: published.append((name, ids.get("endpoint_id", 0))) or True
    )
    monkeypatch.setattr(sweep, "_tell_here", lambda pk, inline: here.append(pk))
    with ThreadPoolExecutor(1) as pool:
        sweep.Command()._sweep(pool, set())
    assert [pk for name, pk in published if name == "api.tell"] == ([endpoint.pk] if task else [])
    assert here == ([] if task else [endpoint.pk])
