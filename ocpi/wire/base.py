"""The primitives of the specification (`types`) as Python types, and `Wire`, the base of every class of the
specification.

A field of a `Wire` class uses these names and nothing else: a bare `str`, `int`, `bool`, `Decimal` or `datetime` would
bring back pydantic's conversions ("1.10" as a number, 1 as a boolean). Each type refuses with one sentence that says
what was expected. The sentences never repeat the value that came, because it may be a credential or personal.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Self, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

Tree: TypeAlias = "dict[str, Tree] | list[Tree] | str | Decimal | int | bool | None"
"""Parsed JSON. Numbers are `int` without fraction or exponent, else `Decimal`; never `float`."""

T = TypeVar("T")

VIOLATION = "ocpi"
"""The error type of everything these classes refuse themselves; `ocpi.wire.json.validate` reads it."""

_PRINTABLE_ASCII = "^[\\x20-\\x7E]*$"
_PRINTABLE = "^[^\\p{Cc}\\p{Zl}\\p{Zp}]*$"
_DATE_TIME = re.compile(
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?Z?"
)
_DATE_TIME_LENGTH = 25


class Wire(BaseModel):
    """One class of the specification: field names are the specification's, unknown fields are kept (`T-059`).

    A `Wire` is for reading and for building what we say ourselves. What a partner sent is stored as the tree it came
    in, never as a dump of the model.
    """

    model_config = ConfigDict(extra="allow", validate_default=False, protected_namespaces=())

    def tree(self) -> dict[str, Any]:
        """The object as a JSON tree: what was set, without nulls, DateTimes as text, numbers exact."""
        return self.model_dump(exclude_unset=True, exclude_none=True)


Contradiction: TypeAlias = tuple[tuple[str | int, ...], str]
"""Where inside an object its fields contradict each other, and what was expected there."""


class Checked(Wire):
    """A class whose fields must agree with each other. Only what the specification states as a must belongs here; what
    needs another object, the stored state or a clock belongs to the rules of a module.
    """

    def contradictions(self) -> Iterator[Contradiction]:
        """Every contradiction, not only the first. Runs when all fields are valid by themselves."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _agree(self) -> Self:
        found = list(self.contradictions())
        if found:
            raise PydanticCustomError(VIOLATION, "{sentence}", {"sentence": found[0][1], "violations": found})
        return self


def duplicates(field: str, ids: Sequence[str]) -> Iterator[Contradiction]:
    """One contradiction for each entry of the list `field` whose id, in any case, an entry before it has."""
    seen = set()
    for index, key in enumerate(ids):
        if key.lower() in seen:
            yield (field, index), "Expected an id that no entry before it has."
        seen.add(key.lower())


def _said(schema: CoreSchema, sentence: str) -> CoreSchema:
    """The schema, refusing with this sentence instead of pydantic's own words."""
    return core_schema.custom_error_schema(schema, VIOLATION, custom_error_message=sentence)


# The markers below say what a field is to whoever reads annotations, such as the forms of the admin.


@dataclass(frozen=True)
class String:
    """`types#types_string_type`: case-sensitive printable UTF-8. No tabs, line breaks or other control characters.

    `max_length` None: the specification gives no limit (the size of the whole body is limited elsewhere). `sends`: a
    smaller limit for what we write ourselves, where later editions only widened what is received. `pattern`: a
    whole-value regular expression, explained by `meaning`.
    """

    max_length: int | None
    sends: int | None = None
    pattern: str | None = None
    meaning: str | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        pattern = f"^(?:{self.pattern})$" if self.pattern else _PRINTABLE
        limit = "" if self.max_length is None else f" of at most {self.max_length} characters"
        meaning = self.meaning or "text without control characters"
        return _said(
            core_schema.str_schema(strict=True, max_length=self.max_length, pattern=pattern),
            f"Expected a string{limit}: {meaning}.",
        )


@dataclass(frozen=True)
class CiString:
    """`types#types_cistring_type`: printable ASCII, compared without regard to case (by whoever compares)."""

    max_length: int | None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        limit = "" if self.max_length is None else f" of at most {self.max_length} characters"
        return _said(
            core_schema.str_schema(strict=True, max_length=self.max_length, pattern=_PRINTABLE_ASCII),
            f"Expected a case-insensitive string{limit}: printable ASCII.",
        )


class UrlType:
    """`types#types_url_type`: an absolute http or https address without white space, at most 255 characters."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return _said(
            core_schema.str_schema(strict=True, max_length=255, pattern=r"^(?i:https?)://[^\s\p{Cc}/?#][^\s\p{Cc}]*$"),
            "Expected a URL of at most 255 characters: absolute, http or https, without white space.",
        )


class NumberType:
    """`types#types_number_type`: a JSON number, exact, as `Decimal`."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(_number)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "number"}


def _number(value: object) -> Decimal:
    if type(value) is Decimal and value.is_finite():
        return value
    if type(value) is int:
        return Decimal(value)
    raise PydanticCustomError(VIOLATION, "Expected a number.")


@dataclass(frozen=True)
class WholeNumber:
    """`types#types_int_type`: a JSON number without fraction. JSON has one kind of number, so 1.0 is the integer 1."""

    least: int | None = None
    most: int | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        limits = {"minimum": self.least, "maximum": self.most}
        return {"type": "integer", **{name: limit for name, limit in limits.items() if limit is not None}}

    def _read(self, value: object) -> int:
        whole = value if type(value) is int else None
        if type(value) is Decimal and value.is_finite() and value == value.to_integral_value():
            whole = int(value)
        if whole is None:
            raise PydanticCustomError(VIOLATION, "Expected an integer.")
        if self.least is not None and whole < self.least:
            raise PydanticCustomError(VIOLATION, f"Expected an integer of at least {self.least}.")
        if self.most is not None and whole > self.most:
            raise PydanticCustomError(VIOLATION, f"Expected an integer of at most {self.most}.")
        return whole


