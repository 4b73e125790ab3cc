"""The primitive types: what they take, what they refuse, and the laws of their round trips."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.wire.base import (
    Bool,
    CiString36,
    ClosedEnum,
    DateTime,
    Int,
    Int5,
    Number,
    OpenEnum,
    String16,
    StringAnyLength,
    Url,
    Wire,
    date_time_text,
)
from ocpi.wire.json import Invalid, encode, parse, validate
from ocpi.wire.locations import ConnectorType
from tests.spec import facts


class Fruit(ClosedEnum):
    """Closed."""

    PEAR = "PEAR"


class Animal(OpenEnum):
    """Open."""

    CAT = "CAT"


class Sampler(Wire):
    """One field of each primitive."""

    ci: CiString36 | None = None
    text: String16 | None = None
    long: StringAnyLength | None = None
    url: Url | None = None
    number: Number | None = None
    int: Int | None = None
    int5: Int5 | None = None
    bool: Bool | None = None
    time: DateTime | None = None
    fruit: Fruit | None = None
    animal: Animal | None = None


def taken(field: str, value: Any) -> Any:
    return getattr(validate(Sampler, {field: value}), field)


GOOD = [
    ("ci", "DE*ROA*1 ~", "DE*ROA*1 ~"),
    ("ci", "", ""),
    ("ci", "#NA", "#NA"),
    ("text", "Zoë 🔌 東京", "Zoë 🔌 東京"),
    ("text", "é" * 16, "é" * 16),
    ("long", "x" * 100_000, "x" * 100_000),
    ("url", "https://example.com", "https://example.com"),
    ("url", "HTTP://127.0.0.1:8000/a?b=c#d", "HTTP://127.0.0.1:8000/a?b=c#d"),
    ("url", "https://example.com/ä", "https://example.com/ä"),
    ("number", 1, Decimal(1)),
    ("number", Decimal("1.10"), Decimal("1.10")),
    ("int", 0, 0),
    ("int", Decimal("1.0"), 1),
    ("int", Decimal("1E+2"), 100),
    ("int5", 99999, 99999),
    ("bool", True, True),
    ("time", "2015-06-29T20:39:09Z", datetime(2015, 6, 29, 20, 39, 9, tzinfo=UTC)),
    ("time", "2015-06-29T20:39:09", datetime(2015, 6, 29, 20, 39, 9, tzinfo=UTC)),
    ("time", "2016-12-29T17:45:09.2Z", datetime(2016, 12, 29, 17, 45, 9, 200_000, tzinfo=UTC)),
    ("time", "2018-01-01T01:08:01.123", datetime(2018, 1, 1, 1, 8, 1, 123_000, tzinfo=UTC)),
    ("time", "2026-04-01T12:00:00.000Z", datetime(2026, 4, 1, 12, tzinfo=UTC)),
    ("fruit", "PEAR", Fruit.PEAR),
    ("animal", "CAT", Animal.CAT),
    ("animal", "x" * 255, "x" * 255),
]

BAD = [
    *[("ci", value) for value in ["é", "a\tb", "a\x7f", "x" * 37, 1, True, ["a"], {}]],
    *[("text", value) for value in ["a\nb", "a\tb", "a\r", "\x85", "\x1b[0m", "\u2028", "x" * 17, 1]],
    *[
        ("url", value)
        for value in ["", "x", "/a", "ftp://a/b", "https://", "https:///a", "https://a b", "https://a/\n", 1]
    ],
    ("url", "https://example.com/" + "x" * 236),
    ("url", "javascript:alert(1)"),
    *[("number", value) for value in ["1.10", "", True, False, [1], Decimal("NaN"), Decimal("Infinity"), 1.5]],
    *[("int", value) for value in ["1", True, False, Decimal("1.5"), Decimal("Infinity"), 1.0]],
    *[("int5", value) for value in [100_000, -100_000]],
    *[("bool", value) for value in [0, 1, "true", "", Decimal(1), []]],
    *[
        ("time", value)
        for value in [
            "2026-04-01T12:00:00+00:00",
            "2026-04-01T12:00:00-05:00",
            "2026-04-01 12:00:00Z",
            "2026-04-01T12:00:00z",
            "2026-04-01t12:00:00Z",
            "2026-04-01T12:00Z",
            "2026-04-01",
            "20260401T120000Z",
            "2026-02-30T12:00:00Z",
            "2026-04-01T24:00:00Z",
            "2026-04-01T12:00:60Z",
            "2026-04-01T12:00:00.Z",
            "2026-04-01T12:00:00.123456Z",
            "2026-04-01T12:00:00Z\n",
            "٢٠٢٦-04-01T12:00:00Z",
            "0000-01-01T00:00:00Z",
            1775044800,
            Decimal("1775044800.5"),
            "",
        ]
    ],
    *[("fruit", value) for value in ["pear", "PEAR ", "APPLE", "", 1]],
    *[("animal", value) for value in ["x" * 256, "CHÄT", "a\nb", 1, True]],
]


@pytest.mark.rule("T-121", "T-122", "T-123", "T-124", "T-126", "T-128", "T-129", "T-131")
@pytest.mark.parametrize(("field", "value", "result"), GOOD)
def test_good_values(field: str, value: Any, result: Any) -> None:
    got = taken(field, value)
    assert got == result
    assert type(got) is not int or not isinstance(result, Decimal)


@pytest.mark.rule("T-121", "T-122", "T-123", "T-125", "T-127", "T-128", "T-131")
@pytest.mark.parametrize(("field", "value"), BAD)
def test_bad_values(field: str, value: Any) -> None:
    with pytest.raises(Invalid) as error:
        taken(field, value)
    (violation,) = error.value.violations
    assert violation.path == (field,)
    assert violation.message.startswith("Expected ")


@pytest.mark.parametrize("field", Sampler.model_fields)
def test_a_refusal_never_repeats_what_came(field: str) -> None:
    with pytest.raises(Invalid) as error:
        validate(Sampler, {field: "s3cr3t\n"})
    assert "s3cr3t" not in str(error.value)


@pytest.mark.rule("T-122")
@pytest.mark.parametrize("value", ["DE", "de"])
def test_strings_keep_their_case(value: str) -> None:
    assert taken("text", value) == value
    assert taken("ci", value) == value


def date_time_regex_of_the_facts() -> str:
    return str(facts("primitives")["DateTime"]["regex"])


@pytest.mark.rule("T-123", "T-124", "T-126")
@given(st.from_regex(date_time_regex_of_the_facts(), fullmatch=True).filter(lambda text: len(text) <= 25))
def test_every_date_time_of_the_facts_is_taken_or_is_no_day(text: str) -> None:
    try:
        datetime.fromisoformat(text[:10])
    except ValueError:
        with pytest.raises(Invalid):
            taken("time", text)
    else:
        assert taken("time", text).utcoffset() == timedelta(0)


aware = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]))


@pytest.mark.rule("T-123", "T-124")
@given(aware)
def test_a_time_comes_back_as_it_was_to_a_tenth_of_a_millisecond(when: datetime) -> None:
    try:
        utc = when.astimezone(UTC)
    except OverflowError:  # the first hours of year 1 and the last of 9999
        return
    text = date_time_text(when)
    assert len(text) <= 25
    assert taken("time", text) == utc.replace(microsecond=utc.microsecond // 100 * 100)
    assert date_time_text(taken("time", text)) == text


def test_a_time_without_zone_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="aware"):
        date_time_text(datetime(2026, 4, 1))  # noqa: DTZ001 - the mistake
    with pytest.raises(Invalid):
        taken("time", datetime(2026, 4, 1))  # noqa: DTZ001 - the mistake


numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**14), max_value=10**14, places=4)


@pytest.mark.rule("T-127")
@given(numbers)
def test_a_number_is_exact_from_byte_to_byte(number: Decimal) -> None:
    data = b'{"number":%s}' % format(number, "f").encode()
    held = validate(Sampler, parse(data))
    assert held.number == number
    assert parse(encode(held.tree())) == parse(data)
    assert encode(parse(data)) == data


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=36))
def test_every_printable_ascii_text_is_a_ci_string(text: str) -> None:
    assert taken("ci", text) == text


@given(st.text(max_size=16))
def test_a_string_is_refused_exactly_for_control_characters_and_line_breaks(text: str) -> None:
    control = any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 or char in "\u2028\u2029" for char in text)
    if control:
        with pytest.raises(Invalid):
            taken("text", text)
    else:
        assert taken("text", text) == text


@pytest.mark.rule("T-129")
def test_an_unlisted_value_of_an_open_enum_is_kept() -> None:
    new = ConnectorType("ROUND_PLUG")
    assert new == "ROUND_PLUG"
    assert new.value == "ROUND_PLUG"
    assert not new.listed
    assert ConnectorType("MCS") is ConnectorType.MCS
    assert ConnectorType.MCS.listed
    assert "ROUND_PLUG" not in [member.value for member in ConnectorType]
    assert encode({"standard": new}) == b'{"standard":"ROUND_PLUG"}'
    assert hash(new) == hash("ROUND_PLUG")
    with pytest.raises(ValueError, match="7 is not a valid"):
        ConnectorType(7)  # type: ignore[arg-type]  # the mistake
