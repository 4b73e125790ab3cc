"""What an answer means for the sender: one table from answer to outcome."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ocpi.client import CAUSES, Cause, Delivered, Headers, Outcome, Refused, Retry
from ocpi.client.outcomes import Response, judge, retry_after

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def judged(http_status: int, body: bytes, headers: Headers | None = None) -> Outcome:
    return judge(Response(http_status, headers or Headers(), body, "192.0.2.1"), elapsed_ms=7, now=NOW)


def envelope(status_code: int, rest: str = "") -> bytes:
    return f'{{"status_code": {status_code}, "timestamp": "2026-11-22T10:00:00Z"{rest}}}'.encode()


@pytest.mark.parametrize(
    ("http_status", "body", "kind", "cause"),
    [
        (200, envelope(1000), Delivered, None),
        (201, envelope(1000), Delivered, None),
        (202, envelope(1999), Delivered, None),
        (200, envelope(2000), Refused, Cause.OCPI_2XXX),
        (200, envelope(2004), Refused, Cause.OCPI_2XXX),
        (200, envelope(2901), Refused, Cause.OCPI_2XXX),
        (200, envelope(3000), Retry, Cause.OCPI_3XXX),
        (200, envelope(3003), Retry, Cause.OCPI_3XXX),
        (200, envelope(4000), Retry, Cause.HUB_ERROR),
        (200, envelope(4001), Refused, Cause.HUB_UNKNOWN_RECEIVER),
        (200, envelope(4002), Retry, Cause.HUB_ERROR),
        (200, envelope(4003), Retry, Cause.HUB_ERROR),
        (200, envelope(0), Refused, Cause.NO_ENVELOPE),
        (200, envelope(200), Refused, Cause.NO_ENVELOPE),
        (200, envelope(5000), Refused, Cause.NO_ENVELOPE),
        (200, envelope(-1000), Refused, Cause.NO_ENVELOPE),
        (200, b"", Refused, Cause.NOT_JSON),
        (204, b"", Refused, Cause.NOT_JSON),
        (200, b"<html>", Refused, Cause.NOT_JSON),
        (200, b"[" * 100_000, Refused, Cause.NOT_JSON),
        (200, b"[]", Refused, Cause.NO_ENVELOPE),
        (200, b"null", Refused, Cause.NO_ENVELOPE),
        (200, b"{}", Refused, Cause.NO_ENVELOPE),
        (200, b'{"status_code": "1000", "timestamp": "2026-11-22T10:00:00Z"}', Refused, Cause.NO_ENVELOPE),
        (200, b'{"status_code": true, "timestamp": "2026-11-22T10:00:00Z"}', Refused, Cause.NO_ENVELOPE),
        (200, b'{"status_code": 1000.5, "timestamp": "2026-11-22T10:00:00Z"}', Refused, Cause.NO_ENVELOPE),
        (200, b'{"status_code": 1000, "status_code": 2000}', Refused, Cause.NOT_JSON),
        (301, envelope(1000), Refused, Cause.REDIRECT),
        (304, b"", Refused, Cause.REDIRECT),
        (400, envelope(2001), Refused, Cause.HTTP_4XX),
        (401, envelope(2000), Refused, Cause.UNAUTHORIZED),
        (401, b"", Refused, Cause.UNAUTHORIZED),
        (403, b"", Refused, Cause.HTTP_4XX),
        (404, envelope(2003), Refused, Cause.NOT_FOUND),
        (404, b"<html>", Refused, Cause.NOT_FOUND),
        (405, envelope(2000), Refused, Cause.NOT_SUPPORTED),
        (408, b"", Retry, Cause.NOT_READY),
        (409, envelope(2001), Refused, Cause.HTTP_4XX),
        (410, b"", Refused, Cause.NOT_FOUND),
        (413, b"", Refused, Cause.HTTP_4XX),
        (425, b"", Retry, Cause.NOT_READY),
        (429, b"", Retry, Cause.RATE_LIMITED),
        (500, envelope(2000), Retry, Cause.SERVER_ERROR),
        (500, b"<html>", Retry, Cause.SERVER_ERROR),
        (501, b"", Refused, Cause.NOT_SUPPORTED),
        (502, b"", Retry, Cause.SERVER_ERROR),
        (503, envelope(3000), Retry, Cause.SERVER_ERROR),
        (599, b"", Retry, Cause.SERVER_ERROR),
        (600, b"", Retry, Cause.NOT_HTTP),
        (199, b"", Retry, Cause.NOT_HTTP),
    ],
)
def test_answer_to_outcome(http_status: int, body: bytes, kind: type[Outcome], cause: Cause | None) -> None:
    outcome = judged(http_status, body)
    assert type(outcome) is kind
    assert (outcome.http_status, outcome.body, outcome.elapsed_ms, outcome.address) == (
        http_status,
        body,
        7,
        "192.0.2.1",
    )
    if not isinstance(outcome, Delivered):
        assert outcome.cause is cause
        assert str(http_status) in outcome.reason


@pytest.mark.rule("T-058", "T-107")
@pytest.mark.parametrize(
    "data", ["", ', "data": null', ', "data": {}', ', "data": []', ', "data": "x"', ', "data": 1.5']
)
@pytest.mark.parametrize(("status_code", "kind"), [(1000, Delivered), (2001, Refused), (3000, Retry)])
def test_data_does_not_change_the_verdict(status_code: int, kind: type[Outcome], data: str) -> None:
    outcome = judged(200, envelope(status_code, data))
    assert type(outcome) is kind
    assert outcome.ocpi_status == status_code


@pytest.mark.rule("T-059")
def test_unknown_fields_beside_the_envelope_are_no_reason_to_refuse() -> None:
    outcome = judged(200, envelope(1000, ', "trace": {"id": 1}'))
    assert isinstance(outcome, Delivered)
    assert outcome.oddities == ()


def test_a_delivered_answer_carries_its_data_exactly() -> None:
    outcome = judged(200, envelope(1000, ', "data": [0.10]'))
    assert isinstance(outcome, Delivered)
    assert outcome.answer.data == [Decimal("0.10")]
    assert str(outcome.answer.data[0]) == "0.10"


@pytest.mark.parametrize(
    "body",
    [
        b'{"status_code": 1000, "timestamp": "2026-11-22T10:00:00+00:00"}',
        b'{"status_code": 1000, "timestamp": 1795341600}',
        b'{"status_code": 1000}',
        b'{"status_code": 1000, "timestamp": "2026-11-22T10:00:00Z", "status_message": {"text": "fine"}}',
    ],
)
def test_a_faulty_clock_or_message_does_not_unsay_success(body: bytes) -> None:
    outcome = judged(200, body)
    assert isinstance(outcome, Delivered), outcome.reason
    assert len(outcome.oddities) == 1
    assert outcome.oddities[0].startswith(("timestamp", "status_message"))


def test_the_status_message_of_the_partner_is_in_the_reason() -> None:
    outcome = judged(200, envelope(2001, ', "status_message": "evse_uid is missing"'))
    assert isinstance(outcome, Refused)
    assert "OCPI 2001 evse_uid is missing" in outcome.reason
    assert outcome.reason.startswith("The partner found our message faulty.")


def test_a_partners_flood_of_words_is_cut() -> None:
    outcome = judged(200, envelope(2001, f', "status_message": "{"x" * 100_000}"'))
    assert isinstance(outcome, Refused)
    assert len(outcome.reason) < 1000


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_two_sentences_for_staff(cause: Cause) -> None:
    facts = CAUSES[cause]
    for sentence in (facts.happened, facts.remedy):
        assert sentence.endswith(".")
        assert len(sentence.split()) >= 3


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([], None),
        ([("Retry-After", "120")], 120),
        ([("retry-after", " 0 ")], 0),
        ([("Retry-After", "999999999999999999999")], 86_400),
        ([("Retry-After", "-5")], None),
        ([("Retry-After", "1.5")], None),
        ([("Retry-After", "²")], None),
        ([("Retry-After", "soon")], None),
        ([("Retry-After", "Sun, 22 Nov 2026 10:02:00 GMT")], 120),
        ([("Retry-After", "Sun, 22 Nov 2026 09:00:00 GMT")], 0),
        ([("Retry-After", "Sun, 22 Nov 2099 09:00:00 GMT")], 86_400),
        ([("Retry-After", "Fri, 01 Jan 2010 00:01:00 GMT"), ("Date", "Fri, 01 Jan 2010 00:00:00 GMT")], 60),
        ([("Retry-After", "Sun, 22 Nov 2026 10:02:00 GMT"), ("Date", "yesterday")], 120),
        ([("Retry-After", "Sun, 99 Nov 99999 10:02:00 GMT")], None),
    ],
)
def test_retry_after(headers: list[tuple[str, str]], seconds: float | None) -> None:
    assert retry_after(Headers(headers), now=NOW.timestamp()) == seconds


@pytest.mark.parametrize(("http_status", "expected"), [(429, 30), (503, 30)])
def test_retry_carries_the_pause(http_status: int, expected: float) -> None:
    outcome = judged(http_status, b"", Headers([("Retry-After", "30")]))
    assert isinstance(outcome, Retry)
    assert outcome.retry_after == expected
