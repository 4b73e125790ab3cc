"""The message log: each request to our doors leaves one row, redacted, in the transaction of its effect."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction

from backoffice.delivery.actions.recording import MAX_BODY, redacted
from backoffice.delivery.models import Exchange
from backoffice.locations.models import Location
from backoffice.roaming_site import site
from tests import factories
from tests.doors.asking import Asking, log_rows
from tests.doors.test_envelope import KINDS, OWN
from tests.factories import Partner


@pytest.mark.parametrize(
    ("status", "code", "method", "path", "body", "options"),
    KINDS,
    ids=[f"{k[0]}-{k[1]}-{i}" for i, k in enumerate(KINDS)],
)
def test_every_request_is_one_row(
    status: int, code: int, method: str, path: str, body: Any, options: dict[str, Any], stored: Asking, partner: Partner
) -> None:
    before = log_rows()
    answered = stored.ask(method, path, body, **options)
    assert log_rows() == before + 1
    row = Exchange.objects.latest("id")
    assert (row.incoming, row.connection_id) == (True, partner.connection.pk)
    assert (row.http_status, row.ocpi_status) == (status, code)
    assert (row.method, row.url) == (method, f"/ocpi/{path}")
    assert (row.request_id, row.correlation_id) == (answered.sent["X-Request-ID"], answered.sent["X-Correlation-ID"])
    assert row.response_size == len(answered.body)


def test_a_stranger_leaves_a_row_without_connection(partner: Partner) -> None:
    before = log_rows()
    Asking("unknown").get("versions")
    assert log_rows() == before + 1
    row = Exchange.objects.latest("id")
    assert (row.connection_id, row.http_status, row.ocpi_status) == (None, 401, 2000)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (OWN, "SE/ELV/HARBOUR-7"),
        (f"{OWN}/E-100", "SE/ELV/HARBOUR-7/E-100"),
        (f"{OWN}/E-100/1", "SE/ELV/HARBOUR-7/E-100/1"),
        (OWN.replace("SE/ELV", "se/elv"), "SE/ELV/HARBOUR-7"),
    ],
)
def test_the_row_names_its_object(path: str, expected: str, stored: Asking) -> None:
    stored.get(path)
    assert Exchange.objects.latest("id").object_path == expected


def test_bodies_are_kept_but_pages_are_not(stored: Asking) -> None:
    stored.put(OWN, factories.location(name="Kept"))
    row = Exchange.objects.latest("id")
    assert json.loads(row.request_body)["name"] == "Kept"
    assert json.loads(row.response_body)["status_code"] == 1000
    for number in range(12):
        factories.own_location(factories.small_location(f"L{number}", "DE-RDK"))
    size = len(stored.get("2.3.0/sender/locations").body)
    row = Exchange.objects.latest("id")
    assert (row.response_body, row.response_size) == ("", size)


def test_a_long_body_is_cut_and_says_so(stored: Asking) -> None:
    stored.put(OWN, factories.location(note="x" * 70_000))
    row = Exchange.objects.latest("id")
    assert len(row.request_body) < 65_000
    assert row.request_body.endswith("more bytes)")


@pytest.mark.parametrize("status", [200, 2001])
def test_tokens_are_never_kept(status: int, stored: Asking, partner: Partner) -> None:
    credentials = {"token": "secret-of-the-partner", "url": "https://elv.example/ocpi/versions"}
    roles = [{"role": "CPO", "country_code": "SE", "party_id": "ELV", "business_details": {"name": "E"}}]
    stored.put("2.3.0/credentials", credentials | ({"roles": roles} if status == 200 else {}))
    stored.get("2.3.0/credentials")
    with database.cursor() as cursor:
        cursor.execute("SELECT string_agg(t::text, '') FROM delivery_exchange t")
        text = cursor.fetchone()[0]
    assert "(redacted)" in text
    for secret in ("secret-of-the-partner", partner.token):
        assert secret not in text


@pytest.mark.parametrize(
    "body",
    [
        b'{"token": "secret-of-the-partner',
        b'{"token":\n"secret-of-the-partner", "x": }',
        b'{"token": "secret-of-the-partner\\"-still", "url": 5}',
        b'{"token": ["secret-of-the-partner"]}',
        b'{"\\u0074oken": "secret-of-the-partner"}',
    ],
)
def test_not_even_out_of_a_body_that_is_broken(body: bytes, stored: Asking) -> None:
    stored.put("2.3.0/credentials", body)
    row = Exchange.objects.latest("id")
    assert row.request_body
    assert "secret-of" not in row.request_body
    assert "still" not in row.request_body


def test_a_token_object_goes_whole_and_leaves_a_body_that_can_be_read() -> None:
    body = (
        b'{"token":{"uid":"PERSON-1","energy_contract":{"contract_id":"PERSON-2"},"valid":true},"location_id":"LOC1"}'
    )
    assert json.loads(redacted("commands", body)) == {"token": "(redacted)", "location_id": "LOC1"}
    for end in range(len(body)):
        assert "PERS" not in redacted("commands", body[:end].partition(b',"location_id')[0])


def test_wherever_a_long_body_is_cut_nothing_personal_is_left() -> None:
    """What breaks off inside a value is no less personal."""
    secret = b'"uid":"PERSON-\\"0001-WXYZ","eft_data":["4111-PERSON"],"eft_data":{"PAN":"PERSON"},"token":"PERSON-01"'
    for kept in range(len(secret)):
        text = redacted("cdrs", b'{"pad":"' + b"x" * (MAX_BODY - kept - 10) + b'",' + secret + b"}")
        assert "PERS" not in text, text[-90:]
        assert text.endswith("more bytes)")
    whole = redacted("cdrs", b"{" + secret + b"}")
    assert whole == '{"uid":"***WXYZ","eft_data":"(redacted)","eft_data":"(redacted)","token":"(redacted)"}'


def test_an_effect_and_its_row_are_one_transaction(stored: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    """An effect without its row could not be explained later; a row without its effect would be a lie."""

    def fails(exchange: Any, **_: Any) -> None:
        assert transaction.get_connection().in_atomic_block
        raise RuntimeError("the log is full")

    before = log_rows()
    monkeypatch.setattr(site, "record", fails)
    stored.client.raise_request_exception = False
    stored.put(OWN, factories.location(name="Must not stay", last_updated="2026-04-01T00:00:00Z"))
    assert Location.objects.get().name == "Frihamnen garage"
    assert log_rows() == before


def test_the_partner_was_in_touch(stored: Asking, partner: Partner) -> None:
    partner.connection.refresh_from_db()
    assert partner.connection.last_in_at is not None
    assert partner.connection.last_out_at is None
