"""Every answer, whatever became of the request: envelope, timestamp, Content-Type, X-Request-ID and X-Correlation-ID.

`Asking.ask` checks these literally for each request of this folder; here is one test for each kind of answer, so that none is
forgotten, and what is special to some.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.test import Client

from backoffice.roaming_site import site
from tests import factories
from tests.doors.asking import Asking, assert_envelope, snapshot

OWN = "2.3.0/receiver/locations/SE/ELV/HARBOUR-7"
BIG = {"name": "x" * 8_000_001}

KINDS: list[tuple[int, int, str, str, Any, dict[str, Any]]] = [
    (200, 1000, "GET", "versions", None, {}),
    (200, 1000, "GET", "2.3.0/sender/locations", None, {}),
    (200, 1000, "GET", OWN, None, {}),
    (200, 1000, "PUT", OWN, factories.location(), {}),
    (201, 1000, "PUT", "2.3.0/receiver/locations/SE/ELV/NEW1", factories.small_location("NEW1"), {}),
    (200, 2001, "PATCH", OWN, {"name": "x"}, {}),
    (200, 2001, "PUT", OWN, [], {}),
    (200, 2001, "GET", "2.3.0/sender/locations?limit=no", None, {}),
    (400, 2001, "PUT", OWN, b'{"id": ', {}),
    (404, 2001, "GET", "2.3.0/receiver/locations/SE/ELV/NOWHERE", None, {}),
    (404, 2001, "GET", "2.3.0/nothing", None, {}),
    (404, 2001, "GET", "9.9", None, {}),
    (405, 2000, "POST", OWN, {}, {}),
    (413, 2000, "PUT", OWN, BIG, {}),
    (415, 2000, "PUT", OWN, b"<Location/>", {"content_type": "application/xml"}),
    (415, 2000, "PUT", OWN, {}, {"headers": {"Content-Encoding": "gzip"}}),
]


@pytest.mark.rule("T-053", "T-054", "T-056", "T-089", "T-091", "T-099", "T-101", "T-102", "T-103", "T-104", "T-108")
@pytest.mark.parametrize(
    ("status", "code", "method", "path", "body", "options"),
    KINDS,
    ids=[f"{k[0]}-{k[1]}-{k[2]}-{i}" for i, k in enumerate(KINDS)],
)
def test_each_kind_of_answer(
    status: int, code: int, method: str, path: str, body: Any, options: dict[str, Any], stored: Asking
) -> None:
    assert stored.ask(method, path, body, **options).says == (status, code)


@pytest.mark.rule("T-009", "T-056", "T-089", "T-091")
def test_401_carries_the_envelope_too(partner: factories.Partner) -> None:
    answered = Asking(None).get("versions")
    assert answered.says == (401, 2000)
    assert answered.headers["WWW-Authenticate"] == "Token"


@pytest.mark.rule("T-056", "T-104")
def test_a_bug_of_ours_is_an_answer_as_well(stored: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP 500 with 3000, nothing of the inside shown, nothing changed; the request id leads staff to the log."""
    module = site.module("locations")

    def bug(*_: Any) -> None:
        raise ZeroDivisionError("the secret of the inside")

    monkeypatch.setattr(type(module), "shape", replace(module.shape, read_theirs=bug, put=bug), raising=False)
    before = snapshot()
    for answered in (stored.get(OWN), stored.put(OWN, factories.location(name="Other"))):
        assert answered.says == (500, 3000)
        assert b"secret of the inside" not in answered.body
        assert answered.sent["X-Request-ID"] in answered.message
    assert snapshot() == before


