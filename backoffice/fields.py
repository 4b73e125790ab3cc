"""The column types that exchanged objects need: a whole JSON document as text, a wire enum as text, an exact number.

`jsonb` is not used for documents: it rewrites numbers and key order and costs ten times the time on a list page.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models

from ocpi.wire import json as wire_json


class DocumentField(models.TextField):  # type: ignore[type-arg]  # not subscriptable at run time
    """A JSON document, exactly as `ocpi.wire.json.encode` wrote it. The Python value is its text; `read` parses it."""

    description = "JSON document"

    @staticmethod
    def read(text: str | bytes) -> Any:
        return wire_json.parse(text.encode() if isinstance(text, str) else text)

    @staticmethod
    def write(tree: Any) -> str:
        return wire_json.encode(tree).decode()


class EnumField(models.CharField):  # type: ignore[type-arg]  # not subscriptable at run time
    """A value of a wire enum. Choices are for forms and filters; open enums keep what partners send."""

    def __init__(self, enum: type[StrEnum] | None = None, **options: Any) -> None:
        options.setdefault("max_length", 40)
        if enum is not None:
            options.setdefault("choices", [(str(member.value), str(member.value)) for member in enum])
        super().__init__(**options)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """Choices stay out of migrations: a new value of the specification changes no table."""
        name, path, args, options = super().deconstruct()
        options.pop("choices", None)
        return name, path, list(args), options


class NumberField(models.Field):  # type: ignore[type-arg]  # not subscriptable at run time
    """A number of a document, with the digits it came with: partners send what they like, and a column of a fixed scale would
    round it or refuse it."""

    description = "Exact number"

    def db_type(self, connection: Any) -> str:
        return "numeric"

    def get_internal_type(self) -> str:
        return "NumberField"

    def to_python(self, value: Any) -> Decimal | None:
        try:
            return None if value is None else Decimal(value)
        except (InvalidOperation, TypeError, ValueError) as error:
            raise ValidationError(f"{value!r} is no number.") from error

    def get_prep_value(self, value: Any) -> Any:
        return self.to_python(super().get_prep_value(value))

    def formfield(self, **options: Any) -> Any:
        return super().formfield(**{"form_class": forms.DecimalField} | options)


class Bare(models.Func):
    """An id as people type it: upper case, letters and digits only. `DE-8AA-C12345` and `de8aac12345` are the same."""

    function = "regexp_replace"
    template = "regexp_replace(upper(%(expressions)s), '[^A-Z0-9]', '', 'g')"
    output_field = models.TextField()


def milliseconds(moment: datetime) -> datetime:
    """A time as we store and send it: UTC, cut to milliseconds (an OCPI DateTime has at most 25 characters)."""
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