class BoolType:
    """true or false; 0, 1 and strings are refused."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return _said(core_schema.bool_schema(strict=True), "Expected true or false.")


class DateTimeType:
    """`types#types_datetime_type`: RFC 3339 in UTC, at most 25 characters, `Z` or no designator (which also means
    UTC).
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _date_time, serialization=core_schema.plain_serializer_function_ser_schema(date_time_text)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": "date-time", "maxLength": _DATE_TIME_LENGTH}


def _date_time(value: object) -> datetime:
    if type(value) is str and len(value) == 20 and value[4::3] == "--T::Z":  # as nearly all are written
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    if isinstance(value, str) and len(value) <= _DATE_TIME_LENGTH and _DATE_TIME.fullmatch(value):
        try:
            return datetime.fromisoformat(value).replace(tzinfo=UTC)
        except ValueError:  # a day that its month does not have
            pass
    raise PydanticCustomError(
        VIOLATION, "Expected a DateTime in UTC of at most 25 characters, such as 2026-04-01T12:00:00Z, without offset."
    )


def date_time_text(value: datetime) -> str:
    """An aware time as DateTime. Fractions are cut to four digits: more would not fit into 25 characters."""
    if value.tzinfo is None:
        raise ValueError("a DateTime needs an aware datetime")
    utc = value.astimezone(UTC)
    whole = utc.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")  # strftime does not pad years before 1000
    fraction = f"{utc.microsecond // 100:04d}".rstrip("0")
    return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"


class ClosedEnum(StrEnum):
    """`types#types_enum_type`: exactly the listed values."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        listed = ", ".join(cls)
        return _said(
            core_schema.enum_schema(cls, list(cls), sub_type="str"), f"Expected one of the listed values: {listed}."
        )


class OpenEnum(StrEnum):
    """`types#types_openenum_type`: the listed values and any other that a party needs, kept as it came.

    An unlisted value is an instance of the class too (`SomeEnum("NEW").listed` is false), equal to its text.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        unlisted = str.__new__(cls, value)
        unlisted._name_ = unlisted._value_ = value
        return unlisted

    @property
    def listed(self) -> bool:
        """Whether the specification lists this value."""
        return self._value_ in type(self)._value2member_map_

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(strict=True, max_length=255, pattern=_PRINTABLE_ASCII)
        return core_schema.no_info_after_validator_function(
            cls, _said(text, "Expected an enumeration value: printable ASCII of at most 255 characters.")
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "maxLength": 255, "title": cls.__name__, "examples": [member.value for member in cls]}


def _empty_for_null(value: object) -> object:
    return [] if value is None else value


Many: TypeAlias = Annotated[list[T], BeforeValidator(_empty_for_null)]
"""Cardinality `*`: a list that may be left out, null or empty, all meaning the same."""


AtLeastOne: TypeAlias = Annotated[list[T], Field(min_length=1)]
"""Cardinality `+`: a list that must be there and hold something."""

Number: TypeAlias = Annotated[Decimal, NumberType()]
Int: TypeAlias = Annotated[int, WholeNumber()]
Int5: TypeAlias = Annotated[int, WholeNumber(least=-99999, most=99999)]
Bool: TypeAlias = Annotated[bool, BoolType()]
DateTime: TypeAlias = Annotated[datetime, DateTimeType()]
Url: TypeAlias = Annotated[str, UrlType()]

CiString2: TypeAlias = Annotated[str, CiString(2)]
CiString3: TypeAlias = Annotated[str, CiString(3)]
CiString4: TypeAlias = Annotated[str, CiString(4)]
CiString5: TypeAlias = Annotated[str, CiString(5)]
CiString10: TypeAlias = Annotated[str, CiString(10)]
CiString20: TypeAlias = Annotated[str, CiString(20)]
CiString25: TypeAlias = Annotated[str, CiString(25)]
CiString32: TypeAlias = Annotated[str, CiString(32)]
CiString36: TypeAlias = Annotated[str, CiString(36)]
CiString39: TypeAlias = Annotated[str, CiString(39)]
CiString45: TypeAlias = Annotated[str, CiString(45)]
CiString48: TypeAlias = Annotated[str, CiString(48)]
CiString255: TypeAlias = Annotated[str, CiString(255)]
CiStringAnyLength: TypeAlias = Annotated[str, CiString(None)]

String2: TypeAlias = Annotated[str, String(2)]
String3: TypeAlias = Annotated[str, String(3)]
String4: TypeAlias = Annotated[str, String(4)]
String10: TypeAlias = Annotated[str, String(10)]
String12: TypeAlias = Annotated[str, String(12)]
String16: TypeAlias = Annotated[str, String(16)]
String20: TypeAlias = Annotated[str, String(20)]
String45: TypeAlias = Annotated[str, String(45)]
String50: TypeAlias = Annotated[str, String(50)]
String64: TypeAlias = Annotated[str, String(64)]
String100: TypeAlias = Annotated[str, String(100)]
String255: TypeAlias = Annotated[str, String(255)]
String512: TypeAlias = Annotated[str, String(512)]
String5000: TypeAlias = Annotated[str, String(5000)]
StringAnyLength: TypeAlias = Annotated[str, String(None)]
HHMM: TypeAlias = Annotated[
    str,
    String(5, pattern=r"([0-1][0-9]|2[0-3]):[0-5][0-9]", meaning="a time of day from 00:00 to 23:59, such as 08:15"),
]
