"""The envelope of answers and the status codes."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ocpi.wire.envelope import StatusCode, answer, read_answer
from ocpi.wire.json import Invalid, parse
from tests.spec import facts

NOW = datetime(2026, 4, 1, 12, 0, 0, 250_000, tzinfo=UTC)
ENVELOPE = {"status_code": 1000, "timestamp": "2026-04-01T12:00:00Z"}


@pytest.mark.rule("T-053", "T-054")
@pytest.mark.parametrize(
    ("data", "message", "expected"),
    [
        (
            b'[{"price":1.10}]',
            None,
            b'{"data":[{"price":1.10}],"status_code":1000,"timestamp":"2026-04-01T12:00:00.25Z"}',
        ),
        (None, None, b'{"status_code":1000,"timestamp":"2026-04-01T12:00:00.25Z"}'),
        (
            b"[]",
            'say "hi"\n',
            b'{"data":[],"status_code":1000,"status_message":"say \\"hi\\"\\n","timestamp":"2026-04-01T12:00:00.25Z"}',
        ),
        (
            b"null",
            "",
            b'{"data":null,"status_code":1000,"status_message":"","timestamp":"2026-04-01T12:00:00.25Z"}',
        ),
    ],
)
def test_an_answer(data: bytes | None, message: str | None, expected: bytes) -> None:
    assert answer(data, status_code=StatusCode.SUCCESS, status_message=message, now=NOW) == expected
    assert json.loads(expected)["status_code"] == 1000


@pytest.mark.rule("T-053", "T-054")
def test_an_answer_is_read_back() -> None:
    data = answer(b'{"id":"1"}', status_code=2001, status_message="id: wrong", now=NOW)
    read = read_answer(parse(data))
    assert (read.data, read.status_code, read.status_message, read.timestamp) == ({"id": "1"}, 2001, "id: wrong", NOW)


@pytest.mark.rule("T-058")
@pytest.mark.parametrize("data", [None, [], {}, "", 0, {"id": "1"}])
def test_any_data_is_read(data: Any) -> None:
    assert read_answer(ENVELOPE | {"data": data}).data == data
    assert read_answer(ENVELOPE).data is None


@pytest.mark.rule("T-054")
@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"status_code": None}, ("status_code",)),
        ({"status_code": "1000"}, ("status_code",)),
        ({"timestamp": None}, ("timestamp",)),
        ({"timestamp": "yesterday"}, ("timestamp",)),
        ({"status_message": 7}, ("status_message",)),
    ],
)
def test_a_broken_envelope_is_refused(wrong: dict[str, Any], place: tuple[str]) -> None:
    with pytest.raises(Invalid) as error:
        read_answer(ENVELOPE | wrong)
    assert [violation.path for violation in error.value.violations] == [place]


@pytest.mark.parametrize("not_an_envelope", [[], "ok", None, 1000])
def test_something_else_than_an_envelope_is_refused(not_an_envelope: Any) -> None:
    with pytest.raises(Invalid):
        read_answer(not_an_envelope)


@pytest.mark.parametrize(
    ("code", "succeeded"), [(1000, True), (1999, True), (2000, False), (2001, False), (3000, False), (999, False)]
)
def test_success_is_1xxx(code: int, succeeded: bool) -> None:
    assert read_answer(ENVELOPE | {"status_code": code}).succeeded is succeeded


@pytest.mark.rule("T-105")
def test_the_codes_are_those_of_the_specification() -> None:
    assert [code.value for code in StatusCode] == [code["code"] for code in facts("status_codes")["codes"]]
