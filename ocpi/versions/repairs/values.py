"""Texts, numbers, times and addresses in other clothes."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from ocpi.versions.fields import Kind
from ocpi.versions.repairs.repair import OMIT, Spot, ValueRepair
from ocpi.wire.base import date_time_text
from ocpi.wire.cdrs import SignedData, SignedValue

TEXTS = frozenset({Kind.STRING, Kind.CI_STRING})

_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_VALID_DATE_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z?")
_DATE_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?(\.[0-9]+)?"
    r"(?P<zone>[Zz]| ?UTC| ?[+-][0-9]{2}:?[0-9]{2}| ?[+-][0-9]{2})?"
)
_HOST = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}(?::[0-9]+)?(?:[/?#]\S*)?"
)

SHORTEST_PROSE = 12
"""Strings with a smaller limit are codes (country, currency, postal code): cut, they would be other codes."""


def _is_number(value: Any) -> bool:
    return type(value) in (int, Decimal)


def _number(value: str, spot: Spot) -> Decimal | int:
    whole = spot.field.kind is Kind.INT or "." not in value.strip()
    exact = Decimal(value.strip())
    return int(exact) if whole and exact == exact.to_integral_value() else exact


def _numeric_text(value: Any, spot: Spot) -> bool:
    return type(value) is str and _NUMBER.fullmatch(value.strip()) is not None


def _utc(value: str) -> str | None:
    """The moment as a DateTime; None for what is no moment."""
    found = _DATE_TIME.fullmatch(value.strip())
    if found is None:
        return None
    zone = (found["zone"] or "Z").strip().upper()
    seconds = found[3] or ":00"
    seconds = min(seconds, ":59")  # of those who mean the end of the minute
    offset = "+00:00" if zone in ("Z", "UTC") else zone
    text = f"{found[1]}T{found[2]}{seconds}{(found[4] or '')[:7]}{offset}"
    try:
        return date_time_text(datetime.fromisoformat(text).astimezone(UTC))
    except (ValueError, OverflowError):  # the 30th of February; an offset that leaves the calendar
        return None


def _other_date_time(value: Any, spot: Spot) -> bool:
    if type(value) is not str:
        return False
    if len(value) <= 25 and _VALID_DATE_TIME.fullmatch(value) and value[17:19] <= "59":
        return False
    return _utc(value) is not None


def _over_long(value: Any, spot: Spot) -> bool:
    limit = spot.field.length
    prose = limit is not None and limit >= SHORTEST_PROSE and spot.cls not in (SignedData, SignedValue)
    return prose and spot.field.pattern is None and type(value) is str and len(value) > (limit or 0)


def _language_tag(value: Any, spot: Spot) -> bool:
    return spot.name == "language" and type(value) is str and re.fullmatch("[A-Za-z]{2}[-_].*", value) is not None


def _other_url(value: Any, spot: Spot) -> bool:
    if type(value) is not str:
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return True
    plain = not _CONTROL.search(value) and " " not in value
    return not (parts.scheme.lower() in ("http", "https") and parts.netloc and plain and len(value) <= 255)


def _url(value: str, spot: Spot) -> Any:
    text = value.strip().removeprefix("//")
    text = text.removeprefix("/") if text.startswith(("/https://", "/http://")) else text
    if _HOST.fullmatch(text):
        text = f"https://{text}"
    return OMIT if _other_url(text, spot) else text


REPAIRS: tuple[ValueRepair, ...] = (
    ValueRepair(
        "accept_numbers_for_text",
        TEXTS,
        applies=lambda value, spot: _is_number(value),
        fix=lambda value, spot: format(value, "f") if type(value) is Decimal else str(value),
        sentence="A number where text is due (an id, a floor) is read as its digits.",
    ),
    ValueRepair(
        "accept_control_characters",
        TEXTS,
        applies=lambda value, spot: type(value) is str and _CONTROL.search(value) is not None,
        fix=lambda value, spot: _CONTROL.sub(" ", value).strip(),
        sentence="Line breaks, tabs and other control characters in a text become spaces.",
    ),
    ValueRepair(
        "accept_empty_text",
        frozenset(Kind) - {Kind.OBJECT, Kind.ANY},
        applies=lambda value, spot: type(value) is str and not value.strip(),
        fix=lambda value, spot: OMIT,
        sentence="An empty text in an optional field or a list is read as nothing.",
    ),
    ValueRepair(
        "accept_language_tags",
        TEXTS,
        applies=_language_tag,
        fix=lambda value, spot: value[:2],
        sentence="Of a language tag (de-DE) the language is taken.",
    ),
    ValueRepair(
        "accept_over_long_strings",
        frozenset({Kind.STRING}),
        applies=_over_long,
        fix=lambda value, spot: value[: spot.field.length].rstrip(),
        sentence="A text that is too long is cut at the limit; ids, codes, addresses of pages and signed data never are.",
    ),
    ValueRepair(
        "accept_numbers_as_text",
        frozenset({Kind.NUMBER, Kind.INT}),
        applies=_numeric_text,
        fix=_number,
        sentence='A number written as text ("11.0") is read as the number.',
    ),
    ValueRepair(
        "accept_booleans_as_text",
        frozenset({Kind.BOOL}),
        applies=lambda value, spot: (
            ((type(value) is str and value.strip().lower() in ("true", "false", "1", "0")) or value in (0, 1))
            and type(value) is not bool
        ),
        fix=lambda value, spot: str(value).strip().lower() in ("true", "1"),
        sentence="true and false written as text or as 1 and 0 are read as true and false.",
    ),
    ValueRepair(
        "accept_other_date_times",
        frozenset({Kind.DATE_TIME}),
        applies=_other_date_time,
        fix=lambda value, spot: _utc(value),
        sentence="A time with an offset, a space or too many digits is converted to UTC; 23:59:99 is 23:59:59.",
    ),
    ValueRepair(
        "accept_other_urls",
        frozenset({Kind.URL}),
        applies=_other_url,
        fix=_url,
        sentence="A web address without https:// or after a slash is put right; an optional one that is none is left out.",
    ),
)
