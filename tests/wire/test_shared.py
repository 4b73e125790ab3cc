"""Rules on all classes, or on those that every chapter shares."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from ocpi.wire.json import Invalid, parse, validate
from ocpi.wire.types import DisplayText, Price
from tests.spec import facts
from tests.wire.classes import CLASSES

SPELLED_OTHERWISE = {("BookingTerms", "RFID_auth_required")}
"""Where the specification itself leaves its rule."""


@pytest.mark.rule("T-137")
def test_field_names_are_snake_case() -> None:
    odd = {
        (name, field)
        for name, cls in CLASSES.items()
        for field in cls.model_fields
        if not re.fullmatch("[a-z0-9_]+", field)
    }
    assert odd == SPELLED_OTHERWISE
    listed = {(entry, field["name"]) for entry in facts("objects") for field in facts("objects")[entry]["fields"]}
    assert odd <= listed


GOOD: list[dict[str, Any]] = [
    {"before_taxes": Decimal("10.50")},
    {"before_taxes": 0, "taxes": []},
    {"before_taxes": 10, "taxes": [{"name": "VAT", "amount": Decimal("2.10")}]},
    {
        "before_taxes": 10,
        "taxes": [{"name": "VAT", "amount": 2, "percentage": 21, "account_number": "1"}, {"name": "x", "amount": 0}],
    },
]
BAD: list[dict[str, Any]] = [
    {},
    {"taxes": []},
    {"before_taxes": "10.50"},
    {"before_taxes": None},
    {"before_taxes": 10, "taxes": {"name": "VAT", "amount": 1}},
    {"before_taxes": 10, "taxes": [{"name": "VAT"}]},
    {"before_taxes": 10, "taxes": [{"amount": 1}]},
    {"excl_vat": 10, "incl_vat": 12},
]


@pytest.mark.rule("T-133")
@pytest.mark.parametrize("tree", GOOD, ids=str)
def test_a_price(tree: dict[str, Any]) -> None:
    assert validate(Price, tree).before_taxes == tree["before_taxes"]


@pytest.mark.rule("T-133")
@pytest.mark.parametrize("tree", BAD, ids=str)
def test_what_is_no_price(tree: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        validate(Price, tree)


def test_prices_stay_exact() -> None:
    tree = parse(b'{"before_taxes": 10.10, "taxes": [{"name": "VAT", "amount": 0.30}]}')
    assert str(validate(Price, tree).before_taxes) == "10.10"


@pytest.mark.rule("T-132")
@pytest.mark.parametrize(
    ("tree", "taken"),
    [
        ({"language": "sv", "text": "x" * 512}, True),
        ({"language": "sv", "text": "x" * 513}, False),
        ({"language": "swe", "text": "x"}, False),
        ({"text": "x"}, False),
        ({"language": "sv"}, False),
    ],
)
def test_a_display_text_has_a_language_and_not_too_much_text(tree: dict[str, Any], taken: bool) -> None:
    if taken:
        validate(DisplayText, tree)
    else:
        with pytest.raises(Invalid):
            validate(DisplayText, tree)
