"""One effect for one Idempotency-Key, whatever is repeated, at once or later."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from backoffice.api.actions import keeping
from backoffice.api.models import ApiCall, KeptAnswer, WebhookEndpoint
from backoffice.roaming_site import site
from tests.api import toy
from tests.api.calling import Caller, application, key_of

pytestmark = [pytest.mark.urls("tests.api.toy")]
BOTH = ("notes:read", "notes:write")


@pytest.fixture
def call(db: None) -> Caller:
    return Caller(key_of(application(), BOTH), "toy/v1")


@pytest.fixture(autouse=True)
def gate() -> Iterator[None]:
    toy.ASKED.clear()
    toy.GATE.set()
    yield
    toy.GATE.set()


def test_the_same_request_again_gets_the_same_answer_and_has_no_second_effect(call: Caller) -> None:
    first = call("POST", "/notes", {"text": "a"}, key="k1")
    again = call("POST", "/notes", {"text": "a"}, key="k1")
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert "Idempotent-Replayed" not in first and again["Idempotent-Replayed"] == "true"
    assert WebhookEndpoint.objects.count() == 1
    assert list(ApiCall.objects.order_by("id").values_list("replayed", flat=True)) == [False, True]


def test_another_body_under_the_same_key_is_refused(call: Caller) -> None:
    call("POST", "/notes", {"text": "a"}, key="k1")
    answer = call("POST", "/notes", {"text": "b"}, key="k1")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert WebhookEndpoint.objects.count() == 1


def test_what_was_refused_changed_nothing_and_may_be_tried_again(call: Caller) -> None:
    assert call("POST", "/notes", {"text": "refused"}, key="k1").status_code == 409
    assert not KeptAnswer.objects.exists() and not WebhookEndpoint.objects.exists()
    assert call("POST", "/notes", {"text": "a"}, key="k1").status_code == 201


def test_keys_of_two_applications_have_nothing_to_do_with_each_other(call: Caller) -> None:
    other = Caller(key_of(application(name="Other"), BOTH), "toy/v1")
    assert call("POST", "/notes", {"text": "a"}, key="k1").status_code == 201
    assert other("POST", "/notes", {"text": "b"}, key="k1").status_code == 201
    assert WebhookEndpoint.objects.count() == 2


def test_a_new_key_of_the_same_application_repeats_what_the_old_one_began(call: Caller) -> None:
    """Keys are exchanged in the middle of work."""
    from backoffice.api.models import Application

    call("POST", "/notes", {"text": "a"}, key="k1")
    fresh = Caller(key_of(Application.objects.get(), BOTH), "toy/v1")
    assert fresh("POST", "/notes", {"text": "a"}, key="k1")["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("key", ["", "two words", "x" * 256])
def test_keys_that_are_none(call: Caller, key: str) -> None:
    answer = call("POST", "/notes", {"text": "a"}, key=key)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_a_route_that_needs_a_key_says_so(call: Caller) -> None:
    assert call("POST", "/slow", {"text": "a"}).json()["code"] == "idempotency_key_missing"
    assert toy.ASKED == []


def test_a_refusal_after_asking_others_frees_the_key(call: Caller) -> None:
    assert call("POST", "/slow", {"text": "refused"}, key="k1").status_code == 409
    assert call("POST", "/slow", {"text": "a"}, key="k1").status_code == 200
    assert call("POST", "/slow", {"text": "a"}, key="k1")["Idempotent-Replayed"] == "true"
    assert toy.ASKED == ["refused", "a"]


def test_who_died_while_asking_holds_the_key_no_longer_than_the_lease(call: Caller) -> None:
    from backoffice.api.models import Application
    from backoffice.api.rules import body_hash

    asked = keeping.Asked(Application.objects.get().pk, "POST /api/toy/v1/slow", "k1", body_hash(b'{"text": "a"}'))
    keeping.claim(asked, now=site.now())  # and died
    waiting = call("POST", "/slow", {"text": "a"}, key="k1")
    assert (waiting.status_code, waiting.json()["code"], waiting["Retry-After"]) == (409, "in_progress", "1")
    KeptAnswer.objects.update(lease_until=site.now() - timedelta(seconds=1))
    assert call("POST", "/slow", {"text": "a"}, key="k1").status_code == 200


def test_kept_answers_go_after_a_day(call: Caller) -> None:
    call("POST", "/notes", {"text": "a"}, key="k1")
    assert keeping.trim(now=site.now() + timedelta(hours=23)) == 0
    assert keeping.trim(now=site.now() + timedelta(hours=25)) == 1


def _at_once(many: int, act: Any) -> list[Any]:
    """So many threads that begin in one instant, each with a database connection of its own."""
    barrier = threading.Barrier(many)

    def one(number: int) -> Any:
        barrier.wait()
        try:
            return act(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(many) as pool:
        return list(pool.map(one, range(many)))


@pytest.mark.django_db(transaction=True)
def test_64_at_once_with_one_key_have_one_effect() -> None:
    call = Caller(key_of(application(), BOTH), "toy/v1")
    answers = _at_once(64, lambda number: call("POST", "/notes", {"text": "a"}, key="k1"))
    assert Counter(answer.status_code for answer in answers) == {201: 64}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer for answer in answers) == 1
    assert WebhookEndpoint.objects.count() == 1 and KeptAnswer.objects.count() == 1
    assert ApiCall.objects.filter(replayed=False).count() == 1


@pytest.mark.django_db(transaction=True)
def test_64_at_once_with_two_bodies_have_one_effect() -> None:
    call = Caller(key_of(application(), BOTH), "toy/v1")
    answers = _at_once(64, lambda number: call("POST", "/notes", {"text": "ab"[number % 2]}, key="k1"))
    assert Counter(answer.status_code for answer in answers) == {201: 32, 422: 32}
    assert WebhookEndpoint.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_16_at_once_that_ask_others_ask_them_once() -> None:
    toy.GATE.clear()
    call = Caller(key_of(application(), BOTH), "toy/v1")
    refused: list[int] = []

    def ask(number: int) -> Any:
        answer = call("POST", "/slow", {"text": "a"}, key="k1")
        refused.append(number)
        if len(refused) == 15:  # all but the one that waits for the others' answer
            toy.GATE.set()
        return answer

    answers = _at_once(16, ask)
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 15}
    assert toy.ASKED == ["a"]
    assert call("POST", "/slow", {"text": "a"}, key="k1").json() == {"asked": 1}
