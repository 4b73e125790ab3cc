"""How a call is answered, whatever it is about: keys, scopes, bodies, problems, throttling, the log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.middleware.locale import LocaleMiddleware
from django.test import Client

from backoffice.api.actions import keys
from backoffice.api.models import ApiCall, ApiKey, KeyUse, WebhookEndpoint
from backoffice.api.rules import Kind
from backoffice.partners.secrets import token_hash
from backoffice.roaming_site import site
from tests import factories
from tests.api.calling import Caller, application, key_of

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.api.toy")]

BOTH = ("notes:read", "notes:write")


@pytest.fixture
def call() -> Caller:
    return Caller(key_of(application(), BOTH), "toy/v1")


def test_a_key_is_kept_as_a_hash_and_opens_what_its_scopes_name() -> None:
    owner = application()
    key = key_of(owner, ["notes:read"])
    row = ApiKey.objects.get()
    assert key.startswith("rdk_") and bytes(row.hash) == token_hash(key)
    assert key not in {str(value) for value in vars(row).values()} and key.startswith(row.hint)
    call = Caller(key, "toy/v1")
    assert call("GET", "/notes").json() == {"items": []}
    refused = call("POST", "/notes", {"text": "a"})
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    assert not WebhookEndpoint.objects.exists()
    row.refresh_from_db()
    assert row.last_used_at is not None


@pytest.mark.parametrize(
    ("shown", "says"),
    [
        ("", "Bearer and an API key"),
        ("Token abc", "Bearer and an API key"),
        ("Bearer", "Bearer and an API key"),
        ("Bearer rdk_" + "x" * 43, "Bearer and an API key"),
        ("Bearer " + "x" * 5000, "Bearer and an API key"),
        ("Bearer schl\u00fcssel", "Bearer and an API key"),
    ],
)
def test_without_a_key_nothing_opens(shown: str, says: str) -> None:
    answer = Client(raise_request_exception=False).get("/api/toy/v1/notes", headers={"Authorization": shown})
    assert (answer.status_code, answer.json()["code"]) == (401, "unknown_key")
    assert says in answer.json()["detail"]
    assert answer["WWW-Authenticate"].startswith("Bearer") and answer["Content-Type"] == "application/problem+json"


def test_a_key_that_was_revoked_or_has_expired_says_so(call: Caller) -> None:
    row = ApiKey.objects.get()
    ApiKey.objects.update(expires_at=site.now() - timedelta(seconds=1))
    assert "expired" in call("GET", "/notes").json()["detail"]
    keys.revoke(row, reason="Lost with a laptop", now=site.now())
    answer = call("GET", "/notes")
    assert answer.status_code == 401 and "revoked" in answer.json()["detail"]
    with pytest.raises(keys.UnableToManageKeys, match="already"):
        keys.revoke(row, reason="Again", now=site.now())


def test_a_call_passes_nothing_that_serves_people(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(LocaleMiddleware, "process_request", lambda self, request: asked.append(request.path))
    answer = call("GET", "/notes")
    assert answer["Content-Length"] == str(len(answer.content))
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert not asked
    assert Client().get("/api/toy/v1/openapi.json").status_code == 200
    assert asked == ["/api/toy/v1/openapi.json"]
    refused = call("GET", "/notes", headers={"Host": "elsewhere.example"})
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_request")


def test_a_key_for_another_api_opens_nothing_here() -> None:
    call = Caller(key_of(application(kind=Kind.DRIVER_APP), BOTH), "toy/v1")
    answer = call("GET", "/notes")
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_api")


def test_keys_that_must_not_be() -> None:
    owner, now = application(), site.now()
    for scopes, expires_at, says in (
        ([], now + timedelta(days=1), "opens nothing"),
        (["notes:read"], now, "expire"),
        (["notes:read"], now + timedelta(days=731), "expire"),
    ):
        with pytest.raises(keys.UnableToManageKeys, match=says):
            keys.issue(owner, scopes=scopes, expires_at=expires_at, by="olga", now=now)
    with pytest.raises(keys.UnableToManageKeys, match="partner"):
        keys.add_application(party=factories.partner().party, kind=Kind.DRIVER_APP, name="X", now=now)
    with pytest.raises(keys.UnableToManageKeys, match="already"):
        keys.add_application(party=owner.party, kind=Kind.DRIVER_APP, name=owner.name, now=now)


DEEP = b'{"text":' + b"[" * 100_000 + b"]" * 100_000 + b"}"

HOSTILE = [
    # body, content type, status, code
    (b"", "application/json", 415, "media_type"),  # Django's client names no type for nothing
    (b"{", "application/json", 400, "not_json"),
    (b"\xff\xfe{}", "application/json", 400, "not_json"),
    (b'{"text":"a","text":"b"}', "application/json", 400, "not_json"),
    (b'{"text":"a\\u0000"}', "application/json", 400, "not_json"),
    (b'{"text":"\\ud800"}', "application/json", 400, "not_json"),
    (b'{"text":"a","price":1e999}', "application/json", 400, "not_json"),
    (b'{"text":"a","price":1e5000000}', "application/json", 400, "not_json"),
    (b'{"text":"a","price":NaN}', "application/json", 400, "not_json"),
    (b'{"text":"a","price":' + b"9" * 1000 + b"}", "application/json", 400, "not_json"),
    (DEEP[:1900], "application/json", 400, "not_json"),
    (DEEP, "application/json", 413, "too_large"),
    (b'{"text":"' + b"a" * 3000 + b'"}', "application/json", 413, "too_large"),
    (b"[]", "application/json", 422, "invalid"),
    (b"null", "application/json", 422, "invalid"),
    (b'"text"', "application/json", 422, "invalid"),
    (b"{}", "application/json", 422, "invalid"),
    (b'{"text":null}', "application/json", 422, "invalid"),
    (b'{"text":1}', "application/json", 422, "invalid"),
    (b'{"text":"a","price":"1.10"}', "application/json", 422, "invalid"),
    (b'{"text":"a","price":true}', "application/json", 422, "invalid"),
    (b'{"text":"a","words":{}}', "application/json", 422, "invalid"),
    (b'{"text":"a\\nb"}', "application/json", 422, "invalid"),
    (b"text=a", "application/x-www-form-urlencoded", 415, "media_type"),
    (b'{"text":"a"}', "", 415, "media_type"),
    (b'{"text":"a"}', "text/plain", 415, "media_type"),
]


@pytest.mark.parametrize(("body", "content_type", "status", "code"), HOSTILE)
def test_a_hostile_body_is_a_problem_and_changes_nothing(
    call: Caller, body: bytes, content_type: str, status: int, code: str
) -> None:
    answer = call("POST", "/notes", raw=body, content_type=content_type)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == f"urn:roamdesk:problem:{code}" and answer.json()["status"] == status
    assert not WebhookEndpoint.objects.exists()
    logged = ApiCall.objects.get()
    assert (logged.status, logged.code, logged.request_id) == (status, code, answer["X-Request-ID"])


def test_a_body_says_each_thing_that_is_wrong(call: Caller) -> None:
    answer = call("POST", "/notes", {"text": 1, "words": ["ok", 2]})
    assert [each["path"] for each in answer.json()["errors"]] == ["text", "words[1]"]
    assert "2" not in answer.json()["errors"][1]["message"].split(), "the value that came is not repeated"


def test_an_encoded_body_is_refused(call: Caller) -> None:
    answer = call("POST", "/notes", {"text": "a"}, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/notes/none", 404, "not_found"),
        ("GET", "/notes/%00", 404, "not_found"),
        ("GET", "/notes/%ff%fe", 404, "not_found"),
        ("GET", "/notes/" + "x" * 3000, 404, "not_found"),
        ("DELETE", "/notes", 405, "method_not_allowed"),
        ("OPTIONS", "/notes", 405, "method_not_allowed"),
        ("TRACE", "/notes", 405, "method_not_allowed"),
        ("GET", "/notes?limit=0", 422, "invalid"),
        ("GET", "/notes?limit=1e3", 422, "invalid"),
        ("GET", "/notes?limit=%C2%B2", 422, "invalid"),
        ("GET", "/notes?limit=1&limit=2", 422, "invalid"),
        ("GET", "/notes?after=x", 422, "invalid"),
        ("GET", "/notes?colour=red", 422, "invalid"),
        ("GET", "/notes?limit=%00", 422, "invalid"),
        ("GET", "/notes?" + "a=1&" * 21_000, 400, "bad_request"),
    ],
)
def test_odd_requests(call: Caller, method: str, path: str, status: int, code: str) -> None:
    answer = call(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    if status == 405:
        assert set(answer["Allow"].split(", ")) == {"GET", "POST"}


def test_a_bug_is_a_problem_that_changes_nothing(call: Caller, caplog: Any) -> None:
    answer = call("POST", "/notes", {"text": "broken"})
    assert (answer.status_code, answer.json()["code"]) == (500, "server_error")
    assert answer["X-Request-ID"] in answer.json()["detail"] and "a bug" not in answer.content.decode()
    assert not WebhookEndpoint.objects.exists()


def test_what_django_answers_by_itself_is_a_problem_too() -> None:
    answer = Client(raise_request_exception=False, headers={"Host": "elsewhere.example"}).get("/api/toy/v1/notes")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_plain_http_is_refused_where_the_platform_speaks_https(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "public_url", "https://roamdesk.example")
    answer = call("GET", "/notes")
    assert (answer.status_code, answer.json()["code"]) == (403, "https_only")


def test_a_key_may_call_so_often_in_a_minute() -> None:
    owner = application()
    call = Caller(key_of(owner, BOTH, per_minute=3), "toy/v1")
    other = Caller(key_of(owner, BOTH, per_minute=3), "toy/v1")
    KeyUse.objects.all().delete()
    said = [call("GET", "/notes").status_code for _ in range(5)]
    if said != [200, 200, 200, 429, 429]:  # the minute changed in between
        said = [call("GET", "/notes").status_code for _ in range(5)]
    assert said[-1] == 429
    refused = call("POST", "/notes", {"text": "a"})
    assert refused.json()["code"] == "too_many_requests" and 1 <= int(refused["Retry-After"]) <= 60
    assert not WebhookEndpoint.objects.exists()
    assert other("GET", "/notes").status_code == 200, "counted per key"
    later = site.now() + timedelta(minutes=1)
    caller = keys.find(call.key, now=later)
    assert isinstance(caller, keys.Caller) and keys.seconds_to_wait(caller, now=later) is None


def test_pages_go_on_where_the_last_one_ended(call: Caller) -> None:
    for number in range(5):
        assert call("POST", "/notes", {"text": f"n{number}"}).status_code == 201
    seen, after = [], ""
    while True:
        answer = call("GET", f"/notes?limit=2{after}").json()
        seen += [each["text"] for each in answer["items"]]
        if "next" not in answer:
            break
        after = f"&after={answer['next']}"
    assert len(seen) == len(set(seen)) == 5


def test_the_log_holds_what_changed_something_or_was_refused_and_no_body(call: Caller) -> None:
    call("GET", "/notes")
    call("POST", "/notes", {"text": "a secret of a driver"})
    call("POST", "/notes", {"text": "refused"})
    call("GET", "/notes/none")
    rows = list(ApiCall.objects.order_by("id"))
    assert [(row.method, row.route, row.status, row.code) for row in rows] == [
        ("POST", "/notes", 201, ""),
        ("POST", "/notes", 409, "conflict"),
        ("GET", "/notes/{name}", 404, "not_found"),
    ]
    assert "secret" not in " ".join(str(value) for row in rows for value in vars(row).values())
    assert rows[0].request_size and rows[0].fingerprint and rows[0].key_id == ApiKey.objects.get().pk