@pytest.mark.rule("T-056", "T-104")
def test_a_database_that_is_away_is_503_with_a_time_to_come_again(
    stored: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("the connection is gone")

    monkeypatch.setattr(site, "authenticate", away)
    answered = stored.get(OWN)
    assert answered.says == (503, 3000)
    assert int(answered.headers["Retry-After"]) > 0


@pytest.mark.rule("T-056")
def test_what_django_refuses_before_our_doors_carries_the_envelope(asking: Asking) -> None:
    """A Host header that is not ours never reaches a view."""
    answered = asking.get("versions", headers={"Host": "evil.example"})
    assert answered.says == (400, 2000)
    assert b"evil" not in answered.body


def test_a_partner_passes_nothing_that_serves_people(stored: Asking) -> None:
    """No session, no language, no cookie: neither asked for nor answered. The security headers stay."""
    answered = stored.get(OWN, headers={"Cookie": "sessionid=x; csrftoken=y", "Accept-Language": "de"})
    assert answered.status == 200
    assert not {"set-cookie", "vary", "content-language"} & {name.lower() for name in answered.headers}
    assert answered.headers["X-Content-Type-Options"] == "nosniff"
    assert answered.headers["Content-Length"] == str(len(answered.body))


@pytest.mark.parametrize("path", ["/ocpi", "/ocpi/", "/ocpi//"])
def test_the_root_is_no_address_but_answers_in_our_terms(path: str, asking: Asking) -> None:
    assert asking.get(path).status == 404


def test_people_still_get_pages(client: Client, db: None) -> None:
    """The envelope is for partners: other addresses keep Django's own pages."""
    answered = client.get("/nothing-here")
    assert answered.status_code == 404
    assert answered.headers["Content-Type"].startswith("text/html")
    assert client.get("/ocpix").headers["Content-Type"].startswith("text/html")


@pytest.mark.rule("T-007", "T-089", "T-091")
def test_header_names_in_any_case(asking: Asking) -> None:
    ids = {"x-request-id": str(uuid4()), "X-CORRELATION-ID": str(uuid4())}
    spelled = {"aUTHORIZATION": asking_header(asking), **ids}
    answered = Client().get("/ocpi/versions", headers=spelled)
    assert answered.status_code == 200
    assert answered.headers["X-Request-ID"] == ids["x-request-id"]
    assert answered.headers["X-Correlation-ID"] == ids["X-CORRELATION-ID"]


def asking_header(asking: Asking) -> str:
    return asking.get("versions").sent["Authorization"]


@pytest.mark.parametrize("value", ["", "a b", "line\tbreak", "x" * 256, "ünï"])
def test_message_ids_that_cannot_be_repeated_are_replaced(value: str, asking: Asking) -> None:
    answered = asking.get("versions", headers={"X-Request-ID": value, "X-Correlation-ID": value})
    assert answered.says == (200, 1000)
    assert answered.headers["X-Request-ID"] not in ("", value)
    assert answered.headers["X-Correlation-ID"] not in ("", value)


@pytest.mark.rule("T-018")
@pytest.mark.parametrize("path", ["versions", OWN, "2.3.0/sender/locations"])
def test_a_request_without_body_needs_no_content_type(path: str, stored: Asking) -> None:
    assert stored.get(path, content_type="").says == (200, 1000)


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_content_types_that_are_json(content_type: str, asking: Asking) -> None:
    assert asking.put(OWN, factories.location(), content_type=content_type).says == (201, 1000)


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", "nonsense", "application/json;version=9"])
def test_an_accept_header_never_matters(accept: str, asking: Asking) -> None:
    assert asking.get("versions", headers={"Accept": accept}).says == (200, 1000)


@pytest.mark.rule("T-055", "T-106")
def test_data_is_a_list_or_a_single_value_as_specified(stored: Asking) -> None:
    assert stored.get("2.3.0/sender/locations").data == []
    assert type(stored.get("versions").data) is list
    assert type(stored.get("2.3.0").data) is dict
    assert type(stored.get("2.3.0/credentials").data) is dict
    assert type(stored.get(OWN).data) is dict


@pytest.mark.rule("T-057")
@pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
def test_put_and_patch_answer_without_data(version: str, asking: Asking) -> None:
    path = f"{version}/receiver/locations/SE/ELV/A"
    answers = [
        asking.put(path, factories.small_location("A")),
        asking.put(path, factories.small_location("A", name="Again")),
        asking.patch(path, {"name": "Once more", "last_updated": "2026-03-02T00:00:00Z"}),
    ]
    assert [answered.says for answered in answers] == [(201, 1000), (200, 1000), (200, 1000)]
    assert all("data" not in answered.envelope for answered in answers)


@pytest.mark.parametrize("path", ["2.3.0/sender/locations", "2.3.0", "versions", "2.3.0/credentials"])
def test_a_slash_at_the_end_is_no_other_address(path: str, asking: Asking) -> None:
    plain, slashed = asking.get(path), asking.get(f"{path}/")
    assert slashed.says == plain.says == (200, 1000)
    assert slashed.data == plain.data


def test_an_answer_is_checked_at_all(db: None) -> None:
    """The check itself must be able to fail."""
    answered = Asking(None).get("versions")
    with pytest.raises(AssertionError):
        assert_envelope(replace(answered, headers={**answered.headers, "X-Request-ID": "another"}))
    with pytest.raises(AssertionError):
        assert_envelope(replace(answered, body=b'{"status_code": 1000}'))
